//! Every field of a frame's headers: its bits, its value, what that means, and the RFC that says so.
//!
//! ```
//! use undersock_views::fields::fields;
//!
//! # let frame = [0; 60];
//! fields(&frame, &mut |field| println!("{}: {} {}", field.name, field.value, field.meaning));
//! ```
//!
//! No bytes make it panic: what is cut off or contradicts itself is a field with a complaint.

mod arp;
mod dhcp;
mod discovery;
mod ethernet;
mod icmp;
mod ipv4;
mod ipv6;
pub(super) mod names;
mod tcp;
mod tell;
mod udp;

#[cfg(test)]
mod tests;

use core::fmt;
use core::net::IpAddr;

use undersock::host::Mac;

use tell::Tell;
use undersock::packet::{Layer, Link, Part, Sum};

/// A field of a header.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// The header that it is in.
    pub layer: Layer,
    /// That header is in the packet that an ICMP error quotes.
    pub quoted: bool,
    /// Its name, in the RFC's words.
    pub name: &'static str,
    /// What tshark calls it, for a filter: `tcp.flags.syn`. `None` where tshark has no name for it.
    pub tshark: Option<&'static str>,
    /// Its first bit, counted from the frame's first byte's highest.
    pub start: usize,
    /// So many bits.
    pub bits: usize,
    /// It is a part of the field before it that is one less deep: a flag of the flags, a field of an option.
    pub depth: u8,
    /// What it holds.
    pub value: Value<'a>,
    /// What that means, in a few words; written only when it is displayed.
    pub meaning: fmt::Arguments<'a>,
    /// The RFC or standard, and its section.
    pub rfc: &'static str,
    /// Something is wrong here, and the meaning says what.
    pub complaint: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A number that people read in decimal.
    Decimal(u64),
    /// A number that people read in hexadecimal, with so many digits.
    Hex(u64, usize),
    /// A bit.
    Flag(bool),
    /// A checksum, and what it is worth.
    Checksum(u16, Sum),
    /// An Ethernet address.
    Mac(Mac),
    /// An IP address.
    Ip(IpAddr),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Bytes that are text.
    Text(&'a str),
    /// No value of its own: the name says all.
    None,
}

/// Shows every field of an Ethernet frame, from its header on, without the FCS.
pub fn fields(frame: &[u8], see: &mut dyn FnMut(&Field<'_>)) {
    link_fields(Link::Ethernet, frame, see);
}

/// The same of a frame that begins with this.
pub fn link_fields(link: Link, frame: &[u8], see: &mut dyn FnMut(&Field<'_>)) {
    for part in link.layers(frame) {
        part_fields(&part, see);
    }
}

/// Shows every field of one layer.
pub fn part_fields(part: &Part<'_>, see: &mut dyn FnMut(&Field<'_>)) {
    let tell = &mut Tell::new(part, see);
    match part.layer {
        Layer::Ethernet => ethernet::ethernet(tell),
        Layer::Vlan => ethernet::vlan(tell),
        Layer::Llc => ethernet::llc(tell),
        Layer::Arp => arp::arp(tell),
        Layer::Ipv4 => ipv4::ipv4(tell),
        Layer::Ipv6 => ipv6::ipv6(tell),
        Layer::HopByHop | Layer::Routing | Layer::Fragment | Layer::Destination => ipv6::extension(tell),
        Layer::Icmpv4 => icmp::icmpv4(tell),
        Layer::Icmpv6 => icmp::icmpv6(tell),
        Layer::Udp => udp::udp(tell),
        Layer::Tcp => tcp::tcp(tell),
        Layer::Dhcp => dhcp::dhcp(tell),
        Layer::Payload => ethernet::payload(tell),
        Layer::Trailer => ethernet::trailer(tell),
        // What isn't read further, and layers that are not known here yet.
        _ => ethernet::rest(tell),
    }
    tell.finish();
}

/// So many bytes of a value are written.
const SHOWN: usize = 24;

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Decimal(number) => write!(f, "{number}"),
            Value::Hex(number, digits) => write!(f, "{number:#0width$x}", width = digits + 2),
            Value::Flag(set) => f.write_str(if set { "set" } else { "not set" }),
            Value::Checksum(sum, _) => write!(f, "{sum:#06x}"),
            Value::Mac(address) => write!(f, "{address}"),
            Value::Ip(address) => write!(f, "{address}"),
            Value::Bytes(bytes) if bytes.len() > 8 && bytes.iter().all(|byte| *byte == 0) => {
                write!(f, "{} zeros", bytes.len())
            }
            Value::Bytes(bytes) => {
                let shown = bytes.get(..SHOWN).unwrap_or(bytes);
                shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                if shown.len() < bytes.len() { f.write_str("…") } else { Ok(()) }
            }
            Value::Text(text) => {
                let mut characters = text.chars();
                f.write_str("\"")?;
                for character in characters.by_ref().take(SHOWN) {
                    write!(f, "{}", character.escape_debug())?;
                }
                f.write_str("\"")?;
                if characters.next().is_some() { f.write_str("…") } else { Ok(()) }
            }
            Value::None => Ok(()),
        }
    }
}

/// As in a list: `Sequence Number: 1000, the first byte's number`.
impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)?;
        match self.meaning.as_str() {
            Some("") => Ok(()),
            _ if self.value == Value::None => write!(f, "{}", self.meaning),
            _ => write!(f, ", {}", self.meaning),
        }
    }
}
