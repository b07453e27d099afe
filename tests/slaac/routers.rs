//! The router by way of which who is far is answered.

use super::*;

#[test]
fn who_is_far_is_answered_by_way_of_the_router_for_as_long_as_it_is_one() {
    // It says that it no longer is one, or says nothing more.
    for says in [false, true] {
        let mut world = world();
        let lifetime = 60;
        advertise(&mut world, &Advertisement { lifetime, ..advertisement() }.frame());
        assert_eq!(asks(&mut world, FAR, ROUTER_MAC), Some(ROUTER_MAC));
        let mut peer = world.stream_by_hand(FAR.into(), FORMED.into());
        world.pass(Duration::from_secs(50));
        assert_eq!(asks(&mut world, FAR, ROUTER_MAC), Some(ROUTER_MAC));
        let data = peer.segment(TcpControl::Psh, b"on");
        assert_eq!(world.give_tcp(&data)[0].payload, b"ON");
        if says {
            advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
        } else {
            world.pass(Duration::from_secs(10));
        }
        assert_eq!(asks(&mut world, FAR, ROUTER_MAC), None);
        assert_eq!(world.server.counters().dropped[DropRule::NoRoute as usize], 1);
        // Neighbours need no router.
        assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), Some(CLIENT_MAC));
    }
}

#[test]
fn the_first_router_stays_until_it_goes() {
    let mut world = world();
    let other_mac = Mac([2, 0, 0, 0, 0, 0xfd]);
    let other = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
    let of = |from, router, lifetime| Advertisement { from, router, lifetime, ..advertisement() }.frame();
    advertise(&mut world, &of(ROUTER, ROUTER_MAC, 60));
    advertise(&mut world, &of(other, other_mac, 600));
    // Another that says it is no router changes nothing either.
    advertise(&mut world, &of(other, other_mac, 0));
    assert_eq!(asks(&mut world, FAR, ROUTER_MAC), Some(ROUTER_MAC));
    // Also where the server learns of both at once: that the one is over, and of the other.
    world.now += Duration::from_secs(60);
    advertise(&mut world, &of(other, other_mac, 600));
    assert_eq!(asks(&mut world, FAR, other_mac), Some(other_mac));
    advertise(&mut world, &of(ROUTER, ROUTER_MAC, 600));
    advertise(&mut world, &of(other, other_mac, 0));
    assert_eq!(asks(&mut world, FAR, other_mac), None);
}

#[test]
fn a_configured_gateway_stays() {
    let mut config = config();
    let gateway = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0, 0, 0x64);
    config.host.gateways.push(gateway).expect("room");
    let mut world = with(config);
    advertise(&mut world, &advertisement().frame());
    advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
    // Its Ethernet address is learnt from the frame that it forwards.
    assert_eq!(asks(&mut world, FAR, CLIENT_MAC), Some(CLIENT_MAC));
    assert!(has(&world, FORMED));
}

/// Hosts of a prefix that isn't said to be on the link are reached by way of the router (RFC 4861 6.3.4).
#[test]
fn a_prefix_off_the_link_is_the_routers() {
    let mut world = world();
    let off_link = Prefix { on_link: false, ..Prefix::default() };
    advertise(
        &mut world,
        &Advertisement { lifetime: 0, ..Advertisement::default() }.prefix(off_link).frame(),
    );
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64", "2001:db8::ff:fe00:1/128"]);
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), None);
    advertise(&mut world, &Advertisement::default().prefix(off_link).frame());
    assert_eq!(asks(&mut world, NEIGHBOR, ROUTER_MAC), Some(ROUTER_MAC));
    // Another router knows better, and who doesn't know says nothing against it.
    advertise(&mut world, &advertisement().frame());
    advertise(&mut world, &Advertisement::default().prefix(off_link).frame());
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64", "2001:db8::ff:fe00:1/64"]);
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), Some(CLIENT_MAC));
}
