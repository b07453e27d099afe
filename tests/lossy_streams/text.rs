//! Bytes that are no run of anything: what is lost, doubled or out of place shows.

use std::sync::OnceLock;

/// The longest stream.
pub const LONGEST: usize = 400_000;

pub fn lower() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut state = 1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b"abcdefghijklmnopqrstuvwxyz0123456789 ,.\n"[(state >> 33) as usize % 40]
        };
        (0..LONGEST).map(|_| next()).collect()
    })
}

pub fn upper() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| lower().to_ascii_uppercase())
}
