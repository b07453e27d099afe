//! Clock and alarm: 64 bits that count at 10 MHz from reset on and never wrap, and a value to compare them with.
//!
//! "RISC-V Advanced Core Local Interruptor Specification" 1.0, "Machine-level Timer Device"; "The RISC-V Instruction
//! Set Manual, Volume II: Privileged Architecture", 20211203, 3.2.1. QEMU has them where SiFive's CLINT has them.
#![allow(unsafe_code, reason = "the address of the registers")]

use undersock::smoltcp::time::Instant;
use undersock_board::peripheral::Peripheral;

// SAFETY: the machine has the CLINT's registers here, all of the offsets below; none reaches into memory.
const CLINT: Peripheral = unsafe { Peripheral::new(0x0200_0000) };
/// Hart 0's `mtimecmp`: the interrupt is pending while `mtime` is at or above it.
const MTIMECMP: usize = 0x4000;
const MTIMECMP_HIGH: usize = MTIMECMP + 4;
const MTIME: usize = 0xbff8;
const MTIME_HIGH: usize = MTIME + 4;

const TICKS_PER_MICRO: u32 = 10;

/// The time since reset.
pub(crate) fn now() -> Instant {
    // The high word again after the low one: if it has changed, the low one may belong to either.
    let mut high = CLINT.read(MTIME_HIGH);
    let low = loop {
        let low = CLINT.read(MTIME);
        let before = core::mem::replace(&mut high, CLINT.read(MTIME_HIGH));
        if before == high {
            break low;
        }
    };
    Instant::from_micros(micros(high, low))
}

/// Ticks to microseconds, by long division with digits of 32 bits. A 64-bit division would be a call of 200 and more
/// instructions; these two are multiplications.
fn micros(high: u32, low: u32) -> i64 {
    // 2^32 ticks are so many microseconds, and 6 ticks.
    const TURN: u32 = u32::MAX / TICKS_PER_MICRO;
    const REST: u32 = u32::MAX % TICKS_PER_MICRO + 1;
    const _: () = assert!(REST < TICKS_PER_MICRO);

    let (quotient, turns) = (high / TICKS_PER_MICRO, high % TICKS_PER_MICRO);
    let ticks = turns * REST + low % TICKS_PER_MICRO;
    // Below 2^32: `turns` is less than a microsecond's ticks.
    let micros = turns * TURN + low / TICKS_PER_MICRO + ticks / TICKS_PER_MICRO;
    i64::from(quotient) << 32 | i64::from(micros)
}

/// Makes the timer's interrupt pending from the deadline on; without one, in 58,000 years.
pub(crate) fn set_alarm(deadline: Option<Instant>) {
    let ticks = match deadline {
        Some(deadline) => deadline.total_micros().cast_unsigned() * u64::from(TICKS_PER_MICRO),
        None => u64::MAX,
    };
    // In between, no value that is earlier than both the old and the new one (Privileged Architecture 3.2.1).
    CLINT.write(MTIMECMP, u32::MAX);
    CLINT.write(MTIMECMP_HIGH, (ticks >> 32) as u32);
    CLINT.write(MTIMECMP, ticks as u32);
}
