use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::packet::Mac;
use smoltcp::wire::TcpSeqNumber;
use test_support::world::raw::hex;

use super::ethernet::ethertype;
use super::ip::protocol;

use super::*;

const ETHERNET_4: &str = "020000000001 02005e000001 0800";
const IPV4_UDP: &str = "4500 0021 0001 0000 4011 6f15 c0a84564 c0a84501";

fn v4(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(192, 168, 69, last).into(), port)
}

#[test]
fn a_datagram() {
    let frame = hex(&format!("{ETHERNET_4} {IPV4_UDP} c000 2ee0 000d 0000 68656c6c6f 0000 0000"));
    let Packet::Udp(udp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!(udp, Udp { from: v4(100, 49_152), to: v4(1, 12_000), payload: b"hello", dhcp: None });
    let names: Vec<_> = layers(&frame).map(|part| (part.layer, part.at, part.end)).collect();
    assert_eq!(
        names,
        [
            (Layer::Ethernet, 0, 51),
            (Layer::Ipv4, 14, 47),
            (Layer::Udp, 34, 47),
            (Layer::Payload, 42, 47),
            (Layer::Trailer, 47, 51),
        ]
    );
}

#[test]
fn a_syn_with_options() {
    let frame = hex(&format!(
        "{ETHERNET_4} 4500 003c 0001 4000 4006 0000 c0a84564 c0a84501
         c000 2ee0 000003e8 00000000 a002 faf0 0000 0000
         020405b4 0402 080a 00000007 00000009 01 030307"
    ));
    let Packet::Tcp(tcp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!((tcp.from, tcp.to), (v4(100, 49_152), v4(1, 12_000)));
    assert_eq!((tcp.seq, tcp.ack, tcp.window, tcp.payload), (TcpSeqNumber(1_000), None, 64_240, &[][..]));
    assert_eq!((tcp.flags.to_string(), tcp.length()), ("S".into(), 1));
    let options: Vec<_> = tcp.options.iter().map(|option| option.to_string()).collect();
    assert_eq!(options, ["mss 1460", "sackOK", "TS val 7 ecr 9", "nop", "wscale 7"]);
    assert_eq!(tcp.options.window_scale(), Some(7));
}

#[test]
fn an_error_tells_whose_packet_it_is_about() {
    let frame = hex(&format!(
        "{ETHERNET_4} 4500 0038 0000 0000 4001 0000 c0a84501 c0a84564
         0303 0000 00000000 {IPV4_UDP} c000 0007 000d 0000"
    ));
    let Packet::Icmp(icmp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    let about = Quoted { protocol: 17, from: v4(100, 49_152), to: v4(1, 7), seq: None };
    assert_eq!(icmp.message, Message::Error { error: IcmpError::PortUnreachable, about: Some(about) });
}

#[test]
fn who_has_an_address() {
    let frame = hex(
        "ffffffffffff 02005e000001 0806 0001 0800 06 04 0001 02005e000001 c0a84564 000000000000 c0a84501",
    );
    let Packet::Arp(arp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!(
        (arp.operation, arp.sender, arp.target),
        (1, [192, 168, 69, 100].into(), [192, 168, 69, 1].into())
    );
    let target: Ipv6Addr = "fdaa::1".parse().unwrap();
    let frame = hex(
        "3333ff000001 02005e000001 86dd 60000000 0020 3a ff fdaa0000000000000000000000000100
         ff0200000000000000000001ff000001 8700 0000 00000000 fdaa0000000000000000000000000001 0101 02005e000001",
    );
    let Packet::Icmp(icmp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!(icmp.message, Message::NeighborSolicitation { target });
}

#[test]
fn behind_a_tag_and_extension_headers() {
    let frame = hex(
        "020000000001 02005e000001 8100 0007 86dd 60000000 001d 00 40 fdaa0000000000000000000000000100
         fdaa0000000000000000000000000001 3c00 050200000100 1100 010400000000 c000 2ee0 000d 0000 68656c6c6f",
    );
    let Packet::Udp(udp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!((udp.to.to_string(), udp.payload), ("[fdaa::1]:12000".into(), &b"hello"[..]));
    let layers: Vec<_> = layers(&frame).map(|part| part.layer).collect();
    let (hops, destination) = (Layer::HopByHop, Layer::Destination);
    assert_eq!(
        layers,
        [Layer::Ethernet, Layer::Vlan, Layer::Ipv6, hops, destination, Layer::Udp, Layer::Payload]
    );
}

#[test]
fn a_later_fragment_is_none_of_them() {
    let mut frame = hex(&format!("{ETHERNET_4} {IPV4_UDP} c000 2ee0 000d 0000 68656c6c6f"));
    frame[21] = 1;
    let Packet::Other(other) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!((other.layer, other.number, other.fragment), (Layer::Ipv4, Some(17), true));
}

#[test]
fn checksums_tell_who_is_damaged() {
    let mut frame = hex(&format!("{ETHERNET_4} {IPV4_UDP} c000 2ee0 000d 0000 68656c6c6f"));
    let sums: Vec<_> = layers(&frame).filter_map(|part| part.checksum()).collect();
    assert_eq!(sums, [(0x6f15, Sum::Right), (0, Sum::Absent)]);
    assert_eq!(damaged(&frame), None);
    frame[40..42].copy_from_slice(&[0x12, 0x34]);
    let (Some(right), Some(Layer::Udp)) = (
        layers(&frame).find_map(|part| match part.checksum() {
            Some((_, Sum::Wrong { right })) => Some(right),
            _ => None,
        }),
        damaged(&frame),
    ) else {
        panic!("a wrong checksum")
    };
    frame[40..42].copy_from_slice(&right.to_be_bytes());
    assert_eq!(damaged(&frame), None);
}

/// Every cut of every frame, and every byte replaced: the walk goes inwards, stays inside, and ends.
#[test]
fn the_walk_ends_whatever_the_bytes() {
    let good = hex(
        "020000000001 02005e000001 8100 0007 86dd 60000000 001d 00 40 fdaa0000000000000000000000000100
         fdaa0000000000000000000000000001 3c00 050200000100 1100 010400000000 c000 2ee0 000d 0000 68656c6c6f",
    );
    for at in 0..good.len() {
        for value in [0, 1, 4, 6, 17, 43, 44, 58, 60, 0x45, 0x7f, 0xff] {
            let mut frame = good.clone();
            frame[at] = value;
            for end in 0..=frame.len() {
                let frame = &frame[..end];
                let mut covered = 0;
                for part in layers(frame) {
                    assert_eq!(part.at, covered, "nothing is left out: {:?}", part.layer);
                    assert!(part.at <= part.end && part.end <= end && part.at + part.header <= part.end);
                    covered = match part.layer {
                        Layer::Payload | Layer::Rest | Layer::Trailer => part.end,
                        _ => part.at + part.header,
                    };
                    let _ = (part.checksum(), part.options().count());
                }
                assert_eq!(covered, end, "nothing is left out at the end");
                let _ = packet(frame);
            }
        }
    }
}

/// A sum word by word, as RFC 1071 says it.
fn plainly(bytes: &[u8]) -> u16 {
    let sum = bytes.chunks(2).fold(0_u32, |sum, word| {
        sum + (u32::from(word[0]) << 8) + word.get(1).map_or(0, |byte| u32::from(*byte))
    });
    (0..2).fold(sum, |sum, _| (sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn a_sum_is_that_of_rfc_1071_however_long_and_wherever_it_begins() {
    // RFC 1071 3, the example.
    assert_eq!(checksum::fold(checksum::sum(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    let bytes: Vec<u8> = (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for from in 0..5 {
        for to in from..bytes.len() {
            let bytes = &bytes[from..to];
            assert_eq!(checksum::fold(checksum::sum(0, bytes)), plainly(bytes), "{from}..{to}");
            let (first, rest) = bytes.split_at(bytes.len() / 4 * 2);
            let sum = checksum::sum(checksum::sum(0, first), rest);
            assert_eq!(checksum::fold(sum), plainly(bytes), "{from}..{to} in two");
        }
    }
    assert_eq!(checksum::fold(checksum::sum(0, &[0xff; 65_536])), 0xffff, "carries are not lost");
    assert_eq!(checksum::fold(checksum::sum(u32::MAX, &[0xff; 7])), plainly(&[0xff; 7]));
}

#[test]
fn pseudo_headers_are_sums_over_their_bytes() {
    let (a, b) = (Ipv4Addr::new(192, 168, 69, 100), Ipv4Addr::new(255, 254, 253, 1));
    for length in [0, 8, 1_480, 65_535] {
        let [.., high, low] = usize::to_be_bytes(length);
        let bytes = [&a.octets()[..], &b.octets(), &[0, 17, high, low]].concat();
        assert_eq!(checksum::fold(checksum::pseudo_v4(a, b, 17, length)), plainly(&bytes));
    }
    let (a, b): (Ipv6Addr, Ipv6Addr) = ("fdaa::100".parse().unwrap(), "ff02::1:ff00:1".parse().unwrap());
    for length in [0, 32, 65_535, 100_000] {
        let [.., e, f, g, h] = usize::to_be_bytes(length);
        let bytes = [&a.octets()[..], &b.octets(), &[e, f, g, h, 0, 0, 0, 58]].concat();
        assert_eq!(checksum::fold(checksum::pseudo_v6(a, b, 58, length)), plainly(&bytes));
    }
}

#[test]
fn what_is_written_of_arp_is_read_again() {
    let (us, them) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0x5e, 0, 0, 1]));
    let (ours, theirs) = (Ipv4Addr::new(192, 168, 69, 1), Ipv4Addr::new(192, 168, 69, 100));
    let mut frame = [0; arp::FRAME];
    arp::reply(&mut frame, (us, ours), (them, theirs));
    let bytes = "02005e000001 020000000001 0806 0001 0800 06 04 0002
        020000000001 c0a84501 02005e000001 c0a84564";
    assert_eq!(frame[..], hex(bytes));
    arp::request(&mut frame, (us, ours), theirs);
    let Packet::Arp(read) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
    assert_eq!((read.operation, read.sender, read.target), (arp::REQUEST, ours, theirs));
    assert_eq!((read.sender_mac, read.target_mac), (us, Mac([0; 6])));
    let (header, inside) = ethernet::Header::split(&frame).unwrap();
    assert_eq!((header.destination(), header.source()), (Mac::BROADCAST, us));
    let read = arp::Packet::new(inside).unwrap();
    assert_eq!((read.sender_mac(), read.sender(), read.target_mac()), (us, ours, Mac([0; 6])));
    assert!(arp::Packet::new(&inside[..27]).is_none(), "cut off");
    let start = "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001";
    arp::probe(&mut frame, us, theirs);
    assert_eq!(frame[..], hex(&format!("{start} 00000000 000000000000 c0a84564")));
    arp::announcement(&mut frame, (us, ours));
    assert_eq!(frame[..], hex(&format!("{start} c0a84501 000000000000 c0a84501")));
}

#[test]
fn what_is_written_of_ndp_is_read_again_and_right() {
    let (us, them) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0x5e, 0, 0, 1]));
    let (ours, theirs): (Ipv6Addr, Ipv6Addr) = ("fdaa::1".parse().unwrap(), "fdaa::100".parse().unwrap());
    let written = |message: ndp::Message| {
        let mut frame = [0xa5; ndp::Message::LONGEST];
        let frame = message.write(&mut frame).to_vec();
        assert_eq!(frame.len(), message.length());
        assert!(message.write(&mut [0; 61]).is_empty(), "no room");
        // What the way out leaves of it, before it fills in the checksum.
        let mut plain = frame.clone();
        plain[56..58].fill(0);
        let mut packet_alone = vec![0xa5; message.packet_length()];
        message.write_packet(&mut packet_alone);
        assert_eq!((&packet_alone[..], message.to().0), (&plain[14..], plain[..6].try_into().unwrap()));
        for length in 0..packet_alone.len() {
            message.write_packet(&mut packet_alone[..length]);
        }
        let sums: Vec<_> = layers(&frame).filter_map(|part| part.checksum()).map(|(_, sum)| sum).collect();
        assert_eq!((sums, layers(&frame).count()), (vec![Sum::Right], 3));
        let (header, _) = ipv6::Header::split(&frame[14..]).unwrap();
        assert_eq!((header.hop_limit(), header.payload_length()), (255, frame.len() - 54));
        let Packet::Icmp(icmp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
        assert_eq!((header.source(), header.destination()), (v6(icmp.from), v6(icmp.to)));
        (frame.clone(), icmp.to, format!("{:?}", icmp.message))
    };
    let mac = Some(us);
    let (frame, to, message) = written(ndp::Message::advertisement((us, ours), (them, theirs)));
    assert_eq!(message, format!("{:?}", Message::NeighborAdvertisement { target: ours, mac }));
    assert_eq!((to, frame[58], &frame[..6]), (theirs.into(), 0x60, &them.0[..]), "solicited, override");
    let everybody = (ethernet::ALL_NODES, ipv6::ALL_NODES);
    let (frame, ..) = written(ndp::Message::advertisement((us, ours), everybody));
    assert_eq!(frame[58], 0x20, "unsolicited, override");
    let nobody = (them, Ipv6Addr::UNSPECIFIED);
    assert_eq!(ndp::Message::answer((us, ours), nobody), ndp::Message::announcement((us, ours)));
    let answer = ndp::Message::answer((us, ours), (them, theirs));
    assert_eq!(answer, ndp::Message::advertisement((us, ours), (them, theirs)));
    let (frame, ..) = written(answer.without_override());
    assert_eq!(frame[58], 0x40, "solicited");
    let (frame, ..) = written(ndp::Message::announcement((us, ours)).without_override());
    assert_eq!(frame[58], 0);
    let (frame, ..) = written(ndp::Message::router_solicitation((us, ours)).without_mac());
    assert_eq!(frame.len(), 62, "without an option");
    let (frame, to, message) = written(ndp::Message::solicitation((us, ours), theirs));
    assert_eq!(message, format!("{:?}", Message::NeighborSolicitation { target: theirs }));
    assert_eq!((to, &frame[..6]), ("ff02::1:ff00:100".parse().unwrap(), &[0x33, 0x33, 0xff, 0, 1, 0][..]));
    assert_eq!(ndp::option::mac(ndp::option::SOURCE_LINK_LAYER_ADDRESS, &frame[78..]), Some(us));
    assert_eq!(ndp::option::mac(ndp::option::TARGET_LINK_LAYER_ADDRESS, &frame[78..]), None);
    let (frame, ..) = written(ndp::Message::probe(us, theirs));
    assert_eq!(
        (frame.len(), frame[22..38].iter().max()),
        (78, Some(&0)),
        "from no address, without an option"
    );
    let (frame, to, message) = written(ndp::Message::router_solicitation((us, ours)));
    assert_eq!((to, message), (ipv6::ALL_ROUTERS.into(), format!("{:?}", Message::RouterSolicitation)));
    assert_eq!(frame[62..], [1, 1, 2, 0, 0, 0, 0, 1]);
}

fn v6(address: IpAddr) -> Ipv6Addr {
    let IpAddr::V6(address) = address else { panic!("{address}") };
    address
}

/// Every reader finds in a whole frame what the walk finds.
#[test]
fn headers_and_the_walk_agree() {
    let frame = hex(&format!(
        "{ETHERNET_4} 4600 0040 0001 2007 4006 0000 c0a84564 c0a84501 01010101
         c000 2ee0 000003e8 00000007 8012 faf0 0000 0000 020405b4 0402 080a 68656c"
    ));
    let (ethernet, inside) = ethernet::Header::split(&frame).unwrap();
    assert_eq!((ethernet.ethertype(), ethernet.source()), (ethertype::IPV4, Mac([2, 0, 0x5e, 0, 0, 1])));
    let ip = ipv4::Header::new(inside).unwrap();
    assert_eq!(
        (ip.length(), ip.total_length(), ip.protocol(), ip.is_fragment()),
        (24, 64, protocol::TCP, true)
    );
    assert_eq!((ip.source(), ip.destination()), ([192, 168, 69, 100].into(), [192, 168, 69, 1].into()));
    let segment = tcp::Header::new(&inside[24..]).unwrap();
    assert_eq!((segment.source_port(), segment.destination_port(), segment.length()), (49_152, 12_000, 32));
    assert_eq!((segment.sequence(), segment.acknowledgment()), (TcpSeqNumber(1_000), TcpSeqNumber(7)));
    assert_eq!(segment.flags().0, Flags::SYN | Flags::ACK);
    let mut bare: [u8; 20] = *inside[24..].first_chunk().unwrap();
    tcp::set_plain(&mut bare, TcpSeqNumber(1), TcpSeqNumber(-2), Flags::FIN | Flags::ACK);
    assert_eq!(bare[..], hex("c000 2ee0 00000001 fffffffe 5011 faf0 0000 0000"));
    let mut bare: [u8; 20] = *inside.first_chunk().unwrap();
    ipv4::set_plain(&mut bare, 20);
    assert_eq!(bare[..], hex("4500 0028 0001 2007 4006 0000 c0a84564 c0a84501"));
    assert_eq!(
        (Flags::bit(Flags::FIN), Flags::bit(Flags::CWR), ipv4::flag_bit(ipv4::DONT_FRAGMENT)),
        (111, 104, 49)
    );
    assert_eq!(ndp::flag_bit(ndp::OVERRIDE), 34);
    for (packet, right) in [(hex("45"), false), (hex("44").repeat(20), false), (hex("65").repeat(20), false)]
    {
        assert_eq!(ipv4::Header::new(&packet).is_some(), right);
    }
    let group = ipv6::solicited_node("fe80::1:2".parse().unwrap());
    assert_eq!((group.to_string(), ipv6::solicited_by(group)), ("ff02::1:ff01:2".into(), Some([1, 0, 2])));
    assert_eq!(ipv6::solicited_by(ipv6::ALL_NODES), None);
}

#[test]
fn options_of_neighbour_discovery_end_at_what_cannot_be() {
    let options =
        hex("0101 020000000001 0304 40 c0 00278d00 00093a80 00000000 fdaa0000000000000000000000000000 0500");
    let each: Vec<_> = ndp::option::each(&options).collect();
    assert_eq!(each.iter().map(|option| option.len()).collect::<Vec<_>>(), [8, 32]);
    let prefix = ndp::option::Prefix::new(each[1]).unwrap();
    assert_eq!((prefix.bits(), prefix.valid(), prefix.preferred()), (64, 2_592_000, 604_800));
    assert_eq!(prefix.network(), [0xfd, 0xaa, 0, 0, 0, 0, 0, 0]);
    assert!(prefix.has(ndp::option::Prefix::ON_LINK) && prefix.has(ndp::option::Prefix::AUTONOMOUS));
    assert!(!prefix.has(ndp::option::Prefix::ROUTER) && ndp::option::Prefix::new(each[0]).is_none());
}
