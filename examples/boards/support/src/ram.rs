//! How much of the RAM is taken by statics.

/// Bytes of RAM that statics take, and bytes from the first static to the end of the stack's region.
///
/// The linker knows: `cortex-m-rt` and `riscv-rt` give the same names to these places.
#[cfg(target_os = "none")]
pub(crate) fn statics() -> (usize, usize) {
    let start = (&raw const symbols::__sdata).addr();
    ((&raw const symbols::__sheap).addr() - start, stack_start() - start)
}

/// The address above the stack's first word.
#[cfg(target_os = "none")]
pub(crate) fn stack_start() -> usize {
    (&raw const symbols::_stack_start).addr()
}

/// The address above the last static: the stack must end here.
#[cfg(all(target_os = "none", feature = "measure"))]
pub(crate) fn stack_end() -> usize {
    (&raw const symbols::__sheap).addr()
}

#[cfg(target_os = "none")]
#[allow(unsafe_code, reason = "names that the linker script defines")]
mod symbols {
    // SAFETY: the start-up crate's linker script defines them. Only their addresses are used.
    unsafe extern "C" {
        pub(super) safe static __sdata: u8;
        pub(super) safe static __sheap: u8;
        pub(super) safe static _stack_start: u8;
    }
}

/// On a host there is no such linker script; only tests get here.
#[cfg(not(target_os = "none"))]
pub(crate) fn statics() -> (usize, usize) {
    (0, 0)
}
