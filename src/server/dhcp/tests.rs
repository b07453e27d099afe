mod stage;

use std::collections::BTreeSet;
use std::vec::Vec;

use self::stage::*;
use super::*;
use crate::packet::dhcp::{ACK, DISCOVER, NAK, OFFER};

#[test]
fn an_address_is_asked_for_probed_and_renewed() {
    let mut link = Link::new();
    assert_eq!(link.dhcp.deadline(), Instant::ZERO);
    link.run(1, life(HOUR));
    assert_eq!(link.dhcp.probing(), Some(LEASED));
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (None, false));
    link.run(HOUR / 2, life(HOUR));
    let probe = "probe 192.168.69.77";
    assert_eq!(link.names(), ["discover", "request", probe, probe, probe, "renew"], "{:?}", link.trace);
    assert_eq!((link.trace[0].0, link.trace[1].0, link.trace[2].0), (0, 0, 0));
    let probes = link.times(probe);
    assert!(probes.windows(2).all(|pair| (1_000..2_000).contains(&(pair[1] - pair[0]))), "{probes:?}");
    assert_eq!(link.times("renew"), [1_800_000]);
    assert_eq!(link.dhcp.probing(), None);
    assert_eq!(link.dhcp.lease(), Some(leased()));
    assert!(link.dhcp.changed() && !link.dhcp.changed());
    link.run(4 * HOUR, life(HOUR));
    assert_eq!(link.times("renew").len(), 8);
    assert_eq!(link.trace.len(), 13, "what is renewed is not probed");
    assert!(!link.dhcp.changed());
}

#[test]
fn silence_is_asked_into_less_and_less_often() {
    let mut link = Link::new();
    link.run(300, silence);
    assert_gaps(&link.times("discover"), &[4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]);
    // No two clients keep step.
    let seeds = (0..20).map(|seed| {
        let mut link = Link::seeded(seed);
        link.run(6, silence);
        link.trace[1].0
    });
    assert!(seeds.collect::<BTreeSet<_>>().len() > 15);
    // Whoever answers at last is heard, and how long it took is said.
    link.run(400, life(HOUR));
    assert_eq!(link.dhcp.lease(), Some(leased()));
    assert!(link.last.is_some_and(|asked| (250..400).contains(&asked.seconds)), "{:?}", link.last);
}

#[test]
fn a_server_that_offers_and_never_leases_is_asked_four_times() {
    let mut link = Link::new();
    let mut transactions = BTreeSet::new();
    link.run(59, |asked| {
        transactions.insert((asked.transaction, asked.seconds));
        if asked.kind == DISCOVER { [Says::usual(OFFER, HOUR)].into() } else { Vec::new() }
    });
    assert_eq!(link.names()[..5], ["discover", "request", "request", "request", "request"]);
    assert_gaps(&link.times("request")[..4], &[4_000, 8_000, 16_000]);
    link.run(70, silence);
    assert_eq!(link.times("discover").len(), 3, "{:?}", link.trace);
    assert_eq!(transactions.len(), 1, "one exchange, in which all says the same");
    assert!(!transactions.contains(&(link.last.expect("a question").transaction, 0)), "and a new one");
}

#[test]
fn only_the_chosen_server_says_yes_or_no() {
    // Two servers, and the one that was not asked knows nothing of it.
    let rival = |asked: &Asked| match asked.kind {
        DISCOVER => {
            std::vec![Says::usual(OFFER, HOUR), Says::usual(OFFER, HOUR).from(RIVAL).address([10, 0, 0, 1])]
        }
        _ => std::vec![Says::new(NAK).from(RIVAL), Says::usual(ACK, 5).from(RIVAL), Says::usual(ACK, HOUR)],
    };
    let mut link = Link::new();
    link.run(2 * HOUR, rival);
    assert_eq!(link.times("discover").len(), 1, "{:?}", link.trace);
    assert_eq!(link.times("renew"), [1_800_000, 3_600_000, 5_400_000, 7_200_000]);
    // Nor does anything that comes unasked change what is in use, from whomever it is.
    for says in [Says::new(NAK), Says::new(NAK).from(RIVAL), Says::usual(ACK, 5), Says::usual(OFFER, 5)] {
        link.hear(&says);
    }
    assert_eq!(link.dhcp.lease(), Some(leased()));
    assert!(link.dhcp.deadline() > Instant::from_secs(2 * HOUR + 1_000));
}

