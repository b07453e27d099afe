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
use crate::recovery::{Heard, Recovery, Verdict};
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
    pub(super) fn hear(
        &mut self,
        packet: &[u8],
        segment: &Segment,
        place: Place,
        now: Instant,
    ) -> (Verdict, Option<u16>) {
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
            options: tcp::options(behind),
            queue: self.socket().send_queue(),
        };
        self.recovery.hear(&heard, now)
    }

    /// The stack has been given a segment that lies there. Whether it has read all of it is seen by what it took.
    fn given(&mut self, window: Option<u16>, segment: &Segment, place: Place) {
        let took = self.is_read(segment, place) && (segment.bytes == 0 || self.rcv_nxt() != segment.seq);
        self.recovery.given(window.filter(|_| took));
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
    pub(super) fn is_news(&mut self, ack: TcpSeqNumber, packet: Option<&mut [u8]>) -> bool {
        let Some(una) = self.snd_una() else { return false };
        let Some(header) = packet.and_then(|packet| packet.get_mut(ip::behind(packet)?..)) else {
            return false;
        };
        let window = tcp::Header::new(header).map_or(0, tcp::Header::window);
        let (news, window) = self.recovery.is_news(ack.0.cast_unsigned(), ack != una, window);
        put(header, tcp::WINDOW, window.to_be_bytes());
        news
    }

    /// What has been acknowledged, as the stack knows it; and if something is to be sent again, the stack goes back.
    pub(super) fn recover<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        iface: &mut Interface,
        device: &mut Egress<'_, '_, D, O>,
        spare: &mut [u8],
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
            if self.recovery.may_repeat_head() {
                self.emit(slot, iface, device, spare);
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
        let (verdict, window) = self.slots[slot].hear(packet, segment, place, sink.now);
        if verdict == Verdict::Unsent {
            return Some(self.challenge(slot, arrived, DropRule::Unsent, answer, sink));
        }
        sink.frame(Way::Connection(slot), frame);
        match verdict {
            Verdict::Withhold => {
                self.slots.touch(slot);
                return Some(FollowUp::Other);
            }
            Verdict::Open => self.give_open(slot, packet, answer, sink),
            Verdict::Give | Verdict::Unsent => self.give(slot, packet, answer, sink),
        }
        self.slots[slot].given(window, segment, place);
        None
    }

    /// Gives the stack a packet whose window is shut as if it weren't: see [`Verdict::Open`].
    #[cold]
    #[inline(never)]
    pub(super) fn give_open<T: TxToken, O: Observer>(
        &mut self,
        slot: usize,
        packet: &[u8],
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
                put(header, tcp::WINDOW, 1_u16.to_be_bytes());
                self.give_scratch(slot, packet.len(), answer, sink);
            }
            // It is too long to be copied: then it has data, and a bare one will follow.
            None => self.give(slot, packet, answer, sink),
        }
    }
}
