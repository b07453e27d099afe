//! What a client sends goes to the first hop on the way, and a SYN waits until it is known where that is.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::IpAddress;

use crate::event::{Observer, Sink};
use crate::link::host::{Here, Link};
use crate::packet::{Mac, ip, u32_at};
#[cfg(feature = "recovery")]
use crate::stack::Desk;
use crate::stack::{Departing, Held, Route};

/// The longest packet that waits until it is known where the first hop is: a SYN, with all options.
const LONGEST_SYN: usize = 40 + 60;
/// Packets that wait for that at once, one a connection. A further one takes the oldest one's place; the stack repeats that.
pub(super) const QUEUED: usize = 4;

/// A packet that waits until it is known where the first hop is.
pub(super) struct Queued {
    pub(super) hop: IpAddress,
    pub(super) packet: heapless::Vec<u8, LONGEST_SYN>,
}

/// Where packets go: to the first hop on the way, which is known before anything is sent.
#[derive(Clone, Copy)]
pub(super) struct FirstHop<'a> {
    pub(super) here: &'a Here,
    pub(super) link: &'a Link,
}

impl FirstHop<'_> {
    /// The first hop of a packet, and where it is, if that is known.
    fn of(&self, packet: &[u8]) -> Option<(IpAddress, Option<Mac>)> {
        let (_, destination, _) = ip::outline(packet)?;
        let hop = self.here.next_hop(destination)?;
        Some((hop, self.link.known(self.here, destination)))
    }
}

impl Route for FirstHop<'_> {
    fn to(&self, packet: &[u8]) -> Mac {
        // What can't wait goes to ourselves, where no bridge forwards it: it is for one host, and repeated.
        let nowhere = self.here.station.mac.unwrap_or_default();
        self.of(packet).and_then(|(_, mac)| mac).unwrap_or(nowhere)
    }
}

/// The sending side of a device: a SYN for whom it isn't known yet where the first hop is waits.
pub(super) struct Resolving<'a, 's, D, O: Observer> {
    pub(super) device: &'a mut D,
    pub(super) sink: &'a mut Sink<'s, O>,
    pub(super) hops: FirstHop<'a>,
    pub(super) queue: &'a mut heapless::Vec<Queued, QUEUED>,
    #[cfg(feature = "recovery")]
    pub(super) desk: Desk<'a>,
}

impl<'s, D: Device, O: Observer> Device for Resolving<'_, 's, D, O> {
    type RxToken<'b>
        = Held<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Resolved<'b, 's, D::TxToken<'b>, O>
    where
        Self: 'b;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        let hops = self.hops;
        let token = Departing::routed(token, self.sink, hops.here.station, hops);
        #[cfg(feature = "recovery")]
        let token = token.at(self.desk.reborrow());
        Some(Resolved { token, queue: self.queue })
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token for a packet that may have to wait.
pub(super) struct Resolved<'a, 's, T, O: Observer> {
    token: Departing<'a, 's, T, O, FirstHop<'a>>,
    queue: &'a mut heapless::Vec<Queued, QUEUED>,
}

impl<T: TxToken, O: Observer> TxToken for Resolved<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Resolved { token, queue } = self;
        let mut packet = heapless::Vec::new();
        if token.station().mac.is_none() || packet.resize(len, 0).is_err() {
            return token.consume(len, f);
        }
        let result = f(&mut packet);
        match token.route().of(&packet) {
            Some((hop, None)) => {
                // The latest of a connection takes the place of the one before.
                let is_same = |queued: &&mut Queued| same_connection(&queued.packet, &packet);
                match queue.iter_mut().find(is_same) {
                    Some(queued) => queued.packet = packet,
                    None => {
                        // The one that waits for the longest may wait in vain. It is repeated if not.
                        if queue.is_full() {
                            queue.remove(0);
                        }
                        let _ = queue.push(Queued { hop, packet });
                    }
                }
            }
            _ => token.consume(len, |place| place.copy_from_slice(&packet)),
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// Whether two SYNs begin one connection: all before their sequence numbers is the same but for what IP counts.
fn same_connection(one: &[u8], other: &[u8]) -> bool {
    let ports = |packet: &[u8]| {
        let start = if ip::version(packet) == Some(6) { 40 } else { 20 };
        u32_at(packet, start)
    };
    ip::outline(one) == ip::outline(other) && ports(one) == ports(other)
}
