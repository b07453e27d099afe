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
//!
//! | file | its one job |
//! |---|---|
//! | `exchange` | one exchange, step by step |
//! | `hops` | where packets go, and SYNs that wait until that is known |
//! | `recover` | what is lost is sent again |
#![forbid(unsafe_code)]

mod exchange;
mod hops;
#[cfg(feature = "recovery")]
mod recover;

use managed::ManagedSlice;
use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::socket::{Socket, tcp};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint};

pub use self::exchange::{ExchangeError, TcpExchange, UdpExchange};
use self::hops::{FirstHop, QUEUED, Queued, Resolving};
#[cfg(feature = "recovery")]
use self::recover::Arriving;
use crate::event::{Call, Cause, Change, Counters, Event, Observer, Sink, Way};
use crate::host::{HostConfig, HostError, MAX_ADDRESSES};
use crate::link::NEVER;
use crate::link::host::{Business, Here, Link};
use crate::link::resolver::Neighbor;
use crate::packet::ip;
use crate::packet::seal::Sums;
#[cfg(feature = "recovery")]
use crate::recovery::{Recovery, Verdict};
#[cfg(feature = "recovery")]
use crate::stack::Desk;
use crate::stack::{Content, Departing, Egress, OneFrame, interface, speak_as, speak_as_all, verify};

/// The first of the ports that clients take for themselves (RFC 6335 6).
const FIRST_PORT: u16 = 49_152;
/// Connections at once whose states an observer is told of, and whose losses are recovered at once; further ones go unseen,
/// and the stack's own timer repeats what they lose.
const WATCHED: usize = 8;

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
    /// The longest IP packet.
    #[cfg(feature = "recovery")]
    ip_mtu: usize,
    /// What is lost is sent again at once.
    #[cfg(feature = "recovery")]
    recovery: bool,
    /// Where a socket is alone while its stack goes back.
    #[cfg(feature = "recovery")]
    alone: SocketSet<'a>,
    #[cfg(feature = "recovery")]
    spare: [u8; recover::SPARE],
}

