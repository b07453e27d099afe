//! ICMP (RFC 792) and ICMPv6 (RFC 4443); neighbour discovery has a module of its own.

use super::discovery;
use super::names;
use super::tell::Tell;

pub(super) fn icmpv4(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 792");
    let (kind, code) = (tell.part.u8(0).unwrap_or(0), tell.part.u8(1).unwrap_or(0));
    tell.decimal(0..1, ("Type", "icmp.type"), format_args!("{}", names::icmpv4(kind)));
    tell.decimal(1..2, ("Code", "icmp.code"), format_args!("{}", names::icmpv4_code(kind, code)));
    tell.checksum(2, ("Checksum", "icmp.checksum"));
    match (kind, code) {
        (0 | 8, _) => echo(tell, ["icmp.ident", "icmp.seq"]),
        (3, 4) => {
            tell.bytes(4..6, ("Unused", "icmp.unused"), format_args!(""));
            tell.rfc("RFC 1191 4");
            tell.decimal(6..8, ("Next-Hop MTU", "icmp.mtu"), format_args!("bytes: the next link's most"));
        }
        (5, _) => {
            tell.ipv4(4, ("Gateway Internet Address", "icmp.redir_gw"), format_args!("the better router"))
        }
        (12, _) => {
            tell.decimal(4..5, ("Pointer", "icmp.pointer"), format_args!("the byte not understood"));
            tell.bytes(5..8, ("Unused", "icmp.unused"), format_args!(""));
        }
        (3 | 11, _) => tell.bytes(4..8, ("Unused", "icmp.unused"), format_args!("")),
        (4, _) => tell.hex(4..8, ("Unused", ""), format_args!("")),
        (13 | 14, _) => {
            echo(tell, ["icmp.ident", "icmp.seq"]);
            let times = [
                ("Originate Timestamp", "icmp.originate_timestamp"),
                ("Receive Timestamp", "icmp.receive_timestamp"),
                ("Transmit Timestamp", "icmp.transmit_timestamp"),
            ];
            for (name, at) in times.into_iter().zip([8, 12, 16]) {
                tell.decimal(at..at + 4, name, format_args!("ms since midnight, UT"));
            }
        }
        _ => {}
    }
}

