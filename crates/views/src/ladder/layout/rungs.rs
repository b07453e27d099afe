//! Frames as arrows, each with its words where they hide nothing.

use super::super::story::{LadderStory, Transit};
use super::super::words::Label;
use super::geometry::Geometry;
use super::quad::Quad;
use crate::side::Side;
use crate::svg::{Font, Point};

/// A frame that falls by more than this while other things happen goes down a line of its own.
const STEEP: f64 = 170.0;
/// One that the wire kept back.
const STEEP_IF_DELAYED: f64 = 60.0;
/// So far across the wire a lost frame gets.
const LOST: f64 = 0.72;
/// So far across it a second copy begins.
const FORK: f64 = 0.76;
/// The parts of a frame that waits: out, down, in.
const KNEE: f64 = 12.0;

/// Places along an arrow where its words may be.
const PLACES: u32 = 20;
/// How often the words look for a better place.
const ROUNDS: usize = 4;

/// Heights of one frame's ends.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Heights {
    pub(in super::super) departs: Option<f64>,
    pub(in super::super) arrives: Vec<f64>,
    pub(in super::super) vanishes: Option<f64>,
    pub(in super::super) crosses: Option<f64>,
}

/// A frame's arrow.
#[derive(Debug)]
pub(in super::super) struct Rung {
    /// Which frame.
    pub(in super::super) number: usize,
    /// The lines, each with its points; the last point of the first is where the frame came to.
    pub(in super::super) legs: Vec<Vec<Point>>,
    /// Of each leg, the part that is only waiting.
    pub(in super::super) waits: Vec<(Point, Point)>,
    /// It left, and the records end before it came.
    pub(in super::super) under_way: bool,
    /// It ends where it got lost.
    pub(in super::super) lost: Option<Point>,
    /// It is dropped where these legs end.
    pub(in super::super) dropped: Vec<Point>,
    /// Its words.
    pub(in super::super) tag: Tag,
}

/// The words on an arrow: above its line what it is, below it the rest.
#[derive(Debug, Clone)]
pub(in super::super) struct Tag {
    pub(in super::super) at: Point,
    pub(in super::super) angle: f64,
    pub(in super::super) head: String,
    pub(in super::super) troubles: String,
    pub(in super::super) details: String,
    pub(in super::super) above: Quad,
    pub(in super::super) below: Option<Quad>,
}

impl Tag {
    pub(super) fn quads(&self) -> impl Iterator<Item = &Quad> {
        core::iter::once(&self.above).chain(&self.below)
    }
}

impl Rung {
    pub(super) fn lowest(&self) -> f64 {
        self.legs.iter().flatten().map(|point| point.1).fold(0.0, f64::max)
    }

    /// Where what got no further is crossed out: at a lost frame's end, before the head of a dropped one.
    pub(in super::super) fn crosses(&self) -> Vec<Point> {
        let inwards = |end: &Point| if self.legs[0][0].0 < end.0 { -1.0 } else { 1.0 };
        let before = self.dropped.iter().map(|end| (end.0 + inwards(end) * 18.0, end.1));
        self.lost.into_iter().chain(before).collect()
    }

    fn lines(&self, skipped: usize) -> impl Iterator<Item = Quad> {
        self.legs.iter().skip(skipped).flat_map(|leg| leg.windows(2).map(|pair| Quad::line(pair[0], pair[1])))
    }
}

/// An arrow for each frame.
///
/// `taken`: where other words are.
pub(super) fn rungs(
    story: &LadderStory<'_>,
    heights: &[Heights],
    geometry: &Geometry,
    taken: Vec<Quad>,
) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = Vec::new();
    let mut waiting: Vec<(f64, f64, f64)> = Vec::new();
    for (number, (transit, heights)) in story.transits.iter().zip(heights).enumerate() {
        rungs.push(rung(number, transit, heights, geometry, &mut waiting));
    }
    let many = story.connections.len() > 1;
    let crosses =
        rungs.iter().flat_map(Rung::crosses).map(|(x, y)| Quad::new((x - 7.0, y - 7.0), (14.0, 14.0)));
    let taken: Vec<Quad> = taken.into_iter().chain(crosses).collect();
    // Each where it is best beside those before; then again, beside all the others.
    for round in 0..ROUNDS {
        let mut moved = false;
        for index in 0..rungs.len() {
            let transit = &story.transits[rungs[index].number];
            let others = rungs
                .iter()
                .enumerate()
                .filter(|(other, _)| *other < index || (round > 0 && *other != index));
            let others: Vec<Quad> =
                taken.iter().chain(others.flat_map(|(_, rung)| rung.tag.quads())).copied().collect();
            let tag = best_tag(&rungs, index, transit, many, geometry, &others);
            moved |= tag.at != rungs[index].tag.at;
            rungs[index].tag = tag;
        }
        if !moved {
            break;
        }
    }
    rungs
}

