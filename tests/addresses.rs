//! All addresses that a host may have, at once: more than smoltcp has room for, unless it is built for more.

use test_support::world::raw::{
    Peer, SERVER_MAC, Segment, arp, asked_in, ip_in, ping, solicitation, tcp_in, udp, udp_in,
};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, tcp_socket};
use undersock::client::ExchangeError;
use undersock::host::{HostConfig, MAX_ADDRESSES};
use undersock::server::{Config, Memory, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::config::IFACE_MAX_ADDR_COUNT;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{ArpOperation, IpAddress, IpCidr, IpEndpoint, IpProtocol, TcpControl};

/// The server's, and in each network one of the client's.
const ADDRESSES: [(&str, &str); MAX_ADDRESSES] = [
    ("192.168.69.1/24", "192.168.69.100/24"),
    ("fdaa::1/64", "fdaa::100/64"),
    ("10.0.0.1/8", "10.0.0.100/8"),
    ("2001:db8::1/64", "2001:db8::100/64"),
    ("fe80::1/64", "fe80::100/64"),
];

fn world() -> World<Uppercase> {
    let cidr = |text: &str| text.parse::<IpCidr>().expect("an address and its network");
    let mut config = Config::new(HostConfig::default().without_addresses()).with_seed(0x5eed);
    config.host.addresses = ADDRESSES.iter().map(|(server, _)| cidr(server)).collect();
    let mut client = HostConfig::client().with_seed(0xc11e).without_addresses().without_announcement();
    client.addresses = ADDRESSES.iter().map(|(_, client)| cidr(client)).collect();
    config.host.announce = false;
    let sizes = Sizes::default().with_connections(16).with_buffers(2_048).with_batch(16);
    World::of_hosts(config, Memory::owned(sizes), Uppercase::new(), &client)
}

fn address(text: &str) -> IpAddress {
    text.split('/').next().expect("an address").parse().expect("an address")
}

fn servers() -> Vec<IpAddress> {
    ADDRESSES.iter().map(|(server, _)| address(server)).collect()
}

fn clients() -> Vec<IpAddress> {
    ADDRESSES.iter().map(|(_, client)| address(client)).collect()
}

/// A connection and datagrams to each, in turn: each is answered from the address that it was sent to.
#[test]
fn all_addresses_serve_at_once() {
    const { assert!(IFACE_MAX_ADDR_COUNT < MAX_ADDRESSES, "smoltcp is built for fewer") };
    let mut world = world().raw();
    let mut peers: Vec<Peer> = servers()
        .into_iter()
        .zip(clients())
        .zip(40_000..)
        .map(|((server, client), port)| Peer {
            from: (client, port),
            to: (server, 12_001),
            ..Peer::new(port)
        })
        .collect();
    for round in 0..60 {
        let bytes = format!("round {round}, and so many bytes: {}", "x".repeat(round * 20));
        let (control, bytes) = if round == 0 { (TcpControl::Syn, "") } else { (TcpControl::Psh, &bytes[..]) };
        let mut frames = vec![];
        for peer in &mut peers {
            frames.push(peer.segment(control, bytes.as_bytes()));
            frames.push(udp((peer.from.0, 5_000), (peer.to.0, 12_000), bytes.as_bytes()));
            frames.push(ping(peer.from.0, peer.to.0, bytes.as_bytes()));
        }
        let got = world.give_all(&frames);
        assert_eq!(got.len(), frames.len(), "{got:?}");
        let datagrams = got.iter().filter_map(|frame| udp_in(frame)).map(|(from, to, _)| (from.0, to.0));
        let asked: Vec<_> = peers.iter().map(|peer| (peer.to.0, peer.from.0)).collect();
        assert_eq!(datagrams.collect::<Vec<_>>(), asked);
        for peer in &mut peers {
            let own = got.iter().filter_map(|frame| tcp_in(frame)).filter(|got| got.to == peer.from);
            let own: Vec<_> = own.collect();
            let [got] = &own[..] else { panic!("one segment, not {own:?}") };
            assert_eq!(got.payload, bytes.to_ascii_uppercase().as_bytes());
            peer.got(got);
        }
        // What isn't acknowledged is sent again by a timer, from its own address.
        if round % 20 == 10 {
            world.pass(Duration::from_millis(1_500));
            let mut again: Vec<_> =
                world.sent().iter().filter_map(|frame| tcp_in(frame)).map(|got| got.to).collect();
            again.sort_unstable();
            again.dedup();
            assert_eq!(again.len(), MAX_ADDRESSES);
        }
    }
    assert_eq!(world.server.counters().dropped_in_all(), 0);
}

/// The client's stack has room for two of them. Those that connections speak from stay, whatever comes for others.
#[test]
fn a_client_speaks_from_as_many_addresses_as_its_stack_has_room_for() {
    let mut world = world();
    let connect = |world: &mut World<Uppercase>, server: IpAddress| {
        world.client.connect(world.now, tcp_socket(), IpEndpoint::new(server, 12_001))
    };
    let [v4, v6, other_v4, other_v6, link_local] = servers()[..] else { panic!("there are five") };
    let streams = [v4, v6].map(|server| connect(&mut world, server).expect("there is room"));
    world.pass(Duration::from_millis(10));
    for server in [other_v4, other_v6, link_local] {
        assert_eq!(connect(&mut world, server).err(), Some(ExchangeError::TooManyAddresses));
        assert_eq!(world.udp(server, b"a datagram").as_deref(), Ok(&b"A DATAGRAM"[..]));
        // Somebody speaks to nobody at the client's other addresses.
        for (server, client) in servers().into_iter().zip(clients()) {
            let frame = udp((server, 9), (client, 9), b"x");
            let frame = [&CLIENT_MAC.0[..], &SERVER_MAC.0, &frame[12..]].concat();
            assert!(world.server_end.inject(world.now, &frame));
        }
        world.pass(Duration::from_millis(10));
        for handle in streams {
            assert_eq!(world.client.send(world.now, handle, b"on"), 2);
        }
        world.pass(Duration::from_millis(10));
        for handle in streams {
            let mut room = [0; 8];
            assert_eq!(world.client.receive(world.now, handle, &mut room), 2);
            assert_eq!(&room[..2], b"ON");
        }
    }
    world.client.close(world.now, streams[0]);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.tcp(other_v6, b"there is room").as_deref(), Ok(&b"THERE IS ROOM"[..]));
}

