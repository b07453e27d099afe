//! Where a server is on the network: its interface, its addresses and its gateways.

use undersock::host::{HostConfig, HostError};
use undersock::packet::Link;
use undersock::server::config::{ConfigError, SENTENCE_PORT, STREAM_PORT};
use undersock::smoltcp::wire::IpAddress;

use super::options::Given;
use super::values;
use crate::failure::{Failure, Result};

/// The TAP interface, unless another is named.
pub(crate) const DEFAULT_TAP: &str = "tap0";

/// The interface to serve on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    /// What its frames begin with: Ethernet's header in a TAP interface, nothing in a TUN interface.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has them"))]
    pub(crate) link: Link,
}

impl Default for Interface {
    fn default() -> Self {
        Interface { name: DEFAULT_TAP.to_owned(), link: Link::Ethernet }
    }
}

/// What a TUN interface can't have.
const OF_ETHERNET: [(&str, &str); 3] = [
    ("mac", "a TUN interface has no Ethernet addresses"),
    ("dhcp", "a TUN interface has no Ethernet, which DHCP needs"),
    ("slaac", "a TUN interface has no Ethernet, which SLAAC needs"),
];

/// The interface, if one is named.
pub(super) fn interface(given: &Given) -> Result<Option<Interface>> {
    let tap = given.one("tap", values::interface)?;
    let Some(name) = given.one("tun", values::interface)? else {
        return Ok(tap.map(|name| Interface { name, link: Link::Ethernet }));
    };
    if tap.is_some() {
        let reason = "with --tap, one or the other; a right one: undersock serve --tun tun0";
        return Err(Failure::usage(format!("--tun {name}"), reason));
    }
    if let Some((option, why)) = OF_ETHERNET.iter().find(|(option, _)| given.has(option)) {
        let reason = format!("{why}; a right one: --tun {name} --address 192.168.69.1/24");
        return Err(Failure::usage(format!("--{option}"), reason));
    }
    Ok(Some(Interface { name, link: Link::Ip }))
}

/// The server's side of it.
pub(super) fn host(given: &Given) -> Result<HostConfig> {
    let mut host = HostConfig::default();
    if given.has("tun") {
        host = host.without_link();
    } else if let Some(mac) = given.one("mac", values::mac)? {
        host.mac = Some(mac);
    }
    if given.has("no-recovery") {
        host = host.without_recovery();
    }
    host.via_gateway = given.has("replies-via-gateway");
    network(given, &mut host)?;
    Ok(host)
}

/// Addresses and gateways. Given addresses, DHCP and SLAAC take the place of all the default ones; a default gateway
/// stays where it is in a network of the server's and no other is given for its IP version.
fn network(given: &Given, host: &mut HostConfig) -> Result<()> {
    host.dhcp = given.has("dhcp");
    host.slaac = given.has("slaac");
    if host.dhcp || host.slaac || given.has("address") {
        host.addresses.clear();
    }
    for address in given.all("address", values::cidr) {
        host.addresses
            .push(address?)
            .map_err(|_| wrong_config(given, &HostError::TooManyAddresses.into()))?;
    }
    let mut gateways = Vec::new();
    for gateway in given.all("gateway", values::ip) {
        gateways.push(gateway?);
    }
    for default in core::mem::take(&mut host.gateways) {
        let replaced = gateways.iter().any(|gateway| gateway.version() == default.version());
        let mut with = host.clone();
        if !replaced && with.gateways.push(default).is_ok() && !is_gateway_wrong(&with) {
            *host = with;
        }
    }
    for gateway in gateways {
        let twice = wrong_config(given, &HostError::GatewayTwice(gateway).into());
        host.gateways.push(gateway).map_err(|_| twice)?;
    }
    Ok(())
}

fn is_gateway_wrong(host: &HostConfig) -> bool {
    matches!(host.check(), Err(HostError::Gateway(_)))
}

/// Names the option that a configuration fails by.
pub(super) fn wrong_config(given: &Given, error: &ConfigError) -> Failure {
    let wrong = |what: String, reason: String| Failure::usage(what, reason);
    match error {
        ConfigError::Host(HostError::Mac(mac)) => wrong(
            format!("--mac {mac}"),
            "not one station's own address; a right one: 02:00:00:00:00:01".to_owned(),
        ),
        ConfigError::Host(HostError::Address(cidr)) => {
            let right = match cidr.address() {
                IpAddress::Ipv4(_) => "192.168.69.1/24",
                IpAddress::Ipv6(_) => "fdaa::1/64",
            };
            wrong(
                format!("--address {cidr}"),
                format!("not a host's unicast address in its network; a right one: {right}"),
            )
        }
        ConfigError::Host(HostError::AddressTwice(address)) => {
            wrong(format!("--address {address}"), "given twice; once is right: 192.168.69.1/24".to_owned())
        }
        ConfigError::Host(HostError::TooManyAddresses) => wrong(
            "--address".to_owned(),
            format!("{error}; a right set: --address 192.168.69.1/24 --address fdaa::1/64"),
        ),
        ConfigError::Host(HostError::DhcpAndStatic(address)) => wrong(
            format!("--address {address}"),
            "with --dhcp, IPv4 is one or the other; a right one beside it: --address fdaa::1/64".to_owned(),
        ),
        ConfigError::Host(HostError::Gateway(gateway)) => wrong(
            format!("--gateway {gateway}"),
            format!("{}; a right one with --address 192.168.69.1/24: 192.168.69.100", {
                if given.has("dhcp") && matches!(gateway, IpAddress::Ipv4(_)) {
                    "DHCP brings it along"
                } else {
                    "not another host in one of the server's networks"
                }
            }),
        ),
        ConfigError::Host(HostError::GatewayTwice(gateway)) => wrong(
            format!("--gateway {gateway}"),
            "one for each IP version is the most; a right pair: --gateway 192.168.69.100 --gateway fdaa::100"
                .to_owned(),
        ),
        ConfigError::SamePort(port) => {
            let (this, other, right) = if given.has("stream-port") {
                ("stream-port", "sentence-port", STREAM_PORT)
            } else {
                ("sentence-port", "stream-port", SENTENCE_PORT)
            };
            wrong(
                format!("--{this} {port}"),
                format!("--{other} is the same, and TCP needs two; a right one: {right}, or 0 for none"),
            )
        }
        ConfigError::NoPort => wrong(
            "--udp-port 0 --sentence-port 0 --stream-port 0".to_owned(),
            "nothing is left to serve; a right one: --udp-port 12000".to_owned(),
        ),
        error => wrong("serve".to_owned(), format!("{error}; see undersock serve --help")),
    }
}
