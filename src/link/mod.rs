//! What a host does on an Ethernet link beside sending packets: it finds out where others are, and says what is its own.
//!
//! Whom it answers, it answers where the question came from; nothing here is asked about them.
//!
//! | file | its one job |
//! |---|---|
//! | `host` | the machines together, and the frames that they ask for |
//! | `resolver` | where those are whom we begin to talk to |
//! | `detection` | what is said of our own addresses: announcements, duplicate address detection, defence |
//! | `mld` | which groups we listen to |
//! | `select` | which address of ours speaks to whom, and over whom |
//!
//! They are machines without hands: each is told what came and what time it is, and says what is due and when something
//! will be. Who holds the device writes it and says that it was sent; what the device had no room for stays due.
#![forbid(unsafe_code)]

pub(crate) mod detection;
pub(crate) mod host;
#[cfg(feature = "ipv6")]
pub(crate) mod mld;
pub(crate) mod resolver;
pub(crate) mod select;

use smoltcp::time::Instant;

/// Later than all that will ever be: what is never due.
pub(crate) const NEVER: Instant = Instant::from_micros_const(i64::MAX);
