//! `undersock serve` as its recipe has it: an interface made with `ip`, the server, and clients on the kernel's side.
//!
//! Each test is alone in a network namespace, and all of it is made there.
#![cfg(target_os = "linux")]

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use test_support::command::{Ran, run, undersock};
use test_support::network::{Nobody, Program, alone, fails, tool};

/// What the server says when it can be reached.
const READY: &str = "The server is ready to receive: ";
/// A client's longest wait. Inside, every wait is shorter than the bound around all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `ip` with these words, which must succeed. What it prints.
#[track_caller]
fn ip(words: &str) -> String {
    let mut command = tool("ip");
    command.args(words.split(' '));
    let ran = run(command, b"");
    assert_eq!(ran.status, Some(0), "ip {words}: {ran:?}");
    String::from_utf8(ran.stdout).expect("ip(8) prints UTF-8")
}

/// The recipe's interface, and this side's addresses. The second one is without duplicate detection, which takes a
/// second or two.
fn recipe() {
    ip("tuntap add dev tap0 mode tap");
    ip("link set tap0 up");
    ip("addr add 192.168.69.100/24 dev tap0");
    ip("addr add fdaa::100/64 dev tap0 nodad");
}

/// The server on tap0, with the log that a failure is understood by, as soon as it can be reached.
#[track_caller]
fn serve(options: &str) -> Program {
    let server = Program::start(serving(options));
    server.says(READY);
    carries();
    server
}

fn serving(options: &str) -> Command {
    undersock(["serve", "-v"].into_iter().chain(options.split_whitespace()))
}

/// Waits until the kernel has noticed that the interface has somebody at its other end: what it sends earlier is lost.
#[track_caller]
fn carries() {
    until(|| ip("link show tap0").contains("state UP"));
    for line in ip("-6 -o addr show dev tap0 scope global").lines() {
        let cidr = line.split_whitespace().nth(3).expect("index, interface, family and address");
        knows(cidr.split('/').next().expect("an address"));
    }
}

/// Waits until the kernel takes what comes for an IPv6 address of its own: a moment later than it was given.
#[track_caller]
fn knows(address: &str) {
    until(|| ip("-6 route show table local").contains(&format!("local {address} ")));
}

/// Waits for what this computer does by itself.
#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{}{}", ip("addr"), ip("-6 route show table local"));
        thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn stop(server: Program) -> Ran {
    server.signal(Signal::TERM);
    let ran = server.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    ran
}

fn client(args: &[&str]) -> Ran {
    run(undersock(args), b"")
}

/// A client that has its reply, and has nothing else to say.
#[track_caller]
fn answers(words: &str, reply: &str) {
    let ran = client(&words.split(' ').collect::<Vec<_>>());
    let right = ran.status == Some(0) && ran.stdout == format!("{reply}\n").as_bytes();
    assert!(right && ran.stderr.is_empty(), "undersock {words}: {ran:?}");
}

/// Types what the command has said would help; as root, who has no need of sudo.
#[track_caller]
fn type_in(command: &str) -> Ran {
    let mut sh = tool("sh");
    sh.args(["-c", command.strip_prefix("sudo ").unwrap_or(command)]);
    run(sh, b"")
}

/// A connection to the stream port that has sent something and got it back.
#[track_caller]
fn stream(address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().expect("an address");
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    echo(&mut socket, "hello");
    socket
}

#[track_caller]
fn echo(socket: &mut TcpStream, text: &str) {
    socket.write_all(text.as_bytes()).expect("no reset");
    let mut reply = vec![0; text.len()];
    socket.read_exact(&mut reply).expect("the same in upper case");
    assert_eq!(String::from_utf8_lossy(&reply), text.to_uppercase());
}

mod recipes {
    use super::*;

