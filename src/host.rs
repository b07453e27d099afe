//! A host on the network: what a server's stack and a client's are told alike, and whether that can work.

use core::fmt;

pub use crate::packet::{Mac, NotMac};
use smoltcp::wire::{IpAddress, IpCidr};

/// Addresses that a host may have, the IPv6 link-local one included.
pub const MAX_ADDRESSES: usize = 5;
/// Nobody's address.
#[cfg(feature = "ipv4")]
pub(crate) const NOBODY: IpAddress = IpAddress::v4(0, 0, 0, 0);
/// Nobody's address.
#[cfg(not(feature = "ipv4"))]
pub(crate) const NOBODY: IpAddress = IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0);
/// smoltcp's own convention for its examples.
pub const DEFAULT_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);
/// The client's in the examples and tests: the last byte is that of its address.
pub const CLIENT_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x64]);

/// A host: its addresses, its gateways, where its randomness comes from. [`HostConfig::check`] finds what the stack would
/// panic about.
///
/// It may grow: begin with [`HostConfig::default`] or [`HostConfig::client`] and set what differs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostConfig {
    /// The host's own Ethernet address. `None` where the device carries IP packets, with nothing before them: a TUN
    /// interface, a point-to-point line. (smoltcp's `Medium` can't say it: it has a name only for what it was built for.)
    pub mac: Option<Mac>,
    /// The addresses with their networks. An IPv6 link-local address is derived from the MAC (RFC 4291 2.5.6) and
    /// added where there is an IPv6 address, or is to be one, and none is link-local.
    pub addresses: heapless::Vec<IpCidr, MAX_ADDRESSES>,
    /// At most one default gateway for each IP version.
    pub gateways: heapless::Vec<IpAddress, 2>,
    /// Take the IPv4 address and gateway from a DHCP server (feature `dhcp`; a server's only).
    pub dhcp: bool,
    /// Form IPv6 addresses from the prefixes that routers advertise, with the interface identifier of the link-local
    /// address, and take the router from there too if no IPv6 gateway is given. With the feature `slaac` only: without
    /// it, nobody pays for it. A server's only.
    #[cfg(feature = "slaac")]
    pub slaac: bool,
    /// Say at the start who is here, on Ethernet: announce the IPv4 addresses (RFC 5227 2.3), ask whether somebody has the
    /// IPv6 ones (RFC 4862 5.4) and report their groups (RFC 3810). Without it the host says nothing until it is spoken to.
    pub announce: bool,
    /// Send what is for hosts off the link to the gateway, and not back to where the question came from: for networks
    /// where answers take another way than questions (asymmetric routing, direct server return).
    ///
    /// With the feature `std` only: without it, nobody pays for it.
    #[cfg(feature = "std")]
    pub via_gateway: bool,
    /// Send what is lost again within about a round trip (RFC 8985), and keep a congestion window (RFC 5681). Off, the stack's
    /// own timer does it, after a second or more, and all that was in flight is sent again: to be seen, or measured.
    ///
    /// With the feature `recovery` only, which `std` takes along: without it, it is off.
    #[cfg(feature = "recovery")]
    pub recovery: bool,
    /// Different at each start and not to be guessed: initial sequence numbers follow from it.
    pub seed: u64,
}

impl Default for HostConfig {
    /// The server's side of the default network: 192.168.69.1/24 and fdaa::1/64 with the host's side, .100 and ::100, as
    /// gateway; seed 0.
    fn default() -> Self {
        let mut host = HostConfig {
            mac: Some(DEFAULT_MAC),
            addresses: heapless::Vec::new(),
            gateways: heapless::Vec::new(),
            dhcp: false,
            #[cfg(feature = "slaac")]
            slaac: false,
            announce: true,
            #[cfg(feature = "std")]
            via_gateway: false,
            #[cfg(feature = "recovery")]
            recovery: true,
            seed: 0,
        };
        // Two of two gateways: those pushes can't fail.
        #[cfg(feature = "ipv4")]
        {
            let _ = host.addresses.push(IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24));
            let _ = host.gateways.push(IpAddress::v4(192, 168, 69, 100));
        }
        #[cfg(feature = "ipv6")]
        {
            let _ = host.addresses.push(IpCidr::new(IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1), 64));
            let _ = host.gateways.push(IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100));
        }
        host
    }
}

