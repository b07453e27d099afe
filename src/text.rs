//! Upper-casing of a byte stream.
//!
//! The bytes are taken as UTF-8 and mapped as Python's `str.upper()` does: toUppercase(X), rule R1 of the Unicode
//! Standard 3.13 "Default Case Conversion", with the unconditional mappings of SpecialCasing.txt (`ß` to `SS`) and
//! without those of single languages. What is left depends on no neighbouring character, so nothing is kept from
//! call to call: bytes that can't be decided yet stay with the caller.
//!
//! Bytes that are not UTF-8 pass unchanged. Without the feature `unicode` only `a` to `z` change.
#![forbid(unsafe_code)]

/// The most bytes out for one byte in: `ΐ` (U+0390) has 2 bytes and becomes 6.
pub const MAX_EXPANSION: usize = if cfg!(feature = "unicode") { 3 } else { 1 };

/// The most bytes out for one character. With this much room, only the end of the input stops [`upper_case`].
pub const MAX_CHARACTER: usize = if cfg!(feature = "unicode") { 6 } else { 1 };

/// The most bytes that wait for the rest of their character: all but the last of the longest, which has 4.
pub const MAX_INCOMPLETE: usize = if cfg!(feature = "unicode") { 3 } else { 0 };

/// How far one step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes taken from the start of the input.
    pub consumed: usize,
    /// Bytes written to the start of the output, at most [`MAX_EXPANSION`] for each byte consumed.
    pub produced: usize,
}

/// Upper-cases as much of `input` as fits into `output`.
///
/// `end`: no byte will follow `input`. Until then, a character whose last bytes are missing is left: at most
/// [`MAX_INCOMPLETE`] bytes. So is, at any time, a character whose upper case doesn't fit into the rest of `output`.
/// The caller gives what was left again, with more bytes after it or with more room. However the stream is cut, the
/// same bytes come out.
pub fn upper_case(input: &[u8], end: bool, output: &mut [u8]) -> Progress {
    let mut done = Progress::default();
    loop {
        let rest = input.get(done.consumed..).unwrap_or_default();
        let room = output.get_mut(done.produced..).unwrap_or_default();
        let step = step(rest, end, room);
        if step.consumed == 0 {
            return done;
        }
        done.consumed += step.consumed;
        done.produced += step.produced;
    }
}

/// Upper-cases `a` to `z` and passes every other byte, as much of `input` as fits into `output`.
///
/// Every byte stands for itself, so the end of the input is no different from its middle.
pub fn upper_case_ascii(input: &[u8], output: &mut [u8]) -> Progress {
    let shorter = input.len().min(output.len());
    let done = if VECTORS { 0 } else { ascii_words(input, output) };
    for (from, to) in input.iter().zip(output.iter_mut()).skip(done) {
        *to = from.to_ascii_uppercase();
    }
    Progress { consumed: shorter, produced: shorter }
}

/// Whether the compiler may take 16 bytes at once, which is better than anything written here.
const VECTORS: bool = cfg!(target_pointer_width = "64");

/// Maps whole words. How many bytes that were.
fn ascii_words(input: &[u8], output: &mut [u8]) -> usize {
    let words = input.as_chunks::<4>().0.iter().zip(output.as_chunks_mut::<4>().0);
    let bytes = 4 * words.len();
    for (from, to) in words {
        *to = upper_word(u32::from_ne_bytes(*from)).to_ne_bytes();
    }
    bytes
}

/// Four bytes, each as `u8::to_ascii_uppercase` maps it: those from `a` to `z` lose the bit 0x20.
const fn upper_word(word: u32) -> u32 {
    // No sum carries into the next byte: each byte is 0x7f at most, and what is added 0x1f.
    let low = word & 0x7f7f_7f7f;
    let from_a = low + 0x0101_0101 * (0x80 - b'a' as u32);
    let beyond_z = low + 0x0101_0101 * (0x7f - b'z' as u32);
    let letters = from_a & !beyond_z & !word & 0x8080_8080;
    word ^ letters >> 2
}

#[cfg(not(feature = "unicode"))]
fn step(input: &[u8], _end: bool, output: &mut [u8]) -> Progress {
    upper_case_ascii(input, output)
}

#[cfg(feature = "unicode")]
use unicode::step;

#[cfg(feature = "unicode")]
mod unicode {
    use core::str;

    use super::Progress;

    /// Bytes of an ASCII run that are mapped at once: what a vector register holds everywhere (SSE2, NEON). Longer
    /// blocks are no faster, and miss the short runs between accented letters.
    const BLOCK: usize = 16;

