//! The walk through a frame, from its first header inwards: where each header begins and ends, and what it says is
//! inside. The digest stands on it, and whoever shows fields.
//!
//! Nothing is believed: a length is held against the bytes that are there, and a header that contradicts itself ends
//! the walk.

use core::net::IpAddr;

use heapless::Vec;

use super::ethernet::{self, ethertype, llc, vlan};
use super::field::{Bits, ipv4_at, ipv6_at, u16_at, u32_at};
use super::ip::{protocol, version, words};
use super::ipv6::extension;
use super::link::Link;
use super::tlv::{Shape, Tlv};
use super::{arp, dhcp, icmp, ipv4, ipv6, mld, ndp, tcp, udp};

/// A header, or what is within the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is a protocol's name")]
#[non_exhaustive]
pub enum Layer {
    /// Ethernet II, or IEEE 802.3 where the type field is a length.
    Ethernet,
    /// An IEEE 802.1Q tag.
    Vlan,
    /// IEEE 802.2 logical link control.
    Llc,
    Arp,
    Ipv4,
    Ipv6,
    /// IPv6 extension header.
    HopByHop,
    /// IPv6 extension header.
    Routing,
    /// IPv6 extension header.
    Fragment,
    /// IPv6 extension header.
    Destination,
    Icmpv4,
    Icmpv6,
    Udp,
    Tcp,
    /// DHCP for IPv4, in BOOTP's message.
    Dhcp,
    /// What the layers carry.
    Payload,
    /// Bytes that the lengths within a layer leave over.
    Rest,
    /// Bytes that the packet leaves over: Ethernet's padding, most often.
    Trailer,
}

impl Layer {
    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Ethernet => "Ethernet",
            Layer::Vlan => "802.1Q VLAN tag",
            Layer::Llc => "LLC",
            Layer::Arp => "ARP",
            Layer::Ipv4 => "IPv4",
            Layer::Ipv6 => "IPv6",
            Layer::HopByHop => "IPv6 hop-by-hop options",
            Layer::Routing => "IPv6 routing header",
            Layer::Fragment => "IPv6 fragment header",
            Layer::Destination => "IPv6 destination options",
            Layer::Icmpv4 => "ICMP",
            Layer::Icmpv6 => "ICMPv6",
            Layer::Udp => "UDP",
            Layer::Tcp => "TCP",
            Layer::Dhcp => "DHCP",
            Layer::Payload => "Payload",
            Layer::Rest => "Left over",
            Layer::Trailer => "Ethernet trailer",
        }
    }
}

/// What an IP header says that the layers within must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// What is within isn't whole.
    pub fragment: bool,
    /// A routing header has the last destination, which checksums are over (RFC 8200 8.1).
    pub rerouted: bool,
}

/// One layer of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    frame: &'a [u8],
    /// Which.
    pub layer: Layer,
    /// It is in the packet that an ICMP error quotes.
    pub quoted: bool,
    /// Its first byte in the frame.
    pub at: usize,
    /// Bytes of its header, options included, as far as they are there.
    pub header: usize,
    /// Where it ends in the frame, with all that is within.
    pub end: usize,
    /// Where it should end by its own length. Beyond `limit` it contradicts the layer around it.
    pub until: usize,
    /// Where it should end by the layer around it; beyond the frame, the frame was cut off. `usize::MAX` where nothing
    /// says so: Ethernet has no length.
    pub limit: usize,
    /// The IP header that it is in.
    pub ip: Option<Ip>,
    inside: Inside,
}

/// What a header says is within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    EtherType(u16),
    Protocol(u8),
    /// The start of another packet.
    Quotation(Layer),
    Layer(Layer),
    /// Bytes that nothing is known about.
    Bytes,
}

