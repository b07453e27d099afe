//! One direction: its chances, its link, and the frames that are on their way.

use core::ops::Range;

use heapless::Vec;
use smoltcp::time::{Duration, Instant};

use super::later;
use super::random::{Random, below};
use super::script::Strike;
use super::settings::{Impairments, Rate};
use crate::device::bytes::Bytes;
use crate::event::Direction;
use crate::packet::{self, Layer, ipv6};

/// One direction of a wire.
pub(super) struct Lane<const HELD: usize> {
    impairments: Impairments,
    random: Random,
    link: Link,
    /// When the last of the frames that keep their order arrives.
    last: Instant,
    held: Vec<Held, HELD>,
    serial: u64,
}

/// A frame on its way.
struct Held {
    due: Instant,
    /// Of two that are due at once, the one that came first goes first.
    serial: u64,
    bytes: Bytes,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Lost,
    Passes(Passage),
}

/// How a frame passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) due: Instant,
    /// It is to wait with the others.
    pub(super) held: bool,
    /// For how long it is kept back from its place in the order.
    pub(super) delayed: Option<Duration>,
    /// A drawn number that says which bit is inverted.
    pub(super) corrupted: Option<Bit>,
    /// A copy of it follows.
    pub(super) again: bool,
}

/// Where to invert a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bit {
    drawn: u64,
    /// It was asked for by a rule: no frame is spared.
    scripted: bool,
}

impl Bit {
    /// The bit of this frame, counted from the first byte's highest, if there is one.
    pub(super) fn of(self, link: packet::Link, frame: &[u8]) -> Option<usize> {
        let bytes = match guarded(link, frame) {
            Some(bytes) => bytes,
            // Only the frame check sequence guards it, and what that finds never arrives.
            None if !self.scripted => return None,
            None => link.header().min(frame.len())..frame.len(),
        };
        let bits = 8 * bytes.len();
        #[allow(clippy::cast_possible_truncation, reason = "it is below the number of bits")]
        let bit = below(self.drawn, bits as u64) as usize;
        (bits > 0).then_some(8 * bytes.start + bit)
    }
}

/// The bytes of which a checksum guards every bit that its receiver looks at: an IPv4 packet; of an IPv6 packet what
/// is behind the header and the addresses (RFC 8200 8.1), not the rest of it. `None` where only the frame check
/// sequence guards anything, as in ARP.
fn guarded(link: packet::Link, frame: &[u8]) -> Option<Range<usize>> {
    link.layers(frame).find_map(|part| match part.layer {
        Layer::Ipv4 => Some(part.at..part.end),
        Layer::Ipv6 => Some((part.at + ipv6::SOURCE.start).min(part.end)..part.end),
        _ => None,
    })
}

impl<const HELD: usize> Lane<HELD> {
    pub(super) fn new(impairments: Impairments, seed: u64, direction: Direction) -> Self {
        Lane {
            impairments,
            random: Random::new(seed, direction),
            link: Link { free_at: Instant::ZERO, part: 0 },
            last: Instant::ZERO,
            held: Vec::new(),
            serial: 0,
        }
    }

    /// Nothing to do to any frame, and none on its way.
    pub(super) fn is_quiet(&self) -> bool {
        self.held.is_empty() && self.impairments.is_identity()
    }

    /// Frames on their way.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Says what becomes of the next frame. The same number of draws for each, whatever becomes of it: so a frame that
    /// is lost changes nothing for those after it, and a chance that is changed changes nothing else.
    pub(super) fn judge(&mut self, now: Instant, bytes: usize, strike: &Strike) -> Verdict {
        let [loss, duplicate, corrupt, bit, reorder, jitter] = core::array::from_fn(|_| self.random.next());
        let Impairments { rate, delay, .. } = self.impairments;
        if strike.drop || self.impairments.loss.hits(loss) {
            return Verdict::Lost;
        }
        let sent = match rate {
            None => now,
            Some(rate) => match self.link.send(&rate, now, bytes) {
                None => return Verdict::Lost,
                Some(sent) => sent,
            },
        };
        // Jitter is a queue's: it keeps the order.
        self.last = later(sent, delay.at(jitter)).max(self.last);
        let mut delayed = strike.delay;
        if self.impairments.reorder.chance.hits(reorder) {
            delayed = Some(delayed.unwrap_or(Duration::ZERO) + self.impairments.reorder.by);
        }
        let due = later(self.last, delayed.unwrap_or(Duration::ZERO));
        // Nor does it overtake those that are due, but have had no room yet.
        let held = due > now || self.next_due().is_some_and(|next| next <= now);
        if held && self.held.is_full() {
            return Verdict::Lost;
        }
        let again = strike.duplicate || self.impairments.duplicate.hits(duplicate);
        let corrupted = strike.corrupt || self.impairments.corrupt.hits(corrupt);
        Verdict::Passes(Passage {
            due,
            held,
            delayed,
            corrupted: corrupted.then_some(Bit { drawn: bit, scripted: strike.corrupt }),
            // Without room for the copy, there is none.
            again: again && self.held.len() + usize::from(held) < HELD,
        })
    }

