//! How a server is made: what it is told, the memory that it has, and the abilities of its device, if they fit together.

use smoltcp::iface::Interface;
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities};
use smoltcp::time::Instant;

#[cfg(feature = "std")]
use super::MIN_BUFFER;
use super::backlog::Backlog;
#[cfg(feature = "std")]
use super::connection::Connection;
use super::neighbors::Neighbors;
#[cfg(feature = "slaac")]
use super::slaac::Slaac;
use super::slots::{MAX_SLOTS, Slots};
use super::{Config, ConfigError, Core, Memory, Server};
use crate::bucket::Bucket;
use crate::event::Counters;
use crate::packet::ethernet;
use crate::stack::{Held, interface};

/// The least IP MTU that IPv6 allows (RFC 8200 5); below it smoltcp's arithmetic has no meaning.
const MIN_IP_MTU: usize = 1_280;

/// The stack, and what of the device's abilities matters to others.
struct Stack {
    iface: Interface,
    ip_mtu: usize,
    checksum: ChecksumCapabilities,
}

impl<'a> Server<'a> {
    /// A server with these addresses, this memory, and the abilities of this device.
    ///
    /// # Errors
    /// What [`Config::check`] finds, memory without a slot or with more than can be numbered, or a device whose MTU
    /// is below 1,280 bytes of IP.
    pub fn new<D: Device>(
        config: &Config<'a>,
        memory: Memory<'a>,
        device: &mut D,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let stack = Server::check(config, &memory, device, now)?;
        Ok(Server::build(config, memory, stack, now))
    }

    /// The same, built where it stays: in the [`Storage`](super::Storage) that has lent this memory. On a board's
    /// stack, a kilobyte that is there for ever is as much as all the rest.
    ///
    /// # Errors
    /// As [`Server::new`]; and memory that isn't lent.
    #[inline(never)]
    pub fn in_storage<D: Device>(
        config: &Config<'a>,
        mut memory: Memory<'a>,
        device: &mut D,
        now: Instant,
    ) -> Result<&'a mut Self, ConfigError> {
        let place = memory.place.take().ok_or(ConfigError::Memory("there must be a storage"))?;
        match Server::check(config, &memory, device, now) {
            Ok(stack) => Ok(place.write(Server::build(config, memory, stack, now))),
            Err(error) => Err(error),
        }
    }

    /// What a server is built around, if it can work.
    #[inline(never)]
    fn check<D: Device>(
        config: &Config<'a>,
        memory: &Memory<'a>,
        device: &mut D,
        now: Instant,
    ) -> Result<Stack, ConfigError> {
        config.check()?;
        let capabilities = device.capabilities();
        if capabilities.max_transmission_unit < ethernet::HEADER + MIN_IP_MTU {
            return Err(ConfigError::Memory("the device's MTU is below 1280 bytes"));
        }
        let slots = memory.slots.len();
        if slots == 0 || slots > MAX_SLOTS || memory.batch == 0 || memory.scratch.is_empty() {
            return Err(ConfigError::Memory("there must be 1 to 65535 connections and a batch of 1 frame"));
        }
        // A `Storage` that is too small isn't compiled.
        #[cfg(feature = "std")]
        if memory.slots.iter().any(|slot| is_small(slot.connection())) {
            return Err(ConfigError::Memory("there must be 16 bytes of buffer each way at least"));
        }
        let iface = interface(&config.host, &mut Checked(device), now);
        Ok(Stack { iface, ip_mtu: capabilities.ip_mtu(), checksum: capabilities.checksum })
    }

    #[inline(always)]
    fn build(config: &Config<'a>, memory: Memory<'a>, stack: Stack, now: Instant) -> Self {
        let Stack { iface, ip_mtu, checksum } = stack;
        let host = &config.host;
        #[cfg_attr(not(feature = "dhcp"), allow(unused_mut, reason = "DHCP's is the one socket in it"))]
        let mut common = memory.common;
        #[cfg(feature = "dhcp")]
        let dhcp = host.dhcp.then(|| common.add(smoltcp::socket::dhcpv4::Socket::new()));
        Server {
            core: Core {
                iface,
                mac: host.mac,
                gateways: host.gateways.clone(),
                udp: config.udp.unwrap_or(0),
                listeners: config.listeners,
                limits: config.limits,
                common,
                common_due: now,
                common_touched: false,
                ip_mtu,
                checksum,
                #[cfg(feature = "dhcp")]
                dhcp,
                #[cfg(feature = "slaac")]
                slaac: Slaac::new(host, now),
                slots: Slots::new(memory.slots, table_key(host.seed)),
                backlog: Backlog::new(memory.backlog),
                neighbors: Neighbors::new(),
                neighbors_changed: false,
                errors: Bucket::new(),
                scratch: memory.scratch,
                batch: memory.batch,
            },
            counters: Counters::default(),
        }
    }
}

#[cfg(feature = "std")]
fn is_small(connection: &Connection<'_>) -> bool {
    connection.socket().recv_capacity().min(connection.socket().send_capacity()) < MIN_BUFFER
}

/// What chains of the table depend on; not the seed itself, which initial sequence numbers depend on.
#[allow(clippy::cast_possible_truncation, reason = "a part of the hash is enough")]
const fn table_key(seed: u64) -> u32 {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// A device's abilities, its frames' checksums verified before they reach the stack.
struct Checked<'d, D>(&'d mut D);

impl<D: Device> Device for Checked<'_, D> {
    type RxToken<'a>
        = Held<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.0.capabilities();
        let sums = &mut capabilities.checksum;
        for sum in [&mut sums.ipv4, &mut sums.tcp] {
            *sum = if sum.tx() { Checksum::Tx } else { Checksum::None };
        }
        capabilities
    }
}
