//! Advertisements and prefixes of which nothing comes.

use super::*;

/// Neither an address nor a router comes of it, and the routers are still asked.
#[test]
fn advertisements_that_are_not_valid_are_ignored() {
    let good = advertisement();
    let with_options = |options: &[u8]| {
        let options = [&Prefix::default().option(), options].concat();
        Advertisement { options, ..Advertisement::default() }.frame()
    };
    let mut broken_sum = good.frame();
    broken_sum[14 + 40 + 2] ^= 0x55;
    let mut extended = good.frame();
    extended[14 + 6] = 60;
    let too_short: Vec<_> = (0..16).map(|length| cut(&good.frame(), length)).collect();
    let mut bad = vec![
        ("from a global address", Advertisement { from: NEIGHBOR, ..good.clone() }.frame()),
        ("from no address", Advertisement { from: Ipv6Addr::UNSPECIFIED, ..good.clone() }.frame()),
        ("from a group", Advertisement { from: "ff02::2".parse().unwrap(), ..good.clone() }.frame()),
        ("from ourselves", Advertisement { from: LINK_LOCAL, ..good.clone() }.frame()),
        ("forwarded", Advertisement { hop_limit: 254, ..good.clone() }.frame()),
        ("with a wrong checksum", broken_sum),
        ("with a code", Advertisement { code: 1, ..good.clone() }.frame()),
        ("with an option without a length", with_options(&[1, 0, 2, 0, 0, 0, 0, 0xfe])),
        ("with an option that is cut off", with_options(&[1, 2, 2, 0, 0, 0, 0, 0xfe])),
        ("with half an option's header", with_options(&[1])),
        ("behind an extension header", extended),
    ];
    bad.extend(too_short.into_iter().map(|frame| ("too short", frame)));
    for (what, frame) in bad {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        assert_eq!(world.give(&frame), [[0; 0]; 0], "{what}");
        world.pass(SECOND);
        assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"], "{what}");
        assert_eq!(solicitations(&mut world, Duration::from_secs(60)), [4_000, 8_000], "{what}");
        assert_eq!(looked_for(&mut world, LINK_LOCAL, FAR), NOBODY, "{what}: it has no router");
        advertise(&mut world, &good.frame());
        assert!(has(&world, FORMED), "{what}, and then a good one");
    }
}

#[test]
fn prefixes_that_are_not_for_addresses_are_ignored() {
    let good = Prefix::default();
    let prefixes = [
        Prefix { autonomous: false, ..good },
        Prefix { length: 63, ..good },
        Prefix { length: 65, ..good },
        Prefix { length: 128, ..good },
        Prefix { length: 0, ..good },
        Prefix { network: "fe80::".parse().unwrap(), ..good },
        Prefix { network: "fe80:1234::".parse().unwrap(), ..good },
        Prefix { network: "ff02::".parse().unwrap(), ..good },
        Prefix { network: "::".parse().unwrap(), ..good },
        Prefix { network: "::1".parse().unwrap(), ..good },
        Prefix { preferred: good.valid + 1, ..good },
        Prefix { valid: 0, preferred: 0, ..good },
    ];
    let mut options: Vec<_> = prefixes.iter().map(Prefix::option).collect();
    // An option whose length isn't that of a prefix.
    for length in [3, 5] {
        let mut option = good.option();
        option[1] = length;
        option.resize(8 * usize::from(length), 0);
        options.push(option);
    }
    for option in options {
        let mut world = world();
        world.pass(SECOND);
        world.sent();
        let frame = Advertisement { options: option.clone(), ..Advertisement::default() }.frame();
        assert_eq!(world.give(&frame), [[0; 0]; 0], "{option:x?}");
        world.pass(SECOND);
        assert_eq!(texts(&world), ["fe80::ff:fe00:1/64"], "{option:x?}");
        // The others of the same advertisement are taken, and options that nobody knows do no harm.
        let options = [&option[..], &[200, 1, 0, 0, 0, 0, 0, 0], &good.option()].concat();
        advertise(&mut world, &Advertisement { options, ..Advertisement::default() }.frame());
        assert!(has(&world, FORMED), "{option:x?}");
    }
}
