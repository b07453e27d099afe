//! The table: a line a row, of medians.

use core::fmt::Write as _;

use super::rows::{Goal, NEEDLESS, ROWS, Row, Work};
use super::sample::{End, Sample, Server, ratio};

/// A row's figures.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) row: &'static Row,
    /// MB/s; of a pair, the slower one's share of the faster one.
    ours: f64,
    theirs: f64,
    pub(crate) ratio: f64,
    /// The lowest and the highest ratio of a run.
    pub(crate) between: (f64, f64),
    runs: usize,
    /// Of undersock and of Linux.
    by: [Option<Side>; 2],
    /// Bytes; and runs that were cut and broken.
    wrong: u64,
    cut: usize,
    broken: usize,
}

#[derive(Debug, PartialEq)]
struct Side {
    /// Milliseconds: in the runs in which the client's own timer never expired, and in the others.
    stalls: [Option<u64>; 2],
    /// Per cent of the segments.
    needless: f64,
}

impl Side {
    fn of(samples: &[&Sample]) -> Option<Side> {
        let stall = |timers: bool| {
            samples.iter().filter(|one| (one.timeouts > 0) == timers).map(|one| one.stall).max()
        };
        let sum = |count: fn(&Sample) -> u64| samples.iter().map(|sample| count(sample)).sum::<u64>() as f64;
        let needless = 100.0 * ratio(sum(|one| one.again), sum(|one| one.sent));
        (!samples.is_empty()).then(|| Side { stalls: [stall(false), stall(true)], needless })
    }

    fn stall(&self) -> String {
        match self.stalls {
            [Some(own), Some(with)] if with > own => format!("{own} ({with})"),
            [Some(own), _] => own.to_string(),
            [None, Some(with)] => format!("({with})"),
            [None, None] => String::new(),
        }
    }
}

/// In the table's order; rows that were not run are left out.
pub(crate) fn lines(samples: &[Sample]) -> Vec<Line> {
    ROWS.iter().filter_map(|row| Line::of(row, samples)).collect()
}

impl Line {
    fn of(row: &'static Row, samples: &[Sample]) -> Option<Line> {
        let of_row: Vec<&Sample> = samples.iter().filter(|sample| sample.row == row).collect();
        let of = |server| -> Vec<&Sample> {
            of_row.iter().copied().filter(|sample| sample.server == server).collect()
        };
        let (both, ours, theirs) = (of(Server::Both), of(Server::Undersock), of(Server::Linux));
        let first: Vec<&Sample> = if row.work == Work::Beside { both.clone() } else { ours.clone() };
        let runs = first.len();
        let values = |samples: &[&Sample]| samples.iter().map(|sample| sample.value()).collect();
        let (mut ratios, ours_median, theirs_median): (Vec<f64>, f64, f64) = match row.work {
            Work::Beside => (
                values(&both),
                median(both.iter().map(|sample| sample.rates.0).collect())?,
                median(both.iter().filter_map(|sample| sample.rates.1).collect())?,
            ),
            Work::Pair => (values(&ours), median(values(&ours))?, median(values(&theirs))?),
            Work::Stream(_) | Work::Turns(_) => {
                let pairs = ours.iter().zip(&theirs);
                let ratios = pairs.map(|(ours, theirs)| ratio(ours.value(), theirs.value())).collect();
                (ratios, median(values(&ours))?, median(values(&theirs))?)
            }
        };
        ratios.sort_by(f64::total_cmp);
        let ratio = match row.work {
            Work::Stream(_) | Work::Turns(_) => ratio(ours_median, theirs_median),
            Work::Pair | Work::Beside => median(ratios.clone())?,
        };
        let ended = |end| first.iter().filter(|sample| sample.end == end).count();
        Some(Line {
            row,
            ours: ours_median,
            theirs: theirs_median,
            ratio,
            between: (*ratios.first()?, *ratios.last()?),
            runs,
            by: [Side::of(&ours), Side::of(&theirs)],
            // Where the bytes were wrong, the run was; whose they were says the file.
            wrong: of_row.iter().map(|sample| sample.wrong).sum(),
            cut: ended(End::Cut),
            broken: ended(End::Broken),
        })
    }

    /// What isn't as it should be.
    fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        if !self.row.goal.met(self.ratio) {
            misses.push("ratio".to_owned());
        }
        let ours = self.by[0].as_ref();
        if let (Some(most), Some([Some(stall), _])) = (self.row.stall, ours.map(|side| side.stalls))
            && stall > most
        {
            misses.push("stall".into());
        }
        if ours.is_some_and(|side| side.needless > NEEDLESS) {
            misses.push("sent again".into());
        }
        let counted = [(self.cut, "cut"), (self.broken, "broken"), (self.wrong as usize, "bytes wrong")];
        misses.extend(counted.iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")));
        misses
    }
}

