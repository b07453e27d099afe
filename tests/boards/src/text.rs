//! What clients say, and what they should hear.

use undersock::text::{self, Progress};

/// The upper case that a board sends back: of ASCII letters alone, or of all that Unicode has.
pub fn upper(bytes: &[u8], unicode: bool) -> Vec<u8> {
    if !unicode {
        return bytes.to_ascii_uppercase();
    }
    let mut upper = vec![0; bytes.len() * text::MAX_EXPANSION];
    let Progress { consumed, produced } = text::upper_case(bytes, true, &mut upper);
    assert_eq!(consumed, bytes.len());
    upper.truncate(produced);
    upper
}

/// A long text: ASCII, and between it characters of two to four bytes, such as grow and shrink, and bytes that are none.
pub fn mixed(length: usize) -> Vec<u8> {
    const PIECES: [&[u8]; 8] = [
        b"It is a truth universally acknowledged, that a single man in possession of a good fortune, ",
        b"must be in want of a wife.\n",
        "ß Øre, Ærø, \u{149} ".as_bytes(),
        "\u{390}\u{fb03}\u{131}\u{17f}".as_bytes(),
        "ὀδυσσεύς здравствуйте 日本語 \u{10428}".as_bytes(),
        b"\0\xff\xc3\xe2\x82\xf0\x90\x90\x80\xbf",
        b"\xed\xa0\x80",
        b"k",
    ];
    let mut random = Random::new(0x2545_f491);
    let mut text = Vec::with_capacity(length + 100);
    while text.len() < length {
        let piece = PIECES[random.below(PIECES.len())];
        text.extend_from_slice(&piece[..=random.below(piece.len())]);
    }
    text.truncate(length);
    text
}

/// The same numbers at every run (Knuth's MMIX).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ_only_where_unicode_does_more() {
        let text = mixed(10_000);
        assert_eq!(text.len(), 10_000);
        assert_ne!(upper(&text, true), upper(&text, false));
        assert_eq!(upper(b"hello", true), upper(b"hello", false));
    }
}
