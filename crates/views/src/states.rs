//! TCP's state diagram (RFC 9293 3.3.2, figure 5) with the path that a connection took lit up: by a number and a time on
//! each edge, in the order in which they were taken.
//!
//! A step that the figure has not (a reset, a limit) is drawn where it was taken, and only there. The words are the
//! socket API's where it has one: `listen()` is the RFC's passive OPEN, `connect()` its active OPEN.

mod figure;
mod path;

use core::fmt::Write as _;

use undersock::smoltcp::time::Instant;

use crate::notation::time;
use crate::svg::{Anchor, Drawing, Font, Ink, Point, attribute, n};
use figure::{BOXES, EDGES, Edge, HALF, HEIGHT, StateBox, WIDTH, other_edge};
use undersock::event::{Cause, Change};

pub use path::{Path, Transition, paths, paths_of};

/// The diagram as one SVG without anything from outside, in light and dark. Each path has a colour of its own; with none
/// it is the plain figure. Times count from `start`, or from the first step.
#[must_use]
pub fn svg(paths: &[Path], start: Option<Instant>, title: &str) -> String {
    let first = paths.iter().filter_map(|path| path.steps.first()).map(|step| step.at).min();
    let start = start.or(first).unwrap_or(Instant::ZERO);
    let walks: Vec<Walk<'_>> =
        paths.iter().enumerate().map(|(index, path)| Walk { path, ink: Ink::Number(index), start }).collect();
    let mut drawing = Drawing::default();
    let lit = !paths.is_empty();
    for edge in EDGES {
        let takers: Vec<&Walk<'_>> = walks.iter().filter(|walk| walk.takes(edge)).collect();
        let dim = lit && takers.is_empty();
        line_of(&mut drawing, edge, &takers, dim);
        words_of(&mut drawing, edge, &takers, dim);
    }
    let mut others: Vec<Edge> = Vec::new();
    for step in walks.iter().flat_map(|walk| &walk.path.steps).filter(|step| in_figure(step).is_none()) {
        let edge = other_edge(step);
        if !others.contains(&edge) {
            others.push(edge);
        }
    }
    for (index, edge) in others.iter().enumerate() {
        let same = |other: &&Edge| other.states == edge.states;
        let above: usize = others[..index].iter().filter(same).map(|other| other.lines().count()).sum();
        if above > 0 {
            // Another reason for a line that is there: its words below those of the first.
            let (x, y) = edge.words;
            let edge = Edge { words: (x, y + 18.0 * above as f64 + 2.0), ..edge.clone() };
            let takers: Vec<&Walk<'_>> = walks.iter().filter(|walk| walk.takes(&edge)).collect();
            words_of(&mut drawing, &edge, &takers, false);
            continue;
        }
        let takes_one = |walk: &&Walk<'_>| others.iter().filter(same).any(|other| walk.takes(other));
        let takers: Vec<&Walk<'_>> = walks.iter().filter(takes_one).collect();
        line_of(&mut drawing, edge, &takers, false);
        let takers: Vec<&Walk<'_>> = walks.iter().filter(|walk| walk.takes(edge)).collect();
        words_of(&mut drawing, edge, &takers, false);
    }
    for place in BOXES {
        box_of(&mut drawing, place, &walks);
    }
    let mut badges: Vec<Point> = Vec::new();
    for walk in &walks {
        walk.badges(&mut drawing, &others, &mut badges);
    }
    let height = HEIGHT + itinerary(&mut drawing, &walks);
    drawing.document((figure::LEFT, 0.0), (WIDTH, height), title, "states")
}

/// A path while it is drawn.
struct Walk<'p> {
    path: &'p Path,
    ink: Ink,
    start: Instant,
}

