//! What the tests of several packages share.
//!
//! | file | its one job |
//! |---|---|
//! | [`world`] | a server and a client host on the in-memory wire, in virtual time; frames made by hand |
//! | [`golden`] | texts that are kept, compared with what is written now |
//! | [`command`] | programs run as a user would, no longer than a test may hang |
//! | `network` | namespaces that a test makes, programs and users in them |
//! | [`recipes`] | the commands of the README |
#![allow(missing_docs, reason = "the tests read it, and nobody else")]

pub mod command;
pub mod golden;
#[cfg(target_os = "linux")]
pub mod network;
pub mod recipes;
pub mod world;
