//! The TAP device against a real kernel: opened, shared, taken down, removed.
//!
//! Each test runs in namespaces of its own: nothing of this machine's network is seen or touched.
#![cfg(target_os = "linux")]

use core::time::Duration;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Instant;

use test_support::network::{alone, ip};
use undersock::device::tap::{Tap, TapError};
use undersock::packet::Link;
use undersock::smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use undersock::smoltcp::phy::{Device, TxToken};
use undersock::smoltcp::socket::udp;
use undersock::smoltcp::time;
use undersock::smoltcp::wire::{EthernetAddress, IpCidr};

/// After this a test is stuck: generous, because nothing here is about time.
const STUCK: Duration = Duration::from_secs(20);

/// The smallest stack that answers: one UDP socket that sends back what it gets.
struct Echo {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl Echo {
    fn new(tap: &mut Tap) -> Echo {
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        let mut interface = Interface::new(config, tap, time::Instant::now());
        interface.update_ip_addrs(|addresses| {
            addresses.push("192.168.69.1/24".parse::<IpCidr>().unwrap()).unwrap()
        });
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 8192]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(7).unwrap();
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        Echo { interface, sockets, handle }
    }

    fn poll(&mut self, tap: &mut Tap) {
        self.interface.poll(time::Instant::now(), tap, &mut self.sockets);
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.handle);
        while let Ok((data, from)) = socket.recv() {
            let data = data.to_vec();
            socket.send_slice(&data, from.endpoint).unwrap();
        }
        self.interface.poll(time::Instant::now(), tap, &mut self.sockets);
    }
}

/// A datagram from the kernel's own socket goes through the interface to the echo and comes back.
fn datagram_returns(tap: &mut Tap, echo: &mut Echo, bytes: usize) {
    let client = UdpSocket::bind("192.168.69.100:0").unwrap();
    client.set_nonblocking(true).unwrap();
    let datagram: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
    let start = Instant::now();
    let mut sent = None;
    let mut reply = [0; 4096];
    loop {
        // The first ones after the link came up may be lost while the kernel's routes settle.
        if sent.is_none_or(|at: Instant| at.elapsed() > Duration::from_millis(200)) {
            let _ = client.send_to(&datagram, "192.168.69.1:7");
            sent = Some(Instant::now());
        }
        tap.wait(Some(Duration::from_millis(20)), []).unwrap();
        echo.poll(tap);
        if let Ok(length) = client.recv(&mut reply) {
            assert_eq!(&reply[..length], datagram);
            return;
        }
        assert!(start.elapsed() < STUCK, "no reply; {:?}; {:?}", tap.error(), tap.counters());
    }
}

fn address_and_up() {
    ip("addr add 192.168.69.100/24 dev tap0");
    ip("link set tap0 up");
}

#[test]
fn open_creates_an_interface_that_goes_with_the_value() {
    alone("open_creates_an_interface_that_goes_with_the_value", || {
        let mut tap = Tap::open("tap0").unwrap();
        assert_eq!(tap.name(), "tap0");
        assert_eq!(tap.ip_mtu(), 1500);
        assert_eq!(tap.capabilities().max_transmission_unit, 1514);
        let mut echo = Echo::new(&mut tap);
        address_and_up();
        datagram_returns(&mut tap, &mut echo, 1472);
        assert!(tap.error().is_none());
        drop(tap);
        assert!(!ip("-oneline link").contains("tap0"));
    });
}

#[test]
fn open_attaches_to_a_persistent_interface_and_leaves_it() {
    alone("open_attaches_to_a_persistent_interface_and_leaves_it", || {
        ip("tuntap add dev tap0 mode tap");
        ip("link set tap0 mtu 1400");
        address_and_up();
        assert!(ip("link show tap0").contains("NO-CARRIER"));
        for _ in 0..2 {
            let mut tap = Tap::open("tap0").unwrap();
            assert_eq!(tap.ip_mtu(), 1400);
            assert!(!ip("link show tap0").contains("NO-CARRIER"));
            let mut echo = Echo::new(&mut tap);
            datagram_returns(&mut tap, &mut echo, 1372);
        }
        assert!(ip("link show tap0").contains("NO-CARRIER"));
    });
}

