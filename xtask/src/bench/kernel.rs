//! What the kernel's own TCP is told, and what it counts, in the network namespace of this process.

use std::fs;

use crate::failure::Failure;

/// Every run begins as the first one: no slow start threshold, no round-trip time is kept for the next connection.
pub(crate) fn forget_metrics() -> Result<(), Failure> {
    set("tcp_no_metrics_save", "1")
}

/// Packets are forwarded.
pub(crate) fn forward() -> Result<(), Failure> {
    set("ip_forward", "1")
}

fn set(name: &str, value: &str) -> Result<(), Failure> {
    let file = format!("/proc/sys/net/ipv4/{name}");
    fs::write(&file, value).map_err(|error| Failure::new(format!("writing {value} to {file}"), error))
}

/// Gives a socket its congestion control: the machine's default may be any.
#[cfg(target_os = "linux")]
pub(crate) fn set_congestion(socket: &impl std::os::fd::AsFd, name: &str) -> Result<(), Failure> {
    let set = rustix::net::sockopt::set_tcp_congestion(socket, name);
    set.map_err(|error| Failure::new(format!("setting a socket's congestion control to {name}"), error))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn set_congestion<S>(_: &S, name: &str) -> Result<(), Failure> {
    Err(Failure::new(format!("setting a socket's congestion control to {name}"), "this is Linux's"))
}

/// What the kernel has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Segments that came again, and were reported by D-SACK.
    pub(crate) again: u64,
    /// Retransmission timers that expired.
    pub(crate) timeouts: u64,
}

impl Counters {
    pub(crate) fn now() -> Result<Counters, Failure> {
        let file = "/proc/net/netstat";
        let text =
            fs::read_to_string(file).map_err(|error| Failure::new(format!("reading {file}"), error))?;
        Counters::read(&text)
            .ok_or_else(|| Failure::new(format!("reading {file}"), "it counts no D-SACK: is it Linux's?"))
    }

    /// What has been counted since.
    pub(crate) fn since(self, before: Counters) -> Counters {
        Counters {
            again: self.again.saturating_sub(before.again),
            timeouts: self.timeouts.saturating_sub(before.timeouts),
        }
    }

    /// A line of names, and a line of numbers.
    fn read(text: &str) -> Option<Counters> {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
        let (names, values) = (lines.next()?, lines.next()?);
        let get = |name: &str| {
            let mut both = names.split(' ').zip(values.split(' '));
            both.find(|(of, _)| *of == name)?.1.parse::<u64>().ok()
        };
        let again = get("TCPDSACKOldSent")? + get("TCPDSACKOfoSent")?;
        Some(Counters { again, timeouts: get("TCPTimeouts")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_names() {
        let text = "TcpExt: SyncookiesSent TCPTimeouts TCPDSACKOldSent TCPDSACKOfoSent\nTcpExt: 1 20 300 4000\n\
                    IpExt: InNoRoutes\nIpExt: 0\n";
        assert_eq!(Counters::read(text), Some(Counters { again: 4300, timeouts: 20 }));
        assert_eq!(Counters::read("IpExt: InNoRoutes\nIpExt: 0\n"), None);
        let since = Counters { again: 5, timeouts: 5 }.since(Counters { again: 2, timeouts: 5 });
        assert_eq!(since, Counters { again: 3, timeouts: 0 });
    }
}
