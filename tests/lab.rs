//! `undersock lab` with real clients: each test has a private network of its own, made by the command itself.
#![cfg(all(target_os = "linux", feature = "cli"))]

mod command;
mod network;

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use command::{BOUND, Ran, finish_within, run, undersock};
use network::{Nobody, Program, again, alone, is_inside, tool_path};
use rustix::process::{Signal, geteuid, kill_process_group};

/// What the server says when there is something to talk to.
const READY: &str = "The server is ready to receive";
/// The server's two addresses.
const ADDRESSES: [&str; 2] = ["192.168.69.1", "fdaa::1"];

/// Runs a program in a lab, with this standard input.
#[track_caller]
fn in_lab(words: &[&str], input: &[u8]) -> Ran {
    if let Some(&(program @ ("nc" | "ping" | "python3" | "sh" | "sleep"))) = words.first() {
        // Or its absence would look like the lab's fault.
        tool_path(program);
    }
    run(lab(&[], words), input)
}

/// `undersock lab`, with the log that a failure is understood by.
fn lab(options: &[&str], words: &[&str]) -> Command {
    undersock([&["lab", "-v"], options, &["--"], words].concat())
}

/// Runs the test of this name again in a lab with these options; there, runs `body`. What came of it is for the one
/// outside, who sees the server's log.
#[track_caller]
fn inside_a_lab(test: &str, options: &[&str], body: impl FnOnce()) -> Option<Ran> {
    if is_inside() {
        body();
        return None;
    }
    let lab = undersock([&["lab", "-v"], options, &["--"]].concat());
    Some(again(test, lab))
}

/// Success, with these results.
#[track_caller]
fn prints(ran: &Ran, stdout: impl AsRef<[u8]>) {
    assert!(ran.status == Some(0) && ran.stdout == stdout.as_ref(), "{ran:?}");
}

/// Failure, without a result; and the line that says so is the only one of its kind.
#[track_caller]
fn fails<'a>(ran: &'a Ran, line: &str) -> Vec<&'a str> {
    let failures: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("undersock: ")).collect();
    assert!(ran.status == Some(1) && ran.stdout.is_empty() && failures == [line], "{ran:?}");
    ran.stderr.lines().skip_while(|said| *said != line).skip(1).collect()
}

/// The words after `undersock` for a client in the lab.
fn this_command() -> &'static str {
    env!("CARGO_BIN_EXE_undersock")
}

mod sentences {
    use super::*;

    #[test]
    fn the_first_thing_that_anybody_types() {
        for words in [&[][..], &["lab"]] {
            let ran = run(undersock(words), "hello\nstraße\n".as_bytes());
            prints(
                &ran,
                "UDP From Server: HELLO\nTCP From Server: HELLO\n\
                 UDP From Server: STRASSE\nTCP From Server: STRASSE\n",
            );
            for part in [
                "192.168.69.100/24 and fdaa::100/64, this computer's kernel, interface tap0",
                "192.168.69.1/24 and fdaa::1/64 on 02:00:00:00:00:01, UDP 12000, TCP 12000, TCP stream 12001",
                READY,
                "undersock lab --join",
            ] {
                assert!(ran.stderr.contains(part), "{part:?} is not said: {ran:?}");
            }
        }
    }

    #[test]
    fn any_line_is_a_sentence() {
        let largest = "a".repeat(1472);
        let (read, unread) = largest.split_at(1024);
        let lines: [&[u8]; 5] = [read.as_bytes(), b"", b"nul \0 \xff\xc3 \xe2\x82", b"\xc3\xa9", b"last"];
        let replies: [&[u8]; 5] =
            [&[b'A'; 1024], b"", b"NUL \0 \xff\xc3 \xe2\x82", b"\xc3\x89", b"LAST"];
        let ran = run(undersock(["lab", "-v"]), &lines.join(&b'\n'));
        let twice = |reply: &[u8]| [b"UDP From Server: ", reply, b"\nTCP From Server: ", reply, b"\n"].concat();
        prints(&ran, replies.map(twice).concat());

        // The largest datagram that one frame carries. A TCP sentence is what one read takes, and that is less.
        let ran = run(undersock(["lab", "-v"]), largest.as_bytes());
        let (upper, read) = (largest.to_uppercase(), read.to_uppercase());
        prints(&ran, format!("UDP From Server: {upper}\nTCP From Server: {read}\n"));
        let said = format!("{} bytes: the server reads once, at most 1024", read.len() + unread.len());
        assert!(ran.stderr.contains(&said), "{ran:?}");
    }

