//! Loss recovery of a client's connections: see `recovery`.

use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{Socket, tcp};
use smoltcp::time::Instant;

use super::Watched;
use crate::event::{Event, Observer};
use crate::packet::ip::{self, protocol};
use crate::packet::{Flags, tcp as header};
use crate::recovery::{Heard, Recovery, Verdict, change};
use crate::stack::{Egress, Ledger, go_back};

/// The longest packet that is looked at before it is known whether it is sent again: Ethernet's.
pub(super) const SPARE: usize = 1_500;

/// Whose segments these are: a client's ports are different.
impl Ledger for heapless::Vec<Watched, { super::WATCHED }> {
    fn is_behind(&self) -> bool {
        self.iter().any(|seen| seen.recovery.is_behind())
    }

    fn of(&mut self, segment: header::Header<'_>) -> Option<(&mut Recovery, usize)> {
        let seen = self.iter_mut().find(|seen| seen.port == segment.source_port())?;
        // What the peer is told is expected next.
        if segment.flags().ack() {
            seen.expected = segment.acknowledgment().0.cast_unsigned();
        }
        Some((&mut seen.recovery, seen.slot))
    }
}

/// What a segment is for the connection that it came for, before the stack has it.
pub(super) struct Arriving<'a> {
    seen: &'a mut Watched,
    ack: u32,
    before: (usize, tcp::State),
    window: Option<u16>,
    options: crate::packet::Options<'a>,
    pub(super) verdict: Verdict,
}

impl<'a> Arriving<'a> {
    /// Reads a packet that is for the sockets. `None` if it is no segment of a connection that is watched.
    pub(super) fn new(
        watched: &'a mut [Watched],
        sockets: &SocketSet<'_>,
        packet: &'a [u8],
        ip_mtu: usize,
    ) -> Option<Self> {
        let (_, _, protocol) = ip::outline(packet)?;
        let at = ip::behind(packet).filter(|_| protocol == protocol::TCP)?;
        let segment = packet.get(at..)?;
        let head = header::Header::new(segment)?;
        let has = |flag| head.flags().0 & flag != 0;
        let seen = watched.iter_mut().find(|seen| seen.port == head.destination_port())?;
        let socket = sockets.get::<tcp::Socket<'_>>(seen.socket);
        let (queue, state) = (socket.send_queue(), socket.state());
        if state == tcp::State::SynSent && has(Flags::SYN) {
            seen.recovery.meet(&header::options(segment), ip_mtu, at);
        }
        let start = head.sequence().0.cast_unsigned().wrapping_sub(seen.expected);
        let bytes = ip::length(packet)?.checked_sub(at + head.length())?;
        let only_ack = !has(Flags::SYN | Flags::FIN | Flags::RST) && has(Flags::ACK);
        let heard = Heard {
            ack: head.acknowledgment().0.cast_unsigned(),
            window: head.window(),
            // What the stack has answered at once isn't written down: it may expect as much as a window more.
            bare: bytes == 0 && only_ack && start as usize <= 2 * socket.recv_capacity(),
            full: bytes > 0 || has(Flags::FIN),
            most: socket.send_capacity(),
            queue,
        };
        let ack = heard.ack;
        let (verdict, window) = match has(Flags::ACK) && !has(Flags::RST) {
            true => seen.recovery.hear(&heard),
            false => (Verdict::Give, None),
        };
        let (before, window) = ((queue, state), window.filter(|_| heard.bare));
        Some(Arriving { seen, ack, before, window, options: header::options(segment), verdict })
    }

    /// What the stack is given with it in place of its own, if that is to be.
    pub(super) fn change(&self) -> Option<(u32, u16)> {
        match self.verdict {
            Verdict::Open(window) => Some((self.ack, window)),
            Verdict::Renew => Some(self.seen.recovery.latest()),
            Verdict::Give | Verdict::Withhold | Verdict::Unsent => None,
        }
    }

    /// The stack has read the packet, or hasn't.
    pub(super) fn given(self, sockets: &SocketSet<'_>, now: Instant) {
        let Arriving { seen, ack, before, window, options, verdict } = self;
        let socket = sockets.get::<tcp::Socket<'_>>(seen.socket);
        if verdict != Verdict::Withhold {
            seen.recovery.given(window, now);
        }
        if before != (socket.send_queue(), socket.state()) {
            seen.recovery.acknowledged(ack, now);
        }
        seen.recovery.hear_blocks(ack, options, now);
    }
}

/// Copies a packet with another acknowledgement and window. `None` if it is too long.
#[cold]
pub(super) fn changed<'s>(packet: &[u8], spare: &'s mut [u8], (ack, window): (u32, u16)) -> Option<&'s [u8]> {
    let copy = spare.get_mut(..packet.len())?;
    copy.copy_from_slice(packet);
    change(copy.get_mut(ip::behind(packet)?..)?, ack, window);
    Some(copy)
}

/// Has every connection go back of which something is to be sent again. `alone` is a set for one socket.
pub(super) fn recover<'a, D: Device, O: Observer>(
    watched: &mut [Watched],
    sockets: &mut SocketSet<'a>,
    alone: &mut SocketSet<'a>,
    iface: &mut Interface,
    device: &mut Egress<'_, '_, D, O>,
) {
    for seen in watched {
        let live = !matches!(
            sockets.get::<tcp::Socket<'_>>(seen.socket).state(),
            tcp::State::Closed | tcp::State::SynSent | tcp::State::TimeWait
        );
        if live && seen.recovery.check(device.sink.now) {
            go_back_alone(sockets, seen.socket, alone, iface, device);
            seen.recovery.went_back();
        }
        if let Some(news) = seen.recovery.news(seen.slot) {
            device.sink.emit(Event::Congestion(news));
        }
    }
}

/// Has one connection of many go back: its socket is in a set of its own meanwhile.
#[cold]
#[inline(never)]
fn go_back_alone<'a, D: Device, O: Observer>(
    sockets: &mut SocketSet<'a>,
    handle: SocketHandle,
    alone: &mut SocketSet<'a>,
    iface: &mut Interface,
    device: &mut Egress<'_, '_, D, O>,
) {
    let nothing = || tcp::SocketBuffer::new(&mut [][..]);
    let Some((_, place)) = sockets.iter_mut().find(|(other, _)| *other == handle) else { return };
    let placeholder = Socket::Tcp(tcp::Socket::new(nothing(), nothing()));
    #[allow(irrefutable_let_patterns, reason = "the stack may have one kind of socket only")]
    if let Socket::Tcp(socket) = core::mem::replace(place, placeholder) {
        let there = alone.add(socket);
        go_back(iface, device, alone);
        *place = alone.remove(there);
    }
}
