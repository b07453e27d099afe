//! A device that tells a server in a loop from one that works: nobody asks so often for frames or for room in one poll.

use undersock::smoltcp::phy::{Device, DeviceCapabilities};
use undersock::smoltcp::time::Instant;

/// In one poll.
const CALLS: u32 = 10_000;

pub struct Bounded<D> {
    pub device: D,
    calls: u32,
}

impl<D> Bounded<D> {
    pub fn new(device: D) -> Self {
        Bounded { device, calls: 0 }
    }

    /// A poll begins.
    pub fn begin(&mut self) {
        self.calls = 0;
    }

    fn count(&mut self, now: Instant) {
        self.calls += 1;
        assert!(self.calls < CALLS, "the server asks the device for ever, at {now}");
    }
}

impl<D: Device> Device for Bounded<D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.count(now);
        self.device.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.count(now);
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}
