//! One run's figures, a line of comma-separated values: what the router's part says, `--csv` keeps, `--from` reads.

use core::fmt;
use core::str::FromStr;

use super::rows::{Row, Work};

pub(crate) const HEADER: &str = "row,run,server,rate,rate2,stall_ms,sent,again,timeouts,wrong,end";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Undersock,
    Linux,
    /// One connection to each: `rate` is undersock's, `rate2` Linux's.
    Both,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Every byte came back, and the server closed; or the time for which connections share was over.
    Whole,
    /// The limit came first: the rate is of what had come until then.
    Cut,
    /// The connection failed, or ended early.
    Broken,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) row: &'static Row,
    pub(crate) run: u32,
    pub(crate) server: Server,
    /// MB/s one way, of each connection.
    pub(crate) rates: (f64, Option<f64>),
    /// The longest time without a byte, in milliseconds, connecting aside.
    pub(crate) stall: u64,
    /// Segments with data that the server sent, those that got lost too.
    pub(crate) sent: u64,
    /// Of these, such as the client had already: its kernel reported them by D-SACK (RFC 2883).
    pub(crate) again: u64,
    /// How often the client's own retransmission timer expired.
    pub(crate) timeouts: u64,
    /// Bytes that were not the ones expected.
    pub(crate) wrong: u64,
    pub(crate) end: End,
}

impl Sample {
    /// The slower connection's share of the faster one's, undersock's of Linux's, or the rate.
    pub(crate) fn value(&self) -> f64 {
        let (one, Some(other)) = self.rates else { return self.rates.0 };
        match self.row.work {
            Work::Beside => ratio(one, other),
            _ => ratio(one.min(other), one.max(other)),
        }
    }
}

/// Nothing is no part of nothing.
pub(crate) fn ratio(one: f64, other: f64) -> f64 {
    if other > 0.0 { one / other } else { 0.0 }
}

const SERVERS: [(&str, Server); 3] =
    [("undersock", Server::Undersock), ("linux", Server::Linux), ("both", Server::Both)];
const ENDS: [(&str, End); 3] = [("whole", End::Whole), ("cut", End::Cut), ("broken", End::Broken)];

fn name<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, named)| named == value).map_or("?", |(name, _)| name)
}

fn named<T: Copy>(names: &[(&'static str, T)], word: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&ENDS, self))
    }
}

impl FromStr for End {
    type Err = ();

    fn from_str(word: &str) -> Result<End, ()> {
        named(&ENDS, word).ok_or(())
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { row, run, server, rates, stall, sent, again, timeouts, wrong, end } = self;
        let second = rates.1.map(|rate| format!("{rate:.4}")).unwrap_or_default();
        write!(f, "{},{run},{},{:.4},{second},", row.name, name(&SERVERS, server), rates.0)?;
        write!(f, "{stall},{sent},{again},{timeouts},{wrong},{end}")
    }
}

impl FromStr for Sample {
    /// The word that is none.
    type Err = String;

    fn from_str(line: &str) -> Result<Sample, String> {
        let words: Vec<&str> = line.split(',').collect();
        let [row, run, server, rate, second, stall, sent, again, timeouts, wrong, end] = words[..] else {
            return Err(format!("{} values, where there should be 11", words.len()));
        };
        let number = |word: &str| word.parse::<u64>().map_err(|_| format!("\"{word}\" is no whole number"));
        let decimal = |word: &str| word.parse::<f64>().map_err(|_| format!("\"{word}\" is no number"));
        Ok(Sample {
            row: Row::named(row).ok_or(format!("there is no row \"{row}\""))?,
            run: run.parse().map_err(|_| format!("\"{run}\" is no whole number"))?,
            server: named(&SERVERS, server).ok_or(format!("there is no server \"{server}\""))?,
            rates: (decimal(rate)?, if second.is_empty() { None } else { Some(decimal(second)?) }),
            stall: number(stall)?,
            sent: number(sent)?,
            again: number(again)?,
            timeouts: number(timeouts)?,
            wrong: number(wrong)?,
            end: end.parse().map_err(|()| format!("\"{end}\" is no end"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_it_was_made_of() {
        for line in [
            "loss-1,1,undersock,104.5000,,12,5700,3,0,0,whole",
            "pair-20-40,5,linux,1.2000,0.6000,12,5700,3,1,2,broken",
            "beside-20-8,2,both,0.0000,0.6000,5000,5700,3,1,2,cut",
        ] {
            assert_eq!(line.parse::<Sample>().map(|sample| sample.to_string()), Ok(line.to_owned()));
        }
    }

    #[test]
    fn what_is_no_sample_is_named() {
        let said = |line: &str| line.parse::<Sample>().unwrap_err();
        assert_eq!(said("loss-1,1"), "2 values, where there should be 11");
        assert_eq!(said("loss-2,1,linux,1,,1,1,1,1,1,whole"), "there is no row \"loss-2\"");
        assert_eq!(said("loss-1,1,linux,much,,1,1,1,1,1,whole"), "\"much\" is no number");
        assert_eq!(said("loss-1,1,linux,1,,1,1,-1,1,1,whole"), "\"-1\" is no whole number");
        assert_eq!(said("loss-1,1,linux,1,,1,1,1,1,1,open"), "\"open\" is no end");
    }

    #[test]
    fn two_rates_are_a_share() {
        let value = |line: &str| line.parse::<Sample>().map(|sample| sample.value());
        assert_eq!(value("loss-1,1,linux,104.5,,1,1,1,1,1,whole"), Ok(104.5));
        assert_eq!(value("pair-20-8,1,linux,1.2,0.6,1,1,1,1,1,whole"), Ok(0.5));
        assert_eq!(value("beside-20-8,1,both,1.2,0.6,1,1,1,1,1,whole"), Ok(2.0));
        assert_eq!(value("beside-20-8,1,both,0,0,1,1,1,1,1,whole"), Ok(0.0));
    }
}
