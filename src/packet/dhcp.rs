//! DHCP for IPv4: BOOTP's message (RFC 2131 2), and where its options begin (RFC 2132 2); what a client reads of a
//! server's answer, and how its questions are written.

use core::net::Ipv4Addr;

use super::Mac;
#[cfg(feature = "dhcp")]
use super::field::put;
use super::field::{Bits, Field, bytes, long};
#[cfg(feature = "dhcp")]
use super::ip::{self, protocol};
use super::tlv::{Shape, Tlv};
use super::{ipv4, udp};

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

/// Who sent it, in [`OPERATION`]: a client.
pub const FROM_CLIENT: u8 = 1;
/// Who sent it, in [`OPERATION`]: a server.
pub const FROM_SERVER: u8 = 2;

/// The network's mask (RFC 2132 3.3).
pub const SUBNET_MASK: u8 = 1;
/// Routers, the preferred one first (RFC 2132 3.5).
pub const ROUTERS: u8 = 3;
/// The address that the client asks for (RFC 2132 9.1).
pub const REQUESTED_ADDRESS: u8 = 50;
/// For how many seconds an address is leased (RFC 2132 9.2).
pub const LEASE_TIME: u8 = 51;
/// Options are in the server's name or in the file as well (RFC 2132 9.3).
pub const OVERLOAD: u8 = 52;
/// The option that says what kind of message it is (RFC 2132 9.6).
pub const MESSAGE_TYPE: u8 = 53;
/// Which server it is from or for (RFC 2132 9.7).
pub const SERVER_IDENTIFIER: u8 = 54;
/// The options that the client asks for (RFC 2132 9.8).
pub const PARAMETER_REQUESTS: u8 = 55;
/// After how many seconds the chosen server is asked to renew: T1 (RFC 2132 9.11).
pub const RENEWAL_TIME: u8 = 58;
/// After how many seconds any server is asked to: T2 (RFC 2132 9.12).
pub const REBINDING_TIME: u8 = 59;
/// Who the client is (RFC 2132 9.14).
pub const CLIENT_IDENTIFIER: u8 = 61;
/// The end of the options (RFC 2132 3.2).
pub const END: u8 = 255;

/// A [`MESSAGE_TYPE`]: who has an address for me?
pub const DISCOVER: u8 = 1;
/// A [`MESSAGE_TYPE`]: this one.
pub const OFFER: u8 = 2;
/// A [`MESSAGE_TYPE`]: may I have it, or keep it?
pub const REQUEST: u8 = 3;
/// A [`MESSAGE_TYPE`]: somebody else has it.
pub const DECLINE: u8 = 4;
/// A [`MESSAGE_TYPE`]: it is yours.
pub const ACK: u8 = 5;
/// A [`MESSAGE_TYPE`]: it isn't.
pub const NAK: u8 = 6;

/// Bytes of a question: relays drop what is shorter than BOOTP's message (RFC 1542 2.1).
pub const QUESTION: usize = 300;
/// Bytes of the packet that a question goes in.
pub const QUESTION_PACKET: usize = ipv4::HEADER + udp::HEADER + QUESTION;

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

/// What a client reads of a server's answer. An option that isn't there, or hasn't the length that it must have, is
/// zeros: no option means anything then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    kind: u32,
    /// [`TRANSACTION`].
    pub transaction: u32,
    /// [`CLIENT_HARDWARE`]: whom it is for.
    pub mac: Mac,
    /// [`YOUR`].
    pub address: Ipv4Addr,
    server: u32,
    /// [`SUBNET_MASK`].
    pub mask: u32,
    /// [`ROUTERS`], four bytes each.
    pub routers: &'a [u8],
    /// [`LEASE_TIME`].
    pub lease: u32,
    /// [`RENEWAL_TIME`].
    pub renewal: u32,
    /// [`REBINDING_TIME`].
    pub rebinding: u32,
    /// [`CLIENT_IDENTIFIER`], which a server may repeat (RFC 6842).
    pub client: &'a [u8],
}

