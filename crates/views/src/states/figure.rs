//! The figure: where each state is, and where each edge goes.

use undersock::smoltcp::socket::tcp::State;

use super::path::Transition;
use crate::svg::{Anchor, Point, n};
use undersock::event::{Cause, Limit};

/// Half a state's box.
pub(super) const HALF: Point = (70.0, 21.0);
/// The drawing's left edge: left of the boxes there is room for what is not in the figure.
pub(super) const LEFT: f64 = -22.0;
pub(super) const WIDTH: f64 = 690.0;
pub(super) const HEIGHT: f64 = 910.0;

/// Columns and rows.
const L: f64 = 92.0;
const C: f64 = 320.0;
const R: f64 = 548.0;
const Y: [f64; 7] = [70.0, 186.0, 316.0, 446.0, 576.0, 706.0, 836.0];

/// A state's box. CLOSED has two, as in the RFC's figure: before and after.
#[derive(Debug)]
pub(super) struct StateBox {
    pub(super) id: &'static str,
    pub(super) state: State,
    pub(super) at: Point,
    /// What a socket waits for there (RFC 9293 3.3.2).
    pub(super) title: &'static str,
}

const fn place(id: &'static str, state: State, at: Point, title: &'static str) -> StateBox {
    StateBox { id, state, at, title }
}

/// The states.
pub(super) const BOXES: &[StateBox] = &[
    place("closed", State::Closed, (C, Y[0]), "CLOSED: no connection at all"),
    place("listen", State::Listen, (C, Y[1]), "LISTEN: waits for a SYN from anybody; the welcoming socket"),
    place(
        "syn-received",
        State::SynReceived,
        (L, Y[2]),
        "SYN-RECEIVED: waits for the ACK of its SYN; half-open",
    ),
    place("syn-sent", State::SynSent, (R, Y[2]), "SYN-SENT: waits for a SYN in answer to its own"),
    place("established", State::Established, (C, Y[3]), "ESTABLISHED: bytes go both ways"),
    place(
        "fin-wait-1",
        State::FinWait1,
        (L, Y[4]),
        "FIN-WAIT-1: has closed first; waits for the ACK of its FIN, or a FIN",
    ),
    place(
        "close-wait",
        State::CloseWait,
        (R, Y[4]),
        "CLOSE-WAIT: the other side has closed; waits for its own application",
    ),
    place(
        "fin-wait-2",
        State::FinWait2,
        (L, Y[5]),
        "FIN-WAIT-2: its FIN is acknowledged; waits for the other side's FIN",
    ),
    place(
        "closing",
        State::Closing,
        (C, Y[5]),
        "CLOSING: both have closed at once; waits for the ACK of its FIN",
    ),
    place("last-ack", State::LastAck, (R, Y[5]), "LAST-ACK: has closed second; waits for the ACK of its FIN"),
    place(
        "time-wait",
        State::TimeWait,
        (C, Y[6]),
        "TIME-WAIT: long enough that no old segment can meet a new connection",
    ),
    place("end", State::Closed, (R, Y[6]), "CLOSED: the connection is over"),
];

/// A transition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) states: (State, State),
    /// It is in the RFC's figure.
    pub(super) figure: bool,
    /// What can cause it.
    pub(super) by: &'static [Cause],
    /// What does, in lines.
    pub(super) cause: &'static [&'static str],
    /// What is sent then.
    pub(super) action: &'static str,
    pub(super) points: Points,
    /// Where the words' first line is.
    pub(super) words: Point,
    pub(super) anchor: Anchor,
    /// The action stands on the other side of a level edge.
    pub(super) split: bool,
    pub(super) badge: Point,
    /// Which way a second number moves.
    pub(super) along: Point,
}

/// An edge's corners.
pub(super) type Points = std::borrow::Cow<'static, [Point]>;

const SEGMENT: &[Cause] = &[Cause::Segment];
const CALL: &[Cause] = &[Cause::Call];
const TIMER: &[Cause] = &[Cause::Timer];

macro_rules! edges {
    ($($from:literal $start:ident => $to:literal $end:ident, $by:ident [$($cause:literal)*] $action:literal,
       $points:expr, $words:expr, $anchor:ident $split:literal, $badge:expr, $along:expr;)*) => {
        &[$(Edge {
            from: $from,
            to: $to,
            states: (State::$start, State::$end),
            figure: true,
            by: $by,
            cause: &[$($cause),*],
            action: $action,
            points: std::borrow::Cow::Borrowed(&$points),
            words: $words,
            anchor: Anchor::$anchor,
            split: $split,
            badge: $badge,
            along: $along,
        }),*]
    };
}

const DOWN: Point = (0.0, 1.0);
const RIGHT: Point = (1.0, 0.0);

