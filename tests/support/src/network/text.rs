//! A long text for a stream, and what it becomes.

use std::io::Read;
use std::sync::OnceLock;

use undersock::text::{self, Progress};

const LENGTH: usize = 100 << 20;

/// Mixed text: ASCII, and between it characters of two to four bytes, such as grow and shrink, and bytes that are
/// none.
pub struct Text {
    pub plain: Vec<u8>,
    pub upper: Vec<u8>,
}

const ASCII: &[u8] = b"It is a truth universally acknowledged, that a single man in possession of a good \
    fortune, must be in want of a wife. However little known the feelings or views of such a man may be on his \
    first entering a neighbourhood, this truth is so well fixed.";
const OTHERS: [&[u8]; 16] = [
    "ß".as_bytes(),
    "Øre, Ærø, \u{149}".as_bytes(),
    "\u{390}".as_bytes(),
    "ὀδυσσεύς ".as_bytes(),
    "\u{fb03}\u{131}\u{17f}".as_bytes(),
    "здравствуйте ".as_bytes(),
    "日本語".as_bytes(),
    "\u{10428}".as_bytes(),
    b"\0\r\n\t~",
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x90\x90",
    b"\x80\xbf",
    b"\xed\xa0\x80",
    b"\n",
];

impl Text {
    /// 100 MiB and their upper case in one go; made once, the same at every run.
    pub fn get() -> &'static Text {
        static TEXT: OnceLock<Text> = OnceLock::new();
        TEXT.get_or_init(|| {
            let plain = Text::mixed(LENGTH);
            let mut upper = vec![0; plain.len() * text::MAX_EXPANSION];
            let Progress { consumed, produced } = text::upper_case(&plain, true, &mut upper);
            assert_eq!(consumed, plain.len());
            upper.truncate(produced);
            Text { plain, upper }
        })
    }

    fn mixed(length: usize) -> Vec<u8> {
        let mut plain = Vec::with_capacity(length + 2 * ASCII.len());
        // Marsaglia's xorshift.
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        while plain.len() < length {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let [from, to, other, ..] = random.to_be_bytes().map(|byte| usize::from(byte) % ASCII.len());
            plain.extend_from_slice(&ASCII[from.min(to)..from.max(to)]);
            plain.extend_from_slice(OTHERS[other % OTHERS.len()]);
        }
        plain.truncate(length);
        plain
    }
}

/// Reads to the end, or to the first byte that is not as expected.
pub fn compare(mut pipe: impl Read, mut expected: &[u8]) -> Result<(), String> {
    let all = expected.len();
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = pipe.read(&mut piece).map_err(|error| error.to_string())?;
        let (came, at) = (&piece[..length], all - expected.len());
        if length == 0 {
            return if expected.is_empty() { Ok(()) } else { Err(format!("only {at} of {all} bytes")) };
        }
        let Some(rest) = expected.strip_prefix(came) else {
            let same = came.iter().zip(expected).take_while(|(one, other)| one == other).count();
            let some = |bytes: &[u8]| bytes[same..].iter().take(32).copied().collect::<Vec<_>>();
            let (came, expected) = (some(came), some(expected));
            return Err(format!("at byte {} of {all}: {came:x?} for {expected:x?}", at + same));
        };
        expected = rest;
    }
}
