//! The client's side of both protocols, on a stack of its own: what the textbook's two client programs do, step by
//! step, driven by polls as the server is.
//!
//! ```text
//! clientSocket.sendto(sentence, server)        UdpExchange::new … step … step
//! clientSocket.recvfrom(2048)                                              └─► the reply
//!
//! clientSocket.connect(server)                 TcpExchange::new … step … step
//! clientSocket.send(sentence)                                              └─► the reply
//! clientSocket.recv(1024)
//! clientSocket.close()
//! ```
#![forbid(unsafe_code)]

use core::fmt;

use managed::ManagedSlice;
use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::socket::{Socket, tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use crate::event::{Call, Cause, Change, Counters, Event, Observer, Sink, Way};
use crate::host::{HostConfig, HostError, MAX_ADDRESSES};
use crate::link::NEVER;
use crate::link::host::{Business, Here, Link};
use crate::link::resolver::Neighbor;
use crate::packet::seal::Sums;
use crate::packet::{Mac, ip, u32_at};
use crate::server::max_datagram;
use crate::stack::{
    Content, Departing, Egress, Held, OneFrame, Route, interface, speak_as, speak_as_all, verify,
};

/// The first of the ports that clients take for themselves (RFC 6335 6).
const FIRST_PORT: u16 = 49_152;
/// Connections at once whose states an observer is told of; further ones go unseen.
const WATCHED: usize = 8;
/// The longest packet that waits until it is known where the first hop is: a SYN, with all options.
const LONGEST_SYN: usize = 40 + 60;
/// Packets that wait for that at once, one a connection. A further one takes the oldest one's place; the stack repeats that.
const QUEUED: usize = 4;

/// A host with a stack and no services. Its observer sees the same events as a server's; a connection's slot is how many
/// connections came before it.
///
/// Before it speaks to a host, it asks where the first hop on the way there is, by ARP or a neighbour solicitation, three
/// times a second apart. In the meantime a SYN or a datagram waits (RFC 1122 2.3.2.2). Without an answer the connection is
/// closed, and the exchange says [`ExchangeError::Unreachable`].
pub struct Client<'a, O: Observer = ()> {
    iface: Interface,
    here: Here,
    /// The checksums that the device hasn't verified.
    unverified: Sums,
    link: Link,
    link_due: Instant,
    sockets: SocketSet<'a>,
    next_port: u16,
    connections: usize,
    watched: heapless::Vec<Watched, WATCHED>,
    queue: heapless::Vec<Queued, QUEUED>,
    /// Connections that came to nothing because nobody answered for the first hop.
    unreachable: heapless::Vec<SocketHandle, WATCHED>,
    counters: Counters,
    observer: O,
}

/// A packet that waits until it is known where the first hop is.
struct Queued {
    hop: IpAddress,
    packet: heapless::Vec<u8, LONGEST_SYN>,
}

/// A connection as the observer knows it.
struct Watched {
    socket: SocketHandle,
    slot: usize,
    state: tcp::State,
}

impl<'a> Client<'a> {
    /// A host with these addresses, gateways, MAC and seed; DHCP and router advertisements are a server's.
    /// `sockets` holds as many places as exchanges go on at once.
    ///
    /// # Errors
    /// What [`HostConfig::check`] finds.
    pub fn new<D: Device>(
        host: &HostConfig,
        sockets: impl Into<ManagedSlice<'a, SocketStorage<'a>>>,
        device: &mut D,
        now: Instant,
    ) -> Result<Self, HostError> {
        Client::observed(host, sockets, device, now, ())
    }
}

