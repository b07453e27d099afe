//! Views of the events: each writes what it is shown, and none of them counts or decides anything.
#![forbid(unsafe_code)]

#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "std")]
pub mod record;

use core::fmt;

use smoltcp::wire::{IpAddress, IpEndpoint};

/// An address and a port as everybody but smoltcp writes them: an IPv6 address in brackets (RFC 5952 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint(pub IpEndpoint);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpEndpoint { addr, port } = self.0;
        match addr {
            #[cfg(feature = "ipv4")]
            IpAddress::Ipv4(addr) => write!(f, "{addr}:{port}"),
            #[cfg(feature = "ipv6")]
            IpAddress::Ipv6(addr) => write!(f, "[{addr}]:{port}"),
        }
    }
}
