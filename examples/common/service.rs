//! A service of one's own: what `three_ports`, `tap_service` and `memory_service` run, each in another place.
//!
//! It opens a third TCP port beside the textbook's two. Who connects to that one and sends a text learns how many bytes it
//! had. The service knows which port it was called at, remembers something of each connection, and hears of its end.

use std::io::Write as _;

use undersock::server::{Limits, Listener};
use undersock::service::{Closed, Ended, Exchange, Reply, Request, Service, Step, Uppercase};
use undersock::smoltcp::time::Duration;

/// Connections at once.
pub(crate) const SLOTS: usize = 4;
/// The port that is ours.
pub(crate) const COUNT: u16 = 12_002;
/// The ports that are open: what a server is told at its start.
pub(crate) const LISTENERS: &[Listener] = &[
    // Read once, reply, close.
    Listener::sentence(12_000),
    // Every byte in order, both directions at once.
    Listener::stream(12_001),
    // The same, but who is silent here has to go sooner.
    Listener::stream(COUNT).with_limits(&Limits::DEFAULT.with_idle(Duration::from_secs(2))),
];

/// Upper case at the textbook's ports, and a count at ours.
#[derive(Default)]
pub(crate) struct Clerk {
    uppercase: Uppercase,
    /// Bytes received, by slot: what is remembered of a connection.
    bytes: [usize; SLOTS],
    /// A line for each connection that is over, for the program to print.
    pub(crate) ended: Vec<String>,
}

impl Service for Clerk {
    /// A datagram for a datagram.
    fn datagram(&mut self, request: Request<'_>, reply: &mut [u8]) -> Reply {
        self.uppercase.datagram(request, reply)
    }

    /// Called with what has come, and again while it takes or gives something.
    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        let Exchange { slot, local, first, .. } = exchange;
        // A slot is used anew when the connection before is over.
        let before = if first { 0 } else { self.bytes[slot] };
        let step = match local.port {
            COUNT => count(before, exchange),
            _ => self.uppercase.stream(exchange),
        };
        self.bytes[slot] = before + step.consumed;
        step
    }

    /// Told once for each connection, with the reason.
    fn closed(&mut self, closed: Closed) {
        let Closed { slot, local, why, .. } = closed;
        let why = match why {
            Ended::Closed => "closed by both",
            Ended::Reset => "reset by the client",
            Ended::Evicted(limit) => limit.text(),
            _ => "over",
        };
        self.ended.push(format!("port {}: {} bytes, {why}", local.port, self.bytes[slot]));
    }
}

/// Takes all that comes; when the client has closed its side, says how much that was and closes the other.
fn count(before: usize, exchange: Exchange<'_>) -> Step {
    let Exchange { input, end, mut output, .. } = exchange;
    let (consumed, room) = (input.len(), output.len());
    if !end {
        return Step { consumed, produced: 0, close: false };
    }
    // Nothing was sent before: there is room for a number.
    let written = writeln!(output, "{}", before + consumed).is_ok();
    Step { consumed, produced: if written { room - output.len() } else { 0 }, close: true }
}
