//! What an emulated board asks of its host, by semihosting: to end with a status, and for randomness.
//!
//! "Semihosting for AArch32 and AArch64", Arm 2.0, and "RISC-V Semihosting", which has the same operations. QEMU
//! listens with `-semihosting-config enable=on,target=native`. On silicon without a debugger, the breakpoint that
//! makes the call is a fault: the processor stops, as it would have anyway.
//!
//! | status | |
//! |---|---|
//! | 101 | a panic |
//! | 102 | a HardFault, or any other exception that nobody expects |
#![allow(unsafe_code, reason = "semihosting is a breakpoint with arguments in registers; reserved RAM")]

use core::arch::asm;

/// The status of a panic.
pub const PANIC: u32 = 101;
/// The status of a processor's fault.
pub const FAULT: u32 = 102;

const SYS_OPEN: usize = 0x01;
const SYS_CLOSE: usize = 0x02;
const SYS_READ: usize = 0x06;
const SYS_EXIT_EXTENDED: usize = 0x20;

/// SYS_OPEN's mode for `rb`.
const MODE_READ: usize = 1;
/// SYS_EXIT_EXTENDED's reason: the application ends by itself.
const ADP_STOPPED_APPLICATION_EXIT: usize = 0x2_0026;

/// Ends QEMU with a status.
pub fn exit(status: u32) -> ! {
    // SAFETY: the operation reads two words, the reason and the status, and writes nothing.
    unsafe { call(SYS_EXIT_EXTENDED, &mut [ADP_STOPPED_APPLICATION_EXIT, status as usize]) };
    // Nobody listened.
    #[allow(clippy::empty_loop, reason = "this is the end: there is nothing left to wait for")]
    loop {}
}

/// A seed: from the last 8 bytes of RAM, which the linker script keeps free as `_seed`, if they aren't zeros; else from
/// the host's /dev/urandom; else zero.
///
/// QEMU fills them with `-device loader,addr=…,data=…,data-len=8`. On silicon they hold what the RAM held at power-on,
/// which differs but is no proper randomness; and after a reset, the next of a sequence that this function has left.
pub fn seed() -> u64 {
    // SAFETY: the linker script defines it, aligned to 8 bytes, outside of the RAM that the program is given.
    unsafe extern "C" {
        static mut _seed: u64;
    }
    let place = &raw mut _seed;
    // SAFETY: as above, and nothing else reads or writes it.
    let kept = unsafe { place.read_volatile() };
    let seed = if kept != 0 { kept } else { random().unwrap_or(0) };
    // Another one after the next reset: an odd number's multiples go through all of them.
    // SAFETY: as for the reading.
    unsafe { place.write_volatile(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) };
    seed
}

/// Eight bytes of the host's randomness.
fn random() -> Option<u64> {
    const PATH: &[u8] = b"/dev/urandom\0";
    let mut bytes = [0_u8; 8];
    // SAFETY: the host reads the name, whose length doesn't count its final zero.
    let file = unsafe { call(SYS_OPEN, &mut [PATH.as_ptr().expose_provenance(), MODE_READ, PATH.len() - 1]) };
    if file == usize::MAX {
        return None;
    }
    // SAFETY: the host writes at most as many bytes as there are.
    let missing = unsafe { call(SYS_READ, &mut [file, bytes.as_mut_ptr().expose_provenance(), bytes.len()]) };
    // SAFETY: the host reads the one argument.
    unsafe { call(SYS_CLOSE, &mut [file]) };
    (missing == 0).then_some(u64::from_ne_bytes(bytes))
}

/// A semihosting operation with its arguments, and what it returns.
///
/// # Safety
/// The operation has as many arguments; those that are addresses are of memory that it may read or write.
#[inline(never)]
unsafe fn call(operation: usize, arguments: &mut [usize]) -> usize {
    let result;
    #[cfg(target_arch = "arm")]
    // SAFETY: the caller vouches for the arguments; the instruction changes r0 alone.
    unsafe {
        asm!("bkpt #0xab", inout("r0") operation => result, in("r1") arguments.as_mut_ptr(), options(nostack));
    }
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: the caller vouches for the arguments. The three instructions are to be found together and uncompressed
    // ("RISC-V Semihosting", 3.1), in one page: they are aligned to 16 bytes.
    unsafe {
        asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") arguments.as_mut_ptr(),
            options(nostack),
        );
    }
    result
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "log")]
    log::error!("{_info}");
    exit(PANIC)
}

/// A bus error, an undefined instruction: what the processor can't go on from.
#[cfg(all(target_arch = "arm", not(feature = "log")))]
#[cortex_m_rt::exception(trampoline = false)]
unsafe fn HardFault() -> ! {
    exit(FAULT)
}

/// A bus error, an undefined instruction: what the processor can't go on from. Says where.
#[cfg(all(target_arch = "arm", feature = "log"))]
#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    log::error!("HardFault at {:#010x}, called from {:#010x}", frame.pc(), frame.lr());
    exit(FAULT)
}
