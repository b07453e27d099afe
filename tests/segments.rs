//! Segments that the stack behind the door would misjudge: old ones that acknowledge something new, a FIN that comes
//! again with data, a SYN in TIME-WAIT; and what a wrong checksum must not do.

use test_support::world::raw::{Got, Peer, Segment};
use test_support::world::{World, client_v6, server_v6, small};
use undersock::event::DropRule;
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::TcpControl;

fn world() -> World<Uppercase> {
    World::new(small()).raw()
}

fn state(world: &World<Uppercase>) -> Option<State> {
    world.server.connections().next().map(|one| one.state)
}

fn send_queue(world: &World<Uppercase>) -> usize {
    world.server.connections().next().expect("a connection").send_queue
}

fn dropped(world: &World<Uppercase>, rule: DropRule) -> u32 {
    world.server.counters().dropped[rule as usize]
}

/// A segment of this connection with any numbers.
fn segment<'a>(peer: &Peer, control: TcpControl, seq: u32, ack: u32, payload: &'a [u8]) -> Segment<'a> {
    Segment { from: peer.from, to: peer.to, control, seq, ack: Some(ack), payload, ..Segment::default() }
}

/// The frame with its TCP checksum wrong.
fn spoilt(mut frame: Vec<u8>) -> Vec<u8> {
    let start = if frame[12] == 0x08 { 34 } else { 54 };
    frame[start + 16] ^= 0x55;
    frame
}

/// A stream connection whose reply to its first bytes isn't acknowledged yet. Gives the peer and the reply's end.
fn unacknowledged(world: &mut World<Uppercase>, v6: bool) -> (Peer, u32) {
    let mut peer = Peer::new(40_000).at_port(12_001);
    if v6 {
        (peer.from.0, peer.to.0) = (client_v6(), server_v6());
    }
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"some bytes");
    let got = world.give_tcp(&data);
    assert_eq!(got[0].payload, b"SOME BYTES");
    let end = got[0].seq + 10;
    assert_eq!(send_queue(world), 10);
    (peer, end)
}

/// smoltcp 0.14 goes back with the sequence numbers of its acknowledgements when it repeats something: what they
/// acknowledge is none the less new.
#[test]
fn an_old_segment_acknowledges_what_is_new() {
    for v6 in [false, true] {
        for old in [&b"some bytes"[..], b"", b"some"] {
            for control in [TcpControl::None, TcpControl::Psh] {
                let mut world = world();
                let (peer, end) = unacknowledged(&mut world, v6);
                let seq = peer.seq - 10;
                let bad = spoilt(segment(&peer, control, seq, end, old).frame());
                assert_eq!(world.give_tcp(&bad), []);
                assert_eq!(send_queue(&world), 10, "a wrong checksum");
                world.give(&segment(&peer, control, seq, end, old).frame());
                assert_eq!(send_queue(&world), 0, "{old:?}");
            }
        }
    }
}

/// A window beyond the next sequence number: where a peer's are whose bytes were lost.
#[test]
fn so_does_a_bare_one_at_the_end_of_the_window() {
    let mut world = world();
    let (peer, end) = unacknowledged(&mut world, false);
    world.give(&segment(&peer, TcpControl::None, peer.seq + 2_048, end, b"").frame());
    assert_eq!(send_queue(&world), 0);
}

/// RFC 5961 5: whoever doesn't see the connection guesses in vain, nearly always.
#[test]
fn what_is_far_from_the_window_or_acknowledges_the_future_acknowledges_nothing() {
    let mut world = world();
    let (peer, end) = unacknowledged(&mut world, false);
    for (seq, ack) in [
        (peer.seq - 2_049, end),
        (peer.seq + 2_049, end),
        (peer.seq.wrapping_add(1 << 31), end),
        (peer.seq - 10, end + 1),
        (peer.seq - 10, end.wrapping_add(1 << 30)),
        (peer.seq - 10, end - 11),
    ] {
        for payload in [&b""[..], b"x"] {
            world.give(&segment(&peer, TcpControl::None, seq, ack, payload).frame());
            assert_eq!(send_queue(&world), 10, "{seq} {ack}");
        }
        world.pass(Duration::from_millis(10));
    }
    world.give(&segment(&peer, TcpControl::None, peer.seq, end, b"").frame());
    assert_eq!(send_queue(&world), 0);
}

