//! IPv6 neighbour discovery (RFC 4861): advertisements and the options.

use core::fmt;
use core::ops::Range;

use super::tell::{Name, Tell};
use undersock::packet::Item;
use undersock::packet::ndp::option::Prefix;
use undersock::packet::ndp::{self, option};

/// A router advertisement, from its fixed part on.
pub(super) fn advertisement(tell: &mut Tell<'_, '_>) {
    let hops = ("Cur Hop Limit", "icmpv6.nd.ra.cur_hop_limit");
    tell.decimal(ndp::CURRENT_HOP_LIMIT, hops, format_args!("for hosts; 0: unsaid"));
    tell.hex(ndp::ROUTER_FLAGS, ("Flags", "icmpv6.nd.ra.flag"), format_args!(""));
    let preference = preference(tell.part.u8(ndp::ROUTER_FLAGS.start).unwrap_or(0));
    tell.within(|tell| {
        tell.flag(ndp::MANAGED, ("M", "icmpv6.nd.ra.flag.m"), "addresses come from DHCPv6");
        tell.flag(ndp::OTHER, ("O", "icmpv6.nd.ra.flag.o"), "other settings come from DHCPv6");
        tell.rfc("RFC 6275 7.1");
        tell.flag(ndp::HOME_AGENT, ("H", "icmpv6.nd.ra.flag.h"), "it is a mobile IPv6 home agent");
        tell.rfc("RFC 4191 2.2");
        tell.bits(
            ndp::ROUTER_PREFERENCE,
            ("Prf", "icmpv6.nd.ra.flag.prf"),
            format_args!("preference: {preference}"),
        );
        tell.rfc("RFC 4389");
        tell.flag(ndp::PROXY, ("Proxy", "icmpv6.nd.ra.flag.p"), "a proxy passed it on");
        tell.rfc("RFC 4861 4.2");
        tell.bits(ndp::ROUTER_RESERVED, ("Reserved", "icmpv6.nd.ra.flag.rsv"), format_args!(""));
    });
    let lifetime = tell.part.u16(ndp::ROUTER_LIFETIME.start).unwrap_or(0);
    let meaning = if lifetime == 0 { "s: not a default router" } else { "s as default router" };
    let name = ("Router Lifetime", "icmpv6.nd.ra.router_lifetime");
    tell.decimal(ndp::ROUTER_LIFETIME, name, format_args!("{meaning}"));
    let reachable = ("Reachable Time", "icmpv6.nd.ra.reachable_time");
    tell.decimal(ndp::REACHABLE_TIME, reachable, format_args!("ms; 0: unsaid"));
    let retransmit = ("Retrans Timer", "icmpv6.nd.ra.retrans_timer");
    tell.decimal(ndp::RETRANS_TIMER, retransmit, format_args!("ms; 0: unsaid"));
    options(tell);
}

/// A neighbour advertisement, from its flags on.
pub(super) fn neighbor(tell: &mut Tell<'_, '_>) {
    tell.flag(ndp::flag_bit(ndp::ROUTER), ("R", "icmpv6.nd.na.flag.r"), "the sender is a router");
    tell.flag(ndp::flag_bit(ndp::SOLICITED), ("S", "icmpv6.nd.na.flag.s"), "it answers a solicitation");
    tell.flag(ndp::flag_bit(ndp::OVERRIDE), ("O", "icmpv6.nd.na.flag.o"), "override what was known");
    tell.bits(ndp::NEIGHBOR_RESERVED, ("Reserved", "icmpv6.nd.na.flag.rsv"), format_args!(""));
    let target = ("Target Address", "icmpv6.nd.na.target_address");
    tell.ipv6(ndp::TARGET.start, target, format_args!("the sender has it"));
    options(tell);
}

pub(super) fn options(tell: &mut Tell<'_, '_>) {
    let Some((from, _)) = tell.part.options_at() else { return };
    for item in tell.part.options() {
        option(tell, &item, from + item.at);
    }
}

