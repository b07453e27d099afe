//! How much is in flight: the congestion window.

use undersock::event::Phase;
use undersock::smoltcp::time::Duration;

use super::stage::{Peer, Stage, ms};

impl Stage {
    /// Acknowledges all that was sent, a round trip later, and gives how much more goes out at once.
    fn round(&mut self) -> u32 {
        self.pass(ms(10));
        let end = self.watch.0.borrow().end;
        self.acks(end);
        self.watch.0.borrow().end - end
    }
}

/// Ten segments at first (RFC 6928), then twice as many every round trip (RFC 5681 3.1), up to the peer's window.
#[test]
fn slow_start() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(500_000);
    assert_eq!(stage.watch.0.borrow().end, 10_000);
    assert_eq!([stage.round(), stage.round(), stage.round()], [20_000, 40_000, 60_000]);
    assert_eq!((stage.path().phase, stage.path().threshold), (Phase::SlowStart, None));
}

/// Of a peer that takes short segments, ten of them; of long ones no more than 14,600 bytes.
#[test]
fn first_flight() {
    for (mss, first) in [(536, 5_360), (1_000, 10_000), (1_460, 14_600)] {
        let mut stage = Stage::new(Peer { mss, ..Peer::default() });
        stage.asks(50_000);
        assert_eq!(stage.watch.0.borrow().end, first, "{mss}");
    }
}

/// Three holes in a round trip are one reduction; the next round trip's are another.
#[test]
fn halved_once_a_round_trip() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(100_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 2_000), (3_000, 4_000), (5_000, 10_000)]);
    assert_eq!((stage.path().phase, stage.path().window), (Phase::Recovery, 5_000));
    assert_eq!(stage.path().threshold, Some(5_000));
    stage.sacks(0, &[(1_000, 2_000), (3_000, 4_000), (5_000, 10_000)]);
    assert_eq!(stage.path().window, 5_000, "the same holes");
    let phases: Vec<_> = stage.watch.0.borrow().phases.iter().map(|path| (path.phase, path.window)).collect();
    assert_eq!(phases, [(Phase::Recovery, 5_000)]);
    // What was sent again has arrived; a hole among what was sent since is another's.
    stage.until(ms(20));
    stage.acks(10_000);
    assert_eq!(stage.path().phase, Phase::Avoidance);
    let end = stage.watch.0.borrow().end;
    stage.until(ms(30));
    stage.sacks(10_000, &[(11_000, end)]);
    assert_eq!((stage.path().phase, stage.path().window), (Phase::Recovery, 2_500));
}

/// A segment more every round trip, after the first loss (RFC 5681 3.1).
#[test]
fn avoidance() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(400_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 10_000)]);
    stage.until(ms(20));
    let end = stage.watch.0.borrow().end;
    stage.acks(end);
    // What ends recovery adds nothing (RFC 6582 3.2).
    assert_eq!((stage.path().phase, stage.path().window), (Phase::Avoidance, 5_000));
    let rounds: Vec<_> = (0..6).map(|_| stage.round()).collect();
    assert_eq!(rounds, [6_000, 7_000, 8_000, 9_000, 10_000, 11_000]);
}

/// After a timeout one segment, then slow start up to half of what was in flight.
#[test]
fn collapse() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(400_000);
    stage.until(ms(130));
    assert_eq!((stage.path().phase, stage.path().window), (Phase::Timeout, 1_000));
    assert_eq!(stage.path().threshold, Some(5_000));
    let mut windows = vec![];
    let mut ack = 0;
    for _ in 0..6 {
        stage.pass(ms(10));
        ack += stage.path().flight as u32;
        stage.acks(ack);
        windows.push(stage.path().window);
    }
    assert_eq!(windows, [2_000, 4_000, 5_000, 6_000, 7_000, 8_000]);
}

/// What was known of the way is old after a silence: ten segments again (RFC 5681 4.1).
#[test]
fn restart_after_idle() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(70_000);
    assert_eq!([stage.round(), stage.round(), stage.round()], [20_000, 40_000, 0]);
    let window = stage.path().window;
    assert!(window >= 60_000, "{window}");
    let end = stage.watch.0.borrow().end;
    stage.pass(ms(5));
    stage.asks(20_000);
    assert_eq!(stage.watch.0.borrow().end - end, 20_000, "at once");
    stage.round();
    stage.pass(Duration::from_secs(5));
    let end = stage.watch.0.borrow().end;
    stage.asks(20_000);
    assert_eq!(stage.watch.0.borrow().end - end, 10_000, "after a silence");
}

/// It had overtaken, and the peer says that it had what was sent again (RFC 2883): the window is what it was, and the next
/// that is late is waited for.
#[test]
fn a_needless_reduction_is_undone() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(8_000);
    stage.until(ms(10));
    stage.acks(1_000);
    stage.sacks(1_000, &[(2_000, 8_000)]);
    assert_eq!((stage.path().phase, stage.path().threshold), (Phase::Recovery, Some(5_500)));
    // The first one comes, late; then the second.
    stage.until(ms(11));
    stage.acks(8_000);
    stage.until(ms(20));
    stage.sacks(8_000, &[(1_000, 2_000)]);
    assert_eq!((stage.path().phase, stage.path().window), (Phase::SlowStart, 11_000));
    assert_eq!(stage.path().threshold, None);
    // And now three behind it aren't enough.
    stage.begin();
    stage.asks(5_000);
    stage.until(ms(10));
    stage.sacks(8_000, &[(9_000, 13_000)]);
    stage.until(ms(12));
    stage.acks(13_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 8000 with 4 bytes
        0.000 > 8000:13000, 5 segments
        10.000 < ack 8000 sack 9000:13000
        12.000 < ack 13000
        ",
    );
}

/// From the handshake, in microseconds.
#[test]
fn the_first_round_trip_is_the_handshakes() {
    for micros in [137, 10_123, 250_000] {
        let round_trip = Duration::from_micros(micros);
        let stage = Stage::new(Peer { round_trip, ..Peer::default() });
        let path = stage.path();
        assert_eq!((path.round_trip, path.variation, path.least), (round_trip, round_trip / 2, round_trip));
    }
}

/// An acknowledgement of what was sent again may have waited for it: none of it is measured (RFC 6298 3), nor is what arrived
/// before and couldn't be told of.
#[test]
fn no_round_trip_is_measured_while_a_hole_is_repaired() {
    let mut stage = Stage::new(Peer { sack: false, ..Peer::default() });
    stage.asks(8_000);
    stage.until(ms(10));
    stage.acks(1_000);
    for _ in 0..3 {
        stage.acks(1_000);
    }
    assert_eq!(stage.path().round_trip, ms(10));
    stage.until(ms(20));
    stage.acks(4_000);
    stage.until(ms(30));
    stage.acks(8_000);
    assert_eq!((stage.path().round_trip, stage.path().least), (ms(10), ms(10)));
    // Later ones are.
    stage.begin();
    stage.asks(2_000);
    stage.until(ms(18));
    stage.acks(10_000);
    assert_eq!(stage.path().round_trip, ms(11));
}
