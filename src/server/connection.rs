//! One connection: its socket, in a set of its own, and what the server knows of it. What goes through the service is in
//! `exchange`.

use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::TcpSeqNumber;

use super::config::{Limits, Listener};
use super::door::Segment;
use super::phase::Phase;
use super::time::{NEVER, after};
use super::tuple::Tuple;
use crate::event::{Call, Cause, Change, Event, Limit, Observer, Sink};
use crate::packet::{Flags, Mac};
use crate::recovery::Recovery;
use crate::service::{Closed, Ended, Service};
use crate::stack::{Egress, Sent, speak_as};

/// What is known of one connection.
pub(super) struct Connection<'a> {
    pub(super) set: SocketSet<'a>,
    pub(super) handle: SocketHandle,
    /// Whose connection it is; `None` where the slot is free.
    pub(super) tuple: Option<Tuple>,
    /// Which listener it came to.
    pub(super) listener: Option<&'a Listener>,
    pub(super) phase: Phase,
    /// The state when last observed, and the one before.
    pub(super) state: State,
    previous: State,
    /// The service knows of it, and has not been told that it is over.
    pub(super) in_service: bool,
    /// It is among those that this poll has touched.
    pub(super) touched: bool,
    /// Where its segments go: to the client's Ethernet address, or the router's that it is behind.
    pub(super) mac: Mac,
    /// How often a timer has made the stack send since a segment came.
    pub(super) unanswered: u8,
    /// The stack has something to send that the device had no room for.
    transmit_blocked: bool,
    /// Bytes wait to be sent, or to be acknowledged.
    has_unacknowledged: bool,
    /// The client's initial sequence number.
    irs: TcpSeqNumber,
    /// What was seen of our segments.
    sent: Sent,
    /// What is known of what became of them.
    pub(super) recovery: Recovery,
    /// Bytes taken from the receive buffer, and given to the send buffer. They wrap.
    pub(super) taken: u32,
    pub(super) given: u32,
    /// What `progress` is measured by: bytes received, bytes acknowledged, the state.
    mark: (u32, u32, State),
    /// When the connection last came any further.
    pub(super) progress: Instant,
}

impl<'a> Connection<'a> {
    /// `set` is empty and has room for one socket.
    pub(super) fn new(mut set: SocketSet<'a>, mut socket: tcp::Socket<'a>) -> Self {
        // These stay from connection to connection. A reply carries the acknowledgement along, and without a reply there is
        // nothing to wait for.
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        // A program may have built the stack with another default; the window that there is is `recovery`'s.
        socket.set_congestion_control(tcp::CongestionControl::None);
        let handle = set.add(socket);
        Connection {
            set,
            handle,
            tuple: None,
            listener: None,
            phase: Phase::Stream,
            state: State::Closed,
            previous: State::Closed,
            in_service: false,
            touched: false,
            mac: Mac::BROADCAST,
            unanswered: 0,
            transmit_blocked: false,
            has_unacknowledged: false,
            irs: TcpSeqNumber(0),
            sent: Sent::NOTHING,
            recovery: Recovery::NOTHING,
            taken: 0,
            given: 0,
            mark: (0, 0, State::Closed),
            progress: Instant::ZERO,
        }
    }

