//! `undersock lab --board`: the emulated boards in the lab's place of the server, with the clients of any lab.
#![cfg(target_os = "linux")]

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use board_tests::gdb::{Gdb, Register};
use board_tests::machine::built;
use board_tests::{each_board, sockets};
use boards::elf::Elf;
use boards::image::executable;
use boards::{Board, Image, home};
use rustix::process::Signal;
use test_support::command::{BOUND, Ran, piped, run};
use test_support::network::{Program, again, fails, is_inside, namespaces, prints, tool_path};
use test_support::recipes::{OF_THE_BOARDS, QUESTION, Step, steps};

each_board!(
    sentences_are_answered_by_the_board,
    the_clients_of_any_lab_talk_to_it,
    a_ladder_shows_the_clients_end_and_the_wire,
    eight_clients_share_four_slots,
);

/// What a board says when there is something to talk to.
const READY: &str = "board | The server is ready to receive: ";
/// Where the copy of a test that runs inside finds the command.
const COMMAND: &str = "UNDERSOCK_COMMAND";

/// The command, which the test that is outside builds once.
fn this_command() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        if is_inside() {
            return std::env::var(COMMAND).expect("whoever is outside says it");
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--package", "undersock-command", "--bin", "undersock"]);
        cargo.args(["--message-format=json-render-diagnostics"]).current_dir(home()).stdin(Stdio::null());
        let built = cargo.output().expect("cargo starts");
        let path = executable(&built.stdout);
        let path = path.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&built.stderr)));
        path.into_os_string().into_string().expect("a path in UTF-8")
    })
}

/// An image's file, built by whoever is outside.
fn elf(board: &str, features: &[&str]) -> PathBuf {
    match is_inside() {
        true => Image::new(Board::named(board).expect("a board"), features).path(),
        false => built(board, features).1,
    }
}

/// `undersock lab`, with this board.
fn lab(board: &Path, words: &[&str]) -> Command {
    let board = board.to_str().expect("a path in UTF-8");
    let mut lab = piped(this_command(), ["lab", "--board", board]);
    if !words.is_empty() {
        lab.arg("--").args(words);
    }
    lab.current_dir(home()).env("LC_ALL", "C.UTF-8");
    lab
}

/// The project's `cargo xtask`.
fn xtask(words: &[&str]) -> Command {
    let mut xtask = piped(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), ["xtask"]);
    xtask.args(words).current_dir(home()).env("LC_ALL", "C.UTF-8");
    xtask
}

#[track_caller]
fn in_lab(board: &Path, words: &[&str], input: &[u8]) -> Ran {
    let ran = run(lab(board, words), input);
    assert!(ran.stderr.contains(READY), "{ran:?}");
    ran
}

/// Runs the test of this name again, with this one's board as file, through a command.
fn inside(test: &str, mut through: Command, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    through.env(COMMAND, this_command());
    again(test, through);
}

/// By its name, for whoever has just unpacked the project.
fn sentences_are_answered_by_the_board(board: &str) {
    built(board, &[]);
    let ran = run(xtask(&["board", board, "--lab"]), "hello\nstraße\n".as_bytes());
    prints(
        &ran,
        "UDP From Server: HELLO\nTCP From Server: HELLO\n\
         UDP From Server: STRAßE\nTCP From Server: STRAßE\n",
    );
    for part in [
        "this computer's kernel, interface tap0",
        &format!("  server: {board} in qemu-system-"),
        &format!(
            "{READY}192.168.69.1/24 on 02:00:00:00:00:01, UDP 12000, TCP 12000, TCP stream 12001, board {board},"
        ),
        "undersock lab --join",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is not said: {ran:?}");
    }
}

fn the_clients_of_any_lab_talk_to_it(board: &str) {
    for tool in ["python3", "nc", "ping", "sh"] {
        tool_path(tool);
    }
    let elf = elf(board, &[]);
    let in_lab = |words: &[&str], input: &str| in_lab(&elf, words, input.as_bytes());
    let ran = in_lab(&["ping", "-c", "1", "-W", "10", "192.168.69.1"], "");
    assert!(String::from_utf8_lossy(&ran.stdout).contains(" 1 received"), "{ran:?}");
    let ran = in_lab(&["python3", "tests/clients/UDPClient.py"], "hello\n");
    prints(&ran, "Input lowercase sentence:HELLO\n");
    let ran = in_lab(&["python3", "tests/clients/TCPClient.py"], "hello\n");
    prints(&ran, "Input lowercase sentence:From Server: HELLO\n");
    prints(&in_lab(&["nc", "-w", "10", "192.168.69.1", "12000"], "grüße"), "GRüßE");
    prints(&in_lab(&["nc", "-w", "10", "-N", "192.168.69.1", "12001"], "one\ntwo\n"), "ONE\nTWO\n");
    prints(&in_lab(&[this_command(), "udp", "192.168.69.1"], "a\n\nb\n"), "A\n\nB\n");
    assert_eq!(in_lab(&["sh", "-c", "exit 7"], "").status, Some(7));
}