impl<'a, O: Observer> Client<'a, O> {
    /// [`Client::new`], with somebody who sees what happens.
    ///
    /// # Errors
    /// What [`HostConfig::check`] finds.
    pub fn observed<D: Device>(
        host: &HostConfig,
        sockets: impl Into<ManagedSlice<'a, SocketStorage<'a>>>,
        device: &mut D,
        now: Instant,
        observer: O,
    ) -> Result<Self, HostError> {
        host.check()?;
        let capabilities = device.capabilities();
        let here = Here::new(host, Sums::to_fill(&capabilities.checksum));
        Ok(Client {
            iface: interface(here.station.ip_mtu(&capabilities), host.seed, now),
            link: Link::new(host, now),
            here,
            unverified: Sums::to_verify(&capabilities.checksum),
            link_due: now,
            sockets: SocketSet::new(sockets),
            next_port: FIRST_PORT,
            connections: 0,
            watched: heapless::Vec::new(),
            queue: heapless::Vec::new(),
            unreachable: heapless::Vec::new(),
            counters: Counters::default(),
            observer,
        })
    }

    /// Lets the stack take in and send frames.
    ///
    /// Returns the instant at which it is to be called again if no frame comes before: at `now` where frames came in,
    /// so that what they brought is seen to first; `None` if nothing is ever due. Step the exchanges, poll, sleep until
    /// the earliest deadline, and so on.
    pub fn poll<D: Device>(&mut self, now: Instant, device: &mut D) -> Option<Instant> {
        let mut has_news = false;
        while let Some((received, answer)) = device.receive(now) {
            has_news = true;
            let Client { iface, here, unverified, link, sockets, watched, counters, observer, .. } = self;
            let mut sink = Sink::new(now, counters, observer, here.station.link());
            let conflict = received.consume(|frame| {
                let opened = here.station.open(frame);
                if let Ok((_, Content::Ip(packet))) = &opened
                    && let Err(rule) = verify(packet, *unverified)
                {
                    sink.frame(Way::Dropped(rule), frame);
                    return None;
                }
                sink.frame(Way::Common, frame);
                let (from, content) = opened.ok()?;
                let answer = Departing::answer(answer, &mut sink, here.station, from);
                match content {
                    #[cfg(feature = "ipv4")]
                    Content::Arp(packet) => link.arp(here, &packet, answer, now),
                    Content::Ip(packet) => match link.packet(here, packet, from, answer, now) {
                        Business::Own(conflict) => conflict,
                        Business::Sockets(answer) => {
                            let own = ip::outline(packet).map(|(_, to, _)| to);
                            let own = own.filter(|to| here.is_own(*to))?;
                            speak_as(iface, own);
                            iface.poll_ingress_single(now, &mut OneFrame::new(packet, answer), sockets);
                            None
                        }
                    },
                }
            });
            if let Some(conflict) = conflict {
                sink.emit(Event::Conflict(conflict));
                if conflict.given_up {
                    here.addresses.retain(|cidr| cidr.address() != conflict.address);
                    forget(iface, sockets, conflict.address);
                }
            }
            observe(watched, sockets, Cause::Segment, &mut sink);
        }
        self.send_due(now, device);
        if has_news { Some(now) } else { self.poll_at(now) }
    }

