//! Neighbour discovery for IPv6 (RFC 4861): messages of ICMPv6, and how they are written.

use core::net::Ipv6Addr;

use super::Mac;
use super::ethernet::{self, ethertype};
use super::field::{Bits, Field, byte, bytes, long, put, word};
use super::{checksum, icmp, ip::protocol, ipv6};

/// The type of a router solicitation (RFC 4861 4.1).
pub const ROUTER_SOLICITATION: u8 = 133;
/// The type of a router advertisement (RFC 4861 4.2).
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// The type of a neighbour solicitation (RFC 4861 4.3).
pub const NEIGHBOR_SOLICITATION: u8 = 135;
/// The type of a neighbour advertisement (RFC 4861 4.4).
pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// The type of a redirect (RFC 4861 4.5).
pub const REDIRECT: u8 = 137;

/// The hop limit of every message: it proves that no router forwarded it.
pub const HOP_LIMIT: u8 = 255;

/// Solicitations, redirect: reserved.
pub const RESERVED: Field = 4..8;
/// Neighbour solicitation and advertisement, redirect: the address that it is about.
pub const TARGET: Field = 8..24;

/// Router advertisement: the hop limit that hosts are to use; 0 if it doesn't say.
pub const CURRENT_HOP_LIMIT: Field = 4..5;
/// Router advertisement: its flags.
pub const ROUTER_FLAGS: Field = 5..6;
/// Router advertisement: the number of the bit "managed address configuration".
pub const MANAGED: usize = 40;
/// Router advertisement: the number of the bit "other configuration".
pub const OTHER: usize = 41;
/// Router advertisement: the number of the bit "home agent" (RFC 6275 7.1).
pub const HOME_AGENT: usize = 42;
/// Router advertisement: the router's preference (RFC 4191 2.2).
pub const ROUTER_PREFERENCE: Bits = 43..45;
/// Router advertisement: the number of the bit "proxy" (RFC 4389).
pub const PROXY: usize = 45;
/// Router advertisement: reserved bits.
pub const ROUTER_RESERVED: Bits = 46..48;
/// Router advertisement: for so many seconds it is a default router.
pub const ROUTER_LIFETIME: Field = 6..8;
/// Router advertisement: for so many milliseconds a neighbour is reachable.
pub const REACHABLE_TIME: Field = 8..12;
/// Router advertisement: so many milliseconds between solicitations.
pub const RETRANS_TIMER: Field = 12..16;

/// Neighbour advertisement: the word that has the flags.
pub const NEIGHBOR_FLAGS: Field = 4..8;
/// In [`NEIGHBOR_FLAGS`]: the sender is a router.
pub const ROUTER: u32 = 0x8000_0000;
/// In [`NEIGHBOR_FLAGS`]: it answers a solicitation.
pub const SOLICITED: u32 = 0x4000_0000;
/// In [`NEIGHBOR_FLAGS`]: it overrides what was known (RFC 4861 7.2.5).
pub const OVERRIDE: u32 = 0x2000_0000;
/// Neighbour advertisement: reserved bits.
pub const NEIGHBOR_RESERVED: Bits = 35..64;

/// Redirect: the destination that there is a better first hop to.
pub const DESTINATION: Field = 24..40;

/// The number of the bit that a flag of [`NEIGHBOR_FLAGS`] is.
#[must_use]
pub const fn flag_bit(flag: u32) -> usize {
    8 * NEIGHBOR_FLAGS.end - 1 - flag.trailing_zeros() as usize
}

/// Where a message's options begin, by its type. `None` if it is none of neighbour discovery's.
#[inline]
#[must_use]
pub const fn options_at(kind: u8) -> Option<usize> {
    match kind {
        ROUTER_SOLICITATION => Some(8),
        ROUTER_ADVERTISEMENT => Some(16),
        NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT => Some(24),
        REDIRECT => Some(40),
        _ => None,
    }
}

