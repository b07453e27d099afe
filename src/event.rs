//! The typed events of a server, the only instrumentation there is, and the counters that follow from them.
//!
//! Three lanes, as a student draws them: what the application *called*, what *state* a socket is in, which *frame*
//! crossed the wire; and the *timers* that moved something by themselves. Whoever wants to see them implements
//! [`Observer`]; with `()`, nobody looks and no event is built.
#![forbid(unsafe_code)]

use smoltcp::socket::tcp::State;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint, TcpSeqNumber};

use crate::packet::Mac;

use crate::packet::Link;

/// An enum whose values have a name for programs, which stays, and a few words for a person.
macro_rules! named {
    (
        $(#[$about:meta])*
        pub enum $enum:ident { $($(#[$doc:meta])* $value:ident = $name:literal, $text:literal,)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $enum { $($(#[$doc])* $value,)* }

        impl $enum {
            /// Every value, in the order in which they are declared.
            pub const ALL: &'static [$enum] = &[$($enum::$value,)*];

            /// A name for programs, in kebab-case: it stays.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($enum::$value => $name,)* }
            }

            /// A few words for a person.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $($enum::$value => $text,)* }
            }
        }
    };
}

/// One thing that happened in a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What the service did, in the words of the socket API.
    Call(Call),
    /// A connection's socket changed its state.
    State(Change),
    /// A frame came in or went out.
    Frame(Frame<'a>),
    /// Time moved something.
    Timer(Timer),
    /// The wire did something to a frame: an impairment that was asked for.
    Trouble(Trouble<'a>),
    /// Somebody else has, or wants, an address of ours.
    Conflict(Conflict),
    /// Bytes that were sent before are sent again: the frame that has them follows.
    Again(Again),
    /// A connection's congestion window entered another phase.
    Congestion(Congestion),
}

impl Event<'_> {
    /// Its kind, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Call(_) => "call",
            Event::State(_) => "state",
            Event::Frame(_) => "frame",
            Event::Timer(_) => "timer",
            Event::Trouble(_) => "trouble",
            Event::Conflict(_) => "conflict",
            Event::Again(_) => "again",
            Event::Congestion(_) => "congestion",
        }
    }
}

/// What the service or a client did, in the words of the socket API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "a slot, its two endpoints and a number of bytes")]
#[non_exhaustive]
pub enum Call {
    /// `bind`: a datagram socket has this port.
    Bind { port: u16 },
    /// `listen`: a welcoming socket waits at this port.
    Listen { port: u16 },
    /// `connect`, a client's: the handshake begins.
    Connect { slot: usize, local: IpEndpoint, remote: IpEndpoint },
    /// `accept`: the handshake is complete.
    Accept { slot: usize, local: IpEndpoint, remote: IpEndpoint },
    /// `recv` took so many bytes.
    Receive { slot: usize, bytes: usize },
    /// `send` gave so many bytes to the stack.
    Send { slot: usize, bytes: usize },
    /// `close`: no more bytes will be sent.
    Close { slot: usize },
    /// `recvfrom` took a datagram.
    ReceiveFrom { remote: IpEndpoint, bytes: usize },
    /// `sendto` gave a datagram to the stack. If that couldn't send it, [`NoReply::NotSent`] follows.
    SendTo { remote: IpEndpoint, bytes: usize },
    /// A datagram gets no reply.
    NoReply { remote: IpEndpoint, why: NoReply },
}

impl Call {
    /// The call's name, as the socket API has it where there is one: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Call::Bind { .. } => "bind",
            Call::Listen { .. } => "listen",
            Call::Connect { .. } => "connect",
            Call::Accept { .. } => "accept",
            Call::Receive { .. } => "recv",
            Call::Send { .. } => "send",
            Call::Close { .. } => "close",
            Call::ReceiveFrom { .. } => "recvfrom",
            Call::SendTo { .. } => "sendto",
            Call::NoReply { .. } => "no-reply",
        }
    }
}

