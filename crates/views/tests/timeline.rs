//! The timeline, by golden files of exchanges on the in-memory wire.

use test_support::golden;
use test_support::world::raw::{self, Peer};
use test_support::world::{World, client_v4, server_v4, server_v6, small, tcp_socket};
use undersock::event::{Call, Direction, Event, Fate, Frame, Observer, Trouble, Way};
use undersock::service::{Service, Uppercase};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpEndpoint, TcpControl};
use undersock_views::Side;
use undersock_views::json::Json;
use undersock_views::pcapng::Capture;
use undersock_views::record::{Recorder, What};
use undersock_views::table::SlotObserver;
use undersock_views::timeline::{Lines, Timeline, timeline};

fn world() -> World<Uppercase> {
    let mut world = World::new(small());
    world.server.introduce(world.now, &mut world.history);
    world
}

fn check<S: Service>(name: &str, world: &World<S>) {
    let text = world.history.timeline();
    assert!(text.is_ascii(), "{text}");
    golden::check(&format!("timeline/{name}"), &text);
}

#[test]
fn a_datagram_and_its_reply() {
    let mut world = world();
    world.udp(server_v4(), b"hello").unwrap();
    world.udp(server_v6(), "straße, and \"more\" than a line shows".as_bytes()).unwrap();
    check("udp", &world);
}

#[test]
fn a_sentence() {
    let mut world = world();
    world.tcp(server_v4(), b"hello").unwrap();
    world.pass(Duration::from_secs(11));
    check("sentence", &world);
}

#[test]
fn a_stream() {
    let mut world = world();
    let bytes: Vec<u8> = (0..6_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    world.stream(server_v6(), &bytes);
    world.pass(Duration::from_secs(1));
    check("stream", &world);
}

#[test]
fn nobody_listens() {
    let mut world = world();
    world.client.connect(world.now, tcp_socket(), IpEndpoint::new(server_v4(), 12_345)).expect("a socket");
    world.pass(Duration::from_secs(1));
    let mut world = world.raw();
    for protocol in 0..2 {
        let (to, port) = [(server_v4(), 12_345), (server_v4(), 12_000)][protocol];
        world.give(&raw::udp((client_v4(), 5_000), (to, port), b"anybody?"));
    }
    world.give(&raw::udp((client_v4(), 53), (server_v4(), 12_000), b"A SERVER'S?"));
    world.give(&raw::ping(client_v4(), server_v4(), b"ping"));
    check("nobody", &world);
}

/// Half-open clients hold every slot; one more waits, and the oldest has to go.
#[test]
fn one_has_to_go() {
    let mut world = world().raw();
    for port in 50_000..50_004 {
        let syn = Peer::new(port).segment(TcpControl::Syn, b"");
        world.give(&syn);
        world.pass(Duration::from_millis(100));
    }
    let mut newcomer = Peer::new(40_000);
    let syn = newcomer.segment(TcpControl::Syn, b"");
    world.give(&syn);
    let got = world.pass_tcp(Duration::from_secs(1));
    newcomer.got(got.iter().find(|segment| segment.to == newcomer.from).expect("a SYN-ACK"));
    let sentence = newcomer.segment(TcpControl::Psh, b"new");
    world.give(&sentence);
    world.server.shutdown(world.now, &mut world.server_end, &mut world.service, &mut world.history);
    check("eviction", &world);
}

/// A client that stops reading, repeats itself, and asks whether anybody is there.
#[test]
fn what_a_segment_is() {
    let mut world = world().raw();
    let mut peer = Peer::new(40_000).at_port(12_001);
    peer.scale = Some(2);
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"some bytes");
    world.give_tcp(&data);
    peer.ack += 10;
    peer.window = 0;
    let full = peer.segment(TcpControl::None, b"");
    world.give(&full);
    world.give(&data);
    peer.seq += 5;
    let ahead = peer.segment(TcpControl::Psh, b"later");
    world.give(&ahead);
    peer.seq -= 10;
    let gap = peer.segment(TcpControl::Psh, b"first");
    peer.seq += 5;
    world.give(&gap);
    world.pass(Duration::from_secs(2));
    peer.window = 16_000;
    let open = peer.segment(TcpControl::None, b"");
    world.give(&open);
    peer.ack += 10;
    peer.seq -= 1;
    let alive = peer.segment(TcpControl::None, b"");
    peer.seq += 1;
    world.give(&alive);
    let mut damaged = peer.segment(TcpControl::Psh, b"damaged");
    damaged[60] ^= 1;
    world.give(&damaged);
    world.pass(Duration::from_secs(1));
    check("segments", &world);
}

