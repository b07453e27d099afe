//! The textbook's TCP client, step by step: `cargo run --example tcp_client -- 'hello, world'`
//!
//! Line by line what `TCPClient.py` does; the server is in the background.

use core::error::Error;
use std::thread;

use undersock::client::Client;
use undersock::device::cable::{self, CableEnd};
use undersock::smoltcp::iface::SocketHandle;
use undersock::smoltcp::socket::tcp;
use undersock::smoltcp::time::Duration;

mod common;
use common::now;

fn main() -> Result<(), Box<dyn Error>> {
    // A cable, and at its other end the server.
    let (mut cable, server_end) = cable::pair();
    thread::spawn(|| common::serve(server_end));
    // At this end a computer with a stack of its own: an Ethernet address, an IP address, room for sockets.
    let mut client = Client::new(&common::host(), vec![], &mut cable, now())?;

    // Before connect, unlike the textbook's: nobody would run the stack while you type.
    let sentence = common::sentence()?;

    // clientSocket = socket(AF_INET, SOCK_STREAM). A socket is two buffers, for bytes that come and bytes that go.
    let buffer = |bytes| tcp::SocketBuffer::new(vec![0; bytes]);
    let mut socket = tcp::Socket::new(buffer(4_096), buffer(sentence.len()));
    // When to give up. The kernel's sockets do too, after minutes.
    socket.set_timeout(Some(Duration::from_secs(5)));

    // clientSocket.connect((serverName, 12000)): a SYN. It blocks until the three-way handshake is complete.
    let client_socket = client.connect(now(), socket, common::server(12_000))?;
    block(&mut client, &mut cable, client_socket, |socket| socket.may_send())?;

    // clientSocket.send(sentence.encode()). It doesn't block: the buffer has room, and the stack does the rest.
    client.socket(client_socket).send_slice(sentence.as_bytes())?;

    // modifiedSentence = clientSocket.recv(1024), again and again until the server closes: TCP is a stream of bytes,
    // and one recv may get only a part of the reply.
    let mut modified_sentence = Vec::new();
    loop {
        block(&mut client, &mut cable, client_socket, |socket| {
            socket.can_recv() || socket.state() == tcp::State::CloseWait
        })?;
        let socket = client.socket(client_socket);
        if !socket.can_recv() {
            break;
        }
        socket.recv(|bytes| (bytes.len(), modified_sentence.extend_from_slice(bytes)))?;
    }
    println!("From Server: {}", String::from_utf8(modified_sentence)?);

    // clientSocket.close(): a FIN; and some more of the stack's work, until the server has acknowledged it.
    client.socket(client_socket).close();
    block(&mut client, &mut cable, client_socket, |socket| !socket.is_open())
}

/// What it is to block: look, let the stack work, sleep until there is more to do.
fn block(
    client: &mut Client<'_>,
    cable: &mut CableEnd,
    handle: SocketHandle,
    ready: impl Fn(&tcp::Socket<'_>) -> bool,
) -> Result<(), Box<dyn Error>> {
    loop {
        let socket = client.socket(handle);
        if ready(socket) {
            return Ok(());
        }
        if !socket.is_open() {
            return Err("connection refused, reset, or timed out".into());
        }
        // Frames in, frames out, and what the timers want: a lost segment is sent again in here.
        let deadline = client.poll(now(), cable);
        cable.wait_until(deadline, now());
    }
}
