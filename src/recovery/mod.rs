//! Loss recovery: what was lost is sent again about a round trip later, and no more than the way carries is in flight.
//!
//! The stack behind the door repeats what a timer of a second, or three acknowledgements without data, tell it to; and
//! then all of it. So the sender's knowledge is kept here, from what comes in and what goes out:
//!
//! | file | its one job |
//! |---|---|
//! | `scoreboard` | what has become of every byte that is out (RFC 6675 3) |
//! | `rtt` | the round-trip time (RFC 6298) |
//! | `window` | how much may be out at once (RFC 5681) |
//! | `hear` | what a segment that comes in says of them, and what of it the stack is given |
//! | this one | what is lost (RFC 8985), and when to ask |
//!
//! When something is to be sent again, the stack is made to go back to the oldest byte, and to send all from there once
//! more; of that only what is lost passes (`stack/back.rs`). So it need not know what the peer has.
//!
//! There is one round of this for each way out of trouble that RFC 9002 6 has in the same order: acknowledgements of what
//! was sent later; a probe when they fail to come; and all again, a segment at a time, when that one isn't answered.
#![forbid(unsafe_code)]

mod hear;
mod rtt;
mod scoreboard;
mod seq;
mod window;

use smoltcp::time::{Duration, Instant};

pub(crate) use self::hear::{Heard, Verdict, change};
use self::rtt::RoundTrip;
use self::scoreboard::{Fate, Range, Scoreboard};
use self::seq::before;
use self::window::Window;
use crate::event::{Congestion, Loss, Path, Phase};
use crate::packet::{Options, tcp};

/// A segment's length that every host takes (RFC 9293 3.7.1).
const DEFAULT_SEGMENT: u32 = 536;
/// The least that the stack believes (smoltcp 0.14, tcp.rs, `MIN_REMOTE_MSS`).
const LEAST_SEGMENT: u32 = 48;
/// What an acknowledgement takes beside the way: a host's timers, the work before it.
const SLACK: u32 = 10_000;
/// For so long a peer may wait for a second segment before it acknowledges one (RFC 8985 7.2: WCDelAckT).
const DELAYED_ACK: u32 = 200_000;
/// A peer of which nothing is known is asked after a second (RFC 6298 2.1).
const UNKNOWN: u32 = 1_000_000;
/// No longer is waited, however often it failed (RFC 6298 2.5).
const LONGEST: u32 = 60_000_000;
/// So many segments arrived after one that is missing say that it is lost (RFC 8985 6.2: `DupThresh`).
const DUPLICATES: u32 = 3;
/// So many recoveries without a needless one make the reordering window small again (RFC 8985 6.2).
const CALM: u8 = 16;

/// What is known of what a connection has sent.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// Off, the stack's own timer alone repeats what is lost.
    on: bool,
    /// The peer understands SACK.
    sack: bool,
    /// Something of ours was acknowledged: the handshake is over.
    begun: bool,
    /// The stack has gone back, and hasn't come to the end again.
    behind: bool,
    /// The next segment that is lost goes out whatever the window says.
    forced: bool,
    /// The last that was sent asked for a window.
    probed: bool,
    /// The last that was sent is a FIN.
    fin: bool,
    /// The longest segment, in bytes of data.
    segment: u32,
    /// The peer's window as the stack was last given it, before scaling.
    offered: u16,
    /// The stack has read that, for sure.
    read: bool,
    /// Acknowledgements that said nothing new, of a peer without SACK.
    duplicates: u8,
    /// How many of them the stack was given.
    repeats: u8,
    /// How often in a row nothing came in time.
    backoff: u8,
    board: Scoreboard,
    rtt: RoundTrip,
    window: Window,
    newest: Newest,
    reordering: Reordering,
    /// When the window was last reduced, in microseconds.
    reduced: u32,
    /// When the timer began to run: at the last acknowledgement of something new, or the last segment.
    since: Instant,
    /// When the first of those that are late counts as lost.
    late: Option<Instant>,
    /// The phase that was last told of.
    told: Phase,
}

