//! IPv6 (RFC 8200) and its extension headers.

use core::net::Ipv6Addr;

use super::ipv4::Hops;
use super::names;
use super::tell::{Name, Tell};
use undersock::packet::ip::protocol;
use undersock::packet::ipv6::{self, extension};
use undersock::packet::{Item, Layer, ipv6_at};

pub(super) fn ipv6(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 8200 3");
    let part = tell.part;
    let version = part.u8(ipv6::FIRST.start).unwrap_or(0) >> 4;
    let name = ("Version", "ipv6.version");
    if version == 6 {
        tell.bits(ipv6::VERSION, name, format_args!(""));
    } else {
        tell.judged_bits(ipv6::VERSION, name, true, format_args!("the EtherType says 6"));
    }
    let bits = |bits| part.bits(&bits).unwrap_or(0);
    let class = u8::try_from(bits(ipv6::TRAFFIC_CLASS)).unwrap_or(0);
    tell.rfc("RFC 8200 7");
    tell.hex_bits(ipv6::TRAFFIC_CLASS, ("Traffic Class", "ipv6.tclass"), format_args!(""));
    tell.within(|tell| {
        tell.rfc("RFC 2474 3");
        tell.bits(ipv6::CODEPOINT, ("DSCP", "ipv6.tclass.dscp"), format_args!("{}", names::dscp(class >> 2)));
        tell.rfc("RFC 3168 5");
        tell.bits(ipv6::CONGESTION, ("ECN", "ipv6.tclass.ecn"), format_args!("{}", names::ecn(class)));
    });
    tell.rfc("RFC 6437 2");
    let flow = bits(ipv6::FLOW_LABEL);
    let meaning = if flow == 0 { "none" } else { "the same in all its flow" };
    tell.hex_bits(ipv6::FLOW_LABEL, ("Flow Label", "ipv6.flow"), format_args!("{meaning}"));
    tell.rfc("RFC 8200 3");
    payload_length(tell);
    let next = part.u8(ipv6::NEXT_HEADER.start).unwrap_or(0);
    tell.decimal(ipv6::NEXT_HEADER, ("Next Header", "ipv6.nxt"), format_args!("{}", names::protocol(next)));
    let hops = part.u8(ipv6::HOP_LIMIT.start).unwrap_or(0);
    tell.decimal(ipv6::HOP_LIMIT, ("Hop Limit", "ipv6.hlim"), format_args!("{}", Hops(hops)));
    let addresses = [
        (ipv6::SOURCE.start, ("Source Address", "ipv6.src")),
        (ipv6::DESTINATION.start, ("Destination Address", "ipv6.dst")),
    ];
    for (at, name) in addresses {
        let address = ipv6_at(part.bytes(), at).unwrap_or(Ipv6Addr::UNSPECIFIED);
        tell.rfc("RFC 4291 2.4");
        tell.ipv6(at, name, format_args!("{}", kind_of(address)));
    }
}

fn payload_length(tell: &mut Tell<'_, '_>) {
    const NAME: Name = ("Payload Length", "ipv6.plen");
    let part = tell.part;
    let length = usize::from(part.u16(ipv6::PAYLOAD_LENGTH.start).unwrap_or(0));
    let there = part.room().saturating_sub(ipv6::HEADER);
    if length > there && !part.quoted {
        tell.judged(ipv6::PAYLOAD_LENGTH, NAME, true, format_args!("bytes, but {there} are here"));
    } else if length == 0 && part.u8(ipv6::NEXT_HEADER.start) == Some(protocol::HOP_BY_HOP) {
        tell.decimal(ipv6::PAYLOAD_LENGTH, NAME, format_args!("in a jumbo payload option"));
    } else {
        tell.decimal(ipv6::PAYLOAD_LENGTH, NAME, format_args!("bytes behind this header"));
    }
}

/// What kind of address it is (RFC 4291 2.4).
pub(super) fn kind_of(address: Ipv6Addr) -> &'static str {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "none yet",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback: never on a wire",
        [0, 0, 0, 0, 0, 0xffff, ..] => "an IPv4 address",
        [0xff02, 0, 0, 0, 0, 0, 0, 1] => "all nodes on this link",
        [0xff02, 0, 0, 0, 0, 0, 0, 2] => "all routers on this link",
        [0xff02, 0, 0, 0, 0, 0, 0, 0x16] => "all MLDv2 routers",
        [0xff02, 0, 0, 0, 0, 0, 0, 0xfb] => "multicast DNS",
        [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _] => "solicited-node group",
        [0xff00..=0xffff, ..] => "a multicast group",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfc00..=0xfdff, ..] => "unique local",
        [0x2001, 0xdb8, ..] => "for documentation",
        _ => "",
    }
}