    /// Asks and sends what is due.
    fn send_due<D: Device>(&mut self, now: Instant, device: &mut D) {
        let Client {
            iface,
            here,
            link,
            link_due,
            sockets,
            watched,
            queue,
            unreachable,
            counters,
            observer,
            ..
        } = self;
        let mut sink = Sink::new(now, counters, observer, here.station.link());
        // Where its peers are is asked again from time to time.
        for (_, socket) in sockets.iter() {
            if let Some(remote) = remote(socket) {
                link.reach(here, remote, now);
            }
        }
        let mut egress = Egress::new(&mut *device, &mut sink, here.station);
        *link_due = link.serve(here, &mut egress);
        while let Some((hop, mac)) = link.take_result() {
            let Some(mac) = mac else {
                queue.retain(|queued| queued.hop != hop);
                let gives_up = |socket: &tcp::Socket<'_>| {
                    let remote = socket.remote_endpoint().filter(|_| socket.state() == tcp::State::SynSent);
                    remote.is_some_and(|remote| here.next_hop(remote.addr) == Some(hop))
                };
                for (handle, socket) in sockets.iter_mut() {
                    #[allow(irrefutable_let_patterns, reason = "the stack may have one kind of socket only")]
                    if let Socket::Tcp(socket) = socket
                        && gives_up(socket)
                    {
                        socket.abort();
                        // Of many the last ones count as refused.
                        let _ = unreachable.push(handle);
                    }
                }
                continue;
            };
            egress.to = mac;
            for Queued { packet, .. } in queue.iter().filter(|queued| queued.hop == hop) {
                // What the device has no room for is repeated.
                if let Some(token) = egress.transmit(now) {
                    token.packet(packet.len(), &|place| place.copy_from_slice(packet));
                }
            }
            queue.retain(|queued| queued.hop != hop);
        }
        observe(watched, sockets, Cause::Timer, &mut sink);
        let mut device = Resolving { device, sink: &mut sink, hops: FirstHop { here, link }, queue };
        speak_as_all(iface, &speakers(sockets));
        while iface.poll_egress(now, &mut device, sockets) != PollResult::None {}
        observe(watched, sockets, Cause::Timer, &mut sink);
    }

    /// Asks for the first hop to a host ahead of its use, if it isn't known. Whether it is.
    pub fn resolve(&mut self, now: Instant, host: IpAddress) -> bool {
        matches!(self.link.reach(&self.here, host, now), Neighbor::Known(_))
    }

    /// What [`Client::poll`] would return now. It serves a program that gives the stack something to do between two polls.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        let stack = self.iface.poll_at(now, &self.sockets);
        let link = Some(self.link_due.min(self.link.deadline())).filter(|at| *at != NEVER);
        stack.into_iter().chain(link).min()
    }

    /// Takes a closed socket and begins to connect it: `connect`, without waiting.
    ///
    /// # Panics
    /// Where the places for sockets are borrowed and all taken.
    ///
    /// # Errors
    /// [`ExchangeError::Unaddressable`] for port 0, or where there is no address to connect from;
    /// [`ExchangeError::Unreachable`] where no gateway is on the way; [`ExchangeError::TooManyAddresses`] where the stack
    /// has no room for one more of our addresses.
    pub fn connect(
        &mut self,
        now: Instant,
        mut socket: tcp::Socket<'a>,
        server: IpEndpoint,
    ) -> Result<SocketHandle, ExchangeError> {
        let own = self.here.source(server.addr).ok_or(ExchangeError::Unaddressable)?;
        let speakers = speakers(&self.sockets);
        if !speakers.contains(&own) && speakers.len() >= IFACE_MAX_ADDR_COUNT {
            return Err(ExchangeError::TooManyAddresses);
        }
        if self.link.reach(&self.here, server.addr, now) == Neighbor::Unreachable {
            return Err(ExchangeError::Unreachable);
        }
        let local = IpEndpoint::new(own, self.port());
        socket.connect(self.iface.context(), server, local).map_err(|_| ExchangeError::Unaddressable)?;
        let handle = self.sockets.add(socket);
        let slot = self.connections;
        self.connections += 1;
        // One that finds no room goes unseen.
        let _ = self.watched.push(Watched { socket: handle, slot, state: tcp::State::Closed });
        self.tell(now, Event::Call(Call::Connect { slot, local, remote: server }));
        self.observe(now, Cause::Call);
        Ok(handle)
    }

    /// Gives bytes to a connection's stack, as many as there is room for, and says how many that were: `send`.
    pub fn send(&mut self, now: Instant, handle: SocketHandle, bytes: &[u8]) -> usize {
        let sent = self.socket(handle).send_slice(bytes).unwrap_or(0);
        if sent > 0
            && let Some(slot) = self.slot(handle)
        {
            self.tell(now, Event::Call(Call::Send { slot, bytes: sent }));
        }
        sent
    }

    /// Takes bytes that have arrived: `recv`, without waiting. 0 where there are none, or no room for them.
    pub fn receive(&mut self, now: Instant, handle: SocketHandle, room: &mut [u8]) -> usize {
        let received = self.socket(handle).recv_slice(room).unwrap_or(0);
        if received > 0
            && let Some(slot) = self.slot(handle)
        {
            self.tell(now, Event::Call(Call::Receive { slot, bytes: received }));
        }
        received
    }

    /// Closes this side: `shutdown` for writing. What was given to the stack is still sent, and the other side's bytes
    /// can still be received.
    pub fn close(&mut self, now: Instant, handle: SocketHandle) {
        self.socket(handle).close();
        if let Some(slot) = self.slot(handle) {
            self.tell(now, Event::Call(Call::Close { slot }));
            self.observe(now, Cause::Call);
        }
    }

    /// A socket of [`Client::connect`]. Observers are not told of what is done to it here.
    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'a> {
        self.sockets.get_mut(handle)
    }

    /// Takes a socket away, whatever its state: the server hears nothing of it.
    pub fn remove(&mut self, handle: SocketHandle) {
        self.sockets.remove(handle);
        self.watched.retain(|seen| seen.socket != handle);
        self.unreachable.retain(|socket| *socket != handle);
    }

    /// How often what happened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn slot(&self, handle: SocketHandle) -> Option<usize> {
        self.watched.iter().find(|seen| seen.socket == handle).map(|seen| seen.slot)
    }

    fn tell(&mut self, now: Instant, event: Event<'_>) {
        Sink::new(now, &mut self.counters, &mut self.observer, self.here.station.link()).emit(event);
    }

    fn observe(&mut self, now: Instant, cause: Cause) {
        let link = self.here.station.link();
        let mut sink = Sink::new(now, &mut self.counters, &mut self.observer, link);
        observe(&mut self.watched, &self.sockets, cause, &mut sink);
    }

    fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
        port
    }
}

