//! The bytes of one frame.
#![forbid(unsafe_code)]

use core::iter::repeat_n;
use core::ops::{Deref, DerefMut};

use crate::packet::ethernet;

/// The longest frame in bytes, without its FCS: an MTU of 1,500, which is also what every end says of itself.
pub const MAX_FRAME: usize = ethernet::HEADER + MTU;
/// The longest IP packet in bytes.
pub(super) const MTU: usize = 1_500;

#[cfg(feature = "std")]
type Vector = std::vec::Vec<u8>;
#[cfg(not(feature = "std"))]
type Vector = heapless::Vec<u8, MAX_FRAME>;

/// The bytes of one frame, at most [`MAX_FRAME`]. With `std` they are on the heap, as many as the longest frame had that
/// was here: a value with many of these is small. Elsewhere there is room for any frame.
pub(super) struct Bytes(Vector);

impl Bytes {
    pub(super) const fn new() -> Self {
        Bytes(Vector::new())
    }

    /// Takes a frame in the place of what was here. Whether it fits; if not, nothing is here.
    pub(super) fn fill(&mut self, frame: &[u8]) -> bool {
        self.0.clear();
        let fits = frame.len() <= MAX_FRAME;
        if fits {
            self.0.extend(frame.iter().copied());
        }
        fits
    }

    /// So many zeros in the place of what was here, to write a frame in: not the bytes of an older one. `None` where a
    /// frame can't have so many.
    pub(super) fn zeros(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.clear();
        if len > MAX_FRAME {
            return None;
        }
        self.0.extend(repeat_n(0, len));
        Some(&mut self.0)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
