//! A client, a router and a Linux server in network namespaces; undersock's TAP interface is the router's.
//!
//! This process is in the router's namespace, which is its own, as are the tree of processes and the mounts: what is
//! left at the end goes with them.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use super::kernel;
use super::rows::Trouble;
use crate::failure::Failure;

pub(crate) const TAP: &str = "tap0";
const PORT: u16 = 12001;
/// Where each of them listens.
pub(crate) const UNDERSOCK: SocketAddr = address([192, 168, 69, 1]);
pub(crate) const LINUX: SocketAddr = address([10, 0, 2, 2]);

const fn address([a, b, c, d]: [u8; 4]) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), PORT)
}

/// A namespace behind an interface of the router's, for as long as this value lives.
pub(crate) struct Namespace {
    holder: Child,
}

impl Namespace {
    /// One with its end `eth0` of a pair of interfaces; the other end is the router's, of this name.
    fn behind(router: &str, network: &str) -> Result<Namespace, Failure> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed = |reason: std::io::Error| Failure::new("making a network namespace", reason);
        let mut holder = command.spawn().map_err(failed)?;
        let namespace = match holder.stdout.take() {
            Some(mut stdout) => {
                let entered = stdout.read_exact(&mut [0]);
                let namespace = Namespace { holder };
                entered.map_err(failed)?;
                namespace
            }
            None => return Err(Failure::new("making a network namespace", "it has no output")),
        };
        let id = namespace.holder.id();
        tool(&format!("ip link add {router} type veth peer name eth0 netns {id}"))?;
        tool(&format!("ip address add {network}.1/24 dev {router}"))?;
        tool(&format!("ethtool -K {router} {OFFLOADS}"))?;
        tool(&format!("ip link set {router} up"))?;
        for words in [
            format!("ip address add {network}.2/24 dev eth0"),
            format!("ethtool -K eth0 {OFFLOADS}"),
            "ip link set lo up".to_owned(),
            "ip link set eth0 up".to_owned(),
            format!("ip route add default via {network}.1"),
        ] {
            finish(namespace.command("env", words.split(' ')), "")?;
        }
        Ok(namespace)
    }

    /// A program in it.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id())).arg(program).args(args);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Segments as they are on a cable: none is cut or joined on the way, and every checksum is computed.
const OFFLOADS: &str = "tso off gso off gro off tx off rx off";

pub(crate) struct Network {
    pub(crate) client: Namespace,
    pub(crate) linux: Namespace,
}

impl Network {
    pub(crate) fn make() -> Result<Network, Failure> {
        kernel::forward()?;
        tool("ip link set lo up")?;
        let client = Namespace::behind("client", "10.0.1")?;
        let linux = Namespace::behind("linux", "10.0.2")?;
        tool(&format!("ip tuntap add dev {TAP} mode tap"))?;
        tool(&format!("ip address add 192.168.69.100/24 dev {TAP}"))?;
        tool(&format!("ip link set {TAP} up"))?;
        Ok(Network { client, linux })
    }

    /// Makes it, and counts the servers' segments with data before.
    pub(crate) fn trouble(&self, trouble: Trouble) -> Result<(), Failure> {
        let mut loss = command("nft -f -");
        loss.stdin(Stdio::piped());
        finish(loss, &rules(trouble))?;
        match trouble {
            Trouble::Nothing | Trouble::Loss(..) => Ok(()),
            Trouble::Bottleneck { megabits, queue } => ["client", "linux", TAP]
                .iter()
                .try_for_each(|interface| tool(&bottleneck(interface, megabits, queue))),
            Trouble::Reordering { percent, .. } => tool(&overtaken(percent)),
        }
    }

    /// How many segments with data the servers have sent since the last call.
    pub(crate) fn sent(&self) -> Result<u64, Failure> {
        let text = finish(command("nft reset counters table ip bench"), "")?;
        packets(&text).ok_or_else(|| Failure::new("reading nft's counter", format!("\"{text}\"")))
    }
}