/// The one in the middle, or the mean of two; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let high = *values.get(values.len() / 2)?;
    let low = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(low, high))
}

/// With what it was measured, the table, and what its columns mean.
pub(crate) fn markdown(with: &str, lines: &[Line]) -> String {
    let runs = lines.iter().map(|line| line.runs).max().unwrap_or_default();
    let of = if runs == 1 { "One run".to_owned() } else { format!("Medians of {runs} runs") };
    let mut text = format!(
        "{of}. {with}.\n\n\
         | | undersock | Linux | ratio | goal | longest stall, ms | sent again needlessly, % | met |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for line in lines {
        let both = |side: fn(&Side) -> String| {
            let side = |by: &Option<Side>| by.as_ref().map(side).unwrap_or_default();
            match side(&line.by[0]) + &side(&line.by[1]) {
                nothing if nothing.is_empty() => nothing,
                _ => format!("{} / {}", side(&line.by[0]), side(&line.by[1])),
            }
        };
        let misses = line.misses();
        let met = if misses.is_empty() { "yes".into() } else { format!("no: {}", misses.join(", ")) };
        let (low, high) = line.between;
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} ({} to {}) | {} | {} | {} | {met} |",
            line.row.about,
            line.figure(line.ours),
            line.figure(line.theirs),
            figure(line.ratio),
            figure(low),
            figure(high),
            goal(line.row.goal),
            both(Side::stall),
            both(|side| format!("{:.2}", side.needless)),
        );
    }
    text
}

impl Line {
    fn figure(&self, value: f64) -> String {
        if self.row.work == Work::Pair { format!("1 : {}", figure(value)) } else { figure(value) }
    }
}

/// Three digits, or so.
pub(crate) fn figure(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        _ if value < 0.0095 => format!("{value:.4}"),
        _ if value < 0.1 => format!("{value:.3}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn goal(goal: Goal) -> String {
    match goal {
        Goal::AtLeast(least) => format!("at least {least}"),
        Goal::Between(least, most) => format!("{least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(lines: &[&str]) -> Vec<Line> {
        let samples: Vec<Sample> = lines.iter().map(|line| line.parse().unwrap()).collect();
        super::lines(&samples)
    }

    #[test]
    fn figures_are_as_long_as_they_say_something() {
        let figures = [0.0, 0.00021, 0.034, 0.5, 9.876, 99.87, 181.6].map(figure);
        assert_eq!(figures, ["0", "0.0002", "0.034", "0.50", "9.88", "99.9", "182"]);
    }

    #[test]
    fn the_middle_counts() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn a_row_that_meets_its_goals() {
        let lines = made(&[
            "loss-1,1,undersock,100,,30,6000,6,0,0,whole",
            "loss-1,1,linux,200,,210,6000,12,1,0,whole",
            "loss-1,2,undersock,110,,400,6000,6,1,0,whole",
            "loss-1,2,linux,100,,20,6000,0,0,0,whole",
        ]);
        let text = markdown("undersock", &lines);
        let line = "| 1 % lost each way | 105 | 150 | 0.70 (0.50 to 1.10) | at least 0.7 | 30 (400) / 20 (210) | \
                    0.10 / 0.10 | yes |\n";
        assert!(text.starts_with("Medians of 2 runs. undersock.\n\n| | undersock |"), "{text}");
        assert!(text.ends_with(line), "{text}");
    }

    #[test]
    fn what_is_missed_is_said() {
        let lines =
            made(&["loss-1,1,undersock,0.02,,1700,1000,6,0,3,cut", "loss-1,1,linux,200,,2,6000,0,0,0,whole"]);
        assert_eq!(lines[0].misses(), ["ratio", "stall", "sent again", "1 cut", "3 bytes wrong"]);
        let lines = made(&["clean,1,undersock,0,,9,0,0,0,0,broken", "clean,1,linux,200,,2,6000,0,0,0,whole"]);
        assert_eq!(lines[0].misses(), ["ratio", "1 broken"]);
    }

    #[test]
    fn shares_are_judged_among_themselves() {
        let lines = made(&[
            "pair-20-8,1,undersock,1.0,1.25,30,600,0,0,0,whole",
            "pair-20-8,1,linux,1.0,2.5,30,600,0,0,0,whole",
            "beside-20-8,1,both,1.0,1.25,30,600,0,0,0,whole",
        ]);
        let text = markdown("undersock", &lines);
        assert!(text.contains(" 8 KB | 1 : 0.80 | 1 : 0.40 | 0.80 (0.80 to 0.80) | 0.5 to 1 |"), "{text}");
        assert!(
            text.ends_with(" 8 KB | 1.00 | 1.25 | 0.80 (0.80 to 0.80) | 0.5 to 2 |  |  | yes |\n"),
            "{text}"
        );
    }
}
