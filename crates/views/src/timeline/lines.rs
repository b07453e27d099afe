//! Makes lines of events, and remembers what that takes.

use core::net::IpAddr;

use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Instant;

use super::line::{FrameText, Line, Text, Who};
use crate::flow::{Flows, Seen, SegmentHead};
use crate::notation::socket_addr;
#[cfg(feature = "std")]
use crate::record::{Record, What};
use crate::side::Side;
use undersock::event::{Again, Call, Change, Direction, DropRule, Event, Fate, Frame, Loss, Trouble, Way};
use undersock::packet::{Link, Packet, Tcp};

/// Connections whose sequence numbers are remembered, unless said otherwise: some 4 KiB.
pub const REMEMBERED: usize = 16;

/// Connections whose sequence numbers are remembered where memory is no matter.
#[cfg(feature = "std")]
pub const REMEMBERED_OF_RECORDS: usize = 256;

/// The records by their time, and what makes lines of them: for views that have a place of their own for each line.
#[cfg(feature = "std")]
#[must_use]
pub fn merged(records: &[Record]) -> (Lines<REMEMBERED_OF_RECORDS>, Vec<&Record>) {
    let by_server = |record: &Record| record.end == Side::Server && matches!(record.what, What::Frame { .. });
    let wire = if records.iter().any(by_server) { Side::Server } else { Side::Client };
    let mut order: Vec<&Record> = records.iter().collect();
    order.sort_by_key(|record| record.at);
    (Lines::new(wire), order)
}

/// Makes lines of events; what is to be remembered for that is here.
#[derive(Debug, Clone)]
pub struct Lines<const N: usize = REMEMBERED> {
    /// At which end frames are seen.
    wire: Side,
    start: Option<Instant>,
    flows: Flows<N>,
    /// The addresses of the last segment or datagram, in their order.
    spelled: Option<(IpAddr, IpAddr)>,
    /// The slot that a SYN has just come to: what ends there now is the connection before.
    taken: Option<usize>,
    /// What is sent again next: its first number, and why.
    again: Option<(u32, Loss)>,
}

impl<const N: usize> Lines<N> {
    /// The wire is told as this end sees it.
    #[must_use]
    pub const fn new(wire: Side) -> Self {
        Lines { wire, start: None, flows: Flows::new(), spelled: None, taken: None, again: None }
    }

    /// At which end frames are seen.
    #[must_use]
    pub const fn wire(&self) -> Side {
        self.wire
    }

    /// The line of an event; `None` for a frame of the end that doesn't tell the wire, and for what its frame will say.
    pub fn line<'a>(&mut self, now: Instant, end: Side, event: &Event<'a>) -> Option<Line<'a>> {
        let line = self.object(now, end, event);
        line.filter(|line| end != self.wire || !matches!(line.text, Text::Again(_)))
    }

    /// The same for a view in which each event stands for itself.
    pub(crate) fn object<'a>(&mut self, now: Instant, end: Side, event: &Event<'a>) -> Option<Line<'a>> {
        let own = end == self.wire;
        let (who, text) = match *event {
            Event::Frame(Frame { way, link, bytes, .. }) if own => {
                let who = if way == Way::Out { Who::Out } else { Who::In };
                (who, Text::Frame(self.frame(way, link, bytes)))
            }
            Event::Frame(_) => return None,
            Event::Trouble(trouble) => {
                let Trouble { direction, fate, .. } = trouble;
                let inwards = (direction == Direction::In) == own;
                let who = if inwards { Who::TroubleIn } else { Who::TroubleOut };
                (who, Text::Trouble(fate, self.trouble(inwards, &trouble)))
            }
            Event::Call(call) => {
                if own {
                    self.called(&call);
                }
                (Who::Side(end), Text::Call(call))
            }
            Event::State(change) => (Who::Side(end), Text::State(change, own && self.changed(&change))),
            Event::Timer(timer) => (Who::Side(end), Text::Timer(timer)),
            Event::Conflict(conflict) => (Who::Side(end), Text::Conflict(conflict)),
            Event::Again(again) => {
                if own {
                    self.announced(&again);
                }
                (Who::Side(end), Text::Again(again))
            }
            Event::Congestion(congestion) => (Who::Side(end), Text::Congestion(congestion)),
            event => (Who::Side(end), Text::Note(event.name())),
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

    /// The next frame that goes out is sent again.
    pub(crate) fn announced(&mut self, again: &Again) {
        self.again = Some((again.sequence.0.cast_unsigned(), again.cause));
    }

    /// Why this frame is sent again, if that was said of it.
    fn cause(&mut self, way: Way, packet: &Packet<'_>) -> Option<Loss> {
        let (Way::Out, Packet::Tcp(tcp)) = (way, packet) else { return None };
        let (first, cause) = self.again.take()?;
        (tcp.seq.0.cast_unsigned() == first).then_some(cause)
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

    fn frame<'a>(&mut self, way: Way, link: Link, bytes: &'a [u8]) -> FrameText<'a> {
        let packet = link.packet(bytes);
        let damaged = if way == Way::Out { None } else { link.damaged(bytes) };
        let seen = match &packet {
            // What is damaged says nothing about its connection, and what was dropped for not being of it neither.
            Packet::Tcp(tcp) if damaged.is_some() || self.is_strange(way, tcp) => {
                self.flows.look(&SegmentHead::from(tcp))
            }
            Packet::Tcp(tcp) => {
                let seen = self.flows.see(&SegmentHead::from(tcp));
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
        let cause = self.cause(way, &packet);
        FrameText { way, seen, cause, damaged, spelled: self.spells(&packet), packet, link, bytes }
    }

    fn trouble<'a>(&mut self, inwards: bool, trouble: &Trouble<'a>) -> FrameText<'a> {
        let Trouble { fate, link, bytes, .. } = *trouble;
        let packet = link.packet(bytes);
        let seen = match &packet {
            // Lost on its way here, it was sent all the same: the next of its kind is the second.
            Packet::Tcp(tcp) if inwards && fate == Fate::Lost => self.flows.lost(&SegmentHead::from(tcp)),
            Packet::Tcp(tcp) => self.flows.look(&SegmentHead::from(tcp)),
            _ => Seen::default(),
        };
        let way = if inwards { Way::Common } else { Way::Out };
        FrameText {
            way,
            seen,
            cause: None,
            damaged: None,
            spelled: self.spells(&packet),
            packet,
            link,
            bytes,
        }
    }

    /// Whether a dropped segment says what can't be, while its connection lives.
    fn is_strange(&self, way: Way, tcp: &Tcp<'_>) -> bool {
        match way {
            Way::Dropped(DropRule::BeyondWindow) => true,
            Way::Dropped(_) => self.flows.contradicts(&SegmentHead::from(tcp)),
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
