//! A frame explained: its bytes beside its fields, a line of meaning each; or all of it in one line.
//!
//! ```
//! use undersock_views::explain::{Explain, Summary};
//!
//! # let frame = [0; 60];
//! println!("{}", Summary::new(&frame));
//! println!("{}", Explain::new(&frame));
//! ```

#[cfg(test)]
mod tests;

use core::fmt::{self, Write as _};
use core::net::IpAddr;

use heapless::String;

use super::fields::{Field, Value, names, part_fields};
use undersock::packet::ethernet::LONGEST;
use undersock::packet::ip::protocol;
use undersock::packet::{
    Arp, Icmp, IcmpError, Layer, Link, Message, Other, Packet, Part, Quoted, Tcp, arp, dhcp_name,
};

/// A frame as a page: a heading a layer, a line or a few a field. At most [`WIDTH`] columns.
#[derive(Debug, Clone, Copy)]
pub struct Explain<'a>(Summary<'a>);

impl<'a> Explain<'a> {
    /// An Ethernet frame.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        Explain(Summary::new(frame))
    }

    /// The same, if it begins with this.
    #[must_use]
    pub const fn with_link(self, link: Link) -> Self {
        Explain(self.0.with_link(link))
    }
}

/// A page's columns.
pub const WIDTH: usize = 100;

/// Bytes in a line, beside a field and as a dump.
const BESIDE: usize = 6;
const DUMPED: usize = 16;
/// Of longer fields, so many bytes are shown.
const SHOWN: usize = 3 * BESIDE;
/// The widths of the columns: a line is the bytes, the name, value and meaning, the RFC.
const BYTES: usize = 3 * BESIDE - 1;
const NAME: usize = 23;
const RFC: usize = 15;
const TEXT: usize = WIDTH - (2 + BYTES + 2 + NAME + 1) - (1 + RFC);
/// Short values are as wide as this, so that their meanings stand below each other.
const VALUE: usize = 10;

impl fmt::Display for Explain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explain(Summary { frame, link }) = *self;
        let mut summary = Line::new();
        // What doesn't fit into four lines is cut.
        let _ = write!(summary, "{} bytes: {}", frame.len(), self.0);
        for (indent, piece) in Wrapped::new(&summary, WIDTH, 4) {
            writeln!(f, "{:indent$}{piece}", "")?;
        }
        for part in link.layers(frame) {
            heading(f, &part)?;
            let mut result = Ok(());
            part_fields(&part, &mut |field| {
                if result.is_ok() {
                    result = match field.layer {
                        Layer::Payload | Layer::Rest | Layer::Trailer => dump(f, frame, field),
                        _ => line(f, frame, field),
                    };
                }
            });
            result?;
        }
        Ok(())
    }
}

fn heading(f: &mut fmt::Formatter<'_>, part: &Part<'_>) -> fmt::Result {
    let quoted = if part.quoted { "Quoted: " } else { "" };
    let header = match part.layer {
        Layer::Payload | Layer::Rest | Layer::Trailer => part.end - part.at,
        _ => part.header,
    };
    let last = (part.at + header).saturating_sub(1);
    writeln!(f)?;
    writeln!(f, "{quoted}{}, bytes {} to {last}", part.layer.name(), part.at)
}

