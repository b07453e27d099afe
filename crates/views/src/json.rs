//! JSON lines: an event is one object on one line. `docs/events.md` has the names of all fields and values; they stay.
//!
//! ```text
//! {"time":0.000251,"end":"server","event":"call","call":"recv","slot":0,"bytes":5}
//! ```

use core::fmt::{self, Write};
use core::net::SocketAddr;

use undersock::smoltcp::time::Instant;

use super::End;
use super::flow::{Mark, Seen};
#[cfg(feature = "std")]
use super::record::{Record, What};
use super::table::Table;
use super::timeline::{FrameText, Line, Lines, Mac, REMEMBERED, Seconds, Text, Who, socket_addr};
use undersock::event::{Call, Change, Event, Fate, Observer, Timer, Way};
use undersock::packet::{
    Arp, Icmp, IcmpError, Message, Other, Packet, Quoted, Tcp, TcpOption, Udp, dhcp_name,
};

/// The number of this format: what is added doesn't change it, what is renamed or removed does.
pub const FORMAT: u32 = 1;

/// Writes a line for each event of one end as it happens.
#[derive(Debug)]
pub struct Json<W, const N: usize = REMEMBERED> {
    lines: Lines<N>,
    end: End,
    out: W,
    hex: bool,
    failed: bool,
}

impl<W: Write> Json<W> {
    /// Of a server.
    pub const fn new(out: W) -> Self {
        Json::of(End::Server, out)
    }
}

