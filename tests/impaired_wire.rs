//! The wire on both sides of trouble, with nobody at either end: what comes out of it, exactly, and when.

use core::cell::RefCell;
use std::rc::Rc;

use test_support::world::{CLIENT_MAC, client_v4, raw, server_v4};
use undersock::device::impaired::{Impaired, Received, Settings};
use undersock::device::wire::{MAX_FRAME, Wire};
use undersock::event::{Direction, Event, Fate, Observer, Trouble};
use undersock::packet::damaged;
use undersock::smoltcp::phy::{Device, RxToken, TxToken};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::ArpOperation;

/// The trouble that was told of.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<Stroke>>>);

/// Which way a frame was going, what happened to it, and the frame.
type Stroke = (Direction, Fate, Vec<u8>);

impl Observer for Told {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        let Event::Trouble(Trouble { direction, fate, bytes, .. }) = event else { panic!("{event:?}") };
        self.0.borrow_mut().push((*direction, *fate, bytes.to_vec()));
    }
}

/// Settings from the options of a command.
fn settings(options: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in options {
        settings.set(name, value).unwrap_or_else(|error| panic!("--{name} '{value}': {error}"));
    }
    settings
}

fn send(device: &mut impl Device, now: Instant, bytes: &[u8]) -> bool {
    let token = device.transmit(now);
    token.map(|token| token.consume(bytes.len(), |frame| frame.copy_from_slice(bytes))).is_some()
}

fn take(device: &mut impl Device, now: Instant) -> Option<Vec<u8>> {
    device.receive(now).map(|(token, _)| token.consume(<[u8]>::to_vec))
}

/// What comes out at the far end, frame by frame with its time, of frames that went in at `now`.
fn out<const HELD: usize>(
    options: &[(&str, &str)],
    frames: &[Vec<u8>],
    until: Duration,
) -> (Vec<(Duration, Vec<u8>)>, Told) {
    let wire = Wire::owned(Duration::ZERO, 64);
    let (near, mut far) = wire.ends();
    let told = Told::default();
    let mut device: Impaired<_, _, HELD> = Impaired::new(near, &settings(options), told.clone());
    let began = Instant::from_secs(1);
    let mut arrived = Vec::new();
    let mut collect = |now| {
        arrived.extend(core::iter::from_fn(|| far.take(now)).map(|frame| (now - began, frame.to_vec())))
    };
    for frame in frames {
        assert!(send(&mut device, began, frame));
        collect(began);
    }
    let mut now = began;
    loop {
        device.flush(now);
        collect(now);
        match device.poll_at(now) {
            Some(next) if next <= began + until => now = next,
            _ => return (arrived, told),
        }
    }
}

/// So many frames of so many bytes, each its own.
fn numbered(count: u16, bytes: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| [&n.to_be_bytes()[..], &vec![0; bytes - 2]].concat()).collect()
}

