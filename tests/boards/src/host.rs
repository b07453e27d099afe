//! A client's stack on a board's wire, in the time of the clock on the wall.

use core::time::Duration;
use std::time::Instant;

use smoltcp::iface::SocketStorage;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{IpAddress, IpEndpoint};
use undersock::client::{Client, ExchangeError, TcpExchange, UdpExchange};
use undersock::host::HostConfig;

use crate::{BOUND, Wire};

/// How long the stack sleeps at most.
const NAP: Duration = Duration::from_millis(20);

pub struct Host {
    pub wire: Wire,
    pub client: Client<'static>,
    start: Instant,
}

impl Host {
    /// 192.168.69.100 and fdaa::100 on this wire.
    #[track_caller]
    pub fn new(mut wire: Wire) -> Host {
        let config = HostConfig::client().with_seed(u64::from(std::process::id()));
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let client = Client::new(&config, sockets, &mut wire, StackInstant::ZERO).expect("a client");
        Host { wire, client, start: Instant::now() }
    }

    pub fn now(&self) -> StackInstant {
        StackInstant::from_micros(i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX))
    }

    /// Lets the stack go on until `step` says what it came to.
    #[track_caller]
    pub fn until<T>(
        &mut self,
        what: &str,
        mut step: impl FnMut(&mut Client<'static>, StackInstant) -> Option<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            let now = self.now();
            self.client.poll(now, &mut self.wire);
            if let Some(result) = step(&mut self.client, now) {
                // What the last step left to be sent.
                self.client.poll(now, &mut self.wire);
                return result;
            }
            assert!(start.elapsed() < BOUND, "{what}: nothing within {BOUND:?}");
            let due = self.client.poll_at(now).map_or(NAP, |due| (due.max(now) - now).into());
            self.wire.wait(due.min(NAP));
        }
    }

    /// One datagram there and one back.
    #[track_caller]
    pub fn udp(&mut self, server: IpAddress, sentence: &[u8]) -> Vec<u8> {
        let (endpoint, again) = (IpEndpoint::new(server, 12_000), smoltcp::time::Duration::from_millis(500));
        let exchange = UdpExchange::new(&mut self.client, udp_socket(), endpoint, again, 20);
        let mut exchange = exchange.expect("a socket");
        let mut reply = vec![0; 2_048];
        let result = self.until("a datagram", |client, now| exchange.step(client, now, sentence, &mut reply));
        exchange.close(&mut self.client);
        let length = result.unwrap_or_else(|error| panic!("a datagram of {} bytes: {error}", sentence.len()));
        reply.truncate(length);
        reply
    }

    /// One connection in sentence mode for each sentence, all at once.
    #[track_caller]
    pub fn tcp(&mut self, server: IpAddress, sentences: &[Vec<u8>]) -> Vec<Result<Vec<u8>, ExchangeError>> {
        let (now, timeout) = (self.now(), BOUND.into());
        let server = IpEndpoint::new(server, 12_000);
        let client = &mut self.client;
        let mut open: Vec<_> = sentences
            .iter()
            .map(|_| {
                (
                    TcpExchange::new(client, tcp_socket(), server, now, timeout).expect("a socket"),
                    vec![0; 8_192],
                )
            })
            .collect();
        let mut results = vec![None; sentences.len()];
        self.until("connections", |client, now| {
            for (((exchange, reply), sentence), result) in open.iter_mut().zip(sentences).zip(&mut results) {
                if result.is_none() {
                    let step = exchange.step(client, now, sentence, reply);
                    *result = step.map(|step| step.map(|length| reply[..length].to_vec()));
                }
            }
            results.iter().all(Option::is_some).then_some(())
        });
        // Until the server has acknowledged our FINs, or the sockets would be taken from under them.
        self.until("the last acknowledgements", |client, _| {
            let over = |state| matches!(state, tcp::State::Closed | tcp::State::TimeWait);
            open.iter().all(|(exchange, _)| over(exchange.state(client))).then_some(())
        });
        for (exchange, _) in open {
            exchange.finish(&mut self.client);
        }
        results.into_iter().flatten().collect()
    }

    /// Opens a connection in stream mode, and leaves it alone.
    #[track_caller]
    pub fn open(&mut self, server: IpAddress) {
        let server = IpEndpoint::new(server, 12_001);
        let handle = self.client.connect(self.now(), tcp_socket(), server).expect("a socket");
        self.until("a connection", |client, _| client.socket(handle).may_send().then_some(()));
    }

    /// How many connections in stream mode can be held at once, all of them active.
    #[track_caller]
    pub fn hold(&mut self, server: IpAddress, count: usize) -> usize {
        let server = IpEndpoint::new(server, 12_001);
        let handles: Vec<_> = (0..count)
            .map(|_| self.client.connect(self.now(), tcp_socket(), server).expect("a socket"))
            .collect();
        let mut held = handles.clone();
        for _ in 0..20 {
            let mut said = vec![false; held.len()];
            let mut heard = vec![0; held.len()];
            let start = Instant::now();
            self.until("connections that are active", |client, _| {
                for ((&handle, said), heard) in held.iter().zip(&mut said).zip(&mut heard) {
                    let socket = client.socket(handle);
                    if !*said && socket.can_send() {
                        *said = socket.send_slice(b"active").is_ok();
                    }
                    *heard += socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0);
                }
                let is_over = heard.iter().all(|&heard| heard == 6) || start.elapsed() > BOUND / 2;
                is_over.then_some(())
            });
            held =
                held.iter().zip(heard).filter(|(_, heard)| *heard == 6).map(|(handle, _)| *handle).collect();
        }
        for handle in handles {
            self.client.socket(handle).abort();
        }
        held.len()
    }
}

fn tcp_socket() -> tcp::Socket<'static> {
    tcp::Socket::new(tcp::SocketBuffer::new(vec![0; 8_192]), tcp::SocketBuffer::new(vec![0; 8_192]))
}

fn udp_socket() -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 1], vec![0; 2_048]);
    udp::Socket::new(buffer(), buffer())
}
