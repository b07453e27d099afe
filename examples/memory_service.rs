//! A service of your own on the in-memory wire, in virtual time: `cargo run --example memory_service`
//!
//! One thread runs both ends, and the time jumps over every wait: a client that says nothing for two seconds is given up
//! at once, and at the same microsecond in every run. Tests of a service are best made like this.

use core::error::Error;

use undersock::client::Client;
use undersock::device::wire::Wire;
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::smoltcp::time::{Duration, Instant};

mod common;
use common::seconds;
use common::service::{COUNT, Clerk, LISTENERS, SLOTS};

fn main() -> Result<(), Box<dyn Error>> {
    // A frame needs 5 milliseconds from end to end.
    let wire = Wire::owned(Duration::from_millis(5), 8);
    let (mut server_end, mut client_end) = wire.ends();
    let mut now = Instant::ZERO;
    let config = Config::default().with_seed(1).with_ports(Some(12_000), LISTENERS);
    let memory = Memory::owned(Sizes::default().with_connections(SLOTS));
    let mut server = Server::new(&config, memory, &mut server_end, now)?;
    let mut clerk = Clerk::default();
    let mut client = Client::new(&HostConfig::client().with_seed(2), vec![], &mut client_end, now)?;

    // Two clients say the same; one closes its side then, the other forgets to.
    let mut connect = || client.connect(now, common::tcp_socket(64), common::server(COUNT));
    let (polite, silent) = (connect()?, connect()?);
    let mut to_speak = vec![polite, silent];
    loop {
        to_speak.retain(|&handle| {
            let connected = client.socket(handle).may_send();
            if connected {
                client.send(now, handle, b"is this the counter?");
            }
            if connected && handle == polite {
                client.close(now, handle);
            }
            !connected
        });
        let mut reply = [0; 16];
        let bytes = client.receive(now, polite, &mut reply);
        if bytes > 0 {
            println!("{} the client hears: {}", seconds(now), str::from_utf8(&reply[..bytes])?.trim_end());
        }
        if !client.socket(silent).is_open() {
            println!("{} the other client is told that its connection is over", seconds(now));
            return Ok(());
        }

        let clients = client.poll(now, &mut client_end);
        let servers = server.poll(now, &mut server_end, &mut clerk, &mut ());
        for line in clerk.ended.drain(..) {
            println!("{} {line}", seconds(now));
        }
        // Nobody has anything to do before the earliest of these. So it is that time now.
        let next = [clients, servers, wire.next_arrival()];
        now = next.into_iter().flatten().min().ok_or("nothing will ever happen")?.max(now);
    }
}