/// Tells of every connection whose state has changed since it was last observed.
fn observe<O: Observer>(
    watched: &mut [Watched],
    sockets: &SocketSet<'_>,
    cause: Cause,
    sink: &mut Sink<'_, O>,
) {
    for Watched { socket, slot, state } in watched {
        let from = *state;
        *state = sockets.get::<tcp::Socket<'_>>(*socket).state();
        if *state != from {
            sink.emit(Event::State(Change { slot: *slot, from, to: *state, cause }));
        }
    }
}

/// Where packets go: to the first hop on the way, which is known before anything is sent.
#[derive(Clone, Copy)]
struct FirstHop<'a> {
    here: &'a Here,
    link: &'a Link,
}

impl FirstHop<'_> {
    /// The first hop of a packet, and where it is, if that is known.
    fn of(&self, packet: &[u8]) -> Option<(IpAddress, Option<Mac>)> {
        let (_, destination, _) = ip::outline(packet)?;
        let hop = self.here.next_hop(destination)?;
        Some((hop, self.link.known(self.here, destination)))
    }
}

impl Route for FirstHop<'_> {
    fn to(&self, packet: &[u8]) -> Mac {
        // What can't wait goes to ourselves, where no bridge forwards it: it is for one host, and repeated.
        let nowhere = self.here.station.mac.unwrap_or_default();
        self.of(packet).and_then(|(_, mac)| mac).unwrap_or(nowhere)
    }
}

/// The sending side of a device: a SYN for whom it isn't known yet where the first hop is waits.
struct Resolving<'a, 's, D, O: Observer> {
    device: &'a mut D,
    sink: &'a mut Sink<'s, O>,
    hops: FirstHop<'a>,
    queue: &'a mut heapless::Vec<Queued, QUEUED>,
}

impl<'s, D: Device, O: Observer> Device for Resolving<'_, 's, D, O> {
    type RxToken<'b>
        = Held<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Resolved<'b, 's, D::TxToken<'b>, O>
    where
        Self: 'b;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        let hops = self.hops;
        Some(Resolved {
            token: Departing::routed(token, self.sink, hops.here.station, hops),
            queue: self.queue,
        })
    }

    /// Not asked: the stack asks the device that it was made with.
    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// A token for a packet that may have to wait.
