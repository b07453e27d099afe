//! Segments that are made from the headers of one that came: a SYN that waits, and what the stack is given in place of
//! what it would misread. Their checksums aren't right: they were verified.

use smoltcp::wire::TcpSeqNumber;

#[cfg(feature = "ipv4")]
use crate::packet::ipv4;
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
use crate::packet::{Flags, ethernet, ip, tcp};

/// The longest IP header without options.
#[cfg(feature = "ipv6")]
const LONGEST_IP: usize = ipv6::HEADER;
/// The longest IP header without options.
#[cfg(not(feature = "ipv6"))]
const LONGEST_IP: usize = ipv4::HEADER;
/// The longest TCP header, options and all (RFC 9293 3.1).
const LONGEST_TCP: usize = 60;
/// The longest headers of a segment, without IP options.
pub(super) const LONGEST: usize = ethernet::HEADER + LONGEST_IP + LONGEST_TCP;

/// Copies a segment's headers, without its IP options and its data. Their length.
#[cold]
#[inline(never)]
pub(super) fn without_data(frame: &[u8], place: &mut [u8]) -> Option<usize> {
    let (ip, segment) = split(frame)?;
    let header = segment.get(..tcp::Header::new(segment)?.length())?;
    copy(frame, ip, header, place)
}

/// Copies a segment's headers as those of a bare one, without options and without data, with these numbers and with its own
/// window. Their length.
#[cold]
#[inline(never)]
pub(super) fn bare(
    frame: &[u8],
    place: &mut [u8],
    seq: TcpSeqNumber,
    ack: TcpSeqNumber,
    fin: bool,
) -> Option<usize> {
    let (ip, segment) = split(frame)?;
    let mut header = *segment.first_chunk::<{ tcp::HEADER }>()?;
    tcp::set_plain(&mut header, seq, ack, if fin { Flags::ACK | Flags::FIN } else { Flags::ACK });
    copy(frame, ip, &header, place)
}

/// How long a plain IP header of a packet's version is, and the segment in the packet.
fn split(frame: &[u8]) -> Option<(usize, &[u8])> {
    let (_, packet) = ethernet::Header::split(frame)?;
    let (ip, start) = match ip::version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => (ipv4::HEADER, ipv4::Header::new(packet)?.length()),
        #[cfg(feature = "ipv6")]
        6 => (ipv6::HEADER, ipv6::HEADER),
        _ => return None,
    };
    Some((ip, packet.get(start..)?))
}

/// A frame's Ethernet and plain IP header, and behind them a TCP header.
fn copy(frame: &[u8], ip: usize, tcp: &[u8], place: &mut [u8]) -> Option<usize> {
    let start = ethernet::HEADER + ip;
    let (front, behind) = place.split_at_mut_checked(start)?;
    front.copy_from_slice(frame.get(..start)?);
    behind.get_mut(..tcp.len())?.copy_from_slice(tcp);
    let network = front.get_mut(ethernet::HEADER..)?;
    // A TCP header has 60 bytes at most.
    let length = u8::try_from(tcp.len()).ok()?;
    match ip {
        #[cfg(feature = "ipv4")]
        ipv4::HEADER => ipv4::set_plain(network.first_chunk_mut()?, length),
        #[cfg(feature = "ipv6")]
        ipv6::HEADER => ipv6::set_payload_length(network.first_chunk_mut()?, length),
        _ => return None,
    }
    Some(start + tcp.len())
}
