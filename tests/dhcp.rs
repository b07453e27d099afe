//! An address from a DHCP server: it comes, is renewed, and goes.

use core::net::Ipv4Addr;

use test_support::world::raw::{Got, arp, arp_reply_in, ip_in, tcp_in, udp_in};
use test_support::world::{CLIENT_MAC, World, client_v4, small};
use undersock::host::HostConfig;
use undersock::host::Mac;
use undersock::server::{Config, Limits, Memory};
use undersock::service::Uppercase;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{
    ArpOperation, ArpPacket, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, IpAddress, IpProtocol,
    TcpControl, UdpPacket,
};

const LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 77);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);
/// Three probes, a second or two apart, and two seconds more (RFC 5227 1.1).
const PROBING: Duration = Duration::from_secs(6);
/// Seconds. The client asks to renew it after half of them (RFC 2131 4.4.5).
const LEASE: u32 = 600;

fn config() -> Config<'static> {
    // No connection is given up while a lease lasts.
    let limits = Limits::DEFAULT.with_idle(Duration::from_secs(3_600));
    Config::new(HostConfig::default().without_addresses().with_dhcp().with_seed(3)).with_limits(limits)
}

fn world() -> World<Uppercase> {
    World::with(config(), small(), Uppercase::new()).raw()
}

/// What the server, as a DHCP client, says: the kind of message and its transaction.
fn asks(frames: &[Vec<u8>]) -> Vec<(DhcpMessageType, u32)> {
    frames
        .iter()
        .filter_map(|frame| ip_in(frame, IpProtocol::Udp))
        .filter_map(|(_, datagram)| {
            let datagram = UdpPacket::new_checked(&datagram[..]).ok()?;
            let packet = DhcpPacket::new_checked(datagram.payload()).ok()?;
            let repr = DhcpRepr::parse(&packet).ok()?;
            Some((repr.message_type, repr.transaction_id))
        })
        .collect()
}

/// A DHCP server's answer.
fn answer(
    kind: DhcpMessageType,
    transaction: u32,
    address: Ipv4Addr,
    mask: Ipv4Addr,
    router: Ipv4Addr,
) -> Vec<u8> {
    let repr = DhcpRepr {
        message_type: kind,
        transaction_id: transaction,
        secs: 0,
        client_hardware_address: EthernetAddress(test_support::world::raw::SERVER_MAC.0),
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: address,
        server_ip: ROUTER,
        router: Some(router),
        subnet_mask: Some(mask),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(ROUTER),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(LEASE),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut message = vec![0; repr.buffer_len()];
    repr.emit(&mut DhcpPacket::new_unchecked(&mut message[..])).expect("it fits");
    test_support::world::raw::udp((client_v4(), 67), (IpAddress::Ipv4(address), 68), &message)
}

/// Goes through discovery and request with a server that offers this, and the time in which other hosts may object.
fn lease(world: &mut World<Uppercase>, address: Ipv4Addr, mask: Ipv4Addr, router: Ipv4Addr) -> Vec<Vec<u8>> {
    let mut sent = request(world, address, mask, router);
    world.pass(PROBING);
    sent.extend(world.sent());
    sent
}

/// The same, until the server has said yes, if it was asked.
fn request(
    world: &mut World<Uppercase>,
    address: Ipv4Addr,
    mask: Ipv4Addr,
    router: Ipv4Addr,
) -> Vec<Vec<u8>> {
    world.pass(Duration::from_millis(10));
    let discover = asks(&world.sent());
    let [(DhcpMessageType::Discover, transaction)] = discover[..] else {
        panic!("a discovery, not {discover:?}")
    };
    let request = world.give(&answer(DhcpMessageType::Offer, transaction, address, mask, router));
    let request = asks(&request);
    let [(DhcpMessageType::Request, transaction)] = request[..] else { return Vec::new() };
    world.give(&answer(DhcpMessageType::Ack, transaction, address, mask, router))
}

fn leased(world: &World<Uppercase>) -> Vec<String> {
    world.server.addresses().iter().map(ToString::to_string).collect()
}

#[test]
fn the_address_comes_serves_and_goes_with_its_lease() {
    let mut world = world();
    assert_eq!(leased(&world), [""; 0]);
    let got = lease(&mut world, LEASED, MASK, ROUTER);
    assert_eq!(leased(&world), ["192.168.69.77/24"]);
    // Nobody else has it: probes say no sender, the announcement does (RFC 5227 2.1, 2.3).
    let none = Ipv4Addr::UNSPECIFIED;
    let about: Vec<_> = got.iter().filter_map(|frame| asks_arp(frame)).collect();
    assert_eq!(about[..3], [(none, LEASED); 3]);
    assert_eq!(about[3..], vec![(LEASED, LEASED); about.len() - 3]);
    assert!((1..=2).contains(&about[3..].len()), "{about:?}");
    let got = world.give(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), IpAddress::Ipv4(LEASED)));
    assert_eq!(got.iter().filter_map(|frame| arp_reply_in(frame)).count(), 1);
    let request =
        test_support::world::raw::udp((client_v4(), 5_000), (IpAddress::Ipv4(LEASED), 12_000), b"leased");
    let got = world.give(&request);
    assert_eq!(
        got.iter().filter_map(|frame| udp_in(frame)).map(|(_, _, payload)| payload).collect::<Vec<_>>(),
        [b"LEASED"]
    );
    // Beyond the router too.
    let far = IpAddress::v4(8, 8, 8, 8);
    let got =
        world.give(&test_support::world::raw::udp((far, 5_000), (IpAddress::Ipv4(LEASED), 12_000), b"far"));
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
    // Nobody renews it.
    world.pass(Duration::from_secs(601));
    world.sent();
    assert_eq!(leased(&world), [""; 0]);
    assert_eq!(world.give(&request).iter().filter_map(|frame| udp_in(frame)).count(), 0);
}

