//! A lost datagram is sent again after a second, in no time: `cargo run --example virtual_time`
//!
//! Neither side reads a clock: both are told the time, and say when they want to be called next. So one thread can run
//! a whole network, and let the time jump over every wait. All tests of the server are made like this.

use core::error::Error;

use undersock::client::{Client, UdpExchange};
use undersock::device::wire::{Frames, Wire};
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};

mod common;
use common::seconds;

fn main() -> Result<(), Box<dyn Error>> {
    // A frame needs 50 microseconds from end to end.
    let mut frames = Frames::<8>::new();
    let wire = Wire::new(Duration::from_micros(50), &mut frames);
    let (mut server_end, mut client_end) = wire.ends();
    let mut now = Instant::ZERO;
    // The same seed each time: then every run is the same, to the last bit and microsecond.
    let config = Config::default().with_seed(1);
    let mut server = Server::new(&config, Memory::owned(Sizes::default()), &mut server_end, now)?;
    let mut service = Uppercase::new();
    let host = HostConfig::client().with_seed(2);
    let mut client = Client::new(&host, vec![], &mut client_end, now)?;

    // The first sentence takes 150 microseconds: the server says where it is, and the datagram goes there and back.
    for (sentence, mut plugged) in [("there and back", true), ("lost at first", false)] {
        let (socket, address) = (common::udp_socket(), common::server(12_000));
        let mut exchange = UdpExchange::new(&mut client, socket, address, Duration::from_secs(1), 3)?;
        let mut reply = [0; 2_048];
        let length = loop {
            // The client: look and send; frames in, frames out.
            let sent = exchange.sent();
            let result = exchange.step(&mut client, now, sentence.as_bytes(), &mut reply);
            if exchange.sent() > sent {
                println!("{} sendto: {sentence}", seconds(now));
            }
            if let Some(result) = result {
                break result?;
            }
            let clients = client.poll(now, &mut client_end);
            // Somebody is slow to plug in the server's end: the first frame that comes is lost.
            if !plugged && server_end.take(now).is_some() {
                println!("{} a frame is lost", seconds(now));
                plugged = true;
            }
            let servers = server.poll(now, &mut server_end, &mut service, &mut ());
            // Nobody has anything to do before the earliest of these. So it is that time now.
            let next = [clients, servers, wire.next_arrival(), exchange.deadline()];
            now = next.into_iter().flatten().min().ok_or("nothing will ever happen")?.max(now);
        };
        println!("{} recvfrom: {}", seconds(now), str::from_utf8(&reply[..length])?);
        exchange.close(&mut client);
    }
    Ok(())
}
