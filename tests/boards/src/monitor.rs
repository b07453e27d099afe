//! QEMU's monitor: commands and answers, one JSON object a line (docs/interop/qmp-spec).

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::BOUND;

/// A connection to the monitor of one QEMU.
pub struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connects as soon as QEMU listens; `None` if it doesn't, or has ended.
    pub(crate) fn connect(path: &Path, mut goes_on: impl FnMut() -> bool) -> Option<Monitor> {
        let start = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(path) {
                stream.set_read_timeout(Some(BOUND)).expect("a duration that is not zero");
                let mut monitor = Monitor { stream: BufReader::new(stream) };
                monitor.line();
                monitor.execute("qmp_capabilities", json!({}));
                return Some(monitor);
            }
            if !goes_on() || start.elapsed() > BOUND {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Plugs the board's link in, or unplugs it.
    #[track_caller]
    pub fn set_link(&mut self, up: bool) {
        self.execute("set_link", json!({ "name": "n0", "up": up }));
    }

    /// What is in the board's memory.
    #[track_caller]
    pub fn memory(&mut self, address: u32, size: u32, scratch: &Path) -> Vec<u8> {
        self.execute("pmemsave", json!({ "val": address, "size": size, "filename": scratch }));
        fs::read(scratch).expect("QEMU has written it")
    }

    /// Where a port of the board's is to be found on this computer.
    #[track_caller]
    pub(crate) fn forwarded(&mut self, protocol: &str, to: u16) -> SocketAddr {
        let said = self.execute("human-monitor-command", json!({ "command-line": "info usernet" }));
        let said = said.as_str().unwrap_or_default();
        forward(said, protocol, to)
            .unwrap_or_else(|| panic!("no port is forwarded to {protocol} {to}: {said}"))
    }

    #[track_caller]
    fn execute(&mut self, command: &str, arguments: Value) -> Value {
        let mut text = json!({ "execute": command, "arguments": arguments }).to_string();
        text.push('\n');
        self.stream
            .get_mut()
            .write_all(text.as_bytes())
            .unwrap_or_else(|error| panic!("{command}: QEMU hears nothing: {error}"));
        loop {
            let mut said = self.line();
            if said.get("error").is_some() {
                panic!("{command}: {said}");
            }
            // Between come events, which nobody asked for.
            if let Some(result) = said.get_mut("return") {
                return result.take();
            }
        }
    }

    #[track_caller]
    fn line(&mut self) -> Value {
        let mut line = String::new();
        let length =
            self.stream.read_line(&mut line).unwrap_or_else(|error| panic!("QEMU says nothing: {error}"));
        assert!(length > 0, "QEMU has ended");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("QEMU says {line:?}: {error}"))
    }
}

/// A forward's address in what `info usernet` shows: a line each, `TCP[HOST_FORWARD] 9 127.0.0.1 35511 192.168.69.1 12000
/// 0 0`.
fn forward(said: &str, protocol: &str, to: u16) -> Option<SocketAddr> {
    let protocol = protocol.to_uppercase() + "[HOST_FORWARD]";
    let to = to.to_string();
    said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find_map(|words| match words[..] {
        [kind, _, here, from, _, there, ..] if kind == protocol && there == to => {
            format!("{here}:{from}").parse().ok()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_are_found() {
        let said = "Hub -1 (n0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  \
            TCP[HOST_FORWARD]   9       127.0.0.1 35511    192.168.69.1 12000     0     0\r\n  \
            UDP[HOST_FORWARD]   8       127.0.0.1 51907    192.168.69.1 12000     0     0\r\n";
        assert_eq!(forward(said, "udp", 12_000), "127.0.0.1:51907".parse().ok());
        assert_eq!(forward(said, "tcp", 12_000), "127.0.0.1:35511".parse().ok());
        assert_eq!(forward(said, "tcp", 12_001), None);
    }
}
