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
        for (address, server) in [("192.168.69.1", "192.168.69.1:12000"), ("fdaa::1", "[fdaa::1]:12000")] {
            let ran = client(&["udp", address, "hello"]);
            let mends = fails(&ran, &format!("undersock: waiting for {server}: Connection refused"));
            assert_eq!(mends, ["  is the server running? undersock serve --tap tap0, or undersock lab"]);
        }
        let ran = client(&["tcp", "192.168.69.1:12002", "hello"]);
        fails(&ran, "undersock: connecting to 192.168.69.1:12002: Connection refused");
        stop(server);
    });
}
