//! What is known of every byte that was sent and isn't acknowledged: when it was sent last, whether that was again, and
//! what has become of it (RFC 6675 3, RFC 8985 5.2).

#[cfg(test)]
mod tests;

use super::seq::before;
use crate::event::Loss;

/// Ranges that a scoreboard holds. Where there are more, neighbours become one, as if they were sent when the later was.
pub(super) const RANGES: usize = if cfg!(feature = "std") { 64 } else { 6 };

/// What has become of bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing is known of them.
    Flying,
    /// The peer has them, behind a gap.
    Arrived,
    /// They count as lost, and wait to be sent again.
    Lost(Loss),
}

/// Bytes in a row of which the same is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The number behind the last of them. The first is where the range before ends.
    pub(super) end: u32,
    /// When they were sent last, in microseconds; it wraps.
    pub(super) at: u32,
    /// That was not for the first time.
    pub(super) again: bool,
    pub(super) fate: Fate,
}

impl Range {
    fn joins(&self, next: &Range) -> bool {
        self.fate == next.fate
            && (self.fate == Fate::Arrived || (self.at, self.again) == (next.at, next.again))
    }
}

/// Is told of a range that arrived.
type Delivered<'f> = &'f mut dyn FnMut(Range);

/// The bytes from SND.UNA to the last that was sent.
#[derive(Debug)]
pub(super) struct Scoreboard<const N: usize = RANGES> {
    start: u32,
    ranges: heapless::Vec<Range, N>,
}

