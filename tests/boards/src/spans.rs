//! The instructions that a board executes for a frame, counted by a plugin for QEMU.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use boards::elf::Elf;
use boards::{Compiler, Image};
use serde_json::Value;
use smoltcp::wire::TcpControl;

use crate::raw::{Peer, tcp_in, udp, udp_in};
use crate::{BOUND, Machine, Wire, client_v4, server_v4};

/// What a client says: 64 bytes, over UDP and over TCP.
const WORDS: &[u8; 64] = b"it is a truth universally acknowledged, that a single man in pos";
/// What the board takes for random: initial sequence numbers, and with them the carries of checksums, are the same at
/// every run.
const SEED: u64 = 0x5eed;
/// The connections after which every slot has been used, and is in TIME-WAIT.
const SLOTS: usize = 4;
const EXCHANGES: u16 = 12;
/// The board is booted so often: what an exchange costs depends on the time of day by a few instructions, where the
/// clock's arithmetic carries.
const BOOTS: usize = 3;
/// The frames of a connection: SYN, ACK, data, FIN.
const FRAMES: usize = 4;

/// Instructions of an exchange, from a poll's beginning to its end, all polls together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// A datagram of 64 bytes, and its reply.
    pub udp: u64,
    /// A connection: SYN, ACK, 64 bytes, FIN; and what the board sends.
    pub tcp: u64,
    /// The same in a slot that is taken from a connection in TIME-WAIT.
    pub tcp_reusing: u64,
}

impl Costs {
    /// Measures this image.
    #[track_caller]
    pub fn of(image: &Image, elf: &Path) -> Costs {
        let (mut udp, mut tcp, mut reusing) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..BOOTS {
            let mut counted = Counted::boot(image, elf);
            udp.extend((0..EXCHANGES).map(|exchange| [counted.datagram(5_000 + exchange)]));
            let connections: Vec<_> =
                (0..EXCHANGES).map(|exchange| counted.connection(6_000 + exchange)).collect();
            tcp.extend_from_slice(&connections[..SLOTS]);
            reusing.extend_from_slice(&connections[SLOTS..]);
        }
        Costs { udp: sum(&udp), tcp: sum(&tcp), tcp_reusing: sum(&reusing) }
    }
}

/// The sum of what each frame of an exchange costs: the upper decile of all exchanges, which chance moves neither up nor
/// down.
fn sum<const N: usize>(exchanges: &[[u64; N]]) -> u64 {
    let decile = |frame: usize| {
        let mut costs: Vec<u64> = exchanges.iter().map(|exchange| exchange[frame]).collect();
        costs.sort_unstable();
        costs[costs.len() - 1 - costs.len() / 10]
    };
    (0..N).map(decile).sum()
}

/// A board with marks (feature `measure`), whose instructions are counted.
struct Counted {
    wire: Wire,
    spans: UnixDatagram,
    /// Spans so far.
    heard: u64,
    _machine: Machine,
}

impl Counted {
    #[track_caller]
    fn boot(image: &Image, elf: &Path) -> Counted {
        let plugin = plugin(image.board.machine().expect("a board that QEMU has").program);
        let symbols = Elf::read(elf).unwrap_or_else(|failure| panic!("{failure}"));
        let [begin, end] = ["undersock_span_begin", "undersock_span_end"]
            .map(|name| symbols.address(name).unwrap_or_else(|failure| panic!("{failure}")));
        let seed = symbols.address("_seed").unwrap_or_else(|failure| panic!("{failure}"));
        let mut spans = None;
        let (machine, mut wire) = Machine::with_wire(image, elf, |folder| {
            let path = folder.join("spans");
            spans = Some(UnixDatagram::bind(&path).expect("an own folder"));
            let words = format!("{},begin={begin},end={end},to={}", plugin.display(), path.display());
            let seed = format!("loader,addr={seed:#x},data={SEED:#x},data-len=8");
            vec!["-plugin".into(), words.into(), "-device".into(), seed.into()]
        });
        let spans = spans.expect("it has been bound");
        spans.set_read_timeout(Some(BOUND)).expect("a duration that is not zero");
        wire.introduce();
        let mut counted = Counted { wire, spans, heard: 0, _machine: machine };
        while counted.heard < counted.wire.sent {
            counted.next();
        }
        counted
    }

