//! ARP (RFC 826), for IPv4 on Ethernet.

use core::net::Ipv4Addr;

use super::Mac;
use super::ethernet::{self, ethertype};
use super::field::{Field, bytes, long, put, word};

/// Bytes before the addresses.
pub const FIXED: usize = 8;
/// Bytes of a packet for IPv4 on Ethernet.
pub const PACKET: usize = 28;
/// Bytes of a frame with one, without padding.
pub const FRAME: usize = ethernet::HEADER + PACKET;

/// What kind of link it is.
pub const HARDWARE_TYPE: Field = 0..2;
/// What protocol's addresses are asked for: an EtherType.
pub const PROTOCOL_TYPE: Field = 2..4;
/// Bytes of the link's addresses.
pub const HARDWARE_LENGTH: Field = 4..5;
/// Bytes of the protocol's addresses.
pub const PROTOCOL_LENGTH: Field = 5..6;
/// What it says.
pub const OPERATION: Field = 6..8;
/// The sender's Ethernet address.
pub const SENDER_MAC: Field = 8..14;
/// The sender's IPv4 address.
pub const SENDER: Field = 14..18;
/// The target's Ethernet address.
pub const TARGET_MAC: Field = 18..24;
/// The target's IPv4 address.
pub const TARGET: Field = 24..28;

/// A [`HARDWARE_TYPE`].
pub const ETHERNET: u16 = 1;
/// How a packet for IPv4 on Ethernet begins, up to its operation.
pub const START: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// An [`OPERATION`]: who has the target address?
pub const REQUEST: u16 = 1;
/// An [`OPERATION`]: the sender's address is at the sender's Ethernet address.
pub const REPLY: u16 = 2;

/// A packet for IPv4 on Ethernet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(&'a [u8; PACKET]);

impl<'a> Packet<'a> {
    /// A packet, if it is for IPv4 on Ethernet, and all there.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.first_chunk().filter(|packet: &&[u8; PACKET]| packet.starts_with(&START)).map(Packet)
    }

    /// [`OPERATION`].
    #[inline]
    #[must_use]
    pub const fn operation(self) -> u16 {
        word(self.0, OPERATION)
    }

    /// [`SENDER_MAC`].
    #[inline]
    #[must_use]
    pub fn sender_mac(self) -> Mac {
        Mac(bytes(self.0, SENDER_MAC))
    }

    /// [`SENDER`].
    #[inline]
    #[must_use]
    pub const fn sender(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(long(self.0, SENDER))
    }

    /// [`TARGET_MAC`].
    #[inline]
    #[must_use]
    pub fn target_mac(self) -> Mac {
        Mac(bytes(self.0, TARGET_MAC))
    }

    /// [`TARGET`].
    #[inline]
    #[must_use]
    pub const fn target(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(long(self.0, TARGET))
    }
}

/// Writes a frame that tells `to` that `known` is where it is: a reply.
#[inline]
pub fn reply(frame: &mut [u8; FRAME], known: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) {
    write(frame, REPLY, to.0, known, to);
}

/// Writes a frame that asks everybody who has `target`.
#[inline]
pub fn request(frame: &mut [u8; FRAME], from: (Mac, Ipv4Addr), target: Ipv4Addr) {
    write(frame, REQUEST, Mac::BROADCAST, from, (Mac([0; 6]), target));
}

/// Writes a frame that asks everybody whether somebody has `target`, and says nothing of who asks, since nobody is to
/// learn an address from it that isn't in use yet (RFC 5227 2.1.1).
#[inline]
pub fn probe(frame: &mut [u8; FRAME], from: Mac, target: Ipv4Addr) {
    request(frame, (from, Ipv4Addr::UNSPECIFIED), target);
}

/// Writes a frame that tells everybody who has an address: a request for it, by who has it (RFC 5227 2.3).
#[inline]
pub fn announcement(frame: &mut [u8; FRAME], known: (Mac, Ipv4Addr)) {
    request(frame, known, known.1);
}

// One copy: a host writes all of them.
#[inline(never)]
fn write(frame: &mut [u8; FRAME], operation: u16, to: Mac, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) {
    ethernet::write(frame, to, sender.0, ethertype::ARP);
    if let Some((_, packet)) = frame.split_first_chunk_mut::<{ ethernet::HEADER }>() {
        put(packet, HARDWARE_TYPE, START);
        put(packet, OPERATION, operation.to_be_bytes());
        put(packet, SENDER_MAC, sender.0.0);
        put(packet, SENDER, sender.1.octets());
        put(packet, TARGET_MAC, target.0.0);
        put(packet, TARGET, target.1.octets());
    }
}