/// What the wire does to frames, of both directions, told by the server's end and by the client's.
#[test]
fn trouble() {
    let recorder = Recorder::new(100);
    let mut peer = Peer::new(40_000);
    let syn = peer.segment(TcpControl::Syn, b"");
    let datagram = raw::udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    let (mut client, mut server) = (recorder.at(Side::Client), recorder.at(Side::Server));
    let at = Instant::from_millis;
    let frame = |way| Event::Frame(Frame::new(way, &syn));
    let trouble = |direction, fate, bytes| Event::Trouble(Trouble::new(direction, fate, bytes));
    recorder.note(at(5), Side::Server, "The first SYN is lost.");
    client.event(at(5), &frame(Way::Out));
    server.event(at(5), &trouble(Direction::In, Fate::Lost, &syn));
    server.event(at(1_005), &trouble(Direction::In, Fate::Duplicated, &syn));
    server.event(at(1_005), &frame(Way::Connection(0)));
    // It was noted later than it happened.
    server.event(at(1_004), &trouble(Direction::Out, Fate::Delayed(Duration::from_millis(1_500)), &datagram));
    client.event(at(1_006), &trouble(Direction::In, Fate::Corrupted { bit: 99 }, &datagram));
    client.event(at(1_006), &trouble(Direction::Out, Fate::Delayed(Duration::from_micros(70)), &datagram));
    golden::check("timeline/trouble", &timeline(&recorder.take()));
}

/// Nothing acknowledges the reply: a probe asks, then all goes out again. Each frame says why; so does the table.
#[test]
fn why_it_is_sent_again() {
    let mut world = world().raw();
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"some bytes");
    world.give(&data);
    world.pass(Duration::from_secs(1));
    check("again", &world);
    let records = world.history.records();
    let mut json = String::new();
    undersock_views::json::json_lines(&records, false, &mut json).unwrap();
    let count = |part: &str| json.lines().filter(|line| line.contains(part)).count();
    assert_eq!((count("\"event\":\"again\""), count("\"marks\":[\"again\"],\"cause\":")), (2, 2), "{json}");
    // Of the other end, whose frames aren't told, there is a line of its own.
    let others: Vec<_> = records.into_iter().filter(|record| matches!(record.what, What::Again(_))).collect();
    let recorder = Recorder::new(9);
    for record in others {
        recorder.at(Side::Client).event(record.at, &record.what.event().expect("no notes here"));
    }
    recorder.at(Side::Server).event(Instant::from_secs(2), &Event::Frame(Frame::new(Way::Common, &data)));
    let text = timeline(&recorder.take());
    assert!(text.contains("client  #0 sends again: probe\n"), "{text}");
    // What goes out next is another segment: nothing is said of that.
    let mut lines: Timeline<String> = Timeline::new(String::new());
    let again = world.history.records().into_iter().find(|record| matches!(record.what, What::Again(_)));
    lines.event(Instant::ZERO, &again.expect("one").what.event().expect("no note"));
    lines.event(Instant::ZERO, &Event::Frame(Frame::new(Way::Out, &data)));
    let text = lines.into_inner();
    assert!(text.lines().count() == 1 && !text.contains("again"), "{text}");
}

/// What is written as it happens is what the records of the server's end say.
#[test]
fn as_it_happens_and_afterwards_alike() {
    let mut world = world();
    world.tcp(server_v4(), b"hello").unwrap();
    world.udp(server_v6(), b"hello").unwrap();
    let records: Vec<_> =
        world.history.records().into_iter().filter(|record| record.end == Side::Server).collect();
    let mut lines: Timeline<String> = Timeline::new(String::new());
    for record in &records {
        lines.event(record.at, &record.what.event().expect("no notes here"));
    }
    assert!(!lines.failed());
    assert_eq!(lines.into_inner(), timeline(&records));
}