    #[test]
    fn a_reply_that_no_datagram_holds_is_not_sent_and_the_next_one_is() {
        // Each of these has two bytes, its upper case six.
        let large = "\u{390}".repeat(736);
        let client = this_command();
        let script = format!("{client} udp --tries 1 --timeout 300ms 192.168.69.1 {large}; {client} udp 192.168.69.1 next");
        let ran = in_lab(&["sh", "-c", &script], b"");
        prints(&ran, "NEXT\n");
        assert!(ran.stderr.contains("it is too large for a datagram"), "{ran:?}");
        assert!(ran.stderr.contains("waiting for 192.168.69.1:12000: no reply within 300ms, sent once"), "{ran:?}");
    }

    #[test]
    fn an_option_changes_the_lab_too() {
        let ran = run(undersock(["lab", "-v", "--text", "ascii", "--udp-port", "0"]), "straße\n".as_bytes());
        prints(&ran, "TCP From Server: STRAßE\n");
    }
}

mod clients {
    use super::*;

    const UDP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/UDPClient.py");
    const TCP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/TCPClient.py");

    fn python(args: &[&str], input: &str) -> Ran {
        tool_path("python3");
        let mut lab = lab(&[], &[&["python3"], args].concat());
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
            assert!(ran.stderr.contains("fdaa::"), "{ran:?}");
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
}

mod crowds {
    use super::*;

    const CLIENTS: usize = 8;
    const CONNECTIONS: usize = 100;

    #[test]
    fn eight_clients_at_four_slots_get_eight_hundred_replies() {
        let ran = inside_a_lab(
            "crowds::eight_clients_at_four_slots_get_eight_hundred_replies",
            &["--slots", "4"],
            || {
                let client = |client: usize| move || (0..CONNECTIONS).for_each(|number| one_sentence(client, number));
                let clients: Vec<_> = (0..CLIENTS).map(|number| thread::spawn(client(number))).collect();
                for client in clients {
                    client.join().expect("a hundred replies");
                }
            },
        );
        if let Some(ran) = ran {
            let calls = |call: &str| ran.stderr.lines().filter(|line| line.contains(call)).count();
            let all = CLIENTS * CONNECTIONS;
            assert_eq!((calls("] accept "), calls("] reply "), calls("] close")), (all, all, all), "{ran:?}");
        }
    }

    /// A connection that is neither refused nor reset, and the right reply to its end.
    fn one_sentence(client: usize, number: usize) {
        let mut socket = TcpStream::connect(("192.168.69.1", 12000)).expect("no refusal");
        socket.set_read_timeout(Some(BOUND)).expect("a timeout");
        write!(socket, "client {client}, sentence {number}").expect("no reset");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).expect("no reset");
        assert_eq!(reply, format!("CLIENT {client}, SENTENCE {number}"));
    }

    #[test]
    fn a_burst_of_a_hundred_datagrams_gets_a_hundred_replies() {
        inside_a_lab("crowds::a_burst_of_a_hundred_datagrams_gets_a_hundred_replies", &[], || {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
            socket.connect("192.168.69.1:12000").expect("a route");
            socket.set_read_timeout(Some(BOUND / 4)).expect("a timeout");
            for number in 0..100 {
                socket.send(format!("datagram {number}").as_bytes()).expect("room");
            }
            let mut missing: Vec<String> = (0..100).map(|number| format!("DATAGRAM {number}")).collect();
            while !missing.is_empty() {
                let mut reply = [0; 2048];
                let length = socket.recv(&mut reply).unwrap_or_else(|error| panic!("{error}: {missing:?}"));
                let place = missing.iter().position(|text| text.as_bytes() == &reply[..length]);
                missing.swap_remove(place.expect("a reply that was expected, once"));
            }
        });
    }
}

mod streams {
    use undersock::text::{self, Progress};

    use super::*;

    const MEBIBYTES: usize = 100;
    /// Ten seconds are usual for a build without optimization.
    const STREAM_BOUND: Duration = Duration::from_secs(180);

    #[test]
    fn a_hundred_mebibytes_through_netcat_over_ipv4() {
        through(&["nc", "-N", "192.168.69.1", "12001"]);
    }

    #[test]
    fn a_hundred_mebibytes_through_netcat_over_ipv6() {
        through(&["nc", "-N", "fdaa::1", "12001"]);
    }

    #[test]
    fn a_hundred_mebibytes_through_undersocks_client_over_ipv4() {
        through(&[this_command(), "tcp", "192.168.69.1", "--stream", "-"]);
    }

    #[test]
    fn a_hundred_mebibytes_through_undersocks_client_over_ipv6() {
        through(&[this_command(), "tcp", "fdaa::1", "--stream", "-"]);
    }

    /// Sends the text by this client in a lab, and looks at what it prints, byte by byte.
    fn through(client: &[&str]) {
        tool_path("nc");
        let Text { plain, upper } = Text::get();
        let mut child = lab(&[], client).spawn().expect("the command starts");
        let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        thread::spawn(move || drop(stdin.write_all(plain)));
        let compared = thread::spawn(move || compare(stdout, upper));
        let ran = finish_within(STREAM_BOUND, child);
        let difference = compared.join().expect("no panic").err();
        assert!(ran.status == Some(0) && difference.is_none(), "{difference:?}\n{ran:?}");
    }

