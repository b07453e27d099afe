//! A server and a client on the in-memory wire, in virtual time: a lab without a network.

use smoltcp::iface::SocketStorage;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};
use undersock::client::{Client, ExchangeError, TcpExchange, UdpExchange};
use undersock::device::wire::Wire;
use undersock::server::{Config, Memory, Server};
use undersock::service::Uppercase;
use undersock::view::Endpoint;
use undersock::view::log::Log;

use super::args::ServerOptions;
use super::failure::{Failure, Result};

/// What a frame needs from end to end: as long as across a short cable and two network cards.
const LATENCY: Duration = Duration::from_micros(50);
/// The longest reply: a sentence of 1,024 bytes grows at most threefold.
const REPLY: usize = 4_096;
const TIMEOUT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// Server, client and wire. Time passes only while something is awaited, and then at once.
pub(crate) struct Pair {
    wire: Wire,
    server: Server<'static>,
    service: Uppercase,
    client: Client<'static>,
    address: IpAddress,
    ports: (u16, u16),
    now: Instant,
}

impl Pair {
    pub(crate) fn new(options: &ServerOptions) -> Result<Pair> {
        let failed = |error| Failure::new("starting the lab in memory", error);
        let wire = Wire::new(LATENCY);
        let now = Instant::ZERO;
        let config = Config { seed: super::options::unguessable(), ..options.config.clone() };
        let own = Config { seed: super::options::unguessable(), ..Config::client() };
        let (server, client) = {
            let (mut server_end, mut client_end) = wire.ends();
            let memory = Memory::owned(super::options::sizes(options));
            let server = Server::new(&config, memory, &mut server_end, now).map_err(failed)?;
            let sockets: Vec<SocketStorage<'static>> = Vec::new();
            (server, Client::new(&own, sockets, &mut client_end, now).map_err(failed)?)
        };
        Ok(Pair {
            wire,
            server,
            service: super::options::service(options),
            client,
            address: IpAddress::v4(192, 168, 69, 1),
            ports: (config.ports.udp, config.ports.sentence),
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

    /// Lets both sides and the time go on until `step` has a result.
    fn until<T>(&mut self, mut step: impl FnMut(&mut Pair) -> (Option<T>, Option<Instant>)) -> T {
        loop {
            let (mut server_end, mut client_end) = self.wire.ends();
            let server = self.server.poll(self.now, &mut server_end, &mut self.service, &mut Log);
            self.client.poll(self.now, &mut client_end);
            let (result, deadline) = step(self);
            if let Some(result) = result {
                return result;
            }
            let next = [server, self.client.poll_at(self.now), self.wire.next_arrival(), deadline]
                .into_iter()
                .flatten()
                .min();
            // Time always goes on, and every exchange has a deadline.
            self.now = next.unwrap_or(self.now).max(self.now + Duration::from_micros(1));
        }
    }
}

fn failure(protocol: &str, server: IpEndpoint, error: ExchangeError) -> Failure {
    Failure::new(format!("asking {} over {protocol}", Endpoint(server)), error)
}
