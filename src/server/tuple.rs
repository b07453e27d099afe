//! What a connection is known by (RFC 9293 3.4.1).

use smoltcp::wire::IpEndpoint;

/// The four numbers that tell a connection from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) local: IpEndpoint,
    pub(super) remote: IpEndpoint,
}
