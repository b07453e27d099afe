//! JSON lines and the table: every line is JSON, and `docs/events.md` knows every name.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use test_support::golden;

use test_support::world::raw::{self, Peer};
use test_support::world::{CLIENT_MAC, World, client_v4, server_v4, server_v6, small};
use undersock::event::{
    Again, Call, Cause, Change, Conflict, Congestion, Direction, DropRule, Event, Fate, Frame, Limit, Loss,
    NoReply, Observer, Path, Phase, Timer, Trouble, Way,
};
use undersock::packet::Link;
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{ArpOperation, TcpControl, TcpSeqNumber};
use undersock_views::Side;
use undersock_views::json::{Json, json_lines};
use undersock_views::ladder::{Style, terminal};
use undersock_views::table::{SlotObserver, Table};
use undersock_views::timeline::timeline;

const DOCS: &str = include_str!("../../../docs/events.md");

/// What Python finds in each line: the names, those within objects too, and the values that are names themselves.
fn parsed(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    const SCRIPT: &str = r#"
import json, sys

def pairs(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), names
    return dict(pairs)

for line in sys.stdin.buffer:
    event = json.loads(line.decode("utf-8"), object_pairs_hook=pairs)
    for name, value in event.items():
        print("name", name)
        if name in ("event", "end", "call", "why", "from", "to", "cause", "timer", "limit", "direction", "fate",
                    "rule", "protocol", "message", "dhcp", "state", "phase") and isinstance(value, str):
            print("value", value)
        if name in ("marks", "dropped"):
            for word in value:
                print("value", word)
"#;
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("python3");
    let mut input = python.stdin.take().expect("a pipe");
    let owned = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(owned.as_bytes()));
    let output = python.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "a line isn't JSON, or says a name twice:\n{text}");
    writer.join().expect("no panic").expect("it read all");
    let told = String::from_utf8(output.stdout).expect("text");
    let words = |kind: &str| {
        told.lines().filter_map(|line| line.strip_prefix(kind)).map(|word| word.trim().to_owned()).collect()
    };
    (words("name"), words("value"))
}

/// The names of the fields in the tables: what stands in their first column, and all that the page puts in backquotes.
fn documented() -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let quoted = |text: &'static str| text.split('`').skip(1).step_by(2);
    let fields = DOCS.lines().filter(|line| line.starts_with("| `"));
    let fields = fields.flat_map(|line| quoted(line.split(" | ").next().unwrap_or_default())).collect();
    let lines = DOCS.lines().filter(|line| !line.starts_with("```"));
    (fields, lines.flat_map(quoted).collect())
}

/// The way to a peer that has answered once.
fn path() -> Path {
    let mut world = World::new(small()).raw();
    world.connect(&mut Peer::new(40_000));
    let path = world.server.connections().find_map(|info| info.path);
    path.expect("the handshake was measured")
}