    #[test]
    fn an_interface_a_server_and_clients() {
        alone("recipes::an_interface_a_server_and_clients", || {
            recipe();
            assert!(ip("link show tap0").contains("NO-CARRIER"));
            let before = client(&["check", "--tap", "tap0"]);
            assert_eq!(
                (before.status, String::from_utf8_lossy(&before.stdout).as_ref()),
                (
                    Some(0),
                    "ok  /dev/net/tun can be opened\n\
                     ok  tap0 is a TAP interface that this user may use\n\
                     ok  tap0 is up\n\
                     ok  tap0 has NO-CARRIER, which is normal until a server attaches\n\
                     ok  tap0 has 192.168.69.100/24, in the network of 192.168.69.1/24\n\
                     ok  tap0 has fdaa::100/64, in the network of fdaa::1/64\n\
                     ok  a private network is permitted: undersock lab\n"
                )
            );

            let server = serve("--tap tap0");
            server.says(
                "192.168.69.1/24 and fdaa::1/64 on 02:00:00:00:00:01, \
                 UDP 12000, TCP 12000, TCP stream 12001, interface tap0.\n",
            );
            assert!(!ip("link show tap0").contains("NO-CARRIER"));
            for address in ["192.168.69.1", "fdaa::1"] {
                answers(&format!("udp {address} straße"), "STRASSE");
                answers(&format!("tcp {address} straße"), "STRASSE");
            }
            // The host is the default, in both clients.
            let ran = run(undersock(["udp"]), b"one\ntwo\n");
            assert!(ran.status == Some(0) && ran.stdout == b"ONE\nTWO\n", "{ran:?}");
            let during = client(&["check", "--tap", "tap0"]);
            let holder = format!(
                "!!  attaching to tap0: undersock holds it, process {0}\n      end it: kill {0}\n",
                server.id()
            );
            assert!(during.status == Some(1), "{during:?}");
            assert!(String::from_utf8_lossy(&during.stdout).contains(&holder), "{during:?}");

            let ran = stop(server);
            assert!(ran.stdout.is_empty(), "{ran:?}");
            let summary = "4 datagrams (4 answered), 2 connections (0 given up)";
            assert!(ran.stderr.contains(summary), "{summary:?} is not said: {ran:?}");
            assert!(ip("link show tap0").contains("NO-CARRIER"));
            let after = client(&["check", "--tap", "tap0"]);
            assert_eq!((after.status, after.stdout), (before.status, before.stdout));
        });
    }

    #[test]
    fn open_connections_are_reset_at_the_end() {
        alone("recipes::open_connections_are_reset_at_the_end", || {
            recipe();
            for signal in [Signal::TERM, Signal::INT] {
                let server = serve("");
                let mut clients = ["192.168.69.1:12001", "[fdaa::1]:12001"].map(stream);
                server.signal(signal);
                let ran = server.end();
                assert_eq!(ran.status, Some(0), "{ran:?}");
                assert!(ran.stderr.contains("2 connections (2 given up)"), "{ran:?}");
                for client in &mut clients {
                    let error = client.read(&mut [0]).expect_err("the connection was open");
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                }
            }
        });
    }

    /// The recipe for someone who isn't root: `ip tuntap add … user $USER`.
    #[test]
    fn an_interface_that_is_made_for_an_ordinary_user() {
        alone("recipes::an_interface_that_is_made_for_an_ordinary_user", || {
            let nobody = Nobody::prepare();
            ip(&format!("tuntap add dev tap0 mode tap user {}", nobody.uid()));
            ip("link set tap0 up");
            ip("addr add 192.168.69.100/24 dev tap0");
            let server = Program::start(nobody.undersock(&["serve", "-v", "--tap", "tap0"]));
            server.says(READY);
            carries();
            answers("udp 192.168.69.1 hello", "HELLO");
            answers("tcp 192.168.69.1 hello", "HELLO");
            stop(server);
        });
    }

