//! Random operations, on a scoreboard and on a model that has an entry for every byte.

use std::collections::{BTreeSet, VecDeque};
use std::vec::Vec;

use super::*;

/// George Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % bound
    }
}

/// What is known of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Byte {
    at: u32,
    again: bool,
    fate: Fate,
}

/// Both, and what has been done to them.
struct Pair<const N: usize> {
    board: Scoreboard<N>,
    una: u32,
    model: VecDeque<Byte>,
    now: u32,
    done: Vec<std::string::String>,
    /// What had arrived may be in flight again.
    forgets: bool,
    /// When bytes were sent, and whether again, of which the board said that they arrived; and of which the model does.
    told: BTreeSet<(u32, bool)>,
    due: BTreeSet<(u32, bool)>,
}

impl<const N: usize> Pair<N> {
    fn new(start: u32, now: u32) -> Self {
        let mut board = Scoreboard::new();
        board.reset(start);
        let (told, due) = (BTreeSet::new(), BTreeSet::new());
        Pair { board, una: start, model: VecDeque::new(), now, done: Vec::new(), forgets: true, told, due }
    }

    fn end(&self) -> u32 {
        self.una.wrapping_add(self.model.len() as u32)
    }

    /// The bytes from here to there, as far as there are such.
    fn bytes(&mut self, from: u32, to: u32) -> impl Iterator<Item = &mut Byte> {
        let (una, length) = (self.una, self.model.len());
        let place = |number: u32| (number.wrapping_sub(una).cast_signed().max(0) as usize).min(length);
        let (from, to) = (place(from), place(to));
        self.model.range_mut(from..to.max(from))
    }

    fn sent(&mut self, from: u32, to: u32) {
        let (end, now) = (self.end(), self.now);
        self.board.sent(from, to, now);
        for byte in self.bytes(from, to).filter(|byte| byte.fate != Fate::Arrived) {
            *byte = Byte { at: now, again: true, fate: Fate::Flying };
        }
        for _ in 0..to.wrapping_sub(end).cast_signed().max(0) {
            self.model.push_back(Byte { at: now, again: false, fate: Fate::Flying });
        }
    }

    fn acknowledge(&mut self, una: u32) {
        let told = &mut self.told;
        self.board.acknowledge(una, &mut |range| {
            told.insert((range.at, range.again));
        });
        for _ in 0..una.wrapping_sub(self.una) {
            let byte = self.model.pop_front().expect("a byte");
            if byte.fate != Fate::Arrived {
                self.due.insert((byte.at, byte.again));
            }
        }
        self.una = una;
    }

    fn arrive(&mut self, from: u32, to: u32) {
        let told = &mut self.told;
        self.board.arrive(from, to, self.now, &mut |range| {
            told.insert((range.at, range.again));
        });
        let mut due = core::mem::take(&mut self.due);
        for byte in self.bytes(from, to).filter(|byte| byte.fate != Fate::Arrived) {
            due.insert((byte.at, byte.again));
            byte.fate = Fate::Arrived;
        }
        self.due = due;
    }

    fn lose(&mut self, from: u32, to: u32, loss: Loss) {
        self.board.lose(from, to, self.now, loss);
        for byte in self.bytes(from, to).filter(|byte| byte.fate == Fate::Flying) {
            byte.fate = Fate::Lost(loss);
        }
    }

    fn forget(&mut self) {
        self.board.forget_arrivals();
        for byte in self.model.iter_mut().filter(|byte| byte.fate == Fate::Arrived) {
            byte.fate = Fate::Flying;
        }
    }

    /// One operation, of a stream of which this much is out at most.
    fn step(&mut self, random: &mut Random, most: u32) {
        self.now = self.now.wrapping_add(random.below(3));
        (self.told, self.due) = (BTreeSet::new(), BTreeSet::new());
        let length = self.model.len() as u32;
        let from = self.una.wrapping_add(random.below(length + 1));
        let left = self.end().wrapping_sub(from);
        let to = from.wrapping_add(random.below(left.min(12) + 1));
        let what = random.below(100);
        let line = std::format!("{what}: {} to {}", from.wrapping_sub(self.una), to.wrapping_sub(self.una));
        self.done.push(line);
        match what {
            0..30 if length < most => self.sent(self.end(), self.end().wrapping_add(1 + random.below(12))),
            // Part of it may be new.
            30..45 if length < most => self.sent(from, to.wrapping_add(random.below(8))),
            45..50 => self.acknowledge(self.una.wrapping_add(random.below(length.min(40) + 1))),
            50..70 => self.arrive(from, to),
            70..80 => self.lose(from, to, Loss::Sack),
            80..85 => self.lose(from, to, Loss::Late),
            85 if self.forgets => self.forget(),
            _ => self.sent(from, to),
        }
    }

    /// What holds however little room there is.
    fn check(&self) {
        let done = || self.done[self.done.len().saturating_sub(12)..].join("\n");
        let (una, end) = (self.una, self.end());
        assert_eq!((self.board.start(), self.board.end()), (una, end), "{}", done());
        assert!(self.board.ranges.len() <= N);
        let mut next = una;
        for (start, range) in self.board.iter() {
            assert!(start == next && before(start, range.end), "{:?}\n{}", self.board, done());
            next = range.end;
            for number in start.wrapping_sub(una)..range.end.wrapping_sub(una) {
                let byte = self.model[number as usize];
                // What hasn't arrived never counts as if it had, nor as sent earlier than it was: so it is sent again until it
                // has arrived, and not too soon.
                let is_right = match range.fate {
                    Fate::Arrived => byte.fate == Fate::Arrived,
                    Fate::Flying | Fate::Lost(_) => !before(range.at, byte.at),
                };
                assert!(is_right, "byte {number} is {byte:?}\n{:?}\n{}", self.board, done());
            }
        }
        let board = &self.board;
        let sum = board.flying() + board.arrived() + board.lost();
        assert_eq!((next, sum), (end, self.model.len() as u32), "{}", done());
    }

