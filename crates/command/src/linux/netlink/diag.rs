//! What the kernel knows of one of its TCP sockets: sock_diag(7), where `ss` asks too. A socket that its program has
//! closed is still there until the connection is over.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use undersock::smoltcp::socket::tcp::State;

use super::{Netlink, Request, attributes, message, messages, number, u32_of};

/// `SOCK_DIAG_BY_FAMILY`, linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
const IPPROTO_TCP: u8 = 6;
/// `INET_DIAG_INFO`, linux/inet_diag.h: a `struct tcp_info`.
const INFO: u16 = 2;
/// `INET_DIAG_NOCOOKIE`: whichever socket has these addresses.
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// A TCP socket of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KernelSocket {
    pub(crate) state: State,
    /// Bytes received that the program hasn't taken.
    pub(crate) receive_queue: u32,
    /// Bytes that the peer hasn't acknowledged.
    pub(crate) send_queue: u32,
    /// `TCP_INFO`; a socket in TIME-WAIT has none.
    pub(crate) info: Option<TcpInfo>,
}

/// What is of use here of `struct tcp_info`, linux/tcp.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// The smoothed round-trip time.
    pub(crate) rtt: Duration,
    /// The retransmission time-out.
    pub(crate) rto: Duration,
    /// Segments that may be under way.
    pub(crate) congestion_window: u32,
    /// Segments that were sent again since the connection began.
    pub(crate) retransmitted: u32,
}

impl Netlink {
    /// The socket with these two addresses; `None` where the kernel has none, or none any more.
    pub(crate) fn tcp(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<KernelSocket>> {
        self.send(Request::new(BY_FAMILY, 0).socket(local, remote))?;
        let mut buffer = vec![0; super::REPLY_BYTES];
        loop {
            let reply = self.receive(&mut buffer)?;
            for message in messages(reply).filter(|message| message.sequence == self.sequence) {
                match message.kind {
                    message::ERROR => {
                        return match message.error() {
                            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(None),
                            result => result.map(|()| None),
                        };
                    }
                    BY_FAMILY => return Ok(KernelSocket::read(message.body)),
                    _ => {}
                }
            }
        }
    }
}

impl Request {
    /// `struct inet_diag_req_v2`: the addresses are in the network's order, 16 bytes each.
    fn socket(mut self, local: SocketAddr, remote: SocketAddr) -> Request {
        let family = match local {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        self.bytes.extend([family.as_raw() as u8, IPPROTO_TCP, 1 << (INFO - 1), 0]);
        self.bytes.extend(u32::MAX.to_ne_bytes()); // In any state.
        self.bytes.extend(local.port().to_be_bytes());
        self.bytes.extend(remote.port().to_be_bytes());
        for address in [local.ip(), remote.ip()] {
            let start = self.bytes.len();
            match address {
                core::net::IpAddr::V4(address) => self.bytes.extend(address.octets()),
                core::net::IpAddr::V6(address) => self.bytes.extend(address.octets()),
            }
            self.bytes.resize(start + 16, 0);
        }
        self.bytes.extend(0_u32.to_ne_bytes()); // On any interface.
        self.bytes.extend(NO_COOKIE);
        self
    }
}

impl KernelSocket {
    /// A `struct inet_diag_msg` of 72 bytes, and attributes.
    fn read(body: &[u8]) -> Option<KernelSocket> {
        let queue = |at| number(body, at).map(u32::from_ne_bytes);
        let info = attributes(body.get(72..)?).find(|&(kind, _)| kind == INFO);
        Some(KernelSocket {
            state: state(*body.get(1)?)?,
            receive_queue: queue(56)?,
            send_queue: queue(60)?,
            info: info.and_then(|(_, info)| TcpInfo::read(info)),
        })
    }
}

impl TcpInfo {
    /// Eight bytes, then numbers of 32 bits: the kernel's newer ones come after those that are read here.
    fn read(info: &[u8]) -> Option<TcpInfo> {
        let field = |index: usize| info.get(8 + 4 * index..).and_then(u32_of);
        let micros = |value: u32| Duration::from_micros(value.into());
        Some(TcpInfo {
            rto: micros(field(0)?),
            rtt: micros(field(15)?),
            congestion_window: field(18)?,
            retransmitted: field(23)?,
        })
    }
}

/// `TCP_ESTABLISHED` and so on, net/tcp_states.h.
fn state(number: u8) -> Option<State> {
    const TCP: [State; 11] = [
        State::Established,
        State::SynSent,
        State::SynReceived,
        State::FinWait1,
        State::FinWait2,
        State::TimeWait,
        State::Closed,
        State::CloseWait,
        State::LastAck,
        State::Listen,
        State::Closing,
    ];
    TCP.get(usize::from(number.checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::super::HEADER;
    use super::*;

    /// The offsets of `struct inet_diag_msg`: as linux/inet_diag.h has it, 4 bytes, the socket's 48, and five numbers.
    #[test]
    fn the_structures_have_the_kernels_size() {
        let any = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(Request::new(BY_FAMILY, 0).socket(any, any).bytes.len(), HEADER + 56);
    }

    #[test]
    fn a_connection_is_seen_at_both_ends_and_after_its_close() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
        let (local, remote) = (client.local_addr().expect("bound"), client.peer_addr().expect("connected"));
        let mut kernel = Netlink::open_diag().expect("a socket");
        client.write_all(b"hello").expect("room");
        let (server, _) = listener.accept().expect("a client");
        let ours = kernel.tcp(local, remote).expect("an answer").expect("a socket");
        assert_eq!(ours.state, State::Established);
        let info = ours.info.expect("TCP_INFO");
        assert!(
            info.congestion_window > 0 && info.rto > Duration::ZERO && info.retransmitted == 0,
            "{info:?}"
        );
        let theirs = kernel.tcp(remote, local).expect("an answer").expect("a socket");
        assert_eq!((theirs.state, theirs.receive_queue), (State::Established, 5));
        drop(client);
        let ours = kernel.tcp(local, remote).expect("an answer").expect("a socket");
        assert!(matches!(ours.state, State::FinWait1 | State::FinWait2), "{ours:?}");
        drop(server);
        assert_eq!(kernel.tcp(local, SocketAddr::from(([127, 0, 0, 1], 9))).expect("an answer"), None);
    }
}