/// What a DHCP server says comes from the network: it must not be able to make the stack panic.
#[test]
fn impossible_offers_are_not_taken() {
    let broadcast = Ipv4Addr::new(192, 168, 69, 255);
    let loopback = Ipv4Addr::LOCALHOST;
    let multicast = Ipv4Addr::new(224, 0, 0, 1);
    for address in [broadcast, loopback, multicast, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST] {
        let mut world = world();
        lease(&mut world, address, MASK, ROUTER);
        assert_eq!(leased(&world), [""; 0], "{address}");
        world.pass(Duration::from_secs(60));
    }
    for router in [broadcast, multicast, LEASED, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::UNSPECIFIED] {
        let mut world = world();
        lease(&mut world, LEASED, MASK, router);
        assert_eq!(leased(&world), ["192.168.69.77/24"], "router {router}");
        let far = IpAddress::v4(8, 8, 8, 8);
        let got = world.give(&test_support::world::raw::udp(
            (far, 5_000),
            (IpAddress::Ipv4(LEASED), 12_000),
            b"far",
        ));
        // Whoever asks is answered where the question came from.
        assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1, "router {router}");
        world.pass(Duration::from_secs(60));
    }
    for mask in [Ipv4Addr::new(255, 0, 255, 0), Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST] {
        let mut world = world();
        lease(&mut world, LEASED, mask, ROUTER);
        world.pass(Duration::from_secs(60));
    }
}

const OTHER_ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 101);
const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 0x65]);

/// Lets time pass until the server is asked to renew its lease, and answers with this.
fn renew(world: &mut World<Uppercase>, router: Ipv4Addr) {
    for _ in 0..LEASE {
        world.pass(Duration::from_secs(1));
        let sent = world.sent();
        if let [(DhcpMessageType::Request, transaction)] = asks(&sent)[..] {
            // To the server, at the address that its answer came from.
            assert!(sent.iter().any(|frame| frame[..6] == CLIENT_MAC.0), "{sent:?}");
            world.give(&answer(DhcpMessageType::Ack, transaction, LEASED, MASK, router));
            return;
        }
    }
    panic!("the lease was not renewed");
}

/// Who asks for whom by ARP.
fn asks_arp(frame: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let packet = ArpPacket::new_checked(frame.get(14..)?).ok()?;
    let address = |bytes: &[u8]| Ipv4Addr::from_octets(bytes.try_into().expect("4 bytes"));
    (frame[12..14] == [0x08, 0x06] && packet.operation() == ArpOperation::Request)
        .then(|| (address(packet.source_protocol_addr()), address(packet.target_protocol_addr())))
}

fn payloads(got: &[Vec<u8>]) -> Vec<Vec<u8>> {
    got.iter().filter_map(|frame| tcp_in(frame)).map(|Got { payload, .. }| payload).collect()
}

#[test]
fn streams_go_on_after_a_renewal_with_another_router() {
    for client in [client_v4(), IpAddress::v4(8, 8, 8, 8)] {
        let mut world = world();
        lease(&mut world, LEASED, MASK, ROUTER);
        let mut peer = world.stream_by_hand(client, IpAddress::Ipv4(LEASED));
        renew(&mut world, OTHER_ROUTER);
        assert_eq!(leased(&world), ["192.168.69.77/24"]);
        let data = peer.segment(TcpControl::Psh, b"after");
        assert_eq!(payloads(&world.give(&data)), [b"AFTER"]);
    }
}

#[test]
fn connections_end_with_their_address() {
    let mut world = world();
    lease(&mut world, LEASED, MASK, ROUTER);
    world.stream_by_hand(client_v4(), IpAddress::Ipv4(LEASED));
    renew(&mut world, ROUTER);
    assert_eq!(world.server.used(), 1);
    world.pass(Duration::from_secs(u64::from(LEASE) - 1));
    assert_eq!((leased(&world), world.server.used()), (vec!["192.168.69.77/24".to_string()], 1));
    world.pass(Duration::from_secs(1));
    assert_eq!((leased(&world), world.server.used()), (Vec::new(), 0));
}

