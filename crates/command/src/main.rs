//! The `undersock` command.
//!
//! A room uses those below it, and none above:
//!
//! | room | its one job |
//! |---|---|
//! | [`lab`] | `undersock lab`: a private network, or a wire in memory; sentences, scenes, a program, a board |
//! | [`server`] | `undersock serve`: the server on a TAP interface, and what is seen of it |
//! | [`clients`] | `undersock udp` and `tcp`: the textbook's clients on the kernel's sockets |
//! | [`check`] | `undersock check`: what is missing on this machine |
//! | [`args`], [`help`] | the command line, from text to types; what `--help` prints |
//! | [`linux`] | what only Linux has: namespaces, netlink, signals |
//! | [`logger`], [`output`], [`terminal`], [`failure`] | log lines; results and remarks; colours; how it fails |
//!
//! Exit status: 0; 1 for a failure at run time; 2 for wrong usage; 141 (128 + SIGPIPE) when nobody reads the output
//! any more, silently, as the shell's own tools; and for `lab -- PROGRAM` the program's.
#![deny(unsafe_code)]

use std::process::ExitCode;

mod args;
mod check;
mod clients;
mod failure;
mod help;
mod lab;
#[cfg(target_os = "linux")]
mod linux;
mod logger;
mod output;
mod server;
mod terminal;

use crate::args::{Command, Invocation};
use crate::failure::Result;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if std::env::args_os().skip(1).eq([linux::namespace::PROBE]) {
        return linux::namespace::probe();
    }
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            if !failure.is_quiet() {
                output::note(&failure);
            }
            ExitCode::from(failure.status())
        }
    }
}

/// The exit status of a command that ran.
fn run() -> Result<u8> {
    let Invocation { log, command } = args::parse(std::env::args_os().skip(1))?;
    logger::install(log);
    match command {
        Command::Lab(options) => lab::run(&options),
        Command::Serve(options) => server::run(&options).map(|()| 0),
        Command::Udp(options) => clients::udp::run(&options).map(|()| 0),
        Command::Tcp(options) => clients::tcp::run(&options).map(|()| 0),
        Command::Check(options) => check::run(options.interface.as_ref(), &options.config.host.addresses),
        Command::Help(topic) => output::result(help::text(topic).as_bytes()).map(|()| 0),
        Command::Version => output::result(help::VERSION.as_bytes()).map(|()| 0),
    }
}
