//! Whose Ethernet address the stack knows: nobody waits for it, and no flood takes it from those who are served.

use test_support::world::raw::{Peer, Segment, defence, ip_in, ping, tcp_in, udp, udp_in};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::host::Mac;
use undersock::packet::ethernet::HEADER as ETHERNET;
use undersock::packet::{Sum, icmp, ipv6, layers, ndp};
use undersock::service::Uppercase;
use undersock::smoltcp::config::IFACE_NEIGHBOR_CACHE_COUNT;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{IpAddress, IpProtocol, TcpControl};

fn world() -> World<Uppercase> {
    World::new(small()).raw()
}

/// Datagrams from as many hosts as the stack remembers, and some more, each with an Ethernet address of its own.
fn flood(world: &mut World<Uppercase>, v6: bool) {
    for host in 0..IFACE_NEIGHBOR_CACHE_COUNT as u16 + 8 {
        let [high, low] = host.to_be_bytes();
        let (from, to) = if v6 {
            (IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 9, host), server_v6())
        } else {
            // A /24 has too few: two ends of it, and the rest by another Ethernet address each time.
            (IpAddress::v4(192, 168, 69, 2 + low % 97 + (low & 1) * 100), server_v4())
        };
        let mut frame = udp((from, 5_000), (to, 12_000), b"void");
        frame[6..12].copy_from_slice(&[2, 9, 9, 9, high, low]);
        world.give(&frame);
        world.now += Duration::from_micros(100);
    }
}

/// The client is silent while the flood goes on; then it is answered at once.
#[test]
fn a_flood_of_senders_takes_no_client_its_connection() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    (peer.from.0, peer.to.0) = (client_v6(), server_v6());
    world.connect(&mut peer);
    for round in 0..5 {
        flood(&mut world, true);
        let data = peer.segment(TcpControl::Psh, b"alive");
        let got = world.give_tcp(&data);
        assert!(matches!(&got[..], [got] if got.payload == b"ALIVE"), "round {round}: {got:?}");
        peer.got(&got[0]);
        let ack = peer.segment(TcpControl::None, b"");
        world.give(&ack);
        world.pass(Duration::from_secs(13));
    }
    flood(&mut world, false);
}

/// A reset, an ICMP error, an echo: to who has never asked for our address, at once.
#[test]
fn the_first_answer_finds_its_way() {
    let syn = |from, to| {
        Segment { from: (from, 5_000), to: (to, 80), control: TcpControl::Syn, ..Segment::default() }.frame()
    };
    for (from, to, icmp) in [
        (client_v4(), server_v4(), IpProtocol::Icmp),
        (client_v6(), server_v6(), IpProtocol::Icmpv6),
        (IpAddress::v4(10, 1, 2, 3), server_v4(), IpProtocol::Icmp),
    ] {
        let got = world().give(&syn(from, to));
        assert!(matches!(&got[..], [one] if tcp_in(one).is_some_and(|got| got.rst)), "{from}: {got:?}");
        let got = world().give(&udp((from, 5_000), (to, 9), b"a"));
        assert!(matches!(&got[..], [one] if ip_in(one, icmp).is_some()), "{from}: {got:?}");
        for length in [8, 1_000, 1_400] {
            let got = world().give(&ping(from, to, &vec![7; length]));
            let [echo] = &got[..] else { panic!("{from}: {got:?}") };
            let (to, message) = ip_in(echo, icmp).expect("an echo");
            assert_eq!((to, &message[8..]), (from, &vec![7; length][..]));
        }
    }
}

/// Of a flood of such frames no more are learnt than are answered.
#[test]
fn a_flood_of_frames_for_nobody_is_learnt_at_a_bounded_rate() {
    let mut world = world();
    let mut answers = 0;
    for host in 0..400u16 {
        let from = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 9, host);
        let mut frame = if host % 2 == 0 {
            ping(from, server_v6(), b"x")
        } else {
            udp((from, 5_000), (server_v6(), 9), b"a")
        };
        frame[6..12].copy_from_slice(&[2, 9, 9, 9, 9, host as u8]);
        let got = world.give(&frame);
        answers += got.iter().filter(|frame| frame[20] == 58 && matches!(frame[54], 1 | 129)).count();
    }
    assert!((90..=115).contains(&answers), "{answers}");
    let got = world.give(&udp((client_v4(), 5_000), (server_v4(), 12_000), b"still there?"));
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
}

/// A neighbour advertisement that this is where the client is, with the flag that overrides what was known or without.
fn claim(mac: [u8; 6], overrides: bool) -> Vec<u8> {
    let IpAddress::Ipv6(client) = client_v6() else { panic!("neighbour discovery is for IPv6") };
    let mut frame = defence(Mac(mac), client, client);
    if !overrides {
        frame[ETHERNET + ipv6::HEADER + ndp::NEIGHBOR_FLAGS.start] &= !0x20;
    }
    let sum = layers(&frame).find_map(|part| match part.checksum() {
        Some((_, Sum::Wrong { right })) => Some(right),
        _ => None,
    });
    if let Some(right) = sum {
        let at = ETHERNET + ipv6::HEADER + icmp::CHECKSUM.start;
        frame[at..at + 2].copy_from_slice(&right.to_be_bytes());
    }
    frame
}

/// Without the override flag, another Ethernet address doesn't take the place of what is known (RFC 4861 7.2.5): the
/// client is answered where it is, also when the stack's own memory of it has ended.
#[test]
fn an_advertisement_overrides_what_is_known_only_if_it_says_so() {
    const CLIENT: [u8; 6] = [2, 0, 0x5e, 0, 0, 1];
    const OTHER: [u8; 6] = [2, 0, 0x5e, 0, 0, 0x66];
    let ask = || {
        let mut frame = udp((client_v6(), 5_000), (server_v6(), 12_000), b"where?");
        frame[6..12].copy_from_slice(&CLIENT);
        frame
    };
    for known in [true, false] {
        let mut world = world();
        if known {
            world.give(&claim(CLIENT, true));
        }
        world.give(&claim(OTHER, false));
        for after in [0, 70] {
            world.pass(Duration::from_secs(after));
            let got = world.give(&ask());
            let answered = |mac: [u8; 6]| match &got[..] {
                [one] => udp_in(one).is_some() && one.starts_with(&mac),
                _ => false,
            };
            if known {
                assert!(answered(CLIENT), "{after} s: {got:?}");
            } else if after == 0 {
                assert!(answered(OTHER), "nothing was known, so it is what an advertisement says: {got:?}");
            }
        }
    }
    let mut world = world();
    world.give(&claim(CLIENT, true));
    world.give(&claim(OTHER, true));
    let got = world.give(&ask());
    assert!(matches!(&got[..], [one] if one.starts_with(&OTHER)), "{got:?}");
}