pub(super) fn extension(tell: &mut Tell<'_, '_>) {
    let part = tell.part;
    let next = part.u8(extension::NEXT_HEADER.start).unwrap_or(0);
    let names: [&'static str; 2] = match part.layer {
        Layer::HopByHop => ["ipv6.hopopts.nxt", "ipv6.hopopts.len"],
        Layer::Routing => ["ipv6.routing.nxt", "ipv6.routing.len"],
        Layer::Fragment => ["ipv6.fraghdr.nxt", "ipv6.fraghdr.reserved_octet"],
        _ => ["ipv6.dstopts.nxt", "ipv6.dstopts.len"],
    };
    tell.rfc(match part.layer {
        Layer::HopByHop => "RFC 8200 4.3",
        Layer::Routing => "RFC 8200 4.4",
        Layer::Fragment => "RFC 8200 4.5",
        _ => "RFC 8200 4.6",
    });
    tell.decimal(
        extension::NEXT_HEADER,
        ("Next Header", names[0]),
        format_args!("{}", names::protocol(next)),
    );
    if part.layer == Layer::Fragment {
        return fragment(tell, names[1]);
    }
    let length = part.u8(extension::LENGTH.start).unwrap_or(0);
    let size = extension::size(length);
    let there = part.room();
    let name = ("Hdr Ext Len", names[1]);
    if size > there {
        tell.judged(
            extension::LENGTH,
            name,
            true,
            format_args!("8 + {length} x 8 = {size} bytes, but {there} are here"),
        );
    } else {
        tell.decimal(extension::LENGTH, name, format_args!("8 + {length} x 8 = {size} bytes"));
    }
    if part.layer == Layer::Routing {
        let kind = match part.u8(extension::ROUTING_TYPE.start).unwrap_or(0) {
            0 => "source route: deprecated",
            2 => "mobile IPv6",
            3 => "RPL",
            4 => "segment routing",
            _ => "unknown",
        };
        tell.decimal(extension::ROUTING_TYPE, ("Routing Type", "ipv6.routing.type"), format_args!("{kind}"));
        let left = ("Segments Left", "ipv6.routing.segleft");
        tell.decimal(extension::SEGMENTS_LEFT, left, format_args!("stops still to come"));
        return;
    }
    let mut items = part.options();
    for item in items.by_ref() {
        option(tell, &item);
    }
}

fn fragment(tell: &mut Tell<'_, '_>, reserved: &'static str) {
    let place = tell.part.u16(extension::FRAGMENT.start).unwrap_or(0);
    tell.hex(extension::LENGTH, ("Reserved", reserved), format_args!(""));
    let offset = place >> 3;
    tell.bits(
        extension::FRAGMENT_OFFSET,
        ("Fragment Offset", "ipv6.fraghdr.offset"),
        format_args!("{offset} x 8 = byte {}", 8 * u32::from(offset)),
    );
    tell.bits(extension::RESERVED, ("Res", "ipv6.fraghdr.reserved_bits"), format_args!(""));
    let more = if place & extension::MORE_FRAGMENTS != 0 { "more fragments" } else { "last fragment" };
    tell.flag(extension::MORE, ("M", "ipv6.fraghdr.more"), more);
    tell.hex(
        extension::IDENTIFICATION,
        ("Identification", "ipv6.fraghdr.ident"),
        format_args!("the same in all fragments"),
    );
}

fn option(tell: &mut Tell<'_, '_>, item: &Item<'_>) {
    let at = extension::OPTIONS + item.at;
    tell.rfc("RFC 8200 4.2");
    let kind = match item.kind {
        0 => "Pad1: a byte of padding",
        1 => "PadN: padding",
        5 => "router alert",
        0xc2 => "jumbo payload",
        0xc9 => "home address",
        _ => "an unknown option",
    };
    tell.hex(at..at + 1, ("Option Type", "ipv6.opt.type"), format_args!("{kind}"));
    if item.kind == 0 {
        return;
    }
    tell.within(|tell| {
        let unknown = match item.kind >> 6 {
            0 => "if unknown: skip it",
            1 => "if unknown: drop the packet",
            2 => "if unknown: drop, and say so",
            _ => "so, but not if multicast",
        };
        let bit = 8 * at;
        tell.bits(bit..bit + 2, ("Action", "ipv6.opt.type.action"), format_args!("{unknown}"));
        let change = if item.kind & 0x20 != 0 { "routers may change it" } else { "nobody changes it" };
        tell.flag(bit + 2, ("May Change", "ipv6.opt.type.change"), change);
        tell.hex_bits(bit + 3..bit + 8, ("Low-Order Bits", "ipv6.opt.type.rest"), format_args!(""));
        if !tell.option_length(item, at, "ipv6.opt.length") {
            return;
        }
        let data = at + 2..at + 2 + item.data.len();
        match (item.kind, item.data) {
            (1, _) => tell.bytes(data, ("Padding", "ipv6.opt.padn"), format_args!("")),
            (5, [high, low]) => {
                tell.rfc("RFC 2711 2.1");
                let whose = match u16::from_be_bytes([*high, *low]) {
                    0 => "for multicast listeners",
                    1 => "RSVP",
                    2 => "active networks",
                    _ => "",
                };
                tell.decimal(data, ("Value", "ipv6.opt.router_alert"), format_args!("{whose}"));
            }
            (0xc2, [_, _, _, _]) => {
                tell.rfc("RFC 2675 2");
                tell.decimal(data, ("Jumbo Payload Length", "ipv6.opt.jumbo"), format_args!("bytes"));
            }
            _ => tell.bytes(data, ("Option Data", ""), format_args!("")),
        }
    });
}
