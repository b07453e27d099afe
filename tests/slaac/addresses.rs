//! Addresses: formed, asked for, kept for their lifetimes, limited in number.

use super::*;

#[test]
fn an_address_is_asked_for_then_formed_and_served() {
    let mut world = world();
    world.pass(SECOND);
    world.sent();
    let got = world.give(&advertisement().frame());
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    let question = (Ipv6Addr::UNSPECIFIED, group, NEIGHBOR_SOLICITATION, FORMED.octets().to_vec());
    assert_eq!(got.iter().filter_map(|frame| discovery_in(frame)).collect::<Vec<_>>(), [question]);
    assert_eq!(got[0][..6], [0x33, 0x33, 0xff, 0, 0, 1]);
    // Until somebody had the time to say that it is theirs, it isn't ours.
    world.pass(Duration::from_millis(990));
    assert!(!has(&world, FORMED));
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), None);
    assert_eq!(world.give(&detection(FORMED.into())), [[0; 0]; 0]);

    let mut world = self::world();
    advertise(&mut world, &advertisement().frame());
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64", "2001:db8::ff:fe00:1/64"]);
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), Some(CLIENT_MAC));
    world.stream_by_hand(NEIGHBOR.into(), FORMED.into());
    // It is defended, as all our addresses are.
    let got = world.give(&detection(FORMED.into()));
    let got: Vec<_> = got.iter().filter_map(|frame| ip_in(frame, IpProtocol::Icmpv6)).collect();
    let [(_, message)] = &got[..] else { panic!("one advertisement, not {got:?}") };
    assert_eq!(Icmpv6Packet::new_checked(&message[..]).expect("a message").target_addr(), FORMED);
}

/// The same with a client's stack on the other side.
#[test]
fn a_client_is_served_over_udp_and_tcp() {
    let mut world = World::with(config(), small(), Uppercase::new());
    let network = Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 0);
    let frame = Advertisement::default().prefix(Prefix { network, ..Prefix::default() }).frame();
    assert!(world.client_end.inject(world.now, &frame));
    world.pass(Duration::from_secs(2));
    let server = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0xff, 0xfe00, 1);
    assert_eq!(world.udp(server, b"hello"), Ok(b"HELLO".to_vec()));
    assert_eq!(world.tcp(server, b"hello"), Ok(b"HELLO".to_vec()));
    assert_eq!(world.stream(server, &[b'a'; 50_000]), [b'A'; 50_000]);
}

#[test]
fn an_address_goes_with_its_lifetime_and_its_connections_with_it() {
    let limits = Limits::DEFAULT.with_idle(Duration::from_secs(10 * HOUR));
    let mut world = with(config().with_limits(limits));
    advertise(&mut world, &valid_for(100));
    world.stream_by_hand(NEIGHBOR.into(), FORMED.into());
    world.pass(Duration::from_millis(98_900));
    assert!(has(&world, FORMED) && world.server.used() == 1);
    world.pass(Duration::from_millis(100));
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"]);
    assert_eq!(world.server.used(), 0);
    assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), None);
    assert_eq!(world.due, None, "nothing to wait for");
    // It may come back, and is asked for again.
    assert_eq!(kinds(&world.give(&valid_for(100))), [NEIGHBOR_SOLICITATION]);
    world.pass(SECOND);
    assert!(has(&world, FORMED));
}

#[test]
fn all_ones_are_for_ever() {
    let mut world = world();
    advertise(&mut world, &valid_for(u32::MAX));
    world.pass(Duration::from_secs(100 * 365 * 24 * HOUR));
    assert!(has(&world, FORMED));
    assert_eq!(world.due, None);
    // Anything that is known is less than that.
    advertise(&mut world, &valid_for(0));
    world.pass(Duration::from_secs(2 * HOUR - 2));
    assert!(has(&world, FORMED));
    world.pass(SECOND);
    assert!(!has(&world, FORMED));
}

/// Nobody takes an address away by one forged advertisement (RFC 4862 5.5.3 e): what was left, what is advertised, what
/// is left then; in seconds.
#[test]
fn a_lifetime_is_not_shortened_to_less_than_two_hours() {
    for (left, advertised, then) in [
        (86_400, 86_400, 86_400),
        (86_400, 7_201, 7_201),
        (86_400, 7_200, 7_200),
        (86_400, 60, 7_200),
        (86_400, 0, 7_200),
        (7_201, 0, 7_200),
        (7_200, 0, 7_200),
        (3_600, 0, 3_600),
        (3_600, 3_599, 3_600),
        (3_600, 3_601, 3_601),
        (3_600, 86_400, 86_400),
        (60, 7_200, 7_200),
        (u32::MAX, 0, 7_200),
    ] {
        let mut world = world();
        // Of the first lifetime a second is over when the second one comes.
        advertise(&mut world, &valid_for(left.saturating_add(1)));
        world.give(&valid_for(advertised));
        world.pass(Duration::from_secs(then - 1));
        assert!(has(&world, FORMED), "{left} {advertised}: before {then}");
        world.pass(Duration::from_secs(2));
        assert!(!has(&world, FORMED), "{left} {advertised}: after {then}");
    }
}

