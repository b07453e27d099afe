//! What a peer does with the bytes that come: RFC 9293 3.10.7.4, RFC 5681 4.2 (when it acknowledges), RFC 2018 and
//! RFC 2883 (what of it is SACKed).

use undersock::smoltcp::time::Instant;

use super::ranges::Ranges;
use super::{Counts, Options, Reads};

/// When an acknowledgement is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Never,
    At(Instant),
    Now,
}

/// The receiving half.
#[derive(Debug)]
pub(super) struct Receiver {
    options: Options,
    /// All that has arrived, by its offset; between the stored ranges is nothing.
    bytes: Vec<u8>,
    /// RCV.NXT, as an offset: a FIN is one more than the last byte.
    next: u64,
    /// What arrived beyond it.
    stored: Ranges,
    /// Where segments arrived out of order, the newest first.
    recent: Vec<u64>,
    duplicate: Option<(u64, u64)>,
    fin: Option<u64>,
    /// What the reader has taken.
    read: u64,
    /// When it takes more; until then it sleeps.
    wakes: Option<Instant>,
    /// When it slept last, it had taken so much.
    slept_at: u64,
    /// The right edge of the window, as it was last offered.
    edge: u64,
    /// The bits by which windows are shifted.
    pub(super) scale: u8,
    pub(super) sacks: bool,
    pub(super) due: Due,
    /// Segments that nothing has acknowledged.
    pending: u32,
    /// Segments out of order until it reneges.
    until_reneging: Option<u32>,
    /// Acknowledgements so far, for lies.
    told: u64,
}

impl Receiver {
    pub(super) fn new(options: Options) -> Self {
        let first_step = match options.reads {
            Reads::InSteps { every, .. } => Some(Instant::ZERO + every),
            _ => None,
        };
        Receiver {
            options,
            bytes: Vec::new(),
            next: 0,
            stored: Ranges::default(),
            recent: Vec::new(),
            duplicate: None,
            fin: None,
            read: 0,
            wakes: first_step,
            slept_at: 0,
            edge: u64::from(options.window),
            scale: 0,
            sacks: false,
            due: Due::Never,
            pending: 0,
            until_reneging: options.reneges_after,
            told: 0,
        }
    }

    /// All that arrived in order.
    pub(super) fn in_order(&self) -> &[u8] {
        &self.bytes[..self.fin_or(self.next) as usize]
    }

    fn fin_or(&self, next: u64) -> u64 {
        if self.has_finished() { next - 1 } else { next }
    }

    /// RCV.NXT's offset.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Bytes beyond a hole.
    pub(super) fn stored(&self) -> u64 {
        self.stored.bytes()
    }

