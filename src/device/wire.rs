//! The in-memory wire: a cable with two ends, for Ethernet frames or for IP packets, for tests, examples and programs without a network.
//!
//! It carries frames in order. Time is the caller's: a frame that is put on the wire at `now` can be taken off at `now`
//! plus the wire's latency. Each direction has room for a number of frames of [`MAX_FRAME`] bytes; [`WireEnd`] says
//! through [`Device::transmit`] when there is none, and what is sent nevertheless is [lost](Wire::lost).
//!
//! A wire is a few words long. Its frames are in memory that is lent to it ([`Frames`], which can be a `static`), or
//! with `std` on the heap (`Wire::owned`), and never cross the stack.
#![forbid(unsafe_code)]

use core::cell::{Cell, RefCell};

use heapless::Vec;
use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};

use super::bytes::Bytes;
pub use super::bytes::MAX_FRAME;
use super::bytes::MTU;
use super::capabilities;
use crate::packet::Link;

/// A place for a frame.
struct Slot {
    arrives: Cell<Instant>,
    bytes: RefCell<Bytes>,
}

impl Slot {
    const fn new() -> Self {
        Slot { arrives: Cell::new(Instant::ZERO), bytes: RefCell::new(Bytes::new()) }
    }
}

/// The memory of a wire: `SLOTS` places for frames in each direction, of which one is for the frame that is being
/// written. So `SLOTS - 1` frames can be on their way.
///
/// It starts as zeros, so a `static` of it takes no flash; `static_cell::ConstStaticCell` is a way to claim one.
pub struct Frames<const SLOTS: usize>([[Slot; SLOTS]; 2]);

impl<const SLOTS: usize> Frames<SLOTS> {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(SLOTS > 0, "one slot is for the frame that is being written") };
        Frames([const { [const { Slot::new() }; SLOTS] }; 2])
    }
}

impl<const SLOTS: usize> Default for Frames<SLOTS> {
    fn default() -> Self {
        Frames::new()
    }
}

/// Where the frames of one direction are.
enum Slots<'a> {
    Lent(&'a [Slot]),
    #[cfg(feature = "std")]
    Owned(std::boxed::Box<[Slot]>),
}

/// One direction: a ring of slots, one of which at least is free.
struct Lane<'a> {
    slots: Slots<'a>,
    first: Cell<usize>,
    count: Cell<usize>,
}

impl<'a> Lane<'a> {
    const fn new(slots: Slots<'a>) -> Self {
        Lane { slots, first: Cell::new(0), count: Cell::new(0) }
    }

    fn slots(&self) -> &[Slot] {
        match &self.slots {
            Slots::Lent(slots) => slots,
            #[cfg(feature = "std")]
            Slots::Owned(slots) => slots,
        }
    }

    /// The slot of the nth frame from now; behind the last one, the slot to write in.
    fn slot(&self, n: usize) -> &Slot {
        let slots = self.slots();
        &slots[(self.first.get() + n) % slots.len()]
    }

    fn has_room(&self) -> bool {
        self.count.get() + 1 < self.slots().len()
    }

    /// When the next frame arrives.
    fn next_arrival(&self) -> Option<Instant> {
        (self.count.get() > 0).then(|| self.slot(0).arrives.get())
    }

    /// The next frame, if it has arrived by `now`.
    fn arrived(&self, now: Instant) -> Option<&Slot> {
        (self.next_arrival()? <= now).then(|| self.slot(0))
    }

    /// Makes the slot of the next frame free.
    fn remove(&self) {
        self.first.set((self.first.get() + 1) % self.slots().len());
        self.count.set(self.count.get() - 1);
    }

