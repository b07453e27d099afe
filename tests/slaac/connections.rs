//! Connections go on, whatever routers say.

use super::*;

/// The stack forgets its neighbours with every change of its addresses; a live connection must not notice.
#[test]
fn a_stream_goes_on_at_once_when_addresses_come_and_go() {
    let mut world = with(Config::new(HostConfig::default().with_slaac().with_seed(3)));
    let IpAddress::Ipv6(client) = client_v6() else { panic!("an IPv6 address") };
    let IpAddress::Ipv6(server) = server_v6() else { panic!("an IPv6 address") };
    let mut peer = world.stream_by_hand(client.into(), server.into());
    // A second after it is advertised the address is there; two seconds later it is gone.
    world.give(&valid_for(3));
    for there in [true, false] {
        world.pass(Duration::from_millis(if there { 1_100 } else { 2_000 }));
        assert_eq!(has(&world, FORMED), there);
        world.sent();
        let data = peer.segment(TcpControl::Psh, b"on");
        let got = world.give_tcp(&data);
        assert!(matches!(&got[..], [reply] if reply.payload == b"ON"), "{got:?}");
        peer.got(&got[0]);
    }
}

/// A limit of a connection is kept whatever routers said or didn't say.
#[test]
fn the_deadlines_of_connections_stay() {
    for lifetime in [None, Some(0), Some(1_800)] {
        let mut world = with(Config::new(HostConfig::default().with_slaac().with_seed(3)));
        world.pass(Duration::from_secs(20));
        if let Some(lifetime) = lifetime {
            advertise(&mut world, &Advertisement { lifetime, ..Advertisement::default() }.frame());
        }
        let mut peer = Peer::new(40_000).at_port(12_001);
        world.connect(&mut peer);
        let start = world.now;
        world.polls = 0;
        world.pass(Duration::from_secs(70));
        // The idle limit: 60 s.
        assert_eq!(world.server.used(), 0, "{lifetime:?}");
        world.now += Duration::from_micros(50);
        assert!(world.sent().iter().any(|frame| tcp_in(frame).is_some_and(|got| got.rst)), "{lifetime:?}");
        assert!(world.polls < 20, "{lifetime:?}: {} polls since {start}", world.polls);
    }
}
