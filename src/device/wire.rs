//! The in-memory wire: an Ethernet cable with two ends, for tests, examples and programs without a network.
//!
//! It carries frames in order and loses none while its queues have room. Time is the caller's: a frame that is put on
//! the wire at `now` can be taken off at `now` plus the wire's latency.
#![forbid(unsafe_code)]

use core::cell::{Cell, RefCell};

use heapless::{Deque, Vec};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};

/// The longest frame, without its FCS.
pub const MAX_FRAME: usize = 1_514;

struct InFlight {
    arrives: Instant,
    bytes: Vec<u8, MAX_FRAME>,
}

/// An Ethernet cable with two ends. Each direction holds up to `FRAMES` frames.
pub struct Wire<const FRAMES: usize = 64> {
    lanes: [RefCell<Deque<InFlight, FRAMES>>; 2],
    latency: Duration,
    lost: Cell<u32>,
}

impl<const FRAMES: usize> Default for Wire<FRAMES> {
    fn default() -> Self {
        Wire::new(Duration::ZERO)
    }
}

impl<const FRAMES: usize> Wire<FRAMES> {
    /// A wire that a frame needs `latency` to cross.
    #[must_use]
    pub const fn new(latency: Duration) -> Self {
        Wire { lanes: [const { RefCell::new(Deque::new()) }; 2], latency, lost: Cell::new(0) }
    }

    /// The two ends. What is sent into one comes out of the other.
    pub fn ends(&self) -> (End<'_, FRAMES>, End<'_, FRAMES>) {
        let [one, other] = &self.lanes;
        let end = |incoming, outgoing| End { incoming, outgoing, latency: self.latency, lost: &self.lost };
        (end(one, other), end(other, one))
    }

    /// When the next frame arrives at either end.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.arrivals().into_iter().flatten().min()
    }

    /// When the next frame arrives at each of the two ends.
    #[must_use]
    pub fn arrivals(&self) -> [Option<Instant>; 2] {
        let [one, other] = &self.lanes;
        [one, other].map(|lane| lane.borrow().front().map(|frame| frame.arrives))
    }

    /// Frames lost because a direction was full. A server counts on its device to say so beforehand; an answer that
    /// the stack gives while it takes in a frame can't be told.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost.get()
    }
}

/// One end of a [`Wire`].
pub struct End<'w, const FRAMES: usize> {
    incoming: &'w RefCell<Deque<InFlight, FRAMES>>,
    outgoing: &'w RefCell<Deque<InFlight, FRAMES>>,
    latency: Duration,
    lost: &'w Cell<u32>,
}

impl<const FRAMES: usize> End<'_, FRAMES> {
    /// Puts bytes on the wire as they are, as a test does that plays a peer without a stack. Whether there was room.
    pub fn inject(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let Ok(bytes) = Vec::from_slice(bytes) else { return false };
        self.outgoing.borrow_mut().push_back(InFlight { arrives: now + self.latency, bytes }).is_ok()
    }

    /// Takes the next frame off the wire, if it has arrived.
    pub fn take(&mut self, now: Instant) -> Option<Vec<u8, MAX_FRAME>> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.front()?.arrives > now {
            return None;
        }
        incoming.pop_front().map(|frame| frame.bytes)
    }

    fn token(&self, now: Instant) -> Sending<'_, FRAMES> {
        Sending { outgoing: self.outgoing, arrives: now + self.latency, lost: self.lost }
    }
}

impl<const FRAMES: usize> Device for End<'_, FRAMES> {
    type RxToken<'a>
        = Received
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a, FRAMES>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Received, Sending<'_, FRAMES>)> {
        let bytes = self.take(now)?;
        Some((Received { bytes }, self.token(now)))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_, FRAMES>> {
        (!self.outgoing.borrow().is_full()).then(|| self.token(now))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that came off the wire.
pub struct Received {
    bytes: Vec<u8, MAX_FRAME>,
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.bytes)
    }
}

/// Room for a frame on the wire.
pub struct Sending<'w, const FRAMES: usize> {
    outgoing: &'w RefCell<Deque<InFlight, FRAMES>>,
    arrives: Instant,
    lost: &'w Cell<u32>,
}

impl<const FRAMES: usize> TxToken for Sending<'_, FRAMES> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut buffer = [0; MAX_FRAME];
        // The stack asks for no more than the MTU that it was told.
        let frame = buffer.get_mut(..len).unwrap_or_default();
        let result = f(frame);
        let sent = Vec::from_slice(frame).is_ok_and(|bytes| {
            self.outgoing.borrow_mut().push_back(InFlight { arrives: self.arrives, bytes }).is_ok()
        });
        if !sent {
            self.lost.set(self.lost.get().wrapping_add(1));
        }
        result
    }
}