struct Resolved<'a, 's, T, O: Observer> {
    token: Departing<'a, 's, T, O, FirstHop<'a>>,
    queue: &'a mut heapless::Vec<Queued, QUEUED>,
}

impl<T: TxToken, O: Observer> TxToken for Resolved<'_, '_, T, O> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Resolved { token, queue } = self;
        let mut packet = heapless::Vec::new();
        if token.station().mac.is_none() || packet.resize(len, 0).is_err() {
            return token.consume(len, f);
        }
        let result = f(&mut packet);
        match token.route().of(&packet) {
            Some((hop, None)) => {
                // The latest of a connection takes the place of the one before.
                let is_same = |queued: &&mut Queued| same_connection(&queued.packet, &packet);
                match queue.iter_mut().find(is_same) {
                    Some(queued) => queued.packet = packet,
                    None => {
                        // The one that waits for the longest may wait in vain. It is repeated if not.
                        if queue.is_full() {
                            queue.remove(0);
                        }
                        let _ = queue.push(Queued { hop, packet });
                    }
                }
            }
            _ => token.consume(len, |place| place.copy_from_slice(&packet)),
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// Whether two SYNs begin one connection: all before their sequence numbers is the same but for what IP counts.
fn same_connection(one: &[u8], other: &[u8]) -> bool {
    let ports = |packet: &[u8]| {
        let start = if ip::version(packet) == Some(6) { 40 } else { 20 };
        u32_at(packet, start)
    };
    ip::outline(one) == ip::outline(other) && ports(one) == ports(other)
}

/// An address is ours no longer: its connections end, and say nothing from it.
#[cold]
fn forget(iface: &mut Interface, sockets: &mut SocketSet<'_>, address: IpAddress) {
    for (_, socket) in sockets.iter_mut() {
        #[allow(irrefutable_let_patterns, reason = "the stack may have one kind of socket only")]
        if let Socket::Tcp(socket) = socket
            && socket.local_endpoint().is_some_and(|local| local.addr == address)
        {
            socket.abort();
        }
    }
    // The stack sends no reset from an address that it doesn't know.
    iface.update_ip_addrs(|known| known.retain(|cidr| cidr.address() != address));
}

/// The addresses of ours that connections speak from: the stack ends a connection whose address it has forgotten.
fn speakers(sockets: &SocketSet<'_>) -> heapless::Vec<IpAddress, MAX_ADDRESSES> {
    let mut speakers = heapless::Vec::new();
    for (_, socket) in sockets.iter() {
        #[allow(irrefutable_let_patterns, reason = "the stack may have one kind of socket only")]
        if let Socket::Tcp(socket) = socket
            && socket.state() != tcp::State::Closed
            && let Some(local) = socket.local_endpoint()
            && !speakers.contains(&local.addr)
        {
            // A host has no more.
            let _ = speakers.push(local.addr);
        }
    }
    speakers
}

/// Whom a socket speaks to.
fn remote(socket: &Socket<'_>) -> Option<IpAddress> {
    match socket {
        Socket::Tcp(socket) => socket.remote_endpoint().map(|remote| remote.addr),
        #[allow(unreachable_patterns, reason = "the stack may have one kind of socket only")]
        _ => None,
    }
}

/// Why an exchange came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No port or no address can reach this server.
    Unaddressable,
    /// No gateway is on the way, or nobody answers for the first hop.
    Unreachable,
    /// Connections go on from as many addresses of ours as the stack has room for, and this would be one more.
    TooManyAddresses,
    /// The sentence is longer than the send buffer, or the reply than the receive buffer.
    TooLong,
    /// No reply, however often the datagram was sent.
    NoReply,
    /// The server refused the connection: nobody listens on this port.
    Refused,
    /// The server reset the connection.
    Reset,
    /// The time was over before the exchange was.
    TimedOut,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExchangeError::Unaddressable => "the server's address can't be reached",
            ExchangeError::Unreachable => "no way to the server: nobody answers for the first hop",
            ExchangeError::TooManyAddresses => {
                "connections from too many of our addresses at once: build smoltcp with iface-max-addr-count-5"
            }
            ExchangeError::TooLong => "longer than the buffer",
            ExchangeError::NoReply => "no reply",
            ExchangeError::Refused => "connection refused",
            ExchangeError::Reset => "connection reset by the server",
            ExchangeError::TimedOut => "timed out",
        })
    }
}

