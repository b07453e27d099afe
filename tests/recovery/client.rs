//! The client's end repairs what is lost of its own as the server's does.

use test_support::world::server_v4;
use undersock::client::Client;
use undersock::device::impaired::{Impaired, Settings};
use undersock::device::wire::{Wire, WireEnd};
use undersock::host::HostConfig;
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::smoltcp::iface::{SocketHandle, SocketStorage};
use undersock::smoltcp::socket::tcp;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::IpEndpoint;

use super::stage::{Says, Watch, byte, ms};

/// Both ends, 5 ms from each other, and a rule for what is lost.
struct Ends {
    now: Instant,
    server: Server<'static>,
    service: Says,
    device: Impaired<WireEnd<'static>, Watch, 256>,
    due: Option<Instant>,
    client: Client<'static, Watch>,
    end: WireEnd<'static>,
    wire: &'static Wire<'static>,
    /// What the client sent.
    watch: Watch,
    handle: SocketHandle,
}

impl Ends {
    /// A connection that is open.
    fn new(client: &HostConfig, rule: &str) -> Self {
        let wire: &'static Wire<'static> = Box::leak(Box::new(Wire::owned(ms(5), 256)));
        let (server_end, mut end) = wire.ends();
        let now = Instant::from_secs(1);
        let mut settings = Settings::default();
        settings.set("trouble", rule).expect("a rule");
        let mut device = Impaired::new(server_end, &settings, Watch::default());
        let mut config = Config::default().with_seed(7);
        config.host.announce = false;
        let sizes = Sizes::default().with_connections(1).with_buffers(65_535);
        let server = Server::new(&config, Memory::owned(sizes), &mut device, now).expect("a server");
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let watch = Watch::default();
        let mut client = Client::observed(client, sockets, &mut end, now, watch.clone()).expect("a client");
        let buffer = || tcp::SocketBuffer::new(vec![0; 65_535]);
        let socket = tcp::Socket::new(buffer(), buffer());
        let handle = client.connect(now, socket, IpEndpoint::new(server_v4(), 12_001)).expect("a socket");
        let service = Says::listener();
        let mut ends = Ends { now, server, service, device, due: None, client, end, wire, watch, handle };
        ends.pass(ms(40));
        assert!(ends.client.socket(handle).may_send());
        ends.watch.0.borrow_mut().begin(ends.now);
        ends
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let mut watch = Watch::default();
            self.due = self.server.poll(self.now, &mut self.device, &mut self.service, &mut watch);
            self.device.flush(self.now);
            self.client.poll(self.now, &mut self.end);
            if self.now == until {
                return;
            }
            let client = self.client.poll_at(self.now);
            let next = [self.due, client, self.device.poll_at(self.now), self.wire.next_arrival()];
            let next = next.into_iter().flatten().min().unwrap_or(until);
            self.now = next.max(self.now + Duration::from_micros(1)).min(until);
        }
    }

    /// Sends so many bytes more.
    fn send(&mut self, bytes: u32) {
        let first = self.watch.0.borrow().end;
        let bytes: Vec<u8> = (first..first + bytes).map(byte).collect();
        assert_eq!(self.client.send(self.now, self.handle, &bytes), bytes.len());
    }

    /// Compares what the client sent but acknowledgements.
    #[track_caller]
    fn reads(&self, expected: &str) {
        let trace = self.watch.0.borrow().trace.clone();
        let got: Vec<_> = trace.lines().filter(|line| !line.contains("> ack")).collect();
        let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(got == expected, "the trace is\n{}\nand not\n{}\n", got.join("\n"), expected.join("\n"));
    }

    fn heard(&self) -> usize {
        let right: Vec<u8> = (0..).take(self.service.heard.len()).map(byte).collect();
        assert_eq!(self.service.heard, right);
        self.service.heard.len()
    }
}

fn client() -> HostConfig {
    HostConfig::client().with_seed(0xc11e).without_announcement()
}

#[test]
fn a_segment_in_the_midst() {
    let mut ends = Ends::new(&client(), "drop data segment 3 from the client");
    ends.send(8_760);
    ends.pass(Duration::from_secs(5));
    assert_eq!(ends.heard(), 8_760);
    ends.reads(
        "
        0.000 > 0:8760, 6 segments
        10.000 > 2920:4380 again: SACK
        ",
    );
}

#[test]
fn the_last_segment() {
    let mut ends = Ends::new(&client(), "drop data segment 4 from the client");
    ends.send(5_840);
    ends.pass(Duration::from_secs(5));
    assert_eq!(ends.heard(), 5_840);
    ends.reads(
        "
        0.000 > 0:5840, 4 segments
        245.000 > 4380:5840 again: probe
        ",
    );
}

#[test]
fn a_lone_fin() {
    let mut ends = Ends::new(&client(), "drop the first FIN from the client");
    ends.send(1_000);
    ends.pass(ms(20));
    ends.client.close(ends.now, ends.handle);
    ends.pass(Duration::from_secs(5));
    assert_eq!(ends.heard(), 1_000);
    ends.reads(
        "
        0.000 > 0:1000
        20.000 > FIN 1000
        55.000 > FIN 1000 again: probe
        ",
    );
}

/// Two at once: the one goes back, and the other isn't disturbed.
#[test]
fn one_of_two_connections() {
    let mut ends = Ends::new(&client(), "drop data segment 2 from the client");
    let buffer = || tcp::SocketBuffer::new(vec![0; 65_535]);
    // To a port where nobody listens for long: it is only to be there.
    let other = tcp::Socket::new(buffer(), buffer());
    let other = ends.client.connect(ends.now, other, IpEndpoint::new(server_v4(), 12_000)).expect("a socket");
    ends.send(7_300);
    ends.pass(Duration::from_secs(1));
    assert_eq!(ends.heard(), 7_300);
    assert_eq!(ends.client.socket(other).state(), tcp::State::SynSent);
    ends.reads(
        "
        0.000 > 0:7300, 5 segments
        10.000 > 1460:2920 again: SACK
        ",
    );
}

/// Without recovery: its stack's second.
#[test]
fn without_recovery() {
    let mut ends = Ends::new(&client().without_recovery(), "drop data segment 3 from the client");
    ends.send(8_760);
    ends.pass(Duration::from_secs(5));
    assert_eq!(ends.heard(), 8_760);
    ends.reads(
        "
        0.000 > 0:8760, 6 segments
        1010.000 > 2920:4380 again: the stack
        1010.000 > 4380:5840 again: the stack
        1010.000 > 5840:7300 again: the stack
        1010.000 > 7300:8760 again: the stack
        ",
    );
}
