//! The few requests of rtnetlink(7) that a lab needs, as bytes on a socket.
//!
//! A request is a `nlmsghdr` (netlink(7)), a fixed structure of its kind, and attributes: length, type, value, padded
//! to four bytes. All numbers are in the machine's own order, except addresses, which are in the network's. The kernel
//! carries out a change before send(2) returns, and answers with an error number, 0 for success; it answers a dump with
//! many messages and a last one.
//!
//! What is read is never trusted: a length that doesn't fit ends the reading of that message.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};

pub(crate) mod diag;

/// `NLMSG_*` and `RTM_*`, linux/netlink.h and linux/rtnetlink.h.
mod message {
    pub(super) const ERROR: u16 = 2;
    pub(super) const DONE: u16 = 3;
    pub(super) const NEW_LINK: u16 = 16;
    pub(super) const GET_LINK: u16 = 18;
    pub(super) const NEW_ADDRESS: u16 = 20;
    pub(super) const GET_ADDRESS: u16 = 22;
}

/// `NLM_F_*`.
mod flag {
    pub(super) const REQUEST: u16 = 0x1;
    pub(super) const ACKNOWLEDGE: u16 = 0x4;
    pub(super) const DUMP_INTERRUPTED: u16 = 0x10;
    pub(super) const REPLACE: u16 = 0x100;
    pub(super) const DUMP: u16 = 0x300;
    pub(super) const CREATE: u16 = 0x400;
}

/// `IFLA_*`, `IFA_*`: linux/if_link.h and linux/if_addr.h.
mod attribute {
    pub(super) const LINK_MAC: u16 = 1;
    pub(super) const LINK_NAME: u16 = 3;
    pub(super) const LINK_MTU: u16 = 4;
    pub(super) const LINK_MASTER: u16 = 10;
    pub(super) const LINK_INFO: u16 = 18;
    pub(super) const LINK_CARRIER: u16 = 33;
    /// Inside `LINK_INFO`.
    pub(super) const KIND: u16 = 1;
    /// Inside `LINK_INFO`.
    pub(super) const KIND_DATA: u16 = 2;
    /// Inside `KIND_DATA` of the kind `tun`, since Linux 4.17.
    pub(super) const TUN_OWNER: u16 = 1;
    pub(super) const TUN_GROUP: u16 = 2;
    pub(super) const TUN_TYPE: u16 = 3;
    pub(super) const TUN_MULTI_QUEUE: u16 = 7;

    pub(super) const ADDRESS: u16 = 1;
    pub(super) const ADDRESS_LOCAL: u16 = 2;
    pub(super) const ADDRESS_BROADCAST: u16 = 4;
    /// The two upper bits of a type are flags (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
    pub(super) const TYPE_MASK: u16 = 0x3fff;
}

const HEADER: usize = 16;
/// The loopback interface's index in every network namespace.
pub(crate) const LOOPBACK: u32 = 1;
/// `IFF_UP`: an administrator's wish.
const IFF_UP: u32 = 0x1;
/// `IFA_F_NODAD`: no duplicate address detection, so that the address works at once (RFC 4862 5.4 waits a second).
const IFA_F_NODAD: u8 = 0x02;
/// The size that netlink(7) advises for dumps.
const REPLY_BYTES: usize = 32 * 1024;
/// The kernel answers at once; this bounds the wait for an answer that was lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// A dump that the network's changes interrupt is asked for again, so often.
const DUMPS: usize = 5;

/// What kind of interface it is, where that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// A TUN or TAP interface: what the driver says of it, nothing before Linux 4.17.
    Tun {
        tap: Option<bool>,
        multi_queue: bool,
        owner: Option<u32>,
        group: Option<u32>,
    },
    Other,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) kind: LinkKind,
    /// `ip link set … up` has been said.
    pub(crate) up: bool,
    /// The far end is there: for a TAP interface, a program that holds it.
    pub(crate) carrier: bool,
    pub(crate) mtu: u32,
    pub(crate) mac: Option<[u8; 6]>,
    /// The index of the bridge (or such) that it is a port of.
    pub(crate) master: Option<u32>,
}

