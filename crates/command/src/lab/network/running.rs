//! A second terminal in a lab that is running.
//!
//! Nothing is written down anywhere: the lab's process has a name of its own, and /proc lists all processes. What it
//! is in can be entered through the links in /proc/PID/ns (setns(2)), by the user who made the user namespace and by
//! root.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{self, LinkNameSpaceType, move_into_link_name_space};

use crate::failure::{Failure, Result, reason};
use crate::linux::namespace::keep_capabilities;

/// The name of a lab's process, by which another finds it: at most 15 bytes, prctl(2).
const NAME: &str = "undersock-lab";
/// What to do without one.
const START_ONE: &str = "start one: undersock lab";

/// A lab on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunningLab {
    pub(crate) pid: u32,
    /// This process is in it.
    pub(crate) ours: bool,
}

/// Lets others find this process. It must be the process's first thread that says so.
pub(crate) fn announce() -> Result<()> {
    let name = std::ffi::CString::new(NAME).unwrap_or_default();
    thread::set_name(&name).map_err(|errno| Failure::io("naming the lab's process", &errno.into()))
}

/// The labs that this user may join: their own; for root everyone's.
pub(crate) fn running() -> Result<Vec<RunningLab>> {
    let failed = |error: io::Error| Failure::io("looking for labs in /proc", &error);
    let user = geteuid();
    let ours = namespace_of("self").map_err(failed)?;
    let mut labs: Vec<(RunningLab, Namespace)> = Vec::new();
    for entry in fs::read_dir("/proc").map_err(failed)? {
        let Some(pid) = entry.ok().and_then(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) else {
            continue;
        };
        // Processes end while one looks; what can't be read isn't ours to join.
        let named = fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == NAME);
        if !named || pid == std::process::id() {
            continue;
        }
        let owner = fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
        let Ok(network) = namespace_of(&pid.to_string()) else { continue };
        if user.is_root() || owner.is_ok_and(|owner| owner == user.as_raw()) {
            labs.push((RunningLab { pid, ours: network == ours }, network));
        }
    }
    // A program that the lab is about to start has the lab's name for an instant, and a higher number.
    labs.sort_by_key(|(lab, _)| lab.pid);
    let mut seen: Vec<Namespace> = Vec::new();
    labs.retain(|(_, network)| {
        let new = !seen.contains(network);
        seen.push(*network);
        new
    });
    Ok(labs.into_iter().map(|(lab, _)| lab).collect())
}

/// Moves this process, which has no other thread yet, into a running lab: the only one, or the one that has the process
/// `pid` in it. The number that is returned is that process's.
pub(crate) fn join(pid: Option<u32>) -> Result<u32> {
    let pid = pid.map_or_else(|| the_only_one(&running()?), Ok)?;
    let attempt = format!("joining the lab of process {pid}");
    let here = std::env::current_dir();
    enter(pid).map_err(|error| match error {
        Errno::NOENT | Errno::SRCH => Failure::new(&attempt, "there is no such process").mend(START_ONE),
        Errno::ALREADY => Failure::new(&attempt, "it has the network that this terminal is in"),
        Errno::ACCESS | Errno::PERM => Failure::new(&attempt, reason(&error.into()))
            .mend("a lab is joined by the user who started it, or by root"),
        error => Failure::new(&attempt, reason(&error.into())),
    })?;
    // Entering a mount namespace leads to its root directory. Files are the same there: back to where we were.
    if let Ok(here) = here {
        let _ = std::env::set_current_dir(here);
    }
    keep_capabilities().map_err(|errno| Failure::io(attempt, &errno.into()))?;
    Ok(pid)
}

fn the_only_one(labs: &[RunningLab]) -> Result<u32> {
    let attempt = "joining the lab";
    match labs {
        [] => Err(Failure::new(attempt, "no lab is running").mend(START_ONE)),
        [lab] if lab.ours => Err(Failure::new(attempt, "this terminal is in it already")),
        [lab] => Ok(lab.pid),
        several => Err(several.iter().filter(|lab| !lab.ours).fold(
            Failure::new(attempt, format!("{} labs are running; name one", several.len())),
            |failure, lab| failure.mend(format!("undersock lab --join={}", lab.pid)),
        )),
    }
}

fn enter(pid: u32) -> rustix::io::Result<()> {
    // Through one open directory, so that all namespaces are one process's, should its number be given out again.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let process = open(format!("/proc/{pid}"), flags | OFlags::DIRECTORY, Mode::empty())?;
    let [user, network, mounts] =
        ["ns/user", "ns/net", "ns/mnt"].map(|link| openat(&process, link, flags, Mode::empty()));
    let (network, mounts) = (network?, mounts?);
    if is_ours(&network, "net")? {
        return Err(Errno::ALREADY);
    }
    // Root may enter the network alone, and stays root. Others become privileged by entering the user namespace, which
    // is theirs, and then may enter what belongs to it.
    match move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)) {
        Err(Errno::PERM) => {
            let user = user?;
            if is_ours(&user, "user")? {
                return Err(Errno::PERM);
            }
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        result => result?,
    }
    if !is_ours(&mounts, "mnt")? {
        move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
    }
    Ok(())
}

/// What tells one namespace from another (namespaces(7)).
type Namespace = (u64, u64);

fn namespace_of(process: &str) -> io::Result<Namespace> {
    fs::metadata(format!("/proc/{process}/ns/net")).map(|link| (link.dev(), link.ino()))
}

fn is_ours(namespace: &OwnedFd, kind: &str) -> rustix::io::Result<bool> {
    let ours = open(format!("/proc/self/ns/{kind}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (this, ours) = (fstat(namespace)?, fstat(&ours)?);
    Ok((this.st_dev, this.st_ino) == (ours.st_dev, ours.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lab_is_joined_and_others_are_explained() {
        let lab = |pid, ours| RunningLab { pid, ours };
        assert_eq!(the_only_one(&[lab(7, false)]), Ok(7));
        let text = |labs: &[RunningLab]| the_only_one(labs).unwrap_err().to_string();
        assert_eq!(text(&[]), "undersock: joining the lab: no lab is running\n  start one: undersock lab");
        assert_eq!(text(&[lab(7, true)]), "undersock: joining the lab: this terminal is in it already");
        assert_eq!(
            text(&[lab(7, false), lab(8, true), lab(9, false)]),
            "undersock: joining the lab: 3 labs are running; name one\
             \n  undersock lab --join=7\n  undersock lab --join=9"
        );
    }

    #[test]
    fn the_name_fits() {
        assert!(NAME.len() <= 15);
    }
}
