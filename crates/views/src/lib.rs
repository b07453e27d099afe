//! Views of the events: each writes what it is shown, and none of them counts or decides anything.
//!
//! A room stands on the rooms below it and knows none above:
//!
//! | floor | room | its one job |
//! |---|---|---|
//! | 4 | [`json`] | an object an event, for programs |
//! | | `states` | the path of a connection through TCP's states, as a picture |
//! | | `ladder` | the three lanes: a picture, a page, or characters |
//! | | `pcapng` | a capture for Wireshark, calls and states as comments |
//! | 3 | [`timeline`] | a line an event, both ends on one timeline; the words for it |
//! | | [`table`] | every socket and the counters, in the manner of `ss` |
//! | | `connections` | which connection each record is about |
//! | | [`explain`] | a frame's bytes beside what they mean |
//! | | `log` | lines of the `log` crate |
//! | 2 | [`flow`] | what a segment is beside those before it |
//! | | [`fields`] | a frame's headers, field by field |
//! | | `record` | keeps events for those that need the whole story |
//! | 1 | `side`, `notation` | client or server; how times and addresses are written |
//! | | `svg`, `output` | what drawings share; text to a file |
//!
//! All stand on [`undersock::event`], which says what happened, and [`undersock::packet`], which says what a frame is.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
pub mod connections;
pub mod explain;
pub mod fields;
pub mod flow;
pub mod json;
#[cfg(feature = "std")]
pub mod ladder;
#[cfg(feature = "log")]
pub mod log;
mod notation;
#[cfg(feature = "std")]
pub mod output;
#[cfg(feature = "std")]
pub mod pcapng;
#[cfg(feature = "std")]
pub mod record;
mod side;
#[cfg(feature = "std")]
pub mod states;
#[cfg(feature = "std")]
mod svg;
pub mod table;
pub mod timeline;

pub use notation::Endpoint;
pub use side::Side;
