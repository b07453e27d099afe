//! The clients against small servers on the loopback interface.

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use test_support::command::{BOUND, Ran, finish, run, undersock};

/// A port where nobody listens: the one below all that a system hands out.
const NOBODY: &str = "127.0.0.1:1";

fn client(args: &[&str], input: &[u8]) -> Ran {
    run(undersock(args), input)
}

/// Success: these results, and nothing said.
#[track_caller]
fn answers(ran: &Ran, stdout: &[u8]) {
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.stdout == stdout, "{:?}", String::from_utf8_lossy(&ran.stdout));
}

/// A failure at run time: the first line has these parts, no other line begins like it.
#[track_caller]
fn fails(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let failure = ran.stderr.lines().find(|line| parts.iter().all(|part| line.contains(part)));
    assert!(failure.is_some_and(|line| line.starts_with("undersock: ")), "{}\nlacks {parts:?}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// A server in a thread: its address, and what it returns.
struct Server<T> {
    address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    fn udp(at: &str, serve: impl FnOnce(UdpSocket) -> T + Send + 'static) -> Server<T> {
        let socket = UdpSocket::bind(at).expect("a port");
        socket.set_read_timeout(Some(BOUND)).expect("a timeout");
        Server { address: socket.local_addr().expect("an address"), thread: thread::spawn(|| serve(socket)) }
    }

    fn tcp(at: &str, serve: impl FnOnce(TcpListener) -> T + Send + 'static) -> Server<T> {
        let listener = TcpListener::bind(at).expect("a port");
        let address = listener.local_addr().expect("an address");
        Server { address, thread: thread::spawn(|| serve(listener)) }
    }

    fn at(&self) -> String {
        self.address.to_string()
    }

    fn end(self) -> T {
        self.thread.join().expect("the server's checks hold")
    }
}

fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 70_000];
    let (length, from) = socket.recv_from(&mut bytes).expect("a datagram");
    bytes.truncate(length);
    (bytes, from)
}

fn connection(listener: &TcpListener) -> TcpStream {
    let (socket, _) = listener.accept().expect("a connection");
    socket.set_read_timeout(Some(BOUND)).expect("a timeout");
    socket
}

fn piece(mut socket: &TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let length = socket.read(&mut bytes).expect("a sentence");
    bytes.truncate(length);
    bytes
}

/// Upper-cases datagrams until it has answered so many.
fn uppercase(socket: UdpSocket, count: usize) {
    for _ in 0..count {
        let (sentence, from) = datagram(&socket);
        socket.send_to(&sentence.to_ascii_uppercase(), from).expect("a reply");
    }
}

mod udp {
    use super::*;

    #[test]
    fn a_sentence_is_an_argument_or_a_line() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let server = Server::udp(at, |socket| uppercase(socket, 5));
            answers(&client(&["udp", &server.at(), "hello world"], b""), b"HELLO WORLD\n");
            answers(&client(&["udp", &server.at()], b"a\nb\r\nc"), b"A\nB\nC\n");
            answers(&client(&["udp", &server.at(), "--", "-v"], b""), b"-V\n");
            server.end();
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass() {
        let server = Server::udp("127.0.0.1:0", |socket| uppercase(socket, 3));
        answers(&client(&["udp", &server.at()], b"a\x00b\xff\x80\n\n\xc3\n"), b"A\x00B\xff\x80\n\n\xc3\n");
        server.end();
    }

    #[test]
    fn an_empty_sentence_is_an_empty_datagram() {
        let server = Server::udp("127.0.0.1:0", |socket| {
            let (sentence, from) = datagram(&socket);
            socket.send_to(b"", from).expect("a reply");
            sentence
        });
        answers(&client(&["udp", &server.at(), ""], b""), b"\n");
        assert_eq!(server.end(), b"");
    }

    #[test]
    fn no_line_is_no_sentence() {
        let server = Server::udp("127.0.0.1:0", |_| ());
        let ran = client(&["udp", &server.at()], b"");
        assert_eq!((ran.status, ran.stdout.as_slice()), (Some(0), &b""[..]));
        assert_eq!(ran.stderr, "undersock: standard input is empty: nothing sent\n");
    }

    #[test]
    fn a_lost_datagram_is_sent_again_and_reported() {
        let server = Server::udp("127.0.0.1:0", |socket| {
            let (lost, _) = datagram(&socket);
            uppercase(socket, 1);
            lost
        });
        let ran = client(&["udp", &server.at(), "hello", "--timeout", "2s", "--tries", "9"], b"");
        assert_eq!((ran.status, ran.stdout.as_slice()), (Some(0), &b"HELLO\n"[..]), "{ran:?}");
        assert!(ran.stderr.starts_with("undersock: no reply within 2s, sent again (2 of 9)\n"), "{ran:?}");
        assert_eq!(server.end(), b"hello");
    }

