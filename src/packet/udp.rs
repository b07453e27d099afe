//! UDP (RFC 768).

use super::field::{Field, word};

/// Bytes of the header.
pub const HEADER: usize = 8;

/// Source port.
pub const SOURCE_PORT: Field = 0..2;
/// Destination port.
pub const DESTINATION_PORT: Field = 2..4;
/// Bytes of the datagram, header and all.
pub const LENGTH: Field = 4..6;
/// Over the pseudo-header and the datagram; 0 if there is none.
pub const CHECKSUM: Field = 6..8;

/// The header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER]);

impl<'a> Header<'a> {
    /// The header of a datagram. `None` if it is cut off.
    #[inline]
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Option<Self> {
        match datagram.first_chunk() {
            Some(header) => Some(Header(header)),
            None => None,
        }
    }

    /// [`SOURCE_PORT`].
    #[inline]
    #[must_use]
    pub const fn source_port(self) -> u16 {
        word(self.0, SOURCE_PORT)
    }

    /// [`DESTINATION_PORT`].
    #[inline]
    #[must_use]
    pub const fn destination_port(self) -> u16 {
        word(self.0, DESTINATION_PORT)
    }

    /// [`LENGTH`].
    #[inline]
    #[must_use]
    pub const fn length(self) -> usize {
        word(self.0, LENGTH) as usize
    }

    /// [`CHECKSUM`].
    #[inline]
    #[must_use]
    pub const fn checksum(self) -> u16 {
        word(self.0, CHECKSUM)
    }
}
