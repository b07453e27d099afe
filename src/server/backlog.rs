//! SYNs that wait for a slot, the oldest first.

use managed::ManagedSlice;
use smoltcp::time::{Duration, Instant};

use super::door::Segment;
use super::headers::{LONGEST, without_data};
use super::time::NEVER;
use super::tuple::Tuple;

/// How long a SYN waits for a slot. By then its client has repeated it twice, and will do so again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place for a SYN that waits for a slot.
#[derive(Clone)]
pub(crate) struct Waiting {
    /// Its headers. What else it carries its client sends again, as what wasn't acknowledged.
    headers: [u8; LONGEST],
    /// How long they are; 0 where none waits.
    length: usize,
    pub(crate) segment: Segment,
    since: Instant,
}

impl Waiting {
    /// Nobody waits. All of it is zeros: a `static` of it takes no flash.
    pub(crate) const NOBODY: Waiting =
        Waiting { headers: [0; LONGEST], length: 0, segment: Segment::NONE, since: Instant::ZERO };

    pub(crate) fn headers(&self) -> &[u8] {
        self.headers.get(..self.length).unwrap_or_default()
    }
}

/// The queue of a server whose slots are all in use.
pub(crate) struct Backlog<'a> {
    /// A ring: `length` places from `head` on are taken.
    places: ManagedSlice<'a, Waiting>,
    head: usize,
    length: usize,
}

/// One without places.
impl Default for Backlog<'_> {
    fn default() -> Self {
        Backlog::new(ManagedSlice::Borrowed(&mut []))
    }
}

impl<'a> Backlog<'a> {
    pub(crate) fn new(places: ManagedSlice<'a, Waiting>) -> Self {
        Backlog { places, head: 0, length: 0 }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether the SYN of this connection waits.
    pub(crate) fn contains(&self, tuple: &Tuple) -> bool {
        self.length > 0
            && self.places.iter().any(|waiting| waiting.length > 0 && waiting.segment.tuple == *tuple)
    }

    /// Lets a SYN wait. Whether there was room.
    pub(crate) fn push(&mut self, packet: &[u8], segment: &Segment, now: Instant) -> bool {
        if self.length == self.places.len() {
            return false;
        }
        let end = self.place(self.length);
        let Some(place) = self.places.get_mut(end) else { return false };
        // The door has found them whole, and there is room for the longest.
        let Some(length) = without_data(packet, &mut place.headers) else { return false };
        (place.length, place.segment, place.since) = (length, *segment, now);
        self.length += 1;
        true
    }

    /// The one that has waited for the longest.
    pub(crate) fn first(&self) -> Option<&Waiting> {
        self.places.get(self.head).filter(|waiting| waiting.length > 0)
    }

    /// Forgets the one that has waited for the longest. Whether one has.
    pub(crate) fn pop(&mut self) -> bool {
        let Some(first) = self.places.get_mut(self.head).filter(|waiting| waiting.length > 0) else {
            return false;
        };
        first.length = 0;
        self.head = self.place(1);
        self.length -= 1;
        true
    }

    /// When the oldest has waited too long.
    pub(crate) fn ends(&self) -> Instant {
        self.first().map_or(NEVER, |waiting| waiting.since + PATIENCE)
    }

    /// The place so far from the head.
    fn place(&self, distance: usize) -> usize {
        let place = self.head + distance;
        if place >= self.places.len() { place - self.places.len() } else { place }
    }
}
