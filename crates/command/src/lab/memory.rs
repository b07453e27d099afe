//! A server and a client on the in-memory wire, in virtual time: a lab without a network.

use core::cell::RefCell;

use undersock::client::{Client, ExchangeError, TcpExchange, UdpExchange};
use undersock::device::impaired::Impaired;
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::{Event, Observer};
use undersock::host::HostConfig;
use undersock::packet::Link;
use undersock::server::{ConfigError, Memory, Server};
use undersock::service::Uppercase;
use undersock::smoltcp::iface::SocketStorage;
use undersock::smoltcp::socket::{tcp, udp};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};
use undersock_views::Endpoint;
use undersock_views::Side;
use undersock_views::record::{Recorder, Recording};

use super::conversation::{Protocol, converse};
use super::prompt::{self, Prompt};
use crate::args::{LabOptions, ServerOptions, Show};
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::server::options as server_options;
use crate::server::views::Views;

/// What a frame needs from end to end: as long as across a short cable and two network cards.
const LATENCY: Duration = Duration::from_micros(50);
/// Frames that each direction of the wire holds.
const FRAMES: usize = 64;
/// The longest reply: a sentence of 1,024 bytes grows at most threefold.
const REPLY: usize = 4_096;
const TIMEOUT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// Both sides on the in-memory wire, because of `reason`.
pub(crate) fn run(options: &LabOptions, reason: Failure) -> Result<u8> {
    if options.join.is_some() || options.board.is_some() || !options.command.is_empty() {
        return Err(reason);
    }
    note(reason);
    note(
        "So both sides run in this program, on a wire in memory: the same server, a client on a stack like it.",
    );
    let ServerOptions { ports, views, .. } = &options.server;
    let show = prompt::shown(views.show);
    let pair = Pair::new(&options.server, show != Show::Nothing)?;
    let recorder = pair.recorder();
    let pair = RefCell::new(pair);
    let mut udp = |sentence: &[u8]| pair.borrow_mut().udp(sentence);
    let mut tcp = |sentence: &[u8]| pair.borrow_mut().tcp(sentence);
    let mut protocols: Vec<Protocol<'_>> = Vec::new();
    if ports.udp != 0 {
        protocols.push(("UDP", &mut udp));
    }
    if ports.sentence != 0 {
        protocols.push(("TCP", &mut tcp));
    }
    let table = || Some(pair.borrow().table());
    // An exchange lets time go on until both sides are quiet.
    let mut prompt = Prompt::new(recorder, None, show, Box::new(table), Box::new(|| ()));
    let status = converse(&mut protocols, &mut prompt)?;
    drop(prompt);
    drop(protocols);
    pair.into_inner().finish()?;
    Ok(status)
}

/// Server, client and wire. Time passes only while something is awaited, and then at once.
pub(crate) struct Pair {
    wire: &'static Wire<'static>,
    server_end: Impaired<WireEnd<'static>, Views>,
    client_end: WireEnd<'static>,
    server: Server<'static>,
    service: Uppercase,
    client: Client<'static, ClientEvents>,
    views: Views,
    address: IpAddress,
    ports: (u16, u16),
    now: Instant,
}

impl Pair {
    /// With `records`, both ends' last events are kept.
    pub(crate) fn new(options: &ServerOptions, records: bool) -> Result<Pair> {
        let failed = |error: ConfigError| Failure::new("starting the lab in memory", error);
        // For as long as the program runs.
        let wire: &'static Wire<'static> = Box::leak(Box::new(Wire::owned(LATENCY, FRAMES)));
        let now = Instant::ZERO;
        let config = options.config.clone().with_seed(server_options::unguessable());
        let mut own = HostConfig::client().with_seed(server_options::unguessable());
        own.recovery = config.host.recovery;
        let mut views = Views::new(options, "memory", Link::Ethernet, records)?;
        let events = ClientEvents(views.recorder().map(|recorder| recorder.at(Side::Client)));
        let (server_end, mut client_end) = wire.ends();
        let mut server_end = Impaired::new(server_end, &options.views.trouble, views.clone());
        let memory = Memory::owned(server_options::sizes(options));
        let server = Server::new(&config, memory, &mut server_end, now).map_err(failed)?;
        let sockets: Vec<SocketStorage<'static>> = Vec::new();
        let client = Client::observed(&own, sockets, &mut client_end, now, events)
            .map_err(|error| failed(error.into()))?;
        server.introduce(now, &mut views);
        Ok(Pair {
            wire,
            server_end,
            client_end,
            server,
            service: server_options::service(options),
            client,
            views,
            address: IpAddress::v4(192, 168, 69, 1),
            ports: (options.ports.udp, options.ports.sentence),
            now,
        })
    }

