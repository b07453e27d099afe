//! The options there are, and the first pass over the arguments: which were given, with which values still as text.

use std::ffi::{OsStr, OsString};

use super::values::{Value, shown};
use crate::failure::{Failure, Result};
use crate::help::Topic;

/// One option.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
    pub(super) often: bool,
    /// A right value.
    pub(super) example: &'static str,
    /// The commands that have it.
    pub(super) of: &'static [Topic],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// `--join` or `--join=1234`.
    Perhaps,
    Value,
}

const EVERY: &[Topic] = &Topic::COMMANDS;
const SERVERS: &[Topic] = &[Topic::Lab, Topic::Serve];
const CLIENTS: &[Topic] = &[Topic::Udp, Topic::Tcp];

pub(super) const OPTIONS: &[Spec] = &[
    Spec::value("tap", "tap0", &[Topic::Serve, Topic::Check]),
    Spec::value("tun", "tun0", &[Topic::Serve, Topic::Check]),
    Spec::value("address", "192.168.69.1/24", &[Topic::Serve, Topic::Check]).often(),
    Spec::value("gateway", "192.168.69.100", &[Topic::Serve]).often(),
    Spec::flag("replies-via-gateway", &[Topic::Serve]),
    Spec::flag("dhcp", &[Topic::Serve]),
    Spec::flag("slaac", &[Topic::Serve]),
    Spec::value("mac", "02:00:00:00:00:01", SERVERS),
    Spec::value("udp-port", "12000", SERVERS),
    Spec::value("sentence-port", "12000", SERVERS),
    Spec::value("stream-port", "12001", SERVERS),
    Spec::value("slots", "64", SERVERS),
    Spec::value("buffer", "64k", SERVERS),
    Spec::value("half-open", "5s", SERVERS),
    Spec::value("idle", "60s", SERVERS),
    Spec::value("stalled", "20s", SERVERS),
    Spec::value("closing", "10s", SERVERS),
    Spec::value("text", "unicode", SERVERS),
    Spec::flag("no-recovery", SERVERS),
    Spec::flag("trace", SERVERS),
    Spec::flag("explain", SERVERS),
    Spec::value("capture", "lab.pcapng", SERVERS),
    Spec::value("ladder", "ladder.svg", SERVERS),
    Spec::value("events", "events.jsonl", SERVERS),
    Spec::value("show", "timeline", &[Topic::Lab]),
    Spec::value("loss", "5%", SERVERS).often(),
    Spec::value("duplicate", "1%", SERVERS).often(),
    Spec::value("corrupt", "0.1%", SERVERS).often(),
    Spec::value("reorder", "2%", SERVERS).often(),
    Spec::value("delay", "20ms", SERVERS).often(),
    Spec::value("rate", "1Mbit/s", SERVERS).often(),
    Spec::value("seed", "42", SERVERS),
    Spec::value("trouble", "'drop the 2nd SYN-ACK'", SERVERS).often(),
    Spec::value("scenario", "lost-syn-ack", &[Topic::Lab]),
    Spec::flag("list", &[Topic::Lab]),
    Spec { takes: Takes::Perhaps, ..Spec::value("join", "1234", &[Topic::Lab]) },
    Spec::value("board", "firmware.elf", &[Topic::Lab]),
    Spec::value("machine", "mps2-an385", &[Topic::Lab]),
    Spec::value("timeout", "5s", CLIENTS),
    Spec::value("tries", "3", &[Topic::Udp]),
    Spec::value("stream", "FILE", &[Topic::Tcp]),
    Spec::value("log", "debug", EVERY),
    Spec::flag("verbose", EVERY).short('v'),
    Spec::flag("help", EVERY).short('h'),
    Spec::flag("version", EVERY).short('V'),
];

impl Spec {
    const fn value(name: &'static str, example: &'static str, of: &'static [Topic]) -> Spec {
        Spec { name, short: None, takes: Takes::Value, often: false, example, of }
    }

    const fn flag(name: &'static str, of: &'static [Topic]) -> Spec {
        Spec { name, short: None, takes: Takes::Nothing, often: false, example: "", of }
    }