/// The frames whose words lie on the words of an earlier one, or on others.
pub(super) fn hidden(rungs: &[Rung], taken: &[Quad]) -> Vec<usize> {
    let hidden = rungs.iter().enumerate().filter(|(index, rung)| {
        let earlier = rungs[..*index].iter().flat_map(|rung| rung.tag.quads());
        let mut others = taken.iter().chain(earlier);
        others.any(|other| rung.tag.quads().any(|quad| quad.overlaps(other)))
    });
    hidden.map(|(_, rung)| rung.number).collect()
}

fn rung(
    number: usize,
    transit: &Transit<'_>,
    heights: &Heights,
    geometry: &Geometry,
    waiting: &mut Vec<(f64, f64, f64)>,
) -> Rung {
    let x = |end: Side| {
        let inwards = if end == Side::Client { 1.0 } else { -1.0 };
        geometry.upright[end.index()] + inwards * 5.0
    };
    let (tail_x, head_x) = (x(transit.from), x(transit.from.other()));
    let across = |part: f64| tail_x + (head_x - tail_x) * part;
    let top = heights.departs.or(heights.crosses).unwrap_or(geometry.top);
    let (mut legs, mut waits, mut dropped, mut lost) = (Vec::new(), Vec::new(), Vec::new(), None);
    if transit.lost() {
        let bottom = heights.vanishes.unwrap_or(top + if heights.departs.is_some() { 14.0 } else { 0.0 });
        let end = (across(LOST), if bottom - top > STEEP { top + 20.0 } else { bottom });
        legs.push(vec![(tail_x, top), end]);
        lost = Some(end);
    } else if heights.crosses.is_some() {
        legs.push(vec![(tail_x, top), (head_x, top)]);
    }
    for bottom in &heights.arrives {
        let fall = bottom - top;
        let start = if legs.is_empty() { (tail_x, top) } else { (across(FORK), along(&legs[0], FORK)) };
        let late = legs.is_empty() && transit.delayed() && fall > STEEP_IF_DELAYED;
        if late || fall > STEEP {
            let part = free_column(waiting, top, *bottom);
            let (down, up) = ((across(part), start.1 + KNEE), (across(part), bottom - KNEE));
            let start = if legs.is_empty() { start } else { (down.0, along(&legs[0], part)) };
            waits.push((down, up));
            legs.push(vec![start, down, up, (head_x, *bottom)]);
        } else {
            legs.push(vec![start, (head_x, *bottom)]);
        }
    }
    let under_way = legs.is_empty();
    if under_way {
        legs.push(vec![(tail_x, top), (across(0.6), top + 10.0)]);
    }
    if lost.is_none() {
        let arrived = legs.len().min(transit.arrivals.len());
        let ends = legs.iter().take(arrived).enumerate();
        dropped = ends
            .filter(|(arrival, _)| transit.dropped(*arrival))
            .filter_map(|(_, leg)| leg.last().copied())
            .collect();
    }
    let tag = Tag {
        at: (0.0, 0.0),
        angle: 0.0,
        head: String::new(),
        troubles: String::new(),
        details: String::new(),
        above: Quad::new((0.0, 0.0), (0.0, 0.0)),
        below: None,
    };
    Rung { number, legs, waits, under_way, lost, dropped, tag }
}

/// How far down a leg is, so far across the wire.
fn along(leg: &[Point], part: f64) -> f64 {
    match leg {
        [first, .., last] => first.1 + (last.1 - first.1) * part,
        _ => 0.0,
    }
}

/// Across how much of the wire a frame waits, so that it doesn't wait where another does.
fn free_column(waiting: &mut Vec<(f64, f64, f64)>, top: f64, bottom: f64) -> f64 {
    const COLUMNS: [f64; 7] = [0.82, 0.77, 0.87, 0.72, 0.92, 0.67, 0.62];
    let free = |part: &&f64| {
        waiting.iter().all(|(column, from, to)| *column != **part || *from >= bottom || top >= *to)
    };
    let part = COLUMNS.iter().find(free).copied().unwrap_or(0.5);
    waiting.push((part, top, bottom));
    part
}

