//! The server: a frame's way from the device to the service and back.
//!
//! | file | its one job |
//! |---|---|
//! | [`config`] | what a server is told at its start, and whether that can work |
//! | `door` | what a frame is, from its headers, and whether it may come in |
//! | `ingress` | hands each frame to the sockets that it is for |
//! | `table` | which slot holds the connection of a 4-tuple |
//! | `connection` | one connection: its socket, the service, its limits |
//! | `datagrams` | the UDP socket: what a datagram becomes |
//! | `slaac` | IPv6 addresses and the router, as routers advertise them |
//! | `neighbors`, `announce` | whose Ethernet address the stack must be told, and who must be told ours |
//! | `earliest` | which slot's deadline comes next |
//! | `storage` | all memory, with named counts |
//!
//! One [`Server::poll`] is: frames in, each to its sockets, a datagram's reply out at once; every connection that a frame
//! touched served and sent; every connection whose time has come; SYNs that waited for a slot. In this order no burst
//! is lost, and no connection's last acknowledgement.
#![forbid(unsafe_code)]

mod announce;
mod backlog;
pub mod config;
mod connection;
mod datagrams;
mod door;
mod earliest;
mod ingress;
mod neighbors;
#[cfg(feature = "slaac")]
mod slaac;
mod storage;
mod table;

use managed::ManagedSlice;
use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device};
use smoltcp::socket::tcp::State;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint};

use self::backlog::Backlog;
pub use self::config::{Config, ConfigError, Limits, Ports};
use self::connection::Connection;
pub use self::datagrams::{MAX_DATAGRAM, max_datagram};
use self::earliest::{Earliest, NEVER};
use self::ingress::Bucket;
use self::neighbors::Neighbors;
#[cfg(feature = "std")]
pub use self::storage::{MAX_BACKLOG, Sizes};
pub use self::storage::{Memory, Storage};
use self::table::{MAX_SLOTS, Table};
use crate::device::frame::{Checked, Outgoing};
use crate::event::{Call, Cause, Counters, Event, Limit, Observer, Sink, Timer};
use crate::service::Service;

/// When to try again to send what a device had no room for.
const BLOCKED: Duration = Duration::from_millis(1);
/// smoltcp asks for a neighbour again after this long; so long may a deadline be that waits for one.
const NEIGHBOR_SILENCE: Duration = Duration::from_secs(1);
/// The least of a connection's buffers: the longest output for one character must fit, and some room be left.
const MIN_BUFFER: usize = 16;
/// The least IP MTU that IPv6 allows (RFC 8200 5); below it smoltcp's arithmetic has no meaning.
const MIN_IP_MTU: usize = 1_280;

/// The uppercase server, or that of any other [`Service`], on a stack of its own.
///
/// It reads no clock and owns no device: [`Server::poll`] is given both.
pub struct Server<'a> {
    core: Core<'a>,
    counters: Counters,
}

/// All of a server but its counters, which every event is counted in.
struct Core<'a> {
    iface: Interface,
    mac: EthernetAddress,
    gateways: heapless::Vec<IpAddress, 2>,
    ports: Ports,
    limits: Limits,
    /// What all connections share: DHCP's client; ARP, ICMP and NDP need no socket.
    common: SocketSet<'a>,
    common_due: Instant,
    /// A frame came for the common set.
    common_touched: bool,
    /// The most bytes that one IP packet holds.
    ip_mtu: usize,
    /// The checksums that the device doesn't reckon: those of IPv4, UDP and TCP are the door's.
    checksum: ChecksumCapabilities,
    #[cfg(feature = "dhcp")]
    dhcp: Option<smoltcp::iface::SocketHandle>,
    #[cfg(feature = "slaac")]
    slaac: Option<slaac::Slaac>,
    connections: ManagedSlice<'a, Connection<'a>>,
    table: Table<'a>,
    /// When each connection is to be looked at, whatever comes.
    due: Earliest<'a>,
    /// From when on each connection may be given up for a new one.
    ripe: Earliest<'a>,
    backlog: Backlog<'a>,
    neighbors: Neighbors,
    /// ARP or NDP came: who waits for a neighbour may go on.
    neighbors_changed: bool,
    /// Tokens for ICMP errors and resets.
    errors: Bucket,
    scratch: ManagedSlice<'a, u8>,
    /// The connections that this batch of frames has touched.
    touched: ManagedSlice<'a, u16>,
    touched_count: usize,
}

