//! The peer's window: shut while bytes are in flight, and opened again.

use super::stage::{Beside, Peer, Stage, WINDOW, ms};

/// The peer takes its window back while bytes are in flight, and they are lost; then it is silent. Its stack's timer would
/// be off for ever. When the window is open again, all goes on.
#[test]
fn taken_back_while_bytes_are_in_flight() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(3_000);
    stage.until(ms(10));
    stage.window = 0;
    stage.acks(1_000);
    stage.until(ms(250));
    stage.window = WINDOW;
    stage.acks(1_000);
    stage.until(ms(400));
    stage.acks(3_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 1000 window 0
        115.000 > 1000:1001 again: timeout
        250.000 < ack 1000
        250.000 > 1000:2000 again: timeout
        285.000 > 1000:2000 again: probe
        355.000 > 1000:2000 again: timeout
        400.000 < ack 3000
        ",
    );
}

/// All that was in flight is acknowledged, and the window is shut. What opens it again is lost: probes ask (RFC 9293
/// 3.8.6.1), and a probe of a byte that isn't taken is no retransmission.
#[test]
fn shut_and_the_update_is_lost() {
    let mut stage = Stage::new(Peer::default());
    stage.window = 2_000;
    stage.asks(4_000);
    stage.until(ms(10));
    stage.window = 0;
    stage.acks(2_000);
    // It has said that it is open, and that was lost. The first probe finds it.
    stage.pass(ms(1_200));
    stage.window = WINDOW;
    stage.acks(2_001);
    stage.pass(ms(10));
    stage.acks(4_000);
    stage.pass(ms(5_000));
    assert_eq!(stage.watch.0.borrow().repeated, 0);
    stage.reads(
        "
        0.000 < ack 0 window 2000 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 window 0
        1010.000 > 2000:2001
        1210.000 < ack 2001
        1210.000 > 2001:4000, 2 segments
        1220.000 < ack 4000
        ",
    );
}

/// The probe's byte isn't taken.
#[test]
fn shut_for_long() {
    let mut stage = Stage::new(Peer::default());
    stage.window = 2_000;
    stage.asks(4_000);
    stage.until(ms(10));
    stage.window = 0;
    stage.acks(2_000);
    stage.until(ms(1_500));
    stage.acks(2_000);
    stage.until(ms(4_000));
    stage.window = WINDOW;
    stage.acks(2_000);
    stage.pass(ms(10));
    stage.acks(4_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 window 2000 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 window 0
        1010.000 > 2000:2001
        1500.000 < ack 2000 window 0
        3010.000 > 2000:2001
        4000.000 < ack 2000
        4000.000 > 2000:3000
        4000.000 > 3000:4000
        4010.000 < ack 4000
        ",
    );
}

/// Both ends' buffers are full. The peer's window opens in a segment whose byte finds no room here: what it says besides is
/// read all the same, or both would wait for each other.
#[test]
fn opened_by_a_segment_that_finds_no_room() {
    let mut stage = Stage::new(Peer { buffers: 4_096, ..Peer::default() });
    stage.window = 2_000;
    stage.asks(10_000);
    stage.until(ms(10));
    stage.window = 0;
    // The request is kept until it is answered; the rest of the buffer is filled.
    let fill = [0; 1_023];
    for _ in 0..4 {
        stage.says(2_000, Beside { payload: &fill, ..Beside::default() });
    }
    stage.until(ms(20));
    stage.window = WINDOW;
    let next = stage.next;
    stage.says(2_000, Beside { payload: b"!", ..Beside::default() });
    stage.next = next;
    stage.until(ms(30));
    stage.acks(6_000);
    stage.until(ms(40));
    stage.acks(9_192);
    stage.until(ms(50));
    stage.acks(10_000);
    stage.reads(
        "
        0.000 < ack 0 window 2000 with 4 bytes
        0.000 > 0:2000, 2 segments
        10.000 < ack 2000 window 0 with 1023 bytes
        10.000 > ack 1027
        10.000 < ack 2000 window 0 with 1023 bytes
        10.000 > ack 2050
        10.000 < ack 2000 window 0 with 1023 bytes
        10.000 > ack 3073
        10.000 < ack 2000 window 0 with 1023 bytes
        10.000 > ack 4096
        20.000 < ack 2000 with 1 bytes
        20.000 > ack 4096
        20.000 > 2000:6096, 5 segments
        30.000 < ack 6000
        30.000 > 6096:9192, 4 segments
        40.000 < ack 9192
        40.000 > 9192:10000
        50.000 < ack 10000
        ",
    );
}
