//! A frame's way in: past the door, to the socket that it is for.

use managed::ManagedSlice;
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::tcp::State;
use smoltcp::socket::udp::UdpMetadata;
use smoltcp::time::{Duration, Instant};

use super::Core;
use super::connection::Place;
use super::datagrams;
use super::door::{self, Class, Segment};
use super::headers::bare;
use super::slots::Order;
use crate::event::{Cause, DropRule, Event, Observer, Sink, Timer, Way};
use crate::packet::Mac;
use crate::service::Service;
use crate::stack::{Content, Departing, Egress, OneFrame, speak_as};

/// What an ICMP error or a reset costs: a hundred a second, and as many at once after a silence.
pub(super) const ERROR: Duration = Duration::from_millis(10);

/// A packet, and the frame that it came in.
#[derive(Clone, Copy)]
pub(super) struct Arrived<'f> {
    pub(super) frame: &'f [u8],
    pub(super) packet: &'f [u8],
}

/// What is left to do about a frame once it has been taken in.
pub(super) enum FollowUp {
    /// A datagram was served: its reply, of so many bytes, is to be sent.
    Datagram(Mac, UdpMetadata, usize),
    /// The stack has skipped part of a segment of this connection: a bare one of so many bytes, in the scratch buffer, says
    /// it again.
    Unread(usize, usize),
    /// Nothing.
    Other,
}

