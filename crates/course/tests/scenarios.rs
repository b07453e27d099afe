//! The course of scenarios: every scene runs, shows what its texts claim, and has the timeline that is kept in
//! `tests/golden/scenarios`; and the figures of the guide and the README are those of the scenes.
//!
//! `UNDERSOCK_BLESS=1 cargo test --test scenarios` takes timelines and figures as they are now.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use test_support::golden;
use undersock_course::{Further, Run, Scenario, list};
use undersock_views::timeline::timeline;

/// RFCs whose sections have no numbers.
const WITHOUT_SECTIONS: [&str; 3] = ["768", "792", "826"];
/// The guide, whose mentions of RFCs have sections.
const GUIDE: &str = "docs/below-the-socket-api.md";
/// The documents whose figures are the scenes'.
const ILLUSTRATED: [&str; 2] = [GUIDE, "README.md"];
/// The widest that a page is set.
const COLUMNS: usize = 100;

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Timeline and outcome.
fn page(run: &Run) -> String {
    let mut text = timeline(&run.records);
    for line in &run.outcome {
        let _ = write!(text, "\n= {line}");
    }
    text.push('\n');
    text
}

/// The whole of what a student reads of a scene.
fn texts(scenario: &Scenario) -> Vec<String> {
    let mut texts: Vec<String> =
        [scenario.title, scenario.scene, scenario.question, scenario.explanation].map(String::from).into();
    texts.extend(scenario.sources.iter().map(|(source, says)| format!("{source}: {says}")));
    texts.extend(scenario.further.iter().map(ToString::to_string));
    texts
}

#[test]
fn every_scene_shows_what_its_texts_claim() {
    for scenario in list() {
        let run = scenario.run();
        let wrong = scenario.check(&run);
        assert!(wrong.is_empty(), "{}: not so: {wrong:#?}\n{}", scenario.name, page(&run));
        assert!(scenario.claims(&run).len() >= 3, "{} claims next to nothing", scenario.name);
        assert!(!run.outcome.is_empty(), "{} comes to nothing", scenario.name);
    }
}

