//! The slots: all that is known of each connection, in one array, and the ways in which one is found in it: by its
//! 4-tuple (`table`), by what is due next and by what may be evicted first (`tournament`), by what this poll has
//! touched.

mod table;
mod tournament;

use core::ops::{Index, IndexMut};

use managed::ManagedSlice;

pub(super) use self::tournament::Order;
use super::connection::Connection;
use super::time::NEVER;
use super::tuple::Tuple;

/// No slot.
const NONE: u16 = u16::MAX;
/// The most slots that can be numbered.
pub(super) const MAX_SLOTS: usize = NONE as usize;

/// A place for one connection, and its place in every order.
pub(super) struct Slot<'a> {
    connection: Connection<'a>,
    /// The slot after this one in its chain, or in the list of the free.
    next: u16,
    /// The first slot of the chain that has this slot's number.
    chain: u16,
    /// The slot after this one among the touched.
    next_touched: u16,
    /// Its instants, in microseconds.
    at: [i64; Order::COUNT],
    /// The inner nodes of a complete binary tree whose leaves, nodes n to 2n - 1, are the slots: node k, which is in
    /// slot k, holds the winner of nodes 2k and 2k + 1. Node 0 isn't used.
    winners: [u16; Order::COUNT],
}

impl<'a> Slot<'a> {
    #[cfg(feature = "std")]
    pub(super) fn connection(&self) -> &Connection<'a> {
        &self.connection
    }

    pub(super) fn new(connection: Connection<'a>) -> Self {
        Slot {
            connection,
            next: NONE,
            chain: NONE,
            next_touched: NONE,
            at: [NEVER.total_micros(); Order::COUNT],
            winners: [0; Order::COUNT],
        }
    }
}

/// All slots of a server.
pub(super) struct Slots<'a> {
    slots: ManagedSlice<'a, Slot<'a>>,
    free: u16,
    used: u16,
    /// Makes chains unpredictable to a client that chooses its port to make one long.
    key: u32,
    /// The first and the last that this poll has touched.
    touched: (u16, u16),
    /// Of few slots, the one that is due first, if it is known.
    next_due: u16,
}

impl<'a> Slots<'a> {
    /// At least 1 slot and at most [`MAX_SLOTS`], none of them in use.
    pub(super) fn new(slots: ManagedSlice<'a, Slot<'a>>, key: u32) -> Self {
        let mut slots = Slots { slots, free: NONE, used: 0, key, touched: (NONE, NONE), next_due: NONE };
        for slot in (0..slots.len()).rev() {
            slots.push_free(slot);
        }
        slots.seat();
        slots
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many are in use.
    pub(super) fn used(&self) -> usize {
        usize::from(self.used)
    }

    /// Whether another connection can be taken in.
    pub(super) fn has_free(&self) -> bool {
        self.free != NONE
    }

    /// Whether a slot holds a connection.
    pub(super) fn is_used(&self, slot: usize) -> bool {
        self[slot].tuple.is_some()
    }

    /// Frees a slot.
    pub(super) fn release(&mut self, slot: usize) {
        self.unchain(slot);
        self.schedule(slot, NEVER, NEVER);
    }

    /// A frame was for this connection: it is to be processed before the poll ends.
    pub(super) fn touch(&mut self, slot: usize) {
        if core::mem::replace(&mut self[slot].touched, true) {
            return;
        }
        let number = number(slot);
        let (first, last) = self.touched;
        if last == NONE {
            self.touched = (number, number);
        } else {
            self.slots[usize::from(last)].next_touched = number;
            self.touched = (first, number);
        }
    }

    /// The next of those that this poll has touched, in the order in which they were. Its mark stays until it has been
    /// processed.
    pub(super) fn next_touched(&mut self) -> Option<usize> {
        let (first, last) = self.touched;
        if first == NONE {
            return None;
        }
        let slot = usize::from(first);
        self.touched = if first == last { (NONE, NONE) } else { (self.slots[slot].next_touched, last) };
        Some(slot)
    }

    /// Every connection that holds a slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Connection<'a>, Tuple)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((index, &slot.connection, slot.connection.tuple?)))
    }
}

impl<'a> Index<usize> for Slots<'a> {
    type Output = Connection<'a>;

    fn index(&self, slot: usize) -> &Connection<'a> {
        &self.slots[slot].connection
    }
}

impl<'a> IndexMut<usize> for Slots<'a> {
    fn index_mut(&mut self, slot: usize) -> &mut Connection<'a> {
        &mut self.slots[slot].connection
    }
}

#[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
const fn number(slot: usize) -> u16 {
    slot as u16
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::{Memory, Sizes};
    use super::*;

    /// So many slots with the least of buffers.
    pub(super) fn slots(count: usize) -> Slots<'static> {
        let sizes = Sizes::default().with_connections(count).with_buffers(16);
        Slots::new(Memory::owned(sizes).slots, 7)
    }

    #[test]
    fn touched_slots_come_once_in_the_order_in_which_they_were() {
        let mut slots = slots(5);
        for slot in [3, 1, 3, 4, 1] {
            slots.touch(slot);
        }
        let mut touched = || {
            let slot = slots.next_touched()?;
            slots[slot].touched = false;
            Some(slot)
        };
        let order: Vec<usize> = core::iter::from_fn(&mut touched).collect();
        assert_eq!(order, [3, 1, 4]);
        slots.touch(3);
        assert_eq!((slots.next_touched(), slots.next_touched()), (Some(3), None));
    }
}