/// An exchange of each kind, and events that are hard to come by.
fn everything() -> String {
    let mut text = String::new();
    let mut world = World::new(small());
    world.server.introduce(world.now, &mut world.history);
    world.history.note(world.now, "a note: \"quoted\", straße, \u{1} and \\");
    world.tcp(server_v4(), b"hello").unwrap();
    world.udp(server_v6(), b"hello").unwrap();
    world
        .client
        .connect(world.now, test_support::world::tcp_socket(), (server_v4(), 999).into())
        .expect("a socket");
    world.pass(Duration::from_secs(1));
    let mut world = world.raw();
    world.give(&raw::ping(client_v4(), server_v4(), b"ping"));
    world.give(&raw::udp((client_v4(), 53), (server_v4(), 12_000), b"NO"));
    world.give(&raw::udp((client_v4(), 0), (server_v4(), 12_000), b"no"));
    world.give(&raw::udp((client_v4(), 5_000), (server_v4(), 99), b"nobody"));
    world.give(&[0; 60]);
    world.give(&[7; 9]);
    for port in 50_000..50_005 {
        let syn = Peer::new(port).segment(TcpControl::Syn, b"");
        world.give(&syn);
    }
    world.pass(Duration::from_secs(2));
    json_lines(&world.history.records(), true, &mut text).unwrap();

    let mut json: Json<String> = Json::of(Side::Client, String::new()).with_frames();
    let now = Instant::from_secs(7);
    json.start(now, 1_700_000_000_123_456);
    json.note(now, "a line");
    let syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    let mut broken = raw::udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    broken[45] ^= 1;
    let mut fragment = broken.clone();
    fragment[21] = 1;
    let fates =
        [Fate::Lost, Fate::Duplicated, Fate::Corrupted { bit: 9 }, Fate::Delayed(Duration::from_secs(3))];
    for (direction, fate) in fates.into_iter().map(|fate| (Direction::In, fate)) {
        json.event(now, &Event::Trouble(Trouble::new(direction, fate, &syn)));
    }
    for rule in DropRule::ALL {
        for bytes in [&broken, &fragment] {
            json.event(now, &Event::Frame(Frame::new(Way::Dropped(*rule), bytes)));
        }
    }
    json.event(now, &Event::Frame(Frame::new(Way::Common, &syn[14..]).with_link(Link::Ip)));
    json.event(now, &Event::Conflict(Conflict::new(server_v4(), CLIENT_MAC, true)));
    json.event(now, &Event::Timer(Timer::Reused { slot: 1 }));
    json.event(now, &Event::Timer(Timer::WaitedTooLong));
    for why in NoReply::ALL {
        json.event(now, &Event::Call(Call::NoReply { remote: (server_v6(), 5).into(), why: *why }));
    }
    let mut path = path();
    path.threshold = Some(7_300);
    for cause in Loss::ALL {
        json.event(now, &Event::Again(Again::new(1, TcpSeqNumber(-1), 5, *cause, path)));
    }
    for phase in Phase::ALL {
        path.phase = *phase;
        json.event(now, &Event::Congestion(Congestion::new(1, path)));
    }
    for limit in Limit::ALL {
        json.event(now, &Event::Timer(Timer::Evicted { slot: 1, limit: *limit }));
    }
    for cause in Cause::ALL {
        let change = Change::new(1, State::CloseWait, State::Closed, *cause);
        json.event(now, &Event::State(change));
    }
    json.table(&Table::new(&world.server, world.now));
    assert!(!json.failed());
    text + &json.into_inner()
}

/// Somebody else says that the server's address is theirs.
#[test]
fn a_conflict_is_told_in_every_view() {
    let mut world = World::new(small()).raw();
    world.give(&raw::arp(ArpOperation::Reply, (CLIENT_MAC, server_v4()), server_v4()));
    let records = world.history.records();
    let told = timeline(&records);
    assert!(told.contains("server  192.168.69.1 defended: 02:00:00:00:00:64 has it too"), "{told}");
    assert!(terminal(&records, Style::default()).contains("address defended"));
    let mut text = String::new();
    json_lines(&records, false, &mut text).unwrap();
    let line = "\"event\":\"conflict\",\"address\":\"192.168.69.1\",\"mac\":\"02:00:00:00:00:64\",\"given_up\":false}";
    assert!(text.contains(line), "{text}");
    let table = Table::new(&world.server, world.now).to_string();
    assert!(table.ends_with("link    1 times somebody else had an address of ours\n"), "{table}");
}

#[test]
fn every_line_is_json_and_every_name_documented() {
    let text = everything();
    let (names, values) = parsed(&text);
    let (fields, quoted) = documented();
    let missing: Vec<_> = names.iter().filter(|name| !fields.contains(&name[..])).collect();
    assert!(missing.is_empty(), "docs/events.md has no field {missing:?}");
    let missing: Vec<_> = values.iter().filter(|value| !quoted.contains(&value[..])).collect();
    assert!(missing.is_empty(), "docs/events.md has no value {missing:?}");
    for value in [
        "start",
        "call",
        "state",
        "frame",
        "timer",
        "trouble",
        "conflict",
        "again",
        "congestion",
        "note",
        "socket",
        "counters",
    ] {
        assert!(values.contains(value), "no line of {value}");
    }
    // And the other way round, but for what no exchange here brings about.
    let rare = [
        "age",
        "retransmissions",
        "refused",
        "sack",
        "timestamp",
        "timestamp_echo",
        "dhcp",
        "lifetime",
        "mtu",
    ];
    let unused: Vec<_> =
        fields.iter().filter(|field| !names.contains(**field) && !rare.contains(field)).collect();
    assert!(unused.is_empty(), "docs/events.md has fields that there are not: {unused:?}");
}

