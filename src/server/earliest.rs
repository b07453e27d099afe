//! The earliest of many instants, kept in order while they change: a tournament.

use managed::ManagedSlice;
use smoltcp::time::Instant;

/// An instant for each of `n` slots, and which slot's is the earliest.
///
/// Changing one costs log2(n) comparisons, asking for the earliest costs nothing.
pub(crate) struct Earliest<'a> {
    /// Microseconds, [`NEVER`] for none.
    keys: ManagedSlice<'a, i64>,
    /// The inner nodes of a complete binary tree whose leaves, nodes n to 2n - 1, are the slots: node k holds the
    /// winner of nodes 2k and 2k + 1. Node 0 isn't used.
    winners: ManagedSlice<'a, u16>,
}

const NEVER: i64 = i64::MAX;

impl<'a> Earliest<'a> {
    /// `keys` and `winners` are of one length, at least 1; whatever they hold is overwritten.
    pub(crate) fn new(keys: ManagedSlice<'a, i64>, winners: ManagedSlice<'a, u16>) -> Self {
        let mut earliest = Earliest { keys, winners };
        earliest.keys.fill(NEVER);
        for node in (1..earliest.winners.len()).rev() {
            earliest.play(node);
        }
        earliest
    }

    /// The slot with the earliest instant.
    pub(crate) fn first(&self) -> Option<(usize, Instant)> {
        let slot = self.winner(1);
        let key = *self.keys.get(slot)?;
        (key != NEVER).then(|| (slot, Instant::from_micros(key)))
    }

    /// The instant of one slot.
    pub(crate) fn get(&self, slot: usize) -> Option<Instant> {
        self.keys.get(slot).filter(|key| **key != NEVER).map(|key| Instant::from_micros(*key))
    }

    /// Gives a slot its instant, or none.
    pub(crate) fn set(&mut self, slot: usize, at: Option<Instant>) {
        let key = at.map_or(NEVER, |at| at.total_micros());
        match self.keys.get_mut(slot) {
            Some(old) if *old != key => *old = key,
            _ => return,
        }
        let mut node = (self.keys.len() + slot) / 2;
        while node >= 1 {
            self.play(node);
            node /= 2;
        }
    }

    fn play(&mut self, node: usize) {
        let (left, right) = (self.winner(2 * node), self.winner(2 * node + 1));
        let winner = if self.keys[left] <= self.keys[right] { left } else { right };
        #[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
        {
            self.winners[node] = winner as u16;
        }
    }

    /// The slot that won at a node: the slot itself at a leaf.
    fn winner(&self, node: usize) -> usize {
        let leaves = self.keys.len();
        if node >= leaves { node - leaves } else { usize::from(self.winners[node]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain search, over every count of slots from 1 to 20 and a thousand changes each.
    #[test]
    fn agrees_with_a_plain_search() {
        let mut random = 1u64;
        for slots in 1..=20usize {
            let mut earliest = Earliest::new(vec![0; slots].into(), vec![0; slots].into());
            let mut plain: Vec<Option<i64>> = vec![None; slots];
            assert_eq!(earliest.first(), None);
            for _ in 0..1_000 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let slot = (random >> 33) as usize % slots;
                let at = (random >> 60 != 0).then_some((random >> 40) as i64 & 0xff);
                plain[slot] = at;
                earliest.set(slot, at.map(Instant::from_micros));
                assert_eq!(
                    earliest.first().map(|(_, at)| at.total_micros()),
                    plain.iter().flatten().min().copied()
                );
                if let Some((first, at)) = earliest.first() {
                    assert_eq!(plain[first], Some(at.total_micros()));
                }
                assert_eq!(earliest.get(slot), at.map(Instant::from_micros));
            }
        }
    }
}
