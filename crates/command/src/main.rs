//! The `undersock` command.
//!
//! Exit status: 0; 1 for a failure at run time; 2 for wrong usage; 141 (128 + SIGPIPE) when nobody reads the output
//! any more, silently, as the shell's own tools; and for `lab -- PROGRAM` the program's.
#![deny(unsafe_code)]

use std::process::ExitCode;

mod args;
mod failure;
mod help;
mod logger;
mod output;

mod check;
mod lab;
mod serve;
mod tcp;
mod udp;

#[cfg(target_os = "linux")]
mod linux;

mod conversation;
mod finding;
mod memory;
mod options;
mod progress;
mod prompt;
mod remote;
mod scenario;
mod sentences;
mod stream;
mod watch;
mod witness;

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
        Command::Serve(options) => serve::run(&options).map(|()| 0),
        Command::Udp(options) => udp::run(&options).map(|()| 0),
        Command::Tcp(options) => tcp::run(&options).map(|()| 0),
        Command::Check(options) => check::run(options.tap.as_deref(), &options.config.addresses),
        Command::Help(topic) => output::result(help::text(topic).as_bytes()).map(|()| 0),
        Command::Version => output::result(help::VERSION.as_bytes()).map(|()| 0),
    }
}
