//! The last thing that is done to an IP packet before it goes out: its checksums. Whether they are right when one comes in.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::IpAddress;

use super::checksum::{self, fold};
use super::field::put;
use super::ip::{protocol, version};
#[cfg(feature = "ipv4")]
use super::ipv4;
#[cfg(feature = "ipv6")]
use super::ipv6;
use super::{icmp, tcp, udp};

/// Which checksums are filled in, or verified: those that the device leaves to its user. ICMP's always are: hardly a device knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    #[cfg(feature = "ipv4")]
    pub(crate) ipv4: bool,
    pub(crate) udp: bool,
    pub(crate) tcp: bool,
}

impl Sums {
    /// What a device leaves to who sends.
    pub(crate) fn to_fill(device: &ChecksumCapabilities) -> Self {
        Sums {
            #[cfg(feature = "ipv4")]
            ipv4: device.ipv4.tx(),
            udp: device.udp.tx(),
            tcp: device.tcp.tx(),
        }
    }

    /// What a device leaves to who receives.
    pub(crate) fn to_verify(device: &ChecksumCapabilities) -> Self {
        Sums {
            #[cfg(feature = "ipv4")]
            ipv4: device.ipv4.rx(),
            udp: device.udp.rx(),
            tcp: device.tcp.rx(),
        }
    }
}

/// Fills in the checksums of a packet that was just written, without IP options or extension headers. Its TCP header, if it
/// is a segment.
#[inline(never)]
pub(crate) fn seal(packet: &mut [u8], fill: Sums) -> Option<tcp::Header<'_>> {
    let (protocol, pseudo, payload) = match version(packet)? {
        #[cfg(feature = "ipv4")]
        4 => {
            let (header, payload) = packet.split_first_chunk_mut::<{ ipv4::HEADER }>()?;
            if fill.ipv4 {
                put(header, ipv4::CHECKSUM, [0; 2]);
                let sum = !fold(checksum::header_v4(header));
                put(header, ipv4::CHECKSUM, sum.to_be_bytes());
            }
            let header = ipv4::Header::new(header)?;
            let protocol = header.protocol();
            let pseudo = match protocol {
                protocol::ICMP => 0,
                _ => checksum::pseudo_v4(header.source(), header.destination(), protocol, payload.len()),
            };
            (protocol, pseudo, payload)
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let (header, payload) = packet.split_first_chunk_mut::<{ ipv6::HEADER }>()?;
            let (header, _) = ipv6::Header::split(header)?;
            let protocol = header.next_header();
            let pseudo = checksum::pseudo_v6(header.source(), header.destination(), protocol, payload.len());
            (protocol, pseudo, payload)
        }
        _ => return None,
    };
    let (wanted, place) = match protocol {
        protocol::TCP => (fill.tcp, tcp::CHECKSUM),
        protocol::UDP => (fill.udp, udp::CHECKSUM),
        protocol::ICMP | protocol::ICMPV6 => (true, icmp::CHECKSUM),
        _ => return None,
    };
    if wanted {
        put(payload, place.clone(), [0; 2]);
        let sum = fold(checksum::sum(pseudo, payload));
        // Of a sum of ones alone the complement would be 0, which says "none" in UDP (RFC 768); both are zero.
        let sum = if sum == checksum::RIGHT { sum } else { !sum };
        put(payload, place, sum.to_be_bytes());
    }
    if protocol != protocol::TCP {
        return None;
    }
    tcp::Header::new(payload)
}

/// Whether the checksum of a segment or datagram is right.
pub(crate) fn is_right(addresses: (IpAddress, IpAddress), protocol: u8, bytes: &[u8]) -> bool {
    let pseudo = match addresses {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => checksum::pseudo_v4(from, to, protocol, bytes.len()),
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => checksum::pseudo_v6(from, to, protocol, bytes.len()),
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => return false,
    };
    checksum::is_right(checksum::sum(pseudo, bytes))
}