    #[test]
    fn a_late_reply_is_not_the_next_lines() {
        let server = Server::udp("127.0.0.1:0", |socket| {
            let (_, first) = datagram(&socket);
            // Twice, as if an earlier try had been answered too.
            socket.send_to(b"A", first).expect("a reply");
            socket.send_to(b"A", first).expect("a reply");
            let (sentence, second) = datagram(&socket);
            assert_eq!(sentence, b"b");
            assert_ne!(first, second);
            // The first port is closed: an error for this socket at most, on some systems.
            let _ = socket.send_to(b"A", first);
            socket.send_to(b"B", second).expect("a reply");
        });
        answers(&client(&["udp", &server.at()], b"a\nb\n"), b"A\nB\n");
        server.end();
    }

    #[test]
    fn what_others_send_is_no_reply() {
        let server = Server::udp("127.0.0.1:0", |socket| {
            let (_, from) = datagram(&socket);
            let other = UdpSocket::bind("127.0.0.1:0").expect("a port");
            other.send_to(b"FORGED", from).expect("sent");
            socket.send_to(b"A", from).expect("a reply");
        });
        answers(&client(&["udp", &server.at(), "a"], b""), b"A\n");
        server.end();
    }

    #[test]
    fn a_name_with_two_addresses_is_served_by_the_one_that_answers() {
        // Where localhost is ::1 first, that one is refused.
        let server = Server::udp("127.0.0.1:0", |socket| uppercase(socket, 2));
        let name = format!("localhost:{}", server.address.port());
        answers(&client(&["udp", &name], b"hello\nworld\n"), b"HELLO\nWORLD\n");
        server.end();
    }

    #[test]
    fn the_largest_datagram_comes_back_with_a_warning() {
        let server = Server::udp("127.0.0.1:0", |socket| uppercase(socket, 1));
        let ran = client(&["udp", &server.at()], &[b'a'; 65_507]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.len() == 65_508 && ran.stdout.starts_with(b"AAA"), "{} bytes", ran.stdout.len());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("65507 bytes") && ran.stderr.contains("at most 1472"), "{}", ran.stderr);
        server.end();

        let ran = client(&["udp", NOBODY], &[b'a'; 65_508]);
        fails(&ran, &["sending to 127.0.0.1:1", "at most 65507 bytes, the sentence 65508"]);
    }

    #[test]
    fn a_closed_port_is_reported_with_the_step() {
        let ran = client(&["udp", NOBODY, "hello", "--timeout", "60s"], b"");
        fails(&ran, &["waiting for 127.0.0.1:1: "]);
        assert!(ran.stderr.contains("is the server running? undersock serve"), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("undersock: ").count(), 1, "{}", ran.stderr);
    }

    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let server = Server::udp("127.0.0.1:0", |socket| [datagram(&socket).0, datagram(&socket).0]);
        let args = ["udp", &server.at(), "--timeout", "50ms", "--tries", "2"];
        let ran = client(&args, b"hello\nworld\n");
        fails(&ran, &["waiting for 127.0.0.1", "no reply within 50ms, sent 2 times"]);
        assert!(ran.stderr.starts_with("undersock: no reply within 50ms, sent again (2 of 2)\n"), "{ran:?}");
        assert!(ran.stderr.contains("line 1 of standard input"), "{}", ran.stderr);
        assert_eq!(ran.stdout, b"");
        assert_eq!(server.end(), [b"hello", b"hello"]);
    }

    #[test]
    fn a_name_that_nobody_has_is_reported() {
        fails(&client(&["udp", "nosuchhost.invalid", "hello"], b""), &["resolving nosuchhost.invalid: "]);
    }

    #[test]
    fn a_reader_that_has_left_ends_it_quietly() {
        let server = Server::udp("127.0.0.1:0", |socket| uppercase(socket, 1));
        let mut child = undersock(["udp", &server.at()]).spawn().expect("the command starts");
        drop(child.stdout.take());
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"a\n").expect("it waits for a line");
        let ran = finish(child);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(141), ""));
        server.end();
    }
}

mod tcp {
    use super::*;