/// Of all that arrived, what was sent last (RFC 8985 5.3: `RACK.segment`).
#[derive(Debug, Clone, Copy)]
struct Newest {
    known: bool,
    at: u32,
    end: u32,
    /// How long it took.
    time: u32,
}

/// How far segments overtake each other on this way (RFC 8985 6.2 steps 3 and 4).
#[derive(Debug, Clone, Copy)]
struct Reordering {
    seen: bool,
    /// Behind the last byte that arrived.
    furthest: u32,
    /// The window in quarters of the least round-trip time.
    quarters: u8,
    /// Recoveries until it is one quarter again.
    left: u8,
    /// Since the window was last reduced: segments sent again that it was reduced for, and how many of them the peer had.
    again: u16,
    needless: u16,
    /// What was sent again to ask for an acknowledgement, and may have arrived before.
    asked: (u32, u32),
}

impl Recovery {
    pub(crate) const NOTHING: Recovery = Recovery {
        on: false,
        sack: false,
        begun: false,
        behind: false,
        forced: false,
        probed: false,
        fin: false,
        segment: DEFAULT_SEGMENT,
        offered: u16::MAX,
        read: false,
        duplicates: 0,
        repeats: 0,
        backoff: 0,
        board: Scoreboard::new(),
        rtt: RoundTrip::UNKNOWN,
        window: Window::new(DEFAULT_SEGMENT),
        newest: Newest { known: false, at: 0, end: 0, time: 0 },
        reordering: Reordering {
            seen: false,
            furthest: 0,
            quarters: 1,
            left: 0,
            again: 0,
            needless: 0,
            asked: (0, 0),
        },
        reduced: 0,
        since: Instant::ZERO,
        late: None,
        told: Phase::SlowStart,
    };

    /// A connection begins.
    pub(crate) fn new(on: bool) -> Self {
        Recovery { on, ..Recovery::NOTHING }
    }

    /// The peer's SYN has come, with these options. `ip_mtu`: the longest packet of ours; `ip`: the length of its IP header.
    pub(crate) fn meet(&mut self, peer: &Options<'_>, ip_mtu: usize, ip: usize) {
        // Of 0, the stack makes the default (RFC 9293 3.7.1).
        let takes = peer.maximum_segment_size().filter(|size| *size > 0).map_or(DEFAULT_SEGMENT, u32::from);
        let sends = u32::try_from(ip_mtu.saturating_sub(ip + tcp::HEADER)).unwrap_or(DEFAULT_SEGMENT);
        self.segment = takes.min(sends).max(LEAST_SEGMENT);
        self.sack = peer.sack_permitted();
        self.window = Window::new(self.segment);
    }

    /// SND.NXT, wherever the stack has gone back to.
    pub(crate) fn end(&self) -> u32 {
        self.board.end()
    }

    /// Whether the stack has gone back, and sends what it has sent.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    /// The stack has gone back to the oldest byte.
    pub(crate) fn went_back(&mut self) {
        self.behind = true;
    }

    /// What of a segment of these numbers, which the stack sends again, is to go out: what is lost, or what is new. If it
    /// has both, the new comes with the next.
    pub(crate) fn wants(&mut self, from: u32, to: u32) -> Option<(u32, u32)> {
        let end = self.board.end();
        if !before(to, end) {
            // The stack has come to the end; whether it brings something new or not.
            self.behind = false;
        }
        if let Some((first, last)) = self.board.first_lost(from, to) {
            // A last part that is new goes along.
            let last = if last == end && before(end, to) { to } else { last };
            let fits = self.fits(last.wrapping_sub(first));
            if core::mem::take(&mut self.forced) || fits {
                return Some((first, last));
            }
        }
        let first = if before(from, end) { end } else { from };
        before(first, to).then_some((first, to))
    }

