//! The Internet checksum: is the one that a header carries right? (RFC 1071)

use core::fmt;
use core::net::IpAddr;

use super::layers::{Layer, Part, number};

/// What a checksum is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong {
        /// What would be right.
        right: u16,
    },
    /// The sum over the pseudo-header alone: the sender's network card would have done the rest.
    Partial,
    /// Zero, where that says that there is none: UDP over IPv4 (RFC 768).
    Absent,
    /// Zero, where there must be one: UDP over IPv6 (RFC 8200 8.1).
    Forbidden,
    /// What it is over isn't all there: a fragment, a quotation, a frame that was cut off.
    Unknown,
}

/// The checksum of this layer.
pub(super) fn of(part: &Part<'_>) -> Option<(u16, Sum)> {
    let place = match part.layer {
        Layer::Ipv4 => 10,
        Layer::Icmpv4 | Layer::Icmpv6 => 2,
        Layer::Udp => 6,
        Layer::Tcp => 16,
        _ => return None,
    };
    let carried = part.u16(place)?;
    let sum = match part.layer {
        Layer::Ipv4 if part.header < 20 || part.u8(0)? & 0xf < 5 || header_is_cut(part) => Sum::Unknown,
        Layer::Ipv4 => verdict(carried, add(0, part.head())),
        Layer::Udp if carried == 0 => match part.ip?.source {
            IpAddr::V4(_) => Sum::Absent,
            IpAddr::V6(_) => Sum::Forbidden,
        },
        _ if !is_whole(part) => Sum::Unknown,
        Layer::Icmpv4 => verdict(carried, add(0, part.bytes())),
        _ => {
            let pseudo = pseudo(part)?;
            match verdict(carried, add(pseudo, part.bytes())) {
                // No card does it for ICMPv6.
                Sum::Wrong { .. } if fold(pseudo) == carried && part.layer != Layer::Icmpv6 => Sum::Partial,
                verdict => verdict,
            }
        }
    };
    Some((carried, sum))
}

fn header_is_cut(part: &Part<'_>) -> bool {
    part.u8(0).is_none_or(|first| 4 * usize::from(first & 0xf) > part.header)
}

/// Whether everything is there that the checksum is over.
fn is_whole(part: &Part<'_>) -> bool {
    let whole = part.ip.is_some_and(|ip| !ip.fragment && !ip.rerouted);
    let contradicts =
        part.until > part.limit || (part.layer == Layer::Udp && part.u16(4).is_none_or(|length| length < 8));
    whole && !contradicts && part.missing() == 0
}

/// The sum over the pseudo-header (RFC 768, RFC 9293 3.1, RFC 8200 8.1).
fn pseudo(part: &Part<'_>) -> Option<u32> {
    let protocol = match part.layer {
        Layer::Udp => number::UDP,
        Layer::Tcp => number::TCP,
        _ => number::ICMPV6,
    };
    let ip = part.ip?;
    let addresses = match (ip.source, ip.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => add(add(0, &source.octets()), &destination.octets()),
        (IpAddr::V6(source), IpAddr::V6(destination)) => add(add(0, &source.octets()), &destination.octets()),
        _ => return None,
    };
    let length = u32::try_from(part.end - part.at).ok()?;
    Some(addresses + u32::from(protocol) + (length >> 16) + (length & 0xffff))
}

/// What a checksum is worth by the sum over everything, the checksum included.
fn verdict(carried: u16, sum: u32) -> Sum {
    if fold(sum) == 0xffff {
        return Sum::Right;
    }
    // Without the one that is carried: one's complement subtraction.
    let right = !fold(u32::from(fold(sum)) + u32::from(!carried));
    Sum::Wrong { right }
}

/// One's complement addition of all 16-bit words; an odd byte is the first of its word.
fn add(sum: u32, bytes: &[u8]) -> u32 {
    let (words, odd) = bytes.as_chunks::<2>();
    // A frame has less than 2^16 words, so nothing is lost before the carries are folded in; a longer one is folded
    // as it goes.
    let sum = words.iter().fold(sum, |sum, word| {
        let sum = sum + u32::from(u16::from_be_bytes(*word));
        if sum > u32::MAX / 2 { u32::from(fold(sum)) } else { sum }
    });
    sum + odd.first().map_or(0, |odd| u32::from(*odd) << 8)
}

fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    #[allow(clippy::cast_possible_truncation, reason = "that is the folding")]
    let twice = ((once & 0xffff) + (once >> 16)) as u16;
    twice
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sum::Right => f.write_str("right"),
            Sum::Wrong { right } => write!(f, "wrong: should be {right:#06x}"),
            Sum::Partial => f.write_str("left to the network card"),
            Sum::Absent => f.write_str("none was computed"),
            Sum::Forbidden => f.write_str("none, but IPv6 needs one"),
            Sum::Unknown => f.write_str("not checked: not all here"),
        }
    }
}