fn times(arrived: &[(Duration, Vec<u8>)]) -> Vec<u64> {
    arrived.iter().map(|(after, _)| after.total_micros()).collect()
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn delay_and_rate_are_exact() {
    let frames = numbered(5, 1_000);
    let (arrived, told) = out::<8>(&[("delay", "20ms")], &frames, MINUTE);
    assert_eq!(times(&arrived), [20_000; 5]);
    assert!(arrived.iter().map(|(_, frame)| frame).eq(&frames), "in order");
    // 8,000 bits take 8 ms.
    let (arrived, _) = out::<8>(&[("rate", "1Mbit/s")], &frames, MINUTE);
    assert_eq!(times(&arrived), [8_000, 16_000, 24_000, 32_000, 40_000]);
    let (arrived, _) = out::<8>(&[("rate", "1Mbit/s"), ("delay", "20ms")], &frames, MINUTE);
    assert_eq!(times(&arrived), [28_000, 36_000, 44_000, 52_000, 60_000]);
    let (arrived, _) = out::<8>(&[("rate", "in:1Mbit/s"), ("delay", "in:20ms")], &frames, MINUTE);
    assert_eq!(times(&arrived), [0; 5], "the other direction");
    assert_eq!(*told.0.borrow(), [], "it is the wire's nature");
    // 2,500 bytes wait: the frame that is being sent, and one behind it.
    let (arrived, told) = out::<8>(&[("rate", "1Mbit/s queue 2500")], &frames, MINUTE);
    assert_eq!(times(&arrived), [8_000, 16_000]);
    let seen = told.0.borrow();
    let lost: Vec<_> = seen.iter().map(|(_, fate, bytes)| (*fate, &bytes[..])).collect();
    assert_eq!(lost, [(Fate::Lost, &frames[2][..]), (Fate::Lost, &frames[3]), (Fate::Lost, &frames[4])]);
}

#[test]
fn jitter_keeps_the_order_and_reordering_does_not() {
    let frames = numbered(60, 100);
    let (arrived, told) = out::<60>(&[("delay", "20ms±5ms")], &frames, MINUTE);
    assert!(arrived.iter().map(|(_, frame)| frame).eq(&frames), "in order");
    assert!(times(&arrived).iter().all(|micros| (15_000..=25_000).contains(micros)));
    assert_eq!(*told.0.borrow(), []);

    let (arrived, told) = out::<60>(&[("delay", "20ms"), ("reorder", "10% by 3ms")], &frames, MINUTE);
    let late: Vec<&Vec<u8>> =
        arrived.iter().filter(|(after, _)| after.millis() == 23).map(|(_, frame)| frame).collect();
    assert!(times(&arrived).iter().all(|micros| matches!(micros, 20_000 | 23_000)));
    assert_eq!(arrived.len(), 60);
    // This seed's, of 6.
    assert_eq!(late.len(), 3);
    let seen = told.0.borrow();
    assert!(seen.iter().all(|(_, fate, _)| *fate == Fate::Delayed(Duration::from_millis(3))));
    assert!(seen.iter().map(|(.., bytes)| bytes).eq(late), "these were told");
}

/// How many of 10,000 frames were lost, duplicated and corrupted in each direction, with one seed.
#[test]
fn chances_come_out_as_they_should() {
    let count = |options: &[(&str, &str)]| {
        let wire = Wire::owned(Duration::ZERO, 4);
        let (near, mut far) = wire.ends();
        let told = Told::default();
        let mut device: Impaired<_, _, 2> = Impaired::new(near, &settings(options), told.clone());
        // IPv4 in name: what a checksum guards.
        let mut frame = vec![0; 60];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[17] = 46;
        let now = Instant::ZERO;
        let mut arrived = [0; 2];
        for _ in 0..10_000 {
            assert!(send(&mut device, now, &frame) && far.inject(now, &frame));
            device.flush(now);
            arrived[0] += core::iter::from_fn(|| take(&mut device, now)).count();
            arrived[1] += core::iter::from_fn(|| far.take(now)).count();
        }
        let seen = told.0.borrow();
        let fates = |direction, like: fn(&Fate) -> bool| {
            seen.iter().filter(|(way, fate, _)| *way == direction && like(fate)).count()
        };
        let lost = [Direction::In, Direction::Out].map(|way| fates(way, |fate| *fate == Fate::Lost));
        let doubled = [Direction::In, Direction::Out].map(|way| fates(way, |fate| *fate == Fate::Duplicated));
        let bad = [Direction::In, Direction::Out]
            .map(|way| fates(way, |fate| matches!(fate, Fate::Corrupted { .. })));
        for way in [0, 1] {
            assert_eq!(arrived[way], 10_000 - lost[way] + doubled[way]);
        }
        (lost, doubled, bad)
    };
    let all = count(&[("loss", "5%"), ("duplicate", "1%"), ("corrupt", "1/50"), ("seed", "7")]);
    // This seed's: of 500, of 95 that aren't lost, and of 190.
    assert_eq!(all, ([517, 489], [80, 93], [187, 192]));
    // The other direction's chances change nothing, and no loss moves a duplicate but those that it swallows.
    let (lost, doubled, bad) =
        count(&[("loss", "in:5%"), ("duplicate", "in:1%"), ("corrupt", "in:1/50"), ("seed", "7")]);
    assert_eq!(
        ([lost[0], doubled[0], bad[0]], [lost[1], doubled[1], bad[1]]),
        ([all.0[0], all.1[0], all.2[0]], [0; 3])
    );
    assert_eq!(count(&[("loss", "100%")]), ([10_000; 2], [0; 2], [0; 2]));
    assert_eq!(count(&[("duplicate", "100%")]), ([0; 2], [10_000; 2], [0; 2]));
    assert_eq!(count(&[("corrupt", "100%")]), ([0; 2], [0; 2], [10_000; 2]));
}

#[test]
fn one_bit_is_inverted_and_it_is_the_one_that_was_told() {
    let frame = raw::udp((client_v4(), 40_000), (server_v4(), 12_000), b"hello");
    let request = raw::arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4());
    let (arrived, told) = out::<8>(&[("corrupt", "100%")], &[frame.clone(), request.clone()], MINUTE);
    let seen = told.0.borrow();
    let [(_, Fate::Corrupted { bit }, bytes)] = &seen[..] else { panic!("{:?}", seen) };
    assert_eq!(*bytes, frame, "as it was sent");
    let mut wrong = frame.clone();
    wrong[bit / 8] ^= 0x80 >> (bit % 8);
    assert_eq!((&arrived[0].1, &arrived[1].1), (&wrong, &request), "no checksum guards ARP");
    assert!(damaged(&wrong).is_some());
    // Unless it is asked for.
    let (arrived, _) =
        out::<8>(&[("trouble", "corrupt the first ARP")], core::slice::from_ref(&request), MINUTE);
    assert_ne!(arrived[0].1, request);
    assert_eq!(arrived[0].1[..14], request[..14]);
}

