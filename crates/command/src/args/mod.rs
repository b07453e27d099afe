//! The command line, from text to types. Parsing does no I/O; whatever is wrong ends it with one line that names the
//! culprit and shows a right one.

mod network;
mod options;
#[cfg(test)]
mod tests;
mod values;
mod views;

use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use log::LevelFilter;
use undersock::server::Listener;
use undersock::server::config::{Config, SENTENCE_PORT, STREAM_PORT};
use undersock_course::Scenario;
use undersock_machines::Machine;

#[cfg(test)]
pub(crate) use self::network::DEFAULT_TAP;
pub(crate) use self::network::Interface;
use self::options::{Asked, Given, nearest};
#[cfg(target_os = "linux")]
pub(crate) use self::values::machine_names;
use self::values::shown;
pub(crate) use self::views::{Show, ViewOptions, ladder_ends};
use crate::failure::{Failure, Result};
use crate::help::Topic;

/// The server's address in the lab, which the clients talk to unless told otherwise.
pub(crate) const DEFAULT_HOST: &str = "192.168.69.1";
/// Connections at once.
pub(crate) const DEFAULT_SLOTS: usize = 64;
/// Bytes each way, each connection.
pub(crate) const DEFAULT_BUFFER: usize = 64 << 10;
/// How long a client waits.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many times the UDP client sends.
pub(crate) const DEFAULT_TRIES: u32 = 3;
/// The most memory that all buffers together may take.
const MOST_MEMORY: u64 = 1 << 30;

/// A command line that makes sense.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) log: LevelFilter,
    pub(crate) command: Command,
}

#[derive(Debug)]
pub(crate) enum Command {
    Lab(LabOptions),
    Serve(ServeOptions),
    Udp(UdpOptions),
    Tcp(TcpOptions),
    Check(CheckOptions),
    Help(Topic),
    Version,
}

/// A private network with the server in it.
#[derive(Debug)]
pub(crate) struct LabOptions {
    /// The program to run in it, with its arguments. Empty: ask for sentences.
    pub(crate) command: Vec<OsString>,
    /// Enter a lab that is running instead of making one.
    pub(crate) join: Option<Join>,
    /// An emulated board in the server's place.
    pub(crate) board: Option<BoardOptions>,
    /// A scene of the course, or the list of them, instead of a network.
    pub(crate) course: Option<Course>,
    pub(crate) server: ServerOptions,
}

/// An emulated board.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab has boards"))]
pub(crate) struct BoardOptions {
    /// The file of its firmware.
    pub(crate) elf: PathBuf,
    /// Which it is, if the firmware is not asked.
    pub(crate) machine: Option<&'static Machine>,
}

/// What is asked of the course.
#[derive(Debug)]
pub(crate) enum Course {
    List,
    Scene(&'static Scenario),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// The one that is running.
    Running,
    /// The one that has this process in it.
    Process(u32),
}

/// The server on an interface.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    pub(crate) interface: Interface,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab and serve use it"))]
    pub(crate) server: ServerOptions,
}

/// What a server is told, wherever it runs.
#[derive(Debug)]
pub(crate) struct ServerOptions {
    /// Checked; but for its seed, which whoever starts the server fills in.
    pub(crate) config: Config<'static>,
    /// The ports of `config`.
    pub(crate) ports: Ports,
    /// Connections at once.
    pub(crate) slots: usize,
    /// Bytes each way, each connection.
    pub(crate) buffer: usize,
    pub(crate) text: Text,
    pub(crate) views: ViewOptions,
}

/// Where the server listens. A port of 0 turns that service off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) udp: u16,
    /// TCP, a sentence a connection.
    pub(crate) sentence: u16,
    /// TCP, every byte until the client closes.
    pub(crate) stream: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports { udp: SENTENCE_PORT, sentence: SENTENCE_PORT, stream: STREAM_PORT }
    }
}

impl Ports {
    /// The TCP ports that are open: for as long as the program runs.
    fn listeners(self) -> &'static [Listener] {
        let both = [Listener::sentence(self.sentence), Listener::stream(self.stream)];
        both.into_iter().filter(|listener| listener.port != 0).collect::<Vec<_>>().leak()
    }
}

