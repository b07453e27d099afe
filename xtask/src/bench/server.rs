//! Linux's side of the comparison: a plain upper-casing stream server on the kernel's sockets.

use core::net::SocketAddr;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::kernel;
use crate::failure::Failure;

/// What is read and written at once.
const PIECE: usize = 64 << 10;

/// Serves until it is ended. It says so once it listens.
pub(crate) fn serve(address: SocketAddr, congestion: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(format!("listening on {address}"), error);
    kernel::forget_metrics()?;
    let listener = TcpListener::bind(address).map_err(failed)?;
    // Its connections have it from here.
    kernel::set_congestion(&listener, congestion)?;
    println!("ready");
    for stream in listener.incoming() {
        let stream = stream.map_err(failed)?;
        // A connection that fails is the client's to tell.
        thread::spawn(move || upper_case(stream));
    }
    Ok(())
}

fn upper_case(mut stream: TcpStream) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        piece[..length].make_ascii_uppercase();
        stream.write_all(&piece[..length])?;
    }
}
