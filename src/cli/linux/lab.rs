//! The lab on Linux: a network namespace, a TAP interface in it, this computer's kernel on one side and the server on
//! the other.
//!
//! The first thread serves; a second one asks for sentences, or waits for the program that runs in the lab.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use smoltcp::wire::{IpAddress, IpCidr};

use super::host::Host;
use super::namespace::{self, Built, Entered};
use super::running;
use super::signals::{self, Stop};
use crate::cli::args::{Join, LabOptions, ServerOptions};
use crate::cli::failure::{FAILED, Failure, Result};
use crate::cli::lab::{Exchange, converse, in_memory};
use crate::cli::output::note;
use crate::cli::{tcp, udp};

/// The interface, as in every recipe.
const TAP: &str = "tap0";
const SERVER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 168, 69, 1), Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 1));
const KERNEL: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 168, 69, 100), Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100));
const TIMEOUT: Duration = Duration::from_secs(5);
const UDP_TIMEOUT: Duration = Duration::from_secs(1);
const TRIES: u32 = 3;

/// `undersock lab`
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    if let Some(join) = options.join {
        return join_in(join, &options.command);
    }
    // Once this process is in a namespace there is no way back: so it is found out beforehand.
    let stop = Stop::new()?;
    if let Err(refused) = namespace::allowed() {
        return in_memory(options, refused);
    }
    let Entered { mut remarks } = namespace::enter()?;
    let kernel_side =
        [IpCidr::new(IpAddress::Ipv4(KERNEL.0), 24), IpCidr::new(IpAddress::Ipv6(KERNEL.1), 64)];
    let built = match namespace::build(TAP, &kernel_side) {
        Ok(built) => built,
        Err(refused) => return in_memory(options, refused),
    };
    let Built { tap, remarks: more } = built;
    remarks.extend(more);
    let mut host = Host::new(tap, &options.server)?;
    running::announce()?;
    if options.command.is_empty() {
        // Before anybody can know that the lab is there.
        stop.on_signals()?;
    }
    introduce(&host, &remarks);
    if options.command.is_empty() {
        ask(&mut host, &options.server, &stop)
    } else {
        run_in(&mut host, &options.command, &stop)
    }
}

/// Says what was built, in a few lines.
fn introduce(host: &Host, remarks: &[String]) {
    note("A network of its own, which ends with this program:");
    note(format_args!(
        "  client: {}/24 and {}/64, this computer's kernel, interface {TAP}",
        KERNEL.0, KERNEL.1
    ));
    note(format_args!("  server: {}", host.banner()));
    for remark in remarks {
        note(format_args!("  {remark}"));
    }
    note("The server is ready to receive. In a second terminal: undersock lab --join");
}

/// Asks for sentences; each goes over UDP and over TCP through the kernel's own sockets, as the textbook's clients do it.
fn ask(host: &mut Host, options: &ServerOptions, stop: &Stop) -> Result<u8> {
    let ports = options.config.ports;
    let mouth = stop.mouth()?;
    let (result, results) = mpsc::channel();
    thread::spawn(move || {
        let server = |port| SocketAddr::new(IpAddr::V4(SERVER.0), port);
        let mut report = |text: &str| note(format_args!("undersock: {text}"));
        let mut udp =
            |sentence: &[u8]| udp::exchange(server(ports.udp), sentence, UDP_TIMEOUT, TRIES, &mut report);
        let mut report = |text: &str| note(format_args!("undersock: {text}"));
        let mut tcp = |sentence: &[u8]| tcp::exchange(server(ports.sentence), sentence, TIMEOUT, &mut report);
        let mut exchanges: Vec<Exchange<'_>> = Vec::new();
        if ports.udp != 0 {
            exchanges.push(("UDP", &mut udp));
        }
        if ports.sentence != 0 {
            exchanges.push(("TCP", &mut tcp));
        }
        // Nobody hears it if a signal has ended the lab.
        let _ = result.send(converse(&mut exchanges));
        signals::ask(&mouth);
    });
    host.run(&stop.ear)?;
    match results.try_recv() {
        Ok(status) => status,
        // A signal: the thread still waits for a line, and ends with the process.
        Err(_) => {
            note(format_args!("\n{}", host.summary()));
            Ok(0)
        }
    }
}

/// Runs a program in the lab. Its exit status is ours.
fn run_in(host: &mut Host, command: &[OsString], stop: &Stop) -> Result<u8> {
    let mut child = start(command)?;
    let (pid, mouth) = (child.id(), stop.mouth()?);
    let (result, results) = mpsc::channel();
    thread::spawn(move || {
        let _ = result.send(child.wait());
        signals::ask(&mouth);
    });
    host.run(&stop.ear).inspect_err(|_| terminate(pid))?;
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
        signals::wait(&ended.ear);
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
