//! Captures, as tshark reads them.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, io, process};

use test_support::world::raw::{self, Peer};
use test_support::world::{World, client_v4, server_v4, server_v6, small};
use undersock::event::{Direction, DropRule, Event, Fate, Frame, Observer, Trouble, Way};
use undersock::packet::Link;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::TcpControl;
use undersock_views::Side;
use undersock_views::pcapng::{Capture, capture};
use undersock_views::record::{Record, What};

/// Some day in November 2023, in microseconds after the beginning of 1970.
const UNIX: i64 = 1_700_000_000_000_000;

/// A file of this test process, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let path = env::temp_dir().join(format!("undersock-{}-{name}.pcapng", process::id()));
        fs::write(&path, bytes).expect("a file in the temporary folder");
        File(path)
    }

    /// What a program says of it. It may say nothing on standard error.
    fn told(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).arg(&self.0).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}; apt-get install tshark"));
        let complaint: String = String::from_utf8_lossy(&output.stderr)
            .lines()
            // It is right about that.
            .filter(|line| !line.starts_with("Running as user \"root\""))
            .collect();
        assert!(output.status.success() && complaint.is_empty(), "{program}: {complaint}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// These fields of every packet.
    fn fields(&self, fields: &[&str]) -> Vec<Vec<String>> {
        let mut arguments = vec!["-n", "-T", "fields", "-E", "aggregator=|"];
        arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
        // The last argument is the file's name.
        arguments.push("-r");
        let told = self.told("tshark", &arguments);
        told.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The frames of the server's end.
fn frames(records: &[Record]) -> Vec<(Instant, Way, &[u8])> {
    let frame = |record| match record {
        &Record { at, end: Side::Server, what: What::Frame { way, ref bytes, .. } } => {
            Some((at, way, &**bytes))
        }
        _ => None,
    };
    records.iter().filter_map(frame).collect()
}

fn time(at: Instant) -> String {
    let micros = UNIX + at.total_micros();
    format!("{}.{:06}000", micros / 1_000_000, micros % 1_000_000)
}

/// An interface description has one link type: a file with both has two of them.
#[test]
fn tshark_reads_packets_without_ethernet() {
    let mut world = World::point_to_point(small());
    world.tcp(server_v4(), b"hello").unwrap();
    world.udp(server_v6(), b"hello").unwrap();
    let records = world.history.records();
    let file = File::new("ip", &capture(&records, Vec::new(), "tun0", UNIX).unwrap());
    let names = ["frame.encap_type", "frame.interface_id", "frame.interface_name", "frame.protocols"];
    let rows = file.fields(&names);
    // rawip is Wireshark's number 7.
    assert!(rows.len() > 8 && rows.iter().all(|row| row[..3] == ["7", "0", "tun0"]), "{rows:?}");
    let protocols: Vec<&str> = rows.iter().map(|row| &*row[3]).collect();
    assert!(
        protocols.contains(&"raw:ip:tcp") && protocols.iter().any(|name| name.starts_with("raw:ipv6:udp"))
    );

    let frame = raw::udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    let mut capture = Capture::new(Vec::new(), "both", UNIX);
    for (link, bytes) in
        [(Link::Ethernet, &frame[..]), (Link::Ip, &frame[14..]), (Link::Ethernet, &frame[..])]
    {
        capture.event(Instant::ZERO, &Event::Frame(Frame::new(Way::Common, bytes).with_link(link)));
    }
    assert_eq!(capture.packets(), 3);
    let file = File::new("both", &capture.finish().expect("memory"));
    let rows = file.fields(&[
        "frame.encap_type",
        "frame.interface_id",
        "udp.dstport",
        "frame.packet_flags_reception_type",
    ]);
    // Without an Ethernet address nothing says for whom it was.
    let row = |row: [&str; 4]| row.map(str::to_owned).to_vec();
    assert_eq!(
        rows,
        [row(["1", "0", "12000", "1"]), row(["7", "1", "12000", "0"]), row(["1", "0", "12000", "1"])]
    );
}

#[test]
fn tshark_reads_what_was_written() {
    let mut world = World::new(small());
    world.tcp(server_v4(), b"hello").unwrap();
    world.udp(server_v6(), "straße".as_bytes()).unwrap();
    let mut world = world.raw();
    world.give(&raw::udp((client_v4(), 0), (server_v4(), 12_000), b"a server's?"));
    let records = world.history.records();
    let file = File::new("read", &capture(&records, Vec::new(), "tap7", UNIX).unwrap());
    let frames = frames(&records);

    let rows = file.fields(&[
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.packet_flags_direction",
        "frame.interface_name",
        "tcp.flags.str",
        "_ws.malformed",
        "tcp.checksum.status",
        "frame.comment",
    ]);
    assert_eq!(rows.len(), frames.len());
    for (row, (at, way, bytes)) in rows.iter().zip(&frames) {
        let length = bytes.len().to_string();
        let direction = if *way == Way::Out { "0x00000002" } else { "0x00000001" };
        assert_eq!(row[..5], [time(*at), length.clone(), length, direction.to_owned(), "tap7".to_owned()]);
        assert_eq!(row[6], "");
    }
    let comments_of = |flags: &str, nth: usize| {
        let row = rows.iter().filter(|row| row[5].replace('·', "") == flags).nth(nth);
        let row = row.unwrap_or_else(|| panic!("no such segment: {rows:#?}"));
        row[8].split('|').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(comments_of("S", 0), ["server: #0 LISTEN -> SYN-RECEIVED"]);
    assert_eq!(comments_of("AS", 0), ["client: #0 SYN-SENT -> ESTABLISHED"]);
    assert_eq!(
        comments_of("AP", 0),
        [
            "server: #0 recv 5 bytes",
            "server: #0 send 5 bytes",
            "server: #0 close",
            "server: #0 ESTABLISHED -> FIN-WAIT-1"
        ]
    );
    assert_eq!(rows[rows.len() - 1][8], "dropped: port zero");
    let connects = "client: #0 connect 192.168.69.1:12000 from 192.168.69.100:49152";
    assert!(rows[0][8].starts_with(connects), "{}", rows[0][8]);

    let told = file.told("capinfos", &["-M"]);
    for line in [
        format!("Number of packets:   {}", frames.len()),
        "File encapsulation:  ether".to_owned(),
        "Strict time order:   True".to_owned(),
        "Capture application: undersock".to_owned(),
        "Name = tap7".to_owned(),
        "Time precision = microseconds (6)".to_owned(),
        "Number of stat entries = 1".to_owned(),
    ] {
        assert!(told.contains(&line), "no {line:?} in\n{told}");
    }
    let told = file.told("tshark", &["-q", "-z", "expert,error", "-r"]);
    assert!(!told.contains("Errors ("), "{told}");
}

/// As it happens, frame by frame: the same as afterwards from the records of this end.
#[test]
fn as_it_happens_and_afterwards_alike() {
    let mut world = World::new(small());
    world.tcp(server_v6(), b"hello").unwrap();
    let records: Vec<_> =
        world.history.records().into_iter().filter(|record| record.end == Side::Server).collect();
    let mut written = Capture::new(Vec::new(), "tap0", UNIX);
    for record in &records {
        written.event(record.at, &record.what.event().expect("no notes here"));
    }
    assert_eq!(written.packets(), frames(&records).len() as u64);
    assert_eq!(written.finish().unwrap(), capture(&records, Vec::new(), "tap0", UNIX).unwrap());
}

#[test]
fn what_the_wire_did_stands_beside_the_frames() {
    let mut peer = Peer::new(40_000);
    let syn = peer.segment(TcpControl::Syn, b"");
    let other = Peer::new(40_001).segment(TcpControl::Syn, b"");
    let mut broken = other.clone();
    broken[12] ^= 0x10;
    let mut capture = Capture::new(Vec::new(), "tap0", UNIX);
    let at = |millis| Instant::from_millis(millis);
    let trouble = |direction, fate, bytes| Event::Trouble(Trouble::new(direction, fate, bytes));
    let frame = |way, bytes| Event::Frame(Frame::new(way, bytes));
    capture.note("a note");
    capture.event(at(1), &trouble(Direction::In, Fate::Lost, &syn));
    capture.event(at(2), &trouble(Direction::In, Fate::Duplicated, &syn));
    capture.event(at(2), &trouble(Direction::In, Fate::Corrupted { bit: 99 }, &other));
    capture.event(at(3), &frame(Way::Connection(0), &syn));
    capture.event(at(4), &frame(Way::Dropped(DropRule::NotForUs), &broken));
    capture.event(at(5), &frame(Way::Dropped(DropRule::Duplicate), &syn));
    capture.event(at(6), &trouble(Direction::In, Fate::Delayed(Duration::from_secs(3)), &other));
    capture.event(at(3_006), &frame(Way::Waiting, &other));
    capture.event(at(3_007), &frame(Way::Out, &syn));
    capture.event(at(3_007), &trouble(Direction::Out, Fate::Lost, &syn));
    capture.event(at(3_008), &trouble(Direction::Out, Fate::Lost, &other));
    let file = File::new("trouble", &capture.finish().unwrap());
    let rows = file.fields(&["frame.packet_flags_direction", "frame.comment"]);
    let rows: Vec<_> = rows.iter().map(|row| (row[0].trim_start_matches("0x0000000"), &row[1][..])).collect();
    assert_eq!(
        rows,
        [
            ("1", "a note|on the wire: lost"),
            ("1", "on the wire: duplicated"),
            ("1", "on the wire: bit 99 inverted|dropped: not for us"),
            ("1", "on the wire: the second of the two|dropped: SYN again"),
            ("1", "on the wire: delayed by 3 s|waits for a slot"),
            ("2", "on the wire: lost"),
            ("2", "on the wire: lost"),
        ]
    );
}

/// More than any buffer holds, with a flush in between; comments that are longer than one can be.
#[test]
fn no_frame_is_missing() {
    let frame = raw::udp((client_v4(), 5_000), (server_v4(), 12_000), &[b'x'; 1_400]);
    let mut capture = Capture::new(Vec::new(), "tap0", UNIX);
    for n in 0..1_000 {
        if n == 500 {
            capture.flush().unwrap();
            capture.note(&"é".repeat(100_000));
        }
        // Of every length, so of every padding.
        let bytes = &frame[..frame.len() - n as usize % 8];
        capture.event(Instant::from_micros(n), &Event::Frame(Frame::new(Way::Common, bytes)));
    }
    let file = File::new("many", &capture.finish().unwrap());
    let rows = file.fields(&["frame.number", "frame.cap_len"]);
    assert_eq!(rows.len(), 1_000);
    assert!(rows.iter().enumerate().all(|(n, row)| row[1] == (frame.len() - n % 8).to_string()));
}

#[test]
fn an_empty_capture_is_one_too() {
    let file = File::new("empty", &Capture::new(Vec::new(), "tap0", UNIX).finish().unwrap());
    assert_eq!(file.fields(&["frame.number"]), Vec::<Vec<String>>::new());
}

#[test]
fn an_error_is_told_at_the_end() {
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut capture = Capture::new(Full, "tap0", UNIX);
    for n in 0..100_000 {
        capture.event(Instant::from_micros(n), &Event::Frame(Frame::new(Way::Common, &[0; 60])));
    }
    assert!(capture.failed());
    assert_eq!(capture.finish().err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
}
