//! Sequence numbers, and times in microseconds: both wrap at 2^32.

/// Whether one comes before the other (RFC 9293 3.4).
#[inline(always)]
pub(super) const fn before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}