    #[test]
    fn an_interface_that_the_server_makes() {
        alone("recipes::an_interface_that_the_server_makes", || {
            let server = Program::start(serving("--tap tap7"));
            // What is missing is said with the commands that mend it.
            server.says("  tap7 is down: sudo ip link set tap7 up\n");
            server.says("this computer has no address in the server's network: ");
            let said = server.said();
            let mends: Vec<&str> =
                said.lines().filter_map(|line| Some(line.split_once(": sudo ")?.1)).collect();
            assert_eq!(mends, ["ip link set tap7 up", "ip addr add 192.168.69.100/24 dev tap7"]);
            for command in mends {
                let ran = type_in(command);
                assert_eq!(ran.status, Some(0), "{command}: {ran:?}");
            }
            answers("udp 192.168.69.1 hello", "HELLO");
            answers("tcp 192.168.69.1 hello", "HELLO");
            stop(server);
            // It was the server's, and went with it.
            assert!(!ip("link show").contains("tap7"));
        });
    }
}

mod mishaps {
    use super::*;

    #[test]
    fn an_interface_that_is_held() {
        alone("mishaps::an_interface_that_is_held", || {
            recipe();
            let server = serve("");
            let ran = run(serving(""), b"");
            let mends = fails(&ran, "undersock: attaching to tap0: another program holds it");
            let [which] = mends[..] else { panic!("{mends:?}") };
            let which = type_in(which.strip_prefix("  which: ").expect("the command that finds it"));
            let holder = format!("/proc/{}/fdinfo/", server.id());
            assert!(String::from_utf8_lossy(&which.stdout).starts_with(&holder), "{which:?}");
            // Nothing has happened to the one that serves.
            answers("udp 192.168.69.1 hello", "HELLO");
            stop(server);
        });
    }

    #[test]
    fn no_permission() {
        alone("mishaps::no_permission", || {
            let nobody = Nobody::prepare();
            let serve = || run(nobody.undersock(&["serve", "-v", "--tap", "tap0"]), b"");
            let make = ["  sudo ip tuntap add dev tap0 mode tap user $USER", "  sudo ip link set tap0 up"];
            assert_eq!(fails(&serve(), "undersock: creating tap0: not permitted"), make);

            if let Some(other) = nobody.somebody_else() {
                ip(&format!("tuntap add dev tap0 mode tap user {other}"));
                let ran = serve();
                let mends = fails(&ran, "undersock: attaching to tap0: it belongs to another user");
                assert_eq!(mends[0], "  sudo ip tuntap del dev tap0 mode tap");
                assert_eq!(mends[1..], make);
            }
        });
    }

    #[test]
    fn an_interface_of_another_kind() {
        alone("mishaps::an_interface_of_another_kind", || {
            let ran = run(serving("--tap lo"), b"");
            let mends = fails(&ran, "undersock: attaching to lo: it is not a TAP interface of one queue");
            assert_eq!(mends, ["  see: ip -details link show lo", "  take another name, such as --tap tap7"]);
        });
    }

    #[test]
    fn an_interface_that_is_removed() {
        alone("mishaps::an_interface_that_is_removed", || {
            recipe();
            let server = serve("");
            answers("udp 192.168.69.1 hello", "HELLO");
            ip("link del tap0");
            let ran = server.end();
            assert_eq!(
                fails(&ran, "undersock: using tap0: it was removed"),
                ["  sudo ip tuntap add dev tap0 mode tap user $USER", "  sudo ip link set tap0 up"]
            );
            assert!(ran.stderr.contains("1 datagrams (1 answered)"), "{ran:?}");
        });
    }

    #[test]
    fn a_link_that_goes_down_and_up() {
        alone("mishaps::a_link_that_goes_down_and_up", || {
            recipe();
            let server = serve("");
            let mut client = stream("192.168.69.1:12001");
            for _ in 0..3 {
                ip("link set tap0 down");
                ip("link set tap0 up");
                carries();
                echo(&mut client, "still there");
                answers("udp 192.168.69.1 hello", "HELLO");
                answers("tcp 192.168.69.1 hello", "HELLO");
            }
            // Its own end, not ours.
            client.shutdown(Shutdown::Write).expect("no reset");
            assert_eq!(client.read(&mut [0]).expect("no reset"), 0);
            stop(server);
        });
    }

