//! Log lines on standard error: the time since the start, the level, the message.

use core::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::Instant;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::terminal::is_colourful;

struct Logger {
    start: Instant,
    colour: bool,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Logs from now on, up to `level`. The clock of the lines starts here.
pub(crate) fn install(level: LevelFilter) {
    let logger = LOGGER.get_or_init(|| Logger { start: Instant::now(), colour: is_colourful(&io::stderr()) });
    // A logger that is there already stays; the level is this one's.
    let _ = log::set_logger(logger);
    log::set_max_level(level);
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let now = self.start.elapsed();
            let line = line(now, record.level(), &record.args().to_string(), self.colour);
            // In one piece, so that lines of several threads do not mix.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

fn line(now: core::time::Duration, level: Level, message: &str, colour: bool) -> String {
    let seconds = format!("{:>4}.{:06}", now.as_secs(), now.subsec_micros());
    let (on, off) = match (colour, level) {
        (false, _) => ("", ""),
        (true, Level::Error) => ("\x1b[31m", "\x1b[0m"),
        (true, Level::Warn) => ("\x1b[33m", "\x1b[0m"),
        (true, Level::Info) => ("\x1b[32m", "\x1b[0m"),
        (true, Level::Debug) => ("\x1b[34m", "\x1b[0m"),
        (true, Level::Trace) => ("\x1b[2m", "\x1b[0m"),
    };
    let level = level.as_str().to_ascii_lowercase();
    let mut line = format!("{seconds} {on}{level:<5}{off} ");
    // What a peer sent may be in the message: it must not begin a line, or steer the terminal.
    for c in message.chars() {
        let _ = if c.is_control() { write!(line, "{}", c.escape_default()) } else { line.write_char(c) };
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_line_has_time_level_and_message() {
        let now = Duration::from_micros(1_000_042);
        assert_eq!(line(now, Level::Info, "ready", false), "   1.000042 info  ready\n");
        assert_eq!(line(now, Level::Error, "a\nb\x1b[2J", false), "   1.000042 error a\\nb\\u{1b}[2J\n");
        assert_eq!(line(now, Level::Warn, "x", true), "   1.000042 \x1b[33mwarn \x1b[0m x\n");
    }
}
