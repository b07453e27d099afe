//! Hand-made frames, for a test that plays the peer.

use undersock::host::Mac;
use undersock::packet::{Message, Packet, packet};
use undersock::smoltcp::phy::ChecksumCapabilities;
use undersock::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, IpRepr, Ipv4Packet,
    Ipv6Address, Ipv6Packet, NdiscNeighborFlags, NdiscRepr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

use super::{CLIENT_MAC, client_v4, server_v4};

pub const SERVER_MAC: Mac = undersock::host::DEFAULT_MAC;

/// Ethernet around an IP packet whose payload `emit` writes.
pub fn ip(
    from: IpAddress,
    to: IpAddress,
    protocol: IpProtocol,
    length: usize,
    hop_limit: u8,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = IpRepr::new(from, to, protocol, length, hop_limit);
    let ethertype = match from {
        IpAddress::Ipv4(_) => EthernetProtocol::Ipv4,
        IpAddress::Ipv6(_) => EthernetProtocol::Ipv6,
    };
    let mut frame = vec![0; 14 + repr.buffer_len()];
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(CLIENT_MAC.0),
        dst_addr: EthernetAddress(SERVER_MAC.0),
        ethertype,
    };
    ethernet.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
    let packet = &mut frame[14..];
    repr.emit(&mut *packet, &ChecksumCapabilities::default());
    emit(&mut packet[repr.header_len()..]);
    frame
}

pub fn udp(from: (IpAddress, u16), to: (IpAddress, u16), payload: &[u8]) -> Vec<u8> {
    let repr = UdpRepr { src_port: from.1, dst_port: to.1 };
    ip(from.0, to.0, IpProtocol::Udp, 8 + payload.len(), 64, |buffer| {
        repr.emit(
            &mut UdpPacket::new_unchecked(buffer),
            &from.0,
            &to.0,
            payload.len(),
            |place| place.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
    })
}

/// A segment from a client to the server; what isn't set is as in a bare ACK.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    pub from: (IpAddress, u16),
    pub to: (IpAddress, u16),
    pub control: TcpControl,
    pub seq: u32,
    pub ack: Option<u32>,
    pub window: u16,
    /// The window scale option of a SYN.
    pub scale: Option<u8>,
    pub payload: &'a [u8],
}

impl Default for Segment<'_> {
    fn default() -> Self {
        Segment {
            from: (client_v4(), 40_000),
            to: (server_v4(), 12_000),
            control: TcpControl::None,
            seq: 0,
            ack: None,
            window: 64_000,
            scale: None,
            payload: &[],
        }
    }
}

impl Segment<'_> {
    pub fn frame(&self) -> Vec<u8> {
        let repr = TcpRepr {
            src_port: self.from.1,
            dst_port: self.to.1,
            control: self.control,
            seq_number: TcpSeqNumber(self.seq.cast_signed()),
            ack_number: self.ack.map(|ack| TcpSeqNumber(ack.cast_signed())),
            window_len: self.window,
            window_scale: self.scale,
            max_seg_size: (self.control == TcpControl::Syn).then_some(1_460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: self.payload,
        };
        ip(self.from.0, self.to.0, IpProtocol::Tcp, repr.buffer_len(), 64, |buffer| {
            repr.emit(
                &mut TcpPacket::new_unchecked(buffer),
                &self.from.0,
                &self.to.0,
                &ChecksumCapabilities::default(),
            );
        })
    }
}

/// A segment that came from the server, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub to: (IpAddress, u16),
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub seq: u32,
    pub ack_number: u32,
    pub window: u16,
    pub payload: Vec<u8>,
}

/// The TCP segment in a frame, if there is one.
pub fn tcp_in(frame: &[u8]) -> Option<Got> {
    let (to, payload) = ip_in(frame, IpProtocol::Tcp)?;
    let packet = TcpPacket::new_checked(&payload[..]).ok()?;
    Some(Got {
        to: (to, packet.dst_port()),
        syn: packet.syn(),
        ack: packet.ack(),
        fin: packet.fin(),
        rst: packet.rst(),
        seq: packet.seq_number().0.cast_unsigned(),
        ack_number: packet.ack_number().0.cast_unsigned(),
        window: packet.window_len(),
        payload: packet.payload().to_vec(),
    })
}

