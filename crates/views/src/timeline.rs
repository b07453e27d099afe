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
//! - In parentheses at the end: what became of the frame if not the usual, and what it is: see [`Mark`].
//!
//! Nothing in it depends on what comes later: it is written as it happens, and two runs of the same are the same text.

mod words;

use core::fmt;
use core::net::IpAddr;

use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Instant;
use undersock::smoltcp::wire::IpEndpoint;

use super::End;
use super::flow::{Flows, Mark, Seen, Segment};
#[cfg(feature = "std")]
use super::record::{Record, What};
use undersock::event::{Call, Change, Direction, DropRule, Event, Fate, Frame, Observer, Trouble, Way};
use undersock::packet::{Layer, Packet, Tcp, damaged, packet};

#[cfg(feature = "std")]
pub(crate) use words::Fated;
pub(crate) use words::Mac;

/// Connections whose sequence numbers are remembered, unless said otherwise: some 4 KiB.
pub const REMEMBERED: usize = 16;

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
        Timeline::of(End::Server, out)
    }
}

impl<W: fmt::Write, const N: usize> Timeline<W, N> {
    /// Of this end; the sequence numbers of `N` connections are remembered.
    pub const fn of(end: End, out: W) -> Self {
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
        if let Some(line) = self.lines.line(now, self.lines.wire, event) {
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

/// Connections whose sequence numbers are remembered where memory is no matter.
#[cfg(feature = "std")]
pub const REMEMBERED_OF_RECORDS: usize = 256;

/// The records by their time, and what makes lines of them: for views that have a place of their own for each line.
#[cfg(feature = "std")]
#[must_use]
pub fn merged(records: &[Record]) -> (Lines<REMEMBERED_OF_RECORDS>, Vec<&Record>) {
    let by_server = |record: &Record| record.end == End::Server && matches!(record.what, What::Frame { .. });
    let wire = if records.iter().any(by_server) { End::Server } else { End::Client };
    let mut order: Vec<&Record> = records.iter().collect();
    order.sort_by_key(|record| record.at);
    (Lines::new(wire), order)
}

/// Makes lines of events; what is to be remembered for that is here.
#[derive(Debug, Clone)]
pub struct Lines<const N: usize = REMEMBERED> {
    /// At which end frames are seen.
    wire: End,
    start: Option<Instant>,
    flows: Flows<N>,
    /// The addresses of the last segment or datagram, in their order.
    spelled: Option<(IpAddr, IpAddr)>,
    /// The slot that a SYN has just come to: what ends there now is the connection before.
    taken: Option<usize>,
}

impl<const N: usize> Lines<N> {
    /// The wire is told as this end sees it.
    #[must_use]
    pub const fn new(wire: End) -> Self {
        Lines { wire, start: None, flows: Flows::new(), spelled: None, taken: None }
    }

    /// At which end frames are seen.
    #[must_use]
    pub const fn wire(&self) -> End {
        self.wire
    }

    /// The line of an event; `None` for a frame of the end that doesn't tell the wire.
    pub fn line<'a>(&mut self, now: Instant, end: End, event: &Event<'a>) -> Option<Line<'a>> {
        let own = end == self.wire;
        let (who, text) = match *event {
            Event::Frame(Frame { way, bytes }) if own => {
                let who = if way == Way::Out { Who::Out } else { Who::In };
                (who, Text::Frame(self.frame(way, bytes)))
            }
            Event::Frame(_) => return None,
            Event::Trouble(Trouble { direction, fate, bytes }) => {
                let inwards = (direction == Direction::In) == own;
                let who = if inwards { Who::TroubleIn } else { Who::TroubleOut };
                (who, Text::Trouble(fate, self.trouble(inwards, fate, bytes)))
            }
            Event::Call(call) => {
                if own {
                    self.called(&call);
                }
                (Who::End(end), Text::Call(call))
            }
            Event::State(change) => (Who::End(end), Text::State(change, own && self.changed(&change))),
            Event::Timer(timer) => (Who::End(end), Text::Timer(timer)),
        };
        Some(Line { micros: self.since_start(now), who, text })
    }

    /// The line of a record.
    #[cfg(feature = "std")]
    pub fn record<'a>(&mut self, record: &'a Record) -> Option<Line<'a>> {
        match (&record.what, record.what.event()) {
            (_, Some(event)) => self.line(record.at, record.end, &event),
            (What::Note(text), None) => Some(self.note(record.at, text)),
            (_, None) => None,
        }
    }

    /// The line of a sentence about what comes next.
    pub fn note<'a>(&mut self, now: Instant, text: &'a str) -> Line<'a> {
        Line { micros: self.since_start(now), who: Who::Note, text: Text::Note(text) }
    }

    /// Time is counted from here, not from the first event.
    pub const fn start_at(&mut self, start: Instant) {
        self.start = Some(start);
    }

    /// Where time is counted from; from now on, if nothing has happened yet.
    pub(crate) fn start(&mut self, now: Instant) -> Instant {
        *self.start.get_or_insert(now)
    }

    fn since_start(&mut self, now: Instant) -> i64 {
        now.total_micros() - self.start(now).total_micros()
    }

    fn called(&mut self, call: &Call) {
        if let Call::Connect { slot, local, remote } | Call::Accept { slot, local, remote } = *call {
            self.flows.assign(slot, socket_addr(local), socket_addr(remote));
        }
    }

    /// Whether the state is that of a SYN that came earlier, and waited.
    fn changed(&mut self, change: &Change) -> bool {
        match (change.from, change.to) {
            (_, State::Closed | State::Listen) => {
                if self.taken != Some(change.slot) {
                    self.flows.free(change.slot);
                }
                false
            }
            (State::Listen, State::SynReceived) => {
                self.taken = None;
                self.flows.open(change.slot)
            }
            _ => false,
        }
    }

    fn frame<'a>(&mut self, way: Way, bytes: &'a [u8]) -> FrameText<'a> {
        let packet = packet(bytes);
        let damaged = if way == Way::Out { None } else { damaged(bytes) };
        let seen = match &packet {
            // What is damaged says nothing about its connection, and what was dropped for not being of it neither.
            Packet::Tcp(tcp) if damaged.is_some() || self.is_strange(way, tcp) => {
                self.flows.look(&Segment::from(tcp))
            }
            Packet::Tcp(tcp) => {
                let seen = self.flows.see(&Segment::from(tcp));
                match way {
                    Way::Connection(slot) => {
                        self.taken = (tcp.flags.syn() && !tcp.flags.ack()).then_some(slot);
                        self.flows.assign(slot, tcp.from, tcp.to);
                        Seen { slot: Some(slot), ..seen }
                    }
                    _ => seen,
                }
            }
            _ => Seen::default(),
        };
        FrameText { way, seen, damaged, spelled: self.spells(&packet), packet, bytes }
    }

    fn trouble<'a>(&mut self, inwards: bool, fate: Fate, bytes: &'a [u8]) -> FrameText<'a> {
        let packet = packet(bytes);
        let seen = match &packet {
            // Lost on its way here, it was sent all the same: the next of its kind is the second.
            Packet::Tcp(tcp) if inwards && fate == Fate::Lost => self.flows.lost(&Segment::from(tcp)),
            Packet::Tcp(tcp) => self.flows.look(&Segment::from(tcp)),
            _ => Seen::default(),
        };
        let way = if inwards { Way::Common } else { Way::Out };
        FrameText { way, seen, damaged: None, spelled: self.spells(&packet), packet, bytes }
    }

    /// Whether a dropped segment says what can't be, while its connection lives.
    fn is_strange(&self, way: Way, tcp: &Tcp<'_>) -> bool {
        match way {
            Way::Dropped(DropRule::BeyondWindow) => true,
            Way::Dropped(_) => self.flows.contradicts(&Segment::from(tcp)),
            _ => false,
        }
    }

    /// Whether the addresses are others than those of the line before that had some.
    fn spells(&mut self, packet: &Packet<'_>) -> bool {
        let (from, to) = match packet {
            Packet::Tcp(tcp) => (tcp.from.ip(), tcp.to.ip()),
            Packet::Udp(udp) => (udp.from.ip(), udp.to.ip()),
            _ => return true,
        };
        let pair = Some((from.min(to), from.max(to)));
        let spells = self.spelled != pair;
        self.spelled = pair;
        spells
    }
}

