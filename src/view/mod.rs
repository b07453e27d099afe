//! Views of the events: each writes what it is shown, and none of them counts or decides anything.

#[cfg(feature = "log")]
pub mod log;
