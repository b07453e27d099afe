//! How much of what a server sends had arrived already: sent again though it wasn't lost.

use core::cell::Cell;
use core::fmt;
use std::rc::Rc;

use test_support::world::peer::{Options, Reads, Writes};
use undersock::device::impaired::{Chance, Delay, Impairments, Rate, Reorder, Settings};
use undersock::event::{Direction, Event, Fate, Observer, Trouble, Way as Passage};
use undersock::packet::{Packet, packet};
use undersock::smoltcp::time::{Duration, Instant};

use super::draw::{Draw, End, Numbers};
use super::stream;
use super::work::{Way, Work};

/// What many streams had in common.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// In thousandths, both ways.
    pub loss: u32,
    pub reorder: u32,
    /// By so many eighths of a round trip frames are held back.
    pub eighths: u32,
    pub says: Says,
}

/// What the peer says of what arrived: the acknowledgement alone, SACK blocks too, and of what arrived twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Nothing,
    Blocks,
    Duplicates,
}

/// What was sent, in bytes and in segments with bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub bytes: u64,
    pub segments: u64,
    /// That begin below what was sent before.
    pub repeated: u64,
    pub lost: u64,
    /// That had arrived, and arrived again.
    pub needless_bytes: u64,
    pub needless: u64,
    /// Streams, those that are wedged apart.
    pub streams: u64,
    pub wedged: u64,
    /// The time of all.
    pub took: Duration,
}

impl Share {
    fn add(&mut self, other: Share) {
        self.bytes += other.bytes;
        self.segments += other.segments;
        self.repeated += other.repeated;
        self.lost += other.lost;
        self.needless_bytes += other.needless_bytes;
        self.needless += other.needless;
        self.streams += other.streams;
        self.wedged += other.wedged;
        self.took += other.took;
    }

    /// Whether no more than so many bytes in 10,000 were sent for nothing.
    pub fn is_within(&self, per_myriad: u64) -> bool {
        self.needless_bytes * 10_000 <= self.bytes * per_myriad
    }
}

/// Sent again and lost, of all segments; sent for nothing, of all bytes and of all segments; how fast it was.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        write!(
            f,
            "lost {:5.2} %, again {:5.2} %, for nothing {:5.2} % of bytes, {:5.2} % of segments; {} streams in {} s, {} wedged",
            percent(self.lost, self.segments),
            percent(self.repeated, self.segments),
            percent(self.needless_bytes, self.bytes),
            percent(self.needless, self.segments),
            self.streams,
            self.took.secs(),
            self.wedged,
        )
    }
}

/// Counts what goes out and what the wire does to it. One for the server, its clone for the trouble.
#[derive(Clone, Default)]
struct Meter(Rc<[Cell<u64>; 6]>, Rc<Cell<Option<u32>>>);

const BYTES: usize = 0;
const SEGMENTS: usize = 1;
const REPEATED: usize = 2;
const LOST: usize = 3;
const DOUBLED_BYTES: usize = 4;
const DOUBLED: usize = 5;

impl Meter {
    fn count(&self, what: usize, by: u64) {
        self.0[what].set(self.0[what].get() + by);
    }

    fn get(&self, what: usize) -> u64 {
        self.0[what].get()
    }
}

impl Observer for Meter {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let (bytes, fate) = match event {
            Event::Frame(frame) if frame.way == Passage::Out => (frame.bytes, None),
            Event::Trouble(Trouble { direction: Direction::Out, fate, bytes, .. }) => (*bytes, Some(*fate)),
            _ => return,
        };
        let Packet::Tcp(tcp) = packet(bytes) else { return };
        let length = tcp.payload.len() as u64;
        if length == 0 {
            return;
        }
        match fate {
            None => {
                self.count(BYTES, length);
                self.count(SEGMENTS, 1);
                let (seq, end) = (tcp.seq.0.cast_unsigned(), (tcp.seq + length as usize).0.cast_unsigned());
                let behind = |number: u32, highest: u32| number.wrapping_sub(highest).cast_signed();
                match self.1.get() {
                    Some(highest) if behind(seq, highest) < 0 => self.count(REPEATED, 1),
                    _ => {}
                }
                if self.1.get().is_none_or(|highest| behind(end, highest) > 0) {
                    self.1.set(Some(end));
                }
            }
            Some(Fate::Lost) => self.count(LOST, 1),
            Some(Fate::Duplicated) => {
                self.count(DOUBLED_BYTES, length);
                self.count(DOUBLED, 1);
            }
            Some(_) => {}
        }
    }
}

