//! Arm Cortex-M: sleep, interrupt lines, and SysTick. "ARMv7-M Architecture Reference Manual", DDI 0403E.e, chapter
//! B3; the same on ARMv6-M.
//!
//! No board here has an interrupt handler. Interrupts stay masked; one that becomes pending wakes the processor from
//! `wfi` all the same (B1.5.19), and the loop finds the frame. So there is no state that a handler and the loop share.
#![allow(unsafe_code, reason = "processor instructions, and the addresses of the system control space")]

use core::arch::asm;

use undersock::smoltcp::time::Instant;

use crate::clock::Clock;
use crate::peripheral::Peripheral;

/// SysTick (B3.3.2).
// SAFETY: every Cortex-M with the extension has its four registers here.
const SYSTICK: Peripheral = unsafe { Peripheral::new(0xe000_e010) };
const SYST_CSR: usize = 0x0;
const SYST_RVR: usize = 0x4;
const SYST_CVR: usize = 0x8;
/// SYST_CSR: the processor's clock, an interrupt at zero, counting.
const CLKSOURCE_TICKINT_ENABLE: u32 = 0b111;
/// SYST_CSR: it has come to zero since the last look.
const COUNTFLAG: u32 = 1 << 16;
/// It counts 24 bits.
pub const SYSTICK_MAX: u32 = 0xff_ffff;

/// The nested vectored interrupt controller (B3.4.3).
// SAFETY: every Cortex-M has its registers here.
const NVIC: Peripheral = unsafe { Peripheral::new(0xe000_e100) };
const NVIC_ISER: usize = 0x000;
const NVIC_ICPR: usize = 0x180;

/// The system control block (B3.2.2).
// SAFETY: every Cortex-M has its registers here.
const SCB: Peripheral = unsafe { Peripheral::new(0xe000_ed00) };
const ICSR: usize = 0x04;
const PENDSTCLR: u32 = 1 << 25;

/// An interrupt line that wakes the processor and is never taken.
#[derive(Debug, Clone, Copy)]
pub struct Line(u32);

impl Line {
    /// Masks all interrupts, and lets this line wake the processor.
    #[must_use]
    pub fn enable(number: u32) -> Self {
        // SAFETY: sets PRIMASK. Less happens than before.
        unsafe { asm!("cpsid i", options(nomem, nostack, preserves_flags)) };
        let line = Line(number);
        NVIC.write(NVIC_ISER + line.word(), line.bit());
        line
    }

    /// Forgets that it was raised: what happens from now on counts.
    pub fn clear(self) {
        NVIC.write(NVIC_ICPR + self.word(), self.bit());
    }

    fn word(self) -> usize {
        self.0 as usize / 32 * 4
    }

    fn bit(self) -> u32 {
        1 << (self.0 % 32)
    }
}

/// Sleeps until an interrupt is pending, at once if one is.
#[inline(always)]
pub fn wait_for_interrupt() {
    // SAFETY: stops the processor for a while; what it wrote is written first (B1.5.19 and A3.7.3).
    unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) };
}

/// Makes SysTick raise its interrupt after so many ticks, 1 to [`SYSTICK_MAX`], and then again and again; earlier ones
/// are forgotten.
pub fn set_alarm(ticks: u32) {
    // Stopped first, so that no tick comes between.
    SYSTICK.write(SYST_CSR, 0);
    SCB.write(ICSR, PENDSTCLR);
    SYSTICK.write(SYST_RVR, ticks);
    // Any value makes it zero; the next tick loads RVR (B3.3.1).
    SYSTICK.write(SYST_CVR, 0);
    SYSTICK.write(SYST_CSR, CLKSOURCE_TICKINT_ENABLE);
}

/// SysTick as clock and alarm in one, for a board without a counter that runs free.
///
/// It turns once every [`SYSTICK_MAX`] ticks, and is started anew only for an alarm within the turn, which loses the
/// ticks of a few instructions: some 0.2 µs each time. There must be a look at the clock once a turn.
#[derive(Debug)]
pub struct SysTick<const MHZ: u32> {
    clock: Clock<MHZ>,
    /// The length of a turn: what RVR holds, and one.
    turn: u32,
    /// Ticks of this turn that the clock has counted.
    counted: u32,
}

impl<const MHZ: u32> SysTick<MHZ> {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        set_alarm(SYSTICK_MAX);
        SysTick { clock: Clock::new(), turn: SYSTICK_MAX + 1, counted: 0 }
    }

    /// The time since the start.
    pub fn now(&mut self) -> Instant {
        let ticks = self.passed();
        self.clock.advance(ticks)
    }

    /// Raises the interrupt at the deadline, or earlier.
    pub fn set_alarm(&mut self, deadline: Option<Instant>) {
        // First, so that a turn which ends from here on is an alarm; those before are seen by `now`.
        SCB.write(ICSR, PENDSTCLR);
        let now = self.now();
        let ticks = Clock::<MHZ>::ticks_until(now, deadline, SYSTICK_MAX);
        let is_short = self.turn <= SYSTICK_MAX;
        if is_short || ticks < self.turn - self.counted {
            set_alarm(ticks);
            (self.turn, self.counted) = (ticks + 1, 0);
        }
    }

    /// Ticks since the last look.
    fn passed(&mut self) -> u32 {
        let mut left = SYSTICK.read(SYST_CVR);
        // To read it is to clear it.
        let has_turned = SYSTICK.read(SYST_CSR) & COUNTFLAG != 0;
        let mut passed = 0;
        if has_turned {
            // It may have turned between the two reads.
            left = SYSTICK.read(SYST_CVR);
            passed = self.turn - core::mem::take(&mut self.counted);
        }
        // Zero is the turn's first tick. Where the flag comes a moment after the zero, as in QEMU, it seems to be
        // this turn's: then time stands still for that moment.
        if left != 0 {
            let counted = self.turn - left;
            passed += counted - self.counted;
            self.counted = counted;
        }
        passed
    }
}
