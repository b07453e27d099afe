//! A private network for this process: namespaces(7), and how a user without privileges may have one.
//!
//! A new network namespace has a loopback interface that is down, and nothing else. Making one takes CAP_SYS_ADMIN,
//! which an ordinary user has nowhere but in a user namespace that is their own (user_namespaces(7)). So there are two
//! ways in:
//!
//! - With the privilege: `unshare(CLONE_NEWNET)`, and no more.
//! - Without: `unshare(CLONE_NEWUSER)` first. In there the process has every capability, over what belongs to that
//!   namespace: the network namespace that it makes next, and the TAP interface in it. The user's own uid and gid are
//!   mapped to themselves, so that `whoami` and the files' owners stay what they are.
//!
//! All of this concerns the calling thread alone, and a user namespace refuses a process with more than one: these
//! functions come before any thread is started.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{getegid, geteuid};
use rustix::thread::{self, CapabilitySet, UnshareFlags};
use undersock::device::tap::{Tap, TapError};
use undersock::packet::Link;
use undersock::smoltcp::wire::IpCidr;

use super::netlink::{self, Netlink};
use super::refusal::{Attempt, Policy, Refused};
use super::tap;
use crate::failure::{Failure, Result, reason};

/// The one argument of the copy of this program that tries whether namespaces are permitted.
pub(crate) const PROBE: &str = "__namespace-probe";
/// The interface that the probe makes in its own namespace.
const PROBE_TAP: &str = "probe0";
/// What making and setting up a network takes.
const NETWORK_POWERS: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);

/// A network namespace that this process is in, with its loopback interface up.
#[derive(Debug)]
pub(crate) struct Entered {
    /// What isn't as it should be, and that the lab can do without: a sentence each.
    pub(crate) remarks: Vec<String>,
}

/// The kernel's side of the lab, ready to use, and the file end for the server.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) tap: Tap,
    /// As in [`Entered`].
    pub(crate) remarks: Vec<String>,
}

/// Moves this process, which has no other thread yet, into a network of its own.
pub(crate) fn enter() -> Result<Entered> {
    try_enter().map_err(|refused| refused.explain(&Policy::of_this_system()))
}

/// Opens the TAP interface in this process's network and gives the kernel's side its addresses.
pub(crate) fn build(name: &str, kernel_side: &[IpCidr]) -> Result<Built> {
    let interface = Tap::open(name).map_err(|error| match error {
        TapError::CreateDenied => Attempt::Tap.refused(Errno::PERM).explain(&Policy::of_this_system()),
        error => tap::failure(name, Link::Ethernet, &error),
    })?;
    let remarks = set_up(name, kernel_side).map_err(|refused| refused.explain(&Policy::of_this_system()))?;
    Ok(Built { tap: interface, remarks })
}

