//! What the command shows of a server: as a user asks for it, and as other programs read it.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use test_support::command::{Ran, run, undersock};
use test_support::network::{Program, alone, ip, prints, terminal, tool, tool_path};

const CLIENT: &str = env!("CARGO_BIN_EXE_undersock");
const END_OF_INPUT: &str = "\x04";

/// A file of this test's own.
fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("views");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    // Of an earlier run.
    let _ = std::fs::remove_file(&path);
    path.display().to_string()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A sentence over TCP in a lab with these options.
fn sentence(options: &[&str]) -> Ran {
    let client = ["--", CLIENT, "tcp", "192.168.69.1", "hello"];
    let ran = run(undersock([&["lab"], options, &client].concat()), b"");
    prints(&ran, "HELLO\n");
    ran
}

/// What a program of this system says about a file.
#[track_caller]
fn asked(program: &str, arguments: &[&str]) -> String {
    let mut asked = tool(program);
    asked.args(arguments);
    let ran = run(asked, b"");
    assert_eq!(ran.status, Some(0), "{program}: {ran:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// These texts in this order.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} doesn't follow:\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_trace_has_calls_states_and_segments_in_their_order() {
    let ran = sentence(&["--trace"]);
    in_order(
        &ran.stderr,
        &[
            "server  tcp listen 12000\n",
            " S 0:0(0) win ",
            "server  #0 LISTEN -> SYN-RECEIVED\n",
            " S. 0:0(0) ack 1 win ",
            "server  #0 SYN-RECEIVED -> ESTABLISHED\n",
            "server  #0 accept 192.168.69.100:",
            " P. 1:6(5) ack 1 win ",
            "server  #0 recv 5 bytes\n",
            "server  #0 send 5 bytes\n",
            "server  #0 close\n",
            " F. 1:6(5) ack 6 win ",
        ],
    );
}

#[test]
fn headers_are_explained() {
    let ran = sentence(&["--explain"]);
    for part in ["Sequence Number", "RFC 9293 3.1", "Maximum Segment Size", "Sender Protocol Address"] {
        assert!(ran.stderr.contains(part), "{part:?} is not explained: {ran:?}");
    }
}

#[test]
fn a_capture_opens_in_tshark_with_calls_and_states_beside_the_frames() {
    let capture = file("lab.pcapng");
    sentence(&["--capture", &capture]);
    let fields = ["-T", "fields", "-e", "frame.comment", "-e", "tcp.flags.str"];
    // A frame of the kernel's own, as for IPv6, may come in the same batch, and is the last one before the call then.
    let wanted = "tcp.port == 12000 || frame.comment";
    let lines = asked("tshark", &[&["-r", &capture, "-Y", wanted], &fields[..]].concat());
    in_order(&lines, &["LISTEN -> SYN-RECEIVED", "accept", "recv 5 bytes", "close"]);
    assert_eq!(asked("tshark", &["-r", &capture, "-Y", "_ws.malformed || tcp.checksum.status == 0"]), "");
}

/// As fast as the stream goes. The server counts the frames, not the capture.
#[test]
fn a_capture_misses_no_frame_of_a_stream() {
    let capture = file("stream.pcapng");
    let script = format!(
        "head -c 30000000 /dev/zero | {CLIENT} tcp --stream - > /dev/null && kill -USR1 $PPID && read line"
    );
    let mut lab = Program::start(undersock(["lab", "--capture", &capture, "--", "sh", "-c", &script]));
    lab.says(" accepted");
    lab.hears("\n");
    let ran = lab.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let counted = ran.stderr.lines().find_map(|line| {
        let (incoming, rest) = line.strip_prefix("frames")?.split_once(" in, ")?;
        let (outgoing, _) = rest.split_once(" out")?;
        Some(incoming.trim().parse::<u64>().ok()? + outgoing.trim().parse::<u64>().ok()?)
    });
    let counted = counted.unwrap_or_else(|| panic!("no table: {ran:?}"));
    assert!(counted > 40_000, "30 MB each way take more frames than {counted}");
    let found = asked("capinfos", &["-Mcr", &capture]);
    let found = found.lines().last().and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok());
    // What came in the second after the count is there too: the kernel's greetings over IPv6.
    assert!(
        (counted..counted + 100).contains(&found.expect("a number")),
        "{counted} counted, {found:?} found"
    );
}

