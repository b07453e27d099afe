//! `undersock lab` with real clients: each test has a private network of its own, made by the command itself.
#![cfg(target_os = "linux")]

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use rustix::process::{Signal, geteuid, kill_process_group};
use test_support::command::{BOUND, Ran, finish_within, run, undersock};
use test_support::network::{Nobody, Program, again, alone, fails, is_inside, prints, tool, tool_path};

/// What the server says when there is something to talk to.
const READY: &str = "The server is ready to receive";
const SENTENCES: &str = "hello\nstraße\n";
const REPLIES: &str = "UDP From Server: HELLO\nTCP From Server: HELLO\n\
                       UDP From Server: STRASSE\nTCP From Server: STRASSE\n";
/// The server's two addresses.
const ADDRESSES: [&str; 2] = ["192.168.69.1", "fdaa::1"];

/// Runs a program in a lab, with this standard input.
#[track_caller]
fn in_lab(words: &[&str], input: &[u8]) -> Ran {
    if let Some(program @ ("nc" | "ping" | "sh")) = words.first().copied() {
        // Or its absence would look like the lab's fault.
        tool_path(program);
    }
    run(lab(&[], words), input)
}

/// `undersock lab`, with the log that a failure is understood by.
fn lab(options: &[&str], words: &[&str]) -> Command {
    undersock([&["lab", "-v"][..], options, &["--"], words].concat())
}

/// Runs the test of this name again in a lab with these options; there, runs `body`. What came of it is for the one
/// outside, who sees the server's log.
#[track_caller]
fn inside_a_lab(test: &str, options: &[&str], body: impl FnOnce()) -> Option<Ran> {
    if is_inside() {
        body();
        return None;
    }
    Some(again(test, lab(options, &[])))
}

/// `undersock`, as a program that runs in the lab.
fn this_command() -> &'static str {
    env!("CARGO_BIN_EXE_undersock")
}

mod sentences {
    use super::*;

    #[test]
    fn the_first_thing_that_anybody_types() {
        for words in [&[][..], &["lab"]] {
            let ran = run(undersock(words), SENTENCES.as_bytes());
            prints(&ran, REPLIES);
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
        let replies: [&[u8]; 5] = [&[b'A'; 1024], b"", b"NUL \0 \xff\xc3 \xe2\x82", b"\xc3\x89", b"LAST"];
        let ran = run(undersock(["lab", "-v"]), &lines.join(&b'\n'));
        let twice =
            |reply: &[u8]| [b"UDP From Server: ", reply, b"\nTCP From Server: ", reply, b"\n"].concat();
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
        let script = format!(
            "{client} udp --tries 1 --timeout 300ms 192.168.69.1 {large}; {client} udp 192.168.69.1 next"
        );
        let ran = in_lab(&["sh", "-c", &script], b"");
        prints(&ran, "NEXT\n");
        assert!(ran.stderr.contains("it is too large for a datagram"), "{ran:?}");
        assert!(
            ran.stderr.contains("waiting for 192.168.69.1:12000: no reply within 300ms, sent once"),
            "{ran:?}"
        );
    }

    #[test]
    fn an_option_changes_the_lab_too() {
        let ran = run(undersock(["lab", "-v", "--text", "ascii", "--udp-port", "0"]), "straße\n".as_bytes());
        prints(&ran, "TCP From Server: STRAßE\n");
    }
}

/// What a person sees who has typed `undersock` and nothing else.
mod at_a_terminal {
    use super::*;

    const END_OF_INPUT: &str = "\x04";
    const INTERRUPT: &str = "\x03";

    fn terminal(words: &[&str]) -> Program {
        let mut python = tool("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/terminal.py"));
        python.arg(this_command()).args(words).env("NO_COLOR", "1");
        Program::start(python)
    }