/// An address and a port.
pub type Endpoint = (IpAddress, u16);

/// A datagram in a frame: source and destination with their ports, and the payload.
pub fn udp_in(frame: &[u8]) -> Option<(Endpoint, Endpoint, Vec<u8>)> {
    let (to, payload) = ip_in(frame, IpProtocol::Udp)?;
    let packet = UdpPacket::new_checked(&payload[..]).ok()?;
    let from = match EthernetFrame::new_checked(frame).ok()?.ethertype() {
        EthernetProtocol::Ipv4 => IpAddress::Ipv4(Ipv4Packet::new_checked(&frame[14..]).ok()?.src_addr()),
        _ => IpAddress::Ipv6(Ipv6Packet::new_checked(&frame[14..]).ok()?.src_addr()),
    };
    Some(((from, packet.src_port()), (to, packet.dst_port()), packet.payload().to_vec()))
}

/// The payload of an IP packet of this protocol, and where it goes to.
pub fn ip_in(frame: &[u8], protocol: IpProtocol) -> Option<(IpAddress, Vec<u8>)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            (packet.next_header() == protocol)
                .then(|| (IpAddress::Ipv4(packet.dst_addr()), packet.payload().to_vec()))
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            (packet.next_header() == protocol)
                .then(|| (IpAddress::Ipv6(packet.dst_addr()), packet.payload().to_vec()))
        }
        _ => None,
    }
}

pub fn arp(operation: ArpOperation, from: (Mac, IpAddress), to: IpAddress) -> Vec<u8> {
    let (IpAddress::Ipv4(source), IpAddress::Ipv4(target)) = (from.1, to) else { panic!("ARP is for IPv4") };
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(from.0.0),
        source_protocol_addr: source,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: target,
    };
    let mut frame = vec![0; 14 + repr.buffer_len()];
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(from.0.0),
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    let mut ethernet_frame = EthernetFrame::new_unchecked(&mut frame[..]);
    ethernet.emit(&mut ethernet_frame);
    repr.emit(&mut ArpPacket::new_unchecked(ethernet_frame.payload_mut()));
    frame
}

/// Who claims to be at which address, in an ARP reply.
pub fn arp_reply_in(frame: &[u8]) -> Option<(Mac, IpAddress)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    match ArpRepr::parse(&ArpPacket::new_checked(ethernet.payload()).ok()?).ok()? {
        ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr,
            source_protocol_addr,
            ..
        } => Some((Mac(source_hardware_addr.0), IpAddress::Ipv4(source_protocol_addr))),
        _ => None,
    }
}

/// A neighbour solicitation of a host that has no address yet, to see whether it can have this one.
pub fn detection(address: IpAddress) -> Vec<u8> {
    let IpAddress::Ipv6(target) = address else { panic!("neighbour discovery is for IPv6") };
    solicitation(Ipv6Address::UNSPECIFIED, target)
}

/// A neighbour solicitation, without an option.
pub fn solicitation(from: Ipv6Address, target: Ipv6Address) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: target, lladdr: None });
    let [.., a, b, c] = target.octets();
    // The solicited-node group (RFC 4291 2.7.1), and its Ethernet address (RFC 2464 7).
    let to = Ipv6Address::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let sums = ChecksumCapabilities::default();
    let mut frame = ip(from.into(), to.into(), IpProtocol::Icmpv6, repr.buffer_len(), 255, |buffer| {
        repr.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(buffer), &sums);
    });
    frame[..6].copy_from_slice(&[0x33, 0x33, 0xff, a, b, c]);
    frame
}

/// A neighbour advertisement to all nodes, by which a host says that an address is its own (RFC 4861 7.2.4).
pub fn defence(host: Mac, from: Ipv6Address, target: Ipv6Address) -> Vec<u8> {
    advertises(host, from, target, NdiscNeighborFlags::OVERRIDE)
}

/// The same with these flags.
pub fn advertises(host: Mac, from: Ipv6Address, target: Ipv6Address, flags: NdiscNeighborFlags) -> Vec<u8> {
    let lladdr = Some(EthernetAddress(host.0).into());
    let repr = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr });
    let to = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let sums = ChecksumCapabilities::default();
    let mut frame = ip(from.into(), to.into(), IpProtocol::Icmpv6, repr.buffer_len(), 255, |buffer| {
        repr.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(buffer), &sums);
    });
    frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    frame[6..12].copy_from_slice(&host.0);
    frame
}

