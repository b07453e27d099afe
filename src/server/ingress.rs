//! A frame's way in: past the door, to the sockets that it is for.

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::tcp::State;
use smoltcp::socket::udp::UdpMetadata;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetFrame, IpAddress, TcpPacket, TcpSeqNumber};

use super::Core;
use super::backlog::MAX_SYN;
use super::connection::Mode;
use super::datagrams;
use super::door::{self, Kind, Local, Segment, Sender};
use super::table::Tuple;
use crate::device::frame::{OneFrame, Outgoing, Watched};
use crate::event::{Cause, Drop, Event, Frame, Observer, Sink, Timer, Way};
use crate::service::Service;

/// What an ICMP error or a reset costs: a hundred a second, and as many at once after a silence.
const ERROR: Duration = Duration::from_millis(10);
/// What may be spent at once.
const ERRORS: Duration = Duration::from_millis(1_000);

/// A token bucket, kept as the instant at which it is full again.
pub(crate) struct Bucket {
    full_at: Instant,
}

/// What came past the door, as far as more is to be done about it.
enum Came {
    /// A datagram, whose reply has so many bytes.
    Datagram(Sender, UdpMetadata, usize),
    /// The start of a connection.
    Opening(Sender),
    /// Anything else, or nothing.
    Other,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Bucket { full_at: now }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + ERROR;
        if full_at > now + ERRORS {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

impl Core<'_> {
    /// Takes in a batch of frames. Whether there may be more.
    pub(super) fn take_in<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
    ) -> bool {
        let now = device.sink.now;
        for _ in 0..self.touched.len() {
            let Some((frame, answer)) = device.device.receive(now) else { return false };
            match frame.consume(|frame| self.enter(frame, answer, service, device.sink)) {
                Came::Opening(sender) => self.teach(&sender, device),
                Came::Datagram(sender, reply, bytes) => {
                    self.teach(&sender, device);
                    let port = self.ports.udp;
                    if !datagrams::send(reply, port, bytes, &mut self.scratch, &mut self.iface, device) {
                        self.neighbors.forget_all_unconfirmed();
                    }
                }
                Came::Other => {}
            }
        }
        true
    }

    /// Past the door, or not.
    fn enter<T: TxToken, S: Service, O: Observer>(
        &mut self,
        frame: &[u8],
        answer: T,
        service: &mut S,
        sink: &mut Sink<'_, O>,
    ) -> Came {
        let local = Local {
            mac: self.mac,
            addresses: self.iface.ip_addrs(),
            gateways: &self.gateways,
            ports: self.ports,
            checksum: &self.checksum,
            #[cfg(feature = "dhcp")]
            dhcp: self.dhcp.is_some(),
            #[cfg(all(feature = "ipv4", not(feature = "dhcp")))]
            dhcp: false,
        };
        match &door::look(frame, &local) {
            Err(rule) => drop_frame(frame, *rule, sink),
            Ok(Kind::Segment(segment)) => self.segment(frame, segment, answer, sink),
            Ok(Kind::Nobody) => self.nobody(frame, answer, sink),
            Ok(Kind::Common) => self.common(frame, answer, sink),
            Ok(Kind::Asks(question)) => {
                sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
                self.answer(question, Watched { token: answer, sink });
                Came::Other
            }
            Ok(Kind::Neighbor(confirmed)) => {
                if let Some((address, mac)) = *confirmed {
                    self.neighbors.confirm(address, mac, sink.now);
                }
                self.neighbors_changed = true;
                self.common(frame, answer, sink)
            }
            Ok(Kind::Datagram(datagram)) => {
                sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
                let bytes = datagrams::serve(datagram, self.ip_mtu, service, &mut self.scratch, sink);
                // From the address that was asked, unless it was everybody's: then the stack chooses.
                let mut reply = UdpMetadata::from(datagram.remote);
                reply.local_address = datagram.local;
                bytes.map_or(Came::Other, |bytes| Came::Datagram(datagram.sender, reply, bytes))
            }
        }
    }

    /// To what all connections share.
    fn common<T: TxToken, O: Observer>(&mut self, frame: &[u8], answer: T, sink: &mut Sink<'_, O>) -> Came {
        sink.emit(Event::Frame(Frame { way: Way::Common, bytes: frame }));
        let now = sink.now;
        let mut device = OneFrame::new(frame, Watched { token: answer, sink });
        self.iface.poll_ingress_single(now, &mut device, &mut self.common);
        #[cfg(feature = "slaac")]
        self.hear(frame, now);
        self.common_touched = true;
        Came::Other
    }