/// The cable was out, perhaps in another network: any server is asked whether the lease is still good (RFC 2131 4.4.2), and
/// until one says no it is.
#[test]
fn a_stream_goes_on_while_the_lease_is_asked_for_again_after_the_link_was_down() {
    for answers in [Some(DhcpMessageType::Ack), None] {
        let mut world = World::as_configured(config(), Memory::owned(small()), Uppercase::new()).raw();
        lease(&mut world, LEASED, MASK, ROUTER);
        let mut peer = world.stream_by_hand(client_v4(), IpAddress::Ipv4(LEASED));
        world.pass(Duration::from_secs(10));
        world.sent();
        world.server.link_up(world.now);
        let data = peer.segment(TcpControl::Psh, b"at once");
        let got = world.give(&data);
        assert_eq!(payloads(&got), [b"AT ONCE"]);
        peer.got(&got.iter().find_map(|frame| tcp_in(frame)).expect("a segment"));
        let asked: Vec<_> = got.iter().filter(|frame| !asks(&[frame.to_vec()]).is_empty()).collect();
        let [request] = asked[..] else { panic!("one request, not {got:?}") };
        // To everybody, from nobody, for the address that it has, and of no server in particular (table 4).
        assert_eq!(
            (&request[..6], &request[26..34]),
            (&[0xff; 6][..], &[0, 0, 0, 0, 255, 255, 255, 255][..])
        );
        let packet = DhcpPacket::new_checked(&request[42..]).expect("a message");
        let repr = DhcpRepr::parse(&packet).expect("a message");
        assert_eq!(
            (repr.message_type, repr.client_ip, repr.requested_ip, repr.server_identifier),
            (DhcpMessageType::Request, Ipv4Addr::UNSPECIFIED, Some(LEASED), None)
        );
        // It is announced again, too: who is on the link may be others.
        assert!(got.iter().any(|frame| asks_arp(frame) == Some((LEASED, LEASED))), "{got:?}");
        for round in 0..30 {
            if let Some(kind) = answers.filter(|_| round == 3) {
                world.give(&answer(kind, repr.transaction_id, LEASED, MASK, ROUTER));
            }
            let data = peer.segment(TcpControl::Psh, b"and on");
            let got = world.give(&data);
            assert_eq!(payloads(&got), [b"AND ON"], "{answers:?}, {round} s");
            peer.got(&got.iter().find_map(|frame| tcp_in(frame)).expect("a segment"));
            world.pass(Duration::from_secs(1));
            world.sent();
        }
        assert_eq!((leased(&world), world.server.used()), (vec!["192.168.69.77/24".to_string()], 1));
    }
}

/// A frame by which another host says that it has the address.
fn claim() -> Vec<u8> {
    arp(ArpOperation::Reply, (STRANGER, IpAddress::Ipv4(LEASED)), IpAddress::Ipv4(LEASED))
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut world = world();
    request(&mut world, LEASED, MASK, ROUTER);
    let decline = asks(&world.give(&claim()));
    assert!(matches!(decline[..], [(DhcpMessageType::Decline, _)]), "{decline:?}");
    world.pass(Duration::from_secs(9));
    assert_eq!((asks(&world.sent()), leased(&world)), (Vec::new(), Vec::new()));
    world.pass(Duration::from_secs(1));
    lease(&mut world, LEASED, MASK, ROUTER);
    assert_eq!(leased(&world), ["192.168.69.77/24"]);
    // In use it is defended once in ten seconds, and then given up (RFC 5227 2.4 b).
    world.pass(Duration::from_secs(20));
    world.sent();
    let got = world.give(&claim());
    assert_eq!(got.iter().filter_map(|frame| asks_arp(frame)).collect::<Vec<_>>(), [(LEASED, LEASED)]);
    let decline = asks(&world.give(&claim()));
    assert!(matches!(decline[..], [(DhcpMessageType::Decline, _)]), "{decline:?}");
    assert_eq!(leased(&world), [""; 0]);
}

#[test]
fn servers_that_say_no_make_no_storm() {
    let mut world = world();
    let mut frames = 0;
    for _ in 0..600 {
        world.pass(Duration::from_secs(1));
        let mut sent = world.sent();
        while let Some(&(kind, transaction)) = asks(&sent).last() {
            frames += sent.len();
            let says = match kind {
                DhcpMessageType::Discover => DhcpMessageType::Offer,
                _ => DhcpMessageType::Nak,
            };
            sent = world.give(&answer(says, transaction, LEASED, MASK, ROUTER));
        }
    }
    assert!((10..50).contains(&frames), "{frames} in ten minutes");
}
