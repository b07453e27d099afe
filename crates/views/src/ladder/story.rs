//! What the records tell, as a ladder needs it: each frame once with its two ends, each call and state with its
//! connection, in an order in which cause comes before effect.

use core::net::IpAddr;
use std::collections::VecDeque;

use undersock::smoltcp::socket::tcp::State;

use super::words::{self, Label};
use crate::connections::{Connection, Connections};
use crate::record::{Record, What};
use crate::side::Side;
use crate::timeline::{Lines, REMEMBERED_OF_RECORDS, Text};
use undersock::event::{Cause, Direction, DropRule, Fate, Way};
use undersock::packet::{Link, Packet};

/// Where the addresses are in an Ethernet header.
const DESTINATION: core::ops::Range<usize> = 0..6;
const SOURCE: core::ops::Range<usize> = 6..12;
/// A frame that came in so many microseconds before it went out went out first: two threads read the clock.
const CLOCKS: i64 = 1_000;
/// A pause of so many microseconds is a gap, if it is long beside the others too.
const PAUSE: i64 = 200_000;
/// So long beside the others.
const LONG: i64 = 4;
/// A pause of so many microseconds is always a gap.
const ALWAYS: i64 = 900_000;

/// A frame on its way, once however many records tell of it.
#[derive(Debug)]
pub(super) struct Transit<'r> {
    pub(super) from: Side,
    link: Link,
    bytes: &'r [u8],
    /// When it went out, in microseconds from the first record.
    pub(super) sent: Option<i64>,
    /// What the wire did to it, and when.
    pub(super) fate: Vec<(i64, Fate)>,
    pub(super) arrivals: Vec<Arrival>,
    /// It goes to somebody who records.
    expected_there: bool,
    /// And it never came.
    pub(super) missed: bool,
    pub(super) label: Label,
    pub(super) connection: Option<usize>,
}

/// A frame's coming to its end.
#[derive(Debug)]
pub(super) struct Arrival {
    at: i64,
    dropped: bool,
}

impl Arrival {
    fn new(at: i64, way: Way, link: Link, bytes: &[u8]) -> Self {
        Arrival { at, dropped: matches!(way, Way::Dropped(_)) || link.damaged(bytes).is_some() }
    }
}

impl Transit<'_> {
    pub(super) fn lost(&self) -> bool {
        self.missed || self.fate.iter().any(|(_, fate)| *fate == Fate::Lost)
    }

    /// It left, and the records end before it came to who would have recorded it.
    pub(super) fn under_way(&self) -> bool {
        self.expected_there && self.arrivals.is_empty() && !self.lost()
    }

    pub(super) fn delayed(&self) -> bool {
        self.fate.iter().any(|(_, fate)| matches!(fate, Fate::Delayed(_)))
    }

    /// Whether it was dropped where it arrived: by a rule, or because it was damaged.
    pub(super) fn dropped(&self, arrival: usize) -> bool {
        self.arrivals.get(arrival).is_some_and(|arrival| arrival.dropped)
    }

    /// Whether these bytes are this frame, as it was sent or as the wire has left it.
    fn is(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes || self.fate.iter().any(|(_, fate)| self.damaged_is(fate, bytes))
    }

    fn damaged_is(&self, fate: &Fate, bytes: &[u8]) -> bool {
        let Fate::Corrupted { bit } = *fate else { return false };
        let flipped = |index: usize| if index == bit / 8 { 0x80 >> (bit % 8) } else { 0 };
        self.bytes.len() == bytes.len()
            && self
                .bytes
                .iter()
                .zip(bytes)
                .enumerate()
                .all(|(index, (one, other))| one ^ flipped(index) == *other)
    }

    /// When it can be there at the earliest.
    fn earliest(&self) -> i64 {
        let delay = |(at, fate): &(i64, Fate)| match fate {
            Fate::Delayed(by) => Some(at + i64::try_from(by.total_micros()).unwrap_or(i64::MAX / 2)),
            _ => None,
        };
        self.fate.iter().filter_map(delay).max().or(self.sent).unwrap_or(i64::MIN)
    }

    /// How often it can still arrive.
    fn expected(&self) -> usize {
        let copies = self.fate.iter().filter(|(_, fate)| *fate == Fate::Duplicated).count();
        if self.lost() { 0 } else { (1 + copies).saturating_sub(self.arrivals.len()) }
    }
}

