//! A link that carries IP packets and nothing before them, as a TUN interface does: no Ethernet, so nobody to ask for.

use test_support::world::raw::{ip_in, ping};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::client::Client;
use undersock::device::wire::Wire;
use undersock::host::{HostConfig, HostError};
use undersock::packet::Link;
use undersock::server::{Config, ConfigError, Memory, Server};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::IpProtocol;

fn world() -> World<Uppercase> {
    let mut config = Config::default().with_seed(0x5eed);
    config.host = config.host.without_link();
    let client = HostConfig::client().with_seed(0xc11e).without_link();
    World::of_hosts(config, Memory::owned(small()), Uppercase::new(), &client)
}

#[test]
fn datagrams_sentences_and_streams_come_back() {
    let mut world = world();
    let bytes: Vec<u8> = (0..20_000u32).map(|at| b'a' + (at * 7 % 26) as u8).collect();
    let began = world.now;
    for server in [server_v4(), server_v6()] {
        assert_eq!(world.udp(server, b"hello").as_deref(), Ok(&b"HELLO"[..]));
        assert_eq!(world.tcp(server, b"hello").as_deref(), Ok(&b"HELLO"[..]));
        assert!(world.stream(server, &bytes) == bytes.to_ascii_uppercase());
        let largest = vec![b'a'; undersock::server::max_datagram(server)];
        assert_eq!(world.udp(server, &largest), Ok(largest.to_ascii_uppercase()));
    }
    assert!((world.now - began).secs() < 1, "nobody had to be asked for");
    let timeline = world.history.timeline();
    for word in ["arp", "ndp", "icmp"] {
        assert!(!timeline.contains(word), "{word}");
    }
    assert_eq!(world.server.counters().dropped_in_all(), 0);
    assert_eq!((world.server.mac(), world.server.addresses().len()), (None, 2), "and no link-local address");
}

/// Neither announcements nor questions for duplicates, nor groups.
#[test]
fn nothing_is_said_unasked() {
    let mut world = world();
    world.pass(Duration::from_secs(600));
    world.server.link_up(world.now);
    world.pass(Duration::from_secs(600));
    let counters = world.server.counters();
    assert_eq!((counters.frames_in, counters.frames_out, world.due), (0, 0, None));
}

#[test]
fn an_echo_comes_back() {
    let mut world = world().raw();
    for (from, to, protocol) in
        [(client_v4(), server_v4(), IpProtocol::Icmp), (client_v6(), server_v6(), IpProtocol::Icmpv6)]
    {
        let frame = ping(from, to, b"0123456789");
        let got = world.give(&frame[14..]);
        let [echo] = &got[..] else { panic!("one packet, not {got:?}") };
        // The tests' readers want something before it.
        let framed = [&frame[..14], echo].concat();
        let (back, message) = ip_in(&framed, protocol).expect("an echo");
        assert!(back == from && message.ends_with(b"0123456789"), "{message:?}");
    }
    // What is no IP packet, or a frame.
    for rubbish in [&b""[..], b"\x45", &[0x75; 60], &ping(client_v4(), server_v4(), b"x")] {
        assert_eq!(world.give(rubbish), [[0; 0]; 0]);
    }
    let mut world = World { raw: false, ..world };
    assert_eq!(world.udp(server_v4(), b"still there?").as_deref(), Ok(&b"STILL THERE?"[..]));
}

#[test]
fn what_needs_ethernet_does_not_go_with_it() {
    let none = HostConfig::default().without_link();
    assert_eq!(none.check(), Ok(()));
    for host in [none.clone().without_addresses().with_dhcp(), none.clone().without_addresses().with_slaac()]
    {
        assert_eq!(host.check(), Err(HostError::NoLink));
        let wire = Wire::owned(Duration::ZERO, 1).with_link(Link::Ip);
        let (mut end, mut other) = wire.ends();
        let now = Instant::from_secs(1);
        let server = Server::new(&Config::new(host.clone()), Memory::owned(small()), &mut end, now);
        assert_eq!(server.err(), Some(ConfigError::Host(HostError::NoLink)));
        assert_eq!(Client::new(&host, Vec::new(), &mut other, now).err(), Some(HostError::NoLink));
    }
    // A device that carries frames can't work without a MAC address.
    let wire = Wire::owned(Duration::ZERO, 1);
    let (mut end, _) = wire.ends();
    let server = Server::new(&Config::new(none), Memory::owned(small()), &mut end, Instant::from_secs(1));
    assert!(matches!(server.err(), Some(ConfigError::Memory(_))));
}
