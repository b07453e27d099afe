//! Backlog, limits and eviction: a new client is served within five seconds, whatever the others do.

use test_support::world::raw::{Peer, udp};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::event::DropRule;
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::TcpControl;

fn world() -> World<Uppercase> {
    World::new(small()).raw()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Connects `peer`, however many seconds of retransmitted SYNs that takes, and has one sentence served. Returns the
/// milliseconds until the reply.
fn served_after(world: &mut World<Uppercase>, peer: &mut Peer) -> u64 {
    let start = world.now;
    let syn = peer.segment(TcpControl::Syn, b"");
    let mut got = world.give_tcp(&syn);
    let mut wait = secs(1);
    while !got.iter().any(|segment| segment.syn && segment.to == peer.from) {
        assert!(world.now - start < secs(20), "no SYN-ACK");
        got = world.pass_tcp(wait);
        got.extend(world.give_tcp(&syn));
        wait += wait;
    }
    let syn_ack = got.iter().find(|segment| segment.syn && segment.to == peer.from).expect("found above");
    peer.got(syn_ack);
    let sentence = peer.segment(TcpControl::Psh, b"new");
    let reply = world.give_tcp(&sentence);
    assert!(reply.iter().any(|segment| segment.payload == b"NEW"), "{reply:?}");
    (world.now - start).total_millis()
}

#[test]
fn a_half_open_connection_is_given_up_silently_after_five_seconds() {
    let mut world = world();
    let syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    assert!(world.give_tcp(&syn)[0].syn);
    let got = world.pass_tcp(Duration::from_millis(4_900));
    assert!(got.iter().all(|segment| segment.syn), "only the SYN-ACK, repeated: {got:?}");
    assert_eq!(world.server.used(), 1);
    let got = world.pass_tcp(Duration::from_millis(200));
    assert!(!got.iter().any(|segment| segment.rst), "{got:?}");
    assert_eq!(world.server.used(), 0);
}

#[test]
fn an_idle_connection_is_reset_after_a_minute_and_not_before() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    world.connect(&mut peer);
    assert_eq!(world.pass_tcp(Duration::from_millis(59_900)), []);
    let got = world.pass_tcp(Duration::from_millis(200));
    assert!(got.len() == 1 && got[0].rst && got[0].seq == peer.ack, "{got:?}");
    assert_eq!(world.server.used(), 0);
}

#[test]
fn a_reader_that_stops_reading_is_reset_after_twenty_seconds() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    // The peer acknowledges nothing of what comes back.
    let data = peer.segment(TcpControl::Psh, b"never taken");
    assert!(world.give_tcp(&data)[0].payload == b"NEVER TAKEN");
    world.pass(Duration::from_millis(19_900));
    assert_eq!(world.server.used(), 1);
    let got = world.pass_tcp(Duration::from_millis(200));
    assert!(got.last().is_some_and(|segment| segment.rst), "{got:?}");
    assert_eq!(world.server.used(), 0);
}

#[test]
fn a_closer_that_never_finishes_is_reset_after_ten_seconds_though_it_goes_on_sending() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    world.connect(&mut peer);
    let sentence = peer.segment(TcpControl::Psh, b"hi");
    let reply = world.give_tcp(&sentence);
    assert!(reply[0].fin && reply[0].payload == b"HI", "{reply:?}");
    peer.got(&reply[0]);
    let ack = peer.segment(TcpControl::None, b"");
    world.give(&ack);
    assert_eq!(world.server.connections().next().map(|one| one.state), Some(State::FinWait2));
    for _ in 0..9 {
        let more = peer.segment(TcpControl::Psh, b"and another thing");
        let got = world.give_tcp(&more);
        assert!(got.iter().all(|segment| segment.ack && !segment.rst && segment.window > 1_000), "{got:?}");
        world.pass(secs(1));
    }
    assert_eq!(world.server.used(), 1);
    let got = world.pass_tcp(secs(1));
    assert!(got.last().is_some_and(|segment| segment.rst), "{got:?}");
    assert_eq!(world.server.used(), 0);
}

