//! What a wire is told to do, and how that is written.

#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;

use smoltcp::time::Duration;

use super::number::{Decimal, LONGEST, Written, WrongDuration, duration};
use super::random::below;
use super::rule::{Rule, RuleError};
use crate::event::Direction;

/// As many rules as one wire takes.
pub const MAX_RULES: usize = 16;

/// What a wire does to the frames that cross it. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Frames to this end: a server's from its clients.
    pub incoming: Impairments,
    /// Frames from this end.
    pub outgoing: Impairments,
    /// Single events.
    pub rules: heapless::Vec<Rule, MAX_RULES>,
    /// The same seed gives the same run.
    pub seed: u64,
}

impl Settings {
    /// The names that [`Settings::set`] knows, each with a right value.
    pub const NAMES: [(&'static str, &'static str); 8] = [
        ("loss", "5%"),
        ("duplicate", "1%"),
        ("corrupt", "0.1%"),
        ("reorder", "2%"),
        ("delay", "20ms"),
        ("rate", "1Mbit/s"),
        ("seed", "42"),
        ("trouble", Rule::EXAMPLE),
    ];

    /// Reads one setting as a command's option has it. `in:` or `out:` before a value is for that direction only;
    /// `trouble` adds a rule, and any other takes the place of what was set before.
    ///
    /// # Errors
    /// What the text lacks.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        match name {
            "loss" => self.each(value, |one, chance| one.loss = chance),
            "duplicate" => self.each(value, |one, chance| one.duplicate = chance),
            "corrupt" => self.each(value, |one, chance| one.corrupt = chance),
            "reorder" => self.each(value, |one, reorder| one.reorder = reorder),
            "delay" => self.each(value, |one, delay| one.delay = delay),
            "rate" => self.each(value, |one, rate| one.rate = Some(rate)),
            "seed" => {
                self.seed = seed(value).ok_or(SettingError::NotASeed)?;
                Ok(())
            }
            "trouble" => {
                let rule = value.parse().map_err(SettingError::Rule)?;
                self.rules.push(rule).map_err(|_| SettingError::TooManyRules)
            }
            _ => Err(SettingError::NoSuchName),
        }
    }

    /// Sets a value for one direction or both.
    fn each<T: FromStr<Err = SettingError> + Copy>(
        &mut self,
        text: &str,
        set: impl Fn(&mut Impairments, T),
    ) -> Result<(), SettingError> {
        let Sided { side, value } = text.parse()?;
        for direction in [Direction::In, Direction::Out] {
            if side.is_none_or(|side| side == direction) {
                set(self.side_mut(direction), value);
            }
        }
        Ok(())
    }

    pub(super) fn side(&self, direction: Direction) -> &Impairments {
        match direction {
            Direction::In => &self.incoming,
            Direction::Out => &self.outgoing,
        }
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Impairments {
        match direction {
            Direction::In => &mut self.incoming,
            Direction::Out => &mut self.outgoing,
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.incoming.is_identity() && self.outgoing.is_identity() && self.rules.is_empty()
    }
}

/// What a wire does to the frames of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Impairments {
    /// Frames that never arrive.
    pub loss: Chance,
    /// Frames that arrive twice.
    pub duplicate: Chance,
    /// Frames that arrive with one bit inverted.
    pub corrupt: Chance,
    /// Frames that others overtake.
    pub reorder: Reorder,
    /// How long every frame is on its way.
    pub delay: Delay,
    /// How fast frames leave, one after the other.
    pub rate: Option<Rate>,
}

impl Impairments {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let Impairments { loss, duplicate, corrupt, reorder, delay, rate } = self;
        let never =
            [loss, duplicate, corrupt, &reorder.chance].iter().all(|chance| **chance == Chance::NEVER);
        never && *delay == Delay::default() && rate.is_none()
    }
}

/// How many of how many: a fraction between 0 and 1, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    of: u32,
    all: u32,
}