#[test]
fn what_finds_no_room_is_lost_and_told() {
    let frames = numbered(4, 100);
    let (arrived, told) = out::<2>(&[("delay", "1s")], &frames, MINUTE);
    assert_eq!(arrived.len(), 2);
    let seen = told.0.borrow();
    let lost: Vec<_> = seen.iter().map(|(way, fate, bytes)| (*way, *fate, &bytes[..])).collect();
    assert_eq!(
        lost,
        [(Direction::Out, Fate::Lost, &frames[2][..]), (Direction::Out, Fate::Lost, &frames[3])]
    );
    // Room for the frame and none for its copy: no copy, and none is told of.
    let (arrived, told) = out::<1>(&[("delay", "1s"), ("duplicate", "100%")], &frames[..1], MINUTE);
    assert_eq!((arrived.len(), told.0.borrow().len()), (1, 0));
    // None at all is enough for losses.
    let (arrived, told) = out::<0>(&[("loss", "100%")], &frames, MINUTE);
    assert_eq!((arrived.len(), told.0.borrow().len()), (0, 4));
    // A frame that no wire carries.
    let wire = Wire::owned(Duration::ZERO, 4);
    let (near, mut far) = wire.ends();
    let mut device: Impaired<_, _, 4> = Impaired::new(near, &settings(&[("delay", "1s")]), ());
    assert_eq!(device.capabilities().max_transmission_unit, MAX_FRAME);
    assert!(send(&mut device, Instant::ZERO, &[1; MAX_FRAME]) && far.inject(Instant::ZERO, &[1; MAX_FRAME]));
    assert_eq!(take(&mut device, Instant::ZERO), None);
    assert_eq!((device.held(Direction::In), device.held(Direction::Out)), (1, 1));
}

#[test]
fn frames_wait_while_the_device_has_no_room() {
    let wire = Wire::owned(Duration::ZERO, 1);
    let (near, mut far) = wire.ends();
    let mut device: Impaired<_, _, 4> = Impaired::new(near, &settings(&[("duplicate", "100%")]), ());
    let now = Instant::from_secs(1);
    let [one, two, three] = [b"1", b"2", b"3"].map(|byte| [&byte[..], &[0; 59]].concat());
    assert!(send(&mut device, now, &one));
    assert_eq!((device.held(Direction::Out), device.poll_at(now)), (1, Some(now)), "its copy is due at once");
    device.flush(now);
    assert_eq!(device.poll_at(now), Some(now + Duration::from_millis(1)), "not at once, for ever");
    assert!(!send(&mut device, now, &two), "nor does it overtake the copy");
    // And nothing is taken in that might have to be answered.
    assert!(far.inject(now, &three));
    assert_eq!(take(&mut device, now), None);
    assert_eq!(far.take(now).as_deref(), Some(&one[..]));
    device.flush(now);
    assert_eq!(far.take(now).as_deref(), Some(&one[..]));
    assert_eq!((take(&mut device, now), take(&mut device, now)), (Some(three.clone()), Some(three)));
    assert_eq!((take(&mut device, now), device.poll_at(now)), (None, None));
    assert!(send(&mut device, now, &two));
}

#[test]
fn without_trouble_nothing_is_looked_at_or_copied() {
    let wire = Wire::owned(Duration::ZERO, 4);
    let (near, mut far) = wire.ends();
    let mut device: Impaired<_, Told, 0> = Impaired::new(near, &Settings::default(), Told::default());
    let now = Instant::from_secs(1);
    assert!(far.inject(now, b"frame") && far.inject(now, b"frame"));
    assert!(matches!(device.receive(now), Some((Received::Straight(_), _))));
    let (frame, answer) = device.receive(now).expect("another");
    frame.consume(|frame| answer.consume(frame.len(), |place| place.copy_from_slice(frame)));
    assert_eq!(far.take(now).as_deref(), Some(&b"frame"[..]));
    // A rule that has done its work leaves the frames alone.
    let wire = Wire::owned(Duration::ZERO, 4);
    let (near, mut far) = wire.ends();
    let settings = settings(&[("trouble", "drop the first frame from the client")]);
    let mut device: Impaired<_, _, 0> = Impaired::new(near, &settings, ());
    assert!(far.inject(now, &[1; 60]) && far.inject(now, &[2; 60]));
    assert!(matches!(device.receive(now), Some((Received::Late(frame), _)) if frame == [2; 60]));
    assert!(far.inject(now, &[3; 60]));
    assert!(matches!(device.receive(now), Some((Received::Straight(_), _))));
}