    /// One ASCII run, one other character, or one byte that is not UTF-8.
    pub(super) fn step(input: &[u8], end: bool, output: &mut [u8]) -> Progress {
        let Some(first) = input.first() else { return Progress::default() };
        if first.is_ascii() {
            return ascii_run(input, output);
        }
        match decode_first(input) {
            First::Character(c) => character(c, output),
            First::Incomplete if !end => Progress::default(),
            // One byte only: those after it can't start a character, so their turn comes the same way.
            First::Incomplete | First::NotUtf8 => unchanged(*first, output),
        }
    }

    fn ascii_run(input: &[u8], output: &mut [u8]) -> Progress {
        let mut run = 0;
        for (from, to) in input.as_chunks::<BLOCK>().0.iter().zip(output.as_chunks_mut::<BLOCK>().0) {
            if !from.is_ascii() {
                break;
            }
            *to = *from;
            to.make_ascii_uppercase();
            run += BLOCK;
        }
        for (from, to) in input.iter().zip(output).skip(run) {
            if !from.is_ascii() {
                break;
            }
            *to = from.to_ascii_uppercase();
            run += 1;
        }
        Progress { consumed: run, produced: run }
    }

    /// What the input starts with.
    enum First {
        Character(char),
        /// Bytes that more bytes could make a character.
        Incomplete,
        NotUtf8,
    }

    fn decode_first(input: &[u8]) -> First {
        // The first byte tells the length: Unicode Standard 3.9, table 3-7 "Well-Formed UTF-8 Byte Sequences".
        let length = match input.first() {
            Some(0xc2..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf4) => 4,
            _ => 1,
        };
        match str::from_utf8(input.get(..length).unwrap_or(input)) {
            Ok(one) => one.chars().next().map_or(First::Incomplete, First::Character),
            Err(error) if error.error_len().is_none() => First::Incomplete,
            Err(_) => First::NotUtf8,
        }
    }

    fn character(c: char, output: &mut [u8]) -> Progress {
        let upper = c.to_uppercase();
        let produced = upper.clone().map(char::len_utf8).sum();
        let Some(place) = output.get_mut(..produced) else { return Progress::default() };
        let mut place = place.iter_mut();
        for c in upper {
            // By way of four bytes, which are always enough: encoding in place keeps a panic, and the formatting of
            // its message, in builds for size.
            for (from, to) in c.encode_utf8(&mut [0; 4]).bytes().zip(&mut place) {
                *to = from;
            }
        }
        Progress { consumed: c.len_utf8(), produced }
    }

