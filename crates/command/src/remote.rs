//! The server that a client talks to: its name, and the addresses that the system finds for it.

use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::net::ToSocketAddrs;

use super::failure::{Failure, Result};

/// Said where nothing answers.
const IS_IT_RUNNING: &str = "is the server running? undersock serve --tap tap0, or undersock lab";

/// A host and a port, as on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Remote {
    /// The addresses, in the order in which the system would try them. At least one.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let failed = |reason: &io::Error| Failure::io(format!("resolving {}", self.host), reason);
        let addresses: Vec<SocketAddr> =
            (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| failed(&error))?.collect();
        if addresses.is_empty() { Err(failed(&io::Error::other("it has no address"))) } else { Ok(addresses) }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remote { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A step on the way to `server` that failed, and what may mend it.
pub(crate) fn failed(step: &str, server: SocketAddr, error: &io::Error) -> Failure {
    let failure = Failure::io(format!("{step} {server}"), error);
    match (error.kind(), server) {
        (io::ErrorKind::InvalidInput, SocketAddr::V6(v6))
            if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 =>
        {
            failure.mend(format!("a link-local address needs its interface: {}%eth0", v6.ip()))
        }
        (io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable, _) => {
            failure.mend("is its network there? undersock check").mend(IS_IT_RUNNING)
        }
        // A broadcast address, or a firewall of this computer's.
        (io::ErrorKind::PermissionDenied, _) => failure,
        _ => failure.mend(IS_IT_RUNNING),
    }
}

/// A step that took too long.
pub(crate) fn timed_out(step: &str, server: SocketAddr, what: impl fmt::Display) -> Failure {
    Failure::new(format!("{step} {server}"), what).mend(IS_IT_RUNNING)
}