/// Which letters have an upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// All that have one, as Python's `str.upper()`.
    Unicode,
    /// a to z.
    Ascii,
}

/// A host and a port, as on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

#[derive(Debug)]
pub(crate) struct UdpOptions {
    pub(crate) server: Remote,
    /// None: from standard input.
    pub(crate) sentence: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) tries: u32,
}

#[derive(Debug)]
pub(crate) struct TcpOptions {
    pub(crate) server: Remote,
    pub(crate) payload: Payload,
    pub(crate) timeout: Duration,
}

/// What the TCP client sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// A sentence, or one from standard input.
    Sentence(Option<Vec<u8>>),
    /// A file, through the stream port.
    File(PathBuf),
    /// Standard input to its end, through the stream port.
    Input,
}

/// What is missing on this machine.
#[derive(Debug)]
pub(crate) struct CheckOptions {
    /// None: only what the lab needs.
    pub(crate) interface: Option<Interface>,
    /// What `serve` would be told.
    pub(crate) config: Config<'static>,
}

/// Reads the arguments, without the program's own name.
pub(crate) fn parse<I>(args: I) -> Result<Invocation>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let (topic, rest) = match args.split_first() {
        Some((first, rest)) if !first.as_encoded_bytes().starts_with(b"-") => {
            if first == "help" {
                return help(rest);
            }
            (topic(first)?, rest)
        }
        _ => (Topic::Lab, &args[..]),
    };
    let named = rest.len() < args.len();
    let given = match Given::read(topic, rest)? {
        Asked::Help => return quiet(Command::Help(if named { topic } else { Topic::All })),
        Asked::Version => return quiet(Command::Version),
        Asked::Run(given) => given,
    };
    let log = log(&given)?;
    let command = match topic {
        Topic::Lab | Topic::All => Command::Lab(lab(given)?),
        Topic::Serve => {
            let (interface, server) = (network::interface(&given)?, server(&given)?);
            given.no_more("undersock serve --tap tap0")?;
            Command::Serve(ServeOptions { interface: interface.unwrap_or_default(), server })
        }
        Topic::Check => {
            let (interface, server) = (network::interface(&given)?, server(&given)?);
            given.no_more("undersock check --tap tap0")?;
            Command::Check(CheckOptions { interface, config: server.config })
        }
        Topic::Udp => Command::Udp(udp(given)?),
        Topic::Tcp => Command::Tcp(tcp(given)?),
    };
    Ok(Invocation { log, command })
}

fn quiet(command: Command) -> Result<Invocation> {
    Ok(Invocation { log: LevelFilter::Info, command })
}

fn topic(name: &OsStr) -> Result<Topic> {
    let found = Topic::COMMANDS.into_iter().find(|topic| name == topic.name());
    found.ok_or_else(|| {
        let names = Topic::COMMANDS.iter().map(|topic| topic.name()).chain(["help"]);
        let reason = match name.to_str().and_then(|name| nearest(name, names)) {
            Some(near) => format!("unknown command, did you mean {near}? see undersock --help"),
            None => "unknown command; there are lab, serve, udp, tcp and check, see undersock --help".into(),
        };
        Failure::usage(shown(name), reason)
    })
}

/// `undersock help [COMMAND]`
fn help(args: &[OsString]) -> Result<Invocation> {
    match args {
        [] => quiet(Command::Help(Topic::All)),
        [name] if name == "help" || name == "--help" || name == "-h" => quiet(Command::Help(Topic::All)),
        [name] => quiet(Command::Help(topic(name)?)),
        [_, extra, ..] => {
            Err(Failure::usage(shown(extra), "help is for one command; a right one: undersock help serve"))
        }
    }
}

fn log(given: &Given) -> Result<LevelFilter> {
    let level = given.one("log", values::level)?;
    match (level, given.has("verbose")) {
        (Some(_), true) => {
            Err(Failure::usage("--verbose", "the same as --log debug, and --log is given; one is right: -v"))
        }
        (level, verbose) => Ok(level.unwrap_or(if verbose { LevelFilter::Debug } else { LevelFilter::Info })),
    }
}

