//! One connection: its socket, in a set of its own, and what the server remembers of it.

use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::TcpSeqNumber;

use super::config::{Limits, SENTENCE_BYTES};
use super::door::{Segment, Sender};
use super::earliest::NEVER;
use crate::device::frame::Outgoing;
use crate::event::{Call, Cause, Change, Event, Limit, Observer, Sink};
use crate::service::{Exchange, MIN_OUTPUT, Service, Step};

/// How a connection is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Read once, reply, close. So many bytes of the one read are still to be served; `None` before the read.
    Sentence(Option<usize>),
    /// Every byte until the client closes its side.
    Stream,
    /// The service has closed after the client did, but the FIN waits until all before it is acknowledged: in LAST-ACK
    /// smoltcp 0.14 takes a window update or a duplicate ACK for a mistake (its pull request 1126), so a client
    /// whose window was full would be served by probes, one a second at most.
    Drain,
    /// Our side is closed: what still comes is discarded, or the window would fill and FIN-WAIT-2 never end.
    Discard,
}

/// A slot for one connection.
pub(crate) struct Connection<'a> {
    set: SocketSet<'a>,
    handle: SocketHandle,
    pub(crate) mode: Mode,
    /// The state when last looked at.
    pub(crate) state: State,
    /// The service hasn't seen this connection yet.
    fresh: bool,
    /// It is in the list of those that this poll has touched.
    pub(crate) touched: bool,
    /// How the client is reached.
    pub(crate) sender: Option<Sender>,
    /// The stack has something to send that the device had no room for.
    pub(crate) owes: bool,
    /// The client's initial sequence number.
    irs: TcpSeqNumber,
    /// Ours, seen on the SYN-ACK as it went out: the stack keeps it to itself.
    iss: Option<TcpSeqNumber>,
    /// Bytes taken from the receive buffer, and given to the send buffer. They wrap.
    taken: u32,
    given: u32,
    /// What `progress` was measured by: bytes received, bytes acknowledged, the state.
    mark: (u32, u32, State),
    /// When the connection last came any further.
    pub(crate) progress: Instant,
}

impl<'a> Connection<'a> {
    /// `set` is empty and has room for one socket.
    pub(crate) fn new(mut set: SocketSet<'a>, socket: tcp::Socket<'a>) -> Self {
        let handle = set.add(socket);
        Connection {
            set,
            handle,
            mode: Mode::Stream,
            state: State::Closed,
            fresh: true,
            touched: false,
            sender: None,
            owes: false,
            irs: TcpSeqNumber(0),
            iss: None,
            taken: 0,
            given: 0,
            mark: (0, 0, State::Closed),
            progress: Instant::ZERO,
        }
    }

