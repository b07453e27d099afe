//! The client: it streams, compares every byte that comes back, and takes the time.

use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::kernel::{self, Counters};
use super::pattern::Pattern;
use super::sample::End;
use crate::failure::Failure;

/// What is written and read at once; and a turn.
const PIECE: usize = 64 << 10;
/// SYNs get lost, too, and are repeated after one second, then two.
const CONNECTING: Duration = Duration::from_secs(20);

/// What to do, and until when at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// A connection each.
    pub(crate) to: Vec<SocketAddr>,
    /// In each connection; without end if it is 0.
    pub(crate) bytes: u64,
    /// It waits for every 64 KB to come back.
    pub(crate) turns: bool,
    pub(crate) limit: Duration,
    pub(crate) congestion: String,
}

/// What became of one connection, as a line of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) bytes: u64,
    /// From the handshake's end to the last byte.
    pub(crate) micros: u64,
    /// The longest time without a byte.
    pub(crate) stall: u64,
    pub(crate) wrong: u64,
    pub(crate) end: End,
}

impl Came {
    /// MB/s.
    pub(crate) fn rate(&self) -> f64 {
        super::sample::ratio(self.bytes as f64, self.micros as f64)
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Came { bytes, micros, stall, wrong, end } = self;
        write!(f, "{bytes} {micros} {stall} {wrong} {end}")
    }
}

impl FromStr for Came {
    type Err = ();

    fn from_str(line: &str) -> Result<Came, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let [bytes, micros, stall, wrong, end] = words[..] else { return Err(()) };
        let number = |word: &str| word.parse().map_err(|_| ());
        Ok(Came {
            bytes: number(bytes)?,
            micros: number(micros)?,
            stall: number(stall)?,
            wrong: number(wrong)?,
            end: end.parse()?,
        })
    }
}

