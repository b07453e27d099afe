//! Somebody else has an address of a client's.

use test_support::world::raw::{SERVER_MAC, announces, defence, sent_by};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, server_v4, server_v6, small, tcp_socket};
use undersock::client::ExchangeError;
use undersock::host::{HostConfig, Mac};
use undersock::packet::{Packet, packet};
use undersock::server::{Config, Memory};
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};

const OTHER: Mac = Mac([2, 0, 0x5e, 0, 0, 0x66]);

/// A client that says at its start who is there.
fn world() -> World<Uppercase> {
    let mut config = Config::default().with_seed(0x5eed);
    config.host.announce = false;
    let client = HostConfig::client().with_seed(0xc11e);
    World::of_hosts(config, Memory::owned(small()), Uppercase::new(), &client)
}

#[test]
fn an_ipv6_address_that_somebody_has_is_given_up_with_its_connections() {
    let mut world = world();
    let [v4, v6] = [server_v4(), server_v6()].map(|server| {
        world.client.connect(world.now, tcp_socket(), IpEndpoint::new(server, 12_001)).expect("a socket")
    });
    world.pass(Duration::from_millis(10));
    assert_eq!([v4, v6].map(|handle| world.client.socket(handle).state()), [State::Established; 2]);
    let IpAddress::Ipv6(own) = client_v6() else { panic!("it is IPv6") };
    let sent = world.server.counters().frames_in;
    let claim = defence(OTHER, own, own);
    assert!(world.server_end.inject(world.now, &claim));
    world.pass(Duration::from_millis(10));
    assert_eq!(world.client.counters().conflicts, 1);
    assert_eq!(
        [v4, v6].map(|handle| world.client.socket(handle).state()),
        [State::Established, State::Closed]
    );
    assert_eq!(
        world.server.counters().frames_in,
        sent,
        "without a word from an address that is somebody else's"
    );
    let again = world.client.connect(world.now, tcp_socket(), IpEndpoint::new(server_v6(), 12_001));
    assert_eq!(again.err(), Some(ExchangeError::Unreachable), "no network is left in which the server is");
    assert_eq!(world.tcp(server_v4(), b"hello").as_deref(), Ok(&b"HELLO"[..]));
}

#[test]
fn a_static_ipv4_address_is_defended() {
    let mut world = world();
    let handle = world
        .client
        .connect(world.now, tcp_socket(), IpEndpoint::new(server_v4(), 12_001))
        .expect("a socket");
    world.pass(Duration::from_secs(3));
    let since = world.now;
    for _ in 0..5 {
        let claim = sent_by(OTHER, announces(OTHER, client_v4()));
        assert!(world.server_end.inject(world.now, &claim));
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.client.counters().conflicts, 1);
    let defences = world.history.sent_by_client().into_iter().filter(|(at, frame)| {
        let own = matches!(packet(frame), Packet::Arp(arp) if arp.sender_mac == CLIENT_MAC && arp.sender == arp.target);
        own && *at >= since
    });
    assert_eq!(defences.count(), 1);
    assert_eq!(world.client.socket(handle).state(), State::Established);
    // The server's is the server's.
    assert!(world.server_end.inject(world.now, &announces(SERVER_MAC, server_v4())));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.client.counters().conflicts, 1);
}
