//! How far a transfer is: a line that is drawn again and again on a terminal, and one at the end.

use core::time::Duration;
use std::io::{self, IsTerminal};
use std::time::Instant;

use crate::output;

/// How often the line is drawn.
const REDRAW: Duration = Duration::from_millis(200);
/// Characters between the brackets.
const BAR: usize = 20;

/// The line, and what it shows.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    total: Option<u64>,
    sent: u64,
    received: u64,
    /// Whether there is a terminal for the line, which nothing else writes on.
    draws: bool,
    /// Whether the last line is wanted.
    sums_up: bool,
    drawn: Instant,
    /// Characters on the terminal's line now.
    width: usize,
}

impl Progress {
    /// `typed`: the source is the terminal itself, where the line would be in the way.
    pub(crate) fn start(total: Option<u64>, typed: bool) -> Progress {
        let terminal = io::stderr().is_terminal();
        let now = Instant::now();
        Progress {
            start: now,
            total,
            sent: 0,
            received: 0,
            draws: terminal && !typed && !io::stdout().is_terminal(),
            sums_up: terminal || log::log_enabled!(log::Level::Debug),
            drawn: now,
            width: 0,
        }
    }

    /// Takes the counts, and draws them if it is time.
    pub(crate) fn tick(&mut self, sent: u64, received: u64) {
        (self.sent, self.received) = (sent, received);
        if self.draws && self.drawn.elapsed() >= REDRAW {
            self.drawn = Instant::now();
            let line = line(sent, received, self.total, self.start.elapsed());
            // Spaces, not an escape sequence, over what is left of a longer line.
            output::prompt(&format!("\r{line:width$}", width = self.width));
            self.width = line.len();
        }
    }

    /// Wipes the line; after a success the sum takes its place.
    pub(crate) fn end(&mut self, success: bool) {
        if self.width > 0 {
            output::prompt(&format!("\r{:width$}\r", "", width = self.width));
            self.width = 0;
        }
        if success && self.sums_up {
            output::note(summary(self.sent, self.received, self.start.elapsed()));
        }
    }
}

fn line(sent: u64, received: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = rate(sent, elapsed);
    // A file that is being written may become longer than it was.
    let Some(total) = total.filter(|total| (1..).contains(total) && sent <= *total) else {
        return format!("{} sent, {} received, {}/s", bytes(sent), bytes(received), bytes(rate));
    };
    let part =
        |whole: u64| u64::try_from(u128::from(sent) * u128::from(whole) / u128::from(total)).unwrap_or(0);
    let filled = usize::try_from(part(BAR as u64)).unwrap_or(BAR).min(BAR);
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled));
    let left = match (total - sent).checked_div(rate) {
        Some(seconds) => clock(seconds),
        None => "-:--".to_owned(),
    };
    format!("{:3}% [{bar}] {} of {}, {}/s, {left} left", part(100), bytes(sent), bytes(total), bytes(rate))
}

fn summary(sent: u64, received: u64, elapsed: Duration) -> String {
    let (seconds, rate) = (elapsed.as_secs_f64(), bytes(rate(sent, elapsed)));
    format!("{} sent, {} received in {seconds:.1} s, {rate}/s", bytes(sent), bytes(received))
}

/// Bytes a second.
fn rate(bytes: u64, elapsed: Duration) -> u64 {
    let microseconds = elapsed.as_micros().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000 / microseconds).unwrap_or(u64::MAX)
}

fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..100 => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => "days".to_owned(),
    }
}

/// A number of bytes for people: three digits or four, and a unit.
pub(crate) fn bytes(count: u64) -> String {
    let mut unit = count;
    let mut rest = 0;
    let mut name = "bytes";
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if unit < 1024 {
            break;
        }
        (rest, unit, name) = (unit % 1024, unit / 1024, larger);
    }
    match name {
        "bytes" if count == 1 => "1 byte".to_owned(),
        "bytes" => format!("{count} bytes"),
        name => format!("{unit}.{} {name}", rest * 10 / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn numbers_of_bytes_are_short() {
        for (count, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (100 << 20, "100.0 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_line_shows_part_rate_and_time_left() {
        assert_eq!(
            line(25 << 20, 24 << 20, Some(100 << 20), 2 * SECOND),
            " 25% [#####...............] 25.0 MiB of 100.0 MiB, 12.5 MiB/s, 0:06 left"
        );
        assert_eq!(line(2048, 1024, None, SECOND), "2.0 KiB sent, 1.0 KiB received, 2.0 KiB/s");
        assert_eq!(line(0, 0, Some(0), SECOND), "0 bytes sent, 0 bytes received, 0 bytes/s");
        assert!(line(0, 0, Some(9), SECOND).ends_with("0 bytes/s, -:-- left"));
        assert!(line(9, 0, Some(9), Duration::ZERO).starts_with("100% ["));
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        for total in [1, 1023, (1024 << 10) - 1, (1024 << 30) - 1, u64::MAX] {
            for sent in [0, total / 3, total] {
                for elapsed in [Duration::ZERO, SECOND, Duration::from_secs(1_000_000)] {
                    let line = line(sent, sent, Some(total), elapsed);
                    assert!(line.len() < 80, "{} characters: {line}", line.len());
                }
            }
        }
    }

    #[test]
    fn the_sum_has_both_directions() {
        assert_eq!(
            summary(3 << 20, 4 << 20, 2 * SECOND),
            "3.0 MiB sent, 4.0 MiB received in 2.0 s, 1.5 MiB/s"
        );
    }
}
