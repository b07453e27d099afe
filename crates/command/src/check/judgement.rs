//! What the facts mean for someone who wants to serve: nothing here asks the system.

use core::net::IpAddr;

use undersock::device::tap::TapError;
use undersock::packet;
use undersock::smoltcp::wire::{IpAddress, IpCidr, Ipv4Cidr, Ipv6Cidr};

use super::facts::{Holder, TapFacts};
use super::finding::Finding;
use crate::failure::Failure;
use crate::linux::netlink::{Address, Link, LinkKind};
use crate::linux::tap;

/// IPv6's smallest MTU, RFC 8200 section 5.
const IPV6_MTU: u32 = 1_280;

/// /dev/net/tun.
pub(super) fn device(opened: core::result::Result<(), TapError>) -> Finding {
    match opened {
        Ok(()) => Finding::good("/dev/net/tun can be opened"),
        Err(error) => Finding::failure(&tap::failure("", Default::default(), &error)),
    }
}

/// Whether a private network is permitted, with its remarks.
pub(super) fn namespaces(allowed: core::result::Result<Vec<String>, Failure>, needed: bool) -> Vec<Finding> {
    match allowed {
        Ok(remarks) => {
            let good = Finding::good("a private network is permitted: undersock lab");
            [good].into_iter().chain(remarks.into_iter().map(Finding::note)).collect()
        }
        Err(failure) if needed => vec![Finding::failure(&failure)],
        Err(failure) => vec![Finding::failure(&failure).softened()],
    }
}

/// The interface, for a server with these addresses; it may have none, when it asks a DHCP server.
pub(super) fn tap(facts: &TapFacts, server: &[IpCidr]) -> Vec<Finding> {
    let name = &facts.name;
    let Some(link) = &facts.link else {
        let new = Finding::bad(format!("there is no interface {name}")).mend(format!(
            "sudo ip tuntap add dev {name} mode {}{}",
            tap::mode(facts.wanted),
            if facts.root { "" } else { " user $USER" }
        ));
        let new = new.mend(format!("sudo ip link set {name} up"));
        let new = server.iter().filter_map(|cidr| add_host(cidr, name)).fold(new, Finding::mend);
        // The server would create it, down and without an address.
        return vec![if facts.may_create { new.softened() } else { new }];
    };
    let mut findings = Vec::from_iter(attached(facts, link));
    let is_tap = facts.wanted == packet::Link::Ethernet;
    match link.kind {
        LinkKind::Other => return findings,
        LinkKind::Tun { tap: Some(tap), .. } if tap != is_tap => return findings,
        LinkKind::Tun { .. } => {}
    }
    findings.push(match link.up {
        true => Finding::good(format!("{name} is up")),
        false => Finding::bad(format!("{name} is down")).mend(format!("sudo ip link set {name} up")),
    });
    findings.push(match link.carrier {
        true => Finding::good(format!("{name} has a carrier")),
        false => Finding::good(format!("{name} has NO-CARRIER, which is normal until a server attaches")),
    });
    let ipv6 = server.iter().any(|cidr| matches!(cidr, IpCidr::Ipv6(_)));
    if ipv6 && link.mtu < IPV6_MTU {
        let finding = Finding::note(format!("{name} has an MTU of {}, too small for IPv6", link.mtu));
        findings.push(finding.mend(format!("sudo ip link set {name} mtu 1500")));
    }
    findings.extend(addresses(facts, link, server));
    findings
}

