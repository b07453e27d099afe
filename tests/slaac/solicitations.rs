//! Routers are asked, three times, and no more once one has answered.

use super::*;
use undersock::server::Memory;

#[test]
fn routers_are_solicited_three_times_four_seconds_apart() {
    let mut world = world();
    assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"]);
    world.poll();
    world.now += Duration::from_micros(50);
    let sent = world.sent();
    let [frame] = &sent[..] else { panic!("one frame, not {sent:?}") };
    let all_routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    let option = [1, 1, 2, 0, 0, 0, 0, 1];
    assert_eq!(discovery_in(frame), Some((LINK_LOCAL, all_routers, ROUTER_SOLICITATION, option.to_vec())));
    assert_eq!(frame[..12], [0x33, 0x33, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    assert_eq!(solicitations(&mut world, Duration::from_secs(HOUR)), [4_000, 8_000]);
    // And then it sleeps until a frame comes.
    assert_eq!(world.due, None);
}

/// RFC 4429 2.2: while duplicate address detection goes on, no router learns where the address is.
#[test]
fn the_first_solicitation_does_not_tell_where_an_address_is_that_somebody_else_may_have() {
    let memory = Memory::owned(small());
    let mut world = World::as_configured(config(), memory, Uppercase::new()).raw();
    let mut told = vec![];
    for _ in 0..90 {
        world.pass(Duration::from_millis(100));
        world.now += Duration::from_micros(50);
        for frame in world.sent() {
            if let Some((_, _, ROUTER_SOLICITATION, options)) = discovery_in(&frame) {
                told.push(options);
            }
        }
    }
    let option = vec![1, 1, 2, 0, 0, 0, 0, 1];
    assert_eq!(told, [vec![], option.clone(), option]);
}

#[test]
fn an_answer_ends_the_solicitations_but_only_a_routers() {
    for (lifetime, times) in [(1, vec![]), (0, vec![4_000, 8_000])] {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        advertise(&mut world, &Advertisement { lifetime, ..advertisement() }.frame());
        assert!(has(&world, FORMED));
        assert_eq!(solicitations(&mut world, Duration::from_secs(60)), times, "lifetime {lifetime}");
    }
}

/// A device that has no room is asked again soon, and not all the time.
#[test]
fn a_solicitation_waits_for_room() {
    let mut world = world();
    while world.server_end.inject(world.now, b"full") {}
    world.poll();
    assert_eq!(world.due, Some(world.now + Duration::from_millis(1)));
    world.now += SECOND;
    world.sent();
    world.poll();
    world.now += SECOND;
    assert_eq!(kinds(&world.sent()), [ROUTER_SOLICITATION]);
    // So is the question for an address.
    while world.server_end.inject(world.now, b"full") {}
    assert!(world.client_end.inject(world.now, &advertisement().frame()));
    world.now += SECOND;
    world.poll();
    assert_eq!(world.due, Some(world.now + Duration::from_millis(1)));
    world.sent();
    world.now += SECOND;
    world.poll();
    world.now += SECOND;
    assert_eq!(kinds(&world.sent()), [NEIGHBOR_SOLICITATION]);
}
