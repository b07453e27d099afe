//! ARP (RFC 826), on Ethernet for IPv4 most of all.

use core::net::Ipv4Addr;
use core::ops::Range;

use super::names;
use super::tell::Tell;
use undersock::packet::ethernet::ethertype;
use undersock::packet::{Part, arp, ipv4_at};

pub(super) fn arp(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 826");
    let part = tell.part;
    let ethernet = if is_ethernet(&part) { "Ethernet" } else { "" };
    tell.decimal(arp::HARDWARE_TYPE, ("Hardware Type", "arp.hw.type"), format_args!("{ethernet}"));
    let protocol = part.u16(arp::PROTOCOL_TYPE.start).unwrap_or(0);
    tell.hex(
        arp::PROTOCOL_TYPE,
        ("Protocol Type", "arp.proto.type"),
        format_args!("{}", names::ethertype(protocol)),
    );
    tell.decimal(arp::HARDWARE_LENGTH, ("Hardware Address Length", "arp.hw.size"), format_args!("bytes"));
    tell.decimal(arp::PROTOCOL_LENGTH, ("Protocol Address Length", "arp.proto.size"), format_args!("bytes"));
    let usual = part.head().first_chunk() == Some(&arp::START);
    let operation = part.u16(arp::OPERATION.start).unwrap_or(0);
    tell.decimal(
        arp::OPERATION,
        ("Opcode", "arp.opcode"),
        format_args!("{}", said(part.head(), operation, usual)),
    );
    let size = |field: Range<usize>| usize::from(part.u8(field.start).unwrap_or(0));
    let (hardware, protocol_size) = (size(arp::HARDWARE_LENGTH), size(arp::PROTOCOL_LENGTH));
    let kinds = Kinds {
        mac: is_ethernet(&part) && hardware == arp::SENDER_MAC.len(),
        ipv4: protocol == ethertype::IPV4 && protocol_size == arp::SENDER.len(),
    };
    let sender = arp::FIXED..arp::FIXED + hardware;
    kinds.hardware(tell, sender.clone(), "Sender Hardware Address", ["arp.src.hw_mac", "arp.src.hw"], "");
    let address = sender.end..sender.end + protocol_size;
    let nobody = if usual && ipv4_at(part.bytes(), arp::SENDER.start) == Some(Ipv4Addr::UNSPECIFIED) {
        "none yet"
    } else {
        ""
    };
    let names = ["arp.src.proto_ipv4", "arp.src.proto"];
    kinds.protocol(tell, address.clone(), "Sender Protocol Address", names, nobody);
    let target = address.end..address.end + hardware;
    let unknown = if operation == arp::REQUEST { "ignored in a request" } else { "" };
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

fn is_ethernet(part: &Part<'_>) -> bool {
    part.u16(arp::HARDWARE_TYPE.start) == Some(arp::ETHERNET)
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
    let (sender, target) = (ipv4_at(bytes, arp::SENDER.start), ipv4_at(bytes, arp::TARGET.start));
    match operation {
        arp::REQUEST if usual && sender == Some(Ipv4Addr::UNSPECIFIED) => "probe: has anybody got it?",
        arp::REQUEST if usual && sender == target => "announcement of its address",
        arp::REQUEST => "request: who has it?",
        arp::REPLY if usual && sender == target => "reply that nobody asked for",
        arp::REPLY => "reply: the sender has it",
        3 => "RARP request",
        4 => "RARP reply",
        _ => "an unknown operation",
    }
}
