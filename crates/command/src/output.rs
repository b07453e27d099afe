//! Results go to standard output, everything else to standard error. `print!` would panic when a reader such as
//! `head` has left; here that is a [`Failure`] without words.

use core::fmt;
use std::io::{self, Write};

use crate::failure::{Failure, Result};

/// Writes a result, at once.
pub(crate) fn result(bytes: &[u8]) -> Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}

/// Says something beside the results, on a line of its own. Where standard error is gone nobody can be told.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Asks, and leaves the cursor behind the question.
pub(crate) fn prompt(text: &str) {
    let mut terminal = io::stderr().lock();
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}
