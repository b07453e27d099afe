//! The examples do what they say.
use std::path::PathBuf;
use std::process::{Command, Stdio};

use test_support::command::run;

/// Cargo builds the examples for `cargo test`, into the folder beside that of this program or one further up.
fn program(example: &str) -> PathBuf {
    let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    let this = std::env::current_exe().expect("the path of this program");
    let mut candidates = this.ancestors().skip(1).map(|folder| folder.join("examples").join(&name));
    candidates.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "no {name} in a folder `examples` above {}: build it by `cargo build --examples`",
            this.display()
        )
    })
}

/// What an example prints, given this argument or this standard input.
fn output(example: &str, argument: Option<&str>, input: &str) -> String {
    let mut command = Command::new(program(example));
    command.args(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = run(command, input.as_bytes());
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{example}: {ran:?}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}

#[test]
fn udp_server() {
    assert_eq!(output("udp_server", None, ""), "The server is ready to receive\nHELLO, WORLD\n");
}

#[test]
fn tcp_server() {
    let expected = "\
        The server is ready to receive\n\
        [0] accept: 192.168.69.100:49152\n\
        [0] recv: 12 bytes\n\
        [0] send: 12 bytes\n\
        [0] close\n\
        From Server: HELLO, WORLD\n";
    assert_eq!(output("tcp_server", None, ""), expected);
}

#[test]
fn udp_client() {
    assert_eq!(output("udp_client", Some("hello, world"), ""), "HELLO, WORLD\n");
    assert_eq!(output("udp_client", None, "straße\r\nnever read\n"), "Input lowercase sentence:STRASSE\n");
}

#[test]
fn tcp_client() {
    assert_eq!(output("tcp_client", Some("hello, world"), ""), "From Server: HELLO, WORLD\n");
    assert_eq!(output("tcp_client", None, "straße"), "Input lowercase sentence:From Server: STRASSE\n");
}

#[test]
fn a_reply_may_be_longer_than_one_segment() {
    // 1,022 bytes, of which each two become six.
    let reply = output("tcp_client", Some(&"ΐ".repeat(511)), "");
    assert_eq!(reply, format!("From Server: {}\n", "Ι\u{308}\u{301}".repeat(511)));
}

#[test]
fn no_sentence_is_an_error() {
    for example in ["udp_client", "tcp_client"] {
        let mut command = Command::new(program(example));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ran = run(command, b"\n");
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), "Error: \"no sentence\"\n"), "{example}");
    }
}

#[test]
fn echo() {
    let expected = "\
        UDP:    hello?\n\
        TCP:    is there anybody?\n\
        stream: 24000 bytes, the same\n";
    assert_eq!(output("echo", None, ""), expected);
}

#[test]
fn three_ports() {
    let expected = "\
        UDP 12000: A DATAGRAM\n\
        TCP 12000: A SENTENCE\n\
        TCP 12001: A SENTENCE\n\
        TCP 12002: 10\n\
        port 12000: 10 bytes, closed by both\n\
        port 12001: 10 bytes, closed by both\n\
        port 12002: 10 bytes, closed by both\n";
    assert_eq!(output("three_ports", None, ""), expected);
}

/// The times are the wire's and the stacks' timers', and the same in every run.
#[test]
fn memory_service() {
    let expected = "\
        0.025000 s the client hears: 20\n\
        0.050000 s port 12002: 20 bytes, closed by both\n\
        2.020000 s port 12002: 20 bytes, idle for too long\n\
        2.025000 s the other client is told that its connection is over\n";
    assert_eq!(output("memory_service", None, ""), expected);
}

/// With clients that are not ours, in a network that the test makes.
#[cfg(target_os = "linux")]
#[test]
fn tap_service() {
    use test_support::network::{Program, alone, tool};

    let runs = |program: &str, words: &[&str], input: &str| {
        let mut command = tool(program);
        command.args(words);
        let ran = run(command, input.as_bytes());
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{program} {words:?}: {ran:?}");
        String::from_utf8(ran.stdout).expect("UTF-8")
    };
    alone("tap_service", || {
        for words in
            ["tuntap add dev tap0 mode tap", "link set tap0 up", "addr add 192.168.69.100/24 dev tap0"]
        {
            runs("ip", &words.split(' ').collect::<Vec<_>>(), "");
        }
        let mut command = Command::new(program("tap_service"));
        command.arg("tap0").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let server = Program::start(command);
        server.prints("The server is ready to receive: 192.168.69.1, interface tap0\n");

        // `-N` closes this side at the end of the input.
        let counted = runs("nc", &["-N", "192.168.69.1", "12002"], "how many bytes are these?");
        assert_eq!(counted, "25\n");
        server.prints("port 12002: 25 bytes, closed by both\n");
        let client = "import socket\n\
            connection = socket.create_connection(('192.168.69.1', 12000), 20)\n\
            connection.send(b'a sentence')\n\
            print(connection.recv(1024).decode())\n";
        assert_eq!(runs("python3", &["-c", client], ""), "A SENTENCE\n");
        server.prints("port 12000: 10 bytes, closed by both\n");

        runs("ip", &["link", "del", "tap0"], "");
        let ran = server.end();
        let last = "Error: \"tap0: using the interface: it was removed\"\n";
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), last), "{ran:?}");
    });
}

/// These times are the wire's, and the same in every run.
#[test]
fn virtual_time() {
    let expected = "\
        0.000000 s sendto: there and back\n\
        0.000150 s recvfrom: THERE AND BACK\n\
        0.000150 s sendto: lost at first\n\
        0.000200 s a frame is lost\n\
        1.000150 s sendto: lost at first\n\
        1.000250 s recvfrom: LOST AT FIRST\n";
    assert_eq!(output("virtual_time", None, ""), expected);
}
