//! The textbook's TCP server, on a stack of its own: `cargo run --example tcp_server`
//!
//! ```text
//! serverSocket = socket(AF_INET, SOCK_STREAM)
//! serverSocket.bind(("", 12000))
//! serverSocket.listen(1)
//! print("The server is ready to receive")
//! while True:
//!     connectionSocket, addr = serverSocket.accept()
//!     sentence = connectionSocket.recv(1024).decode()
//!     connectionSocket.send(sentence.upper().encode())
//!     connectionSocket.close()
//! ```
//!
//! The textbook's server talks to one client at a time, and waits in accept and in recv. This one waits in one place,
//! for the next frame of anybody, and so talks to as many clients as it has connection sockets.

use core::error::Error;
use std::thread;

use undersock::device::cable::{self, CableEnd};
use undersock::event::{Call, Event, Observer};
use undersock::server::{Config, ConfigError, Listener, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::time::Instant;

mod common;
use common::{Host, now, seed};

fn main() -> Result<(), Box<dyn Error>> {
    let (server_end, client_end) = cable::pair();
    let server = thread::spawn(|| serve(server_end));

    let mut host = Host::new(client_end)?;
    println!("From Server: {}", host.tcp(12_000, "hello, world")?);

    // This unplugs the cable, and so ends the server, which otherwise serves for ever.
    drop(host);
    Ok(server.join().map_err(|_| "the server panicked")??)
}

/// The welcoming socket: read once, reply, close. No datagrams.
const WELCOMING: &[Listener] = &[Listener::sentence(12_000)];

fn serve(mut cable: CableEnd) -> Result<(), ConfigError> {
    // The welcoming socket, port 12000, and no other door.
    let config = Config::default().with_seed(seed()).with_ports(None, WELCOMING);
    // Connection sockets for two clients at once. A third waits until one of them has gone.
    let memory = Memory::owned(Sizes::default().with_connections(2));
    let mut server = Server::new(&config, memory, &mut cable, now())?;
    let mut service = Uppercase::new();
    println!("The server is ready to receive");

    while !cable.is_closed() {
        // Frames in: a SYN gets a connection socket, a segment goes to the one that its address and port belong to.
        // What the socket has received goes through the service, then frames go out.
        let deadline = server.poll(now(), &mut cable, &mut service, &mut Calls);
        // Nothing is left to do before the next frame, or before the next timer: a retransmission, a limit.
        cable.wait_until(deadline, now());
    }
    Ok(())
}

/// Tells of the calls that the textbook's server would have made; `&mut ()` in its place tells nothing.
struct Calls;

impl Observer for Calls {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        match event {
            Event::Call(Call::Accept { slot, remote, .. }) => println!("[{slot}] accept: {remote}"),
            Event::Call(Call::Receive { slot, bytes }) => println!("[{slot}] recv: {bytes} bytes"),
            Event::Call(Call::Send { slot, bytes }) => println!("[{slot}] send: {bytes} bytes"),
            Event::Call(Call::Close { slot }) => println!("[{slot}] close"),
            _ => {}
        }
    }
}
