//! The stage: a server and client hosts on the in-memory wire, in virtual time.
//!
//! A script calls what an application would call, [`Stage::connect`], [`Stage::send`], [`Stage::receive`]; where the
//! application would wait, time goes on from event to event until the call returns. Nothing here is left to chance, so
//! that a scene is the same in every run and on every computer.

pub(crate) mod calls;

use std::collections::VecDeque;

use undersock::host::Mac;
use undersock::smoltcp::iface::SocketStorage;
use undersock::smoltcp::phy::Device;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpCidr};

use crate::frames;
use crate::place::{HostRecorder, Place};
use undersock::client::Client;
use undersock::device::impaired::{Impaired, Settings};
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Event, Frame, Observer, Way};
use undersock::host::{CLIENT_MAC, DEFAULT_MAC, HostConfig};
use undersock::packet::{Packet, ethernet, packet};
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};
use undersock::server::{Config, Listener, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock_views::Side;
use undersock_views::record::{Record, Recorder, Recording, What};

/// Frames that each direction of the wire holds: more than a scene has under way.
pub(super) const FRAMES: usize = 32;
/// What a frame needs from end to end: as between two cities of one country.
pub(super) const LATENCY: Duration = Duration::from_millis(5);
/// Frames that the wire's trouble keeps back at once.
const HELD: usize = 8;
/// More records than any scene has.
const RECORDS: usize = 20_000;
/// After so long without anything to do, a scene is over. Longer than TIME-WAIT is here.
const QUIET: Duration = Duration::from_secs(15);
/// The server's address, and the client's.
pub(super) const SERVER: IpAddress = IpAddress::v4(192, 168, 69, 1);
pub(super) const CLIENT: IpAddress = IpAddress::v4(192, 168, 69, 100);
/// Their IPv6 addresses.
pub(super) const CLIENT_V6: IpAddress = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x100);
pub(super) const SERVER_V6: IpAddress = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1);

/// What a stage is set with before the scene begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    /// Where the server listens.
    pub(super) ports: Ports,
    /// Connections at once, and SYNs that may wait.
    pub(super) slots: usize,
    /// Bytes of the server's receive and send buffers.
    pub(super) buffer: usize,
    /// Bytes of a client's buffers, each way.
    pub(super) room: usize,
    /// What the wire does, in the words of [`Rule`](undersock::device::impaired::Rule).
    pub(super) trouble: &'static [&'static str],
    /// The server takes its address from a DHCP server.
    pub(super) dhcp: bool,
    /// The client knows the server's Ethernet address already. The server answers where a question came from.
    pub(super) acquainted: bool,
    /// Client hosts.
    pub(super) hosts: usize,
    /// The scene is of the IPv6 addresses. Both ends have both, always.
    pub(super) ipv6: bool,
    /// What is lost is sent again as soon as that is known. Without, the timer of a second does it, at both ends.
    pub(super) recovery: bool,
}

/// Where the server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) udp: Option<u16>,
    pub(super) listeners: &'static [Listener],
}

impl Set {
    /// Nothing but UDP.
    pub(super) const UDP: Set = Set {
        ports: Ports { udp: Some(SENTENCE_PORT), listeners: &[] },
        slots: 4,
        buffer: 2_048,
        room: 4_096,
        trouble: &[],
        dhcp: false,
        acquainted: true,
        hosts: 1,
        ipv6: false,
        recovery: true,
    };
    /// TCP, one sentence a connection.
    pub(super) const SENTENCE: Set =
        Set { ports: Ports { udp: None, listeners: &[Listener::sentence(SENTENCE_PORT)] }, ..Set::UDP };
    /// TCP, every byte until the client closes.
    pub(super) const STREAM: Set =
        Set { ports: Ports { udp: None, listeners: &[Listener::stream(STREAM_PORT)] }, ..Set::UDP };
}

/// A client's computer.
struct Host {
    mac: Mac,
    client: Client<'static, HostRecorder>,
    /// Frames that have arrived and aren't taken in yet.
    arrived: VecDeque<Vec<u8>>,
    /// How often it has been switched on again.
    starts: u64,
    /// Without power, it hears and says nothing.
    on: bool,
}

/// A server, client hosts, the wire between them, and the clock.
pub(super) struct Stage<'w> {
    pub(super) now: Instant,
    set: Set,
    wire: &'w Wire<'w>,
    /// On the heap: with the tables of the stack that a program may choose, it is large to be moved.
    server: Box<Server<'static>>,
    service: Uppercase,
    server_end: Impaired<WireEnd<'w>, Recording, HELD>,
    client_end: WireEnd<'w>,
    hosts: Vec<Host>,
    recorder: Recorder,
    outcome: Vec<String>,
    /// Frames that came to the clients' side, for a script that plays a host by hand.
    heard: Vec<Vec<u8>>,
    /// When the server wants to be polled again.
    due: Option<Instant>,
    /// When an application wants to go on, whatever comes.
    pub(super) alarm: Option<Instant>,
    /// Steps since the clock last moved.
    steps: u32,
}

