//! What the examples share: the rest of the network. Each example shows one program at length; here are the others in
//! short, so that it has somebody to talk to.
#![allow(dead_code, reason = "each example uses a part of it")]

use core::error::Error;
use core::hash::{BuildHasher as _, Hasher as _};
use std::collections::hash_map::RandomState;
use std::io::{self, Write as _};

use undersock::client::{Client, UdpExchange};
use undersock::device::cable::CableEnd;
use undersock::host::HostConfig;
use undersock::server::{Config, ConfigError, MAX_DATAGRAM, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::socket::{tcp, udp};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};

pub(crate) mod service;

/// The time, on a clock that is never set back.
pub(crate) fn now() -> Instant {
    std::time::Instant::now().into()
}

/// A number that nobody can guess: initial sequence numbers follow from it (RFC 6528).
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A port of the server, at the address that it has by default.
pub(crate) fn server(port: u16) -> IpEndpoint {
    IpEndpoint::new(IpAddress::v4(192, 168, 69, 1), port)
}

/// The client's computer: another address in the same network.
pub(crate) fn host() -> HostConfig {
    HostConfig::client().with_seed(seed())
}

/// The program's argument or, without one, a line of standard input.
pub(crate) fn sentence() -> Result<String, Box<dyn Error>> {
    let sentence = match std::env::args_os().nth(1) {
        Some(argument) => argument.into_string().map_err(|_| "the sentence is not UTF-8")?,
        None => {
            print!("Input lowercase sentence:");
            io::stdout().flush()?;
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if sentence.is_empty() { Err("no sentence".into()) } else { Ok(sentence) }
}

/// The uppercase server, until the other end is unplugged. `udp_server.rs` and `tcp_server.rs` show it.
pub(crate) fn serve(mut cable: CableEnd) -> Result<(), ConfigError> {
    let config = Config::default().with_seed(seed());
    let mut server = Server::new(&config, Memory::owned(Sizes::default()), &mut cable, now())?;
    let mut service = Uppercase::new();
    while !cable.is_closed() {
        let deadline = server.poll(now(), &mut cable, &mut service, &mut ());
        cable.wait_until(deadline, now());
    }
    Ok(())
}

/// A TCP socket that sends up to so many bytes at once, and gives up after five seconds without an answer.
pub(crate) fn tcp_socket(bytes: usize) -> tcp::Socket<'static> {
    let buffer = |bytes| tcp::SocketBuffer::new(vec![0; bytes]);
    let mut socket = tcp::Socket::new(buffer(65_535), buffer(bytes));
    socket.set_timeout(Some(Duration::from_secs(5)));
    socket
}

/// A UDP socket with room for one datagram each way.
pub(crate) fn udp_socket() -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 1], vec![0; MAX_DATAGRAM]);
    udp::Socket::new(buffer(), buffer())
}

/// A computer with the clients' programs. `udp_client.rs` and `tcp_client.rs` show them.
pub(crate) struct Host {
    client: Client<'static>,
    cable: CableEnd,
}

impl Host {
    pub(crate) fn new(mut cable: CableEnd) -> Result<Host, ConfigError> {
        let client = Client::new(&host(), vec![], &mut cable, now())?;
        Ok(Host { client, cable })
    }

    /// One datagram there and one back.
    pub(crate) fn udp(&mut self, port: u16, sentence: &str) -> Result<String, Box<dyn Error>> {
        let Host { client, cable } = self;
        let mut exchange = UdpExchange::new(client, udp_socket(), server(port), Duration::from_secs(1), 3)?;
        let mut reply = [0; MAX_DATAGRAM];
        let length = loop {
            if let Some(result) = exchange.step(client, now(), sentence.as_bytes(), &mut reply) {
                break result?;
            }
            let next = [client.poll(now(), cable), exchange.deadline()].into_iter().flatten().min();
            cable.wait_until(next, now());
        };
        exchange.close(client);
        Ok(str::from_utf8(&reply[..length])?.to_owned())
    }

    /// A connection: sends all of the text, closes its side, receives until the server closes the other.
    pub(crate) fn tcp(&mut self, port: u16, text: &str) -> Result<String, Box<dyn Error>> {
        let Host { client, cable } = self;
        let handle = client.connect(now(), tcp_socket(text.len()), server(port))?;
        let (mut sent, mut reply) = (false, Vec::new());
        loop {
            let socket = client.socket(handle);
            if socket.may_send() && !sent {
                socket.send_slice(text.as_bytes())?;
                socket.close();
                sent = true;
            }
            // The buffer is a ring: where the bytes go round its end, this takes two turns.
            while socket.can_recv() {
                socket.recv(|bytes| (bytes.len(), reply.extend_from_slice(bytes)))?;
            }
            match socket.state() {
                // Both sides are closed, ours first.
                tcp::State::TimeWait => return Ok(String::from_utf8(reply)?),
                tcp::State::Closed => return Err("connection refused, reset, or timed out".into()),
                _ => {}
            }
            // What was done to the socket gives the stack work: a segment to send, a larger window to tell of.
            let deadline = client.poll(now(), cable);
            cable.wait_until(deadline, now());
        }
    }
}

/// A time in virtual time.
pub(crate) fn seconds(now: Instant) -> String {
    format!("{:.6} s", now.total_micros() as f64 / 1e6)
}