fn attached(facts: &TapFacts, link: &Link) -> Option<Finding> {
    let name = &facts.name;
    Some(match (&facts.attached, &facts.holder, link.kind) {
        (Some(Ok(())), ..) => {
            let kind = tap::kind(facts.wanted);
            Finding::good(format!("{name} is a {kind} interface that this user may use"))
        }
        (Some(Err(TapError::Busy)), Some(Holder { pid, program }), _) => {
            Finding::bad(format!("attaching to {name}: {program} holds it, process {pid}"))
                .mend(format!("end it: kill {pid}"))
        }
        (Some(Err(TapError::NotOwner)), _, LinkKind::Tun { owner, group, .. }) => {
            let owner = [owner.map(|uid| format!("user {uid}")), group.map(|gid| format!("group {gid}"))];
            let owner = owner.into_iter().flatten().collect::<Vec<_>>().join(" and ");
            let failure = Finding::failure(&tap::failure(name, facts.wanted, &TapError::NotOwner));
            match owner.is_empty() {
                true => failure,
                false => failure.renamed(format!("attaching to {name}: it belongs to {owner}")),
            }
        }
        // Said already, of the device.
        (Some(Err(TapError::NoDevice | TapError::DeviceDenied)), ..) => return None,
        (Some(Err(error)), ..) => Finding::failure(&tap::failure(name, facts.wanted, error)),
        (None, ..) => Finding::failure(&tap::failure(name, facts.wanted, &TapError::OtherKind(facts.wanted))),
    })
}

/// Whether this machine's side has an address in each of the server's networks, and not the server's own.
fn addresses(facts: &TapFacts, link: &Link, server: &[IpCidr]) -> Vec<Finding> {
    let name = &facts.name;
    // A bridge's port has no address of its own; the bridge has.
    let side = facts.master.as_ref().unwrap_or(link);
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for cidr in server {
        let taken = facts.addresses.iter().find(|(_, address)| address.address == ip(cidr.address()));
        if let Some((interface, Address { address, prefix, .. })) = taken {
            let finding =
                Finding::bad(format!("{address} is the server's address and this machine's, on {interface}"));
            findings.push(finding.mend(format!("sudo ip addr del {address}/{prefix} dev {interface}")));
            continue;
        }
        let in_network = |address: &Address| cidr.contains_addr(&IpAddress::from(address.address));
        let ours = |index: u32| facts.addresses.iter().find(move |(_, a)| a.index == index && in_network(a));
        match ours(side.index) {
            Some((interface, Address { address, prefix, .. })) => {
                findings.push(Finding::good(format!(
                    "{interface} has {address}/{prefix}, in the network of {cidr}"
                )));
            }
            None => missing.push(cidr),
        }
        let elsewhere =
            |(_, address): &&(String, Address)| address.index != side.index && in_network(address);
        if let Some((interface, Address { address, prefix, .. })) = facts.addresses.iter().find(elsewhere) {
            let text = format!("{interface} has {address}/{prefix} in the network of {cidr} too");
            findings.push(Finding::note(text).mend("frames for the server may leave there: see ip route"));
        }
    }
    let any = missing.len() < server.len();
    for cidr in missing {
        let finding = Finding::bad(format!("{} has no address in the network of {cidr}", side.name));
        let finding = add_host(cidr, &side.name).into_iter().fold(finding, Finding::mend);
        // One network is enough to be reached, and on a bridge this machine need not be the client.
        findings.push(if any || facts.master.is_some() { finding.softened() } else { finding });
    }
    if let Some(master) = &facts.master
        && !master.up
    {
        let finding = Finding::bad(format!("{name} is a port of {}, which is down", master.name));
        findings.push(finding.mend(format!("sudo ip link set {} up", master.name)));
    }
    findings
}

fn ip(address: IpAddress) -> IpAddr {
    address.into()
}

/// The command that gives this machine an address in the server's network. An IPv6 address can be used at once only if
/// nobody looks for its double first (RFC 4862 5.4), which takes a second or two.
pub(super) fn add_host(server: &IpCidr, name: &str) -> Option<String> {
    let nodad = if matches!(server, IpCidr::Ipv6(_)) { " nodad" } else { "" };
    host_for(server).map(|host| format!("sudo ip addr add {host} dev {name}{nodad}"))
}

