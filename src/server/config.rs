//! What a server is told at its start: who it is, where it listens, how long a connection may stand still.

use core::fmt;

use smoltcp::time::Duration;

use crate::host::{HostConfig, HostError};

/// The textbook's port: UDP, and TCP one sentence a connection.
pub const SENTENCE_PORT: u16 = 12_000;
/// TCP, every byte in order until the client closes its side.
pub const STREAM_PORT: u16 = 12_001;
/// The most bytes that one read takes in sentence mode, as the textbook's `recv(1024)`.
pub const SENTENCE_BYTES: usize = 1_024;

/// The textbook's welcoming sockets: a sentence a connection at port 12000, a stream at 12001.
pub const TEXTBOOK: &[Listener] = &[Listener::sentence(SENTENCE_PORT), Listener::stream(STREAM_PORT)];

/// A TCP port that is open: the welcoming socket, in the textbook's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listener {
    /// Its port: not 0, and no other listener's.
    pub port: u16,
    /// How its connections are read.
    pub mode: Mode,
    /// How long its connections may stand still, where that differs from [`Config::limits`].
    pub limits: Option<&'static Limits>,
}

/// How the connections of a listener are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Read once, what has arrived by then; reply, close. As the textbook's server does.
    Sentence {
        /// The most bytes that the one read takes.
        bytes: usize,
    },
    /// Every byte in order, both directions at once, until the client closes its side or the service does.
    Stream,
}

impl Listener {
    /// A port in sentence mode: the one read takes up to [`SENTENCE_BYTES`].
    #[must_use]
    pub const fn sentence(port: u16) -> Self {
        Listener { port, mode: Mode::Sentence { bytes: SENTENCE_BYTES }, limits: None }
    }

    /// A port in stream mode.
    #[must_use]
    pub const fn stream(port: u16) -> Self {
        Listener { port, mode: Mode::Stream, limits: None }
    }

    /// The same with limits of its own.
    #[must_use]
    pub const fn with_limits(mut self, limits: &'static Limits) -> Self {
        self.limits = Some(limits);
        self
    }
}

/// How long a connection may stand still while slots are to spare. What is longer than time itself is never.
///
/// With none to spare, and a client waiting, a half-open connection is given up after
/// [`Limits::CROWDED_HALF_OPEN`] and any other after [`Limits::CROWDED`] without progress, or sooner if its limit
/// here is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// SYN-RECEIVED, from the first SYN.
    pub half_open: Duration,
    /// Established, with nothing to send.
    pub idle: Duration,
    /// Established, with bytes to send that the peer doesn't take.
    pub stalled: Duration,
    /// From our FIN or the peer's until both are acknowledged.
    pub closing: Duration,
}

impl Limits {
    /// The limit for a half-open connection when no slot is to spare.
    pub const CROWDED_HALF_OPEN: Duration = Duration::from_millis(1_000);
    /// The limit for all others when no slot is to spare. A connection that made progress within it is active, and
    /// never evicted.
    pub const CROWDED: Duration = Duration::from_millis(3_000);

    /// 5 s half-open, 60 s idle, 20 s stalled, 10 s closing.
    pub const DEFAULT: Limits = Limits {
        half_open: Duration::from_secs(5),
        idle: Duration::from_secs(60),
        stalled: Duration::from_secs(20),
        closing: Duration::from_secs(10),
    };

    /// One limit for all four.
    #[must_use]
    pub const fn all(limit: Duration) -> Self {
        Limits { half_open: limit, idle: limit, stalled: limit, closing: limit }
    }

    /// The same with another limit for idle connections.
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

/// What a server is told at its start. [`Config::check`] finds what can't work.
///
/// It may grow: begin with [`Config::default`] and set what differs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config<'a> {
    /// Who it is.
    pub host: HostConfig,
    /// Where datagrams are answered; `None` for nowhere.
    pub udp: Option<u16>,
    /// The TCP ports that are open.
    pub listeners: &'a [Listener],
    /// How long a connection may stand still, unless its listener says otherwise.
    pub limits: Limits,
}

impl Default for Config<'_> {
    /// The default host, with the textbook's ports: UDP at 12000, [`TEXTBOOK`] for TCP.
    fn default() -> Self {
        Config::new(HostConfig::default())
    }
}

impl<'a> Config<'a> {
    /// This host, with the textbook's ports and the default limits.
    #[must_use]
    pub fn new(host: HostConfig) -> Self {
        Config { host, udp: Some(SENTENCE_PORT), listeners: TEXTBOOK, limits: Limits::DEFAULT }
    }

    /// The same with this seed: see [`HostConfig::seed`].
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.host.seed = seed;
        self
    }

    /// The same with these ports: UDP's, and TCP's.
    #[must_use]
    pub fn with_ports(self, udp: Option<u16>, listeners: &'a [Listener]) -> Self {
        Config { udp, listeners, ..self }
    }

    /// The same with these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Finds what can't work.
    ///
    /// # Errors
    /// The first thing found.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.host.check().map_err(ConfigError::Host)?;
        let mut listeners = self.listeners.iter();
        while let Some(&Listener { port, mode, limits }) = listeners.next() {
            if port == 0 {
                return Err(ConfigError::PortZero);
            }
            if listeners.clone().any(|other| other.port == port) {
                return Err(ConfigError::SamePort(port));
            }
            if mode == (Mode::Sentence { bytes: 0 }) {
                return Err(ConfigError::EmptySentence(port));
            }
            limits.map_or(Ok(()), check_limits)?;
        }
        if self.udp == Some(0) {
            return Err(ConfigError::PortZero);
        }
        if self.udp.is_none() && self.listeners.is_empty() {
            return Err(ConfigError::NoPort);
        }
        check_limits(&self.limits)
    }
}

fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    let name = if limits.half_open == Duration::ZERO {
        "half-open"
    } else if limits.idle == Duration::ZERO {
        "idle"
    } else if limits.stalled == Duration::ZERO {
        "stalled"
    } else if limits.closing == Duration::ZERO {
        "closing"
    } else {
        return Ok(());
    };
    Err(ConfigError::ZeroLimit(name))
}

/// Why a [`Config`] can't work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The host can't.
    Host(HostError),
    /// A port of 0.
    PortZero,
    /// Two listeners at one port.
    SamePort(u16),
    /// A sentence of no bytes, at this port.
    EmptySentence(u16),
    /// Nothing to serve.
    NoPort,
    /// A limit of zero.
    ZeroLimit(&'static str),
    /// No slot, no room for a datagram, or more of either than can be counted.
    Memory(&'static str),
}

impl From<HostError> for ConfigError {
    fn from(error: HostError) -> Self {
        ConfigError::Host(error)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Host(error) => error.fmt(f),
            ConfigError::PortZero => write!(f, "port 0 is no port to serve at; one that is: 12000"),
            ConfigError::SamePort(port) => {
                write!(f, "port {port} for two TCP services: they must differ, as 12000 and 12001")
            }
            ConfigError::EmptySentence(port) => {
                write!(f, "a sentence of 0 bytes at port {port}; a bound that works: 1024")
            }
            ConfigError::NoPort => write!(f, "no port: nothing to serve"),
            ConfigError::ZeroLimit(name) => write!(f, "limit `{name}` is zero; one that works: 5s"),
            ConfigError::Memory(what) => write!(f, "memory: {what}"),
        }
    }
}

impl core::error::Error for ConfigError {}