/// Why a [`HostConfig`] can't work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostError {
    /// A MAC address that is a group's, or all zeros.
    Mac(Mac),
    /// An address that no host can have: multicast, broadcast, loopback, unspecified, or its network's own.
    Address(IpCidr),
    /// The same address twice.
    AddressTwice(IpAddress),
    /// More than [`MAX_ADDRESSES`], counting the link-local one, and one each for DHCP and router advertisements.
    TooManyAddresses,
    /// No address, no DHCP and no router advertisements.
    NoAddress,
    /// DHCP and a static IPv4 address exclude each other.
    DhcpAndStatic(IpAddress),
    /// The feature `dhcp` is not compiled in.
    NoDhcp,
    /// DHCP or SLAAC on a link without Ethernet addresses.
    NoLink,
    /// A gateway that is in none of the networks, one of our own addresses, or no unicast address.
    Gateway(IpAddress),
    /// A second gateway for the same IP version.
    GatewayTwice(IpAddress),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::Mac(mac) => {
                write!(f, "MAC address {mac} is not a unicast address; one that is: 02:00:00:00:00:01")
            }
            HostError::Address(cidr) => {
                write!(f, "address {cidr} is not a host's unicast address; one that is: 192.168.69.1/24")
            }
            HostError::AddressTwice(address) => write!(f, "address {address} is given twice"),
            HostError::TooManyAddresses => {
                write!(
                    f,
                    "more than {MAX_ADDRESSES} addresses, counting the IPv6 link-local one, and one each for DHCP and SLAAC"
                )
            }
            HostError::NoAddress => {
                write!(f, "no address: give one, as 192.168.69.1/24, or use DHCP or SLAAC")
            }
            HostError::DhcpAndStatic(address) => {
                write!(f, "address {address} and DHCP: IPv4 takes one or the other")
            }
            HostError::NoLink => {
                write!(f, "DHCP and SLAAC need Ethernet: give a MAC address, or an IP address in their place")
            }
            HostError::NoDhcp => write!(f, "DHCP is not compiled in: build with the feature `dhcp`"),
            HostError::Gateway(gateway) => {
                write!(f, "gateway {gateway} is not another host in one of the server's networks")
            }
            HostError::GatewayTwice(gateway) => {
                write!(f, "gateway {gateway}: there is one for this IP version already")
            }
        }
    }
}

impl core::error::Error for HostError {}

impl HostConfig {
    /// The same without addresses and gateways, to fill in one's own.
    #[must_use]
    pub fn without_addresses(mut self) -> Self {
        self.addresses.clear();
        self.gateways.clear();
        self
    }

    /// The same with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same on a device that carries IP packets: see [`HostConfig::mac`].
    #[must_use]
    pub fn without_link(mut self) -> Self {
        self.mac = None;
        self
    }

    /// The same, and it says nothing until it is spoken to: see [`HostConfig::announce`].
    #[must_use]
    pub fn without_announcement(mut self) -> Self {
        self.announce = false;
        self
    }

    /// The same, and it answers hosts off the link by way of the gateway: see [`HostConfig::via_gateway`].
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_replies_via_gateway(mut self) -> Self {
        self.via_gateway = true;
        self
    }

    /// The same, and what is lost is repeated by the stack's timer alone: see [`HostConfig::recovery`].
    #[cfg(feature = "recovery")]
    #[must_use]
    pub fn without_recovery(mut self) -> Self {
        self.recovery = false;
        self
    }

    /// The same, and its IPv4 address and gateway come from a DHCP server.
    #[cfg(feature = "dhcp")]
    #[must_use]
    pub fn with_dhcp(mut self) -> Self {
        self.dhcp = true;
        self
    }

    /// The same, and it forms IPv6 addresses from what routers advertise.
    #[cfg(feature = "slaac")]
    #[must_use]
    pub fn with_slaac(mut self) -> Self {
        self.slaac = true;
        self
    }

    /// The client's side of the default network, for a [`Client`](crate::client::Client) on the same wire as a default
    /// server: 192.168.69.100/24 and fdaa::100/64, without a gateway; seed 0.
    #[must_use]
    pub fn client() -> Self {
        let server = HostConfig::default();
        let mut host = HostConfig { mac: Some(CLIENT_MAC), ..server.clone() }.without_addresses();
        for (gateway, cidr) in server.gateways.iter().zip(&server.addresses) {
            // As many as the server has.
            let _ = host.addresses.push(IpCidr::new(*gateway, cidr.prefix_len()));
        }
        host
    }