impl<'a> Part<'a> {
    /// Its bytes, with all that is within.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.frame.get(self.at..self.end).unwrap_or_default()
    }

    /// Its header's bytes, with options.
    #[must_use]
    pub fn head(&self) -> &'a [u8] {
        self.bytes().get(..self.header).unwrap_or_default()
    }

    /// What is within.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.bytes().get(self.header..).unwrap_or_default()
    }

    /// So many bytes of it should be there and are not: the frame was cut off.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.until.min(self.limit).saturating_sub(self.end)
    }

    /// So many bytes does the layer around it have for it, as far as they are there.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.min(self.frame.len()).saturating_sub(self.at)
    }

    /// What it says is within: an EtherType, or an IP protocol.
    #[must_use]
    pub fn number(&self) -> Option<u16> {
        match self.layer {
            Layer::Ethernet => self.u16(ethernet::ETHERTYPE.start),
            Layer::Vlan => self.u16(vlan::ETHERTYPE.start),
            Layer::Ipv4 => self.u8(ipv4::PROTOCOL.start).map(u16::from),
            Layer::Ipv6 => self.u8(ipv6::NEXT_HEADER.start).map(u16::from),
            Layer::HopByHop | Layer::Routing | Layer::Fragment | Layer::Destination => {
                self.u8(extension::NEXT_HEADER.start).map(u16::from)
            }
            _ => None,
        }
    }

    /// The two bytes before it: for what is in Ethernet or a tag, its EtherType.
    #[must_use]
    pub fn ethertype(&self) -> Option<u16> {
        u16_at(self.frame, self.at.checked_sub(2)?)
    }

    /// The number in these bits, counted from the part's first.
    #[must_use]
    pub fn bits(&self, bits: &Bits) -> Option<u64> {
        let bytes = self.bytes().get(bits.start / 8..bits.end.div_ceil(8))?;
        // Eight bytes at most, or the first would be shifted out.
        let all = bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let behind = 8 * bits.end.div_ceil(8) - bits.end;
        let mask = u64::MAX.checked_shr(u32::try_from(64_usize.checked_sub(bits.len())?).ok()?)?;
        Some(all >> behind & mask)
    }

    /// The byte at this place; `None` where it ends before.
    #[must_use]
    pub fn u8(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    /// Two bytes from this place on, as a number; `None` where it ends before.
    #[must_use]
    pub fn u16(&self, at: usize) -> Option<u16> {
        u16_at(self.bytes(), at)
    }

    /// Four bytes from this place on, as a number; `None` where it ends before.
    #[must_use]
    pub fn u32(&self, at: usize) -> Option<u32> {
        u32_at(self.bytes(), at)
    }

    /// Where its header's options begin, and how they are written.
    #[must_use]
    pub fn options_at(&self) -> Option<(usize, Shape)> {
        match self.layer {
            Layer::Ipv4 => Some((ipv4::HEADER, Shape::Internet)),
            Layer::Tcp => Some((tcp::HEADER, Shape::Internet)),
            Layer::HopByHop | Layer::Destination => Some((extension::OPTIONS, Shape::Ipv6)),
            Layer::Dhcp => Some((dhcp::FIXED, Shape::Dhcp)),
            Layer::Icmpv6 => ndp::options_at(self.u8(icmp::TYPE.start)?).map(|at| (at, Shape::Discovery)),
            _ => None,
        }
    }

    /// Its header's options.
    #[must_use]
    pub fn options(&self) -> Tlv<'a> {
        match self.options_at() {
            Some((at, shape)) => Tlv::new(shape, self.head().get(at..).unwrap_or_default()),
            None => Tlv::new(Shape::Internet, &[]),
        }
    }

    fn new(around: &Part<'a>, layer: Layer, at: usize, limit: usize) -> Self {
        let end = limit.min(around.end);
        let mut part = Part {
            layer,
            at,
            header: 0,
            end,
            until: if limit == usize::MAX { end } else { limit },
            limit,
            ip: around.ip_within(),
            inside: Inside::Bytes,
            ..*around
        };
        part.read();
        part.header = part.header.min(part.end.saturating_sub(part.at));
        part
    }

    /// The part that a frame's walk begins with.
    pub(super) fn first(frame: &'a [u8], link: Link) -> Self {
        let end = frame.len();
        let (until, limit) = (end, usize::MAX);
        let layer = match (link, version(frame)) {
            (Link::Ethernet, _) => Layer::Ethernet,
            (Link::Ip, Some(4)) => Layer::Ipv4,
            (Link::Ip, Some(6)) => Layer::Ipv6,
            (Link::Ip, _) => Layer::Payload,
        };
        let (quoted, ip, inside) = (false, None, Inside::Bytes);
        // Of no layer yet, or its header would be read for what is around it.
        let around = Layer::Payload;
        let whole = Part { frame, layer: around, quoted, at: 0, header: 0, end, until, limit, ip, inside };
        Part::new(&whole, layer, 0, limit)
    }

    /// What is within it.
    fn within(&self) -> Option<Self> {
        let at = self.at + self.header;
        let limit = match self.layer {
            Layer::Ethernet | Layer::Vlan => usize::MAX,
            _ => self.until.min(self.limit),
        };
        if at >= self.end {
            return None;
        }
        let (layer, limit) = match self.inside {
            Inside::EtherType(ethertype::IPV4) => (Layer::Ipv4, limit),
            Inside::EtherType(ethertype::IPV6) => (Layer::Ipv6, limit),
            Inside::EtherType(ethertype::ARP) => (Layer::Arp, limit),
            Inside::EtherType(ethertype::VLAN | ethertype::SERVICE_VLAN) => (Layer::Vlan, limit),
            // A length: what is behind it is padding.
            Inside::EtherType(length @ 0..=ethernet::LONGEST) => (Layer::Llc, at + usize::from(length)),
            Inside::EtherType(_) => (Layer::Payload, limit),
            Inside::Protocol(protocol) => (self.upper(protocol), limit),
            Inside::Quotation(layer) => {
                let around = Part { quoted: true, ..*self };
                return Some(Part::new(&around, layer, at, limit));
            }
            Inside::Layer(layer) => (layer, limit),
            Inside::Bytes if matches!(self.layer, Layer::Payload | Layer::Rest | Layer::Trailer) => {
                return None;
            }
            Inside::Bytes => (Layer::Payload, limit),
        };
        Some(Part::new(self, layer, at, limit))
    }

    fn upper(&self, number: u8) -> Layer {
        let six = self.ip_within().is_some_and(|ip| ip.source.is_ipv6());
        match number {
            protocol::TCP => Layer::Tcp,
            protocol::UDP => Layer::Udp,
            protocol::ICMP if !six => Layer::Icmpv4,
            protocol::ICMPV6 if six => Layer::Icmpv6,
            protocol::HOP_BY_HOP if six => Layer::HopByHop,
            protocol::ROUTING if six => Layer::Routing,
            protocol::FRAGMENT if six => Layer::Fragment,
            protocol::DESTINATION if six => Layer::Destination,
            _ => Layer::Payload,
        }
    }

    /// The IP header that what is within it is in.
    #[must_use]
    pub fn ip_within(&self) -> Option<Ip> {
        match self.layer {
            Layer::Ipv4 => Some(Ip {
                source: IpAddr::V4(ipv4_at(self.bytes(), ipv4::SOURCE.start)?),
                destination: IpAddr::V4(ipv4_at(self.bytes(), ipv4::DESTINATION.start)?),
                fragment: self.u16(ipv4::FRAGMENT.start)? & (ipv4::MORE_FRAGMENTS | ipv4::OFFSET_MASK) != 0,
                rerouted: false,
            }),
            Layer::Ipv6 => Some(Ip {
                source: IpAddr::V6(ipv6_at(self.bytes(), ipv6::SOURCE.start)?),
                destination: IpAddr::V6(ipv6_at(self.bytes(), ipv6::DESTINATION.start)?),
                fragment: false,
                rerouted: false,
            }),
            Layer::Fragment => {
                let part = extension::OFFSET_MASK | extension::MORE_FRAGMENTS;
                let whole = self.u16(extension::FRAGMENT.start).is_some_and(|place| place & part == 0);
                self.ip.map(|ip| Ip { fragment: ip.fragment || !whole, ..ip })
            }
            Layer::Routing => {
                let over = self.u8(extension::SEGMENTS_LEFT.start) == Some(0);
                self.ip.map(|ip| Ip { rerouted: ip.rerouted || !over, ..ip })
            }
            // The quoted packet has a header of its own.
            _ if matches!(self.inside, Inside::Quotation(_)) => None,
            _ => self.ip,
        }
    }

    /// Reads the header: its length, where the layer ends, and what is within.
    fn read(&mut self) {
        let there = self.end.saturating_sub(self.at);
        let fixed = match self.layer {
            Layer::Ethernet => ethernet::HEADER,
            Layer::Vlan => vlan::HEADER,
            Layer::Llc => llc::HEADER,
            Layer::Arp => arp::FIXED,
            Layer::Ipv4 => ipv4::HEADER,
            Layer::Ipv6 => ipv6::HEADER,
            Layer::HopByHop | Layer::Routing | Layer::Fragment | Layer::Destination => extension::HEADER,
            Layer::Icmpv4 | Layer::Icmpv6 => icmp::HEADER,
            Layer::Udp => udp::HEADER,
            Layer::Tcp => tcp::HEADER,
            Layer::Dhcp => dhcp::FIXED,
            Layer::Payload | Layer::Rest | Layer::Trailer => 0,
        };
        self.header = fixed;
        if there >= fixed {
            // Every byte of the fixed part is there, so each of these is `Some`.
            let _ = self.read_whole();
        }
    }

    /// [`Part::read`], where the header's fixed part is there.
    fn read_whole(&mut self) -> Option<()> {
        match self.layer {
            Layer::Ethernet => self.inside = Inside::EtherType(self.u16(ethernet::ETHERTYPE.start)?),
            Layer::Vlan => self.inside = Inside::EtherType(self.u16(vlan::ETHERTYPE.start)?),
            Layer::Llc => self.read_llc()?,
            Layer::Arp => {
                let hardware = usize::from(self.u8(arp::HARDWARE_LENGTH.start)?);
                let address = usize::from(self.u8(arp::PROTOCOL_LENGTH.start)?);
                self.header = arp::FIXED + 2 * hardware + 2 * address;
                self.close(self.header);
            }
            Layer::Ipv4 => self.read_ipv4()?,
            Layer::Ipv6 => self.read_ipv6()?,
            Layer::HopByHop | Layer::Routing | Layer::Destination => {
                self.header = extension::size(self.u8(extension::LENGTH.start)?);
                self.inside = Inside::Protocol(self.u8(extension::NEXT_HEADER.start)?);
            }
            Layer::Fragment => {
                let first = self.u16(extension::FRAGMENT.start)? & extension::OFFSET_MASK == 0;
                let next = self.u8(extension::NEXT_HEADER.start)?;
                self.inside = if first { Inside::Protocol(next) } else { Inside::Bytes };
            }
            Layer::Icmpv4 => self.read_icmpv4()?,
            Layer::Icmpv6 => self.read_icmpv6()?,
            Layer::Udp => self.read_udp()?,
            Layer::Tcp => {
                // Less than five words can't be; then the fixed part is shown, and the rest as bytes.
                let offset = self.u8(tcp::OFFSET_AND_FLAGS.start)? >> 4;
                self.header = words(offset).max(tcp::HEADER);
            }
            Layer::Dhcp => self.header = self.end - self.at,
            Layer::Payload | Layer::Rest | Layer::Trailer => {}
        }
        Some(())
    }

    fn read_llc(&mut self) -> Option<()> {
        let control = self.u8(llc::CONTROL.start)?;
        // An unnumbered frame's control field is one byte, any other's two (IEEE 802.2 5.4).
        let unnumbered = control & llc::UNNUMBERED == llc::UNNUMBERED;
        self.header = if unnumbered { llc::HEADER } else { llc::NUMBERED_HEADER };
        let service = (self.u8(llc::DSAP.start)?, self.u8(llc::SSAP.start)?, control);
        if service == (llc::SNAP, llc::SNAP, llc::UNNUMBERED_INFORMATION)
            && let Some(ethertype) = self.u16(llc::SNAP_TYPE.start)
        {
            self.header = llc::SNAP_HEADER;
            if self.bytes().get(llc::ORGANIZATION)? == [0, 0, 0] {
                self.inside = Inside::EtherType(ethertype);
            }
        }
        Some(())
    }

    fn read_ipv4(&mut self) -> Option<()> {
        let header = ipv4::Header::new(self.bytes())?;
        self.header = header.length();
        match header.total_length() {
            // Left to the network card: it cuts what is longer than a packet can be.
            0 => {}
            total if total < header.length() => {
                self.close(header.length());
                return None;
            }
            total => self.close(total),
        }
        let later = self.u16(ipv4::FRAGMENT.start)? & ipv4::OFFSET_MASK != 0;
        if !later {
            self.inside = Inside::Protocol(header.protocol());
        }
        Some(())
    }

    fn read_ipv6(&mut self) -> Option<()> {
        let (header, _) = ipv6::Header::split(self.bytes())?;
        let next = header.next_header();
        match header.payload_length() {
            // A jumbogram: the length is in an option (RFC 2675 3).
            0 if next == protocol::HOP_BY_HOP => {}
            length => self.close(ipv6::HEADER + length),
        }
        self.inside = Inside::Protocol(next);
        Some(())
    }

    fn read_icmpv4(&mut self) -> Option<()> {
        use icmp::v4::{
            ECHO_REPLY, ECHO_REQUEST, PARAMETER_PROBLEM, REDIRECT, SOURCE_QUENCH, TIME_EXCEEDED, TIMESTAMP,
            TIMESTAMP_HEADER, TIMESTAMP_REPLY, UNREACHABLE,
        };
        match self.u8(icmp::TYPE.start)? {
            UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM => {
                self.header = icmp::LONG_HEADER;
                self.inside = Inside::Quotation(Layer::Ipv4);
            }
            ECHO_REPLY | ECHO_REQUEST => self.header = icmp::LONG_HEADER,
            TIMESTAMP | TIMESTAMP_REPLY => self.header = TIMESTAMP_HEADER,
            _ => {}
        }
        Some(())
    }

    fn read_icmpv6(&mut self) -> Option<()> {
        use icmp::v6::{ECHO_REPLY, ECHO_REQUEST, PARAMETER_PROBLEM, TIME_EXCEEDED, TOO_BIG, UNREACHABLE};
        match self.u8(icmp::TYPE.start)? {
            UNREACHABLE | TOO_BIG | TIME_EXCEEDED | PARAMETER_PROBLEM => {
                self.header = icmp::LONG_HEADER;
                self.inside = Inside::Quotation(Layer::Ipv6);
            }
            ECHO_REQUEST | ECHO_REPLY => self.header = icmp::LONG_HEADER,
            mld::QUERY | mld::REPORT | mld::DONE | mld::REPORT_V2 => self.header = self.end - self.at,
            kind if ndp::options_at(kind).is_some() => self.header = self.end - self.at,
            _ => {}
        }
        Some(())
    }

    fn read_udp(&mut self) -> Option<()> {
        let header = udp::Header::new(self.bytes())?;
        if header.length() < udp::HEADER {
            return None;
        }
        let ports = [header.source_port(), header.destination_port()];
        self.close(header.length());
        if ports.into_iter().any(dhcp::is_port) {
            self.inside = Inside::Layer(Layer::Dhcp);
        }
        Some(())
    }

    /// It ends after so many bytes, by its own length.
    fn close(&mut self, length: usize) {
        self.until = self.at + length;
        self.end = self.end.min(self.until);
    }
}

