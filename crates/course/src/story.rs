//! A run, read again: what a scene's claims are checked against.

use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket,
    UdpPacket,
};

use super::Run;
use undersock::event::{Call, Cause, Event, Fate, Frame, Timer, Trouble, Way};
use undersock_views::Side;

/// A frame as somebody sent it, got it or lost it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) end: Side,
    /// `None` where the wire did something to it.
    pub(super) way: Option<Way>,
    pub(super) kind: Kind,
    pub(super) length: usize,
}

/// What is in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Arp,
    Icmp { kind: u8, code: u8 },
    Icmpv6 { kind: u8 },
    Datagram { from: IpEndpoint, to: IpEndpoint, bytes: usize },
    Segment(Segment),
    Other,
}

/// A segment as far as scenes look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: IpEndpoint,
    pub(super) to: IpEndpoint,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) seq: u32,
    pub(super) ack_number: u32,
    pub(super) window: u16,
    pub(super) bytes: usize,
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

impl Segment {
    pub(super) fn is(&self, kind: Is) -> bool {
        match kind {
            Is::Syn => self.syn && !self.ack,
            Is::SynAck => self.syn && self.ack,
            Is::Ack => self.ack && !self.syn && !self.fin && !self.rst && self.bytes == 0,
            Is::Data => self.bytes > 0,
            Is::Fin => self.fin,
            Is::Rst => self.rst,
        }
    }
}

/// Reads a frame.
fn kind(frame: &[u8]) -> Option<Kind> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let (from, to, protocol, payload) = match ethernet.ethertype() {
        EthernetProtocol::Arp => return Some(Kind::Arp),
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            let (from, to) = (packet.src_addr(), packet.dst_addr());
            (IpAddress::Ipv4(from), IpAddress::Ipv4(to), packet.next_header(), packet.payload())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            let (from, to) = (packet.src_addr(), packet.dst_addr());
            (IpAddress::Ipv6(from), IpAddress::Ipv6(to), packet.next_header(), packet.payload())
        }
        EthernetProtocol::Unknown(_) => return None,
    };
    match protocol {
        IpProtocol::Icmp => Some(Kind::Icmp { kind: *payload.first()?, code: *payload.get(1)? }),
        IpProtocol::Icmpv6 => Some(Kind::Icmpv6 { kind: *payload.first()? }),
        IpProtocol::Udp => {
            let datagram = UdpPacket::new_checked(payload).ok()?;
            Some(Kind::Datagram {
                from: IpEndpoint::new(from, datagram.src_port()),
                to: IpEndpoint::new(to, datagram.dst_port()),
                bytes: datagram.payload().len(),
            })
        }
        IpProtocol::Tcp => {
            let segment = TcpPacket::new_checked(payload).ok()?;
            Some(Kind::Segment(Segment {
                from: IpEndpoint::new(from, segment.src_port()),
                to: IpEndpoint::new(to, segment.dst_port()),
                syn: segment.syn(),
                ack: segment.ack(),
                fin: segment.fin(),
                rst: segment.rst(),
                seq: segment.seq_number().0.cast_unsigned(),
                ack_number: segment.ack_number().0.cast_unsigned(),
                window: segment.window_len(),
                bytes: segment.payload().len(),
            }))
        }
        _ => None,
    }
}

/// A run, read again.
pub(super) struct Story<'r> {
    pub(super) run: &'r Run,
    frames: Vec<Seen>,
}

impl<'r> Story<'r> {
    pub(super) fn of(run: &'r Run) -> Self {
        let frames = run.records.iter().filter_map(|record| {
            let (way, bytes) = match record.what.event()? {
                Event::Frame(Frame { way, bytes, .. }) => (Some(way), bytes),
                Event::Trouble(Trouble { bytes, .. }) => (None, bytes),
                _ => return None,
            };
            let kind = kind(bytes).unwrap_or(Kind::Other);
            Some(Seen { at: record.at, end: record.end, way, kind, length: bytes.len() })
        });
        Story { run, frames: frames.collect() }
    }

    /// Every frame that an end sent.
    pub(super) fn out(&self, end: Side) -> impl Iterator<Item = &Seen> {
        self.frames.iter().filter(move |seen| seen.end == end && seen.way == Some(Way::Out))
    }

    /// Every frame that came to an end, dropped or not.
    pub(super) fn came(&self, end: Side) -> impl Iterator<Item = &Seen> {
        self.frames.iter().filter(move |seen| seen.end == end && !matches!(seen.way, None | Some(Way::Out)))
    }

    /// The segments of one kind that an end sent, and when.
    pub(super) fn sent(&self, end: Side, is: Is) -> Vec<(Instant, &Segment)> {
        segments(self.out(end), is)
    }

    /// The segments of one kind that came to an end, and when.
    pub(super) fn got(&self, end: Side, is: Is) -> Vec<(Instant, &Segment)> {
        segments(self.came(end), is)
    }

    /// Milliseconds of the scene at which an end sent segments of one kind.
    pub(super) fn times(&self, end: Side, is: Is) -> Vec<u64> {
        self.sent(end, is).into_iter().map(|(at, _)| millis(at)).collect()
    }

    /// Milliseconds at which an end sent datagrams, and how many bytes they had.
    pub(super) fn datagrams(&self, end: Side) -> Vec<(u64, usize)> {
        let bytes = |seen: &Seen| match seen.kind {
            Kind::Datagram { bytes, .. } => Some((millis(seen.at), bytes)),
            _ => None,
        };
        self.out(end).filter_map(bytes).collect()
    }

    /// How many frames of one kind came to an end.
    pub(super) fn count(&self, end: Side, is: impl Fn(&Kind) -> bool) -> usize {
        self.came(end).filter(|seen| is(&seen.kind)).count()
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

fn segments<'s>(frames: impl Iterator<Item = &'s Seen>, is: Is) -> Vec<(Instant, &'s Segment)> {
    frames
        .filter_map(|seen| match &seen.kind {
            Kind::Segment(segment) if segment.is(is) => Some((seen.at, segment)),
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
