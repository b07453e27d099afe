//! What both versions of IP have in common: the numbers of what is inside.

/// What is in a packet (RFC 791 3.1, RFC 8200 3), in IANA's registry of protocol numbers.
pub mod protocol {
    /// IPv6's hop-by-hop options (RFC 8200 4.3).
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4 (RFC 792).
    pub const ICMP: u8 = 1;
    /// RFC 9293.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// IPv6's routing header (RFC 8200 4.4).
    pub const ROUTING: u8 = 43;
    /// IPv6's fragment header (RFC 8200 4.5).
    pub const FRAGMENT: u8 = 44;
    /// The authentication header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: u8 = 58;
    /// Nothing is inside (RFC 8200 4.7).
    pub const NOTHING: u8 = 59;
    /// IPv6's destination options (RFC 8200 4.6).
    pub const DESTINATION: u8 = 60;
}

/// A header's length in bytes, from the four bits that have it in words of four bytes.
#[inline(always)]
#[must_use]
pub const fn words(words: u8) -> usize {
    4 * words as usize
}

/// The version of a packet, which is in both at one place. `None` if it is empty.
#[inline(always)]
#[must_use]
pub const fn version(packet: &[u8]) -> Option<u8> {
    match packet {
        [first, ..] => Some(*first >> 4),
        [] => None,
    }
}