/// The device has no room.
struct Blocked;

/// The stack, and what of the device's abilities matters to others.
struct Stack {
    iface: Interface,
    ip_mtu: usize,
    checksum: ChecksumCapabilities,
}

/// What a person wants to know of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its slot.
    pub slot: usize,
    /// Its state, in RFC 9293's names.
    pub state: State,
    /// The server's address and port.
    pub local: IpEndpoint,
    /// The client's.
    pub remote: IpEndpoint,
    /// Bytes received that the service hasn't taken.
    pub receive_queue: usize,
    /// Bytes given by the service that the peer hasn't acknowledged.
    pub send_queue: usize,
    /// When the connection last came any further.
    pub progress: Instant,
    /// When the server will look at it, whatever comes.
    pub due: Option<Instant>,
}

impl<'a> Server<'a> {
    /// A server with these addresses, this memory, and the abilities of this device.
    ///
    /// # Errors
    /// What [`Config::check`] finds, memory without a slot or with more than can be numbered, or a device whose MTU
    /// is below 1,280 bytes of IP.
    pub fn new<D: Device>(
        config: &Config,
        memory: Memory<'a>,
        device: &mut D,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let stack = Server::check(config, &memory, device, now)?;
        Ok(Server::build(config, memory, stack, now))
    }

