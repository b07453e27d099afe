//! Where the device carries IP packets with nothing before them: a TUN interface, a point-to-point line.

use core::cell::RefCell;
use std::rc::Rc;

use test_support::world::raw::{Peer, ping, udp};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::device::cable;
use undersock::device::impaired::{Impaired, Settings};
use undersock::device::wire::Wire;
use undersock::event::{DropRule, Event, Fate, Observer};
use undersock::host::{HostConfig, HostError};
use undersock::packet::{Layer, Link, Message, Packet};
use undersock::smoltcp::phy::{Device, Medium, RxToken, TxToken};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::TcpControl;

/// An Ethernet frame's packet.
fn inside(frame: &[u8]) -> Vec<u8> {
    frame[14..].to_vec()
}

#[test]
fn both_protocols_are_served_and_nobody_is_asked_for() {
    let mut world = World::point_to_point(small());
    for server in [server_v4(), server_v6()] {
        assert_eq!(world.udp(server, "straße".as_bytes()).unwrap(), "STRASSE".as_bytes());
        assert_eq!(world.tcp(server, b"hello").unwrap(), b"HELLO");
        assert_eq!(world.stream(server, &[b'a'; 20_000]), [b'A'; 20_000]);
    }
    let said = world.history.timeline();
    assert!(!said.contains("arp") && !said.contains("ndp") && !said.contains("other"), "{said}");
    assert_eq!((world.server.mac(), world.server.counters().dropped_in_all()), (None, 0));
}

#[test]
fn the_largest_packet_has_the_whole_mtu() {
    let wire = Wire::owned(Duration::ZERO, 1).with_link(Link::Ip);
    let (cable, _other) = cable::pair_with_link(Link::Ip);
    for capabilities in [wire.ends().0.capabilities(), cable.capabilities()] {
        assert_eq!((capabilities.medium, capabilities.max_transmission_unit), (Medium::Ip, 1_500));
    }
    let mut world = World::point_to_point(small());
    assert_eq!(world.udp(server_v4(), &[b'a'; 1_472]).unwrap(), [b'A'; 1_472]);
}

#[test]
fn echo_and_errors_are_answered() {
    let mut world = World::point_to_point(small()).raw();
    for (from, to) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        let got = world.give(&inside(&ping(from, to, b"data")));
        let [reply] = &got[..] else { panic!("{got:?}") };
        assert_eq!(Link::Ip.damaged(reply), None);
        let Packet::Icmp(icmp) = Link::Ip.packet(reply) else { panic!("{reply:?}") };
        assert!(matches!(icmp.message, Message::EchoReply { data: b"data", .. }), "{icmp:?}");
        let got = world.give(&inside(&udp((from, 5_000), (to, 99), b"nobody")));
        let [error] = &got[..] else { panic!("{got:?}") };
        let Packet::Icmp(icmp) = Link::Ip.packet(error) else { panic!("{error:?}") };
        assert_eq!((icmp.message.name(), Link::Ip.damaged(error)), ("port-unreachable", None));
    }
    let got = world.give(&inside(&Peer::new(40_000).at_port(99).segment(TcpControl::Syn, b"")));
    let [reset] = &got[..] else { panic!("{got:?}") };
    let Packet::Tcp(tcp) = Link::Ip.packet(reset) else { panic!("{reset:?}") };
    assert!(tcp.flags.rst());
}

#[test]
fn what_is_no_packet_is_dropped() {
    let mut world = World::point_to_point(small()).raw();
    let whole = inside(&udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello"));
    let ethernet = udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    for bytes in [&[0x45][..], &[0x60], &[0; 60], &[0x45; 60], &whole[..20], &ethernet] {
        assert_eq!(world.give(bytes), Vec::<Vec<u8>>::new(), "{bytes:?}");
    }
    let counters = world.server.counters();
    assert_eq!((counters.frames_in, counters.dropped_in_all()), (6, 6));
    assert_eq!(world.give(&whole).len(), 1);
}

#[test]
fn what_needs_ethernet_is_refused() {
    for host in [HostConfig::default().without_addresses().with_dhcp(), HostConfig::default().with_slaac()] {
        assert_eq!(host.without_link().check(), Err(HostError::NoLink));
    }
}

/// What the wire did.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<Stroke>>>);

/// What happened, on which link, to what.
type Stroke = (Fate, Link, &'static str);

impl Observer for Told {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        let Event::Trouble(trouble) = event else { panic!("{event:?}") };
        let name = trouble.link.packet(trouble.bytes).name();
        self.0.borrow_mut().push((trouble.fate, trouble.link, name));
    }
}

/// Rules look into packets where they are, and what is damaged is damaged where a checksum guards it.
#[test]
fn trouble_finds_its_way_in_packets() {
    let packets = [
        inside(&Peer::new(40_000).segment(TcpControl::Syn, b"")),
        inside(&udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello")),
        inside(&udp((client_v6(), 5_000), (server_v6(), 12_000), b"hello")),
    ];
    let mut settings = Settings::default();
    for (name, value) in [("trouble", "drop the first SYN"), ("corrupt", "1/1")] {
        settings.set(name, value).expect("a setting");
    }
    let wire = Wire::owned(Duration::ZERO, 64).with_link(Link::Ip);
    let (near, mut far) = wire.ends();
    let told = Told::default();
    let mut device: Impaired<_, _, 8> = Impaired::new(near, &settings, told.clone()).with_link(Link::Ip);
    let now = Instant::ZERO;
    for packet in packets.iter().cycle().take(63) {
        let token = device.transmit(now).expect("room");
        token.consume(packet.len(), |place| place.copy_from_slice(packet));
    }
    let mut arrived = 0;
    while let Some((token, _)) = far.receive(now) {
        token.consume(|bytes| assert!(Link::Ip.damaged(bytes).is_some() || !is_whole(bytes), "{bytes:?}"));
        arrived += 1;
    }
    let told = told.0.borrow();
    assert_eq!((arrived, told.len()), (62, 63));
    assert_eq!(told[0], (Fate::Lost, Link::Ip, "tcp"));
    assert!(
        told[1..].iter().all(|(fate, link, _)| matches!(fate, Fate::Corrupted { .. }) && *link == Link::Ip)
    );
}

/// Whether lengths and versions are as they were, so that a checksum can be judged.
fn is_whole(bytes: &[u8]) -> bool {
    let layers: Vec<_> = Link::Ip.layers(bytes).collect();
    let Some(last) = layers.iter().rev().find(|part| matches!(part.layer, Layer::Udp | Layer::Tcp)) else {
        return false;
    };
    last.until == bytes.len() && layers.iter().all(|part| part.missing() == 0)
}

/// What was dropped is told as what it is.
#[test]
fn a_packet_for_somebody_else_is_told_of() {
    let mut world = World::point_to_point(small()).raw();
    world.give(&inside(&udp((client_v4(), 5_000), (client_v4(), 12_000), b"hello")));
    let dropped = world.server.counters().dropped;
    let not_for_us = DropRule::ALL.iter().position(|rule| *rule == DropRule::NotForUs).expect("a rule");
    assert_eq!(dropped[not_for_us], 1);
    assert!(
        world.history.contains("udp 192.168.69.100:5000 > 192.168.69.100:12000"),
        "{}",
        world.history.timeline()
    );
}