/// Options (RFC 4861 4.6): a type, a length in units of eight bytes, and so much data.
pub mod option {
    use super::super::field::{Bits, Field, byte, bytes, long};

    /// The unit in which lengths are.
    pub const UNIT: usize = 8;
    /// What kind of option it is.
    pub const TYPE: Field = 0..1;
    /// How many units it has, with type and length.
    pub const LENGTH: Field = 1..2;
    /// Bytes of an option with an Ethernet address.
    pub const LINK_LAYER_ADDRESS: usize = 8;

    /// The sender's address on the link.
    pub const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
    /// The target's address on the link.
    pub const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
    /// A prefix that is on the link, or that addresses are formed of (RFC 4861 4.6.2).
    pub const PREFIX_INFORMATION: u8 = 3;
    /// The packet that a redirect is about.
    pub const REDIRECTED_HEADER: u8 = 4;
    /// What the link takes.
    pub const MTU: u8 = 5;

    /// The option that tells an Ethernet address, as the source's or the target's.
    #[inline]
    #[must_use]
    pub const fn link_layer_address(kind: u8, mac: super::super::Mac) -> [u8; LINK_LAYER_ADDRESS] {
        let [a, b, c, d, e, f] = mac.0;
        [kind, 1, a, b, c, d, e, f]
    }

    /// The options of a message, up to the first that is cut off or has a length of 0.
    pub fn each(options: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut left = options;
        core::iter::from_fn(move || {
            let length = UNIT * usize::from(*left.get(1)?);
            let (option, rest) = left.split_at_checked(length).filter(|_| length > 0)?;
            left = rest;
            Some(option)
        })
    }

    /// The Ethernet address that an option tells: the source's or the target's, as `kind` says.
    #[inline]
    #[must_use]
    pub const fn mac(kind: u8, option: &[u8]) -> Option<super::super::Mac> {
        match option.first_chunk() {
            Some([found, 1, a, b, c, d, e, f]) if *found == kind => {
                Some(super::super::Mac([*a, *b, *c, *d, *e, *f]))
            }
            _ => None,
        }
    }

    /// Prefix information (RFC 4861 4.6.2).
    #[derive(Debug, Clone, Copy)]
    pub struct Prefix<'a>(&'a [u8; Prefix::LENGTH]);

    impl<'a> Prefix<'a> {
        /// Bytes of the option.
        pub const LENGTH: usize = 32;
        /// So many bits are the prefix.
        pub const BITS: Field = 2..3;
        /// Its flags.
        pub const FLAGS: Field = 3..4;
        /// Flags: the prefix is on this link.
        pub const ON_LINK: u8 = 0x80;
        /// Flags: hosts form addresses of it.
        pub const AUTONOMOUS: u8 = 0x40;
        /// Flags: it is a router's address (RFC 6275 7.2).
        pub const ROUTER: u8 = 0x20;
        /// Flags: reserved.
        pub const RESERVED_FLAGS: Bits = 27..32;
        /// So many seconds it is valid; all ones for ever.
        pub const VALID: Field = 4..8;
        /// So many seconds addresses of it are preferred; all ones for ever.
        pub const PREFERRED: Field = 8..12;
        /// Reserved.
        pub const RESERVED: Field = 12..16;
        /// The prefix.
        pub const PREFIX: Field = 16..32;

        /// An option, if it is this one.
        #[inline]
        #[must_use]
        pub fn new(option: &'a [u8]) -> Option<Self> {
            let option: &[u8; Prefix::LENGTH] = option.first_chunk()?;
            option.starts_with(&[PREFIX_INFORMATION, 4]).then_some(Prefix(option))
        }

        /// [`Prefix::BITS`].
        #[inline]
        #[must_use]
        pub const fn bits(self) -> u8 {
            byte(self.0, Self::BITS)
        }

        /// Whether it has this flag.
        #[inline]
        #[must_use]
        pub const fn has(self, flag: u8) -> bool {
            byte(self.0, Self::FLAGS) & flag != 0
        }

        /// [`Prefix::VALID`].
        #[inline]
        #[must_use]
        pub const fn valid(self) -> u32 {
            long(self.0, Self::VALID)
        }

        /// [`Prefix::PREFERRED`].
        #[inline]
        #[must_use]
        pub const fn preferred(self) -> u32 {
            long(self.0, Self::PREFERRED)
        }

        /// The first half of [`Prefix::PREFIX`]: what an interface identifier leaves.
        #[inline]
        #[must_use]
        pub fn network(self) -> [u8; 8] {
            bytes(self.0, Self::PREFIX)
        }
    }
}

