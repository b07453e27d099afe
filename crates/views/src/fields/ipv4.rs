//! IPv4 (RFC 791) and its options.

use core::fmt;
use core::net::Ipv4Addr;
use core::ops::Range;

use super::names;
use super::tell::{Name, Tell};
use undersock::packet::{Item, ip, ipv4, ipv4_at};

pub(super) fn ipv4(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 791 3.1");
    let part = tell.part;
    let first = part.u8(ipv4::VERSION_AND_LENGTH.start).unwrap_or(0);
    let (version, words) = (first >> 4, first & 0xf);
    if version == 4 {
        tell.bits(ipv4::VERSION, ("Version", "ip.version"), format_args!(""));
    } else {
        tell.judged_bits(
            ipv4::VERSION,
            ("Version", "ip.version"),
            true,
            format_args!("the EtherType says 4"),
        );
    }
    let header = ("IHL", "ip.hdr_len");
    if words >= 5 {
        tell.bits(ipv4::HEADER_LENGTH, header, format_args!("{words} x 4 = {} bytes of header", 4 * words));
    } else {
        tell.judged_bits(ipv4::HEADER_LENGTH, header, true, format_args!("a header has 5 at least"));
    }
    let service = part.u8(ipv4::SERVICES.start).unwrap_or(0);
    tell.rfc("RFC 2474 3");
    tell.hex(ipv4::SERVICES, ("Differentiated Services", "ip.dsfield"), format_args!(""));
    tell.within(|tell| {
        tell.bits(
            ipv4::CODEPOINT,
            ("DSCP", "ip.dsfield.dscp"),
            format_args!("{}", names::dscp(service >> 2)),
        );
        tell.rfc("RFC 3168 5");
        tell.bits(ipv4::CONGESTION, ("ECN", "ip.dsfield.ecn"), format_args!("{}", names::ecn(service)));
    });
    tell.rfc("RFC 791 3.1");
    total_length(tell);
    tell.hex(ipv4::IDENTIFICATION, ("Identification", "ip.id"), format_args!("the same in all fragments"));
    let place = part.u16(ipv4::FRAGMENT.start).unwrap_or(0);
    tell.hex_bits(ipv4::FLAGS, ("Flags", "ip.flags"), format_args!(""));
    tell.within(|tell| {
        tell.flag(ipv4::flag_bit(ipv4::RESERVED), ("Reserved", "ip.flags.rb"), "must be zero");
        tell.flag(
            ipv4::flag_bit(ipv4::DONT_FRAGMENT),
            ("DF", "ip.flags.df"),
            if place & ipv4::DONT_FRAGMENT != 0 { "don't fragment" } else { "may fragment" },
        );
        tell.flag(
            ipv4::flag_bit(ipv4::MORE_FRAGMENTS),
            ("MF", "ip.flags.mf"),
            if place & ipv4::MORE_FRAGMENTS != 0 { "more fragments" } else { "last fragment" },
        );
    });
    let offset = place & ipv4::OFFSET_MASK;
    let name = ("Fragment Offset", "ip.frag_offset");
    match offset {
        0 if place & ipv4::MORE_FRAGMENTS == 0 => {
            tell.bits(ipv4::FRAGMENT_OFFSET, name, format_args!("not fragmented"))
        }
        0 => tell.bits(ipv4::FRAGMENT_OFFSET, name, format_args!("the first fragment")),
        _ => tell.bits(
            ipv4::FRAGMENT_OFFSET,
            name,
            format_args!("{offset} x 8 = byte {}", 8 * u32::from(offset)),
        ),
    }
    let hops = part.u8(ipv4::TIME_TO_LIVE.start).unwrap_or(0);
    tell.decimal(ipv4::TIME_TO_LIVE, ("Time to Live", "ip.ttl"), format_args!("{}", Hops(hops)));
    let protocol = part.u8(ipv4::PROTOCOL.start).unwrap_or(0);
    tell.decimal(ipv4::PROTOCOL, ("Protocol", "ip.proto"), format_args!("{}", names::protocol(protocol)));
    tell.checksum(ipv4::CHECKSUM, ("Header Checksum", "ip.checksum"));
    // On a source route tshark calls the last address the destination.
    let destination = if stops_left(tell).is_some() { "ip.cur_rt" } else { "ip.dst" };
    let addresses = [
        (ipv4::SOURCE.start, ("Source Address", "ip.src")),
        (ipv4::DESTINATION.start, ("Destination Address", destination)),
    ];
    for (at, name) in addresses {
        let address = ipv4_at(part.bytes(), at).unwrap_or(Ipv4Addr::BROADCAST);
        tell.ipv4(at, name, format_args!("{}", kind_of(address)));
    }
    if version == 4 && words > 5 {
        options(tell);
    }
}

fn total_length(tell: &mut Tell<'_, '_>) {
    const NAME: Name = ("Total Length", "ip.len");
    let part = tell.part;
    let total = usize::from(part.u16(ipv4::TOTAL_LENGTH.start).unwrap_or(0));
    let header = ip::words(part.u8(ipv4::VERSION_AND_LENGTH.start).unwrap_or(0) & 0xf);
    let there = part.room();
    if total == 0 {
        tell.judged(ipv4::TOTAL_LENGTH, NAME, true, format_args!("left to the network card"));
    } else if total < header {
        tell.judged(ipv4::TOTAL_LENGTH, NAME, true, format_args!("less than the header"));
    } else if total > there && !part.quoted {
        tell.judged(ipv4::TOTAL_LENGTH, NAME, true, format_args!("bytes, but {there} are here"));
    } else {
        tell.decimal(ipv4::TOTAL_LENGTH, NAME, format_args!("{header} of header, {} within", total - header));
    }
}

