//! The textbook's clients on the kernel's sockets.
//!
//! - [`udp`], [`tcp`]: the two of them, a sentence there and back.
//! - [`stream`]: a file through the stream port, with its [`progress`].
//! - [`sentences`]: where sentences come from, and how replies are printed.
//! - [`remote`]: the server that a client talks to.
//! - [`witness`]: who hears what a client does.

mod progress;
mod remote;
pub(crate) mod sentences;
mod stream;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod witness;