/// A message of neighbour discovery in a packet, which no router has forwarded: a hop limit of 255 proves it.
#[cfg(feature = "ipv6")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Discovery<'a> {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// From its type on.
    pub(crate) message: &'a [u8],
}

#[cfg(feature = "ipv6")]
impl<'a> Discovery<'a> {
    /// The message in a packet, if one is; whether it is valid, [`Discovery::is_valid`] says.
    #[inline]
    pub(crate) fn new(packet: &'a [u8]) -> Option<Self> {
        let (header, behind) = ipv6::Header::split(packet)?;
        let message = behind.get(..header.payload_length())?;
        let discovers = header.next_header() == protocol::ICMPV6
            && header.hop_limit() == HOP_LIMIT
            && options_at(*message.first()?).is_some();
        let (source, destination) = (header.source(), header.destination());
        discovers.then_some(Discovery { source, destination, message })
    }

    /// See [`is_valid`].
    pub(crate) fn is_valid(&self) -> bool {
        is_valid(self.source, self.destination, self.message)
    }
}

/// A neighbour solicitation or advertisement that came.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    bytes: &'a [u8],
    /// Both have the same fields.
    header: &'a [u8; About::HEADER],
}

impl<'a> About<'a> {
    /// Bytes before the options.
    const HEADER: usize = TARGET.end;

    /// The message, if it is one of both, and as long as it must be.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk()?;
        matches!(byte(header, icmp::TYPE), NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT)
            .then_some(About { bytes, header })
    }

    /// It is a solicitation.
    #[inline]
    #[must_use]
    pub const fn asks(&self) -> bool {
        byte(self.header, icmp::TYPE) == NEIGHBOR_SOLICITATION
    }

    /// [`TARGET`].
    #[inline]
    #[must_use]
    pub fn target(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(bytes(self.header, TARGET))
    }

    /// Whether it takes the place of what was known (RFC 4861 7.2.3, 7.2.5): an advertisement says so, a solicitation
    /// does.
    #[inline]
    #[must_use]
    pub const fn overrides(&self) -> bool {
        self.asks() || long(self.header, NEIGHBOR_FLAGS) & OVERRIDE != 0
    }

    /// Whether it is the answer to a solicitation.
    #[inline]
    #[must_use]
    pub const fn is_solicited(&self) -> bool {
        !self.asks() && long(self.header, NEIGHBOR_FLAGS) & SOLICITED != 0
    }

    /// Where the sender of a solicitation is, or what an advertisement is about, if it tells.
    #[inline]
    #[must_use]
    pub fn mac(&self) -> Option<Mac> {
        let kind =
            if self.asks() { option::SOURCE_LINK_LAYER_ADDRESS } else { option::TARGET_LINK_LAYER_ADDRESS };
        option::each(self.bytes.get(Self::HEADER..)?).find_map(|found| option::mac(kind, found))
    }

    /// Whether its checksum is right.
    #[must_use]
    pub fn is_right(&self, source: Ipv6Addr, destination: Ipv6Addr) -> bool {
        is_right(source, destination, self.bytes)
    }
}

/// A router advertisement that came.
#[derive(Debug, Clone, Copy)]
pub struct RouterAdvertisement<'a> {
    header: &'a [u8; RouterAdvertisement::HEADER],
    options: &'a [u8],
}

impl<'a> RouterAdvertisement<'a> {
    /// Bytes before the options.
    const HEADER: usize = RETRANS_TIMER.end;

