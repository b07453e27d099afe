//! Somebody else has an address of ours: which are given up, which are defended, and what becomes of connections.

use test_support::world::raw::{
    Peer, announces, answers, arp, asked_in, defence, detection, discovery_in, sent_by, solicitation, tcp_in,
    udp, udp_in,
};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::device::wire::Wire;
use undersock::event::{Conflict, Event, Observer};
use undersock::host::Mac;
use undersock::packet::{Packet, packet};
use undersock::server::{Config, Memory, Server};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{ArpOperation, IpAddress, Ipv6Address, NdiscNeighborFlags, TcpControl};

const OTHER: Mac = Mac([2, 0, 0x5e, 0, 0, 0x66]);
const LINK_LOCAL: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
const ADVERTISEMENT: u8 = 136;

/// A server that says at its start who is there.
fn world() -> World<Uppercase> {
    let mut world =
        World::as_configured(Config::default().with_seed(0x5eed), Memory::owned(small()), Uppercase::new())
            .raw();
    world.poll();
    world
}

fn texts(world: &World<Uppercase>) -> Vec<String> {
    world.server.addresses().iter().map(ToString::to_string).collect()
}

fn v6(address: IpAddress) -> Ipv6Address {
    let IpAddress::Ipv6(address) = address else { panic!("{address} is not IPv6") };
    address
}

/// A connection from a client of the link at this address of the server's.
fn connect(world: &mut World<Uppercase>, to: IpAddress, port: u16) -> Peer {
    let from = if matches!(to, IpAddress::Ipv4(_)) { client_v4() } else { client_v6() };
    let mut peer = Peer { from: (from, port), to: (to, 12_001), ..Peer::new(port) };
    for (control, bytes) in
        [(TcpControl::Syn, &b""[..]), (TcpControl::None, b""), (TcpControl::Psh, b"reply")]
    {
        let frame = peer.segment(control, bytes);
        let got = world.give(&frame);
        got.iter().filter_map(|frame| tcp_in(frame)).for_each(|got| peer.got(&got));
    }
    let ack = peer.segment(TcpControl::None, b"");
    world.give(&ack);
    peer
}

/// What says to others that an address is theirs, or that they want it, while it isn't known yet whether it is ours alone.
fn claims(address: Ipv6Address) -> [Vec<u8>; 2] {
    [defence(OTHER, address, address), sent_by(OTHER, detection(address.into()))]
}

#[test]
fn an_ipv6_address_that_somebody_has_is_given_up_within_the_second() {
    for (address, left) in [
        (v6(server_v6()), ["192.168.69.1/24", "fe80::ff:fe00:1/64"]),
        (LINK_LOCAL, ["192.168.69.1/24", "fdaa::1/64"]),
    ] {
        for claim in claims(address) {
            for after in [1, 500, 990] {
                let mut world = world();
                // It serves from the start (RFC 4429), and its connections go with it.
                let lost = connect(&mut world, address.into(), 40_000);
                let mut kept = connect(&mut world, server_v4(), 40_001);
                assert_eq!(world.server.used(), 2);
                world.pass(Instant::from_secs(1) + Duration::from_millis(after) - world.now);
                world.sent();
                let got = world.give(&claim);
                assert!(got.iter().all(|frame| discovery_in(frame).is_none()), "it isn't defended: {got:?}");
                assert_eq!(texts(&world), left, "{address} after {after} ms");
                assert_eq!((world.server.used(), world.server.counters().conflicts), (1, 1));
                // Nothing is said from it any more, whoever asks.
                let mut lost = lost;
                let data = lost.segment(TcpControl::Psh, b"on");
                let request = udp((client_v6(), 5_000), (address.into(), 12_000), b"hello");
                for frame in [data, request, solicitation(v6(client_v6()), address)] {
                    assert_eq!(world.give(&frame), [[0; 0]; 0]);
                }
                let data = kept.segment(TcpControl::Psh, b"on");
                assert_eq!(world.give_tcp(&data)[0].payload, b"ON");
                // Nor is it taken back.
                world.pass(Duration::from_secs(60));
                assert_eq!(texts(&world), left);
            }
        }
    }
}

#[test]
fn after_the_second_it_is_defended_and_kept() {
    for address in [v6(server_v6()), LINK_LOCAL] {
        let mut world = world();
        world.pass(Duration::from_secs(5));
        world.sent();
        let mut peer = connect(&mut world, address.into(), 40_000);
        let before = texts(&world);
        let began = world.now;
        let mut defences = vec![];
        for _ in 0..50 {
            let got = world.give(&defence(OTHER, address, address));
            for (from, to, kind, rest) in got.iter().filter_map(|frame| discovery_in(frame)) {
                assert_eq!(
                    (from, kind, to),
                    (address, ADVERTISEMENT, Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1))
                );
                assert!(rest.starts_with(&address.octets()));
                defences.push((world.now - began).secs());
            }
            world.pass(Duration::from_millis(500));
        }
        assert_eq!(defences, [0, 10, 20]);
        assert_eq!((texts(&world), world.server.counters().conflicts), (before, 3));
        // Who is about to take it is told at once, each time.
        for _ in 0..3 {
            let got = world.give(&sent_by(OTHER, detection(address.into())));
            assert!(matches!(&got[..], [one] if discovery_in(one).is_some_and(|got| got.2 == ADVERTISEMENT)));
        }
        let data = peer.segment(TcpControl::Psh, b"on");
        assert!(world.give_tcp(&data).iter().any(|got| got.payload.ends_with(b"ON")));
    }
}

