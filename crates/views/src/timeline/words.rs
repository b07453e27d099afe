//! Events and frames in words.

use core::fmt::{self, Formatter};
use core::net::SocketAddr;

use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::TcpSeqNumber;

use super::line::{FrameText, Text, reason};
use crate::flow::{Mark, Seen};
use crate::notation::{Endpoint, Millis};
use undersock::event::{Again, Call, Cause, Change, Conflict, Congestion, Fate, Timer, Way};
use undersock::packet::ip::protocol;
use undersock::packet::{
    Arp, Icmp, IcmpError, Layer, Message, Other, Packet, Quoted, Tcp, TcpOption, Udp, dhcp_name,
};

/// Bytes of a payload that are shown.
const SHOWN: usize = 24;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Text::Call(call) => call_words(call, f),
            Text::State(change, waited) => {
                state_words(change, f)?;
                f.write_str(if *waited { " (the SYN that waited)" } else { "" })
            }
            Text::Timer(timer) => timer_words(timer, f),
            Text::Conflict(conflict) => conflict_words(conflict, f),
            Text::Again(again) => again_words(again, f),
            Text::Congestion(congestion) => congestion_words(congestion, f),
            Text::Frame(frame) => frame.fmt(f),
            Text::Trouble(fate, frame) => write!(f, "{}: {frame}", FateWords(*fate)),
            Text::Note(text) => f.write_str(text),
        }
    }
}

/// What the wire does to a frame, in words.
pub(crate) struct FateWords(pub(crate) Fate);

impl fmt::Display for FateWords {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fate::Lost => f.write_str("lost"),
            Fate::Duplicated => f.write_str("duplicated"),
            Fate::Corrupted { bit } => write!(f, "bit {bit} inverted"),
            Fate::Delayed(by) => write!(f, "delayed by {}", Time(by)),
            fate => f.write_str(fate.name()),
        }
    }
}

fn call_words(call: &Call, f: &mut Formatter<'_>) -> fmt::Result {
    match *call {
        Call::Bind { port } => write!(f, "udp bind {port}"),
        Call::Listen { port } => write!(f, "tcp listen {port}"),
        Call::Connect { slot, local, remote } => {
            write!(f, "#{slot} connect {} from {}", Endpoint(remote), Endpoint(local))
        }
        Call::Accept { slot, local, remote } => {
            write!(f, "#{slot} accept {} at {}", Endpoint(remote), Endpoint(local))
        }
        Call::Receive { slot, bytes } => write!(f, "#{slot} recv {}", Bytes(bytes)),
        Call::Send { slot, bytes } => write!(f, "#{slot} send {}", Bytes(bytes)),
        Call::Close { slot } => write!(f, "#{slot} close"),
        Call::ReceiveFrom { remote, bytes } => {
            write!(f, "udp recvfrom {}: {}", Endpoint(remote), Bytes(bytes))
        }
        Call::SendTo { remote, bytes } => write!(f, "udp sendto {}: {}", Endpoint(remote), Bytes(bytes)),
        Call::NoReply { remote, why } => {
            write!(f, "udp no reply to {}: {}", Endpoint(remote), why.text())
        }
        call => f.write_str(call.name()),
    }
}

/// A segment's arrival and a call stand on the line before: they go without saying.
fn state_words(change: &Change, f: &mut Formatter<'_>) -> fmt::Result {
    let Change { slot, from, to, cause, .. } = change;
    write!(f, "#{slot} {from} -> {to}")?;
    match cause {
        Cause::Segment | Cause::Call => Ok(()),
        cause => write!(f, " ({})", cause.text()),
    }
}

fn conflict_words(conflict: &Conflict, f: &mut Formatter<'_>) -> fmt::Result {
    let Conflict { address, mac, given_up, .. } = conflict;
    let done = if *given_up { "given up" } else { "defended" };
    write!(f, "{address} {done}: {mac} has it too")
}

