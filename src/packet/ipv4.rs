//! IPv4 (RFC 791 3.1).

use core::net::Ipv4Addr;

#[cfg(feature = "ipv4")]
use super::checksum;
use super::field::{Bits, Field, byte, long, word};
use super::ip::words;

/// Bytes of the header, without options.
pub const HEADER: usize = 20;

/// The byte that has the version and the header's length.
pub const VERSION_AND_LENGTH: Field = 0..1;
/// Version: 4.
pub const VERSION: Bits = 0..4;
/// Internet header length, in words of four bytes.
pub const HEADER_LENGTH: Bits = 4..8;
/// Differentiated services (RFC 2474 3).
pub const SERVICES: Field = 1..2;
/// Differentiated services codepoint.
pub const CODEPOINT: Bits = 8..14;
/// Explicit congestion notification (RFC 3168 5).
pub const CONGESTION: Bits = 14..16;
/// Bytes of the packet, header and all.
pub const TOTAL_LENGTH: Field = 2..4;
/// The same in all fragments of a packet.
pub const IDENTIFICATION: Field = 4..6;
/// The word that has the flags and the fragment's place.
pub const FRAGMENT: Field = 6..8;
/// Flags.
pub const FLAGS: Bits = 48..51;
/// A fragment's place, in units of eight bytes.
pub const FRAGMENT_OFFSET: Bits = 51..64;
/// Time to live: how many routers may still forward it.
pub const TIME_TO_LIVE: Field = 8..9;
/// What is inside; see [`protocol`](super::ip::protocol).
pub const PROTOCOL: Field = 9..10;
/// The checksum over the header.
pub const CHECKSUM: Field = 10..12;
/// Source address.
pub const SOURCE: Field = 12..16;
/// Destination address.
pub const DESTINATION: Field = 16..20;

/// In [`FRAGMENT`]: reserved.
pub const RESERVED: u16 = 0x8000;
/// In [`FRAGMENT`]: don't fragment.
pub const DONT_FRAGMENT: u16 = 0x4000;
/// In [`FRAGMENT`]: more fragments follow.
pub const MORE_FRAGMENTS: u16 = 0x2000;
/// In [`FRAGMENT`]: the fragment's place.
pub const OFFSET_MASK: u16 = 0x1fff;

/// The number of the bit that a flag of [`FRAGMENT`] is.
#[must_use]
pub const fn flag_bit(flag: u16) -> usize {
    8 * FRAGMENT.end - 1 - flag.trailing_zeros() as usize
}

/// The header, without its options.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER]);

impl<'a> Header<'a> {
    /// The header of a packet. `None` if it is cut off, of another version, or shorter than it can be.
    #[inline]
    #[must_use]
    pub fn new(packet: &'a [u8]) -> Option<Self> {
        let header = Header(packet.first_chunk()?);
        let first = byte(header.0, VERSION_AND_LENGTH);
        (first >> 4 == 4 && words(first & 0xf) >= HEADER).then_some(header)
    }

    /// Bytes of the header, with options.
    #[inline]
    #[must_use]
    pub const fn length(self) -> usize {
        words(byte(self.0, VERSION_AND_LENGTH) & 0xf)
    }

    /// [`TOTAL_LENGTH`].
    #[inline]
    #[must_use]
    pub const fn total_length(self) -> usize {
        word(self.0, TOTAL_LENGTH) as usize
    }

    /// Whether its checksum is right: it is that of this packet.
    #[cfg(feature = "ipv4")]
    #[inline(always)]
    pub(crate) fn is_right(self, packet: &[u8]) -> bool {
        let sum = checksum::header_v4(self.0);
        let options = packet.get(HEADER..self.length()).unwrap_or_default();
        checksum::is_right(if options.is_empty() { sum } else { checksum::sum(sum, options) })
    }

    /// More fragments follow, or some came before.
    #[inline]
    #[must_use]
    pub const fn is_fragment(self) -> bool {
        word(self.0, FRAGMENT) & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// [`PROTOCOL`].
    #[inline]
    #[must_use]
    pub const fn protocol(self) -> u8 {
        byte(self.0, PROTOCOL)
    }

    /// [`SOURCE`].
    #[inline]
    #[must_use]
    pub const fn source(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(long(self.0, SOURCE))
    }

    /// [`DESTINATION`].
    #[inline]
    #[must_use]
    pub const fn destination(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(long(self.0, DESTINATION))
    }
}

/// Makes a header one without options, with so many bytes behind it. Its checksum isn't right any more.
#[inline]
pub const fn set_plain(header: &mut [u8; HEADER], payload: u8) {
    header[VERSION_AND_LENGTH.start] = 4 << 4 | (HEADER / 4) as u8;
    [header[TOTAL_LENGTH.start], header[TOTAL_LENGTH.start + 1]] =
        (HEADER as u16 + payload as u16).to_be_bytes();
}
