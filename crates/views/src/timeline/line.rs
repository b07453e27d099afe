//! One line of a timeline: whose it is, and what it says.

use core::fmt;

use crate::flow::{Mark, Seen};
use crate::notation::Seconds;
use crate::side::Side;
use undersock::event::{Again, Call, Change, Conflict, Congestion, Fate, Loss, Timer, Way};
use undersock::packet::{Layer, Link, Packet};

/// A line of a timeline, without its end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Line<'a> {
    /// Microseconds since the first event.
    pub micros: i64,
    /// Whose event it is.
    pub who: Who,
    /// What happened, in words.
    pub text: Text<'a>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10}  {:<6}  {}", Seconds(self.micros), self.who, self.text)
    }
}

/// Whose event a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// An end's: a call, a state, a timer.
    Side(Side),
    /// A frame that came to the end that tells the wire.
    In,
    /// A frame that it sent.
    Out,
    /// What the wire did to a frame on its way in.
    TroubleIn,
    /// The same on its way out.
    TroubleOut,
    /// Somebody's note.
    Note,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Who::Side(end) => end.name(),
            Who::In => "<",
            Who::Out => ">",
            Who::TroubleIn => "! <",
            Who::TroubleOut => "! >",
            Who::Note => "note",
        })
    }
}

/// What happened, in words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Text<'a> {
    /// What was called.
    Call(Call),
    /// The states; and whether it is for a SYN that had waited.
    State(Change, bool),
    /// What time moved.
    Timer(Timer),
    /// Who else has an address.
    Conflict(Conflict),
    /// What is sent again.
    Again(Again),
    /// How the congestion window moves now.
    Congestion(Congestion),
    /// A frame.
    Frame(FrameText<'a>),
    /// What the wire did to a frame.
    Trouble(Fate, FrameText<'a>),
    /// Somebody's note.
    Note(&'a str),
}

impl Text<'_> {
    /// Its kind, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Text::Call(_) => "call",
            Text::State(..) => "state",
            Text::Timer(_) => "timer",
            Text::Conflict(_) => "conflict",
            Text::Again(_) => "again",
            Text::Congestion(_) => "congestion",
            Text::Frame(_) => "frame",
            Text::Trouble(..) => "trouble",
            Text::Note(_) => "note",
        }
    }
}

/// A frame, and what is known of it from those before.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FrameText<'a> {
    /// In or out, and what became of it.
    pub way: Way,
    /// What it is.
    pub packet: Packet<'a>,
    /// What is known of it from the segments before.
    pub seen: Seen,
    /// Why it is sent again, where its sender has said so.
    pub cause: Option<Loss>,
    /// The first layer with a wrong checksum, if it came in.
    pub damaged: Option<Layer>,
    /// Whether its addresses are written.
    pub spelled: bool,
    /// What the frame begins with.
    pub link: Link,
    /// The frame itself.
    pub bytes: &'a [u8],
}

impl FrameText<'_> {
    /// What it is, seen beside the segments before it.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.seen.marks
    }

    /// Why it is sent again, where that is known.
    pub(crate) fn reason(&self) -> Option<Loss> {
        reason(self.cause)
    }
}

/// The cause, but for what the stack repeats by itself: it doesn't say whether by its timer, for duplicates or as a probe.
pub(crate) fn reason(cause: Option<Loss>) -> Option<Loss> {
    cause.filter(|cause| *cause != Loss::Stack)
}
