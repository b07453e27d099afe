//! SIGINT and SIGTERM as a byte on a socket that poll(2) sees beside the interface.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Result};

/// The two ends of a wish to stop.
pub(crate) struct Stop {
    /// Readable when it is time to stop.
    pub(crate) ear: UnixStream,
    mouth: UnixStream,
}

impl Stop {
    pub(crate) fn new() -> Result<Stop> {
        let (ear, mouth) = UnixStream::pair().map_err(|error| Failure::io("making a socket pair", &error))?;
        Ok(Stop { ear, mouth })
    }

    /// Lets SIGINT and SIGTERM ask to stop. A program that is started later has its own way with them again.
    pub(crate) fn on_signals(&self) -> Result<()> {
        for signal in [SIGINT, SIGTERM] {
            self.on(signal)?;
        }
        Ok(())
    }

    /// Lets one signal ask to stop.
    pub(crate) fn on(&self, signal: i32) -> Result<()> {
        let mouth = self.mouth()?;
        pipe::register(signal, mouth)
            .map(|_| ())
            .map_err(|error| Failure::io("listening for signals", &error))
    }

    /// An end for another thread.
    pub(crate) fn mouth(&self) -> Result<UnixStream> {
        self.mouth.try_clone().map_err(|error| Failure::io("making a socket", &error))
    }
}

/// Asks to stop.
pub(crate) fn ask(mut mouth: &UnixStream) {
    // A full socket has been asked already.
    let _ = mouth.write(&[0]);
}

/// Sleeps until somebody asks to stop.
pub(crate) fn wait(mut ear: &UnixStream) {
    let _ = ear.read(&mut [0]);
}
