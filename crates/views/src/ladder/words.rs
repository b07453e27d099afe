//! A ladder's words: short ones on it, and the full ones for whoever points at something.

use core::fmt::Write as _;
use core::net::IpAddr;

use undersock::smoltcp::time::Instant;
use undersock::smoltcp::wire::TcpSeqNumber;

use crate::flow::{Mark, Seen};
use crate::notation::time;
use crate::side::Side;
use crate::timeline::{Lines, REMEMBERED_OF_RECORDS, Text};
use undersock::event::{
    Call, Cause, Change, Conflict, Congestion, Event, Fate, Frame, Limit, Loss, Phase, Timer, Way,
};
use undersock::packet::ip::protocol;
use undersock::packet::{
    Arp, Icmp, IcmpError, Link, Message, Packet, Quoted, Tcp, TcpOption, Udp, dhcp_name,
};

/// Characters of a payload that are shown.
const SHOWN: usize = 20;

/// A frame in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    /// What it is.
    pub(super) head: String,
    /// What else matters of it, the most important first.
    pub(super) details: Vec<String>,
    /// What went wrong with it.
    pub(super) troubles: Vec<String>,
    /// All of it.
    pub(super) title: String,
}

impl Label {
    fn trouble(&mut self, text: String) {
        self.title.push_str("; ");
        self.title.push_str(&text);
        self.troubles.push(text);
    }
}

/// A frame that was not seen before; `lines` remembers those that were.
pub(super) fn label(link: Link, bytes: &[u8], lines: &mut Lines<REMEMBERED_OF_RECORDS>) -> Label {
    // As if it went out where all are seen: what became of it later comes later.
    let event = Event::Frame(Frame::new(Way::Out, bytes).with_link(link));
    let line = lines.line(Instant::ZERO, Side::Server, &event);
    let Some(Text::Frame(mut frame)) = line.map(|line| line.text) else { return Label::default() };
    frame.spelled = true;
    let title = format!("{frame}; a frame of {} bytes", bytes.len());
    let (head, details) = match &frame.packet {
        Packet::Tcp(tcp) => segment(tcp, &frame.seen, frame.reason()),
        Packet::Udp(udp) => datagram(udp),
        Packet::Arp(arp) => resolution(arp),
        Packet::Icmp(icmp) => control(icmp),
        _ => (frame.to_string(), Vec::new()),
    };
    Label { head, details, troubles: Vec::new(), title }
}

/// It came to an end.
pub(super) fn arrived(label: &mut Label, way: Way, link: Link, bytes: &[u8]) {
    match (way, link.damaged(bytes)) {
        // The reason for whatever became of it.
        (_, Some(layer)) => label.trouble(format!("wrong {} checksum", layer.name())),
        (Way::Dropped(rule), None) => label.trouble(format!("dropped: {}", rule.text())),
        (Way::Waiting, None) => label.trouble("waits for a slot".into()),
        (Way::Connection(_) | Way::Common | Way::Out, None) => {}
        (way, None) => label.trouble(way.name().into()),
    }
}

/// It should have come, and nobody says what became of it.
pub(super) fn missed(label: &mut Label) {
    label.trouble("never arrived".into());
}

/// The wire did something to it.
pub(super) fn troubled(label: &mut Label, fate: Fate) {
    label.trouble(match fate {
        Fate::Lost => "lost on the wire".into(),
        Fate::Duplicated => "duplicated".into(),
        Fate::Corrupted { bit } => format!("bit {bit} inverted"),
        Fate::Delayed(by) => {
            format!("delayed by {}", time(i64::try_from(by.total_micros()).unwrap_or(i64::MAX)))
        }
        fate => fate.name().into(),
    });
}

/// Somebody else has an address.
pub(super) fn conflict(conflict: &Conflict) -> String {
    (if conflict.given_up { "address given up" } else { "address defended" }).into()
}

/// The congestion window moves in another way. No longer than the longest state is.
pub(super) fn congestion(congestion: &Congestion) -> String {
    match congestion.path.phase {
        Phase::Avoidance => "avoidance",
        Phase::Timeout => "timeout",
        phase => phase.text(),
    }
    .into()
}

