//! The lab on Linux: a network namespace, a TAP interface in it, this computer's kernel on one side and the server on
//! the other.
//!
//! The first thread serves, or watches the board that does; a second one asks for sentences, or waits for the program
//! that runs in the lab.
//!
//! - [`kernel`]: the client's side, seen from its calls and by the kernel.
//! - [`running`]: a second terminal in the lab.
//! - [`board`], [`qemu`]: an emulated board in the server's place.
//! - [`sniffer`]: what crosses the wire, where the server tells nothing itself.

mod board;
mod kernel;
mod qemu;
mod running;
mod sniffer;

use core::cell::RefCell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::Instant as Clock;

use signal_hook::consts::{SIGINT, SIGTERM};
use undersock::smoltcp::wire::{IpAddress, IpCidr};
use undersock_views::record::Recorder;

use self::board::Board;
use self::kernel::KernelSide;
use self::qemu::{Qemu, Reached};
use self::sniffer::Sniffer;
use super::conversation::{Protocol, converse};
use super::memory;
use super::prompt::{self, Prompt};
use crate::args::{Join, LabOptions, ServerOptions, Show};
use crate::clients::witness::{User, Witness};
use crate::clients::{tcp, udp};
use crate::failure::{FAILED, Failure, Result};
use crate::linux::namespace::{self, Built, Entered};
use crate::linux::signals::{self, Stop};
use crate::output::note;
use crate::server::host::Host;
use crate::server::requests::{Requester, Requests};
use crate::server::views::KEPT;

/// The lab's server, whoever plays it.
const SERVER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 168, 69, 1), Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 1));
/// The interface, as in every recipe.
const TAP: &str = "tap0";
const KERNEL: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 168, 69, 100), Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100));
const TIMEOUT: Duration = Duration::from_secs(5);
const UDP_TIMEOUT: Duration = Duration::from_secs(1);
const TRIES: u32 = 3;

/// `undersock lab`, in a network.
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    if let Some(join) = options.join {
        return join_in(join, &options.command);
    }
    // Whoever has no QEMU hears of it before anything is made.
    let board = options.board.as_ref().map(Board::find).transpose()?;
    // Once this process is in a namespace there is no way back: so it is found out beforehand.
    let stop = Stop::new()?;
    if let Err(refused) = namespace::allowed() {
        return memory::run(options, refused);
    }
    let Entered { mut remarks } = namespace::enter()?;
    let kernel_side =
        [IpCidr::new(IpAddress::Ipv4(KERNEL.0), 24), IpCidr::new(IpAddress::Ipv6(KERNEL.1), 64)];
    let built = match namespace::build(TAP, &kernel_side) {
        Ok(built) => built,
        Err(refused) => return memory::run(options, refused),
    };
    let show = prompt::shown(options.server.views.show);
    let Built { tap, remarks: more } = built;
    remarks.extend(more);
    if options.command.is_empty() {
        // Before anybody can know that the lab is there.
        stop.on_signals()?;
    }
    let (mut server, target) = match board {
        None => {
            // Who looks without asking for a ladder wants to see the end of each exchange, too.
            let records = show != Show::Nothing || options.server.views.looks();
            let host = Host::new(tap, &options.server, options.command.is_empty() && records)?;
            running::announce()?;
            introduce(&host.banner(), &remarks);
            note("The server is ready to receive. In a second terminal: undersock lab --join");
            (Server::Here(Box::new(host)), Target::of(&options.server))
        }
        Some(board) => {
            let (elf, machine) = (board.elf.clone(), board.machine);
            introduce(&format!("{} in {}, {}", machine.name, machine.program, elf.display()), &remarks);
            let mut qemu = Qemu::boot(board, tap)?;
            let Some(reached) = qemu.ready(&stop.receiver)? else { return Ok(0) };
            running::announce()?;
            note("In a second terminal: undersock lab --join");
            (Server::Board(qemu), Target::on_board(&elf, &reached, options.command.is_empty())?)
        }
    };
    if options.command.is_empty() {
        ask(&mut server, target, show, &stop)
    } else {
        run_in(&mut server, &options.command, &stop)
    }
}

