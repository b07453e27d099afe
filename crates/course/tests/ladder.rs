//! The ladder and the state diagram of what really happened.
#[path = "ladder/drawn.rs"]
#[allow(unreachable_pub, reason = "it is a module of one test")]
mod drawn;
#[path = "ladder/stage.rs"]
#[allow(unreachable_pub, reason = "it is a module of one test")]
mod stage;

use std::sync::OnceLock;
use test_support::golden;

use stage::Stage;
use undersock::event::Way;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::IpAddress;
use undersock_views::Side;
use undersock_views::ladder::{Format, Style, html, svg, terminal};
use undersock_views::record::{Record, What};
use undersock_views::states;

const HOSTILE: &str = "</svg><script>alert('1')</script><!--\u{1b}[2J\u{202e}&amp;\"";

fn server() -> IpAddress {
    IpAddress::v4(192, 168, 69, 1)
}

/// A UDP exchange, with ARP before it.
fn datagrams() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.udp(server(), b"hello");
    stage.records()
}

/// The textbook's exchange, to the end of TIME-WAIT.
fn sentence() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.tcp(server(), &[b"hello"]);
    stage.pass(Duration::from_secs(12));
    stage.records()
}

/// Two at once, over IPv6.
fn two() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.tcp(IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1), &[b"one", "zwei straßen".as_bytes()]);
    stage.pass(Duration::from_millis(50));
    stage.records()
}

/// Kilobytes through stream mode.
fn stream() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.stream(&b"The quick brown fox jumps over the lazy dog. ".repeat(200));
    stage.pass(Duration::from_millis(100));
    stage.records()
}

/// Every trouble that a wire can make.
fn troubles() -> Vec<Record> {
    let mut stage = Stage::with(&[
        "drop the first SYN from the client",
        "drop the first SYN-ACK from the server",
        "delay the first data segment from the client by 300 ms",
        "corrupt the first FIN from the client",
        "duplicate the first data segment from the server",
    ]);
    let text = "The wire loses the first SYN and the first SYN-ACK, keeps the sentence back for 300 ms, doubles the \
                reply, and inverts a bit of the client's FIN.";
    stage.recorder.note(stage.now, Side::Client, text);
    stage.tcp(server(), &[b"hello"]);
    stage.pass(Duration::from_millis(3_000));
    stage.records()
}

/// Nobody listens.
fn refusal() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.connect(12_345);
    stage.pass(Duration::from_millis(50));
    stage.records()
}

/// What comes from a network and from a person and would like to be markup.
fn hostile() -> Vec<Record> {
    let mut stage = Stage::new();
    stage.recorder.note(stage.now, Side::Server, HOSTILE);
    stage.udp(server(), HOSTILE.as_bytes());
    stage.tcp(server(), &[HOSTILE.as_bytes()]);
    stage.records()
}

/// Every exchange here, and every scene of the course.
fn all() -> &'static [(String, Vec<Record>)] {
    static ALL: OnceLock<Vec<(String, Vec<Record>)>> = OnceLock::new();
    ALL.get_or_init(run_all)
}

