//! Each cause of a retransmission once.

use test_support::world::{client_v6, server_v6};
use undersock::server::Config;

use super::stage::{Peer, Stage, ms};

fn without_sack() -> Stage {
    Stage::new(Peer { sack: false, ..Peer::default() })
}

/// Three segments arrived that were sent after it (RFC 8985 6.2: no reordering was seen, so they say enough).
#[test]
fn sack() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(6_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.sacks(1_000, &[(2_000, 3_000)]);
    stage.sacks(1_000, &[(2_000, 4_000)]);
    stage.sacks(1_000, &[(2_000, 5_000)]);
    stage.sacks(1_000, &[(2_000, 6_000)]);
    stage.until(ms(20));
    stage.acks(6_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:6000, 6 segments
        10.000 < ack 1000
        10.000 < ack 1000 sack 2000:3000
        10.000 < ack 1000 sack 2000:4000
        10.000 < ack 1000 sack 2000:5000
        10.000 > 1000:2000 again: SACK
        10.000 < ack 1000 sack 2000:6000
        20.000 < ack 6000
        ",
    );
}

/// By IPv6, of a peer that takes as much as a packet holds.
#[test]
fn sack_by_ipv6() {
    let addresses = (client_v6(), server_v6());
    let mut stage = Stage::new(Peer { mss: 1_460, addresses, ..Peer::default() });
    assert_eq!(stage.path().segment, 1_440);
    stage.asks(5 * 1_440);
    stage.until(ms(10));
    stage.sacks(0, &[(1_440, 5 * 1_440)]);
    stage.until(ms(20));
    stage.acks(5 * 1_440);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:7200, 5 segments
        10.000 < ack 0 sack 1440:7200
        10.000 > 0:1440 again: SACK
        20.000 < ack 7200
        ",
    );
}

/// One did, which may have overtaken it: a quarter of the round trip is waited.
#[test]
fn late() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(3_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.sacks(1_000, &[(2_000, 3_000)]);
    stage.pass(ms(12));
    stage.acks(3_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 1000
        10.000 < ack 1000 sack 2000:3000
        12.500 > 1000:2000 again: late
        22.000 < ack 3000
        ",
    );
}

/// A peer without SACK says three times that it has no more (RFC 5681 3.2).
#[test]
fn duplicates() {
    let mut stage = without_sack();
    stage.asks(6_000);
    stage.until(ms(10));
    stage.acks(1_000);
    for _ in 0..4 {
        stage.acks(1_000);
    }
    stage.until(ms(20));
    stage.acks(6_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:6000, 6 segments
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 > 1000:2000 again: duplicate ACKs
        10.000 < ack 1000
        20.000 < ack 6000
        ",
    );
}

/// What was sent again was acknowledged, and not all that was sent before it was: there was another hole (RFC 6582 3.2).
#[test]
fn partial() {
    let mut stage = without_sack();
    stage.asks(8_000);
    stage.until(ms(10));
    stage.acks(1_000);
    for _ in 0..3 {
        stage.acks(1_000);
    }
    stage.until(ms(20));
    stage.acks(4_000);
    stage.until(ms(30));
    stage.acks(8_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:8000, 8 segments
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 > 1000:2000 again: duplicate ACKs
        20.000 < ack 4000
        20.000 > 4000:5000 again: partial ACK
        30.000 < ack 8000
        ",
    );
}

/// The last two are lost, and nothing tells. So the last is sent again, to have the other told.
#[test]
fn probe() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(3_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.until(ms(52));
    stage.sacks(1_000, &[(2_000, 3_000)]);
    stage.until(ms(62));
    stage.acks(3_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 1000
        45.000 > 2000:3000 again: probe
        52.000 < ack 1000 sack 2000:3000
        62.000 < ack 3000
        ",
    );
}

/// A peer without SACK can only tell of the first that it lacks: that is sent.
#[test]
fn a_probe_without_sack() {
    let mut stage = without_sack();
    stage.asks(3_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.until(ms(52));
    stage.acks(2_000);
    stage.until(ms(400));
    stage.acks(3_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 1000
        45.000 > 1000:2000 again: probe
        52.000 < ack 2000
        287.000 > 2000:3000 again: probe
        400.000 < ack 3000
        ",
    );
}

/// A single segment may wait for the peer's delayed acknowledgement: 200 ms more (RFC 8985 7.2).
#[test]
fn a_probe_of_a_single_segment() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(1_000);
    stage.until(ms(300));
    stage.acks(1_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:1000
        240.000 > 0:1000 again: probe
        300.000 < ack 1000
        ",
    );
}