impl Chance {
    /// 0.
    pub const NEVER: Chance = Chance { of: 0, all: 1 };
    /// 1.
    pub const ALWAYS: Chance = Chance { of: 1, all: 1 };

    /// `of` out of `all`, in lowest terms. `None` if that is no fraction between 0 and 1.
    #[must_use]
    pub const fn new(of: u32, all: u32) -> Option<Chance> {
        if all == 0 || of > all {
            return None;
        }
        let (mut common, mut rest) = (all, of);
        while rest != 0 {
            (common, rest) = (rest, common % rest);
        }
        Some(Chance { of: of / common, all: all / common })
    }

    /// Whether a drawn number hits it.
    pub(super) fn hits(self, drawn: u64) -> bool {
        below(drawn, u64::from(self.all)) < u64::from(self.of)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Chance::NEVER
    }
}

impl FromStr for Chance {
    type Err = SettingError;

    /// `5%`, `0.1%`, `2‰`, `1/20`, `0.05`.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (number, unit) = Decimal::split(text).ok_or(SettingError::NotAChance)?;
        let (of, all) = match unit {
            "%" => (number.whole, number.over.checked_mul(100)),
            "‰" => (number.whole, number.over.checked_mul(1_000)),
            "" if number.whole > number.over => return Err(SettingError::ChanceWithoutUnit),
            "" => (number.whole, Some(number.over)),
            _ => {
                let all = unit.strip_prefix('/').and_then(|all| all.trim().parse().ok());
                (number.whole, all.filter(|_| number.over == 1))
            }
        };
        let all = all.ok_or(SettingError::NotAChance)?;
        if of > all && all > 0 {
            return Err(SettingError::BeyondAll);
        }
        let (Ok(of), Ok(all)) = (of.try_into(), all.try_into()) else { return Err(SettingError::NotAChance) };
        Chance::new(of, all).ok_or(SettingError::NotAChance)
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Chance { of, all } = *self;
        for places in 0..=6 {
            let hundred = 10_u64.pow(2 + places);
            if hundred.is_multiple_of(u64::from(all)) {
                let parts = hundred / u64::from(all) * u64::from(of);
                let one = 10_u64.pow(places);
                return match places as usize {
                    0 => write!(f, "{parts}%"),
                    places => write!(f, "{}.{:0places$}%", parts / one, parts % one),
                };
            }
        }
        write!(f, "{of}/{all}")
    }
}

/// How often a frame is held back, and for how long, so that others overtake it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reorder {
    /// How often.
    pub chance: Chance,
    /// For how long, beside all other delay.
    pub by: Duration,
}

impl Reorder {
    /// How long a frame is held back if nothing else is said: many frames of a burst, no retransmission timer.
    pub const BY: Duration = Duration::from_millis(5);
}

impl Default for Reorder {
    fn default() -> Self {
        Reorder { chance: Chance::NEVER, by: Reorder::BY }
    }
}

impl FromStr for Reorder {
    type Err = SettingError;

    /// `2%`, or `2% by 10ms`.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (chance, by) = match text.split_once("by") {
            None => (text, Reorder::BY),
            Some((chance, by)) => (chance, whole(by)?),
        };
        if by == Duration::ZERO {
            Err(SettingError::Zero)
        } else {
            Ok(Reorder { chance: chance.parse()?, by })
        }
    }
}

impl fmt::Display for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.chance)?;
        if self.by == Reorder::BY { Ok(()) } else { write!(f, " by {}", Written(self.by)) }
    }
}

/// How long a frame is on its way: `fixed`, and up to `jitter` more or less. Frames keep their order all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delay {
    /// In the mean.
    pub fixed: Duration,
    /// More or less, each as likely; not more than `fixed`.
    pub jitter: Duration,
}

impl Delay {
    /// The delay that a drawn number gives.
    pub(super) fn at(self, drawn: u64) -> Duration {
        let (fixed, jitter) = (self.fixed.total_micros(), self.jitter.total_micros());
        let span = jitter.saturating_mul(2).saturating_add(1);
        Duration::from_micros(fixed.saturating_add(below(drawn, span)).saturating_sub(jitter))
    }
}

