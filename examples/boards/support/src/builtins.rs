//! Functions that the compiler calls by itself, for Armv7-M and in assembly: copies, fills, 64-bit division.
#![allow(unsafe_code, reason = "assembly")]

core::arch::global_asm!(include_str!("builtins.s"), options(raw));
