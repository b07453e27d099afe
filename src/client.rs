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
use smoltcp::iface::{Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpEndpoint};

use crate::server::{Config, ConfigError, max_datagram};

/// The first of the ports that clients take for themselves (RFC 6335 6).
const FIRST_PORT: u16 = 49_152;

/// A host with a stack and no services.
pub struct Client<'a> {
    iface: Interface,
    sockets: SocketSet<'a>,
    next_port: u16,
}

impl<'a> Client<'a> {
    /// A host with the addresses, gateways, MAC and seed of `config`; its ports and limits mean nothing here.
    /// `sockets` holds as many places as exchanges go on at once.
    ///
    /// # Errors
    /// What [`Config::check`] finds.
    pub fn new<D: Device>(
        config: &Config,
        sockets: impl Into<ManagedSlice<'a, SocketStorage<'a>>>,
        device: &mut D,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let mut settings = smoltcp::iface::Config::new(HardwareAddress::Ethernet(config.mac));
        settings.random_seed = config.seed;
        let mut iface = Interface::new(settings, device, now);
        iface.update_ip_addrs(|addresses| {
            addresses.extend(config.addresses.iter().copied().chain(config.link_local()));
        });
        Ok(Client { iface, sockets: SocketSet::new(sockets), next_port: FIRST_PORT })
    }

    /// Lets the stack take in and send frames.
    pub fn poll<D: Device>(&mut self, now: Instant, device: &mut D) {
        self.iface.poll(now, device, &mut self.sockets);
    }

    /// When to poll again if no frame comes before. Ask last, before sleeping: an exchange that takes a step leaves
    /// something to send.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        self.iface.poll_at(now, &self.sockets)
    }

    /// Takes a closed socket and begins to connect it: `connect`, without waiting.
    ///
    /// # Panics
    /// Where the places for sockets are borrowed and all taken.
    ///
    /// # Errors
    /// [`ExchangeError::Unaddressable`] for port 0, or where there is no address to connect from.
    pub fn connect(
        &mut self,
        mut socket: tcp::Socket<'a>,
        server: IpEndpoint,
    ) -> Result<SocketHandle, ExchangeError> {
        let port = self.port();
        socket.connect(self.iface.context(), server, port).map_err(|_| ExchangeError::Unaddressable)?;
        Ok(self.sockets.add(socket))
    }

    /// A socket of [`Client::connect`]: to send, receive, close, or see its state.
    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'a> {
        self.sockets.get_mut(handle)
    }

    fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
        port
    }
}

/// Why an exchange came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No port or no address can reach this server.
    Unaddressable,
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
    sent: u32,
}

impl UdpExchange {
    /// Takes a socket with room for one datagram each way. The sentence is sent up to `tries` times, each time after
    /// `timeout` without a reply.
    ///
    /// # Errors
    /// [`ExchangeError::Unaddressable`] for port 0.
    pub fn new<'a>(
        client: &mut Client<'a>,
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
        Ok(UdpExchange { socket, server, timeout, tries_left: tries, again: None, sent: 0 })
    }

    /// Goes on as far as it can: sends, sends again, or takes the reply into `reply`. `None` while it is under way.
    pub fn step(
        &mut self,
        client: &mut Client<'_>,
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
                return Some(Ok(bytes.len()));
            }
        }
        if sentence.len() > max_datagram(self.server.addr) {
            // It would take IP fragments, which this stack doesn't make.
            return Some(Err(ExchangeError::TooLong));
        }
        if self.again.is_some_and(|again| now < again) {
            return None;
        }
        if self.tries_left == 0 {
            return Some(Err(ExchangeError::NoReply));
        }
        self.tries_left -= 1;
        self.again = Some(now + self.timeout);
        match socket.send_slice(sentence, self.server) {
            Ok(()) => self.sent += 1,
            Err(udp::SendError::Unaddressable) => return Some(Err(ExchangeError::Unaddressable)),
            // The one before still waits for the server's Ethernet address; unless it could never be sent.
            Err(udp::SendError::BufferFull) if socket.send_queue() > 0 => {}
            Err(udp::SendError::BufferFull) => return Some(Err(ExchangeError::TooLong)),
        }
        None
    }

    /// How often the datagram has been sent.
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
    pub fn close(self, client: &mut Client<'_>) {
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
    pub fn new<'a>(
        client: &mut Client<'a>,
        socket: tcp::Socket<'a>,
        server: IpEndpoint,
        now: Instant,
        timeout: Duration,
    ) -> Result<Self, ExchangeError> {
        let socket = client.connect(socket, server)?;
        Ok(TcpExchange { socket, sent: 0, received: 0, until: now + timeout })
    }

    /// Goes on as far as it can. `None` while it is under way.
    pub fn step(
        &mut self,
        client: &mut Client<'_>,
        now: Instant,
        sentence: &[u8],
        reply: &mut [u8],
    ) -> Option<Result<usize, ExchangeError>> {
        let socket = client.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        if socket.may_send()
            && let Some(rest) = sentence.get(self.sent..)
        {
            self.sent += socket.send_slice(rest).unwrap_or(0);
            if sentence.is_empty() {
                // No byte at all: only the end of our side can tell the server so.
                socket.close();
            }
        }
        while socket.can_recv() {
            let room = reply.get_mut(self.received..).unwrap_or_default();
            match socket.recv_slice(room) {
                Ok(0) => return Some(Err(ExchangeError::TooLong)),
                Ok(bytes) => self.received += bytes,
                Err(_) => break,
            }
        }
        match socket.state() {
            // The server has sent all it will: close, as it did.
            tcp::State::CloseWait => {
                socket.close();
                Some(Ok(self.received))
            }
            tcp::State::Closing | tcp::State::TimeWait => Some(Ok(self.received)),
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
    pub fn state(&self, client: &Client<'_>) -> tcp::State {
        client.sockets.get::<tcp::Socket<'_>>(self.socket).state()
    }

    /// Removes the socket once the connection is over (or gives it up: then the server hears nothing of it).
    pub fn finish(self, client: &mut Client<'_>) {
        client.sockets.remove(self.socket);
    }
}
