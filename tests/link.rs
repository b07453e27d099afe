//! What a host says of itself on its link, by itself.

use test_support::world::raw::hex;
use test_support::world::small;
use undersock::client::Client;
use undersock::device::wire::Wire;
use undersock::host::HostConfig;
use undersock::packet::{Message, Packet, Sum, layers, packet};
use undersock::server::{Config, Memory, Server};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::IpCidr;

/// What a frame says, in a word or two.
fn said(frame: &[u8]) -> String {
    match packet(frame) {
        Packet::Arp(arp) => format!("{} announces {}", arp.sender, arp.target),
        Packet::Icmp(icmp) => match icmp.message {
            Message::NeighborSolicitation { target } => format!("{} asks for {target}", icmp.from),
            _ => format!("{}", icmp.kind),
        },
        other => format!("{other:?}"),
    }
}

/// A device that takes a frame at a time: nothing is said twice because of it, and nothing is left out.
#[test]
fn everything_is_said_once_by_a_device_that_takes_a_frame_at_a_time() {
    let wire = Wire::owned(Duration::ZERO, 1);
    let (mut server_end, mut other_end) = wire.ends();
    let mut config = Config::default();
    let second: IpCidr = "10.0.0.1/8".parse().unwrap();
    config.host.addresses.push(second).unwrap();
    let mut now = Instant::from_secs(1);
    let mut server = Server::new(&config, Memory::owned(small()), &mut server_end, now).unwrap();
    let mut frames = Vec::new();
    while now < Instant::from_secs(9) {
        let next = server.poll(now, &mut server_end, &mut Uppercase::new(), &mut ());
        while let Some(frame) = other_end.take(now) {
            frames.push(said(&frame));
        }
        assert!(frames.len() < 50, "{frames:#?}");
        now = next.unwrap_or(Instant::from_secs(9)).max(now + Duration::from_micros(1));
    }
    assert_eq!(frames[0], "143", "its groups are reported before its addresses are asked for");
    frames.sort_unstable();
    let own = ["10.0.0.1 announces 10.0.0.1", "192.168.69.1 announces 192.168.69.1"];
    let mut expected = vec![own[0], own[0], own[1], own[1], "143", "143"];
    expected.extend([":: asks for fdaa::1", ":: asks for fe80::ff:fe00:1"]);
    expected.sort_unstable();
    assert_eq!(frames, expected);
}

/// A general query of multicast listener discovery, version 1: as a Linux bridge asks (RFC 2710 3).
fn query() -> Vec<u8> {
    let mut frame = hex("333300000001 0200000000fe 86dd 60000000 0020 00 01
         fe8000000000000000000000000000fe ff020000000000000000000000000001 3a00 05020000 0100
         8200 0000 03e8 0000 00000000000000000000000000000000");
    let sum = layers(&frame).find_map(|part| match part.checksum() {
        Some((_, Sum::Wrong { right })) => Some(right),
        _ => None,
    });
    frame[64..66].copy_from_slice(&sum.unwrap().to_be_bytes());
    frame
}

/// Where the reports of version 1 go that answer a query within the second that it gives.
fn answers(
    mut poll: impl FnMut(Instant, &mut undersock::device::wire::WireEnd<'_>) -> Option<Instant>,
) -> Vec<String> {
    let wire = Wire::owned(Duration::ZERO, 8);
    let (mut host_end, mut other_end) = wire.ends();
    let mut now = Instant::from_secs(2);
    assert!(other_end.inject(now, &query()));
    let mut groups = Vec::new();
    while now < Instant::from_secs(3) {
        let next = poll(now, &mut host_end);
        while let Some(frame) = other_end.take(now) {
            let Packet::Icmp(icmp) = packet(&frame) else { panic!("{:?}", packet(&frame)) };
            assert_eq!(icmp.kind, 131);
            groups.push(icmp.to.to_string());
        }
        now = next.unwrap_or(Instant::from_secs(3)).max(now + Duration::from_micros(1));
    }
    groups
}

/// A querier that hears nothing of a group has nothing sent there any more.
#[test]
fn a_query_is_answered_by_server_and_client() {
    let wire = Wire::owned(Duration::ZERO, 1);
    let (mut unused, _) = wire.ends();
    let now = Instant::from_secs(1);
    let mut config = Config::default();
    config.host = config.host.without_announcement();
    let mut server = Server::new(&config, Memory::owned(small()), &mut unused, now).unwrap();
    let mut reports = answers(|now, device| server.poll(now, device, &mut Uppercase::new(), &mut ()));
    reports.sort_unstable();
    assert_eq!(reports, ["ff02::1:ff00:1"], "the link-local address has the same group");
    let host = HostConfig::client().without_announcement();
    let mut client = Client::new(&host, Vec::new(), &mut unused, now).unwrap();
    let reports = answers(|now, device| client.poll(now, device));
    assert_eq!(reports, ["ff02::1:ff00:100", "ff02::1:ff00:64"]);
}
