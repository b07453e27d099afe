//! A connection's loss recovery, between its segments and [`Recovery`]: what it hears, when its stack goes back, and by when
//! it is to be looked at.
//!
//! [`Recovery`]: crate::recovery::Recovery

use smoltcp::iface::{Interface, PollResult};
use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::tcp::State;
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::Core;
use super::connection::{Connection, Place};
use super::door::Segment;
use super::ingress::{Arrived, FollowUp};
use crate::event::{DropRule, Event, Observer, Path, Sink, Way};
use crate::packet::field::put;
use crate::packet::{ip, tcp};
use crate::recovery::{Heard, Recovery, Verdict, change};
use crate::stack::{Desk, Egress, One, go_back, speak_as};

impl Connection<'_> {
    /// Takes in what its SYN says of the peer.
    pub(super) fn begin_recovery(&mut self, on: bool, syn: &[u8], ip_mtu: usize) {
        let at = ip::behind(syn).unwrap_or(0);
        let options = tcp::options(syn.get(at..).unwrap_or_default());
        self.recovery = Recovery::new(on);
        self.recovery.meet(&options, ip_mtu, at);
    }

    /// What the stack is given of a segment, which lies there.
    pub(super) fn hear(&mut self, packet: &[u8], segment: &Segment, place: Place) -> (Verdict, Option<u16>) {
        let (room, start) = (self.socket().recv_capacity(), place.start());
        let near = start.unsigned_abs() as usize <= room;
        let behind = ip::behind(packet).and_then(|at| packet.get(at..)).unwrap_or_default();
        let (true, Some(ack), Some(header)) = (near && !segment.reset, segment.ack, tcp::Header::new(behind))
        else {
            return (Verdict::Give, None);
        };
        let heard = Heard {
            ack: ack.0.cast_unsigned(),
            window: header.window(),
            bare: segment.bytes == 0 && !segment.fin && self.is_read(segment, place),
            full: segment.bytes > 0 || segment.fin,
            most: self.socket().send_capacity(),
            queue: self.socket().send_queue(),
        };
        self.recovery.hear(&heard)
    }

    /// The stack has been given a segment that lies there. Whether it has read all of it is seen by what it took.
    fn given(&mut self, window: Option<u16>, segment: &Segment, place: Place, now: Instant) {
        let took = segment.bytes == 0 || self.rcv_nxt() != segment.seq;
        let start = place.start();
        if start == 0 && !took || start < 0 && i64::from(start) + segment.bytes as i64 <= 0 {
            // It found no room, or lies before the window: the stack has read nothing of it.
            return;
        }
        self.recovery.given(window.filter(|_| took && self.is_read(segment, place)), now);
    }

    /// Takes in what has arrived behind a gap, after what is acknowledged.
    fn hear_blocks(&mut self, packet: &[u8], segment: &Segment, place: Place, now: Instant) {
        let near = place.start().unsigned_abs() as usize <= self.socket().recv_capacity();
        let behind = ip::behind(packet).and_then(|at| packet.get(at..));
        if let (true, Some(ack), Some(behind)) = (near && !segment.reset, segment.ack, behind) {
            self.recovery.hear_blocks(ack.0.cast_unsigned(), tcp::options(behind), now);
        }
    }

    /// Whether the stack finds a segment that lies there within its window, if it has one.
    fn is_read(&self, segment: &Segment, place: Place) -> bool {
        let socket = self.socket();
        let free = socket.recv_capacity() - socket.recv_queue();
        match place {
            Place::Next => true,
            Place::Elsewhere(start) => {
                segment.bytes == 0 && usize::try_from(start).is_ok_and(|start| start < free)
            }
            Place::Beyond => false,
        }
    }

    /// Whether a bare segment would tell the stack anything. Its window is changed if that is better: see [`Verdict::Open`].
    pub(super) fn is_news(&mut self, ack: TcpSeqNumber, packet: Option<&mut [u8]>, now: Instant) -> bool {
        let Some(una) = self.snd_una() else { return false };
        let Some(header) = packet.and_then(|packet| packet.get_mut(ip::behind(packet)?..)) else {
            return false;
        };
        let window = tcp::Header::new(header).map_or(0, tcp::Header::window);
        let (news, window) = self.recovery.is_news(ack.0.cast_unsigned(), ack != una, window, now);
        put(header, tcp::WINDOW, window.to_be_bytes());
        news
    }

    /// What has been acknowledged, as the stack knows it; and if something is to be sent again, the stack goes back.
    pub(super) fn recover<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
    ) {
        let now = device.sink.now;
        self.settle(now);
        let live = matches!(
            self.socket().state(),
            State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck
        );
        if live && self.recovery.check(now) {
            if let Some(tuple) = &self.tuple {
                // Without its address, the stack would end the connection.
                speak_as(iface, tuple.local.addr);
            }
            go_back(iface, device, &mut self.set);
            self.recovery.went_back();
        }
        if let Some(news) = self.recovery.news(slot) {
            device.sink.emit(Event::Congestion(news));
        }
    }

    /// Takes over what the stack has read of acknowledgements.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.state != State::SynReceived
            && let Some(una) = self.snd_una()
        {
            self.recovery.acknowledged(una.0.cast_unsigned(), now);
        }
    }

    /// Lets the stack send one segment, or swallows one that it sends again.
    pub(super) fn emit<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
        spare: &mut [u8],
    ) -> PollResult {
        let now = device.sink.now;
        let mut ledger = One { recovery: &mut self.recovery, slot };
        let mut device_at = device.at(Desk { ledger: &mut ledger, spare });
        let result = device_at.emit(now, iface, &mut self.set);
        device.sent = device_at.sent;
        result
    }

    /// What is known of the way to the peer, once it has been measured.
    pub(super) fn path(&self) -> Option<Path> {
        Some(self.recovery.path()).filter(|path| path.round_trip.total_micros() > 0)
    }
}

