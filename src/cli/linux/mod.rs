//! What only Linux has: network namespaces, and the kernel's network configuration.
pub(crate) mod netlink;
