//! What both versions of IP have in common: the numbers of what is inside, and how a header is written.

use smoltcp::wire::IpAddress;

#[cfg(feature = "recovery")]
use super::field::put;

#[cfg(feature = "ipv4")]
use super::ipv4;
#[cfg(feature = "ipv6")]
use super::ipv6;

/// What is in a packet (RFC 791 3.1, RFC 8200 3), in IANA's registry of protocol numbers.
pub mod protocol {
    /// IPv6's hop-by-hop options (RFC 8200 4.3).
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4 (RFC 792).
    pub const ICMP: u8 = 1;
    /// RFC 9293.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// IPv6's routing header (RFC 8200 4.4).
    pub const ROUTING: u8 = 43;
    /// IPv6's fragment header (RFC 8200 4.5).
    pub const FRAGMENT: u8 = 44;
    /// The authentication header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: u8 = 58;
    /// Nothing is inside (RFC 8200 4.7).
    pub const NOTHING: u8 = 59;
    /// IPv6's destination options (RFC 8200 4.6).
    pub const DESTINATION: u8 = 60;
}

/// A header's length in bytes, from the four bits that have it in words of four bytes.
#[inline(always)]
#[must_use]
pub const fn words(words: u8) -> usize {
    4 * words as usize
}

/// The version of a packet, which is in both at one place. `None` if it is empty.
#[inline(always)]
#[must_use]
pub const fn version(packet: &[u8]) -> Option<u8> {
    match packet {
        [first, ..] => Some(*first >> 4),
        [] => None,
    }
}

/// Where what is inside a packet begins, if no extension header is before it. `None` if its header is cut off.
#[cfg(feature = "recovery")]
pub(crate) fn behind(packet: &[u8]) -> Option<usize> {
    match version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => Some(ipv4::Header::new(packet)?.length()),
        #[cfg(feature = "ipv6")]
        6 => Some(ipv6::HEADER),
        _ => None,
    }
}

/// How long a packet is, by its own word: what is behind it on Ethernet is padding.
#[cfg(feature = "recovery")]
pub(crate) fn length(packet: &[u8]) -> Option<usize> {
    match version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => Some(ipv4::Header::new(packet)?.total_length()),
        #[cfg(feature = "ipv6")]
        6 => Some(ipv6::HEADER + ipv6::Header::split(packet)?.0.payload_length()),
        _ => None,
    }
}

/// Says that a packet is so long. Its header's checksum isn't right any more.
#[cfg(feature = "recovery")]
#[allow(clippy::cast_possible_truncation, reason = "it is no longer than before")]
pub(crate) fn set_length(packet: &mut [u8], length: usize) {
    match version(packet) {
        #[cfg(feature = "ipv4")]
        Some(4) => put(packet, ipv4::TOTAL_LENGTH, (length as u16).to_be_bytes()),
        #[cfg(feature = "ipv6")]
        Some(6) => {
            let payload = length.saturating_sub(ipv6::HEADER) as u16;
            put(packet, ipv6::PAYLOAD_LENGTH, payload.to_be_bytes());
        }
        _ => {}
    }
}

/// Who sent a packet, whom it is for, and what is inside: see [`protocol`]. `None` if its header is cut off.
#[inline(never)]
pub(crate) fn outline(packet: &[u8]) -> Option<(IpAddress, IpAddress, u8)> {
    match version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => {
            let header = ipv4::Header::new(packet)?;
            Some((header.source().into(), header.destination().into(), header.protocol()))
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let (header, _) = ipv6::Header::split(packet)?;
            Some((header.source().into(), header.destination().into(), header.next_header()))
        }
        _ => None,
    }
}

/// Writes the header of a packet that fills `place`, without options or extension headers, and gives what is behind it.
/// An IPv4 header's checksum is left 0. `None` if it doesn't fit, or the addresses are of two versions.
#[inline(never)]
pub(crate) fn write(
    place: &mut [u8],
    protocol: u8,
    (from, to): (IpAddress, IpAddress),
    hops: u8,
) -> Option<&mut [u8]> {
    match (from, to) {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => {
            let [high, low] = u16::try_from(place.len()).ok()?.to_be_bytes();
            let (header, behind) = place.split_first_chunk_mut::<{ ipv4::HEADER }>()?;
            let ([a, b, c, d], [e, f, g, h]) = (from.octets(), to.octets());
            // Not to be fragmented, so it needs no identification (RFC 6864 4.1).
            *header = [0x45, 0, high, low, 0, 0, 0x40, 0, hops, protocol, 0, 0, a, b, c, d, e, f, g, h];
            Some(behind)
        }
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => ipv6::write(place, protocol, (from, to), hops),
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => None,
    }
}
