//! The table's rows: what is done to the packets, what the client does, and what is asked of undersock beside Linux.

use core::time::Duration;

/// One row.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// For a person, in the table.
    pub(crate) about: &'static str,
    pub(crate) trouble: Trouble,
    pub(crate) work: Work,
    pub(crate) goal: Goal,
    /// No byte for so long is too long, in milliseconds.
    pub(crate) stall: Option<u64>,
}

/// What the router does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    Nothing,
    /// Per cent of all packets vanish: from the client, to the client.
    Loss(u32, u32),
    /// A slower link with a queue that overflows, the same in both directions.
    Bottleneck {
        megabits: u32,
        queue: u32,
    },
    /// Per cent of all packets go by a detour, where they are held for so long, and are overtaken by later ones.
    Reordering {
        percent: u32,
        held: Duration,
    },
}

/// What the client does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Work {
    /// It writes so many bytes and reads them at the same time.
    Stream(u64),
    /// It writes 64 KB, waits until they are back, and again, until so many bytes are back.
    Turns(u64),
    /// It streams over two connections to the same server, for [`SHARING`] seconds.
    Pair,
    /// It streams over a connection to each of the servers at the same time.
    Beside,
}

/// For so many seconds connections share a bottleneck.
pub(crate) const SHARING: u64 = 5;

/// What is asked of the row's ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    Between(f64, f64),
}

impl Goal {
    pub(crate) fn met(self, ratio: f64) -> bool {
        match self {
            Goal::AtLeast(least) => ratio >= least,
            Goal::Between(least, most) => (least..=most).contains(&ratio),
        }
    }

    pub(crate) fn least(self) -> f64 {
        match self {
            Goal::AtLeast(least) | Goal::Between(least, _) => least,
        }
    }
}

impl Row {
    pub(crate) fn named(name: &str) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.name == name)
    }
}

/// At most so many per cent of the segments may be sent again though they were not lost.
pub(crate) const NEEDLESS: f64 = 0.5;

const MB: u64 = 1_000_000;

const fn stream(
    name: &'static str,
    about: &'static str,
    trouble: Trouble,
    megabytes: u64,
    least: f64,
) -> Row {
    let (work, goal) = (Work::Stream(megabytes * MB), Goal::AtLeast(least));
    Row { name, about, trouble, work, goal, stall: None }
}

const fn bottleneck(name: &'static str, about: &'static str, megabits: u32, queue: u32) -> Row {
    // Three seconds of what it carries.
    let bytes = megabits as u64 * MB / 8 * 3;
    Row {
        name,
        about,
        trouble: Trouble::Bottleneck { megabits, queue },
        work: Work::Stream(bytes),
        goal: Goal::Between(0.95, 1.05),
        stall: None,
    }
}

const fn pair(name: &'static str, about: &'static str, megabits: u32, queue: u32) -> Row {
    let trouble = Trouble::Bottleneck { megabits, queue };
    Row { name, about, trouble, work: Work::Pair, goal: Goal::Between(0.5, 1.0), stall: None }
}

const fn beside(name: &'static str, about: &'static str, megabits: u32, queue: u32) -> Row {
    let trouble = Trouble::Bottleneck { megabits, queue };
    Row { name, about, trouble, work: Work::Beside, goal: Goal::Between(0.5, 2.0), stall: None }
}

/// The detour itself takes tens of microseconds: within a round trip here.
const DETOUR: Trouble = Trouble::Reordering { percent: 5, held: Duration::ZERO };
/// A round trip or more: who is as late as that looks lost to whoever waits for less.
const LATE: Trouble = Trouble::Reordering { percent: 5, held: Duration::from_micros(200) };

/// In the table's order.
pub(crate) const ROWS: &[Row] = &[
    stream("clean", "no loss", Trouble::Nothing, 64, 0.7),
    Row { stall: Some(250), ..stream("loss-1", "1 % lost each way", Trouble::Loss(1, 1), 8, 0.7) },
    stream("loss-5", "5 % lost each way", Trouble::Loss(5, 5), 8, 0.5),
    stream("down-1", "1 % lost from server to client alone", Trouble::Loss(0, 1), 8, 0.7),
    Row {
        work: Work::Turns(8 * MB),
        ..stream("turns-1", "64 KB and wait, 1 % lost each way", Trouble::Loss(1, 1), 8, 1.0)
    },
    bottleneck("10-8", "10 Mbit/s, queue of 8 KB", 10, 8_000),
    bottleneck("10-40", "10 Mbit/s, 40 KB", 10, 40_000),
    bottleneck("20-8", "20 Mbit/s, 8 KB", 20, 8_000),
    bottleneck("20-40", "20 Mbit/s, 40 KB", 20, 40_000),
    bottleneck("100-8", "100 Mbit/s, 8 KB", 100, 8_000),
    bottleneck("100-40", "100 Mbit/s, 40 KB", 100, 40_000),
    pair("pair-20-8", "two connections, 20 Mbit/s, 8 KB", 20, 8_000),
    pair("pair-20-40", "two connections, 20 Mbit/s, 40 KB", 20, 40_000),
    beside("beside-20-8", "undersock beside Linux, 20 Mbit/s, 8 KB", 20, 8_000),
    beside("beside-20-40", "undersock beside Linux, 20 Mbit/s, 40 KB", 20, 40_000),
    stream("reorder-5", "5 % overtaken each way, by a detour", DETOUR, 8, 0.7),
    stream("reorder-5-late", "5 % overtaken each way, 0.2 ms late", LATE, 8, 0.7),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        for row in ROWS {
            assert_eq!(Row::named(row.name), Some(row));
        }
        assert_eq!(Row::named("loss-2"), None);
    }

    #[test]
    fn goals_include_their_bounds() {
        assert!(Goal::AtLeast(0.7).met(0.7) && Goal::AtLeast(0.7).met(7.0) && !Goal::AtLeast(0.7).met(0.69));
        let bottleneck = Goal::Between(0.95, 1.05);
        assert!(
            bottleneck.met(0.95) && bottleneck.met(1.05) && !bottleneck.met(1.06) && !bottleneck.met(0.9)
        );
    }
}
