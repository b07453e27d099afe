//! The path that a connection took through TCP's states.

use undersock::smoltcp::time::Instant;

use crate::connections::Connections;
use crate::record::{Record, What};
use crate::side::Side;
use undersock::event::{Cause, Change, Limit, Timer};

/// The way of one connection at one end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// At which end.
    pub end: Side,
    /// The connection's number, as a ladder of the same records has it.
    pub connection: Option<usize>,
    /// Its steps.
    pub steps: Vec<Transition>,
}

/// One step of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// When.
    pub at: Instant,
    /// From where to where, and why.
    pub change: Change,
    /// The limit, if it was one.
    pub limit: Option<Limit>,
}

/// Every way that these records tell of, in the order in which they begin.
#[must_use]
pub fn paths(records: &[Record]) -> Vec<Path> {
    let mut order: Vec<&Record> = records.iter().collect();
    order.sort_by_key(|record| record.at);
    let connections = Connections::new(order.iter().copied());
    let mut paths: Vec<Path> = Vec::new();
    let mut limits: Vec<(Side, usize, Limit)> = Vec::new();
    for (index, record) in order.iter().enumerate() {
        let end = record.end;
        match record.what {
            What::Timer(Timer::Evicted { slot, limit }) => limits.push((end, slot, limit)),
            What::State(change) => {
                let connection = connections.of(index);
                let limit = limits.iter().rposition(|(at, slot, _)| *at == end && *slot == change.slot);
                let limit =
                    limit.map(|index| limits.remove(index).2).filter(|_| change.cause == Cause::Limit);
                let step = Transition { at: record.at, change, limit };
                let goes_on = |path: &&mut Path| {
                    let last = path.steps.last().map(|step| step.change);
                    path.end == end
                        && path.connection == connection
                        && last.is_some_and(|last| last.slot == change.slot && last.to == change.from)
                };
                match paths.iter_mut().rfind(goes_on) {
                    Some(path) => path.steps.push(step),
                    None => paths.push(Path { end, connection, steps: vec![step] }),
                }
            }
            _ => {}
        }
    }
    paths
}

/// The ways of one connection: the client's and the server's, as far as they are known.
#[must_use]
pub fn paths_of(records: &[Record], connection: usize) -> Vec<Path> {
    let mut found = paths(records);
    found.retain(|path| path.connection == Some(connection));
    found
}