    pub(super) fn set(&mut self) -> &mut SocketSet<'a> {
        &mut self.set
    }

    pub(super) fn socket(&self) -> &tcp::Socket<'a> {
        self.set.get(self.handle)
    }

    pub(super) fn socket_mut(&mut self) -> &mut tcp::Socket<'a> {
        self.set.get_mut(self.handle)
    }

    /// The welcoming socket was contacted: puts this slot's socket into LISTEN for the SYN that comes next.
    pub(super) fn listen(&mut self, syn: &Segment, listener: Option<&'a Listener>, mac: Mac, now: Instant) {
        let socket = self.socket_mut();
        // Whatever the connection before left: first CLOSED, without a word to its peer.
        socket.abort();
        // A CLOSED socket can listen on any port but 0, and the door knows no port 0.
        let _ = socket.listen(syn.tuple.local);
        self.listener = listener;
        self.phase = listener.map_or(Phase::Stream, |listener| Phase::of(listener.mode));
        self.state = State::Listen;
        self.in_service = false;
        self.has_unacknowledged = false;
        self.mac = mac;
        self.unanswered = 0;
        self.irs = syn.seq;
        self.sent = Sent::NOTHING;
        self.taken = 0;
        self.given = 0;
        self.mark = (0, 0, State::Listen);
        self.progress = now;
    }

    /// The next sequence number expected from the peer, exactly (RFC 9293 3.3.1, RCV.NXT).
    pub(super) fn rcv_nxt(&self) -> TcpSeqNumber {
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
    pub(super) fn place(&self, segment: &Segment) -> Place {
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

    /// What the stack, which has had a segment, hasn't read of it, because it isn't where the next is expected: as a
    /// segment without data that it does read, whether with a FIN.
    ///
    /// * When its retransmission timer fires, smoltcp 0.14 goes back to the first byte that isn't acknowledged, and the
    ///   sequence numbers of its bare acknowledgements go back with it (RFC 9293 3.10.7.4: they should stay at SND.NXT).
    ///   Its peer has later bytes already, finds them before its window, and doesn't read what they acknowledge. Where
    ///   both ends have gone back, neither ever reads the other again. A number that acknowledges something new is none
    ///   the less the latest that its sender has said, its window too. No more can be forged by this than within the
    ///   window (RFC 5961 5), if the segment is no further away than that.
    /// * A FIN that comes again with the data before it, which has arrived.
    /// * Of a segment where the next is expected, whose data finds no room, what it acknowledges and its window (RFC 9293
    ///   3.10.7.4: "special allowance"): two ends whose buffers are full would wait for each other.
    #[cold]
    #[inline(never)]
    pub(super) fn unread(&self, segment: &Segment, start: i32) -> Option<bool> {
        let socket = self.socket();
        let una = self.snd_una()?;
        if self.is_over() || segment.reset || start.unsigned_abs() as usize > socket.recv_capacity() {
            return None;
        }
        let ack = segment.ack?;
        let news = ack > una || start == 0 && ack == una;
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
    pub(super) fn precedes(&self, syn: &Segment) -> bool {
        syn.seq.0.wrapping_sub(self.rcv_nxt().0) > 0
    }

    /// Whether a half-open connection awaits a segment with this acknowledgement; any other state takes what comes.
    pub(super) fn awaits(&self, segment: &Segment) -> bool {
        match (self.state, segment.ack, self.sent.iss) {
            (State::SynReceived, Some(ack), Some(iss)) => segment.reset || ack == iss + 1,
            _ => true,
        }
    }

    /// Whether a segment, which lies there, can only be the peer's: at the next byte that is expected and acknowledging what
    /// may be, or with news of what was received. Another would have to guess 32 bits.
    pub(super) fn accepts(&self, segment: &Segment, place: Place) -> bool {
        let (Some(ack), Some(una)) = (segment.ack, self.snd_una()) else { return false };
        let news = ack.0.wrapping_sub(una.0);
        // A FIN counts for one.
        let fin = matches!(self.state, State::FinWait1 | State::Closing | State::LastAck);
        let most = self.socket().send_queue() + usize::from(fin);
        let possible = usize::try_from(news).is_ok_and(|news| news <= most);
        !segment.reset && possible && (place == Place::Next || news > 0)
    }

    /// Whether a segment, which lies there, repeats what was received: whoever sent it may not hear our answers. Or it was
    /// recorded.
    pub(super) fn repeats(&self, segment: &Segment, place: Place) -> bool {
        let Place::Elsewhere(start) = place else { return false };
        let near = start < 0 && start.unsigned_abs() as usize <= self.socket().recv_capacity();
        near && !segment.reset && segment.ack.is_some() && segment.ack == self.snd_una()
    }

    /// The oldest sequence number of ours that isn't acknowledged (RFC 9293 3.3.1, SND.UNA), once the SYN-ACK is out.
    pub(super) fn snd_una(&self) -> Option<TcpSeqNumber> {
        let socket = self.socket();
        let fin = matches!(socket.state(), State::FinWait2 | State::TimeWait);
        let acknowledged = self.given.wrapping_sub(wrap(socket.send_queue()));
        Some(ahead(self.sent.iss?, acknowledged.wrapping_add(1 + u32::from(fin))))
    }

    /// Tells of a change of state since it was last observed. What is in the socket's queues, since it is looked at.
    pub(super) fn observe<O: Observer>(
        &mut self,
        slot: usize,
        cause: Cause,
        sink: &mut Sink<'_, O>,
    ) -> Queues {
        let socket = self.socket();
        let (now, queues) = (socket.state(), Queues::of(socket));
        if now == self.state {
            return queues;
        }
        let change = Change { slot, from: self.state, to: now, cause };
        let accepted =
            self.state == State::SynReceived && matches!(now, State::Established | State::CloseWait);
        self.previous = self.state;
        self.state = now;
        sink.emit(Event::State(change));
        if accepted {
            let socket = self.socket();
            if let (Some(local), Some(remote)) = (socket.local_endpoint(), socket.remote_endpoint()) {
                sink.emit(Event::Call(Call::Accept { slot, local, remote }));
            }
        }
        queues
    }

    /// Serves and sends until there is nothing left to do for now. When the stack wants to be called again.
    pub(super) fn process<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        due: Instant,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
        scratch: &mut [u8],
    ) -> Option<Instant> {
        let now = device.sink.now;
        #[cfg(feature = "recovery")]
        self.recover(slot, iface, device);
        let served = self.serve(slot, service, scratch, device.sink);
        let mut next = None;
        let queues = match self.is_quiet() {
            Some(queues) if !served => queues,
            _ => {
                next = self.send(slot, due, iface, device, scratch);
                if !self.touched && self.sent.last != Flags(0) && self.is_asking() {
                    self.unanswered = self.unanswered.saturating_add(1);
                }
                self.observe(slot, Cause::Timer, device.sink)
            }
        };
        let received = match self.phase {
            // What is discarded is no progress: it could go on for ever.
            Phase::Discard => 0,
            _ => self.taken.wrapping_add(queues.received),
        };
        self.has_unacknowledged = queues.sent > 0;
        let mark = (received, self.given.wrapping_sub(queues.sent), self.state);
        if mark != self.mark {
            self.mark = mark;
            self.progress = now;
        }
        self.transmit_blocked = next.is_some_and(|at| at <= now);
        self.before_its_deadline(next)
    }

    /// Whether a frame came that leaves the stack with nothing to send and no timer: nothing waits to be acknowledged,
    /// by either side.
    fn is_quiet(&self) -> Option<Queues> {
        if !self.touched || self.transmit_blocked || self.state != State::Established {
            return None;
        }
        let queues = Queues::of(self.socket());
        let received = self.taken.wrapping_add(queues.received);
        (queues.sent == 0 && received == self.mark.0).then_some(queues)
    }

    /// Lets the stack send all it may: one call sends one segment. When it wants to be called again; it was to be at `due`.
    ///
    /// The stack is asked for that only where it can't be known. After a SYN or a FIN, and after any segment where no byte
    /// waits, nothing is left to send; and nothing is repeated sooner than in a second (RFC 6298 2.4), or than it was to be
    /// before.
    fn send<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        due: Instant,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
        spare: &mut [u8],
    ) -> Option<Instant> {
        let now = device.sink.now;
        if let Some(tuple) = &self.tuple {
            speak_as(iface, tuple.local.addr);
        }
        device.sent = Sent { last: Flags(0), ..self.sent };
        loop {
            let result = self.emit(slot, iface, device, spare);
            self.sent = device.sent;
            let last = self.sent.last.0;
            if due > now
                && last != 0
                && !self.is_behind()
                && (last & (Flags::SYN | Flags::FIN) != 0 || self.socket().send_queue() == 0)
            {
                return Some(due.min(now + SHORTEST_TIMEOUT));
            }
            let next = iface.poll_at(now, &self.set);
            if result == PollResult::None || next.is_none_or(|at| at > now) {
                return next;
            }
        }
    }

    /// Whether what a timer makes the stack send now asks for an answer that fails to come.
    fn is_asking(&self) -> bool {
        #[cfg(feature = "recovery")]
        return self.recovery.is_asking();
        #[cfg(not(feature = "recovery"))]
        true
    }

    /// Whether the stack has gone back, and sends what it has sent.
    #[inline(always)]
    fn is_behind(&self) -> bool {
        #[cfg(feature = "recovery")]
        return self.recovery.is_behind();
        #[cfg(not(feature = "recovery"))]
        false
    }

    /// That instant, or the one by which recovery has something to do.
    #[inline(always)]
    fn before_its_deadline(&self, next: Option<Instant>) -> Option<Instant> {
        #[cfg(feature = "recovery")]
        return next.into_iter().chain(self.recovery.deadline()).min();
        #[cfg(not(feature = "recovery"))]
        next
    }

    /// Lets the stack send one segment.
    #[cfg(not(feature = "recovery"))]
    #[inline(always)]
    fn emit<D: Device, O: Observer>(
        &mut self,
        _slot: usize,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
        _spare: &mut [u8],
    ) -> PollResult {
        device.emit(device.sink.now, iface, &mut self.set)
    }

    /// Gives the connection up: a half-open one silently, any other with a RST.
    pub(super) fn abort<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
    ) {
        let silent = matches!(self.state, State::SynReceived | State::TimeWait);
        self.socket_mut().abort();
        if !silent {
            self.send(slot, NEVER, iface, device, &mut []);
        }
        self.observe(slot, Cause::Limit, device.sink);
    }

    /// Tells the service, if it knows of the connection, that it is over: by this limit, or by itself.
    pub(super) fn leave_service<S: Service>(&mut self, slot: usize, limit: Option<Limit>, service: &mut S) {
        if core::mem::take(&mut self.in_service)
            && let Some(Tuple { local, remote }) = self.tuple
        {
            let why = limit.map_or_else(|| self.ended(), Ended::Evicted);
            service.closed(Closed { slot, local, remote, why });
        }
    }

    /// How a connection ended that is over by itself: in order, or by a RST. In LAST-ACK, which a RST ends too, all bytes
    /// have been acknowledged: see [`Phase::Drain`].
    fn ended(&self) -> Ended {
        let in_order =
            self.state == State::TimeWait || matches!(self.previous, State::LastAck | State::TimeWait);
        if in_order { Ended::Closed } else { Ended::Reset }
    }

    /// Whether the slot held no connection any more when last observed: a RST in SYN-RECEIVED leaves it in LISTEN,
    /// everything else that ends in CLOSED.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Closed | State::Listen)
    }

    /// Whether the SYN began no connection: one with a bad checksum leaves the socket in LISTEN.
    pub(super) fn listens(&self) -> bool {
        self.socket().state() == State::Listen
    }

    /// In TIME-WAIT, with nothing to send: the last acknowledgement is out.
    pub(super) fn is_reusable(&self) -> bool {
        self.state == State::TimeWait && !self.touched && !self.transmit_blocked
    }

    /// Forgets the connection without a word to its peer.
    pub(super) fn forget<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        self.socket_mut().abort();
        self.observe(slot, Cause::Limit, sink);
    }

    /// By which limit the connection stands or falls, and since when: its listener's, or the default.
    ///
    /// Without the feature `recovery`, two stalls of smoltcp 0.14 end only so: bytes in flight without a timer, where a
    /// window update ended its probes of a zero window; and a lone FIN that four duplicate acknowledgements made it repeat,
    /// which it doesn't. (`recovery/hear.rs` has neither come about.)
    pub(super) fn limit(&self, default: &Limits) -> Option<(Limit, Duration)> {
        let limits = self.listener.and_then(|listener| listener.limits).unwrap_or(default);
        match self.state {
            State::Closed | State::Listen | State::SynSent | State::TimeWait => None,
            State::SynReceived => Some((Limit::HalfOpen, limits.half_open)),
            State::Established | State::CloseWait if self.has_unacknowledged => {
                Some((Limit::Stalled, limits.stalled))
            }
            State::Established | State::CloseWait => Some((Limit::Idle, limits.idle)),
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
                Some((Limit::Closing, limits.closing))
            }
        }
    }

    /// From when on the slot may be taken for a new connection while none is free: the oldest TIME-WAIT first. `limit` is
    /// that of [`Connection::limit`].
    pub(super) fn evictable_from(&self, limit: Option<(Limit, Duration)>) -> Instant {
        match limit {
            // Before all others, in the order of their age.
            None if self.state == State::TimeWait && !self.transmit_blocked => {
                Instant::from_micros(self.progress.total_micros() - EVICTED_FIRST)
            }
            None => NEVER,
            Some((Limit::HalfOpen, own)) => after(self.progress, Limits::CROWDED_HALF_OPEN.min(own)),
            Some((_, own)) => after(self.progress, Limits::CROWDED.min(own)),
        }
    }
}

