//! The map.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]

pub mod client;
pub mod device;
pub mod event;
pub mod server;
pub mod service;
pub mod text;
pub mod view;
