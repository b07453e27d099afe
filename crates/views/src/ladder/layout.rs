//! Where everything of a drawn ladder is. Time goes down, but not in proportion: what happens at one instant may share a
//! line, a later instant is further down, and nothing lies on anything else.

use core::net::IpAddr;

use undersock::smoltcp::socket::tcp::State;

use super::story::{Act, Kind, Said, Story, other, place, untangled};
use super::words;
use crate::End;
use crate::svg::{Font, Ink, Point};

mod geometry;
mod rungs;

pub(super) use geometry::Geometry;
pub use geometry::Shape;
pub(super) use rungs::Rung;

/// Half the height of a box with a word in it, and what a line of words takes.
pub(super) const HALF_CHIP: f64 = 10.0;
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

/// A rectangle, turned by an angle in degrees about its centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quad {
    pub(super) centre: Point,
    pub(super) half: Point,
    pub(super) angle: f64,
}

impl Quad {
    pub(super) fn new((x, y): Point, (w, h): Point) -> Self {
        Quad { centre: (x + w / 2.0, y + h / 2.0), half: (w / 2.0, h / 2.0), angle: 0.0 }
    }

    /// A line as a very thin one.
    pub(super) fn line(one: Point, other: Point) -> Self {
        let (dx, dy) = (other.0 - one.0, other.1 - one.1);
        Quad {
            centre: ((one.0 + other.0) / 2.0, (one.1 + other.1) / 2.0),
            half: (dx.hypot(dy) / 2.0, 0.4),
            angle: dy.atan2(dx).to_degrees(),
        }
    }

    fn axes(&self) -> [Point; 2] {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        [(cos, sin), (-sin, cos)]
    }

    /// Whether two have more than an edge in common (by the separating axis theorem).
    pub(super) fn overlaps(&self, other: &Quad) -> bool {
        let between = (other.centre.0 - self.centre.0, other.centre.1 - self.centre.1);
        // Most are far from each other.
        let far = |quad: &Quad| quad.half.0 + quad.half.1;
        if between.0.abs().max(between.1.abs()) > far(self) + far(other) {
            return false;
        }
        let reach = |quad: &Quad, axis: Point| {
            let [x, y] = quad.axes();
            quad.half.0 * dot(x, axis).abs() + quad.half.1 * dot(y, axis).abs()
        };
        let mut axes = self.axes().into_iter().chain(other.axes());
        axes.all(|axis| dot(between, axis).abs() + 0.01 < reach(self, axis) + reach(other, axis))
    }

    /// The rectangle that it fits in, unturned: left, top, right, bottom.
    pub(super) fn bounds(&self) -> (f64, f64, f64, f64) {
        let [x, y] = self.axes();
        let w = self.half.0 * x.0.abs() + self.half.1 * y.0.abs();
        let h = self.half.0 * x.1.abs() + self.half.1 * y.1.abs();
        (self.centre.0 - w, self.centre.1 - h, self.centre.0 + w, self.centre.1 + h)
    }
}

fn dot(one: Point, other: Point) -> f64 {
    one.0 * other.0 + one.1 * other.1
}

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

/// Heights of one frame's ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Heights {
    pub(super) departs: Option<f64>,
    pub(super) arrives: Vec<f64>,
    pub(super) vanishes: Option<f64>,
    pub(super) crosses: Option<f64>,
}

/// How far down each lane is taken.
struct Lanes {
    calls: [f64; 2],
    states: [f64; 2],
    rungs: [f64; 2],
}