impl Walk<'_> {
    fn takes(&self, edge: &Edge) -> bool {
        self.path.steps.iter().any(|step| edge_taken(step, core::slice::from_ref(edge)).is_some())
    }

    /// Whether it came by this state.
    fn visits(&self, place: &StateBox) -> bool {
        self.path.steps.iter().any(|step| {
            let edge = in_figure(step).cloned().unwrap_or_else(|| other_edge(step));
            edge.from == place.id || edge.to == place.id
        })
    }

    fn clock(&self, step: &Transition) -> String {
        time((step.at.total_micros() - self.start.total_micros()).max(0))
    }

    fn name(&self) -> String {
        let name = self.path.end.name();
        self.path.connection.map_or_else(|| name.into(), |number| format!("{name} #{number}"))
    }

    /// The numbers on the edges: each where no other is.
    fn badges(&self, drawing: &mut Drawing, others: &[Edge], taken: &mut Vec<Point>) {
        for (index, step) in self.path.steps.iter().enumerate() {
            let Some(edge) = in_figure(step).or_else(|| edge_taken(step, others)) else { continue };
            let mut at = edge.badge;
            while taken.iter().any(|(x, y)| (x - at.0).abs() < 22.0 && (y - at.1).abs() < 22.0) {
                at = (at.0 + edge.along.0 * 24.0, at.1 + edge.along.1 * 24.0);
            }
            taken.push(at);
            drawing.group("step", &format!("{}, step {}: {}", self.name(), index + 1, self.words(step)));
            let edge = format!("stroke-width=\"2\" {}", attribute("stroke", 's', Ink::Paper));
            drawing.rect((at.0 - 11.0, at.1 - 11.0), (22.0, 22.0), 11.0, Some(self.ink), &edge);
            let font = Font::sans(13.0, Ink::Paper).bold();
            drawing.text((at.0, at.1 + 4.6), Anchor::Middle, font, &(index + 1).to_string());
            drawing.end();
        }
    }

    fn words(&self, step: &Transition) -> String {
        let Change { from, to, .. } = step.change;
        format!("{}: {from} → {to}, {}", self.clock(step), why(step))
    }
}

/// What moved a state, in a few words.
fn why(step: &Transition) -> String {
    let edge = in_figure(step).cloned().unwrap_or_else(|| other_edge(step));
    let mut words = edge.cause.join(" ");
    if !edge.action.is_empty() {
        let _ = write!(words, ", {}", edge.action);
    }
    words
}

/// The figure's edge for a step, if the figure has it for this reason.
fn in_figure(step: &Transition) -> Option<&'static Edge> {
    edge_taken(step, EDGES)
}

fn edge_taken<'e>(step: &Transition, edges: &'e [Edge]) -> Option<&'e Edge> {
    edges.iter().find(|edge| {
        let Change { from, to, cause, .. } = step.change;
        (edge.states.0, edge.states.1) == (from, to) && edge.by.contains(&cause)
    })
}

