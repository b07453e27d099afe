//! Requests for the server's table: from another thread of this program, and from whoever sends SIGUSR1.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;

use signal_hook::consts::SIGUSR1;
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Result};
use crate::output::note;

/// What a [`Requester`] writes; a signal writes another byte.
const ASKED: u8 = 0;

/// The server's end.
pub(crate) struct Requests {
    receiver: UnixStream,
    sender: UnixStream,
    asked: mpsc::Receiver<mpsc::Sender<String>>,
    ask: mpsc::Sender<mpsc::Sender<String>>,
}

impl Requests {
    pub(crate) fn new() -> Result<Requests> {
        let failed = |error| Failure::io("making a socket pair", &error);
        let (receiver, sender) = UnixStream::pair().map_err(failed)?;
        receiver.set_nonblocking(true).map_err(failed)?;
        sender.set_nonblocking(true).map_err(failed)?;
        let (ask, asked) = mpsc::channel();
        Ok(Requests { receiver, sender, asked, ask })
    }

    /// Lets SIGUSR1 ask. What it is told goes to standard error.
    pub(crate) fn on_signal(&self) -> Result<()> {
        let sender = self.sender()?;
        pipe::register(SIGUSR1, sender)
            .map(|_| ())
            .map_err(|error| Failure::io("listening for SIGUSR1", &error))
    }

    /// A requester for another thread.
    pub(crate) fn requester(&self) -> Result<Requester> {
        Ok(Requester { sender: self.sender()?, ask: self.ask.clone() })
    }

    fn sender(&self) -> Result<UnixStream> {
        self.sender.try_clone().map_err(|error| Failure::io("making a socket", &error))
    }

    /// Readable when somebody has asked.
    pub(crate) fn receiver(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    /// Answers whoever has asked.
    pub(crate) fn answer(&self, table: &str) {
        let mut bytes = [0; 64];
        let mut signalled = false;
        while let Ok(count @ 1..) = (&self.receiver).read(&mut bytes) {
            signalled |= bytes[..count].iter().any(|&byte| byte != ASKED);
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

/// Asks the server for its table, from another thread.
pub(crate) struct Requester {
    sender: UnixStream,
    ask: mpsc::Sender<mpsc::Sender<String>>,
}

impl Requester {
    /// The table; `None` where nobody serves any more.
    pub(crate) fn ask(&self) -> Option<String> {
        let (answer, answered) = mpsc::channel();
        self.ask.send(answer).ok()?;
        (&self.sender).write_all(&[ASKED]).ok()?;
        answered.recv().ok()
    }
}
