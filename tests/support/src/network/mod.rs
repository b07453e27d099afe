//! Networks that a test makes for itself, and the programs that run in them.
//!
//! - [`alone`]: the test again, in a network, a process tree and a mount table of its own.
//! - [`tool`]: a program of this system, or the sentence that names its Debian package; [`ip`]: one of them, run.
//! - [`terminal`]: the command as a person has it.
//! - [`Program`]: one that runs beside the test.
//! - [`Nobody`]: a user without any privilege.
//! - [`prints`], [`fails`]: how a run ends.
//! - [`text`]: 100 MiB for a stream.

mod namespace;
mod nobody;
mod outcome;
mod program;
pub mod text;
mod tools;

pub use self::namespace::{again, alone, is_inside, namespaces};
pub use self::nobody::Nobody;
pub use self::outcome::{fails, prints};
pub use self::program::{Program, terminal};
pub use self::tools::{ip, tool, tool_path};