    /// And what holds where there is enough.
    fn check_exactly(&mut self) {
        let una = self.una;
        let mut lost = None;
        for (start, range) in self.board.iter() {
            for number in start.wrapping_sub(una)..range.end.wrapping_sub(una) {
                let byte = self.model[number as usize];
                let is_same = byte.fate == range.fate
                    && (byte.fate == Fate::Arrived || (byte.at, byte.again) == (range.at, range.again));
                assert!(is_same, "byte {number}: {byte:?}, {range:?}\n{}", self.done.join("\n"));
                if let (Fate::Lost(loss), None) = (byte.fate, lost) {
                    lost = Some(loss);
                }
            }
        }
        assert_eq!(self.told, self.due, "{}", self.done.join("\n"));
        assert_eq!(self.board.loss(una, self.end()), lost);
    }
}

/// The numbers wrap soon, and so does the time.
fn pair<const N: usize>(seed: u32) -> (Pair<N>, Random) {
    let random = Random(u64::from(seed) << 20 | 0x5eed);
    (Pair::new(u32::MAX - 300, u32::MAX - 200), random)
}

#[test]
fn with_enough_room_it_knows_every_byte() {
    for seed in 0..60 {
        let (mut pair, mut random) = pair::<512>(seed);
        // The times of what had arrived are forgotten.
        pair.forgets = false;
        for _ in 0..400 {
            pair.step(&mut random, 300);
            pair.check();
            pair.check_exactly();
        }
    }
}

fn with_room_for<const N: usize>(steps: u32) {
    let mut full = 0;
    for seed in 0..60 {
        let (mut pair, mut random) = pair::<N>(seed);
        for _ in 0..steps {
            pair.step(&mut random, 10 * N as u32);
            pair.check();
            full += u32::from(pair.board.ranges.is_full());
        }
    }
    assert!(full > steps, "it was full {full} times only");
}

#[test]
fn with_little_room_nothing_counts_as_arrived_that_has_not() {
    with_room_for::<4>(400);
    with_room_for::<6>(400);
    with_room_for::<64>(400);
}

/// However little room there was: what is acknowledged piece by piece and lost in between comes to an end.
#[test]
fn everything_that_is_lost_can_be_found_and_sent() {
    for seed in 0..200 {
        let (mut pair, mut random) = pair::<6>(seed);
        for _ in 0..200 {
            pair.step(&mut random, 120);
        }
        let (una, end) = (pair.una, pair.end());
        pair.lose(una, end, Loss::Timeout);
        assert_eq!(pair.board.flying(), 0, "all that flew is lost");
        // As the stack does, segment by segment, whatever of it is wanted.
        let mut from = una;
        while before(from, end) {
            let to = from.wrapping_add(10.min(end.wrapping_sub(from)));
            if pair.board.loss(from, to).is_some() {
                pair.sent(from, to);
            }
            from = to;
        }
        pair.check();
        let left = pair.board.lost();
        assert!(left == 0, "seed {seed}: {left} bytes stay lost: {:?}", pair.board);
    }
}

#[test]
fn neighbours_of_which_the_same_is_known_are_one() {
    let mut board = Scoreboard::<6>::new();
    board.reset(0);
    for segment in 0..20 {
        board.sent(segment * 100, segment * 100 + 100, 7);
    }
    assert_eq!(board.ranges.len(), 1);
    board.lose(500, 600, 9, Loss::Sack);
    board.lose(600, 700, 9, Loss::Sack);
    assert_eq!(board.ranges.len(), 3);
    board.arrive(500, 700, 9, &mut |_| ());
    board.arrive(700, 2_000, 9, &mut |_| ());
    assert_eq!((board.ranges.len(), board.arrived(), board.flying()), (2, 1_500, 500));
    board.forget_arrivals();
    assert_eq!((board.arrived(), board.flying(), board.lost()), (0, 2_000, 0));
}

/// An acknowledgement of what was never seen going out.
#[test]
fn an_acknowledgement_beyond_the_end() {
    let mut board = Scoreboard::<6>::new();
    board.reset(10);
    board.sent(10, 20, 1);
    board.acknowledge(25, &mut |_| ());
    assert!(board.is_empty());
    assert_eq!((board.start(), board.end()), (25, 25));
}

/// Of many holes on a scoreboard of few ranges: what the peer says is taken in to the byte each time, and what it said last
/// before is given up.
#[test]
fn of_too_many_holes_the_first_and_the_newest_are_known() {
    let mut board = Scoreboard::<6>::new();
    board.reset(0);
    for segment in 0..20 {
        board.sent(segment * 100, segment * 100 + 100, segment);
    }
    for block in [1, 3, 5, 7, 9, 11] {
        let (before, mut told) = (board.arrived(), 0);
        board.arrive(block * 100, block * 100 + 100, 50, &mut |_| told += 1);
        assert_eq!((told, board.loss(0, 2_000)), (1, None), "{board:?}");
        assert!(board.arrived() >= before, "{board:?}");
    }
    let arrived: Vec<_> = board
        .iter()
        .filter(|(_, range)| range.fate == Fate::Arrived)
        .map(|(at, range)| (at, range.end))
        .collect();
    assert_eq!(arrived, [(100, 200), (1_100, 1_200)], "{board:?}");
}