impl<W: Write, const N: usize> Json<W, N> {
    /// Of this end; the sequence numbers of `N` connections are remembered.
    pub const fn of(end: End, out: W) -> Self {
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
        if let Some(line) = self.lines.line(now, self.end, event) {
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
        let mut lines: Lines<{ super::timeline::REMEMBERED_OF_RECORDS }> = Lines::new(end);
        lines.start_at(start);
        lines
    };
    let (mut client, mut server) = (lines(End::Client), lines(End::Server));
    for Record { at, end, what } in order {
        let lines = if *end == End::Client { &mut client } else { &mut server };
        let line = match (what, what.event()) {
            (_, Some(event)) => lines.line(*at, *end, &event),
            (What::Note(text), None) => Some(lines.note(*at, text)),
            (_, None) => None,
        };
        if let Some(line) = line {
            write_line(out, *end, &line, hex)?;
        }
    }
    Ok(())
}

fn write_line(out: &mut impl Write, end: End, line: &Line<'_>, hex: bool) -> fmt::Result {
    object(out, |object| {
        object.number("time", Seconds(line.micros))?;
        object.text("end", end.name())?;
        match &line.text {
            Text::Call(call) => write_call(object, call),
            Text::State(change, waited) => write_state(object, change, *waited),
            Text::Timer(timer) => write_timer(object, timer),
            Text::Note(text) => {
                object.text("event", "note")?;
                object.text("text", text)
            }
            Text::Frame(frame) => {
                object.text("event", "frame")?;
                object.text("direction", if line.who == Who::In { "in" } else { "out" })?;
                let (fate, rule) = match frame.way {
                    Way::Connection(_) => ("connection", None),
                    Way::Common => ("common", None),
                    Way::Waiting => ("waiting", None),
                    Way::Dropped(rule) => ("dropped", Some(rule)),
                    Way::Out => ("sent", None),
                };
                object.text("fate", fate)?;
                rule.map_or(Ok(()), |rule| object.text("rule", Name(rule)))?;
                write_frame(object, frame, hex)
            }
            Text::Trouble(fate, frame) => {
                object.text("event", "trouble")?;
                object.text("direction", if line.who == Who::TroubleIn { "in" } else { "out" })?;
                match fate {
                    Fate::Lost => object.text("fate", "lost"),
                    Fate::Duplicated => object.text("fate", "duplicated"),
                    Fate::Corrupted { bit } => {
                        object.text("fate", "corrupted")?;
                        object.number("bit", bit)
                    }
                    Fate::Delayed(by) => {
                        object.text("fate", "delayed")?;
                        object.number("delay", Seconds(by.total_micros().cast_signed()))
                    }
                }?;
                write_frame(object, frame, hex)
            }
        }
    })
}

fn write_call<W: Write>(object: &mut Object<'_, W>, call: &Call) -> fmt::Result {
    object.text("event", "call")?;
    let mut named = |name: &str| object.text("call", name);
    match *call {
        Call::Bind { port } => {
            named("bind")?;
            object.number("port", port)
        }
        Call::Listen { port } => {
            named("listen")?;
            object.number("port", port)
        }
        Call::Connect { slot, local, remote } | Call::Accept { slot, local, remote } => {
            named(if matches!(call, Call::Connect { .. }) { "connect" } else { "accept" })?;
            object.number("slot", slot)?;
            object.text("local", socket_addr(local))?;
            object.text("remote", socket_addr(remote))
        }
        Call::Receive { slot, bytes } | Call::Send { slot, bytes } => {
            named(if matches!(call, Call::Receive { .. }) { "recv" } else { "send" })?;
            object.number("slot", slot)?;
            object.number("bytes", bytes)
        }
        Call::Close { slot } => {
            named("close")?;
            object.number("slot", slot)
        }
        Call::ReceiveFrom { remote, bytes } | Call::SendTo { remote, bytes } => {
            named(if matches!(call, Call::SendTo { .. }) { "sendto" } else { "recvfrom" })?;
            object.text("remote", socket_addr(remote))?;
            object.number("bytes", bytes)
        }
        Call::NoReply { remote, why } => {
            named("no-reply")?;
            object.text("remote", socket_addr(remote))?;
            object.text("why", Name(why))
        }
    }
}

fn write_state<W: Write>(object: &mut Object<'_, W>, change: &Change, waited: bool) -> fmt::Result {
    object.text("event", "state")?;
    object.number("slot", change.slot)?;
    object.text("from", change.from)?;
    object.text("to", change.to)?;
    object.text("cause", Name(change.cause))?;
    if waited { object.number("waited", true) } else { Ok(()) }
}

fn write_timer<W: Write>(object: &mut Object<'_, W>, timer: &Timer) -> fmt::Result {
    object.text("event", "timer")?;
    match timer {
        Timer::Evicted { slot, limit } => {
            object.text("timer", "evicted")?;
            object.number("slot", slot)?;
            object.text("limit", Name(limit))
        }
        Timer::Reused { slot } => {
            object.text("timer", "reused")?;
            object.number("slot", slot)
        }
        Timer::WaitedTooLong => object.text("timer", "waited-too-long"),
    }
}

fn write_frame<W: Write>(object: &mut Object<'_, W>, frame: &FrameText<'_>, hex: bool) -> fmt::Result {
    object.number("length", frame.bytes.len())?;
    match &frame.packet {
        Packet::Arp(arp) => write_arp(object, arp),
        Packet::Udp(udp) => write_udp(object, udp),
        Packet::Tcp(tcp) => write_tcp(object, tcp, &frame.seen),
        Packet::Icmp(icmp) => write_icmp(object, icmp),
        Packet::Other(other) => write_other(object, other),
    }?;
    if let Some(layer) = frame.damaged {
        object.text("wrong_checksum", layer.name())?;
    }
    if !frame.seen.marks.is_empty() {
        object.list("marks", &frame.seen.marks, |out, mark| write!(out, "\"{}\"", mark_name(*mark)))?;
    }
    if hex { object.text("frame", Hex(frame.bytes)) } else { Ok(()) }
}

const fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Again => "again",
        Mark::AfterGap => "after-gap",
        Mark::FillsGap => "fills-gap",
        Mark::DuplicateAck(_) => "duplicate-ack",
        Mark::ZeroWindow => "zero-window",
        Mark::WindowUpdate => "window-update",
        Mark::KeepAlive => "keep-alive",
        Mark::WindowProbe => "window-probe",
    }
}

fn write_arp<W: Write>(object: &mut Object<'_, W>, arp: &Arp) -> fmt::Result {
    object.text("protocol", "arp")?;
    object.number("operation", arp.operation)?;
    object.text("sender", arp.sender)?;
    object.text("sender_mac", Mac(arp.sender_mac))?;
    object.text("target", arp.target)?;
    object.text("target_mac", Mac(arp.target_mac))
}

fn write_ends<W: Write>(object: &mut Object<'_, W>, from: &SocketAddr, to: &SocketAddr) -> fmt::Result {
    object.text("source", from)?;
    object.text("destination", to)
}

fn write_udp<W: Write>(object: &mut Object<'_, W>, udp: &Udp<'_>) -> fmt::Result {
    object.text("protocol", "udp")?;
    write_ends(object, &udp.from, &udp.to)?;
    object.number("bytes", udp.payload.len())?;
    match udp.dhcp.map(|kind| (kind, dhcp_name(kind))) {
        Some((_, Some(name))) => object.text("dhcp", name),
        Some((kind, None)) => object.text("dhcp", kind),
        None => Ok(()),
    }
}

