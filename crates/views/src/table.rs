//! The table: every socket in the manner of `ss`, and the counters; for people, and as JSON lines.
//!
//! ```text
//! proto  slot  state        recv-q  send-q  local               remote                   timer     age    idle  again
//! udp    -     UNCONN            -       -  *:12000             *:*                          -       -       -      -
//! tcp    -     LISTEN            -       -  *:12000             *:*                          -       -       -      -
//! tcp    #0    ESTABLISHED       0      10  192.168.69.1:12001  192.168.69.100:49152   0.998 s  1.05 s  0.10 s      2
//! ```
//!
//! `recv-q` is what arrived and was not taken by the service, `send-q` what the peer has not acknowledged; `timer` is
//! the time until the server looks at the connection, whatever comes; `idle` the time since it last came any further,
//! `again` how many segments were sent again. What the server itself does not know, a [`Watch`] does.

use core::fmt::{self, Write};

use managed::ManagedSlice;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};

use super::flow::{Flow, Mark, Segment};
use super::json::{Name, object};
use super::timeline::{Seconds, socket_addr};
use undersock::event::{Call, Change, Counters, DropRule, Event, Frame, Observer, Way};
use undersock::packet::{IcmpError, Message, Packet, packet};
use undersock::server::{ConnectionInfo, Server};

/// What a [`Watch`] knows of a slot.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    flow: Option<Flow>,
    since: Option<Instant>,
    again: u32,
}

/// Sees what the server itself doesn't keep: how old each connection is, and what is sent again.
#[derive(Debug)]
pub struct Watch<'a> {
    slots: ManagedSlice<'a, Watched>,
    /// A slot whose SYN came earlier: the next SYN-ACK will say whose it is.
    opened: Option<usize>,
    again: u32,
    refused: u32,
}

#[cfg(feature = "std")]
impl Watch<'static> {
    /// For a server with so many slots.
    #[must_use]
    pub fn owned(slots: usize) -> Self {
        Watch::new(std::vec![Watched::default(); slots])
    }
}

impl<'a> Watch<'a> {
    /// For a server with as many slots.
    pub fn new(slots: impl Into<ManagedSlice<'a, Watched>>) -> Self {
        Watch { slots: slots.into(), opened: None, again: 0, refused: 0 }
    }

    /// How many segments a connection's slot has sent again.
    #[must_use]
    pub fn again(&self, slot: usize) -> Option<u32> {
        self.slots.get(slot).map(|watched| watched.again)
    }

    /// When a slot's connection began.
    #[must_use]
    pub fn since(&self, slot: usize) -> Option<Instant> {
        self.slots.get(slot)?.since
    }

    /// Segments sent again, of all connections.
    #[must_use]
    pub const fn all_again(&self) -> u32 {
        self.again
    }

    /// Resets and ICMP port unreachables for ports of nobody's.
    #[must_use]
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    fn came(&mut self, slot: usize, segment: &Segment) {
        let Some(watched) = self.slots.get_mut(slot) else { return };
        let flow = watched.flow.take().filter(|flow| flow.way(segment).is_some() && !flow.is_over(segment));
        let flow =
            watched.flow.insert(flow.unwrap_or_else(|| Flow::new(segment.source, segment.destination)));
        if let Some(way) = flow.way(segment) {
            flow.judge(way, segment);
        }
    }

    fn went(&mut self, segment: &Segment) {
        if segment.syn
            && let Some(slot) = self.opened.take()
            && let Some(watched) = self.slots.get_mut(slot)
        {
            watched.flow = Some(Flow::new(segment.source, segment.destination));
        }
        let found = self.slots.iter_mut().find_map(|watched| {
            let flow = watched.flow.as_mut()?;
            let way = flow.way(segment)?;
            Some((flow.judge(way, segment), &mut watched.again))
        });
        match found {
            Some((marks, again)) if marks.contains(&Mark::Again) => {
                *again = again.wrapping_add(1);
                self.again = self.again.wrapping_add(1);
            }
            None if segment.rst => self.refused = self.refused.wrapping_add(1),
            _ => {}
        }
    }

    fn changed(&mut self, now: Instant, change: &Change) {
        let Some(watched) = self.slots.get_mut(change.slot) else { return };
        match change.to {
            State::Closed | State::Listen => *watched = Watched::default(),
            State::SynReceived => {
                watched.since = Some(now);
                if watched.flow.is_none() {
                    self.opened = Some(change.slot);
                }
            }
            _ => {}
        }
    }
}

