//! A board that runs in QEMU.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use boards::emulator::Forward;
use boards::{Board, Boot, Console, Image, Network};

use crate::gdb::{Gdb, Register};
use crate::monitor::Monitor;
use crate::stack::Stack;
use crate::{BOUND, Wire, sockets};

/// A free port for each of the board's.
const FORWARDS: [Forward; 3] = [
    Forward { protocol: "udp", from: 0, to: 12_000 },
    Forward { protocol: "tcp", from: 0, to: 12_000 },
    Forward { protocol: "tcp", from: 0, to: 12_001 },
];

/// A board that runs in QEMU. It ends with this value, however the test ends; after a panic, what it and QEMU said is
/// shown.
pub struct Machine {
    name: String,
    board: &'static Board,
    qemu: Child,
    pub monitor: Monitor,
    folder: Folder,
}

impl Machine {
    /// Boots this board on QEMU's own network, and waits until it answers. Its ports are at the addresses returned.
    #[track_caller]
    pub fn on_sockets(board: &str, features: &[&str]) -> (Machine, Ports) {
        let (image, elf) = built(board, features);
        Machine::with_sockets(&image, &elf, |_| vec![])
    }

    /// The same with an image of one's own, and more arguments for QEMU, which may name files in the machine's folder.
    #[track_caller]
    pub fn with_sockets(
        image: &Image,
        elf: &Path,
        more: impl FnOnce(&Path) -> Vec<OsString>,
    ) -> (Machine, Ports) {
        let folder = Folder::new();
        let more = more(&folder.0);
        let mut machine = Machine::boot(image, elf, folder, Network::User(&FORWARDS), more);
        let [udp, sentence, stream] =
            FORWARDS.map(|forward| machine.monitor.forwarded(forward.protocol, forward.to));
        let ports = Ports { udp, sentence, stream };
        machine.sure(sockets::udp_until(ports.udp, b"is it up?", BOUND).is_some(), "it answers nothing");
        (machine, ports)
    }

    /// Boots this board on a wire that carries frames to and from this process.
    #[track_caller]
    pub fn on_wire(board: &str, features: &[&str]) -> (Machine, Wire) {
        let (image, elf) = built(board, features);
        Machine::with_wire(&image, &elf, |_| vec![])
    }

    /// The same with an image of one's own, and more arguments for QEMU, which may name files in the machine's folder.
    #[track_caller]
    pub fn with_wire(
        image: &Image,
        elf: &Path,
        more: impl FnOnce(&Path) -> Vec<OsString>,
    ) -> (Machine, Wire) {
        let folder = Folder::new();
        let more = more(&folder.0);
        let wire = Wire::new(&folder.0);
        let (board, peer) = (wire.board.clone(), wire.peer.clone());
        let network = Network::Frames { board: &board, peer: &peer };
        (Machine::boot(image, elf, folder, network, more), wire)
    }

    #[track_caller]
    fn boot(
        image: &Image,
        elf: &Path,
        folder: Folder,
        network: Network<'_>,
        mut more: Vec<OsString>,
    ) -> Machine {
        let socket = folder.0.join("monitor");
        let debugger = format!("socket,id=gdb,path={},server=on,wait=off", folder.0.join("gdb").display());
        more.extend(["-chardev".into(), debugger.into(), "-gdb".into(), "chardev:gdb".into()]);
        more.extend(["-qmp".into(), format!("unix:{},server=on,wait=off", socket.display()).into()]);
        let console = folder.0.join("console");
        let boot = Boot { image, elf, network, console: Console::File(&console), more };
        let mut command = boot.command().unwrap_or_else(|failure| panic!("{failure}"));
        let said = File::create(folder.0.join("qemu")).expect("an own folder");
        command.stdout(Stdio::null()).stderr(said);
        let mut qemu = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let monitor = Monitor::connect(&socket, || matches!(qemu.try_wait(), Ok(None)));
        let Some(monitor) = monitor else {
            end(&mut qemu);
            panic!("{command:?} doesn't start:\n{}", folder.read("qemu"));
        };
        let mut machine = Machine { name: image.name(), board: image.board, qemu, monitor, folder };
        machine.says("The server is ready to receive");
        machine
    }

    /// Waits until the board has said this on its console.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        let start = Instant::now();
        while !self.console().contains(text) {
            let goes_on = self.runs() && start.elapsed() < BOUND;
            self.sure(goes_on, &format!("it doesn't say {text:?}"));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the board's console has said so far.
    pub fn console(&self) -> String {
        self.folder.read("console")
    }

    /// The bytes of stack that have been used, if it was painted.
    #[track_caller]
    pub fn peak(&mut self, stack: &Stack) -> usize {
        stack.peak(&mut self.monitor, &self.folder.0)
    }

    /// Whether it runs: a panic or a fault ends it.
    pub fn runs(&mut self) -> bool {
        matches!(self.qemu.try_wait(), Ok(None))
    }

    /// Sends the processor to this address, whatever it was doing; it goes on from there when something wakes it.
    #[track_caller]
    pub fn go_to(&mut self, address: u32) {
        let is_arm = self.board.target.starts_with("thumb");
        let program_counter = if is_arm { Register::ARM_PC } else { Register::RISCV_PC };
        Gdb::connect(&self.folder.0.join("gdb")).go_on_at(program_counter, address);
    }

    /// Waits for the end that the board brings about, and gives its exit code.
    #[track_caller]
    pub fn exit_code(mut self) -> Option<i32> {
        let start = Instant::now();
        while self.runs() {
            assert!(start.elapsed() < BOUND, "{} doesn't end", self.name);
            thread::sleep(Duration::from_millis(10));
        }
        self.qemu.wait().expect("a child that has ended").code()
    }

    #[track_caller]
    fn sure(&mut self, holds: bool, complaint: &str) {
        let ended = self.qemu.try_wait().ok().flatten();
        assert!(holds, "{}: {complaint}; {ended:?}", self.name);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.qemu);
        if thread::panicking() {
            let (console, qemu) = (self.console(), self.folder.read("qemu"));
            eprintln!("--- {}, console\n{console}\n--- QEMU\n{qemu}\n---", self.name);
        }
    }
}

fn end(qemu: &mut Child) {
    // It may have ended by itself.
    let _ = qemu.kill();
    let _ = qemu.wait();
}

/// A board's ports, forwarded from this computer's loopback address.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub udp: SocketAddr,
    pub sentence: SocketAddr,
    pub stream: SocketAddr,
}

/// The image and its file, built once in this process.
#[track_caller]
pub fn built(board: &str, features: &[&str]) -> (Image, PathBuf) {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let board = Board::named(board).unwrap_or_else(|| panic!("there is no board {board}"));
    // Whatever is missing to build or to boot it is named at once.
    board.sure(true).unwrap_or_else(|failure| panic!("{failure}"));
    let image = Image::new(board, features);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let elf = built
        .get_or_insert_default()
        .entry(image.name())
        .or_insert_with(|| image.build_quietly().unwrap_or_else(|failure| panic!("{failure}")));
    (image, elf.clone())
}

/// A folder for sockets and what is said, which ends with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short: a socket's path has at most 107 bytes (unix(7)).
        let folder = std::env::temp_dir().join(format!("board-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Folder(folder)
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.0.join(name)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