/// What a virtual machine leaves on its TAP: the virtio header, checksum and segmentation offload, an address filter.
const LEAVES_A_MESS: &str = r"
import fcntl, struct
file = open('/dev/net/tun', 'r+b', buffering=0)
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
TUNSETIFF, TUNSETOFFLOAD, TUNSETTXFILTER = 0x400454ca, 0x400454d0, 0x400454d1
fcntl.ioctl(file, TUNSETIFF, struct.pack('16sH22x', b'tap0', IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
fcntl.ioctl(file, TUNSETOFFLOAD, 7)
fcntl.ioctl(file, TUNSETTXFILTER, struct.pack('HH6s', 0, 1, bytes([2, 0, 0, 0, 0, 99])))
";

#[test]
fn what_an_earlier_program_left_on_the_interface_is_cleared() {
    alone("what_an_earlier_program_left_on_the_interface_is_cleared", || {
        ip("tuntap add dev tap0 mode tap");
        address_and_up();
        let status = Command::new("python3").args(["-c", LEAVES_A_MESS]).status().expect("python3 runs");
        assert!(status.success());
        let mut tap = Tap::open("tap0").unwrap();
        let mut echo = Echo::new(&mut tap);
        datagram_returns(&mut tap, &mut echo, 1000);
    });
}

#[test]
fn a_held_interface_is_busy() {
    alone("a_held_interface_is_busy", || {
        let mut tap = Tap::open("tap0").unwrap();
        let mut echo = Echo::new(&mut tap);
        address_and_up();
        for _ in 0..3 {
            assert!(matches!(Tap::open("tap0"), Err(TapError::Busy)));
        }
        datagram_returns(&mut tap, &mut echo, 5);
    });
}

#[test]
fn other_kinds_of_interface_are_refused() {
    alone("other_kinds_of_interface_are_refused", || {
        ip("tuntap add dev tun0 mode tun");
        ip("tuntap add dev many0 mode tap multi_queue");
        for name in ["lo", "tun0", "many0"] {
            assert!(matches!(Tap::open(name), Err(TapError::OtherKind(Link::Ethernet))), "{name}");
        }
        assert!(matches!(Tap::open("not/a/name"), Err(TapError::BadName(_))));
    });
}

#[test]
fn a_link_that_is_down_loses_frames_and_nothing_else() {
    alone("a_link_that_is_down_loses_frames_and_nothing_else", || {
        let mut tap = Tap::open("tap0").unwrap();
        let mut echo = Echo::new(&mut tap);
        address_and_up();
        datagram_returns(&mut tap, &mut echo, 100);
        for _ in 0..3 {
            ip("link set tap0 down");
            // A reply to what came before, or a neighbour request: any frame, straight from a transmit token.
            let dropped = tap.counters().dropped;
            let token = tap.transmit(time::Instant::now()).expect("a down link doesn't block");
            token.consume(60, |frame| frame.fill(0xff));
            assert_eq!(tap.counters().dropped, dropped + 1);
            assert!(!tap.blocked());
            echo.poll(&mut tap);
            assert!(tap.error().is_none());

            ip("link set tap0 up");
            datagram_returns(&mut tap, &mut echo, 100);
        }
    });
}

#[test]
fn a_removed_interface_is_reported() {
    alone("a_removed_interface_is_reported", || {
        // Asleep in poll(2), while it reads, while it writes: each finds out by itself.
        let asleep = |tap: &mut Tap| {
            while !tap.wait(None, []).unwrap().tap || tap.error().is_none() {
                let _ = tap.receive(time::Instant::now());
            }
        };
        let reads = |tap: &mut Tap| assert!(tap.receive(time::Instant::now()).is_none());
        let writes = |tap: &mut Tap| {
            let token = tap.transmit(time::Instant::now()).unwrap();
            token.consume(60, |frame| frame.fill(0xff));
        };
        let ways: [&dyn Fn(&mut Tap); 3] = [&asleep, &reads, &writes];
        for notices in ways {
            let mut tap = Tap::open("tap0").unwrap();
            let mut echo = Echo::new(&mut tap);
            address_and_up();
            datagram_returns(&mut tap, &mut echo, 100);
            ip("link del tap0");
            notices(&mut tap);
            assert!(matches!(tap.error(), Some(TapError::Removed)), "{:?}", tap.error());
            echo.poll(&mut tap);
            assert!(tap.wait(None, []).unwrap().tap, "there is an error to ask for");
            assert!(matches!(tap.error(), Some(TapError::Removed)));
        }
    });
}