/// Something that has a place of its own on the ladder.
#[derive(Debug)]
pub(super) struct Moment<'r> {
    /// Microseconds from the first record.
    pub(super) at: i64,
    pub(super) act: Act<'r>,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Act<'r> {
    /// This frame goes out.
    Departs(usize),
    /// This frame arrives, and which of its arrivals this is, from 0.
    Arrives(usize, usize),
    /// This frame gets no further.
    Vanishes(usize),
    /// This frame as one end has seen it, or as both saw it at once.
    Crosses(usize),
    Said(Said),
    /// A note.
    Note(&'r str),
    /// So many microseconds in which nothing happens.
    Pause(i64),
}

/// A call, a state or a timer of one end.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) end: Side,
    pub(super) kind: SaidKind,
    pub(super) text: String,
    pub(super) title: String,
    pub(super) connection: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaidKind {
    Call,
    State(State),
    Timer,
}

/// All that a ladder shows.
#[derive(Debug)]
pub(super) struct LadderStory<'r> {
    /// Whether anything was recorded at an end.
    pub(super) known: [bool; 2],
    pub(super) moments: Vec<Moment<'r>>,
    pub(super) transits: Vec<Transit<'r>>,
    pub(super) connections: Vec<Connection>,
    /// The address of each end, if it has one only.
    pub(super) hosts: [Option<IpAddr>; 2],
}

impl<'r> LadderStory<'r> {
    pub(super) fn new(records: &'r [Record]) -> Self {
        let mut order: Vec<&Record> = records.iter().collect();
        order.sort_by_key(|record| record.at);
        states_first(&mut order);
        let connections = Connections::new(order.iter().copied());
        let start = order.first().map_or(0, |record| record.at.total_micros());
        let frames = [Side::Client, Side::Server].map(|end| {
            order.iter().any(|record| record.end == end && matches!(record.what, What::Frame { .. }))
        });
        let known = [Side::Client, Side::Server]
            .map(|end| order.iter().any(|record| record.end == end && !matches!(record.what, What::Note(_))));
        let mut macs: [Vec<&[u8]>; 2] = Default::default();
        for record in &order {
            if let What::Frame { way: Way::Out, link: Link::Ethernet, bytes } = &record.what
                && let Some(mac) = bytes.get(SOURCE)
                && !macs[record.end.index()].contains(&mac)
            {
                macs[record.end.index()].push(mac);
            }
        }
        let mut teller = Teller {
            frames,
            macs,
            transits: Vec::new(),
            moments: Vec::new(),
            lines: Lines::new(Side::Server),
        };
        for (index, record) in order.iter().enumerate() {
            teller.record(record, record.at.total_micros() - start, connections.of(index));
        }
        let Teller { transits, moments, .. } = teller;
        let mut story = LadderStory {
            known,
            moments,
            transits,
            connections: connections.into_list(),
            hosts: [None, None],
        };
        story.find_missed();
        story.find_hosts();
        story.find_pauses();
        story
    }

    /// Both ends were watched, and a frame came to neither its end nor a trouble.
    fn find_missed(&mut self) {
        let last = self.moments.last().map_or(0, |moment| moment.at);
        let times =
            self.transits.iter().filter_map(|transit| Some(transit.arrivals.first()?.at - transit.sent?));
        let slowest = times.max().unwrap_or(0);
        for transit in self.transits.iter_mut().filter(|transit| transit.expected_there) {
            let overdue = transit.sent.is_some_and(|sent| sent + slowest < last);
            transit.missed = overdue && transit.arrivals.is_empty() && !transit.lost() && !transit.delayed();
            if transit.missed {
                words::missed(&mut transit.label);
            }
        }
    }

