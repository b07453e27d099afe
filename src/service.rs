//! What the server does with what arrives: one trait with two methods, and the uppercase service.
//!
//! A protocol of your own is an implementation of [`Service`]; `examples/echo.rs` is one of twenty lines.
#![forbid(unsafe_code)]

use smoltcp::wire::IpEndpoint;

use crate::text::{self, Progress};

/// What a server does with a datagram and with a stream.
///
/// A service keeps no sockets and no clock. What it must remember of a connection it keeps in an array of its own, by
/// [`Exchange::slot`].
pub trait Service {
    /// A datagram came from `from`: writes the reply into `reply`, which holds the largest datagram that can be sent.
    fn datagram(&mut self, from: IpEndpoint, request: &[u8], reply: &mut [u8]) -> Reply;

    /// Bytes of a connection came, or the peer has finished, or there is room to send again.
    ///
    /// Takes from `exchange.input`, writes to `exchange.output`, and says how much of both. What it doesn't consume
    /// is offered again, with what has come since.
    fn stream(&mut self, exchange: Exchange<'_>) -> Step;
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The first so many bytes of the reply buffer go back.
    Send(usize),
    /// No reply is wanted.
    Nothing,
    /// The reply doesn't fit into one datagram. It isn't sent, and is counted.
    TooLarge,
}

/// One look at a connection.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Which connection: an index below the number of slots. It is used anew when the connection is over.
    pub slot: usize,
    /// The first look at this connection since it was accepted.
    pub first: bool,
    /// The server's own port.
    pub port: u16,
    /// Bytes that arrived and aren't consumed yet, the oldest first, no more than the scratch buffer holds.
    pub input: &'a [u8],
    /// Nothing follows `input`: the peer has closed its side, or the one read of sentence mode is over.
    pub end: bool,
    /// Room for bytes to send. At least [`MIN_OUTPUT`] bytes, unless the send buffer has less left.
    pub output: &'a mut [u8],
}

/// The least room that a service is offered while the send buffer has as much.
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

/// The textbook's service: the same text in upper case, as Python's `str.upper()` maps it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Uppercase {
    ascii: bool,
}

impl Uppercase {
    /// Unicode's full mapping; ASCII alone where the feature `unicode` is off.
    #[must_use]
    pub const fn new() -> Self {
        Uppercase { ascii: false }
    }

    /// ASCII letters only; every other byte passes unchanged.
    #[must_use]
    pub const fn ascii() -> Self {
        Uppercase { ascii: true }
    }

    fn map(self, input: &[u8], end: bool, output: &mut [u8]) -> Progress {
        // Without the feature they are the same, and one is enough.
        match self.ascii || cfg!(not(feature = "unicode")) {
            true => text::upper_case_ascii(input, output),
            false => text::upper_case(input, end, output),
        }
    }
}

impl Service for Uppercase {
    fn datagram(&mut self, _from: IpEndpoint, request: &[u8], reply: &mut [u8]) -> Reply {
        let Progress { consumed, produced } = self.map(request, true, reply);
        if consumed == request.len() { Reply::Send(produced) } else { Reply::TooLarge }
    }

    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        let Progress { consumed, produced } = self.map(exchange.input, exchange.end, exchange.output);
        Step { consumed, produced, close: exchange.end && consumed == exchange.input.len() }
    }
}
