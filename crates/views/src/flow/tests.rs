use core::net::Ipv4Addr;

use super::*;

const CLIENT: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(192, 168, 69, 100)), 49_152);
const SERVER: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(192, 168, 69, 1)), 12_000);
/// Near the end of the circle.
const ISS: u32 = u32::MAX - 2;

fn segment(seq: u32, bytes: usize, ack: u32) -> SegmentHead {
    SegmentHead {
        source: CLIENT,
        destination: SERVER,
        seq: ISS.wrapping_add(seq),
        ack: Some(7_000 + ack),
        syn: false,
        fin: false,
        rst: false,
        window: 1_000,
        scale: None,
        bytes,
    }
}

fn reply(seq: u32, bytes: usize, ack: u32) -> SegmentHead {
    SegmentHead {
        source: SERVER,
        destination: CLIENT,
        seq: 7_000 + seq,
        ack: Some(ISS.wrapping_add(ack)),
        ..segment(0, bytes, 0)
    }
}

fn connected() -> Flows<2> {
    let mut flows = Flows::new();
    let syn = SegmentHead { syn: true, ack: None, scale: Some(3), ..segment(0, 0, 0) };
    assert_eq!(flows.see(&syn).marks, []);
    let syn_ack = SegmentHead { syn: true, scale: Some(0), ..reply(0, 0, 1) };
    assert_eq!(flows.see(&syn_ack).marks, []);
    assert_eq!(flows.see(&segment(1, 0, 1)).marks, []);
    flows
}

#[test]
fn numbers_are_counted_from_the_syn_and_windows_shifted() {
    let mut flows = connected();
    let seen = flows.see(&segment(1, 5, 1));
    assert_eq!((seen.first_seq, seen.first_ack, seen.shift), (Some(ISS), Some(7_000), Some(3)));
    assert_eq!(flows.see(&reply(1, 5, 6)).shift, Some(0));
    let mut unknown = Flows::<2>::new();
    assert_eq!(unknown.see(&segment(1, 5, 1)), Seen::default());
}

#[test]
fn what_goes_out_again_is_again() {
    let mut flows = connected();
    assert_eq!(flows.see(&segment(1, 5, 1)).marks, []);
    assert_eq!(flows.see(&segment(1, 5, 1)).marks, [Mark::Again]);
    assert_eq!(flows.see(&segment(1, 9, 1)).marks, [Mark::Again]);
    assert_eq!(flows.see(&segment(10, 1, 1)).marks, []);
    let syn = SegmentHead { syn: true, ack: None, ..segment(0, 0, 0) };
    assert_eq!(flows.see(&syn).marks, [Mark::Again]);
    let new = SegmentHead { syn: true, ack: None, ..segment(500, 0, 0) };
    assert_eq!(flows.see(&new).marks, [], "a new connection");
}

#[test]
fn what_was_lost_is_sent_again_and_acknowledged_nothing() {
    let mut flows = connected();
    flows.see(&reply(1, 100, 1));
    assert_eq!(flows.lost(&segment(1, 5, 101)).marks, []);
    assert_eq!(flows.see(&segment(1, 5, 101)).marks, [Mark::Again]);
    flows.see(&reply(101, 100, 6));
    assert_eq!(flows.lost(&segment(6, 0, 201)).marks, []);
    assert_eq!(flows.see(&segment(6, 0, 201)).marks, [], "the first that came");
}

#[test]
fn a_syn_in_a_live_connection_contradicts_it() {
    let mut flows = connected();
    let new = SegmentHead { syn: true, ack: None, ..segment(500, 0, 0) };
    assert!(!flows.contradicts(&new), "no slot has it any more");
    flows.assign(0, CLIENT, SERVER);
    assert!(flows.contradicts(&new));
    assert!(
        !flows.contradicts(&SegmentHead { syn: true, ack: None, ..segment(0, 0, 0) }),
        "its own SYN, again"
    );
    assert_eq!(flows.look(&new).first_seq, Some(new.seq));
    assert_eq!(flows.see(&segment(1, 5, 1)).first_seq, Some(ISS), "nothing has changed");
}

#[test]
fn what_comes_late_is_not_again() {
    let mut flows = connected();
    assert_eq!(flows.see(&segment(11, 10, 1)).marks, [Mark::AfterGap]);
    assert_eq!(flows.see(&segment(1, 4, 1)).marks, [Mark::FillsGap]);
    assert_eq!(flows.see(&segment(5, 6, 1)).marks, [Mark::FillsGap]);
    assert_eq!(flows.see(&segment(5, 6, 1)).marks, [Mark::Again]);
}

#[test]
fn acknowledgements_without_news() {
    let mut flows = connected();
    assert_eq!(flows.see(&segment(1, 0, 1)).marks, [], "nothing is under way");
    flows.see(&reply(1, 100, 1));
    assert_eq!(flows.see(&segment(1, 0, 1)).marks, [Mark::DuplicateAck(1)]);
    assert_eq!(flows.see(&segment(1, 0, 1)).marks, [Mark::DuplicateAck(2)]);
    assert_eq!(flows.see(&segment(1, 3, 1)).marks, [], "it carries bytes");
    let full = SegmentHead { window: 0, ..segment(4, 0, 101) };
    assert_eq!(flows.see(&full).marks, [Mark::ZeroWindow]);
    assert_eq!(flows.see(&reply(101, 1, 4)).marks, [Mark::WindowProbe]);
    assert_eq!(flows.see(&reply(101, 1, 4)).marks, [Mark::WindowProbe]);
    assert_eq!(flows.see(&full).marks, [Mark::ZeroWindow]);
    let open = SegmentHead { window: 9, ..full };
    assert_eq!(flows.see(&open).marks, [Mark::WindowUpdate]);
    let all = SegmentHead { window: 9, ..segment(4, 0, 102) };
    assert_eq!(flows.see(&all).marks, []);
    assert_eq!(flows.see(&reply(101, 0, 4)).marks, [Mark::KeepAlive]);
    assert_eq!(flows.see(&reply(102, 3, 4)).marks, [], "the probe was taken");
}

#[test]
fn the_quiet_go_first_and_slots_stay_with_their_connections() {
    let mut flows = connected();
    flows.assign(3, CLIENT, SERVER);
    let port = |port| SocketAddr::new(CLIENT.ip(), port);
    for other in 1..10 {
        flows.see(&SegmentHead { source: port(other), ..segment(1, 1, 1) });
        assert_eq!(flows.see(&segment(1, 0, 1)).slot, Some(3));
    }
    flows.assign(3, port(9), SERVER);
    assert_eq!(flows.see(&segment(1, 0, 1)).slot, None);
    assert!(!flows.open(3) && flows.open(4));
    let syn_ack = SegmentHead { syn: true, ..reply(0, 0, 1) };
    assert_eq!(flows.see(&syn_ack).slot, Some(4), "its SYN had waited");
}
