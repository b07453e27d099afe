use super::*;

#[test]
fn an_ordinary_user_needs_no_privilege() {
    Nobody::visits("users::an_ordinary_user_needs_no_privilege", |nobody| {
        let uid = format!("{}\n", nobody.uid());
        prints(&run(nobody.tool("id", &["-u"]), b""), &uid);
        let lab = |words: &[&str]| nobody.undersock(&[&["lab", "-v", "--"][..], words].concat());

        let ran = run(nobody.undersock(&["lab", "-v"]), SENTENCES.as_bytes());
        prints(&ran, REPLIES);
        assert!(ran.stderr.contains(READY), "{ran:?}");
        prints(&run(lab(&["id", "-u"]), b""), &uid);
        for address in ADDRESSES {
            tool_path("ping");
            let ran = run(lab(&["ping", "-c", "1", "-W", "10", address]), b"");
            assert_eq!(ran.status, Some(0), "{ran:?}");
            prints(&run(lab(&[nobody.undersock, "udp", address, "hello"]), b""), "HELLO\n");
        }
        // The interface is theirs to change, and to be seen in /sys.
        let script = "ip link set tap0 mtu 1400 && cat /sys/class/net/tap0/mtu && ls /sys/class/net";
        prints(&run(lab(&["sh", "-c", script]), b""), "1400\nlo\ntap0\n");
    });
}

#[test]
fn an_ordinary_user_joins_a_lab_of_theirs() {
    Nobody::visits("users::an_ordinary_user_joins_a_lab_of_theirs", |nobody| {
        let lab = Program::start(nobody.undersock(&["lab", "-v"]));
        lab.says(READY);
        let join = format!("--join={}", lab.id());
        for address in ADDRESSES {
            let ask = ["lab", &join, "--", nobody.undersock, "tcp", address, "hello"];
            prints(&run(nobody.undersock(&ask), b""), "HELLO\n");
        }
        let ran = run(nobody.undersock(&["lab", &join, "--", "id", "-u"]), b"");
        prints(&ran, format!("{}\n", nobody.uid()));
        prints(&lab.close(), "");
    });
}
