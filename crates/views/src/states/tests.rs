use undersock::smoltcp::socket::tcp::State;

use super::*;
use crate::side::Side;

const ALL: [State; 11] = [
    State::Closed,
    State::Listen,
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

fn step(from: State, to: State, cause: Cause) -> Transition {
    Transition { at: Instant::ZERO, change: Change::new(0, from, to, cause), limit: None }
}

/// Figure 5, as it is in the RFC: which states lead to which.
#[test]
fn the_figure_has_the_transitions_of_the_rfc() {
    use State::*;

    let right = [
        (Closed, Listen),
        (Listen, Closed),
        (Closed, SynSent),
        (SynSent, Closed),
        (Listen, SynReceived),
        (Listen, SynSent),
        (SynSent, SynReceived),
        (SynReceived, Listen),
        (SynReceived, Established),
        (SynSent, Established),
        (SynReceived, FinWait1),
        (Established, FinWait1),
        (Established, CloseWait),
        (FinWait1, FinWait2),
        (FinWait1, Closing),
        (CloseWait, LastAck),
        (FinWait2, TimeWait),
        (Closing, TimeWait),
        (LastAck, Closed),
        (TimeWait, Closed),
    ];
    assert_eq!(EDGES.iter().map(|edge| edge.states).collect::<Vec<_>>(), right);
}

#[test]
fn every_edge_begins_and_ends_at_its_states() {
    let touches = |id: &str, (x, y): Point| {
        let place = BOXES.iter().find(|place| place.id == id).expect("a box");
        (x - place.at.0).abs() <= HALF.0 + 0.1 && (y - place.at.1).abs() <= HALF.1 + 0.1
    };
    let others =
        ALL.iter().flat_map(|from| ALL.iter().map(move |to| other_edge(&step(*from, *to, Cause::Limit))));
    for edge in EDGES.iter().cloned().chain(others.filter(|edge| edge.states.0 != edge.states.1)) {
        let (first, last) = (edge.points[0], edge.points[edge.points.len() - 1]);
        assert!(touches(edge.from, first) && touches(edge.to, last), "{}", edge.title());
        assert!(edge.badge.0 > LEFT_EDGE && edge.badge.0 < RIGHT_EDGE, "{}: {:?}", edge.title(), edge.badge);
    }
}

const LEFT_EDGE: f64 = figure::LEFT + 8.0;
const RIGHT_EDGE: f64 = figure::LEFT + WIDTH - 8.0;

type Corners = (Point, Point);

fn apart(one: &Corners, other: &Corners) -> bool {
    one.1.0 <= other.0.0 || other.1.0 <= one.0.0 || one.1.1 <= other.0.1 || other.1.1 <= one.0.1
}

#[test]
fn no_words_lie_on_a_state_or_on_other_words() {
    let states = BOXES.iter().map(|place| {
        let (x, y) = place.at;
        ((x - HALF.0, y - HALF.1), (x + HALF.0, y + HALF.1))
    });
    let words: Vec<_> = EDGES.iter().flat_map(Edge::taken).collect();
    // The numbers on the edges too.
    let badges = EDGES.iter().map(|edge| {
        let (x, y) = edge.badge;
        ((x - 11.0, y - 11.0), (x + 11.0, y + 11.0))
    });
    let all: Vec<_> = states.clone().chain(words).chain(badges).collect();
    use State::*;
    let others = [
        (SynReceived, Closed),
        (SynSent, Closed),
        (Listen, Closed),
        (Established, Closed),
        (CloseWait, Closed),
        (LastAck, Closed),
        (FinWait1, Closed),
        (FinWait2, Closed),
        (Closing, Closed),
        (TimeWait, Closed),
        (FinWait1, TimeWait),
    ];
    let mut hits = Vec::new();
    for (from, to) in others {
        for cause in [Cause::Segment, Cause::Limit] {
            let edge = other_edge(&step(from, to, cause));
            let badge =
                ((edge.badge.0 - 11.0, edge.badge.1 - 11.0), (edge.badge.0 + 11.0, edge.badge.1 + 11.0));
            for one in edge.taken().into_iter().chain([badge]) {
                for other in all.iter().filter(|other| !apart(&one, other)) {
                    hits.push(format!("{}: {one:?} {other:?}", edge.title()));
                }
            }
        }
    }
    assert_eq!(hits, [""; 0], "{}", hits.join("\n"));
    for (index, one) in all.iter().enumerate() {
        assert!(one.0.0 > figure::LEFT && one.1.0 < figure::LEFT + WIDTH, "{one:?}");
        for other in &all[..index] {
            assert!(apart(one, other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn a_reset_is_another_edge_than_a_close() {
    assert!(in_figure(&step(State::SynSent, State::Closed, Cause::Call)).is_some());
    let reset = step(State::SynSent, State::Closed, Cause::Segment);
    assert!(in_figure(&reset).is_none());
    assert_eq!(other_edge(&reset).cause, ["receive RST"]);
}

#[test]
fn each_step_is_lit_and_numbered_whatever_it_is() {
    for from in ALL {
        for to in ALL {
            for cause in [Cause::Segment, Cause::Call, Cause::Timer, Cause::Limit] {
                let path = Path { end: Side::Server, connection: None, steps: vec![step(from, to, cause)] };
                let drawn = svg(&[path], None, "one step");
                assert_eq!(drawn.matches("class=\"step\"").count(), 1, "{from} {to} {cause:?}");
                assert_eq!(drawn.matches("class=\"edge taken\"").count(), 1, "{from} {to} {cause:?}");
            }
        }
    }
}
