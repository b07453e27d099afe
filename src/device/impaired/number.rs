//! Numbers with units, read from text exactly: nothing is rounded.

use core::fmt;

use smoltcp::time::Duration;

/// The longest time that can be asked for.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A decimal number: a whole one over a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) whole: u64,
    pub(super) over: u64,
}

impl Decimal {
    /// The number at the start of a text, and what follows it.
    pub(super) fn split(text: &str) -> Option<(Decimal, &str)> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (before, after) = number.split_once('.').unwrap_or((number, ""));
        // No digit before or after the point, or a second point.
        if before.is_empty() || number.ends_with('.') || after.contains('.') {
            return None;
        }
        let mut decimal = Decimal { whole: before.parse().ok()?, over: 1 };
        for digit in after.trim_end_matches('0').bytes() {
            decimal.over = decimal.over.checked_mul(10)?;
            decimal.whole = decimal.whole.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        Some((decimal, rest.trim()))
    }

    /// So many of a unit, if that is a whole number.
    pub(super) fn times(self, unit: u64) -> Option<u64> {
        let product = self.whole.checked_mul(unit)?;
        (product % self.over == 0).then(|| product / self.over)
    }
}

/// What is wrong with a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrongDuration {
    NotOne,
    NoUnit,
    TooLong,
}

/// Microseconds in a unit of time.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "us" | "µs" | "μs" => 1,
        "ms" => 1_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000,
        _ => return None,
    })
}

/// A duration, `3 s`, `1.5s` or `20ms`, and what follows it.
pub(super) fn duration(text: &str) -> Result<(Duration, &str), WrongDuration> {
    let (number, rest) = Decimal::split(text).ok_or(WrongDuration::NotOne)?;
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    if name.is_empty() && number.whole != 0 {
        return Err(WrongDuration::NoUnit);
    }
    // Nothing is nothing in any unit.
    let unit = if name.is_empty() { 1 } else { unit(name).ok_or(WrongDuration::NotOne)? };
    let micros = number.times(unit).ok_or(WrongDuration::NotOne)?;
    let duration = Duration::from_micros(micros);
    if duration > LONGEST { Err(WrongDuration::TooLong) } else { Ok((duration, rest.trim_start())) }
}

/// A duration as [`duration`] reads it.
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.total_micros();
        let (unit, name) = match micros {
            _ if micros.is_multiple_of(1_000_000) => (1_000_000, "s"),
            _ if micros.is_multiple_of(1_000) => (1_000, "ms"),
            _ => (1, "us"),
        };
        write!(f, "{} {name}", micros / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        let micros = |text| duration(text).map(|(duration, rest)| (duration.total_micros(), rest));
        assert_eq!(micros("3 s"), Ok((3_000_000, "")));
        assert_eq!(micros("1.5s"), Ok((1_500_000, "")));
        assert_eq!(micros("20ms±5ms"), Ok((20_000, "±5ms")));
        assert_eq!(micros("0.25 ms"), Ok((250, "")));
        assert_eq!(micros("7µs"), Ok((7, "")));
        assert_eq!(micros("0"), Ok((0, "")));
        assert_eq!(micros("2min"), Ok((120_000_000, "")));
        assert_eq!(micros("0.0001 ms"), Err(WrongDuration::NotOne), "below a microsecond");
        assert_eq!(micros("3"), Err(WrongDuration::NoUnit));
        assert_eq!(micros("3 weeks"), Err(WrongDuration::NotOne));
        assert_eq!(micros("1441 min"), Err(WrongDuration::TooLong));
        for wrong in
            ["", "s", ".5s", "5.s", "1.2.3s", "-1s", "99999999999999999999s", "18446744073709551615s"]
        {
            assert!(micros(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for micros in [0, 1, 999, 1_000, 1_500, 1_000_000, 1_250_000, 86_400_000_000] {
            let written = std::format!("{}", Written(Duration::from_micros(micros)));
            assert_eq!(duration(&written), Ok((Duration::from_micros(micros), "")), "{written}");
        }
    }
}
