//! SIGINT and SIGTERM as a byte on a socket that poll(2) sees beside the interface.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Result};

/// A request to stop: where it is made, and where it is seen.
pub(crate) struct Stop {
    /// Readable when it is time to stop.
    pub(crate) receiver: UnixStream,
    sender: UnixStream,
}

impl Stop {
    pub(crate) fn new() -> Result<Stop> {
        let (receiver, sender) =
            UnixStream::pair().map_err(|error| Failure::io("making a socket pair", &error))?;
        Ok(Stop { receiver, sender })
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
        let sender = self.sender()?;
        pipe::register(signal, sender)
            .map(|_| ())
            .map_err(|error| Failure::io("listening for signals", &error))
    }

    /// Where another thread asks to stop.
    pub(crate) fn sender(&self) -> Result<UnixStream> {
        self.sender.try_clone().map_err(|error| Failure::io("making a socket", &error))
    }
}

/// Asks to stop.
pub(crate) fn ask(mut sender: &UnixStream) {
    // A full socket has been asked already.
    let _ = sender.write(&[0]);
}

/// Sleeps until somebody asks to stop.
pub(crate) fn wait(mut receiver: &UnixStream) {
    let _ = receiver.read(&mut [0]);
}