/// A field with its bytes, as few lines as it takes.
fn line(f: &mut fmt::Formatter<'_>, frame: &[u8], field: &Field<'_>) -> fmt::Result {
    let text = text(field);
    let mut pieces = Wrapped::new(&text, TEXT, indent(field));
    let mut bytes = Beside::new(frame, field);
    let mut name = Some(field);
    loop {
        let (hex, piece) = (bytes.next_line(), pieces.next());
        if hex.is_none() && piece.is_none() && name.is_none() {
            return Ok(());
        }
        let mut line = Line::new();
        let _ = write!(line, "  {:BYTES$}  ", hex.unwrap_or_default());
        if let Some(field) = name {
            let depth = 2 * usize::from(field.depth);
            let _ = write!(line, "{:depth$}{:width$} ", "", field.name, width = NAME.saturating_sub(depth));
        } else {
            let _ = write!(line, "{:NAME$} ", "");
        }
        if let Some((indent, piece)) = piece {
            let _ = write!(line, "{:indent$}{piece}", "");
        }
        if let Some(field) = name.take().filter(|field| !field.rfc.is_empty()) {
            // An IPv6 address may need the space between.
            let used = line.chars().count();
            let _ = write!(line, "{:fill$} {}", "", field.rfc, fill = (WIDTH - RFC).saturating_sub(used + 1));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
}

/// What no header says more of: its bytes, sixteen a line, and beside them the characters that they are in ASCII.
fn dump(f: &mut fmt::Formatter<'_>, frame: &[u8], field: &Field<'_>) -> fmt::Result {
    let mark = if field.complaint { "! " } else { "" };
    write!(f, "  {}: {mark}{}", field.name, field.meaning)?;
    if let Value::Text(_) = field.value {
        write!(f, ", {}", field.value)?;
    }
    writeln!(f)?;
    let bytes = frame.get(field.start / 8..(field.start + field.bits) / 8).unwrap_or_default();
    for bytes in bytes.chunks(DUMPED) {
        let mut line = Line::new();
        bytes.iter().for_each(|byte| {
            let _ = write!(line, " {byte:02x}");
        });
        let _ = write!(line, "{:fill$}", "", fill = 3 * (DUMPED - bytes.len()) + 2);
        for byte in bytes {
            let seen = if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
            let _ = line.push(seen);
        }
        writeln!(f, " {}", line.trim_end())?;
    }
    Ok(())
}

/// Room for a line, with characters of more than one byte.
type Line = String<{ 4 * WIDTH }>;

/// Value and meaning.
fn text(field: &Field<'_>) -> Line {
    let mut text = Line::new();
    let mark = if field.complaint { "! " } else { "" };
    let silent = field.meaning.as_str() == Some("");
    // What doesn't fit into four lines is cut.
    let _ = match field.value {
        // What it would mean if it were set is better not said.
        Value::Flag(false) if !is_said_both_ways(field.name) => write!(text, "not set"),
        Value::Flag(set) if silent => write!(text, "{}", Value::Flag(set)),
        Value::Flag(set) => write!(text, "{}: {}", Value::Flag(set), field.meaning),
        Value::None => write!(text, "{mark}{}", field.meaning),
        _ => {
            let mut value = Line::new();
            let _ = match field.value {
                // They stand beside it.
                Value::Bytes(bytes) => write!(value, "{} bytes", bytes.len()),
                other => write!(value, "{other}"),
            };
            write!(text, "{value:VALUE$}  ").and_then(|()| write!(text, "{mark}{}", field.meaning))
        }
    };
    text.truncate(text.trim_end().len());
    text
}

/// These flags mean something when they are not set.
fn is_said_both_ways(name: &str) -> bool {
    matches!(name, "DF" | "MF" | "M" | "Copied" | "May Change")
}

/// Where the second line of a text begins.
fn indent(field: &Field<'_>) -> usize {
    match field.value {
        Value::Flag(_) | Value::None => 2,
        _ => VALUE + 2,
    }
}

/// A text in pieces that fit its column.
struct Wrapped<'a> {
    text: &'a str,
    width: usize,
    /// Of all lines but the first.
    indent: usize,
    first: bool,
}

impl<'a> Wrapped<'a> {
    fn new(text: &'a str, width: usize, indent: usize) -> Self {
        Wrapped { text, width, indent, first: true }
    }
}

impl<'a> Iterator for Wrapped<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let text = if self.first { self.text } else { self.text.trim_start() };
        if text.is_empty() {
            return None;
        }
        let indent = if self.first { 0 } else { self.indent };
        let room = self.width - indent;
        self.first = false;
        let end = text.char_indices().nth(room).map_or(text.len(), |(end, _)| end);
        let cut = if end == text.len() {
            end
        } else {
            // At the last space that fits; a word that is longer than the column is cut.
            let fits = text.get(..=end).or(text.get(..end)).unwrap_or(text);
            fits.trim_end().rfind(' ').filter(|space| !fits[..*space].trim().is_empty()).unwrap_or(end)
        };
        let (piece, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
        self.text = rest;
        Some((indent, piece.trim_end()))
    }
}