/// Where a segment lies, seen from the next sequence number expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// There.
    Next,
    /// So many bytes after it, or before it.
    Elsewhere(i32),
    /// It carries bytes beyond all that was ever offered: the buffer's end.
    Beyond,
}

impl Place {
    /// Bytes from the next that is expected.
    #[cfg(feature = "recovery")]
    pub(super) fn start(self) -> i32 {
        match self {
            Place::Next => 0,
            Place::Elsewhere(start) => start,
            Place::Beyond => i32::MAX,
        }
    }
}

/// Bytes in the receive buffer that the service hasn't taken, and in the send buffer that aren't acknowledged.
#[derive(Clone, Copy)]
pub(super) struct Queues {
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
pub(super) fn wrap(bytes: usize) -> u32 {
    bytes as u32
}

/// A sequence number so many bytes ahead. (smoltcp's own addition panics beyond 2^31.)
fn ahead(seq: TcpSeqNumber, bytes: u32) -> TcpSeqNumber {
    TcpSeqNumber(seq.0.wrapping_add(bytes.cast_signed()))
}

/// The stack repeats nothing sooner (RFC 6298 2.4).
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// A hundred years in microseconds: TIME-WAIT sorts before every limit that a running connection has.
const EVICTED_FIRST: i64 = 100 * 365 * 86_400 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer whose FIN isn't acknowledged yet would get a RST for the FIN that it repeats.
    #[test]
    fn time_wait_is_not_evictable_before_the_last_acknowledgement_is_out() {
        let buffer = || tcp::SocketBuffer::new(vec![0; 16]);
        let set = SocketSet::new(vec![smoltcp::iface::SocketStorage::EMPTY]);
        let mut connection = Connection::new(set, tcp::Socket::new(buffer(), buffer()));
        connection.state = State::TimeWait;
        assert!(connection.evictable_from(None) < Instant::ZERO);
        connection.transmit_blocked = true;
        assert_eq!(connection.evictable_from(None), NEVER);
    }
}
