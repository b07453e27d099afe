//! The congestion window: how much may be in flight (RFC 5681, RFC 6675 5, RFC 6928).

#[cfg(test)]
mod tests;

use super::seq::before;
use crate::event::Phase;

/// The congestion window, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// cwnd.
    pub(super) size: u32,
    /// ssthresh; [`u32::MAX`] before the first loss.
    pub(super) threshold: u32,
    pub(super) phase: Phase,
    /// What was sent last when the window was reduced: until it is acknowledged, it isn't reduced again.
    recover: u32,
    /// Bytes acknowledged since the window last grew by a segment.
    credit: u32,
    /// What the window and the threshold were before the last reduction.
    prior: (u32, u32),
}

/// No window grows beyond: a round trip of a second at 1 GB/s.
const LARGEST: u32 = 1 << 30;

impl Window {
    /// A connection's first (RFC 6928 2): ten segments, or 14,600 bytes of large ones.
    pub(super) const fn new(segment: u32) -> Self {
        Window {
            size: initial(segment),
            threshold: u32::MAX,
            phase: Phase::SlowStart,
            recover: 0,
            credit: 0,
            prior: (0, 0),
        }
    }

    /// So many bytes were acknowledged, up to `una`, of `flight` that were out.
    pub(super) fn acknowledged(&mut self, bytes: u32, flight: u32, una: u32, segment: u32) {
        if matches!(self.phase, Phase::Recovery | Phase::Timeout) && !before(una, self.recover) {
            let recovered = self.phase == Phase::Recovery;
            self.phase = self.open();
            if recovered {
                // It is ssthresh now, and no more (RFC 6582 3.2).
                return;
            }
        }
        // Who doesn't use the window learns nothing about a larger one (RFC 7661 4.3).
        let is_used = flight.saturating_mul(2) >= self.size;
        match self.phase {
            Phase::Recovery => return,
            _ if !is_used => return,
            Phase::SlowStart | Phase::Timeout if self.size < self.threshold => {
                // All bytes count, as RFC 9002 7.3.1 has it: one acknowledgement may be for many segments.
                // Beyond ssthresh a single one mustn't take it, either (RFC 5681 3.1).
                self.size = self.size.saturating_add(bytes).min(self.threshold).min(LARGEST);
            }
            Phase::SlowStart | Phase::Timeout | Phase::Avoidance => {
                self.credit = self.credit.saturating_add(bytes);
                if self.credit >= self.size {
                    self.credit -= self.size;
                    self.size = self.size.saturating_add(segment).min(LARGEST);
                }
            }
        }
        if self.phase == Phase::SlowStart {
            self.phase = self.open();
        }
    }

    /// Whether what was out at the last reduction isn't acknowledged yet.
    pub(super) fn recovers(&self, una: u32) -> bool {
        matches!(self.phase, Phase::Recovery | Phase::Timeout) && before(una, self.recover)
    }

    /// Bytes are lost: once a round trip, the window is halved (RFC 6675 5, RFC 5681 3.1), and once more for what was sent again
    /// since then and is lost as well (4.3). `end` is behind the last byte that was sent. Whether it was.
    pub(super) fn reduce(&mut self, una: u32, end: u32, segment: u32, once_more: bool) -> bool {
        let recovers = self.recovers(una);
        if recovers && !(once_more && self.phase == Phase::Recovery) {
            return false;
        }
        if !recovers {
            self.prior = (self.size, self.threshold);
        }
        self.threshold = (self.size / 2).max(2 * segment);
        self.size = self.threshold;
        self.begin(Phase::Recovery, end);
        true
    }

    /// Nothing was acknowledged for too long: one segment at a time (RFC 5681 3.1).
    pub(super) fn collapse(&mut self, flight: u32, end: u32, segment: u32) {
        // One loss counts once.
        if self.phase != Phase::Timeout {
            self.threshold = (self.size.min(flight) / 2).max(2 * segment);
        }
        self.size = segment;
        self.begin(Phase::Timeout, end);
    }

    fn begin(&mut self, phase: Phase, end: u32) {
        self.phase = phase;
        self.recover = end;
        self.credit = 0;
    }

    /// All that was sent again since the window was last reduced had arrived before: it is what it was (RFC 4015 3.2).
    pub(super) fn undo(&mut self) {
        let (size, threshold) = core::mem::take(&mut self.prior);
        if size > 0 {
            (self.size, self.threshold) = (self.size.max(size), self.threshold.max(threshold));
            self.phase = self.open();
        }
    }

    /// Nothing was sent for longer than a timeout: what is known of the way is old (RFC 5681 4.1).
    pub(super) fn restart(&mut self, segment: u32) {
        self.size = self.size.min(initial(segment));
        self.phase = self.open();
    }

    fn open(&self) -> Phase {
        if self.size < self.threshold { Phase::SlowStart } else { Phase::Avoidance }
    }
}

const fn initial(segment: u32) -> u32 {
    let (ten, two) = (10 * segment, 2 * segment);
    let most = if two > 14_600 { two } else { 14_600 };
    if ten < most { ten } else { most }
}
