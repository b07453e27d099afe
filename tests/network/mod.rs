//! Networks that a test makes for itself, and the programs that run in them.
//!
//! - [`alone`]: the test again, in a network, a process tree and a mount table of its own.
//! - [`tool`]: a program of this system, or the sentence that names its Debian package.
//! - [`Program`]: one that runs beside the test.
//! - [`Nobody`]: a user without any privilege.
#![allow(dead_code, reason = "two test files share it, and neither uses all of it")]

pub(crate) mod namespace;
mod nobody;
mod program;
pub(crate) mod tools;

pub(crate) use self::namespace::alone;
pub(crate) use self::nobody::Nobody;
pub(crate) use self::program::Program;
pub(crate) use self::tools::tool;