    #[test]
    fn it_asks_until_the_end_of_the_input() {
        alone("at_a_terminal::it_asks_until_the_end_of_the_input", || {
            let mut lab = terminal(&["lab", "--show", "nothing"]);
            lab.prints(READY);
            for (sentence, reply) in [("hello", "HELLO"), ("straße", "STRASSE")] {
                lab.prints("\nInput lowercase sentence: ");
                lab.hears(&format!("{sentence}\n"));
                lab.prints(&format!(
                    "UDP From Server: {reply}\r\nTCP From Server: {reply}\r\nInput lowercase sentence: "
                ));
            }
            lab.hears(END_OF_INPUT);
            let ran = lab.end();
            assert_eq!(ran.status, Some(0), "{ran:?}");
        });
    }

    #[test]
    fn an_interrupt_ends_it_with_a_summary() {
        alone("at_a_terminal::an_interrupt_ends_it_with_a_summary", || {
            let mut lab = terminal(&["lab"]);
            lab.prints("\nInput lowercase sentence: ");
            lab.hears("hello\n");
            lab.prints("TCP From Server: HELLO");
            lab.hears(INTERRUPT);
            lab.prints("1 datagrams (1 answered), 1 connections (");
            let ran = lab.end();
            assert_eq!(ran.status, Some(0), "{ran:?}");
        });
    }

    #[test]
    fn a_program_has_the_terminal_and_its_interrupt() {
        alone("at_a_terminal::a_program_has_the_terminal_and_its_interrupt", || {
            let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/interrupted.py");
            let mut lab = terminal(&["lab", "-v", "--", "python3", program]);
            lab.prints("started");
            lab.hears(INTERRUPT);
            lab.prints("interrupted");
            lab.hears("still there?\n");
            lab.prints("STILL THERE?");
            let ran = lab.end();
            assert_eq!(ran.status, Some(5), "{ran:?}");
        });
    }
}

mod clients {
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
                let client =
                    |client: usize| move || (0..CONNECTIONS).for_each(|number| one_sentence(client, number));
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
        let sentence = format!("client {client}, sentence {number}");
        // One write, and so one segment: the server reads once.
        socket.write_all(sentence.as_bytes()).expect("no reset");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).expect("no reset");
        assert_eq!(reply, sentence.to_uppercase());
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
    use test_support::network::text::{Text, compare};

    use super::*;

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
}

mod users {
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
}

/// Where no network can be had, the sentences are answered all the same, and a program is not started.
mod refusals {
    use super::*;

    /// The reason, and a line that would mend it.
    #[track_caller]
    fn refused(undersock: impl Fn(&[&str]) -> Command, reason: &str, mend: &str) {
        let ran = run(undersock(&["lab", "-v"]), SENTENCES.as_bytes());
        prints(&ran, REPLIES);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines.first(), Some(&reason), "{ran:?}");
        assert!(lines.contains(&mend), "{mend:?} is not said: {ran:?}");
        assert!(ran.stderr.contains("on a wire in memory"), "{ran:?}");
        assert!(!ran.stderr.contains(READY), "{ran:?}");

