//! Clients on this computer's own sockets.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;

use crate::BOUND;

/// How long a datagram's reply is waited for before it is sent again.
const AGAIN: Duration = Duration::from_millis(200);

/// One datagram there and one back; sent again while there is no reply. `None` when the time is over.
pub fn udp_until(server: SocketAddr, sentence: &[u8], bound: Duration) -> Option<Vec<u8>> {
    let start = Instant::now();
    udp_while(server, sentence, || start.elapsed() < bound)
}

/// The same as long as this holds.
pub fn udp_while(server: SocketAddr, sentence: &[u8], mut holds: impl FnMut() -> bool) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.connect(server).expect("a server's address");
    socket.set_read_timeout(Some(AGAIN)).expect("a duration that is not zero");
    let mut reply = [0; 2_048];
    while holds() {
        // While QEMU isn't there, this says so.
        let _ = socket.send(sentence);
        if let Ok(length) = socket.recv(&mut reply) {
            return Some(reply[..length].to_vec());
        }
    }
    None
}

/// One datagram there and one back.
#[track_caller]
pub fn udp(server: SocketAddr, sentence: &[u8]) -> Vec<u8> {
    udp_until(server, sentence, BOUND)
        .unwrap_or_else(|| panic!("no reply to a datagram of {}", sentence.len()))
}

/// A connection in sentence mode, as the textbook's client: connect, send, receive until the server closes, close.
pub fn tcp(server: SocketAddr, sentence: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(server)?;
    stream.write_all(sentence)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

/// A connection in stream mode: both directions at once, to the end.
pub fn stream(server: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let stream = connect(server)?;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(bytes)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut reply = Vec::with_capacity(bytes.len());
        let read = (&stream).read_to_end(&mut reply);
        writer.join().unwrap_or_else(|_| Err(ErrorKind::Other.into()))?;
        read.map(|_| reply)
    })
}

/// A connection no operation of which waits longer than [`BOUND`].
pub fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, BOUND)?;
    stream.set_read_timeout(Some(BOUND))?;
    stream.set_write_timeout(Some(BOUND))?;
    Ok(stream)
}
