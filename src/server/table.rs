//! Which slot holds the connection of a 4-tuple: a hash table whose chains run through the slots.

use managed::ManagedSlice;
use smoltcp::wire::{IpAddress, IpEndpoint};

/// The four numbers that tell a connection from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tuple {
    pub(crate) local: IpEndpoint,
    pub(crate) remote: IpEndpoint,
}

/// No slot.
const NONE: u16 = u16::MAX;
/// The most slots that the links can number.
pub(crate) const MAX_SLOTS: usize = NONE as usize;

/// From 4-tuple to slot, and the slots that are free.
pub(crate) struct Table<'a> {
    /// The first slot of each chain.
    heads: ManagedSlice<'a, u16>,
    /// The slot after each one in its chain, or in the list of the free.
    links: ManagedSlice<'a, u16>,
    tuples: ManagedSlice<'a, Option<Tuple>>,
    free: u16,
    used: usize,
    /// Makes chains unpredictable to a client that chooses its port to make one long.
    key: u32,
}

impl<'a> Table<'a> {
    /// All of one length, at least 1 and at most [`MAX_SLOTS`]; whatever they hold is overwritten.
    pub(crate) fn new(
        heads: ManagedSlice<'a, u16>,
        links: ManagedSlice<'a, u16>,
        tuples: ManagedSlice<'a, Option<Tuple>>,
        key: u32,
    ) -> Self {
        let mut table = Table { heads, links, tuples, free: NONE, used: 0, key };
        table.heads.fill(NONE);
        table.tuples.fill(None);
        for slot in (0..table.links.len()).rev() {
            table.push_free(slot);
        }
        table
    }

    /// Slots in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether another connection can be taken in.
    pub(crate) fn has_free(&self) -> bool {
        self.free != NONE
    }

    /// The 4-tuple of the connection in a slot.
    pub(crate) fn tuple(&self, slot: usize) -> Option<Tuple> {
        self.tuples.get(slot).copied().flatten()
    }

    /// The slot of a connection.
    pub(crate) fn find(&self, tuple: &Tuple) -> Option<usize> {
        let mut slot = self.heads[self.chain(tuple)];
        while slot != NONE {
            let index = usize::from(slot);
            if self.tuples[index].as_ref() == Some(tuple) {
                return Some(index);
            }
            slot = self.links[index];
        }
        None
    }

    /// Gives a free slot to a connection that has none: the one that came free last.
    pub(crate) fn insert(&mut self, tuple: Tuple) -> Option<usize> {
        if self.free == NONE {
            return None;
        }
        let (slot, index) = (self.free, usize::from(self.free));
        self.free = self.links[index];
        let chain = self.chain(&tuple);
        self.links[index] = self.heads[chain];
        self.heads[chain] = slot;
        self.tuples[index] = Some(tuple);
        self.used += 1;
        Some(index)
    }

    /// Frees a slot.
    pub(crate) fn remove(&mut self, slot: usize) {
        let Some(tuple) = self.tuples.get_mut(slot).and_then(Option::take) else { return };
        let chain = self.chain(&tuple);
        let next = self.links[slot];
        if usize::from(self.heads[chain]) == slot {
            self.heads[chain] = next;
        } else {
            let mut before = usize::from(self.heads[chain]);
            while usize::from(self.links[before]) != slot {
                before = usize::from(self.links[before]);
            }
            self.links[before] = next;
        }
        self.used -= 1;
        self.push_free(slot);
    }

    #[allow(clippy::cast_possible_truncation, reason = "there are fewer slots than 2^16")]
    fn push_free(&mut self, slot: usize) {
        self.links[slot] = self.free;
        self.free = slot as u16;
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
        }
        hash = hash.wrapping_mul(0x85eb_ca77);
        // The upper half times the count: even chains for any count, without a division.
        ((hash >> 16) as usize * self.heads.len()) >> 16
    }
}

#[cfg(all(test, feature = "ipv4"))]
mod tests {
    use super::*;

    fn tuple(client: u16) -> Tuple {
        Tuple {
            local: IpEndpoint::new(IpAddress::v4(192, 168, 69, 1), 12_000),
            remote: IpEndpoint::new(IpAddress::v4(192, 168, 69, 100), client),
        }
    }

    fn table(slots: usize) -> Table<'static> {
        Table::new(vec![0; slots].into(), vec![0; slots].into(), vec![None; slots].into(), 7)
    }

    #[test]
    fn finds_what_it_was_given_until_it_is_removed() {
        for slots in [1usize, 2, 3, 4, 64, 100] {
            let mut table = table(slots);
            let used: Vec<usize> = (0..slots).map(|n| table.insert(tuple(n as u16)).unwrap()).collect();
            assert_eq!(table.insert(tuple(9_999)), None);
            assert!(!table.has_free());
            for (n, slot) in used.iter().enumerate() {
                assert_eq!(table.find(&tuple(n as u16)), Some(*slot));
            }
            // Out of order, so that ends and middles of chains are removed.
            for n in (0..slots).step_by(2).chain((1..slots).step_by(2)) {
                table.remove(used[n]);
                assert_eq!(table.find(&tuple(n as u16)), None);
                table.remove(used[n]);
            }
            assert_eq!(table.used(), 0);
            assert!((0..slots).all(|n| table.insert(tuple(n as u16)).is_some()));
        }
    }

    #[test]
    fn chains_of_neighbouring_ports_are_short() {
        let mut table = table(1_024);
        for client in 0..1_024 {
            table.insert(tuple(40_000 + client));
        }
        let longest = (0..1_024)
            .map(|chain| {
                let (mut length, mut slot) = (0, table.heads[chain]);
                while slot != NONE {
                    (length, slot) = (length + 1, table.links[usize::from(slot)]);
                }
                length
            })
            .max();
        assert!(longest <= Some(8), "the longest of 1,024 chains has {longest:?} slots");
    }
}
