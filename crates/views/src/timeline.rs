//! The text timeline, one line an event, in packetdrill's spirit: what was called, what state it led to, and between
//! them the segments.
//!
//! ```text
//!   0.000000  client  #0 connect 192.168.69.1:12000 from 192.168.69.100:49152
//!   0.000000  client  #0 CLOSED -> SYN-SENT
//!   0.000150  <       #0 192.168.69.100:49152 > 192.168.69.1:12000 S 0:0(0) win 8192 <mss 1460>
//!   0.000150  server  #0 LISTEN -> SYN-RECEIVED
//!   0.000150  >       #0 12000 > 49152 S. 0:0(0) ack 1 win 2048 <mss 1460>
//! ```
//!
//! - The time is in seconds since the first event.
//! - Then whose event it is: an end's, or a frame's: `<` in, `>` out, as the server sees it; after `!` comes what the
//!   wire did to a frame.
//! - `#0` is a slot of that end; frames bear the server's.
//! - A segment is `source > destination flags first:last(bytes) ack n win n <options> "payload"`. Ports stand alone
//!   while the addresses are those of the segment or datagram before, either way round.
//! - Sequence and acknowledgement numbers count from the SYN, where it was seen; else they are the header's own. A
//!   window whose shift is known is in bytes, with the header's number behind it: `win 64256 (502*128)`.
//! - In parentheses at the end: what became of the frame if not the usual, and what it is: see [`Mark`](crate::flow::Mark).
//!
//! Nothing in it depends on what comes later: it is written as it happens, and two runs of the same are the same text.

mod line;
mod lines;
mod words;

use core::fmt;

use undersock::smoltcp::time::Instant;

#[cfg(feature = "std")]
use crate::record::Record;
use crate::side::Side;
use undersock::event::{Event, Observer};

pub use line::{FrameText, Line, Text, Who};
pub use lines::{Lines, REMEMBERED};
#[cfg(feature = "std")]
pub use lines::{REMEMBERED_OF_RECORDS, merged};
#[cfg(feature = "std")]
pub(crate) use words::FateWords;

/// Writes a line for each event of one end as it happens.
#[derive(Debug)]
pub struct Timeline<W, const N: usize = REMEMBERED> {
    lines: Lines<N>,
    out: W,
    failed: bool,
}

impl<W: fmt::Write> Timeline<W> {
    /// Of a server.
    pub const fn new(out: W) -> Self {
        Timeline::of(Side::Server, out)
    }
}

impl<W: fmt::Write, const N: usize> Timeline<W, N> {
    /// Of this end; the sequence numbers of `N` connections are remembered.
    pub const fn of(end: Side, out: W) -> Self {
        Timeline { lines: Lines::new(end), out, failed: false }
    }

    /// Adds a sentence about what comes next.
    pub fn note(&mut self, now: Instant, text: &str) {
        let line = self.lines.note(now, text);
        self.failed |= writeln!(self.out, "{line}").is_err();
    }

    /// Whether a line could not be written.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// Where the lines go.
    pub const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Ends the timeline.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: fmt::Write, const N: usize> Observer for Timeline<W, N> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let Some(line) = self.lines.line(now, self.lines.wire(), event) {
            self.failed |= writeln!(self.out, "{line}").is_err();
        }
    }
}

/// Both ends on one timeline: calls, states and timers of each, and the frames as the server sees them; as the client
/// does where the server was not recorded.
#[cfg(feature = "std")]
#[must_use]
pub fn timeline(records: &[Record]) -> String {
    let mut text = String::new();
    let (mut lines, order) = merged(records);
    for record in order {
        if let Some(line) = lines.record(record) {
            text.push_str(&line.to_string());
            text.push('\n');
        }
    }
    text
}
