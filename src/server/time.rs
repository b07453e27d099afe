//! Instants and the spans between them, reckoned so that no limit is too long.

use smoltcp::time::{Duration, Instant};

/// Later than all that will ever be: what is never due.
pub(super) const NEVER: Instant = Instant::from_micros_const(i64::MAX);
/// When to try again to send what a device had no room for.
pub(super) const BLOCKED: Duration = Duration::from_millis(1);

/// An instant so much later, or never.
pub(super) fn after(at: Instant, time: Duration) -> Instant {
    Instant::from_micros(at.total_micros().saturating_add_unsigned(time.total_micros()))
}

/// A deadline of the stack. One that has passed already means that the device had no room.
pub(super) fn not_before(deadline: Option<Instant>, now: Instant) -> Instant {
    match deadline {
        None => NEVER,
        Some(at) if at <= now => now + BLOCKED,
        Some(at) => at,
    }
}
