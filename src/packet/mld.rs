//! Multicast listener discovery for IPv6 (RFC 2710, RFC 3810): messages of ICMPv6, how a query is read, and how a listener's
//! reports are written.

use core::net::Ipv6Addr;

use super::field::{Bits, Field, byte, bytes, put, word};
use super::ip::protocol;
use super::ipv6::{self, extension};
use super::tlv::{Shape, Tlv};
use super::{icmp, ndp};

/// The hop limit of every message: it stays on its link (RFC 3810 5).
pub const HOP_LIMIT: u8 = 1;
/// The hop-by-hop options of every message (RFC 3810 5): "router alert" with the value for this protocol (RFC 2711 2.1),
/// and padding.
pub const HOPS: [u8; extension::HEADER] = [protocol::ICMPV6, 0, ROUTER_ALERT, 2, 0, 0, PAD, 0];
/// The hop-by-hop option that asks routers to look at a packet (RFC 2711 2.1).
pub const ROUTER_ALERT: u8 = 5;
/// The option that is padding (RFC 8200 4.2).
const PAD: u8 = 1;
/// All routers that understand version 2 (RFC 3810 5.2.14).
pub const ALL_ROUTERS_V2: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Who listens to which group? (RFC 3810 5.1)
pub const QUERY: u8 = 130;
/// Version 1: the sender listens (RFC 2710 3).
pub const REPORT: u8 = 131;
/// Version 1: the sender no longer listens (RFC 2710 3).
pub const DONE: u8 = 132;
/// Version 2's report (RFC 3810 5.2).
pub const REPORT_V2: u8 = 143;

/// How long an answer may take.
pub const MAXIMUM_RESPONSE: Field = 4..6;
/// Reserved.
pub const RESERVED: Field = 6..8;
/// The group; unspecified if it is about all.
pub const GROUP: Field = 8..24;

/// Bytes of version 1's messages. A query of this length is version 1's (RFC 3810 8.1).
pub const V1: usize = 24;
/// Bytes of version 2's query, without sources.
pub const QUERY_V2: usize = 28;
/// Version 2's query: reserved bits.
pub const QUERY_RESERVED: Bits = 192..196;
/// Version 2's query: the number of the bit that suppresses the routers' part.
pub const SUPPRESS: usize = 196;
/// Version 2's query: the querier's robustness variable.
pub const ROBUSTNESS: Bits = 197..200;
/// Version 2's query: the querier's query interval code.
pub const INTERVAL: Field = 25..26;
/// Version 2's query: how many sources follow.
pub const SOURCES: Field = 26..28;

/// Version 2's report: reserved.
pub const REPORT_RESERVED: Field = 4..6;
/// Version 2's report: how many records follow.
pub const RECORDS: Field = 6..8;
/// Version 2's report: where the records begin.
pub const REPORT_HEADER: usize = 8;

/// Records of version 2's report (RFC 3810 5.2.5).
pub mod record {
    use super::Field;

    /// Bytes of a record, without sources and auxiliary data.
    pub const HEADER: usize = 20;
    /// What is told of the group.
    pub const TYPE: Field = 0..1;
    /// Bytes of auxiliary data, in words of four.
    pub const AUXILIARY: Field = 1..2;
    /// How many sources follow.
    pub const SOURCES: Field = 2..4;
    /// The group.
    pub const GROUP: Field = 4..20;

    /// A [`TYPE`]: the sender listens to the group, whatever the source (RFC 3810 5.2.12, MODE_IS_EXCLUDE).
    pub const LISTENS: u8 = 2;
    /// A [`TYPE`]: the sender begins to do so (RFC 3810 5.2.12, CHANGE_TO_EXCLUDE_MODE).
    pub const BEGINS: u8 = 4;
}

/// A query that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// It is version 1's (RFC 3810 8.2.1).
    pub is_v1: bool,
    /// The group that it is about; unspecified if it is about all.
    pub group: Ipv6Addr,
    /// So many milliseconds an answer may take.
    pub maximum_response: u32,
}

