//! The round-trip time, in microseconds (RFC 6298 2).

/// What is known of the round-trip time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoundTrip {
    /// SRTT; 0 before the first measurement.
    pub(super) smoothed: u32,
    /// RTTVAR.
    pub(super) variation: u32,
    /// The least that was seen.
    pub(super) least: u32,
}

/// No measurement is taken for longer: a minute.
const LONGEST: u32 = 60_000_000;

impl RoundTrip {
    pub(super) const UNKNOWN: RoundTrip = RoundTrip { smoothed: 0, variation: 0, least: u32::MAX };

    /// Takes a measurement, of a segment that was sent once (RFC 6298 3).
    pub(super) fn sample(&mut self, time: u32) {
        let time = time.clamp(1, LONGEST);
        self.least = self.least.min(time);
        if self.smoothed == 0 {
            self.smoothed = time;
            self.variation = time / 2;
            return;
        }
        let deviation = self.smoothed.abs_diff(time);
        self.variation = self.variation - self.variation / 4 + deviation / 4;
        self.smoothed = (self.smoothed - self.smoothed / 8 + time / 8).max(1);
    }

    /// How long an acknowledgement is waited for, without back-off; `None` before the first measurement.
    ///
    /// RFC 8985 7.2 has twice SRTT; RFC 6298 2.3's bound is above it where the round-trip time varies much.
    pub(super) fn timeout(&self) -> Option<u32> {
        let bound = self.smoothed + 4 * self.variation;
        (self.smoothed > 0).then(|| bound.max(2 * self.smoothed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_measurement_is_believed_and_later_ones_weigh_an_eighth() {
        let mut rtt = RoundTrip::UNKNOWN;
        assert_eq!(rtt.timeout(), None);
        rtt.sample(8_000);
        assert_eq!((rtt.smoothed, rtt.variation, rtt.least), (8_000, 4_000, 8_000));
        assert_eq!(rtt.timeout(), Some(24_000));
        rtt.sample(16_000);
        assert_eq!((rtt.smoothed, rtt.variation, rtt.least), (9_000, 5_000, 8_000));
    }

    #[test]
    fn a_measurement_of_nothing_is_one_all_the_same() {
        let mut rtt = RoundTrip::UNKNOWN;
        rtt.sample(0);
        rtt.sample(0);
        assert_eq!((rtt.smoothed, rtt.least), (1, 1));
        rtt.sample(u32::MAX);
        assert!(rtt.smoothed < LONGEST);
    }
}