/// A connection as the observer knows it.
struct Watched {
    socket: SocketHandle,
    slot: usize,
    /// Its port at this end.
    #[cfg(feature = "recovery")]
    port: u16,
    /// The sequence number that the peer was told is expected next.
    #[cfg(feature = "recovery")]
    expected: u32,
    #[cfg(feature = "recovery")]
    recovery: Recovery,
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
            iface: interface(here.station.ip_mtu(&capabilities), capabilities.max_burst_size, host.seed, now),
            link: Link::new(host, now),
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
            #[cfg(feature = "recovery")]
            ip_mtu: here.station.ip_mtu(&capabilities),
            // Without an allocator there is no place for a socket's set until one is lent.
            #[cfg(feature = "recovery")]
            recovery: host.recovery && cfg!(feature = "std"),
            #[cfg(all(feature = "recovery", feature = "std"))]
            alone: SocketSet::new(vec![SocketStorage::EMPTY]),
            #[cfg(all(feature = "recovery", not(feature = "std")))]
            alone: SocketSet::new(&mut [][..]),
            #[cfg(feature = "recovery")]
            spare: [0; recover::SPARE],
            here,
        })
    }

    /// The same with loss recovery, which takes a place for one socket more: see [`HostConfig::recovery`].
    #[cfg(all(feature = "recovery", not(feature = "std")))]
    #[must_use]
    pub fn with_recovery(mut self, place: &'a mut [SocketStorage<'a>; 1]) -> Self {
        self.alone = SocketSet::new(&mut place[..]);
        self.recovery = true;
        self
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
            #[cfg(feature = "recovery")]
            let (ip_mtu, spare) = (&self.ip_mtu, &mut self.spare);
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
                            #[cfg(feature = "recovery")]
                            let arriving = Arriving::new(watched, sockets, packet, *ip_mtu);
                            #[cfg(feature = "recovery")]
                            let packet = match &arriving {
                                Some(Arriving { verdict: Verdict::Unsent, .. }) => return None,
                                Some(Arriving { verdict: Verdict::Withhold, .. }) => {
                                    arriving?.given(sockets, now);
                                    return None;
                                }
                                Some(arriving) => arriving
                                    .change()
                                    .and_then(|change| recover::changed(packet, spare, change))
                                    .unwrap_or(packet),
                                None => packet,
                            };
                            iface.poll_ingress_single(now, &mut OneFrame::new(packet, answer), sockets);
                            #[cfg(feature = "recovery")]
                            if let Some(arriving) = arriving {
                                arriving.given(sockets, now);
                            }
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
            #[cfg(feature = "recovery")]
            alone,
            #[cfg(feature = "recovery")]
            spare,
            ..
        } = self;
        let mut sink = Sink::new(now, counters, observer, here.station.link());
        // Where those are whom something is for is asked again from time to time.
        for (_, socket) in sockets.iter() {
            if let Some(remote) = waits_for(socket) {
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
                    #[cfg(feature = "recovery")]
                    let token = token.at(Desk { ledger: watched, spare });
                    token.consume(packet.len(), |place| {
                        // A device that gives less loses it.
                        if place.len() == packet.len() {
                            place.copy_from_slice(packet);
                        }
                    });
                }
            }
            queue.retain(|queued| queued.hop != hop);
        }
        observe(watched, sockets, Cause::Timer, &mut sink);
        speak_as_all(iface, &speakers(sockets));
        #[cfg(feature = "recovery")]
        recover::recover(
            watched,
            sockets,
            alone,
            iface,
            &mut Egress::new(&mut *device, &mut sink, here.station),
        );
        let mut device = Resolving {
            device,
            sink: &mut sink,
            hops: FirstHop { here, link },
            queue,
            #[cfg(feature = "recovery")]
            desk: Desk { ledger: watched, spare },
        };
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
        let next = stack.into_iter().chain(link).min();
        #[cfg(feature = "recovery")]
        let next =
            next.into_iter().chain(self.watched.iter().filter_map(|seen| seen.recovery.deadline())).min();
        next
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
        #[cfg(feature = "recovery")]
        if self.recovery {
            // The window that there is is recovery's.
            socket.set_congestion_control(tcp::CongestionControl::None);
        }
        socket.connect(self.iface.context(), server, local).map_err(|_| ExchangeError::Unaddressable)?;
        let handle = self.sockets.add(socket);
        let slot = self.connections;
        self.connections += 1;
        // One that finds no room goes unseen.
        let _ = self.watched.push(Watched {
            socket: handle,
            slot,
            #[cfg(feature = "recovery")]
            port: local.port,
            #[cfg(feature = "recovery")]
            expected: 0,
            #[cfg(feature = "recovery")]
            recovery: Recovery::new(self.recovery),
            state: tcp::State::Closed,
        });
        self.tell(now, Event::Call(Call::Connect { slot, local, remote: server }));
        self.observe(now, Cause::Call);
        Ok(handle)
    }

    /// Gives bytes to a connection's stack, as many as there is room for, and says how many that were: `send`.
    pub fn send(&mut self, now: Instant, handle: SocketHandle, bytes: &[u8]) -> usize {
        #[cfg(feature = "recovery")]
        let bytes = self.let_go(now, handle, bytes);
        let sent = self.socket(handle).send_slice(bytes).unwrap_or(0);
        if sent > 0
            && let Some(slot) = self.slot(handle)
        {
            self.tell(now, Event::Call(Call::Send { slot, bytes: sent }));
        }
        sent
    }

    /// Of these bytes, those that the congestion window lets go.
    #[cfg(feature = "recovery")]
    fn let_go<'b>(&mut self, now: Instant, handle: SocketHandle, bytes: &'b [u8]) -> &'b [u8] {
        let Some(seen) = self.watched.iter_mut().find(|seen| seen.socket == handle) else { return bytes };
        let socket = self.sockets.get::<tcp::Socket<'_>>(handle);
        let queue = socket.send_queue();
        let room = seen.recovery.room(queue, socket.send_capacity() - queue, bytes.len(), now);
        bytes.get(..room).unwrap_or(bytes)
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
    for Watched { socket, slot, state, .. } in watched {
        let from = *state;
        *state = sockets.get::<tcp::Socket<'_>>(*socket).state();
        if *state != from {
            sink.emit(Event::State(Change { slot: *slot, from, to: *state, cause }));
        }
    }
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

/// Whose acknowledgement a socket waits for.
fn waits_for(socket: &Socket<'_>) -> Option<IpAddress> {
    match socket {
        Socket::Tcp(socket) if socket.send_queue() > 0 || socket.state() == tcp::State::SynSent => {
            socket.remote_endpoint().map(|remote| remote.addr)
        }
        #[allow(unreachable_patterns, reason = "the stack may have one kind of socket only")]
        _ => None,
    }
}
