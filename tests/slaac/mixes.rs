//! Mixes of advertisements, true and broken.

use super::*;

/// The numbers of a linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Nearly always something that could be advertised.
    fn advertisement(&mut self) -> Advertisement {
        let mut advertisement = Advertisement {
            from: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xf0 + self.below(4) as u16),
            lifetime: self.one_of(&[0, 1, 60, 1_800, u16::MAX]),
            ..Advertisement::default()
        };
        for _ in 0..self.below(5) {
            let valid = self.one_of(&[0, 1, 60, 7_199, 7_200, 7_201, 86_400, u32::MAX - 1, u32::MAX]);
            advertisement = advertisement.prefix(Prefix {
                on_link: self.below(2) == 0,
                autonomous: self.below(8) > 0,
                length: if self.below(8) == 0 { self.byte() } else { 64 },
                valid,
                preferred: valid.min(3_600),
                ..prefix(self.below(8) as u16)
            });
        }
        advertisement
    }

    /// An advertisement, or who says that an address is theirs; more or less broken, often with a right checksum.
    fn frame(&mut self) -> Vec<u8> {
        let number = self.below(8) as u16;
        let target = Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0xff, 0xfe00, 1);
        let mut frame = match self.below(8) {
            0 => defence(CLIENT_MAC, target, target),
            1 => detection(target.into()),
            _ => self.advertisement().frame(),
        };
        for _ in 0..self.one_of(&[0, 0, 1, 3]) {
            let place = 14 + self.below(frame.len() - 14);
            frame[place] = self.byte();
        }
        match self.below(8) {
            0 => frame.truncate(14 + self.below(frame.len() - 13)),
            1 => frame.extend((0..self.below(64)).map(|n| n as u8)),
            2 => {
                let length = self.below(frame.len() - 53);
                frame = cut(&frame, length);
            }
            _ => {}
        }
        if self.below(4) > 0 {
            mend(&mut frame);
        }
        frame
    }
}

/// No mix of advertisements makes it panic, lose an address of its own, take more than it has room for, or poll without
/// need.
#[test]
fn ten_thousand_advertisements_true_and_broken() {
    let mut world = with(Config::new(HostConfig::default().with_slaac().with_seed(3)));
    let mut random = Random(0x0bad_5eed);
    let mut most = 0;
    for _ in 0..10_000 {
        let frame = random.frame();
        world.give(&frame);
        // Its last poll was 50 us ago.
        let last = world.now - Duration::from_micros(50);
        assert!(world.due.is_none_or(|due| due > last), "due at {:?}, it is {last}", world.due);
        let time = random.one_of(&[0, 1_000, 100_000, 1_000_000, 60_000_000, 7_200_000_000]);
        world.polls = 0;
        world.pass(Duration::from_micros(random.below(time + 1) as u64));
        assert!(world.polls < 50, "{} polls", world.polls);
        world.sent();
        most = most.max(world.server.addresses().len());
        for own in [server_v4(), server_v6(), LINK_LOCAL.into()] {
            assert!(world.server.addresses().iter().any(|cidr| cidr.address() == own), "{own}");
        }
    }
    assert_eq!(most, 5, "the fuzz must reach the limit");
    for (from, to) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        let got = world.give(&udp((from, 5_000), (to, 12_000), b"still there?"));
        assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
    }
}
