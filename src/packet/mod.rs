//! Headers: where their fields are, what their numbers mean, how they are read, checked and written.
//!
//! A file a protocol, with the RFC's names; nothing here knows anything of the rest of the library. Who reads one header
//! takes it from there: [`tcp::Header`]. Who reads a whole frame walks through its [`layers()`], or takes what it is,
//! cheaply:
//!
//! ```
//! use undersock::packet::{Packet, packet};
//!
//! let frame = [0; 60];
//! match packet(&frame) {
//!     Packet::Tcp(tcp) => println!("{} > {}, {} bytes", tcp.from, tcp.to, tcp.payload.len()),
//!     other => println!("{other:?}"),
//! }
//! ```
//!
//! | | |
//! |---|---|
//! | [`field`] | a field's place, and how a number is read |
//! | [`ethernet`], [`arp`] | the link |
//! | [`ip`], [`ipv4`], [`ipv6`] | the network |
//! | [`icmp`], [`ndp`], [`mld`] | its messages |
//! | [`tcp`], [`udp`], [`dhcp`] | what is inside |
//! | [`checksum`] | RFC 1071 |
//! | [`Tlv`] | options |
//! | [`layers()`], [`Part`] | the walk; on it [`Sum`] and [`packet()`] |
//! | [`Link`] | the same for frames that begin with something else than Ethernet's header |
//!
//! Both versions of IP are read whatever the stack was built with: frames of the other come by on every network. No bytes
//! make any of it panic.
#![forbid(unsafe_code)]

pub(crate) mod answer;
pub mod arp;
pub mod checksum;
pub mod dhcp;
mod digest;
pub mod ethernet;
pub mod field;
pub mod icmp;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
mod layers;
mod link;
mod mac;
pub mod mld;
pub mod ndp;
pub(crate) mod seal;
mod sum;
pub mod tcp;
mod tlv;
pub mod udp;

#[cfg(test)]
mod tests;

pub use dhcp::dhcp_name;
pub use digest::{Arp, Icmp, IcmpError, Message, Other, Packet, Quoted, Tcp, Udp};
pub use field::{ipv4_at, ipv6_at, u16_at, u32_at};
pub use layers::{Ip, Layer, Layers, Part};
pub use link::{Link, damaged, layers, packet};
pub use mac::{Mac, NotMac};
pub use sum::Sum;
pub use tcp::{Blocks, Flags, Options, TcpOption, tcp_option};
pub use tlv::{Item, Shape, Tlv, Wrong};
