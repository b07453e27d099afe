//! ICMP (RFC 792) and ICMPv6 (RFC 4443); neighbour discovery has a module of its own.

use core::ops::Range;

use super::discovery;
use super::names;
use super::tell::Tell;
use undersock::packet::icmp::{self, v4, v6};
use undersock::packet::mld::{self, record};
use undersock::packet::ndp;

pub(super) fn icmpv4(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 792");
    let (kind, code) =
        (tell.part.u8(icmp::TYPE.start).unwrap_or(0), tell.part.u8(icmp::CODE.start).unwrap_or(0));
    tell.decimal(icmp::TYPE, ("Type", "icmp.type"), format_args!("{}", names::icmpv4(kind)));
    tell.decimal(icmp::CODE, ("Code", "icmp.code"), format_args!("{}", names::icmpv4_code(kind, code)));
    tell.checksum(icmp::CHECKSUM, ("Checksum", "icmp.checksum"));
    match (kind, code) {
        (v4::ECHO_REPLY | v4::ECHO_REQUEST, _) => echo(tell, ["icmp.ident", "icmp.seq"]),
        (v4::UNREACHABLE, v4::TOO_BIG) => {
            tell.bytes(v4::TOO_BIG_UNUSED, ("Unused", "icmp.unused"), format_args!(""));
            tell.rfc("RFC 1191 4");
            tell.decimal(
                v4::NEXT_HOP_MTU,
                ("Next-Hop MTU", "icmp.mtu"),
                format_args!("bytes: the next link's most"),
            );
        }
        (v4::REDIRECT, _) => {
            let gateway = ("Gateway Internet Address", "icmp.redir_gw");
            tell.ipv4(v4::GATEWAY.start, gateway, format_args!("the better router"));
        }
        (v4::PARAMETER_PROBLEM, _) => {
            tell.decimal(v4::POINTER, ("Pointer", "icmp.pointer"), format_args!("the byte not understood"));
            tell.bytes(v4::POINTER_UNUSED, ("Unused", "icmp.unused"), format_args!(""));
        }
        (v4::UNREACHABLE | v4::TIME_EXCEEDED, _) => {
            tell.bytes(icmp::UNUSED, ("Unused", "icmp.unused"), format_args!(""));
        }
        (v4::SOURCE_QUENCH, _) => tell.hex(icmp::UNUSED, ("Unused", ""), format_args!("")),
        (v4::TIMESTAMP | v4::TIMESTAMP_REPLY, _) => {
            echo(tell, ["icmp.ident", "icmp.seq"]);
            let times = [
                ("Originate Timestamp", "icmp.originate_timestamp"),
                ("Receive Timestamp", "icmp.receive_timestamp"),
                ("Transmit Timestamp", "icmp.transmit_timestamp"),
            ];
            for (name, place) in times.into_iter().zip(v4::TIMESTAMPS) {
                tell.decimal(place, name, format_args!("ms since midnight, UT"));
            }
        }
        _ => {}
    }
}

