//! IPv6 (RFC 8200) and its extension headers.

use core::net::Ipv6Addr;

use super::field::{Bits, Field, byte, bytes, put, word};

/// Bytes of the header.
pub const HEADER: usize = 40;

/// The byte that has the version.
pub const FIRST: Field = 0..1;
/// Version: 6.
pub const VERSION: Bits = 0..4;
/// Traffic class (RFC 8200 7).
pub const TRAFFIC_CLASS: Bits = 4..12;
/// Differentiated services codepoint (RFC 2474 3).
pub const CODEPOINT: Bits = 4..10;
/// Explicit congestion notification (RFC 3168 5).
pub const CONGESTION: Bits = 10..12;
/// Flow label (RFC 6437 2).
pub const FLOW_LABEL: Bits = 12..32;
/// Bytes behind this header.
pub const PAYLOAD_LENGTH: Field = 4..6;
/// What is inside; see [`protocol`](super::ip::protocol).
pub const NEXT_HEADER: Field = 6..7;
/// How many routers may still forward it.
pub const HOP_LIMIT: Field = 7..8;
/// Source address.
pub const SOURCE: Field = 8..24;
/// Destination address.
pub const DESTINATION: Field = 24..40;

/// All nodes on the link (RFC 4291 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link (RFC 4291 2.7.1).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// How the solicited-node groups begin (RFC 4291 2.7.1).
const SOLICITED: [u8; 13] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];

/// The solicited-node group of an address (RFC 4291 2.7.1).
#[inline]
#[must_use]
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// Of a solicited-node group, the last three bytes of the addresses that it is for.
#[inline]
#[must_use]
pub fn solicited_by(group: Ipv6Addr) -> Option<[u8; 3]> {
    let octets = group.octets();
    let [.., a, b, c] = octets;
    octets.starts_with(&SOLICITED).then_some([a, b, c])
}

/// The header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER]);

impl<'a> Header<'a> {
    /// The header of a packet, and what is behind it. `None` if it is cut off or of another version.
    #[inline]
    #[must_use]
    pub fn split(packet: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, behind) = packet.split_first_chunk()?;
        (byte(header, FIRST) >> 4 == 6).then_some((Header(header), behind))
    }

    /// [`PAYLOAD_LENGTH`].
    #[inline]
    #[must_use]
    pub const fn payload_length(self) -> usize {
        word(self.0, PAYLOAD_LENGTH) as usize
    }

    /// [`NEXT_HEADER`].
    #[inline]
    #[must_use]
    pub const fn next_header(self) -> u8 {
        byte(self.0, NEXT_HEADER)
    }

    /// [`HOP_LIMIT`].
    #[inline]
    #[must_use]
    pub const fn hop_limit(self) -> u8 {
        byte(self.0, HOP_LIMIT)
    }

    /// [`SOURCE`].
    #[inline]
    #[must_use]
    pub fn source(self) -> Ipv6Addr {
        Ipv6Addr::from_octets(bytes(self.0, SOURCE))
    }

    /// [`DESTINATION`].
    #[inline]
    #[must_use]
    pub fn destination(self) -> Ipv6Addr {
        Ipv6Addr::from_octets(bytes(self.0, DESTINATION))
    }
}

/// Says that so many bytes are behind a header.
#[inline]
pub const fn set_payload_length(header: &mut [u8; HEADER], payload: u8) {
    [header[PAYLOAD_LENGTH.start], header[PAYLOAD_LENGTH.start + 1]] = [0, payload];
}

/// Writes the header of a packet that fills `place`, without extension headers, and gives what is behind it. `None` if it
/// doesn't fit.
#[inline(never)]
pub(crate) fn write(
    place: &mut [u8],
    next_header: u8,
    (from, to): (Ipv6Addr, Ipv6Addr),
    hop_limit: u8,
) -> Option<&mut [u8]> {
    let (header, behind) = place.split_first_chunk_mut::<HEADER>()?;
    let [high, low] = u16::try_from(behind.len()).ok()?.to_be_bytes();
    put(header, FIRST, [6 << 4, 0, 0, 0, high, low, next_header, hop_limit]);
    put(header, SOURCE, from.octets());
    put(header, DESTINATION, to.octets());
    Some(behind)
}

/// Extension headers: what is inside comes first, and a length that counts units of eight bytes behind the first.
pub mod extension {
    use super::{Bits, Field};

    /// Bytes of the shortest, and of the unit of the longer ones.
    pub const HEADER: usize = 8;
    /// What is inside; see [`protocol`](super::super::ip::protocol).
    pub const NEXT_HEADER: Field = 0..1;
    /// Header extension length. In a fragment header it is reserved.
    pub const LENGTH: Field = 1..2;
    /// Where options begin, in those of hops and of the destination (RFC 8200 4.2).
    pub const OPTIONS: usize = 2;

    /// Routing header (RFC 8200 4.4): its type.
    pub const ROUTING_TYPE: Field = 2..3;
    /// Routing header: how many stops are still to come.
    pub const SEGMENTS_LEFT: Field = 3..4;

    /// Fragment header (RFC 8200 4.5): the word that has the place, and whether more follow.
    pub const FRAGMENT: Field = 2..4;
    /// Fragment header: its place, in units of eight bytes.
    pub const FRAGMENT_OFFSET: Bits = 16..29;
    /// Fragment header: reserved bits.
    pub const RESERVED: Bits = 29..31;
    /// Fragment header: the number of the bit that says that more follow.
    pub const MORE: usize = 31;
    /// Fragment header: the same in all fragments of a packet.
    pub const IDENTIFICATION: Field = 4..8;
    /// In [`FRAGMENT`]: the place.
    pub const OFFSET_MASK: u16 = 0xfff8;
    /// In [`FRAGMENT`]: more fragments follow.
    pub const MORE_FRAGMENTS: u16 = 0x0001;

    /// A header's bytes, by its length field.
    #[inline]
    #[must_use]
    pub const fn size(length: u8) -> usize {
        HEADER + HEADER * length as usize
    }
}
