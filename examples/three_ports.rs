//! A service of your own with a third TCP port: `cargo run --example three_ports`
//!
//! `common/service.rs` has the service and its ports; here is the server that runs it, and a client that calls at each.

use core::error::Error;
use std::thread;

use undersock::device::cable::{self, CableEnd};
use undersock::server::{Config, ConfigError, Memory, Server, Sizes};

mod common;
use common::service::{COUNT, Clerk, LISTENERS, SLOTS};
use common::{Host, now, seed};

fn main() -> Result<(), Box<dyn Error>> {
    let (server_end, client_end) = cable::pair();
    let server = thread::spawn(|| serve(server_end));

    let mut host = Host::new(client_end)?;
    println!("UDP 12000: {}", host.udp(12_000, "a datagram")?);
    for port in [12_000, 12_001, COUNT] {
        println!("TCP {port}: {}", host.tcp(port, "a sentence")?.trim_end());
    }

    // This unplugs the cable, and so ends the server.
    drop(host);
    let clerk = server.join().map_err(|_| "the server panicked")??;
    for line in clerk.ended {
        println!("{line}");
    }
    Ok(())
}

fn serve(mut cable: CableEnd) -> Result<Clerk, ConfigError> {
    // UDP at port 12000, and our listeners instead of the textbook's.
    let config = Config::default().with_seed(seed()).with_ports(Some(12_000), LISTENERS);
    let memory = Memory::owned(Sizes::default().with_connections(SLOTS));
    let mut server = Server::new(&config, memory, &mut cable, now())?;
    let mut clerk = Clerk::default();
    while !cable.is_closed() {
        let deadline = server.poll(now(), &mut cable, &mut clerk, &mut ());
        cable.wait_until(deadline, now());
    }
    Ok(clerk)
}
