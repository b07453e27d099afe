//! Networks that a test makes for itself, and the programs that run in them.
//!
//! - [`alone`]: the test again, in a network, a process tree and a mount table of its own.
//! - [`tool`]: a program of this system, or the sentence that names its Debian package.
//! - [`Program`]: one that runs beside the test.
//! - [`Nobody`]: a user without any privilege.
//! - [`prints`], [`fails`]: how a run ends.
//! - [`text`]: 100 MiB for a stream.
#![allow(dead_code, unused_imports, reason = "several test files share it, and none uses all of it")]

mod namespace;
mod nobody;
mod outcome;
mod program;
pub(crate) mod text;
mod tools;

pub(crate) use self::namespace::{again, alone, is_inside, namespaces};
pub(crate) use self::nobody::Nobody;
pub(crate) use self::outcome::{fails, prints};
pub(crate) use self::program::Program;
pub(crate) use self::tools::{tool, tool_path};
