//! Views of the events: each writes what it is shown, and none of them counts or decides anything.
//!
//! | file | what it writes |
//! |---|---|
//! | [`timeline`] | a line an event, both ends on one timeline; the words for it |
//! | [`json`] | an object an event, for programs |
//! | [`table`] | every socket and the counters, in the manner of `ss` |
//! | `log` | lines of the `log` crate |
//! | `ladder`, `states` | pictures: the three lanes, and the path through TCP's states |
//! | `pcapng` | a capture for Wireshark, calls and states as comments |
//! | `explain`, [`fields`] | a frame's bytes beside what they mean |
//!
//! They stand on [`undersock::packet`], which says what a frame is, [`flow`], which says what a segment is beside those before it,
//! and `record`, which keeps events for those that need the whole story.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

pub mod explain;
pub mod fields;
pub mod flow;
pub mod json;
#[cfg(feature = "std")]
pub mod ladder;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "std")]
pub mod output;
#[cfg(feature = "std")]
pub mod pcapng;
#[cfg(feature = "std")]
pub mod record;
#[cfg(feature = "std")]
pub mod states;
#[cfg(feature = "std")]
mod svg;
pub mod table;
pub mod timeline;

use core::fmt;
use core::net::SocketAddr;

use undersock::smoltcp::wire::IpEndpoint;

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The client's host.
    Client,
    /// The server's, and the wire beside it.
    Server,
}

impl End {
    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            End::Client => "client",
            End::Server => "server",
        }
    }
}

/// An address and a port as everybody but smoltcp writes them: an IPv6 address in brackets (RFC 5952 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint(pub IpEndpoint);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.0.addr.into(), self.0.port).fmt(f)
    }
}