    const fn often(self) -> Spec {
        Spec { often: true, ..self }
    }

    const fn short(self, short: char) -> Spec {
        Spec { short: Some(short), ..self }
    }

    /// The option as one writes it.
    fn right(&self) -> String {
        match self.takes {
            Takes::Nothing => format!("--{}", self.name),
            Takes::Perhaps => format!("--{} or --{}={}", self.name, self.name, self.example),
            Takes::Value => format!("--{} {}", self.name, self.example),
        }
    }

    /// A value that this option can't take.
    fn wrong(&self, value: &OsStr, why: &str) -> Failure {
        let name = self.name;
        Failure::usage(format!("--{name} {}", shown(value)), format!("{why}; a right one: {}", self.example))
    }
}

/// What the arguments ask for, before their values are read.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Version,
    Run(Given),
}

/// The arguments of a command, sorted.
#[derive(Debug)]
pub(super) struct Given {
    topic: Topic,
    options: Vec<(&'static Spec, Option<OsString>)>,
    /// What is no option.
    pub(super) operands: std::vec::IntoIter<OsString>,
    /// What follows `--`, in the lab.
    pub(super) command: Option<Vec<OsString>>,
}

impl Given {
    /// Sorts the arguments of `topic`. Help and version are answered as soon as they are met.
    pub(super) fn read(topic: Topic, args: &[OsString]) -> Result<Asked> {
        let mut given = Given { topic, options: Vec::new(), operands: Vec::new().into_iter(), command: None };
        let mut operands = Vec::new();
        let mut parser = lexopt::Parser::from_args(args);
        loop {
            if topic == Topic::Lab
                && let Some(mut rest) = parser.try_raw_args()
                && rest.next_if(|arg| arg == "--").is_some()
            {
                given.command = Some(rest.collect());
                break;
            }
            let spec = match parser.next().map_err(|error| unexpected(topic, &error))? {
                None => break,
                Some(lexopt::Arg::Value(value)) => {
                    operands.push(value);
                    continue;
                }
                Some(lexopt::Arg::Short(c)) => OPTIONS
                    .iter()
                    .find(|spec| spec.short == Some(c) && spec.of.contains(&topic))
                    .ok_or_else(|| unknown(topic, &format!("-{c}")))?,
                Some(lexopt::Arg::Long(name)) => OPTIONS
                    .iter()
                    .find(|spec| spec.name == name && spec.of.contains(&topic))
                    .ok_or_else(|| unknown(topic, &format!("--{name}")))?,
            };
            match spec.name {
                "help" => return Ok(Asked::Help),
                "version" => return Ok(Asked::Version),
                _ => {}
            }
            if !spec.often && given.has(spec.name) {
                let reason = format!("given twice; once is right: {}", spec.right());
                return Err(Failure::usage(format!("--{}", spec.name), reason));
            }
            let value = match spec.takes {
                Takes::Nothing => None,
                Takes::Perhaps => parser.optional_value(),
                Takes::Value => Some(value(spec, &mut parser)?),
            };
            given.options.push((spec, value));
        }
        given.operands = operands.into_iter();
        Ok(Asked::Run(given))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(spec, _)| spec.name == name)
    }

    /// The first option that only a server takes.
    pub(super) fn server_option(&self) -> Option<&'static str> {
        self.server_option_beside(&[])
    }

    /// The first option that only a server takes, but for these.
    pub(super) fn server_option_beside(&self, allowed: &[&str]) -> Option<&'static str> {
        let mut names = self.options.iter().filter(|(spec, _)| spec.of == SERVERS).map(|(spec, _)| spec.name);
        names.find(|name| !allowed.contains(name))
    }

    /// An option's value as it was given, which need not be text: a file's name.
    pub(super) fn raw(&self, name: &str) -> Option<&OsStr> {
        let (_, value) = self.options.iter().find(|(spec, _)| spec.name == name)?;
        value.as_deref()
    }

    /// The value of an option, if it was given with one.
    pub(super) fn one<T>(&self, name: &str, read: fn(&str) -> Value<T>) -> Result<Option<T>> {
        self.all(name, read).next().transpose()
    }

    /// The values of an option that may be given again.
    pub(super) fn all<T>(&self, name: &str, read: fn(&str) -> Value<T>) -> impl Iterator<Item = Result<T>> {
        let values = self.options.iter().filter(move |(spec, _)| spec.name == name);
        values.filter_map(|(spec, value)| Some((spec, value.as_deref()?))).map(move |(spec, value)| {
            let text = value.to_str().ok_or_else(|| spec.wrong(value, "not UTF-8"))?;
            read(text).map_err(|why| spec.wrong(value, &why))
        })
    }

    /// Stops at an operand that is one too many.
    pub(super) fn no_more(mut self, right: &str) -> Result<()> {
        match self.operands.next() {
            None => Ok(()),
            Some(extra) => {
                let reason = format!("one argument too many for {}; a right one: {right}", self.topic.name());
                Err(Failure::usage(shown(&extra), reason))
            }
        }
    }
}