#[test]
fn a_lease_that_comes_before_it_is_asked_for_is_none() {
    let mut link = Link::new();
    link.run(3, |asked| match asked.kind {
        DISCOVER => std::vec![Says::usual(OFFER, HOUR), Says::usual(ACK, HOUR), Says::new(NAK)],
        _ => Vec::new(),
    });
    assert_eq!(link.names(), ["discover", "request"], "{:?}", link.trace);
}

#[test]
fn no_server_makes_a_storm_by_saying_no() {
    let mut link = Link::new();
    link.run(HOUR, |asked| {
        std::vec![if asked.kind == DISCOVER { Says::usual(OFFER, HOUR) } else { Says::new(NAK) }]
    });
    let times = link.times("discover");
    assert_gaps(&times[..7], &[0, 4_000, 8_000, 16_000, 32_000, 64_000]);
    assert!(link.trace.len() < 150, "{} in an hour", link.trace.len());
    // All is well again with the first yes.
    link.run(HOUR + 100, life(HOUR));
    assert_eq!((link.dhcp.lease(), link.dhcp.naks), (Some(leased()), 0));
}

#[test]
fn a_no_to_the_renewal_takes_the_address_and_another_is_asked_for_at_once() {
    let mut link = Link::bound(HOUR);
    link.run(HOUR / 2, |_| std::vec![Says::new(NAK)]);
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (None, true));
    assert_eq!(link.names()[..2], ["renew", "discover"]);
    assert_eq!((link.trace[0].0, link.trace[1].0), (1_800_000, 1_800_000));
}

#[test]
fn without_an_answer_the_address_is_renewed_rebound_and_given_up() {
    let mut link = Link::bound(HOUR);
    link.run(HOUR - 1, silence);
    let minute = 60_000;
    // T1, then half of what is left until T2, then one minute; T2, and the same until the end.
    let renew: Vec<_> = link.times("renew").iter().map(|at| at / minute).collect();
    assert_eq!(renew, [30, 41, 46, 49, 51, 52], "{:?}", link.trace);
    let rebind: Vec<_> = link.times("rebind").iter().map(|at| at / minute).collect();
    assert_eq!(rebind, [52, 56, 58, 59], "{:?}", link.trace);
    assert_eq!(link.times("rebind")[0], 3_150_000);
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (Some(leased()), false));
    link.run(HOUR, silence);
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (None, true));
    assert_eq!(link.times("discover"), [3_600_000]);
    // The seconds of a new exchange.
    assert_eq!(link.last.expect("a question").seconds, 0);
}

#[test]
fn any_server_may_answer_when_all_are_asked() {
    let mut link = Link::bound(HOUR);
    link.run(3_200, |asked| match asked.seconds {
        // The rival isn't heard before T2, 1350 s after T1.
        0..1_350 => std::vec![Says::usual(ACK, HOUR).from(RIVAL), Says::new(NAK).from(RIVAL)],
        _ => std::vec![Says::usual(ACK, HOUR).from(RIVAL)],
    });
    assert_eq!(link.times("rebind"), [3_150_000]);
    assert_eq!((link.dhcp.state, link.dhcp.server), (State::Bound, RIVAL));
    let mut link = Link::bound(HOUR);
    link.run(3_150, |asked| match asked.seconds {
        0..1_350 => Vec::new(),
        _ => std::vec![Says::new(NAK).from(RIVAL)],
    });
    assert_eq!(link.dhcp.lease(), Some(leased()), "the other server has a second");
    link.run(3_151, silence);
    assert_eq!((link.dhcp.lease(), link.dhcp.state), (None, State::Selecting));
    assert_eq!(link.times("discover"), [3_151_000]);
    // Which the chosen one may use, whatever the rival says, and however often.
    for rebound in [false, true] {
        let mut link = Link::bound(HOUR);
        if !rebound {
            link.dhcp.link_up(link.now);
        }
        link.run(3_600, |asked| match asked.seconds {
            1..1_350 => Vec::new(),
            _ => std::vec![Says::new(NAK).from(RIVAL), Says::new(NAK).from(RIVAL), Says::usual(ACK, HOUR)],
        });
        assert_eq!(link.times("discover"), [0; 0], "{:?}", link.trace);
        assert_eq!((link.dhcp.lease(), link.dhcp.server), (Some(leased()), SERVER));
    }
}

