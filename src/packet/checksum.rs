//! The Internet checksum (RFC 1071): the one's complement of the one's complement sum of all 16-bit words.
//!
//! A sum is kept in the machine's byte order, in which it is found fastest (RFC 1071 2 B), and means nothing until it is
//! [folded](fold). A right checksum makes the sum over everything, itself included, [`RIGHT`].

use core::net::{Ipv4Addr, Ipv6Addr};

/// What a sum folds to that includes a right checksum.
pub const RIGHT: u16 = 0xffff;

/// The sum over `bytes`, on top of another over an even number of bytes. An odd byte is the first of its word.
#[inline(never)]
#[must_use]
pub fn sum(start: u32, bytes: &[u8]) -> u32 {
    // So many that nothing is lost: a frame has less than 2^32 words.
    let mut sum = u64::from(start);
    let (blocks, rest) = bytes.as_chunks::<16>();
    for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in blocks {
        sum += u64::from(u32::from_ne_bytes([*a, *b, *c, *d]));
        sum += u64::from(u32::from_ne_bytes([*e, *f, *g, *h]));
        sum += u64::from(u32::from_ne_bytes([*i, *j, *k, *l]));
        sum += u64::from(u32::from_ne_bytes([*m, *n, *o, *p]));
    }
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        sum += u64::from(u32::from_ne_bytes(*word));
    }
    let (words, rest) = rest.as_chunks::<2>();
    for word in words {
        sum += u64::from(u16::from_ne_bytes(*word));
    }
    add(sum, rest.first().map_or(0, |odd| u16::from_ne_bytes([*odd, 0]).into()))
}

/// The sum over the header of an IPv4 packet, without options: [`sum`] in a straight line, because every packet has one.
#[inline(always)]
#[cfg(feature = "ipv4")]
pub(crate) fn header_v4(header: &[u8; super::ipv4::HEADER]) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = *header;
    let mut sum = u64::from(u32::from_ne_bytes([a, b, c, d]));
    sum += u64::from(u32::from_ne_bytes([e, f, g, h]));
    sum += u64::from(u32::from_ne_bytes([i, j, k, l]));
    sum += u64::from(u32::from_ne_bytes([m, n, o, p]));
    add(sum, u32::from_ne_bytes([q, r, s, t]))
}

/// Adds, and folds into 32 bits.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "that is the folding")]
const fn add(sum: u64, more: u32) -> u32 {
    let sum = sum + more as u64;
    let (low, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    low + carry as u32
}

/// Folds a sum into 16 bits.
#[inline]
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "that is the folding")]
pub const fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    u16::from_be(((once & 0xffff) + (once >> 16)) as u16)
}

/// Whether a sum includes a right checksum.
#[inline]
#[must_use]
pub const fn is_right(sum: u32) -> bool {
    fold(sum) == RIGHT
}

/// The sum over the pseudo-header of IPv4 (RFC 768, RFC 9293 3.1): `length` is that of the segment or datagram.
#[inline]
#[must_use]
pub fn pseudo_v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: usize) -> u32 {
    let addresses = u64::from(source.to_bits().to_be()) + u64::from(destination.to_bits().to_be());
    add(addresses, tail(protocol, length))
}

/// The sum over the pseudo-header of IPv6 (RFC 8200 8.1): `length` is that of what the checksum is over.
#[inline]
#[must_use]
pub fn pseudo_v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, length: usize) -> u32 {
    sum(sum(tail(protocol, length), &source.octets()), &destination.octets())
}

/// Protocol and length. No packet is longer than 2^24 bytes.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "no packet is that long")]
const fn tail(protocol: u8, length: usize) -> u32 {
    let length = length as u32;
    ((length >> 16) + (length & 0xffff) + ((protocol as u32) << 16)).to_be()
}