    /// Lets `write` write a frame of so many zeros. Whether it is on its way, and what `write` returned.
    fn put<R>(&self, arrives: Instant, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> (bool, R) {
        let slot = self.slot(self.count.get());
        let mut bytes = slot.bytes.borrow_mut();
        let Some(frame) = bytes.zeros(len) else { return (false, write(&mut [])) };
        let result = write(frame);
        let has_room = self.has_room();
        if has_room {
            slot.arrives.set(arrives);
            self.count.set(self.count.get() + 1);
        }
        (has_room, result)
    }
}

/// A cable with two ends: Ethernet, if not [said otherwise](Wire::with_link).
pub struct Wire<'a> {
    lanes: [Lane<'a>; 2],
    latency: Duration,
    link: Link,
    lost: Cell<u32>,
}

impl<'a> Wire<'a> {
    /// A wire that a frame needs `latency` to cross, with its frames in `frames`.
    #[must_use]
    pub const fn new<const SLOTS: usize>(latency: Duration, frames: &'a mut Frames<SLOTS>) -> Self {
        let Frames([one, other]) = frames;
        let lanes = [Lane::new(Slots::Lent(one)), Lane::new(Slots::Lent(other))];
        Wire { lanes, latency, link: Link::Ethernet, lost: Cell::new(0) }
    }

    /// The same for frames that begin with this. A host on a wire for IP packets has no MAC
    /// ([`HostConfig::without_link`](crate::host::HostConfig::without_link)).
    #[must_use]
    pub const fn with_link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// The two ends. What is sent into one comes out of the other.
    pub fn ends(&self) -> (WireEnd<'_>, WireEnd<'_>) {
        let [one, other] = &self.lanes;
        let Wire { latency, link, lost, .. } = self;
        let end = |incoming, outgoing| WireEnd { incoming, outgoing, latency: *latency, link: *link, lost };
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
        self.lanes.each_ref().map(Lane::next_arrival)
    }

    /// Frames that were sent and lost: their direction was full, or they were longer than [`MAX_FRAME`]. A server
    /// counts on its device to say so beforehand; an answer that the stack gives while it takes in a frame can't be
    /// told. Counts to `u32::MAX`, and then from 0.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost.get()
    }
}

#[cfg(feature = "std")]
impl Wire<'static> {
    /// A wire that a frame needs `latency` to cross, with up to `frames` frames in each direction, on the heap. A
    /// frame's bytes are allocated when it is there, and used again for later ones.
    #[must_use]
    pub fn owned(latency: Duration, frames: usize) -> Self {
        let lane = || Lane::new(Slots::Owned((0..=frames).map(|_| Slot::new()).collect()));
        Wire { lanes: [lane(), lane()], latency, link: Link::Ethernet, lost: Cell::new(0) }
    }
}

/// One end of a [`Wire`].
pub struct WireEnd<'w> {
    incoming: &'w Lane<'w>,
    outgoing: &'w Lane<'w>,
    latency: Duration,
    link: Link,
    lost: &'w Cell<u32>,
}

impl WireEnd<'_> {
    /// Puts bytes on the wire as they are, as a test does that plays a peer without a stack. Whether there was room for
    /// them: if not, they are gone, and not counted as [lost](Wire::lost).
    pub fn inject(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let write = |frame: &mut [u8]| {
            let fits = frame.len() == bytes.len();
            if fits {
                frame.copy_from_slice(bytes);
            }
        };
        self.outgoing.put(now + self.latency, bytes.len(), write).0
    }

    /// Takes the next frame off the wire, if it has arrived.
    pub fn take(&mut self, now: Instant) -> Option<Vec<u8, MAX_FRAME>> {
        let frame = Vec::from_slice(&self.incoming.arrived(now)?.bytes.borrow()).ok();
        self.incoming.remove();
        frame
    }

    fn token(&self, now: Instant) -> Sending<'_> {
        Sending { outgoing: self.outgoing, arrives: now + self.latency, lost: self.lost }
    }
}

impl Device for WireEnd<'_> {
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a>
    where
        Self: 'a;

    /// The reply's token is no promise of room.
    fn receive(&mut self, now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        self.incoming.arrived(now)?;
        Some((Received { incoming: self.incoming }, self.token(now)))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        self.outgoing.has_room().then(|| self.token(now))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.link, MTU)
    }
}

/// A frame that came off the wire. It is gone with this token, whether anybody has looked at it or not.
pub struct Received<'w> {
    incoming: &'w Lane<'w>,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.incoming.slot(0).bytes.borrow())
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        self.incoming.remove();
    }
}