    /// A segment of these numbers goes out: SYN and FIN count for one. Why bytes of it do so again, and how many.
    pub(crate) fn sent(&mut self, from: u32, to: u32, fin: bool, now: Instant) -> Option<(Loss, u32)> {
        if from == to {
            return None;
        }
        if !self.begun && self.board.is_empty() {
            self.board.reset(from);
            self.reordering.furthest = from;
        }
        let end = self.board.end();
        if self.offered == 0 {
            // It asks for a window (RFC 9293 3.8.6.1), with a byte that the peer may take or leave.
            self.probed = true;
            self.board.sent(from, to, micros(now));
            return None;
        }
        let asked = core::mem::take(&mut self.probed) && end.wrapping_sub(from) == 1;
        let again = (before(from, end) && !asked).then(|| {
            let old = if before(to, end) { to } else { end }.wrapping_sub(from);
            (self.board.loss(from, to).unwrap_or(Loss::Stack), old)
        });
        match again {
            Some((Loss::Sack | Loss::Late, _)) => {
                self.reordering.again = self.reordering.again.saturating_add(1);
            }
            Some((loss, _)) => {
                let (begins, ends) = self.reordering.asked;
                self.reordering.asked = if ends == from { (begins, to) } else { (from, to) };
                // The stack's own timer has fired, and all that follows has been sent, too.
                self.behind |= loss == Loss::Stack && self.on && before(to, end);
            }
            None => {}
        }
        self.fin |= fin;
        self.board.sent(from, to, micros(now));
        self.since = now;
        again
    }

    /// All before `una` is acknowledged, as the stack has it.
    pub(crate) fn acknowledged(&mut self, una: u32, now: Instant) {
        let start = self.board.start();
        if !before(start, una) {
            return;
        }
        let flight = self.board.end().wrapping_sub(start);
        self.deliver(now, |board, delivered| board.acknowledge(una, delivered));
        (self.backoff, self.duplicates, self.repeats, self.since) = (0, 0, 0, now);
        // Its time means nothing when it has wrapped.
        self.newest.known &= !self.board.is_empty();
        if !core::mem::replace(&mut self.begun, true) {
            // That was the SYN, which is no byte.
            return;
        }
        let recovering = self.window.phase == Phase::Recovery;
        self.window.acknowledged(una.wrapping_sub(start), flight, una, self.segment);
        if recovering && self.window.phase == Phase::Recovery && !self.sack {
            self.board.lose(una, una.wrapping_add(self.segment), micros(now), Loss::Partial);
            self.forced = true;
        }
    }

    /// Learns from bytes that are known to have arrived now (RFC 8985 6.2 steps 1 to 3, RFC 6298 3).
    fn deliver(&mut self, now: Instant, find: impl FnOnce(&mut Scoreboard, &mut dyn FnMut(Range))) {
        let now = micros(now);
        let Recovery { board, newest, reordering, rtt, .. } = self;
        let (mut measured, mut repeated): (Option<u32>, _) = (None, false);
        find(board, &mut |range| {
            let time = now.wrapping_sub(range.at);
            repeated |= range.again;
            if range.again && time < rtt.least {
                // It may be the first that has arrived, late.
                return;
            }
            if !range.again {
                measured = Some(measured.map_or(time, |least| least.min(time)));
                reordering.seen |= before(range.end, reordering.furthest);
            }
            if before(reordering.furthest, range.end) {
                reordering.furthest = range.end;
            }
            let later = before(newest.at, range.at) || newest.at == range.at && before(newest.end, range.end);
            if !newest.known || later {
                *newest = Newest { known: true, at: range.at, end: range.end, time };
            }
        });
        // What was told of together with it may have waited for it.
        if let Some(time) = measured.filter(|_| !repeated) {
            rtt.sample(time);
        }
    }

    /// Looks for what is lost, and what is due. Whether the stack is to go back, so that something is sent again.
    pub(crate) fn check(&mut self, now: Instant) -> bool {
        self.late = None;
        if !self.on || !self.begun || self.board.is_empty() {
            return false;
        }
        let (found, once_more) = self.detect(now);
        let (start, end) = (self.board.start(), self.board.end());
        if found && self.window.reduce(start, end, self.segment, once_more) {
            self.reordering.begin();
            (self.forced, self.reduced) = (true, micros(now));
        }
        if self.asks_at().is_some_and(|at| at <= now) {
            self.ask(now);
        }
        let lost = self.board.lost();
        lost > 0 && (self.forced || self.fits(lost.min(self.segment)))
    }

