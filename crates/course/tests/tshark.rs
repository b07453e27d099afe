//! tshark and the decoder agree: on the place, the size and the value of every field that both show.
//!
//! The frames are those of every scenario and of further exchanges on the in-memory wire, hand-made ones with every
//! header and option, wrong ones, and some hundreds with a few bytes changed at random. In frames that are right, both must also show the same
//! fields: what only one of them shows is in a list here, with its reason.
#![cfg(target_os = "linux")]

mod capture;

use core::fmt::Write as _;
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use capture::{Packet, Shown, dissected, exchanges, odd};
use undersock::event::Event;
use undersock::packet::Sum;
use undersock_views::explain::{Explain, Summary, WIDTH};
use undersock_views::fields::{Field, Value, fields};

/// What only tshark shows, in frames that are right.
const ONLY_THEIRS: &[(&str, &[&str])] = &[
    ("of the capture file", &["caplen", "len", "num", "timestamp"]),
    (
        "a field once more, under another name or read in another way",
        &[
            "eth.addr",
            "eth.dst.ig",
            "eth.dst.lg",
            "eth.src.ig",
            "eth.src.lg",
            "icmp.ident_le",
            "icmp.seq_le",
            "icmpv6.opt.linkaddr",
            "llc.control.ftype",
            "llc.control.u_modifier_cmd",
            "llc.dsap.ig",
            "llc.dsap.sap",
            "llc.ssap.cr",
            "llc.ssap.sap",
            "tcp.ack",
            "tcp.flags.str",
            "tcp.options.sack.dsack_le",
            "tcp.options.sack.dsack_re",
            "tcp.payload",
            "tcp.seq",
            "tcp.window_size",
            "udp.payload",
        ],
    ),
    (
        "computed from others",
        &[
            "ip.checksum_calculated",
            "ipv6.dstopts.len_oct",
            "ipv6.hopopts.len_oct",
            "ipv6.routing.len_oct",
            "tcp.checksum_calculated",
            "tcp.options.wscale.multiplier",
            "tcp.window_size_scalefactor",
            "udp.checksum.status",
            "udp.checksum_calculated",
        ],
    ),
    (
        "a heading over fields that we show",
        &[
            "",
            "icmpv6.mld.flag",
            "icmpv6.mldr.mar",
            "icmpv6.nd.na.flag",
            "icmpv6.opt",
            "ip.options.eol",
            "ip.options.nop",
            "ip.options.record_route",
            "ip.options.route",
            "ip.options.routeralert",
            "ip.options.source_route",
            "ip.options.timestamp",
            "ipv6.opt",
            "ipv6.opt.pad1",
            "tcp.options",
            "tcp.options.eol",
            "tcp.options.mss",
            "tcp.options.nop",
            "tcp.options.sack",
            "tcp.options.sack_perm",
            "tcp.options.timestamp",
            "tcp.options.unknown",
            "tcp.options.wscale",
        ],
    ),
    ("the code of DHCP's end option, as 0", &["dhcp.option.type"]),
    // RFC 9293 3.2: what is behind it is padding.
    ("every zero behind TCP's end-of-options option, as one more of it", &["tcp.option_kind"]),
    ("the data of an RST, as its cause", &["tcp.reset_cause"]),
    (
        "options that the decoder shows as bytes",
        &[
            "icmpv6.data",
            "icmpv6.opt.dnssl",
            "icmpv6.opt.padding",
            "icmpv6.opt.pref64.plc",
            "icmpv6.opt.pref64.prefix",
            "icmpv6.opt.pref64.scaled_lifetime",
            "icmpv6.opt.route_info.flag.reserved",
            "icmpv6.unknown_data",
            "ipv6.opt.experimental",
            "ipv6.routing.srh.flags",
            "ipv6.routing.srh.last_entry",
            "ipv6.routing.srh.tag",
        ],
    ),
];

/// What only the decoder shows, in frames that are right: what the frame is about, and the field.
const ONLY_OURS: &[(&str, &str)] = &[
    // tshark shows no bytes of it at all.
    ("an unknown ICMP type", "data.data"),
    // It is the cause of the RST to tshark.
    ("every flag", "data.data"),
];

/// A field of ours, kept.
struct Ours {
    name: &'static str,
    start: usize,
    bits: usize,
    value: Kept,
    /// In what an ICMP error quotes.
    quoted: bool,
}

