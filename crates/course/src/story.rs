//! A run, read again: what a scene's claims are checked against.

use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};

use crate::run::Run;
use undersock::event::{Call, Cause, Event, Fate, Frame, Loss, Path, Timer, Trouble, Way};
use undersock::packet::{Packet, Tcp};
use undersock_views::Side;

/// A frame as somebody sent it, got it or lost it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting<'r> {
    pub(super) at: Instant,
    pub(super) end: Side,
    /// `None` where the wire did something to it.
    pub(super) way: Option<Way>,
    pub(super) packet: Packet<'r>,
    pub(super) length: usize,
}

/// A kind of segment that a scene speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Syn,
    SynAck,
    /// Nothing but an acknowledgement.
    Ack,
    Data,
    Fin,
    Rst,
}

impl Is {
    fn holds_for(self, segment: &Tcp<'_>) -> bool {
        let flags = segment.flags;
        match self {
            Is::Syn => flags.syn() && !flags.ack(),
            Is::SynAck => flags.syn() && flags.ack(),
            Is::Ack => flags.ack() && !flags.rst() && segment.length() == 0,
            Is::Data => !segment.payload.is_empty(),
            Is::Fin => flags.fin(),
            Is::Rst => flags.rst(),
        }
    }
}

/// Whether it is ICMP for IPv4 or IPv6 of this type and code.
pub(super) fn is_icmp(packet: &Packet<'_>, kind: u8, code: u8) -> bool {
    matches!(packet, Packet::Icmp(icmp) if (icmp.kind, icmp.code) == (kind, code))
}

/// A run, read again.
pub(super) struct Story<'r> {
    pub(super) run: &'r Run,
    frames: Vec<Sighting<'r>>,
}

impl<'r> Story<'r> {
    pub(super) fn of(run: &'r Run) -> Self {
        let frames = run.records.iter().filter_map(|record| {
            let (way, link, bytes) = match record.what.event()? {
                Event::Frame(Frame { way, link, bytes, .. }) => (Some(way), link, bytes),
                Event::Trouble(Trouble { link, bytes, .. }) => (None, link, bytes),
                _ => return None,
            };
            let (at, end) = (record.at, record.end);
            Some(Sighting { at, end, way, packet: link.packet(bytes), length: bytes.len() })
        });
        Story { run, frames: frames.collect() }
    }

