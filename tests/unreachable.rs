//! A client that starts to talk asks first where the next hop is: three times, a second apart. What becomes of its exchanges
//! where nobody answers.

use test_support::world::raw::asked_in;
use test_support::world::{World, describe, server_v4, server_v6, small, tcp_socket, udp_socket};
use undersock::client::{ExchangeError, TcpExchange, UdpExchange};
use undersock::host::HostConfig;
use undersock::server::{Config, Limits, Memory};
use undersock::service::Uppercase;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};

/// Of the client's networks, and nobody has them.
fn dead() -> [IpAddress; 2] {
    [IpAddress::v4(192, 168, 69, 200), IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 0x200)]
}

fn far() -> [IpAddress; 2] {
    [IpAddress::v4(10, 1, 2, 3), IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)]
}

fn world() -> World<Uppercase> {
    World::new(small())
}

/// Begins a connection, or a datagram that waits ten seconds for its reply.
enum Exchange {
    Tcp(TcpExchange),
    Udp(UdpExchange),
}

impl Exchange {
    fn begin(world: &mut World<Uppercase>, tcp: bool, to: IpAddress) -> Result<Exchange, ExchangeError> {
        let (to, patience) = (IpEndpoint::new(to, 12_000), Duration::from_secs(10));
        let World { client, now, .. } = world;
        if tcp {
            TcpExchange::new(client, tcp_socket(), to, *now, patience).map(Exchange::Tcp)
        } else {
            UdpExchange::new(client, udp_socket(1), to, patience, 1).map(Exchange::Udp)
        }
    }

    fn step(&mut self, world: &mut World<Uppercase>) -> Option<Result<Vec<u8>, ExchangeError>> {
        let mut reply = [0; 64];
        let result = match self {
            Exchange::Tcp(exchange) => exchange.step(&mut world.client, world.now, b"hello", &mut reply),
            Exchange::Udp(exchange) => exchange.step(&mut world.client, world.now, b"hello", &mut reply),
        };
        result.map(|result| result.map(|length| reply[..length].to_vec()))
    }

    /// What it came to, and after how many milliseconds.
    fn result(mut self, world: &mut World<Uppercase>) -> (Result<Vec<u8>, ExchangeError>, u64) {
        let began = world.now;
        let result = world.run(Duration::from_secs(20), |world| self.step(world), |_| None);
        match self {
            Exchange::Tcp(exchange) => exchange.finish(&mut world.client),
            Exchange::Udp(exchange) => exchange.close(&mut world.client),
        }
        (result, (world.now - began).total_millis())
    }
}

/// Whom the client has asked for since then: when, in milliseconds, and whom.
fn asked(world: &World<Uppercase>, began: Instant) -> Vec<(u64, IpAddress)> {
    let since = world.history.sent_by_client().into_iter().filter(|(at, _)| *at >= began);
    since.filter_map(|(at, frame)| Some(((at - began).total_millis(), asked_in(&frame)?))).collect()
}

#[test]
fn a_neighbour_that_does_not_answer_is_unreachable_after_three_questions() {
    for to in dead() {
        for tcp in [true, false] {
            let mut world = world();
            let began = world.now;
            let exchange = Exchange::begin(&mut world, tcp, to).expect("it begins");
            assert_eq!(
                exchange.result(&mut world),
                (Err(ExchangeError::Unreachable), 3_000),
                "{to}, TCP {tcp}"
            );
            assert_eq!(asked(&world, began), [(0, to), (1_000, to), (2_000, to)]);
            // Nothing else was said to it, or is said later.
            assert_eq!(world.server.counters().frames_in, 3);
            world.pass(Duration::from_secs(60));
            assert_eq!(world.server.counters().frames_in, 3);
            // It is asked for anew.
            let began = world.now;
            let exchange = Exchange::begin(&mut world, tcp, to).expect("it begins");
            assert_eq!(exchange.result(&mut world), (Err(ExchangeError::Unreachable), 3_000));
            assert_eq!(asked(&world, began).len(), 3);
        }
    }
}

#[test]
fn without_a_gateway_other_networks_are_unreachable_at_once() {
    for to in far() {
        let mut world = world();
        let began = world.now;
        let error = Exchange::begin(&mut world, true, to).err();
        assert_eq!(error, Some(ExchangeError::Unreachable));
        let exchange = Exchange::begin(&mut world, false, to).expect("it begins");
        assert_eq!(exchange.result(&mut world), (Err(ExchangeError::Unreachable), 0));
        assert_eq!((asked(&world, began), world.server.counters().frames_in), (vec![], 0));
    }
}

