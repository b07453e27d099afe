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

/// These times are the wire's, and the same in every run.
#[test]
fn virtual_time() {
    let expected = "\
        0.000000 s sendto: there and back\n\
        0.000200 s recvfrom: THERE AND BACK\n\
        0.000200 s sendto: lost at first\n\
        0.000250 s a frame is lost\n\
        1.000200 s sendto: lost at first\n\
        1.000300 s recvfrom: LOST AT FIRST\n";
    assert_eq!(output("virtual_time", None, ""), expected);
}