named! {
    /// Why a datagram gets no reply.
    pub enum NoReply {
        /// The service wants none.
        Silent = "silent", "the service wants none",
        /// It is larger than one datagram can be.
        TooLarge = "too-large", "it is too large for a datagram",
        /// The sender may be a server that would answer it, and so on for ever.
        Loop = "loop", "two servers might answer each other for ever",
        /// The device had no room, or the next hop isn't known.
        NotSent = "not-sent", "it could not be sent",
    }
}

/// A connection's socket changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Which connection.
    pub slot: usize,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// What moved it.
    pub cause: Cause,
}

impl Change {
    /// Of the connection in this slot, from one state to the other.
    #[must_use]
    pub const fn new(slot: usize, from: State, to: State, cause: Cause) -> Self {
        Change { slot, from, to, cause }
    }
}

named! {
    /// What moved a state.
    pub enum Cause {
        /// A segment that came in.
        Segment = "segment", "by a segment",
        /// A call of the service, or of the server on its behalf.
        Call = "call", "by a call",
        /// A timer of the stack.
        Timer = "timer", "by a timer",
        /// A limit of the server (see [`Timer::Evicted`]).
        Limit = "limit", "by a limit",
    }
}

/// A frame that came in or went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// In or out, and what became of it.
    pub way: Way,
    /// What it begins with.
    pub link: Link,
    /// From there on, without the FCS.
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// These bytes, and what became of them: an Ethernet frame.
    #[must_use]
    pub const fn new(way: Way, bytes: &'a [u8]) -> Self {
        Frame { way, link: Link::Ethernet, bytes }
    }

    /// The same on another link.
    #[must_use]
    pub const fn with_link(self, link: Link) -> Self {
        Frame { link, ..self }
    }
}

/// A frame's direction, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// In, to the connection in this slot.
    Connection(usize),
    /// In, to what all share: ARP, ICMP, NDP, DHCP, datagrams, segments for nobody.
    Common,
    /// In, a SYN that waits for a slot.
    Waiting,
    /// In, and no further.
    Dropped(DropRule),
    /// Out.
    Out,
}

impl Way {
    /// What became of the frame, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Way::Connection(_) => "connection",
            Way::Common => "common",
            Way::Waiting => "waiting",
            Way::Dropped(_) => "dropped",
            Way::Out => "sent",
        }
    }
}

named! {
    /// The rule by which a frame was dropped.
    pub enum DropRule {
        /// Too short for its headers, or headers that contradict themselves.
        Malformed = "malformed", "malformed",
        /// For another Ethernet or IP address.
        NotForUs = "not-for-us", "not for us",
        /// No host can have this source address, or it is our own (RFC 1122 3.2.1.3, RFC 9293 MUST-63).
        Source = "source", "impossible source address",
        /// Port 0 as source or destination.
        PortZero = "port-zero", "port zero",
        /// A segment to a broadcast or multicast address (RFC 9293 MUST-57).
        NotUnicast = "not-unicast", "segment to a broadcast or multicast address",
        /// A fragment of a larger packet.
        Fragment = "fragment", "IP fragment",
        /// Behind an IPv6 extension header.
        Extension = "extension", "IPv6 extension header",
        /// IPv6 UDP without a checksum (RFC 8200 8.1).
        NoChecksum = "no-checksum", "IPv6 datagram without checksum",
        /// It would have drawn one ICMP error or RST too many (RFC 1812 4.3.2.8, RFC 4443 2.4f).
        RateLimited = "rate-limited", "rate limit of ICMP errors and resets",
        /// A SYN while every slot is in use and the queue is full.
        QueueFull = "queue-full", "backlog full",
        /// A SYN that is waiting already, or whose connection is half-open.
        Duplicate = "duplicate", "SYN again",
        /// A SYN in a synchronized state: a challenge ACK answers it (RFC 5961 4.2).
        Challenged = "challenged", "SYN in a live connection",
        /// A RST in the window that isn't exact: a challenge ACK answers it (RFC 5961 3.2).
        InexactReset = "inexact-reset", "RST without the exact sequence number",
        /// Bytes beyond the receive buffer, which no window has ever offered.
        BeyondWindow = "beyond-window", "bytes beyond the window",
        /// It acknowledges what was never sent: an ACK answers it (RFC 9293 3.10.7.4).
        Unsent = "unsent", "acknowledgement of what was never sent",
        /// The checksum of IPv4, UDP or TCP is wrong: the frame was damaged on its way.
        Checksum = "checksum", "wrong checksum",
        /// Found wrong by the stack behind the door.
        Refused = "refused", "refused by the stack",
    }
}