/// An address for this machine in the server's network: smoltcp's own, 100, where that fits.
fn host_for(server: &IpCidr) -> Option<IpCidr> {
    let prefix = server.prefix_len();
    match *server {
        IpCidr::Ipv4(cidr) => {
            let network = cidr.network().address().to_bits();
            let free = |host: &Ipv4Cidr| {
                cidr.contains_addr(&host.address())
                    && host.address() != cidr.address()
                    && Some(host.address()) != cidr.broadcast()
            };
            let hosts = [100, 1, 2].map(|number| Ipv4Cidr::new((network | number).into(), prefix));
            hosts.into_iter().find(free).map(IpCidr::Ipv4)
        }
        IpCidr::Ipv6(cidr) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            let network = cidr.address().to_bits() & mask;
            let hosts = [0x100, 1, 2].map(|number| Ipv6Cidr::new((network | number).into(), prefix));
            let free =
                |host: &Ipv6Cidr| cidr.contains_addr(&host.address()) && host.address() != cidr.address();
            hosts.into_iter().find(free).map(IpCidr::Ipv6)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    const SERVER: [&str; 2] = ["192.168.69.1/24", "fdaa::1/64"];

    fn server() -> Vec<IpCidr> {
        SERVER.map(|cidr| cidr.parse().unwrap()).to_vec()
    }

    /// What stands after the recipe in the README: a persistent TAP interface, up, with an address.
    fn recipe() -> TapFacts {
        let kind = LinkKind::Tun { tap: Some(true), multi_queue: false, owner: Some(1000), group: None };
        let link = Link {
            index: 5,
            name: "tap0".to_owned(),
            kind,
            up: true,
            carrier: false,
            mtu: 1500,
            mac: None,
            master: None,
        };
        TapFacts {
            name: "tap0".to_owned(),
            wanted: packet::Link::Ethernet,
            link: Some(link),
            master: None,
            attached: Some(Ok(())),
            holder: None,
            addresses: vec![on("tap0", 5, "192.168.69.100", 24), on("tap0", 5, "fdaa::100", 64)],
            may_create: false,
            root: false,
        }
    }

    fn on(interface: &str, index: u32, address: &str, prefix: u8) -> (String, Address) {
        (interface.to_owned(), Address { index, address: address.parse().unwrap(), prefix })
    }

    fn change(facts: TapFacts, what: impl FnOnce(&mut TapFacts, &mut Link)) -> TapFacts {
        let mut facts = facts;
        let mut link = facts.link.take().unwrap();
        what(&mut facts, &mut link);
        facts.link = Some(link);
        facts
    }

    fn said(findings: &[Finding]) -> String {
        findings.iter().map(|finding| finding.plain()).collect()
    }

    #[test]
    fn the_recipe_is_good() {
        let findings = tap(&recipe(), &server());
        assert_eq!(
            said(&findings),
            "ok  tap0 is a TAP interface that this user may use\n\
             ok  tap0 is up\n\
             ok  tap0 has NO-CARRIER, which is normal until a server attaches\n\
             ok  tap0 has 192.168.69.100/24, in the network of 192.168.69.1/24\n\
             ok  tap0 has fdaa::100/64, in the network of fdaa::1/64\n"
        );
    }

    #[test]
    fn without_an_interface_the_recipe_is_said() {
        let none = TapFacts { link: None, attached: None, addresses: Vec::new(), ..recipe() };
        let text = "there is no interface tap0\n\
                    \x20     sudo ip tuntap add dev tap0 mode tap user $USER\n\
                    \x20     sudo ip link set tap0 up\n\
                    \x20     sudo ip addr add 192.168.69.100/24 dev tap0\n\
                    \x20     sudo ip addr add fdaa::100/64 dev tap0 nodad\n";
        assert_eq!(said(&tap(&none, &server())), format!("!!  {text}"));
        // Where the server may create it, that is no obstacle.
        let root = TapFacts { may_create: true, root: true, ..none };
        assert_eq!(said(&tap(&root, &server())), format!("--  {}", text.replace(" user $USER", "")));
    }

    #[test]
    fn each_obstacle_is_named_with_what_mends_it() {
        let cases: [(TapFacts, &str); 8] = [
            (
                change(recipe(), |_, link| link.up = false),
                "!!  tap0 is down\n      sudo ip link set tap0 up\n",
            ),
            (
                change(recipe(), |facts, _| facts.attached = Some(Err(TapError::NotOwner))),
                "!!  attaching to tap0: it belongs to user 1000\n      sudo ip tuntap del dev tap0 mode tap\n",
            ),
            (
                change(recipe(), |facts, _| {
                    facts.attached = Some(Err(TapError::Busy));
                    facts.holder = Some(Holder { pid: 77, program: "qemu".to_owned() });
                }),
                "!!  attaching to tap0: qemu holds it, process 77\n      end it: kill 77\n",
            ),
            (
                change(recipe(), |facts, _| facts.attached = Some(Err(TapError::Busy))),
                "!!  attaching to tap0: another program holds it\n      which: sudo grep -ls 'iff:.tap0$'",
            ),
            (
                change(recipe(), |facts, link| (facts.attached, link.kind) = (None, LinkKind::Other)),
                "!!  attaching to tap0: it is not a TAP interface of one queue\n",
            ),
            (
                change(recipe(), |facts, _| facts.addresses = vec![on("tap0", 5, "192.168.69.1", 24)]),
                "!!  192.168.69.1 is the server's address and this machine's, on tap0\n      \
                 sudo ip addr del 192.168.69.1/24 dev tap0\n",
            ),
            (
                change(recipe(), |facts, _| facts.addresses = vec![on("lo", 1, "127.0.0.1", 8)]),
                "!!  tap0 has no address in the network of 192.168.69.1/24\n      \
                 sudo ip addr add 192.168.69.100/24 dev tap0\n",
            ),
            (
                change(recipe(), |facts, _| {
                    facts.attached =
                        Some(Err(TapError::Io("attaching to the interface", io::ErrorKind::Other.into())));
                }),
                "!!  tap0: attaching to the interface: other error\n",
            ),
        ];
        for (facts, expected) in cases {
            let findings = tap(&facts, &server());
            assert!(said(&findings).contains(expected), "{expected}\nis not in\n{}", said(&findings));
            assert!(findings.iter().any(Finding::is_bad));
        }
    }

    #[test]
    fn what_only_limits_is_a_note() {
        let mtu = change(recipe(), |_, link| link.mtu = 1000);
        let one_network = change(recipe(), |facts, _| _ = facts.addresses.pop());
        let twice = change(recipe(), |facts, _| facts.addresses.push(on("eth0", 2, "192.168.69.7", 24)));
        let bridged = change(recipe(), |facts, link| {
            let bridge =
                Link { index: 9, name: "br0".to_owned(), kind: LinkKind::Other, up: true, ..link.clone() };
            (link.master, facts.master) = (Some(9), Some(bridge));
            facts.addresses.clear();
        });
        for facts in [mtu, one_network, twice, bridged] {
            let findings = tap(&facts, &server());
            assert!(said(&findings).contains("\n--  "), "{}", said(&findings));
            assert!(!findings.iter().any(Finding::is_bad), "{}", said(&findings));
        }
    }

    #[test]
    fn an_address_on_the_bridge_counts() {
        let bridged = change(recipe(), |facts, link| {
            let bridge =
                Link { index: 9, name: "br0".to_owned(), kind: LinkKind::Other, up: false, ..link.clone() };
            (link.master, facts.master) = (Some(9), Some(bridge));
            facts.addresses = vec![on("br0", 9, "192.168.69.100", 24)];
        });
        let text = said(&tap(&bridged, &server()));
        assert!(text.contains("ok  br0 has 192.168.69.100/24"), "{text}");
        assert!(
            text.contains("!!  tap0 is a port of br0, which is down\n      sudo ip link set br0 up\n"),
            "{text}"
        );
    }

    #[test]
    fn a_server_that_asks_for_its_address_needs_none_here() {
        assert_eq!(tap(&recipe(), &[]).len(), 3);
    }

    #[test]
    fn the_address_for_this_side_is_one_of_the_networks_others() {
        for (server, host) in [
            ("192.168.69.1/24", Some("192.168.69.100/24")),
            ("192.168.69.100/24", Some("192.168.69.1/24")),
            ("10.1.2.3/8", Some("10.0.0.100/8")),
            ("10.0.0.1/30", Some("10.0.0.2/30")),
            ("10.0.0.1/32", None),
            ("fdaa::1/64", Some("fdaa::100/64")),
            ("fdaa::100/64", Some("fdaa::1/64")),
            ("fdaa::1/128", None),
            ("fdaa::1/0", Some("::100/0")),
        ] {
            let found = host_for(&server.parse().unwrap()).map(|host| host.to_string());
            assert_eq!(found.as_deref(), host, "{server}");
        }
    }
}
