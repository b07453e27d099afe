//! The UDP socket: datagrams in, through the service, out.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

use super::config::is_v4;
use super::earliest::NEVER;
use crate::event::{Call, Event, NoReply, Observer, Sink, Timer};
use crate::service::{Reply, Service};

/// The most bytes of a datagram over IPv4 on Ethernet: 1,500 less the headers of IPv4 and UDP. Over IPv6 it is 1,452.
pub const MAX_DATAGRAM: usize = 1_472;

/// Bytes of the headers of IP and UDP before a datagram's payload.
const fn headers(v4: bool) -> usize {
    if v4 { 20 + 8 } else { 40 + 8 }
}

/// The most bytes of a datagram to or from an address, on Ethernet: [`MAX_DATAGRAM`], over IPv6 20 less.
#[must_use]
pub fn max_datagram(address: IpAddress) -> usize {
    1_500 - headers(is_v4(address))
}

/// How long replies may stand in the send queue. A reply that waits for its neighbour's address blocks all behind it
/// (smoltcp #594).
const STUCK: Duration = Duration::from_millis(100);

/// The UDP socket of a server.
pub(crate) struct Datagrams {
    handle: SocketHandle,
    port: u16,
    /// The most bytes that one IP packet holds.
    ip_mtu: usize,
    /// Since when the send queue has been anything but empty.
    waiting_since: Option<Instant>,
}

impl Datagrams {
    /// `port` isn't 0.
    pub(crate) fn new<'a>(
        set: &mut SocketSet<'a>,
        mut socket: udp::Socket<'a>,
        port: u16,
        ip_mtu: usize,
    ) -> Self {
        // A closed socket can be bound to any port but 0.
        let _ = socket.bind(port);
        Datagrams { handle: set.add(socket), port, ip_mtu, waiting_since: None }
    }

    fn socket<'s, 'a>(&self, set: &'s mut SocketSet<'a>) -> &'s mut udp::Socket<'a> {
        set.get_mut(self.handle)
    }

    /// Bytes that wait to be served. What grows it was found right by the stack.
    pub(crate) fn received(&self, set: &mut SocketSet<'_>) -> usize {
        self.socket(set).recv_queue()
    }

    /// How many datagrams one batch may hold.
    pub(crate) fn capacity(&self, set: &mut SocketSet<'_>) -> usize {
        self.socket(set).packet_recv_capacity()
    }

    /// Serves all that came.
    pub(crate) fn serve<S: Service, O: Observer>(
        &mut self,
        set: &mut SocketSet<'_>,
        is_own: impl Fn(IpAddress) -> bool,
        service: &mut S,
        scratch: &mut [u8],
        sink: &mut Sink<'_, O>,
    ) {
        let socket = self.socket(set);
        while let Ok((request, mut metadata)) = socket.recv() {
            let remote = metadata.endpoint;
            sink.emit(Event::Call(Call::ReceiveFrom { remote, bytes: request.len() }));
            let room = self.ip_mtu.saturating_sub(headers(is_v4(remote.addr))).min(scratch.len());
            let Some(buffer) = scratch.get_mut(..room) else { break };
            let why = match service.datagram(remote, request, buffer) {
                Reply::Send(bytes) => {
                    // From the address that was asked, unless it was everybody's: then the stack chooses.
                    metadata.local_address = metadata.local_address.filter(|local| is_own(*local));
                    match buffer.get(..bytes).map(|reply| socket.send_slice(reply, metadata)) {
                        Some(Ok(())) => {
                            sink.emit(Event::Call(Call::SendTo { remote, bytes }));
                            continue;
                        }
                        Some(Err(_)) => NoReply::QueueFull,
                        None => NoReply::TooLarge,
                    }
                }
                Reply::Nothing => NoReply::Silent,
                Reply::TooLarge => NoReply::TooLarge,
            };
            sink.emit(Event::Call(Call::NoReply { remote, why }));
        }
    }

    /// After the stack has sent what it could: discards replies that have stood too long. Whether it did.
    pub(crate) fn unblock<O: Observer>(&mut self, set: &mut SocketSet<'_>, sink: &mut Sink<'_, O>) -> bool {
        let port = self.port;
        let socket = self.socket(set);
        if socket.send_queue() == 0 {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(sink.now);
        if sink.now < since + STUCK {
            return false;
        }
        // Closing is the one way to empty a queue. Nothing received is lost: all was served before.
        let socket = self.socket(set);
        socket.close();
        let _ = socket.bind(port);
        self.waiting_since = None;
        sink.emit(Event::Timer(Timer::Stuck));
        true
    }

    /// When replies that wait are to be discarded.
    pub(crate) fn deadline(&self) -> Instant {
        self.waiting_since.map_or(NEVER, |since| since + STUCK)
    }
}
