//! What the server does with what arrives: one trait, and the uppercase service.
//!
//! A protocol of your own is an implementation of [`Service`]; `examples/echo.rs` is one of twenty lines.
#![forbid(unsafe_code)]

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use crate::bucket::Bucket;
use crate::event::Limit;
use crate::text::{self, Progress};

/// What a server does with a datagram and with a stream.
///
/// A service keeps no sockets and no clock. What it must remember of a connection it keeps in an array of its own, by
/// [`Exchange::slot`].
pub trait Service {
    /// A datagram came: writes the reply into `reply`, which holds the largest datagram that can be sent.
    fn datagram(&mut self, request: Request<'_>, reply: &mut [u8]) -> Reply;

    /// Bytes of a connection came, or the peer has finished, or there is room to send again.
    ///
    /// Takes from `exchange.input`, writes to `exchange.output`, and says how much of both. What it doesn't consume
    /// is offered again, with what has come since.
    fn stream(&mut self, exchange: Exchange<'_>) -> Step;

    /// A connection is over that [`Service::stream`] was called for. Told once, before its slot is used anew.
    fn closed(&mut self, closed: Closed) {
        let _ = closed;
    }
}

/// A datagram that came.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The server's address and port that it was sent to; the address may be everybody's, a broadcast or multicast one.
    pub local: IpEndpoint,
    /// The sender's.
    pub remote: IpEndpoint,
    /// When it came, by the caller's clock.
    pub now: Instant,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The first so many bytes of the reply buffer go back.
    Send(usize),
    /// No reply is wanted.
    Nothing,
    /// The reply doesn't fit into one datagram. It isn't sent, and is counted.
    TooLarge,
    /// The sender may be a server too, which would answer the reply, and so on for ever. It isn't sent, and is counted.
    Loop,
}

/// One look at a connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// Which connection: an index below the number of slots. It is used anew when the connection is over.
    pub slot: usize,
    /// The server's address and port.
    pub local: IpEndpoint,
    /// The client's.
    pub remote: IpEndpoint,
    /// The time, by the caller's clock.
    pub now: Instant,
    /// The first look at this connection since it was accepted.
    pub first: bool,
    /// Bytes that arrived and aren't consumed yet, the oldest first, no more than the scratch buffer holds.
    pub input: &'a [u8],
    /// Nothing follows `input`: the peer has closed its side, or the one read of sentence mode is over.
    pub end: bool,
    /// Room for bytes to send. At least [`MIN_OUTPUT`] bytes, unless the send buffer has less left.
    pub output: &'a mut [u8],
}

/// The least room, in bytes, that a service is offered while the send buffer has as much.
pub const MIN_OUTPUT: usize = 16;

/// How far a service came with one [`Exchange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Bytes of the output that are to be sent.
    pub produced: usize,
    /// Send what was produced, then close our side; what the peer still sends is discarded.
    pub close: bool,
}

/// A connection that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The slot that it had.
    pub slot: usize,
    /// The server's address and port.
    pub local: IpEndpoint,
    /// The client's.
    pub remote: IpEndpoint,
    /// Why it is over.
    pub why: Ended,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Both sides have closed, and each knows it of the other.
    Closed,
    /// The client reset it: bytes may be lost.
    Reset,
    /// The server gave it up, by this limit.
    Evicted(Limit),
}

/// Ports below this one are those of services (RFC 6335 6), some of which answer whatever comes.
const SYSTEM_PORTS: u16 = 1_024;
/// What a reply costs that might be the start of a loop: four a second, and as many at once after a silence.
const MAYBE_LOOP: Duration = Duration::from_millis(250);

/// The textbook's service: the same text in upper case, as Python's `str.upper()` maps it.
///
/// Two such servers would answer each other for ever, if a datagram came to one with the other's address as its source.
/// So a datagram from the server's own port, or from one below 1024, gets a reply only where upper-casing changes the
/// text, and four times a second at most: the second reply of a loop would be the same text again, and a person whose
/// client is bound to such a port is answered as by any other server.
#[derive(Debug, Clone, Default)]
pub struct Uppercase {
    ascii: bool,
    maybe_loops: Bucket,
}

impl Uppercase {
    /// Unicode's full mapping; ASCII alone where the feature `unicode` is off.
    #[must_use]
    pub const fn new() -> Self {
        Uppercase { ascii: false, maybe_loops: Bucket::new() }
    }

    /// ASCII letters only; every other byte passes unchanged.
    #[must_use]
    pub const fn ascii() -> Self {
        Uppercase { ascii: true, maybe_loops: Bucket::new() }
    }

    fn map(&self, input: &[u8], end: bool, output: &mut [u8]) -> Progress {
        // Without the feature they are the same, and one is enough.
        match self.ascii || cfg!(not(feature = "unicode")) {
            true => text::upper_case_ascii(input, output),
            false => text::upper_case(input, end, output),
        }
    }
}

impl Service for Uppercase {
    fn datagram(&mut self, request: Request<'_>, reply: &mut [u8]) -> Reply {
        let Request { local, remote, now, bytes, .. } = request;
        let Progress { consumed, produced } = self.map(bytes, true, reply);
        if consumed != bytes.len() {
            return Reply::TooLarge;
        }
        if remote.port == local.port || remote.port < SYSTEM_PORTS {
            let is_news = reply.get(..produced) != Some(bytes);
            if !is_news || !self.maybe_loops.take(MAYBE_LOOP, now) {
                return Reply::Loop;
            }
        }
        Reply::Send(produced)
    }

    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        let Progress { consumed, produced } = self.map(exchange.input, exchange.end, exchange.output);
        Step { consumed, produced, close: exchange.end && consumed == exchange.input.len() }
    }
}