        let ran = run(undersock(&["lab", "-v", "--", "echo", "hello"]), b"");
        assert!(fails(&ran, reason).contains(&mend), "{mend:?} is not said: {ran:?}");
    }

    /// `undersock`, after this script has changed its surroundings.
    fn after<'a>(script: &'a str, flags: &'a [&str]) -> impl Fn(&[&str]) -> Command + 'a {
        let script = format!("{script} && exec \"$@\"");
        move |args| {
            let mut unshare = tool("unshare");
            unshare.args(flags).arg(tool_path("sh")).args(["-ec", &script, "sh", this_command()]).args(args);
            unshare
        }
    }

    /// A limit of 0 that holds in a user namespace and those below it, and nowhere else.
    #[test]
    fn no_user_namespace_to_be_had() {
        tool_path("setpriv");
        refused(
            after(
                "echo 0 > /proc/sys/user/max_user_namespaces && \
                 set -- setpriv --ambient-caps=-all --inh-caps=-all \"$@\"",
                &["--user", "--map-user=1000", "--map-group=1000", "--keep-caps"],
            ),
            "undersock: making a user namespace: No space left on device (user.max_user_namespaces is 0)",
            "  sudo sysctl -w user.max_user_namespaces=15000",
        );
    }

    #[test]
    fn no_network_namespace_to_be_had() {
        refused(
            after("echo 0 > /proc/sys/user/max_net_namespaces", &["--user", "--map-root-user"]),
            "undersock: making a network namespace: No space left on device (user.max_net_namespaces is 0)",
            "  sudo sysctl -w user.max_net_namespaces=15000",
        );
    }

    /// The mounts are those of a user namespace where the user isn't root.
    fn own_mounts() -> &'static [&'static str] {
        if geteuid().is_root() { &["--mount"] } else { &["--mount", "--user", "--map-root-user"] }
    }

    #[test]
    fn no_tun_device() {
        tool_path("mount");
        refused(
            after("mount -t tmpfs none /dev/net", own_mounts()),
            "undersock: opening /dev/net/tun: no such device",
            "  sudo modprobe tun",
        );
    }

    #[test]
    fn no_permission_to_open_the_tun_device() {
        tool_path("mount");
        let forbid = "mount --bind /dev/net/tun /dev/net/tun && \
                      mount -o remount,bind,nodev,nosuid,noexec /dev/net/tun";
        refused(
            after(forbid, own_mounts()),
            "undersock: opening /dev/net/tun: permission denied",
            "  sudo chmod 0666 /dev/net/tun",
        );
    }
}

/// A second terminal. These tests have a process tree of their own: other labs of this machine are not in it.
mod joining {
    use super::*;

    #[test]
    fn a_second_program_joins_the_lab_that_is_running() {
        alone("joining::a_second_program_joins_the_lab_that_is_running", || {
            let join = |words: &[&str]| run(undersock([&["lab", "--join", "--"][..], words].concat()), b"");
            let client = this_command();

            let ran = join(&["echo", "hello"]);
            assert_eq!(
                fails(&ran, "undersock: joining the lab: no lab is running"),
                ["  start one: undersock lab"]
            );

            let lab = Program::start(undersock(["lab", "-v"]));
            lab.says(READY);
            for address in ADDRESSES {
                prints(&join(&[client, "udp", address, "hello"]), "HELLO\n");
                prints(&join(&[client, "tcp", address, "straße"]), "STRASSE\n");
            }
            prints(&join(&["sh", "-c", "ls /sys/class/net"]), "lo\ntap0\n");
            assert_eq!(join(&["sh", "-c", "exit 7"]).status, Some(7));
            assert_eq!(join(&["sh", "-c", "kill $$"]).status, Some(128 + 15));
            let ran = join(&["no-such-program"]);
            fails(&ran, "undersock: starting no-such-program: No such file or directory");
            // From inside there is nothing to join.
            let ran = join(&[client, "lab", "--join", "--", "true"]);
            fails(&ran, "undersock: joining the lab: this terminal is in it already");

            prints(&lab.close(), "");
            fails(&join(&["true"]), "undersock: joining the lab: no lab is running");
        });
    }

    #[test]
    fn one_of_several_labs_is_named_by_its_process() {
        alone("joining::one_of_several_labs_is_named_by_its_process", || {
            let labs = [12000_u16, 7000].map(|port| {
                let lab = Program::start(undersock(["lab", "-v", "--udp-port", &port.to_string()]));
                lab.says(READY);
                (lab, port)
            });
            let join = |how: &str, port| {
                let server = format!("192.168.69.1:{port}");
                run(undersock(["lab", how, "--", this_command(), "udp", &server, "hello"]), b"")
            };
            let ran = join("--join", 12000);
            let named = labs.each_ref().map(|(lab, _)| format!("  undersock lab --join={}", lab.id()));
            assert_eq!(fails(&ran, "undersock: joining the lab: 2 labs are running; name one"), named);
            for (lab, port) in &labs {
                let how = format!("--join={}", lab.id());
                prints(&join(&how, *port), "HELLO\n");
            }
            let ran = join("--join=999999", 12000);
            fails(&ran, "undersock: joining the lab of process 999999: there is no such process");
        });
    }

