//! Where a terminal's lanes are, and of what characters the ladder is.

use super::super::story::{Act, LadderStory, Said, SaidKind};
use crate::notation;

/// Fewer columns than these are taken for these.
pub(super) const LEAST: usize = 60;
/// From here on, calls and states have lanes of their own where both ends are known.
pub(super) const APART: usize = 110;
/// The same, where one is.
pub(super) const APART_ONE: usize = 80;
/// More columns than these make arrows long, not clear.
pub(super) const MOST: usize = 140;

/// Columns from where to where.
pub(super) type Span = (usize, usize);

/// The lanes' columns.
pub(super) struct Lanes {
    pub(super) time: usize,
    pub(super) calls: [Option<Span>; 2],
    pub(super) states: [Option<Span>; 2],
    pub(super) uprights: [usize; 2],
}

impl Lanes {
    pub(super) fn new(story: &LadderStory<'_>, width: usize) -> Self {
        let times = story.moments.iter().map(|moment| notation::time(moment.at).chars().count());
        let time = times.max().unwrap_or(0).clamp(6, 11) + 1;
        let [client, server] = story.known;
        let (calls, states) = (longest(story, true), longest(story, false));
        let apart = width >= if client && server { APART } else { APART_ONE };
        let side = if apart { calls + states + 3 } else { calls.max(states) + 1 };
        let left = time + 1 + if client { side } else { 0 };
        let right = width.saturating_sub(1 + if server { side } else { 0 });
        let lanes = |known: bool, outer: Span, inner: Span, whole: Span| match (known, apart) {
            (false, _) => (None, None),
            (true, true) => (Some(outer), Some(inner)),
            (true, false) => (Some(whole), Some(whole)),
        };
        let (client_calls, client_states) = lanes(
            client,
            (time + 1, left.saturating_sub(states + 2)),
            (left.saturating_sub(states + 1), left - 1),
            (time + 1, left - 1),
        );
        let (server_calls, server_states) =
            lanes(server, (right + 3 + states, width), (right + 2, right + 2 + states), (right + 2, width));
        Lanes {
            time,
            calls: [client_calls, server_calls],
            states: [client_states, server_states],
            uprights: [left, right],
        }
    }

    pub(super) fn wire(&self) -> Span {
        (self.uprights[0] + 1, self.uprights[1])
    }
}

/// The columns that the longest call takes, or the longest state.
pub(super) fn longest(story: &LadderStory<'_>, calls: bool) -> usize {
    let words = story.moments.iter().filter_map(|moment| match &moment.act {
        Act::Said(said) if (said.kind == SaidKind::Call) == calls => {
            Some(said_words(story, said).chars().count())
        }
        _ => None,
    });
    words.max().unwrap_or(0).max(6)
}

/// A call, a state or a timer as it stands in its lane.
pub(super) fn said_words(story: &LadderStory<'_>, said: &Said) -> String {
    let prefix = match said.connection {
        Some(number) if story.connections.len() > 1 => format!("#{number} "),
        _ => String::new(),
    };
    match said.kind {
        SaidKind::State(_) => format!("{prefix}[{}]", said.text),
        SaidKind::Call | SaidKind::Timer => format!("{prefix}{}", said.text),
    }
}

/// The characters that there are.
pub(super) struct Glyphs {
    pub(super) level: char,
    pub(super) waits: char,
    pub(super) heads: [char; 2],
    pub(super) lost: char,
    /// Where a frame that waits turns down, and where it turns in again; for one to the right, one to the left.
    pub(super) down: [char; 2],
    pub(super) up: [char; 2],
    pub(super) crossing: char,
    pub(super) pause: char,
    pub(super) bare: char,
    pub(super) opening: char,
    pub(super) established: char,
    pub(super) time_wait: char,
    pub(super) note: char,
    pub(super) dash: &'static str,
}

pub(super) const UNICODE: Glyphs = Glyphs {
    level: '─',
    waits: '┆',
    heads: ['◀', '▶'],
    lost: '✗',
    down: ['╮', '╭'],
    up: ['╰', '╯'],
    crossing: '┼',
    pause: '┄',
    bare: '┆',
    opening: '│',
    established: '┃',
    time_wait: '┊',
    note: '▌',
    dash: " · ",
};

pub(super) const ASCII: Glyphs = Glyphs {
    level: '-',
    waits: ':',
    heads: ['<', '>'],
    lost: 'X',
    down: ['.', '.'],
    up: ['\'', '\''],
    crossing: '+',
    pause: '.',
    bare: ':',
    opening: '|',
    established: '#',
    time_wait: ';',
    note: '|',
    dash: ", ",
};