impl FromStr for Delay {
    type Err = SettingError;

    /// `20ms`, or `20ms±5ms`; `+-` and `+/-` stand for `±`.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (fixed, rest) = duration(text)?;
        let jitter = match ["±", "+/-", "+-"].iter().find_map(|sign| rest.strip_prefix(sign)) {
            Some(jitter) => whole(jitter)?,
            None if rest.is_empty() => Duration::ZERO,
            None => return Err(SettingError::NotADuration),
        };
        if jitter > fixed { Err(SettingError::JitterBeyondDelay) } else { Ok(Delay { fixed, jitter }) }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Written(self.fixed))?;
        if self.jitter == Duration::ZERO { Ok(()) } else { write!(f, " ± {}", Written(self.jitter)) }
    }
}

/// How fast a link is, and how many bytes wait in front of it at most. What comes then is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// 1 at least.
    pub bits_per_second: u64,
    /// Bytes of the frames that wait, the one that is being sent included. A frame that finds the link idle never
    /// waits.
    pub queue: u32,
}

impl Rate {
    /// The queue if nothing else is said: an initial window of Linux and some more.
    pub const QUEUE: u32 = 65_536;
    /// The fastest that is reckoned with.
    const FASTEST: u64 = 1_000_000_000_000;
}

impl FromStr for Rate {
    type Err = SettingError;

    /// `1Mbit/s`, `64 kbit/s`, `125kB/s`; then perhaps `queue 30000` in bytes. A `b` is a bit, a `B` is a byte.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (rate, queue) = match text.split_once("queue") {
            None => (text, Rate::QUEUE),
            Some((rate, queue)) => (rate.trim_end().trim_end_matches(','), bytes(queue)?),
        };
        let (number, unit) = Decimal::split(rate).ok_or(SettingError::NotARate)?;
        let (unit, factor) = match unit.as_bytes().first() {
            Some(b'k' | b'K') => (&unit[1..], 1_000),
            Some(b'm' | b'M') => (&unit[1..], 1_000_000),
            Some(b'g' | b'G') => (&unit[1..], 1_000_000_000),
            _ => (unit, 1),
        };
        let bits = match unit {
            "bit/s" | "bits/s" | "Bit/s" | "bit" | "b/s" | "bps" => 1,
            "B/s" | "Bps" | "byte/s" | "bytes/s" => 8,
            "" => return Err(SettingError::RateWithoutUnit),
            _ => return Err(SettingError::NotARate),
        };
        match number.times(factor * bits) {
            Some(0) => Err(SettingError::Zero),
            Some(bits_per_second @ 1..=Rate::FASTEST) => Ok(Rate { bits_per_second, queue }),
            _ => Err(SettingError::NotARate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.bits_per_second;
        let (unit, name) = match bits {
            _ if bits.is_multiple_of(1_000_000_000) => (1_000_000_000, "Gbit/s"),
            _ if bits.is_multiple_of(1_000_000) => (1_000_000, "Mbit/s"),
            _ if bits.is_multiple_of(1_000) => (1_000, "kbit/s"),
            _ => (1, "bit/s"),
        };
        write!(f, "{} {name}", bits / unit)?;
        if self.queue == Rate::QUEUE { Ok(()) } else { write!(f, ", queue {}", self.queue) }
    }
}

/// A value with the direction that it is for: `in:5%`, `out:5%`; without one, for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sided<T> {
    /// Which direction; both if none.
    pub side: Option<Direction>,
    /// For it.
    pub value: T,
}

impl<T: FromStr> FromStr for Sided<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let text = text.trim();
        let (side, value) = if let Some(value) = text.strip_prefix("in:") {
            (Some(Direction::In), value)
        } else if let Some(value) = text.strip_prefix("out:") {
            (Some(Direction::Out), value)
        } else {
            (None, text)
        };
        Ok(Sided { side, value: value.parse()? })
    }
}

