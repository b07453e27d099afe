//! A TCP of the tests' own: one connection to the server, on raw frames, after the RFCs and by another hand than the
//! stack's. What it does to a server's recovery is its [`Options`]; what came of it are its [`Counts`].
//!
//! | file | its one job |
//! |---|---|
//! | `receiver` | what has arrived, windows, when it is acknowledged, what of it is SACKed |
//! | `sender` | bytes to send, one retransmission timer |
//! | `segment` | segments in frames |
//! | [`scene`] | a server and a peer, and what is lost between them |
//! | [`ranges`] | ranges of a stream's bytes |
//!
//! Time is the caller's: [`Peer::poll`], then again at [`Peer::poll_at`] or when a frame has arrived.

pub mod ranges;
mod receiver;
pub mod scene;
pub mod segment;
mod sender;
#[cfg(test)]
mod tests;

use undersock::device::wire::WireEnd;
use undersock::packet::TcpOption;
use undersock::smoltcp::phy::{Device, RxToken};
use undersock::smoltcp::time::{Duration, Instant};

use self::receiver::Receiver;
use self::segment::{Incoming, Outgoing, sack_option, syn_options};
use self::sender::Sender;
use super::raw::{self, Endpoint};
use super::{CLIENT_MAC, client_v4, server_v4};

/// What a peer is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Its first sequence number.
    pub sequence: u32,
    /// The longest segment that it takes.
    pub mss: u16,
    /// Bytes that it holds for its reader.
    pub window: u32,
    /// The window scale option of its SYN.
    pub scale: Option<u8>,
    /// It permits SACK, and sends so many blocks at most: 4 at the most.
    pub sack_blocks: u8,
    /// It says in the first of them what has arrived twice (RFC 2883).
    pub dsack: bool,
    /// It acknowledges every second segment, and a single one after so long; every segment at once if `None`.
    pub delayed: Option<Duration>,
    pub reads: Reads,
    pub writes: Writes,
    pub closes: Closes,
    /// It forgets once what it has SACKed, at the so manieth segment that is out of order (RFC 2018 8).
    pub reneges_after: Option<u32>,
    /// Every so many acknowledgements have a block that is a lie, as somebody's would who guesses a number in the window.
    pub forges_every: Option<u32>,
    /// Its first retransmission timeout.
    pub timeout: Duration,
    pub repeats: Repeats,
    /// How long it stays in TIME-WAIT.
    pub time_wait: Duration,
}

impl Default for Options {
    /// As most are.
    fn default() -> Self {
        Options {
            sequence: 1_000_000,
            mss: 1_460,
            window: 65_535,
            scale: Some(0),
            sack_blocks: 4,
            dsack: true,
            delayed: Some(Duration::from_millis(40)),
            reads: Reads::Everything,
            writes: Writes::AtOnce,
            closes: Closes::AtOnce,
            reneges_after: None,
            forges_every: None,
            timeout: Duration::from_millis(200),
            repeats: Repeats::All,
            time_wait: Duration::from_secs(120),
        }
    }
}

/// How its program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    Everything,
    InSteps {
        bytes: u32,
        every: Duration,
    },
    /// It stops for a while after every so many bytes. The window closes as it fills up, or is taken back at once.
    Pausing {
        after: u32,
        pause: Duration,
        shrinks: bool,
    },
}

/// How its program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    AtOnce,
    InSteps {
        bytes: u32,
        every: Duration,
    },
    /// So many bytes, when as many as were written before have come back.
    InTurn {
        bytes: u32,
    },
}

/// When its program closes, all being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closes {
    AtOnce,
    /// When it has read so many bytes.
    After(u64),
    /// When the server has closed.
    Last,
}

