//! The server's life on the in-memory wire, in virtual time.

use test_support::world::raw::{Peer, tcp_in, udp, udp_in};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small, udp_socket};
use undersock::server::{Config, Sizes, Storage};
use undersock::service::Uppercase;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::TcpControl;

#[test]
fn a_datagram_comes_back_in_upper_case() {
    let mut world = World::new(Sizes::default());
    assert_eq!(world.udp(server_v4(), b"hello").unwrap(), b"HELLO");
    assert_eq!(world.udp(server_v6(), "straße".as_bytes()).unwrap(), "STRASSE".as_bytes());
    assert_eq!(world.udp(server_v4(), b"").unwrap(), b"");
    assert_eq!(world.udp(server_v4(), b"\xff\x00a\xc3").unwrap(), b"\xff\x00A\xc3");
}

#[test]
fn a_connection_gets_its_sentence_back_and_is_closed() {
    let mut world = World::new(Sizes::default());
    assert_eq!(world.tcp(server_v4(), b"hello").unwrap(), b"HELLO");
    assert_eq!(world.tcp(server_v6(), "straße".as_bytes()).unwrap(), "STRASSE".as_bytes());
    assert_eq!(world.server.counters().accepted, 2);
    // Our side closed first: the slots are in TIME-WAIT, for ten seconds.
    assert_eq!(world.server.used(), 2);
    world.pass(Duration::from_secs(11));
    assert_eq!(world.server.used(), 0);
}

#[test]
fn eight_clients_at_once_against_four_slots_a_hundred_times() {
    let mut world = World::new(small());
    for round in 0..100 {
        let sentences: Vec<Vec<u8>> =
            (0..8).map(|n| format!("sentence {n} of {round}").into_bytes()).collect();
        let replies = world.tcp_many(server_v4(), sentences.clone(), Duration::from_secs(10));
        for (sentence, reply) in sentences.iter().zip(replies) {
            assert_eq!(reply, Ok(sentence.to_ascii_uppercase()), "round {round}");
        }
    }
    let counters = world.server.counters();
    assert_eq!(counters.accepted, 800);
    assert_eq!(counters.evicted, 0);
    assert_eq!(counters.dropped_in_all(), 0);
    assert!(counters.waited > 0, "some waited for a slot");
}

#[test]
fn a_hundred_datagrams_at_once_get_a_hundred_replies() {
    let mut world = World::new(small()).raw();
    let burst: Vec<Vec<u8>> = (0..100u16)
        .map(|n| udp((client_v4(), 20_000 + n), (server_v4(), 12_000), format!("number {n}").as_bytes()))
        .collect();
    let got = world.give_all(&burst);
    world.pass(Duration::from_millis(1));
    let replies: Vec<_> = got.iter().chain(&world.sent()).filter_map(|frame| udp_in(frame)).collect();
    assert_eq!(replies.len(), 100);
    for (n, (_, to, payload)) in replies.iter().enumerate() {
        assert_eq!((to.1, &payload[..]), (20_000 + n as u16, format!("NUMBER {n}").as_bytes()));
    }
}

/// A board's memory: one static piece, one frame a batch, room for one datagram.
#[test]
fn the_memory_of_a_board_serves_as_well() {
    let storage: &'static mut Storage<'static, 4, 1_024, 1_024> = Box::leak(Box::new(Storage::new()));
    let config = Config::default().with_seed(1);
    let mut world = World::with_memory(config, storage.memory(), Uppercase::new());
    assert_eq!(world.udp(server_v4(), &[b'a'; 1_472]).unwrap(), [b'A'; 1_472]);
    for _ in 0..10 {
        assert_eq!(world.udp(server_v6(), &[b'b'; 700]).unwrap(), [b'B'; 700]);
    }
    let sentences: Vec<Vec<u8>> = (0..8).map(|n| vec![b'a' + n; 1_024]).collect();
    for (n, reply) in world.tcp_many(server_v4(), sentences, Duration::from_secs(10)).into_iter().enumerate()
    {
        assert_eq!(reply, Ok(vec![b'A' + n as u8; 1_024]));
    }
    let mut world = world.raw();
    let burst: Vec<Vec<u8>> =
        (0..100).map(|n| udp((client_v4(), 20_000 + n), (server_v4(), 12_000), b"burst")).collect();
    let got = world.give_all(&burst);
    world.pass(Duration::from_millis(1));
    assert_eq!(got.iter().chain(&world.sent()).filter_map(|frame| udp_in(frame)).count(), 100);
}