    #[test]
    fn nobody_at_a_port() {
        alone("mishaps::nobody_at_a_port", || {
            recipe();
            let server = serve("--udp-port 0");
            answers("tcp 192.168.69.1 hello", "HELLO");
            for (address, server) in [("192.168.69.1", "192.168.69.1:12000"), ("fdaa::1", "[fdaa::1]:12000")]
            {
                let ran = client(&["udp", address, "hello"]);
                let mends = fails(&ran, &format!("undersock: waiting for {server}: Connection refused"));
                assert_eq!(mends, ["  is the server running? undersock serve --tap tap0, or undersock lab"]);
            }
            let ran = client(&["tcp", "192.168.69.1:12002", "hello"]);
            fails(&ran, "undersock: connecting to 192.168.69.1:12002: Connection refused");
            stop(server);
        });
    }
}

mod options {
    use super::*;

    /// tap0 with these addresses, and the server with these options.
    fn with(addresses: &[&str], options: &str) -> Program {
        ip("tuntap add dev tap0 mode tap");
        ip("link set tap0 up");
        for address in addresses {
            let nodad = if address.contains(':') { " nodad" } else { "" };
            ip(&format!("addr add {address} dev tap0{nodad}"));
        }
        serve(options)
    }

    #[test]
    fn other_addresses_and_ports() {
        alone("options::other_addresses_and_ports", || {
            let options =
                "--address 10.1.2.3/8 --udp-port 7 --sentence-port 8 --stream-port 9 --slots 1 --text ascii";
            let server = with(&["10.9.9.9/8"], options);
            server.says("10.1.2.3/8 on 02:00:00:00:00:01, UDP 7, TCP 8, TCP stream 9, interface tap0.\n");
            answers("udp 10.1.2.3:7 straße", "STRAßE");
            answers("tcp 10.1.2.3:8 straße", "STRAßE");
            let mut sh = tool("sh");
            let script =
                format!("printf straße | {} tcp 10.1.2.3:9 --stream -", env!("CARGO_BIN_EXE_undersock"));
            sh.args(["-c", &script]);
            let ran = run(sh, b"");
            assert!(ran.status == Some(0) && ran.stdout == "STRAßE".as_bytes(), "{ran:?}");
            fails(
                &client(&["udp", "10.1.2.3:12000", "hello"]),
                "undersock: waiting for 10.1.2.3:12000: Connection refused",
            );
            stop(server);
        });
    }

    #[test]
    fn one_slot_serves_one_after_the_other() {
        alone("options::one_slot_serves_one_after_the_other", || {
            recipe();
            let server = serve("--slots 1");
            let sentence = || answers("tcp 192.168.69.1 hello", "HELLO");
            thread::scope(|scope| (0..5).for_each(|_| drop(scope.spawn(sentence))));
            let ran = stop(server);
            assert!(ran.stderr.contains(" 5 connections ("), "{ran:?}");
            assert!(!ran.stderr.contains(" [1] "), "a second slot: {ran:?}");
        });
    }

    #[test]
    fn ipv6_alone() {
        alone("options::ipv6_alone", || {
            let server = with(&["192.168.69.100/24", "fdaa::100/64"], "--address fdaa::1/64");
            server.says(&format!("{READY}fdaa::1/64 on 02:00:00:00:00:01, "));
            answers("udp fdaa::1 hello", "HELLO");
            answers("tcp fdaa::1 hello", "HELLO");
            // The link-local address follows from the MAC.
            answers("tcp fe80::ff:fe00:1%tap0 hello", "HELLO");
            let ran = client(&["udp", "--tries", "1", "--timeout", "200ms", "192.168.69.1", "hello"]);
            fails(&ran, "undersock: waiting for 192.168.69.1:12000: no reply within 200ms, sent once");
            stop(server);
        });
    }