impl Query {
    /// The query in a packet, if there is one, and it is as it must be: from its own link, with the option "router alert",
    /// with a right checksum (RFC 3810 6.2).
    #[must_use]
    pub fn new(packet: &[u8]) -> Option<Self> {
        let (header, behind) = ipv6::Header::split(packet)?;
        let (source, destination) = (header.source(), header.destination());
        let behind = behind.get(..header.payload_length())?;
        let hops: &[u8; extension::HEADER] = behind.first_chunk()?;
        let from_link = header.next_header() == protocol::HOP_BY_HOP
            && header.hop_limit() == HOP_LIMIT
            && source.is_unicast_link_local();
        let inside = byte(hops, extension::NEXT_HEADER);
        let (hops, message) = behind.split_at_checked(extension::size(byte(hops, extension::LENGTH)))?;
        let mut options = Tlv::new(Shape::Ipv6, hops.get(extension::OPTIONS..)?);
        let alerts = options.any(|option| option.kind == ROUTER_ALERT && option.data == [0, 0]);
        let start: &[u8; V1] = message.first_chunk()?;
        let is_query = from_link
            && alerts
            && inside == protocol::ICMPV6
            && byte(start, icmp::TYPE) == QUERY
            && ndp::is_right(source, destination, message);
        let code = word(start, MAXIMUM_RESPONSE);
        let is_v1 = message.len() == V1;
        let maximum_response = if is_v1 { code.into() } else { decode(code) };
        let known = is_v1 || message.len() >= QUERY_V2;
        let group = Ipv6Addr::from_octets(bytes(start, GROUP));
        (is_query && known).then_some(Query { is_v1, group, maximum_response })
    }
}

/// The number of milliseconds that version 2's code says: long ones are a mantissa and an exponent (RFC 3810 5.1.3).
const fn decode(code: u16) -> u32 {
    if code < 0x8000 {
        return code as u32;
    }
    (code as u32 & 0xfff | 0x1000) << ((code >> 12 & 7) + 3)
}