#[test]
fn a_lease_of_a_second_is_held_as_long_as_it_is_renewed() {
    let mut link = Link::new();
    link.run(1, life(1));
    assert_eq!(link.dhcp.lease(), Some(leased()), "{:?}", link.trace);
    link.run(100, life(1));
    assert_eq!(link.times("discover").len(), 1, "{:?}", link.trace);
    assert_eq!(link.times("renew").len(), 200);
    link.trace.clear();
    link.run(102, silence);
    assert_eq!(link.names(), ["renew", "renew", "renew", "rebind", "discover"], "{:?}", link.trace);
    assert_eq!(link.dhcp.lease(), None);
    // One whose answers come too late doesn't have it, and doesn't ask more often for that.
    let mut link = Link::new();
    link.run(0, |asked| if asked.kind == DISCOVER { life(1)(asked) } else { Vec::new() });
    link.now = Instant::from_millis(1_000);
    link.hear(&Says::usual(ACK, 1));
    assert_eq!(link.dhcp.state, State::Requesting);
    assert!(link.dhcp.deadline() >= Instant::from_secs(3));
}

#[test]
fn every_lease_is_renewed_in_time_however_long_it_is() {
    for lease in [1, 2, 3, 7, 16, 59, 60, 119, 121, 480, 86_400, u32::MAX / 2, u32::MAX - 1] {
        let mut link = Link::new();
        let end = lease.saturating_mul(3);
        link.run(end, life(lease));
        assert_eq!((link.times("discover").len(), link.dhcp.lease()), (1, Some(leased())), "{lease}");
        assert!(link.times("renew").len() <= 6, "{lease}: {:?}", link.trace);
    }
    let mut link = Link::new();
    link.run(HOUR, life(u32::MAX));
    assert_eq!(link.dhcp.lease(), Some(leased()));
    assert!(link.dhcp.deadline() > Instant::from_secs(68_i64 * 365 * 86_400), "for ever");
}

#[test]
fn t1_and_t2_are_the_servers_if_they_are_in_their_order() {
    for (t1, t2, renewed) in [
        (100, 200, 100),
        (0, 0, 1_800),
        (100, 0, 100),
        (0, 2_000, 1_800),
        (0, 1_000, 1_800),
        (200, 100, 1_800),
        (200, 200, 1_800),
        (100, 3_600, 1_800),
        (3_601, 3_602, 1_800),
        (u32::MAX, u32::MAX, 1_800),
    ] {
        let mut link = Link::new();
        link.run(2_000, |asked| match asked.kind {
            DISCOVER => life(HOUR)(asked),
            _ => std::vec![Says::usual(ACK, HOUR).seconds(58, t1).seconds(59, t2)],
        });
        assert_eq!(link.times("renew").first(), Some(&(renewed * 1_000)), "{t1} {t2}");
    }
}

#[test]
fn what_an_ack_leaves_out_is_as_it_was_offered() {
    let bare = |asked: &Asked| match asked.kind {
        DISCOVER => std::vec![Says::usual(OFFER, 600)],
        _ => std::vec![Says::new(ACK)],
    };
    let mut link = Link::new();
    link.run(1_000, bare);
    assert_eq!(
        (link.dhcp.lease(), link.times("renew")),
        (Some(leased()), std::vec![300_000, 600_000, 900_000])
    );
    // Of a server that never says how long, it is an hour; and the mask is the class's (RFC 950).
    for (address, prefix) in [([10, 1, 2, 3], 8), ([172, 16, 0, 9], 16), ([192, 168, 1, 1], 24)] {
        let mut dhcp = Dhcp::new(MAC, 1, Instant::ZERO);
        let lease = lease_of(&mut dhcp, &Says::new(OFFER).address(address), &Says::new(ACK).address(address));
        assert_eq!(lease, Some(Lease { address: Ipv4Cidr::new(address.into(), prefix), router: NOBODY }));
        assert_eq!(dhcp.deadline().min(dhcp.renew), Instant::from_secs(1_800));
    }
}

