//! One thing that `check` found, and the command that mends it.

use core::fmt::Write;

use crate::failure::Failure;

/// How a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    /// It works without, or not at its best.
    Note,
    Bad,
}

/// One line of the check's answer, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    mark: Mark,
    text: String,
    mends: Vec<String>,
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab and serve use it"))]
impl Finding {
    pub(crate) fn good(text: impl Into<String>) -> Finding {
        Finding { mark: Mark::Good, text: text.into(), mends: Vec::new() }
    }

    pub(crate) fn note(text: impl Into<String>) -> Finding {
        Finding { mark: Mark::Note, ..Finding::good(text) }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Finding {
        Finding { mark: Mark::Bad, ..Finding::good(text) }
    }

    /// What would make a command fail, without making this one fail.
    pub(crate) fn failure(failure: &Failure) -> Finding {
        let text = failure.to_string();
        let mut lines = text.lines().map(str::trim);
        let first = lines.next().unwrap_or_default();
        Finding {
            mends: lines.map(str::to_owned).collect(),
            ..Finding::bad(first.strip_prefix("undersock: ").unwrap_or(first))
        }
    }

    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Finding {
        self.mends.push(mend.into());
        self
    }

    /// The same in better words.
    pub(crate) fn renamed(self, text: String) -> Finding {
        Finding { text, ..self }
    }

    /// The same where it is no obstacle.
    pub(crate) fn softened(self) -> Finding {
        Finding { mark: Mark::Note, ..self }
    }

    pub(crate) fn is_bad(&self) -> bool {
        self.mark == Mark::Bad
    }

    pub(crate) fn plain(&self) -> String {
        self.lines(self.mark.sign())
    }

    pub(crate) fn coloured(&self) -> String {
        // SGR 32, 33, 31: green, yellow, red.
        let colour = match self.mark {
            Mark::Good => 32,
            Mark::Note => 33,
            Mark::Bad => 31,
        };
        self.lines(&format!("\x1b[{colour}m{}\x1b[0m", self.mark.sign()))
    }

    fn lines(&self, sign: &str) -> String {
        let mut lines = format!("{sign}  {}\n", self.text);
        for mend in &self.mends {
            // Writing to a String has no way to fail.
            let _ = writeln!(lines, "      {mend}");
        }
        lines
    }
}

impl Mark {
    fn sign(self) -> &'static str {
        match self {
            Mark::Good => "ok",
            Mark::Note => "--",
            Mark::Bad => "!!",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_what_mends_it() {
        let finding = Finding::bad("tap0 is down").mend("sudo ip link set tap0 up");
        assert_eq!(finding.plain(), "!!  tap0 is down\n      sudo ip link set tap0 up\n");
        assert_eq!(finding.coloured(), "\x1b[31m!!\x1b[0m  tap0 is down\n      sudo ip link set tap0 up\n");
        assert!(finding.is_bad() && !finding.softened().is_bad());
    }

    #[test]
    fn a_failure_becomes_a_finding_without_the_programs_name() {
        let failure = Failure::new("opening it", "no such device").mend("sudo modprobe tun");
        assert_eq!(
            Finding::failure(&failure),
            Finding::bad("opening it: no such device").mend("sudo modprobe tun")
        );
    }
}