fn timer_words(timer: &Timer, f: &mut Formatter<'_>) -> fmt::Result {
    match timer {
        Timer::Evicted { slot, limit } => write!(f, "#{slot} evicted: {}", limit.text()),
        Timer::Reused { slot } => write!(f, "#{slot} reused while in TIME-WAIT"),
        Timer::WaitedTooLong => f.write_str("a SYN waited too long for a slot"),
        timer => f.write_str(timer.name()),
    }
}

/// Where no frame stands beside it. Its bytes go without saying: SYN and FIN count among them.
fn again_words(again: &Again, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "#{} sends {}", again.slot, Mark::Again.text())?;
    reason(Some(again.cause)).map_or(Ok(()), |cause| write!(f, ": {}", cause.text()))
}

/// All in bytes, as the windows are.
fn congestion_words(congestion: &Congestion, f: &mut Formatter<'_>) -> fmt::Result {
    let Congestion { slot, path, .. } = congestion;
    write!(f, "#{slot} {}: cwnd {}", path.phase.text(), path.window)?;
    if let Some(threshold) = path.threshold {
        write!(f, ", ssthresh {threshold}")?;
    }
    write!(f, ", {} in flight", Bytes(path.flight))?;
    if path.lost > 0 {
        write!(f, ", {} lost", path.lost)?;
    }
    if path.round_trip.total_micros() > 0 {
        write!(f, ", rtt {} ms", Millis(path.round_trip))?;
    }
    Ok(())
}

impl fmt::Display for FrameText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.packet {
            Packet::Arp(arp) => arp_words(arp, f)?,
            Packet::Udp(udp) => udp_words(udp, self.spelled, f)?,
            Packet::Tcp(tcp) => tcp_words(tcp, &self.seen, self.spelled, f)?,
            Packet::Icmp(icmp) => icmp_words(icmp, f)?,
            Packet::Other(other) => other_words(other, self.bytes.len(), f)?,
            packet => write!(f, "{}, {}", packet.name(), Bytes(self.bytes.len()))?,
        }
        let mut asides = Asides { f, any: false };
        if let Some(layer) = self.damaged {
            asides.add(format_args!("wrong {} checksum", layer.name()))?;
        }
        for mark in &self.seen.marks {
            match mark {
                Mark::Again if self.reason().is_some() => {}
                Mark::DuplicateAck(count) => asides.add(format_args!("{} {count}", mark.text()))?,
                mark => asides.add(format_args!("{}", mark.text()))?,
            }
        }
        if let Some(cause) = self.reason() {
            asides.add(format_args!("{}: {}", Mark::Again.text(), cause.text()))?;
        }
        match self.way {
            Way::Waiting => asides.add(format_args!("waits for a slot"))?,
            Way::Dropped(rule) => asides.add(format_args!("dropped: {}", rule.text()))?,
            Way::Connection(_) | Way::Common | Way::Out => {}
            way => asides.add(format_args!("{}", way.name()))?,
        }
        asides.end()
    }
}

/// What is said in parentheses.
struct Asides<'a, 'f> {
    f: &'a mut Formatter<'f>,
    any: bool,
}

impl Asides<'_, '_> {
    fn add(&mut self, aside: fmt::Arguments<'_>) -> fmt::Result {
        self.f.write_str(if self.any { "; " } else { " (" })?;
        self.any = true;
        self.f.write_fmt(aside)
    }

    fn end(self) -> fmt::Result {
        self.f.write_str(if self.any { ")" } else { "" })
    }
}

fn arp_words(arp: &Arp, f: &mut Formatter<'_>) -> fmt::Result {
    let Arp { operation, sender, target, .. } = arp;
    let sender_mac = arp.sender_mac;
    match operation {
        1 if sender.is_unspecified() => write!(f, "arp who-has {target}, a probe"),
        1 if sender == target => write!(f, "arp {sender} is-at {sender_mac}, an announcement"),
        1 => write!(f, "arp who-has {target} tell {sender}"),
        2 => write!(f, "arp {sender} is-at {sender_mac}"),
        _ => write!(f, "arp operation {operation}, {sender} to {target}"),
    }
}

