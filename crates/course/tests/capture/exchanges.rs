//! The frames of real exchanges between the server and the client on the in-memory wire, in virtual time.

use undersock::client::{Client, TcpExchange, UdpExchange};
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Event, Observer};
use undersock::host::HostConfig;
use undersock::packet::{Packet, packet};
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::iface::SocketStorage;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, IpAddress, IpEndpoint, Ipv4Address, TcpControl,
};

use test_support::world::raw::{Segment, arp, detection, ping, udp};
use test_support::world::{client_v4, client_v6, server_v4, server_v6, tcp_socket, udp_socket};

/// Keeps every frame that crosses the server's end.
#[derive(Default)]
struct Tape(Vec<Vec<u8>>);

impl Observer for Tape {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        if let Event::Frame(frame) = event {
            self.0.push(frame.bytes.to_vec());
        }
    }
}

const FRAMES: usize = 64;

struct Stage {
    now: Instant,
    server: Server<'static>,
    client: Client<'static>,
    service: Uppercase,
    server_end: WireEnd<'static>,
    client_end: WireEnd<'static>,
    tape: Tape,
}

impl Stage {
    fn new(config: &Config<'static>) -> Self {
        let wire: &'static Wire<'static> =
            Box::leak(Box::new(Wire::owned(Duration::from_micros(50), FRAMES)));
        let (mut server_end, mut client_end) = wire.ends();
        let now = Instant::from_secs(1);
        let memory = Memory::owned(Sizes::default().with_connections(4));
        let server = Server::new(config, memory, &mut server_end, now).expect("a server");
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let settings = HostConfig::client().with_seed(7);
        let client = Client::new(&settings, sockets, &mut client_end, now).expect("a client");
        let (service, tape) = (Uppercase::new(), Tape::default());
        Stage { now, server, client, service, server_end, client_end, tape }
    }

    /// A millisecond: whatever is due in it happens in its many polls.
    fn pass(&mut self) {
        for _ in 0..20 {
            self.now += Duration::from_micros(50);
            self.server.poll(self.now, &mut self.server_end, &mut self.service, &mut self.tape);
            self.client.poll(self.now, &mut self.client_end);
        }
    }

    fn udp(&mut self, server: IpAddress, sentence: &[u8]) {
        let server = IpEndpoint::new(server, 12_000);
        let timeout = Duration::from_secs(1);
        let mut exchange =
            UdpExchange::new(&mut self.client, udp_socket(1), server, timeout, 3).expect("a socket");
        let mut reply = vec![0; 2_048];
        while exchange.step(&mut self.client, self.now, sentence, &mut reply).is_none() {
            self.pass();
        }
        exchange.close(&mut self.client);
    }

    fn tcp(&mut self, server: IpAddress, port: u16, sentence: &[u8]) {
        let server = IpEndpoint::new(server, port);
        let timeout = Duration::from_secs(5);
        let mut exchange =
            TcpExchange::new(&mut self.client, tcp_socket(), server, self.now, timeout).expect("a socket");
        let mut reply = vec![0; 8_192];
        while exchange.step(&mut self.client, self.now, sentence, &mut reply).is_none() {
            self.pass();
        }
        (0..20).for_each(|_| self.pass());
        exchange.finish(&mut self.client);
    }

    /// So many bytes through stream mode, and back.
    fn stream(&mut self, server: IpAddress, bytes: &[u8]) {
        let handle =
            self.client.connect(self.now, tcp_socket(), IpEndpoint::new(server, 12_001)).expect("a socket");
        let (mut sent, mut got) = (0, 0);
        while got < bytes.len() {
            let socket = self.client.socket(handle);
            sent += socket.send_slice(&bytes[sent..]).unwrap_or(0);
            while socket.can_recv() {
                got += socket.recv(|piece| (piece.len(), piece.len())).expect("there are bytes");
            }
            self.pass();
        }
        self.client.socket(handle).close();
        (0..20).for_each(|_| self.pass());
    }

    /// The server's answers to a frame are on the tape too.
    fn give(&mut self, frame: &[u8]) {
        assert!(self.client_end.inject(self.now, frame), "the wire has room");
        self.pass();
    }
}

/// Frames of both protocols over both versions of IP, of errors, of address resolution and of DHCP.
pub fn all() -> Vec<Vec<u8>> {
    let mut stage = Stage::new(&Config::default().with_seed(1));
    for server in [server_v4(), server_v6()] {
        stage.udp(server, "straße".as_bytes());
        stage.udp(server, b"");
        stage.udp(server, &[b'x'; 1_400]);
        stage.tcp(server, 12_000, b"hello");
        // Nobody listens there: RST.
        stage.tcp(server, 12_005, b"hello");
        stage.stream(server, &[b'y'; 20_000]);
    }
    for (client, server) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        stage.give(&ping(client, server, b"abcdefgh"));
        stage.give(&udp((client, 40_000), (server, 9), b"for nobody"));
        let syn = Segment {
            from: (client, 40_000),
            to: (server, 12_000),
            control: TcpControl::Syn,
            scale: Some(7),
            ..Segment::default()
        };
        stage.give(&syn.frame());
        stage.give(&Segment { control: TcpControl::Rst, seq: 1, scale: None, ..syn }.frame());
    }
    stage.give(&detection(server_v6()));
    stage.give(&arp(
        undersock::smoltcp::wire::ArpOperation::Request,
        (test_support::world::CLIENT_MAC, client_v4()),
        server_v4(),
    ));
    let mut frames = stage.tape.0;
    frames.extend(dhcp());
    frames
}

/// An address leased and renewed.
fn dhcp() -> Vec<Vec<u8>> {
    let mut stage =
        Stage::new(&Config::new(HostConfig::default().without_addresses().with_dhcp().with_seed(3)));
    for answer in [DhcpMessageType::Offer, DhcpMessageType::Ack, DhcpMessageType::Ack] {
        let mut asked = None;
        let before = stage.tape.0.len();
        while asked.is_none() {
            (0..100).for_each(|_| stage.pass());
            asked = stage.tape.0[before..].iter().find_map(|frame| match packet(frame) {
                Packet::Udp(udp) if udp.dhcp.is_some() => udp.payload[4..8].first_chunk().copied(),
                _ => None,
            });
        }
        let transaction = u32::from_be_bytes(asked.expect("it has been asked"));
        stage.give(&answered(answer, transaction));
    }
    stage.tape.0
}

fn answered(kind: DhcpMessageType, transaction_id: u32) -> Vec<u8> {
    let (own, leased) = (Ipv4Address::new(192, 168, 69, 100), Ipv4Address::new(192, 168, 69, 77));
    let none = Ipv4Address::UNSPECIFIED;
    let repr = DhcpRepr {
        message_type: kind,
        transaction_id,
        secs: 0,
        client_hardware_address: undersock::smoltcp::wire::EthernetAddress(
            test_support::world::raw::SERVER_MAC.0,
        ),
        client_ip: none,
        your_ip: leased,
        server_ip: own,
        router: Some(own),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        relay_agent_ip: none,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(own),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(20),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut message = vec![0; repr.buffer_len()];
    repr.emit(&mut DhcpPacket::new_unchecked(&mut message[..])).expect("it fits");
    udp((client_v4(), 67), (IpAddress::Ipv4(leased), 68), &message)
}
