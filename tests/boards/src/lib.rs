//! Boards in QEMU, and their peers.
//!
//! - [`Machine`]: a board that runs in QEMU, until the value is gone.
//! - [`monitor`], [`gdb`]: what is asked of QEMU meanwhile.
//! - [`Wire`]: its Ethernet, a frame at a time. [`raw`]: frames to send on it.
//! - [`Host`]: a client's stack on the wire.
//! - [`frames`]: frames that nobody should send.
//! - [`sockets`]: clients on this computer's own sockets.
//! - [`text`]: what they say, and what they should hear.
//! - [`soak`], [`load`]: a board under load.
//! - [`spans`], [`stack`]: the instructions and the stack that it takes.
//!
//! Whatever is waited for is waited for no longer than [`BOUND`].

pub mod frames;
pub mod gdb;
pub mod host;
pub mod load;
pub mod machine;
pub mod monitor;
pub mod soak;
pub mod sockets;
pub mod spans;
pub mod stack;
pub mod text;
pub mod wire;

use core::time::Duration;

use smoltcp::wire::IpAddress;
pub use test_support::world::raw;
pub use undersock::host::CLIENT_MAC;

pub use host::Host;
pub use machine::Machine;
pub use wire::Wire;

/// How long anything may take before it is a failure.
pub const BOUND: Duration = Duration::from_secs(60);

pub fn server_v4() -> IpAddress {
    IpAddress::v4(192, 168, 69, 1)
}

pub fn server_v6() -> IpAddress {
    IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1)
}

/// From its MAC address (RFC 4291 2.5.6).
pub fn server_link_local() -> IpAddress {
    IpAddress::v6(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, 1)
}

pub fn client_v4() -> IpAddress {
    IpAddress::v4(192, 168, 69, 100)
}

pub fn client_v6() -> IpAddress {
    IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100)
}

/// A module for each board that QEMU has; in it, a test for each of these functions, which are given the board's name.
#[macro_export]
macro_rules! each_board {
    ($($test:ident),* $(,)?) => {
        $crate::each_board!(@ mps2_an385 "mps2-an385": $($test)*);
        $crate::each_board!(@ lm3s6965evb "lm3s6965evb": $($test)*);
        $crate::each_board!(@ riscv32_virt "riscv32-virt": $($test)*);
    };
    (@ $module:ident $board:literal: $($test:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test($board);
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use boards::BOARDS;
    use boards::table::Place;

    fn is_one_that_qemu_has(board: &str) {
        let here = BOARDS.iter().find(|one| one.name == board);
        assert!(matches!(here.map(|board| &board.place), Some(Place::Qemu(_))), "{board}");
    }

    each_board!(is_one_that_qemu_has);

    /// A board that QEMU has and that `each_board!` doesn't name would not be tested at all.
    #[test]
    fn every_board_that_qemu_has_is_tested() {
        let source = include_str!("lib.rs");
        let macros = source.split_once("macro_rules! each_board").expect("the macro").1;
        for board in BOARDS.iter().filter(|board| matches!(board.place, Place::Qemu(_))) {
            assert!(
                macros.contains(&format!(" \"{}\": $($test)*);", board.name)),
                "{} is missing",
                board.name
            );
        }
    }
}
