//! The scenes, by what they are about. The order here is the course's.

mod close;
mod crash;
mod crowd;
mod loss;
mod network;
mod open;
mod stream;
mod udp;

use undersock::smoltcp::time::Duration;

use super::Scenario;
use super::stage::{SERVER, Sock, Stage};
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};

pub(super) static ALL: &[Scenario] = &[
    // A datagram, and what comes before it.
    network::ARP,
    udp::EXCHANGE,
    udp::NO_SERVER,
    udp::LOST_REPLY,
    udp::DUPLICATE,
    // A connection, from its first segment to its last.
    open::SERVER_CLOSES,
    close::CLIENT_CLOSES,
    open::NO_SERVER,
    close::HALF_CLOSE,
    close::SIMULTANEOUS,
    // What is inside it.
    stream::MESSAGES,
    stream::BYTES,
    stream::CUT,
    stream::ZERO_WINDOW,
    stream::STALLED,
    // When the wire loses something.
    loss::DATAGRAM,
    loss::SYN,
    loss::SYN_ACK,
    loss::DATA,
    loss::ACK,
    loss::FIN,
    loss::FAST,
    loss::DUPLICATE,
    loss::REORDERED,
    loss::CHECKSUM,
    // Many clients, and what is left of them.
    crowd::TWO_CLIENTS,
    crowd::BACKLOG,
    close::TIME_WAIT,
    crowd::REUSE,
    crash::RECONNECT,
    crash::RETURN,
    crash::SERVER_RESTARTS,
    crash::FORGED_RESET,
    // Around and below.
    network::PING,
    network::NEIGHBOURS,
    network::BLACK_HOLE,
    network::LEASE,
];

/// The textbook's UDP client.
fn asks(stage: &mut Stage<'_>, sentence: &[u8], timeout: Duration, tries: u32) {
    match stage.ask(SERVER, sentence, timeout, tries) {
        Ok(reply) => stage.tell(&format!("the client got {reply}")),
        Err(error) => stage.tell(&format!("the client got nothing ({error})")),
    }
}

/// The textbook's TCP client.
fn converse(stage: &mut Stage<'_>, host: usize, who: &str, sentence: &[u8]) {
    let sock = stage.open(host, SENTENCE_PORT);
    stage.connect(sock);
    finish(stage, sock, who, sentence);
    stage.pass(super::story::ms(50));
}

/// A client of the stream port that has sent "hello" and got the reply.
fn greet(stage: &mut Stage<'_>) -> Sock {
    let sock = stage.open(0, STREAM_PORT);
    stage.connect(sock);
    stage.send(sock, b"hello");
    let got = stage.receive(sock, 1_024).text();
    stage.tell(&format!("the client got {got}"));
    sock
}

/// The rest of it, once it is connected.
fn finish(stage: &mut Stage<'_>, sock: Sock, who: &str, sentence: &[u8]) {
    stage.send(sock, sentence);
    let got = stage.receive(sock, 1_024).text();
    stage.tell(&format!("{who} got {got}"));
    stage.close(sock);
}

/// A client of the stream port that sends small pieces, each as a segment of its own.
fn words(stage: &mut Stage<'_>, pieces: &[&str]) {
    let sock = stage.open(0, STREAM_PORT);
    stage.no_delay(sock);
    stage.connect(sock);
    for piece in pieces {
        stage.send(sock, piece.as_bytes());
        stage.pass(super::story::ms(1));
    }
    let length = pieces.concat().len();
    let mut got = String::new();
    while got.len() < length {
        got += &stage.receive(sock, 1_024).text();
    }
    stage.tell(&format!("the client got {got}"));
    stage.close(sock);
    stage.receive(sock, 1_024);
}
