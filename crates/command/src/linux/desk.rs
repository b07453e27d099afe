//! Where others ask the server for its table: a thread of this program, and whoever sends SIGUSR1.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;

use signal_hook::consts::SIGUSR1;
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Result};
use crate::output::note;

/// What a [`Bell`] writes; a signal writes another byte.
const RUNG: u8 = 0;

/// The server's side.
pub(crate) struct Desk {
    /// Readable when somebody has asked.
    ear: UnixStream,
    mouth: UnixStream,
    asked: mpsc::Receiver<mpsc::Sender<String>>,
    ask: mpsc::Sender<mpsc::Sender<String>>,
}

impl Desk {
    pub(crate) fn new() -> Result<Desk> {
        let failed = |error| Failure::io("making a socket pair", &error);
        let (ear, mouth) = UnixStream::pair().map_err(failed)?;
        ear.set_nonblocking(true).map_err(failed)?;
        mouth.set_nonblocking(true).map_err(failed)?;
        let (ask, asked) = mpsc::channel();
        Ok(Desk { ear, mouth, asked, ask })
    }

    /// Lets SIGUSR1 ask. What it is told goes to standard error.
    pub(crate) fn on_signal(&self) -> Result<()> {
        let mouth = self.mouth()?;
        pipe::register(SIGUSR1, mouth)
            .map(|_| ())
            .map_err(|error| Failure::io("listening for SIGUSR1", &error))
    }

    /// A bell for another thread.
    pub(crate) fn bell(&self) -> Result<Bell> {
        Ok(Bell { mouth: self.mouth()?, ask: self.ask.clone() })
    }

    fn mouth(&self) -> Result<UnixStream> {
        self.mouth.try_clone().map_err(|error| Failure::io("making a socket", &error))
    }

    pub(crate) fn ear(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }

    /// Tells whoever has asked.
    pub(crate) fn answer(&self, table: &str) {
        let mut bytes = [0; 64];
        let mut signalled = false;
        while let Ok(count @ 1..) = (&self.ear).read(&mut bytes) {
            signalled |= bytes[..count].iter().any(|&byte| byte != RUNG);
        }
        while let Ok(asker) = self.asked.try_recv() {
            // It may have ended meanwhile.
            let _ = asker.send(table.to_owned());
        }
        if signalled {
            note(table);
        }
    }
}

/// Asks at a [`Desk`], from another thread.
pub(crate) struct Bell {
    mouth: UnixStream,
    ask: mpsc::Sender<mpsc::Sender<String>>,
}

impl Bell {
    /// The table; `None` where nobody serves any more.
    pub(crate) fn ring(&self) -> Option<String> {
        let (answer, answered) = mpsc::channel();
        self.ask.send(answer).ok()?;
        (&self.mouth).write_all(&[RUNG]).ok()?;
        answered.recv().ok()
    }
}
