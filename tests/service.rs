//! What a service decides, and what it is told: listeners of its own, who its peers are, when a connection is over; and
//! the uppercase service's rule against loops.

use test_support::world::raw::{Peer, Segment, arp, tcp_in, udp, udp_in};
use test_support::world::{World, client_v4, server_v4, small};
use undersock::device::wire::Wire;
use undersock::event::Limit;
use undersock::host::{DEFAULT_MAC, HostConfig};
use undersock::server::{Config, ConfigError, Limits, Listener, Memory, Server, Sizes};
use undersock::service::{Closed, Ended, Exchange, Reply, Request, Service, Step, Uppercase};
use undersock::smoltcp::phy::{Device, DeviceCapabilities};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{ArpOperation, IpAddress, IpEndpoint, TcpControl};

/// Echo, which notes what it is told.
#[derive(Default)]
struct Echo {
    asked: Vec<(IpEndpoint, IpEndpoint)>,
    opened: Vec<(usize, IpEndpoint, IpEndpoint)>,
    closed: Vec<Closed>,
}

impl Service for Echo {
    fn datagram(&mut self, request: Request<'_>, reply: &mut [u8]) -> Reply {
        self.asked.push((request.local, request.remote));
        reply[..request.bytes.len()].copy_from_slice(request.bytes);
        Reply::Send(request.bytes.len())
    }

    fn stream(&mut self, exchange: Exchange<'_>) -> Step {
        let Exchange { slot, local, remote, first, input, output, end, .. } = exchange;
        if first {
            self.opened.push((slot, local, remote));
        }
        let count = input.len().min(output.len());
        output[..count].copy_from_slice(&input[..count]);
        Step { consumed: count, produced: count, close: end && count == input.len() }
    }

    fn closed(&mut self, closed: Closed) {
        self.closed.push(closed);
    }
}

static PATIENT: Limits = Limits::all(Duration::from_secs(100));
const THREE: &[Listener] =
    &[Listener::sentence(7), Listener::stream(5_000), Listener::stream(9_999).with_limits(&PATIENT)];

fn echo() -> World<Echo> {
    let config = Config::default().with_ports(Some(7), THREE);
    World::with(config, small(), Echo::default()).raw()
}

fn endpoint(address: IpAddress, port: u16) -> IpEndpoint {
    IpEndpoint::new(address, port)
}

/// The replies to a datagram from this port.
fn replies<S: Service>(world: &mut World<S>, from: u16, to: u16, text: &[u8]) -> Vec<Vec<u8>> {
    let got = world.give(&udp((client_v4(), from), (server_v4(), to), text));
    got.iter().filter_map(|frame| udp_in(frame)).map(|(_, _, payload)| payload).collect()
}

#[test]
fn every_listener_has_its_port_mode_and_limits() {
    let mut world = echo();
    // Sentence mode: the server closes.
    let mut sentence = Peer::new(40_000).at_port(7);
    world.connect(&mut sentence);
    let got = world.give_tcp(&sentence.segment(TcpControl::Psh, b"once"));
    assert!(matches!(&got[..], [reply] if reply.payload == b"once" && reply.fin), "{got:?}");
    // Stream mode: it doesn't.
    let mut streams = [40_001, 40_002].map(Peer::new);
    for (stream, port) in streams.iter_mut().zip([5_000, 9_999]) {
        let mut peer = core::mem::replace(stream, Peer::new(1)).at_port(port);
        world.connect(&mut peer);
        let got = world.give_tcp(&peer.segment(TcpControl::Psh, b"on"));
        assert!(matches!(&got[..], [reply] if reply.payload == b"on" && !reply.fin), "{port}: {got:?}");
        peer.got(&got[0]);
        world.give(&peer.segment(TcpControl::None, b""));
        *stream = peer;
    }
    // A port that nobody has.
    let got = world.give_tcp(&Peer::new(40_003).at_port(12_000).segment(TcpControl::Syn, b""));
    assert!(matches!(&got[..], [reset] if reset.rst), "{got:?}");
    // The default limit for idle connections is 60 s; one listener has another.
    world.pass(Duration::from_secs(70));
    let left: Vec<u16> = world.server.connections().map(|info| info.local.port).collect();
    assert_eq!(left, [9_999]);
    world.pass(Duration::from_secs(40));
    assert_eq!(world.server.used(), 0);
}

