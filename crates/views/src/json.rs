//! JSON lines: an event is one object on one line. `docs/events.md` has the names of all fields and values; they stay.
//!
//! ```text
//! {"time":0.000251,"end":"server","event":"call","call":"recv","slot":0,"bytes":5}
//! ```

mod frame;
mod names;
mod object;
mod path;
mod table;

use core::fmt::{self, Write};

use undersock::smoltcp::time::Instant;

use crate::notation::{Seconds, socket_addr};
#[cfg(feature = "std")]
use crate::record::{Record, What};
use crate::side::Side;
use crate::table::Table;
use crate::timeline::{Line, Lines, REMEMBERED, Text, Who};
use frame::write_frame;
use names::state_name;
use object::{Object, object};
use path::write_path;
use undersock::event::{
    Again, Call, Change, Conflict, Congestion, Direction, Event, Fate, Observer, Timer, Way,
};

/// The number of this format: what is added doesn't change it, what is renamed or removed does.
pub const FORMAT: u32 = 1;

/// Writes a line for each event of one end as it happens.
#[derive(Debug)]
pub struct Json<W, const N: usize = REMEMBERED> {
    lines: Lines<N>,
    end: Side,
    out: W,
    hex: bool,
    failed: bool,
}

impl<W: Write> Json<W> {
    /// Of a server.
    pub const fn new(out: W) -> Self {
        Json::of(Side::Server, out)
    }
}

impl<W: Write, const N: usize> Json<W, N> {
    /// Of this end; the sequence numbers of `N` connections are remembered.
    pub const fn of(end: Side, out: W) -> Self {
        Json { lines: Lines::new(end), end, out, hex: false, failed: false }
    }

    /// With every frame's bytes.
    #[must_use]
    pub fn with_frames(self) -> Self {
        Json { hex: true, ..self }
    }

    /// Says once, at the start, which time of day it is: `unix` microseconds after the beginning of 1970.
    pub fn start(&mut self, now: Instant, unix: i64) {
        self.lines.start_at(now);
        let result = object(&mut self.out, |object| {
            object.number("time", Seconds(0))?;
            object.text("end", self.end.name())?;
            object.text("event", "start")?;
            object.number("format", FORMAT)?;
            object.number("unix", Seconds(unix))
        });
        self.failed |= result.is_err();
    }

    /// Adds a note.
    pub fn note(&mut self, now: Instant, text: &str) {
        let line = self.lines.note(now, text);
        self.failed |= write_line(&mut self.out, self.end, &line, self.hex).is_err();
    }

    /// Adds the lines of a table.
    pub fn table(&mut self, table: &Table<'_, '_>) {
        let start = self.lines.start(table.now());
        self.failed |= table.json(start, &mut self.out).is_err();
    }

    /// Whether a line could not be written.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// Where the lines go.
    pub const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Ends the lines.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write, const N: usize> Observer for Json<W, N> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let Some(line) = self.lines.object(now, self.end, event) {
            self.failed |= write_line(&mut self.out, self.end, &line, self.hex).is_err();
        }
    }
}

/// A line for each record, by time; `hex` is with every frame's bytes. Both ends tell their frames.
///
/// # Errors
/// Where a line can't be written.
#[cfg(feature = "std")]
pub fn json_lines(records: &[Record], hex: bool, out: &mut impl Write) -> fmt::Result {
    let mut order: Vec<&Record> = records.iter().collect();
    order.sort_by_key(|record| record.at);
    let start = order.first().map_or(Instant::ZERO, |first| first.at);
    let lines = |end| {
        let mut lines: Lines<{ crate::timeline::REMEMBERED_OF_RECORDS }> = Lines::new(end);
        lines.start_at(start);
        lines
    };
    let (mut client, mut server) = (lines(Side::Client), lines(Side::Server));
    for Record { at, end, what } in order {
        let lines = if *end == Side::Client { &mut client } else { &mut server };
        let line = match (what, what.event()) {
            (_, Some(event)) => lines.object(*at, *end, &event),
            (What::Note(text), None) => Some(lines.note(*at, text)),
            (_, None) => None,
        };
        if let Some(line) = line {
            write_line(out, *end, &line, hex)?;
        }
    }
    Ok(())
}