fn write_tcp<W: Write>(object: &mut Object<'_, W>, tcp: &Tcp<'_>, seen: &Seen) -> fmt::Result {
    object.text("protocol", "tcp")?;
    if let Some(slot) = seen.slot {
        object.number("slot", slot)?;
    }
    write_ends(object, &tcp.from, &tcp.to)?;
    object.text("flags", tcp.flags)?;
    let seq = tcp.seq.0.cast_unsigned();
    object.number("seq", seq)?;
    if let Some(first) = seen.first_seq {
        object.number("relative_seq", seq.wrapping_sub(first))?;
    }
    if let Some(ack) = tcp.ack {
        let ack = ack.0.cast_unsigned();
        object.number("ack", ack)?;
        if let Some(first) = seen.first_ack {
            object.number("relative_ack", ack.wrapping_sub(first))?;
        }
    }
    object.number("window", tcp.window)?;
    if let Some(shift) = seen.shift {
        object.number("window_bytes", u32::from(tcp.window) << shift)?;
    }
    object.number("bytes", tcp.payload.len())?;
    let mut written = 0_u8;
    for option in tcp.options.iter() {
        // A name stands once in an object, whatever a segment says twice.
        let kind = match option {
            TcpOption::MaximumSegmentSize(_) => 1,
            TcpOption::WindowScale(_) => 2,
            TcpOption::SackPermitted => 4,
            TcpOption::Sack(_) => 8,
            TcpOption::Timestamps { .. } => 16,
            _ => continue,
        };
        if written & kind != 0 {
            continue;
        }
        written |= kind;
        match option {
            TcpOption::MaximumSegmentSize(size) => object.number("mss", size),
            TcpOption::WindowScale(shift) => object.number("window_scale", shift),
            TcpOption::SackPermitted => object.number("sack_permitted", true),
            TcpOption::Sack(blocks) => object.list("sack", blocks.iter(), |out, (from, to)| {
                write!(out, "[{},{}]", from.0.cast_unsigned(), to.0.cast_unsigned())
            }),
            TcpOption::Timestamps { value, echo } => {
                object.number("timestamp", value)?;
                object.number("timestamp_echo", echo)
            }
            _ => Ok(()),
        }?;
    }
    Ok(())
}

fn write_icmp<W: Write>(object: &mut Object<'_, W>, icmp: &Icmp<'_>) -> fmt::Result {
    object.text("protocol", if icmp.from.is_ipv6() { "icmp6" } else { "icmp" })?;
    object.text("source", icmp.from)?;
    object.text("destination", icmp.to)?;
    object.number("type", icmp.kind)?;
    object.number("code", icmp.code)?;
    let mut named = |name: &str| object.text("message", name);
    match icmp.message {
        Message::EchoRequest { identifier, sequence, data }
        | Message::EchoReply { identifier, sequence, data } => {
            let request = matches!(icmp.message, Message::EchoRequest { .. });
            named(if request { "echo-request" } else { "echo-reply" })?;
            object.number("id", identifier)?;
            object.number("sequence", sequence)?;
            object.number("bytes", data.len())
        }
        Message::RouterSolicitation => named("router-solicitation"),
        Message::RouterAdvertisement { lifetime } => {
            named("router-advertisement")?;
            object.number("lifetime", lifetime)
        }
        Message::NeighborSolicitation { target } => {
            named("neighbor-solicitation")?;
            object.text("target", target)
        }
        Message::NeighborAdvertisement { target, mac } => {
            named("neighbor-advertisement")?;
            object.text("target", target)?;
            mac.map_or(Ok(()), |mac| object.text("target_mac", Mac(mac)))
        }
        Message::Error { error, about } => {
            named(match error {
                IcmpError::Unreachable => "unreachable",
                IcmpError::PortUnreachable => "port-unreachable",
                IcmpError::TooBig { .. } => "too-big",
                IcmpError::TimeExceeded => "time-exceeded",
                IcmpError::ParameterProblem => "parameter-problem",
                IcmpError::Redirect => "redirect",
                IcmpError::SourceQuench => "source-quench",
            })?;
            if let IcmpError::TooBig { mtu } = error {
                object.number("mtu", mtu)?;
            }
            let Some(Quoted { protocol, from, to, .. }) = about else { return Ok(()) };
            object.number("about_protocol", protocol)?;
            object.text("about_source", from)?;
            object.text("about_destination", to)
        }
        Message::Other => named("other"),
    }
}