/// A client alone tells the wire by itself.
#[test]
fn a_client_alone() {
    let mut world = world();
    world.udp(server_v4(), b"hello").unwrap();
    let records: Vec<_> =
        world.history.records().into_iter().filter(|record| record.end == Side::Client).collect();
    let text = timeline(&records);
    assert!(
        text.contains("  >       udp 192.168.69.100:49152 > 192.168.69.1:12000 5 bytes \"hello\""),
        "{text}"
    );
}

/// Frames with bits inverted and ends cut off: whatever comes, it is a line, and no view panics.
#[test]
fn whatever_the_bytes() {
    let mut world = world();
    world.tcp(server_v6(), b"hello").unwrap();
    world.udp(server_v4(), b"hello").unwrap();
    let mut world = world.raw();
    world.give(&raw::udp((client_v4(), 5_000), (server_v4(), 99), b"nobody"));
    let frames: Vec<_> = world
        .history
        .records()
        .into_iter()
        .filter_map(|record| match record.what {
            What::Frame { bytes, .. } => Some(bytes),
            _ => None,
        })
        .collect();
    let mut random = 1_u64;
    let mut below = move |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    let mut lines: Timeline<String, 2> = Timeline::of(Side::Server, String::new());
    let mut json: Json<String, 2> = Json::of(Side::Server, String::new());
    let mut capture = Capture::new(Vec::new(), "tap0", 0);
    let mut watch = SlotObserver::owned(2);
    for round in 0..20_000 {
        let mut bytes = frames[below(frames.len())].to_vec();
        for _ in 0..below(4) {
            let at = below(bytes.len());
            bytes[at] ^= 1 << below(8);
        }
        bytes.truncate(bytes.len() + 20 - below(40).min(20 + bytes.len()));
        let way = [Way::Out, Way::Common, Way::Connection(below(3)), Way::Waiting][below(4)];
        let now = Instant::from_micros(round);
        let event = Event::Frame(Frame::new(way, &bytes));
        lines.event(now, &event);
        json.event(now, &event);
        capture.event(now, &event);
        watch.event(now, &event);
    }
    for text in [lines.into_inner(), json.into_inner()] {
        assert_eq!(text.lines().count(), 20_000);
        assert!(text.is_ascii());
    }
    assert_eq!(capture.packets(), 20_000);
}

/// Beyond what is remembered, numbers are the header's own; nothing else changes.
#[test]
fn many_connections_and_little_memory() {
    let mut lines: Timeline<String, 1> = Timeline::of(Side::Server, String::new());
    let mut peers = [Peer::new(1_001), Peer::new(1_002)];
    for peer in &mut peers {
        let syn = peer.segment(TcpControl::Syn, b"");
        lines.event(Instant::ZERO, &Event::Frame(Frame::new(Way::Common, &syn)));
    }
    for peer in &mut peers {
        let data = peer.segment(TcpControl::Psh, b"data");
        lines.event(Instant::ZERO, &Event::Frame(Frame::new(Way::Common, &data)));
    }
    lines.event(Instant::ZERO, &Event::Call(Call::Listen { port: 1 }));
    let text = lines.into_inner();
    assert!(text.contains("1001 > 12000 P. 1001001:1001005(4) ack 0 win 64000 \"data\""), "{text}");
    assert!(text.ends_with("  0.000000  server  tcp listen 1\n"), "{text}");
    assert!(size_of::<Lines>() <= 4_096, "{} bytes on a board", size_of::<Lines>());
}

#[test]
fn a_failing_golden_file_shows_the_first_line_that_differs() {
    let shown = golden::difference("one\ntwo\nthree\n", "one\n2\n3\n").expect("they differ");
    assert_eq!(shown, "         one\n    was: two\n-->  is: 2\n         3\n");
    let shown = golden::difference("one\ntwo\n", "one\n").expect("they differ");
    assert_eq!(shown, "         one\n    was: two\n-->  is: (the end)\n");
    assert_eq!(golden::difference("one\n", "one\n"), None);
}