/// A host's answer to who asks where it is.
pub fn answers(host: Mac, address: IpAddress) -> Vec<u8> {
    match address {
        IpAddress::Ipv4(_) => arp(ArpOperation::Reply, (host, address), server_v4()),
        IpAddress::Ipv6(own) => {
            advertises(host, own, own, NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE)
        }
    }
}

/// What a host says to everybody when it has come to this Ethernet address (RFC 5227 3, RFC 4861 7.2.6).
pub fn announces(host: Mac, address: IpAddress) -> Vec<u8> {
    match address {
        IpAddress::Ipv4(_) => arp(ArpOperation::Request, (host, address), address),
        IpAddress::Ipv6(own) => defence(host, own, own),
    }
}

/// Whom a frame asks for: ARP, or a neighbour solicitation that isn't for duplicates.
pub fn asked_in(frame: &[u8]) -> Option<IpAddress> {
    match packet(frame) {
        Packet::Arp(arp) if arp.operation == 1 && arp.sender != arp.target => Some(arp.target.into()),
        Packet::Icmp(icmp) if !icmp.from.is_unspecified() => match icmp.message {
            Message::NeighborSolicitation { target } => Some(target.into()),
            _ => None,
        },
        _ => None,
    }
}

/// The frame from another Ethernet address.
pub fn sent_by(mac: Mac, mut frame: Vec<u8>) -> Vec<u8> {
    frame[6..12].copy_from_slice(&mac.0);
    frame
}

/// The Ethernet address that a frame is for.
pub fn goes_to(frame: &[u8]) -> Mac {
    Mac(*frame.first_chunk().expect("an Ethernet header"))
}

/// A router advertisement (RFC 4861 4.2); what isn't set is as a router of the link sends it, without a prefix.
#[derive(Clone)]
pub struct Advertisement {
    pub router: Mac,
    pub from: Ipv6Address,
    pub hop_limit: u8,
    pub code: u8,
    /// Of the router, in seconds.
    pub lifetime: u16,
    pub options: Vec<u8>,
}

pub const ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 0, 0xfe]);
pub const ROUTER: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe);

impl Default for Advertisement {
    fn default() -> Self {
        Advertisement {
            router: ROUTER_MAC,
            from: ROUTER,
            hop_limit: 255,
            code: 0,
            lifetime: 1_800,
            options: vec![],
        }
    }
}

impl Advertisement {
    /// To all nodes.
    pub fn frame(&self) -> Vec<u8> {
        let to = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let [high, low] = self.lifetime.to_be_bytes();
        let message =
            [&[134, self.code, 0, 0, 64, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0], &self.options[..]].concat();
        let (from, hop_limit) = (self.from.into(), self.hop_limit);
        let mut frame = ip(from, to.into(), IpProtocol::Icmpv6, message.len(), hop_limit, |buffer| {
            buffer.copy_from_slice(&message);
            Icmpv6Packet::new_unchecked(buffer).fill_checksum(&self.from, &to);
        });
        frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
        frame[6..12].copy_from_slice(&self.router.0);
        frame
    }

    /// With one more prefix.
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.options.extend(prefix.option());
        self
    }
}

/// A prefix in a router advertisement (RFC 4861 4.6.2); what isn't set is as for addresses on the link.
#[derive(Debug, Clone, Copy)]
pub struct Prefix {
    pub network: Ipv6Address,
    pub length: u8,
    pub on_link: bool,
    pub autonomous: bool,
    /// Seconds.
    pub valid: u32,
    pub preferred: u32,
}

impl Default for Prefix {
    fn default() -> Self {
        Prefix {
            network: Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
            length: 64,
            on_link: true,
            autonomous: true,
            valid: 86_400,
            preferred: 3_600,
        }
    }
}

impl Prefix {
    pub fn option(&self) -> Vec<u8> {
        let flags = u8::from(self.on_link) << 7 | u8::from(self.autonomous) << 6;
        let mut option = vec![3, 4, self.length, flags];
        option.extend(self.valid.to_be_bytes());
        option.extend(self.preferred.to_be_bytes());
        option.extend([0; 4]);
        option.extend(self.network.octets());
        option
    }
}

