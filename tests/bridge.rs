//! The server on a bridge that forwards a group's frames only to who has reported it: a Linux bridge with multicast snooping
//! and a querier. Who wants to reach an IPv6 address asks its group where it is (RFC 4861 7.2.1).
//!
//! Each test runs in namespaces of its own: nothing of this machine's network is seen or touched.
#![cfg(target_os = "linux")]

use core::time::Duration;
use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use test_support::network::{alone, ip};
use undersock::device::tap::Tap;
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::time;

/// After this a test is stuck: generous, because nothing here is about time.
const STUCK: Duration = Duration::from_secs(20);
/// What the bridge's timers are set to, in hundredths of a second: queries every second, the least it takes, and a group is
/// forgotten that nobody has reported for 2.5 s.
const TIMERS: &str = "mcast_query_interval 100 mcast_startup_query_interval 100 mcast_startup_query_count 2 \
                      mcast_query_response_interval 50 mcast_last_member_interval 50 mcast_membership_interval 250";
/// So long the bridge is watched: some groups' lifetimes.
const WATCHED: Duration = Duration::from_secs(7);

/// Polls the server until that is so.
fn until(tap: &mut Tap, server: &mut Server<'_>, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        server.poll(time::Instant::now(), tap, &mut Uppercase::new(), &mut ());
        tap.wait(Some(Duration::from_millis(5)), []).unwrap();
        assert!(start.elapsed() < STUCK, "no answer; {}; {:?}", groups(), server.counters());
    }
}

/// What the bridge knows of groups, and the host of its neighbours.
fn groups() -> String {
    ip("-s -s -d link show br0") + &ip("-6 neigh show dev a1")
}

/// A host that has never heard of the server reaches it, again and again.
fn stays_reachable(version: u8) {
    ip(&format!("link add br0 type bridge mcast_snooping 1 mcast_mld_version {version} {TIMERS}"));
    // A bridge that becomes a querier floods for one response interval more: by now that is short.
    ip("link set br0 type bridge mcast_querier 1");
    ip("link add a0 type veth peer name a1");
    ip("addr add fdaa::100/64 dev a1 nodad");
    ip("link set a0 master br0 up");
    ip("link set a1 up");
    let mut tap = Tap::open("tap0").unwrap();
    ip("link set tap0 master br0 up");
    ip("link set br0 up");
    // The bridge asks once it has an address of its own to ask from.
    let start = Instant::now();
    while !ip("-6 -o addr show dev br0 scope link -tentative").contains("fe80") {
        assert!(start.elapsed() < STUCK, "{}", ip("addr"));
        thread::sleep(Duration::from_millis(10));
    }
    let config = Config::new(HostConfig::default().with_seed(1));
    let memory = Memory::owned(Sizes::default());
    let mut server = Server::new(&config, memory, &mut tap, time::Instant::now()).unwrap();
    let client = UdpSocket::bind("[fdaa::100]:0").unwrap();
    client.set_nonblocking(true).unwrap();
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        ip("-6 neigh flush dev a1");
        client.send_to(b"where?", "[fdaa::1]:12000").unwrap();
        let mut reply = [0; 16];
        until(&mut tap, &mut server, || client.recv(&mut reply).is_ok());
        assert!(reply.starts_with(b"WHERE?"));
        let asked = Instant::now();
        until(&mut tap, &mut server, || asked.elapsed() > Duration::from_millis(300));
    }
}

#[test]
fn a_querier_of_version_1_keeps_ipv6_alive() {
    alone("a_querier_of_version_1_keeps_ipv6_alive", || stays_reachable(1));
}

#[test]
fn a_querier_of_version_2_keeps_ipv6_alive() {
    alone("a_querier_of_version_2_keeps_ipv6_alive", || stays_reachable(2));
}