    #[test]
    fn a_reply_may_come_in_pieces() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let server = Server::tcp(at, |listener| {
                let mut socket = connection(&listener);
                let reply = piece(&socket).to_ascii_uppercase();
                let (first, second) = reply.split_at(5);
                socket.write_all(first).expect("a reply");
                // The client keeps its side open until this side is closed.
                socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
                let kind = socket.read(&mut [0]).expect_err("nothing more").kind();
                assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind:?}");
                socket.write_all(second).expect("a reply");
            });
            answers(&client(&["tcp", &server.at(), "hello world"], b""), b"HELLO WORLD\n");
            server.end();
        }
    }

    #[test]
    fn each_line_has_a_connection() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            for _ in 0..3 {
                let mut socket = connection(&listener);
                let reply = piece(&socket).to_ascii_uppercase();
                socket.write_all(&reply).expect("a reply");
            }
        });
        answers(&client(&["tcp", &server.at()], b"a\nb\x00\xff\r\nc"), b"A\nB\x00\xff\nC\n");
        server.end();
    }

    #[test]
    fn an_empty_sentence_is_a_connection_that_ends() {
        let server = Server::tcp("127.0.0.1:0", |listener| piece(&connection(&listener)));
        answers(&client(&["tcp", &server.at(), ""], b""), b"\n");
        assert_eq!(server.end(), b"");
    }

    #[test]
    fn of_a_long_sentence_the_reply_to_its_beginning_is_printed() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            let reply = piece(&socket).to_ascii_uppercase();
            socket.write_all(&reply).expect("a reply");
            // Closed with bytes unread, which resets the connection.
            reply
        });
        let ran = client(&["tcp", &server.at()], &[b'a'; 200_000]);
        let reply = server.end();
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stdout, [reply.as_slice(), b"\n"].concat());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("200000 bytes") && ran.stderr.contains("1024"), "{}", ran.stderr);
    }

    #[test]
    fn a_closed_port_is_reported_with_the_step() {
        let ran = client(&["tcp", NOBODY, "hello"], b"");
        fails(&ran, &["connecting to 127.0.0.1:1: "]);
        assert!(ran.stderr.contains("undersock serve --tap tap0, or undersock lab"), "{}", ran.stderr);
        fails(&client(&["tcp", "nosuchhost.invalid", "hello"], b""), &["resolving nosuchhost.invalid: "]);
    }

    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let socket = connection(&listener);
            (piece(&socket), piece(&socket))
        });
        let ran = client(&["tcp", &server.at(), "hello", "--timeout", "100ms"], b"");
        fails(&ran, &["waiting for 127.0.0.1", "no reply within 100ms"]);
        assert_eq!(server.end(), (b"hello".to_vec(), vec![]));
    }

    #[test]
    fn a_server_that_never_closes_is_given_up() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            let reply = piece(&socket).to_ascii_uppercase();
            socket.write_all(&reply).expect("a reply");
            piece(&socket)
        });
        let ran = client(&["tcp", &server.at(), "hello", "--timeout", "1s"], b"");
        fails(&ran, &["waiting for the end of the reply", "5 bytes came, but no end within 1s"]);
        assert!(ran.stderr.contains("undersock tcp HOST --stream FILE"), "{}", ran.stderr);
        assert_eq!(server.end(), b"");
    }

    #[test]
    fn a_connection_that_closes_without_a_reply_is_reported() {
        let server = Server::tcp("127.0.0.1:0", |listener| piece(&connection(&listener)));
        fails(&client(&["tcp", &server.at(), "hello"], b""), &["waiting for ", "without a reply"]);
        server.end();
    }

    #[test]
    fn replies_before_a_failure_are_printed() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            let reply = piece(&socket).to_ascii_uppercase();
            socket.write_all(&reply).expect("a reply");
        });
        let ran = client(&["tcp", &server.at()], b"a\nb\nc\n");
        fails(&ran, &["127.0.0.1"]);
        assert!(ran.stderr.contains("line 2 of standard input"), "{}", ran.stderr);
        assert_eq!(ran.stdout, b"A\n");
    }
}

mod stream {
    use super::*;