/// The words' best place on their arrow.
fn best_tag(
    rungs: &[Rung],
    index: usize,
    transit: &Transit<'_>,
    many: bool,
    geometry: &Geometry,
    taken: &[Quad],
) -> Tag {
    let leg = &rungs[index].legs[0];
    let (tail, knee) = (leg[0], leg[1]);
    let (left, right) = if tail.0 <= knee.0 { (tail, knee) } else { (knee, tail) };
    let angle = (right.1 - left.1).atan2(right.0 - left.0).to_degrees();
    let lost = rungs[index].lost.is_some();
    let room = if lost { LOST * geometry.wire() - 20.0 } else { geometry.wire() - 24.0 };
    let words = TagWords::new(&transit.label, transit.connection.filter(|_| many), geometry, room);
    let run = (knee.0 - tail.0, knee.1 - tail.1);
    // TagWords on an arrow that waits go on where it would.
    let whole = if lost { 1.0 } else { (geometry.wire() - 10.0) / run.0.abs().max(1.0) };
    // Its own first line is what it stands on.
    let others = rungs.iter().enumerate().flat_map(|(other, rung)| rung.lines(usize::from(other == index)));
    let lines: Vec<Quad> = others.collect();
    let mut best: Option<(f64, Tag)> = None;
    for step in 0..=PLACES {
        let part = (0.1 + 0.8 * f64::from(step) / f64::from(PLACES)) * whole;
        let at = (tail.0 + run.0 * part, tail.1 + run.1 * part);
        let tag = words.at(at, angle, geometry.head, geometry.detail);
        let outside = tag.quads().any(|quad| {
            let (one, _, other, _) = quad.bounds();
            one < geometry.upright[0] + 5.0 || other > geometry.upright[1] - 5.0
        });
        let hidden =
            tag.quads().map(|quad| taken.iter().filter(|one| quad.overlaps(one)).count()).sum::<usize>();
        let crossed =
            tag.quads().map(|quad| lines.iter().filter(|one| quad.overlaps(one)).count()).sum::<usize>();
        let cost = if outside { 5_000.0 } else { 0.0 }
            + 1_000.0 * hidden as f64
            + 10.0 * crossed as f64
            + (part / whole - 0.5).abs();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, tag));
        }
    }
    // There are some to choose from.
    best.map_or_else(|| words.at(tail, angle, geometry.head, geometry.detail), |(_, tag)| tag)
}

/// What an arrow says, cut to the room that there is.
struct TagWords {
    head: String,
    troubles: String,
    details: String,
}

impl TagWords {
    fn new(label: &Label, number: Option<usize>, geometry: &Geometry, room: f64) -> Self {
        let head = number.map_or_else(|| label.head.clone(), |number| format!("#{number} {}", label.head));
        let head = geometry.head.fit(&head, room);
        let troubles = geometry.detail.fit(&label.troubles.join(" · "), room);
        let left = room - geometry.detail.width(&troubles);
        let mut details = String::new();
        for detail in &label.details {
            let more = if details.is_empty() { detail.clone() } else { format!("{details} · {detail}") };
            // One that is too long alone is cut; one that is too much is left to the title.
            if details.is_empty() && troubles.is_empty() {
                details = geometry.detail.fit(&more, room);
            } else if geometry.detail.width(&more) + 24.0 <= left {
                details = more;
            } else {
                break;
            }
        }
        if !troubles.is_empty() && !details.is_empty() {
            details.insert_str(0, " · ");
        }
        TagWords { head, troubles, details }
    }

    fn at(&self, at: Point, angle: f64, head: Font, detail: Font) -> Tag {
        let (sin, cos) = angle.to_radians().sin_cos();
        let shifted = |down: f64| (at.0 - sin * down, at.1 + cos * down);
        let quad = |text: &str, font: Font, down: f64| Quad {
            centre: shifted(down),
            half: (font.width(text) / 2.0 + 3.0, font.size * 0.58),
            angle,
        };
        let below = format!("{}{}", self.troubles, self.details);
        Tag {
            at,
            angle,
            head: self.head.clone(),
            troubles: self.troubles.clone(),
            details: self.details.clone(),
            above: quad(&self.head, head, -9.5),
            below: (!below.is_empty()).then(|| quad(&below, detail, 9.0)),
        }
    }
}
