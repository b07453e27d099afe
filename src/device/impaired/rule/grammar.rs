//! A rule's words, read one after the other.

use core::fmt;
use core::str::{FromStr, SplitWhitespace};

use smoltcp::time::Duration;

use super::{FrameKind, Rule, Verb, Which};
use crate::device::impaired::number::{Decimal, WrongDuration, duration};
use crate::event::Direction;

/// What is shown of a word, in bytes.
const SHOWN: usize = 32;
/// The longest word that means something.
const MEANINGFUL: usize = 16;

/// A word that a rule's text has, to be shown: escaped, and its beginning if it is long.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    text: heapless::String<SHOWN>,
    is_cut: bool,
}

impl Word {
    fn new(word: &str) -> Word {
        let mut text = heapless::String::new();
        let is_cut = word.chars().any(|c| text.push(c).is_err());
        Word { text, is_cut }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}{}'", self.text.escape_debug(), if self.is_cut { "..." } else { "" })
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// No text.
    Empty,
    /// It doesn't begin with what is to happen.
    NoVerb(Word),
    /// It doesn't say to what kind of frame.
    NoKind,
    /// A word without a meaning here.
    Unknown(Word),
    /// A word that says again, or otherwise, what has been said.
    Twice(Word),
    /// Not a number from 1 on.
    NotANumber(Word),
    /// Nobody knows yet which is the last.
    Last,
    /// A size that doesn't say how large.
    NoSize,
    /// Neither the client nor the server.
    NobodysSide,
    /// A delay that doesn't say how long.
    NoDuration,
    /// How long, of what takes no time.
    NoDelay,
    /// Not a duration.
    NotADuration(Word),
}

impl RuleError {
    /// A right rule of the kind that was probably meant.
    #[must_use]
    pub fn right(&self) -> &'static str {
        match self {
            RuleError::NoDuration | RuleError::NoDelay | RuleError::NotADuration(_) => "delay the FIN by 3 s",
            RuleError::NobodysSide => "drop the first FIN from the client",
            RuleError::NoSize => "drop frames over 576 bytes",
            RuleError::NotANumber(_) => "drop SYN 1-3",
            _ => Rule::EXAMPLE,
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleError::Empty => f.write_str("nothing is to happen"),
            RuleError::NoVerb(word) => {
                write!(f, "{word} is none of drop, duplicate, corrupt and delay, which come first")
            }
            RuleError::NoKind => f.write_str(
                "what kind of frame? SYN, SYN-ACK, ACK, data segment, FIN, RST, datagram, ARP, NS, NA, ICMP, packet, \
                 frame",
            ),
            RuleError::Unknown(word) => write!(f, "{word} means nothing here"),
            RuleError::Twice(word) => write!(f, "{word} says once more what has been said"),
            RuleError::NotANumber(word) => write!(f, "{word} is not a number from 1 on, or a range of them"),
            RuleError::Last => f.write_str("nobody knows yet which is the last"),
            RuleError::NoSize => f.write_str("over how many bytes?"),
            RuleError::NobodysSide => f.write_str("from whom? the client or the server"),
            RuleError::NoDuration => f.write_str("by how long?"),
            RuleError::NoDelay => f.write_str("only a delay takes a time"),
            RuleError::NotADuration(word) => {
                write!(f, "{word} is not a duration of up to 24 h with a unit (us, ms, s or min)")
            }
        }
    }
}

impl core::error::Error for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Rule, RuleError> {
        let mut words = Words(text.split_whitespace());
        let verb = words.next().ok_or(RuleError::Empty)?;
        let act = match verb.lower().as_str() {
            "drop" | "lose" | "discard" => Act::Drop,
            "duplicate" | "double" | "repeat" => Act::Duplicate,
            "corrupt" | "damage" => Act::Corrupt,
            "delay" | "hold" => Act::Delay,
            _ => return Err(RuleError::NoVerb(verb.shown())),
        };
        let mut read = Read::default();
        while let Some(word) = words.next() {
            read.word(word, &mut words)?;
        }
        read.rule(act)
    }
}

enum Act {
    Drop,
    Duplicate,
    Corrupt,
    Delay,
}

/// What has been read of a rule.
#[derive(Default)]
struct Read {
    which: Option<Which>,
    /// The kind, and whether it is in the plural.
    kind: Option<(FrameKind, bool)>,
    direction: Option<Direction>,
    over: Option<u32>,
    by: Option<Duration>,
}