/// Who serves.
enum Server {
    /// This program.
    Here(Box<Host>),
    Board(Qemu),
}

impl Server {
    /// Serves until a byte comes on `stop`. Requests for the table are answered meanwhile.
    fn run(&mut self, stop: &UnixStream, requests: &Requests) -> Result<()> {
        match self {
            Server::Here(host) => host.run(stop, requests),
            Server::Board(qemu) => qemu.run(stop),
        }
    }

    /// Where events are kept, if somebody wants to see them, and the clock that they go by. A board tells nothing itself:
    /// there it is what crosses the wire.
    fn recorder(&self, show: Show, requests: &Requests) -> Result<(Option<Recorder>, Clock, Source)> {
        match self {
            Server::Here(host) => Ok((host.recorder(), host.start(), Source::Server(requests.requester()?))),
            Server::Board(_) if show == Show::Nothing => Ok((None, Clock::now(), Source::Nothing)),
            Server::Board(_) => {
                let (clock, recorder) = (Clock::now(), Recorder::new(KEPT));
                let sniffer = Sniffer::start(TAP, recorder.clone(), clock)?;
                Ok((Some(recorder), clock, Source::Wire(sniffer)))
            }
        }
    }

    /// What is said when a signal has ended it.
    fn summary(&self) -> String {
        match self {
            Server::Here(host) => host.summary(),
            Server::Board(_) => "The board is switched off.".to_owned(),
        }
    }
}

/// Where the events come from that a ladder shows.
enum Source {
    /// This program's server.
    Server(Requester),
    Wire(Sniffer),
    Nothing,
}

impl Source {
    fn table(&self) -> Option<String> {
        match self {
            // Nobody hears it if a signal has ended the lab.
            Source::Server(requester) => requester.ask(),
            Source::Wire(_) | Source::Nothing => None,
        }
    }

    /// Returns when all that has happened is recorded.
    fn settle(&self) {
        match self {
            // It answers between two polls, after one that began when it had been asked.
            Source::Server(requester) => drop(requester.ask()),
            Source::Wire(sniffer) => sniffer.catch_up(),
            Source::Nothing => {}
        }
    }
}

/// Where sentences go.
#[derive(Debug, Clone, Copy)]
struct Target {
    address: IpAddr,
    /// 0: none.
    udp: u16,
    sentence: u16,
}

impl Target {
    fn of(options: &ServerOptions) -> Target {
        let ports = options.ports;
        Target { address: IpAddr::V4(SERVER.0), udp: ports.udp, sentence: ports.sentence }
    }

    /// A program in the lab may need no address, or be the one that gives it: sentences need one.
    fn on_board(elf: &Path, reached: &Reached, asks: bool) -> Result<Target> {
        let Reached { ref addresses, udp, sentence } = *reached;
        match addresses.first() {
            None if asks => Err(Failure::new(
                format!("asking {}", elf.display()),
                "it waits for an address from a DHCP server, and the lab has none",
            )
            .mend("without the feature dhcp it has an address")
            .mend("or bring a server: undersock lab --board FILE -- PROGRAM")),
            address => {
                Ok(Target { address: address.copied().unwrap_or(IpAddr::V4(SERVER.0)), udp, sentence })
            }
        }
    }
}

/// Says what was built, in a few lines.
fn introduce(server: &str, remarks: &[String]) {
    note("A network of its own, which ends with this program:");
    note(format_args!(
        "  client: {}/24 and {}/64, this computer's kernel, interface {TAP}",
        KERNEL.0, KERNEL.1
    ));
    note(format_args!("  server: {server}"));
    for remark in remarks {
        note(format_args!("  {remark}"));
    }
}