    /// The same, built where it stays: in the [`Storage`] that has lent this memory. On a board's stack, a kilobyte
    /// that is there for ever is as much as all the rest.
    ///
    /// # Errors
    /// As [`Server::new`]; and memory that isn't lent.
    #[inline(never)]
    pub fn in_storage<D: Device>(
        config: &Config,
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
        config: &Config,
        memory: &Memory<'_>,
        device: &mut D,
        now: Instant,
    ) -> Result<Stack, ConfigError> {
        config.check()?;
        let capabilities = device.capabilities();
        if capabilities.max_transmission_unit < 14 + MIN_IP_MTU {
            return Err(ConfigError::Memory("the device's MTU is below 1280 bytes"));
        }
        let slots = memory.connections.len();
        if slots == 0 || slots > MAX_SLOTS || memory.touched.is_empty() || memory.scratch.is_empty() {
            return Err(ConfigError::Memory("there must be 1 to 65535 connections and a batch of 1 frame"));
        }
        // A `Storage` that is too small isn't compiled.
        #[cfg(feature = "std")]
        let small = |connection: &Connection<'_>| {
            connection.socket().recv_capacity().min(connection.socket().send_capacity()) < MIN_BUFFER
        };
        #[cfg(feature = "std")]
        if memory.connections.iter().any(small) {
            return Err(ConfigError::Memory("there must be 16 bytes of buffer each way at least"));
        }
        let mut settings = smoltcp::iface::Config::new(HardwareAddress::Ethernet(config.mac));
        settings.random_seed = config.seed;
        let mut iface = Interface::new(settings, &mut Checked(device), now);
        iface.update_ip_addrs(|addresses| {
            // They were counted by `check`.
            addresses.extend(config.addresses.iter().copied().chain(config.link_local()));
        });
        for gateway in &config.gateways {
            add_route(&mut iface, *gateway);
        }
        Ok(Stack { iface, ip_mtu: capabilities.ip_mtu(), checksum: capabilities.checksum })
    }

    #[inline(always)]
    fn build(config: &Config, memory: Memory<'a>, stack: Stack, now: Instant) -> Self {
        let Stack { iface, ip_mtu, checksum } = stack;
        #[cfg_attr(not(feature = "dhcp"), allow(unused_mut, reason = "DHCP's is the one socket in it"))]
        let mut common = memory.common;
        #[cfg(feature = "dhcp")]
        let dhcp = config.dhcp.then(|| common.add(smoltcp::socket::dhcpv4::Socket::new()));
        Server {
            core: Core {
                iface,
                mac: config.mac,
                gateways: config.gateways.clone(),
                ports: config.ports,
                limits: config.limits.bounded(),
                common,
                common_due: now,
                common_touched: false,
                ip_mtu,
                checksum,
                #[cfg(feature = "dhcp")]
                dhcp,
                #[cfg(feature = "slaac")]
                slaac: slaac::Slaac::new(config, now),
                connections: memory.connections,
                table: Table::new(memory.heads, memory.links, memory.tuples, table_key(config.seed)),
                due: Earliest::new(memory.due.0, memory.due.1),
                ripe: Earliest::new(memory.ripe.0, memory.ripe.1),
                backlog: Backlog::new(memory.backlog),
                neighbors: Neighbors::new(),
                neighbors_changed: false,
                errors: Bucket::new(now),
                scratch: memory.scratch,
                touched: memory.touched,
                touched_count: 0,
            },
            counters: Counters::default(),
        }
    }

    /// Takes in up to a batch of frames, serves, sends, and does what is due by `now`.
    ///
    /// Returns the instant at which it is to be called again if no frame comes before: at `now` where frames may be
    /// left in the device; `None` if nothing is ever due.
    #[inline(never)]
    pub fn poll<D: Device, S: Service, O: Observer>(
        &mut self,
        now: Instant,
        device: &mut D,
        service: &mut S,
        observer: &mut O,
    ) -> Option<Instant> {
        let Server { core, counters } = self;
        let mut sink = Sink::new(now, counters, observer);
        let device = &mut Outgoing { device, sink: &mut sink };
        core.iface.poll_maintenance(now);
        let more = core.take_in(device, service);
        core.serve_common(device);
        core.serve_touched(device, service);
        core.serve_due(device, service);
        if core.backlog.len() > 0 {
            core.admit_waiting(device, service);
        }
        let deadline = if more { now } else { core.deadline(now) };
        (deadline != NEVER).then_some(deadline)
    }

    /// Tells an observer where the server listens, as the calls that a program makes at its start.
    pub fn introduce<O: Observer>(&self, now: Instant, observer: &mut O) {
        let Ports { udp, sentence, stream } = self.core.ports;
        let bind = (udp != 0).then_some(Call::Bind { port: udp });
        let listens =
            [sentence, stream].into_iter().filter(|port| *port != 0).map(|port| Call::Listen { port });
        for call in bind.into_iter().chain(listens) {
            observer.event(now, &Event::Call(call));
        }
    }

    /// Ends every connection: a half-open one silently, any other with a RST.
    pub fn shutdown<D: Device, O: Observer>(&mut self, now: Instant, device: &mut D, observer: &mut O) {
        let Server { core, counters } = self;
        let mut sink = Sink::new(now, counters, observer);
        let device = &mut Outgoing { device, sink: &mut sink };
        for slot in 0..core.connections.len() {
            match core.connections[slot].state {
                _ if core.table.tuple(slot).is_none() => {}
                // Both sides have closed: there is nothing to end.
                State::TimeWait => core.release(slot),
                _ => core.evict(slot, Limit::Shutdown, device),
            }
        }
        while core.backlog.pop() {}
    }

    /// How often what happened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The addresses that the server has now: with DHCP and router advertisements they come and go.
    #[must_use]
    pub fn addresses(&self) -> &[IpCidr] {
        self.core.iface.ip_addrs()
    }

    /// The interface's Ethernet address.
    #[must_use]
    pub fn mac(&self) -> EthernetAddress {
        self.core.mac
    }

    /// Where the server listens.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.core.ports
    }

    /// Connections at once.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.core.connections.len()
    }

    /// Slots in use, TIME-WAIT counted.
    #[must_use]
    pub fn used(&self) -> usize {
        self.core.table.used()
    }

    /// SYNs that wait for a slot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.backlog.len()
    }

    /// Every connection that holds a slot.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionInfo> {
        self.core.connections.iter().enumerate().filter_map(|(slot, connection)| {
            let tuple = self.core.table.tuple(slot)?;
            Some(ConnectionInfo {
                slot,
                state: connection.socket().state(),
                local: tuple.local,
                remote: tuple.remote,
                receive_queue: connection.socket().recv_queue(),
                send_queue: connection.socket().send_queue(),
                progress: connection.progress,
                due: Some(self.core.due.get(slot)).filter(|due| *due != NEVER),
            })
        })
    }
}