    /// Every frame that an end sent.
    pub(super) fn out(&self, end: Side) -> impl Iterator<Item = &Sighting<'r>> {
        self.frames.iter().filter(move |seen| seen.end == end && seen.way == Some(Way::Out))
    }

    /// Every frame that came to an end, dropped or not.
    pub(super) fn came(&self, end: Side) -> impl Iterator<Item = &Sighting<'r>> {
        self.frames.iter().filter(move |seen| seen.end == end && !matches!(seen.way, None | Some(Way::Out)))
    }

    /// The segments of one kind that an end sent, and when.
    pub(super) fn sent(&self, end: Side, is: Is) -> Vec<(Instant, &Tcp<'r>)> {
        segments(self.out(end), is)
    }

    /// The segments of one kind that came to an end, and when.
    pub(super) fn got(&self, end: Side, is: Is) -> Vec<(Instant, &Tcp<'r>)> {
        segments(self.came(end), is)
    }

    /// Milliseconds of the scene at which an end sent segments of one kind.
    pub(super) fn times(&self, end: Side, is: Is) -> Vec<u64> {
        self.sent(end, is).into_iter().map(|(at, _)| millis(at)).collect()
    }

    /// Milliseconds at which an end sent datagrams, and how many bytes they had.
    pub(super) fn datagrams(&self, end: Side) -> Vec<(u64, usize)> {
        let bytes = |seen: &Sighting<'_>| match seen.packet {
            Packet::Udp(udp) => Some((millis(seen.at), udp.payload.len())),
            _ => None,
        };
        self.out(end).filter_map(bytes).collect()
    }

    /// How many frames of one kind came to an end.
    pub(super) fn count(&self, end: Side, is: impl Fn(&Packet<'_>) -> bool) -> usize {
        self.came(end).filter(|seen| is(&seen.packet)).count()
    }

    /// What became of frames that the wire did something to.
    pub(super) fn fates(&self) -> Vec<Fate> {
        let events = self.run.records.iter().filter_map(|record| record.what.event());
        events
            .filter_map(|event| match event {
                Event::Trouble(Trouble { fate, .. }) => Some(fate),
                _ => None,
            })
            .collect()
    }

    pub(super) fn lost(&self) -> usize {
        self.fates().into_iter().filter(|fate| *fate == Fate::Lost).count()
    }

    /// The rules by which the server's door dropped frames.
    pub(super) fn dropped(&self) -> Vec<undersock::event::DropRule> {
        let rules = self.came(Side::Server).filter_map(|seen| match seen.way {
            Some(Way::Dropped(rule)) => Some(rule),
            _ => None,
        });
        rules.collect()
    }

    /// The states that a socket passed through, from the first on.
    pub(super) fn states(&self, end: Side, slot: usize) -> Vec<State> {
        let mut path = Vec::new();
        for (_, change) in self.changes(end, slot) {
            if path.last() != Some(&change.from) {
                path.push(change.from);
            }
            path.push(change.to);
        }
        path
    }

    /// When a socket came to a state, in milliseconds, and by what.
    pub(super) fn reached(&self, end: Side, slot: usize, state: State) -> Option<(u64, Cause)> {
        let (at, change) = self.changes(end, slot).find(|(_, change)| change.to == state)?;
        Some((millis(at), change.cause))
    }

    fn changes(&self, end: Side, slot: usize) -> impl Iterator<Item = (Instant, undersock::event::Change)> {
        self.run.records.iter().filter(move |record| record.end == end).filter_map(move |record| match record
            .what
            .event()
        {
            Some(Event::State(change)) if change.slot == slot => Some((record.at, change)),
            _ => None,
        })
    }

    /// Why an end sent bytes again, and in which millisecond.
    pub(super) fn again(&self, end: Side) -> Vec<(u64, Loss)> {
        let records = self.run.records.iter().filter(|record| record.end == end);
        let again = records.filter_map(|record| match record.what.event() {
            Some(Event::Again(again)) => Some((millis(record.at), again.cause)),
            _ => None,
        });
        again.collect()
    }

    /// What became of an end's congestion window, and in which millisecond.
    pub(super) fn congestion(&self, end: Side) -> Vec<(u64, Path)> {
        let records = self.run.records.iter().filter(|record| record.end == end);
        let news = records.filter_map(|record| match record.what.event() {
            Some(Event::Congestion(news)) => Some((millis(record.at), news.path)),
            _ => None,
        });
        news.collect()
    }

    /// What an end's application called.
    pub(super) fn calls(&self, end: Side) -> Vec<Call> {
        let records = self.run.records.iter().filter(|record| record.end == end);
        let calls = records.filter_map(|record| match record.what.event() {
            Some(Event::Call(call)) => Some(call),
            _ => None,
        });
        calls.collect()
    }

    /// Bytes that an end's `recv` took, call by call.
    pub(super) fn received(&self, end: Side) -> Vec<usize> {
        let calls = self.calls(end).into_iter();
        calls
            .filter_map(|call| match call {
                Call::Receive { bytes, .. } | Call::ReceiveFrom { bytes, .. } => Some(bytes),
                _ => None,
            })
            .collect()
    }

    /// What the server's timers and limits did.
    pub(super) fn timers(&self) -> Vec<Timer> {
        let events = self.run.records.iter().filter_map(|record| record.what.event());
        events
            .filter_map(|event| match event {
                Event::Timer(timer) => Some(timer),
                _ => None,
            })
            .collect()
    }
}

fn segments<'s, 'r: 's>(
    frames: impl Iterator<Item = &'s Sighting<'r>>,
    is: Is,
) -> Vec<(Instant, &'s Tcp<'r>)> {
    frames
        .filter_map(|seen| match &seen.packet {
            Packet::Tcp(segment) if is.holds_for(segment) => Some((seen.at, segment)),
            _ => None,
        })
        .collect()
}

/// Milliseconds since the scene began.
pub(super) fn millis(at: Instant) -> u64 {
    (at - Instant::ZERO).total_millis()
}

/// The distances between instants, in milliseconds.
pub(super) fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Whole seconds.
pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