fn option(tell: &mut Tell<'_, '_>, item: &Item<'_>, at: usize) {
    let (kind, rfc) = match item.kind {
        option::SOURCE_LINK_LAYER_ADDRESS => ("source link-layer address", "RFC 4861 4.6.1"),
        option::TARGET_LINK_LAYER_ADDRESS => ("target link-layer address", "RFC 4861 4.6.1"),
        option::PREFIX_INFORMATION => ("prefix information", "RFC 4861 4.6.2"),
        option::REDIRECTED_HEADER => ("redirected header", "RFC 4861 4.6.3"),
        option::MTU => ("MTU", "RFC 4861 4.6.4"),
        14 => ("nonce", "RFC 3971 5.3.2"),
        24 => ("route information", "RFC 4191 2.3"),
        25 => ("recursive DNS servers", "RFC 8106 5.1"),
        31 => ("DNS search list", "RFC 8106 5.2"),
        37 => ("captive portal", "RFC 8910 2.3"),
        38 => ("PREF64", "RFC 8781 4"),
        _ => ("an unknown option", "RFC 4861 4.6"),
    };
    tell.rfc(rfc);
    tell.decimal(at..at + 1, ("Option Type", "icmpv6.opt.type"), format_args!("{kind}"));
    tell.within(|tell| {
        if tell.option_length(item, at, "icmpv6.opt.length") {
            data(tell, item, at);
        }
    });
}

fn data(tell: &mut Tell<'_, '_>, item: &Item<'_>, at: usize) {
    let end = at + item.size();
    match (item.kind, item.data.len()) {
        // Longer for other links than Ethernet.
        (option::SOURCE_LINK_LAYER_ADDRESS, 6) => {
            tell.mac(at + 2, ("Link-Layer Address", "icmpv6.opt.src_linkaddr"), format_args!("the sender's"))
        }
        (option::TARGET_LINK_LAYER_ADDRESS, 6) => tell.mac(
            at + 2,
            ("Link-Layer Address", "icmpv6.opt.target_linkaddr"),
            format_args!("the target's"),
        ),
        (option::PREFIX_INFORMATION, 30) => prefix(tell, at),
        (option::REDIRECTED_HEADER, 6..) => {
            tell.bytes(at + 2..at + 8, RESERVED, format_args!(""));
            tell.bytes(at + 8..end, ("IP Header + Data", ""), format_args!("the packet that it is about"));
        }
        (option::MTU, 6) => {
            tell.bytes(at + 2..at + 4, RESERVED, format_args!(""));
            tell.decimal(
                at + 4..at + 8,
                ("MTU", "icmpv6.opt.mtu"),
                format_args!("bytes, for all on this link"),
            );
        }
        (14, _) => {
            tell.bytes(at + 2..end, ("Nonce", "icmpv6.opt.nonce"), format_args!("known again in the answer"))
        }
        (24, 6 | 14 | 22) => route(tell, at, end),
        (25, 22..) if item.data.len() % 16 == 6 => {
            tell.bytes(at + 2..at + 4, RESERVED, format_args!(""));
            lifetime(tell, at + 4, ("Lifetime", "icmpv6.opt.rdnss.lifetime"));
            for at in (at + 8..end).step_by(16) {
                tell.ipv6(at, ("Address", "icmpv6.opt.rdnss"), format_args!("a DNS server"));
            }
        }
        (31, 6..) => {
            tell.bytes(at + 2..at + 4, RESERVED, format_args!(""));
            lifetime(tell, at + 4, ("Lifetime", "icmpv6.opt.dnssl.lifetime"));
            tell.bytes(at + 8..end, ("Domain Names", ""), format_args!("each as in DNS"));
        }
        (37, _) => tell.text(at + 2..end, ("URI", ""), format_args!("of the portal")),
        _ => tell.bytes(at + 2..end, ("Option Data", ""), format_args!("")),
    }
}