#[test]
fn a_service_is_told_of_both_endpoints() {
    let mut world = echo();
    assert_eq!(replies(&mut world, 40_000, 7, b"hello"), [b"hello"]);
    assert_eq!(world.service.asked, [(endpoint(server_v4(), 7), endpoint(client_v4(), 40_000))]);
    world.connect(&mut Peer::new(40_001).at_port(5_000));
    let both = (0, endpoint(server_v4(), 5_000), endpoint(client_v4(), 40_001));
    assert_eq!(world.service.opened, [both]);
}

/// Each end of a connection is told once, and why.
#[test]
fn a_service_is_told_when_a_connection_is_over() {
    let mut world = echo();
    let why = |world: &mut World<Echo>, local: u16, remote: u16| {
        let told = core::mem::take(&mut world.service.closed);
        let [closed] = &told[..] else { panic!("told {} times: {told:?}", told.len()) };
        assert_eq!((closed.local.port, closed.remote.port), (local, remote));
        closed.why
    };
    // In order, the client first.
    let mut peer = Peer::new(40_000).at_port(5_000);
    world.connect(&mut peer);
    let got = world.give_tcp(&peer.segment(TcpControl::Fin, b""));
    let fin = got.last().expect("a FIN in return");
    assert!(fin.fin && world.service.closed.is_empty(), "{got:?}");
    peer.got(fin);
    world.give(&peer.segment(TcpControl::None, b""));
    assert_eq!(why(&mut world, 5_000, 40_000), Ended::Closed);
    // In order, the server first: TIME-WAIT is the stack's business, not the service's.
    let mut peer = Peer::new(40_001).at_port(7);
    world.connect(&mut peer);
    let got = world.give_tcp(&peer.segment(TcpControl::Psh, b"bye"));
    peer.got(&got[0]);
    world.give(&peer.segment(TcpControl::Fin, b""));
    assert_eq!((world.server.used(), why(&mut world, 7, 40_001)), (1, Ended::Closed));
    world.pass(Duration::from_secs(30));
    assert_eq!((world.server.used(), world.service.closed.len()), (0, 0), "not told again");
    // By a RST.
    let mut peer = Peer::new(40_002).at_port(5_000);
    world.connect(&mut peer);
    world.give(&peer.segment(TcpControl::Rst, b""));
    assert_eq!(why(&mut world, 5_000, 40_002), Ended::Reset);
    // By a limit.
    world.connect(&mut Peer::new(40_003).at_port(5_000));
    world.pass_tcp(Duration::from_secs(61));
    assert_eq!(why(&mut world, 5_000, 40_003), Ended::Evicted(Limit::Idle));
    // By the server's end.
    world.connect(&mut Peer::new(40_004).at_port(5_000));
    world.server.shutdown(world.now, &mut world.server_end, &mut world.service, &mut world.history);
    assert_eq!(why(&mut world, 5_000, 40_004), Ended::Evicted(Limit::Shutdown));
    world.pass_tcp(Duration::from_millis(1));
    // One that the service never heard of is none of its business.
    world.give(&Peer::new(40_005).at_port(5_000).segment(TcpControl::Syn, b""));
    world.pass(Duration::from_secs(10));
    assert_eq!((world.server.used(), world.service.closed.len()), (0, 0));
}

/// What only the uppercase service wants is not the door's: another service answers whatever port asks.
#[test]
fn another_service_answers_low_ports() {
    let mut world = echo();
    for port in [7, 19, 123, 1_023] {
        assert_eq!(replies(&mut world, port, 7, b"what time is it?"), [b"what time is it?"], "{port}");
    }
}

#[test]
fn a_person_at_a_low_port_gets_a_reply() {
    let mut world = World::new(small()).raw();
    for port in [12_000, 1_023, 123] {
        assert_eq!(replies(&mut world, port, 12_000, b"hello"), [b"HELLO"], "{port}");
    }
    assert_eq!(world.server.counters().unanswered, 0);
}

