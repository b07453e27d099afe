//! A server, and a peer that the test plays: what it says, and when. What both said is the trace, a line a segment.

use core::cell::RefCell;
use core::fmt::Write as _;
use std::rc::Rc;

use test_support::world::peer::segment::{Outgoing, sack_option, syn_options};
use test_support::world::{History, client_v4, server_v4};
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Again, Congestion, DropRule, Event, Observer, Path, Way};
use undersock::packet::{Packet, packet};
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::{Exchange, Reply, Request, Service, Step};
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};

/// The longest segment that the peer takes, unless the test says otherwise.
const MSS: u16 = 1_000;
/// From the server to the peer and back.
const ROUND_TRIP: Duration = Duration::from_millis(10);
/// The peer's first sequence number, and its window unless the test says otherwise.
const SEQUENCE: u32 = 5_000_000;
pub(crate) const WINDOW: u16 = 60_000;
/// Says in a request that the server is to close.
const CLOSE: u32 = 1 << 31;

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The byte at this place of the server's stream: 251 is no divisor of any segment's length.
pub(crate) fn byte(at: u32) -> u8 {
    (at % 251) as u8
}

/// Says as many bytes as it is asked for, in four bytes.
#[derive(Default)]
pub(crate) struct Says {
    done: u32,
    said: u32,
    /// It takes nothing at the moment.
    pub(crate) sleeps: bool,
    /// It keeps what comes, and answers nothing.
    pub(crate) listens: bool,
    pub(crate) heard: Vec<u8>,
}

impl Says {
    /// One that only keeps what it hears.
    pub(crate) fn listener() -> Self {
        Says { listens: true, ..Says::default() }
    }
}

impl Service for Says {
    fn datagram(&mut self, _: Request<'_>, _: &mut [u8]) -> Reply {
        Reply::Nothing
    }

    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        if self.sleeps {
            return Step::default();
        }
        if self.listens {
            self.heard.extend(exchange.input);
            return Step { consumed: exchange.input.len(), produced: 0, close: exchange.end };
        }
        let Some(request) = exchange.input.first_chunk() else {
            return Step { close: exchange.end, ..Step::default() };
        };
        let request = u32::from_be_bytes(*request);
        let (size, closes) = (request & !CLOSE, request & CLOSE != 0);
        let produced = exchange.output.len().min((size - self.done) as usize);
        for place in &mut exchange.output[..produced] {
            *place = byte(self.said);
            self.said += 1;
        }
        self.done += produced as u32;
        let done = self.done == size;
        if done {
            self.done = 0;
        }
        Step { consumed: if done { 4 } else { 0 }, produced, close: done && closes }
    }
}

/// What was seen of the server.
pub(crate) struct Seen {
    pub(crate) history: History,
    /// The trace's beginning.
    began: Instant,
    /// The server's number of the first byte.
    first: u32,
    /// Its port, that of the first connection that there was.
    port: Option<u16>,
    pub(crate) trace: String,
    /// Of segments that were sent at one instant for the first time: the first byte, how many, and where their line begins
    /// and ends.
    fresh: (u32, u32, usize, usize),
    /// What is to be said of the next segment.
    again: Option<Again>,
    /// Congestion windows as they were told of: phase, window, threshold.
    pub(crate) phases: Vec<Path>,
    /// The number behind the last byte that was sent; and bytes that were sent, and again.
    pub(crate) end: u32,
    pub(crate) bytes: u32,
    pub(crate) repeated: u32,
}

impl Default for Seen {
    fn default() -> Self {
        Seen {
            history: History::default(),
            began: Instant::ZERO,
            first: 0,
            port: None,
            trace: String::new(),
            fresh: (0, 0, 0, 0),
            again: None,
            phases: vec![],
            end: 0,
            bytes: 0,
            repeated: 0,
        }
    }
}

