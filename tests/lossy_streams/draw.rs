//! A stream from its seed: who the ends are, what is between them, and what they say.

use test_support::world::peer::{Options, Reads, Repeats, Writes};
use undersock::device::impaired::{Chance, Delay, Impairments, Rate, Reorder, Settings};
use undersock::smoltcp::time::Duration;

use super::text;
use super::work::{Way, Work};

/// All of a stream.
#[derive(Debug, Clone)]
pub struct Draw {
    pub seed: u64,
    pub is_v6: bool,
    pub way: Way,
    pub size: usize,
    /// The server's buffers in bytes, and the frames that it takes in at once.
    pub receive: usize,
    pub send: usize,
    pub batch: usize,
    /// So many connections one after the other, in the server's only slot.
    pub rounds: u16,
    /// One way of the wire, without what is added to it.
    pub latency: Duration,
    pub trouble: Settings,
    pub end: End,
}

/// The other end.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// The tests' own.
    Peer(Options),
    /// The library's client, with these buffers in bytes.
    Client { receive: usize, send: usize },
}

/// Numbers from a seed (SplitMix64).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6c6f_7373)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `bound` - 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in so many.
    pub fn once_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// From `least` to `most`, each order of magnitude as likely.
    pub fn scaled(&mut self, least: u64, most: u64) -> u64 {
        let octaves = (most / least).ilog2();
        let low = least << self.below(u64::from(octaves) + 1);
        (low + self.below(low)).min(most)
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

fn per_mille(chance: u64) -> Chance {
    Chance::new(chance as u32, 1_000).expect("at most one")
}

impl Draw {
    pub fn new(seed: u64) -> Draw {
        let mut numbers = Numbers::new(seed);
        let n = &mut numbers;
        let latency = Duration::from_micros(n.scaled(50, 50_000));
        let way = n.pick(&[Way::Both, Way::Both, Way::Down, Way::Down, Way::Up]);
        let size = match n.below(16) {
            0 => n.below(3),
            1..=2 => n.scaled(1, 1_000),
            3 => n.scaled(100_000, text::LONGEST as u64),
            _ => n.scaled(1_000, 100_000),
        } as usize;
        let trouble = Settings {
            incoming: impairments(n, latency),
            outgoing: impairments(n, latency),
            seed: n.next(),
            ..Settings::default()
        };
        let mut draw = Draw {
            seed,
            is_v6: n.once_in(2),
            way,
            size,
            receive: n.scaled(1_024, 65_536) as usize,
            send: n.scaled(1_024, 65_536) as usize,
            batch: n.scaled(1, 64) as usize,
            rounds: if n.once_in(4) { 2 } else { 1 },
            latency,
            trouble,
            end: End::Client {
                receive: n.scaled(1_024, 65_536) as usize,
                send: n.scaled(1_024, 65_536) as usize,
            },
        };
        if !n.once_in(5) {
            draw.end = End::Peer(options(n, &draw));
        }
        draw
    }
}

/// What one direction does to frames: each kind of trouble is there or isn't.
fn impairments(n: &mut Numbers, latency: Duration) -> Impairments {
    let loss = if n.once_in(4) { 0 } else { n.scaled(5, 300) };
    let duplicate = match n.below(16) {
        0..=7 => 0,
        8 => 1_000,
        _ => n.scaled(5, 200),
    };
    let corrupt = if n.once_in(2) { 0 } else { n.scaled(2, 100) };
    let reorder = if n.once_in(2) { 0 } else { n.scaled(5, 200) };
    let by = latency * n.scaled(1, 64) as u32 / 16;
    let fixed = if n.once_in(2) { Duration::ZERO } else { latency / 2 };
    let rate = n.once_in(6).then(|| Rate {
        bits_per_second: n.scaled(1_000_000, 100_000_000),
        queue: n.scaled(8_000, 64_000) as u32,
    });
    Impairments {
        loss: per_mille(loss),
        duplicate: per_mille(duplicate),
        corrupt: per_mille(corrupt),
        reorder: Reorder { chance: per_mille(reorder), by: by.max(Duration::from_micros(10)) },
        delay: Delay { fixed, jitter: fixed / 2 },
        rate,
    }
}

fn options(n: &mut Numbers, draw: &Draw) -> Options {
    let ms = |millis| Duration::from_millis(millis);
    let window = n.scaled(1_024, 262_144) as u32;
    Options {
        // Half of them wrap in the middle.
        sequence: if n.once_in(2) { n.next() as u32 } else { 0_u32.wrapping_sub(n.scaled(1, 65_536) as u32) },
        mss: n.pick(&[1_460, 1_460, 1_440, 1_220, 536, 100]),
        window,
        scale: if n.once_in(4) { None } else { Some(n.pick(&[0, 2, 4, 7])) },
        sack_blocks: n.pick(&[0, 1, 2, 3, 3, 4, 4]),
        dsack: !n.once_in(4),
        delayed: n.pick(&[None, Some(ms(1)), Some(ms(40)), Some(ms(40)), Some(ms(200))]),
        reads: match n.below(8) {
            0 => Reads::InSteps { bytes: n.scaled(256, 16_384) as u32, every: ms(n.scaled(1, 200)) },
            1 | 2 => Reads::Pausing {
                after: n.scaled(1_024, 65_536) as u32,
                pause: ms(n.scaled(10, 20_000)),
                shrinks: n.once_in(2),
            },
            _ => Reads::Everything,
        },
        writes: match n.below(6) {
            0 => Writes::InSteps { bytes: n.scaled(64, 16_384) as u32, every: ms(n.scaled(1, 2_000)) },
            1 if draw.way == Way::Both => Writes::InTurn { bytes: n.scaled(64, 65_536) as u32 },
            _ => Writes::AtOnce,
        },
        closes: Work::closes(draw.way, draw.size, n.next()),
        forges_every: n.once_in(8).then(|| n.scaled(1, 32) as u32),
        reneges_after: n.once_in(6).then(|| n.scaled(1, 32) as u32),
        // Never below a round trip, or it would send all twice.
        timeout: ms(200).max(draw.latency * 6),
        repeats: n.pick(&[Repeats::All, Repeats::Head]),
        ..Options::default()
    }
}