impl Lanes {
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
    pub(super) fn new(story: &'s Story<'_>, shape: Shape) -> Self {
        // Where words lie on others, there is more room above their arrow; and then it is tried again.
        let mut room = vec![0.0; story.transits.len()];
        let mut plan = Plan::with(story, shape, &room);
        for _ in 0..TRIES {
            let hidden = rungs::hidden(&plan);
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

    fn with(story: &'s Story<'_>, shape: Shape, room: &[f64]) -> Self {
        let geometry = Geometry::new(story, shape);
        let top = geometry.top;
        let start = top + 6.0;
        let mut planner = Planner {
            lanes: Lanes { calls: [start; 2], states: [start; 2], rungs: [start - 4.0; 2] },
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
            Shape::Wide => story.moments.iter().collect(),
            Shape::Narrow => untangled(story),
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
    story: &'s Story<'r>,
    /// How much more room each frame's arrow has.
    room: &'m [f64],
    plan: Plan<'s>,
    lanes: Lanes,
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
                let end = other(self.story.transits[number].from);
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
                let y = self.rung(at, &[End::Client, End::Server], self.room[number], below, 0.0);
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
            self.plan.times.push((y, words::time(at)));
        }
        self.last = Some((at, y));
        y
    }

    fn rung(&mut self, at: i64, ends: &[End], room: f64, below: f64, least: f64) -> f64 {
        let above = ABOVE + room;
        let taken = ends.iter().fold(least, |y, end| y.max(self.lanes.rungs[place(*end)] + above));
        let y = self.line(at, taken);
        for end in ends {
            self.lanes.rungs[place(*end)] = y + below;
        }
        if self.plan.geometry.narrow {
            self.lanes.all().for_each(|lane| *lane = lane.max(y + below));
        }
        y
    }

    fn said(&mut self, at: i64, said: &'s Said) {
        let end = place(said.end);
        let lane = match said.kind {
            Kind::Call => &self.lanes.calls,
            Kind::State(_) | Kind::Timer => &self.lanes.states,
        };
        let y = self.line(at, lane[end] + LINE / 2.0);
        let after = y + LINE / 2.0;
        if self.plan.geometry.narrow {
            self.lanes.all().for_each(|lane| *lane = lane.max(after));
        }
        match said.kind {
            Kind::Call => self.lanes.calls[end] = after,
            Kind::State(_) | Kind::Timer => self.lanes.states[end] = after,
        }
        if let Kind::State(state) = said.kind {
            self.state(said, state, y);
        }
        let number = said.connection.filter(|_| self.story.connections.len() > 1);
        let text = number.map_or_else(|| said.text.clone(), |number| format!("#{number} {}", said.text));
        let (text, quad) = self.plan.geometry.word(said, text, y);
        self.plan.words.push(Word { said, text, quad });
    }

    fn state(&mut self, said: &Said, state: State, y: f64) {
        let open = &mut self.open[place(said.end)];
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

    fn bar(&mut self, end: End, open: &Open, to: f64) {
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
        let text = format!("{} later", words::rounded(length));
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
        for end in [End::Client, End::Server] {
            for open in core::mem::take(&mut self.open[place(end)]) {
                self.bar(end, &open, bottom);
            }
        }
        let Planner { mut plan, heights, story, .. } = self;
        plan.bottom = bottom;
        plan.rungs = rungs::rungs(story, &heights, &plan);
        let lowest = plan.rungs.iter().map(Rung::lowest).fold(bottom, f64::max);
        plan.bottom = lowest.max(bottom);
        plan.legend = (!plan.bars.is_empty()).then_some(plan.bottom + 24.0);
        plan.height = plan.bottom + if plan.legend.is_some() { 40.0 } else { 16.0 };
        plan
    }
}

/// A host's words for its head.
pub(super) fn host(end: End, address: Option<IpAddr>, known: bool) -> (String, String) {
    let name = match (end, known) {
        (End::Client, true) => "client",
        (End::Client, false) => "clients",
        (End::Server, _) => "server",
    };
    (name.into(), address.map(|address| address.to_string()).unwrap_or_default())
}

/// How far down the list of connections one of them is.
pub(super) fn connection_line(number: usize) -> f64 {
    number as f64 * geometry::CONNECTION_LINE
}

/// Text in a font of the drawing's.
pub(super) const fn sans(size: f64) -> Font {
    Font::sans(size, Ink::Black)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_seen_at_every_angle() {
        let one = Quad::new((0.0, 0.0), (10.0, 10.0));
        assert!(one.overlaps(&Quad::new((9.0, 9.0), (5.0, 5.0))));
        assert!(!one.overlaps(&Quad::new((10.0, 0.0), (5.0, 5.0))), "they only touch");
        assert!(one.overlaps(&Quad::line((-5.0, 5.0), (15.0, 5.0))));
        // A corner's bounds overlap, the turned thing itself doesn't.
        assert!(!one.overlaps(&Quad::line((9.0, 20.0), (20.0, 9.0))));
        assert!(one.overlaps(&Quad::line((-1.0, 20.0), (20.0, -1.0))));
    }
}