impl<T: fmt::Display> fmt::Display for Sided<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            None => "",
            Some(Direction::In) => "in:",
            Some(Direction::Out) => "out:",
        };
        write!(f, "{side}{}", self.value)
    }
}

/// A duration and nothing after it.
fn whole(text: &str) -> Result<Duration, SettingError> {
    let (duration, rest) = duration(text)?;
    if rest.is_empty() { Ok(duration) } else { Err(SettingError::NotADuration) }
}

/// A number of bytes.
fn bytes(text: &str) -> Result<u32, SettingError> {
    let (number, unit) = Decimal::split(text).ok_or(SettingError::NotAQueue)?;
    let unit = match unit {
        "" | "B" | "byte" | "bytes" => 1,
        "k" | "kB" => 1_000,
        _ => return Err(SettingError::NotAQueue),
    };
    number.times(unit).and_then(|bytes| bytes.try_into().ok()).ok_or(SettingError::NotAQueue)
}

/// A number, decimal or hexadecimal with `0x`.
fn seed(text: &str) -> Option<u64> {
    let text = text.trim();
    // A sign would pass for a part of the number.
    let digits = |digits: &str, radix| {
        let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        right.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
    };
    match text.strip_prefix("0x") {
        Some(hexadecimal) => digits(hexadecimal, 16),
        None => digits(text, 10),
    }
}

/// What is wrong with a setting's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingError {
    /// Not one of [`Settings::NAMES`].
    NoSuchName,
    /// No probability, or one finer than 1 in 2^32.
    NotAChance,
    /// A number above 1 without a unit.
    ChanceWithoutUnit,
    /// A probability above 1.
    BeyondAll,
    /// No duration, or none in whole microseconds.
    NotADuration,
    /// A duration without a unit.
    DurationWithoutUnit,
    /// A duration that is longer than a day.
    TooLong,
    /// A frame can't arrive before it was sent.
    JitterBeyondDelay,
    /// No rate, or one faster than 1 Tbit/s.
    NotARate,
    /// A rate without a unit.
    RateWithoutUnit,
    /// Not a number of bytes.
    NotAQueue,
    /// A rate or a time of nothing.
    Zero,
    /// Not a number of 64 bits.
    NotASeed,
    /// More than [`MAX_RULES`].
    TooManyRules,
    /// A rule that can't be understood.
    Rule(RuleError),
}

impl From<WrongDuration> for SettingError {
    fn from(wrong: WrongDuration) -> Self {
        match wrong {
            WrongDuration::NotOne => SettingError::NotADuration,
            WrongDuration::NoUnit => SettingError::DurationWithoutUnit,
            WrongDuration::TooLong => SettingError::TooLong,
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SettingError::NoSuchName => "there is no such setting",
            SettingError::NotAChance => "not a share of the frames, as 5%, 0.1% or 1/20",
            SettingError::ChanceWithoutUnit => "the unit is missing: %, or a fraction as 1/20",
            SettingError::BeyondAll => "more than all frames",
            SettingError::NotADuration => "not a duration with a unit (us, ms, s or min)",
            SettingError::DurationWithoutUnit => "the unit is missing: us, ms, s or min",
            SettingError::TooLong => return write!(f, "the longest is {} h", LONGEST.secs() / 3_600),
            SettingError::JitterBeyondDelay => {
                "more jitter than delay: a frame can't arrive before it is sent"
            }
            SettingError::NotARate => {
                "not a rate with a unit (bit/s, kbit/s, Mbit/s, kB/s) up to 1000 Gbit/s"
            }
            SettingError::RateWithoutUnit => "the unit is missing: bit/s, kbit/s, Mbit/s, kB/s",
            SettingError::NotAQueue => "a queue is a number of bytes, as in 1Mbit/s queue 30000",
            SettingError::Zero => "more than nothing, please",
            SettingError::NotASeed => "a seed is a number below 2^64",
            SettingError::TooManyRules => return write!(f, "there may be {MAX_RULES} rules"),
            SettingError::Rule(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for SettingError {}
