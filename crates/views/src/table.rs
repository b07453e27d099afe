//! The table: every socket in the manner of `ss`, and the counters; for people, and as JSON lines.
//!
//! ```text
//! proto  slot  state        recv-q  send-q  local               remote                   timer     age    idle  again
//! udp    -     UNCONN            -       -  *:12000             *:*                          -       -       -      -
//! tcp    -     LISTEN            -       -  *:12000             *:*                          -       -       -      -
//! tcp    #0    ESTABLISHED       0      10  192.168.69.1:12001  192.168.69.100:49152   0.998 s  1.05 s  0.10 s      2
//!        reno rto:201 rtt:0.071/0.02 mss:1460 cwnd:10 unacked:1 minrtt:0.05 (slow start)
//! ```
//!
//! `recv-q` is what arrived and was not taken by the service, `send-q` what the peer has not acknowledged; `timer` is
//! the time until the server looks at the connection, whatever comes; `idle` the time since it last came any further,
//! `again` how many segments were sent again. The line below it is of the way to the peer, once that was measured: what
//! `ss -ti` says of it, in its names and units, milliseconds and segments; and how the congestion window moves. What the server itself does not know, a [`SlotObserver`] does.

mod slots;

use core::fmt::{self, Write};

use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};

use crate::notation::{SocketStatistics, socket_addr};
use undersock::event::{Counters, DropRule, Path};
use undersock::server::{ConnectionInfo, Server};

pub use slots::{SlotHistory, SlotObserver};

/// A server's sockets and counters at an instant. Written, it is for people, plain and aligned.
#[derive(Clone, Copy)]
pub struct Table<'t, 's> {
    pub(crate) server: &'t Server<'s>,
    pub(crate) seen: Option<&'t SlotObserver<'t>>,
    now: Instant,
}

impl<'t, 's> Table<'t, 's> {
    /// Of this server, now.
    #[must_use]
    pub const fn new(server: &'t Server<'s>, now: Instant) -> Self {
        Table { server, seen: None, now }
    }

    /// With what this one saw.
    #[must_use]
    pub const fn with(self, seen: &'t SlotObserver<'t>) -> Self {
        Table { seen: Some(seen), ..self }
    }

    /// The instant.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn half_open(&self) -> usize {
        self.server.connections().filter(|info| info.state == State::SynReceived).count()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        let Table { server, seen, now } = *self;
        server.connections().map(move |info| Row {
            idle: passed(info.progress, now),
            timer: info.due.map(|due| passed(now, due)),
            age: seen.and_then(|seen| seen.since(info.slot)).map(|since| passed(since, now)),
            again: seen.and_then(|seen| seen.again(info.slot)),
            path: path(&info),
            info,
        })
    }
}

/// A connection.
pub(crate) struct Row {
    pub(crate) info: ConnectionInfo,
    pub(crate) idle: Duration,
    pub(crate) timer: Option<Duration>,
    pub(crate) age: Option<Duration>,
    pub(crate) again: Option<u32>,
    pub(crate) path: Option<Path>,
}

/// What is known of the way to the peer.
#[cfg(feature = "recovery")]
const fn path(info: &ConnectionInfo) -> Option<Path> {
    info.path
}

/// Without recovery, nobody asks.
#[cfg(not(feature = "recovery"))]
const fn path(_info: &ConnectionInfo) -> Option<Path> {
    None
}

/// From one instant to another; nothing where that is in the past.
fn passed(from: Instant, to: Instant) -> Duration {
    if to > from { to - from } else { Duration::ZERO }
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
    fn cells(&self, mut each: impl FnMut(&[Cell; COLUMNS], Option<Path>) -> fmt::Result) -> fmt::Result {
        let bound = self.server.udp_port().map(|port| ("udp", "UNCONN", port));
        let listening = self.server.listeners().iter().map(|listener| ("tcp", "LISTEN", listener.port));
        each(&HEAD.map(|(name, _)| cell(name)), None)?;
        for (protocol, state, port) in bound.into_iter().chain(listening) {
            let mut cells = [const { Cell::new() }; COLUMNS].map(|_| cell("-"));
            cells[0] = cell(protocol);
            cells[2] = cell(state);
            cells[5] = cell(format_args!("*:{port}"));
            cells[6] = cell("*:*");
            each(&cells, None)?;
        }
        let time = |time: Option<Duration>| time.map_or_else(|| cell("-"), |time| cell(Short(time)));
        for Row { info, idle, timer, age, again, path } in self.rows() {
            let cells = [
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
            ];
            each(&cells, path)?;
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
        self.cells(|cells, _| {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.len().max(*width);
            }
            Ok(())
        })?;
        self.cells(|cells, path| {
            for (index, (cell, (width, (_, number)))) in cells.iter().zip(widths.iter().zip(HEAD)).enumerate()
            {
                match (index, number) {
                    (0, _) => write!(f, "{cell:<width$}")?,
                    (_, false) => write!(f, "  {cell:<width$}")?,
                    (_, true) => write!(f, " {cell:>width$}")?,
                }
            }
            f.write_char('\n')?;
            path.map_or(Ok(()), |path| writeln!(f, "       {}", SocketStatistics(&path)))
        })?;
        self.counters(f)
    }
}

impl Table<'_, '_> {
    fn counters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { server, seen, .. } = self;
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
        match (seen, counters.again) {
            (Some(seen), _) => {
                write!(f, ", {} segments sent again, {} refused", seen.all_again(), seen.refused())?;
            }
            (None, 0) => {}
            (None, again) => write!(f, ", {again} segments sent again")?,
        }
        write!(f, "\n        {waited} had to wait, {evicted} evicted, {reused} reused in TIME-WAIT")?;
        let Counters { datagrams_in, datagrams_out, unanswered, .. } = counters;
        writeln!(f, "\nudp     {datagrams_in} in, {datagrams_out} out, {unanswered} without a reply")?;
        match counters.conflicts {
            0 => Ok(()),
            count => writeln!(f, "link    {count} times somebody else had an address of ours"),
        }
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
