//! The end of a connection: a FIN that was lost.

use undersock::smoltcp::socket::tcp::State;

use super::stage::{Beside, Peer, Stage, ms};

/// The server closes first.
#[test]
fn a_lone_fin_in_fin_wait_1() {
    let mut stage = Stage::new(Peer::default());
    stage.asks_all(0);
    assert_eq!(stage.state(), Some(State::FinWait1));
    stage.until(ms(60));
    stage.says(1, Beside { fin: true, ..Beside::default() });
    assert_eq!(stage.state(), Some(State::TimeWait));
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > FIN 0
        40.000 > FIN 0 again: probe
        60.000 < ack 1 FIN
        60.000 > ack 5
        ",
    );
}

/// The peer closes first.
#[test]
fn a_lone_fin_in_last_ack() {
    let mut stage = Stage::new(Peer::default());
    stage.says(0, Beside { fin: true, ..Beside::default() });
    assert_eq!(stage.state(), Some(State::LastAck));
    stage.until(ms(60));
    stage.acks(1);
    assert_eq!(stage.state(), None);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 FIN
        0.000 > FIN 0
        40.000 > FIN 0 again: probe
        60.000 < ack 1
        ",
    );
}

/// Both close at once, and the server's FIN is lost.
#[test]
fn a_lone_fin_in_closing() {
    let mut stage = Stage::new(Peer::default());
    stage.asks_all(0);
    stage.until(ms(5));
    stage.says(0, Beside { fin: true, ..Beside::default() });
    assert_eq!(stage.state(), Some(State::Closing));
    stage.until(ms(80));
    stage.acks(1);
    assert_eq!(stage.state(), Some(State::TimeWait));
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > FIN 0
        5.000 < ack 0 FIN
        5.000 > ack 5
        40.000 > FIN 0 again: probe
        80.000 < ack 1
        ",
    );
}

/// With the last bytes before it: no 200 ms more, since a FIN is acknowledged at once.
#[test]
fn a_fin_with_bytes() {
    let mut stage = Stage::new(Peer::default());
    stage.asks_all(1_500);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.until(ms(60));
    stage.acks(1_501);
    assert_eq!(stage.state(), Some(State::FinWait2));
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:1000
        0.000 > 1000:1500 FIN
        10.000 < ack 1000
        45.000 > 1000:1500 FIN again: probe
        60.000 < ack 1501
        ",
    );
}

/// Before a lone FIN, three acknowledgements without news. Given to the stack, they would stop it for ever.
#[test]
fn duplicates_before_a_lone_fin() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(2_000);
    stage.until(ms(10));
    stage.asks_all(0);
    for _ in 0..5 {
        stage.acks(2_000);
    }
    stage.until(ms(300));
    stage.acks(2_001);
    assert_eq!(stage.state(), Some(State::FinWait2));
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 with 4 bytes
        10.000 > FIN 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        45.000 > FIN 2000 again: probe
        115.000 > FIN 2000 again: timeout
        255.000 > FIN 2000 again: timeout
        300.000 < ack 2001
        ",
    );
}

/// The same of a peer without SACK: the third says that the FIN is lost.
#[test]
fn duplicates_before_a_lone_fin_without_sack() {
    let mut stage = Stage::new(Peer { sack: false, ..Peer::default() });
    stage.asks(2_000);
    stage.until(ms(10));
    stage.asks_all(0);
    for _ in 0..5 {
        stage.acks(2_000);
    }
    stage.until(ms(300));
    stage.acks(2_001);
    assert_eq!(stage.state(), Some(State::FinWait2));
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 with 4 bytes
        10.000 > FIN 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 > FIN 2000 again: duplicate ACKs
        10.000 < ack 2000
        10.000 < ack 2000
        45.000 > FIN 2000 again: probe
        115.000 > FIN 2000 again: timeout
        255.000 > FIN 2000 again: timeout
        300.000 < ack 2001
        ",
    );
}

/// In LAST-ACK the stack would answer each with a challenge.
#[test]
fn duplicates_before_a_lone_fin_in_last_ack() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(2_000);
    stage.until(ms(10));
    stage.says(2_000, Beside { fin: true, ..Beside::default() });
    assert_eq!(stage.state(), Some(State::LastAck));
    for _ in 0..5 {
        stage.acks(2_000);
    }
    stage.until(ms(300));
    stage.acks(2_001);
    assert_eq!(stage.state(), None);
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 FIN
        10.000 > FIN 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        10.000 < ack 2000
        45.000 > FIN 2000 again: probe
        115.000 > FIN 2000 again: timeout
        255.000 > FIN 2000 again: timeout
        300.000 < ack 2001
        ",
    );
}