/// The last acknowledgement of a connection in LAST-ACK may come with old data: it ends without a RST.
#[test]
fn an_old_segment_ends_a_connection_in_last_ack() {
    let mut world = world();
    let (mut peer, end) = unacknowledged(&mut world, false);
    world.give(&segment(&peer, TcpControl::None, peer.seq, end, b"").frame());
    peer.ack = end;
    let fin = peer.segment(TcpControl::Fin, b"");
    let got = world.give_tcp(&fin);
    assert!(got.iter().any(|got| got.fin), "{got:?}");
    assert_eq!(state(&world), Some(State::LastAck));
    let old = segment(&peer, TcpControl::Fin, peer.seq - 11, end + 1, b"some bytes");
    let got = world.give_tcp(&old.frame());
    assert!(!got.iter().any(|got| got.rst), "{got:?}");
    assert_eq!(world.server.used(), 0);
}

/// The segment with the FIN was lost, and its sender repeats it together with the data before it (RFC 9293 3.8.1).
#[test]
fn a_fin_repeated_with_data_that_has_arrived_is_accepted() {
    for v6 in [false, true] {
        let mut world = world();
        let (peer, end) = unacknowledged(&mut world, v6);
        for ack in [end - 10, end] {
            let fin = segment(&peer, TcpControl::Fin, peer.seq - 10, ack, b"some bytes");
            assert_eq!(world.give_tcp(&spoilt(fin.frame())), []);
            let got = world.give_tcp(&fin.frame());
            assert!(got.iter().any(|got| got.ack_number == peer.seq + 1), "{got:?}");
            assert!(matches!(state(&world), Some(State::CloseWait | State::LastAck)), "{:?}", state(&world));
        }
        // A FIN that isn't at the end of what has arrived is for later.
    }
}

#[test]
fn a_fin_before_its_time_waits() {
    let mut world = world();
    let (peer, end) = unacknowledged(&mut world, false);
    for (seq, payload) in [(peer.seq - 10, &b"some"[..]), (peer.seq - 4, b""), (peer.seq + 1, b"")] {
        world.give(&segment(&peer, TcpControl::Fin, seq, end, payload).frame());
        assert_eq!(state(&world), Some(State::Established), "{payload:?}");
    }
}

/// One sentence, served and closed: the server's side is in TIME-WAIT.
fn in_time_wait(world: &mut World<Uppercase>, port: u16) -> Peer {
    let mut peer = Peer::new(port);
    world.connect(&mut peer);
    let sentence = peer.segment(TcpControl::Psh, b"bye");
    let reply = world.give_tcp(&sentence);
    peer.got(&reply[0]);
    let fin = peer.segment(TcpControl::Fin, b"");
    world.give(&fin);
    peer
}

fn syn(peer: &Peer, seq: u32) -> Vec<u8> {
    Segment { from: peer.from, to: peer.to, control: TcpControl::Syn, seq, ..Segment::default() }.frame()
}

/// RFC 9293 3.6.1: TIME-WAIT ends early for a SYN beyond what the connection before received.
#[test]
fn time_wait_ends_for_a_later_syn_and_not_for_an_earlier_one() {
    let mut world = world();
    let peer = in_time_wait(&mut world, 40_000);
    for back in [0, 1, 1_000, 1 << 31] {
        let got = world.give_tcp(&syn(&peer, peer.seq.wrapping_sub(back)));
        let is_ack = |got: &Got| got.ack && !got.syn && !got.rst && got.ack_number == peer.seq;
        assert!(matches!(&got[..], [got] if is_ack(got)), "{got:?}");
        assert_eq!((world.server.counters().reused, state(&world)), (0, Some(State::TimeWait)));
        world.pass(Duration::from_millis(1_100));
    }
    let got = world.give_tcp(&syn(&peer, peer.seq + 1));
    assert!(got[0].syn && got[0].ack_number == peer.seq + 2, "{got:?}");
    assert_eq!(world.server.counters().reused, 1);
}