impl Path {
    /// Bytes in 10,000 that may be sent though they had arrived. `None` where a sender can't tell what is late from what is
    /// lost: it comes a round trip later or more, or the peer says no more than that something is missing.
    pub fn bound(&self) -> Option<u64> {
        let tells = !matches!(self.says, Says::Nothing);
        match (self.reorder, self.loss) {
            // How far segments overtake each other is learned from the first that were sent for nothing (RFC 8985 6.2), and
            // these streams are short.
            (1.., _) => (self.eighths < 8 && tells).then_some(200),
            // An acknowledgement that was lost is asked for; without SACK, with what is asked for next.
            (0, 50..) if !tells => Some(100),
            (0, _) => Some(50),
        }
    }

    /// A stream from or through the server with nothing in its way but this.
    pub fn draw(&self, seed: u64) -> Draw {
        let mut draw = Draw::new(seed);
        let mut numbers = Numbers::new(seed ^ 0x5a5a);
        let n = &mut numbers;
        draw.rounds = 1;
        draw.way = n.pick(&[Way::Down, Way::Down, Way::Both]);
        draw.size = n.scaled(16_000, 256_000) as usize;
        draw.send = n.scaled(8_192, 65_536) as usize;
        draw.receive = n.scaled(8_192, 65_536) as usize;
        let by = (draw.latency * 2 * self.eighths / 8).max(Duration::from_micros(10));
        let chance = |per_mille| Chance::new(per_mille, 1_000).expect("at most one");
        // Half of them on a link that is slower than the ends: 8 frames of 1,500 bytes on one way of the wire.
        let per_frame = (draw.latency.total_micros() / 8).max(1);
        let rate = n.once_in(2).then(|| Rate { bits_per_second: 12_000_000_000 / per_frame, queue: 1 << 20 });
        let way = Impairments {
            loss: chance(self.loss),
            reorder: Reorder { chance: chance(self.reorder), by },
            delay: Delay::default(),
            rate,
            ..Impairments::default()
        };
        draw.trouble = Settings { incoming: way, outgoing: way, seed, ..Settings::default() };
        draw.end = End::Peer(Options {
            sequence: n.next() as u32,
            mss: n.pick(&[1_460, 1_440, 536]),
            window: n.scaled(16_384, 262_144) as u32,
            scale: Some(3),
            sack_blocks: if self.says == Says::Nothing { 0 } else { n.pick(&[3, 4]) },
            dsack: self.says == Says::Duplicates,
            delayed: n.pick(&[None, Some(Duration::from_millis(40))]),
            reads: Reads::Everything,
            writes: Writes::AtOnce,
            closes: Work::closes(draw.way, draw.size, n.next()),
            timeout: Duration::from_millis(200).max(draw.latency * 6),
            ..Options::default()
        });
        draw
    }

    /// What these streams come to.
    pub fn share(&self, seeds: core::ops::Range<u64>) -> Share {
        let mut all = Share::default();
        for seed in seeds {
            all.add(self.of_one(seed));
        }
        all
    }

    fn of_one(&self, seed: u64) -> Share {
        let meter = Meter::default();
        match stream::run(&self.draw(seed), &mut meter.clone(), meter.clone()) {
            Ok(fine) => Share {
                bytes: meter.get(BYTES),
                segments: meter.get(SEGMENTS),
                repeated: meter.get(REPEATED),
                lost: meter.get(LOST),
                needless_bytes: fine.counts.again_bytes.saturating_sub(meter.get(DOUBLED_BYTES)),
                needless: fine.counts.again_segments.saturating_sub(meter.get(DOUBLED)),
                streams: 1,
                wedged: 0,
                took: fine.took,
            },
            Err(failure) if failure.is_wedge() => Share { wedged: 1, ..Share::default() },
            Err(failure) => panic!("{self:?}, seed {seed}: {failure}"),
        }
    }
}

/// Every path that is looked at.
pub fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    for says in [Says::Duplicates, Says::Blocks, Says::Nothing] {
        for (loss, reorder, eighths) in [
            (0, 0, 1),
            (10, 0, 1),
            (50, 0, 1),
            (0, 10, 1),
            (0, 50, 1),
            (0, 50, 2),
            (0, 50, 8),
            (0, 50, 16),
            (10, 10, 2),
            (50, 50, 2),
        ] {
            paths.push(Path { loss, reorder, eighths, says });
        }
    }
    paths
}
