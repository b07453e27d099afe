//! Going back: what the stack sends again, because it was made to, passes only as far as it is lost.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::Device;
use smoltcp::time::Duration;

use super::egress::Egress;
use crate::event::{Again, Event, Observer, Path, Sink};
use crate::packet::field::put;
use crate::packet::{Flags, ip, tcp};
use crate::recovery::Recovery;
use smoltcp::wire::TcpSeqNumber;

/// Whose segments go out: where each one's [`Recovery`] is.
pub(crate) trait Ledger {
    /// Whether the stack sends what it has sent, on one connection at least.
    fn is_behind(&self) -> bool;

    /// Of the connection that a segment of ours belongs to, and its slot.
    fn of(&mut self, segment: tcp::Header<'_>) -> Option<(&mut Recovery, usize)>;
}

/// Only one connection's.
pub(crate) struct One<'e> {
    pub(crate) recovery: &'e mut Recovery,
    pub(crate) slot: usize,
}

impl Ledger for One<'_> {
    fn is_behind(&self) -> bool {
        self.recovery.is_behind()
    }

    fn of(&mut self, _segment: tcp::Header<'_>) -> Option<(&mut Recovery, usize)> {
        Some((self.recovery, self.slot))
    }
}

/// Where a segment is looked at before it is known whether it goes out, and written down when it does.
pub(crate) struct Desk<'a> {
    pub(crate) ledger: &'a mut dyn Ledger,
    pub(crate) spare: &'a mut [u8],
}

impl Desk<'_> {
    pub(crate) fn reborrow(&mut self) -> Desk<'_> {
        Desk { ledger: self.ledger, spare: self.spare }
    }
}

/// Longer than smoltcp's retransmission timer ever runs (RFC 6298 2.5).
const LATER: Duration = Duration::from_secs(100);

/// Makes the stack send all again that it has in flight on these sockets: its retransmission timer is told that it is
/// later, on a device without room. From then on only what it is polled for at its own time counts.
///
/// It does so for every socket in the set, and a TIME-WAIT among them would end.
pub(crate) fn go_back<D: Device, O: Observer>(
    iface: &mut Interface,
    device: &mut Egress<'_, '_, D, O>,
    sockets: &mut SocketSet<'_>,
) {
    device.is_full = true;
    let now = device.sink.now;
    // What comes of it is seen when the stack sends.
    device.emit(now + LATER, iface, sockets);
    device.is_full = false;
}

/// As many bytes of a packet as go out, of a stack that may have gone back; `None` if nothing does.
pub(super) fn passes(packet: &mut [u8], ledger: &mut dyn Ledger) -> Option<usize> {
    let whole = packet.len();
    let Some(segment) = tcp::Sent::of(packet) else { return Some(whole) };
    let Some((recovery, _)) = ledger.of(segment.header) else { return Some(whole) };
    let (at, from, to) = (segment.at, segment.from, segment.to());
    if from == to {
        // RFC 9293 3.10.7.4: it has SND.NXT, which hasn't gone back; its peer wouldn't read it otherwise.
        let end = recovery.end();
        if let Some(header) = packet.get_mut(at..) {
            put(header, tcp::SEQUENCE, end.to_be_bytes());
        }
        return Some(whole);
    }
    let (first, last) = recovery.wants(from, to)?;
    let (start, bytes, flags) = (at + segment.header.length(), segment.bytes(), segment.header.flags());
    if flags.syn() || (first, last) == (from, to) {
        return Some(whole);
    }
    // The stack has put what arrived, or what is new, in one segment with what is lost.
    let skipped = (first.wrapping_sub(from) as usize).min(bytes);
    let kept = (last.wrapping_sub(first) as usize).min(bytes - skipped);
    packet.copy_within(start + skipped..start + skipped + kept, start);
    let header = packet.get_mut(at..).unwrap_or_default();
    put(header, tcp::SEQUENCE, first.to_be_bytes());
    if flags.fin() && last != to {
        tcp::clear(header, Flags::FIN);
    }
    ip::set_length(packet, start + kept);
    Some(start + kept)
}

/// A segment goes out. An observer is told before if it does so again.
#[inline(never)]
pub(super) fn write_down<O: Observer>(packet: &[u8], ledger: &mut dyn Ledger, sink: &mut Sink<'_, O>) {
    let Some(segment) = tcp::Sent::of(packet) else { return };
    let Some((recovery, slot)) = ledger.of(segment.header) else { return };
    let (from, fin) = (segment.from, segment.header.flags().fin());
    if let Some((cause, bytes)) = recovery.sent(from, segment.to(), fin, sink.now) {
        let sequence = TcpSeqNumber(from.cast_signed());
        let path = if O::LOOKS { recovery.path() } else { Path::UNKNOWN };
        sink.emit(Event::Again(Again { slot, sequence, bytes: bytes as usize, cause, path }));
    }
}
