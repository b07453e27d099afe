//! The `undersock` command.
//!
//! Exit status: 0; 1 for a failure at run time; 2 for wrong usage; 141 (128 + SIGPIPE) when nobody reads the output
//! any more, silently, as the shell's own tools; and for `lab -- PROGRAM` the program's.
#![deny(unsafe_code)]

use std::process::ExitCode;

mod cli;

use cli::args::{Command, Invocation};
use cli::failure::Result;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if std::env::args_os().skip(1).eq([cli::linux::namespace::PROBE]) {
        return cli::linux::namespace::probe();
    }
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            if !failure.is_quiet() {
                cli::output::note(&failure);
            }
            ExitCode::from(failure.status())
        }
    }
}

/// The exit status of a command that ran.
fn run() -> Result<u8> {
    let Invocation { log, command } = cli::args::parse(std::env::args_os().skip(1))?;
    cli::logger::install(log);
    match command {
        Command::Lab(options) => cli::lab::run(&options),
        Command::Serve(options) => cli::serve::run(&options).map(|()| 0),
        Command::Udp(options) => cli::udp::run(&options).map(|()| 0),
        Command::Tcp(options) => cli::tcp::run(&options).map(|()| 0),
        Command::Check(options) => cli::check::run(options.tap.as_deref(), &options.config.addresses),
        Command::Help(topic) => cli::output::result(cli::help::text(topic).as_bytes()).map(|()| 0),
        Command::Version => cli::output::result(cli::help::VERSION.as_bytes()).map(|()| 0),
    }
}