    /// Whether so many bytes more may be in flight; beside a few, a whole segment.
    fn fits(&self, bytes: u32) -> bool {
        let flying = self.board.flying();
        flying < self.segment / 2 || flying.saturating_add(bytes) <= self.window.size
    }

    /// Marks what is lost by what arrived (RFC 8985 6.2 step 5, RFC 5681 3.2). Whether anything is, and whether some of it was
    /// sent again since the window was reduced.
    fn detect(&mut self, now: Instant) -> (bool, bool) {
        let at = micros(now);
        if !self.sack {
            let start = self.board.start();
            // Once a round trip: those after a timeout are for what was sent before it (RFC 6582 3.2).
            let enough = u32::from(self.duplicates) >= DUPLICATES && !self.window.recovers(start);
            if enough {
                self.board.lose(start, start.wrapping_add(self.segment), at, Loss::Duplicates);
            }
            return (enough, false);
        }
        let newest = self.newest;
        if !newest.known {
            return (false, false);
        }
        let window = self.reordering_window();
        let loss = if window == 0 { Loss::Sack } else { Loss::Late };
        let patience = newest.time.saturating_add(window);
        let mut first = u32::MAX;
        let (mut found, mut once_more) = (false, false);
        let (mut index, mut start) = (0, self.board.start());
        while let Some(range) = self.board.get(index) {
            let from = core::mem::replace(&mut start, range.end);
            index += 1;
            // Of what was sent at the same instant, what is before it.
            let same = range.at == newest.at;
            let to = if same && before(newest.end, range.end) { newest.end } else { range.end };
            if range.fate != Fate::Flying || !(same || before(range.at, newest.at)) || !before(from, to) {
                continue;
            }
            let waited = at.wrapping_sub(range.at);
            if waited < patience {
                first = first.min(patience - waited);
                continue;
            }
            once_more |= range.again && !before(range.at, self.reduced);
            found = true;
            self.board.lose(from, to, at, loss);
            // The ranges may have other places now.
            (index, start) = (0, self.board.start());
        }
        self.late = (first != u32::MAX).then(|| now + Duration::from_micros(first.into()));
        (found, once_more)
    }

    /// How much earlier what was sent later may arrive, in microseconds (RFC 8985 6.2 step 4).
    fn reordering_window(&self) -> u32 {
        let recovers = matches!(self.window.phase, Phase::Recovery | Phase::Timeout);
        if !self.reordering.seen && (recovers || self.board.arrived() >= DUPLICATES * self.segment) {
            return 0;
        }
        // RFC 8985 has SRTT as its bound. A way on which some take longer has more sent again that isn't lost.
        let quarters = u32::from(self.reordering.quarters);
        (self.rtt.least / 4).saturating_mul(quarters).min(4 * self.rtt.smoothed)
    }

    /// No acknowledgement came in time: asks for one (RFC 8985 7.3), then counts all as lost (RFC 6298 5.4 to 5.6).
    #[cold]
    #[inline(never)]
    fn ask(&mut self, now: Instant) {
        let at = micros(now);
        self.backoff = self.backoff.saturating_add(1);
        self.since = now;
        self.forced = true;
        let (start, end) = (self.board.start(), self.board.end());
        // Who has what it asks for has thrown it away, or lied.
        let reneges = self.board.get(0).is_some_and(|first| first.fate == Fate::Arrived);
        if reneges || self.backoff > 2 {
            self.board.forget_arrivals();
        }
        if self.backoff == 1 {
            // What is at the end has all that is missing told; a peer without SACK can only ask for the next.
            let last = self.board.iter().filter(|(_, range)| self.sack && range.fate == Fate::Flying).last();
            let (from, to) = last.map_or((start, start.wrapping_add(self.segment)), |(from, range)| {
                let tail = range.end.wrapping_sub(self.segment);
                (if before(from, tail) { tail } else { from }, range.end)
            });
            return self.board.lose(from, to, at, Loss::Probe);
        }
        self.board.lose(start, end, at, Loss::Timeout);
        self.window.collapse(end.wrapping_sub(start), end, self.segment);
    }

