//! The textbook's TCP client on the kernel's sockets: a connection for each sentence. The textbook's program receives
//! once; a reply may come in pieces, so this one reads until the server closes.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use undersock::server::config::SENTENCE_BYTES;

use super::witness::{User, Witness};
use super::{remote, sentences, stream};
use crate::args::{Payload, TcpOptions};
use crate::failure::{Failure, Result};

/// The longest reply that is kept: what no sentence becomes.
const LONGEST_REPLY: usize = 4 << 20;

/// `undersock tcp`
pub(crate) fn run(options: &TcpOptions) -> Result<()> {
    let TcpOptions { server, payload, timeout } = options;
    match payload {
        Payload::Sentence(sentence) => {
            let servers = remote::resolve(server)?;
            sentences::converse(sentence.as_deref(), &mut |sentence| {
                exchange(&servers, sentence, *timeout, &mut User)
            })
        }
        Payload::File(path) => {
            let source = stream::Source::open(path)?;
            stream::run(source, connect(&remote::resolve(server)?, *timeout)?, *timeout)
        }
        Payload::Input => {
            stream::run(stream::Source::input(), connect(&remote::resolve(server)?, *timeout)?, *timeout)
        }
    }
}

/// Sends one sentence over a connection of its own to the first of the addresses that answers, and reads the reply to its
/// end: each of connection, sending and reply within `timeout`.
///
/// An empty sentence is no byte at all, which nothing but the end of our side can tell the server. Otherwise that side
/// stays open until the server has closed its own, as in the textbook.
pub(crate) fn exchange(
    servers: &[SocketAddr],
    sentence: &[u8],
    timeout: Duration,
    witness: &mut dyn Witness,
) -> Result<Vec<u8>> {
    witness.calling();
    let (socket, server) = connect(servers, timeout)?;
    if let (Ok(local), Ok(remote)) = (socket.local_addr(), socket.peer_addr()) {
        witness.connected(local, remote);
    }
    let reply = ask(&socket, server, sentence, timeout, witness);
    witness.closing();
    drop(socket);
    witness.closed();
    reply
}

/// A connection to the first of the addresses that answers.
fn connect(servers: &[SocketAddr], timeout: Duration) -> Result<(TcpStream, SocketAddr)> {
    let mut last = Failure::new("connecting", "no address to connect to");
    for server in servers {
        last = match TcpStream::connect_timeout(server, timeout) {
            Ok(socket) => return Ok((socket, *server)),
            // Ours ran out, not the system's.
            Err(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
                remote::timed_out("connecting to", *server, format_args!("no answer within {timeout:?}"))
            }
            Err(error) => remote::failed("connecting to", *server, &error),
        };
    }
    Err(last)
}

fn ask(
    mut socket: &TcpStream,
    server: SocketAddr,
    sentence: &[u8],
    timeout: Duration,
    witness: &mut dyn Witness,
) -> Result<Vec<u8>> {
    let is_long = sentence.len() > SENTENCE_BYTES;
    if is_long {
        let length = sentence.len();
        witness.remark(&format!(
            "the sentence has {length} bytes: the server reads once, at most {SENTENCE_BYTES}"
        ));
    }
    let sending = |error: &io::Error| remote::failed("sending to", server, error);
    socket.set_write_timeout(Some(timeout)).map_err(|error| sending(&error))?;
    witness.calling();
    let sent =
        if sentence.is_empty() { socket.shutdown(Shutdown::Write) } else { socket.write_all(sentence) };
    match sent {
        Ok(()) => witness.sent(sentence.len()),
        Err(error) if is_timeout(&error) => {
            return Err(remote::timed_out("sending to", server, format_args!("stuck for {timeout:?}")));
        }
        // A server that has replied need not read the rest: its reply waits here.
        Err(_) if is_long => {}
        Err(error) => return Err(sending(&error)),
    }
    let reply = read_to_end(socket, server, timeout, is_long, witness)?;
    if reply.is_empty() && !sentence.is_empty() {
        return Err(Failure::new(
            format!("waiting for {server}"),
            "it closed the connection without a reply",
        ));
    }
    Ok(reply)
}

/// All that comes until the server closes. One that closes with a long sentence half read resets the connection
/// (RFC 9293 3.10.4 leaves it no other way to say so): what came before is the reply.
fn read_to_end(
    mut socket: &TcpStream,
    server: SocketAddr,
    timeout: Duration,
    may_reset: bool,
    witness: &mut dyn Witness,
) -> Result<Vec<u8>> {
    let waiting = |error: &io::Error| remote::failed("waiting for", server, error);
    let start = Instant::now();
    let mut reply = Vec::new();
    let mut piece = [0; 4096];
    while let Some(left) = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left)).map_err(|error| waiting(&error))?;
        match socket.read(&mut piece) {
            Ok(0) => {
                witness.received(0);
                return Ok(reply);
            }
            Ok(length) => {
                witness.received(length);
                reply.extend_from_slice(&piece[..length]);
            }
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if may_reset && !reply.is_empty() && is_reset(&error) => return Ok(reply),
            Err(error) => return Err(waiting(&error)),
        }
        if reply.len() > LONGEST_REPLY {
            return Err(Failure::new(format!("waiting for {server}"), "a reply of more than 4 MiB is none"));
        }
    }
    if reply.is_empty() {
        return Err(remote::timed_out("waiting for", server, format_args!("no reply within {timeout:?}")));
    }
    let reason = format!("{} bytes came, but no end within {timeout:?}", reply.len());
    let ends_first = "is that the stream port? its clients close first: undersock tcp HOST --stream FILE";
    Err(Failure::new(format!("waiting for the end of the reply from {server}"), reason).mend(ends_first))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted)
}
