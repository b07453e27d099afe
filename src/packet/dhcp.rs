//! DHCP for IPv4: BOOTP's message (RFC 2131 2), and where its options begin (RFC 2132 2).

use super::field::{Bits, Field};
use super::tlv::{Shape, Tlv};
use super::udp;

/// A server's port (RFC 2131 4.1).
pub const SERVER_PORT: u16 = 67;
/// A client's port (RFC 2131 4.1).
pub const CLIENT_PORT: u16 = 68;

/// Bytes up to the options: BOOTP's fields and the cookie (RFC 2131 2, RFC 2132 2).
pub const FIXED: usize = 240;
/// Who sent it: 1 a client, 2 a server.
pub const OPERATION: Field = 0..1;
/// What kind of link it is; 1 is Ethernet.
pub const HARDWARE_TYPE: Field = 1..2;
/// Bytes of the link's addresses.
pub const HARDWARE_LENGTH: Field = 2..3;
/// So many relays it came by.
pub const HOPS: Field = 3..4;
/// The same in question and answer.
pub const TRANSACTION: Field = 4..8;
/// Seconds since the client began.
pub const SECONDS: Field = 8..10;
/// Flags.
pub const FLAGS: Field = 10..12;
/// The number of the bit that asks for an answer to everybody.
pub const BROADCAST: usize = 80;
/// The flags that must be zero.
pub const FLAGS_RESERVED: Bits = 81..96;
/// The client's address, if it has one.
pub const CLIENT: Field = 12..16;
/// The address for the client.
pub const YOUR: Field = 16..20;
/// The next server's address.
pub const SERVER: Field = 20..24;
/// The relay's address.
pub const RELAY: Field = 24..28;
/// The client's address on the link.
pub const CLIENT_HARDWARE: Field = 28..44;
/// The server's name.
pub const SERVER_NAME: Field = 44..108;
/// A file to boot from.
pub const FILE: Field = 108..236;
/// What is there if options follow.
pub const COOKIE_AT: Field = 236..FIXED;
/// The cookie (RFC 2132 2).
pub const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// The option that says what kind of message it is (RFC 2132 9.6).
pub const MESSAGE_TYPE: u8 = 53;

/// Whether a port is one of DHCP's.
#[must_use]
pub const fn is_port(port: u16) -> bool {
    matches!(port, SERVER_PORT | CLIENT_PORT)
}

/// A datagram of UDP without what is behind it, if it is from a server's port to a client's (RFC 2131 4.1).
#[inline]
#[must_use]
pub fn answer(payload: &[u8]) -> Option<&[u8]> {
    let header = udp::Header::new(payload)?;
    let is_answer = header.source_port() == SERVER_PORT && header.destination_port() == CLIENT_PORT;
    payload.get(..header.length()).filter(|datagram| is_answer && datagram.len() >= udp::HEADER)
}

/// The kind of message, which every message of DHCP has as an option behind the cookie (RFC 2131 3). [`dhcp_name`] has
/// its name.
#[must_use]
pub fn message_type(message: &[u8]) -> Option<u8> {
    if message.get(COOKIE_AT) != Some(&COOKIE) {
        return None;
    }
    let mut options = Tlv::new(Shape::Dhcp, message.get(FIXED..)?);
    options.find(|option| option.kind == MESSAGE_TYPE)?.data.first().copied()
}

/// The names of DHCP's messages (RFC 2132 9.6).
#[must_use]
pub const fn dhcp_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "discover",
        2 => "offer",
        3 => "request",
        4 => "decline",
        5 => "ack",
        6 => "nak",
        7 => "release",
        8 => "inform",
        _ => return None,
    })
}
