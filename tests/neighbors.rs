//! Whom we answer, and where: at the Ethernet address that the question came from. Nobody has to be asked for first, no
//! claim takes an answer from who asked, and no flood does.

use test_support::world::raw::{
    Peer, Segment, advertises, announces, answers, asked_in, goes_to, ip_in, ping, sent_by, tcp_in, udp,
    udp_in,
};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::host::{HostConfig, Mac};
use undersock::server::Config;
use undersock::service::Uppercase;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{IpAddress, IpProtocol, NdiscNeighborFlags, TcpControl};

const CLIENT: Mac = Mac([2, 0, 0x5e, 0, 0, 1]);
const LIAR: Mac = Mac([2, 0, 0x5e, 0, 0, 0x66]);

fn world() -> World<Uppercase> {
    World::new(small()).raw()
}

/// The same without gateways.
fn without_gateways() -> World<Uppercase> {
    let mut config = Config::default().with_seed(0x5eed);
    config.host.gateways.clear();
    World::with(config, small(), Uppercase::new()).raw()
}

fn far_v4() -> IpAddress {
    IpAddress::v4(10, 1, 2, 3)
}

fn far_v6() -> IpAddress {
    IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77)
}

/// Who asks, and whom.
fn pairs() -> [(IpAddress, IpAddress); 4] {
    [(client_v4(), server_v4()), (client_v6(), server_v6()), (far_v4(), server_v4()), (far_v6(), server_v6())]
}

fn syn(from: IpAddress, to: IpAddress, port: u16) -> Vec<u8> {
    Segment { from: (from, 5_000), to: (to, port), control: TcpControl::Syn, ..Segment::default() }.frame()
}

fn icmp(address: IpAddress) -> IpProtocol {
    if matches!(address, IpAddress::Ipv4(_)) { IpProtocol::Icmp } else { IpProtocol::Icmpv6 }
}

/// Gives a frame that came from there, and the one answer, which goes back there.
fn answered(world: &mut World<Uppercase>, from: Mac, frame: Vec<u8>) -> Vec<u8> {
    let got = world.give(&sent_by(from, frame));
    let [answer] = &got[..] else { panic!("one answer, not {got:?}") };
    assert_eq!(goes_to(answer), from);
    answer.clone()
}

/// Of every kind, on the link and from other networks, with and without a gateway, the first as the last.
#[test]
fn an_answer_goes_where_the_question_came_from() {
    for mut world in [world(), without_gateways()] {
        for (number, (from, to)) in (1..).zip(pairs()) {
            for again in 0..2u8 {
                let mac = Mac([2, 0, 0x5e, 1, again, number]);
                let got = answered(&mut world, mac, udp((from, 5_000), (to, 12_000), b"hello"));
                assert!(udp_in(&got).is_some_and(|(_, _, bytes)| bytes == b"HELLO"), "{from}");
                let got = answered(&mut world, mac, syn(from, to, 80));
                assert!(tcp_in(&got).is_some_and(|got| got.rst), "{from}");
                let got = answered(&mut world, mac, udp((from, 5_000), (to, 9), b"a"));
                assert!(ip_in(&got, icmp(from)).is_some(), "{from}");
                for length in [8, 1_000, 1_400] {
                    let got = answered(&mut world, mac, ping(from, to, &vec![7; length]));
                    let (to, message) = ip_in(&got, icmp(from)).expect("an echo");
                    assert_eq!((to, &message[8..]), (from, &vec![7; length][..]));
                }
                // A connection, from its SYN to its end.
                let mut peer =
                    Peer { from: (from, 6_000 + u16::from(again)), to: (to, 12_000), ..Peer::new(6_000) };
                for (control, bytes) in
                    [(TcpControl::Syn, &b""[..]), (TcpControl::Psh, b"hi"), (TcpControl::Fin, b"")]
                {
                    let frame = peer.segment(control, bytes);
                    let got = answered(&mut world, mac, frame);
                    peer.got(&tcp_in(&got).expect("a segment"));
                }
            }
        }
    }
}

