//! Clients' computers share one end of the wire: each hears what is for it and for everybody.

use std::collections::VecDeque;

use undersock::smoltcp::phy::{Device, DeviceCapabilities, RxToken};
use undersock::smoltcp::time::Instant;

use undersock::device::wire::{Sending, WireEnd};
use undersock::event::{Event, Observer};
use undersock_views::record::Recording;

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
    pub(super) end: &'a mut WireEnd<'w>,
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
        = Sending<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Arrived, Sending<'_>)> {
        // The wire has room for more frames than a scene has under way.
        let token = self.end.transmit(now)?;
        self.arrived.pop_front().map(|frame| (Arrived(frame), token))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        self.end.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.end.capabilities()
    }
}