    /// Reads to the end, or to the first byte that is not as expected.
    fn compare(mut pipe: impl Read, mut expected: &[u8]) -> Result<(), String> {
        let all = expected.len();
        let mut piece = vec![0; 1 << 16];
        loop {
            let length = pipe.read(&mut piece).map_err(|error| error.to_string())?;
            let (came, at) = (&piece[..length], all - expected.len());
            if length == 0 {
                return if expected.is_empty() { Ok(()) } else { Err(format!("only {at} of {all} bytes")) };
            }
            let Some(rest) = expected.strip_prefix(came) else {
                let same = came.iter().zip(expected).take_while(|(one, other)| one == other).count();
                let some = |bytes: &[u8]| bytes[same..].iter().take(32).copied().collect::<Vec<_>>();
                let (came, expected) = (some(came), some(expected));
                return Err(format!("at byte {} of {all}: {came:x?} for {expected:x?}", at + same));
            };
            expected = rest;
        }
    }

    /// Mixed text: ASCII, characters of two to four bytes, such as grow and shrink, and bytes that are none.
    struct Text {
        plain: Vec<u8>,
        upper: Vec<u8>,
    }

    const WORDS: [&[u8]; 16] = [
        b"the quick brown fox jumps over ",
        b"a\n",
        b"\0\r\n\t~",
        b"HTTP/1.1 200 ok; ",
        "straße ".as_bytes(),
        "Øre, Ærø, \u{149}".as_bytes(),
        "\u{390}".as_bytes(),
        "ὀδυσσεύς ".as_bytes(),
        "\u{fb03}\u{131}\u{17f}".as_bytes(),
        "здравствуйте ".as_bytes(),
        "日本語".as_bytes(),
        "\u{10428}\u{1f600}".as_bytes(),
        b"\xff",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x90\x90",
    ];

    impl Text {
        /// Made once, the same at every run.
        fn get() -> &'static Text {
            static TEXT: OnceLock<Text> = OnceLock::new();
            TEXT.get_or_init(|| {
                let plain = Text::plain(MEBIBYTES << 20);
                let mut upper = vec![0; plain.len() * text::MAX_EXPANSION];
                let Progress { consumed, produced } = text::upper_case(&plain, true, &mut upper);
                assert_eq!(consumed, plain.len());
                upper.truncate(produced);
                Text { plain, upper }
            })
        }

        fn plain(length: usize) -> Vec<u8> {
            let mut plain = Vec::with_capacity(length + 64);
            // Marsaglia's xorshift.
            let mut random = 0x2545_f491_4f6c_dd1d_u64;
            while plain.len() < length {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                for digit in (0..64).step_by(4) {
                    plain.extend_from_slice(WORDS[(random >> digit) as usize % WORDS.len()]);
                }
            }
            plain.truncate(length);
            plain
        }
    }
}

mod users {
    use super::*;

    #[test]
    fn an_ordinary_user_needs_no_privilege() {
        alone("users::an_ordinary_user_needs_no_privilege", || {
            let nobody = Nobody::prepare();
            let client = nobody.path();
            let id = run(nobody.tool("id", &["-u"]), b"");
            prints(&id, if geteuid_maps_all() { "65534\n" } else { "0\n" });

            let ran = run(nobody.undersock(&["lab", "-v"]), "hello\nstraße\n".as_bytes());
            prints(
                &ran,
                "UDP From Server: HELLO\nTCP From Server: HELLO\n\
                 UDP From Server: STRASSE\nTCP From Server: STRASSE\n",
            );
            assert!(!ran.stderr.contains("in memory"), "{ran:?}");

            // Still who they are, by uid and gid.
            prints(&run(nobody.undersock(&["lab", "-v", "--", "id", "-u"]), b""), &id.stdout);
            for address in ADDRESSES {
                let ping = ["lab", "-v", "--", "ping", "-c", "1", "-W", "10", address];
                let ran = run(nobody.undersock(&ping), b"");
                assert_eq!(ran.status, Some(0), "{ran:?}");
                let ask = ["lab", "-v", "--", client, "udp", address, "hello"];
                prints(&run(nobody.undersock(&ask), b""), "HELLO\n");
            }
            // The interface is theirs to change, and to be seen in /sys.
            let script = "ip link set tap0 mtu 1400 && cat /sys/class/net/tap0/mtu && ls /sys/class/net";
            let ran = run(nobody.undersock(&["lab", "-v", "--", "sh", "-c", script]), b"");
            prints(&ran, "1400\nlo\ntap0\n");
        });
    }
}