/// Whether a private network is permitted: the remarks it would come with, or what forbids it.
///
/// A policy may permit `unshare` and deny what follows, and there is no way back out of a namespace. So a copy of this
/// program goes through all of it and ends; what it made ends with it.
pub(crate) fn allowed() -> Result<Vec<String>> {
    let run = || {
        let mut child = Command::new("/proc/self/exe");
        let mut child =
            child.arg(PROBE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut said = String::new();
        if let Some(output) = &mut child.stdout {
            output.take(64 * 1024).read_to_string(&mut said)?;
        }
        child.wait()?;
        Ok(said)
    };
    let said: String = run().map_err(|error: io::Error| Failure::io("trying a network namespace", &error))?;
    match Report::read(&said) {
        Some(Report::Works { remarks }) => Ok(remarks),
        Some(Report::Refused(refused)) => Err(refused.explain(&Policy::of_this_system())),
        None => Err(Failure::new("trying a network namespace", "the copy of this program ended early")),
    }
}

/// What the copy of this program does; `main` calls it when [`PROBE`] is the only argument, before anything else.
pub(crate) fn probe() -> ExitCode {
    let try_all = || {
        let Entered { mut remarks } = try_enter()?;
        // Whether /dev/net/tun can be opened is a question of its own, and answered elsewhere.
        match Tap::open(PROBE_TAP) {
            Ok(_tap) => remarks.extend(set_up(PROBE_TAP, &[])?),
            Err(TapError::CreateDenied) => return Err(Attempt::Tap.refused(Errno::PERM)),
            Err(_) => {}
        }
        Ok(remarks)
    };
    let report = match try_all() {
        Ok(remarks) => Report::Works { remarks },
        Err(refused) => Report::Refused(refused),
    };
    match io::stdout().write_all(report.written().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What the probe writes to its standard output.
#[derive(Debug, PartialEq, Eq)]
enum Report {
    Works { remarks: Vec<String> },
    Refused(Refused),
}

impl Report {
    fn written(&self) -> String {
        match self {
            Report::Works { remarks } => {
                remarks.iter().fold("works\n".to_owned(), |text, remark| text + remark + "\n")
            }
            Report::Refused(refused) => format!("refused {} {}\n", refused.step as u8, refused.errno),
        }
    }

    fn read(text: &str) -> Option<Report> {
        let mut lines = text.lines();
        let mut words = lines.next()?.split(' ');
        match words.next()? {
            "works" => Some(Report::Works { remarks: lines.map(str::to_owned).collect() }),
            "refused" => {
                let (step, errno) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                Some(Report::Refused(Refused { step: Attempt::from_number(step)?, errno }))
            }
            _ => None,
        }
    }
}

fn try_enter() -> core::result::Result<Entered, Refused> {
    let mut remarks = Vec::new();
    // Root in a container may lack the one or the other, and then goes the way of an ordinary user.
    let has_powers = thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(NETWORK_POWERS));
    let entered = has_powers
        && match unshare(UnshareFlags::NEWNET) {
            Err(Errno::PERM) => false,
            result => result.map(|()| true).map_err(|errno| Attempt::NetworkNamespace.refused(errno))?,
        };
    if !entered {
        own_user_namespace()?;
        unshare(UnshareFlags::NEWNET).map_err(|errno| Attempt::NetworkNamespace.refused(errno))?;
    }
    if let Err((what, errno)) = own_sys() {
        remarks.push(format!("/sys still shows the machine's interfaces: {what}: {}", reason(&errno.into())));
    }
    if let Err(errno) = keep_capabilities() {
        let reason = reason(&errno.into());
        remarks.push(format!(
            "ping, ip and tcpdump may lack privileges: keeping capabilities over exec: {reason}"
        ));
    }
    let up = Netlink::open().and_then(|mut netlink| netlink.set_up(netlink::LOOPBACK));
    up.map_err(|error| Attempt::Loopback.refused(error))?;
    // `ping` opens an ICMP socket, which takes no privilege for the groups in this range (icmp(7)). Only groups that
    // this user namespace maps are accepted: all of the machine's, or the user's own.
    let (path, gid) = (Path::new("/proc/sys/net/ipv4/ping_group_range"), getegid().as_raw());
    if put(path, "0 2147483647").is_err() && put(path, &format!("{gid} {gid}")).is_err() {
        remarks.push("ping may need privileges: net.ipv4.ping_group_range can't be written".to_owned());
    }
    Ok(Entered { remarks })
}

/// A user namespace in which this user is who they are, and privileged.
fn own_user_namespace() -> core::result::Result<(), Refused> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(|errno| Attempt::UserNamespace.refused(errno))?;
    // Without privileges outside, a group is only mapped where setgroups(2) can't drop one (user_namespaces(7)).
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ] {
        put(Path::new(file), &text).map_err(|error| Attempt::MapUser.refused(error))?;
    }
    Ok(())
}

