//! The ladder in characters: a line is one instant at one end, and the arrow that leaves there.

mod lanes;
mod rows;

use super::story::{Act, LadderStory, Moment, Said, SaidKind, Transit, untangled};
use super::words::host;
use crate::notation::{rounded, time};
use crate::record::Record;
use crate::side::Side;
use crate::svg::{columns, steers};
use lanes::{ASCII, Glyphs, LEAST, Lanes, MOST, UNICODE, said_words};
use rows::{Row, Tint};
use undersock::smoltcp::socket::tcp::State;

/// How the ladder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Style {
    /// Columns that there are: from 80 on, all is there; from 110 on, calls and states stand apart.
    pub width: usize,
    /// With colours, by SGR codes.
    pub colour: bool,
    /// With nothing but ASCII.
    pub ascii: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 80, colour: false, ascii: false }
    }
}

impl Style {
    /// In so many columns.
    #[must_use]
    pub const fn with_width(self, width: usize) -> Self {
        Style { width, ..self }
    }

    /// With colours, or without.
    #[must_use]
    pub const fn with_colour(self, colour: bool) -> Self {
        Style { colour, ..self }
    }

    /// With nothing but ASCII, or with what Unicode has.
    #[must_use]
    pub const fn with_ascii(self, ascii: bool) -> Self {
        Style { ascii, ..self }
    }
}

/// The ladder of these records for a terminal.
///
/// ```text
///    10 ms                │──SYN seq=0 · MSS=1460─────────▶│
///    15 ms                │◀────SYN,ACK seq=0 ack=1────────│ [SYN-RECEIVED]
///    20 ms  [ESTABLISHED] ┃──ACK seq=1 ack=1──────────────▶│
///    25 ms                ┃                                ┃ [ESTABLISHED]
/// ```
///
/// The time is that of what stands on the line, and of its arrow's leaving; an arrow arrives before the next line of its
/// other end. An upright is thick while a connection of its end is ESTABLISHED.
#[must_use]
pub fn terminal(records: &[Record], style: Style) -> String {
    let story = LadderStory::new(records);
    let order = untangled(&story);
    let mut writer = Writer::new(&story, &order, style);
    writer.heads();
    for moment in order {
        writer.moment(moment.at, &moment.act);
    }
    writer.flush();
    writer.text
}

/// A frame that is under way for some lines.
struct Waiting {
    number: usize,
    column: usize,
}

struct Writer<'s, 'r> {
    story: &'s LadderStory<'r>,
    style: Style,
    width: usize,
    lanes: Lanes,
    glyphs: &'static Glyphs,
    text: String,
    row: Option<Current>,
    /// Lines of words that belong to the arrow of the line being made.
    below: Vec<Vec<(String, Tint)>>,
    waiting: Vec<Waiting>,
    /// The states of each end's connections.
    states: [Vec<(Option<usize>, State)>; 2],
    told: Option<String>,
    many: bool,
    /// Which frames arrive before anything else happens.
    at_once: Vec<bool>,
}

/// The line that is being made.
struct Current {
    at: i64,
    row: Row,
    /// Nothing more can be put at this end.
    closed: [bool; 2],
    calls: [bool; 2],
    states: [bool; 2],
    wire: bool,
    /// The connection that it is about.
    number: Option<usize>,
}

impl Current {
    /// What is on one line belongs together.
    fn may_have(&self, number: Option<usize>) -> bool {
        !self.wire || self.number.is_none() || number.is_none() || self.number == number
    }

    /// Whether everything on it is of this connection, or of none.
    fn is_about(&self, number: Option<usize>) -> bool {
        self.number.is_none() || number.is_none() || self.number == number
    }
}

