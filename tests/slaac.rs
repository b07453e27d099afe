//! IPv6 addresses and the router, as routers advertise them.

use core::net::Ipv6Addr;

use test_support::world::raw::{
    Advertisement, Peer, Prefix, ROUTER, ROUTER_MAC, defence, detection, discovery_in, ip_in, solicitation,
    tcp_in, udp, udp_in,
};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::event::DropRule;
use undersock::host::{HostConfig, HostError};
use undersock::server::{Config, ConfigError, Limits};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{EthernetAddress, Icmpv6Packet, IpAddress, IpCidr, IpProtocol, TcpControl};

const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
/// The advertised prefix with the server's interface identifier.
const FORMED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0xff, 0xfe00, 1);
const NEIGHBOR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
/// Behind the router.
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3_600;

const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOR_SOLICITATION: u8 = 135;

fn config() -> Config<'static> {
    Config::new(HostConfig::default().without_addresses().with_slaac().with_seed(3))
}

/// The same with these addresses.
fn at(addresses: &[IpCidr], dhcp: bool) -> Config<'static> {
    let mut config = config();
    config.host.addresses = addresses.iter().copied().collect();
    config.host.dhcp = dhcp;
    config
}

fn world() -> World<Uppercase> {
    with(config())
}

fn with(config: Config<'static>) -> World<Uppercase> {
    World::with(config, small(), Uppercase::new()).raw()
}

/// A router, and the prefix of [`FORMED`].
fn advertisement() -> Advertisement {
    Advertisement::default().prefix(Prefix::default())
}

/// The same prefix with this valid lifetime, in seconds, from who is no router.
fn valid_for(valid: u32) -> Vec<u8> {
    let prefix = Prefix { valid, preferred: 0, ..Prefix::default() };
    Advertisement { lifetime: 0, ..Advertisement::default() }.prefix(prefix).frame()
}

/// Gives an advertisement, and lets the time pass in which somebody may say that an address is theirs.
fn advertise(world: &mut World<Uppercase>, frame: &[u8]) {
    world.give(frame);
    world.pass(SECOND);
    world.sent();
}

fn texts(world: &World<Uppercase>) -> Vec<String> {
    world.server.addresses().iter().map(ToString::to_string).collect()
}

fn has(world: &World<Uppercase>, address: Ipv6Addr) -> bool {
    world.server.addresses().iter().any(|cidr| cidr.address() == IpAddress::Ipv6(address))
}

/// The kinds of neighbour discovery's messages in frames.
fn kinds(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().filter_map(|frame| discovery_in(frame)).map(|(_, _, kind, _)| kind).collect()
}

/// A datagram from there; to whom the reply's frame goes, if there is a reply.
fn asks(world: &mut World<Uppercase>, from: Ipv6Addr, mac: EthernetAddress) -> Option<EthernetAddress> {
    let mut request = udp((from.into(), 5_000), (FORMED.into(), 12_000), b"hello");
    request[6..12].copy_from_slice(&mac.0);
    let got = world.give(&request);
    let reply = got.iter().find(|frame| udp_in(frame).is_some())?;
    assert_eq!(udp_in(reply).expect("a datagram").2, b"HELLO");
    Some(EthernetAddress::from_bytes(&reply[..6]))
}

/// The router's solicitations that come in this time, as times since the start in milliseconds.
fn solicitations(world: &mut World<Uppercase>, time: Duration) -> Vec<i64> {
    let until = world.now + time;
    let mut times = vec![];
    while world.now < until {
        world.pass(Duration::from_millis(100).min(until - world.now));
        world.now += Duration::from_micros(50);
        for _ in kinds(&world.sent()).iter().filter(|kind| **kind == ROUTER_SOLICITATION) {
            times.push((world.now - Instant::from_secs(1)).total_millis() as i64 / 1_000 * 1_000);
        }
    }
    times
}