/// A /sys that shows this network namespace: a sysfs belongs to the one that it was mounted in (network_namespaces(7)).
fn own_sys() -> core::result::Result<(), (&'static str, Errno)> {
    unshare(UnshareFlags::NEWNS).map_err(|errno| ("making a mount namespace", errno))?;
    // Or the mount would appear in every mount namespace that shares this one's tree (mount_namespaces(7)).
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|errno| ("making mounts private", errno))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("sysfs", "/sys", "sysfs", flags, None).map_err(|errno| ("mounting sysfs", errno))
}

/// Lets the programs that are started from here have this process's capabilities.
///
/// An exec drops all capabilities of a user who isn't root, but for the ambient ones, which have to be inheritable
/// first (capabilities(7), "Transformation of capabilities during execve()").
pub(crate) fn keep_capabilities() -> rustix::io::Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let mut sets = thread::capabilities(None)?;
    sets.inheritable = sets.permitted;
    thread::set_capabilities(None, sets)?;
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        if sets.permitted.contains(capability) {
            match thread::configure_capability_in_ambient_set(capability, true) {
                // Old kernels set bits for which they have no capability.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

/// The kernel's side of the TAP interface: up, with its addresses. Lacking IPv6 is worth a remark.
fn set_up(name: &str, addresses: &[IpCidr]) -> core::result::Result<Vec<String>, Refused> {
    let mut remarks = Vec::new();
    let settings = Path::new("/proc/sys/net/ipv6/conf").join(name);
    if settings.exists() {
        // A machine may have IPv6 off by default; this interface is the lab's own. Duplicate address detection would
        // keep the link-local address unusable for a second or two.
        for (setting, value) in [("disable_ipv6", "0"), ("accept_dad", "0")] {
            let path = settings.join(setting);
            if fs::read_to_string(&path).is_ok_and(|now| now.trim() != value) {
                // What follows says what didn't work.
                let _ = put(&path, value);
            }
        }
    }
    let refused = |error| Attempt::Address.refused(error);
    let mut netlink = Netlink::open().map_err(refused)?;
    let index = netlink.index(name).map_err(refused)?;
    // First up, then the addresses: on an interface that is down, "no duplicate detection" doesn't make one usable.
    netlink.set_up(index).map_err(refused)?;
    for cidr in addresses {
        match (netlink.add_address(index, cidr.address().into(), cidr.prefix_len()), cidr) {
            (Ok(()), _) => {}
            (Err(error), IpCidr::Ipv6(_)) => {
                remarks.push(format!("no IPv6, only IPv4: adding {cidr}: {}", reason(&error)));
            }
            (Err(error), IpCidr::Ipv4(_)) => return Err(refused(error)),
        }
    }
    Ok(remarks)
}

/// Writes into a file below /proc, in one write(2), as these files want it.
fn put(path: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

#[allow(unsafe_code)]
fn unshare(what: UnshareFlags) -> rustix::io::Result<()> {
    debug_assert!(!what.contains(UnshareFlags::FILES));
    // SAFETY: the one thing that makes unshare(2) unsafe is CLONE_FILES, by which another thread's file descriptors
    // would stop being this thread's. No caller, all in this file, passes it: they pass NEWUSER, NEWNET or NEWNS.
    unsafe { thread::unshare_unsafe(what) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_way_from_the_probe() {
        let remarks = vec!["no IPv6, only IPv4".to_owned(), "/sys still shows: Permission denied".to_owned()];
        for report in [
            Report::Works { remarks: Vec::new() },
            Report::Works { remarks },
            Report::Refused(Attempt::MapUser.refused(Errno::ACCESS)),
            Report::Refused(Refused { step: Attempt::Loopback, errno: 0 }),
        ] {
            assert_eq!(Report::read(&report.written()), Some(report));
        }
    }

    #[test]
    fn a_probe_that_ended_early_has_no_report() {
        for text in ["", "refused", "refused 1", "refused 99 1", "refused x 1", "thread 'main' panicked"] {
            assert_eq!(Report::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        assert!(put(Path::new("/proc/self/undersock"), "1").is_err());
    }
}
