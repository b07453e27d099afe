//! Upper-casing against Python's `str.upper()`, and however the stream is cut.
use core::ops::RangeInclusive;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use undersock::text::{MAX_CHARACTER, MAX_EXPANSION, MAX_INCOMPLETE, Progress, upper_case};

fn upper(input: &[u8]) -> Vec<u8> {
    let mut output = vec![0; input.len() * MAX_EXPANSION];
    let Progress { consumed, produced } = upper_case(input, true, &mut output);
    assert_eq!(consumed, input.len(), "the end, and room enough, and yet something is left");
    output.truncate(produced);
    output
}

fn upper_str(text: &str) -> String {
    String::from_utf8(upper(text.as_bytes())).expect("the upper case of text is text")
}

#[test]
fn every_character_as_in_python() {
    let python = Python::ask();
    let wrong: Vec<String> = ('\0'..=char::MAX)
        .filter(|&c| upper_str(&c.to_string()) != python.upper(c) && !python.may_differ(c))
        .map(|c| format!("U+{:04X}: {:?}, Python {:?}", c as u32, upper_str(&c.to_string()), python.upper(c)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} characters differ (Unicode here {:?}, Python's {:?}):\n{}",
        wrong.len(),
        char::UNICODE_VERSION,
        python.version,
        wrong.join("\n")
    );
}

#[test]
fn mixed_text_as_in_python() {
    let python = Python::ask();
    let mut random = Random(1);
    let texts: Vec<String> = (0..4_000).map(|_| random.text(|c| !python.may_differ(c))).collect();
    let uppers = python_upper(&texts);
    assert_eq!(uppers.len(), texts.len(), "one answer for each text");
    for (text, expected) in texts.iter().zip(uppers) {
        assert_eq!(upper_str(text), expected, "the upper case of {text:?}");
    }
}

#[test]
fn the_same_however_the_stream_is_cut() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let stream = random.bytes();
        // The same by other means: valid stretches by the standard library, the rest as it is.
        let mut expected = Vec::new();
        for chunk in stream.utf8_chunks() {
            expected.extend(chunk.valid().to_uppercase().bytes());
            expected.extend(chunk.invalid());
        }
        assert_eq!(upper(&stream), expected, "seed {seed}, in one piece: {stream:x?}");
        assert_eq!(upper_in_pieces(&stream, &mut random), expected, "seed {seed}, in pieces: {stream:x?}");
    }
}

/// As a connection does it: bytes arrive, room comes free, what isn't consumed waits.
fn upper_in_pieces(stream: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut to_come, mut waiting, mut out) = (stream, Vec::new(), Vec::new());
    loop {
        let (arrived, later) = to_come.split_at(random.below(to_come.len().min(40) + 1));
        waiting.extend(arrived);
        to_come = later;
        // The end may come with the last bytes, or be seen only after them.
        let end = to_come.is_empty() && random.below(2) == 0;
        loop {
            let mut room = vec![0; random.within(MAX_CHARACTER..=50)];
            let Progress { consumed, produced } = upper_case(&waiting, end, &mut room);
            assert!(produced <= consumed * MAX_EXPANSION, "{produced} bytes out for {consumed} in");
            out.extend(&room[..produced]);
            waiting.drain(..consumed);
            if consumed == 0 {
                break;
            }
        }
        if end {
            assert!(waiting.is_empty(), "left at the end: {waiting:x?}");
            return out;
        }
        assert!(waiting.len() <= MAX_INCOMPLETE, "waits without need: {waiting:x?}");
    }
}

/// What Python's tables say.
struct Python {
    version: (u8, u8, u8),
    /// Only of characters that change.
    upper: HashMap<char, String>,
    /// In order.
    unassigned: Vec<RangeInclusive<u32>>,
}

impl Python {
    fn ask() -> Python {
        let answer = python(
            r#"
import itertools, unicodedata
print(*unicodedata.unidata_version.split("."))
characters = [chr(c) for c in range(0x110000) if not 0xd800 <= c < 0xe000]
print(*(f"{c} {c.upper()}".encode().hex() for c in characters if c != c.upper()))
for unassigned, run in itertools.groupby(characters, lambda c: unicodedata.category(c) == "Cn"):
    run = list(run)
    if unassigned:
        print(ord(run[0]), ord(run[-1]))
"#,
            "",
        );
        let mut lines = answer.lines();
        let version = numbers(lines.next().expect("a line with the version"));
        let changes = lines.next().expect("a line with the characters that change");
        Python {
            version: (version[0] as u8, version[1] as u8, version[2] as u8),
            upper: changes
                .split(' ')
                .map(text_of_hex)
                .map(|pair| {
                    let (c, upper) = pair.split_once(' ').expect("a character and its upper case");
                    (c.parse().expect("one character"), upper.to_owned())
                })
                .collect(),
            unassigned: lines.map(numbers).map(|run| run[0]..=run[1]).collect(),
        }
    }