const RESERVED: Name = ("Reserved", "icmpv6.opt.reserved");

/// A more specific route (RFC 4191 2.3).
fn route(tell: &mut Tell<'_, '_>, at: usize, end: usize) {
    let bits = ("Prefix Length", "icmpv6.opt.prefix.length");
    tell.decimal(at + 2..at + 3, bits, format_args!("bits that are the prefix"));
    let preference = preference(tell.part.u8(at + 3).unwrap_or(0));
    tell.hex(at + 3..at + 4, ("Flags", "icmpv6.opt.route_info.flag"), format_args!(""));
    tell.within(|tell| {
        let bit = 8 * (at + 3);
        let name = ("Prf", "icmpv6.opt.route_info.flag.route_preference");
        tell.bits(bit + 3..bit + 5, name, format_args!("preference: {preference}"));
    });
    lifetime(tell, at + 4, ("Route Lifetime", "icmpv6.opt.route_lifetime"));
    if end == at + 24 {
        tell.ipv6(at + 8, ("Prefix", "icmpv6.opt.prefix"), format_args!(""));
    } else {
        tell.bytes(at + 8..end, ("Prefix", "icmpv6.opt.prefix"), format_args!("its first bytes"));
    }
}

/// A router's preference, in the bits of its flags (RFC 4191 2.1).
fn preference(flags: u8) -> &'static str {
    match flags >> 3 & 3 {
        0 => "medium",
        1 => "high",
        3 => "low",
        _ => "reserved",
    }
}

fn prefix(tell: &mut Tell<'_, '_>, at: usize) {
    let field = |field: Range<usize>| at + field.start..at + field.end;
    let bits = ("Prefix Length", "icmpv6.opt.prefix.length");
    tell.decimal(field(Prefix::BITS), bits, format_args!("bits that are the prefix"));
    tell.hex(field(Prefix::FLAGS), ("Flags", "icmpv6.opt.prefix.flag"), format_args!(""));
    tell.within(|tell| {
        let bit = |flag: u8| 8 * field(Prefix::FLAGS).end - 1 - flag.trailing_zeros() as usize;
        tell.flag(bit(Prefix::ON_LINK), ("L", "icmpv6.opt.prefix.flag.l"), "the prefix is on this link");
        tell.flag(bit(Prefix::AUTONOMOUS), ("A", "icmpv6.opt.prefix.flag.a"), "hosts make addresses of it");
        tell.flag(bit(Prefix::ROUTER), ("R", "icmpv6.opt.prefix.flag.r"), "the prefix is a router's address");
        let rest = ("Reserved1", "icmpv6.opt.prefix.flag.reserved");
        let bits = Prefix::RESERVED_FLAGS;
        tell.bits(8 * at + bits.start..8 * at + bits.end, rest, format_args!(""));
    });
    lifetime(tell, field(Prefix::VALID).start, ("Valid Lifetime", "icmpv6.opt.prefix.valid_lifetime"));
    let preferred = ("Preferred Lifetime", "icmpv6.opt.prefix.preferred_lifetime");
    lifetime(tell, field(Prefix::PREFERRED).start, preferred);
    tell.bytes(field(Prefix::RESERVED), ("Reserved2", RESERVED.1), format_args!(""));
    tell.ipv6(field(Prefix::PREFIX).start, ("Prefix", "icmpv6.opt.prefix"), format_args!(""));
}

fn lifetime(tell: &mut Tell<'_, '_>, at: usize, name: Name) {
    let seconds = tell.part.u32(at).unwrap_or(0);
    tell.decimal(at..at + 4, name, format_args!("{}", Lifetime(seconds)));
}

struct Lifetime(u32);

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            u32::MAX => "for ever",
            0 => "s: no longer",
            _ => "s",
        })
    }
}