/// The probe stays without answer too: each time twice as long is waited, and a segment at a time goes out, from the oldest
/// on (RFC 6298 5.4 to 5.6).
#[test]
fn timeout() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(4_000);
    stage.until(ms(1_250));
    stage.acks(1_000);
    stage.until(ms(1_260));
    stage.acks(3_000);
    stage.until(ms(1_270));
    stage.acks(4_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:4000, 4 segments
        40.000 > 3000:4000 again: probe
        120.000 > 0:1000 again: timeout
        280.000 > 0:1000 again: timeout
        600.000 > 0:1000 again: timeout
        1240.000 > 0:1000 again: timeout
        1250.000 < ack 1000
        1250.000 > 1000:2000 again: timeout
        1250.000 > 2000:3000 again: timeout
        1260.000 < ack 3000
        1260.000 > 3000:4000 again: timeout
        1270.000 < ack 4000
        ",
    );
}

/// Without recovery: the stack's own second, and all that was in flight, though the peer has said that it has some of it.
#[test]
fn stack() {
    let mut config = Config::default().with_seed(7);
    config.host = config.host.without_recovery();
    let mut stage = Stage::new(Peer { config, ..Peer::default() });
    stage.asks(6_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.sacks(1_000, &[(2_000, 6_000)]);
    stage.until(ms(1_030));
    stage.acks(6_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:6000, 6 segments
        10.000 < ack 1000
        10.000 < ack 1000 sack 2000:6000
        1010.000 > 1000:2000 again: the stack
        1010.000 > 2000:3000 again: the stack
        1010.000 > 3000:4000 again: the stack
        1010.000 > 4000:5000 again: the stack
        1010.000 > 5000:6000 again: the stack
        1030.000 < ack 6000
        ",
    );
}

/// What was sent again is lost again; what was sent after it has arrived.
#[test]
fn a_lost_retransmission() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(40_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 10_000)]);
    stage.until(ms(20));
    stage.sacks(0, &[(1_000, 14_000)]);
    stage.until(ms(33));
    stage.acks(14_000);
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:10000, 10 segments
        10.000 < ack 0 sack 1000:10000
        10.000 > 0:1000 again: SACK
        10.000 > 10000:14000, 4 segments
        20.000 < ack 0 sack 1000:14000
        20.000 > 0:1000 again: SACK
        20.000 > 14000:15500, 2 segments
        33.000 < ack 14000
        33.000 > 15500:16500
        ",
    );
}

/// A retransmission that is lost and has nothing behind it: a probe asks.
#[test]
fn a_lost_retransmission_at_the_end() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(5_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 5_000)]);
    stage.until(ms(400));
    stage.acks(5_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:5000, 5 segments
        10.000 < ack 0 sack 1000:5000
        10.000 > 0:1000 again: SACK
        45.000 > 0:1000 again: probe
        115.000 > 0:1000 again: timeout
        255.000 > 0:1000 again: timeout
        400.000 < ack 5000
        ",
    );
}

/// Several holes of one round trip are all repaired within the next.
#[test]
fn several_holes_of_a_round_trip() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(10_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 2_000)]);
    stage.sacks(0, &[(3_000, 4_000), (1_000, 2_000)]);
    stage.sacks(0, &[(5_000, 6_000), (3_000, 4_000), (1_000, 2_000)]);
    stage.sacks(0, &[(8_000, 10_000), (5_000, 6_000), (3_000, 4_000), (1_000, 2_000)]);
    stage.until(ms(20));
    stage.acks(10_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:10000, 10 segments
        10.000 < ack 0 sack 1000:2000
        10.000 < ack 0 sack 3000:4000, 1000:2000
        10.000 < ack 0 sack 5000:6000, 3000:4000, 1000:2000
        10.000 > 0:1000 again: SACK
        10.000 < ack 0 sack 8000:10000, 5000:6000, 3000:4000, 1000:2000
        10.000 > 2000:3000 again: SACK
        10.000 > 4000:5000 again: SACK
        10.000 > 6000:7000 again: SACK
        10.000 > 7000:8000 again: SACK
        20.000 < ack 10000
        ",
    );
}

/// After a timeout, duplicates say nothing of what was sent since (RFC 6582 3.2): those of before may still be on their way.
#[test]
fn duplicates_after_a_timeout() {
    let mut stage = without_sack();
    stage.asks(6_000);
    stage.until(ms(10));
    stage.acks(1_000);
    for _ in 0..3 {
        stage.acks(1_000);
    }
    stage.until(ms(120));
    for _ in 0..4 {
        stage.acks(1_000);
    }
    stage.until(ms(130));
    stage.acks(6_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:6000, 6 segments
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 < ack 1000
        10.000 > 1000:2000 again: duplicate ACKs
        45.000 > 1000:2000 again: probe
        115.000 > 1000:2000 again: timeout
        120.000 < ack 1000
        120.000 < ack 1000
        120.000 < ack 1000
        120.000 < ack 1000
        130.000 < ack 6000
        ",
    );
}