fn segment(tcp: &Tcp<'_>, seen: &Seen, cause: Option<Loss>) -> (String, Vec<String>) {
    let flags = tcp.flags;
    let names = [
        (flags.syn(), "SYN"),
        (flags.fin(), "FIN"),
        (flags.rst(), "RST"),
        (flags.psh(), "PSH"),
        (flags.urg(), "URG"),
        (flags.ack(), "ACK"),
    ];
    let names: Vec<&str> = names.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
    let mut head = if names.is_empty() { "no flags".into() } else { names.join(",") };
    // Writing to a string can't fail, here and below.
    let _ = write!(head, " seq={}", relative(tcp.seq, seen.first_seq));
    if let Some(ack) = tcp.ack {
        let _ = write!(head, " ack={}", relative(ack, seen.first_ack));
    }
    if !tcp.payload.is_empty() {
        let _ = write!(head, " len={}", tcp.payload.len());
    }
    let mut details: Vec<String> = Vec::new();
    details.extend(cause.map(|cause| format!("again: {}", cause.text())));
    for mark in seen.marks.iter().filter(|mark| cause.is_none() || **mark != Mark::Again) {
        details.push(match mark {
            Mark::Again => "again".into(),
            Mark::DuplicateAck(count) => format!("duplicate ACK {count}"),
            Mark::WindowUpdate => {
                format!("window opens: {}", u32::from(tcp.window) << seen.shift.unwrap_or(0))
            }
            mark => mark.text().into(),
        });
    }
    details.extend(payload(tcp.payload));
    for option in tcp.options.iter() {
        match option {
            TcpOption::MaximumSegmentSize(size) => details.push(format!("MSS={size}")),
            TcpOption::WindowScale(shift) => details.push(format!("WS={shift}")),
            TcpOption::SackPermitted => details.push("SACK".into()),
            TcpOption::Sack(blocks) => details.extend(blocks.iter().map(|(from, to)| {
                format!("SACK {}–{}", relative(from, seen.first_ack), relative(to, seen.first_ack))
            })),
            _ => {}
        }
    }
    (head, details)
}

/// A sequence number, counted from the first where that is known.
fn relative(number: TcpSeqNumber, first: Option<u32>) -> String {
    /// So far before the first is before it, not four gigabytes after.
    const BEFORE: u32 = 1 << 16;
    let number = number.0.cast_unsigned();
    let Some(first) = first else { return number.to_string() };
    let after = number.wrapping_sub(first);
    match after.wrapping_neg() {
        before @ 1..=BEFORE => format!("-{before}"),
        _ => after.to_string(),
    }
}

fn datagram(udp: &Udp<'_>) -> (String, Vec<String>) {
    if let Some(kind) = udp.dhcp {
        let name = dhcp_name(kind).map_or_else(|| format!("message {kind}"), str::to_uppercase);
        return (format!("DHCP {name}"), Vec::new());
    }
    let head = format!("UDP {} > {} len={}", udp.from.port(), udp.to.port(), udp.payload.len());
    (head, payload(udp.payload).into_iter().collect())
}

fn resolution(arp: &Arp) -> (String, Vec<String>) {
    let Arp { operation, sender_mac, sender, target, .. } = arp;
    match operation {
        1 if sender.is_unspecified() => (format!("ARP has anybody {target}?"), vec!["probe".into()]),
        1 if sender == target => (format!("ARP {sender} is mine"), vec!["announcement".into()]),
        1 => (format!("ARP who has {target}?"), vec![format!("tell {sender}")]),
        2 => (format!("ARP {sender} is at"), vec![sender_mac.to_string()]),
        _ => (format!("ARP operation {operation}"), Vec::new()),
    }
}

fn control(icmp: &Icmp<'_>) -> (String, Vec<String>) {
    let name = if icmp.from.is_ipv6() { "ICMPv6" } else { "ICMP" };
    match icmp.message {
        Message::EchoRequest { sequence, .. } => (format!("{name} echo request {sequence}"), Vec::new()),
        Message::EchoReply { sequence, .. } => (format!("{name} echo reply {sequence}"), Vec::new()),
        Message::NeighborSolicitation { target } if icmp.from.is_unspecified() => {
            (format!("NDP has anybody {target}?"), vec!["probe".into()])
        }
        Message::NeighborSolicitation { target } => {
            (format!("NDP who has {target}?"), vec![format!("tell {}", icmp.from)])
        }
        Message::NeighborAdvertisement { target, mac } => {
            (format!("NDP {target} is at"), mac.map(|mac| mac.to_string()).into_iter().collect())
        }
        Message::RouterSolicitation => ("NDP who is a router?".into(), Vec::new()),
        Message::RouterAdvertisement { lifetime } => {
            ("NDP I am a router".into(), vec![format!("for {lifetime} s")])
        }
        Message::Error { error, about } => {
            let what = match error {
                IcmpError::Unreachable => "unreachable".into(),
                IcmpError::PortUnreachable => "port unreachable".into(),
                IcmpError::TooBig { mtu } => format!("packet too big, MTU {mtu}"),
                IcmpError::TimeExceeded => "time exceeded".into(),
                IcmpError::ParameterProblem => "parameter problem".into(),
                IcmpError::Redirect => "redirect".into(),
                IcmpError::SourceQuench => "source quench".into(),
                error => error.name().into(),
            };
            (format!("{name} {what}"), about.iter().map(quoted).collect())
        }
        _ => (format!("{name} type {} code {}", icmp.kind, icmp.code), Vec::new()),
    }
}