    /// Whether the FIN has arrived, and all before it.
    pub(super) fn has_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.next > fin)
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.wakes.is_some()
    }

    pub(super) fn wakes(&self) -> Option<Instant> {
        // A reader that has all needs no time.
        self.wakes.filter(|_| self.read < self.fin_or(self.next) || self.options.reads.is_pausing())
    }

    fn window(&self) -> u64 {
        self.edge.saturating_sub(self.next)
    }

    /// Whether a segment is one that may be looked at, and whether its acknowledgement is read. (RFC 9293 3.10.7.4; with
    /// a window of 0 the acknowledgement of what comes next is still good.)
    pub(super) fn is_acceptable(&self, at: i64, length: u64) -> (bool, bool) {
        let (next, window) = (self.next as i64, self.window() as i64);
        let inside = |at: i64| (next..next + window).contains(&at);
        let acceptable = match (length, window) {
            (0, 0) => at == next,
            (0, _) => at == next || inside(at),
            (_, 0) => false,
            _ => inside(at) || inside(at + length as i64 - 1),
        };
        (acceptable, acceptable || window == 0 && at == next)
    }

    /// Takes what a segment brings. `at` is where it begins.
    pub(super) fn take(&mut self, now: Instant, at: i64, payload: &[u8], fin: bool, counts: &mut Counts) {
        if payload.is_empty() && !fin {
            return;
        }
        let (from, to) = (at.max(0) as u64, (at + payload.len() as i64).max(0) as u64);
        self.count(from, to, counts);
        let had_hole = !self.stored.is_empty();
        // Within the window, and what isn't here yet.
        let (start, end) = (from.max(self.next), to.min(self.edge));
        let is_news = start < end
            && self.stored.within(start, end).map(|(from, to)| to - from).sum::<u64>() < end - start;
        if start < end {
            let place = (start as i64 - at) as usize..(end as i64 - at) as usize;
            if self.bytes.len() < end as usize {
                self.bytes.resize(end as usize, 0);
            }
            self.bytes[start as usize..end as usize].copy_from_slice(&payload[place]);
            if start == self.next {
                self.next = end;
                while let Some(reached) = self.stored.take_reached(self.next) {
                    self.next = self.next.max(reached);
                }
            } else {
                self.stored.add(start, end);
                self.recent.retain(|recent| *recent != start);
                self.recent.insert(0, start);
                self.renege(counts);
            }
        }
        if fin && to <= self.edge {
            self.fin = Some(to);
        }
        let finishes = self.fin == Some(self.next);
        if finishes {
            self.next += 1;
        }
        if !payload.is_empty() && !is_news {
            let known = self.overlap(from, to);
            self.duplicate = known;
        }
        self.pending += 1;
        // RFC 5681 4.2: at once what is out of order or fills a hole; and every second segment.
        let at_once = !is_news || finishes || had_hole || !self.stored.is_empty();
        match self.options.delayed {
            Some(delay) if !at_once && self.pending < 2 => {
                if self.due == Due::Never {
                    self.due = Due::At(now + delay);
                }
            }
            _ => self.due = Due::Now,
        }
    }

    /// The first stretch of a range that had arrived before.
    fn overlap(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        let next = self.fin_or(self.next);
        if from < next { Some((from, to.min(next))) } else { self.stored.within(from, to).next() }
    }

    /// Counts what a segment brings, before it is taken.
    fn count(&mut self, from: u64, to: u64, counts: &mut Counts) {
        let next = self.fin_or(self.next);
        let known = to.min(next).saturating_sub(from)
            + self.stored.within(from.max(next), to).map(|(from, to)| to - from).sum::<u64>();
        let highest = self.bytes.len() as u64;
        let (edge, length) = (self.edge.max(next), to - from);
        let refused = to.saturating_sub(edge.max(from));
        counts.bytes += length;
        counts.data_segments += u64::from(length > 0);
        counts.again_bytes += known;
        counts.refused_bytes += refused;
        if known > 0 {
            counts.again_segments += 1;
        } else if refused > 0 && refused == length {
            counts.refused_segments += 1;
        } else if from < highest {
            counts.repaired_segments += 1;
        }
    }

    /// Forgets once what it has SACKed, when so many segments came out of order (RFC 2018 8).
    fn renege(&mut self, counts: &mut Counts) {
        let Some(left) = &mut self.until_reneging else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.until_reneging = None;
            counts.reneged_bytes += self.stored.bytes();
            self.stored.clear();
            self.recent.clear();
            self.bytes.truncate(self.next as usize);
            self.fin = None;
        }
    }

    /// Lets the reader take what it takes by now.
    pub(super) fn reads(&mut self, now: Instant) {
        let have = self.fin_or(self.next);
        loop {
            if self.wakes.is_some_and(|at| at > now) {
                break;
            }
            match self.options.reads {
                Reads::Everything => self.read = have,
                Reads::InSteps { bytes, every } => {
                    self.read = have.min(self.read + u64::from(bytes));
                    self.wakes = Some(now + every);
                    break;
                }
                Reads::Pausing { after, pause, shrinks } => {
                    self.wakes = None;
                    let stop = self.slept_at + u64::from(after);
                    self.read = have.min(stop).max(self.read);
                    if self.read == stop {
                        self.slept_at = stop;
                        self.wakes = Some(now + pause);
                        if shrinks {
                            // RFC 9293 3.8.6: nobody should take back what was offered, and all must bear it.
                            self.edge = self.next;
                            self.due = Due::Now;
                        }
                    }
                }
            }
            if self.wakes.is_none() || self.options.reads == Reads::Everything {
                break;
            }
        }
        self.reopen();
    }

    /// Tells of a window that has opened far enough (RFC 9293 3.8.6.2.2).
    fn reopen(&mut self) {
        let (step, gain) = (self.step(), self.possible().saturating_sub(self.edge));
        if gain >= 2 * step || gain >= step && self.window() < step {
            self.due = Due::Now;
        }
    }

    /// By less than this a window isn't opened.
    fn step(&self) -> u64 {
        u64::from(self.options.mss).min(u64::from(self.options.window / 2)).max(1)
    }

    /// The right edge that there is room for.
    fn possible(&self) -> u64 {
        if self.is_asleep() && matches!(self.options.reads, Reads::Pausing { shrinks: true, .. }) {
            return self.edge;
        }
        let most = (u64::from(u16::MAX)) << self.scale;
        (self.read + u64::from(self.options.window)).min(self.next + most)
    }

    /// The window to offer in a segment that goes out now. It acknowledges all that has arrived.
    pub(super) fn offer(&mut self) -> u16 {
        let possible = self.possible();
        if possible >= self.edge + self.step() {
            self.edge = possible;
        }
        let offered = self.window() >> self.scale;
        // With a coarse scale the edge would seem to go back, and it isn't taken back (RFC 7323 2.4).
        self.due = Due::Never;
        self.pending = 0;
        u16::try_from(offered).unwrap_or(u16::MAX)
    }

    /// The blocks to SACK in a segment that goes out now (RFC 2018 4, RFC 2883 4).
    pub(super) fn blocks(&mut self, counts: &mut Counts) -> Vec<(u64, u64)> {
        if !self.sacks || self.options.sack_blocks == 0 {
            return vec![];
        }
        let mut blocks = Vec::new();
        if let Some(duplicate) = self.duplicate.take()
            && self.options.dsack
        {
            blocks.push(duplicate);
        }
        if let Some(forged) = self.forged() {
            counts.forged_blocks += 1;
            blocks = vec![forged];
        }
        let duplicates = blocks.len();
        let stored = &self.stored;
        self.recent.retain(|at| stored.around(*at).is_some());
        for at in &self.recent {
            if blocks.len() >= usize::from(self.options.sack_blocks) {
                break;
            }
            if let Some(block) = stored.around(*at)
                && !blocks[duplicates..].contains(&block)
            {
                blocks.push(block);
            }
        }
        blocks
    }

    /// A block of what never arrived, in turn: the next segment; all of the window; beyond it; the wrong way round; what
    /// was acknowledged long ago and what comes next in one.
    fn forged(&mut self) -> Option<(u64, u64)> {
        self.told += 1;
        let every = u64::from(self.options.forges_every?);
        if !self.told.is_multiple_of(every) {
            return None;
        }
        let (next, mss) = (self.next, u64::from(self.options.mss));
        Some(match self.told / every % 5 {
            0 => (next + mss, next + 2 * mss),
            1 => (next + 1, next + self.window().max(2)),
            2 => (next + (1 << 20), next + (1 << 20) + mss),
            3 => (next + 2 * mss, next + mss),
            _ => (next.saturating_sub(mss), next + 2 * mss),
        })
    }

    /// What the blocks take at most of a segment that goes out now (RFC 6691 3).
    pub(super) fn option_bytes(&self) -> u64 {
        let told = self.duplicate.is_some() || self.options.forges_every.is_some();
        let reported = self.stored.iter().count() + usize::from(told);
        match reported.min(usize::from(self.options.sack_blocks)) as u64 {
            blocks if self.sacks && blocks > 0 => 4 + 8 * blocks,
            _ => 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.due {
            Due::At(at) => Some(at),
            Due::Now => Some(Instant::ZERO),
            Due::Never => None,
        }
    }

    /// Whether an acknowledgement must go out now.
    pub(super) fn must_acknowledge(&mut self, now: Instant) -> bool {
        match self.due {
            Due::At(at) => at <= now,
            Due::Now => true,
            Due::Never => false,
        }
    }
}

impl Reads {
    fn is_pausing(self) -> bool {
        matches!(self, Reads::Pausing { .. })
    }
}
