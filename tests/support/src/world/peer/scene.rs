//! A server and a peer with trouble between them that was asked for: "drop data segment 3 from the server". What the
//! server sent, and when, is its trace.

use core::cell::RefCell;
use core::fmt;
use std::rc::Rc;

use undersock::device::impaired::{Impaired, Settings};
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Direction, Event, Fate, Observer, Trouble, Way};
use undersock::packet::{Packet, packet};
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Service;
use undersock::smoltcp::time::{Duration, Instant};

use super::super::{FRAMES, History};
use super::{Peer, Phase};

/// A segment of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Since the scene began.
    pub at: Duration,
    /// The offset of its first byte in the stream: 0 is the first after the SYN.
    pub from: u32,
    pub bytes: usize,
    pub syn: bool,
    pub fin: bool,
    /// It begins below what was sent before.
    pub again: bool,
    pub lost: bool,
}

/// `12.400 ms 100:200 again, lost`; a FIN is `12.400 ms 200:200 FIN`.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.total_micros();
        write!(f, "{}.{:03} ms ", micros / 1_000, micros % 1_000)?;
        match (self.syn, self.bytes) {
            (true, _) => write!(f, "SYN")?,
            (false, bytes) => write!(f, "{}:{}", self.from, self.from as usize + bytes)?,
        }
        let words = [(self.fin, "FIN"), (self.again, "again"), (self.lost, "lost")];
        let words: Vec<_> = words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
        if words.is_empty() { Ok(()) } else { write!(f, " {}", words.join(", ")) }
    }
}

/// What was seen of the server and of the trouble.
struct Seen {
    history: History,
    began: Instant,
    first: Option<u32>,
    /// The number behind the last byte that was sent.
    highest: u32,
    sent: Vec<Sent>,
}

#[derive(Clone)]
struct Watch(Rc<RefCell<Seen>>);

impl Observer for Watch {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        let mut seen = self.0.borrow_mut();
        seen.history.event(now, event);
        let (bytes, lost) = match event {
            Event::Frame(frame) if frame.way == Way::Out => (frame.bytes, false),
            Event::Trouble(Trouble { direction: Direction::Out, fate: Fate::Lost, bytes, .. }) => {
                (*bytes, true)
            }
            _ => return,
        };
        let Packet::Tcp(tcp) = packet(bytes) else { return };
        let (syn, fin) = (tcp.flags.syn(), tcp.flags.fin());
        // Acknowledgements alone aren't told.
        if tcp.payload.is_empty() && !syn && !fin {
            return;
        }
        if lost {
            // It has just been sent.
            if let Some(last) = seen.sent.last_mut() {
                last.lost = true;
            }
            return;
        }
        let seq = tcp.seq.0.cast_unsigned();
        let first = *seen.first.get_or_insert(seq);
        let from = seq.wrapping_sub(first).wrapping_add(u32::from(syn));
        let behind = from + tcp.payload.len() as u32 + u32::from(fin);
        let again = if syn { !seen.sent.is_empty() } else { from < seen.highest };
        seen.highest = seen.highest.max(behind);
        let at = now - seen.began;
        seen.sent.push(Sent { at, from: from - 1, bytes: tcp.payload.len(), syn, fin, again, lost: false });
    }
}

/// The two and what is between them.
pub struct Scene<S> {
    pub now: Instant,
    pub server: Server<'static>,
    pub service: S,
    pub peer: Peer,
    device: Box<Impaired<WireEnd<'static>, Watch, 256>>,
    end: WireEnd<'static>,
    wire: &'static Wire<'static>,
    watch: Watch,
    due: Option<Instant>,
}

impl<S: Service> Scene<S> {
    /// On a wire that needs so long for each way; what the rules say happens to frames.
    pub fn new(
        mut config: Config<'static>,
        sizes: Sizes,
        service: S,
        peer: Peer,
        latency: Duration,
        rules: &[&str],
    ) -> Self {
        config.host.announce = false;
        let wire: &'static Wire<'static> = Box::leak(Box::new(Wire::owned(latency, FRAMES)));
        let (server_end, end) = wire.ends();
        let now = Instant::from_secs(1);
        let mut settings = Settings::default();
        for rule in rules {
            settings.set("trouble", rule).unwrap_or_else(|error| panic!("'{rule}': {error}"));
        }
        let history = History::default();
        let seen = Seen { history, began: now, first: None, highest: 0, sent: Vec::new() };
        let watch = Watch(Rc::new(RefCell::new(seen)));
        let mut device = Box::new(Impaired::new(server_end, &settings, watch.clone()));
        let server = Server::new(&config, Memory::owned(sizes), &mut *device, now).expect("a server");
        Scene { now, server, service, peer, device, end, wire, watch, due: None }
    }

    fn poll(&mut self) {
        self.due = self.server.poll(self.now, &mut *self.device, &mut self.service, &mut self.watch);
        self.device.flush(self.now);
        self.peer.poll(self.now, &mut self.end);
    }

    /// Lets time pass until `done`. Whether it was.
    pub fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + limit;
        loop {
            self.poll();
            if done(self) {
                return true;
            }
            if self.now >= until {
                return false;
            }
            let next =
                [self.due, self.peer.poll_at(), self.device.poll_at(self.now), self.wire.next_arrival()];
            let next = next.into_iter().flatten().min().unwrap_or(until);
            self.now = next.max(self.now + Duration::from_micros(1)).min(until);
        }
    }

    /// Until both have said all, and know it of each other.
    pub fn finish(&mut self, limit: Duration) -> bool {
        self.run(limit, |scene| matches!(scene.peer.phase(), Phase::TimeWait(_)) && scene.server.used() == 0)
    }

    /// The segments that the server sent, without bare acknowledgements.
    pub fn sent(&self) -> Vec<Sent> {
        self.watch.0.borrow().sent.clone()
    }

    /// The same in words, a line each.
    pub fn trace(&self) -> String {
        self.sent().iter().map(|sent| format!("{sent}\n")).collect()
    }

    /// All that happened at the server, with the trouble.
    pub fn timeline(&self) -> String {
        self.watch.0.borrow().history.timeline()
    }
}