#[test]
fn what_upper_case_does_not_change_is_not_answered_to_a_servers_port() {
    let mut world = World::new(small()).raw();
    for port in [12_000, 1_023, 7] {
        assert!(replies(&mut world, port, 12_000, b"HELLO").is_empty(), "{port}");
    }
    assert_eq!(world.server.counters().unanswered, 3);
    assert!(world.history.contains("two servers might answer each other for ever"));
    // Anybody else is a client.
    assert_eq!(replies(&mut world, 1_024, 12_000, b"HELLO"), [b"HELLO"]);
}

/// A service such as chargen (RFC 864) answers with another text each time.
#[test]
fn replies_to_a_servers_port_are_few() {
    let mut world = World::new(small()).raw();
    let burst = |world: &mut World| (0..20).map(|_| replies(world, 19, 12_000, b"abc").len()).sum::<usize>();
    let start = world.now;
    assert_eq!(burst(&mut world), 4);
    assert!(world.now - start < Duration::from_millis(250), "the burst is shorter than the time of a token");
    world.pass(Duration::from_secs(10));
    assert_eq!(burst(&mut world), 4);
}

/// Two such servers, one datagram between them.
#[test]
fn a_loop_of_two_servers_dies() {
    let wire = Wire::owned(Duration::from_micros(50), 64);
    let (mut one_end, mut other_end) = wire.ends();
    let mut now = Instant::from_secs(1);
    let server = |host: HostConfig, device| {
        Server::new(&Config::new(host), Memory::owned(small()), device, now).expect("a server")
    };
    let mut one = server(HostConfig::default(), &mut one_end);
    let mut other = server(HostConfig::client(), &mut other_end);
    let mut services = [Uppercase::new(), Uppercase::new()];
    let [first, second] = &mut services;
    // Somebody has sent it with the other server's address and port as its source.
    other_end.inject(now, &udp((client_v4(), 12_000), (server_v4(), 12_000), "straße".as_bytes()));
    for _ in 0..100 {
        now += Duration::from_micros(50);
        one.poll(now, &mut one_end, first, &mut ());
        other.poll(now, &mut other_end, second, &mut ());
    }
    let counts =
        [one.counters(), other.counters()].map(|counters| (counters.datagrams_in, counters.datagrams_out));
    assert_eq!(counts, [(1, 1), (1, 0)]);
}

#[test]
fn listeners_that_cannot_work() {
    let check = |udp, listeners: &[Listener]| Config::default().with_ports(udp, listeners).check();
    assert_eq!(check(Some(12_000), &[]), Ok(()));
    assert_eq!(check(None, &[Listener::stream(1)]), Ok(()));
    assert_eq!(check(None, &[]), Err(ConfigError::NoPort));
    assert_eq!(check(None, &[Listener::stream(0)]), Err(ConfigError::PortZero));
    assert_eq!(check(Some(0), &[Listener::stream(1)]), Err(ConfigError::PortZero));
    assert_eq!(check(None, &[Listener::stream(5), Listener::sentence(5)]), Err(ConfigError::SamePort(5)));
    let hasty = Listener::stream(5).with_limits(const { &Limits::all(Duration::ZERO) });
    assert_eq!(check(None, &[hasty]), Err(ConfigError::ZeroLimit("half-open")));
    let many: Vec<Listener> = (1..=1_000).map(Listener::stream).collect();
    assert_eq!(check(None, &many), Ok(()));
}

/// A device that has room for no frame while it is told so.
struct Full<D> {
    device: D,
    is_full: bool,
    /// So many frames it takes at once.
    burst: Option<usize>,
}

impl<D: Device> Device for Full<D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.device.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        if self.is_full { None } else { self.device.transmit(now) }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        capabilities.max_burst_size = self.burst;
        capabilities
    }
}