/// What its retransmission timer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Everything from SND.UNA on.
    All,
    /// One segment.
    Head,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Segments that came undamaged, and those of them with bytes.
    pub segments: u64,
    pub data_segments: u64,
    /// Bytes that came in them.
    pub bytes: u64,
    /// Of them, those that were here: repeated by the server, or doubled by the wire.
    pub again_bytes: u64,
    /// Segments in which there were such.
    pub again_segments: u64,
    /// Segments that came after a later one, with bytes that weren't here: repeated after a loss, or overtaken.
    pub repaired_segments: u64,
    /// What came beyond the window, as probes do.
    pub refused_bytes: u64,
    pub refused_segments: u64,
    /// What was SACKed and forgotten, and blocks that were lies.
    pub reneged_bytes: u64,
    pub forged_blocks: u64,
    /// Segments that it sent; of them acknowledgements alone.
    pub sent: u64,
    pub acks: u64,
    /// Its own timer: went back, sent the head again, asked for a window.
    pub went_back: u64,
    pub heads: u64,
    pub probes: u64,
    /// The longest time between two segments that came, and between two new bytes.
    pub silence: Duration,
    pub stall: Duration,
    /// Frames of its own that the wire had no room for.
    pub unsent: u64,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    SynSent,
    Open,
    /// All is sent and received, and acknowledged.
    TimeWait(Instant),
    Closed,
    /// The server reset it.
    Reset,
}

/// One connection's end.
#[derive(Debug)]
pub struct Peer {
    options: Options,
    from: Endpoint,
    to: Endpoint,
    /// The server's first sequence number.
    first: u32,
    phase: Phase,
    receiver: Receiver,
    sender: Sender,
    /// The SYN again.
    syn_at: Option<Instant>,
    syn_timeout: Duration,
    heard: Option<Instant>,
    gained: Option<Instant>,
    out: Vec<Vec<u8>>,
    pub counts: Counts,
}

impl Peer {
    /// A peer that will send these bytes to the stream port.
    pub fn new(options: Options, bytes: Vec<u8>) -> Self {
        Peer {
            options,
            from: (client_v4(), 40_000),
            to: (server_v4(), 12_001),
            first: 0,
            phase: Phase::SynSent,
            receiver: Receiver::new(options),
            sender: Sender::new(options, bytes),
            syn_at: Some(Instant::ZERO),
            syn_timeout: options.timeout,
            heard: None,
            gained: None,
            out: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// The same between these.
    pub fn between(mut self, from: Endpoint, to: Endpoint) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// All that has arrived in order.
    pub fn received(&self) -> &[u8] {
        self.receiver.in_order()
    }

    /// Whether the server's FIN has arrived, and all before it.
    pub fn has_end(&self) -> bool {
        self.receiver.has_finished()
    }

    /// Whether its program sleeps on purpose.
    pub fn is_asleep(&self) -> bool {
        self.receiver.is_asleep()
    }

    /// What differs whenever anything was achieved.
    pub fn progress(&self) -> [u64; 5] {
        let (receiver, sender) = (&self.receiver, &self.sender);
        let phase = match self.phase {
            Phase::SynSent => 0,
            Phase::Open => 1,
            _ => 2,
        };
        [receiver.next() + receiver.stored(), receiver.read(), sender.una(), sender.written(), phase]
    }

    /// Takes in what has arrived, and sends what is to be sent.
    pub fn poll(&mut self, now: Instant, end: &mut WireEnd<'_>) {
        loop {
            let came = end.receive(now).map(|(frame, _)| frame.consume(|bytes| self.frame(now, bytes)));
            // After each: a segment that is out of order is acknowledged by itself.
            self.act(now);
            self.flush(now, end);
            if came.is_none() {
                return;
            }
        }
    }

    /// When it has something to do, if nothing arrives before.
    pub fn poll_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::SynSent => self.syn_at,
            Phase::Open => {
                let (receiver, sender) = (&self.receiver, &self.sender);
                [receiver.deadline(), receiver.wakes(), sender.deadline()].into_iter().flatten().min()
            }
            Phase::TimeWait(until) => Some(until),
            Phase::Closed | Phase::Reset => None,
        }
    }

