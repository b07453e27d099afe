//! A server and a client on the in-memory wire, both recorded, and trouble on it.

use undersock::client::{Client, TcpExchange, UdpExchange};
use undersock::device::impaired::{Impaired, Settings};
use undersock::device::wire::{Wire, WireEnd};
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::iface::SocketHandle;
use undersock::smoltcp::socket::{tcp, udp};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};
use undersock_views::Side;
use undersock_views::record::{Record, Recorder, Recording};

const FRAMES: usize = 64;
const LATENCY: Duration = Duration::from_millis(5);

/// The two hosts.
pub struct Stage {
    pub now: Instant,
    pub client: Client<'static, Recording>,
    pub recorder: Recorder,
    server: Server<'static>,
    server_end: Impaired<WireEnd<'static>, Recording>,
    client_end: WireEnd<'static>,
    wire: &'static Wire<'static>,
    due: Option<Instant>,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With such trouble on the wire.
    pub fn with(rules: &[&str]) -> Self {
        Self::made(rules, false)
    }

    /// Both hosts say at their start who they are: many frames at once.
    pub fn announcing() -> Self {
        Self::made(&[], true)
    }

    fn made(rules: &[&str], announce: bool) -> Self {
        let wire: &'static Wire<'static> = Box::leak(Box::new(Wire::owned(LATENCY, FRAMES)));
        let (server_end, mut client_end) = wire.ends();
        let recorder = Recorder::new(100_000);
        let mut settings = Settings::default();
        for rule in rules {
            settings.set("trouble", rule).expect("a rule");
        }
        let mut server_end = Impaired::new(server_end, &settings, recorder.at(Side::Server));
        let now = Instant::from_secs(1);
        let mut config = Config::default().with_seed(0x5eed);
        config.host.announce = announce;
        let sizes = Sizes::default().with_connections(4).with_buffers(4_096).with_batch(16);
        let server = Server::new(&config, Memory::owned(sizes), &mut server_end, now).expect("a server");
        let mut config = HostConfig::client().with_seed(0xc11e);
        config.announce = announce;
        let client = Client::observed(&config, Vec::new(), &mut client_end, now, recorder.at(Side::Client));
        let client = client.expect("a client");
        server.introduce(now, &mut recorder.at(Side::Server));
        Stage { now, client, recorder, server, server_end, client_end, wire, due: None }
    }

    fn poll(&mut self) {
        let observer = &mut self.recorder.at(Side::Server);
        self.due = self.server.poll(self.now, &mut self.server_end, &mut Uppercase::new(), observer);
        self.server_end.flush(self.now);
        self.client.poll(self.now, &mut self.client_end);
    }

    /// Goes on until something is done, or for so long.
    pub fn run(&mut self, length: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        let until = self.now + length;
        loop {
            self.poll();
            let over = done(self);
            // What was called leaves at once.
            self.client.poll(self.now, &mut self.client_end);
            if over {
                return;
            }
            if self.now >= until {
                return;
            }
            let nexts = [
                self.due,
                self.client.poll_at(self.now),
                self.wire.next_arrival(),
                self.server_end.poll_at(self.now),
            ];
            let next = nexts.into_iter().flatten().min().unwrap_or(until);
            self.now = next.max(self.now + Duration::from_micros(1)).min(until);
        }
    }

    pub fn pass(&mut self, length: Duration) {
        self.run(length, |_| false);
    }

    pub fn udp(&mut self, address: IpAddress, sentence: &[u8]) {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; 4_096]);
        let socket = udp::Socket::new(buffer(), buffer());
        let server = IpEndpoint::new(address, 12_000);
        let wait = Duration::from_secs(1);
        let mut exchange = UdpExchange::new(&mut self.client, socket, server, wait, 3).expect("a socket");
        let mut reply = [0; 2_048];
        for _ in 0..4 {
            let mut over = false;
            let due = exchange.deadline().unwrap_or(self.now);
            self.run(if due > self.now { due - self.now } else { Duration::ZERO }, |stage| {
                over = exchange.step(&mut stage.client, stage.now, sentence, &mut reply).is_some();
                over
            });
            if over {
                break;
            }
        }
        exchange.close(&mut self.client);
    }

    pub fn tcp(&mut self, address: IpAddress, sentences: &[&[u8]]) {
        let server = IpEndpoint::new(address, 12_000);
        let wait = Duration::from_secs(30);
        let mut open: Vec<_> = sentences
            .iter()
            .map(|_| {
                (
                    TcpExchange::new(&mut self.client, socket(), server, self.now, wait).expect("a socket"),
                    false,
                )
            })
            .collect();
        let mut reply = [0; 2_048];
        self.run(wait, |stage| {
            for ((exchange, over), sentence) in open.iter_mut().zip(sentences) {
                *over = *over || exchange.step(&mut stage.client, stage.now, sentence, &mut reply).is_some();
            }
            open.iter().all(|(_, over)| *over)
        });
    }

    pub fn connect(&mut self, port: u16) -> SocketHandle {
        let server = IpEndpoint::new(IpAddress::v4(192, 168, 69, 1), port);
        let handle = self.client.connect(self.now, socket(), server).expect("a socket");
        self.run(Duration::from_secs(10), |stage| {
            stage.client.socket(handle).state() == tcp::State::Established
        });
        handle
    }

    /// Sends all of it through stream mode, takes what comes back, and closes.
    pub fn stream(&mut self, bytes: &[u8]) {
        let handle = self.connect(12_001);
        let (mut sent, mut got, mut closed) = (0, 0, false);
        let mut room = [0; 4_096];
        self.run(Duration::from_secs(60), |stage| {
            sent += stage.client.send(stage.now, handle, &bytes[sent..]);
            got += stage.client.receive(stage.now, handle, &mut room);
            if sent == bytes.len() && !closed {
                closed = true;
                stage.client.close(stage.now, handle);
            }
            got == bytes.len() && !stage.client.socket(handle).may_recv()
        });
    }

    pub fn records(&self) -> Vec<Record> {
        self.recorder.records()
    }
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; 4_096]);
    tcp::Socket::new(buffer(), buffer())
}
