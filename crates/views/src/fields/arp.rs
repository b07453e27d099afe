//! ARP (RFC 826), on Ethernet for IPv4 most of all.

use core::net::Ipv4Addr;
use core::ops::Range;

use super::names;
use super::tell::Tell;
use undersock::packet::ethernet::ethertype;
use undersock::packet::ipv4_at;

pub(super) fn arp(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 826");
    let part = tell.part;
    let ethernet = if part.u16(0) == Some(1) { "Ethernet" } else { "" };
    tell.decimal(0..2, ("Hardware Type", "arp.hw.type"), format_args!("{ethernet}"));
    let protocol = part.u16(2).unwrap_or(0);
    tell.hex(2..4, ("Protocol Type", "arp.proto.type"), format_args!("{}", names::ethertype(protocol)));
    tell.decimal(4..5, ("Hardware Address Length", "arp.hw.size"), format_args!("bytes"));
    tell.decimal(5..6, ("Protocol Address Length", "arp.proto.size"), format_args!("bytes"));
    let usual = part.head().first_chunk() == Some(&[0, 1, 8, 0, 6, 4]);
    let operation = part.u16(6).unwrap_or(0);
    tell.decimal(6..8, ("Opcode", "arp.opcode"), format_args!("{}", said(part.head(), operation, usual)));
    let (hardware, protocol_size) =
        (usize::from(part.u8(4).unwrap_or(0)), usize::from(part.u8(5).unwrap_or(0)));
    let kinds = Kinds {
        mac: part.u16(0) == Some(1) && hardware == 6,
        ipv4: protocol == ethertype::IPV4 && protocol_size == 4,
    };
    let sender = 8..8 + hardware;
    kinds.hardware(tell, sender.clone(), "Sender Hardware Address", ["arp.src.hw_mac", "arp.src.hw"], "");
    let address = sender.end..sender.end + protocol_size;
    let nobody =
        if usual && ipv4_at(part.bytes(), 14) == Some(Ipv4Addr::UNSPECIFIED) { "none yet" } else { "" };
    let names = ["arp.src.proto_ipv4", "arp.src.proto"];
    kinds.protocol(tell, address.clone(), "Sender Protocol Address", names, nobody);
    let target = address.end..address.end + hardware;
    let unknown = if operation == 1 { "ignored in a request" } else { "" };
    kinds.hardware(
        tell,
        target.clone(),
        "Target Hardware Address",
        ["arp.dst.hw_mac", "arp.dst.hw"],
        unknown,
    );
    let address = target.end..target.end + protocol_size;
    kinds.protocol(tell, address, "Target Protocol Address", ["arp.dst.proto_ipv4", "arp.dst.proto"], "");
}

/// Which addresses are Ethernet's and IPv4's.
struct Kinds {
    mac: bool,
    ipv4: bool,
}

impl Kinds {
    fn hardware(
        &self,
        tell: &mut Tell<'_, '_>,
        place: Range<usize>,
        name: &'static str,
        [mac, other]: [&'static str; 2],
        meaning: &str,
    ) {
        match self.mac {
            true => tell.mac(place.start, (name, mac), format_args!("{meaning}")),
            false => tell.bytes(place, (name, other), format_args!("{meaning}")),
        }
    }

    fn protocol(
        &self,
        tell: &mut Tell<'_, '_>,
        place: Range<usize>,
        name: &'static str,
        [ipv4, other]: [&'static str; 2],
        meaning: &str,
    ) {
        match self.ipv4 {
            true => tell.ipv4(place.start, (name, ipv4), format_args!("{meaning}")),
            false => tell.bytes(place, (name, other), format_args!("{meaning}")),
        }
    }
}

/// What the message says.
fn said(bytes: &[u8], operation: u16, usual: bool) -> &'static str {
    let (sender, target) = (ipv4_at(bytes, 14), ipv4_at(bytes, 24));
    match operation {
        1 if usual && sender == Some(Ipv4Addr::UNSPECIFIED) => "probe: has anybody got it?",
        1 if usual && sender == target => "announcement of its address",
        1 => "request: who has it?",
        2 if usual && sender == target => "reply that nobody asked for",
        2 => "reply: the sender has it",
        3 => "RARP request",
        4 => "RARP reply",
        _ => "an unknown operation",
    }
}
