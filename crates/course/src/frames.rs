//! Frames made by hand, for who is played without a stack of their own.

use core::net::Ipv4Addr;

use undersock::host::Mac;
use undersock::packet::ethernet::ethertype;
use undersock::packet::field::Field;
use undersock::packet::{Packet, arp, dhcp, ethernet, packet, udp};
use undersock::smoltcp::phy::ChecksumCapabilities;
use undersock::smoltcp::wire::{
    Icmpv4Packet, Icmpv4Repr, IpAddress, IpEndpoint, IpProtocol, IpRepr, Ipv4Address, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

/// A computer: its Ethernet address and its IP address.
pub(super) type Addresses = (Mac, IpAddress);

/// Ethernet and IP around `length` bytes that `emit` writes.
fn ip(
    from: Addresses,
    to: Addresses,
    protocol: IpProtocol,
    length: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = IpRepr::new(from.1, to.1, protocol, length, 64);
    let mut frame = [&to.0.0[..], &from.0.0[..], &ethertype::IPV4.to_be_bytes()[..]].concat();
    frame.resize(ethernet::HEADER + repr.buffer_len(), 0);
    let packet = &mut frame[ethernet::HEADER..];
    repr.emit(&mut *packet, &ChecksumCapabilities::default());
    emit(&mut packet[repr.header_len()..]);
    frame
}

/// "`known` is at its Ethernet address", told to `to` (RFC 826).
pub(super) fn arp_reply(known: Addresses, to: Addresses) -> Vec<u8> {
    let ipv4 = |address| match address {
        IpAddress::Ipv4(address) => address,
        IpAddress::Ipv6(_) => Ipv4Address::UNSPECIFIED,
    };
    let mut frame = [0; arp::FRAME];
    arp::reply(&mut frame, (known.0, ipv4(known.1)), (to.0, ipv4(to.1)));
    frame.to_vec()
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
pub(super) fn dhcp_request(frame: &[u8]) -> Option<(u8, [u8; 4])> {
    match packet(frame) {
        Packet::Udp(udp) if udp.to.port() == dhcp::SERVER_PORT => {
            Some((udp.dhcp?, *udp.payload.get(dhcp::TRANSACTION)?.first_chunk()?))
        }
        _ => None,
    }
}

/// A DHCP server's answer (RFC 2131 4.3.1): `leased` may be used for so many seconds.
pub(super) fn dhcp_answer(
    server: Addresses,
    leased: (Mac, Ipv4Addr),
    kind: u8,
    transaction: [u8; 4],
    seconds: u32,
) -> Vec<u8> {
    let IpAddress::Ipv4(own) = server.1 else { return Vec::new() };
    let own = own.octets();
    let mut message = vec![0; dhcp::FIXED];
    let fields: [(Field, &[u8]); 7] = [
        (dhcp::OPERATION, &[2]),
        (dhcp::HARDWARE_TYPE, &[1]),
        (dhcp::HARDWARE_LENGTH, &[6]),
        (dhcp::TRANSACTION, &transaction),
        (dhcp::YOUR, &leased.1.octets()),
        (dhcp::SERVER, &own),
        (dhcp::COOKIE_AT, &dhcp::COOKIE),
    ];
    for (field, bytes) in fields {
        message[field].copy_from_slice(bytes);
    }
    message[dhcp::CLIENT_HARDWARE][..6].copy_from_slice(&leased.0.0);
    // RFC 2132: 3.3 the mask, 3.5 the router, 9.2 the lease, 9.7 the server; and the end.
    let options: [(u8, &[u8]); 5] = [
        (dhcp::MESSAGE_TYPE, &[kind]),
        (54, &own),
        (3, &own),
        (1, &[255, 255, 255, 0]),
        (51, &seconds.to_be_bytes()),
    ];
    for (kind, data) in options {
        message.extend([kind, u8::try_from(data.len()).unwrap_or(0)]);
        message.extend(data);
    }
    message.push(255);

    let to = (leased.0, IpAddress::Ipv4(leased.1));
    let header = UdpRepr { src_port: dhcp::SERVER_PORT, dst_port: dhcp::CLIENT_PORT };
    ip(server, to, IpProtocol::Udp, udp::HEADER + message.len(), |bytes| {
        header.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &server.1,
            &to.1,
            message.len(),
            |place| place.copy_from_slice(&message),
            &ChecksumCapabilities::default(),
        );
    })
}
