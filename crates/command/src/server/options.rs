//! From the options of a server to the library's types.

use core::hash::{BuildHasher, Hasher};
use std::collections::hash_map::RandomState;

use undersock::server::Sizes;
use undersock::service::Uppercase;

use crate::args::{ServerOptions, Text};

/// A number that nobody can guess: the keys of the standard library's hash tables come from the system.
pub(crate) fn unguessable() -> u64 {
    RandomState::new().build_hasher().finish()
}

pub(crate) fn sizes(options: &ServerOptions) -> Sizes {
    Sizes::default().with_connections(options.slots).with_buffers(options.buffer)
}

pub(crate) fn service(options: &ServerOptions) -> Uppercase {
    match options.text {
        Text::Unicode => Uppercase::new(),
        Text::Ascii => Uppercase::ascii(),
    }
}