    /// The message, if it is one, and as long as it must be.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (header, options) = bytes.split_first_chunk()?;
        (byte(header, icmp::TYPE) == ROUTER_ADVERTISEMENT).then_some(RouterAdvertisement { header, options })
    }

    /// [`ROUTER_LIFETIME`], in seconds.
    #[inline]
    #[must_use]
    pub const fn lifetime(&self) -> u16 {
        word(self.header, ROUTER_LIFETIME)
    }

    /// Its options, up to the first that can't be.
    pub fn options(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        option::each(self.options)
    }
}

/// Whether a message is valid, as far as all kinds have the same rules (RFC 4861 6.1.1 to 7.1.2): code 0, a right
/// checksum, options that fill what is behind the fixed part. The hop limit is the caller's to look at.
#[must_use]
pub fn is_valid(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> bool {
    let [kind, code, ..] = *message else { return false };
    let Some(options) = options_at(kind).and_then(|at| message.get(at..)) else { return false };
    code == 0
        && is_right(source, destination, message)
        && option::each(options).map(<[u8]>::len).sum::<usize>() == options.len()
}

/// Whether the checksum of a message of ICMPv6 is right.
#[must_use]
pub fn is_right(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> bool {
    let pseudo = checksum::pseudo_v6(source, destination, protocol::ICMPV6, message.len());
    checksum::is_right(checksum::sum(pseudo, message))
}

/// A message that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    kind: u8,
    flags: u32,
    source: (Mac, Ipv6Addr),
    destination: (Mac, Ipv6Addr),
    /// What is behind the flags: the target, if there is one.
    target: Option<Ipv6Addr>,
    /// The kind of the option that tells the source's Ethernet address, if there is one.
    tells: Option<u8>,
}

/// Bytes before what is behind the flags.
const HEADERS: usize = ipv6::HEADER + icmp::LONG_HEADER;

impl Message {
    /// Bytes of the longest packet.
    pub const LONGEST_PACKET: usize = HEADERS + 16 + option::LINK_LAYER_ADDRESS;
    /// Bytes of the longest frame.
    pub const LONGEST: usize = ethernet::HEADER + Self::LONGEST_PACKET;

    /// Tells `to` that `known` is where it is (RFC 4861 4.4), in place of what was known. To a group it is unsolicited
    /// (7.2.4: the asker has no address yet).
    #[must_use]
    pub const fn advertisement(known: (Mac, Ipv6Addr), to: (Mac, Ipv6Addr)) -> Self {
        Message {
            kind: NEIGHBOR_ADVERTISEMENT,
            flags: if to.1.is_multicast() { OVERRIDE } else { SOLICITED | OVERRIDE },
            source: known,
            destination: to,
            target: Some(known.1),
            tells: Some(option::TARGET_LINK_LAYER_ADDRESS),
        }
    }

    /// Tells everybody that `known` is where it is, in place of what was known (RFC 4861 7.2.6).
    #[must_use]
    pub const fn announcement(known: (Mac, Ipv6Addr)) -> Self {
        Message::advertisement(known, (ethernet::ALL_NODES, ipv6::ALL_NODES))
    }

    /// The answer to a solicitation, from this Ethernet address and this IPv6 address: to who asks, or to everybody if the
    /// asker has no address yet (RFC 4861 7.2.4).
    #[must_use]
    pub const fn answer(known: (Mac, Ipv6Addr), asker: (Mac, Ipv6Addr)) -> Self {
        if asker.1.is_unspecified() {
            Message::announcement(known)
        } else {
            Message::advertisement(known, asker)
        }
    }

    /// The same advertisement, but it takes the place of nothing that was known: somebody else may have the address
    /// (RFC 4429 2.2).
    #[must_use]
    pub const fn without_override(mut self) -> Self {
        self.flags &= !OVERRIDE;
        self
    }

    /// The same solicitation, and nobody learns from it where the sender is: somebody else may have the address
    /// (RFC 4429 2.2).
    #[must_use]
    pub const fn without_mac(mut self) -> Self {
        self.tells = None;
        self
    }

    /// Asks who has `target` (RFC 4861 4.3), where it is.
    #[must_use]
    pub const fn solicitation(from: (Mac, Ipv6Addr), target: Ipv6Addr) -> Self {
        let group = ipv6::solicited_node(target);
        Message {
            kind: NEIGHBOR_SOLICITATION,
            flags: 0,
            source: from,
            destination: (ethernet::group(group), group),
            target: Some(target),
            tells: Some(option::SOURCE_LINK_LAYER_ADDRESS),
        }
    }

    /// Asks from no address whether somebody has `target` (RFC 4862 5.4.2).
    #[must_use]
    pub const fn probe(from: Mac, target: Ipv6Addr) -> Self {
        Message::solicitation((from, Ipv6Addr::UNSPECIFIED), target).without_mac()
    }

    /// Asks all routers to advertise themselves (RFC 4861 4.1).
    #[must_use]
    pub const fn router_solicitation(from: (Mac, Ipv6Addr)) -> Self {
        Message {
            kind: ROUTER_SOLICITATION,
            flags: 0,
            source: from,
            destination: (ethernet::group(ipv6::ALL_ROUTERS), ipv6::ALL_ROUTERS),
            target: None,
            tells: Some(option::SOURCE_LINK_LAYER_ADDRESS),
        }
    }

    /// Where its frame goes.
    #[must_use]
    pub const fn to(&self) -> Mac {
        self.destination.0
    }

    /// Bytes of its packet.
    #[inline]
    #[must_use]
    pub const fn packet_length(&self) -> usize {
        let target = if self.target.is_some() { 16 } else { 0 };
        let option = if self.tells.is_some() { option::LINK_LAYER_ADDRESS } else { 0 };
        HEADERS + target + option
    }

    /// Writes its packet, whose checksum is left 0, to a place as long as it; to a shorter one, nothing of use.
    pub fn write_packet(&self, place: &mut [u8]) {
        let addresses = (self.source.1, self.destination.1);
        let Some(message) = ipv6::write(place, protocol::ICMPV6, addresses, HOP_LIMIT) else { return };
        put(message, icmp::TYPE, [self.kind, 0, 0, 0]);
        put(message, NEIGHBOR_FLAGS, self.flags.to_be_bytes());
        let mut options = RESERVED.end;
        if let Some(target) = self.target {
            put(message, TARGET, target.octets());
            options = TARGET.end;
        }
        if let Some(kind) = self.tells {
            put(message, options..message.len(), option::link_layer_address(kind, self.source.0));
        }
    }

    /// Bytes of its frame.
    #[inline]
    #[must_use]
    pub const fn length(&self) -> usize {
        ethernet::HEADER + self.packet_length()
    }

    /// Writes its frame to the start of `frame`, with its checksum. What was written; nothing where it doesn't fit.
    pub fn write<'f>(&self, frame: &'f mut [u8]) -> &'f [u8] {
        let Some(frame) = frame.get_mut(..self.length()) else { return &[] };
        ethernet::write(frame, self.destination.0, self.source.0, ethertype::IPV6);
        let Some((_, packet)) = frame.split_first_chunk_mut::<{ ethernet::HEADER }>() else { return &[] };
        self.write_packet(packet);
        if let Some((_, message)) = packet.split_first_chunk_mut::<{ ipv6::HEADER }>() {
            fill(message, self.source.1, self.destination.1);
        }
        frame
    }
}

/// Fills in the checksum of a message of ICMPv6, which was left 0.
pub(super) fn fill(message: &mut [u8], source: Ipv6Addr, destination: Ipv6Addr) {
    let pseudo = checksum::pseudo_v6(source, destination, protocol::ICMPV6, message.len());
    let sum = checksum::fold(checksum::sum(pseudo, message));
    put(message, icmp::CHECKSUM, (!sum).to_be_bytes());
}