impl Core<'_> {
    /// Takes in a batch of frames. Says whether there may be more.
    pub(super) fn ingress<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) -> bool {
        let now = device.sink.now;
        for _ in 0..self.batch {
            let Some((frame, answer)) = device.device.receive(now) else { return false };
            match frame.consume(|frame| self.dispatch(frame, answer, service, device.sink)) {
                FollowUp::Datagram(to, reply, bytes) => {
                    device.to = to;
                    datagrams::send(reply, self.local.udp, bytes, &mut self.scratch, &mut self.iface, device);
                }
                FollowUp::Unread(slot, bytes) => self.read(slot, bytes, device, service),
                FollowUp::Other => {}
            }
        }
        true
    }

    /// Classifies a frame, and hands it on or drops it.
    #[inline(never)]
    fn dispatch<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let (from, packet) = match self.local.here.station.open(frame) {
            Ok((from, Content::Ip(packet))) => (from, packet),
            #[cfg(feature = "ipv4")]
            Ok((_, Content::Arp(packet))) => return self.arp(frame, &packet, answer, service, sink),
            Err(rule) => return drop_frame(frame, rule, sink),
        };
        let arrived = Arrived { frame, packet };
        match &door::classify(packet, from, &self.local) {
            Err(rule) => drop_frame(frame, *rule, sink),
            Ok(Class::Segment(segment)) => self.segment(arrived, segment, answer, service, sink),
            Ok(Class::Datagram(datagram)) => {
                sink.frame(Way::Common, frame);
                let bytes = datagrams::serve(datagram, self.ip_mtu, service, &mut self.scratch, sink);
                let Some(bytes) = bytes else { return FollowUp::Other };
                // The reply comes from the address that was asked, or where that was everybody's, from one of ours.
                let own = if datagram.unicast {
                    Some(datagram.local.addr)
                } else {
                    self.local.here.source(datagram.remote.addr)
                };
                let mut reply = UdpMetadata::from(datagram.remote);
                reply.local_address = own;
                FollowUp::Datagram(self.way_back(datagram.remote.addr, datagram.from), reply, bytes)
            }
            Ok(class) => self.other(arrived, from, class, answer, service, sink),
        }
    }

    /// Hands a segment to its connection, to a new one, or to the queue of those that wait.
    fn segment<T: TxToken, S: Service, O: Observer>(
        &mut self,
        arrived: Arrived<'_>,
        segment: &Segment,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let Arrived { frame, packet } = arrived;
        match self.slots.find(&segment.tuple) {
            Some(slot) if segment.syn => match self.slots[slot].state {
                // The client is done with the connection before, and uses the port again.
                State::TimeWait if segment.opens() && self.slots[slot].precedes(segment) => {
                    self.contact(arrived, segment, Some(slot), answer, service, sink)
                }
                // The retransmission timer repeats the SYN-ACK.
                State::SynReceived => drop_frame(frame, DropRule::Duplicate, sink),
                _ => self.challenge(slot, arrived, DropRule::Challenged, answer, sink),
            },
            Some(slot) if segment.reset && segment.seq != self.slots[slot].rcv_nxt() => {
                self.challenge(slot, arrived, DropRule::InexactReset, answer, sink)
            }
            // The stack would answer each with a RST.
            Some(slot) if !self.slots[slot].awaits(segment) && !self.errors.take(ERROR, sink.now) => {
                drop_frame(frame, DropRule::RateLimited, sink)
            }
            Some(slot) => {
                let place = self.slots[slot].place(segment);
                if place == Place::Beyond {
                    return drop_frame(frame, DropRule::BeyondWindow, sink);
                }
                let now = sink.now;
                // Another's segments say nothing of the client.
                if self.slots[slot].mac == segment.from || self.follow(slot, segment, place, now) {
                    self.slots[slot].unanswered = 0;
                }
                if let Some(follow_up) = self.take_in(slot, arrived, segment, place, answer, sink) {
                    return follow_up;
                }
                let connection = &mut self.slots[slot];
                connection.observe(slot, Cause::Segment, sink);
                if connection.is_over() {
                    self.release(slot, None, service);
                    return FollowUp::Other;
                }
                self.slots.touch(slot);
                self.unread(slot, packet, segment, place, now)
            }
            None if segment.opens() => self.contact(arrived, segment, None, answer, service, sink),
            None => self.other(arrived, segment.from, &Class::NoListener, answer, service, sink),
        }
    }

    /// Gives a segment to its connection.
    #[cfg(not(feature = "recovery"))]
    #[inline(always)]
    fn take_in<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        arrived: Arrived<'_>,
        _segment: &Segment,
        _place: Place,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Option<FollowUp> {
        sink.frame(Way::Connection(slot), arrived.frame);
        self.give(slot, arrived.packet, answer, sink);
        None
    }

    /// Gives a packet to the stack behind a connection: one copy of this for all who do.
    #[inline(never)]
    pub(super) fn give<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        packet: &[u8],
        answer: T,
        sink: &mut Sink<'_, O>,
    ) {
        let (now, connection) = (sink.now, &mut self.slots[slot]);
        if let Some(tuple) = &connection.tuple {
            speak_as(&mut self.iface, tuple.local.addr);
        }
        let token = Departing::answer(answer, sink, self.local.here.station, connection.mac);
        self.iface.poll_ingress_single(now, &mut OneFrame::new(packet, token), connection.set());
    }

    /// The same with so many bytes of the scratch buffer.
    #[cold]
    pub(super) fn give_scratch<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        bytes: usize,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) {
        // Out of the way, so that it is read where it is.
        let scratch = core::mem::replace(&mut self.scratch, ManagedSlice::Borrowed(&mut []));
        if let Some(packet) = scratch.get(..bytes) {
            self.give(slot, packet, answer, sink);
        }
        self.scratch = scratch;
    }

    /// Keeps what the stack has skipped in a segment and should have read: see [`Connection::unread`].
    ///
    /// [`Connection::unread`]: super::connection::Connection::unread
    #[inline(always)]
    fn unread(
        &mut self,
        slot: usize,
        packet: &[u8],
        segment: &Segment,
        place: Place,
        now: Instant,
    ) -> FollowUp {
        match place {
            Place::Elsewhere(start) => self.repeat(slot, packet, segment, start, now),
            Place::Next if segment.bytes > 0 && self.slots[slot].rcv_nxt() == segment.seq => {
                self.repeat(slot, packet, segment, 0, now)
            }
            _ => FollowUp::Other,
        }
    }

    #[cold]
    #[inline(never)]
    fn repeat(
        &mut self,
        slot: usize,
        packet: &[u8],
        segment: &Segment,
        start: i32,
        now: Instant,
    ) -> FollowUp {
        let connection = &mut self.slots[slot];
        let Some((fin, ack)) = connection.unread(segment, start).zip(segment.ack) else {
            return FollowUp::Other;
        };
        let bytes = bare(packet, &mut self.scratch, connection.rcv_nxt(), ack, fin);
        #[cfg(not(feature = "recovery"))]
        let _ = now;
        #[cfg(feature = "recovery")]
        let bytes = bytes.filter(|bytes| fin | connection.is_news(ack, self.scratch.get_mut(..*bytes), now));
        bytes.map_or(FollowUp::Other, |bytes| FollowUp::Unread(slot, bytes))
    }

    /// Gives a connection what its stack has skipped.
    #[cold]
    #[inline(never)]
    fn read<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        bytes: usize,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        let Some(answer) = device.device.transmit(device.sink.now) else { return };
        self.give_scratch(slot, bytes, answer, device.sink);
        let connection = &mut self.slots[slot];
        connection.observe(slot, Cause::Segment, device.sink);
        if connection.is_over() {
            self.release(slot, None, service);
        }
    }

    /// A client contacts the welcoming socket: its connection gets a slot, or waits for one. `ended` is the slot of the
    /// connection before it with the same 4-tuple, in TIME-WAIT.
    fn contact<T: TxToken, S: Service, O: Observer>(
        &mut self,
        arrived: Arrived<'_>,
        segment: &Segment,
        ended: Option<usize>,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let Arrived { frame, packet } = arrived;
        // Those that wait go first.
        if self.backlog.contains(&segment.tuple) {
            return drop_frame(frame, DropRule::Duplicate, sink);
        }
        let overtakes = self.backlog.len() > 0;
        let full = !self.slots.has_free();
        let ended = ended.or_else(|| if full && !overtakes { self.reusable() } else { None });
        if overtakes || (full && ended.is_none()) {
            return self.queue(arrived, segment, ended, service, sink);
        }
        if let Some(slot) = ended {
            // The slot that comes free now is the next to be taken.
            sink.frame(Way::Connection(slot), frame);
            self.retire(slot, service, sink);
        }
        let Some(slot) = self.open(packet, segment, answer, sink) else {
            return if ended.is_some() {
                FollowUp::Other
            } else {
                drop_frame(frame, DropRule::Refused, sink)
            };
        };
        if ended.is_none() {
            sink.frame(Way::Connection(slot), frame);
        }
        self.slots[slot].observe(slot, Cause::Segment, sink);
        self.slots.touch(slot);
        FollowUp::Other
    }

    /// The slot that has been in TIME-WAIT for the longest, if one is, and owes its peer no acknowledgement.
    fn reusable(&self) -> Option<usize> {
        let (slot, _) = self.slots.first(Order::Evictable);
        self.slots[slot].is_reusable().then_some(slot)
    }

    /// Ends TIME-WAIT early.
    #[inline(never)]
    fn retire<S: Service, O: Observer>(&mut self, slot: usize, service: &mut S, sink: &mut Sink<'_, O>) {
        sink.emit(Event::Timer(Timer::Reused { slot }));
        self.slots[slot].forget(slot, sink);
        self.release(slot, None, service);
    }

    /// Puts a free slot's socket into LISTEN and gives it the SYN.
    #[inline(never)]
    pub(super) fn open<T: TxToken, O: Observer>(
        &mut self,
        packet: &[u8],
        syn: &Segment,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Option<usize> {
        let listener = self.local.listeners.get(usize::from(syn.listener));
        let mac = self.way_back(syn.tuple.remote.addr, syn.from);
        let slot = self.slots.insert(syn.tuple)?;
        self.slots[slot].listen(syn, listener, mac, sink.now);
        #[cfg(feature = "recovery")]
        self.slots[slot].begin_recovery(self.recovery, packet, self.ip_mtu);
        self.give(slot, packet, answer, sink);
        if self.slots[slot].listens() {
            // The stack couldn't read the segment's options, for one.
            self.slots.release(slot);
            return None;
        }
        Some(slot)
    }

    /// Every slot is in use: the SYN waits, so that its client need not wait a second for its retransmission.
    #[inline(never)]
    fn queue<S: Service, O: Observer>(
        &mut self,
        Arrived { frame, packet }: Arrived<'_>,
        segment: &Segment,
        ended: Option<usize>,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        if !self.backlog.push(packet, segment, sink.now) {
            return drop_frame(frame, DropRule::QueueFull, sink);
        }
        sink.frame(Way::Waiting, frame);
        if let Some(slot) = ended {
            self.retire(slot, service, sink);
        }
        FollowUp::Other
    }

    /// Challenges a SYN or an inexact RST in a live connection: the peer gets an ACK, and one that knows nothing of the
    /// connection answers that with an exact RST (RFC 5961 3.2, 4.2). It goes where the peer is, not where the frame came
    /// from: the sequence numbers in it are all that a forger lacks.
    ///
    /// The stack sends this ACK itself, once a second at most, for a segment just before its window. So the door makes one
    /// from the frame.
    pub(super) fn challenge<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        Arrived { frame, packet }: Arrived<'_>,
        rule: DropRule,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let follow_up = drop_frame(frame, rule, sink);
        let connection = &mut self.slots[slot];
        let Some(una) = connection.snd_una() else { return follow_up };
        let bytes = bare(packet, &mut self.scratch, connection.rcv_nxt() - 1, una, false);
        if let Some(bytes) = bytes {
            self.give_scratch(slot, bytes, answer, sink);
        }
        follow_up
    }
}

/// Counts a frame that goes no further.
pub(super) fn drop_frame<O: Observer>(frame: &[u8], rule: DropRule, sink: &mut Sink<'_, O>) -> FollowUp {
    sink.frame(Way::Dropped(rule), frame);
    FollowUp::Other
}
