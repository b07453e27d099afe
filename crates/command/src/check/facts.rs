//! What `undersock check` looks at: facts of this system, without an opinion.

use std::fs;
use std::io;

use rustix::process::geteuid;
use rustix::thread::{self, CapabilitySet};
use undersock::device::tap::{Tap, TapError};
use undersock::packet;

use crate::args::Interface;
use crate::failure::{Failure, Result};
use crate::linux::netlink::{Address, Link, LinkKind, Netlink};

/// A TAP or TUN interface, or what has its name.
#[derive(Debug)]
pub(super) struct TapFacts {
    pub(super) name: String,
    /// What its frames are to begin with: which of the two is wanted.
    pub(super) wanted: packet::Link,
    /// The interface, if there is one of this name.
    pub(super) link: Option<Link>,
    /// The bridge (or such) that the interface is a port of.
    pub(super) master: Option<Link>,
    /// What attaching to it gave, as the server would; for an interface that was a TUN or TAP interface.
    pub(super) attached: Option<core::result::Result<(), TapError>>,
    /// The process that holds it, where this user may see that.
    pub(super) holder: Option<Holder>,
    /// All addresses of this machine, each with its interface's name.
    pub(super) addresses: Vec<(String, Address)>,
    /// This process may create interfaces.
    pub(super) may_create: bool,
    pub(super) root: bool,
}

/// A process that holds an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) program: String,
}

/// Looks at an interface, and attaches to it for a moment if nobody holds it.
pub(super) fn tap(interface: &Interface) -> Result<TapFacts> {
    let Interface { name, link: wanted } = interface;
    let failed = |error: io::Error| Failure::io("asking the kernel for its interfaces", &error);
    let mut netlink = Netlink::open().map_err(failed)?;
    let links = netlink.links().map_err(failed)?;
    let addresses = netlink.addresses().map_err(failed)?;
    let by_index = |index: u32| links.iter().find(|link| link.index == index);

    let link = links.iter().find(|link| link.name == *name).cloned();
    let master = link.as_ref().and_then(|link| by_index(link.master?)).cloned();
    // The same call that the server makes is the one sure answer: security modules have a say too. On an interface that
    // is held it changes nothing.
    let is_tun = link.as_ref().is_some_and(|link| matches!(link.kind, LinkKind::Tun { .. }));
    let attached = is_tun.then(|| Tap::open_link(name, *wanted).map(drop));
    let holder = match attached {
        Some(Err(TapError::Busy)) => holder(name),
        _ => None,
    };
    let named = |address: Address| Some((by_index(address.index)?.name.clone(), address));
    Ok(TapFacts {
        name: name.clone(),
        wanted: *wanted,
        master,
        attached,
        holder,
        addresses: addresses.into_iter().filter_map(named).collect(),
        may_create: thread::capabilities(None)
            .is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN)),
        root: geteuid().is_root(),
        link,
    })
}

/// Finds the process by what the TUN driver says of an open file: a line `iff:` with the interface's name
/// (tun_chr_show_fdinfo() in drivers/net/tun.c). Other users' open files can't be seen, but by root.
fn holder(name: &str) -> Option<Holder> {
    let mut processes = fs::read_dir("/proc").ok()?.flatten();
    processes.find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(process.path().join("fdinfo")).ok()?.flatten();
        let holds = files.any(|file| {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            text.lines()
                .any(|line| line.strip_prefix("iff:").is_some_and(|interface| interface.trim() == name))
        });
        let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| Holder { pid, program: program.trim_end().to_owned() })
    })
}
