//! One function for each kind of value: from text to type, or why not. Nothing here does I/O, and nothing that it
//! lets through makes the stack panic.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::ffi::OsStr;

use log::LevelFilter;
use undersock::host::Mac;
use undersock::smoltcp::wire::{IpAddress, IpCidr};
use undersock_machines::{MACHINES, Machine};

use super::Text;

/// A value, or what is wrong with the text.
pub(super) type Value<T> = core::result::Result<T, String>;

/// The longest duration that an option takes.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// What is shown of a value, in characters.
const SHOWN: usize = 60;

/// A value as part of a one-line message: escaped, shortened, and in quotes where its ends would not be seen.
pub(super) fn shown(value: &OsStr) -> String {
    let text = value.to_string_lossy();
    let mut shown: String = text.chars().take(SHOWN).flat_map(escaped).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    if shown.is_empty() || shown.contains(char::is_whitespace) { format!("'{shown}'") } else { shown }
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let (plain, escape) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escape.into_iter().flatten())
}

/// The name of an interface, as Linux's `dev_valid_name` has it. A '%' would make the kernel number the name itself.
pub(super) fn interface(text: &str) -> Value<String> {
    let bad = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control();
    match text {
        "" => Err("an interface has a name".into()),
        _ if text.len() > 15 => Err("an interface's name has at most 15 bytes".into()),
        "." | ".." => Err("not a name for an interface".into()),
        _ => match text.chars().find(|c| bad(*c)) {
            Some(c) => Err(format!("an interface's name has no {c:?}")),
            None => Ok(text.to_owned()),
        },
    }
}

/// An address with the length of its network's prefix, `192.168.69.1/24`. Whether a host can have it is for
/// `Config::check` to say.
pub(super) fn cidr(text: &str) -> Value<IpCidr> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = ip(address)?;
    let longest = match address {
        IpAddress::Ipv4(_) => 32,
        IpAddress::Ipv6(_) => 128,
    };
    let prefix = prefix.ok_or("the prefix length is missing")?;
    match number(prefix) {
        Some(length) if (1..=longest).contains(&length) => {
            // The bounds are what `IpCidr::new` panics about.
            Ok(IpCidr::new(address, u8::try_from(length).map_err(|e| e.to_string())?))
        }
        _ => Err(format!("the prefix length is a number from 1 to {longest}")),
    }
}

/// An IP address.
pub(super) fn ip(text: &str) -> Value<IpAddress> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) if text.contains('/') => Err("an address without a prefix length is wanted".into()),
        Err(_) => Err("not an IP address".into()),
    }
}

/// An Ethernet address: six pairs of hexadecimal digits, with colons or hyphens.
pub(super) fn mac(text: &str) -> Value<Mac> {
    text.parse().map_err(|_| "not six pairs of hexadecimal digits".into())
}

/// A port to serve on; 0 is none.
pub(super) fn port_or_none(text: &str) -> Value<u16> {
    match number(text).map(u16::try_from) {
        Some(Ok(port)) => Ok(port),
        _ => Err("a port is a number from 1 to 65535, and 0 turns the service off".into()),
    }
}

/// Connections at once.
pub(super) fn slots(text: &str) -> Value<usize> {
    whole(text, 1, 65_535)
}

/// How many times a datagram is sent.
pub(super) fn tries(text: &str) -> Value<u32> {
    whole(text, 1, 100)
}

/// A process's number.
pub(super) fn pid(text: &str) -> Value<u32> {
    whole(text, 1, i32::MAX as u64)
}

/// A number of bytes, `65536`, `64k` or `1M`: multiples of 1,024. A reply of a sentence fits in the least of them.
pub(super) fn buffer(text: &str) -> Value<usize> {
    let wrong = "a buffer has 4k to 16M bytes (4096 to 16777216)";
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        _ => return Err(wrong.into()),
    };
    match number(digits).and_then(|n| n.checked_mul(unit)) {
        Some(bytes @ 0x1000..=0x100_0000) => usize::try_from(bytes).map_err(|e| e.to_string()),
        _ => Err(wrong.into()),
    }
}

/// A duration with its unit, `500ms`, `5s`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Value<Duration> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number(text).is_some() => return Err("the unit is missing: ms, s, m or h".into()),
        _ => return Err("not a whole number with a unit (ms, s, m or h)".into()),
    };
    let number = number(digits).ok_or("not a whole number with a unit (ms, s, m or h)")?;
    match number.checked_mul(milliseconds).map(Duration::from_millis) {
        Some(Duration::ZERO) => Err("longer than nothing, please".into()),
        Some(duration) if duration <= LONGEST => Ok(duration),
        _ => Err("the longest is 24h".into()),
    }
}

/// Which letters have an upper case.
pub(super) fn text(text: &str) -> Value<Text> {
    match text {
        "unicode" => Ok(Text::Unicode),
        "ascii" => Ok(Text::Ascii),
        _ => Err("unicode or ascii".into()),
    }
}

/// A machine of QEMU's.
pub(super) fn machine(text: &str) -> Value<&'static Machine> {
    Machine::named(text).ok_or_else(|| machine_names(&MACHINES))
}

/// Machines' names, as in a sentence.
pub(crate) fn machine_names(machines: &[&Machine]) -> String {
    let mut names = String::new();
    for (at, machine) in machines.iter().enumerate() {
        names += match machines.len() - at {
            _ if at == 0 => "",
            1 => " or ",
            _ => ", ",
        };
        names += machine.name;
    }
    names
}

/// How much is logged.
pub(super) fn level(text: &str) -> Value<LevelFilter> {
    match text {
        "error" => Ok(LevelFilter::Error),
        "warn" => Ok(LevelFilter::Warn),
        "info" => Ok(LevelFilter::Info),
        "debug" => Ok(LevelFilter::Debug),
        "trace" => Ok(LevelFilter::Trace),
        _ => Err("error, warn, info, debug or trace".into()),
    }
}

/// A server as the clients are given it: a name or an address, and the port if there is one. An IPv6 address is in
/// brackets where a port follows (RFC 3986 3.2.2).
pub(super) fn server(text: &str) -> Value<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the closing bracket is missing")?;
            if !is_ipv6(host) {
                return Err("brackets are for an IPv6 address".into());
            }
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err("after the bracket comes a colon and the port".into()),
            }
        }
        None if is_ipv6(text) => (text, None),
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("not an IPv6 address".into()),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("a host's name or address is missing".into());
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("not a host's name; the sentence comes after the host".into());
    }
    if host.contains('/') {
        return Err("a host is wanted, not a network or a URL".into());
    }
    let port = match port.map(|port| number(port).map(u16::try_from)) {
        None => None,
        Some(Some(Ok(port @ 1..))) => Some(port),
        Some(_) => return Err("a port is a number from 1 to 65535".into()),
    };
    Ok((host.to_owned(), port))
}

/// An IPv6 address, with the interface that a link-local one needs (RFC 4007 11): `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| interface(zone).is_ok())
}

/// Digits and nothing else: `str::parse` would take a plus sign too.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn whole<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Value<T> {
    number(text)
        .filter(|n| (least..=most).contains(n))
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| format!("a whole number from {least} to {most} is wanted"))
}