/// An interface's address with its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) index: u32,
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// A socket to the kernel's network configuration, of the namespace in which it was opened.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Netlink> {
        // No protocol is NETLINK_ROUTE.
        Netlink::to(None)
    }

    /// A socket to ask about sockets.
    pub(crate) fn open_diag() -> io::Result<Netlink> {
        Netlink::to(Some(netlink::SOCK_DIAG))
    }

    fn to(protocol: Option<Protocol>) -> io::Result<Netlink> {
        // Connected to port 0, the kernel, it hears no other process.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
        Ok(Netlink { socket, sequence: 0 })
    }

    /// All interfaces.
    pub(crate) fn links(&mut self) -> io::Result<Vec<Link>> {
        self.dump(message::GET_LINK, message::NEW_LINK, Link::read)
    }

    /// All interfaces' addresses, IPv4 and IPv6.
    pub(crate) fn addresses(&mut self) -> io::Result<Vec<Address>> {
        self.dump(message::GET_ADDRESS, message::NEW_ADDRESS, Address::read)
    }

    /// The index of the interface of this name.
    pub(crate) fn index(&mut self, name: &str) -> io::Result<u32> {
        let links = self.links()?;
        links.iter().find(|link| link.name == name).map(|link| link.index).ok_or(Errno::NODEV.into())
    }

    /// `ip link set … up`.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        self.change(Request::new(message::NEW_LINK, 0).link(index, IFF_UP, IFF_UP))
    }

    /// `ip address replace …`, for IPv6 with `nodad`.
    pub(crate) fn add_address(&mut self, index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
        let request = Request::new(message::NEW_ADDRESS, flag::CREATE | flag::REPLACE);
        self.change(request.address(index, address, prefix))
    }

    fn change(&mut self, request: Request) -> io::Result<()> {
        self.send(request.flags(flag::ACKNOWLEDGE))?;
        let mut buffer = vec![0; REPLY_BYTES];
        loop {
            let reply = self.receive(&mut buffer)?;
            for message in messages(reply).filter(|message| message.sequence == self.sequence) {
                if message.kind == message::ERROR {
                    return message.error();
                }
            }
        }
    }

    fn dump<T>(&mut self, ask: u16, wanted: u16, read: fn(&[u8]) -> Option<T>) -> io::Result<Vec<T>> {
        let mut buffer = vec![0; REPLY_BYTES];
        'again: for _ in 0..DUMPS {
            // A dump of either is asked for with the family "any" and nothing else.
            self.send(Request::new(ask, flag::DUMP).link(0, 0, 0))?;
            let mut found = Vec::new();
            let mut interrupted = false;
            loop {
                let reply = self.receive(&mut buffer)?;
                for message in messages(reply).filter(|message| message.sequence == self.sequence) {
                    interrupted |= message.flags & flag::DUMP_INTERRUPTED != 0;
                    match message.kind {
                        message::DONE if interrupted => continue 'again,
                        message::DONE => return Ok(found),
                        message::ERROR => return message.error().map(|()| found),
                        kind if kind == wanted => found.extend(read(message.body)),
                        _ => {}
                    }
                }
            }
        }
        Err(Errno::AGAIN.into())
    }

    fn send(&mut self, request: Request) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.finish(self.sequence);
        match send(&self.socket, &bytes, SendFlags::empty())? {
            sent if sent == bytes.len() => Ok(()),
            _ => Err(Errno::MSGSIZE.into()),
        }
    }

    fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
        let length = loop {
            match recv(&self.socket, &mut *buffer, RecvFlags::TRUNC) {
                Ok((_, length)) => break length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Err(Errno::TIMEDOUT.into()),
                Err(errno) => return Err(errno.into()),
            }
        };
        // With MSG_TRUNC the length is the message's own.
        buffer.get(..length).filter(|reply| !reply.is_empty()).ok_or(Errno::MSGSIZE.into())
    }
}

/// A message under construction.
struct Request {
    bytes: Vec<u8>,
}

impl Request {
    fn new(kind: u16, flags: u16) -> Request {
        let mut request = Request { bytes: Vec::with_capacity(128) };
        request.bytes.extend(0_u32.to_ne_bytes()); // The length, when it is known.
        request.bytes.extend(kind.to_ne_bytes());
        request.bytes.extend((flags | flag::REQUEST).to_ne_bytes());
        request.bytes.extend(0_u32.to_ne_bytes()); // The sequence number, when it is sent.
        request.bytes.extend(0_u32.to_ne_bytes()); // The sender's port: the kernel knows it.
        request
    }

    fn flags(mut self, more: u16) -> Request {
        let flags = u16::from_ne_bytes([self.bytes[6], self.bytes[7]]) | more;
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        self
    }

    /// `struct ifinfomsg`.
    fn link(mut self, index: u32, flags: u32, change: u32) -> Request {
        self.bytes.extend([0; 4]); // Any family, padding, any hardware type.
        for field in [index, flags, change] {
            self.bytes.extend(field.to_ne_bytes());
        }
        self
    }

