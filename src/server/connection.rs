//! One connection: its socket, in a set of its own, and what the server remembers of it.

use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
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
    /// Where among the neighbours it was when last looked for.
    pub(crate) neighbor: u16,
    /// The stack has something to send that the device had no room for.
    pub(crate) owes: bool,
    /// Bytes wait to be sent, or to be acknowledged.
    waits: bool,
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
            neighbor: 0,
            owes: false,
            waits: false,
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
        self.waits = false;
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
        self.expected(self.socket())
    }

    fn expected(&self, socket: &tcp::Socket<'_>) -> TcpSeqNumber {
        let fin = has_finished(socket.state());
        ahead(self.irs, self.taken.wrapping_add(wrap(socket.recv_queue() + 1 + usize::from(fin))))
    }

    /// Where a segment lies.
    ///
    /// Until it has acknowledged something, smoltcp 0.14 scales the window of its SYN-ACK, which isn't scaled (RFC
    /// 7323 2.2), and so takes up to twice what the buffer holds: it panics, or hands out bytes of the connection
    /// before. A probe of one byte is its own to judge.
    pub(crate) fn place(&self, segment: &Segment) -> Place {
        let socket = self.socket();
        let start = segment.seq.0.wrapping_sub(self.expected(socket).0);
        if segment.bytes > 0 {
            let end = i64::from(start) + segment.bytes as i64;
            let beyond = if has_finished(socket.state()) {
                // Nothing comes after a FIN; smoltcp would hand it out.
                end > 0
            } else {
                let free = socket.recv_capacity() - socket.recv_queue();
                segment.bytes > 1 && end > free as i64
            };
            if beyond {
                return Place::Beyond;
            }
        }
        if start == 0 { Place::Next } else { Place::Elsewhere(start) }
    }

    /// What a segment says that isn't where the next is expected, and the stack, which has had it, hasn't read: as a
    /// segment without data that it does read, whether with a FIN.
    ///
    /// * When its retransmission timer fires, smoltcp 0.14 goes back to the first byte that isn't acknowledged, and the
    ///   sequence numbers of its bare acknowledgements go back with it (RFC 9293 3.10.7.4: they should stay at SND.NXT).
    ///   Its peer has later bytes already, finds them before its window, and doesn't read what they acknowledge. Where
    ///   both ends have gone back, neither ever reads the other again. A number that acknowledges something new is none
    ///   the less the latest that its sender has said, its window too. No more can be forged by this than within the
    ///   window (RFC 5961 5), if the segment is no further away than that.
    /// * A FIN that comes again with the data before it, which has arrived.
    #[cold]
    #[inline(never)]
    pub(crate) fn unread(&self, segment: &Segment, start: i32) -> Option<bool> {
        let socket = self.socket();
        let una = self.snd_una()?;
        if self.is_over() || segment.reset || start.unsigned_abs() as usize > socket.recv_capacity() {
            return None;
        }
        let news = segment.ack? > una;
        let ends = segment.fin
            && start < 0
            && i64::from(start) + segment.bytes as i64 == 0
            && !has_finished(socket.state());
        (news || ends).then_some(ends)
    }

    /// Whether a SYN opens the next connection of this one's 4-tuple, which is in TIME-WAIT: only if it lies beyond all
    /// that was received (RFC 9293 3.6.1), as a client's do whose initial sequence numbers follow a clock (3.4.1).
    /// Another's gets an acknowledgement, answers it with a RST that ends this connection (3.10.7.3), and is let in with
    /// its next SYN: Linux does the same.
    pub(crate) fn precedes(&self, syn: &Segment) -> bool {
        syn.seq.0.wrapping_sub(self.rcv_nxt().0) > 0
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
        if accepted {
            let socket = self.socket();
            if let (Some(local), Some(remote)) = (socket.local_endpoint(), socket.remote_endpoint()) {
                sink.emit(Event::Call(Call::Accept { slot, local, remote }));
            }
        }
    }

    /// Serves and sends until there is nothing left to do for now. When the stack wants to be called again.
    pub(crate) fn attend<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
        scratch: &mut [u8],
    ) -> Option<Instant> {
        let now = device.sink.now;
        let served = self.serve(slot, service, scratch, device.sink);
        let mut next = None;
        let queues = match self.is_quiet() {
            Some(queues) if !served => queues,
            _ => {
                device.sink.iss = None;
                next = self.send(iface, device);
                self.iss = self.iss.or(device.sink.iss);
                self.look(slot, Cause::Timer, device.sink);
                Queues::of(self.socket())
            }
        };
        let received = match self.mode {
            // What is discarded is no progress: it could go on for ever.
            Mode::Discard => 0,
            _ => self.taken.wrapping_add(queues.received),
        };
        self.waits = queues.sent > 0;
        let mark = (received, self.given.wrapping_sub(queues.sent), self.state);
        if mark != self.mark {
            self.mark = mark;
            self.progress = now;
        }
        next
    }

    /// Whether a frame came that leaves the stack with nothing to send and no timer: nothing waits to be acknowledged,
    /// by either side.
    fn is_quiet(&self) -> Option<Queues> {
        if !self.touched || self.owes || self.state != State::Established {
            return None;
        }
        let queues = Queues::of(self.socket());
        let received = self.taken.wrapping_add(queues.received);
        (queues.sent == 0 && received == self.mark.0).then_some(queues)
    }

    /// Lets the stack send all it may: one call sends one segment. When it wants to be called again.
    pub(crate) fn send<D: Device, O: Observer>(
        &mut self,
        iface: &mut Interface,
        device: &mut Outgoing<'_, '_, D, O>,
    ) -> Option<Instant> {
        let now = device.sink.now;
        loop {
            let result = iface.poll_egress(now, device, &mut self.set);
            let next = iface.poll_at(now, &self.set);
            if result == PollResult::None || next.is_none_or(|at| at > now) {
                return next;
            }
        }
    }

    /// Moves bytes from the receive buffer through the service to the send buffer. Whether there was anything to do.
    fn serve<S: Service, O: Observer>(
        &mut self,
        slot: usize,
        service: &mut S,
        scratch: &mut [u8],
        sink: &mut Sink<'_, O>,
    ) -> bool {
        match self.mode {
            Mode::Drain => {
                self.close(slot, sink);
                return true;
            }
            Mode::Discard => {
                self.discard(slot, sink);
                return true;
            }
            Mode::Sentence(_) | Mode::Stream => {}
        }
        let (mut received, mut sent, mut served) = (0, 0, false);
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.handle);
        let port = socket.listen_endpoint().port;
        while socket.may_send() {
            let waiting = socket.recv_queue();
            let finished = socket.state() != State::Established;
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
            let Some(input) = scratch.get_mut(..size) else { break };
            let got = socket.peek_slice(input).unwrap_or(0);
            let input = input.get(..got).unwrap_or_default();
            let first = core::mem::replace(&mut self.fresh, false);
            served = true;
            let step =
                offer(socket, |output| service.stream(Exchange { slot, first, port, input, end, output }));
            let consumed = take(socket, step.consumed.min(got));
            self.taken = self.taken.wrapping_add(wrap(consumed));
            self.given = self.given.wrapping_add(wrap(step.produced));
            (received, sent) = (received + consumed, sent + step.produced);
            if let Mode::Sentence(Some(left)) = &mut self.mode {
                *left -= consumed.min(*left);
            }
            if step.close {
                report(slot, received, sent, sink);
                self.close(slot, sink);
                self.discard(slot, sink);
                return true;
            }
            if consumed == 0 && step.produced == 0 {
                break;
            }
        }
        report(slot, received, sent, sink);
        served
    }

    fn close<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        let socket = self.socket_mut();
        if socket.state() == State::CloseWait && socket.send_queue() > 0 {
            self.mode = Mode::Drain;
            return;
        }
        socket.close();
        self.mode = Mode::Discard;
        sink.emit(Event::Call(Call::Close { slot }));
        self.look(slot, Cause::Call, sink);
    }

    fn discard<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        let socket = self.socket_mut();
        let waiting = socket.recv_queue();
        if waiting > 0 {
            let received = take(socket, waiting);
            self.taken = self.taken.wrapping_add(wrap(received));
            report(slot, received, 0, sink);
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

    /// Whether the slot held no connection any more when last looked at: a RST in SYN-RECEIVED leaves it in LISTEN,
    /// everything else that ends in CLOSED.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Closed | State::Listen)
    }

    /// Whether the SYN began no connection: one with a bad checksum leaves the socket in LISTEN.
    pub(crate) fn listens(&self) -> bool {
        self.socket().state() == State::Listen
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
    ///
    /// Two stalls of smoltcp 0.14 end only so: bytes in flight without a timer, where a window update ended its probes of
    /// a zero window; and a lone FIN that four duplicate acknowledgements made it repeat, which it doesn't. From outside
    /// neither can be set going without saying something that isn't true: a keep-alive's byte may land in a gap of the
    /// peer's, and a duplicate acknowledgement of our own would carry a window that may be over.
    pub(crate) fn limit(&self, limits: &Limits) -> Option<(Limit, Duration)> {
        match self.state {
            State::Closed | State::Listen | State::SynSent | State::TimeWait => None,
            State::SynReceived => Some((Limit::HalfOpen, limits.half_open)),
            State::Established | State::CloseWait if self.waits => Some((Limit::Stalled, limits.stalled)),
            State::Established | State::CloseWait => Some((Limit::Idle, limits.idle)),
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
                Some((Limit::Closing, limits.closing))
            }
        }
    }

    /// From when on the slot may be taken for a new connection while none is free: the oldest TIME-WAIT first. `limit` is
    /// that of [`Connection::limit`].
    pub(crate) fn ripe(&self, limit: Option<(Limit, Duration)>) -> Instant {
        match limit {
            // Before all others, in the order of their age.
            None if self.state == State::TimeWait && !self.owes => {
                Instant::from_micros(self.progress.total_micros() - RIPE_FIRST)
            }
            None => NEVER,
            Some((Limit::HalfOpen, own)) => self.progress + Limits::CROWDED_HALF_OPEN.min(own),
            Some((_, own)) => self.progress + Limits::CROWDED.min(own),
        }
    }
}