enum Kept {
    Number(u64),
    Checksum(u64, Sum),
    Text(String),
    Bytes(String),
}

fn ours(frame: &[u8]) -> Vec<Ours> {
    let mut all = Vec::new();
    fields(frame, &mut |field| {
        let Some(name) = field.tshark else { return };
        all.push(Ours {
            name,
            start: field.start,
            bits: field.bits,
            value: kept(field),
            quoted: field.quoted,
        });
    });
    all
}

fn kept(field: &Field<'_>) -> Kept {
    match field.value {
        Value::Decimal(number) | Value::Hex(number, _) => Kept::Number(number),
        Value::Flag(set) => Kept::Number(set.into()),
        Value::Checksum(number, sum) => Kept::Checksum(number.into(), sum),
        Value::Bytes(bytes) => Kept::Bytes(hex(bytes)),
        // tshark writes ::1.2.3.4 where we write ::102:304; the bytes are the same.
        Value::Ip(IpAddr::V6(address)) => Kept::Bytes(hex(&address.octets())),
        Value::Text(text) => Kept::Text(text.to_string()),
        other => Kept::Text(other.to_string()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Ours {
    /// Its bytes, the first and the one behind the last.
    fn bytes(&self) -> (usize, usize) {
        (self.start / 8, (self.start + self.bits).div_ceil(8))
    }

    /// It fills its bytes.
    fn is_whole(&self) -> bool {
        self.start.is_multiple_of(8) && self.bits.is_multiple_of(8)
    }

    /// tshark's field of this name at this place.
    fn theirs<'a>(&self, packet: &'a Packet) -> Option<&'a Shown> {
        let (first, last) = self.bytes();
        let mut named = packet.fields.iter().filter(|shown| shown.name == self.name);
        // What tshark understands nothing of is one field to it; ours begins behind what we understood of it.
        named.find(|shown| match self.name {
            "data.data" => shown.at == first,
            _ => shown.at <= first && last <= shown.at + shown.size,
        })
    }
}

/// How a frame came to be, and so how much must agree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both show the same fields.
    Right,
    /// The fields that both show are the same.
    Wrong,
}

struct Frame {
    about: String,
    kind: Kind,
    bytes: Vec<u8>,
}

/// What was compared, and what differs.
#[derive(Default)]
struct Tally {
    places: usize,
    values: usize,
    sums: usize,
    names: BTreeSet<&'static str>,
    only_ours: BTreeMap<&'static str, usize>,
    only_theirs: BTreeMap<String, usize>,
    differences: String,
}

impl Tally {
    fn compare(&mut self, frame: &Frame, packet: &Packet) {
        let ours = ours(&frame.bytes);
        let mut differences = Vec::new();
        for ours in &ours {
            match ours.theirs(packet) {
                Some(theirs) => self.compare_field(ours, theirs, packet, frame, &mut differences),
                None => {
                    *self.only_ours.entry(ours.name).or_default() += 1;
                    let known = ONLY_OURS.contains(&(frame.about.as_str(), ours.name));
                    if frame.kind == Kind::Right && !packet.malformed && !known {
                        differences.push(format!("{} at {}: only ours", ours.name, ours.start / 8));
                    }
                }
            }
        }
        for theirs in packet.fields.iter().filter(|shown| shown.size > 0 && !shown.hidden) {
            let place = theirs.at..theirs.at + theirs.size;
            if ours.iter().any(|ours| ours.name == theirs.name && place.contains(&ours.bytes().0)) {
                continue;
            }
            *self.only_theirs.entry(theirs.name.clone()).or_default() += 1;
            let known = ONLY_THEIRS.iter().any(|(_, names)| names.contains(&theirs.name.as_str()));
            if frame.kind == Kind::Right && !known {
                differences.push(format!("{} at {}: only theirs", theirs.name, theirs.at));
            }
        }
        if !differences.is_empty() {
            let text = &mut self.differences;
            let _ =
                writeln!(text, "--- {}: {}\n{}", frame.about, Summary::new(&frame.bytes), hex(&frame.bytes));
            let _ = writeln!(text, "{}", differences.join("\n"));
        }
    }