    fn find_hosts(&mut self) {
        let mut hosts: [Vec<IpAddr>; 2] = Default::default();
        for transit in &self.transits {
            let (from, to) = match transit.link.packet(transit.bytes) {
                Packet::Tcp(tcp) => (tcp.from.ip(), tcp.to.ip()),
                Packet::Udp(udp) => (udp.from.ip(), udp.to.ip()),
                _ => continue,
            };
            for (end, address) in [(transit.from, from), (transit.from.other(), to)] {
                let known = &mut hosts[end.index()];
                if !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        self.hosts = hosts.map(|known| if known.len() == 1 { known.first().copied() } else { None });
    }

    fn find_pauses(&mut self) {
        let mut steps: Vec<i64> =
            self.moments.windows(2).map(|pair| pair[1].at - pair[0].at).filter(|step| *step > 0).collect();
        steps.sort_unstable();
        let usual = steps.get(steps.len() / 2).copied().unwrap_or(0);
        let mut moments: Vec<Moment<'r>> = Vec::with_capacity(self.moments.len());
        for moment in self.moments.drain(..) {
            if let Some(last) = moments.last() {
                let step = moment.at - last.at;
                if step >= ALWAYS || step >= PAUSE.max(LONG.saturating_mul(usual)) {
                    moments.push(Moment { at: last.at, act: Act::Pause(step) });
                }
            }
            moments.push(moment);
        }
        self.moments = moments;
    }
}

/// The moments, reordered so that each frame arrives right after it left, where it can. Each end's own moments keep their
/// order, and no frame arrives before it left. Time may go back a little from one line to the next.
pub(super) fn untangled<'s, 'r>(story: &'s LadderStory<'r>) -> Vec<&'s Moment<'r>> {
    let ends = |moment: &Moment<'_>| -> [bool; 2] {
        let of = |end: Side| [end == Side::Client, end == Side::Server];
        match &moment.act {
            Act::Departs(number) => of(story.transits[*number].from),
            Act::Arrives(number, _) => of(story.transits[*number].from.other()),
            Act::Said(said) => of(said.end),
            Act::Vanishes(_) => [false; 2],
            // Who didn't record it does nothing before or after it.
            Act::Crosses(number) => {
                let transit = &story.transits[*number];
                let (sent, came) = (transit.sent.is_some(), !transit.arrivals.is_empty());
                match (sent, came) {
                    (true, false) => of(transit.from),
                    (true, true) => [true; 2],
                    (false, _) => of(transit.from.other()),
                }
            }
            Act::Note(_) | Act::Pause(_) => [true; 2],
        }
    };
    let moments = &story.moments;
    // Where a frame gets no further is told of at once.
    let vanishes = |number: usize| {
        moments.iter().position(|moment| matches!(moment.act, Act::Vanishes(one) if one == number))
    };
    let mut queues: [VecDeque<usize>; 2] = Default::default();
    for (index, moment) in moments.iter().enumerate() {
        for (queue, _) in queues.iter_mut().zip(ends(moment)).filter(|(_, is)| *is) {
            queue.push_back(index);
        }
    }
    let mut left = vec![false; story.transits.len()];
    let mut order = Vec::with_capacity(moments.len());
    // The first of all that are first at their ends: what both share comes when it is first at both.
    while let Some(first) = queues.iter().filter_map(|queue| queue.front().copied()).min() {
        let mut arrives = None;
        if let Act::Departs(number) = moments[first].act
            && let Some(end) = vanishes(number)
        {
            arrives = Some(end);
        } else if let Act::Departs(number) = moments[first].act {
            let there = &mut queues[story.transits[number].from.other().index()];
            // What the receiver did before it came can be told before it left.
            while let Some(next) = there.front().copied() {
                match &moments[next].act {
                    Act::Said(_) => {}
                    Act::Departs(one) => left[*one] = true,
                    Act::Arrives(one, _) if *one == number => {
                        arrives = Some(next);
                        break;
                    }
                    Act::Arrives(one, _) if left[*one] => {}
                    _ => break,
                }
                order.push(&moments[next]);
                if let Act::Departs(one) = moments[next].act
                    && let Some(end) = vanishes(one)
                {
                    order.push(&moments[end]);
                }
                there.pop_front();
            }
            left[number] = true;
        }
        for index in core::iter::once(first).chain(arrives) {
            order.push(&moments[index]);
            for queue in &mut queues {
                if queue.front() == Some(&index) {
                    queue.pop_front();
                }
            }
        }
    }
    order
}

/// A stack answers a segment before anybody can look at the state that it led to: the state belongs before the answer.
fn states_first(order: &mut [&Record]) {
    let is_frame = |record: &Record, out: bool| match &record.what {
        What::Frame { way, .. } => (*way == Way::Out) == out,
        _ => false,
    };
    for index in 0..order.len() {
        let state = order[index];
        if !matches!(&state.what, What::State(change) if change.cause == Cause::Segment) {
            continue;
        }
        let same = |record: &&Record| record.end == state.end && record.at == state.at;
        let answers = order[..index].iter().rev().take_while(|one| same(one) && is_frame(one, true)).count();
        let first = index - answers;
        if answers > 0 && first > 0 && same(&order[first - 1]) && is_frame(order[first - 1], false) {
            order[first..=index].rotate_right(1);
        }
    }
}

/// A frame's bytes, and what they begin with.
type Bytes<'r> = (Link, &'r [u8]);

