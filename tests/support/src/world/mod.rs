//! A world for tests: a server and a client host on the in-memory wire, in virtual time. A test that fails prints the
//! timeline of what happened.

pub mod peer;
pub mod raw;

use core::cell::Cell;

use undersock::client::{Client, ExchangeError, TcpExchange, UdpExchange};
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Event, Frame, Observer, Way};
use undersock::host::HostConfig;
use undersock::packet::Link;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::{Service, Uppercase};
use undersock::smoltcp::iface::SocketStorage;
use undersock::smoltcp::socket::{tcp, udp};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint, TcpControl};
use undersock_views::record::{Record, Recorder, Recording, What};
use undersock_views::timeline::{Lines, timeline};

pub use undersock::host::CLIENT_MAC;
/// Frames that each direction of the wire holds.
pub const FRAMES: usize = 128;

pub fn server_v4() -> IpAddress {
    IpAddress::v4(192, 168, 69, 1)
}

pub fn server_v6() -> IpAddress {
    IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1)
}

pub fn client_v4() -> IpAddress {
    IpAddress::v4(192, 168, 69, 100)
}

pub fn client_v6() -> IpAddress {
    IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100)
}

/// Four connections, small buffers: so that every limit is near.
pub fn small() -> Sizes {
    Sizes::default().with_connections(4).with_buffers(2_048).with_batch(16)
}

/// What happened at both ends, printed as a timeline when the test fails.
pub struct History(Recorder);

/// So many records are kept, and so many lines of the end of a history are printed.
const KEPT: usize = 4_096;
const PRINTED: usize = 120;

impl History {
    /// Observes one end.
    pub fn at(&self, end: undersock_views::Side) -> Recording {
        self.0.at(end)
    }

    pub fn note(&mut self, now: Instant, what: &str) {
        self.0.note(now, undersock_views::Side::Server, what);
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.records()
    }

    /// The frames that the client has sent, and when.
    pub fn sent_by_client(&self) -> Vec<(Instant, Vec<u8>)> {
        let sent = |record: &Record| match &record.what {
            What::Frame { way: Way::Out, bytes, .. } if record.end == undersock_views::Side::Client => {
                Some((record.at, bytes.to_vec()))
            }
            _ => None,
        };
        self.records().iter().filter_map(sent).collect()
    }

    /// All of it, a line an event.
    pub fn timeline(&self) -> String {
        timeline(&self.records())
    }

    pub fn contains(&self, what: &str) -> bool {
        self.timeline().contains(what)
    }
}

impl Default for History {
    fn default() -> Self {
        History(Recorder::new(KEPT))
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.timeline();
            let skipped = text.lines().count().saturating_sub(PRINTED);
            let before = self.0.forgotten();
            eprintln!("--- what happened ({skipped} lines and {before} events before) ---");
            for line in text.lines().skip(skipped) {
                eprintln!("{line}");
            }
        }
    }
}

impl Observer for History {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        self.0.at(undersock_views::Side::Server).event(now, event);
    }
}

/// A frame in words, whatever was before it.
pub fn describe(frame: &[u8]) -> String {
    let event = Event::Frame(Frame::new(Way::Out, frame));
    let line = Lines::<1>::new(undersock_views::Side::Server).line(
        Instant::ZERO,
        undersock_views::Side::Server,
        &event,
    );
    line.expect("a frame has a line").text.to_string()
}

/// A server and a client host on a wire.
pub struct World<S = Uppercase> {
    pub now: Instant,
    pub server: Server<'static>,
    pub client: Client<'static, Recording>,
    pub service: S,
    pub server_end: WireEnd<'static>,
    pub client_end: WireEnd<'static>,
    pub wire: &'static Wire<'static>,
    pub history: History,
    /// When the server wants to be polled again.
    pub due: Option<Instant>,
    /// Polls of the server, to see that it sleeps.
    pub polls: u32,
    /// The client's stack isn't polled: the test plays the peer.
    pub raw: bool,
}

impl World<Uppercase> {
    pub fn new(sizes: Sizes) -> Self {
        World::with(Config::default().with_seed(0x5eed), sizes, Uppercase::new())
    }

    /// On a wire for IP packets, without Ethernet.
    pub fn point_to_point(sizes: Sizes) -> Self {
        let host = HostConfig::default().with_seed(0x5eed).without_link();
        World::with(Config::new(host), sizes, Uppercase::new())
    }
}

impl<S: Service> World<S> {
    pub fn with(config: Config<'static>, sizes: Sizes, service: S) -> Self {
        World::with_memory(config, Memory::owned(sizes), service)
    }

    pub fn with_memory(mut config: Config<'static>, memory: Memory<'static>, service: S) -> Self {
        // What a test sees is what it asked for.
        config.host.announce = false;
        World::as_configured(config, memory, service)
    }