impl Seen {
    /// The trace begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.trace.clear();
        (self.fresh, self.began) = ((0, 0, 0, 0), now);
    }

    pub(crate) fn line(&mut self, now: Instant, what: &str) {
        let stamp = self.stamp(now);
        let _ = writeln!(self.trace, "{stamp}{what}");
    }

    /// Writes down bytes that are sent for the first time: those of one instant are a line.
    fn fresh(&mut self, now: Instant, from: u32, to: u32) {
        let (first, count, begins, ends) = self.fresh;
        let place = self.trace.len();
        let goes_on = ends == place && count > 0 && self.trace[begins..].starts_with(&self.stamp(now));
        let (first, count, begins) = if goes_on { (first, count + 1, begins) } else { (from, 1, place) };
        self.trace.truncate(begins);
        let segments = if count > 1 { format!(", {count} segments") } else { String::new() };
        self.line(now, &format!("> {first}:{to}{segments}"));
        self.fresh = (first, count, begins, self.trace.len());
    }

    fn stamp(&self, now: Instant) -> String {
        let micros = (now - self.began).total_micros();
        format!("{}.{:03} ", micros / 1_000, micros % 1_000)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Watch(pub(crate) Rc<RefCell<Seen>>);

impl Observer for Watch {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        let mut seen = self.0.borrow_mut();
        seen.history.event(now, event);
        let frame = match event {
            Event::Again(again) if again.slot == 0 => {
                seen.repeated += again.bytes as u32;
                seen.again = Some(*again);
                return;
            }
            Event::Congestion(Congestion { path, .. }) => return seen.phases.push(*path),
            Event::Frame(frame) if frame.way == Way::Out => frame,
            _ => return,
        };
        let Packet::Tcp(tcp) = packet(frame.bytes) else { return };
        if *seen.port.get_or_insert(tcp.from.port()) != tcp.from.port() {
            return;
        }
        let from = tcp.seq.0.cast_unsigned();
        if tcp.flags.syn() {
            seen.first = from.wrapping_add(1);
            return;
        }
        let from = from.wrapping_sub(seen.first);
        let (bytes, fin) = (tcp.payload.len() as u32, tcp.flags.fin());
        let mut what = String::from("> ");
        match (bytes, fin) {
            _ if tcp.flags.rst() => what.push_str("RST"),
            (0, true) => write!(what, "FIN {from}").expect("a string"),
            (0, false) => {
                let ack = tcp.ack.map_or(0, |ack| ack.0.cast_unsigned().wrapping_sub(SEQUENCE + 1));
                write!(what, "ack {ack}").expect("a string");
                if from != seen.end {
                    write!(what, " from {from}").expect("a string");
                }
            }
            _ => write!(what, "{from}:{}{}", from + bytes, if fin { " FIN" } else { "" }).expect("a string"),
        }
        let right: Vec<u8> = (from..).take(tcp.payload.len()).map(byte).collect();
        assert_eq!(tcp.payload, right, "{what}");
        let length = bytes + u32::from(fin);
        if let Some(again) = seen.again.take() {
            assert_eq!(again.sequence, tcp.seq, "{what}: of another segment");
            write!(what, " again: {}", again.cause.text()).expect("a string");
            if again.bytes as u32 != length {
                write!(what, ", {} of {length}", again.bytes).expect("a string");
            }
        }
        seen.bytes += length;
        let is_next = from == seen.end && bytes > 0 && !fin;
        seen.end = seen.end.max(from + length);
        if is_next { seen.fresh(now, from, from + bytes) } else { seen.line(now, &what) }
    }
}

/// What a peer is like.
#[derive(Clone)]
pub(crate) struct Peer {
    /// It understands SACK.
    pub(crate) sack: bool,
    pub(crate) buffers: usize,
    /// The longest segment that it takes.
    pub(crate) mss: u16,
    /// How long its handshake takes.
    pub(crate) round_trip: Duration,
    pub(crate) config: Config<'static>,
}

impl Default for Peer {
    fn default() -> Self {
        Peer {
            sack: true,
            buffers: 65_536,
            mss: MSS,
            round_trip: ROUND_TRIP,
            config: Config::default().with_seed(7),
        }
    }
}

/// What a segment of the peer's says beside its acknowledgement.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    pub(crate) blocks: &'a [(u32, u32)],
    pub(crate) payload: &'a [u8],
    pub(crate) fin: bool,
    /// Before the peer's next byte, by so much.
    pub(crate) early: u32,
}

pub(crate) struct Stage {
    pub(crate) now: Instant,
    pub(crate) server: Server<'static>,
    pub(crate) service: Says,
    device: WireEnd<'static>,
    end: WireEnd<'static>,
    pub(crate) watch: Watch,
    due: Option<Instant>,
    /// The peer's next number, as an offset; and its window.
    pub(crate) next: u32,
    pub(crate) window: u16,
}

impl Stage {
    /// A connection to the stream port, after the handshake, in which the round trip was measured.
    pub(crate) fn new(peer: Peer) -> Self {
        let Peer { sack, buffers, mss, round_trip, mut config } = peer;
        config.host.announce = false;
        let wire: &'static Wire<'static> = Box::leak(Box::new(Wire::owned(Duration::ZERO, 256)));
        let (mut device, end) = wire.ends();
        let now = Instant::from_secs(1);
        let sizes = Sizes::default().with_connections(1).with_buffers(buffers);
        let server = Server::new(&config, Memory::owned(sizes), &mut device, now).expect("a server");
        let (service, watch) = (Says::default(), Watch::default());
        let mut stage =
            Stage { now, server, service, device, end, watch, due: None, next: 0, window: WINDOW };
        let options = syn_options(mss, sack, None);
        let syn = Outgoing {
            seq: SEQUENCE,
            ack: None,
            syn: true,
            fin: false,
            rst: false,
            window: WINDOW,
            options: &options,
            payload: &[],
        };
        stage.give(&syn);
        stage.pass(round_trip);
        stage.says(0, Beside::default());
        stage.begin();
        stage
    }