#[test]
fn a_reply_too_large_for_one_datagram_is_not_sent_and_is_counted() {
    let mut world = World::new(small()).raw();
    // 736 times two bytes in, 736 times six out.
    let request = "\u{390}".repeat(736);
    let got = world.give(&udp((client_v4(), 5_000), (server_v4(), 12_000), request.as_bytes()));
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 0);
    assert_eq!(world.server.counters().unanswered, 1);
    // Over IPv6 a datagram holds 20 bytes less.
    let request = [b'a'; 1_452];
    let got = world.give(&udp((client_v6(), 5_000), (server_v6(), 12_000), &request));
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
}

/// A sentence is what has arrived at the one read, at most 1,024 bytes; its reply may be three times as long, and
/// longer than the send buffer.
#[test]
fn a_sentence_is_read_once() {
    let mut world = World::new(small());
    let long = "\u{390}".repeat(512);
    assert_eq!(
        world.tcp(server_v4(), long.as_bytes()).unwrap(),
        "\u{399}\u{308}\u{301}".repeat(512).as_bytes()
    );
    let longer = vec![b'a'; 1_400];
    assert_eq!(world.tcp(server_v6(), &longer).unwrap(), vec![b'A'; 1_024]);
}

#[test]
fn a_client_that_says_nothing_and_closes_gets_nothing_and_a_close() {
    let mut world = World::new(small()).raw();
    let mut peer = Peer::new(40_000);
    world.connect(&mut peer);
    let fin = peer.segment(TcpControl::Fin, b"");
    let got = world.give_tcp(&fin);
    assert!(got.iter().any(|segment| segment.fin && segment.payload.is_empty()), "{got:?}");
    let fin = got.iter().find(|segment| segment.fin).expect("found above");
    peer.got(fin);
    let ack = peer.segment(TcpControl::None, b"");
    world.give(&ack);
    assert_eq!(world.server.used(), 0);
}

/// A stream of characters of one to four bytes, some broken, cut by segments and by both rings wherever they like.
#[test]
fn a_stream_comes_back_whole_and_in_order() {
    let mut random = 7u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as u32
    };
    let mut bytes = Vec::new();
    while bytes.len() < 1 << 20 {
        match next() % 8 {
            0 => bytes.push(next() as u8),
            1 => bytes.extend("\u{390}\u{df}\u{149}".bytes()),
            2 => bytes.extend("\u{10400}\u{fb03}".bytes()),
            _ => bytes.extend((0..next() % 40).map(|n| b'a' + (n % 26) as u8)),
        }
    }
    let mut expected = vec![0; 3 * bytes.len()];
    let progress = undersock::text::upper_case(&bytes, true, &mut expected);
    expected.truncate(progress.produced);
    for (server, sizes) in [
        (server_v4(), small().with_receive(1_021).with_send(509)),
        (server_v6(), small().with_buffers(65_536)),
        (server_v4(), small().with_receive(17).with_send(23)),
    ] {
        let mut world = World::new(sizes);
        // The smallest window passes a few bytes a round trip: a part of the stream will do.
        let (bytes, end) = if sizes.receive < 100 { (&bytes[..4_096], true) } else { (&bytes[..], false) };
        let got = world.stream(server, bytes);
        if end {
            let mut expected = vec![0; 3 * bytes.len()];
            let progress = undersock::text::upper_case(bytes, true, &mut expected);
            assert_eq!(got, &expected[..progress.produced]);
        } else {
            assert!(got == expected, "{} bytes instead of {}", got.len(), expected.len());
        }
    }
}

/// Nobody's timers run when nobody is there.
#[test]
fn a_server_without_clients_sleeps_for_ever() {
    let mut world = World::new(small());
    world.poll();
    assert_eq!(world.next_due(), None);
    assert_eq!(world.tcp(server_v4(), b"a").unwrap(), b"A");
    world.pass(Duration::from_secs(100));
    world.poll();
    assert_eq!(world.next_due(), None);
}