    pub(crate) fn set(&mut self) -> &mut SocketSet<'a> {
        &mut self.set
    }

    pub(crate) fn socket(&self) -> &tcp::Socket<'a> {
        self.set.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut tcp::Socket<'a> {
        self.set.get_mut(self.handle)
    }

    /// The welcoming socket was contacted: puts this slot's socket into LISTEN for the SYN that comes next.
    pub(crate) fn listen(&mut self, syn: &Segment, mode: Mode, now: Instant) {
        let socket = self.socket_mut();
        // Whatever the connection before left: first CLOSED, without a word to its peer.
        socket.abort();
        // `listen` resets the socket, but not its options.
        #[cfg(feature = "std")]
        socket.set_congestion_control(tcp::CongestionControl::Reno);
        // A reply carries the acknowledgement along, and without a reply there is nothing to wait for.
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        socket.set_timeout(None);
        socket.set_keep_alive(None);
        socket.set_hop_limit(None);
        // A CLOSED socket can listen on any port but 0, and the door knows no port 0.
        let _ = socket.listen(syn.tuple.local);
        self.mode = mode;
        self.state = State::Listen;
        self.fresh = true;
        self.sender = Some(syn.sender);
        self.irs = syn.seq;
        self.iss = None;
        self.taken = 0;
        self.given = 0;
        self.mark = (0, 0, State::Listen);
        self.progress = now;
    }

    /// The next sequence number expected from the peer, exactly (RFC 9293 3.3.1, RCV.NXT).
    pub(crate) fn rcv_nxt(&self) -> TcpSeqNumber {
        let socket = self.socket();
        let fin =
            matches!(socket.state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait);
        ahead(self.irs, self.taken.wrapping_add(wrap(socket.recv_queue() + 1 + usize::from(fin))))
    }

    /// Whether a segment carries bytes beyond all that was ever offered: the buffer's end.
    ///
    /// Until it has acknowledged something, smoltcp 0.14 scales the window of its SYN-ACK, which isn't scaled (RFC
    /// 7323 2.2), and so takes up to twice what the buffer holds: it panics, or hands out bytes of the connection
    /// before. A probe of one byte is its own to judge.
    pub(crate) fn overflows(&self, segment: &Segment) -> bool {
        let start = i64::from(segment.seq.0.wrapping_sub(self.rcv_nxt().0));
        let end = start + segment.bytes as i64;
        if self.finished() {
            // Nothing comes after a FIN; smoltcp would hand it out.
            return segment.bytes > 0 && end > 0;
        }
        let free = self.socket().recv_capacity() - self.socket().recv_queue();
        segment.bytes > 1 && end > free as i64
    }

    /// The peer has closed its side.
    fn finished(&self) -> bool {
        matches!(self.socket().state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait)
    }

    /// Whether a half-open connection awaits a segment with this acknowledgement; any other state takes what comes.
    pub(crate) fn awaits(&self, segment: &Segment) -> bool {
        match (self.state, segment.ack, self.iss) {
            (State::SynReceived, Some(ack), Some(iss)) => segment.reset || ack == iss + 1,
            _ => true,
        }
    }

    /// The oldest sequence number of ours that isn't acknowledged (RFC 9293 3.3.1, SND.UNA), once the SYN-ACK is out.
    pub(crate) fn snd_una(&self) -> Option<TcpSeqNumber> {
        let socket = self.socket();
        let fin = matches!(socket.state(), State::FinWait2 | State::TimeWait);
        let acknowledged = self.given.wrapping_sub(wrap(socket.send_queue()));
        Some(ahead(self.iss?, acknowledged.wrapping_add(1 + u32::from(fin))))
    }

    /// Tells of a change of state since the last look.
    pub(crate) fn look<O: Observer>(&mut self, slot: usize, cause: Cause, sink: &mut Sink<'_, O>) {
        let now = self.socket().state();
        if now == self.state {
            return;
        }
        let change = Change { slot, from: self.state, to: now, cause };
        let accepted =
            self.state == State::SynReceived && matches!(now, State::Established | State::CloseWait);
        self.state = now;
        sink.emit(Event::State(change));
        if accepted
            && let (Some(local), Some(remote)) =
                (self.socket().local_endpoint(), self.socket().remote_endpoint())
        {
            sink.emit(Event::Call(Call::Accept { slot, local, remote }));
        }
    }

    /// Serves and sends until there is nothing left to do for now.
    pub(crate) fn attend<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
        scratch: &mut [u8],
    ) {
        let now = device.sink.now;
        self.serve(slot, service, scratch, device.sink);
        device.sink.iss = None;
        self.send(iface, device);
        if self.iss.is_none() {
            self.iss = device.sink.iss;
        }
        self.look(slot, Cause::Timer, device.sink);
        let received = match self.mode {
            // What is discarded is no progress: it could go on for ever.
            Mode::Discard => 0,
            _ => self.taken.wrapping_add(wrap(self.socket().recv_queue())),
        };
        let acknowledged = self.given.wrapping_sub(wrap(self.socket().send_queue()));
        let mark = (received, acknowledged, self.state);
        if mark != self.mark {
            self.mark = mark;
            self.progress = now;
        }
    }

    /// Lets the stack send all it may: one call sends one segment.
    pub(crate) fn send<D: Device, O: Observer>(
        &mut self,
        iface: &mut Interface,
        device: &mut Outgoing<'_, '_, D, O>,
    ) {
        let now = device.sink.now;
        while iface.poll_egress(now, device, &mut self.set) != smoltcp::iface::PollResult::None {}
    }

    /// Moves bytes from the receive buffer through the service to the send buffer.
    fn serve<S: Service, O: Observer>(
        &mut self,
        slot: usize,
        service: &mut S,
        scratch: &mut [u8],
        sink: &mut Sink<'_, O>,
    ) {
        match self.mode {
            Mode::Drain => return self.close(slot, sink),
            Mode::Discard => return self.discard(slot, sink),
            Mode::Sentence(_) | Mode::Stream => {}
        }
        let (mut received, mut sent) = (0, 0);
        while self.socket().may_send() {
            let waiting = self.socket().recv_queue();
            let finished = !matches!(self.socket().state(), State::Established);
            let (offered, end) = match self.mode {
                Mode::Stream | Mode::Drain | Mode::Discard => (waiting, finished),
                Mode::Sentence(Some(left)) => (left, true),
                // The one read: what has arrived, up to a sentence; nothing at all if the client has closed.
                Mode::Sentence(None) if waiting > 0 || finished => {
                    let read = waiting.min(SENTENCE_BYTES);
                    self.mode = Mode::Sentence(Some(read));
                    (read, true)
                }
                Mode::Sentence(None) => break,
            };
            let size = offered.min(scratch.len());
            let end = end && size == offered;
            if size == 0 && !end && !self.fresh {
                break;
            }
            let (Some(input), port) = (scratch.get_mut(..size), self.socket().listen_endpoint().port) else {
                break;
            };
            let got = self.socket_mut().peek_slice(input).unwrap_or(0);
            let input = input.get(..got).unwrap_or_default();
            let first = core::mem::replace(&mut self.fresh, false);
            let step = offer(self.socket_mut(), |output| {
                service.stream(Exchange { slot, first, port, input, end, output })
            });
            let consumed = self.take(step.consumed.min(got));
            self.given = self.given.wrapping_add(wrap(step.produced));
            (received, sent) = (received + consumed, sent + step.produced);
            if let Mode::Sentence(Some(left)) = &mut self.mode {
                *left -= consumed.min(*left);
            }
            if step.close {
                self.report(slot, &mut received, &mut sent, sink);
                self.close(slot, sink);
                return self.discard(slot, sink);
            }
            if consumed == 0 && step.produced == 0 {
                break;
            }
        }
        self.report(slot, &mut received, &mut sent, sink);
    }

    /// Tells what the service received and sent.
    fn report<O: Observer>(
        &self,
        slot: usize,
        received: &mut usize,
        sent: &mut usize,
        sink: &mut Sink<'_, O>,
    ) {
        match core::mem::take(received) {
            0 => {}
            bytes => sink.emit(Event::Call(Call::Receive { slot, bytes })),
        }
        match core::mem::take(sent) {
            0 => {}
            bytes => sink.emit(Event::Call(Call::Send { slot, bytes })),
        }
    }

    /// Takes so many bytes out of the receive buffer, in two steps where it wraps.
    fn take(&mut self, bytes: usize) -> usize {
        let mut left = bytes;
        while left > 0 {
            let step = self.socket_mut().recv(|piece| {
                let step = piece.len().min(left);
                (step, step)
            });
            match step {
                Ok(0) | Err(_) => break,
                Ok(step) => left -= step,
            }
        }
        self.taken = self.taken.wrapping_add(wrap(bytes - left));
        bytes - left
    }

    fn close<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        if self.socket().state() == State::CloseWait && self.socket().send_queue() > 0 {
            self.mode = Mode::Drain;
            return;
        }
        self.socket_mut().close();
        self.mode = Mode::Discard;
        sink.emit(Event::Call(Call::Close { slot }));
        self.look(slot, Cause::Call, sink);
    }

    fn discard<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        let mut received = self.socket().recv_queue();
        if received > 0 {
            received = self.take(received);
            self.report(slot, &mut received, &mut 0, sink);
        }
    }

    /// Gives the connection up: a half-open one silently, any other with a RST.
    pub(crate) fn abort<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Outgoing<'_, '_, D, O>,
    ) {
        let silent = matches!(self.state, State::SynReceived | State::TimeWait);
        self.socket_mut().abort();
        if !silent {
            self.send(iface, device);
        }
        self.look(slot, Cause::Limit, device.sink);
    }

    /// Whether the slot holds no connection any more: a SYN with a bad checksum or a RST in SYN-RECEIVED leaves it in
    /// LISTEN, everything else that ends in CLOSED.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.socket().state(), State::Closed | State::Listen)
    }

    /// In TIME-WAIT, with nothing to send: the last acknowledgement is out.
    pub(crate) fn rests(&self) -> bool {
        self.state == State::TimeWait && !self.touched && !self.owes
    }

    /// Forgets the connection without a word to its peer.
    pub(crate) fn forget<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        self.socket_mut().abort();
        self.look(slot, Cause::Limit, sink);
    }

    /// By which limit the connection stands or falls, and since when.
    pub(crate) fn limit(&self, limits: &Limits) -> Option<(Limit, Duration)> {
        match self.state {
            State::Closed | State::Listen | State::SynSent | State::TimeWait => None,
            State::SynReceived => Some((Limit::HalfOpen, limits.half_open)),
            State::Established | State::CloseWait if self.socket().send_queue() == 0 => {
                Some((Limit::Idle, limits.idle))
            }
            State::Established | State::CloseWait => Some((Limit::Stalled, limits.stalled)),
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
                Some((Limit::Closing, limits.closing))
            }
        }
    }

    /// From when on the slot may be taken for a new connection while none is free: the oldest TIME-WAIT first.
    pub(crate) fn ripe(&self, limits: &Limits) -> Instant {
        if self.state == State::TimeWait {
            // Before all others, in the order of their age.
            return Instant::from_micros(self.progress.total_micros() - RIPE_FIRST);
        }
        self.limit(limits).map_or(NEVER, |(limit, own)| {
            let crowded = if limit == Limit::HalfOpen { Limits::CROWDED_HALF_OPEN } else { Limits::CROWDED };
            self.progress + crowded.min(own)
        })
    }
}