/// A field's bytes in lines: in hex, or its bits among the others of their bytes.
struct Beside<'a> {
    bytes: &'a [u8],
    /// The bits of the bytes that are the field's; `None` where all are.
    bits: Option<core::ops::Range<usize>>,
    shown: usize,
}

impl<'a> Beside<'a> {
    fn new(frame: &'a [u8], field: &Field<'_>) -> Self {
        let (start, end) = (field.start, field.start + field.bits);
        let bytes = frame.get(start / 8..end.div_ceil(8)).unwrap_or_default();
        let whole = start.is_multiple_of(8) && end.is_multiple_of(8);
        let first = start % 8;
        Beside { bytes, bits: (!whole).then_some(first..first + field.bits), shown: 0 }
    }

    fn next_line(&mut self) -> Option<String<32>> {
        let mut line = String::new();
        let step = if self.bits.is_some() { 2 } else { BESIDE };
        let from = self.shown;
        let bytes = self.bytes.get(from..)?;
        if bytes.is_empty() {
            return None;
        }
        if from == SHOWN - BESIDE && bytes.len() > BESIDE {
            self.shown = self.bytes.len();
            let _ = write!(line, "and {} more", bytes.len());
            return Some(line);
        }
        for (at, byte) in bytes.iter().take(step).enumerate() {
            if at > 0 {
                let _ = line.push(' ');
            }
            match &self.bits {
                None => {
                    let _ = write!(line, "{byte:02x}");
                }
                Some(bits) => {
                    for bit in 0..8 {
                        let set = byte & (0x80 >> bit) != 0;
                        let ours = bits.contains(&(8 * (from + at) + bit));
                        let _ = line.push(if !ours {
                            '.'
                        } else if set {
                            '1'
                        } else {
                            '0'
                        });
                    }
                }
            }
        }
        self.shown = from + step;
        Some(line)
    }
}

/// A frame in one line, in the manner of tcpdump and packetdrill; all numbers as they stand in the frame.
///
/// `tcp 192.168.69.100:49152 > 192.168.69.1:12000 S 1000:1000(0) win 64240 <mss 1460>`
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    frame: &'a [u8],
    link: Link,
}

impl<'a> Summary<'a> {
    /// An Ethernet frame.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        Summary { frame, link: Link::Ethernet }
    }

    /// The same, if it begins with this.
    #[must_use]
    pub const fn with_link(self, link: Link) -> Self {
        Summary { link, ..self }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.link.packet(self.frame) {
            Packet::Tcp(tcp) => write_tcp(f, &tcp)?,
            Packet::Udp(udp) => {
                let name = udp.dhcp.map(|kind| dhcp_name(kind).unwrap_or("?"));
                let protocol = if name.is_some() { "dhcp" } else { "udp" };
                write!(f, "{protocol} {} > {} ", udp.from, udp.to)?;
                match name {
                    Some(name) => f.write_str(name)?,
                    None => write!(f, "({})", udp.payload.len())?,
                }
            }
            Packet::Arp(arp) => write_arp(f, &arp)?,
            Packet::Icmp(icmp) => write_icmp(f, &icmp)?,
            Packet::Other(other) => write_other(f, &other)?,
            packet => f.write_str(packet.name())?,
        }
        match self.link.damaged(self.frame) {
            Some(layer) => write!(f, " [wrong {} checksum]", layer.name()),
            None => Ok(()),
        }
    }
}

fn write_tcp(f: &mut fmt::Formatter<'_>, tcp: &Tcp<'_>) -> fmt::Result {
    let bytes = tcp.payload.len();
    let end = tcp.seq + bytes;
    write!(f, "tcp {} > {} {} {}:{end}({bytes})", tcp.from, tcp.to, tcp.flags, tcp.seq)?;
    if let Some(ack) = tcp.ack {
        write!(f, " ack {ack}")?;
    }
    write!(f, " win {}", tcp.window)?;
    if tcp.flags.urg() {
        write!(f, " urg {}", tcp.urgent)?;
    }
    let mut between = " <";
    for option in tcp.options.iter() {
        write!(f, "{between}{option}")?;
        between = ",";
    }
    if between == "," { f.write_str(">") } else { Ok(()) }
}