#[test]
fn a_new_client_is_served_within_five_seconds_of_a_syn_flood() {
    let mut world = world();
    for port in 50_000..50_100 {
        let syn = Peer::new(port).segment(TcpControl::Syn, b"");
        world.give(&syn);
        world.now += Duration::from_millis(1);
    }
    let took = served_after(&mut world, &mut Peer::new(40_000));
    assert!(took <= 5_000, "served after {took} ms");
}

#[test]
fn a_new_client_is_served_within_five_seconds_of_idle_connections() {
    let mut world = world();
    for port in 50_000..50_004 {
        world.connect(&mut Peer::new(port));
    }
    let took = served_after(&mut world, &mut Peer::new(40_000));
    assert!((2_900..=5_000).contains(&took), "served after {took} ms");
    assert_eq!(world.server.counters().evicted, 1, "one had to go");
}

#[test]
fn active_connections_are_never_evicted() {
    let mut world = world();
    let mut active: Vec<Peer> = (50_000..50_004).map(|port| Peer::new(port).at_port(12_001)).collect();
    for peer in &mut active {
        world.connect(peer);
    }
    let mut newcomer = Peer::new(40_000);
    let syn = newcomer.segment(TcpControl::Syn, b"");
    for second in 0..12 {
        for peer in &mut active {
            let data = peer.segment(TcpControl::Psh, b"tick");
            let got = world.give_tcp(&data);
            let echo = got.iter().find(|segment| segment.to == peer.from).expect("a reply");
            assert_eq!(echo.payload, b"TICK", "second {second}");
            peer.got(echo);
            let ack = peer.segment(TcpControl::None, b"");
            world.give(&ack);
        }
        // The newcomer repeats its SYN; nobody makes room for it, and it is not refused.
        let got = world.give_tcp(&syn);
        assert!(!got.iter().any(|segment| segment.to == newcomer.from), "{got:?}");
        world.pass(secs(2));
    }
    assert_eq!(world.server.counters().evicted, 0);
    // One of them ends: the newcomer gets its slot at once, without another SYN.
    let fin = active[0].segment(TcpControl::Fin, b"");
    let got = world.give_tcp(&fin);
    let last = got.iter().find(|segment| segment.fin).expect("our FIN");
    active[0].got(last);
    world.give(&syn);
    let ack = active[0].segment(TcpControl::None, b"");
    let got = world.give_tcp(&ack);
    assert!(got.iter().any(|segment| segment.syn && segment.to == newcomer.from), "{got:?}");
}

#[test]
fn a_syn_for_a_connection_in_time_wait_is_a_new_connection_at_once() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    for _ in 0..3 {
        world.connect(&mut peer);
        let sentence = peer.segment(TcpControl::Psh, b"again");
        let reply = world.give_tcp(&sentence);
        assert!(reply[0].payload == b"AGAIN" && reply[0].fin);
        peer.got(&reply[0]);
        let fin = peer.segment(TcpControl::Fin, b"");
        world.give(&fin);
        assert_eq!(world.server.connections().next().map(|one| one.state), Some(State::TimeWait));
        peer.seq = peer.seq.wrapping_add(100_000);
    }
    assert_eq!(world.server.used(), 1);
    assert_eq!(world.server.counters().reused, 2);
}

#[test]
fn the_queue_is_bounded_and_what_does_not_fit_is_dropped_in_silence() {
    let mut world = world();
    for port in 50_000..50_004 {
        world.connect(&mut Peer::new(port));
    }
    let syns: Vec<Vec<u8>> =
        (51_000..51_010).map(|port| Peer::new(port).segment(TcpControl::Syn, b"")).collect();
    assert_eq!(
        world.give_all(&syns).iter().filter_map(|frame| test_support::world::raw::tcp_in(frame)).count(),
        0
    );
    assert_eq!(world.server.waiting(), 4);
    // Who waits and repeats its SYN still waits once.
    world.give_all(&syns[..4]);
    assert_eq!(world.server.waiting(), 4);
}

#[test]
fn a_sleeping_server_is_polled_only_for_what_is_due() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    world.connect(&mut peer);
    world.pass(secs(1));
    world.polls = 0;
    world.pass(secs(50));
    assert!(world.polls <= 3, "{} polls in 50 idle seconds", world.polls);
}