/// That the client is at another place: in all the ways in which ARP and neighbour discovery can say that.
fn claims(client: IpAddress) -> Vec<Vec<u8>> {
    let mut claims = vec![answers(LIAR, client), announces(LIAR, client)];
    if let IpAddress::Ipv6(own) = client {
        for flags in [
            NdiscNeighborFlags::empty(),
            NdiscNeighborFlags::OVERRIDE,
            NdiscNeighborFlags::SOLICITED,
            NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE | NdiscNeighborFlags::ROUTER,
        ] {
            claims.push(advertises(LIAR, own, own, flags));
        }
    }
    claims
}

/// Neither a datagram's reply, nor a connection that goes on, nor one that is silent because nobody has anything to say.
#[test]
fn no_claim_moves_an_answer_or_a_healthy_connection() {
    for (client, server) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        for claim in claims(client) {
            let mut world = world();
            let mut peer = Peer { from: (client, 40_000), to: (server, 12_001), ..Peer::new(40_000) };
            let syn = peer.segment(TcpControl::Syn, b"");
            let got = answered(&mut world, CLIENT, syn);
            peer.got(&tcp_in(&got).expect("a SYN-ACK"));
            let ack = peer.segment(TcpControl::None, b"");
            assert_eq!(world.give(&sent_by(CLIENT, ack)), [[0; 0]; 0]);
            world.give(&claim);
            let got = answered(&mut world, CLIENT, udp((client, 5_000), (server, 12_000), b"where?"));
            assert_eq!(udp_in(&got).expect("a datagram").2, b"WHERE?");
            // Bytes come, and the claim with them; what isn't acknowledged is sent again.
            let data = peer.segment(TcpControl::Psh, b"here");
            let got = world.give_all(&[sent_by(CLIENT, data), claim.clone()]);
            let segments: Vec<_> = got.iter().filter(|frame| tcp_in(frame).is_some()).collect();
            assert!(segments.len() == 1 && goes_to(segments[0]) == CLIENT, "{got:?}");
            peer.got(&tcp_in(segments[0]).expect("a segment"));
            world.give(&claim);
            // Twice; at the third time it would be asked for.
            world.pass(Duration::from_millis(1_300));
            let got = world.sent();
            assert_eq!(got.iter().map(|frame| goes_to(frame)).collect::<Vec<_>>(), [CLIENT; 2], "again");
            let ack = peer.segment(TcpControl::None, b"");
            assert_eq!(world.give_all(&[sent_by(CLIENT, ack), claim]), [[0; 0]; 0]);
            world.pass(Duration::from_secs(5));
            assert_eq!(world.sent(), [[0; 0]; 0], "nobody is asked for");
        }
    }
}

/// Datagrams from ten thousand hosts, each with an Ethernet address of its own: all are answered there.
fn flood(world: &mut World<Uppercase>, v6: bool) {
    for host in 0..10_000u16 {
        let [high, low] = host.to_be_bytes();
        let (from, to) = if v6 {
            (IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 9, host), server_v6())
        } else {
            // A /24 has too few: the rest by another Ethernet address each time.
            (IpAddress::v4(192, 168, 69, 2 + low % 97), server_v4())
        };
        answered(world, Mac([2, 9, 9, 9, high, low]), udp((from, 5_000), (to, 12_000), b"void"));
    }
}

/// The client is silent while the flood goes on; then it is answered at once.
#[test]
fn a_flood_of_senders_takes_no_client_its_connection() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    (peer.from.0, peer.to.0) = (client_v6(), server_v6());
    world.connect(&mut peer);
    for v6 in [true, false] {
        flood(&mut world, v6);
        let data = peer.segment(TcpControl::Psh, b"alive");
        let got = world.give_tcp(&data);
        assert!(matches!(&got[..], [got] if got.payload == b"ALIVE"), "{got:?}");
        peer.got(&got[0]);
        let ack = peer.segment(TcpControl::None, b"");
        world.give(&ack);
        world.pass(Duration::from_secs(13));
    }
}