impl Observer for Watch<'_> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Frame(Frame { way: Way::Connection(slot), bytes }) => {
                if let Packet::Tcp(tcp) = packet(bytes) {
                    self.came(*slot, &Segment::from(&tcp));
                }
            }
            Event::Frame(Frame { way: Way::Out, bytes }) => match packet(bytes) {
                Packet::Tcp(tcp) => self.went(&Segment::from(&tcp)),
                Packet::Icmp(icmp) => {
                    let error =
                        matches!(icmp.message, Message::Error { error: IcmpError::PortUnreachable, .. });
                    self.refused = self.refused.wrapping_add(u32::from(error));
                }
                _ => {}
            },
            Event::State(change) => self.changed(now, change),
            Event::Call(Call::Accept { slot, local, remote }) => {
                if let Some(watched) = self.slots.get_mut(*slot)
                    && watched.flow.is_none()
                {
                    watched.flow = Some(Flow::new(socket_addr(*remote), socket_addr(*local)));
                }
            }
            _ => {}
        }
    }
}

/// A server's sockets and counters at an instant. Written, it is for people, plain and aligned.
#[derive(Clone, Copy)]
pub struct Table<'t, 's> {
    server: &'t Server<'s>,
    watch: Option<&'t Watch<'t>>,
    now: Instant,
}

impl<'t, 's> Table<'t, 's> {
    /// Of this server, now.
    #[must_use]
    pub const fn new(server: &'t Server<'s>, now: Instant) -> Self {
        Table { server, watch: None, now }
    }

    /// With what this one saw.
    #[must_use]
    pub const fn with(self, watch: &'t Watch<'t>) -> Self {
        Table { watch: Some(watch), ..self }
    }

    /// The instant.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// As JSON lines, times counted from `start`: a `socket` for each connection, then the `counters`.
    ///
    /// # Errors
    /// Where a line can't be written.
    pub fn json(&self, start: Instant, out: &mut impl Write) -> fmt::Result {
        let time = Seconds(self.now.total_micros() - start.total_micros());
        for row in self.rows() {
            object(out, |object| {
                object.number("time", time)?;
                object.text("end", "server")?;
                object.text("event", "socket")?;
                let ConnectionInfo { slot, state, local, remote, receive_queue, send_queue, .. } = row.info;
                object.number("slot", slot)?;
                object.text("state", state)?;
                object.text("local", socket_addr(local))?;
                object.text("remote", socket_addr(remote))?;
                object.number("receive_queue", receive_queue)?;
                object.number("send_queue", send_queue)?;
                object.number("idle", seconds(row.idle))?;
                row.timer.map_or(Ok(()), |timer| object.number("timer", seconds(timer)))?;
                row.age.map_or(Ok(()), |age| object.number("age", seconds(age)))?;
                row.again.map_or(Ok(()), |again| object.number("retransmissions", again))
            })?;
        }
        object(out, |object| {
            object.number("time", time)?;
            object.text("end", "server")?;
            object.text("event", "counters")?;
            object.number("slots", self.server.slots())?;
            object.number("used", self.server.used())?;
            object.number("half_open", self.half_open())?;
            object.number("waiting", self.server.waiting())?;
            for (name, count) in counts(self.server.counters()) {
                object.number(name, count)?;
            }
            if let Some(watch) = self.watch {
                object.number("retransmissions", watch.all_again())?;
                object.number("refused", watch.refused())?;
            }
            object.object("dropped", |object| {
                let dropped = &self.server.counters().dropped;
                let mut rules = DropRule::ALL.iter().zip(dropped).filter(|(_, count)| **count > 0);
                rules.try_for_each(|(rule, count)| object.number(Name(rule), count))
            })
        })
    }

    fn half_open(&self) -> usize {
        self.server.connections().filter(|info| info.state == State::SynReceived).count()
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let Table { server, watch, now } = *self;
        server.connections().map(move |info| Row {
            info,
            idle: passed(info.progress, now),
            timer: info.due.map(|due| passed(now, due)),
            age: watch.and_then(|watch| watch.since(info.slot)).map(|since| passed(since, now)),
            again: watch.and_then(|watch| watch.again(info.slot)),
        })
    }
}