/// Puts records into places.
struct Teller<'r> {
    /// Whether an end's frames are recorded.
    frames: [bool; 2],
    /// The Ethernet addresses that an end sends from.
    macs: [Vec<&'r [u8]>; 2],
    transits: Vec<Transit<'r>>,
    moments: Vec<Moment<'r>>,
    lines: Lines<REMEMBERED_OF_RECORDS>,
}

impl<'r> Teller<'r> {
    fn record(&mut self, record: &'r Record, at: i64, connection: Option<usize>) {
        let end = record.end;
        let said = |kind, text, title| Act::Said(Said { end, kind, text, title, connection });
        let act = match &record.what {
            What::Call(call) => said(SaidKind::Call, words::call(call), words::call_title(call)),
            What::State(change) => {
                said(SaidKind::State(change.to), words::state(change), words::state_title(change))
            }
            What::Timer(timer) => said(SaidKind::Timer, words::timer(timer), words::timer_title(timer)),
            What::Conflict(conflict) => {
                let text = Text::Conflict(*conflict).to_string();
                said(SaidKind::Timer, words::conflict(conflict), text)
            }
            What::Again(again) => return self.lines.announced(again),
            What::Congestion(congestion) => {
                let text = Text::Congestion(*congestion).to_string();
                said(SaidKind::Timer, words::congestion(congestion), text)
            }
            What::Note(text) => Act::Note(text),
            What::Frame { way: Way::Out, link, bytes } => {
                return self.out(end, at, (*link, bytes), connection);
            }
            What::Frame { way, link, bytes } => {
                return self.came(end, at, *way, (*link, bytes), connection);
            }
            What::Trouble { direction, fate, link, bytes } => {
                let from = if *direction == Direction::Out { end } else { end.other() };
                return self.trouble(from, at, *fate, (*link, bytes), connection);
            }
        };
        self.moments.push(Moment { at, act });
    }

    fn out(&mut self, from: Side, at: i64, (link, bytes): Bytes<'r>, connection: Option<usize>) {
        // Told of before, by a wire or by a clock that is a little ahead.
        let told = self.transits.iter_mut().find(|one| {
            let near =
                one.fate.iter().map(|(at, _)| *at).chain(one.arrivals.iter().map(|arrival| arrival.at));
            one.from == from
                && one.sent.is_none()
                && one.is(bytes)
                && near.clone().all(|told| at - told <= CLOCKS)
        });
        if let Some(transit) = told {
            transit.sent = Some(at);
            return;
        }
        let number = self.add(from, (link, bytes), connection);
        self.transits[number].sent = Some(at);
        // To one of several clients, say, of which not all are recorded.
        let there = from.other().index();
        let known = match link {
            Link::Ethernet => bytes.get(DESTINATION).is_some_and(|mac| {
                let group = mac.first().is_some_and(|first| first & 1 == 1);
                group || self.macs[there].contains(&mac)
            }),
            // Who else is there?
            _ => true,
        };
        let both = self.frames[there] && known;
        self.transits[number].expected_there = both;
        self.moments.push(Moment { at, act: if both { Act::Departs(number) } else { Act::Crosses(number) } });
    }