/// The transitions of RFC 9293 figure 5, with its note 2's.
pub(super) const EDGES: &[Edge] = edges! {
    "closed" Closed => "listen" Listen, CALL ["listen()"] "",
        [(300.0, 91.0), (300.0, 165.0)], (284.0, 132.0), End false, (300.0, 124.0), DOWN;
    "listen" Listen => "closed" Closed, CALL ["close()"] "",
        [(345.0, 165.0), (345.0, 91.0)], (361.0, 132.0), Start false, (345.0, 128.0), DOWN;
    "closed" Closed => "syn-sent" SynSent, CALL ["connect()"] "send SYN",
        [(390.0, 60.0), (574.0, 60.0), (574.0, 295.0)], (412.0, 51.0), Start true, (574.0, 200.0), DOWN;
    "syn-sent" SynSent => "closed" Closed, CALL ["close()"] "",
        [(528.0, 295.0), (528.0, 84.0), (390.0, 84.0)], (518.0, 128.0), End false, (528.0, 150.0), DOWN;
    "listen" Listen => "syn-received" SynReceived, SEGMENT ["receive SYN"] "send SYN,ACK",
        [(280.0, 207.0), (118.0, 295.0)], (222.0, 262.0), Start false, (193.0, 254.0), (-0.88, 0.48);
    "listen" Listen => "syn-sent" SynSent, CALL ["send()"] "send SYN",
        [(360.0, 207.0), (510.0, 295.0)], (434.0, 270.0), End false, (446.0, 257.0), (0.86, 0.5);
    "syn-sent" SynSent => "syn-received" SynReceived, SEGMENT ["receive SYN"] "send SYN,ACK",
        [(478.0, 316.0), (162.0, 316.0)], (320.0, 309.0), Middle true, (230.0, 316.0), RIGHT;
    "syn-received" SynReceived => "listen" Listen, SEGMENT ["receive RST"] "",
        [(60.0, 295.0), (60.0, 186.0), (250.0, 186.0)], (76.0, 178.0), Start false, (60.0, 232.0), DOWN;
    "syn-received" SynReceived => "established" Established, SEGMENT ["receive ACK" "of SYN"] "",
        [(118.0, 337.0), (280.0, 425.0)], (194.0, 407.0), End false, (199.0, 381.0), (0.88, 0.48);
    "syn-sent" SynSent => "established" Established, SEGMENT ["receive SYN,ACK"] "send ACK",
        [(520.0, 337.0), (360.0, 425.0)], (450.0, 407.0), Start false, (440.0, 381.0), (-0.88, 0.48);
    "syn-received" SynReceived => "fin-wait-1" FinWait1, CALL ["close()"] "send FIN",
        [(60.0, 337.0), (60.0, 555.0)], (74.0, 466.0), Start false, (60.0, 440.0), DOWN;
    "established" Established => "fin-wait-1" FinWait1, CALL ["close()"] "send FIN",
        [(280.0, 467.0), (118.0, 555.0)], (224.0, 522.0), Start false, (193.0, 514.0), (-0.88, 0.48);
    "established" Established => "close-wait" CloseWait, SEGMENT ["receive FIN"] "send ACK",
        [(360.0, 467.0), (520.0, 555.0)], (420.0, 528.0), End false, (445.0, 514.0), (0.88, 0.48);
    "fin-wait-1" FinWait1 => "fin-wait-2" FinWait2, SEGMENT ["receive ACK" "of FIN"] "",
        [(60.0, 597.0), (60.0, 685.0)], (76.0, 640.0), Start false, (60.0, 636.0), DOWN;
    "fin-wait-1" FinWait1 => "closing" Closing, SEGMENT ["receive FIN"] "send ACK",
        [(162.0, 576.0), (320.0, 576.0), (320.0, 685.0)], (190.0, 569.0), Start true, (320.0, 632.0), DOWN;
    "close-wait" CloseWait => "last-ack" LastAck, CALL ["close()"] "send FIN",
        [(548.0, 597.0), (548.0, 685.0)], (530.0, 636.0), End false, (548.0, 636.0), DOWN;
    "fin-wait-2" FinWait2 => "time-wait" TimeWait, SEGMENT ["receive FIN"] "send ACK",
        [(60.0, 727.0), (60.0, 836.0), (250.0, 836.0)], (96.0, 829.0), Start true, (60.0, 778.0), DOWN;
    "closing" Closing => "time-wait" TimeWait, SEGMENT ["receive ACK" "of FIN"] "",
        [(320.0, 727.0), (320.0, 815.0)], (336.0, 768.0), Start false, (320.0, 766.0), DOWN;
    "last-ack" LastAck => "end" Closed, SEGMENT ["receive ACK" "of FIN"] "",
        [(548.0, 727.0), (548.0, 815.0)], (530.0, 762.0), End false, (548.0, 766.0), DOWN;
    "time-wait" TimeWait => "end" Closed, TIMER ["2 MSL"] "",
        [(390.0, 836.0), (478.0, 836.0)], (434.0, 821.0), Middle false, (426.0, 836.0), RIGHT;
};