/// The counters that are one number each.
fn counts(counters: &Counters) -> [(&'static str, u32); 11] {
    [
        ("frames_in", counters.frames_in),
        ("frames_out", counters.frames_out),
        ("accepted", counters.accepted),
        ("datagrams_in", counters.datagrams_in),
        ("datagrams_out", counters.datagrams_out),
        ("unanswered", counters.unanswered),
        ("bytes_in", counters.bytes_in),
        ("bytes_out", counters.bytes_out),
        ("waited", counters.waited),
        ("evicted", counters.evicted),
        ("reused", counters.reused),
    ]
}

/// A connection.
struct Row {
    info: ConnectionInfo,
    idle: Duration,
    timer: Option<Duration>,
    age: Option<Duration>,
    again: Option<u32>,
}

/// From one instant to another; nothing where that is in the past.
fn passed(from: Instant, to: Instant) -> Duration {
    if to > from { to - from } else { Duration::ZERO }
}

const fn seconds(time: Duration) -> Seconds {
    Seconds(time.total_micros().cast_signed())
}

/// The cells of a row: no address and no number is longer.
type Cell = heapless::String<56>;

const COLUMNS: usize = 11;

/// The names of the columns, and whether they are of numbers, whose ends are aligned.
const HEAD: [(&str, bool); COLUMNS] = [
    ("proto", false),
    ("slot", false),
    ("state", false),
    ("recv-q", true),
    ("send-q", true),
    ("local", false),
    ("remote", false),
    ("timer", true),
    ("age", true),
    ("idle", true),
    ("again", true),
];

impl Table<'_, '_> {
    /// Every row's cells, one row after the other.
    fn cells(&self, mut each: impl FnMut(&[Cell; COLUMNS]) -> fmt::Result) -> fmt::Result {
        let bound = self.server.udp_port().map(|port| ("udp", "UNCONN", port));
        let listening = self.server.listeners().iter().map(|listener| ("tcp", "LISTEN", listener.port));
        each(&HEAD.map(|(name, _)| cell(name)))?;
        for (protocol, state, port) in bound.into_iter().chain(listening) {
            let mut cells = [const { Cell::new() }; COLUMNS].map(|_| cell("-"));
            cells[0] = cell(protocol);
            cells[2] = cell(state);
            cells[5] = cell(format_args!("*:{port}"));
            cells[6] = cell("*:*");
            each(&cells)?;
        }
        let time = |time: Option<Duration>| time.map_or_else(|| cell("-"), |time| cell(Short(time)));
        for Row { info, idle, timer, age, again } in self.rows() {
            each(&[
                cell("tcp"),
                cell(format_args!("#{}", info.slot)),
                cell(info.state),
                cell(info.receive_queue),
                cell(info.send_queue),
                cell(socket_addr(info.local)),
                cell(socket_addr(info.remote)),
                time(timer),
                time(age),
                time(Some(idle)),
                again.map_or_else(|| cell("-"), cell),
            ])?;
        }
        Ok(())
    }
}

fn cell(value: impl fmt::Display) -> Cell {
    let mut cell = Cell::new();
    // What doesn't fit isn't there; there is nothing so long.
    let _ = write!(cell, "{value}");
    cell
}

impl fmt::Display for Table<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        self.cells(|cells| {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.len().max(*width);
            }
            Ok(())
        })?;
        self.cells(|cells| {
            for (index, (cell, (width, (_, number)))) in cells.iter().zip(widths.iter().zip(HEAD)).enumerate()
            {
                match (index, number) {
                    (0, _) => write!(f, "{cell:<width$}")?,
                    (_, false) => write!(f, "  {cell:<width$}")?,
                    (_, true) => write!(f, " {cell:>width$}")?,
                }
            }
            f.write_char('\n')
        })?;
        self.counters(f)
    }
}

impl Table<'_, '_> {
    fn counters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { server, watch, .. } = self;
        let counters = server.counters();
        let (used, slots, waiting) = (server.used(), server.slots(), server.waiting());
        let half_open = self.half_open();
        writeln!(f, "\nslots   {used} of {slots} used, {half_open} half-open, {waiting} waiting for one")?;
        let Counters { frames_in, frames_out, .. } = counters;
        write!(f, "frames  {frames_in} in, {frames_out} out, {} dropped", counters.dropped_in_all())?;
        let dropped = DropRule::ALL.iter().zip(counters.dropped).filter(|(_, count)| *count > 0);
        for (index, (rule, count)) in dropped.enumerate() {
            write!(f, "{} {count} {}", if index == 0 { ":" } else { "," }, rule.text())?;
        }
        let Counters { accepted, bytes_in, bytes_out, waited, evicted, reused, .. } = counters;
        write!(f, "\ntcp     {accepted} accepted, {bytes_in} bytes in, {bytes_out} bytes out")?;
        if let Some(watch) = watch {
            write!(f, ", {} segments sent again, {} refused", watch.all_again(), watch.refused())?;
        }
        write!(f, "\n        {waited} had to wait, {evicted} evicted, {reused} reused in TIME-WAIT")?;
        let Counters { datagrams_in, datagrams_out, unanswered, .. } = counters;
        writeln!(f, "\nudp     {datagrams_in} in, {datagrams_out} out, {unanswered} without a reply")
    }
}

/// A time, with three digits at least.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.total_millis();
        match millis {
            0..1_000 => write!(f, "{millis} ms"),
            1_000..100_000 => write!(f, "{}.{:02} s", millis / 1_000, millis % 1_000 / 10),
            _ => write!(f, "{} s", millis / 1_000),
        }
    }
}
