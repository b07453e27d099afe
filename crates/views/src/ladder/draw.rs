//! The ladder as one SVG.

use core::fmt::Write as _;

use undersock::smoltcp::socket::tcp::State;

pub use super::layout::Format;
use super::layout::{self, Bar, Geometry, HALF_CHIP, Plan, Rung, Word};
use super::story::{LadderStory, SaidKind};
use crate::record::Record;
use crate::side::Side;
use crate::svg::{Anchor, Drawing, Font, Ink, Point, attribute, n};

/// The ladder of these records as one SVG without scripts, fonts or anything else from outside. It is light or dark as
/// its surroundings are, and light where a program knows of no surroundings. Whoever points at a frame, a call or a state
/// reads all of it.
#[must_use]
pub fn svg(records: &[Record], title: &str, shape: Format) -> String {
    draw(&LadderStory::new(records), title, shape)
}

pub(super) fn draw(story: &LadderStory<'_>, title: &str, shape: Format) -> String {
    let plan = Plan::new(story, shape);
    let mut drawing = Drawing::default();
    heads(&mut drawing, story, &plan);
    bands(&mut drawing, &plan);
    uprights(&mut drawing, &plan);
    for bar in &plan.bars {
        bar_of(&mut drawing, bar);
    }
    for (y, text) in &plan.times {
        let clock = plan.geometry.clock;
        let room = if plan.geometry.narrow { plan.geometry.time } else { plan.geometry.time + 8.0 };
        drawing.text((plan.geometry.time, y + 4.0), Anchor::End, clock, &clock.fit(text, room));
    }
    for rung in &plan.rungs {
        lines(&mut drawing, story, rung);
    }
    for rung in &plan.rungs {
        words(&mut drawing, story, rung, &plan.geometry);
    }
    for word in &plan.words {
        word_of(&mut drawing, word, &plan.geometry);
    }
    legend(&mut drawing, &plan);
    let class = match shape {
        Format::Wide => "ladder wide",
        Format::Narrow => "ladder narrow",
    };
    drawing.document((0.0, 0.0), (plan.geometry.width, plan.height), title, class)
}

/// The ink of a connection; what belongs to none is black on white.
fn ink(number: Option<usize>) -> Ink {
    number.map_or(Ink::Black, Ink::Number)
}

fn heads(drawing: &mut Drawing, story: &LadderStory<'_>, plan: &Plan<'_>) {
    let geometry = &plan.geometry;
    let left = if geometry.narrow { 14.0 } else { geometry.inner.0 };
    for (number, connection) in story.connections.iter().enumerate() {
        let y = 20.0 + layout::connection_line(number);
        let font = Font::mono(if geometry.narrow { 10.5 } else { 12.0 }, Ink::Black);
        drawing.rect((left, y - 10.0), (12.0, 12.0), 3.0, Some(Ink::Number(number)), "");
        let text = format!("#{number}  {} – {}", connection.client, connection.server);
        let text = font.fit(&text, geometry.width - left - 26.0);
        drawing.text((left + 20.0, y), Anchor::Start, font, &text);
    }
    let (height, top) = if geometry.narrow { (34.0, plan.top - 38.0) } else { (30.0, plan.top - 54.0) };
    for end in [Side::Client, Side::Server] {
        let known = story.known[end.index()];
        let (name, address) = super::words::host(end, story.hosts[end.index()], known);
        let (from, to) = geometry.hosts[end.index()];
        let edge = attribute("stroke", 's', if known { Ink::Black } else { Ink::Mute });
        let dashes = if known { "" } else { " stroke-dasharray=\"4 3\"" };
        drawing.rect(
            (from, top),
            (to - from, height),
            7.0,
            Some(Ink::Paper),
            &format!("stroke-width=\"1.5\"{dashes} {edge}"),
        );
        let middle = (from + to) / 2.0;
        let (bold, small) = (layout::sans(13.5).bold(), Font::mono(11.0, Ink::Mute));
        if geometry.narrow || !known {
            drawing.text((middle, top + 14.0), Anchor::Middle, Font { size: 12.5, ..bold }, &name);
            let small = Font { size: 10.0, ..small };
            drawing.text((middle, top + 26.5), Anchor::Middle, small, &small.fit(&address, to - from - 6.0));
        } else {
            let address = small.fit(&address, to - from - bold.width(&name) - 30.0);
            let width = bold.width(&name) + 10.0 + small.width(&address);
            let start = middle - width / 2.0;
            drawing.text((start, top + 20.0), Anchor::Start, bold, &name);
            drawing.text((start + bold.width(&name) + 10.0, top + 20.0), Anchor::Start, small, &address);
        }
    }
    if geometry.narrow {
        return;
    }
    let font = Font::sans(11.5, Ink::Mute);
    let lanes = [(geometry.calls, "calls"), (geometry.states, "states")];
    for ((from, to), name) in
        lanes.iter().flat_map(|(lanes, name)| lanes.iter().flatten().map(move |lane| (*lane, name)))
    {
        drawing.text(((from + to) / 2.0, plan.top - 6.0), Anchor::Middle, font, name);
    }
    let middle = (geometry.upright[0] + geometry.upright[1]) / 2.0;
    drawing.text((middle, plan.top - 6.0), Anchor::Middle, font, "wire");
    drawing.text((geometry.time, plan.top - 6.0), Anchor::End, font, "time");
}

