//! Inside: the rows, one after another, each in a network of its own, and in each row the servers by turns.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use super::client::Came;
use super::network::{self, LINUX, Network, TAP, UNDERSOCK};
#[cfg(target_os = "linux")]
use super::reordering::Reordering;
use super::rows::{Row, SHARING, Trouble, Work};
use super::sample::{End, Sample, Server};
use super::{PART, Plan};
use crate::failure::Failure;

/// A server that hasn't come up by then won't.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a line a run.
pub(crate) fn run(plan: &Plan) -> Result<(), Failure> {
    plan.rows.iter().try_for_each(|row| measure(row, plan))
}

fn measure(row: &'static Row, plan: &Plan) -> Result<(), Failure> {
    let network = Network::make()?;
    let _undersock = undersock(&plan.program, &plan.options)?;
    let _linux = linux(&network, &plan.congestion)?;
    network.trouble(row.trouble)?;
    let _reordering = match row.trouble {
        Trouble::Reordering { held, .. } => Some(Reordering::begin(held)?),
        _ => None,
    };
    let servers: &[Server] = match row.work {
        Work::Beside => &[Server::Both],
        _ => &[Server::Undersock, Server::Linux],
    };
    for run in 1..=plan.runs {
        for server in servers {
            let sample = sample(&network, row, run, *server, plan)?;
            let mut stdout = std::io::stdout();
            let said = writeln!(stdout, "{sample}").and_then(|()| stdout.flush());
            said.map_err(|error| Failure::new("saying what was measured", error))?;
        }
    }
    Ok(())
}

fn sample(
    network: &Network,
    row: &'static Row,
    run: u32,
    server: Server,
    plan: &Plan,
) -> Result<Sample, Failure> {
    let one: &[SocketAddr] = match server {
        Server::Undersock => &[UNDERSOCK],
        Server::Linux => &[LINUX],
        Server::Both => &[UNDERSOCK, LINUX],
    };
    let to = if row.work == Work::Pair { one.repeat(2) } else { one.to_vec() };
    let (bytes, limit) = match row.work {
        Work::Stream(bytes) | Work::Turns(bytes) => (plan.bytes.unwrap_or(bytes), plan.limit),
        Work::Pair | Work::Beside => (0, SHARING.min(plan.limit)),
    };
    let to: Vec<String> = to.iter().map(SocketAddr::to_string).collect();
    let (to, bytes, limit) = (to.join(","), bytes.to_string(), limit.to_string());
    let mut words = vec![PART, "client", "--to", &to, "--bytes", &bytes, "--limit", &limit];
    words.extend(["--congestion", &plan.congestion]);
    if matches!(row.work, Work::Turns(_)) {
        words.push("--turns");
    }
    network.sent()?;
    let said = network::finish(network.client.command(this()?, words), "")?;
    let sent = network.sent()?;
    let (came, counted) = read(&said).ok_or_else(|| {
        Failure::new("reading what the client has measured", format!("\"{}\"", said.trim()))
    })?;
    let ends = [End::Broken, End::Cut].into_iter().find(|end| came.iter().any(|came| came.end == *end));
    Ok(Sample {
        row,
        run,
        server,
        rates: (came.first().map_or(0.0, Came::rate), came.get(1).map(Came::rate)),
        stall: came.iter().map(|came| came.stall).max().unwrap_or_default() / 1_000,
        sent,
        again: counted.0,
        timeouts: counted.1,
        wrong: came.iter().map(|came| came.wrong).sum(),
        end: ends.unwrap_or(End::Whole),
    })
}

/// A line for each connection, and one of what was counted.
fn read(said: &str) -> Option<(Vec<Came>, (u64, u64))> {
    let lines: Vec<&str> = said.lines().collect();
    let (counted, connections) = lines.split_last()?;
    let (again, timeouts) = counted.split_once(' ')?;
    let came = connections.iter().map(|line| line.parse().ok()).collect::<Option<_>>()?;
    Some((came, (again.parse().ok()?, timeouts.parse().ok()?)))
}

/// A server that runs for as long as this value lives.
struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn undersock(program: &Path, options: &[std::ffi::OsString]) -> Result<Running, Failure> {
    let mut command = Command::new(program);
    command
        .args(["serve", "--tap", TAP, "--log", "warn"])
        .args(options)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut undersock = start(command)?;
    if let Some(stderr) = undersock.child.stderr.take() {
        // What it says is of interest, once it is more than that it is ready.
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        thread::spawn(|| lines.filter(|line| !line.contains("ready")).for_each(|line| eprintln!("{line}")));
    }
    let start = Instant::now();
    // The router's own packets aren't forwarded: nothing of this gets lost.
    while let Err(error) = TcpStream::connect_timeout(&UNDERSOCK, Duration::from_secs(1)) {
        let attempt = format!("waiting for {} to answer on {UNDERSOCK}", program.display());
        if let Ok(Some(status)) = undersock.child.try_wait() {
            return Err(Failure::new(attempt, status));
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::new(attempt, error));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(undersock)
}

fn linux(network: &Network, congestion: &str) -> Result<Running, Failure> {
    let address = LINUX.to_string();
    let mut command =
        network.linux.command(this()?, [PART, "server", "--listen", &address, "--congestion", congestion]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut linux = start(command)?;
    let mut line = String::new();
    if let Some(stdout) = linux.child.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    match line.as_str() {
        "ready\n" => Ok(linux),
        _ => Err(Failure::new("starting Linux's server", "it isn't ready")),
    }
}

fn start(mut command: Command) -> Result<Running, Failure> {
    let said = crate::call::spelled(&command);
    let child = command.spawn().map_err(|error| Failure::new(format!("starting `{said}`"), error))?;
    Ok(Running { child })
}

fn this() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::new("finding this program", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_is_read() {
        let (came, counted) = read("8 4 100 0 whole\n8 4 100 1 cut\n3 1\n").unwrap();
        assert_eq!((came.len(), came[1].wrong, came[1].end, counted), (2, 1, End::Cut, (3, 1)));
        assert!(read("").is_none() && read("8 4 100 0 whole\n").is_none());
    }
}
