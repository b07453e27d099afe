//! What frames cross: the devices behind a server, and wrappers around any of them.
//!
//! A server takes any [`smoltcp::phy::Device`]. Here are the in-memory wire, for tests and examples, and, on Linux,
//! the TAP interface. A board brings its own.

#[cfg(feature = "std")]
pub mod cable;
pub(crate) mod frame;
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod tap;
pub mod wire;