    /// One datagram there and one back.
    pub(crate) fn udp(&mut self, sentence: &[u8]) -> Result<Vec<u8>> {
        let server = IpEndpoint::new(self.address, self.ports.0);
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; sentence.len() + REPLY]);
        let socket = udp::Socket::new(buffer(), buffer());
        let mut exchange = UdpExchange::new(&mut self.client, socket, server, TIMEOUT, TRIES)
            .map_err(|error| failure("UDP", server, error))?;
        let mut reply = vec![0; REPLY];
        let result = self.until(|pair| {
            let result = exchange.step(&mut pair.client, pair.now, sentence, &mut reply);
            (result, exchange.deadline())
        });
        exchange.close(&mut self.client);
        result.map(|length| reply[..length].to_vec()).map_err(|error| failure("UDP", server, error))
    }

    /// One connection, as the textbook's client makes it.
    pub(crate) fn tcp(&mut self, sentence: &[u8]) -> Result<Vec<u8>> {
        let server = IpEndpoint::new(self.address, self.ports.1);
        let buffer = || tcp::SocketBuffer::new(vec![0; sentence.len() + REPLY]);
        let socket = tcp::Socket::new(buffer(), buffer());
        let mut exchange = TcpExchange::new(&mut self.client, socket, server, self.now, TIMEOUT)
            .map_err(|error| failure("TCP", server, error))?;
        let mut reply = vec![0; REPLY];
        let result = self.until(|pair| {
            let result = exchange.step(&mut pair.client, pair.now, sentence, &mut reply);
            (result, Some(exchange.deadline()))
        });
        // Until the last acknowledgement is over.
        let over = self.now + Duration::from_millis(10);
        self.until(|pair| ((pair.now >= over).then_some(()), Some(over)));
        exchange.finish(&mut self.client);
        result.map(|length| reply[..length].to_vec()).map_err(|error| failure("TCP", server, error))
    }

    /// Where the last events are kept.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        self.views.recorder()
    }

    /// The server's connections and counters.
    pub(crate) fn table(&self) -> String {
        self.views.table(&self.server, self.now)
    }

    /// Ends every file that was asked for.
    pub(crate) fn finish(&self) -> Result<()> {
        self.views.finish()
    }

    /// Lets both sides and the time go on until `step` has a result.
    fn until<T>(&mut self, mut step: impl FnMut(&mut Pair) -> (Option<T>, Option<Instant>)) -> T {
        loop {
            let server = self.server.poll(self.now, &mut self.server_end, &mut self.service, &mut self.views);
            self.server_end.flush(self.now);
            self.client.poll(self.now, &mut self.client_end);
            let (result, deadline) = step(self);
            if let Some(result) = result {
                return result;
            }
            let held = self.server_end.poll_at(self.now);
            let next = [server, held, self.client.poll_at(self.now), self.wire.next_arrival(), deadline]
                .into_iter()
                .flatten()
                .min();
            // Time always goes on, and every exchange has a deadline.
            self.now = next.unwrap_or(self.now).max(self.now + Duration::from_micros(1));
        }
    }
}

/// ClientEvents the client's events, if somebody wants them.
struct ClientEvents(Option<Recording>);

impl Observer for ClientEvents {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if let Some(recording) = &mut self.0 {
            recording.event(now, event);
        }
    }
}

fn failure(protocol: &str, server: IpEndpoint, error: ExchangeError) -> Failure {
    Failure::new(format!("asking {} over {protocol}", Endpoint(server)), error)
}