fn quoted(about: &Quoted) -> String {
    let protocol = match about.protocol {
        protocol::TCP => "TCP",
        protocol::UDP => "UDP",
        _ => return format!("for protocol {}", about.protocol),
    };
    format!("for {protocol} {} > {}", about.from.port(), about.to.port())
}

/// The beginning of a payload in quotation marks. Whoever sent it can have sent anything: what is no letter, digit, mark
/// or space of ASCII, nor a letter or digit that goes from left to right, is a dot.
pub(super) fn payload(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    // Beyond these bytes nothing is shown, whatever the characters are.
    let (start, cut) = match bytes.get(..SHOWN * 4) {
        Some(start) => (start, true),
        None => (bytes, false),
    };
    let text = String::from_utf8_lossy(start);
    let mut shown: String = text.chars().take(SHOWN).map(|c| if is_plain(c) { c } else { '·' }).collect();
    if cut || text.chars().count() > SHOWN {
        shown.push('…');
    }
    Some(format!("“{shown}”"))
}

fn is_plain(c: char) -> bool {
    let backwards = matches!(u32::from(c), 0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x10800..=0x10fff | 0x1e800..=0x1efff);
    c == ' ' || c.is_ascii_graphic() || (c.is_alphanumeric() && !c.is_ascii() && !backwards)
}

/// A call as a program has it.
pub(super) fn call(call: &Call) -> String {
    match *call {
        Call::Bind { port } => format!("bind {port}"),
        Call::Listen { port } => format!("listen {port}"),
        Call::Connect { .. } => "connect()".into(),
        Call::Accept { .. } => "accept()".into(),
        Call::Receive { bytes, .. } => format!("recv {bytes}"),
        Call::Send { bytes, .. } => format!("send {bytes}"),
        Call::Close { .. } => "close()".into(),
        Call::ReceiveFrom { bytes, .. } => format!("recvfrom {bytes}"),
        Call::SendTo { bytes, .. } => format!("sendto {bytes}"),
        Call::NoReply { .. } => "no reply".into(),
        call => call.name().into(),
    }
}

pub(super) fn state(change: &Change) -> String {
    change.to.to_string()
}

pub(super) fn timer(timer: &Timer) -> String {
    match timer {
        Timer::Evicted { limit, .. } => match limit {
            Limit::HalfOpen => "half-open limit",
            Limit::Idle => "idle limit",
            Limit::Stalled => "stalled limit",
            Limit::Closing => "closing limit",
            Limit::Crowded => "slot needed",
            Limit::Shutdown => "shutdown",
            limit => limit.name(),
        },
        Timer::Reused { .. } => "slot reused",
        Timer::WaitedTooLong => "SYN given up",
        timer => timer.name(),
    }
    .into()
}

pub(super) fn call_title(call: &Call) -> String {
    Text::Call(*call).to_string()
}

pub(super) fn state_title(change: &Change) -> String {
    let cause = match change.cause {
        Cause::Segment => ", by a segment",
        Cause::Call => ", by a call",
        // The line says it.
        _ => "",
    };
    format!("{}{cause}", Text::State(*change, false))
}

pub(super) fn timer_title(timer: &Timer) -> String {
    Text::Timer(*timer).to_string()
}

/// A host's words for its head.
pub(super) fn host(end: Side, address: Option<IpAddr>, known: bool) -> (String, String) {
    let name = match (end, known) {
        (Side::Client, true) => "client",
        (Side::Client, false) => "clients",
        (Side::Server, _) => "server",
    };
    (name.into(), address.map(|address| address.to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_cannot_steer_a_terminal() {
        assert_eq!(payload(b""), None);
        assert_eq!(payload("straße".as_bytes()).as_deref(), Some("“straße”"));
        assert_eq!(payload(b"\x1b[2Jx\x07").as_deref(), Some("“·[2Jx·”"));
        // Right-to-left override, and a letter that would turn its line around.
        assert_eq!(payload("a\u{202e}\u{5d0}b".as_bytes()).as_deref(), Some("“a··b”"));
        assert_eq!(payload(&[b'x'; 200]).as_deref(), Some("“xxxxxxxxxxxxxxxxxxxx…”"));
    }
}
