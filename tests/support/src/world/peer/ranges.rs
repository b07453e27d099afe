//! Ranges of a stream's bytes, by their offsets.

/// Ranges that neither overlap nor touch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    /// How many bytes they are.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|(from, to)| to - from).sum()
    }

    /// The range with this byte.
    pub fn around(&self, at: u64) -> Option<(u64, u64)> {
        self.iter().find(|(from, to)| (*from..*to).contains(&at))
    }

    /// What is here of this range.
    pub fn within(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        self.iter().map(move |(start, end)| (start.max(from), end.min(to))).filter(|(start, end)| start < end)
    }

    /// Adds a range, and what it touches becomes one with it.
    pub fn add(&mut self, mut from: u64, mut to: u64) {
        if from >= to {
            return;
        }
        let first = self.0.partition_point(|(_, end)| *end < from);
        let last = self.0.partition_point(|(start, _)| *start <= to);
        if first < last {
            from = from.min(self.0[first].0);
            to = to.max(self.0[last - 1].1);
        }
        self.0.splice(first..last, [(from, to)]);
    }

    /// Takes the range that begins at or before `at` away, and gives its end.
    pub fn take_reached(&mut self, at: u64) -> Option<u64> {
        let (from, to) = *self.0.first()?;
        (from <= at).then(|| {
            self.0.remove(0);
            to
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[(u64, u64)]) -> Ranges {
        let mut all = Ranges::default();
        ranges.iter().for_each(|(from, to)| all.add(*from, *to));
        all
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(of(&[(10, 20), (30, 40), (5, 5)]).iter().collect::<Vec<_>>(), [(10, 20), (30, 40)]);
        assert_eq!(of(&[(30, 40), (10, 20), (20, 30)]), of(&[(10, 40)]));
        assert_eq!(of(&[(10, 20), (30, 40), (50, 60), (15, 55)]), of(&[(10, 60)]));
        assert_eq!(of(&[(10, 20), (1, 5), (12, 14)]).iter().collect::<Vec<_>>(), [(1, 5), (10, 20)]);
    }

    #[test]
    fn what_is_within_a_range_is_cut_to_it() {
        let ranges = of(&[(10, 20), (30, 40)]);
        assert_eq!(ranges.within(15, 35).collect::<Vec<_>>(), [(15, 20), (30, 35)]);
        assert_eq!((ranges.within(20, 30).count(), ranges.bytes()), (0, 20));
        assert_eq!((ranges.around(19), ranges.around(20)), (Some((10, 20)), None));
    }

    #[test]
    fn the_first_is_taken_once_it_is_reached() {
        let mut ranges = of(&[(10, 20), (30, 40)]);
        assert_eq!(
            (ranges.take_reached(9), ranges.take_reached(12), ranges.take_reached(29)),
            (None, Some(20), None)
        );
        assert_eq!(ranges, of(&[(30, 40)]));
    }
}