/// The client has closed its side; its window closes too, and opens again. smoltcp 0.14 takes no such window update in
/// LAST-ACK, so our FIN waits until all is acknowledged.
#[test]
fn a_window_that_opens_after_the_clients_close_is_used_at_once() {
    let mut world = World::new(small().with_buffers(8_192)).raw();
    let mut peer = Peer::new(40_000).at_port(12_001);
    peer.window = 1_000;
    world.connect(&mut peer);
    let data =
        [peer.segment(TcpControl::None, &[b'a'; 1_400]), peer.segment(TcpControl::Fin, &[b'b'; 1_400])];
    let mut bytes: Vec<u8> = Vec::new();
    let mut finished = false;
    let mut got = world.give_all(&data);
    for window in [0, 1_000, 0, 1_000, 1_000, 1_000] {
        for segment in got.iter().filter_map(|frame| tcp_in(frame)) {
            bytes.extend(&segment.payload);
            finished |= segment.fin;
            peer.got(&segment);
        }
        peer.window = window;
        let ack = peer.segment(TcpControl::None, b"");
        let before = world.now;
        got = world.give(&ack);
        assert!(world.now - before < Duration::from_millis(1), "no timer was needed");
        if window > 0 && bytes.len() < 2_800 {
            assert!(got.iter().any(|frame| tcp_in(frame).is_some_and(|segment| !segment.payload.is_empty())));
        }
    }
    assert_eq!(bytes, [[b'A'; 1_400], [b'B'; 1_400]].concat());
    assert!(finished, "and then it is closed");
    assert_eq!(world.server.used(), 0);
}

#[test]
fn buffers_of_a_few_bytes_are_refused() {
    use undersock::device::wire::Wire;
    use undersock::server::{ConfigError, Memory, Server};

    let wire = Wire::owned(Duration::ZERO, 8);
    let (mut end, _client) = wire.ends();
    let mut with = |receive, send| {
        let memory = Memory::owned(small().with_receive(receive).with_send(send));
        Server::new(&Config::default(), memory, &mut end, undersock::smoltcp::time::Instant::ZERO).err()
    };
    for (receive, send) in [(0, 64), (15, 64), (64, 15), (64, 0)] {
        assert!(matches!(with(receive, send), Some(ConfigError::Memory(_))), "{receive} {send}");
    }
    assert_eq!(with(16, 16), None);
}

/// A thread and a browser have a small stack: whatever is large is in memory of its own.
#[test]
fn a_server_a_client_and_a_wire_fit_a_small_stack() {
    use std::thread;

    use undersock::client::{Client, UdpExchange};
    use undersock::device::wire::Wire;
    use undersock::host::HostConfig;
    use undersock::server::{Memory, Server};
    use undersock::smoltcp::time::Instant;

    // Half a browser's. An unoptimised build moves tables of 256 neighbours over it, where a program has chosen so many.
    const STACK: usize = 512 << 10;
    let exchange = || {
        let wire = Wire::owned(Duration::from_micros(50), 64);
        let (mut server_end, mut client_end) = wire.ends();
        let mut now = Instant::ZERO;
        let memory = Memory::owned(Sizes::default());
        let mut server = Server::new(&Config::default(), memory, &mut server_end, now).expect("a server");
        let mut client = Client::new(&HostConfig::client(), vec![], &mut client_end, now).expect("a client");
        let (socket, address) = (udp_socket(1), (server_v4(), 12_000).into());
        let mut exchange =
            UdpExchange::new(&mut client, socket, address, Duration::from_secs(1), 3).expect("a socket");
        let mut reply = vec![0; 2_048];
        loop {
            client.poll(now, &mut client_end);
            if let Some(result) = exchange.step(&mut client, now, b"hello", &mut reply) {
                reply.truncate(result.expect("a reply"));
                return reply;
            }
            client.poll(now, &mut client_end);
            server.poll(now, &mut server_end, &mut Uppercase::new(), &mut ());
            now += Duration::from_micros(50);
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(exchange).expect("a thread");
    assert_eq!(thread.join().expect("a reply"), b"HELLO");
}