    /// A file that goes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, bytes: &[u8]) -> Scratch {
            let path =
                PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
            fs::write(&path, bytes).expect("a file");
            Scratch(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().expect("a path that is text")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Upper-cases one connection to its end, a small piece at a time, and both directions at once.
    fn uppercase(listener: TcpListener) -> usize {
        let mut socket = connection(&listener);
        let mut total = 0;
        loop {
            let bytes = piece(&socket);
            if bytes.is_empty() {
                return total;
            }
            total += bytes.len();
            socket.write_all(&bytes.to_ascii_uppercase()).expect("a reply");
        }
    }

    #[test]
    fn a_file_comes_back_whole() {
        // More than all buffers on the way hold, so that it stops unless both directions move.
        let bytes: Vec<u8> =
            (0..24_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = Scratch::new("whole", &bytes);
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let server = Server::tcp(at, uppercase);
            let ran = client(&["tcp", &server.at(), "--stream", file.path(), "--timeout", "60s"], b"");
            answers(&ran, &bytes.to_ascii_uppercase());
            assert_eq!(server.end(), bytes.len());
        }
    }

    #[test]
    fn standard_input_is_a_file_too_and_may_be_empty() {
        for input in [&b""[..], b"a\nb\x00\xff", b"x"] {
            let server = Server::tcp("127.0.0.1:0", uppercase);
            answers(&client(&["tcp", &server.at(), "--stream", "-"], input), &input.to_ascii_uppercase());
            server.end();
        }
    }

    #[test]
    fn a_source_may_take_its_time() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            let mut total = 0;
            while total < 6 {
                let bytes = piece(&socket);
                total += bytes.len();
                socket.write_all(&bytes.to_ascii_uppercase()).expect("a reply");
            }
            total
        });
        let patience = Duration::from_millis(500);
        let mut command = undersock(["tcp", &server.at(), "--stream", "-", "--timeout", "500ms"]);
        let mut child = command.spawn().expect("the command starts");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        for sentence in [b"one", b"two"] {
            input.write_all(sentence).expect("it still reads");
            // What was sent returns before the input ends.
            let mut reply = [0; 3];
            output.read_exact(&mut reply).expect("a reply");
            assert_eq!(reply, sentence.to_ascii_uppercase()[..]);
            if sentence == b"one" {
                thread::sleep(patience * 2);
            }
        }
        // The server closes first: after the end of the input, it would have to do it in time.
        assert_eq!(server.end(), 6);
        let ran = finish(child);
        fails(&ran, &["closed before everything was sent", "6 bytes received"]);
        drop(input);
    }

    #[test]
    fn a_sum_is_said_when_it_is_asked_for() {
        let server = Server::tcp("127.0.0.1:0", uppercase);
        let ran = client(&["tcp", &server.at(), "--stream", "-", "-v"], b"hello");
        assert_eq!((ran.status, ran.stdout.as_slice()), (Some(0), &b"HELLO"[..]));
        assert!(ran.stderr.starts_with("5 bytes sent, 5 bytes received in "), "{}", ran.stderr);
        server.end();
    }

    #[test]
    fn a_reply_of_another_length_is_fine() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            while !piece(&socket).is_empty() {}
            socket.write_all(b"STRASSE").expect("a reply");
        });
        answers(&client(&["tcp", &server.at(), "--stream", "-"], "stra\u{df}e".as_bytes()), b"STRASSE");
        server.end();
    }

    #[test]
    fn a_server_that_stops_is_given_up() {
        // One reads nothing, one reads everything; neither closes.
        for reads in [false, true] {
            let server = Server::tcp("127.0.0.1:0", move |listener| {
                let socket = connection(&listener);
                while reads && !piece(&socket).is_empty() {}
                let mut end = [0];
                // Until the client has gone: a reset or an end, or what it had sent.
                let _ = (&socket).read(&mut end);
                socket
            });
            let file = Scratch::new(&format!("stops-{reads}"), &vec![b'a'; 24_000_000]);
            let args = ["tcp", &server.at(), "--stream", file.path(), "--timeout", "300ms"];
            fails(
                &client(&args, b""),
                &["receiving from 127.0.0.1", "nothing moved for 300ms", "0 bytes rec"],
            );
            server.end();
        }
    }

    #[test]
    fn a_server_that_closes_too_early_is_reported() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let socket = connection(&listener);
            piece(&socket);
            socket.shutdown(Shutdown::Write).expect("its end");
            socket
        });
        let mut child =
            undersock(["tcp", &server.at(), "--stream", "-"]).spawn().expect("the command starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"hello").expect("it reads");
        // The input has no end yet, and none is waited for.
        let ran = finish(child);
        fails(&ran, &["receiving from ", "closed before everything was sent", "0 bytes received"]);
        server.end();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported() {
        let missing = Scratch::new("missing", b"");
        fs::remove_file(&missing.0).expect("gone");
        let ran = client(&["tcp", NOBODY, "--stream", missing.path()], b"");
        fails(&ran, &["opening ", missing.path()]);
        fails(&client(&["tcp", NOBODY, "--stream", "-"], b""), &["connecting to 127.0.0.1:1: "]);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_is_no_file() {
        let server = Server::tcp("127.0.0.1:0", uppercase);
        let ran = client(&["tcp", &server.at(), "--stream", env!("CARGO_TARGET_TMPDIR")], b"");
        fails(&ran, &["reading ", env!("CARGO_TARGET_TMPDIR"), "irectory"]);
        server.end();
    }

    #[test]
    fn a_reader_that_has_left_ends_it_quietly() {
        let server = Server::tcp("127.0.0.1:0", |listener| {
            let mut socket = connection(&listener);
            socket.write_all(&piece(&socket)).expect("a reply");
            piece(&socket)
        });
        let mut child =
            undersock(["tcp", &server.at(), "--stream", "-"]).spawn().expect("the command starts");
        drop(child.stdout.take());
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"hello").expect("it reads");
        let ran = finish(child);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(141), ""));
        drop(input);
        server.end();
    }
}