fn lab(mut given: Given) -> Result<LabOptions> {
    let join = match (given.has("join"), given.one("join", values::pid)?) {
        (false, _) => None,
        (true, None) => Some(Join::Running),
        (true, Some(process)) => Some(Join::Process(process)),
    };
    let server = server(&given)?;
    if join.is_some()
        && let Some(option) = given.server_option()
    {
        let reason = "the lab to join has its server already; a right one: undersock lab --join";
        return Err(Failure::usage(format!("--{option}"), reason));
    }
    let board = board(&given, join)?;
    if let Some(operand) = given.operands.next() {
        let word = shown(&operand);
        let reason = if join.is_some() && values::pid(&word).is_ok() {
            format!("a process to join follows an equals sign; a right one: undersock lab --join={word}")
        } else if Topic::COMMANDS.iter().any(|topic| topic.name() == word) {
            format!("the command comes before its options; a right one: undersock {word} --help")
        } else {
            format!("a program to run in the lab comes after --; a right one: undersock lab -- {word}")
        };
        return Err(Failure::usage(word, reason));
    }
    let course = course(&given)?;
    let command = given.command.take();
    if let Some(command) = &command
        && command.first().is_none_or(|program| program.is_empty())
    {
        let reason = "no program follows; a right one: undersock lab -- ping -c1 192.168.69.1";
        return Err(Failure::usage("--", reason));
    }
    Ok(LabOptions { command: command.unwrap_or_default(), join, board, course, server })
}

/// What can be had of a scene, of all that a server's options show.
const VIEWS_OF_SCENES: [&str; 4] = ["trace", "explain", "capture", "ladder"];

/// A scene of the course runs by itself: there is no network to join or to run a program in.
fn course(given: &Given) -> Result<Option<Course>> {
    let scene = given.one("scenario", |name| {
        Scenario::named(name).ok_or_else(|| {
            let names = undersock_course::list().iter().map(|scenario| scenario.name);
            match nearest(name, names) {
                Some(near) => {
                    format!("no such scenario, did you mean {near}? undersock lab --list names all")
                }
                None => "no such scenario; undersock lab --list names all".into(),
            }
        })
    })?;
    let course = match (scene, given.has("list")) {
        (None, false) => return Ok(None),
        (None, true) => Course::List,
        (Some(scene), false) => Course::Scene(scene),
        (Some(_), true) => {
            return Err(Failure::usage(
                "--list",
                "with --scenario, one or the other; a right one: undersock lab --list",
            ));
        }
    };
    let (option, right) = match course {
        Course::List => ("--list", "undersock lab --list".to_owned()),
        Course::Scene(scene) => ("--scenario", format!("undersock lab --scenario {}", scene.name)),
    };
    if given.has("join") || given.has("board") || given.command.is_some() {
        let reason = "a scenario has a wire of its own: no --join, no --board, no program";
        return Err(Failure::usage(option, format!("{reason}; a right one: {right}")));
    }
    if let Some(option) = given.server_option_beside(&VIEWS_OF_SCENES) {
        let reason = format!("a scenario has its own server and its own trouble; a right one: {right}");
        return Err(Failure::usage(format!("--{option}"), reason));
    }
    Ok(Some(course))
}

/// The board in the server's place. What is in the file is for the lab to find out.
fn board(given: &Given, join: Option<Join>) -> Result<Option<BoardOptions>> {
    let machine = given.one("machine", values::machine)?;
    let Some(elf) = given.raw("board") else {
        return match machine {
            None => Ok(None),
            Some(machine) => Err(Failure::usage(
                format!("--machine {}", machine.name),
                "no firmware for it; a right one: undersock lab --board firmware.elf",
            )),
        };
    };
    let named = format!("--board {}", shown(elf));
    if elf.is_empty() {
        return Err(Failure::usage(named, "a file has a name; a right one: --board firmware.elf"));
    }
    if join.is_some() {
        let reason = "the lab to join has its server already; a right one: undersock lab --join";
        return Err(Failure::usage("--board", reason));
    }
    if let Some(option) = given.server_option() {
        let reason = format!(
            "for this computer's server, and a board has its own; a right one: undersock lab {named}"
        );
        return Err(Failure::usage(format!("--{option}"), reason));
    }
    Ok(Some(BoardOptions { elf: elf.into(), machine }))
}

