//! A board that runs in QEMU: its Ethernet is the far end of a TAP interface, its console is shown on standard error.
//!
//! QEMU never outlives this process: it is ended when the value is gone, and should this process be killed, the kernel
//! ends it (PR_SET_PDEATHSIG in prctl(2)).

use core::net::IpAddr;
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use undersock::device::tap::Tap;
use undersock::server::config::SENTENCE_PORT;

use super::board::Board;
use crate::failure::{Failure, Result};
use crate::output::note;

/// What a board says when there is something to talk to.
const READY: &str = "The server is ready to receive";
/// How long that may take. QEMU needs a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// A longer line of the console is shown in pieces.
const LONGEST_LINE: u64 = 1_024;
/// How the firmware's support for QEMU ends it: a panic, and a fault of the processor.
const PANIC: i32 = 101;
const FAULT: i32 = 102;

/// QEMU, with a board in it.
#[derive(Debug)]
pub(super) struct Qemu {
    board: Board,
    child: Child,
    /// The line with which it is ready; then nothing, and the end when QEMU has closed the console.
    news: UnixStream,
    /// They show what the board and QEMU say.
    readers: Vec<JoinHandle<()>>,
}

/// Where a board's server is to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    /// Without the link-local ones.
    pub(super) addresses: Vec<IpAddr>,
    /// 0: none.
    pub(super) udp: u16,
    pub(super) sentence: u16,
}

/// What a wait ended with.
enum Wake {
    Stop,
    News,
    Timeout,
}

impl Qemu {
    /// Boots the board. The interface's file end is QEMU's from now on.
    pub(super) fn boot(board: Board, tap: Tap) -> Result<Qemu> {
        let attempt = format!("booting {}", board.elf.display());
        let failed = |error: io::Error| Failure::io(&attempt, &error);
        // Unlike the interface's own, this file descriptor stays open in QEMU.
        let far_end = rustix::io::dup(&tap).map_err(|errno| failed(errno.into()))?;
        let mut command = command(&board, &far_end);
        log::debug!("{command:?}");
        let mut child = command.spawn().map_err(failed)?;
        drop((far_end, tap));
        let (news, sender) = UnixStream::pair().map_err(failed)?;
        let (console, complaints) = (child.stdout.take(), child.stderr.take());
        let mut readers = Vec::new();
        readers.extend(console.map(|console| thread::spawn(move || tell(console, sender))));
        readers.extend(
            complaints
                .map(|pipe| thread::spawn(move || lines(pipe, |line| note(format_args!("qemu | {line}"))))),
        );
        Ok(Qemu { board, child, news, readers })
    }

    /// Waits until the board is ready to receive. None: somebody asked to stop before.
    pub(super) fn ready(&mut self, stop: &UnixStream) -> Result<Option<Reached>> {
        let start = Instant::now();
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.wait(stop, Some(PATIENCE.saturating_sub(start.elapsed())))? {
                Wake::Stop => return Ok(None),
                Wake::Timeout => {
                    let reason = format!("it has not said {READY:?} within {PATIENCE:?}");
                    return Err(Failure::new(format!("booting {}", self.board.elf.display()), reason)
                        .mend("what it has said is above, behind \"board |\""));
                }
                Wake::News => {
                    let mut piece = [0; 1_024];
                    match self.news.read(&mut piece) {
                        Ok(length) if length > 0 => line.extend_from_slice(&piece[..length]),
                        _ => return Err(self.ended()),
                    }
                }
            }
        }
        Ok(Some(Reached::read(&String::from_utf8_lossy(&line))))
    }

    /// Lets it run until a byte comes on `stop`. That it ends by itself is a failure.
    pub(super) fn run(&mut self, stop: &UnixStream) -> Result<()> {
        match self.wait(stop, None)? {
            Wake::Stop | Wake::Timeout => Ok(()),
            Wake::News => Err(self.ended()),
        }
    }

    fn wait(&self, stop: &UnixStream, timeout: Option<Duration>) -> Result<Wake> {
        let timeout = timeout
            .map(|timeout| Timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ });
        loop {
            let mut files =
                [stop.as_fd(), self.news.as_fd()].map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN));
            match poll(&mut files, timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Failure::io("waiting for the board", &errno.into())),
                Ok(_) => {}
            }
            // First, since a program that ends may have ended QEMU, too.
            let [stop, news] = files.map(|file| !file.revents().is_empty());
            return Ok(match (stop, news) {
                (_, true) => Wake::News,
                (true, _) => Wake::Stop,
                _ => Wake::Timeout,
            });
        }
    }

    /// Why QEMU has ended, or is about to: it has closed the console.
    fn ended(&mut self) -> Failure {
        let status = self.child.wait();
        self.hear_out();
        let attempt = format!("running {}", self.board.elf.display());
        let status = match status {
            Ok(status) => status,
            Err(error) => return Failure::io(attempt, &error),
        };
        let with_log = |failure: Failure| failure.mend("its log says where: build it with the feature log");
        match (status.code(), status.signal()) {
            (Some(PANIC), _) => with_log(Failure::new(attempt, "the firmware panicked (exit status 101)")),
            (Some(FAULT), _) => {
                let reason = "a HardFault, or another exception that nobody expects (exit status 102)";
                with_log(Failure::new(attempt, reason))
            }
            (Some(code), _) => Failure::new(attempt, format!("QEMU ended with exit status {code}")),
            (None, signal) => {
                Failure::new(attempt, format!("signal {} ended QEMU", signal.unwrap_or_default()))
            }
        }
    }

    /// Waits until everything that was said has been shown.
    fn hear_out(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has shown what it could.
            let _ = reader.join();
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.hear_out();
    }
}