/// Errors are limited to a hundred a second; an echo is the question itself, and no more.
#[test]
fn of_a_flood_errors_are_limited_and_echoes_are_not() {
    let mut world = world();
    let (mut echoes, mut errors, began) = (0, 0, world.now);
    for host in 0..10_000u16 {
        let [high, low] = host.to_be_bytes();
        let from = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 9, host);
        let ping = host % 2 == 0;
        let frame = if ping { ping_of(from) } else { udp((from, 5_000), (server_v6(), 9), b"a") };
        let got = world.give(&sent_by(Mac([2, 9, 9, 9, high, low]), frame));
        assert!(got.iter().all(|frame| asked_in(frame).is_none()), "nobody is asked for: {got:?}");
        *(if ping { &mut echoes } else { &mut errors }) += got.len();
    }
    // As many as at once, and a hundred for each second since.
    let most = 100 + (world.now - began).total_millis() as usize / 10;
    assert_eq!(echoes, 5_000);
    assert!((most - 1..=most + 1).contains(&errors), "{errors} of {most}");
    let got = world.give(&udp((client_v4(), 5_000), (server_v4(), 12_000), b"still there?"));
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
}

fn ping_of(from: IpAddress) -> Vec<u8> {
    ping(from, server_v6(), b"x")
}

/// Answers by way of the gateway, where that is wanted: to other networks, once it has said where it is.
#[test]
fn answers_go_by_way_of_the_gateway_if_that_is_wanted() {
    const GATEWAY: Mac = Mac([2, 0, 0x5e, 0, 0, 0xfe]);
    let mut config = Config::default().with_seed(0x5eed);
    config.host = HostConfig::default().with_seed(1).with_replies_via_gateway();
    let mut world = World::with(config, small(), Uppercase::new()).raw();
    let way = |world: &mut World<Uppercase>, (from, to): (IpAddress, IpAddress)| {
        let got = world.give(&sent_by(CLIENT, udp((from, 5_000), (to, 12_000), b"hello")));
        let reply = got.iter().find(|frame| udp_in(frame).is_some());
        goes_to(reply.expect("a reply"))
    };
    world.pass(Duration::from_millis(100));
    let mut asked: Vec<_> = world.sent().iter().filter_map(|frame| asked_in(frame)).collect();
    asked.sort_unstable();
    assert_eq!(asked, [client_v4(), client_v6()], "the gateways");
    for pair in pairs() {
        assert_eq!(way(&mut world, pair), CLIENT, "nothing better is known");
    }
    world.give_all(&[answers(GATEWAY, client_v4()), answers(GATEWAY, client_v6())]);
    let [near_v4, near_v6, far_v4, far_v6] = pairs();
    for (pair, mac) in [(near_v4, CLIENT), (near_v6, CLIENT), (far_v4, GATEWAY), (far_v6, GATEWAY)] {
        assert_eq!(way(&mut world, pair), mac, "{pair:?}");
        let mut peer = Peer { from: (pair.0, 40_000), to: (pair.1, 12_000), ..Peer::new(40_000) };
        for (control, bytes) in
            [(TcpControl::Syn, &b""[..]), (TcpControl::Psh, b"hi"), (TcpControl::Fin, b"")]
        {
            let frame = sent_by(CLIENT, peer.segment(control, bytes));
            let got = world.give(&frame);
            let [answer] = &got[..] else { panic!("one answer, not {got:?}") };
            assert_eq!(goes_to(answer), mac, "{pair:?}");
            peer.got(&tcp_in(answer).expect("a segment"));
        }
    }
    // What they say is asked for again from time to time, and holds until it is known that nobody is there.
    world.pass(Duration::from_secs(60));
    let asked: Vec<_> = world.sent().iter().filter_map(|frame| asked_in(frame)).collect();
    assert!(asked.contains(&client_v4()) && asked.contains(&client_v6()), "{asked:?}");
    assert_eq!(way(&mut world, far_v4), GATEWAY);
    world.pass(Duration::from_secs(3));
    assert_eq!(way(&mut world, far_v4), CLIENT);
}
