//! What frames cross: the devices behind a server, and wrappers around any of them.
//!
//! A server takes any [`smoltcp::phy::Device`]. Here are the in-memory [`wire`], whose time is the caller's; with `std`
//! the `cable`, a wire between threads; and on Linux the `tap` interface, TUN too. A board brings its own. [`impaired`] puts
//! trouble in front of any of them.
//!
//! All are there for Ethernet frames and for IP packets with nothing before them ([`Link`]). Which of the two it is, the
//! server hears from its configuration ([`HostConfig::mac`](crate::host::HostConfig::mac)).

mod bytes;
#[cfg(feature = "std")]
pub mod cable;
pub mod impaired;
#[cfg(all(feature = "tap", target_os = "linux"))]
pub mod tap;
pub mod wire;

use smoltcp::phy::{DeviceCapabilities, Medium};

use crate::packet::Link;

/// The abilities of a device that takes IP packets of so many bytes.
fn capabilities(link: Link, ip_mtu: usize) -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.max_transmission_unit = ip_mtu + link.header();
    // For Ethernet, smoltcp has a name only where it was built with it; and then that is the default.
    if link == Link::Ip {
        capabilities.medium = Medium::Ip;
    }
    capabilities
}
