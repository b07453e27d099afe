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
        let script = format!("printf straße | {} tcp 10.1.2.3:9 --stream -", env!("CARGO_BIN_EXE_undersock"));
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