/// What is said of an address overrides what is known of it only once nobody has objected (RFC 4429 3.3).
#[test]
fn an_optimistic_address_overrides_nothing() {
    let mut world = world();
    world.sent();
    let asks = |world: &mut World<Uppercase>| {
        let got = world.give(&solicitation(v6(client_v6()), v6(server_v6())));
        let says = |frame: &&Vec<u8>| discovery_in(frame).is_some_and(|got| got.2 == ADVERTISEMENT);
        let answers: Vec<_> = got.iter().filter(says).collect();
        let [answer] = answers[..] else { panic!("one answer, not {got:?}") };
        let flags = answer[14 + 40 + 4];
        assert_eq!(flags & 0x40, 0x40, "solicited");
        flags & 0x20 != 0
    };
    assert!(!asks(&mut world));
    world.pass(Duration::from_millis(900));
    world.sent();
    assert!(!asks(&mut world));
    world.pass(Duration::from_millis(200));
    world.sent();
    assert!(asks(&mut world));
}

/// A static IPv4 address is in use from the start, and stays (RFC 5227 2.4 c). So do its connections.
#[test]
fn a_static_ipv4_address_is_defended_from_the_start() {
    let mut world = world();
    let mut peer = connect(&mut world, server_v4(), 40_000);
    for round in 0..100 {
        world.sent();
        let claim = [answers(OTHER, server_v4()), announces(OTHER, server_v4())];
        let got = world.give(&claim[round % 2]);
        assert!(got.iter().all(|frame| asked_in(frame).is_none()), "{got:?}");
        world.pass(Duration::from_millis(130));
        world.sent();
        let data = peer.segment(TcpControl::Psh, b"on");
        let got = world.give_tcp(&data);
        assert!(got.iter().any(|got| got.payload.ends_with(b"ON")), "round {round}: {got:?}");
        got.iter().for_each(|got| peer.got(got));
    }
    assert_eq!(texts(&world).len(), 3);
    assert_eq!(world.server.counters().conflicts, 2, "in thirteen seconds");
    // What only looks like a claim is none: a probe for it is answered, and somebody else's address is theirs.
    let probe = arp(ArpOperation::Request, (OTHER, IpAddress::v4(0, 0, 0, 0)), server_v4());
    assert!(
        matches!(&world.give(&probe)[..], [reply] if matches!(packet(reply), Packet::Arp(arp) if arp.operation == 2))
    );
    world.give(&announces(OTHER, client_v4()));
    assert_eq!(world.server.counters().conflicts, 2);
}

/// What a conflict was about, as the observer is told.
#[derive(Default)]
struct Conflicts(Vec<Conflict>);

impl Observer for Conflicts {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        if let Event::Conflict(conflict) = event {
            self.0.push(*conflict);
        }
    }
}

#[test]
fn the_observer_is_told_of_each_conflict() {
    let wire = Wire::owned(Duration::ZERO, 16);
    let (mut end, mut other) = wire.ends();
    let mut now = Instant::from_secs(1);
    let mut server =
        Server::new(&Config::default(), Memory::owned(small()), &mut end, now).expect("a server");
    let mut conflicts = Conflicts::default();
    let mut give = |now: Instant, frame: Option<Vec<u8>>| {
        assert!(frame.is_none_or(|frame| other.inject(now, &frame)));
        server.poll(now, &mut end, &mut Uppercase::new(), &mut conflicts);
        while other.take(now).is_some() {}
    };
    give(now, None);
    give(now, Some(defence(OTHER, LINK_LOCAL, LINK_LOCAL)));
    give(now, Some(answers(OTHER, server_v4())));
    now += Duration::from_secs(2);
    give(now, Some(defence(OTHER, v6(server_v6()), v6(server_v6()))));
    let told = [(LINK_LOCAL.into(), true), (server_v4(), false), (server_v6(), false)];
    assert_eq!(conflicts.0, told.map(|(address, given_up)| Conflict::new(address, OTHER, given_up)));
}

/// Only who could have it: what came in a frame of our own, or from a group's address, is none.
#[test]
fn what_cannot_be_is_no_conflict() {
    let mut world = world();
    world.sent();
    let group = Mac([1, 0, 0x5e, 0, 0, 1]);
    let own = test_support::world::raw::SERVER_MAC;
    for mac in [own, group, Mac([0xff; 6])] {
        for frame in [
            answers(mac, server_v4()),
            announces(mac, server_v4()),
            sent_by(mac, defence(OTHER, LINK_LOCAL, LINK_LOCAL)),
            sent_by(mac, detection(LINK_LOCAL.into())),
        ] {
            world.give(&frame);
        }
    }
    // Advertisements that a router could have forwarded, or whose checksum is wrong, say nothing.
    let mut forwarded = defence(OTHER, LINK_LOCAL, LINK_LOCAL);
    forwarded[14 + 7] = 254;
    let mut broken = defence(OTHER, LINK_LOCAL, LINK_LOCAL);
    broken[14 + 40 + 2] ^= 0x55;
    for frame in [forwarded, broken] {
        world.give(&frame);
    }
    assert_eq!((texts(&world).len(), world.server.counters().conflicts), (3, 0));
    let got = world.give(&udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello"));
    assert!(got.iter().any(|frame| udp_in(frame).is_some() && frame[..6] == CLIENT_MAC.0));
    let flags = NdiscNeighborFlags::OVERRIDE | NdiscNeighborFlags::SOLICITED;
    world.give(&test_support::world::raw::advertises(OTHER, LINK_LOCAL, LINK_LOCAL, flags));
    assert_eq!((texts(&world).len(), world.server.counters().conflicts), (2, 1), "and this is one");
}
