//! The branches in Thumb-2 code with a target in the instruction: "ARMv7-M Architecture Reference Manual", A7.7.12 (B)
//! and A7.7.18 (BL).

/// A branch: where it is, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// The instruction's address.
    pub at: u32,
    /// The address that it leads to.
    pub to: u32,
}

/// All of them in a run of instructions, without data between, that begins at this address.
pub fn branches(code: &[u8], mut at: u32) -> impl Iterator<Item = Branch> {
    let mut halves = code.chunks_exact(2).map(|half| u16::from_le_bytes([half[0], half[1]]));
    core::iter::from_fn(move || {
        loop {
            let first = halves.next()?;
            let here = at;
            // A5.1: these five bits tell 32-bit instructions from 16-bit ones.
            let offset = if first >> 11 >= 0b11101 {
                at += 4;
                wide(first, halves.next()?)
            } else {
                at += 2;
                narrow(first)
            };
            if let Some(offset) = offset {
                // The program counter reads as the instruction's address + 4.
                return Some(Branch { at: here, to: here.wrapping_add(4).wrapping_add_signed(offset) });
            }
        }
    })
}

fn narrow(half: u16) -> Option<i32> {
    let half = u32::from(half);
    match half >> 12 {
        // B, encoding T1; conditions 14 and 15 are UDF and SVC.
        0b1101 if half >> 8 & 0xf < 14 => Some(signed(half & 0xff, 8) * 2),
        // B, encoding T2.
        0b1110 if half >> 11 & 1 == 0 => Some(signed(half & 0x7ff, 11) * 2),
        _ => None,
    }
}

fn wide(first: u16, second: u16) -> Option<i32> {
    let (first, second) = (u32::from(first), u32::from(second));
    if first >> 11 != 0b11110 || second >> 15 == 0 {
        return None;
    }
    let (s, j1, j2) = (first >> 10 & 1, second >> 13 & 1, second >> 11 & 1);
    match (second >> 14 & 1, second >> 12 & 1) {
        // BL, encoding T1, and B, encoding T4.
        (_, 1) => {
            let (i1, i2) = (1 ^ j1 ^ s, 1 ^ j2 ^ s);
            let offset = s << 23 | i1 << 22 | i2 << 21 | (first & 0x3ff) << 11 | second & 0x7ff;
            Some(signed(offset, 24) * 2)
        }
        // B, encoding T3; conditions 14 and 15 are other instructions.
        (0, _) if first >> 6 & 0xf < 14 => {
            let offset = s << 19 | j2 << 18 | j1 << 17 | (first & 0x3f) << 11 | second & 0x7ff;
            Some(signed(offset, 20) * 2)
        }
        _ => None,
    }
}

/// The lowest `bits` of a value as a signed number.
fn signed(value: u32, bits: u32) -> i32 {
    (value << (32 - bits)).cast_signed() >> (32 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As objdump shows it: half-words.
    fn read(at: u32, halves: &[u16]) -> Vec<Branch> {
        let code: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        branches(&code, at).collect()
    }

    #[test]
    fn calls_ahead_and_back() {
        // From a disassembly: `8e6: f003 fb91  bl 400c`, `4020: f7ff fff8  bl 4014`.
        assert_eq!(read(0x8e6, &[0xf003, 0xfb91]), [Branch { at: 0x8e6, to: 0x400c }]);
        assert_eq!(read(0x4020, &[0xf7ff, 0xfff8]), [Branch { at: 0x4020, to: 0x4014 }]);
        assert_eq!(read(0x512c, &[0xf7fe, 0xff7a]), [Branch { at: 0x512c, to: 0x4024 }]);
    }

    #[test]
    fn jumps_of_every_width() {
        // `b.w`, `bne.w`, `b.n`, `bne.n`, each to 0x1000.
        assert_eq!(read(0x0ffa, &[0xf000, 0xb801]), [Branch { at: 0xffa, to: 0x1000 }]);
        assert_eq!(read(0x1100, &[0xf47f, 0xaf7e]), [Branch { at: 0x1100, to: 0x1000 }]);
        assert_eq!(read(0x1100, &[0xe77e]), [Branch { at: 0x1100, to: 0x1000 }]);
        assert_eq!(read(0x1010, &[0xd1f6]), [Branch { at: 0x1010, to: 0x1000 }]);
    }

    #[test]
    fn what_is_no_branch_is_passed_over() {
        // movs r0, #1; svc 0; udf 0; ldr.w r0, [r1]; dmb; nop; bl +0.
        let code = [0x2001, 0xdf00, 0xde00, 0xf8d1, 0x0000, 0xf3bf, 0x8f5f, 0xbf00, 0xf000, 0xf800];
        assert_eq!(read(0x100, &code), [Branch { at: 0x110, to: 0x114 }]);
    }
}
