//! SYNs that wait for a slot, the oldest first.

use managed::ManagedSlice;
use smoltcp::time::{Duration, Instant};

use super::door::Segment;
use super::headers::{LONGEST, without_data};
use super::time::NEVER;
use super::tuple::Tuple;

/// How long a SYN waits for a slot. By then its client has repeated it twice, and will do so again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A SYN that waits for a slot.
pub(crate) struct Waiting {
    /// Its headers. What else it carries its client sends again, as what wasn't acknowledged.
    pub(crate) headers: heapless::Vec<u8, LONGEST>,
    pub(crate) segment: Segment,
    since: Instant,
}

/// The queue of a server whose slots are all in use.
pub(crate) struct Backlog<'a> {
    /// A ring: `length` places from `head` on are taken.
    places: ManagedSlice<'a, Option<Waiting>>,
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
    pub(crate) fn new(places: ManagedSlice<'a, Option<Waiting>>) -> Self {
        Backlog { places, head: 0, length: 0 }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether the SYN of this connection waits.
    pub(crate) fn contains(&self, tuple: &Tuple) -> bool {
        self.length > 0 && self.places.iter().flatten().any(|waiting| waiting.segment.tuple == *tuple)
    }

    /// Lets a SYN wait. Whether there was room.
    pub(crate) fn push(&mut self, packet: &[u8], segment: &Segment, now: Instant) -> bool {
        if self.length == self.places.len() {
            return false;
        }
        let mut headers = heapless::Vec::new();
        // There is room for the longest.
        let _ = headers.resize_default(LONGEST);
        // The door has found them whole.
        let Some(bytes) = without_data(packet, &mut headers) else { return false };
        headers.truncate(bytes);
        let end = self.place(self.length);
        self.places[end] = Some(Waiting { headers, segment: *segment, since: now });
        self.length += 1;
        true
    }

    /// The one that has waited for the longest.
    pub(crate) fn first(&self) -> Option<&Waiting> {
        self.places.get(self.head)?.as_ref()
    }

    /// Forgets the one that has waited for the longest. Whether one has.
    pub(crate) fn pop(&mut self) -> bool {
        let Some(first @ Some(_)) = self.places.get_mut(self.head) else { return false };
        *first = None;
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
