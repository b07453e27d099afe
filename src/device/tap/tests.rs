use super::*;
use rustix::net::socketpair;

const NOW: Instant = Instant::ZERO;

/// A socket pair that keeps borders, as a TAP interface does: what one writes is the other's frame.
fn pair() -> (Tap, OwnedFd) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    (Tap::over(ours, "pair", 1500, Link::Ethernet), theirs)
}

fn send(tap: &mut Tap, frame: &[u8]) -> bool {
    let Some(token) = tap.transmit(NOW) else { return false };
    token.consume(frame.len(), |room| room.copy_from_slice(frame));
    true
}

fn take(file: &OwnedFd) -> Vec<u8> {
    let mut frame = [0; 2000];
    let length = rustix::io::read(file, &mut frame).unwrap();
    frame[..length].to_vec()
}

#[test]
fn names() {
    for name in ["tap0", "t", "br-lan.5", "tap_for-classes", "..."] {
        assert!(Tap::check_name(name).is_ok(), "{name:?}");
    }
    for name in
        ["", ".", "..", "a/b", "tap 0", "tap%d", "a:1", "tap\n", "t\u{e4}p", "sixteen-bytes-xx", "t\0"]
    {
        assert!(matches!(Tap::check_name(name), Err(TapError::BadName(_))), "{name:?}");
        assert!(matches!(Tap::open(name), Err(TapError::BadName(_))), "{name:?}");
    }
}

#[test]
fn a_frame_comes_in_and_its_reply_goes_out() {
    let (mut tap, far) = pair();
    assert!(tap.receive(NOW).is_none());
    rustix::io::write(&far, b"ping").unwrap();
    let (received, sending) = tap.receive(NOW).unwrap();
    received.consume(|frame| {
        sending.consume(frame.len(), |reply| reply.copy_from_slice(&frame.to_ascii_uppercase()));
    });
    assert_eq!(take(&far), b"PING");
    assert_eq!(tap.counters(), TapCounters { received: 1, sent: 1, dropped: 0 });
}

#[test]
fn the_mtu_is_the_interfaces_within_bounds() {
    for (interface, ours) in [(0, 68), (68, 68), (1500, 1500), (9000, 9000), (65_521, 9216)] {
        let (ours_end, _theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let tap = Tap::over(ours_end, "pair", interface, Link::Ethernet);
        assert_eq!(tap.ip_mtu(), ours);
        assert_eq!(tap.capabilities().ip_mtu(), ours);
    }
}

#[test]
fn a_frame_larger_than_the_mtu_has_room_all_the_same() {
    let (mut tap, far) = pair();
    assert!(send(&mut tap, &[7; 1900]));
    assert_eq!(take(&far), [7; 1900]);
}

#[test]
fn without_room_one_frame_is_kept_and_goes_first() {
    let (mut tap, far) = pair();
    let mut number = 0_u32;
    while !tap.blocked() {
        assert!(send(&mut tap, &number.to_be_bytes()));
        number += 1;
    }
    assert!(!send(&mut tap, b"not now"));
    rustix::io::write(&far, b"waits").unwrap();
    assert!(tap.receive(NOW).is_none(), "a reply would have no buffer");
    let soon = Some(Duration::from_micros(300));
    assert!(!tap.wait(soon, []).unwrap().tap, "a frame that waits doesn't end the sleep of a blocked device");

    // Room: the kept frame goes before any other, and each once.
    for expected in 0..number - 1 {
        assert_eq!(take(&far), expected.to_be_bytes());
    }
    assert!(tap.wait(None, []).unwrap().tap);
    assert!(tap.receive(NOW).is_some());
    assert!(!tap.blocked());
    assert_eq!(take(&far), (number - 1).to_be_bytes());
    assert_eq!(tap.counters(), TapCounters { received: 1, sent: number.into(), dropped: 0 });
}

#[test]
fn waiting_names_what_is_ready() {
    let (mut tap, far) = pair();
    let (signal, signal_far) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let now = Some(Duration::ZERO);
    assert_eq!(tap.wait(now, [signal.as_fd()]).unwrap(), Ready { tap: false, others: [false] });
    rustix::io::write(&signal_far, b"x").unwrap();
    assert_eq!(tap.wait(None, [signal.as_fd()]).unwrap(), Ready { tap: false, others: [true] });
    rustix::io::write(&far, b"x").unwrap();
    assert_eq!(tap.wait(Some(Duration::MAX), [signal.as_fd()]).unwrap(), Ready { tap: true, others: [true] });
}

#[test]
fn the_end_of_the_file_is_reported_and_stays() {
    let (mut tap, far) = pair();
    drop(far);
    assert!(tap.error().is_none());
    assert!(tap.wait(None, []).unwrap().tap);
    assert!(matches!(tap.error(), Some(TapError::Removed)));
    assert!(tap.receive(NOW).is_none());
    assert!(tap.transmit(NOW).is_none());
    assert!(matches!(tap.error(), Some(TapError::Removed)));
}