fn write_other<W: Write>(object: &mut Object<'_, W>, other: &Other) -> fmt::Result {
    object.text("protocol", "other")?;
    object.text("layer", other.layer.name())?;
    if let Some((from, to)) = other.between {
        object.text("source", from)?;
        object.text("destination", to)?;
    }
    other.number.map_or(Ok(()), |number| object.number("number", number))?;
    if other.fragment { object.number("fragment", true) } else { Ok(()) }
}

/// An object under way.
pub(crate) struct Object<'a, W> {
    out: &'a mut W,
    any: bool,
}

/// Writes an object on a line of its own.
pub(crate) fn object<W: Write>(
    out: &mut W,
    fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result,
) -> fmt::Result {
    inner(out, fields)?;
    out.write_char('\n')
}

fn inner<W: Write>(out: &mut W, fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result) -> fmt::Result {
    out.write_char('{')?;
    fields(&mut Object { out: &mut *out, any: false })?;
    out.write_char('}')
}

impl<W: Write> Object<'_, W> {
    fn key(&mut self, name: impl fmt::Display) -> fmt::Result {
        let comma = if core::mem::replace(&mut self.any, true) { "," } else { "" };
        write!(self.out, "{comma}\"{name}\":")
    }

    /// A number, `true` or `false`: what JSON writes as it is.
    pub(crate) fn number(&mut self, name: impl fmt::Display, value: impl fmt::Display) -> fmt::Result {
        self.key(name)?;
        write!(self.out, "{value}")
    }

    pub(crate) fn text(&mut self, name: impl fmt::Display, value: impl fmt::Display) -> fmt::Result {
        self.key(name)?;
        self.out.write_char('"')?;
        write!(Escape(self.out), "{value}")?;
        self.out.write_char('"')
    }

    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut W, T) -> fmt::Result,
    ) -> fmt::Result {
        self.key(name)?;
        self.out.write_char('[')?;
        for (index, item) in items.into_iter().enumerate() {
            self.out.write_str(if index == 0 { "" } else { "," })?;
            write(self.out, item)?;
        }
        self.out.write_char(']')
    }

    pub(crate) fn object(
        &mut self,
        name: &str,
        fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result,
    ) -> fmt::Result {
        self.key(name)?;
        inner(self.out, fields)
    }
}

/// What can't stand in a string stands there escaped (RFC 8259 7).
struct Escape<'a, W>(&'a mut W);

impl<W: Write> Write for Escape<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.0, "\\{c}"),
            '\n' => self.0.write_str("\\n"),
            // Controls must be; a line separator would end the line for some readers.
            '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => write!(self.0, "\\u{:04x}", c as u32),
            c => self.0.write_char(c),
        })
    }
}

/// The name of an enum's variant, in small letters with hyphens.
pub(crate) struct Name<T>(pub(crate) T);

impl<T: fmt::Debug> fmt::Display for Name<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Writes `NotForUs` as `not-for-us`.
        struct Hyphens<'a, 'f>(&'a mut fmt::Formatter<'f>, bool);

        impl Write for Hyphens<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| {
                    if c.is_ascii_uppercase() && self.1 {
                        self.0.write_char('-')?;
                    }
                    self.1 = true;
                    self.0.write_char(c.to_ascii_lowercase())
                })
            }
        }

        write!(Hyphens(f, false), "{:?}", self.0)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undersock::event::{DropRule, Limit};

    fn text(value: &str) -> String {
        let mut out = String::new();
        object(&mut out, |object| object.text("text", value)).unwrap();
        out
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(text("a\"b\\c\nd\te\u{7f}"), "{\"text\":\"a\\\"b\\\\c\\nd\\u0009e\\u007f\"}\n");
        assert_eq!(text("stra\u{df}e\u{2028}"), "{\"text\":\"stra\u{df}e\\u2028\"}\n");
    }

    #[test]
    fn names_have_hyphens() {
        assert_eq!(Name(DropRule::NotForUs).to_string(), "not-for-us");
        assert_eq!(Name(Limit::HalfOpen).to_string(), "half-open");
        assert_eq!(Name(Limit::Idle).to_string(), "idle");
    }

    #[test]
    fn lists_and_objects() {
        let mut out = String::new();
        object(&mut out, |object| {
            object.list("list", [1, 2], |out, item| write!(out, "{item}"))?;
            object.object("object", |object| object.number("n", 1))
        })
        .unwrap();
        assert_eq!(out, "{\"list\":[1,2],\"object\":{\"n\":1}}\n");
    }
}