/// Counts of bytes wrap as sequence numbers do.
#[allow(clippy::cast_possible_truncation, reason = "they wrap")]
fn wrap(bytes: usize) -> u32 {
    bytes as u32
}

/// A sequence number so many bytes ahead. (smoltcp's own addition panics beyond 2^31.)
fn ahead(seq: TcpSeqNumber, bytes: u32) -> TcpSeqNumber {
    TcpSeqNumber(seq.0.wrapping_add(bytes.cast_signed()))
}

/// A hundred years in microseconds: TIME-WAIT sorts before every limit that a running connection has.
const RIPE_FIRST: i64 = 100 * 365 * 86_400 * 1_000_000;

/// Offers the free part of the send buffer to a service: in one piece, or a small copy where the buffer wraps.
fn offer(socket: &mut tcp::Socket<'_>, serve: impl FnOnce(&mut [u8]) -> Step) -> Step {
    let free = socket.send_capacity() - socket.send_queue();
    let mut serve = Some(serve);
    let step = socket.send(|piece| {
        if piece.len() < MIN_OUTPUT.min(free) {
            return (0, None);
        }
        let step = serve.take().map(|serve| {
            let step = serve(piece);
            Step { produced: step.produced.min(piece.len()), ..step }
        });
        (step.map_or(0, |step| step.produced), step)
    });
    match (step, serve) {
        (Ok(Some(step)), _) => step,
        (Ok(None), Some(serve)) => {
            let mut piece = [0; MIN_OUTPUT];
            let piece = piece.get_mut(..MIN_OUTPUT.min(free)).unwrap_or_default();
            let mut step = serve(piece);
            step.produced = step.produced.min(piece.len());
            let piece = piece.get(..step.produced).unwrap_or_default();
            // It fits: no more was offered than is free.
            step.produced = socket.send_slice(piece).unwrap_or(0);
            step
        }
        _ => Step::default(),
    }
}