/// So many layers can each leave bytes over. What is over in more is shown as the outermost's.
const MOST_OPEN: usize = 6;

/// The layers of a frame, from the outermost inwards; then what they leave over.
#[derive(Debug, Clone)]
pub struct Layers<'a> {
    next: Option<Part<'a>>,
    /// Where the layers around the next one end, and whether that is Ethernet's end; each before the last.
    open: Vec<(usize, bool), MOST_OPEN>,
}

impl<'a> Iterator for Layers<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let part = self.next?;
        self.next = match part.within() {
            Some(within) => {
                if within.end < part.end && self.open.last().is_none_or(|(end, _)| part.end < *end) {
                    let ethernet = matches!(part.layer, Layer::Ethernet | Layer::Vlan);
                    let _ = self.open.push((part.end, ethernet));
                }
                Some(within)
            }
            None => self.rest(&part),
        };
        Some(part)
    }
}

impl<'a> Layers<'a> {
    pub(super) fn new(first: Option<Part<'a>>) -> Self {
        let mut open = Vec::new();
        if let Some(Part { frame, end, .. }) = first
            && end < frame.len()
        {
            // Behind a packet with nothing around it.
            let _ = open.push((frame.len(), false));
        }
        Layers { next: first, open }
    }

    /// What the layers around `last` have behind it.
    fn rest(&mut self, last: &Part<'a>) -> Option<Part<'a>> {
        let at = last.end;
        while let Some((end, ethernet)) = self.open.pop() {
            if end > at {
                let layer = if ethernet { Layer::Trailer } else { Layer::Rest };
                let inside = Inside::Bytes;
                let (until, limit, header) = (end, end, 0);
                return Some(Part {
                    layer,
                    quoted: false,
                    at,
                    header,
                    end,
                    until,
                    limit,
                    ip: None,
                    inside,
                    ..*last
                });
            }
        }
        None
    }
}