    /// Finds what can't work, before the stack panics about it.
    ///
    /// # Errors
    /// The first thing found.
    pub fn check(&self) -> Result<(), HostError> {
        match self.mac {
            Some(mac) if !mac.is_unicast() || mac.0 == [0; 6] => return Err(HostError::Mac(mac)),
            None if self.dhcp || self.slaac() => return Err(HostError::NoLink),
            _ => {}
        }
        let mut addresses = self.addresses.iter();
        while let Some(cidr) = addresses.next() {
            if !is_host_address(cidr) {
                return Err(HostError::Address(*cidr));
            }
            if addresses.clone().any(|other| other.address() == cidr.address()) {
                return Err(HostError::AddressTwice(cidr.address()));
            }
            if self.dhcp && is_v4(cidr.address()) {
                return Err(HostError::DhcpAndStatic(cidr.address()));
            }
        }
        let to_come = usize::from(self.dhcp) + usize::from(self.slaac());
        if self.addresses.len() + usize::from(self.link_local().is_some()) + to_come > MAX_ADDRESSES {
            return Err(HostError::TooManyAddresses);
        }
        if self.dhcp && !cfg!(feature = "dhcp") {
            return Err(HostError::NoDhcp);
        }
        if self.addresses.is_empty() && !self.dhcp && !self.slaac() {
            return Err(HostError::NoAddress);
        }
        let mut gateways = self.gateways.iter();
        while let Some(gateway) = gateways.next() {
            if let Some(second) = gateways.clone().find(|other| is_v4(**other) == is_v4(*gateway)) {
                return Err(HostError::GatewayTwice(*second));
            }
            // With DHCP the gateway comes with the lease. An IPv6 router's address is usually a link-local one.
            if !is_gateway(gateway, &self.addresses) && !is_gateway(gateway, self.link_local().as_slice()) {
                return Err(HostError::Gateway(*gateway));
            }
        }
        Ok(())
    }

    /// Whether IPv6 addresses are to be formed from what routers advertise.
    fn slaac(&self) -> bool {
        #[cfg(feature = "slaac")]
        return self.slaac;
        #[cfg(not(feature = "slaac"))]
        false
    }

    /// The IPv6 link-local address that is added to the given ones: from the MAC, as modified EUI-64 (RFC 4291
    /// appendix A). Without a MAC, none is.
    #[must_use]
    pub fn link_local(&self) -> Option<IpCidr> {
        #[cfg(feature = "ipv6")]
        {
            let mut is_v6 = self.slaac();
            for cidr in &self.addresses {
                #[allow(irrefutable_let_patterns, reason = "without IPv4 there is no other case")]
                if let IpCidr::Ipv6(v6) = cidr {
                    is_v6 = true;
                    if v6.address().is_unicast_link_local() {
                        return None;
                    }
                }
            }
            let [a, b, c, d, e, f] = self.mac?.0;
            let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            is_v6.then(|| {
                let (a, b, c, d) = (word(a ^ 0x02, b), word(c, 0xff), word(0xfe, d), word(e, f));
                IpCidr::new(IpAddress::v6(0xfe80, 0, 0, 0, a, b, c, d), 64)
            })
        }
        #[cfg(not(feature = "ipv6"))]
        None
    }
}

/// Whether a host can have this address in this network.
pub(crate) fn is_host_address(cidr: &IpCidr) -> bool {
    let address = cidr.address();
    if !address.is_unicast() {
        return false;
    }
    match cidr {
        #[cfg(feature = "ipv4")]
        IpCidr::Ipv4(v4) => {
            // Below /31 the first address names the network and the last is its broadcast (RFC 1122 3.2.1.3).
            let own_network = v4.prefix_len() < 31 && v4.network().address() == v4.address();
            let first = v4.address().octets()[0];
            !v4.address().is_loopback()
                && first != 0
                && first < 240
                && !own_network
                && v4.broadcast() != Some(v4.address())
        }
        #[cfg(feature = "ipv6")]
        IpCidr::Ipv6(v6) => !v6.address().is_loopback(),
        // Of a version that this library was built without, though the stack was not.
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => false,
    }
}

/// Whether frames can be sent by way of this address.
pub(crate) fn is_gateway(gateway: &IpAddress, addresses: &[IpCidr]) -> bool {
    addresses.iter().any(|cidr| {
        cidr.contains_addr(gateway)
            && cidr.address() != *gateway
            && is_host_address(&IpCidr::new(*gateway, cidr.prefix_len()))
    })
}

pub(crate) fn is_v4(address: IpAddress) -> bool {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(_) => true,
        #[allow(unreachable_patterns, reason = "the stack may have one version only")]
        _ => false,
    }
}
