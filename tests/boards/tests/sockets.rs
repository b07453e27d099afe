//! The emulated boards on QEMU's own network, through this computer's sockets: what a user does with them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

use board_tests::machine::Ports;
use board_tests::sockets::{connect, stream, tcp, udp};
use board_tests::{Machine, each_board, text};

each_board!(
    serves_datagrams_and_sentences,
    a_mebibyte_comes_back_in_upper_case,
    eight_clients_share_four_slots,
    with_every_feature_the_address_is_leased_and_upper_case_is_unicodes,
    serves_on_after_its_link_was_unplugged,
);

const FULL: &[&str] = &["ipv6", "dhcp", "unicode"];

fn serves_datagrams_and_sentences(board: &str) {
    let (_machine, Ports { udp: datagrams, sentence, .. }) = Machine::on_sockets(board, &[]);
    assert_eq!(udp(datagrams, b"hello"), b"HELLO");
    assert_eq!(udp(datagrams, b""), b"");
    let longest = text::mixed(1_472);
    assert_eq!(udp(datagrams, &longest), longest.to_ascii_uppercase());
    for words in ["hello", "stra\u{df}e", "a sentence\nof two lines\n"] {
        let reply = tcp(sentence, words.as_bytes()).expect("a reply");
        assert_eq!(reply, words.as_bytes().to_ascii_uppercase());
    }
}

fn a_mebibyte_comes_back_in_upper_case(board: &str) {
    let (_machine, ports) = Machine::on_sockets(board, &[]);
    same_in_upper_case(ports, 1 << 20, false);
}

#[track_caller]
fn same_in_upper_case(ports: Ports, length: usize, unicode: bool) {
    let plain = text::mixed(length);
    let reply = stream(ports.stream, &plain).expect("a stream to its end");
    let expected = text::upper(&plain, unicode);
    let same = reply.iter().zip(&expected).take_while(|(one, other)| one == other).count();
    assert!(reply == expected, "{} of {} bytes, {same} of them right", reply.len(), expected.len());
}

/// Those that find no slot free wait for one: nobody is refused, and nobody must try again.
fn eight_clients_share_four_slots(board: &str) {
    let (_machine, ports) = Machine::on_sockets(board, &[]);
    for round in 0..10 {
        thread::scope(|scope| {
            for client in 0..8 {
                scope.spawn(move || {
                    let words = format!("client {client} in round {round}");
                    let reply = tcp(ports.sentence, words.as_bytes()).expect("a reply");
                    assert_eq!(String::from_utf8_lossy(&reply), words.to_uppercase());
                });
            }
        });
    }
}

fn with_every_feature_the_address_is_leased_and_upper_case_is_unicodes(board: &str) {
    // The forwards lead to the address that only DHCP gives.
    let (_machine, ports) = Machine::on_sockets(board, FULL);
    assert_eq!(udp(ports.udp, "stra\u{df}e".as_bytes()), b"STRASSE");
    assert_eq!(tcp(ports.sentence, "\u{e9}".as_bytes()).expect("a reply"), "\u{c9}".as_bytes());
    same_in_upper_case(ports, 100 << 10, true);
}

/// A connection that was open goes on, too.
fn serves_on_after_its_link_was_unplugged(board: &str) {
    let (mut machine, ports) = Machine::on_sockets(board, &[]);
    let mut open = connect(ports.stream).expect("a connection");
    let mut echo = |words: &[u8]| {
        let mut reply = vec![0; words.len()];
        open.write_all(words).and_then(|()| open.read_exact(&mut reply)).expect("both directions");
        assert_eq!(reply, words.to_ascii_uppercase());
    };
    for _ in 0..3 {
        echo(b"plugged in");
        machine.monitor.set_link(false);
        // Lost on the way, like whatever the board would answer.
        let lost = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        lost.send_to(b"lost", ports.udp).expect("a datagram to go");
        machine.monitor.set_link(true);
        assert_eq!(udp(ports.udp, b"plugged in again"), b"PLUGGED IN AGAIN");
    }
    echo(b"still there");
    open.shutdown(Shutdown::Write).expect("an open connection");
    let mut rest = Vec::new();
    assert_eq!(open.read_to_end(&mut rest).expect("the server's end"), 0);
}