#[test]
fn a_gateway_that_does_not_answer_makes_them_unreachable() {
    for (to, gateway) in far().into_iter().zip(dead()) {
        for tcp in [true, false] {
            let mut host = HostConfig::client().with_seed(0xc11e).without_announcement();
            host.gateways = dead().into_iter().collect();
            let mut config = Config::default().with_seed(0x5eed);
            config.host.announce = false;
            let mut world = World::of_hosts(config, Memory::owned(small()), Uppercase::new(), &host);
            let began = world.now;
            let exchange = Exchange::begin(&mut world, tcp, to).expect("it begins");
            assert_eq!(exchange.result(&mut world), (Err(ExchangeError::Unreachable), 3_000));
            assert_eq!(asked(&world, began), [(0, gateway), (1_000, gateway), (2_000, gateway)]);
        }
    }
}

/// Of many exchanges at once, those with who is there go on as if they were alone, and those with who isn't all end.
#[test]
fn a_dead_host_delays_nobody() {
    for (dead, alive) in dead().into_iter().zip([server_v4(), server_v6()]) {
        let mut world = world();
        let began = world.now;
        // More than there are places to wait in.
        let mut gone: Vec<_> = (0..12)
            .map(|number| Exchange::begin(&mut world, number % 3 != 0, dead).expect("it begins"))
            .collect();
        let mut there: Vec<_> = [true, false, true, false]
            .into_iter()
            .map(|tcp| Some(Exchange::begin(&mut world, tcp, alive).expect("it begins")))
            .collect();
        let mut results = vec![None; gone.len()];
        let mut done = vec![];
        world.run(
            Duration::from_secs(20),
            |world| {
                for (exchange, result) in gone.iter_mut().zip(&mut results) {
                    if result.is_none() {
                        *result = exchange.step(world);
                    }
                }
                for place in &mut there {
                    if let Some(exchange) = place
                        && let Some(result) = exchange.step(world)
                    {
                        done.push((result, (world.now - began).total_millis()));
                        *place = None;
                    }
                }
                (results.iter().all(Option::is_some) && done.len() == there.len()).then_some(())
            },
            |_| None,
        );
        assert!(
            done.iter().all(|(result, after)| *result == Ok(b"HELLO".to_vec()) && *after < 5),
            "{done:?}"
        );
        assert!(results.iter().all(|result| *result == Some(Err(ExchangeError::Unreachable))), "{results:?}");
        let about: Vec<_> =
            asked(&world, began).into_iter().filter(|(_, address)| *address == dead).collect();
        assert_eq!(about, [(0, dead), (1_000, dead), (2_000, dead)], "all of them together");
    }
}

/// What is for one host is sent to nobody else: not while it isn't known any more where that is, either.
#[test]
fn nothing_is_broadcast_that_is_for_one() {
    for server in [server_v4(), server_v6()] {
        let config = Config::default().with_seed(0x5eed).with_limits(Limits::all(Duration::from_secs(3_600)));
        let mut world = World::with(config, small(), Uppercase::new());
        let to = IpEndpoint::new(server, 12_001);
        let handle = world.client.connect(world.now, tcp_socket(), to).expect("a socket");
        world.pass(Duration::from_millis(10));
        // The server is off for some minutes, and says nothing.
        let bytes = [b'a'; 700];
        assert_eq!(world.client.send(world.now, handle, &bytes), bytes.len());
        let until = world.now + Duration::from_secs(400);
        let mut repeated = 0;
        while world.now < until {
            let next = world.client.poll(world.now, &mut world.client_end);
            while let Some(frame) = world.server_end.take(world.now) {
                repeated += u32::from(frame.len() > bytes.len());
                assert!(asked_in(&frame).is_some() || frame[0] & 1 == 0, "{}", describe(&frame));
            }
            world.now = next.unwrap_or(until).max(world.now + Duration::from_micros(50)).min(until);
        }
        assert!(repeated > 2, "{repeated}");
        assert!(asked(&world, Instant::ZERO).len() > 6, "it was looked for");
        // It is on again, and the stream goes on.
        world.pass(Duration::from_secs(100));
        let mut room = [0; 1_024];
        assert_eq!(world.client.receive(world.now, handle, &mut room), bytes.len(), "{server}");
        assert!(room.starts_with(&[b'A'; 700]));
    }
}
