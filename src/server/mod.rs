//! The server: a frame's way from the device to the service and back.
//!
//! | file | its one job |
//! |---|---|
//! | [`config`] | what a server is told at its start, and whether that can work |
//! | `start` | what a server is built from |
//! | `poll` | one poll, step by step |
//! | `door` | what a frame is, from its headers, and whether it may come in |
//! | `ingress` | hands each frame to the sockets that it is for |
//! | `slots` | all that is known of each connection, by 4-tuple and by what is due |
//! | `connection`, `phase`, `exchange` | one connection: its socket, its limits; its bytes through the service |
//! | `recover` | one connection's loss recovery: what it hears, when it goes back |
//! | `backlog` | SYNs that wait for a slot |
//! | `headers` | segments made from the headers of one that came |
//! | `datagrams` | the UDP socket: what a datagram becomes |
//! | `dhcp`, `slaac` | addresses and routers that the network gives |
//! | `network` | what a host does beside serving: answers ARP and echo requests, says that nobody listens |
//! | `tuple`, `time` | what a connection is known by; instants and spans |
//! | `storage` | all memory, with named counts |
//!
//! One [`Server::poll`] is: frames in, each to its sockets, a datagram's reply out at once; every connection that a frame
//! touched served and sent; every connection whose time has come; SYNs that waited for a slot. In this order no burst
//! is lost, and no connection's last acknowledgement.
#![forbid(unsafe_code)]

mod backlog;
pub mod config;
mod connection;
mod datagrams;
#[cfg(feature = "dhcp")]
mod dhcp;
mod door;
mod exchange;
mod headers;
mod ingress;
mod network;
mod phase;
mod poll;
#[cfg(feature = "recovery")]
mod recover;
#[cfg(feature = "slaac")]
mod slaac;
mod slots;
mod start;
mod storage;
mod time;
mod tuple;

use managed::ManagedSlice;
use smoltcp::iface::Interface;
use smoltcp::phy::Device;
use smoltcp::socket::tcp::State;
use smoltcp::time::Instant;
use smoltcp::wire::{IpCidr, IpEndpoint};

use self::backlog::Backlog;
pub use self::config::{Config, ConfigError, Limits, Listener, Mode};
pub use self::datagrams::{MAX_DATAGRAM, max_datagram};
use self::door::Local;
use self::slots::{Order, Slots};
#[cfg(feature = "std")]
pub use self::storage::{MAX_BACKLOG, Sizes};
pub use self::storage::{Memory, Storage};
use self::time::NEVER;
use crate::bucket::Bucket;
#[cfg(feature = "recovery")]
use crate::event::Path;
use crate::event::{Call, Counters, Event, Observer, Sink};
use crate::link::host::Link;
use crate::packet::Mac;
use crate::service::Service;
use crate::stack::Egress;

/// The least of a connection's buffers: the longest output for one character must fit, and some room be left.
const MIN_BUFFER: usize = 16;

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
    local: Local<'a>,
    link: Link,
    /// What is for hosts off the link goes to the gateway.
    #[cfg(feature = "std")]
    via_gateway: bool,
    /// When it is asked again where they are.
    #[cfg(feature = "std")]
    gateways_due: Instant,
    limits: Limits,
    /// When the host has something to do or to say of its own accord.
    host_due: Instant,
    /// The most bytes that one IP packet holds.
    ip_mtu: usize,
    /// What is lost is sent again at once.
    #[cfg(feature = "recovery")]
    recovery: bool,
    #[cfg(feature = "dhcp")]
    dhcp: Option<dhcp::Dhcp>,
    #[cfg(feature = "slaac")]
    slaac: Option<slaac::Slaac>,
    slots: Slots<'a>,
    backlog: Backlog<'a>,
    /// Tokens for ICMP errors and resets.
    errors: Bucket,
    scratch: ManagedSlice<'a, u8>,
    /// Frames taken in before the connections that they touched are processed.
    batch: usize,
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
    /// When the server will process it, whatever comes.
    pub due: Option<Instant>,
    /// What is known of the way to the client; `None` before the handshake is over.
    #[cfg(feature = "recovery")]
    pub path: Option<Path>,
}

impl<'a> Server<'a> {
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
        let mut sink = Sink::new(now, counters, observer, core.local.here.station.link());
        let device = &mut Egress::new(device, &mut sink, core.local.here.station);
        let more = core.ingress(device, service);
        if core.host_due <= now {
            core.serve_host(device, service);
        }
        core.process_touched(device, service);
        let mut due = core.process_due(device, service);
        if core.backlog.len() > 0 {
            due = core.admit_waiting(device, service);
        }
        let deadline = if more { now } else { core.deadline(due, now) };
        (deadline != NEVER).then_some(deadline)
    }

    /// Tells an observer where the server listens, as the calls that a program makes at its start.
    pub fn introduce<O: Observer>(&self, now: Instant, observer: &mut O) {
        let bind = self.udp_port().map(|port| Call::Bind { port });
        let listens = self.core.local.listeners.iter().map(|listener| Call::Listen { port: listener.port });
        for call in bind.into_iter().chain(listens) {
            observer.event(now, &Event::Call(call));
        }
    }

    /// The link was down and is up again, and may be another network: the host announces itself as at its start, and a lease
    /// that is still good is asked for again (RFC 2131 3.2) while connections go on.
    pub fn link_up(&mut self, now: Instant) {
        self.core.link_up(now);
    }

    /// Ends every connection: a half-open one silently, any other with a RST.
    pub fn shutdown<D: Device, S: Service, O: Observer>(
        &mut self,
        now: Instant,
        device: &mut D,
        service: &mut S,
        observer: &mut O,
    ) {
        let Server { core, counters } = self;
        let mut sink = Sink::new(now, counters, observer, core.local.here.station.link());
        let device = &mut Egress::new(device, &mut sink, core.local.here.station);
        core.shutdown(device, service);
    }

    /// How often what happened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The addresses that the server has now: with DHCP and router advertisements they come and go.
    #[must_use]
    pub fn addresses(&self) -> &[IpCidr] {
        &self.core.local.here.addresses
    }

    /// The server's Ethernet address; `None` on a device that carries IP packets.
    #[must_use]
    pub fn mac(&self) -> Option<Mac> {
        self.core.local.here.station.mac
    }

    /// Where datagrams are answered.
    #[must_use]
    pub fn udp_port(&self) -> Option<u16> {
        Some(self.core.local.udp).filter(|port| *port != 0)
    }

    /// The TCP ports that are open.
    #[must_use]
    pub fn listeners(&self) -> &'a [Listener] {
        self.core.local.listeners
    }

    /// Connections at once.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.core.slots.len()
    }

    /// Slots in use, TIME-WAIT counted.
    #[must_use]
    pub fn used(&self) -> usize {
        self.core.slots.used()
    }

    /// SYNs that wait for a slot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.backlog.len()
    }

    /// Every connection that holds a slot.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionInfo> {
        self.core.slots.iter().map(|(slot, connection, tuple)| ConnectionInfo {
            slot,
            state: connection.socket().state(),
            local: tuple.local,
            remote: tuple.remote,
            receive_queue: connection.socket().recv_queue(),
            send_queue: connection.socket().send_queue(),
            progress: connection.progress,
            due: Some(self.core.slots.at(Order::Due, slot)).filter(|due| *due != NEVER),
            #[cfg(feature = "recovery")]
            path: connection.path(),
        })
    }
}
