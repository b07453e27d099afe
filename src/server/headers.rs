//! Segments that are made from the headers of one that came: a SYN that waits, and what the stack is given in place of
//! what it would misread. Their checksums aren't right: they were verified.

use smoltcp::wire::TcpSeqNumber;

#[cfg(feature = "ipv4")]
use crate::packet::ipv4;
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
use crate::packet::{Flags, ip, tcp};

/// The longest IP header without options.
#[cfg(feature = "ipv6")]
const LONGEST_IP: usize = ipv6::HEADER;
/// The longest IP header without options.
#[cfg(not(feature = "ipv6"))]
const LONGEST_IP: usize = ipv4::HEADER;
/// The longest TCP header, options and all (RFC 9293 3.1).
const LONGEST_TCP: usize = 60;
/// The longest headers of a segment, without IP options.
pub(super) const LONGEST: usize = LONGEST_IP + LONGEST_TCP;

/// Copies a segment's headers, without its IP options and its data. Their length.
pub(super) fn without_data(packet: &[u8], place: &mut [u8]) -> Option<usize> {
    copy(packet, place, LONGEST_TCP)
}

/// Copies a segment's headers as those of a bare one, without options and without data, with these numbers and with its own
/// window. Their length.
#[cold]
#[inline(never)]
pub(super) fn bare(
    packet: &[u8],
    place: &mut [u8],
    seq: TcpSeqNumber,
    ack: TcpSeqNumber,
    fin: bool,
) -> Option<usize> {
    let length = copy(packet, place, tcp::HEADER)?;
    let header = place.get_mut(..length)?.last_chunk_mut()?;
    tcp::set_plain(header, seq, ack, if fin { Flags::ACK | Flags::FIN } else { Flags::ACK });
    Some(length)
}

/// Copies a packet's IP header without options, and of its TCP header so many bytes at most. Their length.
#[cold]
#[inline(never)]
fn copy(packet: &[u8], place: &mut [u8], longest: usize) -> Option<usize> {
    let (ip, start) = match ip::version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => (ipv4::HEADER, ipv4::Header::new(packet)?.length()),
        #[cfg(feature = "ipv6")]
        6 => (ipv6::HEADER, ipv6::HEADER),
        _ => return None,
    };
    let segment = packet.get(start..)?;
    let header = segment.get(..tcp::Header::new(segment)?.length().min(longest))?;
    let (network, behind) = place.split_at_mut_checked(ip)?;
    network.copy_from_slice(packet.get(..ip)?);
    behind.get_mut(..header.len())?.copy_from_slice(header);
    #[allow(clippy::cast_possible_truncation, reason = "four bits have its length in words")]
    let length = header.len() as u8;
    match ip {
        #[cfg(feature = "ipv4")]
        ipv4::HEADER => ipv4::set_plain(network.first_chunk_mut()?, length),
        #[cfg(feature = "ipv6")]
        ipv6::HEADER => ipv6::set_payload_length(network.first_chunk_mut()?, length),
        _ => return None,
    }
    Some(ip + header.len())
}