fn between(from: &SocketAddr, to: &SocketAddr, spelled: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match spelled {
        true => write!(f, "{from} > {to}"),
        false => write!(f, "{} > {}", from.port(), to.port()),
    }
}

fn udp_words(udp: &Udp<'_>, spelled: bool, f: &mut Formatter<'_>) -> fmt::Result {
    if let Some(kind) = udp.dhcp {
        match dhcp_name(kind) {
            Some(name) => write!(f, "dhcp {name}")?,
            None => write!(f, "dhcp message {kind}")?,
        }
        // BOOTP's `yiaddr` (RFC 2131 2): the address on offer.
        if let Some([a, b, c, d]) = udp.payload.get(16..20)
            && [*a, *b, *c, *d] != [0; 4]
        {
            write!(f, " {a}.{b}.{c}.{d}")?;
        }
        return write!(f, ", {} > {}", udp.from, udp.to);
    }
    f.write_str("udp ")?;
    between(&udp.from, &udp.to, spelled, f)?;
    write!(f, " {}{}", Bytes(udp.payload.len()), Payload(udp.payload, SHOWN))
}

fn tcp_words(tcp: &Tcp<'_>, seen: &Seen, spelled: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match seen.slot {
        Some(slot) => write!(f, "#{slot} ")?,
        None => f.write_str("tcp ")?,
    }
    between(&tcp.from, &tcp.to, spelled, f)?;
    let bytes = tcp.payload.len();
    let seq = Relative::of(tcp.seq, seen.first_seq);
    write!(f, " {} {seq}:{}({bytes})", tcp.flags, seq.plus(bytes))?;
    if let Some(ack) = tcp.ack {
        write!(f, " ack {}", Relative::of(ack, seen.first_ack))?;
    }
    let window = u32::from(tcp.window);
    match seen.shift {
        Some(shift) if shift > 0 && window > 0 => {
            write!(f, " win {} ({window}*{})", window << shift, 1_u32 << shift)?;
        }
        _ => write!(f, " win {window}")?,
    }
    if tcp.flags.urg() {
        write!(f, " urg {}", tcp.urgent)?;
    }
    let mut any = false;
    // The others stand for nothing but alignment.
    for option in tcp.options.iter().filter(|option| !matches!(option, TcpOption::Nop | TcpOption::End)) {
        f.write_str(if any { "," } else { " <" })?;
        any = true;
        match option {
            TcpOption::Sack(blocks) => {
                f.write_str("sack")?;
                for (from, to) in blocks.iter() {
                    let (from, to) = (Relative::of(from, seen.first_ack), Relative::of(to, seen.first_ack));
                    write!(f, " {from}:{to}")?;
                }
            }
            option => write!(f, "{option}")?,
        }
    }
    f.write_str(if any { ">" } else { "" })?;
    write!(f, "{}", Payload(tcp.payload, SHOWN))
}

/// A sequence number, counted from the first where that is known.
#[derive(Clone, Copy)]
struct Relative {
    number: u32,
    known: bool,
}

impl Relative {
    fn of(number: TcpSeqNumber, first: Option<u32>) -> Self {
        let number = number.0.cast_unsigned();
        Relative { number: number.wrapping_sub(first.unwrap_or(0)), known: first.is_some() }
    }

    #[allow(clippy::cast_possible_truncation, reason = "a packet has less than 2^16 bytes")]
    fn plus(self, bytes: usize) -> Self {
        Relative { number: self.number.wrapping_add(bytes as u32), ..self }
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        /// So far before the first is before it, not four gigabytes after.
        const BEFORE: u32 = 1 << 16;
        match self.number.wrapping_neg() {
            before @ 1..=BEFORE if self.known => write!(f, "-{before}"),
            _ => write!(f, "{}", self.number),
        }
    }
}