fn echo(tell: &mut Tell<'_, '_>, [identifier, sequence]: [&'static str; 2]) {
    tell.decimal(icmp::IDENTIFIER, ("Identifier", identifier), format_args!("whose echo it is"));
    tell.decimal(icmp::SEQUENCE, ("Sequence Number", sequence), format_args!("which echo of theirs"));
}

pub(super) fn icmpv6(tell: &mut Tell<'_, '_>) {
    let (kind, code) =
        (tell.part.u8(icmp::TYPE.start).unwrap_or(0), tell.part.u8(icmp::CODE.start).unwrap_or(0));
    let rfc = match kind {
        v6::UNREACHABLE => "RFC 4443 3.1",
        v6::TOO_BIG => "RFC 4443 3.2",
        v6::TIME_EXCEEDED => "RFC 4443 3.3",
        v6::PARAMETER_PROBLEM => "RFC 4443 3.4",
        v6::ECHO_REQUEST => "RFC 4443 4.1",
        v6::ECHO_REPLY => "RFC 4443 4.2",
        mld::QUERY => "RFC 3810 5.1",
        mld::REPORT | mld::DONE => "RFC 2710 3",
        ndp::ROUTER_SOLICITATION => "RFC 4861 4.1",
        ndp::ROUTER_ADVERTISEMENT => "RFC 4861 4.2",
        ndp::NEIGHBOR_SOLICITATION => "RFC 4861 4.3",
        ndp::NEIGHBOR_ADVERTISEMENT => "RFC 4861 4.4",
        ndp::REDIRECT => "RFC 4861 4.5",
        mld::REPORT_V2 => "RFC 3810 5.2",
        _ => "RFC 4443 2.1",
    };
    tell.rfc(rfc);
    tell.decimal(icmp::TYPE, ("Type", "icmpv6.type"), format_args!("{}", names::icmpv6(kind)));
    tell.decimal(icmp::CODE, ("Code", "icmpv6.code"), format_args!("{}", names::icmpv6_code(kind, code)));
    tell.checksum(icmp::CHECKSUM, ("Checksum", "icmpv6.checksum"));
    match kind {
        v6::UNREACHABLE | v6::TIME_EXCEEDED => {
            tell.bytes(icmp::UNUSED, ("Unused", "icmpv6.reserved"), format_args!(""));
        }
        v6::TOO_BIG => {
            tell.decimal(v6::MTU, ("MTU", "icmpv6.mtu"), format_args!("bytes: the next link's most"));
        }
        v6::PARAMETER_PROBLEM => {
            let pointer = ("Pointer", "icmpv6.pointer");
            tell.decimal(v6::POINTER, pointer, format_args!("the byte not understood"));
        }
        v6::ECHO_REQUEST | v6::ECHO_REPLY => {
            tell.hex(
                icmp::IDENTIFIER,
                ("Identifier", "icmpv6.echo.identifier"),
                format_args!("whose echo it is"),
            );
            let sequence = ("Sequence Number", "icmpv6.echo.sequence_number");
            tell.decimal(icmp::SEQUENCE, sequence, format_args!("which echo of theirs"));
        }
        mld::QUERY | mld::REPORT | mld::DONE => listener(tell),
        ndp::ROUTER_SOLICITATION => {
            tell.bytes(ndp::RESERVED, ("Reserved", "icmpv6.reserved"), format_args!(""));
            discovery::options(tell);
        }
        ndp::ROUTER_ADVERTISEMENT => discovery::advertisement(tell),
        ndp::NEIGHBOR_SOLICITATION => {
            tell.bytes(ndp::RESERVED, ("Reserved", "icmpv6.reserved"), format_args!(""));
            let target = ("Target Address", "icmpv6.nd.ns.target_address");
            tell.ipv6(ndp::TARGET.start, target, format_args!("who has this address?"));
            discovery::options(tell);
        }
        ndp::NEIGHBOR_ADVERTISEMENT => discovery::neighbor(tell),
        ndp::REDIRECT => {
            tell.bytes(ndp::RESERVED, ("Reserved", "icmpv6.reserved"), format_args!(""));
            let target = ("Target Address", "icmpv6.nd.rd.target_address");
            tell.ipv6(ndp::TARGET.start, target, format_args!("the better first hop"));
            let destination = ("Destination Address", "icmpv6.rd.na.destination_address");
            tell.ipv6(ndp::DESTINATION.start, destination, format_args!("on the way to here"));
            discovery::options(tell);
        }
        mld::REPORT_V2 => reports(tell),
        _ => {}
    }
}

/// Multicast listener discovery, version 1, and what version 2's query adds to it.
fn listener(tell: &mut Tell<'_, '_>) {
    let long = tell.part.header >= mld::QUERY_V2 && tell.part.u8(icmp::TYPE.start) == Some(mld::QUERY);
    let name = if long {
        ("Maximum Response Code", "icmpv6.mld.maximum_response_code")
    } else {
        ("Maximum Response Delay", "icmpv6.mld.maximum_response_delay")
    };
    let code = tell.part.u16(mld::MAXIMUM_RESPONSE.start).unwrap_or(0);
    let time = if long { floating(code.into(), 12) } else { code.into() };
    tell.decimal(mld::MAXIMUM_RESPONSE, name, format_args!("{time} ms to answer in"));
    tell.bytes(mld::RESERVED, ("Reserved", "icmpv6.reserved"), format_args!(""));
    let group = ("Multicast Address", "icmpv6.mld.multicast_address");
    tell.ipv6(mld::GROUP.start, group, format_args!(":: asks for all"));
    if !long {
        return;
    }
    tell.hex_bits(mld::QUERY_RESERVED, ("Resv", "icmpv6.mld.flag.reserved"), format_args!(""));
    tell.flag(mld::SUPPRESS, ("S", "icmpv6.mld.flag.s"), "suppress router-side processing");
    let robustness = ("QRV", "icmpv6.mld.flag.qrv");
    tell.bits(mld::ROBUSTNESS, robustness, format_args!("the querier's robustness variable"));
    let interval = floating(tell.part.u8(mld::INTERVAL.start).unwrap_or(0).into(), 4);
    tell.decimal(mld::INTERVAL, ("QQIC", "icmpv6.mld.qqi"), format_args!("{interval} s between queries"));
    tell.decimal(mld::SOURCES, ("Number of Sources", "icmpv6.mld.nb_sources"), format_args!(""));
    let count = usize::from(tell.part.u16(mld::SOURCES.start).unwrap_or(0));
    for source in sources(tell, mld::QUERY_V2, count) {
        tell.ipv6(source, ("Source Address", "icmpv6.mld.source_address"), format_args!(""));
    }
}

/// A code with a floating point for what is large: highest bit, three of the exponent, the rest of the mantissa
/// (RFC 3810 5.1.3).
fn floating(code: u32, mantissa: u32) -> u32 {
    let exponent = code >> mantissa & 7;
    if code >> (mantissa + 3) == 0 {
        code
    } else {
        (code & ((1 << mantissa) - 1) | 1 << mantissa) << (exponent + 3)
    }
}

/// Version 2's report (RFC 3810 5.2).
fn reports(tell: &mut Tell<'_, '_>) {
    tell.bytes(mld::REPORT_RESERVED, ("Reserved", "icmpv6.reserved"), format_args!(""));
    tell.decimal(mld::RECORDS, ("Nr of Records", "icmpv6.mldr.nb_mcast_records"), format_args!(""));
    let records = tell.part.u16(mld::RECORDS.start).unwrap_or(0);
    let mut at = mld::REPORT_HEADER;
    for _ in 0..records {
        // A field of this record.
        let start = at;
        let field = |field: Range<usize>| start + field.start..start + field.end;
        if at >= tell.part.header {
            tell.complain(at..at, "Cut off", format_args!("there are fewer records than that"));
            return;
        }
        let kind = match tell.part.u8(field(record::TYPE).start).unwrap_or(0) {
            1 => "it listens to these sources",
            2 => "it listens to all but these sources",
            3 => "now it listens to these sources",
            4 => "now it listens to all but these sources",
            5 => "now it listens to these too",
            6 => "now it no longer listens to these",
            _ => "unknown",
        };
        tell.rfc("RFC 3810 5.2.5");
        tell.decimal(
            field(record::TYPE),
            ("Record Type", "icmpv6.mldr.mar.record_type"),
            format_args!("{kind}"),
        );
        let words = usize::from(tell.part.u8(field(record::AUXILIARY).start).unwrap_or(0));
        let count = usize::from(tell.part.u16(field(record::SOURCES).start).unwrap_or(0));
        tell.within(|tell| {
            let length = ("Aux Data Len", "icmpv6.mldr.mar.aux_data_len");
            tell.decimal(field(record::AUXILIARY), length, format_args!("words of 4 bytes"));
            let name = ("Number of Sources", "icmpv6.mldr.mar.nb_sources");
            tell.decimal(field(record::SOURCES), name, format_args!(""));
            let group = ("Multicast Address", "icmpv6.mldr.mar.multicast_address");
            tell.ipv6(field(record::GROUP).start, group, format_args!("the group"));
            for source in sources(tell, at + record::HEADER, count) {
                tell.ipv6(source, ("Source Address", "icmpv6.mldr.mar.source_address"), format_args!(""));
            }
            at += record::HEADER + 16 * count;
            let end = (at + 4 * words).min(tell.part.header);
            tell.bytes(at.min(end)..end, ("Auxiliary Data", ""), format_args!(""));
            at += 4 * words;
        });
    }
}

/// Where addresses stand, one more than are there: the telling ends at that one.
fn sources(tell: &Tell<'_, '_>, from: usize, count: usize) -> impl Iterator<Item = usize> + use<> {
    let there = tell.part.header.saturating_sub(from) / 16;
    (0..count.min(there + 1)).map(move |index| from + 16 * index)
}
