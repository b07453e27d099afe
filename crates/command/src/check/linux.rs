//! What is looked at on Linux: the TUN device, an interface, namespaces.

use undersock::device::tap::Tap;
use undersock::smoltcp::wire::IpCidr;

use super::finding::Finding;
use super::{facts, judgement};
use crate::args::Interface;
use crate::failure::Result;
use crate::linux::netlink::{Address, Link, Netlink};
use crate::linux::{namespace, tap};

/// For the lab, or for serving on this interface with these addresses.
pub(super) fn findings(interface: Option<&Interface>, server: &[IpCidr]) -> Result<Vec<Finding>> {
    if let Some(Interface { name, link }) = interface {
        Tap::check_name(name).map_err(|error| tap::failure(name, *link, &error))?;
    }
    let mut findings = vec![judgement::device(Tap::check_device())];
    if let Some(interface) = interface {
        findings.extend(judgement::tap(&facts::tap(interface)?, server));
    }
    findings.extend(judgement::namespaces(namespace::allowed(), interface.is_none()));
    Ok(findings)
}

/// What a user who serves on an interface will want to know of it: a sentence each.
pub(crate) fn remarks(name: &str, server: &[IpCidr]) -> Vec<String> {
    let look = || -> std::io::Result<(Vec<Link>, Vec<Address>)> {
        let mut netlink = Netlink::open()?;
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