#[test]
fn events_are_json_a_line_each() {
    let events = file("events.jsonl");
    sentence(&["--events", &events]);
    let script = "import json, sys\n\
                  events = [json.loads(line) for line in open(sys.argv[1])]\n\
                  assert all('time' in event and 'end' in event for event in events)\n\
                  print(*[event.get('call') for event in events if event['event'] == 'call'])";
    let calls = asked("python3", &["-c", script, &events]);
    in_order(&calls, &["bind", "listen", "accept", "recv", "send", "close"]);
}

#[test]
fn a_ladder_is_a_drawing_a_page_or_text() {
    for (name, begins) in [("ladder.svg", "<svg "), ("ladder.html", "<!DOCTYPE html>"), ("ladder.txt", " ")] {
        let ladder = file(name);
        sentence(&["--ladder", &ladder]);
        let text = text(&ladder);
        assert!(text.starts_with(begins), "{name}: {text}");
        for part in ["SYN-RECEIVED", "accept", "12000"] {
            assert!(text.contains(part), "{name} has no {part}: {text}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_the_lab_begins() {
    for option in ["--capture", "--ladder", "--events"] {
        let ran = run(undersock(["lab", option, "/no/such/folder/a.svg"]), b"hello\n");
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("opening /no/such/folder/a.svg: "), "{ran:?}");
        assert!(ran.stderr.contains("\n  mkdir -p /no/such/folder\n"), "{ran:?}");
        assert_eq!(ran.stdout, b"", "{ran:?}");
    }
}

#[test]
fn a_signal_has_the_table_printed() {
    tool_path("sh");
    let script = format!("{CLIENT} tcp 192.168.69.1 hello; read line; kill -USR1 $PPID; read line");
    let mut lab = Program::start(undersock(["lab", "--trace", "--", "sh", "-c", &script]));
    // The client has ended before the last acknowledgement is there.
    lab.says("-> TIME-WAIT");
    lab.hears("\n");
    lab.says(" accepted");
    lab.hears("\n");
    let ran = lab.end();
    prints(&ran, "HELLO\n");
    in_order(&ran.stderr, &["state", "UNCONN", "LISTEN", "TIME-WAIT", "192.168.69.100:", "1 accepted"]);
}

/// The reply with its FIN is lost: the server asks after some round trips, or its stack repeats it in the end.
#[test]
fn what_is_lost_is_sent_again_as_it_was_ordered() {
    let trouble = ["--trace", "--trouble", "drop the first data segment from the server"];
    let ran = sentence(&trouble);
    in_order(&ran.stderr, &["! >     lost: #0 ", " F. 1:6(5) ", "(again: probe)\n"]);
    let ran = sentence(&[&trouble[..], &["--no-recovery"]].concat());
    in_order(&ran.stderr, &["! >     lost: #0 ", " F. 1:6(5) ", "(again)\n"]);
    assert!(!ran.stderr.contains("again: "), "{ran:?}");
}

#[test]
fn trouble_happens_as_it_was_ordered_and_is_survived() {
    let ran = sentence(&["--trace", "--trouble", "drop the first SYN-ACK"]);
    in_order(&ran.stderr, &["! >     lost: #0", " S. 0:0(0) ack 1", "(again)", "ESTABLISHED"]);
    let ran = sentence(&["--trace", "--duplicate", "100%", "--delay", "in:3ms"]);
    in_order(&ran.stderr, &["duplicated: ", "accept"]);
}

#[test]
fn a_scene_needs_no_network() {
    let ran = run(undersock(["lab", "--list"]), b"");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let list = String::from_utf8(ran.stdout).expect("text");
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"lost-syn-ack") && names.len() > 20, "{list}");

    // A capture is one whatever it is called.
    let [saved, capture] = ["scene.svg", "scene.pcap"].map(file);
    let mut nobody =
        undersock(["lab", "--scenario", "lost-syn-ack", "--ladder", &saved, "--capture", &capture]);
    nobody.env("PATH", "");
    let ran = run(nobody, b"");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let page = String::from_utf8(ran.stdout).expect("text");
    in_order(&page, &["What do you expect?", "SYN-SENT", "✗", "What it came to", "RFC 9293"]);
    assert!(text(&saved).starts_with("<svg "));
    in_order(&asked("tshark", &["-r", &capture, "-Y", "tcp"]), &["SYN, ACK", "FIN"]);
}

