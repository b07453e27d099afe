use core::net::{Ipv4Addr, Ipv6Addr};

use test_support::world::raw::hex;

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
