//! Views of the events: each writes what it is shown, and none of them counts or decides anything.
#![forbid(unsafe_code)]

#[cfg(feature = "log")]
pub mod log;
