//! Where everything of a drawn ladder is. Time goes down, but not in proportion: what happens at one instant may share a
//! line, a later instant is further down, and nothing lies on anything else.

use undersock::smoltcp::socket::tcp::State;

use super::story::{Act, LadderStory, Said, SaidKind, untangled};
use crate::notation::{rounded, time};
use crate::side::Side;

mod geometry;
mod quad;
mod rungs;

pub use geometry::Format;
pub(super) use geometry::{Geometry, HALF_CHIP, connection_line, sans};
use quad::Quad;
use rungs::Heights;
pub(super) use rungs::Rung;

/// A line of words takes so much.
const LINE: f64 = 23.0;
/// A later instant is so much further down, at least: its time must have room at the left.
const LATER: f64 = 15.0;
/// An arrow that takes time falls by so much, at least.
const FALL: f64 = 17.0;
/// Above a rung for what it is, and below it for the rest.
pub(super) const ABOVE: f64 = 19.0;
pub(super) const BELOW: f64 = 17.0;
const BELOW_NOTHING: f64 = 7.0;
/// So much more room above an arrow whose words lie on others, and how often that may be.
const MORE: f64 = 12.0;
const TRIES: u32 = 8;
/// A pause's band.
pub(super) const BAND: f64 = 24.0;
const NOTE_LINE: f64 = 18.0;
const NOTE_MARGIN: f64 = 9.0;

/// A call, a state or a timer with its place.
#[derive(Debug)]
pub(super) struct Word<'s> {
    pub(super) said: &'s Said,
    pub(super) text: String,
    pub(super) quad: Quad,
}

/// How a socket was for a while.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) x: f64,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) state: State,
    pub(super) number: Option<usize>,
}

/// A pause or a note, from side to side.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) quad: Quad,
    pub(super) lines: Vec<String>,
    pub(super) pause: bool,
}

/// A whole ladder with its places.
#[derive(Debug)]
pub(super) struct Plan<'s> {
    pub(super) geometry: Geometry,
    pub(super) words: Vec<Word<'s>>,
    pub(super) bars: Vec<Bar>,
    pub(super) bands: Vec<Band>,
    pub(super) rungs: Vec<Rung>,
    pub(super) times: Vec<(f64, String)>,
    /// Where the uprights begin, and where they end.
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Where what the bars mean is said, if there are any.
    pub(super) legend: Option<f64>,
    pub(super) height: f64,
}

/// How far down each lane is taken.
struct LaneHeights {
    calls: [f64; 2],
    states: [f64; 2],
    rungs: [f64; 2],
}

impl LaneHeights {
    fn all(&mut self) -> impl Iterator<Item = &mut f64> {
        self.calls.iter_mut().chain(&mut self.states).chain(&mut self.rungs)
    }

    fn lowest(&mut self) -> f64 {
        self.all().fold(0.0, |lowest, lane| lowest.max(*lane))
    }
}

/// A connection's bar that goes on.
struct Open {
    number: Option<usize>,
    lane: usize,
    state: State,
    from: f64,
}

impl<'s> Plan<'s> {
    pub(super) fn new(story: &'s LadderStory<'_>, shape: Format) -> Self {
        // Where words lie on others, there is more room above their arrow; and then it is tried again.
        let mut room = vec![0.0; story.transits.len()];
        let mut plan = Plan::with(story, shape, &room);
        for _ in 0..TRIES {
            let hidden = rungs::hidden(&plan.rungs, &plan.taken());
            if hidden.is_empty() {
                break;
            }
            for number in hidden {
                room[number] += MORE;
            }
            plan = Plan::with(story, shape, &room);
        }
        plan
    }

