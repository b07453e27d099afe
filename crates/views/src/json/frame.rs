//! A frame's fields: what its headers say, and what is known of it from those before.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use super::object::Object;
use crate::flow::Seen;
use crate::timeline::FrameText;
use undersock::packet::{
    Arp, Icmp, IcmpError, Link, Message, Other, Packet, Quoted, Tcp, TcpOption, Udp, dhcp_name,
};

pub(super) fn write_frame<W: Write>(
    object: &mut Object<'_, W>,
    frame: &FrameText<'_>,
    hex: bool,
) -> fmt::Result {
    object.number("length", frame.bytes.len())?;
    if frame.link != Link::Ethernet {
        object.text("link", frame.link.name())?;
    }
    object.text("protocol", frame.packet.name())?;
    match &frame.packet {
        Packet::Arp(arp) => write_arp(object, arp),
        Packet::Udp(udp) => write_udp(object, udp),
        Packet::Tcp(tcp) => write_tcp(object, tcp, &frame.seen),
        Packet::Icmp(icmp) => write_icmp(object, icmp),
        Packet::Other(other) => write_other(object, other),
        _ => Ok(()),
    }?;
    if let Some(layer) = frame.damaged {
        object.text("wrong_checksum", layer.name())?;
    }
    if !frame.seen.marks.is_empty() {
        object.list("marks", &frame.seen.marks, |out, mark| write!(out, "\"{}\"", mark.name()))?;
    }
    if let Some(cause) = frame.cause {
        object.text("cause", cause.name())?;
    }
    if hex { object.text("frame", Hex(frame.bytes)) } else { Ok(()) }
}

fn write_arp<W: Write>(object: &mut Object<'_, W>, arp: &Arp) -> fmt::Result {
    object.number("operation", arp.operation)?;
    object.text("sender", arp.sender)?;
    object.text("sender_mac", arp.sender_mac)?;
    object.text("target", arp.target)?;
    object.text("target_mac", arp.target_mac)
}

fn write_ends<W: Write>(object: &mut Object<'_, W>, from: &SocketAddr, to: &SocketAddr) -> fmt::Result {
    object.text("source", from)?;
    object.text("destination", to)
}

fn write_udp<W: Write>(object: &mut Object<'_, W>, udp: &Udp<'_>) -> fmt::Result {
    write_ends(object, &udp.from, &udp.to)?;
    object.number("bytes", udp.payload.len())?;
    match udp.dhcp.map(|kind| (kind, dhcp_name(kind))) {
        Some((_, Some(name))) => object.text("dhcp", name),
        Some((kind, None)) => object.text("dhcp", kind),
        None => Ok(()),
    }
}

fn write_tcp<W: Write>(object: &mut Object<'_, W>, tcp: &Tcp<'_>, seen: &Seen) -> fmt::Result {
    if let Some(slot) = seen.slot {
        object.number("slot", slot)?;
    }
    write_ends(object, &tcp.from, &tcp.to)?;
    object.text("flags", tcp.flags)?;
    let seq = tcp.seq.0.cast_unsigned();
    object.number("seq", seq)?;
    if let Some(first) = seen.first_seq {
        object.number("relative_seq", seq.wrapping_sub(first))?;
    }
    if let Some(ack) = tcp.ack {
        let ack = ack.0.cast_unsigned();
        object.number("ack", ack)?;
        if let Some(first) = seen.first_ack {
            object.number("relative_ack", ack.wrapping_sub(first))?;
        }
    }
    object.number("window", tcp.window)?;
    if let Some(shift) = seen.shift {
        object.number("window_bytes", u32::from(tcp.window) << shift)?;
    }
    object.number("bytes", tcp.payload.len())?;
    let mut written = 0_u8;
    for option in tcp.options.iter() {
        // A name stands once in an object, whatever a segment says twice.
        let kind = match option {
            TcpOption::MaximumSegmentSize(_) => 1,
            TcpOption::WindowScale(_) => 2,
            TcpOption::SackPermitted => 4,
            TcpOption::Sack(_) => 8,
            TcpOption::Timestamps { .. } => 16,
            _ => continue,
        };
        if written & kind != 0 {
            continue;
        }
        written |= kind;
        match option {
            TcpOption::MaximumSegmentSize(size) => object.number("mss", size),
            TcpOption::WindowScale(shift) => object.number("window_scale", shift),
            TcpOption::SackPermitted => object.number("sack_permitted", true),
            TcpOption::Sack(blocks) => object.list("sack", blocks.iter(), |out, (from, to)| {
                write!(out, "[{},{}]", from.0.cast_unsigned(), to.0.cast_unsigned())
            }),
            TcpOption::Timestamps { value, echo } => {
                object.number("timestamp", value)?;
                object.number("timestamp_echo", echo)
            }
            _ => Ok(()),
        }?;
    }
    Ok(())
}

fn write_icmp<W: Write>(object: &mut Object<'_, W>, icmp: &Icmp<'_>) -> fmt::Result {
    object.text("source", icmp.from)?;
    object.text("destination", icmp.to)?;
    object.number("type", icmp.kind)?;
    object.number("code", icmp.code)?;
    object.text("message", icmp.message.name())?;
    match icmp.message {
        Message::EchoRequest { identifier, sequence, data }
        | Message::EchoReply { identifier, sequence, data } => {
            object.number("id", identifier)?;
            object.number("sequence", sequence)?;
            object.number("bytes", data.len())
        }
        Message::RouterAdvertisement { lifetime } => object.number("lifetime", lifetime),
        Message::NeighborSolicitation { target } => object.text("target", target),
        Message::NeighborAdvertisement { target, mac } => {
            object.text("target", target)?;
            mac.map_or(Ok(()), |mac| object.text("target_mac", mac))
        }
        Message::Error { error, about } => {
            if let IcmpError::TooBig { mtu } = error {
                object.number("mtu", mtu)?;
            }
            let Some(Quoted { protocol, from, to, .. }) = about else { return Ok(()) };
            object.number("about_protocol", protocol)?;
            object.text("about_source", from)?;
            object.text("about_destination", to)
        }
        _ => Ok(()),
    }
}

fn write_other<W: Write>(object: &mut Object<'_, W>, other: &Other) -> fmt::Result {
    object.text("layer", other.layer.name())?;
    if let Some((from, to)) = other.between {
        object.text("source", from)?;
        object.text("destination", to)?;
    }
    other.number.map_or(Ok(()), |number| object.number("number", number))?;
    if other.fragment { object.number("fragment", true) } else { Ok(()) }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