    #[test]
    fn the_end_of_the_second_terminal_is_its_programs() {
        alone("joining::the_end_of_the_second_terminal_is_its_programs", || {
            let lab = Program::start(undersock(["lab", "-v"]));
            lab.says(READY);
            let join = ["lab", "--join", "--", "sh", "-c", "echo started; exec sleep 100"];
            let join = Program::start(undersock(join));
            join.prints("started\n");
            join.signal(Signal::TERM);
            // A program that went on would keep the output open.
            let ran = join.end();
            assert_eq!(ran.status, Some(128 + 15), "{ran:?}");
            prints(&lab.close(), "");
        });
    }

    #[test]
    fn without_a_program_it_is_the_users_shell() {
        alone("joining::without_a_program_it_is_the_users_shell", || {
            let lab = Program::start(undersock(["lab", "-v"]));
            lab.says(READY);
            let mut join = undersock(["lab", "--join"]);
            join.env("SHELL", tool_path("sh"));
            let ran = run(join, b"ls /sys/class/net; exit 3\n");
            assert_eq!((ran.status, &ran.stdout[..]), (Some(3), &b"lo\ntap0\n"[..]), "{ran:?}");
            assert!(ran.stderr.contains("192.168.69.1 and fdaa::1"), "{ran:?}");
        });
    }
}

mod signals {
    use super::*;

    #[test]
    fn a_signal_ends_the_lab_with_a_summary() {
        alone("signals::a_signal_ends_the_lab_with_a_summary", || {
            for signal in [Signal::TERM, Signal::INT] {
                let mut lab = Program::start(undersock(["lab", "-v"]));
                lab.hears("hello\n");
                lab.prints("TCP From Server: HELLO\n");
                lab.signal(signal);
                let ran = lab.end();
                prints(&ran, "UDP From Server: HELLO\nTCP From Server: HELLO\n");
                let summary = "1 datagrams (1 answered), 1 connections (";
                assert!(ran.stderr.contains(summary), "{summary:?} is not said: {ran:?}");
            }
        });
    }

    #[test]
    fn an_interrupt_is_the_programs() {
        alone("signals::an_interrupt_is_the_programs", || {
            tool_path("python3");
            let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/interrupted.py");
            let mut command = lab(&[], &["python3", program]);
            // As a terminal does it: the signal goes to all who are in the foreground.
            command.process_group(0);
            let mut lab = Program::start(command);
            lab.prints("started\n");
            kill_process_group(lab.pid(), Signal::INT).expect("it runs");
            lab.prints("interrupted\n");
            lab.hears("still there?\n");
            lab.prints("STILL THERE?\n");
            let ran = lab.end();
            assert_eq!(ran.status, Some(5), "{ran:?}");
        });
    }

    #[test]
    fn an_interrupt_ends_a_program_that_does_nothing_about_it() {
        alone("signals::an_interrupt_ends_a_program_that_does_nothing_about_it", || {
            let mut command = lab(&[], &["sh", "-c", "echo started; exec sleep 100"]);
            command.process_group(0);
            let lab = Program::start(command);
            lab.prints("started\n");
            kill_process_group(lab.pid(), Signal::INT).expect("it runs");
            let ran = lab.end();
            assert_eq!(ran.status, Some(128 + 2), "{ran:?}");
        });
    }

    #[test]
    fn the_end_of_the_lab_is_the_programs() {
        alone("signals::the_end_of_the_lab_is_the_programs", || {
            for (script, status) in [
                ("echo started; exec sleep 100", 128 + 15),
                ("trap 'exit 3' TERM; echo started; while :; do sleep 0.1; done", 3),
            ] {
                let lab = Program::start(lab(&[], &["sh", "-c", script]));
                lab.prints("started\n");
                lab.signal(Signal::TERM);
                let ran = lab.end();
                assert_eq!(ran.status, Some(status), "{script}: {ran:?}");
            }
        });
    }
}
