//! How a server is made: what it is told, the memory that it has, and the abilities of its device, if they fit together.

use core::mem::MaybeUninit;

use smoltcp::phy::{Device, Medium};
use smoltcp::time::Instant;

#[cfg(feature = "std")]
use super::MIN_BUFFER;
use super::backlog::Backlog;
#[cfg(feature = "std")]
use super::connection::Connection;
#[cfg(feature = "dhcp")]
use super::dhcp::Dhcp;
use super::door::Local;
#[cfg(feature = "slaac")]
use super::slaac::Slaac;
use super::slots::{MAX_SLOTS, Slots};
use super::{Config, ConfigError, Core, Memory, Server};
use crate::bucket::Bucket;
use crate::event::Counters;
use crate::link::host::{Here, Link};
use crate::packet::seal::Sums;
use crate::stack::{Station, interface};

/// The least IP MTU that IPv6 allows (RFC 8200 5); below it smoltcp's arithmetic has no meaning.
const MIN_IP_MTU: usize = 1_280;

/// What of the device's abilities matters.
struct Abilities {
    fill: Sums,
    verify: Sums,
    ip_mtu: usize,
    burst: Option<usize>,
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
        let abilities = Server::check(config, &memory, device)?;
        Ok(Server::build(config, memory, &abilities, now))
    }

    /// The same, built where it stays: in the [`Storage`](super::Storage) that has lent this memory. On a board's
    /// stack, a kilobyte that is there for ever is as much as all the rest.
    ///
    /// # Errors
    /// As [`Server::new`]; and memory that isn't lent.
    #[inline]
    pub fn in_storage<D: Device>(
        config: &Config<'a>,
        mut memory: Memory<'a>,
        device: &mut D,
        now: Instant,
    ) -> Result<&'a mut Self, ConfigError> {
        let place = memory.place.take().ok_or(ConfigError::Memory("there must be a storage"))?;
        let abilities = Server::check(config, &memory, device)?;
        Ok(Server::build_in(place, config, memory, &abilities, now))
    }

    // A function of its own: nothing else is on the call stack beside its copy.
    #[inline(never)]
    fn build_in(
        place: &'a mut MaybeUninit<Self>,
        config: &Config<'a>,
        memory: Memory<'a>,
        abilities: &Abilities,
        now: Instant,
    ) -> &'a mut Self {
        place.write(Server::build(config, memory, abilities, now))
    }

    /// What the device can do, if a server can work with it.
    #[inline(always)]
    fn check<D: Device>(
        config: &Config<'a>,
        memory: &Memory<'a>,
        device: &mut D,
    ) -> Result<Abilities, ConfigError> {
        config.check()?;
        let capabilities = device.capabilities();
        let mac = config.host.mac;
        if mac.is_none() && capabilities.medium != Medium::Ip {
            return Err(ConfigError::Memory("the device carries frames: the host needs a MAC address"));
        }
        let (fill, verify) = (Sums::to_fill(&capabilities.checksum), Sums::to_verify(&capabilities.checksum));
        let ip_mtu = Station { mac, fill }.ip_mtu(&capabilities);
        if ip_mtu < MIN_IP_MTU {
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
        Ok(Abilities { fill, verify, ip_mtu, burst: capabilities.max_burst_size })
    }

    #[inline(always)]
    fn build(config: &Config<'a>, memory: Memory<'a>, abilities: &Abilities, now: Instant) -> Self {
        let Abilities { fill, verify, ip_mtu, burst } = *abilities;
        let host = &config.host;
        Server {
            core: Core {
                iface: interface(ip_mtu, burst, host.seed, now),
                link: Link::new(host, now),
                local: Local {
                    here: Here::new(host, fill),
                    udp: config.udp.unwrap_or(0),
                    listeners: config.listeners,
                    verify,
                    #[cfg(feature = "dhcp")]
                    dhcp: host.dhcp,
                },
                #[cfg(feature = "std")]
                via_gateway: host.via_gateway,
                #[cfg(feature = "std")]
                gateways_due: now,
                limits: config.limits,
                host_due: now,
                ip_mtu,
                #[cfg(feature = "recovery")]
                recovery: host.recovery,
                #[cfg(feature = "dhcp")]
                dhcp: host.mac.filter(|_| host.dhcp).map(|mac| Dhcp::new(mac, host.seed, now)),
                #[cfg(feature = "slaac")]
                slaac: Slaac::new(host, now),
                slots: Slots::new(memory.slots, table_key(host.seed)),
                backlog: Backlog::new(memory.backlog),
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
