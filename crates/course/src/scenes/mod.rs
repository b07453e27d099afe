//! The scenes, by what they are about. The order here is the course's.

mod clients;
mod close;
mod crash;
mod crowd;
mod loss;
mod network;
mod open;
mod recovery;
mod stream;
mod udp;

use crate::scenario::Scenario;

static ALL: &[Scenario] = &[
    // A datagram, and what comes before it.
    network::ARP,
    udp::EXCHANGE,
    udp::NO_SERVER,
    udp::LOST_REPLY,
    udp::DUPLICATE,
    // A connection, from its first segment to its last.
    open::SERVER_CLOSES,
    close::CLIENT_CLOSES,
    open::NO_SERVER,
    close::HALF_CLOSE,
    close::SIMULTANEOUS,
    // What is inside it.
    stream::MESSAGES,
    stream::BYTES,
    stream::CUT,
    stream::ZERO_WINDOW,
    stream::STALLED,
    // When the wire loses something.
    loss::DATAGRAM,
    loss::SYN,
    loss::SYN_ACK,
    loss::DATA,
    loss::ACK,
    loss::FIN,
    recovery::FAST,
    recovery::TAIL,
    recovery::HOLES,
    recovery::WINDOW,
    recovery::DUPLICATES,
    recovery::TIMER,
    loss::DUPLICATE,
    loss::REORDERED,
    loss::CHECKSUM,
    // Many clients, and what is left of them.
    crowd::TWO_CLIENTS,
    crowd::BACKLOG,
    close::TIME_WAIT,
    crowd::REUSE,
    crash::RECONNECT,
    crash::RETURN,
    crash::SERVER_RESTARTS,
    crash::FORGED_RESET,
    // Around and below.
    network::PING,
    network::NEIGHBOURS,
    network::BLACK_HOLE,
    network::LEASE,
];

/// The whole course, in the order in which it teaches.
#[must_use]
pub fn list() -> &'static [Scenario] {
    ALL
}

impl Scenario {
    /// The scene of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Scenario> {
        ALL.iter().find(|scenario| scenario.name == name)
    }
}
