//! The state of one of the kernel's TCP sockets: sock_diag(7), where `ss` asks too. A socket that its program has closed
//! is still there until the connection is over.

use core::net::SocketAddr;
use std::io;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use undersock::smoltcp::socket::tcp::State;

use super::{Netlink, Request, message, messages};

/// `SOCK_DIAG_BY_FAMILY`, linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
const IPPROTO_TCP: u8 = 6;
/// `INET_DIAG_NOCOOKIE`: whichever socket has these addresses.
const NO_COOKIE: [u8; 8] = [0xff; 8];

impl Netlink {
    /// The state of the socket with these two addresses; `None` where the kernel has none, or none any more.
    pub(crate) fn tcp(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<State>> {
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
                    // A `struct inet_diag_msg`: the family, then the state.
                    BY_FAMILY => return Ok(message.body.get(1).and_then(|number| state(*number))),
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
        self.bytes.extend([family.as_raw() as u8, IPPROTO_TCP, 0, 0]); // Without attributes.
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

    /// As linux/inet_diag.h has it: 4 bytes, the states, and the socket's 48.
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
        assert_eq!(ours, State::Established);
        let theirs = kernel.tcp(remote, local).expect("an answer").expect("a socket");
        assert_eq!(theirs, State::Established);
        drop(client);
        let ours = kernel.tcp(local, remote).expect("an answer").expect("a socket");
        assert!(matches!(ours, State::FinWait1 | State::FinWait2), "{ours:?}");
        drop(server);
        assert_eq!(kernel.tcp(local, SocketAddr::from(([127, 0, 0, 1], 9))).expect("an answer"), None);
    }
}