/// A board tells nothing of itself: the ladder shows what the client did, and what crossed the wire.
fn a_ladder_shows_the_clients_end_and_the_wire(board: &str) {
    let mut lab = lab(&elf(board, &[]), &[]);
    lab.args(["--show", "ladder"]);
    let ran = run(lab, b"hello\n");
    prints(&ran, "UDP From Server: HELLO\nTCP From Server: HELLO\n");
    for part in ["sendto 5", "connect()", "[SYN-SENT]", "SYN,ACK seq=0 ack=1", "[CLOSE-WAIT]", "recv 5"] {
        assert!(ran.stderr.contains(part), "{part:?} is not shown: {ran:?}");
    }
}

fn eight_clients_share_four_slots(board: &str) {
    let elf = elf(board, &[]);
    let test = format!("{}::eight_clients_share_four_slots", board.replace('-', "_"));
    let through = lab(&elf, &["env"]);
    inside(&test, through, || {
        let server: SocketAddr = "192.168.69.1:12000".parse().expect("an address");
        thread::scope(|scope| {
            for client in 0..8 {
                scope.spawn(move || {
                    for round in 0..10 {
                        let words = format!("client {client} in round {round}");
                        let reply = sockets::tcp(server, words.as_bytes()).expect("a reply");
                        assert_eq!(String::from_utf8_lossy(&reply), words.to_uppercase());
                    }
                });
            }
        });
    });
}

/// With IPv6, and without an IPv4 address: the boot line says where sentences go.
#[test]
fn ipv6_if_the_image_has_it() {
    let ran = in_lab(&elf("mps2-an385", &["ipv6"]), &[this_command(), "tcp", "fdaa::1", "hello"], b"");
    prints(&ran, "HELLO\n");
    let ran = in_lab(&elf("mps2-an385", &["ipv6", "dhcp", "unicode"]), &[], "straße\n".as_bytes());
    prints(&ran, "UDP From Server: STRASSE\nTCP From Server: STRASSE\n");

    let ran = in_lab(&elf("mps2-an385", &[]), &["ping", "-c", "1", "-W", "1", "fdaa::1"], b"");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let dhcp = elf("mps2-an385", &["dhcp"]);
    let line = "it waits for an address from a DHCP server, and the lab has none";
    let ran = in_lab(&dhcp, &[], b"hello\n");
    assert!(!fails(&ran, &format!("undersock: asking {}: {line}", dhcp.display())).is_empty(), "{ran:?}");
}

#[test]
fn a_second_program_joins_the_board() {
    let elf = elf("mps2-an385", &[]);
    inside("a_second_program_joins_the_board", namespaces(), || {
        let lab = Program::start(lab(&elf, &[]));
        lab.says("undersock lab --join");
        let join = ["lab", "--join", "--", this_command(), "udp", "192.168.69.1", "hello"];
        prints(&run(piped(this_command(), join), b""), "HELLO\n");
        prints(&lab.close(), "");
        assert!(is_over(), "QEMU goes on");
    });
}