/// A report that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report<'g> {
    /// Version 1's: the sender listens to this group.
    V1(&'g Ipv6Addr),
    /// Version 2's: to these, of which this is told, the same of each.
    V2(u8, &'g [Ipv6Addr]),
}

impl Report<'_> {
    /// Where it goes: version 1's to the group (RFC 2710 3.7).
    #[must_use]
    pub const fn to(&self) -> Ipv6Addr {
        match self {
            Report::V1(group) => **group,
            Report::V2(..) => ALL_ROUTERS_V2,
        }
    }

    /// Bytes of its packet.
    #[must_use]
    pub const fn length(&self) -> usize {
        let message = match self {
            Report::V1(_) => V1,
            Report::V2(_, groups) => REPORT_HEADER + record::HEADER * groups.len(),
        };
        ipv6::HEADER + extension::HEADER + message
    }

    /// Writes its packet, from this address of its sender, to a place as long as it; to a shorter one, nothing of use.
    pub fn write(&self, place: &mut [u8], source: Ipv6Addr) {
        place.fill(0);
        let addresses = (source, self.to());
        let Some(behind) = ipv6::write(place, protocol::HOP_BY_HOP, addresses, HOP_LIMIT) else { return };
        let Some((hops, message)) = behind.split_first_chunk_mut() else { return };
        *hops = HOPS;
        match self {
            Report::V1(group) => {
                put(message, icmp::TYPE, [REPORT]);
                put(message, GROUP, group.octets());
            }
            Report::V2(what, groups) => {
                put(message, icmp::TYPE, [REPORT_V2]);
                #[allow(clippy::cast_possible_truncation, reason = "a packet has less")]
                put(message, RECORDS, (groups.len() as u16).to_be_bytes());
                let records = message.get_mut(REPORT_HEADER..).unwrap_or_default();
                for (record, group) in records.chunks_exact_mut(record::HEADER).zip(*groups) {
                    put(record, record::TYPE, [*what]);
                    put(record, record::GROUP, group.octets());
                }
            }
        }
        // Who fills in checksums on the way out looks behind no extension header.
        ndp::fill(message, source, self.to());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::world::raw::hex;

    use crate::packet::{Layer, Sum, layers};

    fn address(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn sums(packet: &[u8]) -> std::vec::Vec<(Layer, Option<Sum>)> {
        let frame = [&[0; 12], &[0x86, 0xdd][..], packet].concat();
        layers(&frame).map(|part| (part.layer, part.checksum().map(|(_, sum)| sum))).collect()
    }

    /// A packet of a querier, with a right checksum.
    fn query(source: &str, hop_limit: u8, hops: &str, message: &str) -> std::vec::Vec<u8> {
        let (source, to, hops, mut message) = (address(source), address("ff02::1"), hex(hops), hex(message));
        ndp::fill(&mut message, source, to);
        let behind = [hops, message].concat();
        let mut packet = vec![0; 40 + behind.len()];
        ipv6::write(&mut packet, 0, (source, to), hop_limit).unwrap().copy_from_slice(&behind);
        packet
    }

    const ALERT: &str = "3a00 05020000 0100";
    const GENERAL: &str = "8200 0000 2710 0000 00000000000000000000000000000000";
    const GENERAL_V2: &str = "8200 0000 2710 0000 00000000000000000000000000000000 027d0000";

    #[test]
    fn a_report_is_right_and_read_again() {
        let groups = [address("ff02::1:ff00:1"), address("ff02::1:ff01:2")];
        for (report, to, bytes) in [
            (Report::V1(&groups[0]), "ff02::1:ff00:1", "8300 0000 00000000 ff0200000000000000000001ff000001"),
            (
                Report::V2(record::BEGINS, &groups),
                "ff02::16",
                "8f00 0000 0000 0002 04000000 ff0200000000000000000001ff000001
                 04000000 ff0200000000000000000001ff010002",
            ),
        ] {
            let mut place = vec![0xa5; report.length()];
            report.write(&mut place, address("fe80::1"));
            assert_eq!((report.to(), place[7]), (address(to), 1));
            let length = hex(bytes).len() + 8;
            let header = format!("60000000 {length:04x} 00 01 fe800000000000000000000000000001");
            assert_eq!(place[..24], hex(&header));
            assert_eq!(place[40..48], hex(ALERT));
            let mut message = place[48..].to_vec();
            message[2..4].fill(0);
            assert_eq!(message, hex(bytes));
            let right = (Layer::Icmpv6, Some(Sum::Right));
            assert!(sums(&place).contains(&right), "{:?}", sums(&place));
            assert_eq!(Query::new(&place), None, "a report is no query");
            for length in 0..place.len() {
                report.write(&mut place[..length], address("fe80::1"));
            }
        }
    }

    #[test]
    fn queries_of_both_versions_are_read() {
        let all = Ipv6Addr::UNSPECIFIED;
        let group = address("ff02::1:ff00:1");
        let specific = "8200 0000 03e8 0000 ff0200000000000000000001ff000001";
        for (message, is_v1, group, maximum_response) in [
            (GENERAL, true, all, 10_000),
            (GENERAL_V2, false, all, 10_000),
            (specific, true, group, 1_000),
            (&format!("{specific} 027d0001 fe80000000000000000000000000000a"), false, group, 1_000),
            ("8200 0000 ffff 0000 00000000000000000000000000000000", true, all, 65_535),
            // 0xfff with the bit before it, by 3 and 7 more bits.
            ("8200 0000 ffff 0000 00000000000000000000000000000000 027d0000", false, all, 0x1fff << 10),
            ("8200 0000 8000 0000 00000000000000000000000000000000 027d0000", false, all, 0x8000),
        ] {
            let query = query("fe80::9", 1, ALERT, message);
            assert_eq!(Query::new(&query), Some(Query { is_v1, group, maximum_response }), "{message}");
        }
        let padded_before = "3a01 0104 00000000 05020000 01020000";
        assert!(Query::new(&query("fe80::9", 1, padded_before, GENERAL)).is_some());
        // What the frame has behind the packet is no part of it.
        let with_trailer = [query("fe80::9", 1, ALERT, GENERAL), vec![0; 4]].concat();
        assert!(Query::new(&with_trailer).is_some_and(|query| query.is_v1));
    }

    #[test]
    fn a_query_that_a_router_may_have_forwarded_is_none() {
        for (why, query) in [
            ("forwarded", query("fe80::9", 255, ALERT, GENERAL)),
            ("not of the link", query("fdaa::9", 1, ALERT, GENERAL)),
            ("of nobody", query("::", 1, ALERT, GENERAL)),
            ("without router alert", query("fe80::9", 1, "3a00 010400000000", GENERAL)),
            ("another's router alert", query("fe80::9", 1, "3a00 05020001 0100", GENERAL)),
            ("a report", query("fe80::9", 1, ALERT, &GENERAL.replacen("82", "83", 1))),
            ("between both versions", query("fe80::9", 1, ALERT, &format!("{GENERAL} 0000"))),
            ("cut off", query("fe80::9", 1, ALERT, &GENERAL[..40])),
            ("UDP inside", query("fe80::9", 1, "1100 05020000 0100", GENERAL)),
        ] {
            assert_eq!(Query::new(&query), None, "{why}");
        }
    }

    #[test]
    fn no_bytes_make_a_query_panic_and_none_but_right_ones_are_one() {
        for good in [query("fe80::9", 1, ALERT, GENERAL), query("fe80::9", 1, ALERT, GENERAL_V2)] {
            let read = Query::new(&good);
            for end in 0..good.len() {
                assert_eq!(Query::new(&good[..end]), None);
            }
            for at in 0..good.len() {
                for value in 0..=255 {
                    let mut packet = good.clone();
                    packet[at] = value;
                    // Traffic class, flow label and what is in the padding are nobody's.
                    let ignored = at < 4 || (40..48).contains(&at);
                    assert!(ignored || value == good[at] || Query::new(&packet) != read, "{at} {value}");
                }
            }
        }
    }
}
