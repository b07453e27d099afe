//! The textbook's UDP client, step by step: `cargo run --example udp_client -- 'hello, world'`
//!
//! ```text
//! clientSocket = socket(AF_INET, SOCK_DGRAM)
//! message = input("Input lowercase sentence:")
//! clientSocket.sendto(message.encode(), (serverName, 12000))
//! modifiedMessage, serverAddress = clientSocket.recvfrom(2048)
//! print(modifiedMessage.decode())
//! clientSocket.close()
//! ```

use core::error::Error;
use std::thread;

use smoltcp::socket::udp;
use smoltcp::time::Duration;
use undersock::client::{Client, UdpExchange};
use undersock::device::cable;

mod common;
use common::now;

fn main() -> Result<(), Box<dyn Error>> {
    // A cable, and at its other end the server.
    let (mut cable, server_end) = cable::pair();
    thread::spawn(|| common::serve(server_end));
    // At this end a computer with a stack of its own: an Ethernet address, an IP address, room for sockets.
    let mut client = Client::new(&common::host(), vec![], &mut cable, now())?;

    // clientSocket = socket(AF_INET, SOCK_DGRAM). A socket is two queues of datagrams; each has room for one here.
    let queue = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 1], vec![0; 2_048]);
    let client_socket = udp::Socket::new(queue(), queue());

    // message = input("Input lowercase sentence:")
    let message = common::sentence()?;

    // UDP may lose a datagram, and the textbook's client would wait for its reply for ever. So this one sends it up
    // to three times, a second apart.
    let server = common::server(12_000);
    let mut exchange = UdpExchange::new(&mut client, client_socket, server, Duration::from_secs(1), 3)?;

    // clientSocket.sendto(…), then clientSocket.recvfrom(2048), which blocks. To block is this: let the stack work,
    // look whether the reply has come, sleep until there is more to do.
    let mut modified_message = [0; 2_048];
    let length = loop {
        // Frames in, frames out: first ARP, which asks for the server's Ethernet address; then the datagram.
        let deadline = client.poll(now(), &mut cable);
        let sent = exchange.sent();
        if let Some(result) = exchange.step(&mut client, now(), message.as_bytes(), &mut modified_message) {
            break result?;
        }
        // A step that sends only puts the datagram into the socket's queue. It is the stack's turn then, not ours to
        // sleep.
        if exchange.sent() == sent {
            let next = [deadline, exchange.deadline()].into_iter().flatten().min();
            cable.wait_until(next, now());
        }
    };

    // print(modifiedMessage.decode())
    println!("{}", str::from_utf8(&modified_message[..length])?);
    // clientSocket.close()
    exchange.close(&mut client);
    Ok(())
}