impl Core<'_> {
    /// Gives a segment to its connection, as far as it is to have it. What else is to be done, if that is all.
    pub(super) fn take_in<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        arrived: Arrived<'_>,
        segment: &Segment,
        place: Place,
        answer: T,
        sink: &mut Sink<'_, O>,
    ) -> Option<FollowUp> {
        let Arrived { frame, packet } = arrived;
        let (verdict, window) = self.slots[slot].hear(packet, segment, place);
        if verdict == Verdict::Unsent {
            return Some(self.challenge(slot, arrived, DropRule::Unsent, answer, sink));
        }
        sink.frame(Way::Connection(slot), frame);
        match verdict {
            Verdict::Withhold => {
                self.slots[slot].hear_blocks(packet, segment, place, sink.now);
                self.slots.touch(slot);
                return Some(FollowUp::Other);
            }
            Verdict::Open(window) => {
                let ack = segment.ack.map_or(0, |ack| ack.0.cast_unsigned());
                self.give_changed(slot, packet, (ack, window), answer, sink);
            }
            Verdict::Renew => {
                let latest = self.slots[slot].recovery.latest();
                self.give_changed(slot, packet, latest, answer, sink);
            }
            Verdict::Give | Verdict::Unsent => self.give(slot, packet, answer, sink),
        }
        let connection = &mut self.slots[slot];
        connection.given(window, segment, place, sink.now);
        connection.settle(sink.now);
        connection.hear_blocks(packet, segment, place, sink.now);
        None
    }

    /// Gives the stack a packet with another acknowledgement and window.
    #[cold]
    #[inline(never)]
    fn give_changed<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        packet: &[u8],
        (ack, window): (u32, u16),
        answer: T,
        sink: &mut Sink<'_, O>,
    ) {
        let copy = self.scratch.get_mut(..packet.len());
        let header = copy.and_then(|copy| {
            copy.copy_from_slice(packet);
            copy.get_mut(ip::behind(packet)?..)
        });
        match header {
            Some(header) => {
                change(header, ack, window);
                self.give_scratch(slot, packet.len(), answer, sink);
            }
            // It is too long to be copied: then it has data, and comes again.
            None => self.give(slot, packet, answer, sink),
        }
    }
}
