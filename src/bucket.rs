//! A token bucket: so many a second, and no more than a second's worth at once.

use smoltcp::time::{Duration, Instant};

/// What may be spent at once after a silence: as much as in this time.
const BURST: Duration = Duration::from_millis(1_000);

/// A token bucket, kept as the instant at which it is full again.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Default for Bucket {
    fn default() -> Self {
        Bucket::new()
    }
}

impl Bucket {
    /// Full.
    pub(crate) const fn new() -> Self {
        Bucket { full_at: Instant::ZERO }
    }

    /// Takes a token that takes `price` to come again, if there is one.
    #[inline(never)]
    pub(crate) fn take(&mut self, price: Duration, now: Instant) -> bool {
        // It is never further ahead than this, unless time went back.
        let known = self.full_at <= now + BURST;
        let full_at = if known { self.full_at.max(now) } else { now } + price;
        if full_at > now + BURST {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_hundred_at_once_and_a_hundred_a_second() {
        let mut now = Instant::from_secs(5);
        let mut bucket = Bucket::new();
        let mut burst = |now| (0..1_000).filter(|_| bucket.take(Duration::from_millis(10), now)).count();
        assert_eq!(burst(now), 100);
        now += Duration::from_millis(500);
        assert_eq!(burst(now), 50);
        now += Duration::from_secs(10);
        assert_eq!(burst(now), 100);
        now = Instant::from_secs(1);
        assert_eq!(burst(now), 100);
    }
}