impl Read {
    fn word(&mut self, word: Text<'_>, words: &mut Words<'_>) -> Result<(), RuleError> {
        match word.lower().as_str() {
            "the" | "a" | "an" | "back" | "that" | "which" | "sends" | "sent" | "message" | "messages" => {
                Ok(())
            }
            "in" | "incoming" | "inbound" => put(&mut self.direction, Direction::In, word),
            "out" | "outgoing" | "outbound" => put(&mut self.direction, Direction::Out, word),
            "client" | "client's" | "client’s" => put(&mut self.direction, Direction::In, word),
            "server" | "server's" | "server’s" => put(&mut self.direction, Direction::Out, word),
            "from" | "of" => {
                let from = words.side().ok_or(RuleError::NobodysSide)?;
                put(&mut self.direction, from, word)
            }
            "to" => {
                let to = match words.side().ok_or(RuleError::NobodysSide)? {
                    Direction::In => Direction::Out,
                    Direction::Out => Direction::In,
                };
                put(&mut self.direction, to, word)
            }
            "by" | "for" => match words.clone().side() {
                Some(_) => Ok(()),
                None => {
                    let by = words.duration()?;
                    put(&mut self.by, by, word)
                }
            },
            "over" | "above" => {
                let over = words.bytes()?;
                put(&mut self.over, over, word)
            }
            "larger" | "longer" | "bigger" | "greater" | "more" if words.take("than") => {
                let over = words.bytes()?;
                put(&mut self.over, over, word)
            }
            "all" | "any" => put(&mut self.which, Which::Every(1), word),
            "every" | "each" => {
                let nth = words.clone().next().and_then(|next| number(next.0));
                if nth.is_some() {
                    words.next();
                }
                put(&mut self.which, Which::Every(nth.unwrap_or(1)), word)
            }
            "everything" | "anything" => {
                put(&mut self.which, Which::Every(1), word)?;
                put(&mut self.kind, (FrameKind::Frame, false), word)
            }
            "last" => Err(RuleError::Last),
            "first" if words.clone().next().is_some_and(|next| number(next.0).is_some()) => {
                let last = words.next().and_then(|next| number(next.0)).unwrap_or(1);
                put(&mut self.which, Which::Numbered { first: 1, last }, word)
            }
            lower
                if ORDINALS.contains(&lower)
                    || lower.starts_with(|c: char| c.is_ascii_digit() || c == '#') =>
            {
                let (first, mut last) = range(word.0).ok_or_else(|| RuleError::NotANumber(word.shown()))?;
                if first == last {
                    last = words.through(first)?;
                }
                put(&mut self.which, Which::Numbered { first, last }, word)
            }
            lower => self.kind(lower, word, words),
        }
    }

    /// A kind of frame, of one word or two.
    fn kind(&mut self, lower: &str, word: Text<'_>, words: &mut Words<'_>) -> Result<(), RuleError> {
        let one = |kind| Some((kind, false));
        let mut found = match lower {
            "syn" if words.take("ack") => one(FrameKind::SynAck),
            "syn" if words.take("acks") => Some((FrameKind::SynAck, true)),
            "ns" => one(FrameKind::Solicitation),
            "na" => one(FrameKind::Advertisement),
            "data" => one(FrameKind::Data),
            "pure" | "bare" => return Ok(()),
            "neighbour" | "neighbor" => return Ok(()),
            "arp" if words.take("request") => one(FrameKind::ArpRequest),
            "arp" if words.take("requests") => Some((FrameKind::ArpRequest, true)),
            "arp" if words.take("reply") => one(FrameKind::ArpReply),
            "arp" if words.take("replies") => Some((FrameKind::ArpReply, true)),
            _ => singular(lower).map(|kind| (kind, false)),
        };
        if found.is_none() {
            found = lower.strip_suffix('s').and_then(singular).map(|kind| (kind, true));
        }
        let Some((kind, plural)) = found else { return Err(RuleError::Unknown(word.shown())) };
        match &mut self.kind {
            // "FIN segment", "UDP datagrams", "ARP frame": a word for what has a name already.
            Some((_, many))
                if matches!(
                    kind,
                    FrameKind::Segment | FrameKind::Datagram | FrameKind::Packet | FrameKind::Frame
                ) =>
            {
                *many |= plural;
                Ok(())
            }
            kind_read => put(kind_read, (kind, plural), word),
        }
    }

    fn rule(self, act: Act) -> Result<Rule, RuleError> {
        let Read { which, kind, direction, over, by } = self;
        let (kind, plural) = kind.ok_or(RuleError::NoKind)?;
        let verb = match (act, by) {
            (Act::Delay, Some(by)) => Verb::Delay(by),
            (Act::Delay, None) => return Err(RuleError::NoDuration),
            (_, Some(_)) => return Err(RuleError::NoDelay),
            (Act::Drop, None) => Verb::Drop,
            (Act::Duplicate, None) => Verb::Duplicate,
            (Act::Corrupt, None) => Verb::Corrupt,
        };
        let unsaid = if plural { Which::Every(1) } else { Which::Numbered { first: 1, last: 1 } };
        Ok(Rule { verb, which: which.unwrap_or(unsaid), kind, direction, over })
    }
}

/// Fills in what hasn't been said yet.
fn put<T>(place: &mut Option<T>, value: T, word: Text<'_>) -> Result<(), RuleError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(RuleError::Twice(word.shown())),
    }
}

