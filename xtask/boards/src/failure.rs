//! How it fails: one line "attempt: reason".

use core::fmt;

/// What was tried, and why it came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    attempt: String,
    reason: String,
}

/// With a [`Failure`] of ours.
pub type Result<T> = core::result::Result<T, Failure>;

impl Failure {
    /// `attempt` as in "reading a.elf", `reason` as in "no such file".
    pub fn new(attempt: impl fmt::Display, reason: impl fmt::Display) -> Failure {
        Failure { attempt: attempt.to_string(), reason: reason.to_string() }
    }
}

impl Failure {
    /// What was tried, and why it came to nothing.
    #[must_use]
    pub fn into_parts(self) -> (String, String) {
        (self.attempt, self.reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attempt, self.reason)
    }
}

impl core::error::Error for Failure {}