/// Whether no QEMU runs in this process tree, after a moment for the kernel to end it.
fn is_over() -> bool {
    let is_qemu = |entry: fs::DirEntry| {
        fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.starts_with("qemu"))
            && !fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| stat.contains(") Z "))
    };
    let start = Instant::now();
    while fs::read_dir("/proc").expect("/proc").flatten().any(is_qemu) {
        if start.elapsed() > BOUND / 2 {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn the_board_ends_with_the_lab_however_that_ends() {
    let elf = elf("mps2-an385", &[]);
    inside("the_board_ends_with_the_lab_however_that_ends", namespaces(), || {
        for (signal, status) in [(Signal::INT, Some(0)), (Signal::TERM, Some(0)), (Signal::KILL, None)] {
            let lab = Program::start(lab(&elf, &[]));
            lab.says("undersock lab --join");
            lab.signal(signal);
            let ran = lab.end();
            assert_eq!(ran.status, status, "{signal:?}: {ran:?}");
            assert!(is_over(), "{signal:?}: QEMU goes on");
        }
        // While a program runs, it is the program that a signal ends; a lab that is killed takes the board along.
        for (signal, status) in [(Signal::TERM, Some(128 + 15)), (Signal::KILL, None)] {
            let lab = Program::start(lab(&elf, &["sh", "-c", "echo started; read line"]));
            lab.prints("started\n");
            lab.signal(signal);
            assert!(is_over(), "{signal:?}, with a program: QEMU goes on");
            assert_eq!(lab.close().status, status);
        }
        // As does one that never begins.
        let ran = run(lab(&elf, &["no-such-program"]), b"");
        fails(&ran, "undersock: starting no-such-program: No such file or directory");
        assert!(is_over(), "QEMU goes on");
    });
}

/// A program by QEMU's name in a folder of its own, and `undersock` so that it finds that one.
fn instead_of_qemu(mut lab: Command, script: &str) -> (Command, PathBuf) {
    // In the test's own mount table.
    let folder = PathBuf::from("/mnt");
    let mut mount = piped(tool_path("mount"), ["-t", "tmpfs", "none", "/mnt"]);
    assert!(mount.status().is_ok_and(|status| status.success()), "{mount:?}");
    let qemu = folder.join("qemu-system-arm");
    fs::write(&qemu, format!("#!/bin/sh\n{script}\n")).expect("room");
    fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).expect("an own file");
    lab.env("PATH", format!("/mnt:{}", std::env::var("PATH").unwrap_or_default()));
    (lab, folder)
}

/// The debugger of QEMU sends the processor to an address; a sentence wakes it there.
#[track_caller]
fn ends_at(elf: &Path, address: u32, reason: &str) {
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("qemu-system-arm"))
        .find(|file| file.is_file() && !file.starts_with("/mnt"))
        .expect("QEMU");
    let script = format!(
        "exec {} \"$@\" -chardev socket,id=gdb,path=/mnt/gdb,server=on,wait=off -gdb chardev:gdb",
        real.display()
    );
    let (command, folder) = instead_of_qemu(lab(elf, &[]), &script);
    let mut lab = Program::start(command);
    lab.says("undersock lab --join");
    Gdb::connect(&folder.join("gdb")).go_on_at(Register::ARM_PC, address);
    lab.hears("wake up\n");
    let ran = lab.end();
    let line = format!("undersock: running {}: {reason}", elf.display());
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let mut lines = ran.stderr.lines().skip_while(|said| *said != line).skip(1);
    assert_eq!(lines.next(), Some("  its log says where: build it with the feature log"), "{ran:?}");
}

#[test]
fn firmware_that_panics_ends_the_lab() {
    let file = elf("mps2-an385", &[]);
    inside("firmware_that_panics_ends_the_lab", namespaces(), || {
        let panic = Elf::read(&file).expect("what was built").panic().expect("a function that panics");
        ends_at(&file, panic, "the firmware panicked (exit status 101)");
        // There is no memory at the highest addresses of this machine.
        let reason = "a HardFault, or another exception that nobody expects (exit status 102)";
        ends_at(&file, 0xffff_fff0, reason);
    });
}

#[test]
fn a_board_that_ends_first_ends_the_lab_and_its_program() {
    let file = elf("mps2-an385", &[]);
    inside("a_board_that_ends_first_ends_the_lab_and_its_program", namespaces(), || {
        let kill = "pid=$(cat /proc/$PPID/task/*/children); kill -9 ${pid%% *}; exec sleep 100";
        // Within the bound of any run, which is shorter than the program's.
        let ran = run(lab(&file, &["sh", "-c", kill]), b"");
        fails(&ran, &format!("undersock: running {}: signal 9 ended QEMU", file.display()));

        let (lab, _) = instead_of_qemu(lab(&file, &[]), "echo half a line; echo oh >&2; exit 3");
        let ran = run(lab, b"hello\n");
        fails(&ran, &format!("undersock: running {}: QEMU ended with exit status 3", file.display()));
        for line in ["board | half a line", "qemu | oh"] {
            assert!(ran.stderr.lines().any(|said| said == line), "{line:?}: {ran:?}");
        }
    });
}