    fn unchanged(byte: u8, output: &mut [u8]) -> Progress {
        let Some(to) = output.first_mut() else { return Progress::default() };
        *to = byte;
        Progress { consumed: 1, produced: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(input: &[u8]) -> Vec<u8> {
        let mut output = vec![0; input.len() * MAX_EXPANSION];
        let Progress { consumed, produced } = upper_case(input, true, &mut output);
        assert_eq!(consumed, input.len(), "the end, and room enough, and yet something is left");
        output.truncate(produced);
        output
    }

    #[test]
    fn ascii_letters_and_nothing_else_change() {
        for byte in 0..=0x7f_u8 {
            assert_eq!(upper(&[byte]), [byte.to_ascii_uppercase()]);
        }
        // Every length and start around the blocks.
        let letters: Vec<u8> = (b' '..=b'~').collect();
        for from in 0..letters.len() {
            for to in from..letters.len() {
                assert_eq!(upper(&letters[from..to]), letters[from..to].to_ascii_uppercase());
            }
        }
    }

    #[test]
    fn a_word_is_four_bytes() {
        for byte in 0..=0xff_u8 {
            for neighbor in [0, b'a', b'z', 0x7f, 0xff] {
                for mut word in [[byte, neighbor, byte, neighbor], [neighbor, byte, neighbor, byte]] {
                    let upper = upper_word(u32::from_ne_bytes(word)).to_ne_bytes();
                    word.make_ascii_uppercase();
                    assert_eq!(upper, word);
                }
            }
        }
        let mut output = [0; 11];
        assert_eq!(ascii_words(b"from A to z", &mut output), 8);
        assert_eq!(&output, b"FROM A T\0\0\0");
    }

    #[test]
    fn bytes_that_are_not_utf8_pass() {
        for input in [
            &b"\x80"[..],
            b"\xff\xfe",
            b"\xc0\xaf",         // overlong
            b"\xed\xa0\x80",     // a surrogate
            b"\xf4\x90\x80\x80", // beyond U+10FFFF
            b"\xe2\x82",         // truncated
            b"\xf0\x9f\x98\xf0\x9f\x98",
        ] {
            assert_eq!(upper(input), input);
            assert_eq!(upper(&[b"a", input, b"z"].concat()), [b"A", input, b"Z"].concat());
        }
    }

    #[test]
    fn output_decides_how_far_it_goes() {
        let mut output = *b"......";
        assert_eq!(upper_case(b"sentence", false, &mut output), Progress { consumed: 6, produced: 6 });
        assert_eq!(&output, b"SENTEN");
        assert_eq!(upper_case(b"ce", false, &mut output), Progress { consumed: 2, produced: 2 });
        assert_eq!(&output, b"CENTEN", "bytes beyond those produced are not touched");
        assert_eq!(upper_case(b"sentence", true, &mut []), Progress::default());
        assert_eq!(upper_case(b"\xff", true, &mut []), Progress::default());
        assert_eq!(upper_case(b"", true, &mut output), Progress::default());
    }

    #[cfg(not(feature = "unicode"))]
    #[test]
    fn without_unicode_all_other_bytes_pass() {
        assert_eq!(upper("dès Noël, ß ΐ \u{10428}".as_bytes()), "DèS NOëL, ß ΐ \u{10428}".as_bytes());
        let mut output = [0; 2];
        assert_eq!(
            upper_case(&"é".as_bytes()[..1], false, &mut output),
            Progress { consumed: 1, produced: 1 }
        );
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn characters_map_as_in_unicode() {
        for (lower, expected) in [
            ("dès Noël", "DÈS NOËL"),
            ("ß", "SS"),
            ("ẞ", "ẞ"),               // already upper case
            ("ŉ", "\u{2bc}N"),        // the reverse of this does not exist
            ("ΐ", "Ι\u{308}\u{301}"), // 2 bytes to 6
            ("ᾳ ᾼ", "ΑΙ ΑΙ"),         // iota subscript; title case changes too
            ("ﬃ", "FFI"),             // ligature
            ("ǆ ǅ Ǆ", "Ǆ Ǆ Ǆ"),       // lower, title and upper case
            ("σς", "ΣΣ"),             // the final sigma is one in lower case only
            ("iı", "II"),             // no Turkish dotted I, whatever the locale
            ("ა", "Ა"),               // Georgian
            ("ꭰᏸ", "ᎠᏰ"),             // Cherokee
            ("𐓘", "𐒰"),               // Osage, 4 bytes
            ("ɐ", "Ɐ"),               // 2 bytes to 3
            ("e\u{301}", "E\u{301}"),
            ("\u{345}", "Ι"), // combining mark to letter
            ("漢字 ª 😀", "漢字 ª 😀"),
        ] {
            assert_eq!(upper(lower.as_bytes()), expected.as_bytes(), "{lower} is {expected} in upper case");
        }
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn limits_hold_for_every_character_and_are_reached() {
        let (mut longest, mut times) = (0, 0);
        for c in '\0'..=char::MAX {
            let input = c.to_string();
            let mut output = [0; 16];
            let Progress { consumed, produced } = upper_case(input.as_bytes(), false, &mut output);
            assert_eq!(consumed, c.len_utf8(), "{c:?} is whole");
            longest = longest.max(produced);
            times = times.max(produced.div_ceil(consumed));
        }
        assert_eq!((longest, times), (MAX_CHARACTER, MAX_EXPANSION));
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn characters_are_written_whole_or_not() {
        for room in 0..MAX_CHARACTER {
            let mut output = vec![0; room];
            assert_eq!(upper_case("ΐ".as_bytes(), true, &mut output), Progress::default());
            assert_eq!(output, vec![0; room]);
        }
        let mut output = [0; 3];
        assert_eq!(upper_case("aéé".as_bytes(), true, &mut output), Progress { consumed: 3, produced: 3 });
        assert_eq!(output, "AÉ".as_bytes());
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn incomplete_characters_wait_until_the_end() {
        let mut output = [0; 8];
        for c in ["é", "ა", "𐓘"] {
            for length in 1..c.len() {
                let start = &c.as_bytes()[..length];
                assert!(length <= MAX_INCOMPLETE);
                assert_eq!(upper_case(start, false, &mut output), Progress::default());
                assert_eq!(
                    upper_case(start, true, &mut output),
                    Progress { consumed: length, produced: length }
                );
                assert_eq!(&output[..length], start);
                // A byte that can't follow decides it too.
                let wrong = [start, b"a"].concat();
                assert_eq!(upper_case(&wrong, false, &mut output).consumed, length + 1);
            }
        }
    }
}