fn echo(tell: &mut Tell<'_, '_>, [identifier, sequence]: [&'static str; 2]) {
    tell.decimal(4..6, ("Identifier", identifier), format_args!("whose echo it is"));
    tell.decimal(6..8, ("Sequence Number", sequence), format_args!("which echo of theirs"));
}

pub(super) fn icmpv6(tell: &mut Tell<'_, '_>) {
    let (kind, code) = (tell.part.u8(0).unwrap_or(0), tell.part.u8(1).unwrap_or(0));
    let rfc = match kind {
        1 => "RFC 4443 3.1",
        2 => "RFC 4443 3.2",
        3 => "RFC 4443 3.3",
        4 => "RFC 4443 3.4",
        128 => "RFC 4443 4.1",
        129 => "RFC 4443 4.2",
        130 => "RFC 3810 5.1",
        131 | 132 => "RFC 2710 3",
        133 => "RFC 4861 4.1",
        134 => "RFC 4861 4.2",
        135 => "RFC 4861 4.3",
        136 => "RFC 4861 4.4",
        137 => "RFC 4861 4.5",
        143 => "RFC 3810 5.2",
        _ => "RFC 4443 2.1",
    };
    tell.rfc(rfc);
    tell.decimal(0..1, ("Type", "icmpv6.type"), format_args!("{}", names::icmpv6(kind)));
    tell.decimal(1..2, ("Code", "icmpv6.code"), format_args!("{}", names::icmpv6_code(kind, code)));
    tell.checksum(2, ("Checksum", "icmpv6.checksum"));
    match kind {
        1 | 3 => tell.bytes(4..8, ("Unused", "icmpv6.reserved"), format_args!("")),
        2 => tell.decimal(4..8, ("MTU", "icmpv6.mtu"), format_args!("bytes: the next link's most")),
        4 => tell.decimal(4..8, ("Pointer", "icmpv6.pointer"), format_args!("the byte not understood")),
        128 | 129 => {
            tell.hex(4..6, ("Identifier", "icmpv6.echo.identifier"), format_args!("whose echo it is"));
            let sequence = ("Sequence Number", "icmpv6.echo.sequence_number");
            tell.decimal(6..8, sequence, format_args!("which echo of theirs"));
        }
        130..=132 => listener(tell),
        133 => {
            tell.bytes(4..8, ("Reserved", "icmpv6.reserved"), format_args!(""));
            discovery::options(tell);
        }
        134 => discovery::advertisement(tell),
        135 => {
            tell.bytes(4..8, ("Reserved", "icmpv6.reserved"), format_args!(""));
            let target = ("Target Address", "icmpv6.nd.ns.target_address");
            tell.ipv6(8, target, format_args!("who has this address?"));
            discovery::options(tell);
        }
        136 => discovery::neighbor(tell),
        137 => {
            tell.bytes(4..8, ("Reserved", "icmpv6.reserved"), format_args!(""));
            let target = ("Target Address", "icmpv6.nd.rd.target_address");
            tell.ipv6(8, target, format_args!("the better first hop"));
            let destination = ("Destination Address", "icmpv6.rd.na.destination_address");
            tell.ipv6(24, destination, format_args!("on the way to here"));
            discovery::options(tell);
        }
        143 => reports(tell),
        _ => {}
    }
}

/// Multicast listener discovery, version 1, and what version 2's query adds to it.
fn listener(tell: &mut Tell<'_, '_>) {
    let long = tell.part.header >= 28 && tell.part.u8(0) == Some(130);
    let name = if long {
        ("Maximum Response Code", "icmpv6.mld.maximum_response_code")
    } else {
        ("Maximum Response Delay", "icmpv6.mld.maximum_response_delay")
    };
    let code = tell.part.u16(4).unwrap_or(0);
    let time = if long { floating(code.into(), 12) } else { code.into() };
    tell.decimal(4..6, name, format_args!("{time} ms to answer in"));
    tell.bytes(6..8, ("Reserved", "icmpv6.reserved"), format_args!(""));
    tell.ipv6(8, ("Multicast Address", "icmpv6.mld.multicast_address"), format_args!(":: asks for all"));
    if !long {
        return;
    }
    tell.hex_bits(192..196, ("Resv", "icmpv6.mld.flag.reserved"), format_args!(""));
    tell.flag(196, ("S", "icmpv6.mld.flag.s"), "suppress router-side processing");
    tell.bits(197..200, ("QRV", "icmpv6.mld.flag.qrv"), format_args!("the querier's robustness variable"));
    let interval = floating(tell.part.u8(25).unwrap_or(0).into(), 4);
    tell.decimal(25..26, ("QQIC", "icmpv6.mld.qqi"), format_args!("{interval} s between queries"));
    tell.decimal(26..28, ("Number of Sources", "icmpv6.mld.nb_sources"), format_args!(""));
    let count = usize::from(tell.part.u16(26).unwrap_or(0));
    for source in sources(tell, 28, count) {
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
    tell.bytes(4..6, ("Reserved", "icmpv6.reserved"), format_args!(""));
    tell.decimal(6..8, ("Nr of Records", "icmpv6.mldr.nb_mcast_records"), format_args!(""));
    let records = tell.part.u16(6).unwrap_or(0);
    let mut at = 8;
    for _ in 0..records {
        if at >= tell.part.header {
            tell.complain(at..at, "Cut off", format_args!("there are fewer records than that"));
            return;
        }
        let kind = match tell.part.u8(at).unwrap_or(0) {
            1 => "it listens to these sources",
            2 => "it listens to all but these sources",
            3 => "now it listens to these sources",
            4 => "now it listens to all but these sources",
            5 => "now it listens to these too",
            6 => "now it no longer listens to these",
            _ => "unknown",
        };
        tell.rfc("RFC 3810 5.2.5");
        tell.decimal(at..at + 1, ("Record Type", "icmpv6.mldr.mar.record_type"), format_args!("{kind}"));
        let words = usize::from(tell.part.u8(at + 1).unwrap_or(0));
        let count = usize::from(tell.part.u16(at + 2).unwrap_or(0));
        tell.within(|tell| {
            let length = ("Aux Data Len", "icmpv6.mldr.mar.aux_data_len");
            tell.decimal(at + 1..at + 2, length, format_args!("words of 4 bytes"));
            let name = ("Number of Sources", "icmpv6.mldr.mar.nb_sources");
            tell.decimal(at + 2..at + 4, name, format_args!(""));
            let group = ("Multicast Address", "icmpv6.mldr.mar.multicast_address");
            tell.ipv6(at + 4, group, format_args!("the group"));
            for source in sources(tell, at + 20, count) {
                tell.ipv6(source, ("Source Address", "icmpv6.mldr.mar.source_address"), format_args!(""));
            }
            at += 20 + 16 * count;
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