/// Goes through one exchange and the probes.
fn lease_of(dhcp: &mut Dhcp, offer: &Says, ack: &Says) -> Option<Lease> {
    let start = Instant::ZERO;
    for says in [offer, ack] {
        dhcp.due(start)?;
        dhcp.transmitted(start);
        dhcp.receive(&says.message(dhcp.transaction), STATION, start);
    }
    while dhcp.state != State::Bound {
        let now = dhcp.deadline();
        if now > Instant::from_secs(20) {
            return None;
        }
        if dhcp.due(now).is_some() {
            dhcp.transmitted(now);
        }
    }
    dhcp.lease()
}

#[test]
fn what_no_host_can_have_is_not_taken() {
    let usual = || Says::usual(OFFER, HOUR);
    let masked = |mask: [u8; 4]| Says::new(OFFER).option(1, &mask).seconds(51, HOUR);
    for offer in [
        usual().address([0, 0, 0, 0]),
        usual().address([127, 0, 0, 1]),
        usual().address([224, 0, 0, 1]),
        usual().address([255, 255, 255, 255]),
        usual().address([192, 168, 69, 0]),
        usual().address([192, 168, 69, 255]),
        masked([255, 0, 255, 0]),
        masked([0, 255, 255, 255]),
        masked([255, 255, 255, 253]),
        usual().from(NOBODY),
        usual().option(61, &[1, 2, 0, 0, 0, 0, 2]),
        usual().option(61, &[0]),
        Says { kind: ACK, ..usual() },
        Says { kind: 0, ..usual() },
    ] {
        let mut link = Link::new();
        link.run(20, |_| std::vec![offer.clone()]);
        assert_eq!(link.names(), ["discover"; 3], "{:?}", offer.message(0));
        // The next that can be is.
        link.run(60, life(HOUR));
        assert_eq!(link.dhcp.lease(), Some(leased()));
    }
    let mut link = Link::new();
    link.run(10, |asked| {
        life(HOUR)(asked).into_iter().map(|says| says.option(61, &[1, 2, 0, 0, 0, 0, 1])).collect()
    });
    assert_eq!(link.dhcp.lease(), Some(leased()), "its own name, repeated (RFC 6842)");
}

#[test]
fn the_router_is_the_first_that_is_in_the_network() {
    let other = [10, 0, 0, 1];
    for (routers, router) in [
        (&[ROUTER.octets()].concat()[..], Some(ROUTER)),
        (
            &[other, LEASED.octets(), [192, 168, 69, 0], [192, 168, 69, 2]].concat(),
            Some([192, 168, 69, 2].into()),
        ),
        (&[other].concat(), None),
        (&[192, 168, 69], None),
        (&[], None),
    ] {
        let says = |kind| Says::new(kind).option(1, &[255, 255, 255, 0]).option(3, routers);
        let lease = lease_of(&mut Dhcp::new(MAC, 1, Instant::ZERO), &says(OFFER), &says(ACK));
        assert_eq!(lease.map(|lease| lease.router()), Some(router), "{routers:?}");
    }
}

#[test]
fn a_renewal_may_change_router_and_network_and_not_the_address() {
    let mut link = Link::bound(HOUR);
    let (mask, router) = ([255, 255, 0, 0], [192, 168, 1, 1]);
    link.run(1_900, |_| {
        let moved = Says::usual(ACK, HOUR).address([192, 168, 69, 78]);
        std::vec![moved, Says::new(ACK).option(1, &mask).option(3, &router)]
    });
    let lease = Lease { address: Ipv4Cidr::new(LEASED, 16), router: router.into() };
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (Some(lease), true));
    assert_eq!(link.names(), ["renew"]);
}

