//! What applications call: a socket API whose waiting lets the scene's time pass.

use undersock::smoltcp::iface::SocketHandle;
use undersock::smoltcp::socket::tcp::{self, State};
use undersock::smoltcp::socket::udp;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};

use super::{SERVER, Stage};
use crate::story::ms;
use undersock::client::{ExchangeError, UdpExchange};
use undersock::server::config::SENTENCE_PORT;

/// The longest that an application waits.
const PATIENCE: Duration = Duration::from_secs(600);
/// The most bytes that are asked for at once, and that a datagram's socket holds.
const BUFFER: usize = 4_096;

/// A connection of a client, as a script holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sock {
    host: usize,
    handle: SocketHandle,
}

/// What `recv` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Bytes(Vec<u8>),
    /// The server has closed its side and there is nothing left: Python's `recv` returns `b''`.
    End,
    /// The connection is gone: Python's `recv` raises `ConnectionResetError`.
    Reset,
    /// Nothing, for as long as the application cared to wait.
    Nothing,
}

impl Got {
    /// The bytes as text; nothing at all otherwise.
    pub(crate) fn text(&self) -> String {
        match self {
            Got::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Got::End | Got::Reset | Got::Nothing => String::new(),
        }
    }
}

impl Stage<'_> {
    /// `connect`, without waiting.
    pub(crate) fn open(&mut self, host: usize, port: u16) -> Sock {
        self.open_with(host, port, self.set.room)
    }

    /// The same, with so many bytes of receive buffer.
    pub(crate) fn open_with(&mut self, host: usize, port: u16, receive: usize) -> Sock {
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; receive]),
            tcp::SocketBuffer::new(vec![0; self.set.room]),
        );
        // What is shown by acknowledgements is shown sooner.
        socket.set_ack_delay(None);
        let server = IpEndpoint::new(SERVER, port);
        match self.hosts[host].client.connect(self.now, socket, server) {
            Ok(handle) => Sock { host, handle },
            Err(error) => unreachable!("a stage's server can be addressed: {error}"),
        }
    }

    /// `connect`: waits for the handshake. Whether there is a connection.
    pub(crate) fn connect(&mut self, sock: Sock) -> bool {
        let established = |stage: &mut Self| match stage.state(sock) {
            State::SynSent | State::SynReceived => None,
            state => Some(state != State::Closed),
        };
        self.until(PATIENCE, established).unwrap_or(false)
    }

    /// `send`: gives bytes to the stack, as many as it has room for.
    pub(crate) fn send(&mut self, sock: Sock, bytes: &[u8]) -> usize {
        self.hosts[sock.host].client.send(self.now, sock.handle, bytes)
    }

    /// `recv(room)`: waits for bytes, at most so many; for the end; or for `limit`.
    pub(crate) fn receive_within(&mut self, sock: Sock, room: usize, limit: Duration) -> Got {
        self.until(limit, |stage| stage.look(sock, room)).unwrap_or(Got::Nothing)
    }

    /// `recv(room)`.
    pub(crate) fn receive(&mut self, sock: Sock, room: usize) -> Got {
        self.receive_within(sock, room, PATIENCE)
    }

    /// `recv` until there is nothing left.
    pub(crate) fn receive_all(&mut self, sock: Sock) -> Vec<u8> {
        let mut all = Vec::new();
        while let Got::Bytes(bytes) = self.receive(sock, BUFFER) {
            all.extend(bytes);
        }
        all
    }

    /// `recv` of all that is there, without waiting.
    pub(crate) fn take(&mut self, sock: Sock) -> Vec<u8> {
        match self.look(sock, self.set.room) {
            Some(Got::Bytes(bytes)) => bytes,
            _ => Vec::new(),
        }
    }

    fn look(&mut self, sock: Sock, room: usize) -> Option<Got> {
        let client = &mut self.hosts[sock.host].client;
        match client.socket(sock.handle).peek(1) {
            Ok([]) => None,
            Ok(_) => {
                let mut bytes = vec![0; room];
                let received = client.receive(self.now, sock.handle, &mut bytes);
                bytes.truncate(received);
                Some(Got::Bytes(bytes))
            }
            Err(tcp::RecvError::Finished) => Some(Got::End),
            Err(tcp::RecvError::InvalidState) => Some(Got::Reset),
        }
    }

    /// `close`, or `shutdown` for writing: this side sends no more.
    pub(crate) fn close(&mut self, sock: Sock) {
        self.hosts[sock.host].client.close(self.now, sock.handle);
    }

    /// The state of a client's socket.
    pub(crate) fn state(&mut self, sock: Sock) -> State {
        self.hosts[sock.host].client.socket(sock.handle).state()
    }

    /// `sendto` and `recvfrom`, the latter for no longer than `timeout`; and again, as often as `tries` says.
    pub(crate) fn ask(
        &mut self,
        server: IpAddress,
        sentence: &[u8],
        timeout: Duration,
        tries: u32,
    ) -> Result<String, ExchangeError> {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; BUFFER]);
        let socket = udp::Socket::new(buffer(), buffer());
        let server = IpEndpoint::new(server, SENTENCE_PORT);
        let mut exchange = UdpExchange::new(&mut self.hosts[0].client, socket, server, timeout, tries)?;
        let mut reply = vec![0; BUFFER];
        let result = self.until(PATIENCE, |stage| {
            let result = exchange.step(&mut stage.hosts[0].client, stage.now, sentence, &mut reply);
            stage.alarm = exchange.deadline();
            result
        });
        self.alarm = None;
        exchange.close(&mut self.hosts[0].client);
        let length = result.unwrap_or(Err(ExchangeError::TimedOut))?;
        Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
    }

    /// Several sentences at once, each from a socket of its own.
    pub(crate) fn ask_all(&mut self, sentences: &[&str]) {
        let server = IpEndpoint::new(SERVER, SENTENCE_PORT);
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; BUFFER]);
        let client = &mut self.hosts[0].client;
        let mut asked = Vec::new();
        for sentence in sentences {
            let socket = udp::Socket::new(buffer(), buffer());
            match UdpExchange::new(client, socket, server, PATIENCE, 1) {
                Ok(exchange) => asked.push((exchange, *sentence, None)),
                Err(error) => unreachable!("a stage's server can be addressed: {error}"),
            }
        }
        let _ = self.until(ms(1_000), |stage| {
            for (exchange, sentence, result) in asked.iter_mut().filter(|(_, _, result)| result.is_none()) {
                let mut reply = [0; BUFFER];
                let client = &mut stage.hosts[0].client;
                *result = exchange.step(client, stage.now, sentence.as_bytes(), &mut reply);
                if let Some(Ok(length)) = result {
                    let reply = String::from_utf8_lossy(&reply[..*length]).into_owned();
                    stage.tell(&format!("{sentence:?} got {reply}"));
                }
            }
            asked.iter().all(|(_, _, result)| result.is_some()).then_some(())
        });
    }

    /// Small pieces go out at once, as with TCP_NODELAY.
    pub(crate) fn no_delay(&mut self, sock: Sock) {
        self.hosts[sock.host].client.socket(sock.handle).set_nagle_enabled(false);
    }
}