/// No larger window is offered than the device takes frames at once.
#[test]
fn a_window_is_no_larger_than_what_the_device_takes_at_once() {
    for (burst, least, most) in [(None, 8_192, 8_192), (Some(2), 2_800, 2_920), (Some(1), 1_400, 1_460)] {
        let wire = Wire::owned(Duration::from_micros(50), 8);
        let (server_end, mut client_end) = wire.ends();
        let mut device = Full { device: server_end, is_full: false, burst };
        let mut now = Instant::from_secs(1);
        let memory = Memory::owned(Sizes::default().with_connections(1).with_buffers(8_192));
        let config = Config::new(HostConfig::default().without_announcement());
        let mut server = Server::new(&config, memory, &mut device, now).expect("a server");
        let syn = Segment {
            from: (client_v4(), 40_000),
            to: (server_v4(), 12_000),
            control: TcpControl::Syn,
            ..Segment::default()
        };
        client_end.inject(now, &syn.frame());
        now += Duration::from_micros(50);
        server.poll(now, &mut device, &mut Uppercase::new(), &mut ());
        now += Duration::from_micros(50);
        let reply = client_end.take(now).and_then(|frame| tcp_in(&frame)).expect("a SYN-ACK");
        assert!((least..=most).contains(&reply.window), "{burst:?}: {}", reply.window);
    }
}

#[test]
fn a_reply_that_could_not_be_sent_is_not_counted_as_sent() {
    let wire = Wire::owned(Duration::from_micros(50), 8);
    let (server_end, mut client_end) = wire.ends();
    let mut device = Full { device: server_end, is_full: false, burst: None };
    let mut now = Instant::from_secs(1);
    let mut server =
        Server::new(&Config::default(), Memory::owned(small()), &mut device, now).expect("a server");
    for (is_full, counts) in [(false, (1, 1, 0)), (true, (2, 1, 1)), (false, (3, 2, 1))] {
        device.is_full = is_full;
        client_end.inject(now, &udp((client_v4(), 40_000), (server_v4(), 12_000), b"hello"));
        now += Duration::from_micros(50);
        server.poll(now, &mut device, &mut Uppercase::new(), &mut ());
        let counters = server.counters();
        assert_eq!((counters.datagrams_in, counters.datagrams_out, counters.unanswered), counts);
    }
}

/// The gateways of a client's configuration are used, as its documentation promises.
#[test]
fn a_client_reaches_other_networks_over_its_gateway() {
    use undersock::client::Client;

    let wire = Wire::owned(Duration::from_micros(50), 8);
    let (mut router_end, mut client_end) = wire.ends();
    let mut now = Instant::from_secs(1);
    let mut host = HostConfig::client().without_announcement();
    let router = IpAddress::v4(192, 168, 69, 254);
    host.gateways.push(router).expect("room");
    let mut client = Client::new(&host, Vec::new(), &mut client_end, now).expect("a client");
    let far = endpoint(IpAddress::v4(10, 1, 2, 3), 12_000);
    client.connect(now, test_support::world::tcp_socket(), far).expect("a socket");
    client.poll(now, &mut client_end);
    now += Duration::from_micros(50);
    let asked = router_end.take(now).expect("a frame");
    assert_eq!(arp_request_in(&asked), Some(router), "who has the router's address?");
    router_end.inject(now, &arp(ArpOperation::Reply, (DEFAULT_MAC, router), client_v4()));
    now += Duration::from_micros(50);
    assert_eq!(client.poll(now, &mut client_end), Some(now), "what came in is to be seen to first");
    // What waited for that has left at once.
    now += Duration::from_micros(50);
    let syn = router_end.take(now).expect("a frame");
    assert_eq!(syn[..6], DEFAULT_MAC.0, "by way of the router");
    assert!(tcp_in(&syn).is_some_and(|segment| segment.syn && segment.to == (far.addr, far.port)), "{syn:?}");
}

/// Whose address an ARP request asks for.
fn arp_request_in(frame: &[u8]) -> Option<IpAddress> {
    match undersock::packet::packet(frame) {
        undersock::packet::Packet::Arp(arp) if arp.operation == 1 => Some(arp.target.into()),
        _ => None,
    }
}
