//! How a command fails: one line "attempt: reason", then what mends it.

use std::fmt;

/// The exit status of a failure at run time.
pub(crate) const FAILED: u8 = 1;
/// The exit status of wrong usage.
pub(crate) const USAGE: u8 = 2;

/// What a command was trying, why that failed, and what would mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    attempt: String,
    reason: String,
    mends: Vec<String>,
    status: u8,
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure at run time: exit status 1.
    pub(crate) fn new(attempt: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure { attempt: attempt.to_string(), reason: reason.to_string(), mends: Vec::new(), status: FAILED }
    }

    /// Wrong usage: exit status 2. `example` is a right one.
    pub(crate) fn usage(what: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure { attempt: what.to_string(), reason: reason.to_string(), mends: Vec::new(), status: USAGE }
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

impl std::error::Error for Failure {}
