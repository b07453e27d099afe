//! What frames cross: the devices behind a server, and wrappers around any of them.
//!
//! A server takes any [`smoltcp::phy::Device`]. Here are the in-memory [`wire`], whose time is the caller's; with `std`
//! the `cable`, a wire between threads; and on Linux the `tap` interface. A board brings its own. [`impaired`] puts
//! trouble in front of any of them.

mod bytes;
#[cfg(feature = "std")]
pub mod cable;
pub mod impaired;
#[cfg(all(feature = "tap", target_os = "linux"))]
pub mod tap;
pub mod wire;
