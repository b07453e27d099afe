//! The rooms of the command. Arguments become types in `args`; each command has a module; a failure is a value that
//! `main` prints once.

pub(crate) mod args;
pub(crate) mod failure;
pub(crate) mod help;
pub(crate) mod logger;
pub(crate) mod output;

pub(crate) mod check;
pub(crate) mod lab;
pub(crate) mod serve;
pub(crate) mod tcp;
pub(crate) mod udp;

#[cfg(target_os = "linux")]
pub(crate) mod linux;

mod conversation;
mod finding;
mod memory;
mod options;
mod progress;
mod prompt;
mod remote;
mod scenario;
mod sentences;
mod stream;
mod watch;
mod witness;