impl Edge {
    /// The words' lines, and whether each is what is sent.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let action = (!self.action.is_empty()).then_some((self.action, true));
        self.cause.iter().map(|line| (*line, false)).chain(action)
    }

    /// Where a line of the words is.
    pub(super) fn line_at(&self, index: usize) -> Point {
        let (x, y) = self.words;
        let below = if self.split && index > 0 { 27.0 } else { 18.0 * index as f64 };
        (x, y + below)
    }

    pub(super) fn title(&self) -> String {
        let (from, to) = self.states;
        let action = if self.action.is_empty() { String::new() } else { format!(", {}", self.action) };
        let source = if self.figure { "RFC 9293 figure 5" } else { "not in RFC 9293's figure 5" };
        format!("{from} → {to}: {}{action} ({source})", self.cause.join(" "))
    }

    /// The words' boxes.
    #[cfg(test)]
    pub(super) fn taken(&self) -> Vec<(Point, Point)> {
        use crate::svg::{Font, Ink};

        let font = Font { size: 14.0, mono: self.by == CALL, bold: false, ink: Ink::Black };
        let lines = self.lines().enumerate().map(|(index, (text, _))| {
            let (x, y) = self.line_at(index);
            let width = font.width(text);
            let left = match self.anchor {
                Anchor::Start => x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            ((left, y - 11.0), (left + width, y + 3.0))
        });
        lines.collect()
    }
}

/// Why a step was taken that the figure has not, and what is sent.
fn reason(step: &Transition) -> (&'static [&'static str], &'static str) {
    let (from, to) = (step.change.from, step.change.to);
    // What is half-open (RFC 9293 3.10.5 for SYN-SENT) or over is forgotten without a word to the peer;
    // and beside CLOSING there is no room for one more.
    let silent = matches!(from, State::SynSent | State::SynReceived | State::TimeWait | State::Listen);
    let reset = if silent || from == State::Closing { "" } else { "send RST" };
    match (step.change.cause, to) {
        (Cause::Segment, State::Closed | State::Listen) => (&["receive RST"], ""),
        (Cause::Segment, State::TimeWait) if from == State::FinWait1 => {
            (&["receive FIN,", "ACK of FIN"], "send ACK")
        }
        (Cause::Segment, State::CloseWait) => (&["receive ACK, FIN"], "send ACK"),
        (Cause::Segment, _) => (&["segments"], ""),
        (Cause::Call, State::Closed) => (&["abort"], reset),
        (Cause::Call, _) => (&["a call"], ""),
        (Cause::Timer, State::Closed) => (&["timeout"], ""),
        (Cause::Timer, _) => (&["timer"], ""),
        (Cause::Limit, _) if from == State::TimeWait => (&["slot reused"], ""),
        (Cause::Limit, _) => (
            match step.limit {
                Some(Limit::HalfOpen) => &["half-open limit"],
                Some(Limit::Idle) => &["idle limit"],
                Some(Limit::Stalled) => &["stalled limit"],
                Some(Limit::Closing) => &["closing limit"],
                Some(Limit::Crowded) => &["slot needed"],
                Some(Limit::Shutdown) => &["shutdown"],
                _ => &["limit"],
            },
            reset,
        ),
        _ => (&["another cause"], ""),
    }
}

/// An edge that the figure has not.
pub(super) fn other_edge(step: &Transition) -> Edge {
    let (from, to) = (step.change.from, step.change.to);
    let (cause, action) = reason(step);
    let early = matches!(from, State::Listen | State::SynSent | State::SynReceived);
    let id = |state: State, end: bool| {
        let mut found = BOXES.iter().filter(|place| place.state == state);
        let place = if end { found.next_back() } else { found.next() };
        place.map_or(&BOXES[0], |place| place)
    };
    let (start, end) = (id(from, false), id(to, !early));
    let one = Cause::ALL.iter().position(|cause| *cause == step.change.cause);
    let by: &'static [Cause] = one.and_then(|at| Cause::ALL.get(at..=at)).unwrap_or_default();
    let (points, words, anchor, badge, along) = way(from, to, start.at, end.at);
    Edge {
        from: start.id,
        to: end.id,
        states: (from, to),
        figure: false,
        by,
        cause,
        action,
        points: points.into(),
        words,
        anchor,
        split: false,
        badge,
        along,
    }
}