#[test]
fn the_timelines_are_those_that_are_kept() {
    for scenario in list() {
        golden::check(&format!("scenarios/{}", scenario.name), &page(&scenario.run()));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/scenarios");
    for file in fs::read_dir(folder).expect("the folder can be read") {
        let name = file.expect("it can be read").file_name();
        let name = name.to_string_lossy();
        let scene = name.strip_suffix(".txt").expect("a text");
        assert!(Scenario::named(scene).is_some(), "{name} is of no scene");
    }
}

#[test]
fn two_runs_are_the_same() {
    for scenario in list() {
        assert_eq!(scenario.run(), scenario.run(), "{}", scenario.name);
    }
}

/// A claim that holds whatever happens is none.
#[test]
fn a_run_without_events_shows_nothing_of_it() {
    let run = Run { records: Vec::new(), outcome: Vec::new() };
    for scenario in list() {
        assert!(!scenario.check(&run).is_empty(), "{}", scenario.name);
    }
}

#[test]
fn names_are_unique_and_kebab_case() {
    let mut names = BTreeSet::new();
    for Scenario { name, title, .. } in list() {
        // A line of a list.
        assert!(title.len() <= 60 && name.len() <= 20, "{name}: {title}");
        let words = name.split('-');
        let kebab = words.clone().all(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        assert!(kebab, "{name}");
        assert!(names.insert(name), "{name} twice");
        assert_eq!(Scenario::named(name).map(|scenario| scenario.name), Some(*name));
    }
    assert!(Scenario::named("nothing").is_none());
}

#[test]
fn pages_are_no_wider_than_asked_and_plain() {
    for scenario in list() {
        let run = scenario.run();
        for width in [60, 80, COLUMNS] {
            for page in [scenario.opening(width), scenario.closing(&run, width)] {
                for line in page.lines() {
                    assert!(line.chars().count() <= width, "{}, {width}: {line}", scenario.name);
                    assert_eq!(line, line.trim_end(), "{}", scenario.name);
                }
            }
        }
        let page = scenario.page(&run, &timeline(&run.records), COLUMNS);
        assert!(page.is_ascii() && !page.contains("\n\n\n"), "{page}");
        for text in texts(scenario) {
            assert!(!text.contains("  "), "{}: two spaces in {text:?}", scenario.name);
        }
    }
}

#[test]
fn sources_name_a_section() {
    for scenario in list() {
        assert!(!scenario.sources.is_empty(), "{} has no source", scenario.name);
        for (source, says) in scenario.sources {
            assert!(is_section(source), "{}: {source:?}", scenario.name);
            assert!(!says.is_empty());
        }
        for text in texts(scenario) {
            assert_eq!(without_section(&text), [""; 0], "{}", scenario.name);
        }
    }
    let guide = fs::read_to_string(document(GUIDE)).expect("the guide can be read");
    assert_eq!(without_section(&guide), [""; 0], "{GUIDE}");
}

/// Every "RFC 9293" in a text that has no section.
fn without_section(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let trimmed =
        |words: &[&str]| words.join(" ").trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    let right = |at: usize| {
        let end = |length: usize| words.len().min(at + length);
        is_section(&trimmed(&words[at..end(3)])) || is_section(&trimmed(&words[at..end(2)]))
    };
    let mentions =
        words.windows(2).enumerate().filter(|(_, pair)| pair[0].ends_with("RFC") && is_number(pair[1]));
    mentions.filter(|(at, _)| !right(*at)).map(|(_, pair)| pair.join(" ")).collect()
}

/// "RFC 9293 3.5"; "RFC 826" where there are no numbers.
fn is_section(source: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match source.split(' ').collect::<Vec<_>>()[..] {
        ["RFC", rfc] => WITHOUT_SECTIONS.contains(&rfc),
        ["RFC", rfc, section] => number(rfc) && section.split('.').all(number),
        _ => false,
    }
}

/// "0.015" in an explanation is a line's time; "0.010 s" is how long something takes.
#[test]
fn times_that_are_quoted_are_there() {
    let mut wrong = String::new();
    for scenario in list() {
        let run = scenario.run();
        let mut times: BTreeSet<String> = BTreeSet::new();
        for line in timeline(&run.records).lines() {
            let time = line.split_whitespace().next().expect("a time");
            times.insert(time[..time.len() - 3].to_owned());
        }
        times.extend(
            run.outcome.iter().filter_map(|line| Some(line.strip_suffix(" s")?.rsplit(' ').next()?.into())),
        );
        let mut missing = Vec::new();
        let words: Vec<&str> = scenario.explanation.split_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            let word = word.trim_matches(|c: char| !c.is_ascii_digit());
            let is_time = word.split_once('.').is_some_and(|(seconds, rest)| {
                rest.len() == 3 && (seconds.to_owned() + rest).chars().all(|c| c.is_ascii_digit())
            });
            let takes =
                words.get(index + 1).is_some_and(|next| next.trim_end_matches([',', '.', ';', ':']) == "s");
            if is_time && !takes && !times.contains(word) {
                missing.push(word);
            }
        }
        if !missing.is_empty() {
            let _ = writeln!(wrong, "{}: {missing:?} are no times of\n{}", scenario.name, page(&run));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn scenes_that_are_recommended_are_there() {
    for scenario in list() {
        let scenes = scenario.further.iter().filter_map(|further| match further {
            Further::Scene(name) => Some(*name),
            _ => None,
        });
        for name in scenes {
            assert!(Scenario::named(name).is_some() && name != scenario.name, "{}: {name}", scenario.name);
        }
    }
}

/// Between `<!-- scenario: NAME -->` and `<!-- /scenario -->` a document has the scene's timeline; of the seconds from
/// 0.015 to 0.025 only, where it says `<!-- scenario: NAME, 0.015 to 0.025 -->`.
#[test]
fn figures_are_those_of_the_scenes() {
    for name in ILLUSTRATED {
        let kept = fs::read_to_string(document(name)).expect("the document can be read");
        let fresh = with_fresh_figures(&kept);
        if std::env::var_os("UNDERSOCK_BLESS").is_some_and(|value| !value.is_empty()) {
            fs::write(document(name), fresh).expect("the document can be written");
        } else if let Some(difference) = golden::difference(&kept, &fresh) {
            panic!(
                "{name} has old figures:\n\n{difference}\nIf they are right now: UNDERSOCK_BLESS=1 cargo test"
            );
        }
    }
}

fn with_fresh_figures(document: &str) -> String {
    const BEGIN: &str = "<!-- scenario: ";
    const END: &str = "<!-- /scenario -->";
    let mut timelines = BTreeMap::new();
    let (mut fresh, mut inside) = (String::new(), false);
    for line in document.lines() {
        if inside && line != END {
            continue;
        }
        fresh += line;
        fresh.push('\n');
        inside = false;
        if let Some(words) = line.strip_prefix(BEGIN) {
            let words = words.strip_suffix(" -->").expect("the marker's end");
            let (name, range) = words.split_once(", ").unwrap_or((words, ""));
            let scenario = Scenario::named(name).unwrap_or_else(|| panic!("no scene {name}"));
            let text = timelines.entry(name).or_insert_with(|| timeline(&scenario.run().records));
            fresh += "```text\n";
            fresh += &excerpt(text, range);
            fresh += "```\n";
            inside = true;
        }
    }
    assert!(!inside, "the last figure has no end");
    fresh
}

/// The lines of these seconds, `0.015 to 0.025`; all, if it is empty.
fn excerpt(timeline: &str, range: &str) -> String {
    let seconds = |text: &str| text.trim().parse::<f64>().expect("seconds");
    let range = range.split_once(" to ").map(|(from, to)| seconds(from)..=seconds(to));
    let within = |line: &&str| {
        let time = line.split_whitespace().next().expect("a time");
        range.as_ref().is_none_or(|range| range.contains(&seconds(time)))
    };
    let lines: String = timeline.split_inclusive('\n').filter(within).collect();
    assert!(!lines.is_empty(), "nothing happens in {range:?}");
    lines
}

/// A thread of a server or of a browser has less stack than a program's first.
#[test]
fn every_scene_plays_in_a_small_stack() {
    // Half a browser's. An unoptimised build moves tables of 256 neighbours over it, where a program has chosen so many.
    const STACK: usize = 512 << 10;
    for scenario in list() {
        let play = move || scenario.check(&scenario.run()).is_empty();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(play).expect("a thread");
        assert!(thread.join().expect("no panic"), "{}", scenario.name);
    }
}