#[test]
fn who_waits_and_repeats_its_syn_when_a_slot_comes_free_gets_one_connection() {
    let mut world = world();
    let mut others: Vec<Peer> = (50_000..50_004).map(Peer::new).collect();
    for peer in &mut others {
        world.connect(peer);
    }
    let syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    assert_eq!(world.give_tcp(&syn), []);
    // In one batch: an exact RST that frees a slot, and the SYN again.
    let reset = others[0].segment(TcpControl::Rst, b"");
    let got = world.give_all(&[reset, syn]);
    let syn_acks: Vec<_> = got.iter().filter_map(|frame| test_support::world::raw::tcp_in(frame)).collect();
    assert!(syn_acks.len() == 1 && syn_acks[0].syn, "{syn_acks:?}");
    assert_eq!((world.server.used(), world.server.waiting()), (4, 0));
}

#[test]
fn a_new_client_does_not_overtake_one_that_waits() {
    let mut world = world();
    let mut others: Vec<Peer> = (50_000..50_004).map(Peer::new).collect();
    for peer in &mut others {
        world.connect(peer);
    }
    let waits = Peer::new(41_000).segment(TcpControl::Syn, b"");
    assert_eq!(world.give_tcp(&waits), []);
    let reset = others[0].segment(TcpControl::Rst, b"");
    let comes = Peer::new(42_000).segment(TcpControl::Syn, b"");
    let got = world.give_all(&[reset, comes]);
    let admitted: Vec<u16> =
        got.iter().filter_map(|frame| test_support::world::raw::tcp_in(frame)).map(|got| got.to.1).collect();
    assert_eq!(admitted, [41_000]);
}

/// Nobody is given up while the device has no room to say so, nor for a SYN that couldn't be let in.
#[test]
fn nobody_is_evicted_without_room_to_say_so() {
    let mut world = world();
    for port in 50_000..50_004 {
        world.connect(&mut Peer::new(port));
    }
    let syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    assert_eq!(world.give_tcp(&syn), []);
    // Nobody takes what the server sends.
    for port in 0..test_support::world::FRAMES as u16 + 32 {
        let frame = udp((client_v4(), 2_000 + port), (server_v4(), 12_000), b"fill");
        assert!(world.client_end.inject(world.now, &frame));
        world.now += Duration::from_micros(50);
        world.poll();
    }
    world.pass(Duration::from_millis(3_500));
    let counters = *world.server.counters();
    assert_eq!((counters.evicted, world.server.used(), world.server.waiting()), (0, 4, 1));
    assert!(world.sent().len() >= test_support::world::FRAMES);
    let got = world.pass_tcp(Duration::from_millis(100));
    assert!(got.iter().any(|got| got.rst) && got.iter().any(|got| got.syn && got.to.1 == 40_000), "{got:?}");
    assert_eq!(world.server.counters().evicted, 1);
}

/// A SYN may carry data (RFC 9293 3.4), which its client sends again if it isn't acknowledged.
#[test]
fn a_syn_with_data_waits_as_any_other() {
    for peer in [
        Peer::new(41_000),
        Peer { from: (client_v6(), 41_000), to: (server_v6(), 12_000), ..Peer::new(41_000) },
    ] {
        let mut world = World::new(small()).raw();
        for port in 40_000..40_004 {
            world.connect(&mut Peer::new(port));
        }
        let mut peer = peer;
        let start = peer.seq;
        let syn = peer.segment(TcpControl::Syn, &[b'a'; 500]);
        assert_eq!(world.give_tcp(&syn), []);
        assert_eq!((world.server.waiting(), dropped(&world, DropRule::QueueFull)), (1, 0));
        let got = world.pass_tcp(Duration::from_secs(4));
        let syn_ack = got.iter().find(|got| got.syn && got.to == peer.from).expect("a SYN-ACK in its turn");
        assert_eq!(syn_ack.ack_number, start.wrapping_add(1), "the data is sent again");
        peer.got(syn_ack);
        peer.seq = start.wrapping_add(1);
        let got = world.give_tcp(&peer.segment(TcpControl::Psh, b"again"));
        assert!(got.iter().any(|got| got.payload == b"AGAIN"), "{got:?}");
    }
}

fn dropped(world: &World<Uppercase>, rule: DropRule) -> u32 {
    world.server.counters().dropped[rule as usize]
}