/// Time moved something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "a slot and the limit that it broke")]
#[non_exhaustive]
pub enum Timer {
    /// A connection was given up.
    Evicted { slot: usize, limit: Limit },
    /// A slot in TIME-WAIT was taken for a new connection.
    Reused { slot: usize },
    /// A SYN waited for a slot too long.
    WaitedTooLong,
}

impl Timer {
    /// What happened, in kebab-case: it stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Timer::Evicted { .. } => "evicted",
            Timer::Reused { .. } => "reused",
            Timer::WaitedTooLong => "waited-too-long",
        }
    }
}

/// Two hosts have one address (RFC 5227 2.4, RFC 4862 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The address, which is or was ours.
    pub address: IpAddress,
    /// Where the other is.
    pub mac: Mac,
    /// It is ours no longer. Otherwise it was defended.
    pub given_up: bool,
}

impl Conflict {
    /// Of this address, with the host at that Ethernet address.
    #[must_use]
    pub const fn new(address: IpAddress, mac: Mac, given_up: bool) -> Self {
        Conflict { address, mac, given_up }
    }
}

/// Bytes that were sent before are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Again {
    /// Which connection's.
    pub slot: usize,
    /// The number of the first byte that is sent again.
    pub sequence: TcpSeqNumber,
    /// How many; a FIN counts for one.
    pub bytes: usize,
    /// What says that they are lost.
    pub cause: Loss,
    /// The way as it is known now.
    pub path: Path,
}

impl Again {
    /// So many bytes of the connection in this slot, from this number on, for this reason.
    #[must_use]
    pub const fn new(slot: usize, sequence: TcpSeqNumber, bytes: usize, cause: Loss, path: Path) -> Self {
        Again { slot, sequence, bytes, cause, path }
    }
}

named! {
    /// What says that bytes are lost, or may be.
    pub enum Loss {
        /// Enough of what was sent after them has arrived (RFC 6675 4, RFC 8985 6.2 with a reordering window of 0).
        Sack = "sack", "SACK",
        /// What was sent after them has arrived, and they are late (RFC 8985 6.2).
        Late = "late", "late",
        /// Three duplicate acknowledgements, of a peer without SACK (RFC 5681 3.2).
        Duplicates = "duplicates", "duplicate ACKs",
        /// An acknowledgement that ends before them, of a peer without SACK (RFC 6582 3.2).
        Partial = "partial", "partial ACK",
        /// No acknowledgement came in time: one segment asks for one (RFC 8985 7).
        Probe = "probe", "probe",
        /// Nor did one for the probe: all that is out counts as lost (RFC 6298 5.4, RFC 5681 3.1).
        Timeout = "timeout", "timeout",
        /// The stack says so by itself, and not why: recovery is off, or it is a SYN.
        Stack = "stack", "the stack",
    }
}

/// A connection's congestion window entered another phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Congestion {
    /// Which connection's.
    pub slot: usize,
    /// The way as it is known now, with the new phase.
    pub path: Path,
}

impl Congestion {
    /// Of the connection in this slot.
    #[must_use]
    pub const fn new(slot: usize, path: Path) -> Self {
        Congestion { slot, path }
    }
}

named! {
    /// How the congestion window moves.
    pub enum Phase {
        /// It doubles every round trip (RFC 5681 3.1).
        SlowStart = "slow-start", "slow start",
        /// It grows by about a segment every round trip (RFC 5681 3.1).
        Avoidance = "avoidance", "congestion avoidance",
        /// It was reduced for a loss, and stays until all that was out then is acknowledged (RFC 6675 5).
        Recovery = "recovery", "fast recovery",
        /// It is one segment again, since nothing was acknowledged for too long (RFC 5681 3.1).
        Timeout = "timeout", "after a timeout",
    }
}