fn run_all() -> Vec<(String, Vec<Record>)> {
    type Case = (&'static str, fn() -> Vec<Record>);
    let own: [Case; 7] = [
        ("datagrams", datagrams),
        ("sentence", sentence),
        ("two", two),
        ("stream", stream),
        ("troubles", troubles),
        ("refusal", refusal),
        ("hostile", hostile),
    ];
    let own = own.into_iter().map(|(name, records)| (name.into(), records()));
    let scenes =
        undersock_course::list().iter().map(|scene| (format!("scene-{}", scene.name), scene.run().records));
    own.chain(scenes).collect()
}

/// As one end alone would have it.
fn only(records: &[Record], end: Side) -> Vec<Record> {
    records.iter().filter(|record| record.end == end).cloned().collect()
}

/// The records of both ends, and of each alone.
fn each(records: &[Record]) -> [Vec<Record>; 3] {
    [records.to_vec(), only(records, Side::Server), only(records, Side::Client)]
}

fn count(records: &[Record], is: impl Fn(&What) -> bool) -> usize {
    records.iter().filter(|record| is(&record.what)).count()
}

#[test]
fn the_terminals_ladders_are_as_they_were() {
    golden::check("ladder/sentence-80", &terminal(&sentence(), Style::default()));
    golden::check("ladder/two-120", &terminal(&two(), Style::default().with_width(120)));
    golden::check("ladder/troubles-80", &terminal(&troubles(), Style::default()));
    let ascii = Style::default().with_ascii(true);
    golden::check("ladder/troubles-server-ascii", &terminal(&only(&troubles(), Side::Server), ascii));
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    for (name, records) in all() {
        for records in each(records) {
            for width in [60, 80, 100, 120, 200] {
                let text = terminal(&records, Style::default().with_width(width));
                let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(longest <= width, "{name}, {width}: {longest}\n{text}");
                let ascii = terminal(&records, Style::default().with_width(width).with_ascii(true));
                // What somebody noted is theirs.
                let plain = ascii.lines().all(|line| line.is_ascii());
                assert!(plain && !ascii.contains('\u{1b}'), "{name}\n{ascii}");
            }
        }
    }
}

/// Each of them waits in a column of its own, as long as there are any between the two ends.
#[test]
fn many_frames_under_way_fit_a_narrow_terminal() {
    let mut stage = Stage::announcing();
    stage.tcp(IpAddress::v4(192, 168, 69, 1), &[&b"hello"[..]; 7]);
    let records = stage.records();
    for width in 60..=100 {
        let text = terminal(&records, Style::default().with_width(width));
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(longest <= width, "{width}: {longest}\n{text}");
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for (name, records) in all() {
        let plain = terminal(records, Style::default());
        assert!(!plain.contains('\u{1b}'), "{name}");
        let coloured = terminal(records, Style::default().with_colour(true));
        assert!(coloured.contains("\u{1b}["), "{name}");
        let mut stripped = String::new();
        for (index, piece) in coloured.split("\u{1b}[").enumerate() {
            let text = if index == 0 { piece } else { piece.split_once('m').expect("an SGR code").1 };
            stripped.push_str(text);
        }
        assert_eq!(stripped, plain, "{name}");
    }
}

/// Every frame is sent by one of the two ends. What only one of them has recorded came to it or left it.
#[test]
fn everything_is_there_once() {
    for (name, records) in all() {
        for (index, records) in each(records).iter().enumerate() {
            let frames = count(records, |what| match what {
                What::Frame { way, .. } => index > 0 || *way == Way::Out,
                _ => false,
            });
            for shape in [Format::Wide, Format::Narrow] {
                let drawn = svg(records, name, shape);
                let groups = |class: &str| drawn.matches(&format!("<g class=\"{class}\">")).count();
                // A lost frame that was on its way to the only end is known from its trouble; a copy is none of its own.
                if index == 0 && !name.starts_with("scene") {
                    assert_eq!(groups("frame"), frames, "{name}");
                }
                assert!(groups("frame") >= 1 && groups("frame") == groups("rung"), "{name}");
                assert_eq!(groups("call"), count(records, |what| matches!(what, What::Call(_))), "{name}");
                assert_eq!(groups("state"), count(records, |what| matches!(what, What::State(_))), "{name}");
                let moved = |what: &What| matches!(what, What::Timer(_) | What::Congestion(_));
                assert_eq!(groups("timer"), count(records, moved), "{name}");
                assert_eq!(groups("note"), count(records, |what| matches!(what, What::Note(_))), "{name}");
            }
            let text = terminal(records, Style::default().with_width(120));
            let states = count(records, |what| matches!(what, What::State(_)));
            let boxes = text.lines().filter(|line| !line.contains('▌') && !line.starts_with(" #"));
            let boxes: usize = boxes.map(state_boxes).sum();
            assert_eq!(boxes, states, "{name}\n{text}");
        }
    }
}

fn state_boxes(line: &str) -> usize {
    let pieces = line.split('[').skip(1).filter_map(|piece| piece.split_once(']'));
    pieces
        .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '1' || c == '2'))
        .count()
}

