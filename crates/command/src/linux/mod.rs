//! What only Linux has: TAP interfaces, network namespaces, and the kernel's network configuration.
//!
//! - [`namespace`]: the lab's private network, for root and for others.
//! - [`kernel`]: the client of the lab, seen from its calls and by the kernel.
//! - [`desk`]: where others ask the server for its table.
//! - [`running`]: a second terminal in it.
//! - [`board`], [`qemu`]: an emulated board in the server's place.
//! - [`sniffer`]: its frames, where the server tells of none.
//! - [`refusal`]: why a private network was refused, and what would allow it.
//! - [`netlink`]: the requests to the kernel's network configuration that these take.
//! - [`facts`]: what `undersock check` looks at.
//! - [`judgement`]: what it makes of that.

use core::net::{Ipv4Addr, Ipv6Addr};

use undersock::device::tap::{TUN_DEVICE, Tap, TapError};
use undersock::smoltcp::wire::IpCidr;

use super::failure::{Failure, Result, reason};
use super::finding::Finding;

mod board;
pub(crate) mod desk;
mod facts;
pub(crate) mod host;
mod judgement;
mod kernel;
pub(crate) mod lab;
pub(crate) mod namespace;
pub(crate) mod netlink;
mod qemu;
mod refusal;
pub(crate) mod running;
pub(crate) mod signals;
mod sniffer;

/// The lab's server, whoever plays it.
const SERVER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 168, 69, 1), Ipv6Addr::new(0xfdaa, 0, 0, 0, 0, 0, 0, 1));

/// What `undersock check` finds: for the lab, or for serving on the interface `tap` with these addresses.
pub(crate) fn check(tap: Option<&str>, server: &[IpCidr]) -> Result<Vec<Finding>> {
    if let Some(name) = tap {
        Tap::check_name(name).map_err(|error| tap_failure(name, &error))?;
    }
    let mut findings = vec![judgement::device(Tap::check_device())];
    if let Some(name) = tap {
        findings.extend(judgement::tap(&facts::tap(name)?, server));
    }
    findings.extend(judgement::namespaces(namespace::allowed(), tap.is_none()));
    Ok(findings)
}

/// What went wrong with the TAP interface `name`, and what mends it.
pub(crate) fn tap_failure(name: &str, error: &TapError) -> Failure {
    let attach = format!("attaching to {name}");
    match error {
        TapError::BadName(why) => {
            Failure::usage(format!("--tap {name}"), format!("{why}; a right one: --tap tap0"))
        }
        TapError::NoDevice => Failure::new(format!("opening {TUN_DEVICE}"), "no such device")
            .mend("sudo modprobe tun")
            .mend(format!("in a container: docker run --device {TUN_DEVICE} ...")),
        TapError::DeviceDenied => Failure::new(format!("opening {TUN_DEVICE}"), "permission denied")
            .mend(format!("sudo chmod 0666 {TUN_DEVICE}")),
        TapError::CreateDenied => new_tap(Failure::new(format!("creating {name}"), "not permitted"), name),
        TapError::NotOwner => {
            let failure = Failure::new(attach, "it belongs to another user");
            new_tap(failure.mend(format!("sudo ip tuntap del dev {name} mode tap")), name)
        }
        TapError::Busy => {
            Failure::new(attach, "another program holds it").mend(format!("which: {}", holders(name)))
        }
        TapError::NotTap => Failure::new(attach, "it is not a TAP interface of one queue")
            .mend(format!("see: ip -details link show {name}"))
            .mend("take another name, such as --tap tap7"),
        TapError::Removed => new_tap(Failure::new(format!("using {name}"), "it was removed"), name),
        TapError::Io(attempt, error) => Failure::new(format!("{name}: {attempt}"), reason(error)),
        // The enum may grow.
        error => Failure::new(format!("using {name}"), error),
    }
}

/// The commands that make a TAP interface for this user.
fn new_tap(failure: Failure, name: &str) -> Failure {
    failure
        .mend(format!("sudo ip tuntap add dev {name} mode tap user $USER"))
        .mend(format!("sudo ip link set {name} up"))
}

/// The command that lists the programs that hold an interface: the driver names it in their open files.
fn holders(name: &str) -> String {
    format!("sudo grep -ls 'iff:.{name}$' /proc/[0-9]*/fdinfo/*")
}

/// What a user who serves on an interface will want to know of it: a sentence each.
pub(crate) fn interface_remarks(name: &str, server: &[IpCidr]) -> Vec<String> {
    let look = || -> std::io::Result<(Vec<netlink::Link>, Vec<netlink::Address>)> {
        let mut netlink = netlink::Netlink::open()?;
        Ok((netlink.links()?, netlink.addresses()?))
    };
    // Without netlink the server serves all the same.
    let Ok((links, addresses)) = look() else { return Vec::new() };
    let Some(link) = links.iter().find(|link| link.name == name) else { return Vec::new() };
    let mut remarks = Vec::new();
    if !link.up {
        remarks.push(format!("{name} is down: sudo ip link set {name} up"));
    }
    let reaches = |cidr: &IpCidr| {
        addresses.iter().any(|host| host.index == link.index && cidr.contains_addr(&host.address.into()))
    };
    if link.master.is_none()
        && !server.iter().any(reaches)
        && let Some(first) = server.first()
    {
        let mut remark = "this computer has no address in the server's network".to_owned();
        if let Some(command) = judgement::add_host(first, name) {
            remark += &format!(": {command}");
        }
        remarks.push(remark);
    }
    remarks
}
