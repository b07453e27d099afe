//! A board under mixed load for a long time: clients that behave, clients that don't, broken frames, an unplugged link.
//! What must not happen is counted: a wrong or missing reply, a slot that is lost.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use rustix::net::sockopt::set_socket_linger;
use smoltcp::wire::TcpControl;

use crate::machine::Ports;
use crate::raw::Peer;
use crate::text::{self, Random};
use crate::{BOUND, Host, Machine, frames, server_v4, sockets};

/// A board's slots for connections.
pub const SLOTS: usize = 4;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Figures {
    pub datagrams: u64,
    pub sentences: u64,
    pub streams: u64,
    pub stream_bytes: u64,
    /// Connections that were reset, left open without a word, or left unread.
    pub rude: u64,
    /// Frames that nobody should send.
    pub hostile: u64,
    pub unplugged: u64,
    /// Clients whose link was unplugged and who, at 3 s without progress, were given up for one that waited.
    pub cut_off: u64,
    /// The longest that a sentence took, from connect to the end.
    pub longest: Duration,
    pub failures: Vec<String>,
    pub lost_slots: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { datagrams, sentences, streams, stream_bytes, rude, hostile, .. } = self;
        write!(
            f,
            "{datagrams} datagrams, {sentences} sentences (the longest took {:.1} s), {streams} streams ({} KiB), {rude} \
             rude clients, {hostile} hostile frames, link unplugged {} times ({} clients cut off); {} failures, {} slots \
             lost",
            self.longest.as_secs_f64(),
            stream_bytes >> 10,
            self.unplugged,
            self.cut_off,
            self.failures.len(),
            self.lost_slots
        )
    }
}

/// The board on QEMU's own network, and many clients on this computer's sockets.
#[track_caller]
pub fn on_sockets(board: &str, time: Duration) -> Figures {
    let (mut machine, ports) = Machine::on_sockets(board, &[]);
    let owned = Tally::default();
    let tally = &owned;
    let over = AtomicBool::new(false);
    let goes_on = &|| !over.load(Ordering::Relaxed);
    let mut unplugged = 0;
    thread::scope(|scope| {
        for seed in 0..2 {
            scope.spawn(move || datagrams(ports, tally, Random::new(seed), goes_on));
        }
        for seed in 10..16 {
            scope.spawn(move || sentences(ports, tally, Random::new(seed), goes_on));
        }
        scope.spawn(move || streams(ports, tally, Random::new(20), goes_on));
        for seed in 30..32 {
            scope.spawn(move || rude(ports, tally, Random::new(seed), goes_on));
        }
        let start = Instant::now();
        while start.elapsed() < time && machine.runs() {
            thread::sleep(Duration::from_secs(20).min(time.saturating_sub(start.elapsed())));
            machine.monitor.set_link(false);
            tally.link_changes.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(700));
            machine.monitor.set_link(true);
            tally.link_changes.fetch_add(1, Ordering::SeqCst);
            unplugged += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    let held = hold(ports);
    let mut figures = owned.figures();
    figures.unplugged = unplugged;
    figures.lost_slots = SLOTS - held;
    if !machine.runs() {
        figures.failures.push("the board has ended".into());
    }
    figures
}

#[derive(Default)]
struct Tally {
    datagrams: AtomicU64,
    sentences: AtomicU64,
    streams: AtomicU64,
    stream_bytes: AtomicU64,
    rude: AtomicU64,
    longest_millis: AtomicU64,
    cut_off: AtomicU64,
    /// How often the link was unplugged, and plugged in again.
    link_changes: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    fn failed(&self, what: String) {
        eprintln!("failed: {what}");
        self.failures.lock().expect("nobody panics with it").push(what);
    }

    /// Whether a reply that came is the right one, or began so when the link was unplugged: `changes` is how often the link
    /// had changed when its client began.
    fn judge(&self, what: &str, words: &[u8], reply: io::Result<Vec<u8>>, changes: u64) {
        let expected = words.to_ascii_uppercase();
        let was_unplugged = self.link_changes.load(Ordering::SeqCst) != changes;
        match reply {
            Ok(reply) if reply == expected => {}
            Ok(reply) if was_unplugged && expected.starts_with(&reply) => {
                self.cut_off.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) if was_unplugged => {
                self.cut_off.fetch_add(1, Ordering::Relaxed);
            }
            Ok(reply) => self.failed(format!("{what} of {} bytes, {} of reply", words.len(), reply.len())),
            Err(error) => self.failed(format!("{what} of {} bytes: {error}", words.len())),
        }
    }

    fn figures(self) -> Figures {
        Figures {
            datagrams: self.datagrams.into_inner(),
            sentences: self.sentences.into_inner(),
            streams: self.streams.into_inner(),
            stream_bytes: self.stream_bytes.into_inner(),
            rude: self.rude.into_inner(),
            longest: Duration::from_millis(self.longest_millis.into_inner()),
            cut_off: self.cut_off.into_inner(),
            failures: self.failures.into_inner().expect("nobody panics with it"),
            ..Figures::default()
        }
    }
}

fn datagrams(ports: Ports, tally: &Tally, mut random: Random, goes_on: impl Fn() -> bool) {
    while goes_on() {
        let words = text::mixed(random.below(1_473));
        let reply = sockets::udp_until(ports.udp, &words, BOUND);
        if reply != Some(words.to_ascii_uppercase()) {
            tally.failed(format!("a datagram of {} bytes", words.len()));
        }
        tally.datagrams.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(random.below(20) as u64));
    }
}

fn sentences(ports: Ports, tally: &Tally, mut random: Random, goes_on: impl Fn() -> bool) {
    while goes_on() {
        // One segment, so that one read takes all of it.
        let words = text::mixed(1 + random.below(1_000));
        let start = Instant::now();
        let changes = tally.link_changes.load(Ordering::SeqCst);
        tally.judge("a sentence", &words, sockets::tcp(ports.sentence, &words), changes);
        tally.longest_millis.fetch_max(start.elapsed().as_millis() as u64, Ordering::Relaxed);
        tally.sentences.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(random.below(50) as u64));
    }
}

