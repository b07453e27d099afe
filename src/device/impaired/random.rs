//! Chance that is no chance: the same seed gives the same numbers.

use crate::event::Direction;

/// SplitMix64 (Steele, Lea and Flood, 2014): eight bytes of state, no seed that is bad.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of one direction: what the other does moves none of them.
    pub(super) fn new(seed: u64, direction: Direction) -> Random {
        let stream = match direction {
            Direction::In => 0x696e,
            Direction::Out => 0x006f_7574,
        };
        Random(mix(seed ^ mix(stream)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Makes a drawn number one of 0 to `bound` - 1, each as likely as the others to within 2^-32 for bounds that small.
#[allow(clippy::cast_possible_truncation, reason = "the product's upper half is below the bound")]
pub(super) fn below(drawn: u64, bound: u64) -> u64 {
    ((u128::from(drawn) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_splitmix64s() {
        // From state 0, as the algorithm's reference implementation prints them.
        let mut random = Random(0);
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(numbers, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    #[test]
    fn seeds_and_directions_differ() {
        let first = |seed, direction| Random::new(seed, direction).next();
        assert_eq!(first(7, Direction::In), first(7, Direction::In));
        assert_ne!(first(7, Direction::In), first(7, Direction::Out));
        assert_ne!(first(7, Direction::In), first(8, Direction::In));
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        assert_eq!((below(0, 10), below(u64::MAX, 10), below(u64::MAX, 1), below(9, 0)), (0, 9, 0, 0));
    }
}
