//! The textbook's UDP server, on a stack of its own: `cargo run --example udp_server`
//!
//! ```text
//! serverSocket = socket(AF_INET, SOCK_DGRAM)
//! serverSocket.bind(("", 12000))
//! print("The server is ready to receive")
//! while True:
//!     message, clientAddress = serverSocket.recvfrom(2048)
//!     serverSocket.sendto(message.decode().upper().encode(), clientAddress)
//! ```
//!
//! The kernel would run the stack below such a socket whenever a frame comes or a timer fires. Here nobody does but
//! the loop at the end.

use core::error::Error;
use std::thread;

use undersock::device::cable::{self, CableEnd};
use undersock::server::{Config, ConfigError, Memory, Server, Sizes};
use undersock::service::Uppercase;

mod common;
use common::{Host, now, seed};

fn main() -> Result<(), Box<dyn Error>> {
    // Two computers and a cable between them: the server at one end, a client at the other.
    let (server_end, client_end) = cable::pair();
    let server = thread::spawn(|| serve(server_end));

    let mut host = Host::new(client_end)?;
    println!("{}", host.udp(12_000, "hello, world")?);

    // This unplugs the cable, and so ends the server, which otherwise serves for ever.
    drop(host);
    Ok(server.join().map_err(|_| "the server panicked")??)
}

fn serve(mut cable: CableEnd) -> Result<(), ConfigError> {
    // The address is 192.168.69.1 if nothing else is said. One door is open: UDP port 12000.
    let config = Config::default().with_seed(seed()).with_ports(Some(12_000), &[]);
    // All the memory that the server ever has, datagrams that wait included.
    let memory = Memory::owned(Sizes::default());
    let mut server = Server::new(&config, memory, &mut cable, now())?;
    let mut service = Uppercase::new();
    println!("The server is ready to receive");

    while !cable.is_closed() {
        // Frames in, each datagram to the service, its reply to the address and port that it came from, frames out.
        let deadline = server.poll(now(), &mut cable, &mut service, &mut ());
        // Nothing is left to do before the next frame, or before the stack's next timer.
        cable.wait_until(deadline, now());
    }
    Ok(())
}