#[test]
fn drawings_and_pages_are_well_formed() {
    for (name, records) in all() {
        for records in each(records) {
            for shape in [Format::Wide, Format::Narrow] {
                drawn::well_formed(&svg(&records, HOSTILE, shape))
                    .unwrap_or_else(|why| panic!("{name}: {why}"));
            }
            let page = html(&records, HOSTILE, &format!("One.\n\n{HOSTILE}"));
            let page = page.strip_prefix("<!DOCTYPE html>\n").expect("an HTML page");
            drawn::well_formed(page).unwrap_or_else(|why| panic!("{name}: {why}"));
            for start in [None, Some(Instant::ZERO)] {
                let diagram = states::svg(&states::paths(&records), start, HOSTILE);
                drawn::well_formed(&diagram).unwrap_or_else(|why| panic!("{name}: {why}"));
            }
        }
    }
}

#[test]
fn nothing_from_outside_is_markup_or_fetched() {
    for (name, records) in all() {
        let page = html(records, HOSTILE, HOSTILE).replace("http://www.w3.org/2000/svg", "");
        for part in [
            "<script", "<!--", "http:", "https:", "url(", "@import", "href", "src=", "onload", "\u{1b}",
            "\u{202e}",
        ] {
            assert!(!page.to_lowercase().contains(part), "{name}: {part}");
        }
        let text = terminal(records, Style::default());
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{name}\n{text}");
    }
}

#[test]
fn no_text_lies_on_another() {
    let mut hits = Vec::new();
    for (name, records) in all() {
        for (end, records) in ["both", "server", "client"].into_iter().zip(each(records)) {
            for shape in [Format::Wide, Format::Narrow] {
                let found = drawn::overlaps(&svg(&records, "", shape));
                hits.extend(found.into_iter().map(|hit| format!("{name}, {end}, {shape:?}: {hit}")));
            }
        }
    }
    assert!(hits.is_empty(), "{} texts lie on others:\n{}", hits.len(), hits.join("\n"));
}

#[test]
fn nothing_of_nothing_is_nothing() {
    for records in [Vec::new(), only(&datagrams(), Side::Client)[..1].to_vec()] {
        assert!(svg(&records, "", Format::Wide).ends_with("</svg>\n"));
        assert!(!terminal(&records, Style::default()).is_empty());
        drawn::well_formed(&states::svg(&states::paths(&records), None, "")).expect("well-formed");
    }
}

/// The server closes first: its way and the client's, as the RFC's figure 5 (3.3.2) and figure 12 (3.6) have them.
#[test]
fn the_ways_through_the_states() {
    let paths = states::paths_of(&sentence(), 0);
    let ways: Vec<(Side, Vec<String>)> = paths
        .iter()
        .map(|path| (path.end, path.steps.iter().map(|step| step.change.to.to_string()).collect()))
        .collect();
    let client = ["SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"];
    let server = ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT", "CLOSED"];
    assert_eq!(
        ways,
        [
            (Side::Client, client.map(String::from).to_vec()),
            (Side::Server, server.map(String::from).to_vec())
        ]
    );
    let diagram = states::svg(&paths, None, "");
    assert_eq!(diagram.matches("<g class=\"step\">").count(), 10);
    assert_eq!(diagram.matches("<g class=\"place visited\">").count(), 10, "all but FIN-WAIT-2 and CLOSING");
    let two = two();
    assert_eq!(states::paths(&two).len(), 4);
    assert!(states::paths_of(&two, 1).iter().all(|path| path.connection == Some(1)));
}

/// For a person who wants to look: `UNDERSOCK_DRAW=folder cargo test --test ladder`.
#[test]
fn drawings_to_look_at() {
    let Some(folder) = std::env::var_os("UNDERSOCK_DRAW").map(std::path::PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, records) in all() {
        let write = |kind: &str, text: String| {
            std::fs::write(folder.join(format!("{name}{kind}")), text).expect("a file")
        };
        write(".html", html(records, name, "What happens below the socket API."));
        write("-wide.svg", svg(records, name, Format::Wide));
        write("-server.svg", svg(&only(records, Side::Server), name, Format::Wide));
        write("-states.svg", states::svg(&states::paths_of(records, 0), None, name));
        write(".txt", terminal(records, Style::default()));
    }
}
