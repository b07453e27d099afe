//! A frame's way in: past the door, to the sockets that it is for.

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::tcp::State;
use smoltcp::socket::udp::UdpMetadata;
use smoltcp::time::{Duration, Instant};

use super::Core;
use super::connection::Place;
use super::datagrams;
use super::door::{self, Class, HostView, Segment, Sender};
use super::headers::bare;
use super::slots::Order;
use crate::event::{Cause, DropRule, Event, Frame, Observer, Sink, Timer, Way};
use crate::service::Service;
use crate::stack::{Departing, Egress, OneFrame};

/// What an ICMP error or a reset costs: a hundred a second, and as many at once after a silence.
const ERROR: Duration = Duration::from_millis(10);

/// What is left to do about a frame once it has been taken in.
enum FollowUp {
    /// A datagram was served: its reply, of so many bytes, is to be sent.
    Datagram(Sender, UdpMetadata, usize),
    /// The stack must know this sender: it began a connection, or the stack has forgotten it.
    Opening(Sender),
    /// The stack has skipped part of a segment of this connection: a bare one of so many bytes, in the scratch buffer, says
    /// it again.
    Unread(usize, usize),
    /// The stack will answer a frame of so many bytes, kept in the scratch buffer, once it knows the sender.
    Kept(Sender, usize),
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
                FollowUp::Opening(sender) => self.learn_neighbor(&sender, device),
                FollowUp::Datagram(sender, reply, bytes) => {
                    self.learn_neighbor(&sender, device);
                    let port = self.udp;
                    if !datagrams::send(reply, port, bytes, &mut self.scratch, &mut self.iface, device) {
                        self.neighbors.forget_all_unconfirmed();
                    }
                }
                FollowUp::Unread(slot, bytes) => self.read(slot, bytes, device, service),
                FollowUp::Kept(sender, bytes) => self.answer_kept(&sender, bytes, device),
                FollowUp::Other => {}
            }
        }
        true
    }

    /// Classifies a frame, and hands it on or drops it.
    fn dispatch<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let local = HostView {
            mac: self.mac,
            addresses: self.iface.ip_addrs(),
            gateways: &self.gateways,
            udp: self.udp,
            listeners: self.listeners,
            checksum: &self.checksum,
            #[cfg(feature = "dhcp")]
            dhcp: self.dhcp.is_some(),
            #[cfg(all(feature = "ipv4", not(feature = "dhcp")))]
            dhcp: false,
        };
        match &door::classify(frame, &local) {
            Err(rule) => drop_frame(frame, *rule, sink),
            Ok(Class::Segment(segment)) => self.segment(frame, segment, answer, service, sink),
            Ok(Class::NoListener(sender)) => self.no_listener(frame, sender, false, answer, sink),
            Ok(Class::Echo(sender)) => self.no_listener(frame, sender, true, answer, sink),
            Ok(Class::Common) => self.common(frame, answer, sink),
            Ok(Class::AddressProbe(question)) => {
                sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
                self.answer_probe(question, Departing::answer(answer, sink));
                FollowUp::Other
            }
            Ok(Class::Neighbor(confirmed)) => {
                if let Some(claim) = confirmed {
                    self.neighbors.confirm(claim, sink.now);
                    self.neighbors_changed = true;
                }
                self.common(frame, answer, sink)
            }
            Ok(Class::Datagram(datagram)) => {
                sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
                let bytes = datagrams::serve(datagram, self.ip_mtu, service, &mut self.scratch, sink);
                // The reply comes from the address that was asked. Where that was everybody's, the stack chooses one.
                let mut reply = UdpMetadata::from(datagram.remote);
                reply.local_address = datagram.unicast.then_some(datagram.local.addr);
                bytes.map_or(FollowUp::Other, |bytes| FollowUp::Datagram(datagram.sender, reply, bytes))
            }
        }
    }

    /// Hands a frame to what all connections share.
    fn common<T: TxToken, O: Observer>(
        &mut self,
        frame: &[u8],
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
        let now = sink.now;
        let mut device = OneFrame::new(frame, Departing::answer(answer, sink));
        self.iface.poll_ingress_single(now, &mut device, &mut self.common);
        #[cfg(feature = "slaac")]
        self.process_ndp(frame, now);
        self.common_touched = true;
        FollowUp::Other
    }

    /// Has the stack answer a frame that no listener is for, by a RST or an ICMP error, or an echo request; but not every
    /// frame of a flood.
    ///
    /// An answer to a sender that the stack doesn't know would be lost. So the frame is kept until the stack knows it, if
    /// it is no longer than a datagram. A flood of echo requests teaches no more senders than there would be errors.
    #[inline(never)]
    fn no_listener<T: TxToken, O: Observer>(
        &mut self,
        frame: &[u8],
        sender: &Sender,
        is_echo: bool,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let now = sink.now;
        let known = self.neighbors.renew(&mut 0, sender, false, now);
        let limited = !(is_echo && known || self.errors.take(ERROR, now));
        if limited && !is_echo {
            return drop_frame(frame, DropRule::RateLimited, sink);
        }
        match self.scratch.get_mut(..frame.len()) {
            Some(place) if !known && !limited => {
                place.copy_from_slice(frame);
                FollowUp::Kept(*sender, frame.len())
            }
            _ => self.common(frame, answer, sink),
        }
    }

    /// Has the stack answer a frame that was kept, after it has learned the sender.
    #[cold]
    #[inline(never)]
    fn answer_kept<D: Device, O: Observer>(
        &mut self,
        sender: &Sender,
        bytes: usize,
        device: &mut Egress<'_, '_, D, O>,
    ) {
        self.learn_neighbor(sender, device);
        let now = device.sink.now;
        let Some(frame) = self.scratch.get(..bytes) else { return };
        device.sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
        let Some(answer) = device.transmit(now) else { return };
        self.iface.poll_ingress_single(now, &mut OneFrame::new(frame, answer), &mut self.common);
    }

    /// Hands a segment to its connection, to a new one, or to the queue of those that wait.
    fn segment<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        segment: &Segment,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        match self.slots.find(&segment.tuple) {
            Some(slot) if segment.syn => match self.slots[slot].state {
                // The client is done with the connection before, and uses the port again.
                State::TimeWait if segment.opens() && self.slots[slot].precedes(segment) => {
                    self.contact(frame, segment, Some(slot), answer, service, sink)
                }
                // The retransmission timer repeats the SYN-ACK.
                State::SynReceived => drop_frame(frame, DropRule::Duplicate, sink),
                _ => self.challenge(slot, frame, DropRule::Challenged, answer, sink),
            },
            Some(slot) if segment.reset && segment.seq != self.slots[slot].rcv_nxt() => {
                self.challenge(slot, frame, DropRule::InexactReset, answer, sink)
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
                sink.emit(Event::Frame(Frame { way: Way::Connection(slot), bytes: frame }));
                let now = sink.now;
                let mut device = OneFrame::new(frame, Departing::answer(answer, &mut *sink));
                let connection = &mut self.slots[slot];
                self.iface.poll_ingress_single(now, &mut device, connection.set());
                connection.observe(slot, Cause::Segment, sink);
                if connection.is_over() {
                    self.release(slot, None, service);
                    return FollowUp::Other;
                }
                let own = segment.sender.next_hop == segment.tuple.remote.addr;
                let known = self.neighbors.renew(&mut connection.neighbor, &segment.sender, own, now);
                self.slots.touch(slot);
                match place {
                    Place::Elsewhere(start) => self.unread(slot, frame, segment, start),
                    _ if !known && self.slots[slot].sender == Some(segment.sender) => {
                        FollowUp::Opening(segment.sender)
                    }
                    _ => FollowUp::Other,
                }
            }
            None if segment.opens() => self.contact(frame, segment, None, answer, service, sink),
            None => self.no_listener(frame, &segment.sender, false, answer, sink),
        }
    }

    /// Keeps what the stack has skipped in a segment and should have read: see [`Connection::unread`].
    ///
    /// [`Connection::unread`]: super::connection::Connection::unread
    #[cold]
    #[inline(never)]
    fn unread(&mut self, slot: usize, frame: &[u8], segment: &Segment, start: i32) -> FollowUp {
        let connection = &self.slots[slot];
        let Some((fin, ack)) = connection.unread(segment, start).zip(segment.ack) else {
            return FollowUp::Other;
        };
        let bytes = bare(frame, &mut self.scratch, connection.rcv_nxt(), ack, fin);
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
        let now = device.sink.now;
        let (Some(bare), Some(token)) = (self.scratch.get(..bytes), device.transmit(now)) else { return };
        let connection = &mut self.slots[slot];
        self.iface.poll_ingress_single(now, &mut OneFrame::new(bare, token), connection.set());
        connection.observe(slot, Cause::Segment, device.sink);
        if connection.is_over() {
            self.release(slot, None, service);
        }
    }

    /// A client contacts the welcoming socket: its connection gets a slot, or waits for one. `ended` is the slot of the
    /// connection before it with the same 4-tuple, in TIME-WAIT.
    fn contact<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        segment: &Segment,
        ended: Option<usize>,
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        // Those that wait go first.
        if self.backlog.contains(&segment.tuple) {
            return drop_frame(frame, DropRule::Duplicate, sink);
        }
        let overtakes = self.backlog.len() > 0;
        let full = !self.slots.has_free();
        let ended = ended.or_else(|| if full && !overtakes { self.reusable() } else { None });
        if overtakes || (full && ended.is_none()) {
            return self.queue(frame, segment, ended, service, sink);
        }
        if let Some(slot) = ended {
            // The slot that comes free now is the next to be taken.
            sink.emit(Event::Frame(Frame { way: Way::Connection(slot), bytes: frame }));
            self.retire(slot, service, sink);
        }
        let now = sink.now;
        let token = Departing::answer(answer, &mut *sink);
        let Some(slot) = self.open(frame, segment, token, now) else {
            return if ended.is_some() {
                FollowUp::Other
            } else {
                drop_frame(frame, DropRule::Refused, sink)
            };
        };
        if ended.is_none() {
            sink.emit(Event::Frame(Frame { way: Way::Connection(slot), bytes: frame }));
        }
        self.slots[slot].observe(slot, Cause::Segment, sink);
        self.slots.touch(slot);
        FollowUp::Opening(segment.sender)
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
    pub(super) fn open<T: TxToken>(
        &mut self,
        frame: &[u8],
        syn: &Segment,
        answer: T,
        now: Instant,
    ) -> Option<usize> {
        let listener = self.listeners.get(usize::from(syn.listener));
        let slot = self.slots.insert(syn.tuple)?;
        let connection = &mut self.slots[slot];
        connection.listen(syn, listener, now);
        let mut device = OneFrame::new(frame, answer);
        self.iface.poll_ingress_single(now, &mut device, connection.set());
        if connection.listens() {
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
        frame: &[u8],
        segment: &Segment,
        ended: Option<usize>,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        if !self.backlog.push(frame, segment, sink.now) {
            return drop_frame(frame, DropRule::QueueFull, sink);
        }
        sink.emit(Event::Frame(Frame { way: Way::Waiting, bytes: frame }));
        if let Some(slot) = ended {
            self.retire(slot, service, sink);
        }
        FollowUp::Opening(segment.sender)
    }

    /// Challenges a SYN or an inexact RST in a live connection: the peer gets an ACK, and one that knows nothing of the
    /// connection answers that with an exact RST (RFC 5961 3.2, 4.2).
    ///
    /// The stack sends this ACK itself, once a second at most, for a segment just before its window. So the door makes one
    /// from the frame.
    fn challenge<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        frame: &[u8],
        rule: DropRule,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> FollowUp {
        let follow_up = drop_frame(frame, rule, sink);
        let connection = &mut self.slots[slot];
        let Some(una) = connection.snd_una() else { return follow_up };
        let bytes = bare(frame, &mut self.scratch, connection.rcv_nxt() - 1, una, false);
        if let Some(bare) = bytes.and_then(|bytes| self.scratch.get(..bytes)) {
            let now = sink.now;
            let mut device = OneFrame::new(bare, Departing::answer(answer, sink));
            self.iface.poll_ingress_single(now, &mut device, connection.set());
        }
        follow_up
    }
}

