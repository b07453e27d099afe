//! The router: what it is for, and who it is.

use super::*;

/// The way back is the way there, also for who is far: no router has to be known, nor the one that is known be the one that
/// forwarded the question.
#[test]
fn who_is_far_is_answered_where_the_question_came_from() {
    let mut world = world();
    let other = Mac([2, 0, 0, 0, 0, 0xfd]);
    let answered = |world: &mut World<Uppercase>| {
        for (from, mac) in [(FAR, ROUTER_MAC), (FAR, other), (NEIGHBOR, CLIENT_MAC)] {
            assert_eq!(asks(world, from, mac), Some(mac), "{from}");
        }
    };
    advertise(&mut world, &valid_for(86_400));
    answered(&mut world);
    advertise(&mut world, &Advertisement { lifetime: 60, ..advertisement() }.frame());
    answered(&mut world);
    let mut peer = world.stream_by_hand(FAR.into(), FORMED.into());
    // It says that it no longer is a router, and then nothing more.
    advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
    answered(&mut world);
    let data = peer.segment(TcpControl::Psh, b"on");
    assert_eq!(world.give_tcp(&data)[0].payload, b"ON");
}

/// It is asked for where a client that is far goes silent, for as long as it is a router.
#[test]
fn a_silent_client_is_looked_for_at_the_router() {
    for says in [false, true] {
        let mut world = world();
        advertise(&mut world, &Advertisement { lifetime: 60, ..advertisement() }.frame());
        let asked = looked_for(&mut world, FORMED, FAR);
        assert!(!asked.is_empty() && asked.iter().all(|target| *target == ROUTER), "{asked:?}");
        let asked = looked_for(&mut world, FORMED, NEIGHBOR);
        assert!(!asked.is_empty() && asked.iter().all(|target| *target == NEIGHBOR), "{asked:?}");
        if says {
            advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
        } else {
            world.pass(Duration::from_secs(60));
        }
        assert_eq!(looked_for(&mut world, FORMED, FAR), NOBODY, "says {says}");
    }
}

#[test]
fn the_first_router_stays_until_it_goes() {
    let mut world = world();
    let other_mac = Mac([2, 0, 0, 0, 0, 0xfd]);
    let other = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
    let of = |from, router, lifetime| Advertisement { from, router, lifetime, ..advertisement() }.frame();
    let asked = |world: &mut World<Uppercase>| looked_for(world, FORMED, FAR).first().copied();
    advertise(&mut world, &of(ROUTER, ROUTER_MAC, 60));
    advertise(&mut world, &of(other, other_mac, 600));
    // Another that says it is no router changes nothing either.
    advertise(&mut world, &of(other, other_mac, 0));
    assert_eq!(asked(&mut world), Some(ROUTER));
    // Also where the server learns of both at once: that the one is over, and of the other.
    world.now += Duration::from_secs(60);
    advertise(&mut world, &of(other, other_mac, 600));
    assert_eq!(asked(&mut world), Some(other));
    advertise(&mut world, &of(ROUTER, ROUTER_MAC, 600));
    advertise(&mut world, &of(other, other_mac, 0));
    assert_eq!(asked(&mut world), None);
}

#[test]
fn a_configured_gateway_stays() {
    let mut config = config();
    let gateway = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x64);
    config.host.gateways.push(gateway.into()).expect("room");
    let mut world = with(config);
    advertise(&mut world, &advertisement().frame());
    advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
    assert_eq!(looked_for(&mut world, FORMED, FAR).first(), Some(&gateway));
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
    assert_eq!(looked_for(&mut world, FORMED, NEIGHBOR), NOBODY);
    advertise(&mut world, &Advertisement::default().prefix(off_link).frame());
    assert_eq!(looked_for(&mut world, FORMED, NEIGHBOR).first(), Some(&ROUTER));
    // Another router knows better, and who doesn't know says nothing against it.
    advertise(&mut world, &advertisement().frame());
    advertise(&mut world, &Advertisement::default().prefix(off_link).frame());
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64", "2001:db8::ff:fe00:1/64"]);
    assert_eq!(looked_for(&mut world, FORMED, NEIGHBOR).first(), Some(&NEIGHBOR));
}

/// Answers by way of the router, where that is wanted: as soon as it is known who that is, and where.
#[test]
fn who_is_far_is_answered_by_way_of_the_router_if_that_is_wanted() {
    let mut config = config();
    config.host = config.host.with_replies_via_gateway();
    let mut world = with(config);
    advertise(&mut world, &valid_for(86_400));
    let forwards = Mac([2, 0, 0, 0, 0, 0xfd]);
    assert_eq!(asks(&mut world, FAR, forwards), Some(forwards), "there is no other way back");
    let got = world.give(&Advertisement { lifetime: 60, ..advertisement() }.frame());
    let asks_for_router = |frame: &Vec<u8>| {
        discovery_in(frame).is_some_and(|(_, _, kind, rest)| {
            kind == NEIGHBOR_SOLICITATION && rest.starts_with(&ROUTER.octets())
        })
    };
    assert!(got.iter().any(asks_for_router), "{got:?}");
    world.give(&defence(ROUTER_MAC, ROUTER, ROUTER));
    assert_eq!(asks(&mut world, FAR, forwards), Some(ROUTER_MAC));
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), Some(CLIENT_MAC));
    advertise(&mut world, &Advertisement { lifetime: 0, ..advertisement() }.frame());
    assert_eq!(asks(&mut world, FAR, forwards), Some(forwards));
}