    /// A server that says at its start who is there, if its configuration says so.
    pub fn as_configured(config: Config<'static>, memory: Memory<'static>, service: S) -> Self {
        let mut client = HostConfig::client().with_seed(0xc11e).without_announcement();
        client.mac = client.mac.filter(|_| config.host.mac.is_some());
        World::of_hosts(config, memory, service, &client)
    }

    /// These two hosts, on a wire of their kind.
    pub fn of_hosts(
        config: Config<'static>,
        memory: Memory<'static>,
        service: S,
        client_config: &HostConfig,
    ) -> Self {
        let link = if config.host.mac.is_some() { Link::Ethernet } else { Link::Ip };
        let wire = Wire::owned(Duration::from_micros(50), FRAMES).with_link(link);
        let wire: &'static Wire<'static> = Box::leak(Box::new(wire));
        let (mut server_end, mut client_end) = wire.ends();
        let now = Instant::from_secs(1);
        let server = Server::new(&config, memory, &mut server_end, now).expect("a configuration that works");
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let history = History::default();
        let observer = history.at(undersock_views::Side::Client);
        let client = Client::observed(client_config, sockets, &mut client_end, now, observer);
        World {
            now,
            server,
            client: client.expect("a client"),
            service,
            server_end,
            client_end,
            wire,
            history,
            due: None,
            polls: 0,
            raw: false,
        }
    }

    /// The test plays the peer from now on.
    pub fn raw(mut self) -> Self {
        self.raw = true;
        self
    }

    /// Polls both sides once.
    pub fn poll(&mut self) {
        self.polls += 1;
        self.due = self.server.poll(self.now, &mut self.server_end, &mut self.service, &mut self.history);
        if !self.raw {
            self.client.poll(self.now, &mut self.client_end);
        }
    }

    /// When something happens next.
    pub fn next_due(&mut self) -> Option<Instant> {
        let client = if self.raw { None } else { self.client.poll_at(self.now) };
        // A frame at the end of a test that plays the peer waits for the test, not for the stack.
        let wire = if self.raw { self.server_arrival() } else { self.wire.next_arrival() };
        [self.due, client, wire].into_iter().flatten().min()
    }

    fn server_arrival(&self) -> Option<Instant> {
        self.wire.arrivals()[0]
    }

    /// Goes on until `done` says what it came to, at most `limit` of virtual time.
    pub fn run<T>(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Self) -> Option<T>,
        deadline: impl Fn(&Self) -> Option<Instant>,
    ) -> T {
        let until = self.now + limit;
        loop {
            self.poll();
            if let Some(result) = done(self) {
                return result;
            }
            assert!(self.now < until, "nothing after {limit} of virtual time");
            let next = [self.next_due(), deadline(self)].into_iter().flatten().min().unwrap_or(until);
            // Two steps of a microsecond at least: time must go on, or a deadline in the past would hang the test.
            self.now = next.max(self.now + Duration::from_micros(1)).min(until);
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.poll();
            let next = self.next_due().unwrap_or(until);
            self.now = next.max(self.now + Duration::from_micros(1)).min(until);
        }
        self.poll();
    }

    pub fn udp(&mut self, server: IpAddress, sentence: &[u8]) -> Result<Vec<u8>, ExchangeError> {
        let socket = udp_socket(1);
        let server = IpEndpoint::new(server, 12_000);
        let mut exchange =
            UdpExchange::new(&mut self.client, socket, server, Duration::from_secs(1), 3).expect("a socket");
        let mut reply = vec![0; 2_048];
        let deadline = Cell::new(None);
        let result = self.run(
            Duration::from_secs(10),
            |world| {
                let result = exchange.step(&mut world.client, world.now, sentence, &mut reply);
                deadline.set(exchange.deadline());
                result
            },
            |_| deadline.get(),
        );
        exchange.close(&mut self.client);
        result.map(|length| reply[..length].to_vec())
    }

    pub fn tcp(&mut self, server: IpAddress, sentence: &[u8]) -> Result<Vec<u8>, ExchangeError> {
        let mut many = self.tcp_many(server, vec![sentence.to_vec()], Duration::from_secs(30));
        many.remove(0)
    }

    /// One connection for each sentence, all at once.
    pub fn tcp_many(
        &mut self,
        server: IpAddress,
        sentences: Vec<Vec<u8>>,
        timeout: Duration,
    ) -> Vec<Result<Vec<u8>, ExchangeError>> {
        let server = IpEndpoint::new(server, 12_000);
        let mut open: Vec<_> = sentences
            .iter()
            .map(|_| {
                let exchange = TcpExchange::new(&mut self.client, tcp_socket(), server, self.now, timeout)
                    .expect("a socket");
                (exchange, vec![0; 8_192], None)
            })
            .collect();
        let until = self.now + timeout;
        self.run(
            timeout + Duration::from_secs(1),
            |world| {
                for ((exchange, reply, result), sentence) in open.iter_mut().zip(&sentences) {
                    if result.is_none() {
                        *result = exchange.step(&mut world.client, world.now, sentence, reply);
                    }
                }
                open.iter().all(|(_, _, result)| result.is_some()).then_some(())
            },
            |_| Some(until),
        );
        // Until the last acknowledgement is over, or the sockets would be taken from under it.
        self.pass(Duration::from_millis(100));
        open.into_iter()
            .map(|(exchange, reply, result)| {
                exchange.finish(&mut self.client);
                result.expect("all have a result").map(|length| reply[..length].to_vec())
            })
            .collect()
    }
}

