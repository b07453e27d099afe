//! Registers by address and offset: the one place where a driver touches memory that isn't Rust's.
#![allow(unsafe_code, reason = "volatile reads and writes of registers")]

use core::ptr;

/// A peripheral's block of 32-bit registers.
#[derive(Debug, Clone, Copy)]
pub struct Peripheral {
    base: usize,
}

impl Peripheral {
    /// The peripheral at an address.
    ///
    /// # Safety
    /// From `base` on there are registers, and only registers, as far as the offsets go that are used with this
    /// value: 32 bits wide, and no access to them changes memory that Rust code refers to (as starting a DMA transfer
    /// would).
    #[must_use]
    pub const unsafe fn new(base: usize) -> Self {
        Peripheral { base }
    }

    /// Reads the register at an offset in bytes. To read some is to change them, so the value may go unused.
    #[inline(always)]
    #[allow(clippy::must_use_candidate, reason = "see above")]
    pub fn read(self, offset: usize) -> u32 {
        // SAFETY: `new`'s caller vouches for a register here.
        unsafe { ptr::read_volatile((self.base + offset) as *const u32) }
    }

    /// Writes the register at an offset in bytes.
    #[inline(always)]
    pub fn write(self, offset: usize, value: u32) {
        // SAFETY: as in `read`.
        unsafe { ptr::write_volatile((self.base + offset) as *mut u32, value) }
    }

    /// Takes words out of the FIFO whose port is at an offset: four at a turn, which costs half of one at a turn.
    #[inline(always)]
    pub fn read_words(self, offset: usize, words: &mut [[u8; 4]]) {
        let read = || self.read(offset).to_le_bytes();
        let (fours, rest) = words.as_chunks_mut::<4>();
        for [first, second, third, fourth] in fours {
            *first = read();
            *second = read();
            *third = read();
            *fourth = read();
        }
        rest.fill_with(read);
    }

    /// Puts words into the FIFO whose port is at an offset.
    #[inline(always)]
    pub fn write_words(self, offset: usize, words: &[[u8; 4]]) {
        let write = |word: &[u8; 4]| self.write(offset, u32::from_le_bytes(*word));
        let (fours, rest) = words.as_chunks::<4>();
        for [first, second, third, fourth] in fours {
            write(first);
            write(second);
            write(third);
            write(fourth);
        }
        rest.iter().for_each(write);
    }
}
