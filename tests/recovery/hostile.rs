//! Peers that say what can't be, or what they take back; and segments that were overtaken.

use undersock::event::DropRule;

use super::stage::{Beside, Peer, Stage, ms};

/// What was SACKed is gone (RFC 2018 8): the peer has thrown it away, and says so by asking for what follows the hole.
#[test]
fn a_peer_that_reneges() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(5_000);
    stage.until(ms(10));
    stage.sacks(0, &[(1_000, 5_000)]);
    stage.until(ms(20));
    stage.acks(1_000);
    // The probe has come.
    stage.until(ms(65));
    stage.sacks(1_000, &[(4_000, 5_000)]);
    stage.until(ms(75));
    stage.acks(5_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:5000, 5 segments
        10.000 < ack 0 sack 1000:5000
        10.000 > 0:1000 again: SACK
        20.000 < ack 1000
        55.000 > 4000:5000 again: probe
        65.000 < ack 1000 sack 4000:5000
        65.000 > 1000:2000 again: SACK
        65.000 > 2000:3000 again: SACK
        65.000 > 3000:4000 again: SACK
        75.000 < ack 5000
        ",
    );
}

/// Blocks that nobody can have sent who has this stream: nothing is known by them, and nothing sent.
#[test]
fn blocks_of_what_was_never_sent() {
    let forged: &[&[(u32, u32)]] = &[
        // Beyond SND.NXT, across it, across SND.UNA, before it, reversed, empty, half the numbers away.
        &[(6_000, 7_000)],
        &[(5_000, 6_001)],
        &[(500, 2_000)],
        &[(0, 1_000)],
        &[(3_000, 2_000)],
        &[(2_000, 2_000)],
        &[(2_000, 2_000 + (1 << 31))],
        &[(2_000 + (1 << 31), 3_000)],
        &[(0, 6_001), (6_000, 9_000), (9_000, 8_000), (4_000_000_000, 500)],
    ];
    let mut stage = Stage::new(Peer::default());
    stage.asks(6_000);
    stage.until(ms(10));
    stage.acks(1_000);
    let (path, trace) = (stage.path(), stage.trace());
    for blocks in forged {
        stage.sacks(1_000, blocks);
        assert_eq!(stage.path(), path, "{blocks:?}");
    }
    let said = stage.trace();
    let new = said[trace.len()..].lines().filter(|line| line.contains('>')).collect::<Vec<_>>();
    assert!(new.is_empty(), "{new:?}");
    // Four that overlap are as one.
    stage.sacks(1_000, &[(2_000, 4_000), (3_000, 5_000), (2_000, 3_000), (2_500, 4_500)]);
    assert_eq!((stage.path().arrived, stage.path().lost, stage.path().flight), (3_000, 0, 2_000));
}

/// A block within the window may be a lie, and what it is about may be lost: it comes all the same.
#[test]
fn a_block_that_is_a_lie() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(3_000);
    stage.until(ms(10));
    stage.acks(1_000);
    // Nothing of it has arrived.
    stage.sacks(1_000, &[(1_000, 3_000)]);
    stage.until(ms(56));
    stage.sacks(1_000, &[(2_000, 3_000)]);
    stage.until(ms(66));
    stage.acks(3_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 1000
        10.000 < ack 1000 sack 1000:3000
        41.252 > 2000:3000 again: probe
        56.000 < ack 1000 sack 2000:3000
        56.000 > 1000:2000 again: late
        66.000 < ack 3000
        ",
    );
}

/// RFC 9293 3.10.7.4: it is answered by an acknowledgement and ignored. The stack would drop what it acknowledges from its
/// buffer, unsent.
#[test]
fn an_acknowledgement_of_what_was_never_sent() {
    let mut stage = Stage::new(Peer::default());
    stage.window = 3_000;
    stage.asks(6_000);
    stage.until(ms(10));
    for ack in [3_001, 5_000, 6_000] {
        stage.acks(ack);
    }
    assert_eq!(stage.dropped(DropRule::Unsent), 3);
    stage.until(ms(11));
    stage.acks(3_000);
    stage.until(ms(21));
    stage.acks(6_000);
    stage.pass(ms(5_000));
    stage.reads(
        "
        0.000 < ack 0 window 3000 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 3001 window 3000
        10.000 > ack 4
        10.000 < ack 5000 window 3000
        10.000 < ack 6000 window 3000
        11.000 < ack 3000 window 3000
        11.000 > 3000:6000, 3 segments
        21.000 < ack 6000 window 3000
        ",
    );
}

/// The segment was overtaken by another, and what it acknowledges is old. Its bytes are new.
#[test]
fn bytes_with_an_old_acknowledgement() {
    let mut stage = Stage::new(Peer::default());
    stage.asks(3_000);
    stage.service.listens = true;
    stage.until(ms(10));
    stage.acks(3_000);
    stage.says(1_000, Beside { payload: b"overtaken", ..Beside::default() });
    assert_eq!(stage.service.heard, b"overtaken");
    // One that is older than any that may be on its way is somebody's (RFC 5961 5.2).
    stage.says(0_u32.wrapping_sub(70_000), Beside { payload: b"forged", ..Beside::default() });
    assert_eq!(stage.service.heard, b"overtaken");
    stage.reads(
        "
        0.000 < ack 0 with 4 bytes
        0.000 > 0:3000, 3 segments
        10.000 < ack 3000
        10.000 < ack 1000 with 9 bytes
        10.000 > ack 13
        10.000 < ack -70000 with 6 bytes
        ",
    );
}