impl<S: Service> World<S> {
    /// Sends `bytes` through stream mode and gives what returns until the server closes.
    pub fn stream(&mut self, server: IpAddress, bytes: &[u8]) -> Vec<u8> {
        let server = IpEndpoint::new(server, 12_001);
        let handle = self.client.connect(self.now, tcp_socket(), server).expect("a socket");
        let (mut sent, mut closed, mut got, mut room) = (0, false, Vec::new(), [0; 2_048]);
        self.run(
            Duration::from_secs(3_600),
            |world| {
                if sent < bytes.len() {
                    sent += world.client.send(world.now, handle, &bytes[sent..]);
                } else if !closed {
                    world.client.close(world.now, handle);
                    closed = true;
                }
                while world.client.socket(handle).can_recv() {
                    let received = world.client.receive(world.now, handle, &mut room);
                    got.extend(&room[..received]);
                }
                let over = sent > 0 && !world.client.socket(handle).may_recv();
                over.then_some(())
            },
            |_| None,
        );
        assert_eq!(sent, bytes.len(), "the server closed early");
        got
    }
}

pub fn tcp_socket() -> tcp::Socket<'static> {
    tcp::Socket::new(tcp::SocketBuffer::new(vec![0; 8_192]), tcp::SocketBuffer::new(vec![0; 8_192]))
}

pub fn udp_socket(datagrams: usize) -> udp::Socket<'static> {
    let buffer =
        || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; datagrams], vec![0; datagrams * 2_048]);
    udp::Socket::new(buffer(), buffer())
}

/// A test that plays the peer by hand.
impl<S: Service> World<S> {
    /// Lets the server take in a frame and gives what it sends at once.
    pub fn give(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.give_all(&[frame.to_vec()])
    }

    pub fn give_all(&mut self, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        for frame in frames {
            assert!(self.client_end.inject(self.now, frame), "the wire has room");
        }
        // Across the wire, through the server, and back.
        for _ in 0..4 {
            self.now += Duration::from_micros(50);
            self.poll();
        }
        self.now += Duration::from_micros(50);
        self.sent()
    }

    /// What the server has sent.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| self.client_end.take(self.now).map(|frame| frame.to_vec())).collect()
    }

    /// Only the TCP segments of it.
    pub fn give_tcp(&mut self, frame: &[u8]) -> Vec<raw::Got> {
        self.give(frame).iter().filter_map(|frame| raw::tcp_in(frame)).collect()
    }

    /// Lets time pass and gives the TCP segments that the server sent meanwhile.
    pub fn pass_tcp(&mut self, time: Duration) -> Vec<raw::Got> {
        self.pass(time);
        self.now += Duration::from_micros(50);
        self.sent().iter().filter_map(|frame| raw::tcp_in(frame)).collect()
    }

    /// The three-way handshake by hand.
    pub fn connect(&mut self, peer: &mut raw::Peer) {
        let syn = peer.segment(TcpControl::Syn, b"");
        let got = self.give_tcp(&syn);
        let [syn_ack] = &got[..] else { panic!("one SYN-ACK, not {got:?}") };
        assert!(syn_ack.syn && syn_ack.ack && syn_ack.ack_number == peer.seq, "{syn_ack:?}");
        peer.got(syn_ack);
        let ack = peer.segment(TcpControl::None, b"");
        assert_eq!(self.give_tcp(&ack), []);
    }

    /// A connection to the stream port by hand, with a reply seen.
    pub fn stream_by_hand(&mut self, from: IpAddress, to: IpAddress) -> raw::Peer {
        let mut peer = raw::Peer { from: (from, 40_000), to: (to, 12_001), ..raw::Peer::new(40_000) };
        self.connect(&mut peer);
        let data = peer.segment(TcpControl::Psh, b"before");
        let got = self.give_tcp(&data);
        assert!(matches!(&got[..], [reply] if reply.payload == b"BEFORE"), "{got:?}");
        peer.got(&got[0]);
        let ack = peer.segment(TcpControl::None, b"");
        assert_eq!(self.give_tcp(&ack), []);
        peer
    }
}
