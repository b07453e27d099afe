//! An address from a DHCP server: it comes, is renewed, and goes.

use core::net::Ipv4Addr;

use test_support::world::raw::{Got, arp, arp_reply_in, ip_in, tcp_in, udp_in};
use test_support::world::{CLIENT_MAC, World, client_v4, small};
use undersock::host::HostConfig;
use undersock::host::Mac;
use undersock::server::{Config, Limits};
use undersock::service::Uppercase;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{
    ArpOperation, ArpPacket, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, IpAddress, IpProtocol,
    TcpControl, UdpPacket,
};

const LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 77);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);
/// Seconds. The client asks to renew it after half of them (RFC 2131 4.4.5).
const LEASE: u32 = 600;

fn world() -> World<Uppercase> {
    // No connection is given up while a lease lasts.
    let limits = Limits::DEFAULT.with_idle(Duration::from_secs(3_600));
    let config =
        Config::new(HostConfig::default().without_addresses().with_dhcp().with_seed(3)).with_limits(limits);
    World::with(config, small(), Uppercase::new()).raw()
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

/// Goes through discovery and request with a server that offers this.
fn lease(world: &mut World<Uppercase>, address: Ipv4Addr, mask: Ipv4Addr, router: Ipv4Addr) {
    world.pass(Duration::from_millis(10));
    let discover = asks(&world.sent());
    let [(DhcpMessageType::Discover, transaction)] = discover[..] else {
        panic!("a discovery, not {discover:?}")
    };
    let request = world.give(&answer(DhcpMessageType::Offer, transaction, address, mask, router));
    let request = asks(&request);
    let [(DhcpMessageType::Request, transaction)] = request[..] else { return };
    world.give(&answer(DhcpMessageType::Ack, transaction, address, mask, router));
}

fn leased(world: &World<Uppercase>) -> Vec<String> {
    world.server.addresses().iter().map(ToString::to_string).collect()
}

#[test]
fn the_address_comes_serves_and_goes_with_its_lease() {
    let mut world = world();
    assert_eq!(leased(&world), [""; 0]);
    lease(&mut world, LEASED, MASK, ROUTER);
    assert_eq!(leased(&world), ["192.168.69.77/24"]);
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
        assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 0, "router {router}");
        world.pass(Duration::from_secs(60));
    }
    for mask in [Ipv4Addr::new(255, 0, 255, 0), Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST] {
        let mut world = world();
        lease(&mut world, LEASED, mask, ROUTER);
        world.pass(Duration::from_secs(60));
    }
}

const OTHER_ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 101);
const OTHER_ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 0, 0x65]);

/// Lets time pass until the server asks to renew its lease, and answers with this.
fn renew(world: &mut World<Uppercase>, address: Ipv4Addr, router: Ipv4Addr) -> Vec<Vec<u8>> {
    for _ in 0..LEASE {
        world.pass(Duration::from_secs(1));
        let sent = world.sent();
        // The stack has forgotten where the DHCP server is.
        if sent.iter().any(|frame| asks_arp(frame) == Some(ROUTER)) {
            let reply = arp(ArpOperation::Reply, (CLIENT_MAC, IpAddress::Ipv4(ROUTER)), LEASED.into());
            let got = world.give(&reply);
            if let [(DhcpMessageType::Request, transaction)] = asks(&got)[..] {
                return world.give(&answer(DhcpMessageType::Ack, transaction, address, MASK, router));
            }
        }
    }
    panic!("the lease was not renewed");
}

/// For whom an ARP request looks.
fn asks_arp(frame: &[u8]) -> Option<Ipv4Addr> {
    let packet = ArpPacket::new_checked(frame.get(14..)?).ok()?;
    (frame[12..14] == [0x08, 0x06] && packet.operation() == ArpOperation::Request)
        .then(|| Ipv4Addr::from_octets(packet.target_protocol_addr().try_into().expect("4 bytes")))
}

fn payloads(got: &[Vec<u8>]) -> Vec<Vec<u8>> {
    got.iter().filter_map(|frame| tcp_in(frame)).map(|Got { payload, .. }| payload).collect()
}

/// The stack forgets its neighbours with every change of its addresses; a live connection must not notice.
#[test]
fn a_stream_goes_on_at_once_after_a_renewal_with_another_router() {
    let mut world = world();
    lease(&mut world, LEASED, MASK, ROUTER);
    let mut peer = world.stream_by_hand(client_v4(), IpAddress::Ipv4(LEASED));
    renew(&mut world, LEASED, OTHER_ROUTER);
    assert_eq!(leased(&world), ["192.168.69.77/24"]);
    let data = peer.segment(TcpControl::Psh, b"after");
    assert_eq!(payloads(&world.give(&data)), [b"AFTER"]);
}

/// One whose client is beyond the router goes on by way of the new one, as soon as that says where it is.
#[test]
fn a_stream_from_afar_goes_on_by_way_of_another_router() {
    let mut world = world();
    lease(&mut world, LEASED, MASK, ROUTER);
    let mut peer = world.stream_by_hand(IpAddress::v4(8, 8, 8, 8), IpAddress::Ipv4(LEASED));
    renew(&mut world, LEASED, OTHER_ROUTER);
    let data = peer.segment(TcpControl::Psh, b"after");
    world.give(&data);
    // The stack asks for one neighbour a second, and has just asked for the DHCP server.
    world.pass(Duration::from_secs(1));
    let got = world.sent();
    assert_eq!(got.iter().filter_map(|frame| asks_arp(frame)).collect::<Vec<_>>(), [OTHER_ROUTER]);
    let reply = arp(ArpOperation::Reply, (OTHER_ROUTER_MAC, IpAddress::Ipv4(OTHER_ROUTER)), LEASED.into());
    let got = world.give(&reply);
    assert_eq!(payloads(&got), [b"AFTER"]);
    assert!(got.iter().all(|frame| frame[..6] == OTHER_ROUTER_MAC.0), "to the new router");
}

#[test]
fn connections_end_with_their_address() {
    // The lease ends, or the renewal brings another address.
    for renewed in [false, true] {
        let mut world = world();
        lease(&mut world, LEASED, MASK, ROUTER);
        world.stream_by_hand(client_v4(), IpAddress::Ipv4(LEASED));
        assert_eq!(world.server.used(), 1);
        if renewed {
            renew(&mut world, Ipv4Addr::new(192, 168, 69, 78), ROUTER);
            assert_eq!(leased(&world), ["192.168.69.78/24"]);
        } else {
            world.pass(Duration::from_secs(LEASE.into()));
            assert_eq!(leased(&world), [""; 0]);
        }
        assert_eq!(world.server.used(), 0, "renewed: {renewed}");
    }
}