    fn with(story: &'s LadderStory<'_>, shape: Format, room: &[f64]) -> Self {
        let geometry = Geometry::new(story, shape);
        let top = geometry.top;
        let start = top + 6.0;
        let mut planner = Planner {
            lanes: LaneHeights { calls: [start; 2], states: [start; 2], rungs: [start - 4.0; 2] },
            heights: vec![Heights::default(); story.transits.len()],
            open: Default::default(),
            room,
            last: None,
            floor: start,
            plan: Plan {
                geometry,
                words: Vec::new(),
                bars: Vec::new(),
                bands: Vec::new(),
                rungs: Vec::new(),
                times: Vec::new(),
                top,
                bottom: 0.0,
                legend: None,
                height: 0.0,
            },
            story,
        };
        let moments = match shape {
            Format::Wide => story.moments.iter().collect(),
            Format::Narrow => untangled(story),
        };
        for moment in moments {
            planner.moment(moment.at, &moment.act);
        }
        planner.finish()
    }

    /// Every text's place, for what is to be held against it.
    pub(super) fn taken(&self) -> Vec<Quad> {
        let words = self.words.iter().map(|word| word.quad);
        let bands = self.bands.iter().map(|band| band.quad);
        words.chain(bands).collect()
    }
}

struct Planner<'s, 'r, 'm> {
    story: &'s LadderStory<'r>,
    /// How much more room each frame's arrow has.
    room: &'m [f64],
    plan: Plan<'s>,
    lanes: LaneHeights,
    heights: Vec<Heights>,
    open: [Vec<Open>; 2],
    /// The last instant, and how far down it is.
    last: Option<(i64, f64)>,
    /// Nothing more comes above this.
    floor: f64,
}

impl<'s> Planner<'s, '_, '_> {
    fn moment(&mut self, at: i64, act: &'s Act<'_>) {
        let below = |number: usize| {
            let transit = &self.story.transits[number];
            let nothing = transit.label.details.is_empty() && transit.label.troubles.is_empty();
            // What ends on the wire goes down there.
            let ends = transit.delayed() || transit.lost() || transit.under_way();
            let waits = if ends { LATER } else { 0.0 };
            waits + if nothing { BELOW_NOTHING } else { BELOW }
        };
        match *act {
            Act::Said(ref said) => self.said(at, said),
            Act::Note(text) => self.note(text),
            Act::Pause(length) => self.pause(length),
            Act::Departs(number) => {
                let below = below(number);
                let end = self.story.transits[number].from;
                let y = self.rung(at, &[end], self.room[number], below, 0.0);
                self.heights[number].departs = Some(y);
            }
            Act::Arrives(number, arrival) => {
                let below = below(number);
                let end = self.story.transits[number].from.other();
                let left = self.heights[number].departs.or(self.heights[number].crosses).unwrap_or(0.0);
                let y = self.rung(at, &[end], self.room[number], below, left + FALL);
                let arrives = &mut self.heights[number].arrives;
                arrives.resize(arrival.max(arrives.len()), y);
                arrives.push(y);
            }
            Act::Vanishes(number) => {
                let left = self.heights[number].departs.unwrap_or(0.0);
                let y = self.line(at, left + FALL);
                self.heights[number].vanishes = Some(y);
                if self.plan.geometry.narrow {
                    self.lanes.all().for_each(|lane| *lane = lane.max(y + BELOW));
                }
            }
            Act::Crosses(number) => {
                let below = below(number);
                let y = self.rung(at, &[Side::Client, Side::Server], self.room[number], below, 0.0);
                self.heights[number].crosses = Some(y);
            }
        }
    }

    /// How far down something of this instant is, if it can be so far up.
    fn line(&mut self, at: i64, y: f64) -> f64 {
        let y = match self.last {
            Some((last, above)) if last == at => y.max(above),
            Some((_, above)) => y.max(above + LATER),
            None => y.max(self.floor),
        };
        let y = y.max(self.floor);
        if self.last.is_none_or(|(last, _)| last != at) {
            self.plan.times.push((y, time(at)));
        }
        self.last = Some((at, y));
        y
    }

    fn rung(&mut self, at: i64, ends: &[Side], room: f64, below: f64, least: f64) -> f64 {
        let above = ABOVE + room;
        let taken = ends.iter().fold(least, |y, end| y.max(self.lanes.rungs[end.index()] + above));
        let y = self.line(at, taken);
        for end in ends {
            self.lanes.rungs[end.index()] = y + below;
        }
        if self.plan.geometry.narrow {
            self.lanes.all().for_each(|lane| *lane = lane.max(y + below));
        }
        y
    }