    fn came(&mut self, end: Side, at: i64, way: Way, (link, bytes): Bytes<'r>, connection: Option<usize>) {
        let from = end.other();
        let candidates = || {
            let transits = self.transits.iter().enumerate();
            transits.filter(|(_, one)| one.from == from && one.expected() > 0 && one.is(bytes))
        };
        let known = |one: &Transit<'_>| one.sent.is_some() || !one.fate.is_empty();
        let due = candidates().find(|(_, one)| known(one) && one.earliest() <= at);
        let found = due.or_else(|| candidates().find(|(_, one)| known(one))).map(|(number, _)| number);
        let Some(number) = found else {
            // What a kernel says to routers and to groups, say: nobody here sent it, and nobody here is meant.
            if way == Way::Dropped(DropRule::NotForUs) {
                return;
            }
            let number = self.add(from, (link, bytes), connection);
            self.transits[number].arrivals.push(Arrival::new(at, way, link, bytes));
            words::arrived(&mut self.transits[number].label, way, link, bytes);
            self.moments.push(Moment { at, act: Act::Crosses(number) });
            return;
        };
        let transit = &mut self.transits[number];
        transit.arrivals.push(Arrival::new(at, way, link, bytes));
        words::arrived(&mut transit.label, way, link, bytes);
        let arrival = transit.arrivals.len() - 1;
        let last = self.moments.last_mut();
        if let Some(Moment { at: left, act: act @ Act::Departs(_) }) = last
            && *left == at
            && matches!(act, Act::Departs(last) if *last == number)
        {
            *act = Act::Crosses(number);
            return;
        }
        self.moments.push(Moment { at, act: Act::Arrives(number, arrival) });
    }

    fn trouble(
        &mut self,
        from: Side,
        at: i64,
        fate: Fate,
        (link, bytes): Bytes<'r>,
        connection: Option<usize>,
    ) {
        let candidates = || {
            self.transits.iter().enumerate().filter(|(_, one)| {
                let new = one.arrivals.is_empty() && one.fate.iter().all(|(_, had)| *had != fate);
                one.from == from && new && !one.lost() && one.is(bytes)
            })
        };
        // The one that goes out just now; else the first that is under way, as far as that is known.
        let comes = self.frames[from.other().index()];
        let found = candidates()
            .rfind(|(_, one)| one.sent == Some(at))
            .or_else(|| if comes { candidates().next() } else { candidates().next_back() })
            .map(|(number, _)| number);
        let number = match found {
            Some(number) => {
                self.transits[number].fate.push((at, fate));
                number
            }
            None => {
                let number = self.add(from, (link, bytes), connection);
                self.transits[number].fate.push((at, fate));
                // Where what comes in is recorded, it is to come: all that is known of its leaving is this.
                let act =
                    if comes && fate != Fate::Lost { Act::Departs(number) } else { Act::Crosses(number) };
                self.moments.push(Moment { at, act });
                number
            }
        };
        let transit = &mut self.transits[number];
        words::troubled(&mut transit.label, fate);
        let flying =
            self.moments.iter().any(|moment| matches!(moment.act, Act::Departs(one) if one == number));
        if fate == Fate::Lost && flying {
            self.moments.push(Moment { at, act: Act::Vanishes(number) });
        }
    }

    fn add(&mut self, from: Side, (link, bytes): Bytes<'r>, connection: Option<usize>) -> usize {
        let label = words::label(link, bytes, &mut self.lines);
        self.transits.push(Transit {
            from,
            link,
            bytes,
            sent: None,
            fate: Vec::new(),
            arrivals: Vec::new(),
            expected_there: false,
            missed: false,
            label,
            connection,
        });
        self.transits.len() - 1
    }
}