impl core::error::Error for ExchangeError {}

/// One datagram there and one back.
pub struct UdpExchange {
    socket: SocketHandle,
    server: IpEndpoint,
    timeout: Duration,
    tries_left: u32,
    /// When the datagram is sent again.
    again: Option<Instant>,
    /// It waits until it is known where the first hop is.
    waits: bool,
    sent: u32,
}

impl UdpExchange {
    /// Takes a socket with room for one datagram each way. The sentence is sent up to `tries` times, each time after
    /// `timeout` without a reply.
    ///
    /// # Errors
    /// [`ExchangeError::Unaddressable`] for port 0.
    pub fn new<'a, O: Observer>(
        client: &mut Client<'a, O>,
        mut socket: udp::Socket<'a>,
        server: IpEndpoint,
        timeout: Duration,
        tries: u32,
    ) -> Result<Self, ExchangeError> {
        if server.port == 0 || !server.addr.is_unicast() {
            return Err(ExchangeError::Unaddressable);
        }
        let port = client.port();
        socket.bind(port).map_err(|_| ExchangeError::Unaddressable)?;
        let socket = client.sockets.add(socket);
        Ok(UdpExchange { socket, server, timeout, tries_left: tries, again: None, waits: false, sent: 0 })
    }

    /// Goes on as far as it can: sends, sends again, or takes the reply into `reply`. `None` while it is under way.
    pub fn step<O: Observer>(
        &mut self,
        client: &mut Client<'_, O>,
        now: Instant,
        sentence: &[u8],
        reply: &mut [u8],
    ) -> Option<Result<usize, ExchangeError>> {
        let socket = client.sockets.get_mut::<udp::Socket<'_>>(self.socket);
        while let Ok((bytes, from)) = socket.recv() {
            // Whoever knows our port can send to it; the reply is the server's.
            if from.endpoint == self.server {
                let Some(place) = reply.get_mut(..bytes.len()) else {
                    return Some(Err(ExchangeError::TooLong));
                };
                place.copy_from_slice(bytes);
                let bytes = bytes.len();
                client.tell(now, Event::Call(Call::ReceiveFrom { remote: self.server, bytes }));
                return Some(Ok(bytes));
            }
        }
        if sentence.len() > max_datagram(self.server.addr) {
            // It would take IP fragments, which this stack doesn't make.
            return Some(Err(ExchangeError::TooLong));
        }
        if self.again.is_none_or(|again| now >= again) {
            if self.tries_left == 0 {
                return Some(Err(ExchangeError::NoReply));
            }
            self.tries_left -= 1;
            self.again = Some(now + self.timeout);
            if !self.waits {
                self.sent += 1;
                let bytes = sentence.len();
                client.tell(now, Event::Call(Call::SendTo { remote: self.server, bytes }));
            }
            self.waits = true;
        }
        if !self.waits {
            return None;
        }
        let own = client.here.source(self.server.addr);
        match client.link.reach(&client.here, self.server.addr, now) {
            Neighbor::Known(_) => {}
            _ if client.here.next_hop(self.server.addr).is_none() => {
                return Some(Err(ExchangeError::Unreachable));
            }
            Neighbor::Unreachable => return Some(Err(ExchangeError::Unreachable)),
            Neighbor::Asking | Neighbor::Unknown => return None,
        }
        let Some(own) = own else { return Some(Err(ExchangeError::Unaddressable)) };
        let mut to = udp::UdpMetadata::from(self.server);
        to.local_address = Some(own);
        let socket = client.sockets.get_mut::<udp::Socket<'_>>(self.socket);
        match socket.send_slice(sentence, to) {
            Ok(()) => self.waits = false,
            Err(udp::SendError::Unaddressable) => return Some(Err(ExchangeError::Unaddressable)),
            // The one before still waits for room in the device; unless it could never be sent.
            Err(udp::SendError::BufferFull) if socket.send_queue() > 0 => {}
            Err(udp::SendError::BufferFull) => return Some(Err(ExchangeError::TooLong)),
        }
        None
    }

    /// How often `sendto` was called: one that still waits for its first hop isn't sent again.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// When to step again, whatever comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.again
    }

    /// Closes the socket.
    pub fn close<O: Observer>(self, client: &mut Client<'_, O>) {
        client.sockets.remove(self.socket);
    }
}

