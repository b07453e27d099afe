//! Ethernet, 802.1Q and LLC; and the bytes that are no header.

use core::ops::Range;

use super::names;
use super::tell::{Name, Tell, text};
use undersock::packet::ethernet::{self, LONGEST, ethertype, llc, vlan};

pub(super) fn ethernet(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.3 3.2");
    let group = |field| match tell.part.bytes().get::<Range<usize>>(field) {
        Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => "broadcast: to all",
        Some([0x33, 0x33, ..]) => "an IPv6 multicast group",
        Some([0x01, 0x00, 0x5e, ..]) => "an IPv4 multicast group",
        Some([first, ..]) if first & ethernet::GROUP != 0 => "a group",
        Some([first, ..]) if first & ethernet::LOCAL != 0 => "locally administered",
        Some([0, 0, 0, 0, 0, 0]) => "nobody",
        _ => "one station",
    };
    let (destination, source) = (group(ethernet::DESTINATION), group(ethernet::SOURCE));
    tell.mac(ethernet::DESTINATION.start, ("Destination Address", "eth.dst"), format_args!("{destination}"));
    tell.mac(ethernet::SOURCE.start, ("Source Address", "eth.src"), format_args!("{source}"));
    let kind = tell.part.u16(ethernet::ETHERTYPE.start).unwrap_or(0);
    if kind <= LONGEST {
        let there = tell.part.body().len();
        let wrong = usize::from(kind) > there;
        if wrong {
            tell.judged(
                ethernet::ETHERTYPE,
                ("Length", "eth.len"),
                wrong,
                format_args!("but {there} bytes follow"),
            );
        } else {
            tell.decimal(ethernet::ETHERTYPE, ("Length", "eth.len"), format_args!("bytes: no EtherType"));
        }
    } else {
        tell.hex(ethernet::ETHERTYPE, ("Type", "eth.type"), format_args!("{}", names::ethertype(kind)));
    }
}

pub(super) fn vlan(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.1Q 9.6");
    let id = tell.part.u16(vlan::CONTROL.start).unwrap_or(0) & vlan::IDENTIFIER_MASK;
    let service = tell.part.ethertype() == Some(ethertype::SERVICE_VLAN);
    let [priority, drop, name, kind, length] = if service { SERVICE } else { CUSTOMER };
    tell.bits(vlan::PRIORITY, ("Priority", priority), format_args!("0 to 7"));
    tell.flag(vlan::DROP_ELIGIBLE, ("Drop Eligible", drop), "in congestion, drop this first");
    tell.bits(
        vlan::IDENTIFIER,
        ("VLAN Identifier", name),
        format_args!("{}", if id == 0 { "no VLAN: a priority only" } else { "the VLAN that it is in" }),
    );
    let number = tell.part.u16(vlan::ETHERTYPE.start).unwrap_or(0);
    if number <= LONGEST {
        tell.decimal(vlan::ETHERTYPE, ("Length", length), format_args!("bytes"));
    } else {
        tell.hex(vlan::ETHERTYPE, ("Type", kind), format_args!("{}", names::ethertype(number)));
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
    let (destination, source) = (service(llc::DSAP.start), service(llc::SSAP.start));
    tell.hex(llc::DSAP, ("DSAP Address", "llc.dsap"), format_args!("{destination}"));
    tell.hex(llc::SSAP, ("SSAP Address", "llc.ssap"), format_args!("{source}"));
    const CONTROL: Name = ("Control", "llc.control");
    if tell.part.u8(llc::CONTROL.start).unwrap_or(0) & llc::UNNUMBERED == llc::UNNUMBERED {
        tell.hex(llc::CONTROL, CONTROL, format_args!("unnumbered"));
    } else {
        // The low byte is the first.
        tell.bytes(llc::NUMBERED_CONTROL, CONTROL, format_args!("numbered"));
    }
    if tell.part.header == llc::SNAP_HEADER {
        tell.rfc("RFC 1042");
        tell.hex(llc::ORGANIZATION, ("Organization Code", "llc.oui"), format_args!(""));
        let kind = tell.part.u16(llc::SNAP_TYPE.start).unwrap_or(0);
        let tshark =
            if tell.part.bytes().get(llc::ORGANIZATION) == Some(&[0, 0, 0]) { "llc.type" } else { "llc.pid" };
        tell.hex(llc::SNAP_TYPE, ("Type", tshark), format_args!("{}", names::ethertype(kind)));
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

pub(super) fn trailer(tell: &mut Tell<'_, '_>) {
    tell.rfc("IEEE 802.3 3.2");
    let bytes = tell.part.bytes();
    let zeros = bytes.iter().all(|byte| *byte == 0);
    let (name, meaning) = match zeros && tell.part.end <= ethernet::SHORTEST {
        true => (("Padding", "eth.padding"), "no frame is shorter than 60 bytes"),
        false => (("Trailer", "eth.trailer"), "the packet's length does not count them"),
    };
    tell.bytes(0..bytes.len(), name, format_args!("{} bytes: {meaning}", bytes.len()));
}