    #[test]
    fn two_networks() {
        alone("options::two_networks", || {
            let server = with(
                &["192.168.69.100/24", "10.7.0.100/16"],
                "--address 192.168.69.1/24 --address 10.7.0.1/16 --address fdaa::1/64",
            );
            server.says("192.168.69.1/24 and 10.7.0.1/16 and fdaa::1/64");
            for address in ["192.168.69.1", "10.7.0.1"] {
                answers(&format!("udp {address} hello"), "HELLO");
                answers(&format!("tcp {address} hello"), "HELLO");
            }
            stop(server);
        });
    }

    #[test]
    fn another_mac() {
        alone("options::another_mac", || {
            recipe();
            let server = serve("--mac 02:00:00:00:00:2a");
            server.says(" on 02:00:00:00:00:2a, ");
            answers("udp 192.168.69.1 hello", "HELLO");
            answers("udp fdaa::1 hello", "HELLO");
            for address in ["192.168.69.1", "fdaa::1"] {
                let neighbor = ip(&format!("neigh show {address}"));
                assert!(neighbor.contains("lladdr 02:00:00:00:00:2a"), "{neighbor}");
            }
            stop(server);
        });
    }

    /// A client in no network of the server's is answered by way of the router: by default this side of the interface.
    #[test]
    fn a_client_from_elsewhere() {
        alone("options::a_client_from_elsewhere", || {
            recipe();
            let server = serve("");
            for (from, to) in [("10.9.9.9", "192.168.69.1"), ("fdbb::9", "fdaa::1")] {
                // The two sides know each other already.
                answers(&format!("udp {to} hello"), "HELLO");
                a_datagram_from(from, to);
            }
            stop(server);
        });
    }

    #[test]
    fn another_router() {
        alone("options::another_router", || {
            let server = with(&["10.0.0.9/8"], "--address 10.1.2.3/8 --gateway 10.0.0.9");
            answers("udp 10.1.2.3 hello", "HELLO");
            a_datagram_from("172.16.0.9", "10.1.2.3");
            stop(server);
        });
    }

    /// A host with a second address asks who has the server's, and gives that one as its own: Linux does it, unless
    /// net.ipv4.conf.all.arp_announce says otherwise.
    #[test]
    fn a_stranger_asks_for_the_servers_ethernet_address() {
        alone("options::a_stranger_asks_for_the_servers_ethernet_address", || {
            recipe();
            let server = serve("");
            a_datagram_from("fdbb::9", "fdaa::1");
            a_datagram_from("10.9.9.9", "192.168.69.1");
            stop(server);
        });
    }

    /// Gives this side one more address, and sends a datagram from there.
    #[track_caller]
    fn a_datagram_from(address: &str, server: &str) {
        if address.contains(':') {
            ip(&format!("addr add {address}/128 dev tap0 nodad"));
            knows(address);
        } else {
            ip(&format!("addr add {address}/32 dev tap0"));
        }
        let client = UdpSocket::bind((address, 0)).expect("an address of ours");
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        client.send_to(b"hello", (server, 12000)).expect("a route");
        let mut reply = [0; 16];
        let length = client.recv(&mut reply).unwrap_or_else(|error| panic!("from {address}: {error}"));
        assert_eq!(&reply[..length], b"HELLO");
    }