    fn said(&mut self, at: i64, said: &'s Said) {
        let end = said.end.index();
        let lane = match said.kind {
            SaidKind::Call => &self.lanes.calls,
            SaidKind::State(_) | SaidKind::Timer => &self.lanes.states,
        };
        let y = self.line(at, lane[end] + LINE / 2.0);
        let after = y + LINE / 2.0;
        if self.plan.geometry.narrow {
            self.lanes.all().for_each(|lane| *lane = lane.max(after));
        }
        match said.kind {
            SaidKind::Call => self.lanes.calls[end] = after,
            SaidKind::State(_) | SaidKind::Timer => self.lanes.states[end] = after,
        }
        if let SaidKind::State(state) = said.kind {
            self.state(said, state, y);
        }
        let number = said.connection.filter(|_| self.story.connections.len() > 1);
        let text = number.map_or_else(|| said.text.clone(), |number| format!("#{number} {}", said.text));
        let (text, quad) = self.plan.geometry.word(said, text, y);
        self.plan.words.push(Word { said, text, quad });
    }

    fn state(&mut self, said: &Said, state: State, y: f64) {
        let open = &mut self.open[said.end.index()];
        let known = open.iter().position(|one| one.number == said.connection).map(|index| open.remove(index));
        let lane = known.as_ref().map_or_else(
            || (0..).find(|lane| open.iter().all(|one| one.lane != *lane)).unwrap_or(0),
            |one| one.lane,
        );
        if !matches!(state, State::Closed | State::Listen) {
            open.push(Open { number: said.connection, lane, state, from: y });
        }
        if let Some(known) = known {
            self.bar(said.end, &known, y);
        }
    }

    fn bar(&mut self, end: Side, open: &Open, to: f64) {
        let x = self.plan.geometry.bar(end, open.lane);
        let Open { number, state, from, .. } = *open;
        self.plan.bars.push(Bar { x, from, to, state, number });
    }

    fn note(&mut self, text: &str) {
        let font = self.plan.geometry.note;
        let (left, right) = self.plan.geometry.inner;
        let lines = font.wrap(text, right - left - 2.0 * NOTE_MARGIN);
        let height = lines.len() as f64 * NOTE_LINE + NOTE_MARGIN;
        let y = self.lowest() + 8.0;
        let quad = Quad::new((left, y), (right - left, height));
        self.plan.bands.push(Band { quad, lines, pause: false });
        self.go_on_below(y + height);
    }

    fn pause(&mut self, length: i64) {
        let y = self.lowest() + 4.0;
        let (left, right) = self.plan.geometry.inner;
        let quad = Quad::new((left, y), (right - left, BAND));
        let text = format!("{} later", rounded(length));
        self.plan.bands.push(Band { quad, lines: vec![text], pause: true });
        self.go_on_below(y + BAND);
    }

    fn lowest(&mut self) -> f64 {
        let last = self.last.map_or(0.0, |(_, y)| y + LINE / 2.0);
        self.lanes.lowest().max(last).max(self.floor)
    }

    fn go_on_below(&mut self, y: f64) {
        self.lanes.all().for_each(|lane| *lane = y + 2.0);
        self.floor = y + LINE / 2.0 + 2.0;
        // What comes next is below in any case, and says its time.
        self.last = None;
    }

    fn finish(mut self) -> Plan<'s> {
        let bottom = self.lowest() + 8.0;
        for end in [Side::Client, Side::Server] {
            for open in core::mem::take(&mut self.open[end.index()]) {
                self.bar(end, &open, bottom);
            }
        }
        let Planner { mut plan, heights, story, .. } = self;
        plan.bottom = bottom;
        plan.rungs = rungs::rungs(story, &heights, &plan.geometry, plan.taken());
        let lowest = plan.rungs.iter().map(Rung::lowest).fold(bottom, f64::max);
        plan.bottom = lowest.max(bottom);
        plan.legend = (!plan.bars.is_empty()).then_some(plan.bottom + 24.0);
        plan.height = plan.bottom + if plan.legend.is_some() { 40.0 } else { 16.0 };
        plan
    }
}