    /// Sends a frame, and gives the instructions that it cost: a poll takes one frame, and each that takes one is a span.
    #[track_caller]
    fn cost(&mut self, frame: &[u8]) -> u64 {
        self.wire.send(frame);
        let cost = self.next();
        assert_eq!(self.heard, self.wire.sent, "a span for each frame");
        cost
    }

    #[track_caller]
    fn next(&mut self) -> u64 {
        let mut digits = [0; 20];
        let length = self.spans.recv(&mut digits).unwrap_or_else(|error| panic!("the counter: {error}"));
        self.heard += 1;
        let digits = core::str::from_utf8(&digits[..length]).expect("digits");
        digits.parse().expect("a number")
    }

    #[track_caller]
    fn datagram(&mut self, port: u16) -> u64 {
        let cost = self.cost(&udp((client_v4(), port), (server_v4(), 12_000), WORDS));
        let reply = |frame: &[u8]| udp_in(frame).filter(|(_, to, _)| to.1 == port);
        let ((_, _, words), _) = self.wire.find("a reply", reply);
        assert_eq!(words, WORDS.to_ascii_uppercase());
        cost
    }

    #[track_caller]
    fn connection(&mut self, port: u16) -> [u64; FRAMES] {
        let mut peer = Peer::new(port);
        let segment = |frame: &[u8]| tcp_in(frame).filter(|got| got.to.1 == port);
        let syn = self.cost(&peer.segment(TcpControl::Syn, b""));
        let (syn_ack, _) = self.wire.find("a SYN-ACK", segment);
        peer.got(&syn_ack);
        let ack = self.cost(&peer.segment(TcpControl::None, b""));
        let data = self.cost(&peer.segment(TcpControl::Psh, WORDS));
        let mut reply = Vec::new();
        loop {
            let (got, _) = self.wire.find("a reply and its end", segment);
            peer.got(&got);
            reply.extend_from_slice(&got.payload);
            if got.fin {
                break;
            }
        }
        assert_eq!(reply, WORDS.to_ascii_uppercase());
        let fin = self.cost(&peer.segment(TcpControl::Fin, b""));
        let (last, _) = self.wire.find("the last acknowledgement", segment);
        assert_eq!(last.ack_number, peer.seq);
        [syn, ack, data, fin]
    }
}

/// The plugin for this QEMU, built anew if need be.
#[track_caller]
fn plugin(qemu: &str) -> PathBuf {
    let mut cargo = Compiler::Project.build();
    cargo.args(["--quiet", "--locked", "--package", "counter", "--message-format=json-render-diagnostics"]);
    if version(qemu) >= 9 {
        cargo.args(["--features", "qemu-9"]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo, which runs this program");
    assert!(output.status.success(), "the plugin can't be built: {}", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files = messages.filter(|message| message["target"]["name"] == "counter");
    let file = files.find_map(|message| Some(PathBuf::from(message["filenames"][0].as_str()?)));
    file.expect("cargo names what it has built")
}

/// The first number in `QEMU emulator version 7.2.22 (Debian …)`.
fn version(qemu: &str) -> u32 {
    let said = Command::new(qemu).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.split(|letter: char| !letter.is_ascii_digit()).find_map(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_carry_nor_a_timer_changes_a_sum() {
        let mut exchanges = vec![[100, 20]; 12];
        exchanges[3] = [97, 17];
        exchanges[7] = [500, 20];
        assert_eq!(sum(&exchanges), 120);
    }
}