/// What is known of a connection's way to its peer, as `ss -i` shows it of Linux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// The smoothed round-trip time (RFC 6298 2: SRTT). 0 before the first.
    pub round_trip: Duration,
    /// Its mean deviation (RTTVAR).
    pub variation: Duration,
    /// The least round-trip time that was seen.
    pub least: Duration,
    /// How long an acknowledgement is waited for now, back-off and all (RFC 8985 7.2).
    pub timeout: Duration,
    /// The congestion window, in bytes (RFC 5681: cwnd).
    pub window: usize,
    /// Up to here it is slow start, in bytes (ssthresh); `None` before the first loss.
    pub threshold: Option<usize>,
    /// The longest segment that is sent, in bytes of data.
    pub segment: usize,
    /// Bytes in flight: sent, and neither acknowledged nor known to have arrived nor counted as lost (RFC 6675: pipe).
    pub flight: usize,
    /// Bytes that have arrived behind a gap (SACK).
    pub arrived: usize,
    /// Bytes that count as lost, and wait to be sent again.
    pub lost: usize,
    /// How the window moves.
    pub phase: Phase,
}

impl Path {
    /// Of a connection of which nothing is known.
    pub const UNKNOWN: Path = Path {
        round_trip: Duration::ZERO,
        variation: Duration::ZERO,
        least: Duration::ZERO,
        timeout: Duration::ZERO,
        window: 0,
        threshold: None,
        segment: 0,
        flight: 0,
        arrived: 0,
        lost: 0,
        phase: Phase::SlowStart,
    };
}

/// What the wire did to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble<'a> {
    /// Which way the frame was going.
    pub direction: Direction,
    /// What happened to it.
    pub fate: Fate,
    /// What the frame begins with.
    pub link: Link,
    /// The frame, as it was sent.
    pub bytes: &'a [u8],
}

impl<'a> Trouble<'a> {
    /// What happened to these bytes on their way: an Ethernet frame.
    #[must_use]
    pub const fn new(direction: Direction, fate: Fate, bytes: &'a [u8]) -> Self {
        Trouble { direction, fate, link: Link::Ethernet, bytes }
    }

    /// The same on another link.
    #[must_use]
    pub const fn with_link(self, link: Link) -> Self {
        Trouble { link, ..self }
    }
}

/// A frame's direction, seen from the end that tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To this end.
    In,
    /// From this end.
    Out,
}

impl Direction {
    /// One word, which stays.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}

/// What the wire does to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives, and arrives again.
    Duplicated,
    /// It arrives with this bit inverted, counted from the first byte's highest.
    Corrupted {
        /// Which bit.
        bit: usize,
    },
    /// It arrives so much later, and others may overtake it.
    Delayed(Duration),
}

impl Fate {
    /// One word, which stays.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Fate::Lost => "lost",
            Fate::Duplicated => "duplicated",
            Fate::Corrupted { .. } => "corrupted",
            Fate::Delayed(_) => "delayed",
        }
    }
}

named! {
    /// The limit by which a connection was given up.
    pub enum Limit {
        /// Half-open for too long.
        HalfOpen = "half-open", "half-open for too long",
        /// Nothing to send and nothing received.
        Idle = "idle", "idle for too long",
        /// The peer takes no bytes.
        Stalled = "stalled", "its client takes nothing",
        /// Not closed in time.
        Closing = "closing", "not closed in time",
        /// No progress while a new client waited for a slot.
        Crowded = "crowded", "no progress while a client waits",
        /// The server ends.
        Shutdown = "shutdown", "the server ends",
    }
}

/// Looks at what happens. `()` looks at nothing and costs nothing.
pub trait Observer {
    /// Whether anybody looks. Where this is `false`, no event is built.
    const LOOKS: bool = true;

    /// Something happened at `now`.
    fn event(&mut self, now: Instant, event: &Event<'_>);
}

impl Observer for () {
    const LOOKS: bool = false;

    fn event(&mut self, _now: Instant, _event: &Event<'_>) {}
}

impl<O: Observer> Observer for &mut O {
    const LOOKS: bool = O::LOOKS;

