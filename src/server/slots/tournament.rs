//! The earliest of many instants, kept in order while they change: a tournament for each [`Order`]. Of few, it is
//! looked for.

use smoltcp::time::Instant;

use super::{NONE, Slots, number};
use crate::server::time::NEVER;

/// So many are compared as fast as they are kept in order.
const FEW: usize = 8;

/// By which instant the slots are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// When each connection is to be processed, whatever comes.
    Due,
    /// From when on each connection may be given up for a new one.
    Evictable,
}

impl Order {
    pub(super) const COUNT: usize = 2;
}

/// Changing an instant costs up to log2(n) comparisons, asking for the earliest costs nothing. Of up to [`FEW`] slots,
/// changing one costs nothing, and asking n comparisons.
impl Slots<'_> {
    /// Whether they are searched. On a board, whose memory ends at some dozens, a tournament would be more code than it is
    /// worth.
    fn is_few(&self) -> bool {
        !cfg!(feature = "std") || self.len() <= FEW
    }

    /// No slot has an instant: of equals, anybody may win.
    pub(super) fn seat(&mut self) {
        if self.is_few() {
            return;
        }
        for node in (1..self.len()).rev() {
            for order in [Order::Due, Order::Evictable] {
                self.slots[node].winners[order as usize] = number(self.winner(order, 2 * node));
            }
        }
    }

    /// The slot with the earliest instant, and that instant.
    #[inline(never)]
    pub(in super::super) fn first(&self, order: Order) -> (usize, Instant) {
        if !self.is_few() {
            let slot = self.winner(order, 1);
            return (slot, self.at(order, slot));
        }
        let (mut first, mut earliest) = (0, NEVER.total_micros());
        for (slot, at) in self.slots.iter().enumerate() {
            let at = at.at[order as usize];
            if at < earliest {
                (first, earliest) = (slot, at);
            }
        }
        (first, Instant::from_micros(earliest))
    }

    /// The slot that is due first, and when. Of few, it is looked for where it isn't known.
    pub(in super::super) fn next_due(&mut self) -> (usize, Instant) {
        let known = usize::from(self.next_due);
        if self.is_few()
            && let Some(place) = self.slots.get(known)
        {
            return (known, Instant::from_micros(place.at[Order::Due as usize]));
        }
        let first = self.first(Order::Due);
        self.next_due = number(first.0);
        first
    }

    /// The instant of one slot.
    pub(in super::super) fn at(&self, order: Order, slot: usize) -> Instant {
        self.slots.get(slot).map_or(NEVER, |slot| Instant::from_micros(slot.at[order as usize]))
    }

    /// Gives a slot both its instants.
    pub(in super::super) fn schedule(&mut self, slot: usize, due: Instant, evictable: Instant) {
        let known = self.at(Order::Due, self.next_due.into());
        if due < known && self.next_due != NONE {
            self.next_due = number(slot);
        } else if due > known && usize::from(self.next_due) == slot {
            self.next_due = NONE;
        }
        let Some(place) = self.slots.get_mut(slot) else { return };
        place.at = [due.total_micros(), evictable.total_micros()];
        if !self.is_few() {
            self.play(Order::Due, slot);
            self.play(Order::Evictable, slot);
        }
    }

    /// From the leaf to the root: whoever won so far against the winner of the node beside. Where another has won as
    /// before, nothing changes further up.
    fn play(&mut self, order: Order, slot: usize) {
        let seat = |slots: &Self, slot: usize| slots.slots.get(slot).map(|slot| slot.at[order as usize]);
        let (mut node, mut winner) = (self.len() + slot, slot);
        while node > 1 {
            let other = self.winner(order, node ^ 1);
            if seat(self, other) < seat(self, winner) {
                winner = other;
            }
            node /= 2;
            let Some(place) = self.slots.get_mut(node) else { return };
            let before = core::mem::replace(&mut place.winners[order as usize], number(winner));
            if winner != slot && usize::from(before) == winner {
                return;
            }
        }
    }

    /// The slot that won at a node: the slot itself at a leaf.
    fn winner(&self, order: Order, node: usize) -> usize {
        let leaves = self.len();
        if node >= leaves { node - leaves } else { usize::from(self.slots[node].winners[order as usize]) }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::tests::slots;
    use super::*;

    /// Against a plain search, over every count of slots from 1 to 20 and a thousand changes each, in both orders.
    #[test]
    fn agrees_with_a_plain_search() {
        let mut random = 1u64;
        for count in 1..=20usize {
            let mut slots = slots(count);
            let mut plain = vec![[NEVER; Order::COUNT]; count];
            assert_eq!(slots.first(Order::Due).1, NEVER);
            for _ in 0..2_000 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let order = if random >> 62 == 0 { Order::Evictable } else { Order::Due };
                let slot = (random >> 33) as usize % count;
                let never = random >> 58 & 0xf == 0;
                let at = if never { NEVER } else { Instant::from_micros((random >> 40) as i64 & 0xff) };
                plain[slot][order as usize] = at;
                slots.schedule(slot, plain[slot][0], plain[slot][1]);
                let (first, at) = slots.first(order);
                assert_eq!(Some(at), plain.iter().map(|at| at[order as usize]).min());
                let (next, due) = slots.next_due();
                assert_eq!(Some(due), plain.iter().map(|at| at[Order::Due as usize]).min());
                assert_eq!(plain[next][Order::Due as usize], due);
                assert_eq!(plain[first][order as usize], at);
                assert_eq!(slots.at(order, slot), plain[slot][order as usize]);
            }
        }
    }
}
