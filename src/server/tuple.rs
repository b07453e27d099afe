//! What a connection is known by (RFC 9293 3.4.1).

use smoltcp::wire::IpEndpoint;

use crate::host::NOBODY;

/// The four numbers that tell a connection from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) local: IpEndpoint,
    pub(super) remote: IpEndpoint,
}

impl Tuple {
    /// No connection's: zeros.
    pub(super) const NONE: Tuple =
        Tuple { local: IpEndpoint::new(NOBODY, 0), remote: IpEndpoint::new(NOBODY, 0) };
}
