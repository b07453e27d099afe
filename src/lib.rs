//! The map.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]

pub mod device;
pub mod server;
pub mod text;