#[test]
fn an_address_that_somebody_has_is_declined_and_another_is_asked_for_later() {
    let mut link = Link::new();
    link.run(1, life(HOUR));
    // What is no claim of it: our own probe that came back, others that ask for it or speak of others.
    for (mac, sender, target) in [
        (MAC, NOBODY, LEASED),
        (STATION, SERVER, LEASED),
        (STATION, NOBODY, SERVER),
        (STATION, SERVER, SERVER),
    ] {
        link.arp(mac, sender, target);
    }
    assert_eq!(link.dhcp.probing(), Some(LEASED));
    link.arp(STATION, NOBODY, LEASED);
    link.arp(STATION, LEASED, SERVER);
    link.dhcp.conflict(link.now);
    assert_eq!((link.dhcp.lease(), link.dhcp.probing(), link.dhcp.changed()), (None, None, false));
    link.run(10, life(HOUR));
    assert_eq!(link.names(), ["discover", "request", "probe 192.168.69.77", "decline"], "{:?}", link.trace);
    link.dhcp.link_up(link.now);
    link.run(11, life(HOUR));
    assert_eq!(link.times("decline"), [1_000]);
    assert_eq!(link.times("discover"), [0, 11_000]);
    // Ten in a row, and it is a minute.
    let mut conflicts = 1;
    while conflicts < 12 {
        link.run(link.now.secs() as u32 + 1, life(HOUR));
        if link.dhcp.probing().is_some() {
            link.arp(STATION, LEASED, LEASED);
            conflicts += 1;
        }
    }
    let gaps: Vec<_> = link.times("discover").windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert!(gaps[..9].iter().all(|gap| (10..13).contains(gap)), "{gaps:?}");
    assert!(gaps[9..].iter().all(|gap| (60..63).contains(gap)), "{gaps:?}");
    link.run(link.now.secs() as u32 + 80, life(HOUR));
    assert_eq!((link.dhcp.lease(), link.dhcp.conflicts), (Some(leased()), 0));
}

#[test]
fn an_address_in_use_that_is_lost_is_declined() {
    let mut link = Link::bound(HOUR);
    link.dhcp.conflict(link.now);
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (None, true));
    link.run(30, life(HOUR));
    assert_eq!(link.names()[..3], ["decline", "discover", "request"]);
    assert_eq!((link.trace[0].0, link.trace[1].0), (10_000, 20_000));
    assert_eq!(link.dhcp.lease(), Some(leased()));
}

#[test]
fn who_has_no_address_has_no_conflict() {
    let mut link = Link::new();
    link.dhcp.conflict(link.now);
    link.run(1, silence);
    link.dhcp.conflict(link.now);
    link.run(5, silence);
    assert_eq!(link.names(), ["discover", "discover"]);
}

#[test]
fn after_the_link_was_down_the_lease_is_asked_for_again() {
    let mut link = Link::bound(HOUR);
    link.dhcp.link_up(link.now);
    assert_eq!((link.dhcp.lease(), link.dhcp.changed()), (Some(leased()), false));
    // Any server may answer; what was in use is not probed again.
    link.run(20, |_| std::vec![Says::usual(ACK, HOUR).from(RIVAL)]);
    assert_eq!((link.names(), link.dhcp.server), (std::vec!["reboot"], RIVAL));
    assert_eq!((link.dhcp.state, link.dhcp.renew), (State::Bound, Instant::from_secs(10 + HOUR / 2)));

    // Another network, whose server says so.
    let mut link = Link::bound(HOUR);
    link.dhcp.link_up(link.now);
    link.run(11, |asked| match asked.kind {
        DISCOVER => Vec::new(),
        _ => std::vec![Says::new(NAK).from(RIVAL)],
    });
    assert_eq!((link.names(), link.dhcp.lease()), (std::vec!["reboot", "discover"], None));

    // Nobody answers: the lease is good until it is over.
    let mut link = Link::bound(HOUR);
    link.dhcp.link_up(link.now);
    link.run(HOUR - 1, silence);
    assert_gaps(&link.times("reboot"), &[4_000, 8_000, 16_000]);
    assert_eq!(link.times("renew")[0], 1_800_000);
    assert_eq!(link.dhcp.lease(), Some(leased()));

    // It was down for too long.
    let mut link = Link::bound(HOUR);
    link.now = Instant::from_secs(HOUR);
    link.dhcp.link_up(link.now);
    link.run(HOUR, silence);
    assert_eq!((link.names(), link.dhcp.lease()), (std::vec!["discover"], None));

    // There was none yet.
    let mut link = Link::new();
    link.run(40, silence);
    link.trace.clear();
    link.dhcp.link_up(link.now);
    link.run(45, silence);
    assert_gaps(&link.times("discover"), &[4_000]);
    assert_eq!(link.trace[0].0, 40_000);
}