fn udp(mut given: Given) -> Result<UdpOptions> {
    let options = UdpOptions {
        timeout: given.one("timeout", values::duration)?.unwrap_or(DEFAULT_TIMEOUT),
        tries: given.one("tries", values::tries)?.unwrap_or(DEFAULT_TRIES),
        server: remote(given.operands.next(), SENTENCE_PORT)?,
        sentence: given.operands.next().map(OsString::into_encoded_bytes),
    };
    given.no_more(&format!("undersock udp {DEFAULT_HOST} 'hello world'"))?;
    Ok(options)
}

fn tcp(mut given: Given) -> Result<TcpOptions> {
    let stream = given.raw("stream").map(OsStr::to_owned);
    let timeout = given.one("timeout", values::duration)?.unwrap_or(DEFAULT_TIMEOUT);
    let port = if stream.is_some() { STREAM_PORT } else { SENTENCE_PORT };
    let server = remote(given.operands.next(), port)?;
    let payload = match stream {
        Some(file) => {
            let right = format!("undersock tcp {DEFAULT_HOST} --stream FILE");
            if file.is_empty() {
                return Err(Failure::usage(
                    "--stream ''",
                    format!("a file has a name; a right one: {right}"),
                ));
            }
            if let Some(sentence) = given.operands.next() {
                let reason = format!("a sentence or --stream, not both; a right one: {right}");
                return Err(Failure::usage(shown(&sentence), reason));
            }
            if file == "-" { Payload::Input } else { Payload::File(file.into()) }
        }
        None => {
            let sentence = given.operands.next().map(OsString::into_encoded_bytes);
            given.no_more(&format!("undersock tcp {DEFAULT_HOST} 'hello world'"))?;
            Payload::Sentence(sentence)
        }
    };
    Ok(TcpOptions { server, payload, timeout })
}

fn remote(operand: Option<OsString>, port: u16) -> Result<Remote> {
    let Some(operand) = operand else {
        return Ok(Remote { host: DEFAULT_HOST.to_owned(), port });
    };
    let wrong = |why: &str| {
        let reason = format!("{why}; a right one: {DEFAULT_HOST}:{port} or [fdaa::1]:{port}");
        Failure::usage(shown(&operand), reason)
    };
    let text = operand.to_str().ok_or_else(|| wrong("not UTF-8"))?;
    let (host, given) = values::server(text).map_err(|why| wrong(&why))?;
    Ok(Remote { host, port: given.unwrap_or(port) })
}

fn server(given: &Given) -> Result<ServerOptions> {
    let host = network::host(given)?;
    let mut ports = Ports::default();
    for (name, port) in [
        ("udp-port", &mut ports.udp),
        ("sentence-port", &mut ports.sentence),
        ("stream-port", &mut ports.stream),
    ] {
        if let Some(number) = given.one(name, values::port_or_none)? {
            *port = number;
        }
    }
    let mut config =
        Config::new(host).with_ports(Some(ports.udp).filter(|port| *port != 0), ports.listeners());
    for (name, limit) in [
        ("half-open", &mut config.limits.half_open),
        ("idle", &mut config.limits.idle),
        ("stalled", &mut config.limits.stalled),
        ("closing", &mut config.limits.closing),
    ] {
        if let Some(duration) = given.one(name, values::duration)? {
            *limit = duration.into();
        }
    }
    config.check().map_err(|error| network::wrong_config(given, &error))?;

    let slots = given.one("slots", values::slots)?.unwrap_or(DEFAULT_SLOTS);
    let buffer = given.one("buffer", values::buffer)?.unwrap_or(DEFAULT_BUFFER);
    // Two buffers a connection. The product of the bounds fits.
    let memory = 2 * slots as u64 * buffer as u64;
    if memory > MOST_MEMORY {
        let reason = format!(
            "with --buffer {buffer} that is {} MiB of buffers, and 1024 MiB is the most; a right one: {}",
            memory >> 20,
            MOST_MEMORY / 2 / buffer as u64
        );
        return Err(Failure::usage(format!("--slots {slots}"), reason));
    }
    let text = given.one("text", values::text)?.unwrap_or(Text::Unicode);
    Ok(ServerOptions { config, ports, slots, buffer, text, views: views::read(given)? })
}
