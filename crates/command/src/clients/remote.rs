//! The server that a client talks to: its addresses, and what may mend a way to it that fails.

use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::net::ToSocketAddrs;

use crate::args::Remote;
use crate::failure::{Failure, Result};

/// Said where nothing answers.
const IS_IT_RUNNING: &str = "is the server running? undersock serve --tap tap0, or undersock lab";

/// The addresses, in the order in which the system would try them. At least one.
pub(super) fn resolve(server: &Remote) -> Result<Vec<SocketAddr>> {
    let Remote { host, port } = server;
    let failed = |error: &io::Error| Failure::io(format!("resolving {host}"), error);
    let addresses: Vec<SocketAddr> =
        (host.as_str(), *port).to_socket_addrs().map_err(|error| failed(&error))?.collect();
    if addresses.is_empty() { Err(failed(&io::Error::other("it has no address"))) } else { Ok(addresses) }
}

/// A step on the way to `server` that failed, and what may mend it.
pub(super) fn failed(step: &str, server: SocketAddr, error: &io::Error) -> Failure {
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
pub(super) fn timed_out(step: &str, server: SocketAddr, what: impl fmt::Display) -> Failure {
    Failure::new(format!("{step} {server}"), what).mend(IS_IT_RUNNING)
}