impl<'a> Answer<'a> {
    /// An answer to a client on Ethernet. `None` if it is none, or its options can't be read to their end.
    ///
    /// An option that is there in pieces (RFC 3396) is read as far as the first one goes: none that counts here needs
    /// more.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Option<Self> {
        let (fixed, options) = message.split_first_chunk::<FIXED>()?;
        if !fixed.starts_with(&[FROM_SERVER, 1, 6]) || bytes(fixed, COOKIE_AT) != COOKIE {
            return None;
        }
        let mut answer = Answer {
            kind: 0,
            transaction: long(fixed, TRANSACTION),
            mac: Mac(bytes(fixed, CLIENT_HARDWARE)),
            address: Ipv4Addr::from_bits(long(fixed, YOUR)),
            server: 0,
            mask: 0,
            routers: &[],
            lease: 0,
            renewal: 0,
            rebinding: 0,
            client: &[],
        };
        let overload = answer.take(options)?;
        if overload & 1 != 0 {
            answer.take(fixed.get(FILE)?)?;
        }
        if overload & 2 != 0 {
            answer.take(fixed.get(SERVER_NAME)?)?;
        }
        Some(answer)
    }

    /// [`MESSAGE_TYPE`].
    #[inline]
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it came in a byte")]
    pub const fn kind(&self) -> u8 {
        self.kind as u8
    }

    /// [`SERVER_IDENTIFIER`].
    #[inline]
    #[must_use]
    pub const fn server(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.server)
    }

    /// Takes in options, of each kind the first. Returns where there are more, as [`OVERLOAD`] says.
    #[inline(never)]
    fn take(&mut self, options: &'a [u8]) -> Option<u32> {
        let mut overload = 0;
        for option in Tlv::new(Shape::Dhcp, options) {
            if option.wrong.is_some() {
                return None;
            }
            let (place, length) = match option.kind {
                MESSAGE_TYPE => (&mut self.kind, 1),
                OVERLOAD => (&mut overload, 1),
                SERVER_IDENTIFIER => (&mut self.server, 4),
                SUBNET_MASK => (&mut self.mask, 4),
                LEASE_TIME => (&mut self.lease, 4),
                RENEWAL_TIME => (&mut self.renewal, 4),
                REBINDING_TIME => (&mut self.rebinding, 4),
                kind => {
                    let place = match kind {
                        ROUTERS => &mut self.routers,
                        CLIENT_IDENTIFIER => &mut self.client,
                        _ => continue,
                    };
                    if place.is_empty() {
                        *place = option.data;
                    }
                    continue;
                }
            };
            if option.data.len() == length && *place == 0 {
                *place = option.data.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            }
        }
        Some(overload)
    }
}

/// What a client asks or says. What is unspecified isn't said (RFC 2131, table 5).
#[cfg(feature = "dhcp")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    /// [`MESSAGE_TYPE`].
    pub(crate) kind: u8,
    /// [`TRANSACTION`].
    pub(crate) transaction: u32,
    /// [`SECONDS`].
    pub(crate) seconds: u16,
    /// Who asks, on the link.
    pub(crate) mac: Mac,
    /// [`CLIENT`]: the address that it has, and sends from.
    pub(crate) client: Ipv4Addr,
    /// [`REQUESTED_ADDRESS`].
    pub(crate) requested: Ipv4Addr,
    /// [`SERVER_IDENTIFIER`].
    pub(crate) server: Ipv4Addr,
}

#[cfg(feature = "dhcp")]
impl Question {
    /// Writes the packet with it, all but the checksums.
    ///
    /// The broadcast flag stays clear: an answer to the address that isn't ours yet is taken in, so nobody else needs to
    /// hear it (RFC 2131 4.1).
    #[inline(never)]
    pub(crate) fn write(&self, destination: Ipv4Addr, packet: &mut [u8; QUESTION_PACKET]) {
        const DATAGRAM: [u8; 8] = {
            let [high, low] = ((udp::HEADER + QUESTION) as u16).to_be_bytes();
            [0, CLIENT_PORT as u8, 0, SERVER_PORT as u8, high, low, 0, 0]
        };
        const OPTIONS: Field = FIXED..FIXED + 19;
        let addresses = (self.client.into(), destination.into());
        // As long as the datagram that goes in.
        let Some(datagram) = ip::write(packet, protocol::UDP, addresses, 64) else { return };
        let Some((header, message)) = datagram.split_first_chunk_mut() else { return };
        *header = DATAGRAM;
        let Some(message) = message.first_chunk_mut::<QUESTION>() else { return };
        message.fill(0);
        let [a, b, c, d, e, f] = self.mac.0;
        put(message, OPERATION, [FROM_CLIENT, 1, 6]);
        put(message, TRANSACTION, self.transaction.to_be_bytes());
        put(message, SECONDS, self.seconds.to_be_bytes());
        put(message, CLIENT, self.client.octets());
        put(message, CLIENT_HARDWARE, self.mac.0);
        put(message, COOKIE_AT, COOKIE);
        put(message, OPTIONS, [MESSAGE_TYPE, 1, self.kind, CLIENT_IDENTIFIER, 7, 1, a, b, c, d, e, f]);
        // Who declines asks for no parameters: padding is in their place.
        if self.kind != DECLINE {
            let [a, b, c, d, e] = [SUBNET_MASK, ROUTERS, LEASE_TIME, RENEWAL_TIME, REBINDING_TIME];
            put(message, OPTIONS.start + 12..OPTIONS.end, [PARAMETER_REQUESTS, 5, a, b, c, d, e]);
        }
        let mut at = OPTIONS.end;
        for (kind, address) in [(REQUESTED_ADDRESS, self.requested), (SERVER_IDENTIFIER, self.server)] {
            if !address.is_unspecified() {
                let [a, b, c, d] = address.octets();
                put(message, at..at + 6, [kind, 4, a, b, c, d]);
                at += 6;
            }
        }
        put(message, at..at + 1, [END]);
    }
}
