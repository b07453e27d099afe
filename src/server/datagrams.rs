//! The UDP socket: a datagram in, through the service, out.
//!
//! A reply goes out at once or not at all. So the socket and the buffer that holds the reply are needed only as long as
//! that takes, and nothing ever stands in a send queue, where one reply would block all behind it (smoltcp #594).

use smoltcp::iface::{Interface, PollResult, SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::wire::IpAddress;

use super::door::Datagram;
use crate::event::{Call, Event, NoReply, Observer, Sink};
use crate::host::is_v4;
use crate::service::{Reply, Request, Service};
use crate::stack::Egress;

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

/// Serves a datagram. The bytes of its reply, which are the first in `buffer`; `None` without one.
///
/// `ip_mtu`: the most bytes that one IP packet holds.
pub(super) fn serve<S: Service, O: Observer>(
    datagram: &Datagram<'_>,
    ip_mtu: usize,
    service: &mut S,
    buffer: &mut [u8],
    sink: &mut Sink<'_, O>,
) -> Option<usize> {
    let Datagram { local, remote, request: bytes, .. } = *datagram;
    sink.emit(Event::Call(Call::ReceiveFrom { remote, bytes: bytes.len() }));
    let room = ip_mtu.min(1_500).saturating_sub(headers(is_v4(remote.addr)));
    let buffer = buffer.get_mut(..room)?;
    let request = Request { local, remote, now: sink.now, bytes };
    let why = match service.datagram(request, buffer) {
        Reply::Send(bytes) if bytes <= room => return Some(bytes),
        Reply::Nothing => NoReply::Silent,
        Reply::Loop => NoReply::Loop,
        Reply::Send(_) | Reply::TooLarge => NoReply::TooLarge,
    };
    sink.emit(Event::Call(Call::NoReply { remote, why }));
    None
}

/// Sends the first `bytes` of `buffer` as a reply from `port`, unless the device has no room, or no address of ours can
/// answer.
#[inline(never)]
pub(super) fn send<D: Device, O: Observer>(
    reply: UdpMetadata,
    port: u16,
    bytes: usize,
    buffer: &mut [u8],
    iface: &mut Interface,
    device: &mut Egress<'_, '_, D, O>,
) {
    let mut queue = [PacketMetadata::EMPTY];
    // Not `EMPTY`: that is a constant, whose bytes would be in flash.
    let mut place = [SocketStorage::default()];
    let mut set = SocketSet::new(&mut place[..]);
    let nothing = PacketBuffer::new(&mut [][..], &mut [][..]);
    let handle = set.add(Socket::new(nothing, PacketBuffer::new(&mut queue[..], buffer)));
    let socket = set.get_mut::<Socket<'_>>(handle);
    // A closed socket can be bound to any port but 0, which nobody sends to. The datagram's place in the queue is the
    // buffer's start, where it is.
    // It says which address of ours it is from, so the stack chooses none.
    let queued =
        reply.local_address.is_some() && socket.bind(port).is_ok() && socket.send(bytes, reply).is_ok();
    let remote = reply.endpoint;
    device.sink.emit(Event::Call(Call::SendTo { remote, bytes }));
    let sent = queued && device.emit(device.sink.now, iface, &mut set) != PollResult::None;
    if !sent {
        device.sink.emit(Event::Call(Call::NoReply { remote, why: NoReply::NotSent }));
    }
}