/// An address whose last 16 or 24 bits are those of one of ours, or whose first are.
#[test]
fn an_address_that_ends_like_ours_is_not_ours() {
    let mut world = World::<Uppercase>::new(test_support::world::small()).raw();
    for (to, from) in [
        ("192.169.69.1", client_v4()),
        ("10.168.69.1", client_v4()),
        ("193.168.69.1", client_v4()),
        ("192.168.69.129", client_v4()),
        ("192.168.69.0", client_v4()),
        ("fdaa::1:1", client_v6()),
        ("fdaa::100:1", client_v6()),
        ("fdaa::1:0:1", client_v6()),
        ("fdaa:0:0:1::1", client_v6()),
        ("fdab::1", client_v6()),
        ("fe80::1", client_v6()),
        ("fe80::ff:fe01:1", client_v6()),
        ("fe80::1:ff:fe00:1", client_v6()),
        ("fdaa::ff:fe00:1", client_v6()),
    ] {
        let to: IpAddress = to.parse().unwrap();
        let syn = Segment {
            from: (from, 40_000),
            to: (to, 12_000),
            control: TcpControl::Syn,
            ..Segment::default()
        };
        let asks = match (from, to) {
            (IpAddress::Ipv4(_), _) => arp(ArpOperation::Request, (CLIENT_MAC, from), to),
            (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => solicitation(from, to),
            _ => panic!("one version of IP"),
        };
        for frame in [
            syn.frame(),
            udp((from, 5_000), (to, 12_000), b"x"),
            udp((from, 5_000), (to, 9), b"x"),
            ping(from, to, b"x"),
            asks,
        ] {
            assert_eq!(world.give(&frame), [[0; 0]; 0], "{to}");
        }
    }
    assert_eq!(world.server.used(), 0);
    let got = world.give(&ping(client_v4(), IpAddress::v4(192, 168, 69, 1), b"x"));
    assert!(got.iter().all(|frame| ip_in(frame, IpProtocol::Icmp).is_some() && asked_in(frame).is_none()));
    assert_eq!(got.len(), 1);
}
