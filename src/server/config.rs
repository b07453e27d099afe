//! What a server is told at its start: addresses, ports, limits.

use core::fmt;

use smoltcp::time::Duration;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// The textbook's port: UDP, and TCP one sentence a connection.
pub const SENTENCE_PORT: u16 = 12_000;
/// TCP, every byte in order until the client closes its side.
pub const STREAM_PORT: u16 = 12_001;
/// The most bytes that one read takes in sentence mode, as the textbook's `recv(1024)`.
pub const SENTENCE_BYTES: usize = 1_024;
/// Addresses that an interface holds, the IPv6 link-local one included: as many as smoltcp was built for, which is 2
/// unless the program chooses otherwise, by smoltcp's feature `iface-max-addr-count-5` for one.
pub const MAX_ADDRESSES: usize = smoltcp::config::IFACE_MAX_ADDR_COUNT;
/// smoltcp's own convention for its examples.
pub const DEFAULT_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 0x01]);

/// The client's in the examples and tests: the last byte is that of its address.
pub const CLIENT_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 0x64]);

/// Where the server listens. A port of 0 turns that service off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// UDP: a datagram for a datagram.
    pub udp: u16,
    /// TCP, sentence mode: read once, reply, close.
    pub sentence: u16,
    /// TCP, stream mode: every byte until the client closes its side.
    pub stream: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports { udp: SENTENCE_PORT, sentence: SENTENCE_PORT, stream: STREAM_PORT }
    }
}

/// How long a connection may stand still while slots are to spare.
///
/// With none to spare, and a client waiting, a half-open connection is given up after
/// [`Limits::CROWDED_HALF_OPEN`] and any other after [`Limits::CROWDED`] without progress, or sooner if its limit
/// here is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// SYN-RECEIVED, from the first SYN.
    pub half_open: Duration,
    /// Established, with nothing to send.
    pub idle: Duration,
    /// Established, with bytes to send that the peer doesn't take.
    pub stalled: Duration,
    /// From our FIN or the peer's until both are acknowledged.
    pub closing: Duration,
}

impl Limits {
    /// The limit for a half-open connection when no slot is to spare.
    pub const CROWDED_HALF_OPEN: Duration = Duration::from_millis(1_000);
    /// The longest that a limit may be; what is longer is as good as never.
    const LONGEST: Duration = Duration::from_secs(365 * 86_400);

    /// The same, none longer than a year: an instant that far ahead can still be reckoned.
    pub(crate) fn bounded(self) -> Limits {
        let bounded = |limit: Duration| limit.min(Limits::LONGEST);
        Limits {
            half_open: bounded(self.half_open),
            idle: bounded(self.idle),
            stalled: bounded(self.stalled),
            closing: bounded(self.closing),
        }
    }

    /// The limit for all others when no slot is to spare. A connection that made progress within it is active, and
    /// never evicted.
    pub const CROWDED: Duration = Duration::from_millis(3_000);
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            half_open: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            stalled: Duration::from_secs(20),
            closing: Duration::from_secs(10),
        }
    }
}

/// What a server is told at its start. [`Config::check`] finds what the stack would panic about.
#[derive(Debug, Clone)]
pub struct Config {
    /// The interface's own Ethernet address.
    pub mac: EthernetAddress,
    /// The addresses with their networks. An IPv6 link-local address is derived from the MAC (RFC 4291 2.5.6) and
    /// added where there is an IPv6 address, or is to be one, and none is link-local.
    pub addresses: heapless::Vec<IpCidr, MAX_ADDRESSES>,
    /// At most one default gateway for each IP version.
    pub gateways: heapless::Vec<IpAddress, 2>,
    /// Take the IPv4 address and gateway from a DHCP server (feature `dhcp`).
    pub dhcp: bool,
    /// Form IPv6 addresses from the prefixes that routers advertise, with the interface identifier of the link-local
    /// address, and take the router from there too if no IPv6 gateway is given. With the feature `slaac` only: without
    /// it, nobody pays for it.
    #[cfg(feature = "slaac")]
    pub slaac: bool,
    /// Where the server listens.
    pub ports: Ports,
    /// How long a connection may stand still.
    pub limits: Limits,
    /// Different at each start and not to be guessed: initial sequence numbers follow from it.
    pub seed: u64,
}

impl Default for Config {
    /// 192.168.69.1/24 and fdaa::1/64 with the host's side, .100 and ::100, as gateway; seed 0.
    fn default() -> Self {
        let mut config = Config {
            mac: DEFAULT_MAC,
            addresses: heapless::Vec::new(),
            gateways: heapless::Vec::new(),
            dhcp: false,
            #[cfg(feature = "slaac")]
            slaac: false,
            ports: Ports::default(),
            limits: Limits::default(),
            seed: 0,
        };
        // Two of five addresses and two of two gateways: the pushes can't fail.
        #[cfg(feature = "ipv4")]
        {
            let _ = config.addresses.push(IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24));
            let _ = config.gateways.push(IpAddress::v4(192, 168, 69, 100));
        }
        #[cfg(feature = "ipv6")]
        {
            let _ = config.addresses.push(IpCidr::new(IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1), 64));
            let _ = config.gateways.push(IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100));
        }
        config
    }
}