/// An edge without its words.
fn line_of(drawing: &mut Drawing, edge: &Edge, takers: &[&Walk<'_>], dim: bool) {
    drawing.group(if takers.is_empty() { "edge" } else { "edge taken" }, &edge.title());
    let points = &edge.points;
    let line = figure::rounded(points);
    match takers {
        [] => drawing.path(&line, 1.6, if dim { Ink::Faint } else { Ink::Mute }, ""),
        [one] => drawing.path(&line, 4.0, one.ink, dashes(edge)),
        [first, .., last] => {
            // Two colours beside each other.
            drawing.path(&line, 5.0, first.ink, "");
            drawing.path(&line, 5.0, last.ink, "stroke-dasharray=\"9 9\"");
        }
    }
    if let [.., before, last] = &points[..] {
        let ink = takers.first().map_or(if dim { Ink::Faint } else { Ink::Mute }, |walk| walk.ink);
        drawing.head(*before, *last, if takers.is_empty() { 10.0 } else { 14.0 }, ink);
    }
    drawing.end();
}

/// An edge's words; those of what is not in the figure have the colour of who took it.
fn words_of(drawing: &mut Drawing, edge: &Edge, takers: &[&Walk<'_>], dim: bool) {
    drawing.group("words", &edge.title());
    let own = match takers {
        [one] if !edge.figure => one.ink,
        _ => Ink::Black,
    };
    let ink = |plain| if dim { Ink::Mute } else { plain };
    let call = edge.by == [Cause::Call];
    for (index, (text, action)) in edge.lines().enumerate() {
        let (x, y) = edge.line_at(index);
        let font = Font {
            mono: call && !action,
            size: if action { 13.5 } else { 14.0 },
            bold: false,
            ink: ink(own),
        };
        let font = if action { Font { ink: Ink::Mute, ..font } } else { font };
        let opacity = if dim { "opacity=\"0.75\"" } else { "" };
        let width = font.width(text);
        let left = match edge.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        if !edge.figure {
            drawing.rect((left - 2.0, y - 13.0), (width + 4.0, 17.0), 2.0, Some(Ink::Paper), "");
        }
        drawing.set((x, y), edge.anchor, font, text, opacity);
    }
    drawing.end();
}

/// What is not in the figure has another line.
fn dashes(edge: &Edge) -> &'static str {
    if edge.figure { "" } else { "stroke-dasharray=\"10 5\"" }
}

fn box_of(drawing: &mut Drawing, place: &StateBox, walks: &[Walk<'_>]) {
    let visitors: Vec<&Walk<'_>> = walks.iter().filter(|walk| walk.visits(place)).collect();
    let (x, y) = place.at;
    let corner = (x - HALF.0, y - HALF.1);
    let size = (2.0 * HALF.0, 2.0 * HALF.1);
    drawing.group(if visitors.is_empty() { "place" } else { "place visited" }, place.title);
    let edge = |ink, width: f64| format!("stroke-width=\"{}\" {}", n(width), attribute("stroke", 's', ink));
    let lit = !walks.is_empty();
    let font = Font::sans(14.5, Ink::Black).bold();
    let font = match &visitors[..] {
        [] => {
            drawing.rect(
                corner,
                size,
                8.0,
                Some(Ink::Paper),
                &edge(if lit { Ink::Faint } else { Ink::Black }, 1.6),
            );
            Font { ink: if lit { Ink::Mute } else { Ink::Black }, bold: !lit, ..font }
        }
        [one] => {
            drawing.rect(corner, size, 8.0, Some(Ink::Paper), &edge(one.ink, 3.2));
            font
        }
        [first, .., last] => {
            drawing.rect(corner, size, 8.0, Some(Ink::Paper), &edge(first.ink, 3.2));
            let inner = (corner.0 + 4.2, corner.1 + 4.2);
            drawing.rect(inner, (size.0 - 8.4, size.1 - 8.4), 5.0, None, &edge(last.ink, 2.6));
            font
        }
    };
    drawing.text((x, y + 5.2), Anchor::Middle, font, &place.state.to_string());
    drawing.end();
}

/// The steps as a list below the figure. How high it is.
fn itinerary(drawing: &mut Drawing, walks: &[Walk<'_>]) -> f64 {
    const LINE: f64 = 21.0;
    let mut y = HEIGHT + 4.0;
    if walks.is_empty() {
        return 0.0;
    }
    let left = figure::LEFT + 18.0;
    for walk in walks {
        y += 14.0;
        drawing.rect((left, y - 12.0), (13.0, 13.0), 3.0, Some(walk.ink), "");
        let bold = Font::sans(14.5, Ink::Black).bold();
        drawing.text((left + 22.0, y), Anchor::Start, bold, &walk.name());
        y += LINE + 2.0;
        for (index, step) in walk.path.steps.iter().enumerate() {
            let font = Font::sans(13.0, Ink::Black);
            drawing.group("line", &walk.words(step));
            let number = Font { ink: walk.ink, ..font }.bold();
            drawing.text((left + 13.0, y), Anchor::End, number, &(index + 1).to_string());
            drawing.text((left + 112.0, y), Anchor::End, Font::mono(12.0, Ink::Mute), &walk.clock(step));
            drawing.text((left + 126.0, y), Anchor::Start, font.bold(), &step.change.to.to_string());
            let room = WIDTH - 256.0 - 36.0;
            drawing.text((left + 256.0, y), Anchor::Start, font, &font.fit(&why(step), room));
            drawing.end();
            y += LINE;
        }
        y += 8.0;
    }
    y - HEIGHT
}

#[cfg(test)]
mod tests;