/// An option's value. Another option in its place means that it is missing.
fn value(spec: &Spec, parser: &mut lexopt::Parser) -> Result<OsString> {
    let missing = |but: &str| {
        Failure::usage(
            format!("--{}", spec.name),
            format!("the value is missing{but}; a right one: {}", spec.right()),
        )
    };
    if let Some(value) = parser.optional_value() {
        return Ok(value);
    }
    let value = parser.value().map_err(|_| missing(""))?;
    let bytes = value.as_encoded_bytes();
    if bytes.starts_with(b"--") || matches!(bytes, [b'-', b'a'..=b'z' | b'A'..=b'Z', ..]) {
        return Err(missing(&format!(", {} follows", shown(&value))));
    }
    Ok(value)
}

fn unexpected(topic: Topic, error: &lexopt::Error) -> Failure {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            let reason = format!("takes no value; a right one: {option}");
            Failure::usage(format!("{option}={}", shown(value)), reason)
        }
        error => Failure::usage(topic.name(), format!("{error}; see undersock {} --help", topic.name())),
    }
}

/// An option that `topic` doesn't have: perhaps another command does, or it is nearly one that there is.
fn unknown(topic: Topic, option: &str) -> Failure {
    let see = format!("see undersock {} --help", topic.name());
    let long = option.strip_prefix("--");
    let reason = match OPTIONS.iter().find(|spec| Some(spec.name) == long) {
        Some(spec) => {
            let owners: Vec<&str> = spec.of.iter().map(|topic| topic.name()).collect();
            let (name, right) = (topic.name(), spec.right());
            let owner = owners.first().unwrap_or(&name);
            format!(
                "not an option of {name}, but of {}: undersock {owner} {right}; {see}",
                owners.join(" and ")
            )
        }
        None => {
            let names = OPTIONS.iter().filter(|spec| spec.of.contains(&topic)).map(|spec| spec.name);
            match long.and_then(|name| nearest(name, names)) {
                Some(name) => format!("unknown option, did you mean --{name}? {see}"),
                None => format!("unknown option; {see}"),
            }
        }
    };
    Failure::usage(shown(OsStr::new(option)), reason)
}

/// The name that was probably meant: one that begins so, or else one that few typing errors are away.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if typed.len() >= 2
        && let Some(name) = names.clone().find(|name| name.starts_with(typed))
    {
        return Some(name);
    }
    let near = names.map(|name| (distance(typed, name), name)).min_by_key(|(distance, _)| *distance);
    // A third of the letters may be wrong; with more, it is a guess.
    near.filter(|(distance, name)| *distance * 3 <= name.len().max(3)).map(|(_, name)| name)
}

/// Letters to insert, delete, replace or swap with their neighbour (the optimal string alignment distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (row, a) in from.chars().enumerate() {
        let mut here = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let mut least =
                (above[column] + usize::from(a != *b)).min(above[column + 1] + 1).min(here[column] + 1);
            if column > 0 && last == Some(*b) && to[column - 1] == a {
                least = least.min(before[column - 1] + 1);
            }
            here.push(least);
        }
        before = core::mem::replace(&mut above, here);
        last = Some(a);
    }
    above[to.len()]
}