pub(crate) fn socket_addr(endpoint: IpEndpoint) -> core::net::SocketAddr {
    core::net::SocketAddr::new(endpoint.addr.into(), endpoint.port)
}

/// A line of a timeline, without its end.
#[derive(Debug, Clone)]
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
pub enum Who {
    /// An end's: a call, a state, a timer.
    End(End),
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
            Who::End(end) => end.name(),
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
    Timer(undersock::event::Timer),
    /// A frame.
    Frame(FrameText<'a>),
    /// What the wire did to a frame.
    Trouble(Fate, FrameText<'a>),
    /// Somebody's note.
    Note(&'a str),
}

/// A frame, and what is known of it from those before.
#[derive(Debug, Clone)]
pub struct FrameText<'a> {
    /// In or out, and what became of it.
    pub way: Way,
    /// What it is.
    pub packet: Packet<'a>,
    /// What is known of it from the segments before.
    pub seen: Seen,
    /// The first layer with a wrong checksum, if it came in.
    pub damaged: Option<Layer>,
    /// Whether its addresses are written.
    pub spelled: bool,
    /// The frame itself.
    pub bytes: &'a [u8],
}

impl FrameText<'_> {
    /// What it is, seen beside the segments before it.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.seen.marks
    }
}

/// Seconds and microseconds, of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        let mut text = heapless::String::<24>::new();
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        // 2^63 microseconds take 21 characters.
        write!(text, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)?;
        f.pad(&text)
    }
}