/// The message of neighbour discovery in a frame, as far as tests look at it: source and destination, its type, and
/// what follows the four bytes that are reserved or flags. The hop limit and the checksum are right.
pub fn discovery_in(frame: &[u8]) -> Option<(Ipv6Address, Ipv6Address, u8, Vec<u8>)> {
    let packet = Ipv6Packet::new_checked(frame.get(14..)?).ok()?;
    if frame[12..14] != [0x86, 0xdd] || packet.next_header() != IpProtocol::Icmpv6 {
        return None;
    }
    let (from, to) = (packet.src_addr(), packet.dst_addr());
    let message = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    let kind = u8::from(message.msg_type());
    if !(133..=136).contains(&kind) {
        return None;
    }
    assert!(packet.hop_limit() == 255 && message.verify_checksum(&from, &to), "{from} {to} {kind}");
    Some((from, to, kind, packet.payload()[8..].to_vec()))
}

pub fn ping(from: IpAddress, to: IpAddress, data: &[u8]) -> Vec<u8> {
    let sums = ChecksumCapabilities::default();
    match (from, to) {
        (IpAddress::Ipv4(_), _) => {
            let repr = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 1, data };
            ip(from, to, IpProtocol::Icmp, repr.buffer_len(), 64, |buffer| {
                repr.emit(&mut Icmpv4Packet::new_unchecked(buffer), &sums);
            })
        }
        (IpAddress::Ipv6(source), IpAddress::Ipv6(target)) => {
            let repr = Icmpv6Repr::EchoRequest { ident: 7, seq_no: 1, data };
            ip(from, to, IpProtocol::Icmpv6, repr.buffer_len(), 64, |buffer| {
                repr.emit(&source, &target, &mut Icmpv6Packet::new_unchecked(buffer), &sums);
            })
        }
        _ => panic!("one version of IP, please"),
    }
}

/// A peer of one connection that the test plays by hand.
pub struct Peer {
    pub from: (IpAddress, u16),
    pub to: (IpAddress, u16),
    /// The next sequence number to send, and the next expected.
    pub seq: u32,
    pub ack: u32,
    /// What it offers, in bytes.
    pub window: u16,
    /// The window scale option of its SYN: without one the server doesn't scale either.
    pub scale: Option<u8>,
}

impl Peer {
    pub fn new(port: u16) -> Self {
        Peer {
            from: (client_v4(), port),
            to: (server_v4(), 12_000),
            seq: 1_000 * u32::from(port),
            ack: 0,
            window: 64_000,
            scale: None,
        }
    }

    pub fn at_port(mut self, port: u16) -> Self {
        self.to.1 = port;
        self
    }

    /// A segment with these flags and bytes; counts them as sent.
    pub fn segment(&mut self, control: TcpControl, payload: &[u8]) -> Vec<u8> {
        let ack = (control != TcpControl::Syn).then_some(self.ack);
        let Peer { from, to, seq, window, .. } = *self;
        let scale = self.scale.filter(|_| control == TcpControl::Syn);
        let segment = Segment { from, to, control, seq, ack, window, scale, payload };
        let control = matches!(control, TcpControl::Syn | TcpControl::Fin);
        self.seq = self.seq.wrapping_add(payload.len() as u32 + u32::from(control));
        segment.frame()
    }

    /// Takes note of a segment that came.
    pub fn got(&mut self, got: &Got) {
        let length = got.payload.len() as u32 + u32::from(got.syn) + u32::from(got.fin);
        self.ack = got.seq.wrapping_add(length);
    }
}

/// Bytes from hex, spaces between as one likes.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// IPv4 addresses that no datagram and no segment for the server may come from.
pub fn impossible_sources() -> [IpAddress; 8] {
    let v4 = IpAddress::v4;
    [
        super::server_v4(),
        v4(0, 0, 0, 0),
        v4(0, 1, 2, 3),
        v4(127, 0, 0, 1),
        v4(224, 0, 0, 1),
        v4(240, 0, 0, 1),
        v4(255, 255, 255, 255),
        v4(192, 168, 69, 255),
    ]
}