    fn flush(&mut self, now: Instant, end: &mut WireEnd<'_>) {
        for frame in self.out.drain(..) {
            self.counts.sent += 1;
            self.counts.unsent += u64::from(!end.inject(now, &frame));
        }
    }

    /// A frame that has arrived.
    fn frame(&mut self, now: Instant, frame: &[u8]) {
        if let Some(segment) = Incoming::read(frame, self.to, self.from) {
            let since = |last: Option<Instant>| last.map_or(Duration::ZERO, |last| now - last);
            if matches!(self.phase, Phase::SynSent | Phase::Open) {
                self.counts.silence = self.counts.silence.max(since(self.heard));
                self.heard = Some(now);
            }
            self.counts.segments += 1;
            let before = self.receiver.next() + self.receiver.stored();
            self.segment(now, &segment);
            if self.receiver.next() + self.receiver.stored() != before {
                self.counts.stall = self.counts.stall.max(since(self.gained));
                self.gained = Some(now);
            }
        } else if raw::asked_in(frame) == Some(self.from.0) {
            self.out.push(raw::answers(CLIENT_MAC, self.from.0));
        }
    }

    /// RFC 9293 3.10.7, in its order.
    fn segment(&mut self, now: Instant, segment: &Incoming<'_>) {
        let sent = segment
            .ack
            .map(|ack| i64::from(ack.wrapping_sub(self.number(self.sender.newest())).cast_signed()));
        let ack = sent.map(|beyond| self.sender.newest() as i64 + beyond);
        match self.phase {
            Phase::SynSent => self.answer(now, segment, ack),
            Phase::Closed | Phase::Reset if segment.rst => {}
            Phase::Closed | Phase::Reset => self.reset(segment),
            Phase::Open | Phase::TimeWait(_) => {
                let next = self.receiver.next() as i64;
                let at = segment.seq.wrapping_sub(self.expected());
                let at = next + i64::from(at.cast_signed());
                let (acceptable, reads_ack) = self.receiver.is_acceptable(at, segment.length());
                if segment.rst {
                    // RFC 5961 3.2.
                    match at == next {
                        true => self.phase = Phase::Reset,
                        false if acceptable => self.receiver.due = receiver::Due::Now,
                        false => {}
                    }
                    return;
                }
                if segment.syn {
                    // Our acknowledgement of it was lost; or RFC 5961 4.2.
                    self.receiver.due = receiver::Due::Now;
                    return;
                }
                let Some(ack) = ack else { return };
                if reads_ack {
                    let is_good = ack >= 0 && self.sender.acknowledged(now, at, ack as u64, segment.window);
                    if !is_good && ack > 0 {
                        self.receiver.due = receiver::Due::Now;
                        return;
                    }
                }
                if !acceptable {
                    self.receiver.due = receiver::Due::Now;
                }
                // What isn't acceptable brings nothing, and is counted all the same.
                self.receiver.take(now, at, segment.payload, segment.fin, &mut self.counts);
            }
        }
    }

    /// A segment in SYN-SENT.
    fn answer(&mut self, now: Instant, segment: &Incoming<'_>, ack: Option<i64>) {
        // The SYN has the number before the first byte.
        if ack.is_some_and(|ack| ack != 0) {
            if !segment.rst {
                self.reset(segment);
            }
            return;
        }
        if segment.rst {
            if ack.is_some() {
                self.phase = Phase::Reset;
            }
            return;
        }
        if !segment.syn || ack.is_none() {
            return;
        }
        self.first = segment.seq;
        self.sender.mss = 536;
        let mut scale = None;
        for option in segment.options() {
            match option {
                TcpOption::MaximumSegmentSize(size) => {
                    self.sender.mss = u64::from(size.min(self.options.mss));
                }
                TcpOption::WindowScale(shift) => scale = Some(shift.min(14)),
                TcpOption::SackPermitted => self.receiver.sacks = self.options.sack_blocks > 0,
                _ => {}
            }
        }
        if let (Some(own), Some(other)) = (self.options.scale, scale) {
            (self.receiver.scale, self.sender.scale) = (own, other);
        }
        self.phase = Phase::Open;
        self.syn_at = None;
        // A SYN's window isn't shifted (RFC 7323 2.2).
        let window = segment.window >> self.sender.scale;
        self.sender.acknowledged(now, -1, 0, window);
        self.receiver.due = receiver::Due::Now;
    }

