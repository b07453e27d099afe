//! What a frame begins with: that is the device's, and no frame says it.

use super::layers::Part;
use super::{Layer, Layers, Packet, digest, ethernet, sum};

/// What the frames of a device begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Link {
    /// An Ethernet header.
    #[default]
    Ethernet,
    /// Nothing: a frame is an IP packet, of the version that it says itself. So are those of a TUN interface, and of a
    /// point-to-point line.
    Ip,
}

impl Link {
    /// A name for programs, in kebab-case: it stays.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Link::Ethernet => "ethernet",
            Link::Ip => "ip",
        }
    }

    /// Bytes before a packet.
    #[must_use]
    pub const fn header(self) -> usize {
        match self {
            Link::Ethernet => ethernet::HEADER,
            Link::Ip => 0,
        }
    }

    /// Walks through a frame of this link.
    #[must_use]
    pub fn layers(self, frame: &[u8]) -> Layers<'_> {
        Layers::new((!frame.is_empty()).then(|| Part::first(frame, self)))
    }

    /// Reads a frame of this link, without what follows it there (Ethernet's FCS).
    #[must_use]
    pub fn packet(self, frame: &[u8]) -> Packet<'_> {
        digest::read(self, self.layers(frame))
    }

    /// The first layer of a frame of this link whose checksum is wrong. What an ICMP error quotes doesn't count.
    #[must_use]
    pub fn damaged(self, frame: &[u8]) -> Option<Layer> {
        sum::first_wrong(self.layers(frame))
    }
}

/// Walks through an Ethernet frame.
#[must_use]
pub fn layers(frame: &[u8]) -> Layers<'_> {
    Link::Ethernet.layers(frame)
}

/// Reads an Ethernet frame, from its header on, without the FCS.
#[must_use]
pub fn packet(frame: &[u8]) -> Packet<'_> {
    Link::Ethernet.packet(frame)
}

/// The first layer of an Ethernet frame whose checksum is wrong. What an ICMP error quotes doesn't count.
#[must_use]
pub fn damaged(frame: &[u8]) -> Option<Layer> {
    Link::Ethernet.damaged(frame)
}