    fn upper(&self, c: char) -> String {
        self.upper.get(&c).cloned().unwrap_or_else(|| c.to_string())
    }

    fn knows(&self, c: char) -> bool {
        let code = c as u32;
        let next = self.unassigned.partition_point(|run| *run.end() < code);
        self.unassigned.get(next).is_none_or(|run| !run.contains(&code))
    }

    /// Whether Python's Unicode is too old for this character or for its upper case.
    fn may_differ(&self, c: char) -> bool {
        let upper = upper_str(&c.to_string());
        self.version < char::UNICODE_VERSION && !(self.knows(c) && upper.chars().all(|c| self.knows(c)))
    }
}

fn python_upper(texts: &[String]) -> Vec<String> {
    let input: Vec<String> = texts.iter().map(|text| hex_of_text(text)).collect();
    let answer = python(
        r#"
import sys
for line in sys.stdin.read().split("\n"):
    print(bytes.fromhex(line).decode().upper().encode().hex())
"#,
        &input.join("\n"),
    );
    answer.lines().map(text_of_hex).collect()
}

/// Runs a script that reads all of its input before it writes.
fn python(script: &str, input: &str) -> String {
    let started = Command::new("python3")
        .args(["-I", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!(
                "python3 is missing, and this test compares with it: apt install python3 (Debian's package)"
            )
        }
        Err(error) => panic!("starting python3: {error}"),
    };
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("python3 reads its input");
    let output = child.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "python3: {}", output.status);
    String::from_utf8(output.stdout).expect("ASCII")
}

fn numbers(line: &str) -> Vec<u32> {
    line.split(' ').map(|number| number.parse().expect("a number")).collect()
}

fn hex_of_text(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of_hex(hex: &str) -> String {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect()).expect("UTF-8")
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers everywhere for the same seed.
struct Random(u64);

/// Where case does something, where it does nothing, and each length in UTF-8.
const SCRIPTS: [RangeInclusive<char>; 22] = [
    ' '..='~',
    '\u{80}'..='\u{24f}',      // Latin
    '\u{250}'..='\u{2af}',     // phonetic
    '\u{300}'..='\u{36f}',     // combining
    '\u{370}'..='\u{3ff}',     // Greek
    '\u{400}'..='\u{52f}',     // Cyrillic
    '\u{530}'..='\u{58f}',     // Armenian
    '\u{10a0}'..='\u{10ff}',   // Georgian
    '\u{13a0}'..='\u{13ff}',   // Cherokee
    '\u{1c80}'..='\u{1cbf}',   // Cyrillic and Georgian again
    '\u{1e00}'..='\u{1fff}',   // Latin and Greek with marks
    '\u{2100}'..='\u{218f}',   // letterlike, numbers
    '\u{24b0}'..='\u{24ff}',   // circled
    '\u{2c00}'..='\u{2d2f}',   // Glagolitic, Latin, Coptic, Georgian
    '\u{4e00}'..='\u{9fff}',   // Han
    '\u{a640}'..='\u{a7ff}',   // Cyrillic and Latin again
    '\u{ab30}'..='\u{abbf}',   // Latin and Cherokee again
    '\u{fb00}'..='\u{fb17}',   // ligatures
    '\u{ff00}'..='\u{ff5f}',   // full width
    '\u{10400}'..='\u{105bf}', // Deseret, Osage, Vithkuqi
    '\u{1e900}'..='\u{1e95f}', // Adlam
    '\0'..=char::MAX,
];

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    fn character(&mut self, script: &RangeInclusive<char>) -> char {
        let code = self.within(*script.start() as usize..=*script.end() as usize);
        char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Words of one script each, with ASCII between them.
    fn text(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        for _ in 0..self.below(8) {
            let longest = [8, 8, 8, 80][self.below(4)];
            for _ in 0..self.below(longest) {
                text.push(self.character(&SCRIPTS[0]));
            }
            let script = &SCRIPTS[self.below(SCRIPTS.len())];
            for _ in 0..self.below(8) {
                text.push(self.character(script));
            }
        }
        text.retain(wanted);
        text
    }

    /// Text, text with bytes missing or wrong, and what comes close to UTF-8.
    fn bytes(&mut self) -> Vec<u8> {
        const NEARLY: [&[u8]; 8] = [
            b"\x80",
            b"\xc0\xaf",
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xf0\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80",
            b"\xff",
        ];
        let mut bytes = self.text(|_| true).into_bytes();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.next() as u8),
                2 => drop(bytes.drain(at..(at + 1).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, NEARLY[self.below(NEARLY.len())].iter().copied())),
            }
        }
        bytes
    }
}
