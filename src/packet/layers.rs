//! The walk through a frame, from the Ethernet header inwards: where each header begins and ends, and what it says is
//! inside. [`packet`](super::packet()) and [`fields`](crate::view::fields::fields()) both stand on it.
//!
//! Nothing is believed: a length is held against the bytes that are there, and a header that contradicts itself ends
//! the walk.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use heapless::Vec;

use super::sum::{self, Sum};
use super::tlv::{Shape, Tlv};

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

/// The numbers by which a header says what is inside.
pub mod number {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const SERVICE_VLAN: u16 = 0x88a8;
    pub const IPV6: u16 = 0x86dd;
    /// Up to here, Ethernet's type field is a length (IEEE 802.3 3.2.6).
    pub const LONGEST: u16 = 1_500;

    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const ICMPV6: u8 = 58;
    pub const DESTINATION: u8 = 60;
}

/// What an IP header says that the layers within must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    pub source: IpAddr,
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
    pub fn room(&self) -> usize {
        self.limit.min(self.frame.len()).saturating_sub(self.at)
    }

    /// The checksum that it carries, and what it is worth. `None` for a layer without one, or cut off before it.
    #[must_use]
    pub fn checksum(&self) -> Option<(u16, Sum)> {
        sum::of(self)
    }

    /// What it says is within: an EtherType, or an IP protocol.
    #[must_use]
    pub fn number(&self) -> Option<u16> {
        match self.layer {
            Layer::Ethernet => self.u16(12),
            Layer::Vlan => self.u16(2),
            Layer::Ipv4 => self.u8(9).map(u16::from),
            Layer::Ipv6 => self.u8(6).map(u16::from),
            Layer::HopByHop | Layer::Routing | Layer::Fragment | Layer::Destination => {
                self.u8(0).map(u16::from)
            }
            _ => None,
        }
    }

    /// The two bytes before it: for what is in Ethernet or a tag, its EtherType.
    pub fn ethertype(&self) -> Option<u16> {
        u16_at(self.frame, self.at.checked_sub(2)?)
    }

    /// The number in these bits, counted from the part's first.
    #[must_use]
    pub fn bits(&self, bits: &Range<usize>) -> Option<u64> {
        let bytes = self.bytes().get(bits.start / 8..bits.end.div_ceil(8))?;
        // Eight bytes at most, or the first would be shifted out.
        let all = bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let behind = 8 * bits.end.div_ceil(8) - bits.end;
        let mask = u64::MAX.checked_shr(u32::try_from(64_usize.checked_sub(bits.len())?).ok()?)?;
        Some(all >> behind & mask)
    }

    pub fn u8(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        u16_at(self.bytes(), at)
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        u32_at(self.bytes(), at)
    }

    /// Where its header's options begin, and how they are written.
    pub fn options_at(&self) -> Option<(usize, Shape)> {
        match self.layer {
            Layer::Ipv4 | Layer::Tcp => Some((20, Shape::Internet)),
            Layer::HopByHop | Layer::Destination => Some((2, Shape::Ipv6)),
            Layer::Dhcp => Some((DHCP_FIXED, Shape::Dhcp)),
            Layer::Icmpv6 => discovery_fixed(self.u8(0)?).map(|fixed| (fixed, Shape::Discovery)),
            _ => None,
        }
    }

    /// Its header's options.
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
    fn first(frame: &'a [u8]) -> Self {
        let end = frame.len();
        let (until, limit) = (end, usize::MAX);
        let (layer, quoted, ip, inside) = (Layer::Ethernet, false, None, Inside::Bytes);
        let whole = Part { frame, layer, quoted, at: 0, header: 0, end, until, limit, ip, inside };
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
            Inside::EtherType(number::IPV4) => (Layer::Ipv4, limit),
            Inside::EtherType(number::IPV6) => (Layer::Ipv6, limit),
            Inside::EtherType(number::ARP) => (Layer::Arp, limit),
            Inside::EtherType(number::VLAN | number::SERVICE_VLAN) => (Layer::Vlan, limit),
            // A length: what is behind it is padding.
            Inside::EtherType(length @ 0..=number::LONGEST) => (Layer::Llc, at + usize::from(length)),
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

    fn upper(&self, protocol: u8) -> Layer {
        let six = self.ip_within().is_some_and(|ip| ip.source.is_ipv6());
        match protocol {
            number::TCP => Layer::Tcp,
            number::UDP => Layer::Udp,
            number::ICMP if !six => Layer::Icmpv4,
            number::ICMPV6 if six => Layer::Icmpv6,
            number::HOP_BY_HOP if six => Layer::HopByHop,
            number::ROUTING if six => Layer::Routing,
            number::FRAGMENT if six => Layer::Fragment,
            number::DESTINATION if six => Layer::Destination,
            _ => Layer::Payload,
        }
    }

    /// The IP header that what is within it is in.
    pub fn ip_within(&self) -> Option<Ip> {
        match self.layer {
            Layer::Ipv4 => Some(Ip {
                source: IpAddr::V4(ipv4_at(self.bytes(), 12)?),
                destination: IpAddr::V4(ipv4_at(self.bytes(), 16)?),
                fragment: self.u16(6)? & 0x3fff != 0,
                rerouted: false,
            }),
            Layer::Ipv6 => Some(Ip {
                source: IpAddr::V6(ipv6_at(self.bytes(), 8)?),
                destination: IpAddr::V6(ipv6_at(self.bytes(), 24)?),
                fragment: false,
                rerouted: false,
            }),
            Layer::Fragment => {
                let whole = self.u16(2).is_some_and(|place| place & 0xfff9 == 0);
                self.ip.map(|ip| Ip { fragment: ip.fragment || !whole, ..ip })
            }
            Layer::Routing => {
                let over = self.u8(3) == Some(0);
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
            Layer::Ethernet => 14,
            Layer::Vlan => 4,
            Layer::Llc => 3,
            Layer::Arp | Layer::Udp => 8,
            Layer::Ipv4 | Layer::Tcp => 20,
            Layer::Ipv6 => 40,
            Layer::HopByHop | Layer::Routing | Layer::Fragment | Layer::Destination => 8,
            Layer::Icmpv4 | Layer::Icmpv6 => 4,
            Layer::Dhcp => DHCP_FIXED,
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
            Layer::Ethernet => self.inside = Inside::EtherType(self.u16(12)?),
            Layer::Vlan => self.inside = Inside::EtherType(self.u16(2)?),
            Layer::Llc => self.read_llc()?,
            Layer::Arp => {
                self.header = 8 + 2 * usize::from(self.u8(4)?) + 2 * usize::from(self.u8(5)?);
                self.close(self.header);
            }
            Layer::Ipv4 => self.read_ipv4()?,
            Layer::Ipv6 => self.read_ipv6()?,
            Layer::HopByHop | Layer::Routing | Layer::Destination => {
                self.header = 8 + 8 * usize::from(self.u8(1)?);
                self.inside = Inside::Protocol(self.u8(0)?);
            }
            Layer::Fragment => {
                let first = self.u16(2)? & 0xfff8 == 0;
                self.inside = if first { Inside::Protocol(self.u8(0)?) } else { Inside::Bytes };
            }
            Layer::Icmpv4 => match self.u8(0)? {
                3 | 4 | 5 | 11 | 12 => {
                    self.header = 8;
                    self.inside = Inside::Quotation(Layer::Ipv4);
                }
                0 | 8 => self.header = 8,
                13 | 14 => self.header = 20,
                _ => {}
            },
            Layer::Icmpv6 => match self.u8(0)? {
                1..=4 => {
                    self.header = 8;
                    self.inside = Inside::Quotation(Layer::Ipv6);
                }
                128 | 129 => self.header = 8,
                130..=132 => self.header = self.end - self.at,
                133..=137 | 143 => self.header = self.end - self.at,
                _ => {}
            },
            Layer::Udp => self.read_udp()?,
            Layer::Tcp => {
                // Less than five words can't be; then the fixed part is shown, and the rest as bytes.
                self.header = header_words(self.u8(12)? >> 4).max(20);
            }
            Layer::Dhcp => self.header = self.end - self.at,
            Layer::Payload | Layer::Rest | Layer::Trailer => {}
        }
        Some(())
    }

    fn read_llc(&mut self) -> Option<()> {
        // An unnumbered frame's control field is one byte, any other's two (IEEE 802.2 5.4).
        self.header = if self.u8(2)? & 3 == 3 { 3 } else { 4 };
        if (self.u8(0)?, self.u8(1)?, self.u8(2)?) == (0xaa, 0xaa, 3)
            && let Some(ethertype) = self.u16(6)
        {
            self.header = 8;
            if self.bytes().get(3..6)? == [0, 0, 0] {
                self.inside = Inside::EtherType(ethertype);
            }
        }
        Some(())
    }

    fn read_ipv4(&mut self) -> Option<()> {
        let version_and_length = self.u8(0)?;
        let header = header_words(version_and_length & 0xf);
        if version_and_length >> 4 != 4 || header < 20 {
            return None;
        }
        self.header = header;
        match usize::from(self.u16(2)?) {
            // Left to the network card: it cuts what is longer than a packet can be.
            0 => {}
            total if total < header => {
                self.close(header);
                return None;
            }
            total => self.close(total),
        }
        let later = self.u16(6)? & 0x1fff != 0;
        if !later {
            self.inside = Inside::Protocol(self.u8(9)?);
        }
        Some(())
    }

    fn read_ipv6(&mut self) -> Option<()> {
        if self.u8(0)? >> 4 != 6 {
            return None;
        }
        let next = self.u8(6)?;
        match usize::from(self.u16(4)?) {
            // A jumbogram: the length is in an option (RFC 2675 3).
            0 if next == number::HOP_BY_HOP => {}
            length => self.close(40 + length),
        }
        self.inside = Inside::Protocol(next);
        Some(())
    }

    fn read_udp(&mut self) -> Option<()> {
        let length = usize::from(self.u16(4)?);
        if length < 8 {
            return None;
        }
        self.close(length);
        let (from, to) = (self.u16(0)?, self.u16(2)?);
        if [from, to].iter().any(|port| matches!(port, 67 | 68)) {
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

/// A DHCP message up to its options: BOOTP's fields and the cookie (RFC 2131 2, RFC 2132 2).
pub const DHCP_FIXED: usize = 240;

/// Where the options of a neighbour discovery message begin (RFC 4861 4).
fn discovery_fixed(kind: u8) -> Option<usize> {
    match kind {
        133 => Some(8),
        134 => Some(16),
        135 | 136 => Some(24),
        137 => Some(40),
        _ => None,
    }
}

/// A header's length from the four bits that have it in words.
const fn header_words(words: u8) -> usize {
    4 * words as usize
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

pub fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes))
}

pub fn ipv6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes))
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

/// Walks through a frame.
#[must_use]
pub fn layers(frame: &[u8]) -> Layers<'_> {
    Layers { next: (!frame.is_empty()).then(|| Part::first(frame)), open: Vec::new() }
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
