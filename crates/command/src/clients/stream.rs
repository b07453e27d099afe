//! A file through the stream port. One thread feeds the connection while another drains it: a client that sent
//! everything before it read anything would stop for ever once the buffers on the way are full.

use core::fmt;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use super::progress::{Progress, bytes};
use super::remote;
use crate::failure::{Failure, Result, reason};

/// How much is read and written at once.
const PIECE: usize = 64 << 10;
/// How often the reader looks up: for the progress bar, and for what the feeder did.
const TICK: Duration = Duration::from_millis(100);

/// What is sent.
pub(crate) struct Source {
    name: String,
    /// Its length, if it has one.
    length: Option<u64>,
    /// Whether somebody types it.
    typed: bool,
    bytes: Box<dyn Read + Send>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Source> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::io(format!("opening {name}"), &error);
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        let length = about.is_file().then_some(about.len());
        Ok(Source { name, length, typed: false, bytes: Box::new(file) })
    }

    pub(crate) fn input() -> Source {
        let input = io::stdin();
        let typed = input.is_terminal();
        Source { name: "standard input".to_owned(), length: None, typed, bytes: Box::new(input) }
    }
}

/// What the feeder tells while it works.
#[derive(Default)]
struct Fed {
    sent: AtomicU64,
    /// It waits for its source, which may be a person: the server can't be late then.
    at_source: AtomicBool,
}

/// Sends all of `source` and writes what returns to standard output. `patience` is how long nothing may move.
pub(crate) fn run(
    source: Source,
    (socket, server): (TcpStream, SocketAddr),
    patience: Duration,
) -> Result<()> {
    let mut progress = Progress::start(source.length, source.typed);
    let fed = Arc::new(Fed::default());
    let (socket_in, socket_out) =
        (socket.try_clone().map_err(|error| remote::failed("connecting to", server, &error))?, socket);
    let (done, result) = mpsc::channel();
    let feeder = Arc::clone(&fed);
    // Never joined: it may wait for its source when there is nothing more to wait for.
    thread::Builder::new()
        .name("feeder".to_owned())
        .spawn(move || {
            let outcome = feed(source, &socket_out, server, &feeder);
            let end = if outcome.is_ok() { Shutdown::Write } else { Shutdown::Both };
            // Told first: after the end of our side the server may close, and the reader then looks here.
            let _ = done.send(outcome);
            // Fails if the connection has gone, which the reader sees.
            let _ = socket_out.shutdown(end);
        })
        .map_err(|error| Failure::io("starting a thread", &error))?;

    let outcome = drain(&socket_in, server, patience, &fed, &result, &mut progress);
    if outcome.is_err() {
        let _ = socket_in.shutdown(Shutdown::Both);
    }
    progress.end(outcome.is_ok());
    outcome
}

/// Sends the source to its end.
fn feed(mut source: Source, mut socket: &TcpStream, server: SocketAddr, fed: &Fed) -> Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        fed.at_source.store(true, Ordering::Relaxed);
        let read = source.bytes.read(&mut piece);
        fed.at_source.store(false, Ordering::Relaxed);
        let mut left = match read {
            Ok(0) => return Ok(()),
            Ok(length) => &piece[..length],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::io(format!("reading {}", source.name), &error)),
        };
        while !left.is_empty() {
            match socket.write(left) {
                Ok(length) => {
                    fed.sent.fetch_add(length as u64, Ordering::Relaxed);
                    left = &left[length..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(remote::failed("sending to", server, &error)),
            }
        }
    }
}

/// Reads until the server closes, which it does after the end of our side.
fn drain(
    mut socket: &TcpStream,
    server: SocketAddr,
    patience: Duration,
    fed: &Fed,
    result: &Receiver<Result<()>>,
    progress: &mut Progress,
) -> Result<()> {
    let mut output = io::stdout().lock();
    let mut piece = vec![0; PIECE];
    let (mut received, mut sent) = (0_u64, 0);
    let mut moved = Instant::now();
    let so_far = |sent, received| format!("{} sent, {} received", bytes(sent), bytes(received));
    let failed = |what: &dyn fmt::Display, sent, received| {
        Failure::new(format!("receiving from {server}"), format!("{what} ({})", so_far(sent, received)))
    };
    socket
        .set_read_timeout(Some(TICK.min(patience)))
        .map_err(|error| remote::failed("receiving from", server, &error))?;
    loop {
        match socket.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                let written = output.write_all(&piece[..length]).and_then(|()| output.flush());
                written.map_err(|error| Failure::output(&error))?;
                received += length as u64;
                moved = Instant::now();
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                _ => return Err(failed(&reason(&error), sent, received)),
            },
        }
        let now_sent = fed.sent.load(Ordering::Relaxed);
        if now_sent != sent || fed.at_source.load(Ordering::Relaxed) {
            moved = Instant::now();
        }
        sent = now_sent;
        progress.tick(sent, received);
        if moved.elapsed() > patience {
            return Err(failed(&format_args!("nothing moved for {patience:?}"), sent, received));
        }
    }
    sent = fed.sent.load(Ordering::Relaxed);
    progress.tick(sent, received);
    match result.try_recv() {
        Ok(outcome) => outcome,
        Err(_) => Err(failed(&"it closed before everything was sent", sent, received)),
    }
}