/// A MAC address as everybody but smoltcp writes it, with colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub EthernetAddress);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Why a [`Config`] can't work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    /// A MAC address that is multicast, broadcast or all zeros.
    Mac(EthernetAddress),
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
    /// A gateway that is in none of the networks, one of our own addresses, or no unicast address.
    Gateway(IpAddress),
    /// A second gateway for the same IP version.
    GatewayTwice(IpAddress),
    /// Both TCP services on one port.
    SamePort(u16),
    /// Every port is 0.
    NoPort,
    /// A limit of zero.
    ZeroLimit(&'static str),
    /// No slot, no room for a datagram, or more of either than can be counted.
    Memory(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Mac(mac) => {
                write!(
                    f,
                    "MAC address {} is not a unicast address; one that is: 02:00:00:00:00:01",
                    Mac(*mac)
                )
            }
            ConfigError::Address(cidr) => {
                write!(f, "address {cidr} is not a host's unicast address; one that is: 192.168.69.1/24")
            }
            ConfigError::AddressTwice(address) => write!(f, "address {address} is given twice"),
            ConfigError::TooManyAddresses => {
                write!(
                    f,
                    "more than {MAX_ADDRESSES} addresses, counting the IPv6 link-local one, and one each for DHCP and \
                     SLAAC; a program chooses their number by a feature of smoltcp, as `iface-max-addr-count-5`"
                )
            }
            ConfigError::NoAddress => {
                write!(f, "no address: give one, as 192.168.69.1/24, or use DHCP or SLAAC")
            }
            ConfigError::DhcpAndStatic(address) => {
                write!(f, "address {address} and DHCP: IPv4 takes one or the other")
            }
            ConfigError::NoDhcp => write!(f, "DHCP is not compiled in: build with the feature `dhcp`"),
            ConfigError::Gateway(gateway) => {
                write!(f, "gateway {gateway} is not another host in one of the server's networks")
            }
            ConfigError::GatewayTwice(gateway) => {
                write!(f, "gateway {gateway}: there is one for this IP version already")
            }
            ConfigError::SamePort(port) => {
                write!(f, "port {port} for both TCP services: they must differ, as 12000 and 12001")
            }
            ConfigError::NoPort => write!(f, "every port is 0: nothing to serve"),
            ConfigError::ZeroLimit(name) => write!(f, "limit `{name}` is zero; one that works: 5s"),
            ConfigError::Memory(what) => write!(f, "memory: {what}"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// The same without addresses and gateways, to fill in one's own.
    #[must_use]
    pub fn without_addresses(mut self) -> Self {
        self.addresses.clear();
        self.gateways.clear();
        self
    }

    /// The host's side of the default network, for a [`Client`](crate::client::Client) on the same wire as a default
    /// server: 192.168.69.100/24 and fdaa::100/64, without a gateway; seed 0.
    #[must_use]
    pub fn client() -> Self {
        let server = Config::default();
        let mut config = Config { mac: CLIENT_MAC, ..server.clone() }.without_addresses();
        for (gateway, cidr) in server.gateways.iter().zip(&server.addresses) {
            // As many as the server has.
            let _ = config.addresses.push(IpCidr::new(*gateway, cidr.prefix_len()));
        }
        config
    }

    /// Finds what can't work, before the stack panics about it.
    ///
    /// # Errors
    /// The first thing found.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.mac.is_unicast() || self.mac.0 == [0; 6] {
            return Err(ConfigError::Mac(self.mac));
        }
        for (index, cidr) in self.addresses.iter().enumerate() {
            if !is_host_address(cidr) {
                return Err(ConfigError::Address(*cidr));
            }
            if self.addresses[..index].iter().any(|other| other.address() == cidr.address()) {
                return Err(ConfigError::AddressTwice(cidr.address()));
            }
            if self.dhcp && is_v4(cidr.address()) {
                return Err(ConfigError::DhcpAndStatic(cidr.address()));
            }
        }
        let to_come = usize::from(self.dhcp) + usize::from(self.slaac());
        if self.addresses.len() + usize::from(self.link_local().is_some()) + to_come > MAX_ADDRESSES {
            return Err(ConfigError::TooManyAddresses);
        }
        if self.dhcp && !cfg!(feature = "dhcp") {
            return Err(ConfigError::NoDhcp);
        }
        if self.addresses.is_empty() && !self.dhcp && !self.slaac() {
            return Err(ConfigError::NoAddress);
        }
        for (index, gateway) in self.gateways.iter().enumerate() {
            if self.gateways[..index].iter().any(|other| is_v4(*other) == is_v4(*gateway)) {
                return Err(ConfigError::GatewayTwice(*gateway));
            }
            // With DHCP the gateway comes with the lease. An IPv6 router's address is usually a link-local one.
            if !is_gateway(gateway, &self.addresses) && !is_gateway(gateway, self.link_local().as_slice()) {
                return Err(ConfigError::Gateway(*gateway));
            }
        }
        let Ports { udp, sentence, stream } = self.ports;
        if sentence == stream && sentence != 0 {
            return Err(ConfigError::SamePort(sentence));
        }
        if udp == 0 && sentence == 0 && stream == 0 {
            return Err(ConfigError::NoPort);
        }
        let Limits { half_open, idle, stalled, closing } = self.limits;
        for (name, limit) in
            [("half-open", half_open), ("idle", idle), ("stalled", stalled), ("closing", closing)]
        {
            if limit == Duration::ZERO {
                return Err(ConfigError::ZeroLimit(name));
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
    /// appendix A).
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
            let [a, b, c, d, e, f] = self.mac.0;
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
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(_) => false,
    }
}