/// `cargo xtask board --tap`: the same without a lab, on an interface that is there.
#[test]
fn a_board_on_an_interface_that_is_there() {
    elf("mps2-an385", &[]);
    inside("a_board_on_an_interface_that_is_there", namespaces(), || {
        for line in
            ["tuntap add dev tap0 mode tap", "link set tap0 up", "addr add 192.168.69.100/24 dev tap0"]
        {
            let ran = run(piped(tool_path("ip"), line.split(' ')), b"");
            assert_eq!(ran.status, Some(0), "ip {line}: {ran:?}");
        }
        let board = Program::start(xtask(&["board", "mps2-an385", "--tap", "tap0"]));
        board.prints("The server is ready to receive");
        for client in ["udp", "tcp"] {
            prints(&run(piped(this_command(), [client, "192.168.69.1", "hello"]), b""), "HELLO\n");
        }
        // It has become QEMU, which has nothing else to end.
        board.signal(Signal::INT);
        assert_eq!(board.end().status, Some(0));
        assert!(is_over(), "QEMU goes on");
    });
}

/// As it stands there, by a user who has installed `undersock`. What follows the question is typed; a line that ends
/// with three points begins so.
#[test]
fn the_readmes_section_on_microcontrollers() {
    let folder = Path::new(this_command()).parent().expect("a directory").display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    for Step { command, shown, .. } in steps(OF_THE_BOARDS) {
        let mut shell = piped(tool_path("sh"), ["-c", &command]);
        shell.current_dir(home()).env("PATH", &path).env("LC_ALL", "C.UTF-8");
        let typed: String = shown
            .iter()
            .filter_map(|line| line.strip_prefix(QUESTION))
            .map(|sentence| format!("{sentence}\n"))
            .collect();
        let ran = run(shell, typed.as_bytes());
        assert_eq!(ran.status, Some(0), "{command}: {ran:?}");
        let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
        let (mut printed, mut said) = (printed.lines(), ran.stderr.lines());
        for line in shown.iter().filter(|line| !line.starts_with(QUESTION)) {
            let is_it = |there: &str| match line.strip_suffix('…') {
                Some(beginning) => there.starts_with(beginning),
                None => there == line,
            };
            // Results in their order; beside them, also in their order, the rest.
            let is_there = if typed.is_empty() || line.contains(" From Server: ") {
                printed.next().is_some_and(is_it)
            } else {
                said.any(is_it)
            };
            assert!(is_there, "{command}: {line:?}: {ran:?}");
        }
    }
}

#[test]
fn a_missing_emulator_is_named_with_its_package() {
    let file = elf("lm3s6965evb", &[]);
    let mut lab = lab(&file, &[]);
    lab.env("PATH", "/nowhere");
    let ran = run(lab, b"");
    let line = format!("undersock: booting {}: there is no qemu-system-arm", file.display());
    assert_eq!(fails(&ran, &line), ["  in Debian: sudo apt-get install -y qemu-system-arm"]);
}

/// The machine that is asked for is booted, whatever the firmware says: here one whose memory is elsewhere.
#[test]
fn the_machine_can_be_asked_for() {
    let file = elf("mps2-an385", &[]);
    let mut right = lab(&file, &[]);
    right.args(["--machine", "mps2-an385"]);
    prints(&run(right, b"hello\n"), "UDP From Server: HELLO\nTCP From Server: HELLO\n");
    let mut other = lab(&file, &[]);
    other.args(["--machine", "lm3s6965evb"]);
    let ran = run(other, b"");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("  server: lm3s6965evb in qemu-system-arm"), "{ran:?}");
}

#[test]
fn what_is_no_firmware_is_named() {
    for (file, line, mends) in [
        (
            "mps2-an385",
            "undersock: reading mps2-an385: No such file or directory",
            &["  firmware is an ELF file; in undersock's project: cargo xtask board mps2-an385 --lab"][..],
        ),
        ("no.elf", "undersock: reading no.elf: No such file or directory", &[]),
        (
            "README.md",
            "undersock: reading README.md: it is not an ELF file for one of the machines, mps2-an385, \
             lm3s6965evb or riscv32-virt",
            &[],
        ),
    ] {
        assert_eq!(fails(&run(lab(Path::new(file), &[]), b""), line), mends);
    }
}
