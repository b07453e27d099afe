//! IPv6 addresses and the router, as routers advertise them.

mod addresses;
mod connections;
mod mixes;
mod refused;
mod routers;
mod solicitations;

use core::net::Ipv6Addr;

use test_support::world::raw::{
    Advertisement, Peer, Prefix, ROUTER, ROUTER_MAC, defence, detection, discovery_in, ip_in, solicitation,
    tcp_in, udp, udp_in,
};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::host::Mac;
use undersock::host::{HostConfig, HostError};
use undersock::server::{Config, ConfigError, Limits};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{Icmpv6Packet, IpAddress, IpCidr, IpProtocol, TcpControl};

const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
/// The advertised prefix with the server's interface identifier.
const FORMED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0xff, 0xfe00, 1);
const NEIGHBOR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
/// Behind the router.
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
const NOBODY: [Ipv6Addr; 0] = [];
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
fn asks(world: &mut World<Uppercase>, from: Ipv6Addr, mac: Mac) -> Option<Mac> {
    let mut request = udp((from.into(), 5_000), (FORMED.into(), 12_000), b"hello");
    request[6..12].copy_from_slice(&mac.0);
    let got = world.give(&request);
    let reply = got.iter().find(|frame| udp_in(frame).is_some())?;
    assert_eq!(udp_in(reply).expect("a datagram").2, b"HELLO");
    reply.first_chunk().copied().map(Mac)
}

/// A client from `from` at this address of ours goes silent in the middle of a connection: whom the server asks for, to
/// find it or the way there.
fn looked_for(world: &mut World<Uppercase>, own: Ipv6Addr, from: Ipv6Addr) -> Vec<Ipv6Addr> {
    let mut peer = world.stream_by_hand(from.into(), own.into());
    let data = peer.segment(TcpControl::Psh, b"silent from now on");
    world.give(&data);
    // Two retransmissions, and three questions a second apart.
    world.pass(Duration::from_millis(6_500));
    world.now += Duration::from_micros(50);
    let asked = world
        .sent()
        .iter()
        .filter_map(|frame| discovery_in(frame))
        .filter_map(|(from, _, kind, rest)| {
            let target = <[u8; 16]>::try_from(rest.get(..16)?).ok()?;
            (kind == NEIGHBOR_SOLICITATION && !from.is_unspecified()).then(|| Ipv6Addr::from(target))
        })
        .collect();
    // It was never there.
    let reset = peer.segment(TcpControl::Rst, b"");
    world.give(&reset);
    asked
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

fn prefix(number: u16) -> Prefix {
    Prefix { network: Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0), ..Prefix::default() }
}

fn cidr(text: &str) -> IpCidr {
    text.parse().expect("an address and its network")
}