    #[test]
    fn an_address_by_dhcp() {
        alone("options::an_address_by_dhcp", || {
            recipe();
            let mut python = tool("python3");
            python.args([concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/dhcp_server.py"), "tap0"]);
            let dhcp = Program::start(python);
            dhcp.prints("ready\n");

            let server = serve("--dhcp --address fdaa::1/64");
            server.says(&format!("{READY}fdaa::1/64 on "));
            dhcp.prints("offered\ngiven\n");
            server.says("192.168.69.77/24");
            answers("udp 192.168.69.77 hello", "HELLO");
            answers("tcp 192.168.69.77 hello", "HELLO");
            // The router is the lease's.
            a_datagram_from("10.9.9.9", "192.168.69.77");
            answers("tcp fdaa::1 hello", "HELLO");
            stop(server);
        });
    }
}

mod quiet {
    use super::*;

    /// A line of proc_pid_status(5).
    fn status(server: &Program, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.expect("a line of that name").trim().to_owned()
    }

    /// Once it sleeps: how often it has gone to sleep so far, and how many frames the kernel has given it.
    #[track_caller]
    fn asleep(server: &Program) -> (u64, u64) {
        until(|| status(server, "State").starts_with('S'));
        let sleeps = status(server, "voluntary_ctxt_switches").parse().expect("a number");
        // Eight numbers of what came from the server, then bytes and packets to it (proc_pid_net(5)).
        let counters = fs::read_to_string("/proc/net/dev").expect("of this network");
        let tap = counters.lines().find_map(|line| line.trim().strip_prefix("tap0:")).expect("it is there");
        let frames = tap.split_whitespace().nth(9).expect("packets").parse().expect("a number");
        (sleeps, frames)
    }

    /// What may wake it beside a frame: the end of TIME-WAIT, and what the server asks about its neighbors.
    const TIMERS: u64 = 10;

    #[test]
    fn only_a_frame_or_a_timer_ends_its_sleep() {
        alone("quiet::only_a_frame_or_a_timer_ends_its_sleep", || {
            recipe();
            let server = serve("");
            answers("udp 192.168.69.1 hello", "HELLO");
            answers("tcp 192.168.69.1 hello", "HELLO");
            // One connection in TIME-WAIT, and two that do nothing.
            let _clients = ["192.168.69.1:12001", "[fdaa::1]:12001"].map(stream);
            let (sleeps, frames) = asleep(&server);
            // Time for whatever ticks: a millisecond's tick would be a thousand sleeps, and more where this takes longer.
            thread::sleep(Duration::from_secs(1));
            let (more_sleeps, more_frames) = asleep(&server);
            let (sleeps, frames) = (more_sleeps - sleeps, more_frames - frames);
            assert!(sleeps <= frames + TIMERS, "{sleeps} sleeps, {frames} frames");
            stop(server);
        });
    }
}

mod log {
    use super::*;

    #[test]
    fn every_accept_reply_and_close_is_a_line() {
        alone("log::every_accept_reply_and_close_is_a_line", || {
            recipe();
            let server = serve("");
            for sentence in ["one", "three", "sixteen"] {
                answers(&format!("tcp 192.168.69.1 {sentence}"), &sentence.to_uppercase());
                answers(&format!("udp fdaa::1 {sentence}"), &sentence.to_uppercase());
            }
            let ran = stop(server);
            let lines = |call: &str| {
                let lines =
                    ran.stderr.lines().filter_map(|line| line.split_once(" debug ")?.1.split_once(call));
                lines.map(|(_, rest)| rest).collect::<Vec<_>>()
            };
            let accepts = lines("] accept ");
            let right =
                |line: &&str| line.starts_with("192.168.69.100:") && line.ends_with(" at 192.168.69.1:12000");
            assert!(accepts.len() == 3 && accepts.iter().all(right), "{ran:?}");
            assert_eq!(lines("] reply "), ["3 bytes", "5 bytes", "7 bytes"], "{ran:?}");
            assert_eq!(lines("] close"), ["", "", ""], "{ran:?}");
            let replies = lines("udp reply to [fdaa::100]:");
            let sizes: Vec<&str> = replies.iter().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
            assert_eq!(sizes, ["3 bytes", "5 bytes", "7 bytes"], "{ran:?}");
        });
    }

    #[test]
    fn without_it_only_the_beginning_and_the_end_are_said() {
        alone("log::without_it_only_the_beginning_and_the_end_are_said", || {
            recipe();
            let server = Program::start(undersock(["serve"]));
            server.says(READY);
            carries();
            answers("udp 192.168.69.1 hello", "HELLO");
            answers("tcp 192.168.69.1 hello", "HELLO");
            let ran = stop(server);
            assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
        });
    }
}