#[test]
fn no_answer_of_another_exchange_or_for_another_client_counts() {
    let mut link = Link::new();
    link.run(0, silence);
    let transaction = link.last.expect("a question").transaction;
    let right = Says::usual(OFFER, HOUR).message(transaction);
    let mut hear = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = right.clone();
        change(&mut message);
        link.dhcp.receive(&message, STATION, Instant::ZERO);
        link.dhcp.state
    };
    assert_eq!(hear(&|message| message[7] ^= 1), State::Selecting);
    assert_eq!(hear(&|message| message[33] ^= 1), State::Selecting);
    assert_eq!(hear(&|message| message[0] = 1), State::Selecting);
    assert_eq!(hear(&|message| message[1] = 6), State::Selecting);
    assert_eq!(hear(&|message| message[2] = 16), State::Selecting);
    assert_eq!(hear(&|message| message[236] ^= 1), State::Selecting);
    assert_eq!(hear(&|_| ()), State::Requesting);
}

#[test]
fn no_bytes_make_it_panic() {
    let mut asking = Link::new();
    asking.run(0, |asked| if asked.kind == DISCOVER { life(HOUR)(asked) } else { Vec::new() });
    let transaction = asking.last.expect("a question").transaction;
    let right = Says::usual(ACK, HOUR).seconds(58, 10).seconds(59, 20).option(52, &[3]).message(transaction);
    let hear = |message: &[u8]| {
        let mut link = Link::new();
        link.run(0, |asked| if asked.kind == DISCOVER { life(HOUR)(asked) } else { Vec::new() });
        link.dhcp.receive(message, STATION, link.now);
        let heard = link.dhcp.state == State::Probing;
        link.run(100, |_| std::vec![Says::usual(OFFER, HOUR), Says::usual(ACK, HOUR)]);
        assert!(link.trace.len() < 60, "{:?}", link.trace);
        heard
    };
    assert!(hear(&right));
    let cut = (0..right.len()).filter(|length| hear(&right[..*length])).collect::<Vec<_>>();
    // Between two options nobody can tell; the end may be missing.
    assert!(cut.iter().all(|length| *length >= 249), "{cut:?}");
    for at in 0..right.len() {
        for change in [1, 0x7f, 0x80, 0xff] {
            let mut message = right.clone();
            message[at] ^= change;
            hear(&message);
        }
    }
}

#[test]
fn options_may_be_in_the_name_and_the_file_too() {
    let mut message = Says::new(ACK).option(52, &[3]).message(5);
    message[108..115].copy_from_slice(&[0, 51, 4, 0, 0, 0, 9]);
    message[115] = 255;
    message[44..51].copy_from_slice(&[1, 4, 255, 255, 0, 0, 255]);
    let answer = Answer::new(&message).expect("an answer");
    assert_eq!((answer.kind(), answer.server(), answer.lease, answer.mask), (ACK, SERVER, 9, 0xffff_0000));
    // Where nobody says so, they are a name and a file.
    let mut message = Says::new(ACK).message(5);
    message[108..114].copy_from_slice(&[51, 4, 0, 0, 0, 9]);
    assert_eq!(Answer::new(&message).map(|answer| answer.lease), Some(0));
}

#[test]
fn of_an_option_that_comes_again_the_first_counts() {
    let pieces = Says::new(ACK)
        .seconds(51, 9)
        .seconds(51, 10)
        .option(3, &[1, 2, 3, 4])
        .option(3, &[5, 6])
        .option(58, &[0, 0])
        .option(58, &[0, 1])
        .option(53, &[NAK])
        .option(54, &RIVAL.octets())
        .message(5);
    let answer = Answer::new(&pieces).expect("an answer");
    assert_eq!((answer.kind(), answer.server(), answer.lease), (ACK, SERVER, 9));
    assert_eq!((answer.routers, answer.renewal), (&[1, 2, 3, 4][..], 0));
}

#[test]
fn without_room_nothing_is_written_and_all_stays_due() {
    let mut dhcp = Dhcp::new(MAC, 1, Instant::ZERO);
    assert_eq!(dhcp.due(Instant::ZERO), Some(Outgoing::Message(Mac::BROADCAST)));
    let mut short = [0; dhcp::QUESTION_PACKET - 1];
    dhcp.write(&mut short);
    assert_eq!(short, [0; dhcp::QUESTION_PACKET - 1]);
    assert_eq!(dhcp.due(Instant::from_secs(1)), Some(Outgoing::Message(Mac::BROADCAST)));
    dhcp.transmitted(Instant::from_secs(1));
    assert_eq!(dhcp.due(Instant::from_secs(1)), None);
}