    /// Takes a frame on its way, if there is room.
    pub(super) fn hold(&mut self, due: Instant, bytes: &[u8]) {
        let mut held = Bytes::new();
        if held.fill(bytes) {
            self.serial += 1;
            let _ = self.held.push(Held { due, serial: self.serial, bytes: held });
        }
    }

    fn first(&self) -> Option<usize> {
        let order = |held: &Held| (held.due, held.serial);
        let first = self.held.iter().enumerate().min_by_key(|(_, held)| order(held));
        first.map(|(index, _)| index)
    }

    /// When the next frame is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.due).min()
    }

    /// The frame that is due first, if it is by `now`; `take` says whether it was taken.
    pub(super) fn take_due(&mut self, now: Instant, take: impl FnOnce(&[u8]) -> bool) -> bool {
        let Some(index) = self.first() else { return false };
        let is_taken = self.held.get(index).is_some_and(|held| held.due <= now && take(&held.bytes));
        if is_taken {
            self.held.swap_remove(index);
        }
        is_taken
    }
}

/// A link that sends one frame after the other.
struct Link {
    /// When all before is sent: this instant, and a part of a microsecond, in bits of the rate.
    free_at: Instant,
    part: u64,
}

impl Link {
    /// When the last bit of a frame that comes now is out. `None` if too much waits.
    fn send(&mut self, rate: &Rate, now: Instant, bytes: usize) -> Option<Instant> {
        const MICROS: u64 = 1_000_000;
        let bits_per_second = rate.bits_per_second.max(1);
        let bits = 8 * bytes as u64;
        if now > self.free_at {
            (self.free_at, self.part) = (now, 0);
        }
        let busy = (self.free_at - now).total_micros();
        let waiting = u128::from(busy) * u128::from(bits_per_second) / u128::from(8 * MICROS);
        if waiting > 0 && waiting + bytes as u128 > u128::from(rate.queue) {
            return None;
        }
        let total = bits * MICROS + self.part;
        self.free_at = later(self.free_at, Duration::from_micros(total / bits_per_second));
        self.part = total % bits_per_second;
        Some(later(self.free_at, Duration::from_micros(u64::from(self.part > 0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_exact_to_the_bit() {
        // 3 bytes a second: the frames end at whole seconds, however many there are.
        let rate = Rate { bits_per_second: 24, queue: 1_000_000 };
        let mut link = Link { free_at: Instant::ZERO, part: 0 };
        let now = Instant::from_secs(10);
        let sent: std::vec::Vec<i64> =
            (0..6).map(|_| link.send(&rate, now, 1).expect("room").total_micros()).collect();
        assert_eq!(sent, [10_333_334, 10_666_667, 11_000_000, 11_333_334, 11_666_667, 12_000_000]);
        // Idle in between.
        let now = Instant::from_secs(20);
        assert_eq!(link.send(&rate, now, 3), Some(Instant::from_secs(21)));
    }

    #[test]
    fn a_queue_has_an_end() {
        // 1,000 bytes a second, and 2,500 wait at most.
        let rate = Rate { bits_per_second: 8_000, queue: 2_500 };
        let mut link = Link { free_at: Instant::ZERO, part: 0 };
        let at = |link: &mut Link, now: i64, bytes| {
            link.send(&rate, Instant::from_millis(now), bytes).map(|sent| sent.total_millis())
        };
        assert_eq!(at(&mut link, 1_000, 5_000), Some(6_000), "an idle link takes any frame");
        assert_eq!(at(&mut link, 1_000, 1), None);
        assert_eq!(at(&mut link, 4_500, 1_000), Some(7_000), "1,500 wait");
        assert_eq!(at(&mut link, 4_500, 1), None, "2,500 wait");
        assert_eq!(at(&mut link, 4_501, 1), Some(7_001));
    }
}