/// So many steps at one instant are enough for anything that is to be done at it.
const STEPS: u32 = 4;

impl<'w> Stage<'w> {
    pub(super) fn new(wire: &'w Wire<'w>, set: Set) -> Self {
        let now = Instant::ZERO;
        let recorder = Recorder::new(RECORDS);
        let (server_end, client_end) = wire.ends();
        let mut server_end = Impaired::new(server_end, &trouble(&set), recorder.at(Side::Server));
        let server = start(&set, set.ports, &mut server_end, now);
        let mut stage = Stage {
            now,
            set,
            wire,
            server,
            service: Uppercase::new(),
            server_end,
            client_end,
            hosts: Vec::new(),
            recorder,
            outcome: Vec::new(),
            heard: Vec::new(),
            due: None,
            alarm: None,
            steps: 0,
        };
        for index in 0..set.hosts {
            let host = stage.host(index, 0);
            stage.hosts.push(host);
        }
        stage.introduce();
        stage
    }

    /// Everything that happened, and what it came to.
    pub(super) fn finish(mut self) -> (Vec<Record>, Vec<String>) {
        self.step();
        debug_assert_eq!(self.wire.lost(), 0, "a scene has more frames under way than its wire holds");
        (self.recorder.take(), self.outcome)
    }

    // --- the computers ---

    /// The server program ends, and starts anew with other ports.
    pub(super) fn serve(&mut self, ports: Ports) {
        self.server = start(&self.set, ports, &mut self.server_end, self.now);
        self.introduce();
    }

    fn introduce(&self) {
        self.server.introduce(self.now, &mut self.recorder.at(Side::Server));
    }

    pub(super) fn server(&self) -> &Server<'static> {
        &self.server
    }

    /// A client's computer, just switched on for the nth time.
    fn host(&mut self, index: usize, starts: u64) -> Host {
        let (mac, mut config) = host_config(index, starts);
        config.recovery = self.set.recovery;
        // The views have two ends: who else is on the wire is seen by what the server sees.
        let watch = HostRecorder((index == 0).then(|| self.recorder.at(Side::Client)));
        let mut arrived = VecDeque::new();
        let mut place = Place { arrived: &mut arrived, end: &mut self.client_end };
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let mut client = match Client::observed(&config, sockets, &mut place, self.now, watch) {
            Ok(client) => client,
            Err(error) => unreachable!("a stage's settings work: {error}"),
        };
        if self.set.acquainted {
            // Off the record, on a wire of their own.
            let records = self.recorder.take();
            let wire = Wire::owned(Duration::ZERO, FRAMES);
            let (mut end, mut server) = wire.ends();
            client.resolve(self.now, SERVER);
            client.poll(self.now, &mut end);
            server.inject(self.now, &frames::arp_reply((DEFAULT_MAC, SERVER), (mac, address(index))));
            client.poll(self.now, &mut end);
            debug_assert!(client.resolve(self.now, SERVER), "it was told");
            let _ = self.recorder.take();
            records.into_iter().for_each(|record| self.recorder.add(record));
        }
        Host { mac, client, arrived, starts, on: true }
    }

    /// The client's computer loses its power: its sockets are gone, and nobody is told.
    pub(super) fn crash(&mut self) {
        let starts = self.hosts[0].starts + 1;
        self.hosts[0] = self.host(0, starts);
        self.hosts[0].on = false;
    }

    /// It is switched on again.
    pub(super) fn boot(&mut self) {
        self.hosts[0].on = true;
    }

    // --- time ---

    /// Both sides do what they have to do now.
    fn step(&mut self) {
        while let Some(frame) = self.client_end.take(self.now) {
            let to = ethernet::Header::split(&frame).map(|(header, _)| header.destination());
            let is_for = |mac: Mac| to.is_some_and(|to| to.is_multicast() || to == mac);
            for host in self.hosts.iter_mut().filter(|host| host.on && is_for(host.mac)) {
                host.arrived.push_back(frame.to_vec());
            }
            self.heard.push(frame.to_vec());
        }
        let recording = &mut self.recorder.at(Side::Server);
        self.due = self.server.poll(self.now, &mut self.server_end, &mut self.service, recording);
        self.server_end.flush(self.now);
        for host in self.hosts.iter_mut().filter(|host| host.on) {
            let mut place = Place { arrived: &mut host.arrived, end: &mut self.client_end };
            host.client.poll(self.now, &mut place);
        }
    }

    /// When something happens next.
    fn next(&mut self) -> Option<Instant> {
        let now = self.now;
        let clients = self.hosts.iter_mut().filter(|host| host.on);
        let clients = clients.filter_map(|host| host.client.poll_at(now)).min();
        [self.due, clients, self.wire.next_arrival(), self.server_end.poll_at(now), self.alarm]
            .into_iter()
            .flatten()
            .min()
    }

    /// The clock moves to the next event, no further than `end`.
    fn advance(&mut self, end: Instant) {
        let next = self.next().unwrap_or(end).min(end);
        self.steps += 1;
        if next > self.now {
            (self.now, self.steps) = (next, 0);
        } else if self.steps > STEPS {
            // Somebody can't do what is due, as long as something else doesn't happen.
            (self.now, self.steps) = (self.now + Duration::from_micros(100), 0);
        }
    }

    /// Goes on until `done` says what it came to; `None` after `limit`.
    pub(super) fn until<T>(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let end = self.now + limit;
        loop {
            self.step();
            if let Some(result) = done(self) {
                return Some(result);
            }
            if self.now >= end {
                return None;
            }
            self.advance(end);
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let _ = self.until::<()>(time, |_| None);
    }

    /// Lets time pass until nothing has anything left to do.
    pub(super) fn settle(&mut self) {
        loop {
            self.step();
            let end = self.now + QUIET;
            match self.next() {
                Some(next) if next < end => self.advance(end),
                _ => return,
            }
        }
    }

    // --- frames by hand ---

    /// Puts a frame on the wire to the server.
    pub(super) fn inject(&mut self, frame: &[u8]) {
        self.client_end.inject(self.now, frame);
    }

    /// The same, said by the client's computer and recorded so.
    pub(super) fn say(&mut self, frame: &[u8]) {
        let event = Event::Frame(Frame::new(Way::Out, frame));
        self.recorder.at(Side::Client).event(self.now, &event);
        self.inject(frame);
    }

    /// A frame comes to the client's computer, from close by.
    pub(super) fn hand(&mut self, frame: &[u8]) {
        self.hosts[0].arrived.push_back(frame.to_vec());
    }

    /// What has come to the clients' side since this was asked last.
    pub(super) fn hear(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.heard)
    }

    /// The frame that the client's computer sent last.
    pub(super) fn last_said(&self) -> Vec<u8> {
        self.last_frame(Side::Client)
    }

    /// The acknowledgement number in the segment that the server sent last.
    pub(super) fn last_acknowledged(&self) -> u32 {
        match packet(&self.last_frame(Side::Server)) {
            Packet::Tcp(tcp) => tcp.ack.map_or(0, |ack| ack.0.cast_unsigned()),
            _ => 0,
        }
    }

    fn last_frame(&self, end: Side) -> Vec<u8> {
        let records = self.recorder.records();
        let sent = records.iter().rev().filter(|record| record.end == end);
        let frames = sent.filter_map(|record| match &record.what {
            What::Frame { way: Way::Out, bytes, .. } => Some(bytes.to_vec()),
            _ => None,
        });
        frames.into_iter().next().unwrap_or_default()
    }

    // --- what is told ---

    /// A line above what comes next.
    pub(super) fn note(&self, end: Side, text: &str) {
        self.recorder.note(self.now, end, text);
    }

    /// What somebody got, and when.
    pub(super) fn tell(&mut self, what: &str) {
        let at = self.clock();
        self.outcome.push(format!("{what} after {at}"));
    }

    /// What somebody didn't get.
    pub(super) fn tell_plainly(&mut self, what: &str) {
        self.outcome.push(what.to_owned());
    }

    /// The time since the scene began.
    pub(super) fn clock(&self) -> String {
        format!("{:.3} s", self.now.total_micros() as f64 / 1e6)
    }
}

