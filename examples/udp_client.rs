//! The textbook's UDP client, step by step: `cargo run --example udp_client -- 'hello, world'`
//!
//! Line by line what `UDPClient.py` does; the server is in the background.

use core::error::Error;
use std::thread;

use undersock::client::{Client, UdpExchange};
use undersock::device::cable;
use undersock::smoltcp::socket::udp;
use undersock::smoltcp::time::Duration;

mod common;
use common::now;

fn main() -> Result<(), Box<dyn Error>> {
    // A cable, and at its other end the server.
    let (mut cable, server_end) = cable::pair();
    thread::spawn(|| common::serve(server_end));
    // At this end a computer with a stack of its own: an Ethernet address, an IP address, room for sockets.
    let mut client = Client::new(&common::host(), vec![], &mut cable, now())?;

    // clientSocket = socket(AF_INET, SOCK_DGRAM). A socket is two queues of datagrams. Each has room for one here, of
    // the 1,472 bytes that fit into one frame.
    let queue = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 1], vec![0; 1_472]);
    let client_socket = udp::Socket::new(queue(), queue());

    // message = input("Input lowercase sentence:")
    let message = common::sentence()?;

    // UDP may lose a datagram, and the textbook's client would wait for its reply for ever. So this one sends it up
    // to three times, a second apart.
    let server = common::server(12_000);
    let mut exchange = UdpExchange::new(&mut client, client_socket, server, Duration::from_secs(1), 3)?;

    // clientSocket.sendto(…), then clientSocket.recvfrom(2048), which blocks. To block is this: look whether the reply
    // has come, let the stack work, sleep until there is more to do.
    let mut modified_message = [0; 2_048];
    let length = loop {
        // The first step puts the datagram into the socket's queue.
        if let Some(result) = exchange.step(&mut client, now(), message.as_bytes(), &mut modified_message) {
            break result?;
        }
        // Frames in, frames out: first ARP, which asks for the server's Ethernet address; then the datagram.
        let next = [client.poll(now(), &mut cable), exchange.deadline()].into_iter().flatten().min();
        cable.wait_until(next, now());
    };

    // print(modifiedMessage.decode())
    println!("{}", str::from_utf8(&modified_message[..length])?);
    // clientSocket.close()
    exchange.close(&mut client);
    Ok(())
}