/// Where a segment lies, seen from the next sequence number expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// There.
    Next,
    /// So many bytes after it, or before it.
    Elsewhere(i32),
    /// It carries bytes beyond all that was ever offered: the buffer's end.
    Beyond,
}

/// Bytes in the receive buffer that the service hasn't taken, and in the send buffer that aren't acknowledged.
#[derive(Clone, Copy)]
struct Queues {
    received: u32,
    sent: u32,
}

impl Queues {
    fn of(socket: &tcp::Socket<'_>) -> Self {
        Queues { received: wrap(socket.recv_queue()), sent: wrap(socket.send_queue()) }
    }
}

/// The peer has closed its side.
fn has_finished(state: State) -> bool {
    matches!(state, State::CloseWait | State::LastAck | State::Closing | State::TimeWait)
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

/// Tells what the service received and sent.
fn report<O: Observer>(slot: usize, received: usize, sent: usize, sink: &mut Sink<'_, O>) {
    if received > 0 {
        sink.emit(Event::Call(Call::Receive { slot, bytes: received }));
    }
    if sent > 0 {
        sink.emit(Event::Call(Call::Send { slot, bytes: sent }));
    }
}

/// Takes so many bytes out of the receive buffer, in two steps where it wraps.
fn take(socket: &mut tcp::Socket<'_>, bytes: usize) -> usize {
    let mut left = bytes;
    while left > 0 {
        let step = socket.recv(|piece| {
            let step = piece.len().min(left);
            (step, step)
        });
        match step {
            Ok(0) | Err(_) => break,
            Ok(step) => left -= step,
        }
    }
    bytes - left
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer whose FIN isn't acknowledged yet would get a RST for the FIN that it repeats.
    #[test]
    fn time_wait_is_not_ripe_before_the_last_acknowledgement_is_out() {
        let buffer = || tcp::SocketBuffer::new(vec![0; 16]);
        let set = SocketSet::new(vec![smoltcp::iface::SocketStorage::EMPTY]);
        let mut connection = Connection::new(set, tcp::Socket::new(buffer(), buffer()));
        connection.state = State::TimeWait;
        assert!(connection.ripe(None) < Instant::ZERO);
        connection.owes = true;
        assert_eq!(connection.ripe(None), NEVER);
    }
}
