//! Frames made by hand, for who is played without a stack of their own.

use undersock::host::Mac;
use undersock::smoltcp::phy::ChecksumCapabilities;
use undersock::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Icmpv4Packet, Icmpv4Repr, IpAddress, IpEndpoint, IpProtocol, IpRepr, Ipv4Address, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};
use undersock::smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, UdpPacket, UdpRepr};

/// A computer: its Ethernet address and its IP address.
pub(super) type Addresses = (Mac, IpAddress);

/// Ethernet around `length` bytes that `emit` writes.
fn ethernet(
    from: Mac,
    to: Mac,
    ethertype: EthernetProtocol,
    length: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut bytes = vec![0; 14 + length];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    EthernetRepr { src_addr: EthernetAddress(from.0), dst_addr: EthernetAddress(to.0), ethertype }
        .emit(&mut frame);
    emit(frame.payload_mut());
    bytes
}

/// Ethernet and IP around `length` bytes that `emit` writes.
fn ip(
    from: Addresses,
    to: Addresses,
    protocol: IpProtocol,
    length: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = IpRepr::new(from.1, to.1, protocol, length, 64);
    ethernet(from.0, to.0, EthernetProtocol::Ipv4, repr.buffer_len(), |packet| {
        repr.emit(&mut *packet, &ChecksumCapabilities::default());
        emit(&mut packet[repr.header_len()..]);
    })
}

/// "`known` is at its Ethernet address", told to `to` (RFC 826).
pub(super) fn arp_reply(known: Addresses, to: Addresses) -> Vec<u8> {
    let ipv4 = |address| match address {
        IpAddress::Ipv4(address) => address,
        IpAddress::Ipv6(_) => Ipv4Address::UNSPECIFIED,
    };
    let repr = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(known.0.0),
        source_protocol_addr: ipv4(known.1),
        target_hardware_addr: EthernetAddress(to.0.0),
        target_protocol_addr: ipv4(to.1),
    };
    ethernet(known.0, to.0, EthernetProtocol::Arp, repr.buffer_len(), |packet| {
        repr.emit(&mut ArpPacket::new_unchecked(packet));
    })
}

fn icmp(from: Addresses, to: Addresses, repr: &Icmpv4Repr<'_>, finish: impl FnOnce(&mut [u8])) -> Vec<u8> {
    ip(from, to, IpProtocol::Icmp, repr.buffer_len(), |message| {
        repr.emit(&mut Icmpv4Packet::new_unchecked(&mut *message), &ChecksumCapabilities::default());
        finish(message);
    })
}

/// What `ping` sends.
pub(super) fn echo_request(from: Addresses, to: Addresses, sequence: u16, data: &[u8]) -> Vec<u8> {
    icmp(from, to, &Icmpv4Repr::EchoRequest { ident: 7, seq_no: sequence, data }, |_| {})
}

/// What a router says of a packet that is larger than the next network's packets may be (RFC 1191 4).
pub(super) fn too_big(router: Addresses, to: Addresses, dropped: &[u8], mtu: u16) -> Vec<u8> {
    // Type 3, code 4, like every "destination unreachable": the packet's header and 8 bytes of what is in it.
    let start = dropped.get(14..14 + 28).unwrap_or_default();
    let length = 8 + start.len();
    ip(router, to, IpProtocol::Icmp, length, |message| {
        message[..2].copy_from_slice(&[3, 4]);
        message[6..8].copy_from_slice(&mtu.to_be_bytes());
        message[8..].copy_from_slice(start);
        Icmpv4Packet::new_unchecked(message).fill_checksum();
    })
}

/// A segment without data, for whoever claims to be `from`.
pub(super) fn segment(
    from: (Mac, IpEndpoint),
    to: (Mac, IpEndpoint),
    control: TcpControl,
    seq: u32,
    ack: Option<u32>,
) -> Vec<u8> {
    let number = |number: u32| TcpSeqNumber(number.cast_signed());
    let repr = TcpRepr {
        src_port: from.1.port,
        dst_port: to.1.port,
        control,
        seq_number: number(seq),
        ack_number: ack.map(number),
        window_len: 4_096,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    ip((from.0, from.1.addr), (to.0, to.1.addr), IpProtocol::Tcp, repr.buffer_len(), |bytes| {
        let sums = ChecksumCapabilities::default();
        repr.emit(&mut TcpPacket::new_unchecked(bytes), &from.1.addr, &to.1.addr, &sums);
    })
}

/// What a DHCP client said: the kind of its message and its transaction.
pub(super) fn dhcp_request(frame: &[u8]) -> Option<(DhcpMessageType, u32)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = undersock::smoltcp::wire::Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let datagram = (packet.next_header() == IpProtocol::Udp).then_some(packet.payload())?;
    let datagram = UdpPacket::new_checked(datagram).ok().filter(|datagram| datagram.dst_port() == 67)?;
    let message = DhcpPacket::new_checked(datagram.payload()).ok()?;
    let repr = DhcpRepr::parse(&message).ok()?;
    Some((repr.message_type, repr.transaction_id))
}

/// A DHCP server's answer: `leased` may be used for so many seconds.
pub(super) fn dhcp_answer(
    server: Addresses,
    leased: (Mac, Ipv4Address),
    kind: DhcpMessageType,
    transaction: u32,
    seconds: u32,
) -> Vec<u8> {
    let IpAddress::Ipv4(own) = server.1 else { return Vec::new() };
    let repr = DhcpRepr {
        message_type: kind,
        transaction_id: transaction,
        secs: 0,
        client_hardware_address: EthernetAddress(leased.0.0),
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip: leased.1,
        server_ip: own,
        router: Some(own),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(own),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(seconds),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let to = (leased.0, IpAddress::Ipv4(leased.1));
    let udp = UdpRepr { src_port: 67, dst_port: 68 };
    ip(server, to, IpProtocol::Udp, 8 + repr.buffer_len(), |bytes| {
        udp.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &server.1,
            &to.1,
            repr.buffer_len(),
            // It fits: the buffer was made for it.
            |message| repr.emit(&mut DhcpPacket::new_unchecked(message)).unwrap_or(()),
            &ChecksumCapabilities::default(),
        );
    })
}