fn write_line(out: &mut impl Write, end: Side, line: &Line<'_>, hex: bool) -> fmt::Result {
    object(out, |object| {
        object.number("time", Seconds(line.micros))?;
        object.text("end", end.name())?;
        object.text("event", line.text.name())?;
        match &line.text {
            Text::Call(call) => write_call(object, call),
            Text::State(change, waited) => write_state(object, change, *waited),
            Text::Timer(timer) => write_timer(object, timer),
            Text::Conflict(conflict) => write_conflict(object, conflict),
            Text::Again(again) => write_again(object, again),
            Text::Congestion(congestion) => write_congestion(object, congestion),
            Text::Note(text) => object.text("text", text),
            Text::Frame(frame) => {
                object.text("direction", direction(line.who).name())?;
                object.text("fate", frame.way.name())?;
                if let Way::Dropped(rule) = frame.way {
                    object.text("rule", rule.name())?;
                }
                write_frame(object, frame, hex)
            }
            Text::Trouble(fate, frame) => {
                object.text("direction", direction(line.who).name())?;
                write_fate(object, fate)?;
                write_frame(object, frame, hex)
            }
        }
    })
}

/// Which way the frame of a line goes.
const fn direction(who: Who) -> Direction {
    match who {
        Who::In | Who::TroubleIn => Direction::In,
        _ => Direction::Out,
    }
}

fn write_call<W: Write>(object: &mut Object<'_, W>, call: &Call) -> fmt::Result {
    object.text("call", call.name())?;
    match *call {
        Call::Bind { port } | Call::Listen { port } => object.number("port", port),
        Call::Connect { slot, local, remote } | Call::Accept { slot, local, remote } => {
            object.number("slot", slot)?;
            object.text("local", socket_addr(local))?;
            object.text("remote", socket_addr(remote))
        }
        Call::Receive { slot, bytes } | Call::Send { slot, bytes } => {
            object.number("slot", slot)?;
            object.number("bytes", bytes)
        }
        Call::Close { slot } => object.number("slot", slot),
        Call::ReceiveFrom { remote, bytes } | Call::SendTo { remote, bytes } => {
            object.text("remote", socket_addr(remote))?;
            object.number("bytes", bytes)
        }
        Call::NoReply { remote, why } => {
            object.text("remote", socket_addr(remote))?;
            object.text("why", why.name())
        }
        // Its name at least.
        _ => Ok(()),
    }
}

fn write_state<W: Write>(object: &mut Object<'_, W>, change: &Change, waited: bool) -> fmt::Result {
    object.number("slot", change.slot)?;
    object.text("from", state_name(change.from))?;
    object.text("to", state_name(change.to))?;
    object.text("cause", change.cause.name())?;
    if waited { object.number("waited", true) } else { Ok(()) }
}

fn write_timer<W: Write>(object: &mut Object<'_, W>, timer: &Timer) -> fmt::Result {
    object.text("timer", timer.name())?;
    match timer {
        Timer::Evicted { slot, limit } => {
            object.number("slot", slot)?;
            object.text("limit", limit.name())
        }
        Timer::Reused { slot } => object.number("slot", slot),
        _ => Ok(()),
    }
}

fn write_conflict<W: Write>(object: &mut Object<'_, W>, conflict: &Conflict) -> fmt::Result {
    object.text("address", conflict.address)?;
    object.text("mac", conflict.mac)?;
    object.number("given_up", conflict.given_up)
}

fn write_again<W: Write>(object: &mut Object<'_, W>, again: &Again) -> fmt::Result {
    object.number("slot", again.slot)?;
    object.number("seq", again.sequence.0.cast_unsigned())?;
    object.number("bytes", again.bytes)?;
    object.text("cause", again.cause.name())?;
    write_path(object, &again.path)
}

fn write_congestion<W: Write>(object: &mut Object<'_, W>, congestion: &Congestion) -> fmt::Result {
    object.number("slot", congestion.slot)?;
    write_path(object, &congestion.path)
}

fn write_fate<W: Write>(object: &mut Object<'_, W>, fate: &Fate) -> fmt::Result {
    object.text("fate", fate.name())?;
    match fate {
        Fate::Corrupted { bit } => object.number("bit", bit),
        Fate::Delayed(by) => object.number("delay", Seconds(by.total_micros().cast_signed())),
        _ => Ok(()),
    }
}
