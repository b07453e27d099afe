//! Ethernet, 802.1Q and LLC; and the bytes that are no header.

use super::names;
use super::tell::{Name, Tell, text};
use undersock::packet::ethernet::{LONGEST, ethertype};

pub(super) fn ethernet(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.3 3.2");
    let group = |at| match tell.part.bytes().get(at..at + 6) {
        Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => "broadcast: to all",
        Some([0x33, 0x33, ..]) => "an IPv6 multicast group",
        Some([0x01, 0x00, 0x5e, ..]) => "an IPv4 multicast group",
        Some([first, ..]) if first & 1 != 0 => "a group",
        Some([first, ..]) if first & 2 != 0 => "locally administered",
        Some([0, 0, 0, 0, 0, 0]) => "nobody",
        _ => "one station",
    };
    let (destination, source) = (group(0), group(6));
    tell.mac(0, ("Destination Address", "eth.dst"), format_args!("{destination}"));
    tell.mac(6, ("Source Address", "eth.src"), format_args!("{source}"));
    let kind = tell.part.u16(12).unwrap_or(0);
    if kind <= LONGEST {
        let there = tell.part.body().len();
        let wrong = usize::from(kind) > there;
        if wrong {
            tell.judged(12..14, ("Length", "eth.len"), wrong, format_args!("but {there} bytes follow"));
        } else {
            tell.decimal(12..14, ("Length", "eth.len"), format_args!("bytes: no EtherType"));
        }
    } else {
        tell.hex(12..14, ("Type", "eth.type"), format_args!("{}", names::ethertype(kind)));
    }
}

pub(super) fn vlan(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.1Q 9.6");
    let id = tell.part.u16(0).unwrap_or(0) & 0xfff;
    let service = tell.part.ethertype() == Some(ethertype::SERVICE_VLAN);
    let [priority, drop, name, kind, length] = if service { SERVICE } else { CUSTOMER };
    tell.bits(0..3, ("Priority", priority), format_args!("0 to 7"));
    tell.flag(3, ("Drop Eligible", drop), "in congestion, drop this first");
    tell.bits(
        4..16,
        ("VLAN Identifier", name),
        format_args!("{}", if id == 0 { "no VLAN: a priority only" } else { "the VLAN that it is in" }),
    );
    let number = tell.part.u16(2).unwrap_or(0);
    if number <= LONGEST {
        tell.decimal(2..4, ("Length", length), format_args!("bytes"));
    } else {
        tell.hex(2..4, ("Type", kind), format_args!("{}", names::ethertype(number)));
    }
}

/// tshark's names of a tag's fields: priority, drop eligible, identifier, type, length.
const CUSTOMER: [&str; 5] = ["vlan.priority", "vlan.dei", "vlan.id", "vlan.etype", "vlan.len"];
const SERVICE: [&str; 5] =
    ["ieee8021ad.priority", "ieee8021ad.dei", "ieee8021ad.id", "ieee8021ah.etype", "ieee8021ah.len"];

pub(super) fn llc(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.2 3.2");
    let service = |at| match tell.part.u8(at).unwrap_or(0) & 0xfe {
        0x42 => "spanning tree",
        0xaa => "SNAP",
        0xe0 => "NetWare",
        0xfe => "OSI network layer",
        _ => "",
    };
    let (destination, source) = (service(0), service(1));
    tell.hex(0..1, ("DSAP Address", "llc.dsap"), format_args!("{destination}"));
    tell.hex(1..2, ("SSAP Address", "llc.ssap"), format_args!("{source}"));
    const CONTROL: Name = ("Control", "llc.control");
    if tell.part.u8(2).unwrap_or(0) & 3 == 3 {
        tell.hex(2..3, CONTROL, format_args!("unnumbered"));
    } else {
        // The low byte is the first.
        tell.bytes(2..4, CONTROL, format_args!("numbered"));
    }
    if tell.part.header == 8 {
        tell.rfc("RFC 1042");
        tell.hex(3..6, ("Organization Code", "llc.oui"), format_args!(""));
        let kind = tell.part.u16(6).unwrap_or(0);
        let tshark = if tell.part.bytes().get(3..6) == Some(&[0, 0, 0]) { "llc.type" } else { "llc.pid" };
        tell.hex(6..8, ("Type", tshark), format_args!("{}", names::ethertype(kind)));
    }
}

pub(super) fn payload(tell: &mut Tell<'_, '_>) {
    let bytes = tell.part.bytes();
    if text(bytes).is_some() {
        tell.text(0..bytes.len(), ("Data", "data.data"), format_args!("{} bytes of text", bytes.len()));
    } else {
        tell.bytes(0..bytes.len(), ("Data", "data.data"), format_args!("{} bytes", bytes.len()));
    }
    let missing = tell.part.missing();
    if missing > 0 && !tell.part.quoted {
        tell.complain(bytes.len()..bytes.len(), "Cut off", format_args!("{missing} bytes are missing"));
    }
}

pub(super) fn rest(tell: &mut Tell<'_, '_>) {
    let bytes = tell.part.bytes();
    tell.bytes(0..bytes.len(), ("Bytes", ""), format_args!("{} that no length counts", bytes.len()));
}

/// No frame is shorter, without its FCS (IEEE 802.3 4.2.3.3).
const SHORTEST: usize = 60;

pub(super) fn trailer(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.3 3.2");
    let bytes = tell.part.bytes();
    let zeros = bytes.iter().all(|byte| *byte == 0);
    let (name, meaning) = match zeros && tell.part.end <= SHORTEST {
        true => (("Padding", "eth.padding"), "no frame is shorter than 60 bytes"),
        false => (("Trailer", "eth.trailer"), "the packet's length does not count them"),
    };
    tell.bytes(0..bytes.len(), name, format_args!("{} bytes: {meaning}", bytes.len()));
}