/// A connection for one sentence: connect, send, receive until the server closes, close.
pub struct TcpExchange {
    socket: SocketHandle,
    sent: usize,
    received: usize,
    until: Instant,
}

impl TcpExchange {
    /// Takes a closed socket and connects it. The whole exchange may take `timeout`.
    ///
    /// # Errors
    /// [`ExchangeError::Unaddressable`] for port 0, or where there is no address to connect from.
    pub fn new<'a, O: Observer>(
        client: &mut Client<'a, O>,
        socket: tcp::Socket<'a>,
        server: IpEndpoint,
        now: Instant,
        timeout: Duration,
    ) -> Result<Self, ExchangeError> {
        let socket = client.connect(now, socket, server)?;
        Ok(TcpExchange { socket, sent: 0, received: 0, until: now + timeout })
    }

    /// Goes on as far as it can. `None` while it is under way.
    pub fn step<O: Observer>(
        &mut self,
        client: &mut Client<'_, O>,
        now: Instant,
        sentence: &[u8],
        reply: &mut [u8],
    ) -> Option<Result<usize, ExchangeError>> {
        if client.socket(self.socket).may_send()
            && let Some(rest) = sentence.get(self.sent..)
        {
            self.sent += client.send(now, self.socket, rest);
            if sentence.is_empty() {
                // No byte at all: only the end of our side can tell the server so.
                client.close(now, self.socket);
            }
        }
        while client.socket(self.socket).can_recv() {
            let room = reply.get_mut(self.received..).unwrap_or_default();
            match client.receive(now, self.socket, room) {
                0 => return Some(Err(ExchangeError::TooLong)),
                bytes => self.received += bytes,
            }
        }
        match client.socket(self.socket).state() {
            // The server has sent all it will: close, as it did.
            tcp::State::CloseWait => {
                client.close(now, self.socket);
                Some(Ok(self.received))
            }
            tcp::State::Closing | tcp::State::TimeWait => Some(Ok(self.received)),
            tcp::State::Closed if client.unreachable.contains(&self.socket) => {
                Some(Err(ExchangeError::Unreachable))
            }
            tcp::State::Closed if self.sent == 0 && !sentence.is_empty() => Some(Err(ExchangeError::Refused)),
            tcp::State::Closed => Some(Err(ExchangeError::Reset)),
            _ if now >= self.until => Some(Err(ExchangeError::TimedOut)),
            _ => None,
        }
    }

    /// When to step again, whatever comes.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.until
    }

    /// The socket's state, in RFC 9293's names.
    #[must_use]
    pub fn state<O: Observer>(&self, client: &Client<'_, O>) -> tcp::State {
        client.sockets.get::<tcp::Socket<'_>>(self.socket).state()
    }

    /// Removes the socket once the connection is over (or gives it up: then the server hears nothing of it).
    pub fn finish<O: Observer>(self, client: &mut Client<'_, O>) {
        client.remove(self.socket);
    }
}
