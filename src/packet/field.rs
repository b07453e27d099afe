//! Where fields are in a header, and how their numbers are read: most significant byte first (RFC 791, appendix B).
//!
//! A header of known length is an array: reading a field of it can't fail, and costs no check.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use super::Mac;

/// Bytes of a header, counted from its first.
pub type Field = Range<usize>;

/// Bits of a header, counted from the highest of its first byte, as the RFCs draw them.
pub type Bits = Range<usize>;

/// The byte that a field of one byte is.
#[inline(always)]
#[must_use]
pub const fn byte<const N: usize>(header: &[u8; N], field: Field) -> u8 {
    header[field.start]
}

/// The number in a field of two bytes.
#[inline(always)]
#[must_use]
pub const fn word<const N: usize>(header: &[u8; N], field: Field) -> u16 {
    let at = field.start;
    u16::from_be_bytes([header[at], header[at + 1]])
}

/// The number in a field of four bytes.
#[inline(always)]
#[must_use]
pub const fn long<const N: usize>(header: &[u8; N], field: Field) -> u32 {
    let at = field.start;
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// The bytes that a field is.
#[inline(always)]
#[must_use]
pub fn bytes<const N: usize, const M: usize>(header: &[u8; N], field: Field) -> [u8; M] {
    // The field is in the header, so there is no other case, and the compiler knows.
    header.get(field).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; M])
}

/// Puts bytes of a header in a field's place, as many as there are of both.
#[inline(always)]
pub(crate) fn put<const N: usize>(header: &mut [u8], field: Field, bytes: [u8; N]) {
    if let Some(place) = header.get_mut(field.start..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
    }
}

/// Two bytes from `at` on; `None` where the bytes end before.
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Four bytes from `at` on; `None` where the bytes end before.
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// An IPv4 address from `at` on; `None` where the bytes end before.
#[must_use]
pub fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes))
}

/// An IPv6 address from `at` on; `None` where the bytes end before.
#[must_use]
pub fn ipv6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes))
}

/// An Ethernet address from `at` on; `None` where the bytes end before.
#[must_use]
pub fn mac_at(bytes: &[u8], at: usize) -> Option<Mac> {
    bytes.get(at..)?.first_chunk().copied().map(Mac)
}
