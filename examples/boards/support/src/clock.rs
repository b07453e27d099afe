//! Time from the ticks of a counter.
//!
//! To divide a 64-bit count by the clock's frequency costs 470 bytes of flash and time at every poll. Here only what
//! has passed since the last look is divided: 32 bits, by a constant, which is a multiplication.

use undersock::smoltcp::time::Instant;

/// A time that advances by ticks, `MHZ` of them a microsecond.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock<const MHZ: u32> {
    micros: i64,
    /// Ticks that don't make a microsecond yet: none is ever lost.
    rest: u32,
}

impl<const MHZ: u32> Clock<MHZ> {
    /// Zero.
    #[must_use]
    pub const fn new() -> Self {
        Clock { micros: 0, rest: 0 }
    }

    /// The time, so many ticks after the last look. For a counter that wraps, `ticks` is the wrapping difference to
    /// its last value, and there must be a look at least once a turn.
    #[inline(never)]
    pub fn advance(&mut self, ticks: u32) -> Instant {
        let rest = self.rest + ticks % MHZ;
        self.micros += i64::from(ticks / MHZ + rest / MHZ);
        self.rest = rest % MHZ;
        Instant::from_micros(self.micros)
    }

    /// The ticks from `now` to `deadline`, at most `limit`; at least one, though the deadline has passed.
    #[must_use]
    pub fn ticks_until(now: Instant, deadline: Option<Instant>, limit: u32) -> u32 {
        // In whole microseconds first: the product below can't overflow.
        let longest = limit / MHZ;
        let micros = match deadline {
            Some(deadline) => {
                let micros = deadline.total_micros() - now.total_micros();
                if micros < i64::from(longest) { micros.max(0) as u32 } else { longest }
            }
            None => longest,
        };
        (micros * MHZ).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tick_is_lost() {
        let mut clock = Clock::<25>::new();
        let mut sum = 0_i64;
        for ticks in [1, 24, 25, 26, 49, 7, 1_000_003, u32::MAX, 0, u32::MAX - 1] {
            sum += i64::from(ticks);
            assert_eq!(clock.advance(ticks).total_micros(), sum / 25);
        }
    }

    #[test]
    fn a_counter_that_wraps_goes_on() {
        let mut clock = Clock::<25>::new();
        let mut last = u32::MAX - 10;
        clock.advance(0);
        let counter = 14_u32;
        assert_eq!(clock.advance(counter.wrapping_sub(last)).total_micros(), 1);
        last = counter;
        assert_eq!(clock.advance((last + 50).wrapping_sub(last)).total_micros(), 3);
    }

    #[test]
    fn alarms_are_bounded() {
        let at = |micros| Some(Instant::from_micros(micros));
        let ticks = |now, deadline| Clock::<25>::ticks_until(Instant::from_micros(now), deadline, 0xff_ffff);
        assert_eq!(ticks(10, at(13)), 75);
        assert_eq!(ticks(10, at(10)), 1, "due now");
        assert_eq!(ticks(10, at(0)), 1, "due since long");
        assert_eq!(ticks(10, None), 0xff_ffff / 25 * 25);
        assert_eq!(ticks(0, at(i64::MAX)), 0xff_ffff / 25 * 25);
        assert_eq!(ticks(0, at(671_087)), 671_087 * 25);
    }
}
