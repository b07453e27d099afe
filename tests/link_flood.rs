//! Ten thousand Ethernet addresses on one link, all of which want something, while thirty clients stream. The server keeps
//! nothing of them but what its few slots and queues hold.

use test_support::world::raw::{
    Segment, announces, answers, arp, asked_in, ping, sent_by, solicitation, udp,
};
use test_support::world::{client_v4, server_v4, server_v6, tcp_socket};
use undersock::client::Client;
use undersock::device::wire::Wire;
use undersock::event::{Event, Observer, Way};
use undersock::host::{HostConfig, Mac};
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::iface::SocketHandle;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{ArpOperation, IpAddress, IpEndpoint, TcpControl};

const MACS: u32 = 10_000;
const CLIENTS: usize = 30;
/// Bytes of a stream, and how many are sent how often: so that it lasts as long as the flood.
const LENGTH: usize = 60_000;
const PIECE: usize = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// What the server sent.
#[derive(Default)]
struct Sent {
    frames: u32,
    /// Whom it asked for.
    asked: Vec<IpAddress>,
}

impl Observer for Sent {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        if let Event::Frame(frame) = event
            && frame.way == Way::Out
        {
            self.frames += 1;
            self.asked.extend(asked_in(frame.bytes));
        }
    }
}

/// The frames of one of them: of an address that is its own in IPv6, and shared in IPv4, where a /24 has too few.
fn wants(number: u32) -> Vec<Vec<u8>> {
    let [.., a, b] = number.to_be_bytes();
    let mac = Mac([2, 9, 9, 9, a, b]);
    let v4 = IpAddress::v4(192, 168, 69, 2 + b % 97);
    let v6 = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 9, u16::from_be_bytes([a, b]));
    let (IpAddress::Ipv6(own), IpAddress::Ipv6(server)) = (v6, server_v6()) else { panic!("they are IPv6") };
    let port = 1_024 + u16::from_be_bytes([a, b]);
    let syn = |from, to| {
        let segment =
            Segment { from: (from, port), to: (to, 12_001), control: TcpControl::Syn, ..Segment::default() };
        segment.frame()
    };
    let frames = [
        arp(ArpOperation::Request, (mac, v4), server_v4()),
        // That they have the clients' address, too.
        answers(mac, client_v4()),
        announces(mac, client_v4()),
        solicitation(own, server),
        answers(mac, v6),
        ping(v4, server_v4(), b"ping"),
        ping(v6, server_v6(), b"ping"),
        udp((v4, port), (server_v4(), 12_000), b"datagram"),
        udp((v6, port), (server_v6(), 9), b"nobody's"),
        syn(v4, server_v4()),
        syn(v6, server_v6()),
    ];
    frames.into_iter().map(|frame| sent_by(mac, frame)).collect()
}

/// One of the thirty.
struct Stream {
    handle: SocketHandle,
    text: Vec<u8>,
    sent: usize,
    again: Instant,
    got: Vec<u8>,
}

impl Stream {
    /// Goes on; whether all has come back.
    fn step(&mut self, client: &mut Client<'_>, now: Instant) -> bool {
        if now >= self.again && self.sent < self.text.len() {
            let end = self.text.len().min(self.sent + PIECE);
            self.sent += client.send(now, self.handle, &self.text[self.sent..end]);
            self.again = now + PAUSE;
        }
        let mut room = [0; 2_048];
        while client.socket(self.handle).can_recv() {
            let received = client.receive(now, self.handle, &mut room);
            self.got.extend(&room[..received]);
        }
        let state = client.socket(self.handle).state();
        assert_ne!(state, State::Closed, "put out after {} bytes", self.got.len());
        self.got.len() == self.text.len()
    }
}

#[test]
fn a_flood_from_ten_thousand_addresses_takes_nothing_from_thirty_clients() {
    let wire = Wire::owned(Duration::from_micros(50), 256);
    let (mut server_end, mut client_end) = wire.ends();
    let mut now = Instant::from_secs(1);
    let config = Config::default().with_seed(0x5eed);
    let sizes = Sizes::default().with_connections(CLIENTS + 2).with_buffers(2_048).with_batch(16);
    let mut server = Server::new(&config, Memory::owned(sizes), &mut server_end, now).expect("a server");
    let host = HostConfig::client().with_seed(0xc11e);
    let mut client = Client::new(&host, Vec::new(), &mut client_end, now).expect("a client");
    let mut streams: Vec<Stream> = (0..CLIENTS)
        .map(|number| {
            let server = IpEndpoint::new([server_v4(), server_v6()][number % 2], 12_001);
            let handle = client.connect(now, tcp_socket(), server).expect("a socket");
            let text = (0..LENGTH).map(|at| b'a' + ((at * 7 + at / 251 + number) % 26) as u8).collect();
            Stream { handle, text, sent: 0, again: now, got: Vec::new() }
        })
        .collect();
    let (mut sent, mut flood, mut waiting) = (Sent::default(), 0..MACS, Vec::new());
    let (mut whole, mut during) = (0, usize::MAX);
    while whole < CLIENTS || !flood.is_empty() || !waiting.is_empty() {
        assert!(
            now < Instant::from_secs(600),
            "{whole} of {CLIENTS} after ten minutes, {} to come",
            flood.len()
        );
        if flood.is_empty() && waiting.is_empty() {
            during = during.min(whole);
        }
        // They begin when all clients have a connection.
        if server.counters().accepted >= CLIENTS as u32 {
            for _ in 0..12 {
                if waiting.is_empty() {
                    waiting = flood.next().map(wants).unwrap_or_default();
                }
                if let Some(frame) = waiting.pop()
                    && !client_end.inject(now, &frame)
                {
                    waiting.push(frame);
                }
            }
        }
        server.poll(now, &mut server_end, &mut Uppercase::new(), &mut sent);
        client.poll(now, &mut client_end);
        whole = streams.iter_mut().filter_map(|stream| stream.step(&mut client, now).then_some(())).count();
        client.poll(now, &mut client_end);
        now += Duration::from_micros(100);
    }
    for stream in &streams {
        assert!(stream.got == stream.text.to_ascii_uppercase(), "a wrong byte");
    }
    assert_eq!(during, 0, "so many streams had come back before the end of the flood");
    let counters = server.counters();
    assert!(sent.frames > 30_000 && counters.dropped_in_all() > 10_000, "{counters:?}");
    assert!(sent.asked.len() <= 3, "{:?}", sent.asked);
    assert_eq!((counters.conflicts, server.slots()), (0, CLIENTS + 2));
}