fn bands(drawing: &mut Drawing, plan: &Plan<'_>) {
    for band in &plan.bands {
        let (left, top, right, bottom) = band.quad.bounds();
        if band.pause {
            continue;
        }
        drawing.group("note", &band.lines.join(" "));
        drawing.rect((left, top), (right - left, bottom - top), 6.0, Some(Ink::Band), "");
        for (index, line) in band.lines.iter().enumerate() {
            let y = top + 18.0 + 18.0 * index as f64;
            drawing.text((left + 10.0, y), Anchor::Start, plan.geometry.note, line);
        }
        drawing.end();
    }
}

/// The uprights, which pauses and notes interrupt.
fn uprights(drawing: &mut Drawing, plan: &Plan<'_>) {
    for x in plan.geometry.upright {
        let mut from = plan.top;
        for band in &plan.bands {
            let (_, top, _, bottom) = band.quad.bounds();
            drawing.line((x, from), (x, top), 1.6, Ink::Mute, "");
            from = bottom;
        }
        drawing.line((x, from), (x, plan.bottom), 1.6, Ink::Mute, "");
    }
    for band in plan.bands.iter().filter(|band| band.pause) {
        let (left, top, right, bottom) = band.quad.bounds();
        let y = (top + bottom) / 2.0;
        let font = Font::sans(12.0, Ink::Mute);
        let text = band.lines.join(" ");
        drawing.group("pause", &text);
        for x in plan.geometry.upright {
            drawing.line((x, top), (x, bottom), 1.6, Ink::Mute, "stroke-dasharray=\"2 4\"");
        }
        drawing.line((left, y), (right, y), 1.2, Ink::Faint, "stroke-dasharray=\"2 5\"");
        let (middle, width) =
            ((plan.geometry.upright[0] + plan.geometry.upright[1]) / 2.0, font.width(&text) + 20.0);
        drawing.rect(
            (middle - width / 2.0, top + 2.0),
            (width, bottom - top - 4.0),
            10.0,
            Some(Ink::Band),
            "",
        );
        drawing.text((middle, y + 4.0), Anchor::Middle, font, &text);
        drawing.end();
    }
}

/// A socket's state for a while: full while bytes may flow, hollow before and after, dotted in TIME-WAIT.
fn bar_of(drawing: &mut Drawing, bar: &Bar) {
    let ink = ink(bar.number);
    let height = (bar.to - bar.from).max(2.0);
    let more = |dashes: &str| format!("stroke-width=\"1.6\"{dashes} {}", attribute("stroke", 's', ink));
    let (fill, more) = match bar.state {
        State::Established => (Some(ink), more("")),
        State::TimeWait => (Some(Ink::Paper), more(" stroke-dasharray=\"2 2.5\"")),
        _ => (Some(Ink::Paper), more("")),
    };
    drawing.rect((bar.x - 3.5, bar.from), (7.0, height), 2.0, fill, &more);
}

fn lines(drawing: &mut Drawing, story: &LadderStory<'_>, rung: &Rung) {
    let transit = &story.transits[rung.number];
    let ink = ink(transit.connection);
    drawing.raw("<g class=\"rung\">");
    for (index, leg) in rung.legs.iter().enumerate() {
        let dashes =
            if rung.lost.is_some() || rung.under_way || index > 0 { "stroke-dasharray=\"6 4\"" } else { "" };
        let mut from = leg[0];
        for to in &leg[1..] {
            let waits = rung.waits.contains(&(from, *to));
            drawing.line(from, *to, 1.8, ink, if waits { "stroke-dasharray=\"1.5 4\"" } else { dashes });
            from = *to;
        }
        let [.., before, last] = leg[..] else { continue };
        if rung.lost.is_none() && !rung.under_way {
            let ink = if rung.dropped.contains(&last) { Ink::Bad } else { ink };
            drawing.head(before, last, 10.0, ink);
        }
    }
    drawing.end();
}

fn cross(drawing: &mut Drawing, (x, y): Point) {
    const SIZE: f64 = 5.5;
    let path = format!(
        "M{} {}L{} {}M{} {}L{} {}",
        n(x - SIZE),
        n(y - SIZE),
        n(x + SIZE),
        n(y + SIZE),
        n(x - SIZE),
        n(y + SIZE),
        n(x + SIZE),
        n(y - SIZE)
    );
    drawing.path(&path, 2.6, Ink::Bad, "stroke-linecap=\"round\"");
}

