//! `undersock serve` as its recipe has it: an interface made with `ip`, the server, and clients on the kernel's side.
//!
//! Each test is alone in a network namespace, and all of it is made there.
#![cfg(target_os = "linux")]

mod log;
mod mishaps;
mod options;
mod quiet;
mod recipes;
mod tun;

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use test_support::command::{Ran, run, undersock};
use test_support::network::{Nobody, Program, alone, fails, ip, tool};

/// What the server says when it can be reached.
const READY: &str = "The server is ready to receive: ";
/// A client's longest wait. Inside, every wait is shorter than the bound around all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The recipe's interface, and this side's addresses. The second one is without duplicate detection, which takes a
/// second or two.
fn recipe() {
    ip("tuntap add dev tap0 mode tap");
    ip("link set tap0 up");
    ip("addr add 192.168.69.100/24 dev tap0");
    ip("addr add fdaa::100/64 dev tap0 nodad");
}

/// The server on tap0, with the log that a failure is understood by, as soon as it can be reached.
#[track_caller]
fn serve(options: &str) -> Program {
    let server = Program::start(serving(options));
    server.says(READY);
    carries();
    server
}

fn serving(options: &str) -> Command {
    undersock(["serve", "-v"].into_iter().chain(options.split_whitespace()))
}

/// Waits until the kernel has noticed that the interface has somebody at its other end: what it sends earlier is lost.
#[track_caller]
fn carries() {
    until(|| ip("link show tap0").contains("state UP"));
    for line in ip("-6 -o addr show dev tap0 scope global").lines() {
        let cidr = line.split_whitespace().nth(3).expect("index, interface, family and address");
        knows(cidr.split('/').next().expect("an address"));
    }
}

/// Waits until the kernel takes what comes for an IPv6 address of its own: a moment later than it was given.
#[track_caller]
fn knows(address: &str) {
    until(|| ip("-6 route show table local").contains(&format!("local {address} ")));
}

/// Waits for what this computer does by itself.
#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{}{}", ip("addr"), ip("-6 route show table local"));
        thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn stop(server: Program) -> Ran {
    server.signal(Signal::TERM);
    let ran = server.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    ran
}

fn client(args: &[&str]) -> Ran {
    run(undersock(args), b"")
}

/// A client that has its reply, and has nothing else to say.
#[track_caller]
fn answers(words: &str, reply: &str) {
    let ran = client(&words.split(' ').collect::<Vec<_>>());
    let right = ran.status == Some(0) && ran.stdout == format!("{reply}\n").as_bytes();
    assert!(right && ran.stderr.is_empty(), "undersock {words}: {ran:?}");
}

/// Types what the command has said would help; as root, who has no need of sudo.
#[track_caller]
fn type_in(command: &str) -> Ran {
    let mut sh = tool("sh");
    sh.args(["-c", command.strip_prefix("sudo ").unwrap_or(command)]);
    run(sh, b"")
}

/// A connection to the stream port that has sent something and got it back.
#[track_caller]
fn stream(address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().expect("an address");
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    echo(&mut socket, "hello");
    socket
}

#[track_caller]
fn echo(socket: &mut TcpStream, text: &str) {
    socket.write_all(text.as_bytes()).expect("no reset");
    let mut reply = vec![0; text.len()];
    socket.read_exact(&mut reply).expect("the same in upper case");
    assert_eq!(String::from_utf8_lossy(&reply), text.to_uppercase());
}
