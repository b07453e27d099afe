//! Which slot holds the connection of a 4-tuple: a hash table whose chains run through the slots.

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{NONE, Slots, number};
use crate::server::tuple::Tuple;

impl Slots<'_> {
    /// The slot of a connection.
    pub(in super::super) fn find(&self, tuple: &Tuple) -> Option<usize> {
        let mut slot = self.slots[self.chain(tuple)].chain;
        while slot != NONE {
            let index = usize::from(slot);
            let at = &self.slots[index];
            if at.connection.tuple.as_ref() == Some(tuple) {
                return Some(index);
            }
            slot = at.next;
        }
        None
    }

    /// Gives a free slot to a connection that has none: the one that came free last.
    pub(in super::super) fn insert(&mut self, tuple: Tuple) -> Option<usize> {
        if self.free == NONE {
            return None;
        }
        let (slot, index, chain) = (self.free, usize::from(self.free), self.chain(&tuple));
        let before = core::mem::replace(&mut self.slots[chain].chain, slot);
        let place = &mut self.slots[index];
        self.free = core::mem::replace(&mut place.next, before);
        place.connection.tuple = Some(tuple);
        self.used += 1;
        Some(index)
    }

    /// Takes a slot out of its chain.
    pub(super) fn unchain(&mut self, slot: usize) {
        let Some(tuple) = self.slots.get_mut(slot).and_then(|slot| slot.connection.tuple.take()) else {
            return;
        };
        let (chain, next) = (self.chain(&tuple), self.slots[slot].next);
        let first = &mut self.slots[chain].chain;
        if usize::from(*first) == slot {
            *first = next;
        } else {
            let mut before = usize::from(*first);
            while usize::from(self.slots[before].next) != slot {
                before = usize::from(self.slots[before].next);
            }
            self.slots[before].next = next;
        }
        self.used -= 1;
        self.push_free(slot);
    }

    pub(super) fn push_free(&mut self, slot: usize) {
        self.slots[slot].next = self.free;
        self.free = number(slot);
    }

    /// The chain of a 4-tuple: its remote address and port, hashed; clients differ in nothing else that matters.
    fn chain(&self, tuple: &Tuple) -> usize {
        let IpEndpoint { addr, port } = tuple.remote;
        let mut hash = self.key ^ u32::from(port) ^ (u32::from(tuple.local.port) << 16);
        let mut mix = |word: [u8; 4]| {
            // Multiply and fold: every bit of the word reaches the upper half, from which the chain is taken.
            hash = (hash ^ u32::from_be_bytes(word)).wrapping_mul(0x9e37_79b1);
            hash ^= hash >> 15;
        };
        match addr {
            #[cfg(feature = "ipv4")]
            IpAddress::Ipv4(addr) => mix(addr.octets()),
            #[cfg(feature = "ipv6")]
            IpAddress::Ipv6(addr) => {
                for word in addr.octets().as_chunks::<4>().0 {
                    mix(*word);
                }
            }
            #[allow(unreachable_patterns, reason = "the door lets in no other version of IP")]
            _ => {}
        }
        hash = hash.wrapping_mul(0x85eb_ca77);
        // The upper half times the count: even chains for any count, without a division.
        ((hash >> 16) as usize * self.slots.len()) >> 16
    }
}

#[cfg(all(test, feature = "std", feature = "ipv4"))]
mod tests {
    use super::super::tests::slots;
    use super::*;

    fn tuple(client: u16) -> Tuple {
        Tuple {
            local: IpEndpoint::new(IpAddress::v4(192, 168, 69, 1), 12_000),
            remote: IpEndpoint::new(IpAddress::v4(192, 168, 69, 100), client),
        }
    }

    #[test]
    fn finds_what_it_was_given_until_it_is_released() {
        for count in [1usize, 2, 3, 4, 64, 100] {
            let mut table = slots(count);
            let used: Vec<usize> = (0..count).map(|n| table.insert(tuple(n as u16)).unwrap()).collect();
            assert_eq!(table.insert(tuple(9_999)), None);
            assert!(!table.has_free());
            for (n, slot) in used.iter().enumerate() {
                assert_eq!(table.find(&tuple(n as u16)), Some(*slot));
            }
            // Out of order, so that ends and middles of chains are removed.
            for n in (0..count).step_by(2).chain((1..count).step_by(2)) {
                table.release(used[n]);
                assert_eq!(table.find(&tuple(n as u16)), None);
                table.release(used[n]);
            }
            assert_eq!(table.used(), 0);
            assert!((0..count).all(|n| table.insert(tuple(n as u16)).is_some()));
        }
    }

    #[test]
    fn chains_of_neighbouring_ports_are_short() {
        let mut table = slots(1_024);
        for client in 0..1_024 {
            table.insert(tuple(40_000 + client));
        }
        let longest = (0..1_024)
            .map(|chain| {
                let (mut length, mut slot) = (0, table.slots[chain].chain);
                while slot != NONE {
                    (length, slot) = (length + 1, table.slots[usize::from(slot)].next);
                }
                length
            })
            .max();
        assert!(longest <= Some(8), "the longest of 1,024 chains has {longest:?} slots");
    }
}
