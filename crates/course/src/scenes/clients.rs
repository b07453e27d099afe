//! What the clients of several scenes do.

use undersock::smoltcp::time::Duration;

use crate::stage::calls::Sock;
use crate::stage::{SERVER, Stage};
use crate::story::ms;
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};

/// The textbook's UDP client.
pub(super) fn asks(stage: &mut Stage<'_>, sentence: &[u8], timeout: Duration, tries: u32) {
    match stage.ask(SERVER, sentence, timeout, tries) {
        Ok(reply) => stage.tell(&format!("the client got {reply}")),
        Err(error) => stage.tell(&format!("the client got nothing ({error})")),
    }
}

/// The textbook's TCP client.
pub(super) fn converse(stage: &mut Stage<'_>, host: usize, who: &str, sentence: &[u8]) {
    let sock = stage.open(host, SENTENCE_PORT);
    stage.connect(sock);
    finish(stage, sock, who, sentence);
    stage.pass(ms(50));
}

/// A client of the stream port that has sent "hello" and got the reply.
pub(super) fn greet(stage: &mut Stage<'_>) -> Sock {
    let sock = stage.open(0, STREAM_PORT);
    stage.connect(sock);
    stage.send(sock, b"hello");
    let got = stage.receive(sock, 1_024).text();
    stage.tell(&format!("the client got {got}"));
    sock
}

/// The rest of it, once it is connected.
pub(super) fn finish(stage: &mut Stage<'_>, sock: Sock, who: &str, sentence: &[u8]) {
    stage.send(sock, sentence);
    let got = stage.receive(sock, 1_024).text();
    stage.tell(&format!("{who} got {got}"));
    stage.close(sock);
}

/// The data of a segment between these hosts, at most.
pub(super) const SEGMENT: usize = 1_460;

/// A client of the stream port that sends so many segments as fast as its congestion window lets it.
pub(super) fn streams(stage: &mut Stage<'_>, segments: usize) {
    let sock = stage.open(0, STREAM_PORT);
    stage.connect(sock);
    let bytes: Vec<u8> = (b'a'..=b'z').cycle().take(segments).flat_map(|letter| [letter; SEGMENT]).collect();
    let (mut sent, mut got) = (0, Vec::new());
    let done = stage.until(ms(60_000), |stage| {
        sent += stage.send(sock, &bytes[sent..]);
        got.extend(stage.take(sock));
        (got.len() == bytes.len()).then_some(())
    });
    if done.is_some() && got == bytes.to_ascii_uppercase() {
        stage.tell(&format!("the client got all {} bytes", got.len()));
    }
    stage.close(sock);
    stage.receive(sock, 1_024);
}

/// A client of the stream port that sends small pieces, each as a segment of its own.
pub(super) fn words(stage: &mut Stage<'_>, pieces: &[&str]) {
    let sock = stage.open(0, STREAM_PORT);
    stage.no_delay(sock);
    stage.connect(sock);
    for piece in pieces {
        stage.send(sock, piece.as_bytes());
        stage.pass(ms(1));
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