/// Makes the route over a gateway, for its version of IP, in place of any before.
fn add_route(iface: &mut Interface, gateway: IpAddress) {
    match gateway {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(gateway) => {
            let _ = iface.routes_mut().add_default_ipv4_route(gateway);
        }
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(gateway) => {
            let _ = iface.routes_mut().add_default_ipv6_route(gateway);
        }
    }
}

/// What chains of the table depend on; not the seed itself, which initial sequence numbers depend on.
#[allow(clippy::cast_possible_truncation, reason = "a part of the hash is enough")]
fn table_key(seed: u64) -> u32 {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

impl Core<'_> {
    /// What all connections share: sent.
    fn serve_common<D: Device, O: Observer>(&mut self, device: &mut Outgoing<'_, '_, D, O>) {
        let now = device.sink.now;
        if !core::mem::take(&mut self.common_touched) && self.common_due > now {
            return;
        }
        while self.iface.poll_egress(now, device, &mut self.common) != PollResult::None {}
        #[cfg(feature = "dhcp")]
        self.serve_dhcp(device);
        #[cfg(feature = "slaac")]
        let advertised = self.serve_slaac(device);
        self.common_due = not_before(self.iface.poll_at(now, &self.common), now);
        #[cfg(feature = "slaac")]
        {
            self.common_due = self.common_due.min(advertised);
        }
    }

    /// Every connection that a frame of this batch was for.
    fn serve_touched<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
    ) {
        for index in 0..core::mem::take(&mut self.touched_count) {
            let slot = usize::from(self.touched[index]);
            if self.table.tuple(slot).is_some() {
                self.attend(slot, device, service);
            }
            self.connections[slot].touched = false;
        }
    }

    /// Every connection whose time has come: a timer of the stack, or a limit of ours.
    fn serve_due<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
    ) {
        let now = device.sink.now;
        if core::mem::take(&mut self.neighbors_changed) && self.table.used() > 0 {
            for slot in 0..self.connections.len() {
                if self.due.get(slot) <= now + NEIGHBOR_SILENCE {
                    self.due.set(slot, now);
                }
            }
        }
        // Each is looked at once: `settle` leaves no deadline at or before `now`.
        while let (slot, at) = self.due.first()
            && at <= now
        {
            let connection = &self.connections[slot];
            match connection.limit(&self.limits) {
                Some((limit, length)) if connection.progress + length <= now => {
                    self.evict(slot, limit, device);
                }
                _ => self.attend(slot, device, service),
            }
        }
    }

    /// SYNs that waited, each into a slot that came free, or that can be freed for it.
    #[inline(never)]
    fn admit_waiting<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
    ) {
        let now = device.sink.now;
        while self.backlog.len() > 0 {
            if self.backlog.ends() <= now {
                self.backlog.pop();
                device.sink.emit(Event::Timer(Timer::WaitedTooLong));
                continue;
            }
            if !self.table.has_free() {
                let (slot, from) = self.ripe.first();
                // Nobody is given up before there is room to say so.
                if from > now || device.transmit(now).is_none() {
                    return;
                }
                self.evict(slot, Limit::Crowded, device);
            }
            match self.admit(device) {
                Err(Blocked) => return,
                Ok(None) => {}
                Ok(Some(slot)) => self.attend(slot, device, service),
            }
        }
    }

    /// The SYN that has waited for the longest, into a free slot: which, unless it was refused. A function of its own:
    /// the copy of a SYN is on the stack only here.
    #[inline(never)]
    fn admit<D: Device, O: Observer>(
        &mut self,
        device: &mut Outgoing<'_, '_, D, O>,
    ) -> Result<Option<usize>, Blocked> {
        let now = device.sink.now;
        let token = device.transmit(now).ok_or(Blocked)?;
        let waiting = self.backlog.first().ok_or(Blocked)?;
        let (frame, segment) = (waiting.frame.clone(), waiting.segment);
        self.backlog.pop();
        let slot = self.open(&frame, &segment, token, now);
        if let Some(slot) = slot {
            self.connections[slot].look(slot, Cause::Segment, device.sink);
        }
        Ok(slot)
    }

    /// Serves and sends on one connection, then sees what has become of it.
    fn attend<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        device: &mut Outgoing<'_, '_, D, O>,
        service: &mut S,
    ) {
        let connection = &mut self.connections[slot];
        let next = connection.attend(slot, &mut self.iface, device, service, &mut self.scratch);
        self.settle(slot, next, device.sink.now);
    }

    /// Frees a slot whose connection is over, or reckons its deadlines anew: `stack` is the stack's.
    fn settle(&mut self, slot: usize, stack: Option<Instant>, now: Instant) {
        let connection = &mut self.connections[slot];
        if connection.is_over() {
            return self.release(slot);
        }
        connection.owes = stack.is_some_and(|at| at <= now);
        let stack = not_before(stack, now);
        let limit = connection.limit(&self.limits);
        let ends = limit.map_or(NEVER, |(_, length)| connection.progress + length);
        self.due.set(slot, stack.min(ends));
        self.ripe.set(slot, connection.ripe(limit));
    }

    /// Gives a connection up.
    fn evict<D: Device, O: Observer>(
        &mut self,
        slot: usize,
        limit: Limit,
        device: &mut Outgoing<'_, '_, D, O>,
    ) {
        let timer = match self.connections[slot].state {
            State::TimeWait => Timer::Reused { slot },
            _ => Timer::Evicted { slot, limit },
        };
        device.sink.emit(Event::Timer(timer));
        // An idle client's Ethernet address is as old as its last frame: the stack may just have forgotten it.
        if let Some(sender) = self.connections[slot].sender {
            self.teach(&sender, device);
        }
        self.connections[slot].abort(slot, &mut self.iface, device);
        self.release(slot);
    }

    /// The slot is free for the next connection.
    fn release(&mut self, slot: usize) {
        self.table.remove(slot);
        self.due.set(slot, NEVER);
        self.ripe.set(slot, NEVER);
    }

    /// When to poll again if no frame comes.
    fn deadline(&self, now: Instant) -> Instant {
        let deadline = self.due.first().1.min(self.common_due);
        if self.backlog.len() == 0 {
            return deadline;
        }
        // A SYN waits until it has waited too long, or a connection may be given up for it. Where one may be already,
        // or a slot is free, it waits for room in the device.
        let admitted = if self.table.has_free() { now } else { self.ripe.first().1 };
        deadline.min(self.backlog.ends()).min(admitted.max(now + BLOCKED))
    }

    /// Makes the route over a gateway, for its version of IP.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    fn set_gateway(&mut self, gateway: IpAddress) {
        self.gateways.retain(|known| known.version() != gateway.version());
        // There are two versions and two places; a route is replaced, not added.
        let _ = self.gateways.push(gateway);
        add_route(&mut self.iface, gateway);
    }

    /// The address that a DHCP server leases, as it comes and goes.
    #[cfg(feature = "dhcp")]
    fn serve_dhcp<D: Device, O: Observer>(&mut self, device: &mut Outgoing<'_, '_, D, O>) {
        use smoltcp::socket::dhcpv4;

        let Some(handle) = self.dhcp else { return };
        let (address, router) = match self.common.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
            None => return,
            Some(dhcpv4::Event::Deconfigured) => (None, None),
            Some(dhcpv4::Event::Configured(lease)) => {
                let address = IpCidr::Ipv4(lease.address);
                // What a DHCP server says comes from the network: the stack would panic about some of it.
                (config::is_host_address(&address).then_some(address), lease.router)
            }
        };
        self.iface.update_ip_addrs(|addresses| {
            addresses.retain(|cidr| !config::is_v4(cidr.address()));
            if let Some(address) = address {
                let _ = addresses.push(address);
            }
        });
        self.relearn(device);
        self.iface.routes_mut().remove_default_ipv4_route();
        self.gateways.retain(|gateway| !config::is_v4(*gateway));
        if let (Some(address), Some(router)) = (address, router) {
            let gateway = IpAddress::Ipv4(router);
            if config::is_gateway(&gateway, &[address]) {
                self.set_gateway(gateway);
            }
        }
    }
}

/// A deadline of the stack. One that has passed already means that the device had no room.
fn not_before(deadline: Option<Instant>, now: Instant) -> Instant {
    match deadline {
        None => NEVER,
        Some(at) if at <= now => now + BLOCKED,
        Some(at) => at,
    }
}