fn words(drawing: &mut Drawing, story: &LadderStory<'_>, rung: &Rung, geometry: &Geometry) {
    let transit = &story.transits[rung.number];
    let tag = &rung.tag;
    drawing.group("frame", &transit.label.title);
    for leg in &rung.legs {
        let points: Vec<String> = leg.iter().map(|(x, y)| format!("{} {}", n(*x), n(*y))).collect();
        drawing.raw(&format!(
            "<path d=\"M{}\" fill=\"none\" stroke=\"#000\" stroke-opacity=\"0\" stroke-width=\"12\"/>",
            points.join("L")
        ));
    }
    for place in rung.crosses() {
        cross(drawing, place);
    }
    let (x, y) = tag.at;
    drawing.raw(&format!("<g transform=\"translate({} {}) rotate({:.2})\">", n(x), n(y), tag.angle));
    let ground = |drawing: &mut Drawing, width: f64, top: f64, height: f64| {
        drawing.rect((-width / 2.0 - 2.0, top), (width + 4.0, height), 2.0, Some(Ink::Paper), "");
    };
    let size = geometry.head.size;
    ground(drawing, geometry.head.width(&tag.head), -4.5 - size, size + 2.5);
    // What kind of frame it is stands out; the connection's number is part of that.
    let words = if tag.head.starts_with('#') { 2 } else { 1 };
    let cut = tag.head.match_indices(' ').nth(words - 1).map_or(tag.head.len(), |(at, _)| at);
    let (name, rest) = tag.head.split_at(cut);
    let runs = [(name, ink(transit.connection), true), (rest, Ink::Black, false)];
    drawing.runs((0.0, -5.0), geometry.head, &runs);
    if tag.below.is_some() {
        let size = geometry.detail.size;
        let width = geometry.detail.width(&tag.troubles) + geometry.detail.width(&tag.details);
        ground(drawing, width, 2.5, size + 2.5);
        let runs = [(&*tag.troubles, Ink::Bad, true), (&*tag.details, Ink::Mute, false)];
        drawing.runs((0.0, 2.0 + size), geometry.detail, &runs);
    }
    drawing.end();
    drawing.end();
}

fn word_of(drawing: &mut Drawing, word: &Word<'_>, geometry: &Geometry) {
    let (left, top, right, bottom) = word.quad.bounds();
    let (x, y) = word.quad.centre;
    let ink = ink(word.said.connection);
    let (class, font, fill) = match word.said.kind {
        SaidKind::Call => ("call", Font { ink, ..geometry.call }, Ink::Paper),
        SaidKind::State(State::Established) => ("state", Font { ink: Ink::Paper, ..geometry.state }, ink),
        SaidKind::State(_) => ("state", Font { ink, ..geometry.state }, Ink::Paper),
        SaidKind::Timer => ("timer", Font { ink: Ink::Bad, bold: false, ..geometry.state }, Ink::Paper),
    };
    drawing.group(class, &word.said.title);
    let edge = match word.said.kind {
        SaidKind::Call => String::new(),
        SaidKind::Timer => format!("stroke-dasharray=\"3 2\" {}", attribute("stroke", 's', Ink::Bad)),
        SaidKind::State(State::TimeWait) => {
            format!("stroke-dasharray=\"2 2.5\" {}", attribute("stroke", 's', ink))
        }
        SaidKind::State(_) => attribute("stroke", 's', ink),
    };
    let round = if word.said.kind == SaidKind::Call { 2.0 } else { HALF_CHIP };
    drawing.rect((left, top + 0.8), (right - left, bottom - top - 1.6), round, Some(fill), &edge);
    drawing.text((x, y + 0.36 * font.size), Anchor::Middle, font, &word.text);
    drawing.end();
}

/// What the bars mean.
fn legend(drawing: &mut Drawing, plan: &Plan<'_>) {
    let Some(y) = plan.legend else { return };
    let font = Font::sans(if plan.geometry.narrow { 10.0 } else { 11.0 }, Ink::Mute);
    let mut x = plan.geometry.inner.0;
    let entries = [
        (State::SynReceived, "opening, closing"),
        (State::Established, "ESTABLISHED"),
        (State::TimeWait, "TIME-WAIT"),
    ];
    for (state, text) in entries {
        bar_of(drawing, &Bar { x: x + 4.0, from: y - 7.0, to: y + 7.0, state, number: Some(0) });
        drawing.text((x + 14.0, y + 4.0), Anchor::Start, font, text);
        x += 14.0 + font.width(text) + 18.0;
    }
}

impl Drawing {
    /// Texts in one line, centred.
    fn runs(&mut self, (x, y): Point, font: Font, runs: &[(&str, Ink, bool)]) {
        let mut spans = String::new();
        for (text, ink, bold) in runs.iter().filter(|(text, ..)| !text.is_empty()) {
            let weight = if *bold { " font-weight=\"bold\"" } else { "" };
            // Writing to a string can't fail.
            let _ = write!(
                spans,
                "<tspan{weight} {}>{}</tspan>",
                attribute("fill", 'f', *ink),
                crate::svg::escape(text)
            );
        }
        self.raw(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-family=\"{}\" font-size=\"{}\" xml:space=\"preserve\">{spans}</text>",
            n(x),
            n(y),
            crate::svg::MONO,
            n(font.size),
        ));
    }
}
