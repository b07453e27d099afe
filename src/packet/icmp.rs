//! ICMP for IPv4 (RFC 792) and for IPv6 (RFC 4443): one header, and two registries of numbers.

use super::field::Field;

/// Bytes that every message has.
pub const HEADER: usize = 4;
/// Bytes before what an error quotes, and before an echo's data.
pub const LONG_HEADER: usize = 8;

/// What kind of message it is.
pub const TYPE: Field = 0..1;
/// What kind of that kind.
pub const CODE: Field = 1..2;
/// Over the message; for IPv6 with a pseudo-header.
pub const CHECKSUM: Field = 2..4;
/// Errors: unused bytes, or what the kind has there.
pub const UNUSED: Field = 4..8;

/// Echo: whose it is.
pub const IDENTIFIER: Field = 4..6;
/// Echo: which of theirs.
pub const SEQUENCE: Field = 6..8;

/// The numbers of ICMP for IPv4 (RFC 792).
pub mod v4 {
    use super::Field;

    /// The answer to an echo request.
    pub const ECHO_REPLY: u8 = 0;
    /// It can't be delivered; the code says why.
    pub const UNREACHABLE: u8 = 3;
    /// Slow down (deprecated by RFC 6633).
    pub const SOURCE_QUENCH: u8 = 4;
    /// There is a better router.
    pub const REDIRECT: u8 = 5;
    /// Are you there?
    pub const ECHO_REQUEST: u8 = 8;
    /// Too many hops, or a fragment that never came.
    pub const TIME_EXCEEDED: u8 = 11;
    /// A header that can't be understood.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// What is your time?
    pub const TIMESTAMP: u8 = 13;
    /// The answer to it.
    pub const TIMESTAMP_REPLY: u8 = 14;

    /// A code of [`UNREACHABLE`]: nobody speaks this protocol.
    pub const PROTOCOL_UNREACHABLE: u8 = 2;
    /// A code of [`UNREACHABLE`]: nobody has this port.
    pub const PORT_UNREACHABLE: u8 = 3;
    /// A code of [`UNREACHABLE`]: too large, and not to be fragmented (RFC 1191).
    pub const TOO_BIG: u8 = 4;

    /// Too large: unused (RFC 1191 4).
    pub const TOO_BIG_UNUSED: Field = 4..6;
    /// Too large: what the next link takes (RFC 1191 4).
    pub const NEXT_HOP_MTU: Field = 6..8;
    /// Redirect: the better router.
    pub const GATEWAY: Field = 4..8;
    /// Parameter problem: the byte that wasn't understood.
    pub const POINTER: Field = 4..5;
    /// Parameter problem: unused.
    pub const POINTER_UNUSED: Field = 5..8;
    /// Bytes of a timestamp message.
    pub const TIMESTAMP_HEADER: usize = 20;
    /// Timestamp: when it was sent, when it came, and when the answer was sent, in milliseconds since midnight, UT.
    pub const TIMESTAMPS: [Field; 3] = [8..12, 12..16, 16..20];
}

/// The numbers of ICMP for IPv6 (RFC 4443); [`ndp`](super::ndp) and [`mld`](super::mld) have those of theirs.
pub mod v6 {
    use super::Field;

    /// It can't be delivered; the code says why.
    pub const UNREACHABLE: u8 = 1;
    /// Too large for the next link.
    pub const TOO_BIG: u8 = 2;
    /// Too many hops, or a fragment that never came.
    pub const TIME_EXCEEDED: u8 = 3;
    /// A header that can't be understood.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Are you there?
    pub const ECHO_REQUEST: u8 = 128;
    /// The answer to it.
    pub const ECHO_REPLY: u8 = 129;

    /// A code of [`UNREACHABLE`]: nobody has this port.
    pub const PORT_UNREACHABLE: u8 = 4;

    /// A code of [`PARAMETER_PROBLEM`]: a next header that isn't known.
    pub const UNKNOWN_NEXT_HEADER: u8 = 1;

    /// Too large: what the next link takes.
    pub const MTU: Field = 4..8;
    /// Parameter problem: the byte that wasn't understood.
    pub const POINTER: Field = 4..8;
}
