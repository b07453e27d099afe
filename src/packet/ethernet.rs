//! Ethernet II (RFC 894), the 802.1Q tag, and 802.2 logical link control where the type field is a length.

use core::net::Ipv6Addr;

use super::Mac;
use super::field::{Bits, Field, bytes, put, word};

/// Bytes of the header, without a tag.
pub const HEADER: usize = 14;
/// Where a frame goes.
pub const DESTINATION: Field = 0..6;
/// Where it comes from.
pub const SOURCE: Field = 6..12;
/// What is in it, or how long that is.
pub const ETHERTYPE: Field = 12..14;

/// No frame is shorter, without the frame check sequence (IEEE 802.3 4.2.3.3).
pub const SHORTEST: usize = 60;
/// Up to here, the type field is a length (IEEE 802.3 3.2.6).
pub const LONGEST: u16 = 1_500;

/// Where IPv6 frames to all nodes go (RFC 2464 7).
pub const ALL_NODES: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);
/// In an address's first byte: it is a group's.
pub const GROUP: u8 = 0x01;
/// In an address's first byte: nobody assigned it.
pub const LOCAL: u8 = 0x02;

/// What a type field says is in a frame.
pub mod ethertype {
    /// RFC 894.
    pub const IPV4: u16 = 0x0800;
    /// RFC 826.
    pub const ARP: u16 = 0x0806;
    /// An IEEE 802.1Q tag.
    pub const VLAN: u16 = 0x8100;
    /// An IEEE 802.1ad tag: a provider's, around the customer's.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// RFC 2464 3.
    pub const IPV6: u16 = 0x86dd;
}

/// The header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER]);

impl<'a> Header<'a> {
    /// The header of a frame, and what is in it. `None` if it is cut off.
    #[inline]
    #[must_use]
    pub const fn split(frame: &'a [u8]) -> Option<(Self, &'a [u8])> {
        match frame.split_first_chunk() {
            Some((header, payload)) => Some((Header(header), payload)),
            None => None,
        }
    }

    /// [`DESTINATION`].
    #[inline]
    #[must_use]
    pub fn destination(self) -> Mac {
        Mac(bytes(self.0, DESTINATION))
    }

    /// [`SOURCE`].
    #[inline]
    #[must_use]
    pub fn source(self) -> Mac {
        Mac(bytes(self.0, SOURCE))
    }

    /// [`ETHERTYPE`].
    #[inline]
    #[must_use]
    pub const fn ethertype(self) -> u16 {
        word(self.0, ETHERTYPE)
    }
}

/// Where frames to a group of IPv6 go (RFC 2464 7).
#[inline]
#[must_use]
pub const fn group(address: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = address.octets();
    Mac([0x33, 0x33, a, b, c, d])
}

/// Writes the header of a frame.
#[inline(always)]
pub(crate) fn write(frame: &mut [u8], to: Mac, from: Mac, ethertype: u16) {
    put(frame, DESTINATION, to.0);
    put(frame, SOURCE, from.0);
    put(frame, ETHERTYPE, ethertype.to_be_bytes());
}

/// An IEEE 802.1Q tag, from behind the type field that says that there is one.
pub mod vlan {
    use super::{Bits, Field};

    /// Bytes of a tag.
    pub const HEADER: usize = 4;
    /// Priority code point.
    pub const PRIORITY: Bits = 0..3;
    /// Drop eligible indicator: the number of its bit.
    pub const DROP_ELIGIBLE: usize = 3;
    /// VLAN identifier.
    pub const IDENTIFIER: Bits = 4..16;
    /// The word that all three are in.
    pub const CONTROL: Field = 0..2;
    /// The VLAN identifier's bits in that word.
    pub const IDENTIFIER_MASK: u16 = 0x0fff;
    /// What is behind the tag, or how long that is.
    pub const ETHERTYPE: Field = 2..4;
}

/// IEEE 802.2 logical link control, with SNAP (RFC 1042).
pub mod llc {
    use super::Field;

    /// Bytes of the header: the control field is one.
    pub const HEADER: usize = 3;
    /// Bytes of the header where the control field is two.
    pub const NUMBERED_HEADER: usize = 4;
    /// Bytes of the header with SNAP's.
    pub const SNAP_HEADER: usize = 8;
    /// Destination service access point.
    pub const DSAP: Field = 0..1;
    /// Source service access point.
    pub const SSAP: Field = 1..2;
    /// Control.
    pub const CONTROL: Field = 2..3;
    /// Control, where it is two bytes.
    pub const NUMBERED_CONTROL: Field = 2..4;
    /// SNAP: who gives the type its meaning.
    pub const ORGANIZATION: Field = 3..6;
    /// SNAP: the type, an EtherType if the organization is 0.
    pub const SNAP_TYPE: Field = 6..8;
    /// The service access point of SNAP.
    pub const SNAP: u8 = 0xaa;
    /// The control field of unnumbered information.
    pub const UNNUMBERED_INFORMATION: u8 = 0x03;
    /// The bits of the control field's first byte that say that it is the only one (IEEE 802.2 5.4).
    pub const UNNUMBERED: u8 = 0x03;
}