/// A stream from a neighbour to this address, with a reply seen.
fn stream(world: &mut World<Uppercase>, from: Ipv6Addr, to: Ipv6Addr) -> Peer {
    let mut peer = Peer { from: (from.into(), 40_000), to: (to.into(), 12_001), ..Peer::new(40_000) };
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"before");
    let got = world.give_tcp(&data);
    assert!(matches!(&got[..], [reply] if reply.payload == b"BEFORE"), "{got:?}");
    peer.got(&got[0]);
    let ack = peer.segment(TcpControl::None, b"");
    assert_eq!(world.give_tcp(&ack), []);
    peer
}

#[test]
fn routers_are_solicited_three_times_four_seconds_apart() {
    let mut world = world();
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"]);
    world.poll();
    world.now += Duration::from_micros(50);
    let sent = world.sent();
    let [frame] = &sent[..] else { panic!("one frame, not {sent:?}") };
    let all_routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    let option = [1, 1, 2, 0, 0, 0, 0, 1];
    assert_eq!(discovery_in(frame), Some((LINK_LOCAL, all_routers, ROUTER_SOLICITATION, option.to_vec())));
    assert_eq!(frame[..12], [0x33, 0x33, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    assert_eq!(solicitations(&mut world, Duration::from_secs(HOUR)), [4_000, 8_000]);
    // And then it sleeps until a frame comes.
    assert_eq!(world.due, None);
}

#[test]
fn an_answer_ends_the_solicitations_but_only_a_routers() {
    for (lifetime, times) in [(1, vec![]), (0, vec![4_000, 8_000])] {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        advertise(&mut world, &Advertisement { lifetime, ..advertisement() }.frame());
        assert!(has(&world, FORMED));
        assert_eq!(solicitations(&mut world, Duration::from_secs(60)), times, "lifetime {lifetime}");
    }
}

/// A device that has no room is asked again soon, and not all the time.
#[test]
fn a_solicitation_waits_for_room() {
    let mut world = world();
    while world.server_end.inject(world.now, b"full") {}
    world.poll();
    assert_eq!(world.due, Some(world.now + Duration::from_millis(1)));
    world.now += SECOND;
    world.sent();
    world.poll();
    world.now += SECOND;
    assert_eq!(kinds(&world.sent()), [ROUTER_SOLICITATION]);
    // So is the question for an address.
    while world.server_end.inject(world.now, b"full") {}
    assert!(world.client_end.inject(world.now, &advertisement().frame()));
    world.now += SECOND;
    world.poll();
    assert_eq!(world.due, Some(world.now + Duration::from_millis(1)));
    world.sent();
    world.now += SECOND;
    world.poll();
    world.now += SECOND;
    assert_eq!(kinds(&world.sent()), [NEIGHBOR_SOLICITATION]);
}

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
    stream(&mut world, NEIGHBOR, FORMED);
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
fn who_is_far_is_answered_by_way_of_the_router_for_as_long_as_it_is_one() {
    // It says that it no longer is one, or says nothing more.
    for says in [false, true] {
        let mut world = world();
        let lifetime = 60;
        advertise(&mut world, &Advertisement { lifetime, ..advertisement() }.frame());
        assert_eq!(asks(&mut world, FAR, ROUTER_MAC), Some(ROUTER_MAC));
        let mut peer = stream(&mut world, FAR, FORMED);
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
    let other_mac = EthernetAddress([2, 0, 0, 0, 0, 0xfd]);
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

#[test]
fn an_address_goes_with_its_lifetime_and_its_connections_with_it() {
    let limits = Limits::DEFAULT.with_idle(Duration::from_secs(10 * HOUR));
    let mut world = with(config().with_limits(limits));
    advertise(&mut world, &valid_for(100));
    stream(&mut world, NEIGHBOR, FORMED);
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

/// Neither an address nor a router comes of it, and the routers are still asked.
#[test]
fn advertisements_that_are_not_valid_are_ignored() {
    let good = advertisement();
    let with_options = |options: &[u8]| {
        let options = [&Prefix::default().option(), options].concat();
        Advertisement { options, ..Advertisement::default() }.frame()
    };
    let mut broken_sum = good.frame();
    broken_sum[14 + 40 + 2] ^= 0x55;
    let mut extended = good.frame();
    extended[14 + 6] = 60;
    let too_short: Vec<_> = (0..16).map(|length| cut(&good.frame(), length)).collect();
    let mut bad = vec![
        ("from a global address", Advertisement { from: NEIGHBOR, ..good.clone() }.frame()),
        ("from no address", Advertisement { from: Ipv6Addr::UNSPECIFIED, ..good.clone() }.frame()),
        ("from a group", Advertisement { from: "ff02::2".parse().unwrap(), ..good.clone() }.frame()),
        ("from ourselves", Advertisement { from: LINK_LOCAL, ..good.clone() }.frame()),
        ("forwarded", Advertisement { hop_limit: 254, ..good.clone() }.frame()),
        ("with a wrong checksum", broken_sum),
        ("with a code", Advertisement { code: 1, ..good.clone() }.frame()),
        ("with an option without a length", with_options(&[1, 0, 2, 0, 0, 0, 0, 0xfe])),
        ("with an option that is cut off", with_options(&[1, 2, 2, 0, 0, 0, 0, 0xfe])),
        ("with half an option's header", with_options(&[1])),
        ("behind an extension header", extended),
    ];
    bad.extend(too_short.into_iter().map(|frame| ("too short", frame)));
    for (what, frame) in bad {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        assert_eq!(world.give(&frame), [[0; 0]; 0], "{what}");
        world.pass(SECOND);
        assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"], "{what}");
        let request = udp((FAR.into(), 5_000), (LINK_LOCAL.into(), 12_000), b"hello");
        assert_eq!(world.give(&request), [[0; 0]; 0], "{what}: it has no router");
        assert_eq!(solicitations(&mut world, Duration::from_secs(60)), [4_000, 8_000], "{what}");
        advertise(&mut world, &good.frame());
        assert!(has(&world, FORMED), "{what}, and then a good one");
    }
}

/// A frame with an ICMPv6 message of this length only, and a right checksum.
fn cut(frame: &[u8], length: usize) -> Vec<u8> {
    let mut frame = frame[..14 + 40 + length].to_vec();
    frame[14 + 5] = length as u8;
    mend(&mut frame);
    frame
}

/// Makes the ICMPv6 checksum of a frame right.
fn mend(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(14..).filter(|packet| packet.len() >= 44) else { return };
    let (header, message) = packet.split_at_mut(40);
    let address = |range| Ipv6Addr::from(<[u8; 16]>::try_from(&header[range]).expect("16 bytes"));
    Icmpv6Packet::new_unchecked(message).fill_checksum(&address(8..24), &address(24..40));
}

#[test]
fn prefixes_that_are_not_for_addresses_are_ignored() {
    let good = Prefix::default();
    let prefixes = [
        Prefix { autonomous: false, ..good },
        Prefix { length: 63, ..good },
        Prefix { length: 65, ..good },
        Prefix { length: 128, ..good },
        Prefix { length: 0, ..good },
        Prefix { network: "fe80::".parse().unwrap(), ..good },
        Prefix { network: "fe80:1234::".parse().unwrap(), ..good },
        Prefix { network: "ff02::".parse().unwrap(), ..good },
        Prefix { network: "::".parse().unwrap(), ..good },
        Prefix { network: "::1".parse().unwrap(), ..good },
        Prefix { preferred: good.valid + 1, ..good },
        Prefix { valid: 0, preferred: 0, ..good },
    ];
    let mut options: Vec<_> = prefixes.iter().map(Prefix::option).collect();
    // An option whose length isn't that of a prefix.
    for length in [3, 5] {
        let mut option = good.option();
        option[1] = length;
        option.resize(8 * usize::from(length), 0);
        options.push(option);
    }
    for option in options {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        let frame = Advertisement { options: option.clone(), ..Advertisement::default() }.frame();
        assert_eq!(world.give(&frame), [[0; 0]; 0], "{option:x?}");
        world.pass(SECOND);
        assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"], "{option:x?}");
        // The others of the same advertisement are taken, and options that nobody knows do no harm.
        let options = [&option[..], &[200, 1, 0, 0, 0, 0, 0, 0], &good.option()].concat();
        advertise(&mut world, &Advertisement { options, ..Advertisement::default() }.frame());
        assert!(has(&world, FORMED), "{option:x?}");
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

fn prefix(number: u16) -> Prefix {
    Prefix { network: Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0), ..Prefix::default() }
}

fn cidr(text: &str) -> IpCidr {
    text.parse().expect("an address and its network")
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

/// The stack forgets its neighbours with every change of its addresses; a live connection must not notice.
#[test]
fn a_stream_goes_on_at_once_when_addresses_come_and_go() {
    let mut world = with(Config::new(HostConfig::default().with_slaac().with_seed(3)));
    let IpAddress::Ipv6(client) = client_v6() else { panic!("an IPv6 address") };
    let IpAddress::Ipv6(server) = server_v6() else { panic!("an IPv6 address") };
    let mut peer = stream(&mut world, client, server);
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

/// The numbers of a linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Nearly always something that could be advertised.
    fn advertisement(&mut self) -> Advertisement {
        let mut advertisement = Advertisement {
            from: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xf0 + self.below(4) as u16),
            lifetime: self.one_of(&[0, 1, 60, 1_800, u16::MAX]),
            ..Advertisement::default()
        };
        for _ in 0..self.below(5) {
            let valid = self.one_of(&[0, 1, 60, 7_199, 7_200, 7_201, 86_400, u32::MAX - 1, u32::MAX]);
            advertisement = advertisement.prefix(Prefix {
                on_link: self.below(2) == 0,
                autonomous: self.below(8) > 0,
                length: if self.below(8) == 0 { self.byte() } else { 64 },
                valid,
                preferred: valid.min(3_600),
                ..prefix(self.below(8) as u16)
            });
        }
        advertisement
    }

    /// An advertisement, or who says that an address is theirs; more or less broken, often with a right checksum.
    fn frame(&mut self) -> Vec<u8> {
        let number = self.below(8) as u16;
        let target = Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0xff, 0xfe00, 1);
        let mut frame = match self.below(8) {
            0 => defence(CLIENT_MAC, target, target),
            1 => detection(target.into()),
            _ => self.advertisement().frame(),
        };
        for _ in 0..self.one_of(&[0, 0, 1, 3]) {
            let place = 14 + self.below(frame.len() - 14);
            frame[place] = self.byte();
        }
        match self.below(8) {
            0 => frame.truncate(14 + self.below(frame.len() - 13)),
            1 => frame.extend((0..self.below(64)).map(|n| n as u8)),
            2 => {
                let length = self.below(frame.len() - 53);
                frame = cut(&frame, length);
            }
            _ => {}
        }
        if self.below(4) > 0 {
            mend(&mut frame);
        }
        frame
    }
}

/// No mix of advertisements makes it panic, lose an address of its own, take more than it has room for, or poll without
/// need.
#[test]
fn ten_thousand_advertisements_true_and_broken() {
    let mut world = with(Config::new(HostConfig::default().with_slaac().with_seed(3)));
    let mut random = Random(0x0bad_5eed);
    let mut most = 0;
    for _ in 0..10_000 {
        let frame = random.frame();
        world.give(&frame);
        // Its last poll was 50 us ago.
        let last = world.now - Duration::from_micros(50);
        assert!(world.due.is_none_or(|due| due > last), "due at {:?}, it is {last}", world.due);
        let time = random.one_of(&[0, 1_000, 100_000, 1_000_000, 60_000_000, 7_200_000_000]);
        world.polls = 0;
        world.pass(Duration::from_micros(random.below(time + 1) as u64));
        assert!(world.polls < 50, "{} polls", world.polls);
        world.sent();
        most = most.max(world.server.addresses().len());
        for own in [server_v4(), server_v6(), LINK_LOCAL.into()] {
            assert!(world.server.addresses().iter().any(|cidr| cidr.address() == own), "{own}");
        }
    }
    assert_eq!(most, 5, "the fuzz must reach the limit");
    for (from, to) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        let got = world.give(&udp((from, 5_000), (to, 12_000), b"still there?"));
        assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
    }
}