    fn compare_field(
        &mut self,
        ours: &Ours,
        theirs: &Shown,
        packet: &Packet,
        frame: &Frame,
        differences: &mut Vec<String>,
    ) {
        self.names.insert(ours.name);
        self.places += 1;
        let (first, last) = ours.bytes();
        // tshark's item of a DHCP option's code is the whole option. Of bits it says only in which bytes they are.
        let size = if ours.name == "dhcp.option.type" { 1 } else { theirs.size };
        if ours.is_whole() && theirs.unmasked.is_none() && (theirs.at, size) != (first, last - first) {
            differences.push(format!("{}: {first}..{last}, theirs {}+{}", ours.name, theirs.at, theirs.size));
        }
        self.values += 1;
        if let Err(why) = agree(ours, theirs) {
            differences.push(format!("{} at {first}: {why}", ours.name));
        }
        if let Kept::Checksum(_, sum) = ours.value {
            self.sums += 1;
            if let Err(why) = agree_on_sum(ours, sum, packet, frame.kind) {
                differences.push(format!("{} at {first}: {why}", ours.name));
            }
        }
    }
}

/// The value.
fn agree(ours: &Ours, theirs: &Shown) -> Result<(), String> {
    let (same, value) = match &ours.value {
        Kept::Number(number) | Kept::Checksum(number, _) => {
            (agree_on_number(ours, *number, theirs), number.to_string())
        }
        // As bytes too; a text's zeros at its end are not among ours.
        Kept::Text(text) => {
            let zeros = |digits: &str| digits.trim_end_matches("00").to_string();
            (theirs.show == *text || zeros(&theirs.value) == zeros(&hex(text.as_bytes())), text.clone())
        }
        // tshark shows no value of reserved bytes.
        Kept::Bytes(bytes) => (theirs.value == *bytes || theirs.value.is_empty(), bytes.clone()),
    };
    if same { Ok(()) } else { Err(format!("{value:.80}, theirs {:.80} ({:.80})", theirs.show, theirs.value)) }
}

fn agree_on_number(ours: &Ours, number: u64, theirs: &Shown) -> bool {
    // A flag of several bits is shown as set or not; its value has all of them.
    let (text, radix) = match (&theirs.unmasked, theirs.show.strip_prefix("0x")) {
        (Some(_), _) => (theirs.value.as_str(), 16),
        (None, Some(digits)) => (digits, 16),
        (None, None) => (theirs.show.as_str(), 10),
    };
    let meant = match ours.name {
        // Shown in bytes.
        "ip.hdr_len" | "tcp.hdr_len" => number * 4,
        // Left to the network card: tshark shows what it will be.
        "ip.len" if number == 0 => return true,
        // Decoded (RFC 3810 5.1.3).
        "icmpv6.mld.maximum_response_code" if number >> 15 != 0 => {
            (number & 0xfff | 0x1000) << ((number >> 12 & 7) + 3)
        }
        "icmpv6.mld.qqi" if number >> 7 != 0 => (number & 0xf | 0x10) << ((number >> 4 & 7) + 3),
        _ => number,
    };
    let shown = u64::from_str_radix(text, radix);
    // tshark takes a long time for a client's that has the wrong byte order.
    let swapped = ours.name == "dhcp.secs" && shown == Ok((number as u16).swap_bytes().into());
    shown == Ok(meant) || swapped
}

/// Whether the checksum is right.
fn agree_on_sum(ours: &Ours, sum: Sum, packet: &Packet, kind: Kind) -> Result<(), String> {
    let (status, at) = (format!("{}.status", ours.name), ours.bytes().0);
    let theirs = packet.fields.iter().find(|shown| shown.name == status && shown.at == at);
    let theirs = theirs.map_or("nothing", |shown| &shown.show);
    let same: &[&str] = match sum {
        Sum::Right => &["1"],
        // tshark says so too, and that it may be the network card's.
        Sum::Wrong { .. } | Sum::Partial => &["0"],
        // To tshark a packet that says it is longer than its frame ends with the frame, and is summed up so.
        Sum::Unknown if kind == Kind::Wrong => &["2", "0", "1"],
        Sum::Unknown => &["2"],
        Sum::Absent => &["3"],
        // In a quotation, tshark says only that there is none.
        Sum::Forbidden => &["4", "3"],
    };
    // tshark doesn't check a quoted ICMP message.
    let unchecked = ours.quoted && ours.name.starts_with("icmp") && theirs == "2";
    if same.contains(&theirs) || unchecked { Ok(()) } else { Err(format!("{sum}, theirs {theirs}")) }
}

