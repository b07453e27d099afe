//! The server as a client of real DHCP servers: an address from one, and peace between two that know nothing of each
//! other.
//!
//! Each test runs in namespaces of its own: nothing of this machine's network is seen or touched.
#![cfg(target_os = "linux")]

use core::time::Duration;
use std::net::UdpSocket;
use std::time::Instant;

use test_support::network::{Program, alone, ip, tool};
use undersock::device::tap::Tap;
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::time;

/// After this a test is stuck: generous, because nothing here is about time.
const STUCK: Duration = Duration::from_secs(60);

/// A DHCP server on an interface, with the last digits of its address and of the only one that it leases.
fn dnsmasq(interface: &str, own: u8, leased: u8, more: &[&str]) -> Program {
    ip(&format!("addr add 192.168.69.{own}/24 dev {interface}"));
    let mut command = tool("dnsmasq");
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--leasefile-ro"]);
    command.args(["--user=root", "--group=root", "--log-facility=-", "--port=0", "--no-ping"]);
    command.args(["--bind-interfaces", &format!("--interface={interface}"), "--except-interface=lo"]);
    command.arg(format!("--dhcp-range=192.168.69.{leased},192.168.69.{leased},120")).args(more);
    let program = Program::start(command);
    program.says("DHCP, IP range");
    program
}

/// Polls the server until that is so.
fn until(tap: &mut Tap, server: &mut Server<'_>, mut done: impl FnMut(&Server<'_>) -> bool) {
    let start = Instant::now();
    while !done(server) {
        server.poll(time::Instant::now(), tap, &mut Uppercase::new(), &mut ());
        tap.wait(Some(Duration::from_millis(5)), []).unwrap();
        assert!(start.elapsed() < STUCK, "nothing happens; {:?}; {:?}", tap.error(), tap.counters());
    }
}

fn has(server: &Server<'_>, last: u8) -> bool {
    server.addresses().iter().any(|cidr| cidr.to_string() == format!("192.168.69.{last}/24"))
}

#[test]
fn an_address_comes_and_serves() {
    alone("an_address_comes_and_serves", || {
        let mut tap = Tap::open("tap0").unwrap();
        ip("link set tap0 up");
        let server_of_leases = dnsmasq("tap0", 100, 50, &[]);
        let config = Config::new(HostConfig::default().without_addresses().with_dhcp().with_seed(1));
        let memory = Memory::owned(Sizes::default());
        let mut server = Server::new(&config, memory, &mut tap, time::Instant::now()).unwrap();
        until(&mut tap, &mut server, |server| has(server, 50));
        let client = UdpSocket::bind("192.168.69.100:0").unwrap();
        client.set_nonblocking(true).unwrap();
        client.send_to(b"leased", "192.168.69.50:12000").unwrap();
        let mut reply = [0; 16];
        until(&mut tap, &mut server, |_| client.recv(&mut reply).is_ok());
        assert!(reply.starts_with(b"LEASED"));
        let said = server_of_leases.said();
        assert_eq!(said.matches("DHCPACK").count(), 1, "{said}");
    });
}

/// One of them is authoritative, and says no to what it has not leased itself.
#[test]
fn two_servers_and_no_storm() {
    alone("two_servers_and_no_storm", || {
        let mut tap = Tap::open("tap0").unwrap();
        ip("link add br0 type bridge");
        for pair in ["a", "b"] {
            ip(&format!("link add {pair}0 type veth peer name {pair}1"));
            ip(&format!("link set {pair}0 master br0 up"));
            ip(&format!("link set {pair}1 up"));
        }
        ip("link set tap0 master br0 up");
        ip("link set br0 up");
        let first = dnsmasq("a1", 100, 50, &[]);
        let config = Config::new(HostConfig::default().without_addresses().with_dhcp().with_seed(1));
        let memory = Memory::owned(Sizes::default());
        let mut server = Server::new(&config, memory, &mut tap, time::Instant::now()).unwrap();
        until(&mut tap, &mut server, |server| has(server, 50));
        // The link comes back, and there is another server: its no is not heard.
        let second = dnsmasq("b1", 200, 150, &["--dhcp-authoritative"]);
        server.link_up(time::Instant::now());
        until(&mut tap, &mut server, |_| second.said().contains("DHCPNAK"));
        until(&mut tap, &mut server, |_| first.said().matches("DHCPACK").count() == 2);
        // A no that was heard would be followed by a discovery after a second.
        let start = Instant::now();
        until(&mut tap, &mut server, |_| start.elapsed() > Duration::from_secs(2));
        assert!(has(&server, 50), "{}", second.said());
        for said in [first.said(), second.said()] {
            assert!(said.matches("DHCPREQUEST").count() <= 3, "{said}");
            assert!(said.matches("DHCPDISCOVER").count() <= 3, "{said}");
        }
    });
}
