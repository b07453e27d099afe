//! The networking textbook's uppercase server on a TCP/IP stack that you can open.
//!
//! The textbook teaches sockets with one small program: a client sends a sentence, the server sends it back in upper
//! case; once over UDP, once over TCP, port 12000. Here is that server and that client, and below them not the
//! kernel but smoltcp: every frame, every state and every deadline is in reach.
//!
//! ```text
//!  Device ──► front door ──► smoltcp ──► service ──► smoltcp ──► Device
//!   frames      │             packets                  packets     frames
//!               │  which connection? may it come in?
//!               └─ events: call · state · frame · timer ──► views
//! ```
//!
//! # The map
//!
//! A frame crosses these rooms in this order:
//!
//! | room | its one job |
//! |---|---|
//! | [`device`] | where frames come from and go to: the in-memory wire, a TAP interface; a board brings its own |
//! | `link` | what is before a packet on Ethernet: who is where, and which addresses are ours |
//! | [`server`] | one poll: frames in, past the front door, to the connection that each is for; replies out |
//! | `recovery` | what was lost is sent again, and how much may be in flight |
//! | [`service`] | what is done with a datagram and with a stream: upper-casing, or a protocol of your own |
//! | [`text`] | upper-casing a byte stream as Python's `str.upper()` does, however the bytes are cut |
//! | [`event`] | what happened, typed: the only instrumentation |
//! | [`client`] | the two clients' side of it, on the same stack |
//! | [`host`] | what a server and a client are told alike: addresses, gateways, a seed |
//! | [`packet`] | headers: what a frame is, and where its fields are |
//!
//! Around it are packages of their own: `undersock-views` writes what happened (timeline, ladder, capture, table, JSON,
//! log lines), `undersock-course` has scenes in virtual time, and `undersock-command` is the command.
//!
//! The server reads no clock, no environment and no randomness of its own: it is given time, frames and a seed, and
//! returns when it wants to be called again. So everything it does can be tested in virtual time. What server, stack and
//! caller may count on is a page in the repository, [docs/stack-contract.md], with the few files that touch smoltcp.
//!
//! [docs/stack-contract.md]: https://github.com/undersock/undersock/blob/main/docs/stack-contract.md
//!
//! # A server in twenty lines
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use undersock::smoltcp::time::{Duration, Instant};
//! use undersock::device::wire::Wire;
//! use undersock::server::{Config, Memory, Server, Sizes};
//! use undersock::service::Uppercase;
//!
//! let wire = Wire::owned(Duration::ZERO, 64);
//! let (mut server_end, _client_end) = wire.ends();
//! let config = Config::default().with_seed(42);
//! let memory = Memory::owned(Sizes::default().with_connections(4));
//! let mut server = Server::new(&config, memory, &mut server_end, Instant::ZERO)?;
//!
//! // For ever: poll, then sleep until a frame comes or the deadline has passed.
//! let deadline = server.poll(Instant::ZERO, &mut server_end, &mut Uppercase::new(), &mut ());
//! assert!(deadline.is_some(), "it says again where its addresses are");
//! # Ok::<(), undersock::server::ConfigError>(())
//! ```
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `ipv4`, `ipv6` | one of them at least |
//! | `dhcp` | take the IPv4 address from a DHCP server |
//! | `slaac` | form IPv6 addresses from the prefixes that routers advertise |
//! | `unicode` | upper-case as Unicode does; without it, ASCII letters only |
//! | `recovery` | what is lost is sent again within about a round trip, and the network isn't flooded; without it, after a second |
//! | `std` | owned memory; a wire between threads; answers by way of the gateway; it takes `recovery` along |
//! | `tap` | on Linux, the TAP device; it takes `std` along |
//!
//! Without any but `ipv4`, which is the default, it is the firmware's base: `no_std`, no allocator.
//!
//! smoltcp is here as [`smoltcp`], and a program that has it itself, with any features, has the same one. It is given IP
//! packets; what is before them on an Ethernet link is this library's (the room `link`). A server needs none of its tables'
//! sizes: it may have [`host::MAX_ADDRESSES`], and remembers nobody whom it answers. A client speaks from as many addresses
//! at once as the stack has room for, 2 by default.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]

#[cfg(not(any(feature = "ipv4", feature = "ipv6")))]
compile_error!("undersock needs a version of IP: enable the feature `ipv4`, or `ipv6`, or both");

#[cfg(any(feature = "ipv4", feature = "ipv6"))]
mod bucket;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod client;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod device;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod event;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod host;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
mod link;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod packet;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
#[cfg_attr(not(feature = "recovery"), path = "recovery/off.rs")]
mod recovery;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod server;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod service;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
mod stack;
pub mod text;

/// The stack below the sockets: its time, its addresses and its `Device` are this library's own.
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub use smoltcp;
