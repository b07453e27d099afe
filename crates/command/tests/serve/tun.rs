//! A TUN interface: IP packets, no Ethernet.

use super::*;

/// What `undersock check --tun tun0` names, if there is nothing.
fn set_up() {
    ip("tuntap add dev tun0 mode tun");
    ip("link set tun0 up");
    ip("addr add 192.168.69.100/24 dev tun0");
    ip("addr add fdaa::100/64 dev tun0 nodad");
}

/// The server on tun0, as soon as the kernel has noticed that it is there.
#[track_caller]
fn on_tun(options: &str) -> Program {
    let server = Program::start(serving(&format!("--tun tun0 {options}")));
    server.says(READY);
    until(|| !ip("link show tun0").contains("NO-CARRIER"));
    knows("fdaa::100");
    server
}

#[test]
fn check_says_how_it_is_set_up() {
    alone("tun::check_says_how_it_is_set_up", || {
        let none = client(&["check", "--tun", "tun0"]);
        let said = String::from_utf8(none.stdout).expect("text");
        let mends: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("      ")).collect();
        assert_eq!(
            mends[..4],
            [
                "sudo ip tuntap add dev tun0 mode tun",
                "sudo ip link set tun0 up",
                "sudo ip addr add 192.168.69.100/24 dev tun0",
                "sudo ip addr add fdaa::100/64 dev tun0 nodad",
            ]
        );
        for command in &mends[..4] {
            let ran = type_in(command);
            assert_eq!(ran.status, Some(0), "{command}: {ran:?}");
        }
        let ran = client(&["check", "--tun", "tun0"]);
        assert_eq!(
            (ran.status, String::from_utf8_lossy(&ran.stdout).as_ref()),
            (
                Some(0),
                "ok  /dev/net/tun can be opened\n\
                 ok  tun0 is a TUN interface that this user may use\n\
                 ok  tun0 is up\n\
                 ok  tun0 has NO-CARRIER, which is normal until a server attaches\n\
                 ok  tun0 has 192.168.69.100/24, in the network of 192.168.69.1/24\n\
                 ok  tun0 has fdaa::100/64, in the network of fdaa::1/64\n\
                 ok  a private network is permitted: undersock lab\n"
            )
        );
        // One is not the other.
        let ran = client(&["check", "--tap", "tun0"]);
        assert!(String::from_utf8_lossy(&ran.stdout).contains("it is not a TAP interface"), "{ran:?}");
    });
}

#[test]
fn datagrams_connections_and_ping() {
    alone("tun::datagrams_connections_and_ping", || {
        set_up();
        let server = on_tun("");
        server.says(
            "192.168.69.1/24 and fdaa::1/64, UDP 12000, TCP 12000, TCP stream 12001, interface tun0.\n",
        );
        for address in ["192.168.69.1", "fdaa::1"] {
            answers(&format!("udp {address} straße"), "STRASSE");
            answers(&format!("tcp {address} straße"), "STRASSE");
            let mut ping = tool("ping");
            ping.args(["-n", "-c1", "-W5", "-s1400", address]);
            let ran = run(ping, b"");
            assert_eq!(ran.status, Some(0), "{ran:?}");
        }
        echo(&mut stream("192.168.69.1:12001"), "hello");
        let ran = client(&["udp", "192.168.69.1:999", "hello"]);
        fails(&ran, "undersock: waiting for 192.168.69.1:999: Connection refused");
        stop(server);
    });
}

/// Its datagrams come from another network, and their answers go where they came from: there is no other end.
#[test]
fn a_peer_with_one_address_each() {
    alone("tun::a_peer_with_one_address_each", || {
        ip("tuntap add dev tun0 mode tun");
        ip("link set tun0 up");
        ip("addr add 10.9.9.9 peer 192.168.69.1 dev tun0");
        ip("addr add fdaa::100/64 dev tun0 nodad");
        let server = on_tun("");
        answers("udp 192.168.69.1 hello", "HELLO");
        answers("tcp 192.168.69.1 hello", "HELLO");
        stop(server);
    });
}

/// The capture's link type is that of IP packets.
#[test]
fn a_capture_of_packets() {
    alone("tun::a_capture_of_packets", || {
        set_up();
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/tun.pcapng");
        let server = on_tun(&format!("--capture {file}"));
        answers("udp fdaa::1 hello", "HELLO");
        answers("tcp 192.168.69.1 hello", "HELLO");
        stop(server);
        let mut tshark = tool("tshark");
        tshark.args([
            "-n",
            "-r",
            file,
            "-T",
            "fields",
            "-e",
            "frame.interface_name",
            "-e",
            "frame.protocols",
        ]);
        let ran = run(tshark, b"");
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let all = told.lines().all(|line| line.starts_with("tun0\traw:ip"));
        assert!(ran.status == Some(0) && all && told.contains("raw:ip:tcp"), "{ran:?}");
        assert!(told.contains("raw:ipv6:udp"), "{told}");
    });
}

/// Trouble is made in packets, where they are.
#[test]
fn trouble_on_the_wire() {
    alone("tun::trouble_on_the_wire", || {
        set_up();
        let mut command = serving("--tun tun0 --trace");
        command.args(["--trouble", "drop the first SYN-ACK"]);
        let server = Program::start(command);
        server.says(READY);
        until(|| !ip("link show tun0").contains("NO-CARRIER"));
        answers("tcp 192.168.69.1 hello", "HELLO");
        server.says("! >     lost: ");
        stop(server);
    });
}

#[test]
fn an_interface_of_the_other_kind() {
    alone("tun::an_interface_of_the_other_kind", || {
        recipe();
        let ran = run(serving("--tun tap0"), b"");
        let mends = fails(&ran, "undersock: attaching to tap0: it is not a TUN interface of one queue");
        assert_eq!(mends, ["  see: ip -details link show tap0", "  take another name, such as --tun tun7"]);
    });
}

#[test]
fn nobody_may_make_one() {
    alone("tun::nobody_may_make_one", || {
        let nobody = Nobody::prepare();
        let ran = run(nobody.undersock(&["serve", "--tun", "tun0"]), b"");
        let mends = fails(&ran, "undersock: creating tun0: not permitted");
        assert_eq!(
            mends,
            ["  sudo ip tuntap add dev tun0 mode tun user $USER", "  sudo ip link set tun0 up"]
        );
    });
}
