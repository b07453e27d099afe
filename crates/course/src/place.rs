//! Clients' computers share one end of the wire: each hears what is for it and for everybody.

use std::collections::VecDeque;

use undersock::smoltcp::phy::{Device, DeviceCapabilities, RxToken};
use undersock::smoltcp::time::{Duration, Instant};

use undersock::device::wire::{self, Wire};
use undersock::event::{Event, Observer};
use undersock_views::record::Recording;

/// Frames that each direction of the wire holds: more than a scene has under way.
pub(super) const FRAMES: usize = 16;

/// The scene's wire. Its frames are kept where it is, and a thread's stack may have no room for them.
#[inline(never)]
pub(super) fn wire(latency: Duration) -> Box<Wire<FRAMES>> {
    Box::new(Wire::new(latency))
}

/// The observer of a host: it records, or looks at nothing.
pub(super) struct HostRecorder(pub(super) Option<Recording>);

impl Observer for HostRecorder {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let HostRecorder(Some(recording)) = self {
            recording.event(now, event);
        }
    }
}

/// A host's place on the wire that all clients share: it hears what is for it and for everybody.
pub(super) struct Place<'a, 'w> {
    pub(super) arrived: &'a mut VecDeque<Vec<u8>>,
    pub(super) end: &'a mut wire::End<'w, FRAMES>,
}

/// A frame that has arrived.
pub(super) struct Arrived(Vec<u8>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl<'w> Device for Place<'_, 'w> {
    type RxToken<'t>
        = Arrived
    where
        Self: 't;
    type TxToken<'t>
        = wire::Sending<'t, FRAMES>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Arrived, wire::Sending<'_, FRAMES>)> {
        // The wire has room for more frames than a scene has under way.
        let token = self.end.transmit(now)?;
        self.arrived.pop_front().map(|frame| (Arrived(frame), token))
    }

    fn transmit(&mut self, now: Instant) -> Option<wire::Sending<'_, FRAMES>> {
        self.end.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.end.capabilities()
    }
}
