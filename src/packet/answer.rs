//! What a host answers by itself, whatever is listening: an echo reply, an ICMP error, a reset.
//!
//! Each is a whole IP packet without options or extension headers, whose checksums are left 0. Whether there is to be an
//! answer (nothing to a group's address or to an ICMP error: RFC 1122 3.2.2, RFC 4443 2.4 e; within a rate) is the caller's
//! to judge.

use smoltcp::wire::IpAddress;

use super::field::put;
use super::ip::{self, protocol};
#[cfg(feature = "ipv4")]
use super::ipv4;
#[cfg(feature = "ipv6")]
use super::ipv6;
use super::{Flags, icmp, tcp};

/// How many routers may forward an answer.
const HOPS: u8 = 64;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    /// An echo reply, to an echo request.
    Echo,
    /// Nobody has this port.
    PortUnreachable,
    /// Nobody speaks this protocol here (RFC 1122 3.2.2.1).
    #[cfg(feature = "ipv4")]
    ProtocolUnreachable,
    /// Nobody knows this header here, whose number is in the packet's byte at `pointer` (RFC 8200 4).
    #[cfg(feature = "ipv6")]
    UnknownHeader {
        /// Which byte, counted from the packet's first.
        pointer: u16,
    },
    /// No connection is here that a segment could be for (RFC 9293 3.10.7.1).
    Reset,
}

/// An answer to a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'p> {
    say: Say,
    from: IpAddress,
    to: IpAddress,
    /// The packet that came, without what its link added behind it.
    packet: &'p [u8],
    /// What is behind its header.
    payload: &'p [u8],
}

impl<'p> Answer<'p> {
    /// The answer to a packet that came, from an address of ours of its version. `None` where there can be none: the
    /// packet is cut off, or it is a reset and would be answered by one.
    #[inline(never)]
    pub(crate) fn new(say: Say, from: IpAddress, packet: &'p [u8]) -> Option<Self> {
        let (to, header, length) = match from {
            #[cfg(feature = "ipv4")]
            IpAddress::Ipv4(_) => {
                let header = ipv4::Header::new(packet)?;
                (IpAddress::Ipv4(header.source()), header.length(), header.total_length())
            }
            #[cfg(feature = "ipv6")]
            IpAddress::Ipv6(_) => {
                let (header, _) = ipv6::Header::split(packet)?;
                let length = ipv6::HEADER + header.payload_length();
                (IpAddress::Ipv6(header.source()), ipv6::HEADER, length)
            }
            #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
            _ => return None,
        };
        let packet = packet.get(..length)?;
        let payload = packet.get(header..)?;
        let can_be = match say {
            Say::Echo => payload.len() >= icmp::LONG_HEADER,
            Say::Reset => !tcp::Header::new(payload)?.flags().rst(),
            _ => true,
        };
        can_be.then_some(Answer { say, from, to, packet, payload })
    }

    /// Who gets it.
    pub(crate) fn to(&self) -> IpAddress {
        self.to
    }

    /// Bytes of the packet.
    pub(crate) fn length(&self) -> usize {
        let (header, longest) = self.sizes();
        match self.say {
            Say::Echo => header + self.payload.len(),
            Say::Reset => header + tcp::HEADER,
            _ => longest.min(header + icmp::LONG_HEADER + self.packet.len()),
        }
    }

    /// Bytes of the header, and of the longest error (RFC 1812 4.3.2.3, RFC 4443 2.4 c).
    fn sizes(&self) -> (usize, usize) {
        match self.from {
            #[cfg(feature = "ipv4")]
            IpAddress::Ipv4(_) => (ipv4::HEADER, 576),
            #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
            _ => (super::ipv6::HEADER, 1_280),
        }
    }

    /// ICMP's protocol, and the first bytes of an answer of it.
    fn icmp(&self) -> (u8, [u8; icmp::LONG_HEADER]) {
        let (number, kind, code, pointer): (u8, u8, u8, u16) = match self.from {
            #[cfg(feature = "ipv4")]
            IpAddress::Ipv4(_) => {
                let (kind, code) = match self.say {
                    Say::Echo => (icmp::v4::ECHO_REPLY, 0),
                    Say::ProtocolUnreachable => (icmp::v4::UNREACHABLE, icmp::v4::PROTOCOL_UNREACHABLE),
                    _ => (icmp::v4::UNREACHABLE, icmp::v4::PORT_UNREACHABLE),
                };
                (protocol::ICMP, kind, code, 0)
            }
            #[cfg(feature = "ipv6")]
            IpAddress::Ipv6(_) => {
                let (kind, code, pointer) = match self.say {
                    Say::Echo => (icmp::v6::ECHO_REPLY, 0, 0),
                    Say::UnknownHeader { pointer } => {
                        (icmp::v6::PARAMETER_PROBLEM, icmp::v6::UNKNOWN_NEXT_HEADER, pointer)
                    }
                    _ => (icmp::v6::UNREACHABLE, icmp::v6::PORT_UNREACHABLE, 0),
                };
                (protocol::ICMPV6, kind, code, pointer)
            }
            #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
            _ => return (protocol::NOTHING, [0; icmp::LONG_HEADER]),
        };
        let [high, low] = pointer.to_be_bytes();
        (number, [kind, code, 0, 0, 0, 0, high, low])
    }

