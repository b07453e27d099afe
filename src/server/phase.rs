//! How far a connection's service has come.

use super::config::Mode;

/// How far a connection's service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// One read of up to so many bytes is to come.
    Read(usize),
    /// So many bytes of the one read are still to be served; then the service has all there is.
    Sentence(usize),
    /// Every byte until the client closes its side.
    Stream,
    /// The service has closed after the client did, but the FIN waits until all before it is acknowledged: in LAST-ACK
    /// smoltcp 0.14 takes a window update or a duplicate ACK for a mistake (its pull request 1126), so a client
    /// whose window was full would be served by probes, one a second at most.
    Drain,
    /// Our side is closed: what still comes is discarded, or the window would fill and FIN-WAIT-2 never end.
    Discard,
}

impl Phase {
    pub(super) const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Sentence { bytes } => Phase::Read(bytes),
            Mode::Stream => Phase::Stream,
        }
    }
}