/// What a hop count says.
pub(super) struct Hops(pub(super) u8);

impl fmt::Display for Hops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("none left: drop it"),
            1 => f.write_str("the next router drops it"),
            hops => write!(f, "{hops} hops left"),
        }
    }
}

/// What kind of address it is.
fn kind_of(address: Ipv4Addr) -> &'static str {
    match address.octets() {
        [0, 0, 0, 0] => "none yet",
        [255, 255, 255, 255] => "all on this link",
        [127, ..] => "loopback: never on a wire",
        [169, 254, ..] => "link-local",
        [224, 0, 0, 1] => "all hosts on this link",
        [224, 0, 0, 2] => "all routers on this link",
        [224, 0, 0, 251] => "multicast DNS",
        [224..=239, ..] => "a multicast group",
        [240..=255, ..] => "reserved",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        _ => "",
    }
}

fn options(tell: &mut Tell<'_, '_>) {
    let mut items = tell.part.options();
    for item in items.by_ref() {
        option(tell, &item);
    }
    tell.rfc("RFC 791 3.1");
    tell.padding(&items, "");
}

fn option(tell: &mut Tell<'_, '_>, item: &Item<'_>) {
    let at = ipv4::HEADER + item.at;
    tell.rfc("RFC 791 3.1");
    let kind = match item.kind {
        0 => "end of options",
        1 => "no operation: padding",
        7 => "record route",
        68 => "timestamps",
        130 => "security",
        131 => "loose source route",
        136 => "stream identifier",
        137 => "strict source route",
        148 => "router alert",
        _ => "an unknown option",
    };
    tell.decimal(at..at + 1, ("Option Type", "ip.opt.type"), format_args!("{kind}"));
    tell.within(|tell| {
        let bit = 8 * at;
        let copied = if item.kind & 0x80 != 0 { "every fragment" } else { "only the first fragment" };
        tell.flag(bit, ("Copied", "ip.opt.type.copy"), copied);
        let class = if item.kind >> 5 & 3 == 2 { "measurement" } else { "control" };
        tell.bits(bit + 1..bit + 3, ("Class", "ip.opt.type.class"), format_args!("{class}"));
        tell.bits(bit + 3..bit + 8, ("Number", "ip.opt.type.number"), format_args!(""));
        if !tell.option_length(item, at, "ip.opt.len") {
            return;
        }
        let (from, to) = (at + 2, at + 2 + item.data.len());
        match (item.kind, item.data) {
            (7 | 131 | 137, [pointer, ..]) => {
                let next = "the next free byte";
                tell.decimal(from..from + 1, ("Pointer", "ip.opt.ptr"), format_args!("{next}"));
                for place in (from + 1..to.saturating_sub(3)).step_by(4) {
                    let passed = place - at + 1 < usize::from(*pointer);
                    route(tell, place, item.kind == 7, passed, place + 4 == to);
                }
                let rest = (to - from - 1) % 4;
                tell.bytes(to - rest..to, ("Option Data", ""), format_args!("less than an address"));
            }
            (68, [_, flags, ..]) => {
                tell.decimal(from..from + 1, ("Pointer", "ip.opt.ptr"), format_args!("the next free byte"));
                let bit = 8 * (from + 1);
                tell.bits(bit..bit + 4, ("Overflow", "ip.opt.overflow"), format_args!("hosts without room"));
                let with = match flags & 0xf {
                    0 => "timestamps only",
                    1 => "each with an address",
                    3 => "only of the hosts named",
                    _ => "unknown",
                };
                tell.hex_bits(bit + 4..bit + 8, ("Flag", "ip.opt.flag"), format_args!("{with}"));
                timestamps(tell, from + 2..to, flags & 0xf);
            }
            (148, [_, _]) => {
                tell.rfc("RFC 2113 2.1");
                tell.decimal(from..to, ("Value", "ip.opt.ra"), format_args!("0: examine the packet"));
            }
            _ => tell.bytes(from..to, ("Option Data", ""), format_args!("")),
        }
    });
}

/// The source route with stops to come, if there is one.
fn stops_left<'a>(tell: &Tell<'_, 'a>) -> Option<Item<'a>> {
    tell.part.options().find(|item| {
        let [pointer, route @ ..] = item.data else { return false };
        matches!(item.kind, 131 | 137) && usize::from(*pointer) < route.len() + 3 && item.wrong.is_none()
    })
}

fn route(tell: &mut Tell<'_, '_>, place: usize, record: bool, passed: bool, last: bool) {
    let (name, meaning): (Name, _) = match (record, passed) {
        (true, true) => (("Recorded Route", "ip.rec_rt"), "it came by here"),
        (true, false) => (("Empty Route", "ip.empty_rt"), "free"),
        (false, true) => (("Recorded Route", "ip.rec_rt"), "it came by here"),
        (false, false) if last => (("Source Route", "ip.dst"), "its destination"),
        (false, false) => (("Source Route", "ip.src_rt"), "it is to go by here"),
    };
    tell.ipv4(place, name, format_args!("{meaning}"));
}

fn timestamps(tell: &mut Tell<'_, '_>, bytes: Range<usize>, flag: u8) {
    let with_address = matches!(flag, 1 | 3);
    let step = if with_address { 8 } else { 4 };
    let mut at = bytes.start;
    while at + step <= bytes.end {
        if with_address {
            tell.ipv4(at, ("Address", "ip.opt.time_stamp_addr"), format_args!(""));
        }
        let stamp = at + step - 4..at + step;
        tell.decimal(stamp, ("Timestamp", "ip.opt.time_stamp"), format_args!("ms since midnight, UT"));
        at += step;
    }
    tell.bytes(at..bytes.end, ("Option Data", ""), format_args!(""));
}
