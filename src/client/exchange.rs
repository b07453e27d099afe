//! One exchange over UDP or TCP, step by step: what the textbook's two clients do.

use core::fmt;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use super::Client;
use crate::event::{Call, Event, Observer};
use crate::link::resolver::Neighbor;
use crate::server::max_datagram;

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