impl<const N: usize> Scoreboard<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N > 2, "a range that is cut out of another makes three") };
        Scoreboard { start: 0, ranges: heapless::Vec::new() }
    }

    /// Nothing was sent yet; the first number to be is this.
    pub(super) fn reset(&mut self, start: u32) {
        self.start = start;
        self.ranges.clear();
    }

    /// SND.UNA.
    pub(super) fn start(&self) -> u32 {
        self.start
    }

    /// The number behind the last byte that was sent: SND.NXT, wherever the stack has gone back to.
    pub(super) fn end(&self) -> u32 {
        self.ranges.last().map_or(self.start, |last| last.end)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn get(&self, index: usize) -> Option<Range> {
        self.ranges.get(index).copied()
    }

    /// Each range with its first number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Range)> + '_ {
        let mut start = self.start;
        self.ranges.iter().map(move |range| (core::mem::replace(&mut start, range.end), *range))
    }

    /// Bytes of one fate.
    fn bytes(&self, is: impl Fn(Fate) -> bool) -> u32 {
        let of = self.iter().filter(|(_, range)| is(range.fate));
        of.fold(0, |sum, (start, range)| sum.wrapping_add(range.end.wrapping_sub(start)))
    }

    pub(super) fn flying(&self) -> u32 {
        self.bytes(|fate| fate == Fate::Flying)
    }

    pub(super) fn arrived(&self) -> u32 {
        self.bytes(|fate| fate == Fate::Arrived)
    }

    pub(super) fn lost(&self) -> u32 {
        self.bytes(|fate| matches!(fate, Fate::Lost(_)))
    }

    /// Why bytes from here to there count as lost, if some do.
    pub(super) fn loss(&self, from: u32, to: u32) -> Option<Loss> {
        self.iter().find_map(|(start, range)| match range.fate {
            Fate::Lost(loss) if before(start, to) && before(from, range.end) => Some(loss),
            _ => None,
        })
    }

    /// The first of the bytes from here to there that count as lost, as many as there are in a row.
    pub(super) fn first_lost(&self, from: u32, to: u32) -> Option<(u32, u32)> {
        let mut lost = self.iter().filter(|(start, range)| {
            matches!(range.fate, Fate::Lost(_)) && before(*start, to) && before(from, range.end)
        });
        let (start, range) = lost.next()?;
        let mut end = range.end;
        // Behind it may be more, for another reason.
        for (start, range) in lost {
            if start != end {
                break;
            }
            end = range.end;
        }
        Some((if before(start, from) { from } else { start }, if before(to, end) { to } else { end }))
    }

    /// Bytes from here to there were sent. Those of them that were sent before are in flight again, unless they arrived.
    pub(super) fn sent(&mut self, from: u32, to: u32, now: u32) {
        let end = self.end();
        if before(from, end) {
            self.paint(from, if before(to, end) { to } else { end }, now, |range| {
                if range.fate != Fate::Arrived {
                    *range = Range { fate: Fate::Flying, again: true, at: now, ..*range };
                }
            });
        }
        if !before(end, to) {
            return;
        }
        let new = Range { end: to, at: now, again: false, fate: Fate::Flying };
        match self.ranges.last_mut() {
            Some(last) if last.joins(&new) => last.end = to,
            _ => {
                if self.ranges.is_full() {
                    self.merge_some(now);
                }
                // There is room now.
                let _ = self.ranges.push(new);
            }
        }
    }

    /// All before this number is acknowledged.
    pub(super) fn acknowledge(&mut self, una: u32, delivered: Delivered<'_>) {
        let mut gone = 0;
        for range in &self.ranges {
            if !before(self.start, una) {
                break;
            }
            let end = if before(una, range.end) { una } else { range.end };
            if range.fate != Fate::Arrived {
                delivered(Range { end, ..*range });
            }
            self.start = end;
            gone += usize::from(end == range.end);
        }
        self.ranges.drain(..gone);
        // What was never seen going out.
        if before(self.start, una) {
            self.start = una;
        }
    }

    /// The peer says that it has the bytes from here to there.
    pub(super) fn arrive(&mut self, from: u32, to: u32, now: u32, delivered: Delivered<'_>) {
        self.paint(from, to, now, |range| {
            if range.fate != Fate::Arrived {
                delivered(*range);
                range.fate = Fate::Arrived;
            }
        });
    }

    /// Of the bytes from here to there, those in flight count as lost.
    pub(super) fn lose(&mut self, from: u32, to: u32, now: u32, loss: Loss) {
        self.paint(from, to, now, |range| {
            if range.fate == Fate::Flying {
                range.fate = Fate::Lost(loss);
            }
        });
    }

    /// What the peer said to have counts as in flight: it may have thrown it away (RFC 2018 8).
    pub(super) fn forget_arrivals(&mut self) {
        for range in &mut self.ranges {
            if range.fate == Fate::Arrived {
                range.fate = Fate::Flying;
            }
        }
    }

    /// Changes what is known of the bytes from here to there, and of no others.
    fn paint(&mut self, from: u32, to: u32, now: u32, mut change: impl FnMut(&mut Range)) {
        // Room for both ends first: for the second it mustn't be made by giving up the first.
        while self.ranges.len() + usize::from(self.is_inside(from)) + usize::from(self.is_inside(to)) > N {
            self.merge_some(now);
        }
        self.cut(from);
        self.cut(to);
        let mut start = self.start;
        for range in &mut self.ranges {
            if !before(start, from) && !before(to, range.end) {
                change(range);
            }
            start = range.end;
        }
        self.join();
    }

    /// The range around this number, which isn't its first.
    fn around(&self, at: u32) -> Option<usize> {
        self.iter().position(|(start, range)| before(start, at) && before(at, range.end))
    }

    fn is_inside(&self, at: u32) -> bool {
        self.around(at).is_some()
    }

    /// Makes a range end here, if there is one around it.
    fn cut(&mut self, at: u32) {
        if let Some(index) = self.around(at)
            && let Some(around) = self.get(index)
        {
            // There is room: see `paint`.
            let _ = self.ranges.insert(index, Range { end: at, ..around });
        }
    }

    /// Neighbours of which the same is known become one.
    fn join(&mut self) {
        let mut index = 0;
        while let Some([one, next]) = self.ranges.get(index..index + 2) {
            if one.joins(next) {
                let at = later(one.at, next.at);
                self.merge(index, at);
            } else {
                index += 1;
            }
        }
    }

    /// Makes one range of this and the next, of the next one's fate.
    fn merge(&mut self, index: usize, at: u32) {
        let gone = self.ranges.remove(index);
        if let Some(left) = self.ranges.get_mut(index) {
            left.at = at;
            left.again |= gone.again;
        }
    }

    /// One range less, of two at least, at the cost of what is known: of two neighbours of one fate, the earlier time is forgotten.
    /// Where there are none, the last that arrived counts as in flight since now, with what is before it. So the sender
    /// waits longer; it is told again what arrived, and what is lost is found again.
    #[cold]
    #[inline(never)]
    fn merge_some(&mut self, now: u32) {
        let alike = self.ranges.windows(2).enumerate().filter_map(|(index, pair)| match pair {
            [one, next] if core::mem::discriminant(&one.fate) == core::mem::discriminant(&next.fate) => {
                Some((next.at.wrapping_sub(one.at).cast_signed().unsigned_abs(), index))
            }
            _ => None,
        });
        if let Some((_, index)) = alike.min()
            && let (Some(one), Some(next)) = (self.get(index), self.get(index + 1))
        {
            return self.merge(index, later(one.at, next.at));
        }
        let arrived = self.ranges.iter().rposition(|range| range.fate == Fate::Arrived);
        let index = arrived.unwrap_or(self.ranges.len() - 1).max(1) - 1;
        self.merge(index, now);
        if let Some(merged) = self.ranges.get_mut(index) {
            merged.fate = Fate::Flying;
        }
    }
}

/// The later of two instants in microseconds that wrap.
fn later(one: u32, other: u32) -> u32 {
    if before(one, other) { other } else { one }
}
