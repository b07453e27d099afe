//! What frames cross: the devices behind a server, and wrappers around any of them.
//!
//! A server takes any [`smoltcp::phy::Device`]. Here are the in-memory [`wire`], whose time is the caller's; with `std`
//! the `cable`, a wire between threads; and on Linux the `tap` interface. A board brings its own.

#[cfg(feature = "std")]
pub mod cable;
pub(crate) mod frame;
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod tap;
pub mod wire;
