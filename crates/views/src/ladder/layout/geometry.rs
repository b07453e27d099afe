//! The lanes: what is beside what, and how wide.

use super::super::story::{LadderStory, Said, SaidKind};
use super::quad::Quad;
use crate::side::Side;
use crate::svg::{Font, Ink};

/// For what the drawing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A slide or a screen: calls and states have lanes of their own beside the uprights.
    Wide,
    /// A telephone: calls and states stand between the uprights.
    Narrow,
}

/// Half the height of a box with a word in it.
pub(in super::super) const HALF_CHIP: f64 = 10.0;
/// Words that may have a lane.
const CALLS: (f64, f64) = (112.0, 140.0);
const STATES: (f64, f64) = (120.0, 148.0);
/// The bars of connections at once are so far apart.
const BARS: f64 = 11.0;
/// More of them than this lie on each other.
const MOST_BARS: usize = 4;

/// The lanes' places.
#[derive(Debug)]
pub(in super::super) struct Geometry {
    pub(in super::super) narrow: bool,
    pub(in super::super) width: f64,
    /// Where times end.
    pub(in super::super) time: f64,
    /// The uprights: the client's, the server's.
    pub(in super::super) upright: [f64; 2],
    /// From where to where the lanes of calls and states go, for the ends that are known.
    pub(in super::super) calls: [Option<(f64, f64)>; 2],
    pub(in super::super) states: [Option<(f64, f64)>; 2],
    /// The hosts' boxes.
    pub(in super::super) hosts: [(f64, f64); 2],
    /// All but the times.
    pub(in super::super) inner: (f64, f64),
    /// Where the uprights begin.
    pub(in super::super) top: f64,
    pub(in super::super) head: Font,
    pub(in super::super) detail: Font,
    pub(in super::super) call: Font,
    pub(in super::super) state: Font,
    pub(in super::super) clock: Font,
    pub(in super::super) note: Font,
}

/// A line of the list of connections.
const CONNECTION_LINE: f64 = 19.0;

impl Geometry {
    pub(super) fn new(story: &LadderStory<'_>, shape: Format) -> Self {
        let connections = story.connections.len();
        let head = connections as f64 * CONNECTION_LINE + if connections > 0 { 14.0 } else { 8.0 };
        match shape {
            Format::Wide => Self::wide(story, connections > 1, head),
            Format::Narrow => Self::narrow(head),
        }
    }

    fn wide(story: &LadderStory<'_>, several: bool, head: f64) -> Self {
        let many = |(one, more): (f64, f64)| if several { more } else { one };
        let (calls, states) = (many(CALLS), many(STATES));
        let bars = BARS * (most_at_once(story).min(MOST_BARS) as f64) + 6.0;
        let aside = calls + states + bars + 14.0;
        let peer = 76.0;
        let left = 92.0;
        let [client, server] = story.known;
        let from = left + if client { aside } else { peer };
        let to = from + 470.0;
        let right = to + if server { aside } else { peer };
        let lanes = |known: bool, upright: f64, outwards: f64| {
            let span = |near: f64, far: f64| {
                let (one, other) = (upright + outwards * near, upright + outwards * far);
                known.then_some((one.min(other), one.max(other)))
            };
            (span(bars, bars + states), span(bars + states + 8.0, bars + states + 8.0 + calls))
        };
        let ((client_states, client_calls), (server_states, server_calls)) =
            (lanes(client, from, -1.0), lanes(server, to, 1.0));
        Geometry {
            narrow: false,
            width: right + 10.0,
            time: left - 14.0,
            upright: [from, to],
            calls: [client_calls, server_calls],
            states: [client_states, server_states],
            hosts: [
                (if client { left } else { from - 70.0 }, from + if client { 14.0 } else { 70.0 }),
                (to - if server { 14.0 } else { 70.0 }, if server { right } else { to + 70.0 }),
            ],
            inner: (left, right),
            top: head + 34.0 + 22.0,
            head: Font::mono(12.5, Ink::Black),
            detail: Font::mono(11.0, Ink::Mute),
            call: Font::mono(13.0, Ink::Black),
            state: sans(11.5).bold(),
            clock: Font::mono(11.0, Ink::Mute),
            note: sans(13.5),
        }
    }

    fn narrow(head: f64) -> Self {
        let (from, to) = (72.0, 384.0);
        Geometry {
            narrow: true,
            width: 400.0,
            time: 62.0,
            upright: [from, to],
            calls: [Some((from + 10.0, to - 10.0)); 2],
            states: [Some((from + 10.0, to - 10.0)); 2],
            hosts: [(40.0, 212.0), (228.0, 396.0)],
            inner: (66.0, 394.0),
            top: head + 40.0 + 6.0,
            head: Font::mono(11.5, Ink::Black),
            detail: Font::mono(10.5, Ink::Mute),
            call: Font::mono(12.0, Ink::Black),
            state: sans(11.0).bold(),
            clock: Font::mono(10.0, Ink::Mute),
            note: sans(13.0),
        }
    }

    /// A word's place at this height: what is said at an end stands towards its upright.
    pub(super) fn word(&self, said: &Said, text: String, y: f64) -> (String, Quad) {
        let end = said.end.index();
        let (lanes, font, margin) = match said.kind {
            SaidKind::Call => (self.calls, self.call, 4.0),
            SaidKind::State(_) | SaidKind::Timer => (self.states, self.state, 7.0),
        };
        let (left, right) = lanes[end].unwrap_or(self.inner);
        let text = font.fit(&text, right - left - 2.0 * margin);
        let width = font.width(&text) + 2.0 * margin;
        let to_the_right = (said.end == Side::Client) != self.narrow;
        let x = if to_the_right { right - width } else { left };
        (text, Quad::new((x, y - HALF_CHIP), (width, 2.0 * HALF_CHIP)))
    }

    /// Where the bar of a connection is: the first on the upright, the others beside it.
    pub(super) fn bar(&self, end: Side, lane: usize) -> f64 {
        let outwards = if end == Side::Client { -1.0 } else { 1.0 };
        let apart = if self.narrow { 0.35 * BARS } else { BARS };
        self.upright[end.index()] + outwards * apart * (lane % MOST_BARS) as f64
    }

    /// Between the uprights.
    pub(in super::super) fn wire(&self) -> f64 {
        self.upright[1] - self.upright[0]
    }
}

/// Connections at once at one end, as far as states tell.
fn most_at_once(story: &LadderStory<'_>) -> usize {
    use undersock::smoltcp::socket::tcp::State;

    use super::super::story::Act;

    let mut most = 1;
    let mut open: [Vec<Option<usize>>; 2] = Default::default();
    for moment in &story.moments {
        let Act::Said(Said { end, kind: SaidKind::State(state), connection, .. }) = &moment.act else {
            continue;
        };
        let open = &mut open[end.index()];
        open.retain(|one| one != connection);
        if !matches!(state, State::Closed | State::Listen) {
            open.push(*connection);
        }
        most = most.max(open.len());
    }
    most
}

/// How far down the list of connections one of them is.
pub(in super::super) fn connection_line(number: usize) -> f64 {
    number as f64 * CONNECTION_LINE
}

/// Text in a font of the drawing's.
pub(in super::super) const fn sans(size: f64) -> Font {
    Font::sans(size, Ink::Black)
}