    /// When an acknowledgement is asked for. Of a window of 0 the stack asks by itself.
    fn asks_at(&self) -> Option<Instant> {
        let waits = self.on && self.begun && !self.board.is_empty() && self.offered != 0;
        waits.then(|| self.since + Duration::from_micros(self.timeout().into()))
    }

    /// How long an acknowledgement is waited for, in microseconds.
    fn timeout(&self) -> u32 {
        let mut time = self.rtt.timeout().map_or(UNKNOWN, |time| time + SLACK);
        // A FIN is acknowledged at once.
        if self.board.end().wrapping_sub(self.board.start()) <= self.segment && !self.fin {
            time += DELAYED_ACK;
        }
        time.saturating_mul(1 << self.backoff.min(8)).min(LONGEST)
    }

    /// When something is to be done, whatever comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.late.into_iter().chain(self.asks_at()).min()
    }

    /// Whether a timer makes the stack send because a probe wasn't answered.
    pub(crate) fn is_asking(&self) -> bool {
        !self.on || self.backoff > 1
    }

    /// How many bytes more may be given to the stack, which holds `queue` and has room for `free`, when `waiting` wait: as
    /// many as the window lets go, in whole segments unless that is all (RFC 9293 3.8.6.2.1).
    pub(crate) fn room(&mut self, queue: usize, free: usize, waiting: usize, now: Instant) -> usize {
        if !self.on {
            return free;
        }
        if queue == 0 && now > self.since + Duration::from_micros(self.timeout().into()) {
            self.window.restart(self.segment);
        }
        let departed =
            if self.sack { self.board.arrived() } else { u32::from(self.duplicates) * self.segment };
        let most = self.window.size.saturating_add(departed) as usize;
        let room = most.saturating_sub(queue).min(free);
        // A small buffer is filled by halves.
        let step = (self.segment as usize).min((queue + free) / 2).max(1);
        if waiting <= room || queue == 0 && room < step { room } else { room - room % step }
    }

    /// The phase, if it is another one than was last told.
    pub(crate) fn news(&mut self, slot: usize) -> Option<Congestion> {
        let phase = self.window.phase;
        (core::mem::replace(&mut self.told, phase) != phase).then(|| Congestion::new(slot, self.path()))
    }

    /// What is known of the way.
    pub(crate) fn path(&self) -> Path {
        let time = |micros: u32| Duration::from_micros(micros.into());
        let RoundTrip { smoothed, variation, least } = self.rtt;
        Path {
            round_trip: time(smoothed),
            variation: time(variation),
            least: time(if smoothed == 0 { 0 } else { least }),
            timeout: time(self.timeout()),
            window: self.window.size as usize,
            threshold: (self.window.threshold != u32::MAX).then_some(self.window.threshold as usize),
            segment: self.segment as usize,
            flight: self.board.flying() as usize,
            arrived: self.board.arrived() as usize,
            lost: self.board.lost() as usize,
            phase: self.window.phase,
        }
    }
}

impl Reordering {
    /// The window is reduced: what is sent again from now on is held against that.
    fn begin(&mut self) {
        (self.again, self.needless) = (0, 0);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.quarters = 1;
        }
    }

    /// The peer had what was sent again, from this number on. Whether it had all of it since the window was reduced.
    fn needless(&mut self, from: u32) -> bool {
        let (begins, ends) = self.asked;
        let was_asked = !before(from, begins) && before(from, ends);
        if was_asked || self.again <= self.needless {
            // That was a probe (RFC 8985 7.4.2), or it is the network's doing.
            return false;
        }
        self.needless += 1;
        self.seen = true;
        (self.quarters, self.left) = (self.quarters.saturating_mul(2), CALM);
        self.again == self.needless
    }
}

/// An instant in microseconds, which wrap.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they wrap")]
fn micros(at: Instant) -> u32 {
    at.total_micros() as u32
}