#[test]
fn a_line_of_each_kind() {
    let text = everything();
    for line in [
        r#"{"time":0.000000,"end":"server","event":"call","call":"bind","port":12000}"#,
        r#"{"time":0.000000,"end":"server","event":"note","text":"a note: \"quoted\", straße, \u0001 and \\"}"#,
        r#"{"time":0.000251,"end":"server","event":"call","call":"recv","slot":0,"bytes":5}"#,
        r#"{"time":0.000000,"end":"client","event":"start","format":1,"unix":1700000000.123456}"#,
    ] {
        assert!(text.lines().any(|other| other == line), "no line\n{line}\nin\n{text}");
    }
    let syn_ack = r#"{"time":0.000150,"end":"server","event":"frame","direction":"out","fate":"sent","length":66,"protocol":"tcp","slot":0,"source":"192.168.69.1:12000","destination":"192.168.69.100:49152","flags":"S.","#;
    assert!(text.lines().any(|line| line.starts_with(syn_ack)), "no line\n{syn_ack}\nin\n{text}");
}

/// Two connections, one of which takes nothing; the server repeats itself.
fn crowd() -> (World<Uppercase>, SlotObserver<'static>) {
    let mut world = World::new(small()).raw();
    let (mut one, mut other) = (Peer::new(40_000).at_port(12_001), Peer::new(40_001));
    world.connect(&mut one);
    let data = one.segment(TcpControl::Psh, b"some bytes");
    world.give(&data);
    world.pass(Duration::from_millis(3_500));
    let syn = other.segment(TcpControl::Syn, b"");
    world.give(&syn);
    world.give(&raw::udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello"));
    world.give(&raw::udp((client_v4(), 0), (server_v4(), 12_000), b"hello"));
    world.give(&raw::udp((client_v4(), 5_000), (server_v4(), 99), b"hello"));
    let lonely = raw::Segment { seq: 5, ack: Some(TcpSeqNumber(6).0 as u32), ..raw::Segment::default() };
    world.give(&lonely.frame());
    world.pass(Duration::from_millis(100));
    let mut watch = SlotObserver::owned(world.server.slots());
    for record in world.history.records() {
        watch.event(record.at, &record.what.event().expect("no notes here"));
    }
    (world, watch)
}

#[test]
fn the_table_for_people() {
    let (world, watch) = crowd();
    let with = Table::new(&world.server, world.now).with(&watch).to_string();
    let without = Table::new(&world.server, world.now).to_string();
    assert!(with.lines().chain(without.lines()).all(|line| line.trim_end() == line), "{with}");
    golden::check("table", &format!("{with}\nWithout an observer:\n\n{without}"));
}

#[test]
fn the_table_as_json() {
    let (world, watch) = crowd();
    let mut text = String::new();
    let start = Instant::from_secs(1);
    Table::new(&world.server, world.now).with(&watch).json(start, &mut text).unwrap();
    let (names, _) = parsed(&text);
    let (fields, _) = documented();
    assert!(names.iter().all(|name| fields.contains(&name[..])), "{names:?}");
    golden::check("table-json", &text);
}

/// What waited for its slot is watched like any other.
#[test]
fn a_slot_is_watched_from_its_connections_first_segment_to_its_last() {
    let mut world = World::new(small()).raw();
    for port in 50_000..50_005 {
        let syn = Peer::new(port).segment(TcpControl::Syn, b"");
        world.give(&syn);
    }
    world.pass(Duration::from_millis(2_500));
    let mut watch = SlotObserver::owned(4);
    for record in world.history.records() {
        watch.event(record.at, &record.what.event().expect("no notes here"));
    }
    let newcomer =
        world.server.connections().find(|info| info.remote.port == 50_004).expect("it came in").slot;
    assert!(watch.since(newcomer).is_some_and(|since| since > Instant::from_secs(1)));
    assert_eq!(watch.again(newcomer), Some(1), "{}", world.history.timeline());
    world.pass(Duration::from_secs(60));
    let mut watch = SlotObserver::owned(4);
    for record in world.history.records() {
        watch.event(record.at, &record.what.event().expect("no notes here"));
    }
    assert_eq!((watch.since(newcomer), watch.again(newcomer)), (None, Some(0)));
    assert!(watch.all_again() > 4);
}