/// Frames with a few bytes changed, or with bytes added or cut off. The same each time.
fn mutated(good: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    let mut state = 0x7e57_5eed_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    (0..count)
        .map(|_| {
            let mut frame = good[random(good.len())].clone();
            for _ in 0..=random(3) {
                // Headers are more interesting than a payload.
                let near = if random(4) == 0 { frame.len() } else { 90 };
                let at = random(frame.len().min(near));
                frame[at] = match random(3) {
                    0 => random(256) as u8,
                    1 => frame[at] ^ 1 << random(8),
                    _ => [0, 1, 4, 8, 0x0f, 0x45, 0x60, 0x7f, 0x80, 0xff][random(10)],
                };
            }
            match random(8) {
                0 => frame.truncate(random(frame.len()).max(1)),
                1 => frame.extend((0..random(20)).map(|_| random(256) as u8).collect::<Vec<_>>()),
                _ => {}
            }
            frame
        })
        .collect()
}

fn frames() -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut add =
        |about: &str, kind, bytes: Vec<u8>| frames.push(Frame { about: about.to_string(), kind, bytes });
    for scenario in undersock_course::list() {
        // Both ends saw most of them.
        let mut seen = BTreeSet::new();
        for record in scenario.run().records {
            if let Some(Event::Frame(frame)) = record.what.event()
                && seen.insert(frame.bytes.to_vec())
            {
                add(scenario.name, Kind::Right, frame.bytes.to_vec());
            }
        }
    }
    let recorded = exchanges::all();
    recorded.iter().for_each(|frame| add("recorded", Kind::Right, frame.clone()));
    let right = odd::right();
    right.iter().for_each(|(about, frame)| add(about, Kind::Right, frame.clone()));
    odd::wrong().into_iter().for_each(|(about, frame)| add(about, Kind::Wrong, frame));
    // As many of each kind: there are many recorded ones of few kinds.
    let mut good: Vec<Vec<u8>> = right.into_iter().map(|(_, frame)| frame).collect();
    good.extend(recorded.into_iter().step_by(4));
    for (number, frame) in mutated(&good, MUTATED).into_iter().enumerate() {
        add(&format!("mutated {number}"), Kind::Wrong, frame);
    }
    frames
}

const MUTATED: usize = 800;

#[test]
fn the_decoder_agrees_with_tshark() {
    let frames = frames();
    let bytes: Vec<Vec<u8>> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let packets = dissected(&bytes);
    let mut tally = Tally::default();
    frames.iter().zip(&packets).for_each(|(frame, packet)| tally.compare(frame, packet));
    let Tally { places, values, sums, names, only_ours, only_theirs, differences } = tally;
    let malformed = packets.iter().filter(|packet| packet.malformed).count();
    println!("{} frames, {malformed} of them malformed to tshark", frames.len());
    println!("{places} places, {values} values, {sums} checksums, {} names", names.len());
    println!("only ours: {only_ours:?}\nonly theirs: {only_theirs:?}");
    assert!(differences.is_empty(), "\n{differences}");
    // Comparing nothing is no agreement.
    assert!(values > 40_000 && sums > 1_800, "{values} values, {sums} checksums");
    assert!(names.len() > 230, "{} names: {names:?}", names.len());
    let known = |name: &str| only_theirs.contains_key(name);
    let stale: Vec<_> =
        ONLY_THEIRS.iter().flat_map(|(_, names)| *names).filter(|name| !known(name)).collect();
    assert!(stale.is_empty(), "tshark no longer shows {stale:?}");
}

/// Whatever the frame: its page fits a terminal, and each of its bytes is in a field.
#[test]
fn every_byte_is_explained() {
    for Frame { about, bytes, .. } in frames() {
        let mut explained = vec![false; bytes.len()];
        fields(&bytes, &mut |field| {
            let end = (field.start + field.bits).div_ceil(8);
            explained[field.start / 8..end].fill(true);
        });
        let missing = explained.iter().position(|explained| !explained);
        assert_eq!(missing, None, "{about}: {}\n{}", hex(&bytes), Explain::new(&bytes));
        let page = Explain::new(&bytes).to_string();
        let widest = page.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(WIDTH), "{about}:\n{page}");
    }
}
