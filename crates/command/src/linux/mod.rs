//! What Linux is asked for: the bottom of the command, which knows failures and nothing else of it.
//!
//! - [`namespace`]: a private network, for root and for others.
//! - [`refusal`]: why it was refused, and what would allow it.
//! - [`netlink`]: the kernel's network configuration, and its TCP sockets.
//! - [`tap`]: what goes wrong with a TAP interface, and what mends it.
//! - [`signals`]: signals as bytes on a socket.

pub(crate) mod namespace;
pub(crate) mod netlink;
mod refusal;
pub(crate) mod signals;
pub(crate) mod tap;