fn streams(ports: Ports, tally: &Tally, mut random: Random, goes_on: impl Fn() -> bool) {
    while goes_on() {
        let words = text::mixed(1 + random.below(200_000));
        let changes = tally.link_changes.load(Ordering::SeqCst);
        tally.judge("a stream", &words, sockets::stream(ports.stream, &words), changes);
        tally.streams.fetch_add(1, Ordering::Relaxed);
        tally.stream_bytes.fetch_add(words.len() as u64, Ordering::Relaxed);
    }
}

/// Clients that are reset, say nothing, or read nothing. What becomes of them is nobody's concern.
fn rude(ports: Ports, tally: &Tally, mut random: Random, goes_on: impl Fn() -> bool) {
    while goes_on() {
        let server = [ports.sentence, ports.stream][random.below(2)];
        if let Ok(mut stream) = sockets::connect(server) {
            match random.below(4) {
                0 => {}
                1 => thread::sleep(Duration::from_millis(random.below(6_000) as u64)),
                2 => {
                    let _ = stream.write_all(&text::mixed(random.below(30_000)));
                }
                _ => {
                    let _ = stream.write_all(b"half a sentence");
                    let _ = set_socket_linger(&stream, Some(Duration::ZERO));
                }
            }
        }
        tally.rude.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(random.below(300) as u64));
    }
}

/// How many connections can be held at once, all of them active: as many as there are slots, if none is lost.
fn hold(ports: Ports) -> usize {
    let mut open: Vec<TcpStream> = (0..SLOTS).filter_map(|_| sockets::connect(ports.stream).ok()).collect();
    for _ in 0..20 {
        open.retain_mut(|stream| {
            let mut reply = [0; 6];
            let answers = stream.write_all(b"active").and_then(|()| stream.read_exact(&mut reply));
            answers.is_ok() && &reply == b"ACTIVE"
        });
    }
    open.len()
}

/// The board on a wire: broken frames and floods of SYNs, and between them a client that must be served.
#[track_caller]
pub fn on_frames(board: &str, time: Duration) -> Figures {
    let (mut machine, mut wire) = Machine::on_wire(board, &[]);
    wire.introduce();
    let mut host = Host::new(wire);
    let mut figures = Figures::default();
    let mut random = Random::new(0x0bad_5eed);
    let start = Instant::now();
    let mut port = 10_000;
    while start.elapsed() < time && machine.runs() {
        for _ in 0..500 {
            let frame = frames::broken(&mut random);
            host.wire.send(&frame);
        }
        for _ in 0..50 {
            host.wire.send(&Peer::new(port).segment(TcpControl::Syn, b""));
            port = if port >= 40_000 { 10_000 } else { port + 1 };
        }
        figures.hostile += 550;
        host.wire.introduce();
        if random.below(4) == 0 {
            // Opened, and never heard of again.
            host.open(server_v4());
            figures.rude += 1;
        }
        let words = text::mixed(1 + random.below(1_000));
        if host.udp(server_v4(), &words) != words.to_ascii_uppercase() {
            figures.failures.push(format!("a datagram of {} bytes", words.len()));
        }
        figures.datagrams += 1;
        let before = Instant::now();
        for reply in host.tcp(server_v4(), &vec![words.clone(); 1 + random.below(8)]) {
            if reply.as_ref() != Ok(&words.to_ascii_uppercase()) {
                figures.failures.push(format!("a sentence of {} bytes: {reply:?}", words.len()));
            }
            figures.sentences += 1;
        }
        figures.longest = figures.longest.max(before.elapsed());
    }
    figures.lost_slots = SLOTS - host.hold(server_v4(), SLOTS);
    if !machine.runs() {
        figures.failures.push("the board has ended".into());
    }
    figures
}