    /// `struct ifaddrmsg` with its attributes.
    fn address(mut self, index: u32, address: IpAddr, prefix: u8) -> Request {
        let (family, flags) = match address {
            IpAddr::V4(_) => (AddressFamily::INET, 0),
            IpAddr::V6(_) => (AddressFamily::INET6, IFA_F_NODAD),
        };
        self.bytes.extend([family.as_raw() as u8, prefix, flags, 0]); // Scope 0: everywhere.
        self.bytes.extend(index.to_ne_bytes());
        match address {
            IpAddr::V4(address) => {
                let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let broadcast = Ipv4Addr::from_bits(address.to_bits() | hosts);
                self.attribute(attribute::ADDRESS_LOCAL, &address.octets())
                    .attribute(attribute::ADDRESS, &address.octets())
                    .attribute(attribute::ADDRESS_BROADCAST, &broadcast.octets())
            }
            IpAddr::V6(address) => self.attribute(attribute::ADDRESS, &address.octets()),
        }
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Request {
        self.bytes.extend((value.len() as u16 + 4).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

/// A message that was received.
#[derive(Debug)]
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

impl Message<'_> {
    /// `struct nlmsgerr`: a negative error number, 0 for success.
    fn error(&self) -> io::Result<()> {
        match number::<4>(self.body, 0).map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
            None => Err(Errno::BADMSG.into()),
        }
    }
}

/// The messages in what one recv(2) gave.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    core::iter::from_fn(move || {
        let length = u32::from_ne_bytes(number(bytes, 0)?) as usize;
        let message = Message {
            kind: u16::from_ne_bytes(number(bytes, 4)?),
            flags: u16::from_ne_bytes(number(bytes, 6)?),
            sequence: u32::from_ne_bytes(number(bytes, 8)?),
            body: bytes.get(HEADER..length)?,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes in a message's body, or in an attribute.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(number(bytes, 0)?));
        let kind = u16::from_ne_bytes(number(bytes, 2)?) & attribute::TYPE_MASK;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The bytes of a number, if there are so many.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u32_of(value: &[u8]) -> Option<u32> {
    number(value, 0).map(u32::from_ne_bytes)
}

impl Link {
    /// After a `struct ifinfomsg` of 16 bytes come the attributes.
    fn read(body: &[u8]) -> Option<Link> {
        let flags = u32::from_ne_bytes(number(body, 8)?);
        let mut link = Link {
            index: u32::from_ne_bytes(number(body, 4)?),
            name: String::new(),
            kind: LinkKind::Other,
            up: flags & IFF_UP != 0,
            carrier: false,
            mtu: 0,
            mac: None,
            master: None,
        };
        for (kind, value) in attributes(body.get(16..)?) {
            match kind {
                attribute::LINK_NAME => {
                    let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                    link.name = String::from_utf8_lossy(name).into_owned();
                }
                attribute::LINK_MAC => link.mac = value.try_into().ok(),
                attribute::LINK_MTU => link.mtu = u32_of(value).unwrap_or(0),
                attribute::LINK_MASTER => link.master = u32_of(value),
                // Unlike IFF_LOWER_UP, which is off while the interface is down, this is the carrier itself.
                attribute::LINK_CARRIER => link.carrier = value.first().is_some_and(|&carrier| carrier != 0),
                attribute::LINK_INFO => link.kind = LinkKind::read(value),
                _ => {}
            }
        }
        (!link.name.is_empty()).then_some(link)
    }
}

impl LinkKind {
    fn read(info: &[u8]) -> LinkKind {
        let find = |wanted| attributes(info).find(|&(kind, _)| kind == wanted).map(|(_, value)| value);
        if find(attribute::KIND).is_none_or(|name| name.strip_suffix(b"\0").unwrap_or(name) != b"tun") {
            return LinkKind::Other;
        }
        let (mut tap, mut multi_queue, mut owner, mut group) = (None, false, None, None);
        for (kind, value) in attributes(find(attribute::KIND_DATA).unwrap_or_default()) {
            match kind {
                // IFF_TUN is 1, IFF_TAP is 2.
                attribute::TUN_TYPE => tap = value.first().map(|&mode| mode == 2),
                attribute::TUN_MULTI_QUEUE => multi_queue = value.first().is_some_and(|&many| many != 0),
                attribute::TUN_OWNER => owner = u32_of(value),
                attribute::TUN_GROUP => group = u32_of(value),
                _ => {}
            }
        }
        LinkKind::Tun { tap, multi_queue, owner, group }
    }
}

impl Address {
    /// After a `struct ifaddrmsg` of 8 bytes come the attributes. On a point-to-point interface `ADDRESS` is the
    /// peer's, and `ADDRESS_LOCAL` ours; IPv6 mostly has `ADDRESS` alone.
    fn read(body: &[u8]) -> Option<Address> {
        let prefix = *body.get(1)?;
        let index = u32::from_ne_bytes(number(body, 4)?);
        let find =
            |wanted| attributes(body.get(8..)?).find(|&(kind, _)| kind == wanted).map(|(_, value)| value);
        let value = find(attribute::ADDRESS_LOCAL).or_else(|| find(attribute::ADDRESS))?;
        let address = match value.len() {
            4 => IpAddr::V4(Ipv4Addr::from(number::<4>(value, 0)?)),
            16 => IpAddr::V6(Ipv6Addr::from(number::<16>(value, 0)?)),
            _ => return None,
        };
        Some(Address { index, address, prefix })
    }
}

#[cfg(test)]
mod tests;