    /// For nobody: the stack answers with a RST or an ICMP error, but not to every frame of a flood.
    fn nobody<T: TxToken, O: Observer>(&mut self, frame: &[u8], answer: T, sink: &mut Sink<'_, O>) -> Came {
        if self.errors.take(sink.now) {
            self.common(frame, answer, sink)
        } else {
            drop_frame(frame, Drop::RateLimited, sink)
        }
    }

    /// To its connection; to a new one; to the queue of those that wait for one.
    fn segment<T: TxToken, O: Observer>(
        &mut self,
        frame: &[u8],
        segment: &Segment,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Came {
        match self.table.find(&segment.tuple) {
            Some(slot) if segment.syn => match self.connections[slot].state {
                // The connection before is over for its client: the port is in use again.
                State::TimeWait if segment.opens() => {
                    self.retire(slot, sink);
                    self.contact(frame, segment, answer, sink)
                }
                // The retransmission timer repeats the SYN-ACK.
                State::SynReceived => drop_frame(frame, Drop::Duplicate, sink),
                _ => self.challenge(slot, frame, Drop::Challenged, answer, sink),
            },
            Some(slot) if segment.reset && segment.seq != self.connections[slot].rcv_nxt() => {
                self.challenge(slot, frame, Drop::InexactReset, answer, sink)
            }
            // The stack would answer each with a RST.
            Some(slot) if !self.connections[slot].awaits(segment) && !self.errors.take(sink.now) => {
                drop_frame(frame, Drop::RateLimited, sink)
            }
            Some(slot) if self.connections[slot].overflows(segment) => {
                drop_frame(frame, Drop::BeyondWindow, sink)
            }
            Some(slot) => {
                sink.emit(Event::Frame(Frame { way: Way::Connection(slot), bytes: frame }));
                let now = sink.now;
                let mut device = OneFrame::new(frame, Watched { token: answer, sink: &mut *sink });
                let connection = &mut self.connections[slot];
                self.iface.poll_ingress_single(now, &mut device, connection.set());
                connection.look(slot, Cause::Segment, sink);
                if connection.is_over() {
                    self.release(slot);
                } else {
                    self.touch(slot);
                }
                Came::Other
            }
            None if segment.opens() => self.contact(frame, segment, answer, sink),
            None => self.nobody(frame, answer, sink),
        }
    }

    /// A client contacts the welcoming socket: its connection gets a slot, or waits for one.
    fn contact<T: TxToken, O: Observer>(
        &mut self,
        frame: &[u8],
        segment: &Segment,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Came {
        // One that waits is let in before any that comes now.
        if self.backlog.contains(&segment.tuple) {
            return drop_frame(frame, Drop::Duplicate, sink);
        }
        let overtakes = self.backlog.len() > 0;
        if overtakes || (!self.table.has_free() && !self.reuse(sink)) {
            return self.wait(frame, segment, sink);
        }
        let token = Watched { token: answer, sink: &mut *sink };
        let now = token.sink.now;
        let Some(slot) = self.open(frame, segment, token, now) else {
            return drop_frame(frame, Drop::Refused, sink);
        };
        sink.emit(Event::Frame(Frame { way: Way::Connection(slot), bytes: frame }));
        self.connections[slot].look(slot, Cause::Segment, sink);
        self.touch(slot);
        Came::Opening(segment.sender)
    }

    /// Frees the slot that has been in TIME-WAIT for the longest, if one is, and owes its peer no acknowledgement.
    fn reuse<O: Observer>(&mut self, sink: &mut Sink<'_, O>) -> bool {
        let (slot, _) = self.ripe.first();
        let rests = self.connections[slot].rests();
        if rests {
            self.retire(slot, sink);
        }
        rests
    }

    /// Ends TIME-WAIT early.
    fn retire<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        sink.emit(Event::Timer(Timer::Reused { slot }));
        self.connections[slot].forget(slot, sink);
        self.release(slot);
    }

    /// Puts a free slot's socket into LISTEN and gives it the SYN.
    pub(super) fn open<T: TxToken>(
        &mut self,
        frame: &[u8],
        syn: &Segment,
        answer: T,
        now: Instant,
    ) -> Option<usize> {
        let stream = syn.tuple.local.port == self.ports.stream;
        let mode = if stream { Mode::Stream } else { Mode::Sentence(None) };
        let slot = self.table.insert(syn.tuple)?;
        let connection = &mut self.connections[slot];
        connection.listen(syn, mode, now);
        let mut device = OneFrame::new(frame, answer);
        self.iface.poll_ingress_single(now, &mut device, connection.set());
        if connection.listens() {
            // A bad checksum, for one.
            self.release(slot);
            return None;
        }
        Some(slot)
    }

    /// Every slot is in use: the SYN waits, so that its client need not wait a second for its retransmission.
    #[inline(never)]
    fn wait<O: Observer>(&mut self, frame: &[u8], segment: &Segment, sink: &mut Sink<'_, O>) -> Came {
        if !self.backlog.push(frame, segment, sink.now) {
            return drop_frame(frame, Drop::QueueFull, sink);
        }
        sink.emit(Event::Frame(Frame { way: Way::Waiting, bytes: frame }));
        Came::Opening(segment.sender)
    }

    fn touch(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if !connection.touched
            && let Some(place) = self.touched.get_mut(self.touched_count)
        {
            connection.touched = true;
            #[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
            {
                *place = slot as u16;
            }
            self.touched_count += 1;
        }
    }

    /// A SYN or an inexact RST for a live connection: whoever sent it, the peer is asked by an ACK, and a peer that
    /// knows nothing of the connection answers that with an exact RST (RFC 5961 3.2, 4.2).
    ///
    /// The stack sends this ACK itself, once a second at most, for a segment just before its window. So it is given
    /// one, made from the frame.
    fn challenge<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        frame: &[u8],
        rule: Drop,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Came {
        let came = drop_frame(frame, rule, sink);
        let connection = &mut self.connections[slot];
        let (Some(snd_una), Some(tuple)) = (connection.snd_una(), self.table.tuple(slot)) else {
            return came;
        };
        let before = connection.rcv_nxt() - 1;
        let mut copy = [0; MAX_SYN];
        // What is longer carries data: no stack's SYN or RST, and it gets no answer.
        let Some(copy) = copy.get_mut(..frame.len()) else { return came };
        copy.copy_from_slice(frame);
        if probe(copy, &tuple, before, snd_una) {
            let now = sink.now;
            let mut device = OneFrame::new(copy, Watched { token: answer, sink });
            self.iface.poll_ingress_single(now, &mut device, connection.set());
        }
        came
    }
}

/// Counts a frame that goes no further.
fn drop_frame<O: Observer>(frame: &[u8], rule: Drop, sink: &mut Sink<'_, O>) -> Came {
    sink.emit(Event::Frame(Frame { way: Way::Dropped(rule), bytes: frame }));
    Came::Other
}

/// Makes a segment without data into a bare ACK with these numbers. Whether it could.
fn probe(frame: &mut [u8], tuple: &Tuple, seq: TcpSeqNumber, ack: TcpSeqNumber) -> bool {
    let Tuple { local, remote } = tuple;
    let mut ethernet = EthernetFrame::new_unchecked(frame);
    let packet = ethernet.payload_mut();
    let segment = match remote.addr {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(_) => smoltcp::wire::Ipv4Packet::new_checked(packet).ok().and_then(|packet| {
            let start = usize::from(packet.header_len());
            let end = usize::from(packet.total_len());
            packet.into_inner().get_mut(start..end)
        }),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(_) => smoltcp::wire::Ipv6Packet::new_checked(packet).ok().and_then(|packet| {
            let (start, end) = (packet.header_len(), packet.total_len());
            packet.into_inner().get_mut(start..end)
        }),
    };
    let Some(Ok(mut segment)) = segment.map(TcpPacket::new_checked) else { return false };
    if !segment.payload_mut().is_empty() {
        return false;
    }
    segment.set_syn(false);
    segment.set_fin(false);
    segment.set_rst(false);
    segment.set_ack(true);
    segment.set_seq_number(seq);
    segment.set_ack_number(ack);
    segment.fill_checksum(&remote.addr, &local.addr);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_hundred_at_once_and_a_hundred_a_second() {
        let mut now = Instant::from_secs(5);
        let mut bucket = Bucket::new(now);
        let mut burst = |now| (0..1_000).filter(|_| bucket.take(now)).count();
        assert_eq!(burst(now), 100);
        now += Duration::from_millis(500);
        assert_eq!(burst(now), 50);
        now += Duration::from_secs(10);
        assert_eq!(burst(now), 100);
    }
}
