//! A device that holds exactly one received packet and the token to answer it.

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

/// A device that holds one received packet and the token to answer it.
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