/// A client whose port comes again with a smaller number answers that acknowledgement as RFC 9293 3.10.7.3 says, and
/// has its connection with its next SYN.
#[test]
fn a_client_with_an_earlier_syn_is_served_at_its_second_try() {
    let mut world = world();
    let peer = in_time_wait(&mut world, 40_000);
    let seq = peer.seq.wrapping_sub(1 << 30);
    let got = world.give_tcp(&syn(&peer, seq));
    let reset = segment(&peer, TcpControl::Rst, got[0].ack_number, 0, b"");
    world.give(&Segment { ack: None, ..reset }.frame());
    assert_eq!(world.server.used(), 0);
    let got = world.give_tcp(&syn(&peer, seq));
    assert!(got[0].syn && got[0].ack_number == seq.wrapping_add(1), "{got:?}");
}

/// Nothing is given up, taken or said for a SYN whose checksum is wrong.
#[test]
fn a_spoilt_syn_costs_nobody_anything() {
    let mut world = world();
    let resting = in_time_wait(&mut world, 40_000);
    let mut live = Peer::new(40_001).at_port(12_001);
    world.connect(&mut live);
    let try_all = |world: &mut World<Uppercase>| {
        let before = (world.server.connections().collect::<Vec<_>>(), dropped(world, DropRule::Checksum));
        let later = syn(&resting, resting.seq + 1_000);
        let other = syn(&Peer::new(41_000), 5);
        let alive = syn(&live, 5);
        for frame in [&later, &other, &alive] {
            assert_eq!(world.give(&spoilt(frame.clone())), Vec::<Vec<u8>>::new());
        }
        let after = (world.server.connections().collect::<Vec<_>>(), dropped(world, DropRule::Checksum) - 3);
        assert_eq!(before, after);
        assert_eq!((world.server.waiting(), world.server.counters().reused), (0, 0));
    };
    try_all(&mut world);
    // With no slot to spare, and then with none but live ones.
    for port in 42_000..42_002 {
        world.connect(&mut Peer::new(port));
    }
    try_all(&mut world);
    world.connect(&mut Peer::new(42_002));
    assert_eq!(world.server.counters().reused, 1);
    let frame = spoilt(syn(&Peer::new(41_000), 5));
    assert_eq!(world.give(&frame), Vec::<Vec<u8>>::new());
    assert_eq!(world.server.waiting(), 0);
}

/// Segments count as datagrams do.
#[test]
fn what_has_a_wrong_checksum_is_refused_and_counted() {
    let mut world = world();
    let (peer, end) = unacknowledged(&mut world, false);
    let closed = Segment { to: (peer.to.0, 80), control: TcpControl::Syn, ..Segment::default() };
    let mut header = segment(&peer, TcpControl::Psh, peer.seq, end, b"more").frame();
    header[24] ^= 0x55;
    let frames = [
        spoilt(segment(&peer, TcpControl::Psh, peer.seq, end, b"more").frame()),
        spoilt(segment(&peer, TcpControl::Rst, peer.seq, end, b"").frame()),
        spoilt(closed.frame()),
        header,
    ];
    for (n, frame) in (1..).zip(frames) {
        assert_eq!(world.give(&frame), Vec::<Vec<u8>>::new());
        assert_eq!(dropped(&world, DropRule::Checksum), n);
    }
    assert_eq!((send_queue(&world), state(&world)), (10, Some(State::Established)));
}

/// What caused it is told first.
#[test]
fn the_syn_is_told_before_what_it_ends() {
    let mut world = world();
    let peer = in_time_wait(&mut world, 40_000);
    world.history.note(world.now, "now");
    world.give(&syn(&peer, peer.seq + 1_000));
    for port in 40_001..40_004 {
        in_time_wait(&mut world, port);
    }
    world.pass(Duration::from_millis(10));
    world.history.note(world.now, "now");
    world.connect(&mut Peer::new(41_000));
    let story = world.history.timeline();
    for part in story.split("now").skip(1) {
        let place = |what: &str| part.find(what).unwrap_or_else(|| panic!("no {what} in\n{part}"));
        assert!(place(" S 0:0(0)") < place("reused"), "{part}");
        assert!(place("reused") < place("TIME-WAIT -> CLOSED"), "{part}");
        assert!(place("TIME-WAIT -> CLOSED") < place("LISTEN -> SYN-RECEIVED"), "{part}");
    }
    assert_eq!(world.server.counters().reused, 2);
}
