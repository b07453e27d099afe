//! Two small devices between the server and the stack: one that holds exactly one received frame, and one that
//! watches what goes out.
#![forbid(unsafe_code)]

use smoltcp::phy::{Checksum, Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use crate::event::{Event, Frame, Observer, Sink, Way};
use crate::packet::ethernet::{self, ethertype};
use crate::packet::ip::protocol;
use crate::packet::{ipv4, ipv6, tcp};

/// A device that holds one received frame and the token to answer it.
///
/// The front door looks at a frame inside the real device's `RxToken::consume` and hands it on from there: no copy,
/// and any [`Device`] will do.
pub(crate) struct OneFrame<'f, T> {
    held: Option<(&'f [u8], T)>,
}

impl<'f, T> OneFrame<'f, T> {
    pub(crate) fn new(frame: &'f [u8], answer: T) -> Self {
        OneFrame { held: Some((frame, answer)) }
    }
}

impl<'f, T: TxToken> Device for OneFrame<'f, T> {
    type RxToken<'a>
        = Held<'f>
    where
        Self: 'a;
    type TxToken<'a>
        = T
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Held<'f>, T)> {
        self.held.take().map(|(frame, answer)| (Held(frame), answer))
    }

    fn transmit(&mut self, _now: Instant) -> Option<T> {
        None
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// The frame that a [`OneFrame`] holds.
pub(crate) struct Held<'f>(&'f [u8]);

impl RxToken for Held<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// A device's abilities, its frames' checksums looked at before they reach the stack.
pub(crate) struct Checked<'d, D>(pub(crate) &'d mut D);

impl<D: Device> Device for Checked<'_, D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.0.capabilities();
        let sums = &mut capabilities.checksum;
        for sum in [&mut sums.ipv4, &mut sums.tcp] {
            *sum = if sum.tx() { Checksum::Tx } else { Checksum::None };
        }
        capabilities
    }
}

/// The sending side of a device, watched. It receives nothing.
pub(crate) struct Outgoing<'d, 's, D, O: Observer> {
    pub(crate) device: &'d mut D,
    pub(crate) sink: &'d mut Sink<'s, O>,
}

impl<'s, D: Device, O: Observer> Device for Outgoing<'_, 's, D, O> {
    type RxToken<'a>
        = Held<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Watched<'a, 's, D::TxToken<'a>, O>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        Some(Watched { token, sink: self.sink })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A token whose frame is seen before it goes out.
pub(crate) struct Watched<'a, 's, T, O: Observer> {
    pub(crate) token: T,
    pub(crate) sink: &'a mut Sink<'s, O>,
}

impl<T: TxToken, O: Observer> TxToken for Watched<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Watched { token, sink } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            if let Some(iss) = syn_ack(frame) {
                sink.iss = Some(iss);
            }
            sink.emit(Event::Frame(Frame { way: Way::Out, bytes: frame }));
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// The sequence number of a SYN-ACK that the stack has just written.
fn syn_ack(frame: &[u8]) -> Option<TcpSeqNumber> {
    let (ethernet, packet) = ethernet::Header::split(frame)?;
    let (protocol, segment) = match ethernet.ethertype() {
        ethertype::IPV4 => {
            let header = ipv4::Header::new(packet)?;
            (header.protocol(), packet.get(header.length()..)?)
        }
        ethertype::IPV6 => {
            let (header, behind) = ipv6::Header::split(packet)?;
            (header.next_header(), behind)
        }
        _ => return None,
    };
    let header = tcp::Header::new(segment).filter(|_| protocol == protocol::TCP)?;
    (header.flags().syn() && header.flags().ack()).then(|| header.sequence())
}
