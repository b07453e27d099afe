use super::*;

const UDP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/UDPClient.py");
const TCP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/TCPClient.py");

fn python(args: &[&str], input: &str) -> Ran {
    tool_path("python3");
    let mut lab = lab(&[], &[&["python3"][..], args].concat());
    lab.env("LC_ALL", "C.UTF-8");
    run(lab, input.as_bytes())
}

#[test]
fn the_textbooks_work_as_they_are() {
    for sentence in ["hello", "straße", "καλημέρα, Κόσμε, ταΐζω"] {
        let upper = sentence.to_uppercase();
        let ran = python(&[UDP], &format!("{sentence}\n"));
        prints(&ran, format!("Input lowercase sentence:{upper}\n"));
        let ran = python(&[TCP], &format!("{sentence}\n"));
        prints(&ran, format!("Input lowercase sentence:From Server: {upper}\n"));
    }
}

/// The address family and the address differ, and nothing else.
#[test]
fn the_textbooks_work_over_ipv6() {
    for (program, from_server) in [(UDP, ""), (TCP, "From Server: ")] {
        let text = std::fs::read_to_string(program).expect("it is part of the project");
        let text = text.replace("AF_INET", "AF_INET6").replace("192.168.69.1", "fdaa::1");
        let ran = python(&["-c", &text], "straße\n");
        prints(&ran, format!("Input lowercase sentence:{from_server}STRASSE\n"));
        let calls =
            ran.stderr.lines().filter(|line| line.contains(" accept ") || line.contains(" reply to "));
        let calls: Vec<&str> = calls.collect();
        assert!(matches!(calls[..], [call] if call.contains("fdaa::100")), "{ran:?}");
    }
}

#[test]
fn netcat() {
    for address in ADDRESSES {
        let ran = in_lab(&["nc", "-w", "10", address, "12000"], "grüße".as_bytes());
        prints(&ran, "GRÜSSE");
        let ran = in_lab(&["nc", "-w", "10", "-N", address, "12001"], b"first\nsecond\n");
        prints(&ran, "FIRST\nSECOND\n");
        // It has no other end than the first reply.
        let ran = in_lab(&["nc", "-w", "10", "-u", "-W", "1", address, "12000"], "grüße".as_bytes());
        prints(&ran, "GRÜSSE");
    }
}

#[test]
fn ping() {
    for address in ADDRESSES {
        let ran = in_lab(&["ping", "-c", "1", "-W", "10", address], b"");
        let printed = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status == Some(0) && printed.contains(" 1 received"), "{ran:?}");
    }
}

#[test]
fn undersocks_own() {
    let client = this_command();
    for address in ADDRESSES {
        prints(&in_lab(&[client, "udp", address, "straße"], b""), "STRASSE\n");
        prints(&in_lab(&[client, "tcp", address], "straße\n\nhello\n".as_bytes()), "STRASSE\n\nHELLO\n");
    }
}

#[test]
fn the_programs_exit_status_is_the_labs() {
    for (script, status) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", 128 + 15),
        ("kill -KILL $$", 128 + 9),
        ("kill -INT $$", 128 + 2),
    ] {
        let ran = in_lab(&["sh", "-c", script], b"");
        assert_eq!(ran.status, Some(status), "{script}: {ran:?}");
    }
}

#[test]
fn a_program_that_is_not_there_is_one_line() {
    let ran = in_lab(&["no-such-program", "-x"], b"");
    assert!(
        fails(&ran, "undersock: starting no-such-program: No such file or directory").is_empty(),
        "{ran:?}"
    );
}
