//! One connection's sending side: what the stack sends again, because it was made to go back, passes only as far as it is
//! lost.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::{Duration, Instant};

use super::one_frame::Held;
use crate::packet::field::put;
use crate::packet::tcp;
use crate::recovery::Recovery;

/// Makes the stack send all again that it has in flight on these sockets: its retransmission timer is told that it is
/// later, on a device without room. From then on only what it is polled for at its own time counts.
///
/// It does so for every socket in the set, and a TIME-WAIT among them would end.
#[cold]
#[inline(never)]
pub(crate) fn go_back(iface: &mut Interface, sockets: &mut SocketSet<'_>, now: Instant) {
    // What comes of it is seen when the stack sends.
    let _ = iface.poll_egress(now + LATER, &mut Full, sockets);
}

/// Longer than smoltcp's retransmission timer ever runs (RFC 6298 2.5).
const LATER: Duration = Duration::from_secs(100);

/// A device without room.
struct Full;

impl Device for Full {
    type RxToken<'a> = Held<'a>;
    type TxToken<'a> = Nothing;

    fn receive(&mut self, _now: Instant) -> Option<(Held<'_>, Nothing)> {
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<Nothing> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token that nobody has.
enum Nothing {}

impl TxToken for Nothing {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _len: usize, _f: F) -> R {
        match self {}
    }
}

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

/// A token that has what it sends written down, as it leaves.
pub(crate) trait Written<'a>: TxToken {
    fn written(self, ledger: &'a mut dyn Ledger) -> Self;
}

/// A device's sending side whose tokens have it written down.
pub(crate) trait Outlet {
    type Token<'a>: Written<'a>
    where
        Self: 'a;

    fn room(&mut self, now: Instant) -> Option<Self::Token<'_>>;
}

/// A device's sending side, from which nothing leaves that arrived.
pub(crate) struct Sender<'e, D, L> {
    device: &'e mut D,
    ledger: &'e mut L,
    /// Where a segment is looked at before it is known whether it goes out.
    spare: &'e mut [u8],
}

impl<'e, D, L> Sender<'e, D, L> {
    pub(crate) fn new(device: &'e mut D, ledger: &'e mut L, spare: &'e mut [u8]) -> Self {
        Sender { device, ledger, spare }
    }
}

impl<D: Outlet, L: Ledger> Device for Sender<'_, D, L> {
    type RxToken<'a>
        = Held<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Passing<'a, D::Token<'a>, L>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.room(now)?;
        Some(Passing { token, ledger: self.ledger, spare: self.spare })
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token for a segment that may not pass.
pub(crate) struct Passing<'a, T, L> {
    token: T,
    ledger: &'a mut L,
    spare: &'a mut [u8],
}

impl<'a, T: Written<'a>, L: Ledger> TxToken for Passing<'a, T, L> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Passing { token, ledger, spare } = self;
        // What doesn't fit passes: once too often does no harm.
        let Some(packet) = spare.get_mut(..len).filter(|_| ledger.is_behind()) else {
            return token.written(ledger).consume(len, f);
        };
        let result = f(packet);
        if passes(packet, ledger) {
            token.written(ledger).consume(len, |place| {
                // A device that gives less loses it.
                if place.len() == packet.len() {
                    place.copy_from_slice(packet);
                }
            });
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// Whether a segment goes out, of a stack that may have gone back.
fn passes(packet: &mut [u8], ledger: &mut dyn Ledger) -> bool {
    let Some(segment) = tcp::Sent::of(packet) else { return true };
    let Some((recovery, _)) = ledger.of(segment.header) else { return true };
    let (at, from, to) = (segment.at, segment.from, segment.to());
    if from == to {
        // RFC 9293 3.10.7.4: it has SND.NXT, which hasn't gone back; its peer wouldn't read it otherwise.
        let end = recovery.end();
        if let Some(header) = packet.get_mut(at..) {
            put(header, tcp::SEQUENCE, end.to_be_bytes());
        }
        return true;
    }
    recovery.wants(from, to)
}