    /// Writes the packet; to a place that is not as long as it, nothing of use.
    #[inline(never)]
    pub(crate) fn write(&self, place: &mut [u8]) {
        let (number, start) = match self.say {
            Say::Reset => (protocol::TCP, [0; icmp::LONG_HEADER]),
            _ => self.icmp(),
        };
        let Some(behind) = ip::write(place, number, (self.from, self.to), HOPS) else { return };
        let (start, rest) = match self.say {
            Say::Reset => {
                write_reset(behind, self.payload);
                return;
            }
            // Identifier and sequence number are the request's; its checksum is replaced.
            Say::Echo => (start.split_at(icmp::HEADER).0, self.payload.get(icmp::HEADER..)),
            _ => (&start[..], Some(self.packet)),
        };
        let Some((head, body)) = behind.split_at_mut_checked(start.len()) else { return };
        head.copy_from_slice(start);
        if let Some(bytes) = rest.and_then(|rest| rest.get(..body.len())) {
            body.copy_from_slice(bytes);
        }
    }
}

/// Writes the segment that answers one to nobody: so that its sender finds it acceptable, whatever state it is in
/// (RFC 9293 3.10.7.1).
fn write_reset(place: &mut [u8], segment: &[u8]) {
    let (Some(header), Some(place)) = (tcp::Header::new(segment), place.first_chunk_mut::<{ tcp::HEADER }>())
    else {
        return;
    };
    *place = [0; tcp::HEADER];
    put(place, tcp::SOURCE_PORT, header.destination_port().to_be_bytes());
    put(place, tcp::DESTINATION_PORT, header.source_port().to_be_bytes());
    let flags = header.flags();
    let (seq, ack, flags) = if flags.ack() {
        (header.acknowledgment().0, 0, Flags::RST)
    } else {
        // A SYN and a FIN take a number each.
        let bytes = segment.len().saturating_sub(header.length());
        let length = bytes + usize::from(flags.syn()) + usize::from(flags.fin());
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a packet is shorter")]
        let ack = header.sequence().0.wrapping_add(length as i32);
        (0, ack, Flags::RST | Flags::ACK)
    };
    tcp::set_plain(place, smoltcp::wire::TcpSeqNumber(seq), smoltcp::wire::TcpSeqNumber(ack), flags);
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::world::raw::hex;

    use crate::packet::{IcmpError, Message, Packet, layers, packet};

    /// The answer, behind an Ethernet header for the readers.
    fn answer(say: Say, from: &str, came: &[u8]) -> Option<std::vec::Vec<u8>> {
        let from: IpAddress = from.parse().unwrap();
        let answer = Answer::new(say, from, came)?;
        let mut frame = vec![0; 14];
        frame[12..].copy_from_slice(&if came[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] });
        frame.resize(14 + answer.length(), 0xee);
        answer.write(&mut frame[14..]);
        Some(frame)
    }

    #[cfg(feature = "ipv4")]
    const FROM_4: &str = "192.168.69.1";
    #[cfg(feature = "ipv4")]
    fn v4(protocol: u8, behind: &str) -> std::vec::Vec<u8> {
        let behind = hex(behind);
        let length = 24 + behind.len();
        // With an option, and padding behind.
        let header =
            hex(&format!("4600 {length:04x} 0001 0000 40 {protocol:02x} 0000 c0a84564 c0a84501 01010101"));
        [header, behind, vec![0; 3]].concat()
    }

    #[cfg(feature = "ipv6")]
    const FROM_6: &str = "fdaa::1";
    #[cfg(feature = "ipv6")]
    fn v6(protocol: u8, behind: &str) -> std::vec::Vec<u8> {
        let behind = hex(behind);
        let length = behind.len();
        let header = hex(&format!(
            "60000000 {length:04x} {protocol:02x} 40 fdaa0000000000000000000000000064 fdaa0000000000000000000000000001"
        ));
        [header, behind, vec![0; 3]].concat()
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn an_echo_reply_has_what_the_request_had() {
        let request = v4(1, "0800 1234 0007 0009 68656c6c6f");
        let frame = answer(Say::Echo, FROM_4, &request).unwrap();
        let reply = hex("4500 0021 0000 4000 4001 0000 c0a84501 c0a84564 0000 0000 0007 0009 68656c6c6f");
        assert_eq!(frame[14..], reply);
        assert!(answer(Say::Echo, FROM_4, &v4(1, "0800 1234 0007 00")).is_none(), "no request is that short");
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn an_echo_reply_over_ipv6() {
        let frame = answer(Say::Echo, FROM_6, &v6(58, "8000 1234 0007 0009 68656c6c6f")).unwrap();
        assert_eq!(
            frame[14..],
            hex("60000000 000d 3a 40 fdaa0000000000000000000000000001 fdaa0000000000000000000000000064
                 8100 0000 0007 0009 68656c6c6f")
        );
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn an_error_quotes_what_fits() {
        for (bytes, length) in [(5, 28 + 24 + 8 + 5), (516, 28 + 24 + 524), (517, 576), (1_400, 576)] {
            let came = v4(17, &format!("c000 0007 {:04x} 0000 {}", 8 + bytes, "61".repeat(bytes)));
            let frame = answer(Say::PortUnreachable, FROM_4, &came).unwrap();
            assert_eq!(frame.len(), 14 + length, "{bytes} bytes");
            assert_eq!(frame[34..42], [3, 3, 0, 0, 0, 0, 0, 0]);
            assert_eq!(frame[42..], came[..length - 28]);
            let Packet::Icmp(icmp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
            let Message::Error { error: IcmpError::PortUnreachable, about: Some(about) } = icmp.message
            else {
                panic!("{icmp:?}")
            };
            assert_eq!((about.from.port(), about.to.port()), (49_152, 7));
        }
        let frame = answer(Say::ProtocolUnreachable, FROM_4, &v4(132, "01020304")).unwrap();
        assert_eq!(frame[34..42], [3, 2, 0, 0, 0, 0, 0, 0]);
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn an_error_over_ipv6_quotes_what_fits() {
        for (bytes, length) in [(5, 48 + 48 + 5), (1_400, 1_280)] {
            let came = v6(17, &format!("c000 0007 {:04x} 0000 {}", 8 + bytes, "61".repeat(bytes)));
            let frame = answer(Say::PortUnreachable, FROM_6, &came).unwrap();
            assert_eq!((frame.len(), &frame[54..62]), (14 + length, &[1, 4, 0, 0, 0, 0, 0, 0][..]));
            assert_eq!(frame[62..], came[..length - 48]);
        }
        let frame = answer(Say::UnknownHeader { pointer: 6 }, FROM_6, &v6(253, "01020304")).unwrap();
        assert_eq!(frame[54..62], [4, 1, 0, 0, 0, 0, 0, 6]);
    }

    /// RFC 9293 3.10.7.1.
    #[test]
    fn a_reset_is_acceptable_to_who_gets_it() {
        // SYN; SYN with data and FIN; ACK with data; RST; nothing at all.
        for (segment, reset) in [
            ("c000 2ee0 000003e8 00000007 6002 faf0 0000 0000 020405b4", Some("00000000 000003e9 5014")),
            ("c000 2ee0 fffffffe 00000007 5003 faf0 0000 0000 616263", Some("00000000 00000003 5014")),
            ("c000 2ee0 000003e8 fffffff0 5018 faf0 0000 0000 616263", Some("fffffff0 00000000 5004")),
            ("c000 2ee0 000003e8 00000000 5000 faf0 0000 0000 61", Some("00000000 000003e9 5014")),
            ("c000 2ee0 000003e8 00000007 5004 faf0 0000 0000", None),
            ("c000 2ee0 000003e8 00000007 5014 faf0 0000 0000", None),
            ("c000 2ee0 000003e8", None),
        ] {
            let expected = reset.map(|reset| hex(&format!("2ee0 c000 {reset} 0000 0000 0000")));
            #[cfg(feature = "ipv4")]
            {
                let frame = answer(Say::Reset, FROM_4, &v4(6, segment));
                assert_eq!(frame.as_ref().map(|frame| &frame[34..]), expected.as_deref());
                assert!(frame.is_none_or(|frame| frame[14..34]
                    == hex("4500 0028 0000 4000 4006 0000 c0a84501 c0a84564")
                    && layers(&frame).count() == 3));
            }
            #[cfg(feature = "ipv6")]
            {
                let frame = answer(Say::Reset, FROM_6, &v6(6, segment));
                assert_eq!(frame.as_ref().map(|frame| &frame[54..]), expected.as_deref());
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut came = std::vec::Vec::new();
        #[cfg(feature = "ipv4")]
        came.push((FROM_4, v4(6, "c000 2ee0 000003e8 00000007 5003 faf0 0000 0000 616263")));
        #[cfg(feature = "ipv6")]
        came.push((FROM_6, v6(6, "c000 2ee0 000003e8 00000007 5003 faf0 0000 0000 616263")));
        for (from, good) in came {
            for at in 0..good.len() {
                for value in 0..=255 {
                    let mut bytes = good.clone();
                    bytes[at] = value;
                    for end in [at, at + 1, good.len()] {
                        for say in [Say::Echo, Say::PortUnreachable, Say::Reset] {
                            answer(say, from, &bytes[..end]);
                        }
                    }
                }
            }
            let from: IpAddress = from.parse().unwrap();
            for say in [Say::Echo, Say::PortUnreachable, Say::Reset] {
                let answer = Answer::new(say, from, &good).unwrap();
                for length in 0..answer.length() {
                    answer.write(&mut vec![0; length]);
                }
            }
        }
    }
}
