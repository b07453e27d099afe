//! The boards of `examples/boards`, seen from the host.
//!
//! | module | its one job |
//! |---|---|
//! | [`table`] | the boards: target, linker, how to flash a real one; what QEMU must be told is `undersock-machines`' |
//! | [`compiler`] | a compiler on this machine that can build for a target |
//! | [`image`] | a board built with a set of features: an ELF file |
//! | [`elf`] | its sections and symbols, and what it must not have |
//! | [`thumb`] | its calls, read from the instructions |
//! | [`emulator`] | QEMU's command line for it |
//! | [`tools`] | the system's programs that all this takes |
//!
//! `cargo xtask` builds and boots boards with it, `tests/boards` talks to them.

pub mod compiler;
pub mod elf;
pub mod emulator;
mod failure;
pub mod image;
pub mod table;
pub mod thumb;
pub mod tools;

use std::path::{Path, PathBuf};

pub use compiler::Compiler;
pub use emulator::{Boot, Console, Network};
pub use failure::{Failure, Result};
pub use image::Image;
pub use table::{BOARDS, Board};
pub use tools::Tool;

/// The project's folder.
#[must_use]
pub fn home() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Where cargo puts what it builds.
#[must_use]
pub fn target_folder() -> PathBuf {
    let home = home();
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| home.join("target"), |given| home.join(given))
}