#[test]
fn an_address_that_somebody_has_is_not_used() {
    // Who has it says so, or wants it too and asked first.
    for answer in [defence(CLIENT_MAC, FORMED, FORMED), detection(FORMED.into())] {
        let mut world = world();
        world.give(&advertisement().frame());
        world.pass(Duration::from_millis(500));
        world.give(&answer);
        world.pass(Duration::from_secs(10));
        assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"]);
        world.sent();
        // Nor is it asked for again, until its lifetime is over.
        assert_eq!(kinds(&world.give(&advertisement().frame())), [0; 0]);
        world.pass(Duration::from_secs(86_401));
        assert_eq!(kinds(&world.give(&advertisement().frame())), [NEIGHBOR_SOLICITATION]);
    }
}

/// What isn't valid, or of another address, isn't believed; and once an address is ours, it stays.
#[test]
fn who_does_not_have_an_address_does_not_keep_us_from_it() {
    let mut forwarded = defence(CLIENT_MAC, FORMED, FORMED);
    forwarded[14 + 7] = 254;
    let mut broken_sum = defence(CLIENT_MAC, FORMED, FORMED);
    broken_sum[14 + 40 + 2] ^= 0x55;
    let mut with_code = defence(CLIENT_MAC, FORMED, FORMED);
    with_code[14 + 40 + 1] = 1;
    mend(&mut with_code);
    let mut answers = vec![forwarded, broken_sum, with_code, defence(CLIENT_MAC, NEIGHBOR, NEIGHBOR)];
    answers.push(detection(NEIGHBOR.into()));
    // Who merely wants to talk to it doesn't have it.
    answers.push(solicitation(NEIGHBOR, FORMED));
    let mut world = world();
    world.give(&advertisement().frame());
    for answer in answers {
        world.give(&answer);
    }
    world.pass(SECOND);
    assert!(has(&world, FORMED));
    for from in [FORMED, NEIGHBOR] {
        world.give(&defence(CLIENT_MAC, from, FORMED));
        advertise(&mut world, &advertisement().frame());
        assert!(has(&world, FORMED));
        assert_eq!(asks(&mut world, NEIGHBOR, CLIENT_MAC), Some(CLIENT_MAC));
    }
    // Not even after the next change of addresses.
    advertise(&mut world, &Advertisement::default().prefix(prefix(9)).frame());
    assert!(has(&world, FORMED));
}

#[test]
fn addresses_are_limited_in_number_and_static_ones_stay() {
    for (addresses, dhcp, formed) in [
        (vec![], false, 3),
        (vec!["192.168.69.1/24"], false, 3),
        (vec!["192.168.69.1/24", "fdaa::1/64"], false, 2),
        (vec!["192.168.69.1/24", "fdaa::1/64", "fdaa::2/64"], false, 1),
        (vec!["fdaa::1/64", "fe80::5/64"], false, 3),
        // Room for the address of a lease.
        (vec!["fdaa::1/64", "fdaa::2/64"], true, 1),
    ] {
        let addresses: Vec<_> = addresses.into_iter().map(cidr).collect();
        let config = at(&addresses, dhcp);
        let mut world = with(config);
        let before = world.server.addresses().to_vec();
        // In one advertisement or in many.
        let many = (1..20).map(prefix).fold(Advertisement::default(), Advertisement::prefix);
        advertise(&mut world, &many.frame());
        for number in 20..100 {
            advertise(&mut world, &Advertisement::default().prefix(prefix(number)).frame());
        }
        let after = world.server.addresses();
        assert!(after.starts_with(&before), "{after:?}");
        assert_eq!(after.len(), before.len() + formed, "{addresses:?}");
        assert_eq!(after.last().map(IpCidr::prefix_len), Some(64));
    }
}

#[test]
fn configurations_without_room_do_not_work() {
    let with = |addresses: &[&str], dhcp| {
        let addresses: Vec<_> = addresses.iter().map(|text| cidr(text)).collect();
        at(&addresses, dhcp).check()
    };
    assert_eq!(with(&[], false), Ok(()));
    assert_eq!(with(&["10.0.0.1/8", "10.0.0.2/8", "10.0.0.3/8"], false), Ok(()));
    let full = Err(ConfigError::Host(HostError::TooManyAddresses));
    assert_eq!(with(&["10.0.0.1/8", "10.0.0.2/8", "10.0.0.3/8", "10.0.0.4/8"], false), full);
    assert_eq!(with(&["fdaa::1/64", "fdaa::2/64", "fdaa::3/64"], true), full);
    let mut none = config();
    none.host.slaac = false;
    assert_eq!(none.check(), Err(ConfigError::Host(HostError::NoAddress)));
}

/// The interface identifier is that of the link-local address, also if that one is given.
#[test]
fn a_given_link_local_address_gives_the_identifier() {
    let mut world = with(at(&[cidr("fe80::5/64")], false));
    advertise(&mut world, &advertisement().frame());
    assert_eq!(texts(&world), ["fe80::5/64", "2001:db8::5/64"]);
    // One that is there already isn't formed, nor asked for.
    let mut world = with(at(&[cidr("fe80::5/64"), cidr("2001:db8::5/48")], false));
    assert_eq!(kinds(&world.give(&advertisement().frame())), [0; 0]);
    world.pass(SECOND);
    assert_eq!(texts(&world), ["fe80::5/64", "2001:db8::5/48"]);
}