/// Asks for sentences; each goes over UDP and over TCP through the kernel's own sockets, as the textbook's clients do it.
fn ask(server: &mut Server, target: Target, show: Show, stop: &Stop) -> Result<u8> {
    let Target { address, udp: udp_port, sentence: tcp_port } = target;
    let (sender, requests) = (stop.sender()?, Requests::new()?);
    requests.on_signal()?;
    let (recorder, start, source) = server.recorder(show, &requests)?;
    let (result, results) = mpsc::channel();
    thread::spawn(move || {
        let server = |port| SocketAddr::new(address, port);
        let witness: RefCell<Box<dyn Witness>> = RefCell::new(match &recorder {
            Some(recorder) => Box::new(KernelSide::new(recorder.clone(), start)),
            None => Box::new(User),
        });
        let mut udp = |sentence: &[u8]| {
            udp::exchange(server(udp_port), sentence, UDP_TIMEOUT, TRIES, &mut **witness.borrow_mut())
        };
        let mut tcp = |sentence: &[u8]| {
            tcp::exchange(&[server(tcp_port)], sentence, TIMEOUT, &mut **witness.borrow_mut())
        };
        let mut protocols: Vec<Protocol<'_>> = Vec::new();
        if udp_port != 0 {
            protocols.push(("UDP", &mut udp));
        }
        if tcp_port != 0 {
            protocols.push(("TCP", &mut tcp));
        }
        let (table, settle) = (Box::new(|| source.table()), Box::new(|| source.settle()));
        let mut prompt = Prompt::new(recorder.clone(), Some(start), show, table, settle);
        let _ = result.send(converse(&mut protocols, &mut prompt));
        signals::ask(&sender);
    });
    server.run(&stop.receiver, &requests)?;
    match results.try_recv() {
        Ok(status) => status,
        // A signal: the thread still waits for a line, and ends with the process.
        Err(_) => {
            note(format_args!("\n{}", server.summary()));
            Ok(0)
        }
    }
}

/// Runs a program in the lab. Its exit status is ours.
fn run_in(server: &mut Server, command: &[OsString], stop: &Stop) -> Result<u8> {
    let mut child = start(command)?;
    let (pid, sender) = (child.id(), stop.sender()?);
    let (result, results) = mpsc::channel();
    thread::spawn(move || {
        let _ = result.send(child.wait());
        signals::ask(&sender);
    });
    let requests = Requests::new()?;
    requests.on_signal()?;
    server.run(&stop.receiver, &requests).inspect_err(|_| terminate(pid))?;
    match results.recv() {
        Ok(Ok(status)) => Ok(exit_status(status)),
        Ok(Err(error)) => Err(Failure::io("waiting for the program", &error)),
        Err(_) => Ok(FAILED),
    }
}

/// A second terminal in a lab that is running: a program, or the user's shell.
fn join_in(join: Join, command: &[OsString]) -> Result<u8> {
    let pid = running::join(match join {
        Join::Running => None,
        Join::Process(pid) => Some(pid),
    })?;
    let shell = [std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into())];
    let command = if command.is_empty() {
        note(format_args!(
            "In the lab of process {pid}: the server is {} and {}; leave with `exit`.",
            SERVER.0, SERVER.1
        ));
        &shell[..]
    } else {
        command
    };
    let status = start(command)?.wait().map_err(|error| Failure::io("waiting for the program", &error))?;
    Ok(exit_status(status))
}

/// Starts a program, and leaves to it what becomes of both when a signal comes.
///
/// SIGINT goes to all in the foreground: it is the program's to act on it, so here it must only not end us. SIGTERM is
/// passed on, and the program's end is ours.
fn start(command: &[OsString]) -> Result<std::process::Child> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage("lab --", "no program named; a right one: undersock lab -- bash"));
    };
    // Before the program runs: it might be the one that sends a signal.
    let (interrupted, ended) = (Stop::new()?, Stop::new()?);
    interrupted.on(SIGINT)?;
    ended.on(SIGTERM)?;
    let child = Command::new(program)
        .args(arguments)
        .spawn()
        .map_err(|error| Failure::io(format!("starting {}", program.display()), &error))?;
    let pid = child.id();
    thread::spawn(move || {
        signals::wait(&ended.receiver);
        terminate(pid);
        drop(interrupted);
    });
    Ok(child)
}

/// The program's own status; 128 + n if signal n ended it, as the shell says it.
fn exit_status(status: ExitStatus) -> u8 {
    let status = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    status.and_then(|status| u8::try_from(status).ok()).unwrap_or(FAILED)
}

fn terminate(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // If it has ended already, that is what was wanted.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