/// A server as it is at its start.
fn start(set: &Set, ports: Ports, device: &mut impl Device, now: Instant) -> Box<Server<'static>> {
    let sizes = Sizes::default().with_connections(set.slots).with_buffers(set.buffer);
    let mut host = HostConfig::default().with_seed(0x5eed).without_announcement();
    host.recovery = set.recovery;
    if set.dhcp {
        host = host.without_addresses().with_dhcp();
    }
    let config = Config::new(host).with_ports(ports.udp, ports.listeners);
    match Server::new(&config, Memory::owned(sizes), device, now).map(Box::new) {
        Ok(server) => server,
        Err(error) => unreachable!("a stage's settings work: {error}"),
    }
}

/// What the wire is told to do.
fn trouble(set: &Set) -> Settings {
    let mut settings = Settings { seed: 0x7e57, ..Settings::default() };
    for rule in set.trouble {
        if let Err(error) = settings.set("trouble", rule) {
            unreachable!("a stage's trouble can be read: {error}");
        }
    }
    settings
}

/// The address of the nth client's computer.
pub(super) fn address(index: usize) -> IpAddress {
    let [IpAddress::Ipv4(first)] = [CLIENT] else { return CLIENT };
    let [a, b, c, d] = first.octets();
    IpAddress::v4(a, b, c, d + u8::try_from(index).unwrap_or(0))
}

/// The nth client's computer, and its Ethernet address.
fn host_config(index: usize, starts: u64) -> (Mac, HostConfig) {
    let seed = 0xc11e + 97 * index as u64 + 7_919 * starts;
    let mut config = HostConfig::client().with_seed(seed).without_announcement();
    let mut mac = CLIENT_MAC;
    if index > 0 {
        config.addresses.clear();
        // There is room for one.
        let _ = config.addresses.push(IpCidr::new(address(index), 24));
        mac.0[5] += u8::try_from(index).unwrap_or(0);
        config.mac = Some(mac);
    }
    (mac, config)
}