/// Counts a frame that goes no further.
fn drop_frame<O: Observer>(frame: &[u8], rule: DropRule, sink: &mut Sink<'_, O>) -> FollowUp {
    sink.emit(Event::Frame(Frame { way: Way::Dropped(rule), bytes: frame }));
    FollowUp::Other
}

#[cfg(all(test, feature = "std", feature = "ipv4"))]
mod tests {
    use crate::packet::Mac;
    use smoltcp::wire::{ArpOperation, IpAddress};
    use test_support::world::raw::arp;

    use super::super::{Config, Memory, Server, Sizes};
    use super::*;
    use crate::device::wire::Wire;
    use crate::event::Counters;
    use crate::host::CLIENT_MAC;
    use crate::service::Uppercase;

    /// A stranger's broadcast, of which a busy network has many, is no reason to look through all connections.
    #[test]
    fn only_who_tells_us_where_they_are_wakes_the_connections_that_wait_for_a_neighbor() {
        let wire = Wire::owned(Duration::ZERO, 4);
        let (mut server_end, mut other_end) = wire.ends();
        let now = Instant::from_secs(1);
        let memory = Memory::owned(Sizes::default().with_connections(1).with_buffers(16));
        let mut server = Server::new(&Config::default(), memory, &mut server_end, now).expect("a server");
        let host = |last| IpAddress::v4(192, 168, 69, last);
        let stranger = Mac([2, 0, 0, 0, 0, 9]);
        for (from, mac, to, wakes) in [
            (host(9), stranger, host(7), false),
            (host(9), stranger, host(9), false),
            (host(100), CLIENT_MAC, host(1), true),
        ] {
            other_end.inject(now, &arp(ArpOperation::Request, (mac, from), to));
            let (mut counters, mut nobody) = (Counters::default(), ());
            let mut sink = Sink::new(now, &mut counters, &mut nobody);
            server.core.ingress(&mut Egress::new(&mut server_end, &mut sink), &mut Uppercase::new());
            assert_eq!(core::mem::take(&mut server.core.neighbors_changed), wakes, "{from} asks for {to}");
        }
    }
}
