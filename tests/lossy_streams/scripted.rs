//! Single losses, by a script: what comes again, and when.

use test_support::world::peer::scene::Scene;
use test_support::world::peer::{Closes, Options, Peer};
use undersock::server::{Config, Sizes};
use undersock::smoltcp::time::Duration;

use super::work::{Way, Work};

const MSS: u16 = 1_000;
/// One way; a round trip is 20 ms.
const LATENCY: Duration = Duration::from_millis(10);

/// The server says so many bytes, and these rules are for them.
fn down(size: usize, rules: &[&str]) -> Scene<Work> {
    let options = Options { mss: MSS, closes: Closes::Last, delayed: None, ..Options::default() };
    let peer = Peer::new(options, Work::said(Way::Down, size).to_vec());
    let sizes = Sizes::default().with_connections(2).with_buffers(32_768);
    let config = Config::default().with_seed(7);
    let mut scene = Scene::new(config, sizes, Work::new(Way::Down, size), peer, LATENCY, rules);
    assert!(scene.finish(Duration::from_secs(60)), "{}", scene.timeline());
    assert_eq!(scene.peer.received(), Work::heard(Way::Down, size), "{}", scene.timeline());
    scene
}

#[test]
fn without_a_loss_nothing_comes_again() {
    let scene = down(3_000, &[]);
    let sent = scene.sent();
    assert!(sent.iter().all(|sent| !sent.again && !sent.lost), "{}", scene.trace());
    assert!(scene.trace().starts_with("10.000 ms SYN\n30.000 ms 0:1000\n"), "{}", scene.trace());
    assert_eq!(sent.iter().map(|sent| sent.bytes).sum::<usize>(), 3_000);
    assert_eq!(scene.peer.counts.again_bytes, 0);
}

#[test]
fn what_was_lost_comes_again_and_the_peer_has_said_what_it_has() {
    let scene = down(6_000, &["drop data segment 2 from the server"]);
    let sent = scene.sent();
    let lost: Vec<_> = sent.iter().filter(|sent| sent.lost).map(|sent| (sent.from, sent.bytes)).collect();
    assert_eq!(lost, [(1_000, 1_000)], "{}", scene.trace());
    let again: Vec<_> = sent.iter().filter(|sent| sent.again).map(|sent| (sent.from, sent.bytes)).collect();
    assert_eq!(again, [(1_000, 1_000)], "{}", scene.trace());
    assert_eq!((scene.peer.counts.again_bytes, scene.peer.counts.repaired_segments), (0, 1));
    // The peer says at each segment behind the hole what it has.
    assert!(scene.timeline().contains("<sack 2001:"), "{}", scene.timeline());
}
