//! How a chore fails: one line "attempt: reason".

use core::fmt;

#[derive(Debug)]
pub(crate) struct Failure {
    attempt: String,
    reason: String,
    pub(crate) status: u8,
}

impl Failure {
    pub(crate) fn new(attempt: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure { attempt: attempt.to_string(), reason: reason.to_string(), status: 1 }
    }

    /// With the command that mends it.
    pub(crate) fn with_mend(mut self, command: &str) -> Failure {
        self.reason += &format!("; `{command}` mends it");
        self
    }

    /// With the exit status of the program that failed.
    pub(crate) fn with_status(self, status: u8) -> Failure {
        Failure { status, ..self }
    }
}

/// A failure with a board.
impl From<boards::Failure> for Failure {
    fn from(failure: boards::Failure) -> Failure {
        let (attempt, reason) = failure.into_parts();
        Failure::new(attempt, reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attempt, self.reason)
    }
}
