//! What the server does in a stream: what it is to say, or to take, or both.

use test_support::world::peer::Closes;
use undersock::service::{Closed, Ended, Exchange, Reply, Request, Service, Step, Uppercase};

use super::text;

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Both: what comes returns in upper case.
    Both,
    /// From the server: so many bytes for a request of one.
    Down,
    /// To the server, which says at the end how many there were.
    Up,
}

/// The bytes of a request, and of a receipt.
pub const NOTE: usize = 8;

/// A service for one connection.
pub struct Work {
    way: Way,
    size: usize,
    /// Bytes that it has said, or that it was told.
    done: usize,
    /// Where the first wrong byte was.
    pub wrong: Option<usize>,
    /// Why the connection was over.
    pub ended: Option<Ended>,
    upper: Uppercase,
}

impl Work {
    pub fn new(way: Way, size: usize) -> Self {
        Work { way, size, done: 0, wrong: None, ended: None, upper: Uppercase::ascii() }
    }

    /// How far it is.
    pub fn done(&self) -> usize {
        self.done
    }

    /// What the peer says.
    pub fn said(way: Way, size: usize) -> &'static [u8] {
        match way {
            Way::Both | Way::Up => &text::lower()[..size],
            Way::Down => &text::lower()[..NOTE],
        }
    }

    /// What the peer is to hear.
    pub fn heard(way: Way, size: usize) -> Vec<u8> {
        match way {
            Way::Both | Way::Down => text::upper()[..size].to_vec(),
            Way::Up => (size as u64).to_be_bytes().to_vec(),
        }
    }

    /// When the peer may close without having to wait for ever.
    pub fn closes(way: Way, size: usize, pick: u64) -> Closes {
        match (way, pick % 3) {
            (Way::Both, 1) => Closes::After(size as u64),
            (Way::Down, 1) => Closes::After(size as u64 / 2),
            (Way::Down, 2) => Closes::Last,
            _ => Closes::AtOnce,
        }
    }
}

impl Service for Work {
    fn datagram(&mut self, _: Request<'_>, _: &mut [u8]) -> Reply {
        Reply::Nothing
    }

    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        match self.way {
            Way::Both => {
                let step = self.upper.stream(exchange);
                self.done += step.consumed;
                step
            }
            Way::Down => {
                // The request is consumed at the end, so that it is offered whenever there is room.
                if exchange.input.len() < NOTE {
                    return Step::default();
                }
                let produced = exchange.output.len().min(self.size - self.done);
                exchange.output[..produced].copy_from_slice(&text::upper()[self.done..][..produced]);
                self.done += produced;
                let close = self.done == self.size;
                Step { consumed: if close { NOTE } else { 0 }, produced, close }
            }
            Way::Up => {
                let consumed = exchange.input.len();
                let expected = text::lower().get(self.done..self.done + consumed);
                if expected != Some(exchange.input) && self.wrong.is_none() {
                    self.wrong = Some(self.done);
                }
                self.done += consumed;
                let receipt = (self.done as u64).to_be_bytes();
                if !exchange.end || exchange.output.len() < NOTE {
                    return Step { consumed, ..Step::default() };
                }
                exchange.output[..NOTE].copy_from_slice(&receipt);
                Step { consumed, produced: NOTE, close: true }
            }
        }
    }

    fn closed(&mut self, closed: Closed) {
        self.ended = Some(closed.why);
    }
}
