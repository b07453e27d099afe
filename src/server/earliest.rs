//! The earliest of many instants, kept in order while they change: a tournament. Of few, it is looked for.

use managed::ManagedSlice;
use smoltcp::time::Instant;

/// Later than all that will ever be: what is never due.
pub(crate) const NEVER: Instant = Instant::from_micros_const(i64::MAX);

/// So many are compared as fast as they are kept in order.
const FEW: usize = 8;

/// An instant for each of `n` slots, and which slot's is the earliest.
///
/// Changing one costs log2(n) comparisons, asking for the earliest costs nothing. Of up to [`FEW`], changing one costs
/// nothing, and asking n comparisons.
pub(crate) struct Earliest<'a> {
    /// Microseconds.
    keys: ManagedSlice<'a, i64>,
    /// The inner nodes of a complete binary tree whose leaves, nodes n to 2n - 1, are the slots: node k holds the
    /// winner of nodes 2k and 2k + 1. Node 0 isn't used.
    winners: ManagedSlice<'a, u16>,
}

impl<'a> Earliest<'a> {
    /// `keys` and `winners` are of one length, at least 1; whatever they hold is overwritten.
    pub(crate) fn new(keys: ManagedSlice<'a, i64>, winners: ManagedSlice<'a, u16>) -> Self {
        let mut earliest = Earliest { keys, winners };
        earliest.keys.fill(NEVER.total_micros());
        // Of equals, anybody may win.
        for node in (1..earliest.winners.len()).rev() {
            let winner = earliest.winner(2 * node);
            #[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
            {
                earliest.winners[node] = winner as u16;
            }
        }
        earliest
    }

    /// The slot with the earliest instant, and that instant.
    pub(crate) fn first(&self) -> (usize, Instant) {
        if self.keys.len() > FEW {
            let slot = self.winner(1);
            return (slot, self.get(slot));
        }
        let (mut first, mut earliest) = (0, NEVER.total_micros());
        for (slot, key) in self.keys.iter().enumerate() {
            if *key < earliest {
                (first, earliest) = (slot, *key);
            }
        }
        (first, Instant::from_micros(earliest))
    }

    /// The instant of one slot.
    pub(crate) fn get(&self, slot: usize) -> Instant {
        self.keys.get(slot).map_or(NEVER, |key| Instant::from_micros(*key))
    }

    /// Gives a slot its instant.
    pub(crate) fn set(&mut self, slot: usize, at: Instant) {
        let Some(key) = self.keys.get_mut(slot) else { return };
        *key = at.total_micros();
        if self.keys.len() <= FEW {
            return;
        }
        // From the leaf to the root: whoever won so far against the winner of the node beside.
        let (mut node, mut winner, mut earliest) = (self.keys.len() + slot, slot, at.total_micros());
        while node > 1 {
            let other = self.winner(node ^ 1);
            let Some(key) = self.keys.get(other) else { return };
            if *key < earliest {
                (winner, earliest) = (other, *key);
            }
            node /= 2;
            let Some(place) = self.winners.get_mut(node) else { return };
            #[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
            {
                *place = winner as u16;
            }
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
            let mut plain = vec![NEVER; slots];
            assert_eq!(earliest.first().1, NEVER);
            for _ in 0..1_000 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let slot = (random >> 33) as usize % slots;
                let never = random >> 60 == 0;
                let at = if never { NEVER } else { Instant::from_micros((random >> 40) as i64 & 0xff) };
                plain[slot] = at;
                earliest.set(slot, at);
                let (first, at) = earliest.first();
                assert_eq!(Some(&at), plain.iter().min());
                assert_eq!(plain[first], at);
                assert_eq!(earliest.get(slot), plain[slot]);
            }
        }
    }
}