fn write_arp(f: &mut fmt::Formatter<'_>, arp: &Arp) -> fmt::Result {
    let Arp { operation, sender, target, sender_mac, .. } = arp;
    let mac = Value::Mac(*sender_mac);
    match *operation {
        arp::REQUEST if sender.is_unspecified() => write!(f, "arp who has {target}? (probe)"),
        arp::REQUEST if sender == target => write!(f, "arp {sender} is at {mac} (announcement)"),
        arp::REQUEST => write!(f, "arp who has {target}? tell {sender}"),
        arp::REPLY => write!(f, "arp {sender} is at {mac}"),
        _ => write!(f, "arp operation {operation}: {sender} > {target}"),
    }
}

fn write_icmp(f: &mut fmt::Formatter<'_>, icmp: &Icmp<'_>) -> fmt::Result {
    let six = icmp.from.is_ipv6();
    let name = if six { names::icmpv6(icmp.kind) } else { names::icmpv4(icmp.kind) };
    write!(f, "{} {} > {} ", if six { "icmp6" } else { "icmp" }, icmp.from, icmp.to)?;
    match icmp.message {
        Message::EchoRequest { identifier, sequence, data }
        | Message::EchoReply { identifier, sequence, data } => {
            write!(f, "{name} id {identifier} seq {sequence} ({})", data.len())
        }
        Message::Error { error, about } => {
            match error {
                IcmpError::PortUnreachable => f.write_str("port unreachable")?,
                IcmpError::TooBig { mtu } => write!(f, "packet too big, mtu {mtu}")?,
                _ => f.write_str(name)?,
            }
            about.map_or(Ok(()), |quoted| write_quoted(f, &quoted))
        }
        Message::RouterAdvertisement { lifetime } => write!(f, "{name} lifetime {lifetime} s"),
        Message::NeighborSolicitation { target } => write!(f, "{name}: who has {target}?"),
        Message::NeighborAdvertisement { target, mac: Some(mac) } => {
            write!(f, "{name}: {target} is at {}", Value::Mac(mac))
        }
        Message::NeighborAdvertisement { target, mac: None } => write!(f, "{name}: {target}"),
        Message::RouterSolicitation => f.write_str(name),
        Message::Other if name.starts_with("not") => write!(f, "type {} code {}", icmp.kind, icmp.code),
        _ => f.write_str(name),
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, quoted: &Quoted) -> fmt::Result {
    let Quoted { protocol, from, to, .. } = quoted;
    match *protocol {
        protocol::TCP => write!(f, " (tcp {from} > {to})"),
        protocol::UDP => write!(f, " (udp {from} > {to})"),
        _ => write!(f, " (protocol {protocol} {} > {})", from.ip(), to.ip()),
    }
}

fn write_other(f: &mut fmt::Formatter<'_>, other: &Other) -> fmt::Result {
    let fragment = if other.fragment { " fragment" } else { "" };
    match (other.between, other.number) {
        (Some((from, to)), Some(number)) => {
            let version = if matches!(from, IpAddr::V6(_)) { "ip6" } else { "ip" };
            let name = u8::try_from(number).map_or("", names::protocol);
            write!(f, "{version} {from} > {to} protocol {number} ({name}){fragment}")
        }
        _ if other.layer == Layer::Llc => f.write_str("llc"),
        // Where a packet was to be, and none is.
        _ if other.layer == Layer::Payload => f.write_str("not IP"),
        (_, Some(number @ 0..=LONGEST)) => write!(f, "802.3, {number} bytes"),
        (_, Some(number)) => write!(f, "ethertype {number:#06x}"),
        _ => write!(f, "{}, cut off", other.layer.name()),
    }
}
