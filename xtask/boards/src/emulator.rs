//! QEMU's command line for a board.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::image::Image;
use crate::tools::{self, Tool, find};

/// The board's address without DHCP.
pub const STATIC_ADDRESS: &str = "192.168.69.1";
/// The address that QEMU's own network gives by DHCP: another one, so that it is seen which of the two a board took.
pub const DHCP_ADDRESS: &str = "192.168.69.15";

/// A board to be started.
#[derive(Debug)]
pub struct Boot<'a> {
    /// What was built.
    pub image: &'a Image,
    /// And where it is.
    pub elf: &'a Path,
    /// What its Ethernet is plugged into.
    pub network: Network<'a>,
    /// Where its serial line goes.
    pub console: Console<'a>,
    /// More for QEMU.
    pub more: Vec<OsString>,
}

/// What a board's Ethernet is plugged into.
#[derive(Debug)]
pub enum Network<'a> {
    /// QEMU's own network, which takes no privilege.
    User(&'a [Forward]),
    /// An interface of this name.
    Tap(&'a str),
    /// A pair of Unix datagram sockets; one datagram is one frame.
    Frames {
        /// QEMU's.
        board: &'a Path,
        /// Whose that talks to the board.
        peer: &'a Path,
    },
}

/// A port of this computer's loopback address that is the board's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// "udp" or "tcp".
    pub protocol: &'static str,
    /// Here; 0 for one that is free.
    pub from: u16,
    /// On the board.
    pub to: u16,
}

/// Where a board's serial line goes.
#[derive(Debug)]
pub enum Console<'a> {
    /// This terminal. Ctrl-C ends QEMU.
    Terminal,
    /// A file.
    File(&'a Path),
}

impl Image {
    /// The address that it has on QEMU's own network.
    #[must_use]
    pub fn address(&self) -> &'static str {
        if self.has("dhcp") { DHCP_ADDRESS } else { STATIC_ADDRESS }
    }
}

impl Boot<'_> {
    /// QEMU, ready to be started.
    ///
    /// # Errors
    /// QEMU is not installed, or doesn't have this board.
    pub fn command(&self) -> Result<Command> {
        let board = self.image.board;
        let attempt = format!("booting {}", board.name);
        let machine = board
            .machine()
            .ok_or_else(|| Failure::new(&attempt, "QEMU doesn't have this board: it takes a real one"))?;
        let tool = Tool { file: machine.program, package: machine.package };
        let program = find(tool.file).ok_or_else(|| Failure::new(&attempt, tools::sentence(&[tool])))?;
        let mut qemu = Command::new(program);
        qemu.args(machine.arguments());
        qemu.arg("-serial").arg(match self.console {
            Console::Terminal => "stdio".into(),
            Console::File(path) => option("file:", path),
        });
        qemu.arg("-netdev").arg(self.netdev());
        qemu.args(&self.more).arg("-kernel").arg(self.elf).stdin(Stdio::null());
        Ok(qemu)
    }

    fn netdev(&self) -> OsString {
        match self.network {
            Network::User(forwards) => {
                let address = self.image.address();
                let forwards = forwards.iter().map(|Forward { protocol, from, to }| {
                    format!(",hostfwd={protocol}:127.0.0.1:{from}-{address}:{to}")
                });
                let network = "user,id=n0,net=192.168.69.0/24,host=192.168.69.100,dhcpstart=";
                [network, DHCP_ADDRESS].into_iter().map(Into::into).chain(forwards).collect::<String>().into()
            }
            Network::Tap(name) => format!("tap,id=n0,ifname={name},script=no,downscript=no").into(),
            Network::Frames { board, peer } => {
                let mut text = option("dgram,id=n0,local.type=unix,local.path=", board);
                text.push(option(",remote.type=unix,remote.path=", peer));
                text
            }
        }
    }
}

/// A path in an option of QEMU's, which are separated by commas: a comma of its own is written twice.
fn option(name: &str, path: &Path) -> OsString {
    let path = path.as_os_str();
    let mut text = OsString::from(name);
    match path.to_str() {
        Some(path) => text.push(path.replace(',', ",,")),
        None => text.push(path),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Board;

    fn netdev(features: &[&str], network: Network<'_>) -> String {
        let image = Image::new(Board::named("mps2-an385").expect("the first board"), features);
        let boot = Boot {
            image: &image,
            elf: Path::new("a.elf"),
            network,
            console: Console::Terminal,
            more: vec![],
        };
        boot.netdev().into_string().expect("all of it is UTF-8")
    }

    #[test]
    fn ports_are_forwarded_from_loopback_to_the_address_that_the_board_will_have() {
        let forwards = [Forward { protocol: "tcp", from: 13_000, to: 12_000 }];
        let network = "user,id=n0,net=192.168.69.0/24,host=192.168.69.100,dhcpstart=192.168.69.15";
        assert_eq!(
            netdev(&[], Network::User(&forwards)),
            format!("{network},hostfwd=tcp:127.0.0.1:13000-192.168.69.1:12000")
        );
        assert_eq!(
            netdev(&["dhcp"], Network::User(&forwards)),
            format!("{network},hostfwd=tcp:127.0.0.1:13000-192.168.69.15:12000")
        );
        assert_eq!(netdev(&[], Network::User(&[])), network);
    }

    #[test]
    fn other_networks() {
        assert_eq!(netdev(&[], Network::Tap("tap0")), "tap,id=n0,ifname=tap0,script=no,downscript=no");
        let (board, peer) = (Path::new("/tmp/a,b/q"), Path::new("/tmp/a,b/h"));
        assert_eq!(
            netdev(&[], Network::Frames { board, peer }),
            "dgram,id=n0,local.type=unix,local.path=/tmp/a,,b/q,remote.type=unix,remote.path=/tmp/a,,b/h"
        );
    }

    #[test]
    fn a_real_board_is_not_booted() {
        let image = Image::new(Board::named("w5500-evb-pico").expect("a real board"), &[]);
        let (elf, network) = (Path::new("a.elf"), Network::User(&[]));
        let boot = Boot { image: &image, elf, network, console: Console::Terminal, more: vec![] };
        let failure = boot.command().expect_err("QEMU has no such board").to_string();
        assert_eq!(failure, "booting w5500-evb-pico: QEMU doesn't have this board: it takes a real one");
    }
}
