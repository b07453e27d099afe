//! A smoltcp device of a controller whose frames are copied out and in: complete, for any [`Controller`].

use undersock::smoltcp::phy::{self, Device, DeviceCapabilities};
use undersock::smoltcp::time::Instant;

use crate::controller::Controller;

/// The longest frame without FCS: Ethernet's header and 1,500 bytes.
pub(crate) const MAX_FRAME: usize = 1_514;
/// The least that Ethernet carries, without FCS (IEEE 802.3 3.2.8). Not every controller pads, and none minds.
const MIN_FRAME: usize = 60;

/// The frame that was received, and the frame that is built: both are in use while a reply is made.
pub(crate) struct Frames {
    received: [u8; MAX_FRAME],
    sent: [u8; MAX_FRAME],
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Frames { received: [0; MAX_FRAME], sent: [0; MAX_FRAME] }
    }
}

/// A controller and its two buffers.
pub(crate) struct Ethernet {
    pub(crate) controller: Controller,
    frames: &'static mut Frames,
}

impl Ethernet {
    pub(crate) fn new(controller: Controller, frames: &'static mut Frames) -> Self {
        Ethernet { controller, frames }
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        // A frame is taken when its reply can be sent; until then it is well kept in the controller.
        if !self.controller.has_room() {
            return None;
        }
        let Frames { received, sent } = &mut *self.frames;
        let length = self.controller.take(received)?;
        Some((
            Received { frame: &received[..length] },
            Sending { controller: &mut self.controller, buffer: sent },
        ))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        let has_room = self.controller.has_room();
        has_room.then_some(Sending { controller: &mut self.controller, buffer: &mut self.frames.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        // YOURS, if you like: `capabilities.checksum`, for what the controller both makes and checks.
        capabilities
    }
}

/// A frame that was received.
pub(crate) struct Received<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Room for one frame.
pub(crate) struct Sending<'a> {
    controller: &'a mut Controller,
    buffer: &'a mut [u8; MAX_FRAME],
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Sending { controller, buffer } = self;
        let result = f(&mut buffer[..length]);
        let padded = length.max(MIN_FRAME);
        buffer[length..padded].fill(0);
        controller.put(&buffer[..padded]);
        result
    }
}