/// QEMU's command line.
fn command(board: &Board, far_end: &OwnedFd) -> Command {
    let mut qemu = Command::new(&board.qemu);
    qemu.args(board.machine.arguments()).args(["-serial", "stdio"]);
    qemu.arg("-netdev").arg(format!("tap,id=n0,fd={}", far_end.as_raw_fd()));
    qemu.arg("-kernel").arg(&board.elf);
    qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Not in the foreground: there, Ctrl-C is the program's that runs in the lab.
    qemu.process_group(0);
    end_with_us(&mut qemu);
    qemu
}

/// Has the kernel end the program as soon as the thread that starts it is gone, which must be the process's first.
#[allow(unsafe_code)]
fn end_with_us(command: &mut Command) {
    let us = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // If we are gone already, no signal will come.
        if getppid() == Some(us) { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec, only what a signal handler may do is allowed, since another thread may hold any
    // lock. These are two system calls; nothing is allocated, and no lock is taken.
    unsafe { command.pre_exec(before_exec) };
}

/// Shows the console, and passes the first line on with which the board is ready. `sender` is closed when all is shown.
fn tell(console: impl Read, mut sender: UnixStream) {
    let mut is_ready = false;
    lines(console, |line| {
        note(format_args!("board | {line}"));
        // Nobody reads more than one.
        if !is_ready && line.contains(READY) {
            is_ready = true;
            let _ = sender.write_all(format!("{line}\n").as_bytes());
        }
    });
}

/// What comes out of a pipe, line by line, to its end.
fn lines(pipe: impl Read, mut heed: impl FnMut(&str)) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(pipe.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line), Ok(length) if length > 0) {
        heed(&plain(&line));
        line.clear();
    }
}

/// A line without its end, and without what would move a terminal's cursor.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

impl Reached {
    /// What the boot line says: `…: 192.168.69.1/24 and fdaa::1/64 on 02:…, UDP 12000, TCP 12000, TCP stream 12001, …`.
    /// Firmware that says less has what it has by default.
    fn read(line: &str) -> Reached {
        let said = line.split_once(READY).and_then(|(_, rest)| rest.strip_prefix(": ")?.split_once(" on "));
        let Some((addresses, rest)) = said else {
            let address = IpAddr::V4(super::SERVER.0);
            return Reached { addresses: vec![address], udp: SENTENCE_PORT, sentence: SENTENCE_PORT };
        };
        let addresses = addresses.split(" and ").filter_map(|cidr| cidr.split('/').next()?.parse().ok());
        let is_link_local =
            |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let port =
            |name: &str| rest.split(", ").find_map(|part| part.strip_prefix(name)?.parse().ok()).unwrap_or(0);
        Reached {
            addresses: addresses.filter(|address| !is_link_local(address)).collect(),
            udp: port("UDP "),
            sentence: port("TCP "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_line_says_where_the_server_is() {
        let line = "The server is ready to receive: 192.168.69.1/24 and fdaa::1/64 and fe80::ff:fe00:1/64 on \
                    02:00:00:00:00:01, UDP 12000, TCP stream 12001, board mps2-an385, static RAM 1 of 2 bytes\n";
        let addresses = ["192.168.69.1", "fdaa::1"].map(|address| address.parse().unwrap()).to_vec();
        assert_eq!(Reached::read(line), Reached { addresses, udp: 12_000, sentence: 0 });
        let line = "The server is ready to receive: no address yet (DHCP) on 02:00:00:00:00:01, TCP 7";
        assert_eq!(Reached::read(line), Reached { addresses: vec![], udp: 0, sentence: 7 });
        let addresses = vec!["192.168.69.1".parse().unwrap()];
        for line in ["The server is ready to receive.", "\tThe server is ready to receive: hello"] {
            let reached = Reached { addresses: addresses.clone(), udp: 12_000, sentence: 12_000 };
            assert_eq!(Reached::read(line), reached, "{line}");
        }
    }

    #[test]
    fn a_console_moves_no_cursor() {
        assert_eq!(plain(b"ready\r\n"), "ready");
        assert_eq!(plain(b"\x1b[2J a\tb \xff"), "\u{fffd}[2J a\tb \u{fffd}");
    }

    #[test]
    fn what_is_said_comes_line_by_line() {
        let mut heard = Vec::new();
        let long = "x".repeat(1_500);
        lines(format!("one\r\n\n{long}\nlast").as_bytes(), |line| heard.push(line.to_owned()));
        assert_eq!(heard, ["one", "", &long[..1_024], &long[1_024..], "last"]);
    }
}
