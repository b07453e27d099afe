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
        let mends: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once(": sudo ")?.1)).collect();
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
