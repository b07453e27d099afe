//! The server's life on the in-memory wire, in virtual time.

mod common;

use common::{World, server_v4, server_v6, small};
use smoltcp::time::Duration;
use undersock::server::Sizes;

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
