//! What of the packets that come in may be given to a stack that verifies no checksum.

use crate::event::DropRule;
use crate::packet::ip::{self, protocol};
#[cfg(feature = "ipv6")]
use crate::packet::ipv6;
use crate::packet::seal::{Sums, is_right};
use crate::packet::udp;
#[cfg(feature = "ipv4")]
use crate::packet::{checksum, ipv4};

/// Whether a packet is whole and right, as far as the device hasn't verified that. The checksum of an ICMP message is left to
/// who reads it.
///
/// # Errors
/// The rule by which the packet is dropped.
#[inline(never)]
pub(crate) fn verify(packet: &[u8], sums: Sums) -> Result<(), DropRule> {
    let (source, destination, protocol) = ip::outline(packet).ok_or(DropRule::Malformed)?;
    let is_v4 = ip::version(packet) == Some(4);
    let payload = payload(packet, sums)?;
    let right = match protocol {
        protocol::TCP => !sums.tcp || is_right((source, destination), protocol, payload),
        protocol::UDP => {
            let header = udp::Header::new(payload).ok_or(DropRule::Malformed)?;
            let datagram = payload.get(..header.length()).ok_or(DropRule::Malformed)?;
            match header.checksum() {
                // None was computed.
                0 if is_v4 => true,
                // RFC 8200 8.1.
                0 => return Err(DropRule::NoChecksum),
                _ => !sums.udp || is_right((source, destination), protocol, datagram),
            }
        }
        _ => true,
    };
    if right { Ok(()) } else { Err(DropRule::Checksum) }
}

/// What is behind the IP header, which is right.
fn payload(packet: &[u8], sums: Sums) -> Result<&[u8], DropRule> {
    let _ = sums;
    match ip::version(packet) {
        #[cfg(feature = "ipv4")]
        Some(4) => {
            let header = ipv4::Header::new(packet).ok_or(DropRule::Malformed)?;
            let (length, total) = (header.length(), header.total_length());
            let bytes = packet.get(..length).ok_or(DropRule::Malformed)?;
            if sums.ipv4 && !checksum::is_right(checksum::sum(0, bytes)) {
                return Err(DropRule::Checksum);
            }
            if header.is_fragment() {
                return Err(DropRule::Fragment);
            }
            packet.get(length..total).ok_or(DropRule::Malformed)
        }
        #[cfg(feature = "ipv6")]
        Some(6) => {
            let (header, behind) = ipv6::Header::split(packet).ok_or(DropRule::Malformed)?;
            behind.get(..header.payload_length()).ok_or(DropRule::Malformed)
        }
        _ => Err(DropRule::Malformed),
    }
}