    /// To who speaks of a connection that there is none of.
    fn reset(&mut self, segment: &Incoming<'_>) {
        let (seq, ack) = match segment.ack {
            Some(ack) => (ack, None),
            None => (0, Some(segment.seq.wrapping_add(segment.length() as u32))),
        };
        let reset =
            Outgoing { seq, ack, rst: true, syn: false, fin: false, window: 0, options: &[], payload: &[] };
        self.out.push(reset.frame(self.from, self.to));
    }

    /// Does what is due.
    fn act(&mut self, now: Instant) {
        match self.phase {
            Phase::SynSent => {
                if self.syn_at.is_some_and(|at| at <= now) {
                    self.connect(now);
                }
            }
            Phase::TimeWait(until) if until <= now => self.phase = Phase::Closed,
            Phase::Open | Phase::TimeWait(_) => {
                self.receiver.reads(now);
                self.sender.writes(now, self.receiver.read(), self.receiver.has_finished());
                self.sender.expires(now, &mut self.counts);
                self.send(now);
                if self.receiver.must_acknowledge(now) {
                    self.counts.acks += 1;
                    self.emit(None);
                }
                if self.phase == Phase::Open && self.sender.has_finished() && self.has_end() {
                    self.phase = Phase::TimeWait(now + self.options.time_wait);
                }
            }
            Phase::Closed | Phase::Reset => {}
        }
    }

    fn connect(&mut self, now: Instant) {
        let options = syn_options(self.options.mss, self.options.sack_blocks > 0, self.options.scale);
        let window = u16::try_from(self.options.window).unwrap_or(u16::MAX);
        let syn = Outgoing {
            seq: self.number(0).wrapping_sub(1),
            ack: None,
            syn: true,
            fin: false,
            rst: false,
            window,
            options: &options,
            payload: &[],
        };
        self.out.push(syn.frame(self.from, self.to));
        self.syn_at = Some(now + self.syn_timeout);
        self.syn_timeout *= 2;
    }

    /// Sends what the window and the timer allow.
    fn send(&mut self, now: Instant) {
        loop {
            let Some(piece) = self.sender.next(now, self.receiver.option_bytes()) else { return };
            self.emit(Some(piece));
        }
    }

    fn emit(&mut self, piece: Option<sender::Piece>) {
        let expected = self.expected();
        let next = self.receiver.next();
        let number = |offset: u64| expected.wrapping_add((offset as u32).wrapping_sub(next as u32));
        let blocks =
            self.receiver.blocks(&mut self.counts).into_iter().map(|(from, to)| (number(from), number(to)));
        let options = sack_option(&blocks.collect::<Vec<_>>());
        let window = self.receiver.offer();
        let segment = Outgoing {
            seq: self.number(piece.map_or(self.sender.newest(), |piece| piece.from)),
            ack: Some(expected),
            syn: false,
            fin: piece.is_some_and(|piece| piece.fin),
            rst: false,
            window,
            options: &options,
            payload: piece.map_or(&[], |piece| self.sender.bytes(piece)),
        };
        self.out.push(segment.frame(self.from, self.to));
    }

    /// The sequence number of one of its bytes.
    fn number(&self, offset: u64) -> u32 {
        self.options.sequence.wrapping_add(1).wrapping_add(offset as u32)
    }

    /// RCV.NXT.
    fn expected(&self) -> u32 {
        self.first.wrapping_add(1).wrapping_add(self.receiver.next() as u32)
    }
}