/// Interfaces of the router's: the namespaces take theirs along.
impl Drop for Network {
    fn drop(&mut self) {
        for words in [
            "nft delete table ip bench",
            "iptables -t mangle -F FORWARD",
            "ip link del tap0",
            "ip link del client",
            "ip link del linux",
        ] {
            let _ = command(words).stderr(Stdio::null()).status();
        }
    }
}

/// Servers' segments are counted before any is lost. Longer than 80 bytes is no pure acknowledgement, whatever its
/// options.
fn rules(trouble: Trouble) -> String {
    let (from, to) = if let Trouble::Loss(from, to) = trouble { (from, to) } else { (0, 0) };
    let drop = |interface: &str, percent: u32| match percent {
        0 => String::new(),
        _ => format!("  {interface} \"client\" numgen random mod 100 < {percent} drop\n"),
    };
    format!(
        "table ip bench {{\n counter sent {{\n }}\n chain before {{\n  type filter hook prerouting priority -300\n  \
         tcp sport {PORT} ip length > 80 counter name sent\n }}\n chain forward {{\n  \
         type filter hook forward priority 0\n{}{} }}\n}}\n",
        drop("iifname", from),
        drop("oifname", to)
    )
}

/// A burst of two packets, or of what goes in half a millisecond: timers aren't finer than that.
fn bottleneck(interface: &str, megabits: u32, queue: u32) -> String {
    let burst = (megabits * 1_000_000 / 8 / 2_000).max(3_100);
    format!("tc qdisc add dev {interface} root tbf rate {megabits}mbit burst {burst} limit {queue}")
}

/// A share of the packets that are forwarded takes the way through this program, which keeps them for a while.
fn overtaken(percent: u32) -> String {
    format!(
        "iptables -t mangle -A FORWARD -m statistic --mode random --probability 0.{percent:02} -j NFQUEUE \
         --queue-num 0"
    )
}

/// `packets 12 bytes 345`
fn packets(text: &str) -> Option<u64> {
    text.split_once("packets ")?.1.split(' ').next()?.parse().ok()
}

fn command(words: &str) -> Command {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null());
    command
}

fn tool(words: &str) -> Result<(), Failure> {
    finish(command(words), "").map(|_| ())
}

/// Runs it to a good end with this input. What it prints.
pub(crate) fn finish(mut command: Command, input: &str) -> Result<String, Failure> {
    let said = crate::call::spelled(&command);
    let failed = |reason: &dyn core::fmt::Display| Failure::new(format!("`{said}`"), reason);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| failed(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(|error| failed(&error))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(failed(&format!("{}; {}", output.status, words.trim())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_rule_a_direction() {
        let both = rules(Trouble::Loss(1, 5));
        assert!(both.contains("  iifname \"client\" numgen random mod 100 < 1 drop\n"), "{both}");
        assert!(both.contains("  oifname \"client\" numgen random mod 100 < 5 drop\n"), "{both}");
        let one = rules(Trouble::Loss(0, 1));
        assert!(one.matches("drop").count() == 1 && one.contains("oifname"), "{one}");
        assert!(!rules(Trouble::Nothing).contains("drop"));
    }

    #[test]
    fn a_bottleneck_has_a_burst_of_two_packets_at_least() {
        assert_eq!(
            bottleneck("tap0", 10, 8_000),
            "tc qdisc add dev tap0 root tbf rate 10mbit burst 3100 limit 8000"
        );
        assert!(bottleneck("tap0", 100, 40_000).contains("burst 6250 limit 40000"));
        assert!(overtaken(5).contains("--probability 0.05 "));
    }

    #[test]
    fn a_counter_is_read() {
        assert_eq!(
            packets("table ip bench {\n\tcounter sent {\n\t\tpackets 12 bytes 345\n\t}\n}\n"),
            Some(12)
        );
        assert_eq!(packets("table ip bench {\n}\n"), None);
    }
}
