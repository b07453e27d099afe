//! The text that is streamed, over and over, and what it has to become.

/// No multiple of any buffer's size, so that a piece in the wrong place differs.
const LENGTH: usize = (1 << 20) - 3;

pub(crate) struct Pattern {
    plain: Vec<u8>,
    upper: Vec<u8>,
}

impl Pattern {
    /// The same at every run.
    pub(crate) fn new() -> Pattern {
        // Marsaglia's xorshift.
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let plain: Vec<u8> = (0..LENGTH)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Space to tilde: two thirds of them aren't letters, or are capitals.
                b' ' + (random >> 32) as u8 % 95
            })
            .collect();
        let upper = plain.to_ascii_uppercase();
        Pattern { plain, upper }
    }

    /// What is sent from this byte of the stream on, `most` bytes or fewer.
    pub(crate) fn from(&self, at: u64, most: u64) -> &[u8] {
        piece(&self.plain, at, most)
    }

    /// How many of these bytes are other than those that have to come from this byte of the stream on.
    pub(crate) fn wrong(&self, mut at: u64, mut came: &[u8]) -> u64 {
        let mut wrong = 0;
        while !came.is_empty() {
            let expected = piece(&self.upper, at, came.len() as u64);
            let (now, rest) = came.split_at(expected.len());
            if now != expected {
                wrong += now.iter().zip(expected).filter(|(one, other)| one != other).count() as u64;
            }
            at += now.len() as u64;
            came = rest;
        }
        wrong
    }
}

fn piece(bytes: &[u8], at: u64, most: u64) -> &[u8] {
    let start = (at % bytes.len() as u64) as usize;
    let rest = &bytes[start..];
    &rest[..rest.len().min(usize::try_from(most).unwrap_or(usize::MAX))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_across_its_end() {
        let pattern = Pattern::new();
        let at = 3 * LENGTH as u64 - 10;
        assert_eq!(pattern.from(at, 100).len(), 10);
        let mut came = [pattern.from(at, 100), pattern.from(at + 10, 90)].concat();
        came.make_ascii_uppercase();
        assert_eq!(pattern.wrong(at, &came), 0);
        assert!(pattern.wrong(at + 1, &came) > 50, "bytes in the wrong place are wrong");
        came[50] ^= 0x80;
        assert_eq!(pattern.wrong(at, &came), 1);
    }
}