/// Does it, and says what became of it: a line for each connection, and one of what the kernel has counted.
pub(crate) fn run(task: &Task) -> Result<(), Failure> {
    kernel::forget_metrics()?;
    let pattern = Pattern::new();
    let before = Counters::now()?;
    let together = Barrier::new(task.to.len());
    let came: Vec<Result<Came, Failure>> = thread::scope(|scope| {
        let threads: Vec<_> = (task.to.iter())
            .map(|address| scope.spawn(|| connection(*address, task, &pattern, &together)))
            .collect();
        let panicked = || Err(Failure::new("streaming", "a thread has panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panicked())).collect()
    });
    for came in came {
        println!("{}", came?);
    }
    let Counters { again, timeouts } = Counters::now()?.since(before);
    println!("{again} {timeouts}");
    Ok(())
}

fn connection(
    address: SocketAddr,
    task: &Task,
    pattern: &Pattern,
    together: &Barrier,
) -> Result<Came, Failure> {
    let connected = TcpStream::connect_timeout(&address, CONNECTING);
    together.wait();
    // A wedged server: the run is broken, not the command.
    let Ok(stream) = connected else {
        let micros = CONNECTING.as_micros() as u64;
        return Ok(Came { bytes: 0, micros, stall: micros, wrong: 0, end: End::Broken });
    };
    kernel::set_congestion(&stream, &task.congestion)?;
    let mut reader = Reader {
        stream: &stream,
        pattern,
        task,
        start: Instant::now(),
        came: None,
        wrong: 0,
        bytes: 0,
        stall: Duration::ZERO,
    };
    let end = match task.turns {
        true => reader.turns(),
        false => thread::scope(|scope| {
            scope.spawn(|| write(&stream, pattern, task.bytes));
            let end = reader.drain();
            // What the writer is at ends, too.
            let _ = stream.shutdown(Shutdown::Both);
            end
        }),
    };
    Ok(reader.result(end))
}

/// Writes all of it, and ends its direction. It stops when the reader shuts the connection down.
fn write(mut stream: &TcpStream, pattern: &Pattern, bytes: u64) {
    let mut at = 0;
    while bytes == 0 || at < bytes {
        let left = if bytes == 0 { PIECE as u64 } else { (bytes - at).min(PIECE as u64) };
        let piece = pattern.from(at, left);
        if stream.write_all(piece).is_err() {
            return;
        }
        at += piece.len() as u64;
    }
    let _ = stream.shutdown(Shutdown::Write);
}

struct Reader<'a> {
    stream: &'a TcpStream,
    pattern: &'a Pattern,
    task: &'a Task,
    start: Instant,
    /// When the last byte came.
    came: Option<Instant>,
    bytes: u64,
    wrong: u64,
    stall: Duration,
}

impl Reader<'_> {
    /// Reads until the server closes.
    fn drain(&mut self) -> End {
        let mut piece = vec![0; PIECE];
        loop {
            match self.read(&mut piece) {
                // Connections that have no end share until the limit.
                Err(End::Cut) if self.task.bytes == 0 => return End::Whole,
                Err(end) => return end,
                Ok(0) if self.bytes == self.task.bytes => return End::Whole,
                Ok(0) => return End::Broken,
                Ok(_) => {}
            }
        }
    }

    /// Writes and reads by turns.
    fn turns(&mut self) -> End {
        let mut piece = vec![0; PIECE];
        while self.bytes < self.task.bytes {
            let turn = (self.bytes + PIECE as u64).min(self.task.bytes);
            let mut at = self.bytes;
            while at < turn {
                let text = self.pattern.from(at, turn - at);
                if let Err(end) = self.within_limit().and_then(|()| self.stream.write_all(text).map_err(end))
                {
                    return end;
                }
                at += text.len() as u64;
            }
            while self.bytes < turn {
                match self.read(&mut piece) {
                    Ok(0) => return End::Broken,
                    Ok(_) => {}
                    Err(end) => return end,
                }
            }
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        self.drain()
    }

    /// What is left of the time is how long a call may take.
    fn within_limit(&self) -> Result<(), End> {
        let left = self.task.limit.checked_sub(self.start.elapsed()).filter(|left| !left.is_zero());
        let left = left.ok_or(End::Cut)?;
        let set = self.stream.set_read_timeout(Some(left));
        set.and_then(|()| self.stream.set_write_timeout(Some(left))).map_err(|_| End::Broken)
    }

    fn read(&mut self, piece: &mut [u8]) -> Result<usize, End> {
        self.within_limit()?;
        let mut stream = self.stream;
        let length = stream.read(piece).map_err(end)?;
        if length > 0 {
            let now = Instant::now();
            self.stall = self.stall.max(now - self.came.unwrap_or(self.start));
            self.came = Some(now);
            self.wrong += self.pattern.wrong(self.bytes, &piece[..length]);
            self.bytes += length as u64;
        }
        Ok(length)
    }

    /// A transfer that was cut ends at the limit, one that is whole with its last byte.
    fn result(&self, end: End) -> Came {
        let last = self.came.unwrap_or(self.start);
        let (took, stall) = match end {
            End::Whole if self.task.bytes > 0 => (last - self.start, self.stall),
            _ => (self.start.elapsed(), self.stall.max(last.elapsed())),
        };
        let micros = |time: Duration| time.as_micros() as u64;
        let Reader { bytes, wrong, .. } = *self;
        Came { bytes, micros: micros(took), stall: micros(stall), wrong, end }
    }
}

/// What an error of a socket ends.
fn end(error: io::Error) -> End {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => End::Cut,
        _ => End::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_line_is_what_it_was_made_of() {
        let came = Came { bytes: 8_000_000, micros: 80_000, stall: 1_200, wrong: 0, end: End::Whole };
        assert_eq!(came.to_string().parse(), Ok(came));
        assert_eq!(came.rate(), 100.0);
        assert_eq!("8 80 1 0".parse::<Came>(), Err(()));
    }

    /// A server's answer to one connection, on the loopback interface.
    fn judged(turns: bool, serve: impl FnOnce(TcpStream) + Send + 'static) -> Came {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = vec![listener.local_addr().unwrap()];
        thread::spawn(move || serve(listener.accept().unwrap().0));
        let (limit, congestion) = (Duration::from_secs(10), "reno".to_owned());
        let task = Task { to, bytes: 200_000, turns, limit, congestion };
        connection(task.to[0], &task, &Pattern::new(), &Barrier::new(1)).unwrap()
    }

    fn upper_case(mut stream: TcpStream, bytes: usize) {
        let mut piece = vec![0; 1_000];
        let mut done = 0;
        while done < bytes {
            let length = stream.read(&mut piece).unwrap();
            piece[..length].make_ascii_uppercase();
            stream.write_all(&piece[..length]).unwrap();
            done += length;
        }
    }

    #[test]
    fn every_byte_has_to_come_back_in_upper_case() {
        for turns in [false, true] {
            let came = judged(turns, |stream| upper_case(stream, 200_000));
            assert!(matches!(came, Came { bytes: 200_000, wrong: 0, end: End::Whole, .. }), "{came}");
        }
    }

    #[test]
    fn a_server_that_echoes_or_ends_early_is_found_out() {
        let came = judged(true, |mut stream| {
            let mut read = stream.try_clone().unwrap();
            let _ = io::copy(&mut read, &mut stream);
        });
        assert!(came.bytes == 200_000 && came.wrong > 10_000, "{came}");
        let came = judged(true, |stream| upper_case(stream, 100_000));
        assert!(came.bytes < 200_000 && came.end == End::Broken, "{came}");
    }
}