    /// The trace begins.
    pub(crate) fn begin(&mut self) {
        self.watch.0.borrow_mut().begin(self.now);
    }

    fn give(&mut self, segment: &Outgoing<'_>) {
        let frame = segment.frame((client_v4(), 40_000), (server_v4(), 12_001));
        assert!(self.end.inject(self.now, &frame), "the wire has room");
        self.poll();
    }

    fn poll(&mut self) {
        for _ in 0..100 {
            self.due = self.server.poll(self.now, &mut self.device, &mut self.service, &mut self.watch);
            while self.end.take(self.now).is_some() {}
            if self.due.is_none_or(|due| due > self.now) {
                return;
            }
        }
        panic!("the server doesn't come to rest");
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.due.filter(|due| *due < until);
            self.now = next.unwrap_or(until).max(self.now);
            self.poll();
            if self.now == until {
                return;
            }
        }
    }

    /// Lets time pass until it is so late, since the trace began.
    pub(crate) fn until(&mut self, at: Duration) {
        let began = self.watch.0.borrow().began;
        self.pass(began + at - self.now);
    }

    /// The peer, which has all that the server has sent, asks for so many bytes.
    pub(crate) fn asks(&mut self, bytes: u32) {
        let end = self.watch.0.borrow().end;
        self.says(end, Beside { payload: &bytes.to_be_bytes(), ..Beside::default() });
    }

    /// And for the end.
    pub(crate) fn asks_all(&mut self, bytes: u32) {
        self.asks(bytes | CLOSE);
    }

    /// A segment of the peer's, which acknowledges so much.
    pub(crate) fn says(&mut self, ack: u32, says: Beside<'_>) {
        let Beside { blocks, payload, fin, early } = says;
        let first = self.watch.0.borrow().first;
        let number = |offset: u32| first.wrapping_add(offset);
        let mut what = format!("< ack {}", ack.cast_signed());
        for (index, (from, to)) in blocks.iter().enumerate() {
            let word = if index == 0 { " sack" } else { "," };
            write!(what, "{word} {}:{}", from.cast_signed(), to.cast_signed()).expect("a string");
        }
        if self.window != WINDOW {
            write!(what, " window {}", self.window).expect("a string");
        }
        if !payload.is_empty() {
            write!(what, " with {} bytes", payload.len()).expect("a string");
        }
        if fin {
            what.push_str(" FIN");
        }
        self.watch.0.borrow_mut().line(self.now, &what);
        let blocks: Vec<_> = blocks.iter().map(|(from, to)| (number(*from), number(*to))).collect();
        let options = sack_option(&blocks);
        let segment = Outgoing {
            seq: SEQUENCE.wrapping_add(1).wrapping_add(self.next).wrapping_sub(early),
            ack: Some(number(ack)),
            syn: false,
            fin,
            rst: false,
            window: self.window,
            options: &options,
            payload,
        };
        if early == 0 {
            self.next += payload.len() as u32 + u32::from(fin);
        }
        self.give(&segment);
    }

    /// A bare acknowledgement.
    pub(crate) fn acks(&mut self, ack: u32) {
        self.says(ack, Beside::default());
    }

    /// The same, with what has arrived behind a gap.
    pub(crate) fn sacks(&mut self, ack: u32, blocks: &[(u32, u32)]) {
        self.says(ack, Beside { blocks, ..Beside::default() });
    }

    /// What both said since the trace began.
    pub(crate) fn trace(&self) -> String {
        self.watch.0.borrow().trace.clone()
    }

    /// Compares it.
    #[track_caller]
    pub(crate) fn reads(&self, expected: &str) {
        let lines: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let trace = self.trace();
        let got: Vec<_> = trace.lines().collect();
        assert!(got == lines, "the trace is\n{trace}\nand not\n{}\n", lines.join("\n"));
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.server.connections().next().map(|one| one.state)
    }

    pub(crate) fn path(&self) -> Path {
        self.server.connections().next().and_then(|one| one.path).expect("a connection whose way is known")
    }

    pub(crate) fn dropped(&self, rule: DropRule) -> u32 {
        self.server.counters().dropped[rule as usize]
    }
}