/// Both ends of the last sentence, and what else the prompt knows.
#[test]
fn the_prompt_shows_what_happened_below_a_sentence() {
    alone("the_prompt_shows_what_happened_below_a_sentence", || {
        let [states, capture] = ["prompt-states.svg", "prompt.pcapng"].map(file);
        let mut lab = terminal(&["lab", "--udp-port", "0"]);
        lab.prints("Input lowercase sentence: ");
        lab.hears(":timeline\n");
        lab.prints("no sentence has been sent yet");
        lab.hears("hello\n");
        for part in [
            "TCP From Server: HELLO",
            "connect()",
            "SYN",
            "[SYN-RECEIVED]",
            "accept()",
            "recv 5",
            "[TIME-WAIT]",
        ] {
            lab.prints(part);
        }
        lab.hears(":table\n");
        lab.prints("TIME-WAIT");
        lab.hears(":timeline\n");
        lab.prints("client  #0 SYN-SENT -> ESTABLISHED");
        lab.hears(":explain\n");
        lab.prints(":explain N shows one of them.");
        lab.hears(":explain 1\n");
        lab.prints("Sender Protocol Address");
        lab.hears(":explain 99\n");
        lab.prints("not one of the frames 1 to ");
        lab.hears(":rubbish\n");
        lab.prints("no such command");
        lab.hears("::a colon\n");
        lab.prints("TCP From Server: :A COLON");
        lab.hears(&format!(":save {states}\n:save {capture}\n:help\n"));
        lab.prints("what follows each reply");
        lab.hears(END_OF_INPUT);
        let ran = lab.end();
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(text(&states).contains("SYN-RECEIVED"));
        in_order(&asked("tshark", &["-r", &capture, "-Y", "tcp"]), &["SYN", "FIN"]);
        // The time of day at which they were sent, which was before they were saved.
        // Not the file's own time, which is the kernel's last tick.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        for sent in asked("tshark", &["-r", &capture, "-T", "fields", "-e", "frame.time_epoch"]).lines() {
            let ago = now - sent.parse::<f64>().expect("seconds");
            assert!((0.0..3_600.0).contains(&ago), "sent {ago} s ago");
        }
    });
}

/// `serve` has the same views.
#[test]
fn a_server_on_an_interface_shows_as_much() {
    alone("a_server_on_an_interface_shows_as_much", || {
        let capture = file("serve.pcapng");
        let serve = undersock(["serve", "--tap", "tap0", "--trace", "--capture", &capture]);
        let server = Program::start(serve);
        server.says("The server is ready to receive");
        ip("link set tap0 up");
        ip("addr add 192.168.69.100/24 dev tap0");
        let ran = run(undersock(["udp", "192.168.69.1", "hello"]), b"");
        prints(&ran, "HELLO\n");
        server.says("udp sendto 192.168.69.100:");
        server.signal(Signal::USR1);
        server.says("UNCONN");
        server.signal(Signal::INT);
        let ran = server.end();
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("1 datagrams (1 answered)"), "{ran:?}");
        in_order(
            &asked("tshark", &["-r", &capture, "-Y", "udp.port == 12000"]),
            &["192.168.69.100", "192.168.69.1"],
        );
    });
}
