//! A service of your own, here echo (RFC 862, on the textbook's ports): `cargo run --example echo`

use core::error::Error;
use std::thread;

use undersock::device::cable::{self, CableEnd};
use undersock::server::{Config, ConfigError, Memory, Server, Sizes};
use undersock::service::{Exchange, Reply, Request, Service, Step};

mod common;
use common::{Host, now, seed};

/// Sends back what it gets. To remember something of a connection, keep an array of it here, by `exchange.slot`.
struct Echo;

impl Service for Echo {
    /// A datagram for a datagram.
    fn datagram(&mut self, request: Request<'_>, reply: &mut [u8]) -> Reply {
        let Some(room) = reply.get_mut(..request.bytes.len()) else { return Reply::TooLarge };
        room.copy_from_slice(request.bytes);
        Reply::Send(request.bytes.len())
    }

    /// As much of the input as there is room for now; the rest is offered again. At the end of it, close.
    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        let Exchange { input, output, end, .. } = exchange;
        let count = input.len().min(output.len());
        output[..count].copy_from_slice(&input[..count]);
        Step { consumed: count, produced: count, close: end && count == input.len() }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (server_end, client_end) = cable::pair();
    let server = thread::spawn(|| serve(server_end));

    let mut host = Host::new(client_end)?;
    println!("UDP:    {}", host.udp(12_000, "hello?")?);
    // Port 12000 reads once, replies and closes; port 12001 goes on until the client closes its side.
    println!("TCP:    {}", host.tcp(12_000, "is there anybody?")?);
    let song = "row, row, row your boat\n".repeat(1_000);
    let same = host.tcp(12_001, &song)? == song;
    println!("stream: {} bytes, {}", song.len(), if same { "the same" } else { "not the same" });

    drop(host);
    Ok(server.join().map_err(|_| "the server panicked")??)
}

fn serve(mut cable: CableEnd) -> Result<(), ConfigError> {
    let config = Config::default().with_seed(seed());
    let mut server = Server::new(&config, Memory::owned(Sizes::default()), &mut cable, now())?;
    let mut service = Echo;
    while !cable.is_closed() {
        let deadline = server.poll(now(), &mut cable, &mut service, &mut ());
        cable.wait_until(deadline, now());
    }
    Ok(())
}