impl<'s, 'r> Writer<'s, 'r> {
    fn new(story: &'s LadderStory<'r>, order: &[&Moment<'_>], style: Style) -> Self {
        let width = style.width.clamp(LEAST, MOST);
        let mut at_once = vec![false; story.transits.len()];
        for pair in order.windows(2) {
            if let (Act::Departs(number), Act::Arrives(next, 0)) = (&pair[0].act, &pair[1].act) {
                at_once[*number] = number == next;
            }
        }
        Writer {
            story,
            style,
            width,
            lanes: Lanes::new(story, width),
            glyphs: if style.ascii { &ASCII } else { &UNICODE },
            text: String::new(),
            row: None,
            below: Vec::new(),
            waiting: Vec::new(),
            states: Default::default(),
            told: None,
            many: story.connections.len() > 1,
            at_once,
        }
    }

    fn heads(&mut self) {
        for (number, connection) in self.story.connections.iter().enumerate() {
            let mut row = Row::new(self.width);
            row.put(1, &format!("#{number}"), Tint::Number(number));
            row.put(4, &format!("{} - {}", connection.client, connection.server), Tint::Plain);
            self.write(&row);
        }
        let mut row = Row::new(self.width);
        for end in [Side::Client, Side::Server] {
            let (name, address) = host(end, self.story.hosts[end.index()], self.story.known[end.index()]);
            let text = format!("{name} {address}");
            let text = text.trim_end();
            let length = text.chars().count();
            let upright = self.lanes.uprights[end.index()];
            // To the outside as far as there is room, or else about its upright.
            let column = match end {
                Side::Client if self.story.known[0] => {
                    (upright + 1).saturating_sub(length).max(self.lanes.time + 1)
                }
                Side::Client => upright,
                Side::Server if self.story.known[1] && upright + length <= self.width => upright,
                Side::Server => (self.width).saturating_sub(length),
            };
            row.put(column, text, Tint::Strong);
        }
        self.write(&row);
    }

    fn moment(&mut self, at: i64, act: &Act<'_>) {
        match *act {
            Act::Said(ref said) => self.said(at, said),
            Act::Departs(number) | Act::Crosses(number) => {
                self.leaves(at, number, matches!(act, Act::Crosses(_)))
            }
            Act::Arrives(number, arrival) => self.arrives(at, number, arrival),
            // It is on the line where it left.
            Act::Vanishes(_) => {}
            Act::Note(text) => self.note(text),
            Act::Pause(length) => self.pause(length),
        }
    }

    /// The line being made, if this can be on it; else a new one.
    fn line(&mut self, at: i64, fits: impl FnOnce(&Current) -> bool) -> &mut Current {
        if !self.row.as_ref().is_some_and(|row| row.at == at && fits(row)) {
            self.flush();
        }
        let row = self.row.take().unwrap_or_else(|| self.new_row(at));
        self.row.insert(row)
    }

    fn new_row(&mut self, at: i64) -> Current {
        let mut row = self.empty();
        let time = time(at);
        let time = if self.style.ascii { time.replace('µ', "u") } else { time };
        if self.told.as_ref() != Some(&time) {
            let column = self.lanes.time.saturating_sub(time.chars().count());
            row.put(column, &time, Tint::Dim);
            self.told = Some(time);
        }
        Current {
            at,
            row,
            closed: [false; 2],
            calls: [false; 2],
            states: [false; 2],
            wire: false,
            number: None,
        }
    }

    /// A line with nothing but the uprights, and what is under way.
    fn empty(&self) -> Row {
        let mut row = Row::new(self.width);
        for waiting in &self.waiting {
            let ink = self.ink(&self.story.transits[waiting.number]);
            row.put_char(waiting.column, self.glyphs.waits, ink);
        }
        row
    }

    fn upright(&self, end: usize) -> (char, Tint) {
        let states = &self.states[end];
        let find = |is: fn(&State) -> bool| states.iter().find(|(_, state)| is(state));
        let live = find(|state| *state == State::Established).map(|one| (self.glyphs.established, one.0));
        let live =
            live.or_else(|| find(|state| *state != State::TimeWait).map(|one| (self.glyphs.opening, one.0)));
        let live = live.or_else(|| states.first().map(|one| (self.glyphs.time_wait, one.0)));
        match live {
            Some((glyph, number)) => (glyph, number.map_or(Tint::Plain, Tint::Number)),
            None => (self.glyphs.bare, Tint::Dim),
        }
    }

    fn flush(&mut self) {
        let Some(mut current) = self.row.take() else { return };
        self.uprights(&mut current.row);
        self.write(&current.row);
        for line in core::mem::take(&mut self.below) {
            let mut row = self.empty();
            let length: usize = line.iter().map(|(text, _)| text.chars().map(columns).sum::<usize>()).sum();
            let (from, to) = self.lanes.wire();
            let mut column = from + (to - from).saturating_sub(length) / 2;
            for (text, ink) in &line {
                column = row.put(column, text, *ink);
            }
            self.uprights(&mut row);
            self.write(&row);
        }
    }

    fn uprights(&self, row: &mut Row) {
        for end in 0..2 {
            let (glyph, ink) = self.upright(end);
            row.put_char(self.lanes.uprights[end], glyph, ink);
        }
    }

    fn write(&mut self, row: &Row) {
        row.write(&mut self.text, self.style.colour);
    }

    fn ink(&self, transit: &Transit<'_>) -> Tint {
        transit.connection.map_or(Tint::Plain, Tint::Number)
    }

    fn said(&mut self, at: i64, said: &Said) {
        let end = said.end.index();
        let is_call = said.kind == SaidKind::Call;
        let merged = self.lanes.calls[end] == self.lanes.states[end];
        let ready = |row: &Current| {
            let taken = if merged {
                row.calls[end] || row.states[end]
            } else if is_call {
                row.calls[end]
            } else {
                row.states[end]
            };
            !row.closed[end] && !taken && row.may_have(said.connection)
        };
        let lane = if is_call { self.lanes.calls[end] } else { self.lanes.states[end] };
        let text = said_words(self.story, said);
        let ink = match said.kind {
            SaidKind::State(State::Established) => said.connection.map_or(Tint::Strong, Tint::StrongNumber),
            SaidKind::Call | SaidKind::State(_) => said.connection.map_or(Tint::Plain, Tint::Number),
            SaidKind::Timer => Tint::Bad,
        };
        let row = self.line(at, ready);
        row.number = row.number.or(said.connection);
        if is_call {
            row.calls[end] = true;
        } else {
            row.states[end] = true;
        }
        if let Some((from, to)) = lane {
            let text: String = text.chars().take(to.saturating_sub(from)).collect();
            let column = if end == 0 { to - text.chars().count() } else { from };
            row.row.put(column, &text, ink);
        }
        if let SaidKind::State(state) = said.kind {
            let states = &mut self.states[end];
            states.retain(|(number, _)| *number != said.connection);
            if !matches!(state, State::Closed | State::Listen) {
                states.push((said.connection, state));
            }
        }
    }

    /// A frame's arrow; to its end, if nothing comes between.
    fn leaves(&mut self, at: i64, number: usize, at_once: bool) {
        let story = self.story;
        let transit = &story.transits[number];
        let (from, to) = (transit.from.index(), transit.from.other().index());
        let follows = !transit.lost() && !at_once && !self.at_once[number] && !transit.arrivals.is_empty();
        self.line(at, |row| {
            let free = !row.wire && !row.closed[from] && !row.calls[to] && !row.states[to];
            free && row.is_about(transit.connection)
        });
        let Some(mut row) = self.row.take() else { return };
        row.wire = true;
        row.number = transit.connection;
        row.closed[from] = true;
        // What it leads to at once stands beside its head.
        row.closed[to] = !at_once;
        let column = follows.then(|| self.wait(number));
        self.arrow(&mut row.row, transit, column);
        self.row = Some(row);
    }

    /// A column where a frame waits.
    fn wait(&mut self, number: usize) -> usize {
        let (from, to) = self.lanes.wire();
        let rightwards = self.story.transits[number].from == Side::Client;
        let free = |column: usize| self.waiting.iter().all(|one| one.column != column);
        // A narrow terminal has fewer of them.
        let room = from + 5..to.saturating_sub(5);
        let places = (0..room.len()).step_by(3).take(6);
        let mut columns =
            places.map(|place| if rightwards { room.end - 1 - place } else { room.start + place });
        let column = columns.find(|column| free(*column)).unwrap_or((from + to) / 2);
        self.waiting.push(Waiting { number, column });
        column
    }

    fn arrow(&mut self, row: &mut Row, transit: &Transit<'_>, waits: Option<usize>) {
        let (from, to) = self.lanes.wire();
        let rightwards = transit.from == Side::Client;
        let ink = self.ink(transit);
        let (first, last) = match (waits, transit.lost(), rightwards) {
            (Some(column), _, true) => (from, column),
            (Some(column), _, false) => (column, to - 1),
            (None, true, true) => (from, from + (to - from) * 5 / 6),
            (None, true, false) => (to - 1 - (to - from) * 5 / 6, to - 1),
            (None, false, _) => (from, to - 1),
        };
        for column in first..=last {
            let crosses = self.waiting.iter().any(|one| one.column == column && waits != Some(column));
            row.put_char(column, if crosses { self.glyphs.crossing } else { self.glyphs.level }, ink);
        }
        let head = if rightwards { last } else { first };
        let side = usize::from(rightwards);
        match (waits, transit.lost(), transit.dropped(0)) {
            (Some(_), ..) => row.put_char(head, self.glyphs.down[usize::from(!rightwards)], ink),
            (None, true, _) => row.put_char(head, self.glyphs.lost, Tint::Bad),
            (None, false, true) => row.put_char(head, self.glyphs.lost, Tint::Bad),
            // It left, and the records end before it came.
            (None, false, false) if transit.under_way() => {}
            (None, false, false) => row.put_char(head, self.glyphs.heads[side], ink),
        }
        let room = last + 1 - first;
        self.words(row, transit, first, room);
    }

    /// The words on an arrow: near its tail what it is, then what else there is room for; below it what went wrong, if
    /// there is none.
    fn words(&mut self, row: &mut Row, transit: &Transit<'_>, first: usize, room: usize) {
        let label = &transit.label;
        let ink = self.ink(transit);
        let dash = self.glyphs.dash;
        let number =
            transit.connection.filter(|_| self.many).map_or(String::new(), |number| format!("#{number} "));
        let head = self.plain(&format!("{number}{}", label.head));
        // A tail, a head and a blank at both.
        let room = room.saturating_sub(6);
        let mut runs: Vec<(String, Tint)> = vec![(head, Tint::Plain)];
        let length = |runs: &[(String, Tint)]| -> usize {
            runs.iter().flat_map(|(text, _)| text.chars()).map(columns).sum()
        };
        let troubles = label.troubles.iter().map(|text| (self.plain(text), Tint::Bad));
        let details = label.details.iter().map(|text| (self.plain(text), Tint::Dim));
        let rest: Vec<(String, Tint)> = troubles.chain(details).collect();
        let listed = |texts: &[(String, Tint)], first: bool| -> Vec<(String, Tint)> {
            let lead = |index: usize| if first && index == 0 { "" } else { dash };
            texts
                .iter()
                .enumerate()
                .map(|(index, (text, ink))| (format!("{}{text}", lead(index)), *ink))
                .collect()
        };
        // As much of it as there is room for.
        let wire = self.lanes.uprights[1] - self.lanes.uprights[0] - 3;
        let fitting = |rest: Vec<(String, Tint)>| {
            let mut all = (0..=rest.len()).rev().map(|count| listed(&rest[..count], true));
            all.find(|texts| length(texts) <= wire).unwrap_or_default()
        };
        let mut below = Vec::new();
        let beside = listed(&rest, false);
        if length(&runs) > room {
            // Not even what it is has room on the arrow.
            let head = runs.drain(..).map(|(text, ink)| (cut(&text, wire, self.style.ascii), ink));
            self.below.push(head.collect());
            below = fitting(rest);
        } else if length(&runs) + length(&beside) <= room {
            runs.extend(beside);
        } else {
            below = fitting(rest);
        }
        if !runs.is_empty() {
            let length = length(&runs);
            let mut column = row.put(first + 2 + (room - length) / 2, " ", Tint::Plain);
            for (index, (text, run)) in runs.iter().enumerate() {
                if index > 0 {
                    column = row.put(column, text, *run);
                    continue;
                }
                // What kind of frame it is stands out.
                let words = usize::from(!number.is_empty());
                let cut = text.match_indices(' ').nth(words).map_or(text.len(), |(at, _)| at);
                let (name, rest) = text.split_at(cut);
                let strong = match ink {
                    Tint::Number(number) => Tint::StrongNumber(number),
                    _ => Tint::Strong,
                };
                column = row.put(column, name, strong);
                column = row.put(column, rest, Tint::Plain);
            }
            row.put(column, " ", Tint::Plain);
        }
        if !below.is_empty() {
            self.below.push(below);
        }
    }

    /// Nothing but ASCII, if that is asked for.
    fn plain(&self, text: &str) -> String {
        if !self.style.ascii {
            return text.into();
        }
        text.chars()
            .map(|c| match c {
                '“' | '”' => '"',
                '–' => '-',
                '…' => '~',
                'µ' => 'u',
                c if c.is_ascii() => c,
                _ => '.',
            })
            .collect()
    }

    /// A frame that was under way for some lines, or a copy.
    fn arrives(&mut self, at: i64, number: usize, arrival: usize) {
        let story = self.story;
        let transit = &story.transits[number];
        let waited = self.waiting.iter().position(|one| one.number == number);
        if arrival == 0 && waited.is_none() {
            // On the line where it left.
            return;
        }
        let to = transit.from.other().index();
        let ink = self.ink(transit);
        let (left, right) = self.lanes.wire();
        let rightwards = transit.from == Side::Client;
        self.line(at, |row| !row.wire && !row.closed[to] && !row.calls[to] && !row.states[to]);
        let Some(mut row) = self.row.take() else { return };
        row.wire = true;
        let turn = match waited {
            Some(index) => self.waiting.remove(index).column,
            None if rightwards => left + (right - left) * 2 / 3,
            None => right - 1 - (right - left) * 2 / 3,
        };
        let span = if rightwards { turn..=right - 1 } else { left..=turn };
        for column in span {
            let crosses = self.waiting.iter().any(|one| one.column == column);
            row.row.put_char(column, if crosses { self.glyphs.crossing } else { self.glyphs.level }, ink);
        }
        row.row.put_char(turn, self.glyphs.up[usize::from(!rightwards)], ink);
        let head = if rightwards { right - 1 } else { left };
        let (glyph, ink) = if transit.dropped(arrival) {
            (self.glyphs.lost, Tint::Bad)
        } else {
            (self.glyphs.heads[usize::from(rightwards)], ink)
        };
        row.row.put_char(head, glyph, ink);
        if arrival > 0 {
            let (first, last) = if rightwards { (turn, right) } else { (left, turn) };
            row.row.put((first + last) / 2 - 2, " copy ", Tint::Dim);
        }
        row.number = transit.connection;
        self.row = Some(row);
    }

    fn note(&mut self, text: &str) {
        self.flush();
        let room = self.width - self.lanes.time - 4;
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let word = cut(&self.plain(&printable(word)), room, self.style.ascii);
            match lines.last_mut() {
                Some(line) if line.chars().count() + word.chars().count() < room => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        for line in lines {
            let mut row = Row::new(self.width);
            row.put_char(self.lanes.time + 1, self.glyphs.note, Tint::Dim);
            row.put(self.lanes.time + 3, &line, Tint::Strong);
            self.write(&row);
        }
    }

    fn pause(&mut self, length: i64) {
        self.flush();
        let mut row = self.empty();
        let (from, to) = (self.lanes.uprights[0], self.lanes.uprights[1] + 1);
        for column in from..to {
            row.put_char(column, self.glyphs.pause, Tint::Dim);
        }
        let text = format!(" {} later ", self.plain(&rounded(length)));
        row.put((from + to) / 2 - text.chars().count() / 2, &text, Tint::Plain);
        self.write(&row);
        self.told = None;
    }
}

/// No longer than this, with a sign if it isn't all.
fn cut(text: &str, room: usize, ascii: bool) -> String {
    if text.chars().map(columns).sum::<usize>() <= room {
        return text.into();
    }
    let mut used = 1;
    let mut fitted: String = text
        .chars()
        .take_while(|c| {
            used += columns(*c);
            used <= room
        })
        .collect();
    fitted.push(if ascii { '~' } else { '…' });
    fitted
}

/// Without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '.' } else { c }).collect()
}
