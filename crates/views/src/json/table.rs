//! The table's lines: a `socket` for each connection, then the `counters`.

use core::fmt::{self, Write};

use undersock::smoltcp::time::{Duration, Instant};

use super::names::state_name;
use super::object::object;
use super::path::write_path;
use crate::notation::{Seconds, socket_addr};
use crate::side::Side;
use crate::table::Table;
use undersock::event::{Counters, DropRule};
use undersock::server::ConnectionInfo;

impl Table<'_, '_> {
    /// As JSON lines, times counted from `start`: a `socket` for each connection, then the `counters`.
    ///
    /// # Errors
    /// Where a line can't be written.
    pub fn json(&self, start: Instant, out: &mut impl Write) -> fmt::Result {
        let time = Seconds(self.now().total_micros() - start.total_micros());
        for row in self.rows() {
            object(out, |object| {
                object.number("time", time)?;
                object.text("end", Side::Server.name())?;
                object.text("event", "socket")?;
                let ConnectionInfo { slot, state, local, remote, receive_queue, send_queue, .. } = row.info;
                object.number("slot", slot)?;
                object.text("state", state_name(state))?;
                object.text("local", socket_addr(local))?;
                object.text("remote", socket_addr(remote))?;
                object.number("receive_queue", receive_queue)?;
                object.number("send_queue", send_queue)?;
                object.number("idle", seconds(row.idle))?;
                row.timer.map_or(Ok(()), |timer| object.number("timer", seconds(timer)))?;
                row.age.map_or(Ok(()), |age| object.number("age", seconds(age)))?;
                row.again.map_or(Ok(()), |again| object.number("retransmissions", again))?;
                row.path.map_or(Ok(()), |path| write_path(object, &path))
            })?;
        }
        object(out, |object| {
            object.number("time", time)?;
            object.text("end", Side::Server.name())?;
            object.text("event", "counters")?;
            object.number("slots", self.server.slots())?;
            object.number("used", self.server.used())?;
            object.number("half_open", self.half_open())?;
            object.number("waiting", self.server.waiting())?;
            for (name, count) in counts(self.server.counters()) {
                object.number(name, count)?;
            }
            if let Some(seen) = self.seen {
                object.number("retransmissions", seen.all_again())?;
                object.number("refused", seen.refused())?;
            }
            object.object("dropped", |object| {
                let dropped = &self.server.counters().dropped;
                let mut rules = DropRule::ALL.iter().zip(dropped).filter(|(_, count)| **count > 0);
                rules.try_for_each(|(rule, count)| object.number(rule.name(), count))
            })
        })
    }
}

/// The counters that are one number each.
fn counts(counters: &Counters) -> [(&'static str, u32); 13] {
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
        ("conflicts", counters.conflicts),
        ("again", counters.again),
    ]
}

const fn seconds(time: Duration) -> Seconds {
    Seconds(time.total_micros().cast_signed())
}