fn icmp_words(icmp: &Icmp<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    let Icmp { from, to, kind, code, message, .. } = icmp;
    let name = if from.is_ipv6() { "icmp6" } else { "icmp" };
    let echo = |f: &mut Formatter<'_>, what: &str, id: u16, seq: u16, data: &[u8]| {
        write!(f, "{name} {from} > {to} echo {what}, id {id}, seq {seq}, {}", Bytes(data.len()))
    };
    match *message {
        Message::EchoRequest { identifier, sequence, data } => echo(f, "request", identifier, sequence, data),
        Message::EchoReply { identifier, sequence, data } => echo(f, "reply", identifier, sequence, data),
        Message::NeighborSolicitation { target } if from.is_unspecified() => {
            write!(f, "ndp who-has {target}, a probe")
        }
        Message::NeighborSolicitation { target } => write!(f, "ndp who-has {target} tell {from}"),
        Message::NeighborAdvertisement { target, mac: Some(mac) } => {
            write!(f, "ndp {target} is-at {}", mac)
        }
        Message::NeighborAdvertisement { target, mac: None } => write!(f, "ndp {target} is there"),
        Message::RouterSolicitation => f.write_str("ndp who is a router?"),
        Message::RouterAdvertisement { lifetime } => write!(f, "ndp {from} is a router for {lifetime} s"),
        Message::Error { error, about } => {
            write!(f, "{name} {from} > {to} ")?;
            match error {
                IcmpError::Unreachable => write!(f, "unreachable, code {code}"),
                IcmpError::PortUnreachable => f.write_str("port unreachable"),
                IcmpError::TooBig { mtu } => write!(f, "packet too big, mtu {mtu}"),
                IcmpError::TimeExceeded => f.write_str("time exceeded"),
                IcmpError::ParameterProblem => f.write_str("parameter problem"),
                IcmpError::Redirect => f.write_str("redirect"),
                IcmpError::SourceQuench => f.write_str("source quench"),
                error => f.write_str(error.name()),
            }?;
            about.map_or(Ok(()), |about| quoted_words(&about, f))
        }
        _ => write!(f, "{name} {from} > {to} type {kind}, code {code}"),
    }
}

/// What an ICMP error is about.
fn quoted_words(quoted: &Quoted, f: &mut Formatter<'_>) -> fmt::Result {
    let Quoted { protocol, from, to, .. } = quoted;
    match *protocol {
        protocol::TCP => write!(f, ", for tcp {from} > {to}"),
        protocol::UDP => write!(f, ", for udp {from} > {to}"),
        _ => write!(f, ", for protocol {protocol}, {} > {}", from.ip(), to.ip()),
    }
}

fn other_words(other: &Other, bytes: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let Other { layer, between, number, fragment, .. } = other;
    // Where a packet was to be, and none is.
    f.write_str(if *layer == Layer::Payload { "not IP" } else { layer.name() })?;
    if let Some((from, to)) = between {
        write!(f, " {from} > {to}")?;
    }
    if *fragment {
        f.write_str(" fragment")?;
    }
    match (number, between) {
        (Some(number), Some(_)) => write!(f, " protocol {number}")?,
        (Some(number), None) => write!(f, " type 0x{number:04x}")?,
        (None, _) => {}
    }
    write!(f, ", {}", Bytes(bytes))
}

/// A number of bytes.
struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// The first bytes of a payload, as Rust and Python would write them: ` "hello"`; nothing for none.
struct Payload<'a>(&'a [u8], usize);

impl fmt::Display for Payload<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Payload(bytes, shown) = *self;
        if bytes.is_empty() {
            return Ok(());
        }
        f.write_str(" \"")?;
        for byte in bytes.get(..shown).unwrap_or(bytes) {
            match byte {
                b'\'' => f.write_str("'")?,
                byte => write!(f, "{}", byte.escape_ascii())?,
            }
        }
        f.write_str(if bytes.len() > shown { "\"..." } else { "\"" })
    }
}

/// A time in its largest whole unit.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.total_micros() {
            micros if micros % 1_000_000 == 0 => write!(f, "{} s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(f, "{} ms", micros / 1_000),
            micros => write!(f, "{micros} us"),
        }
    }
}
