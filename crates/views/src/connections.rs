//! Which connection each record is about: by the four numbers of its segments, and by what a slot held then.

use core::net::SocketAddr;
use std::collections::VecDeque;

use undersock::smoltcp::socket::tcp::State;

use crate::notation::socket_addr;
use crate::record::{Record, What};
use crate::side::Side;
use undersock::event::{Again, Call, Change, Congestion, Direction, DropRule, Timer, Way};
use undersock::packet::{Link, Packet};

/// A connection, or an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's.
    pub server: SocketAddr,
    /// The client's initial sequence number.
    first: Option<u32>,
    /// The client has called `connect`, and nothing came of it yet.
    called: bool,
}

/// Which connection each record is about.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    list: Vec<Connection>,
    /// One for each record.
    of: Vec<Option<usize>>,
}

impl Connections {
    /// Of these records, in their order.
    #[must_use]
    pub fn new<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut numbering = Numbering::default();
        let of = records.into_iter().map(|record| numbering.record(record)).collect();
        Connections { list: numbering.list, of }
    }

    /// Each, in the order in which they begin.
    #[must_use]
    pub fn list(&self) -> &[Connection] {
        &self.list
    }

    pub(crate) fn into_list(self) -> Vec<Connection> {
        self.list
    }

    /// The number of the connection that the record at this index is about.
    #[must_use]
    pub fn of(&self, record: usize) -> Option<usize> {
        self.of.get(record).copied().flatten()
    }
}

/// Gives connections their numbers, record by record.
#[derive(Default)]
struct Numbering {
    list: Vec<Connection>,
    /// The connection of each end's slots, whether it has just come there, and the one before it.
    slots: [Vec<(usize, usize, bool, usize)>; 2],
    /// Those whose SYN waits for a slot.
    waiting: VecDeque<usize>,
}

impl Numbering {
    fn record(&mut self, record: &Record) -> Option<usize> {
        let end = record.end;
        match &record.what {
            What::Call(call) => self.call(end, call),
            What::State(change) => self.state(end, change),
            What::Timer(Timer::Evicted { slot, .. } | Timer::Reused { slot }) => self.ended(end, *slot),
            What::Timer(Timer::WaitedTooLong) => self.waiting.pop_front(),
            What::Frame { way: Way::Dropped(DropRule::NotForUs), .. } => None,
            What::Frame { way, link, bytes } => {
                let direction = if *way == Way::Out { Direction::Out } else { Direction::In };
                let number = self.frame(end, direction, *link, bytes)?;
                match way {
                    Way::Connection(slot) => self.assign(end, *slot, number),
                    Way::Waiting => self.waiting.push_back(number),
                    _ => {}
                }
                Some(number)
            }
            What::Trouble { direction, link, bytes, .. } => self.frame(end, *direction, *link, bytes),
            What::Again(Again { slot, .. }) | What::Congestion(Congestion { slot, .. }) => {
                self.slot(end, *slot)
            }
            // Of none, or nobody knows of which.
            What::Timer(_) | What::Conflict(_) | What::Note(_) => None,
        }
    }

    fn call(&mut self, end: Side, call: &Call) -> Option<usize> {
        match *call {
            Call::Connect { slot, local, remote } => {
                let (client, server) = (socket_addr(local), socket_addr(remote));
                self.list.push(Connection { client, server, first: None, called: true });
                self.assign(end, slot, self.list.len() - 1);
                self.slot(end, slot)
            }
            Call::Accept { slot, local, remote } => {
                let number = self.find(socket_addr(remote), socket_addr(local));
                self.assign(end, slot, number);
                Some(number)
            }
            Call::Receive { slot, .. } | Call::Send { slot, .. } | Call::Close { slot } => {
                self.slot(end, slot)
            }
            _ => None,
        }
    }

    fn state(&mut self, end: Side, change: &Change) -> Option<usize> {
        let places = &mut self.slots[end.index()];
        let known = places.iter_mut().find(|(slot, ..)| *slot == change.slot);
        if change.from == State::Listen {
            match known {
                Some((_, _, fresh, _)) if *fresh => *fresh = false,
                // Its SYN came earlier, and waited.
                _ => {
                    if let Some(number) = self.waiting.pop_front() {
                        self.assign(end, change.slot, number);
                    }
                }
            }
        }
        if change.to == State::Closed { self.ended(end, change.slot) } else { self.slot(end, change.slot) }
    }

    fn frame(&mut self, end: Side, direction: Direction, link: Link, bytes: &[u8]) -> Option<usize> {
        let Packet::Tcp(tcp) = link.packet(bytes) else { return None };
        let inwards = (end == Side::Server) == (direction == Direction::In);
        let (client, server) = if inwards { (tcp.from, tcp.to) } else { (tcp.to, tcp.from) };
        if link.damaged(bytes).is_some() {
            // Its ports may be anybody's.
            return self.known(client, server);
        }
        let number = self.find(client, server);
        if !inwards || !tcp.flags.syn() || tcp.flags.ack() {
            return Some(number);
        }
        let seq = tcp.seq.0.cast_unsigned();
        let connection = self.list.get_mut(number)?;
        match connection.first {
            None => {
                connection.first = Some(seq);
                connection.called = false;
                Some(number)
            }
            Some(first) if first == seq => Some(number),
            // The same four numbers, and a new connection.
            Some(_) => {
                self.list.push(Connection { client, server, first: Some(seq), called: false });
                Some(self.list.len() - 1)
            }
        }
    }

    /// The newest connection between these; one whose SYN is still to come goes first.
    fn known(&self, client: SocketAddr, server: SocketAddr) -> Option<usize> {
        let is = |connection: &&Connection| connection.client == client && connection.server == server;
        let all = || self.list.iter().enumerate();
        let found = all().find(|(_, one)| is(one) && one.called).or_else(|| all().rfind(|(_, one)| is(one)));
        found.map(|(number, _)| number)
    }

    /// The same; a new one if there is none.
    fn find(&mut self, client: SocketAddr, server: SocketAddr) -> usize {
        self.known(client, server).unwrap_or_else(|| {
            self.list.push(Connection { client, server, first: None, called: false });
            self.list.len() - 1
        })
    }

    fn assign(&mut self, end: Side, slot: usize, number: usize) {
        let places = &mut self.slots[end.index()];
        match places.iter_mut().find(|(known, ..)| *known == slot) {
            Some(known) if known.1 == number => {}
            Some(known) => *known = (slot, number, true, known.1),
            None => places.push((slot, number, true, number)),
        }
    }

    fn slot(&self, end: Side, slot: usize) -> Option<usize> {
        let places = &self.slots[end.index()];
        places.iter().find(|(known, ..)| *known == slot).map(|(_, number, ..)| *number)
    }

    /// The connection that ends in a slot: where another's SYN has just come, the one before it.
    fn ended(&self, end: Side, slot: usize) -> Option<usize> {
        let places = &self.slots[end.index()];
        let place = places.iter().find(|(known, ..)| *known == slot)?;
        let (_, number, fresh, before) = *place;
        Some(if fresh && end == Side::Server { before } else { number })
    }
}
