//! How a command fails: one line "attempt: reason", then what mends it.

use core::fmt;
use std::io;

/// The exit status of a failure at run time.
pub(crate) const FAILED: u8 = 1;
/// The exit status of wrong usage.
pub(crate) const USAGE: u8 = 2;
/// The exit status when nobody reads standard output any more: 128 + SIGPIPE, what a shell reports for a program
/// that the signal ended. Rust ignores the signal, so that a socket's broken pipe is an error like others.
pub(crate) const UNREAD: u8 = 128 + 13;

/// What a command was trying, why that failed, and what would mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    attempt: String,
    reason: String,
    mends: Vec<String>,
    status: u8,
}

pub(crate) type Result<T> = core::result::Result<T, Failure>;

impl Failure {
    /// A failure at run time: exit status 1.
    pub(crate) fn new(attempt: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure {
            attempt: attempt.to_string(),
            reason: reason.to_string(),
            mends: Vec::new(),
            status: FAILED,
        }
    }

    /// Wrong usage: exit status 2. The line is all there is, so the reason shows a right one.
    pub(crate) fn usage(what: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure { attempt: what.to_string(), reason: reason.to_string(), mends: Vec::new(), status: USAGE }
    }

    /// A failure that the system reported: exit status 1.
    pub(crate) fn io(attempt: impl fmt::Display, error: &io::Error) -> Failure {
        Failure::new(attempt, reason(error))
    }

    /// Standard output takes no more. When its reader has left, as `head` does, there is nothing to say.
    pub(crate) fn output(error: &io::Error) -> Failure {
        let failure = Failure::io("writing to standard output", error);
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure { status: UNREAD, ..failure },
            _ => failure,
        }
    }

    /// A line that says what would mend it, best an exact command.
    pub(crate) fn mend(mut self, mend: impl fmt::Display) -> Failure {
        self.mends.push(mend.to_string());
        self
    }

    /// The process's exit status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    /// Whether the exit status says it all.
    pub(crate) fn is_quiet(&self) -> bool {
        self.status == UNREAD
    }
}

/// An error's text without the number that `std` adds: "Connection refused", not "Connection refused (os error 111)".
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "undersock: {}: {}", self.attempt, self.reason)?;
        for mend in &self.mends {
            write!(f, "\n  {mend}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_is_a_sentence_without_its_number() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(reason(&refused), refused.to_string());
        #[cfg(target_os = "linux")]
        assert_eq!(reason(&io::Error::from_raw_os_error(111)), "Connection refused");
    }

    #[test]
    fn a_reader_that_left_is_no_news() {
        let left = Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(left.is_quiet());
        assert_eq!(left.status(), 141);
        let full = Failure::output(&io::Error::from(io::ErrorKind::StorageFull));
        assert!(!full.is_quiet());
        assert_eq!(full.status(), FAILED);
    }

    #[test]
    fn mends_follow_on_lines_of_their_own() {
        let failure = Failure::new("connecting to ::1", "refused").mend("start it").mend("or not");
        assert_eq!(failure.to_string(), "undersock: connecting to ::1: refused\n  start it\n  or not");
    }
}