/// Its way: to the end around the outside; the rest straight.
fn way(from: State, to: State, start: Point, end: Point) -> (Vec<Point>, Point, Anchor, Point, Point) {
    let (x, y) = start;
    let out = |side: f64, gutter: f64, into: f64| {
        vec![(x + side * HALF.0, y), (gutter, y), (gutter, into), (R + HALF.0, into)]
    };
    match (from, to) {
        (State::SynReceived, State::Closed) => (
            vec![(34.0, 295.0), (34.0, Y[0]), (C - HALF.0, Y[0])],
            (50.0, Y[0] - 24.0),
            Anchor::Start,
            (34.0, 150.0),
            DOWN,
        ),
        (State::SynSent, State::Closed) => (
            vec![(602.0, 295.0), (602.0, 24.0), (C, 24.0), (C, Y[0] - HALF.1)],
            (412.0, 16.0),
            Anchor::Start,
            (602.0, 166.0),
            DOWN,
        ),
        (State::Listen, State::Closed) => {
            (vec![(270.0, 165.0), (270.0, 91.0)], (262.0, 112.0), Anchor::End, (270.0, 149.0), DOWN)
        }
        (State::Established, State::Closed) => {
            (out(1.0, 652.0, Y[6] + 10.0), (470.0, Y[3] + 20.0), Anchor::Start, (652.0, 500.0), DOWN)
        }
        (State::CloseWait, State::Closed) => {
            (out(1.0, 640.0, Y[6]), (632.0, Y[4] + 40.0), Anchor::End, (640.0, 660.0), DOWN)
        }
        (State::LastAck, State::Closed) => {
            (out(1.0, 630.0, Y[6] - 10.0), (622.0, Y[5] + 88.0), Anchor::End, (630.0, 790.0), DOWN)
        }
        (State::FinWait1 | State::FinWait2, State::Closed) => {
            let gutter = if from == State::FinWait1 { -2.0 } else { 8.0 };
            let bottom = Y[6] + 52.0;
            (
                vec![(x - HALF.0, y), (gutter, y), (gutter, bottom), (R, bottom), (R, Y[6] + HALF.1)],
                (30.0, bottom - 8.0),
                Anchor::Start,
                (gutter, y + 70.0),
                DOWN,
            )
        }
        (State::Closing, State::Closed) => (
            vec![(x + HALF.0, y), (450.0, y), (450.0, Y[6] - 8.0), (R - HALF.0, Y[6] - 8.0)],
            (396.0, y + 36.0),
            Anchor::Start,
            (450.0, y + 80.0),
            DOWN,
        ),
        (State::TimeWait, State::Closed) => (
            vec![(C, Y[6] + HALF.1), (C, Y[6] + 46.0), (R, Y[6] + 46.0), (R, Y[6] + HALF.1)],
            (340.0, Y[6] + 64.0),
            Anchor::Start,
            (C + 60.0, Y[6] + 46.0),
            RIGHT,
        ),
        (State::FinWait1, State::TimeWait) => {
            (vec![(150.0, 597.0), (290.0, 815.0)], (230.0, 756.0), Anchor::End, (190.0, 660.0), (0.5, 0.86))
        }
        _ => {
            let (dx, dy) = (end.0 - x, end.1 - y);
            let length = dx.hypot(dy).max(1.0);
            // From border to border, bent to the side so that what lies between stays to be seen.
            let border =
                |(x, y): Point, sign: f64| (x + sign * dx / length * 60.0, y + sign * dy.signum() * HALF.1);
            let middle = (x + dx / 2.0 - dy / length * 90.0, y + dy / 2.0 + dx / length * 90.0);
            (
                vec![border(start, 1.0), middle, border(end, -1.0)],
                (middle.0 + 14.0, middle.1 + 5.0),
                Anchor::Start,
                middle,
                DOWN,
            )
        }
    }
}

/// A line with round corners.
pub(super) fn rounded(points: &[Point]) -> String {
    const ROUND: f64 = 12.0;
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        let corner = index.checked_sub(1).and_then(|before| points.get(before)).zip(points.get(index + 1));
        match corner {
            None => {
                let command = if index == 0 { 'M' } else { 'L' };
                path.push_str(&format!("{command}{} {}", n(point.0), n(point.1)));
            }
            Some((before, after)) => {
                let towards = |other: &Point| {
                    let (dx, dy) = (other.0 - point.0, other.1 - point.1);
                    let length = dx.hypot(dy).max(1.0);
                    let round = ROUND.min(length / 2.0);
                    (point.0 + dx / length * round, point.1 + dy / length * round)
                };
                let (one, other) = (towards(before), towards(after));
                path.push_str(&format!(
                    "L{} {}Q{} {} {} {}",
                    n(one.0),
                    n(one.1),
                    n(point.0),
                    n(point.1),
                    n(other.0),
                    n(other.1)
                ));
            }
        }
    }
    path
}