    fn event(&mut self, now: Instant, event: &Event<'_>) {
        (**self).event(now, event);
    }
}

/// How often what happened. Each wraps at 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Frames taken from the device.
    pub frames_in: u32,
    /// Frames given to the device.
    pub frames_out: u32,
    /// Frames dropped, by [`DropRule::ALL`]'s order.
    pub dropped: [u32; DropRule::ALL.len()],
    /// Connections whose handshake was completed.
    pub accepted: u32,
    /// Datagrams received.
    pub datagrams_in: u32,
    /// Datagrams sent.
    pub datagrams_out: u32,
    /// Datagrams that got no reply.
    pub unanswered: u32,
    /// Bytes received in connections.
    pub bytes_in: u32,
    /// Bytes sent in connections.
    pub bytes_out: u32,
    /// SYNs that waited for a slot.
    pub waited: u32,
    /// Connections given up by a limit.
    pub evicted: u32,
    /// Slots in TIME-WAIT taken for a new connection.
    pub reused: u32,
    /// Times that somebody else was found to have an address of ours.
    pub conflicts: u32,
    /// Segments that had to be sent again.
    pub again: u32,
}

impl Counters {
    /// All drops together.
    #[must_use]
    pub fn dropped_in_all(&self) -> u32 {
        self.dropped.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Counts what an event tells.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the counters wrap")]
    pub fn count(&mut self, event: &Event<'_>) {
        let one = |counter: &mut u32| *counter = counter.wrapping_add(1);
        match event {
            Event::Frame(Frame { way: Way::Out, .. }) => one(&mut self.frames_out),
            Event::Frame(Frame { way, .. }) => {
                one(&mut self.frames_in);
                match way {
                    Way::Dropped(drop) => one(&mut self.dropped[*drop as usize]),
                    Way::Waiting => one(&mut self.waited),
                    _ => {}
                }
            }
            Event::Call(call) => match call {
                Call::Accept { .. } => one(&mut self.accepted),
                Call::Receive { bytes, .. } => self.bytes_in = self.bytes_in.wrapping_add(*bytes as u32),
                Call::Send { bytes, .. } => self.bytes_out = self.bytes_out.wrapping_add(*bytes as u32),
                Call::Bind { .. } | Call::Listen { .. } | Call::Connect { .. } | Call::Close { .. } => {}
                Call::ReceiveFrom { .. } => one(&mut self.datagrams_in),
                Call::SendTo { .. } => one(&mut self.datagrams_out),
                Call::NoReply { why, .. } => {
                    one(&mut self.unanswered);
                    if *why == NoReply::NotSent {
                        self.datagrams_out = self.datagrams_out.wrapping_sub(1);
                    }
                }
            },
            Event::State(_) => {}
            Event::Timer(timer) => match timer {
                Timer::Evicted { .. } => one(&mut self.evicted),
                Timer::Reused { .. } => one(&mut self.reused),
                Timer::WaitedTooLong => {}
            },
            Event::Conflict(_) => one(&mut self.conflicts),
            Event::Again(_) => one(&mut self.again),
            Event::Congestion(_) => {}
            // It is the wire's: the ends count what they see.
            Event::Trouble(_) => {}
        }
    }
}

/// Where the server's parts put their events: counted, then shown to the observer.
pub(crate) struct Sink<'s, O: Observer> {
    pub(crate) now: Instant,
    pub(crate) counters: &'s mut Counters,
    pub(crate) observer: &'s mut O,
    /// What frames begin with.
    link: Link,
}

impl<'s, O: Observer> Sink<'s, O> {
    pub(crate) fn new(now: Instant, counters: &'s mut Counters, observer: &'s mut O, link: Link) -> Self {
        Sink { now, counters, observer, link }
    }

    /// A frame came in or went out.
    #[inline(always)]
    pub(crate) fn frame(&mut self, way: Way, bytes: &[u8]) {
        self.emit(Event::Frame(Frame { way, link: self.link, bytes }));
    }

    #[inline(always)]
    pub(crate) fn emit(&mut self, event: Event<'_>) {
        self.counters.count(&event);
        if O::LOOKS {
            self.observer.event(self.now, &event);
        }
    }
}