/// Leave to put a frame on the wire.
pub struct Sending<'w> {
    outgoing: &'w Lane<'w>,
    arrives: Instant,
    lost: &'w Cell<u32>,
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let (sent, result) = self.outgoing.put(self.arrives, len, f);
        if !sent {
            self.lost.set(self.lost.get().wrapping_add(1));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn send(end: &mut WireEnd<'_>, bytes: &[u8]) -> bool {
        let token = end.transmit(NOW);
        token.map(|token| token.consume(bytes.len(), |frame| frame.copy_from_slice(bytes))).is_some()
    }

    fn taken(end: &mut WireEnd<'_>) -> Option<std::vec::Vec<u8>> {
        end.receive(NOW).map(|(token, _)| token.consume(<[u8]>::to_vec))
    }

    /// With room for two frames in each direction.
    fn each_kind(test: impl Fn(&Wire<'_>)) {
        let mut frames = Frames::<3>::new();
        test(&Wire::new(Duration::ZERO, &mut frames));
        #[cfg(feature = "std")]
        test(&Wire::owned(Duration::ZERO, 2));
    }

    #[test]
    fn frames_arrive_in_order_and_room_is_used_again() {
        each_kind(|wire| {
            let (mut one, mut other) = wire.ends();
            for round in 0..10_u8 {
                assert!(send(&mut one, &[round]) && send(&mut one, &[round, round]));
                assert!(!send(&mut one, b"full") && !one.inject(NOW, b"full"), "{round}");
                assert!(send(&mut other, b"back"), "the other direction has room");
                assert_eq!(taken(&mut other), Some(vec![round]));
                assert_eq!(other.take(NOW).as_deref(), Some(&[round, round][..]));
                assert_eq!((taken(&mut other), taken(&mut one)), (None, Some(b"back".to_vec())));
            }
            assert_eq!(wire.lost(), 0);
        });
    }

    #[test]
    fn what_has_no_room_is_lost_and_counted() {
        each_kind(|wire| {
            let (mut one, mut other) = wire.ends();
            assert!(send(&mut one, b"1") && send(&mut one, b"2") && send(&mut other, b"question"));
            let (question, answer) = one.receive(NOW).expect("the question");
            question.consume(|_| answer.consume(6, |frame| frame.copy_from_slice(b"answer")));
            assert_eq!(wire.lost(), 1);
            assert_eq!((taken(&mut other), taken(&mut other)), (Some(b"1".to_vec()), Some(b"2".to_vec())));
            assert_eq!(taken(&mut other), None);
        });
    }

    #[test]
    fn a_frame_beyond_the_longest_is_lost_and_counted() {
        each_kind(|wire| {
            let (mut one, mut other) = wire.ends();
            one.transmit(NOW).expect("room").consume(MAX_FRAME + 1, |_| ());
            assert!(!one.inject(NOW, &[0; MAX_FRAME + 1]) && send(&mut one, &[1; MAX_FRAME]));
            assert_eq!((taken(&mut other), taken(&mut other)), (Some(vec![1; MAX_FRAME]), None));
            assert_eq!(wire.lost(), 1);
        });
    }

    #[test]
    fn a_frame_holds_nothing_of_an_older_one() {
        each_kind(|wire| {
            let (mut one, mut other) = wire.ends();
            for _ in 0..3 {
                assert!(send(&mut one, b"secret") && taken(&mut other).is_some());
            }
            one.transmit(NOW).expect("room").consume(6, |_| ());
            assert_eq!(taken(&mut other), Some(vec![0; 6]));
        });
    }

    #[test]
    fn a_token_that_nobody_used_takes_its_frame_along() {
        each_kind(|wire| {
            let (mut one, mut other) = wire.ends();
            assert!(send(&mut one, b"1") && send(&mut one, b"2"));
            drop(other.receive(NOW));
            assert_eq!((taken(&mut other), taken(&mut other)), (Some(b"2".to_vec()), None));
        });
    }

    #[test]
    fn a_frame_needs_the_latency() {
        let wire_latency = Duration::from_micros(50);
        let mut frames = Frames::<2>::new();
        let wire = Wire::new(wire_latency, &mut frames);
        let (mut one, mut other) = wire.ends();
        assert!(send(&mut one, b"hello"));
        assert_eq!(wire.arrivals(), [None, Some(NOW + wire_latency)]);
        assert_eq!(wire.next_arrival(), Some(NOW + wire_latency));
        assert!(other.receive(NOW + Duration::from_micros(49)).is_none());
        assert!(other.receive(NOW + wire_latency).is_some());
        assert_eq!(wire.next_arrival(), None);
    }
}