/// A kind of one word.
fn singular(word: &str) -> Option<FrameKind> {
    Some(match word {
        "syn" => FrameKind::Syn,
        "syn-ack" | "synack" | "syn/ack" | "syn+ack" => FrameKind::SynAck,
        "ack" | "acknowledgement" | "acknowledgment" => FrameKind::Ack,
        "fin" => FrameKind::Fin,
        "rst" | "reset" => FrameKind::Rst,
        "segment" | "tcp" => FrameKind::Segment,
        "datagram" | "udp" => FrameKind::Datagram,
        "arp" => FrameKind::Arp,
        "solicitation" => FrameKind::Solicitation,
        "advertisement" => FrameKind::Advertisement,
        "icmp" | "icmpv6" => FrameKind::Icmp,
        "packet" => FrameKind::Packet,
        "frame" => FrameKind::Frame,
        _ => return None,
    })
}

const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const CARDINALS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// A number from 1 on: `3`, `3rd`, `#3`, `third`, `three`.
#[allow(clippy::cast_possible_truncation, reason = "there are ten")]
fn number(word: &str) -> Option<u32> {
    let named = |names: &[&str]| names.iter().position(|name| word.eq_ignore_ascii_case(name));
    if let Some(index) = named(&ORDINALS).or_else(|| named(&CARDINALS)) {
        return Some(index as u32 + 1);
    }
    let digits = word.strip_prefix('#').unwrap_or(word);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let right = ["", "st", "nd", "rd", "th"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
    digits.parse().ok().filter(|number| right && *number > 0)
}

/// `2`, `2nd`, `1-3`.
fn range(word: &str) -> Option<(u32, u32)> {
    let ends = ["-", "–", ".."].iter().find_map(|dash| word.split_once(dash));
    let (first, last) = match ends {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(word)?, number(word)?),
    };
    (first <= last).then_some((first, last))
}

/// A word, without the marks around it.
#[derive(Clone, Copy)]
struct Text<'t>(&'t str);

impl Text<'_> {
    /// In lower case; nothing, if it is too long to mean anything.
    fn lower(self) -> heapless::String<MEANINGFUL> {
        let mut lower = heapless::String::new();
        if lower.push_str(self.0).is_err() {
            lower.clear();
        }
        lower.make_ascii_lowercase();
        lower
    }

    fn shown(self) -> Word {
        Word::new(self.0)
    }
}

#[derive(Clone)]
struct Words<'t>(SplitWhitespace<'t>);

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<Text<'t>> {
        self.0
            .by_ref()
            .map(|word| word.trim_matches([',', ';', '.', ':', '"', '\'']))
            .find(|word| !word.is_empty())
            .map(Text)
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, wanted: &str) -> bool {
        let mut ahead = self.clone();
        let is_next = ahead.next().is_some_and(|word| word.0.eq_ignore_ascii_case(wanted));
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// The client's side or the server's, after "from".
    fn side(&mut self) -> Option<Direction> {
        self.take("the");
        match self.next()?.lower().as_str() {
            "client" | "clients" | "in" => Some(Direction::In),
            "server" | "out" => Some(Direction::Out),
            _ => None,
        }
    }

    /// The end of a range that is told in words, "2nd to 4th"; else its beginning.
    fn through(&mut self, first: u32) -> Result<u32, RuleError> {
        let mut ahead = self.clone();
        if !(ahead.take("to") || ahead.take("through")) {
            return Ok(first);
        }
        let Some(word) = ahead.next() else { return Ok(first) };
        match number(word.0) {
            None => Ok(first),
            Some(last) if last >= first => {
                *self = ahead;
                Ok(last)
            }
            Some(_) => Err(RuleError::NotANumber(word.shown())),
        }
    }

    /// A duration of one word or two.
    fn duration(&mut self) -> Result<Duration, RuleError> {
        let word = self.next().ok_or(RuleError::NoDuration)?;
        let mut text = heapless::String::<SHOWN>::new();
        let _ = text.push_str(word.0);
        if duration(word.0) == Err(WrongDuration::NoUnit)
            && let Some(unit) = self.next()
        {
            // What doesn't fit is too long to be a duration.
            let _ = text.push(' ').and_then(|()| text.push_str(unit.0));
        }
        match duration(&text) {
            Ok((duration, "")) if duration > Duration::ZERO => Ok(duration),
            _ => Err(RuleError::NotADuration(Word::new(&text))),
        }
    }

    /// A number of bytes, and the word for them if there is one.
    fn bytes(&mut self) -> Result<u32, RuleError> {
        let word = self.next().ok_or(RuleError::NoSize)?;
        let wrong = || RuleError::NotANumber(word.shown());
        let (number, unit) = Decimal::split(word.0).ok_or_else(wrong)?;
        match unit {
            "" => {
                let _ = self.take("bytes") || self.take("byte") || self.take("B");
            }
            "B" | "bytes" => {}
            _ => return Err(wrong()),
        }
        number.times(1).and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
    }
}
