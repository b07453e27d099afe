//! What is said of our own addresses on the link: announcements and defence (RFC 5227 2.3, 2.4), and duplicate address
//! detection (RFC 4862 5.4, RFC 4429).
//!
//! It is said of all at once: they come to be ours together, at the start; DHCP's one, which comes later, was probed. What
//! comes back of what we sent, from a switch that loops or an access point, is no conflict: it has our Ethernet address.
//!
//! What isn't done: the random delay before the first message, which is for many hosts that start at once.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

use super::NEVER;
#[cfg(feature = "ipv6")]
use crate::host::is_v4;

/// Announcements of the IPv4 addresses (RFC 5227 1.1, ANNOUNCE_NUM).
const ANNOUNCEMENTS: u8 = 2;
/// Between two of them (RFC 5227 1.1, ANNOUNCE_INTERVAL).
const INTERVAL: Duration = Duration::from_secs(2);
/// No address is defended more often (RFC 5227 1.1, DEFEND_INTERVAL). RFC 4862 leaves it open what becomes of a conflict
/// after duplicate address detection; here it is the same.
const DEFENCE: Duration = Duration::from_secs(10);
/// How long who has an IPv6 address has to say so (RFC 4861 10, RETRANS_TIMER), once it was asked for (RFC 4862 5.1,
/// DupAddrDetectTransmits).
#[cfg(feature = "ipv6")]
const PROBE_TIME: Duration = Duration::from_secs(1);

/// What somebody else does with an address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Has it: an ARP packet from it, an advertisement of it.
    Has,
    /// Would have it: a solicitation for it from no address. Once we have it, who is to answer answers this.
    #[cfg(feature = "ipv6")]
    Wants,
}

/// What follows from a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Ignore,
    /// It stays ours, and is announced again.
    Defend,
    /// It is ours no longer.
    #[cfg(any(feature = "ipv6", feature = "dhcp"))]
    GiveUp,
}

/// What is to be said now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    /// That we have our IPv4 addresses.
    Announce,
    /// Whether somebody has our IPv6 addresses.
    #[cfg(feature = "ipv6")]
    Probe,
    /// That we have this address, which somebody else says is theirs.
    Defend(IpAddress),
}

/// What was said of our addresses, and what is still to be said.
pub(crate) struct Detection {
    /// Nothing is said unasked.
    silent: bool,
    /// Announcements that are still to be sent, and when the next is.
    left: u8,
    at: Instant,
    /// The address that was defended last, whether that was said, and until when it isn't defended again.
    defended: Option<IpAddress>,
    told: bool,
    until: Instant,
    /// The question for duplicates was sent, and is open until then.
    #[cfg(feature = "ipv6")]
    probed: bool,
    #[cfg(feature = "ipv6")]
    probing: Instant,
}

impl Detection {
    /// A silent host defends its addresses, and says nothing of them unasked.
    pub(crate) const fn new(silent: bool, now: Instant) -> Self {
        Detection {
            silent,
            left: if silent { 0 } else { ANNOUNCEMENTS },
            at: if silent { NEVER } else { now },
            defended: None,
            told: true,
            until: now,
            #[cfg(feature = "ipv6")]
            probed: silent,
            #[cfg(feature = "ipv6")]
            probing: now,
        }
    }

    /// The link is up again. Whether the host says so: a silent one doesn't.
    pub(crate) fn up(&mut self, now: Instant) -> bool {
        if !self.silent {
            (self.left, self.at) = (ANNOUNCEMENTS, now);
            #[cfg(feature = "ipv6")]
            {
                self.probed = false;
            }
        }
        !self.silent
    }

    /// An IPv4 address has come: they are announced.
    #[cfg(feature = "dhcp")]
    pub(crate) fn announce(&mut self, now: Instant) {
        (self.left, self.at) = (ANNOUNCEMENTS, now);
    }

    /// Judges what somebody says of an address of ours. `leased`: of two conflicts in a short time, it is given up
    /// (RFC 5227 2.4 b); others are defended for ever (2.4 c).
    #[inline(never)]
    pub(crate) fn heard(&mut self, address: IpAddress, claim: Claim, leased: bool, now: Instant) -> Verdict {
        #[cfg(feature = "ipv6")]
        if !is_v4(address) && self.is_optimistic(now) {
            return Verdict::GiveUp;
        }
        if claim != Claim::Has {
            return Verdict::Ignore;
        }
        if self.defended == Some(address) && self.until > now {
            #[cfg(feature = "dhcp")]
            if leased {
                return Verdict::GiveUp;
            }
            let _ = leased;
            return Verdict::Ignore;
        }
        (self.defended, self.told, self.until) = (Some(address), false, now + DEFENCE);
        Verdict::Defend
    }

    /// Whether it isn't known yet that nobody else has our IPv6 addresses: what is said of them overrides nothing (RFC 4429
    /// 3.3).
    #[cfg(feature = "ipv6")]
    pub(crate) fn is_optimistic(&self, now: Instant) -> bool {
        !self.probed || self.probing > now
    }

    /// What is to be said now.
    pub(crate) fn due(&self, now: Instant) -> Option<Say> {
        if !self.told
            && let Some(address) = self.defended
        {
            return Some(Say::Defend(address));
        }
        #[cfg(feature = "ipv6")]
        if !self.probed {
            return Some(Say::Probe);
        }
        (self.at <= now).then_some(Say::Announce)
    }

    /// It was said.
    pub(crate) fn said(&mut self, say: Say, now: Instant) {
        match say {
            Say::Defend(_) => self.told = true,
            #[cfg(feature = "ipv6")]
            Say::Probe => (self.probed, self.probing) = (true, now + PROBE_TIME),
            Say::Announce => {
                self.left = self.left.saturating_sub(1);
                self.at = if self.left > 0 { now + INTERVAL } else { NEVER };
            }
        }
    }

    /// When to look again what is to be said.
    pub(crate) fn deadline(&self) -> Instant {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ipv4")]
    const V4: IpAddress = IpAddress::v4(192, 168, 69, 1);
    #[cfg(feature = "ipv6")]
    const V6: IpAddress = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    fn at(millis: i64) -> Instant {
        Instant::from_millis(100_000 + millis)
    }

    /// What is said until then: when, and what.
    fn said(detection: &mut Detection, from: i64, until: i64) -> std::vec::Vec<(i64, Say)> {
        let mut said = vec![];
        let mut now = at(from);
        while now <= at(until) {
            while let Some(say) = detection.due(now) {
                detection.said(say, now);
                said.push((now.total_millis() - 100_000, say));
            }
            assert!(detection.deadline() > now, "nothing is due any more");
            now = detection.deadline();
        }
        said
    }

    /// The same, without the question for duplicates.
    fn announcements(detection: &mut Detection, from: i64, until: i64) -> std::vec::Vec<(i64, Say)> {
        let announces = |say: &(i64, Say)| matches!(say.1, Say::Announce | Say::Defend(_));
        said(detection, from, until).into_iter().filter(announces).collect()
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn addresses_are_announced_twice_and_one_is_defended_every_ten_seconds() {
        let mut detection = Detection::new(false, at(0));
        let twice = [(0, Say::Announce), (2_000, Say::Announce)];
        assert_eq!(announcements(&mut detection, 0, 1_000_000), twice);
        let other = IpAddress::v4(192, 168, 69, 2);
        for (now, address, verdict) in [
            (3_000, V4, Verdict::Defend),
            (3_001, V4, Verdict::Ignore),
            (3_002, other, Verdict::Defend),
            (3_003, other, Verdict::Ignore),
            (13_001, other, Verdict::Ignore),
            (13_002, other, Verdict::Defend),
            (13_002, V4, Verdict::Defend),
            (23_001, V4, Verdict::Ignore),
        ] {
            assert_eq!(detection.heard(address, Claim::Has, false, at(now)), verdict, "{address} {now}");
            let defence = [(now, Say::Defend(address))];
            let expected = if verdict == Verdict::Defend { &defence[..] } else { &[] };
            assert_eq!(announcements(&mut detection, now, now), expected);
        }
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn what_the_device_has_no_room_for_stays_due_and_a_silent_host_defends_itself() {
        let mut detection = Detection::new(false, at(0));
        #[cfg(feature = "ipv6")]
        detection.said(Say::Probe, at(0));
        for now in [0, 1, 5_000] {
            assert_eq!(detection.due(at(now)), Some(Say::Announce));
        }
        let later = [(5_000, Say::Announce), (7_000, Say::Announce)];
        assert_eq!(announcements(&mut detection, 5_000, 60_000), later);
        let mut silent = Detection::new(true, at(0));
        assert_eq!((silent.due(at(0)), silent.deadline()), (None, NEVER));
        assert_eq!(silent.heard(V4, Claim::Has, false, at(60_000)), Verdict::Defend);
        assert_eq!(silent.due(at(60_001)), Some(Say::Defend(V4)));
    }

    #[cfg(feature = "dhcp")]
    #[test]
    fn a_leased_address_is_defended_once_and_then_given_up() {
        let mut detection = Detection::new(true, at(0));
        detection.announce(at(1_000));
        let twice = [(1_000, Say::Announce), (3_000, Say::Announce)];
        assert_eq!(announcements(&mut detection, 1_000, 10_000), twice);
        for now in [10_000, 20_000] {
            assert_eq!(detection.heard(V4, Claim::Has, true, at(now)), Verdict::Defend);
            assert_eq!(announcements(&mut detection, now, now), [(now, Say::Defend(V4))]);
        }
        assert_eq!(detection.heard(V4, Claim::Has, true, at(29_999)), Verdict::GiveUp);
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn ipv6_addresses_are_asked_for_once_and_optimistic_for_a_second() {
        let mut detection = Detection::new(false, at(0));
        assert!(detection.is_optimistic(at(0)));
        assert_eq!(said(&mut detection, 0, 100)[0], (0, Say::Probe));
        assert!(detection.is_optimistic(at(999)) && !detection.is_optimistic(at(1_000)));
        for claim in [Claim::Has, Claim::Wants] {
            assert_eq!(detection.heard(V6, claim, false, at(999)), Verdict::GiveUp);
        }
        assert_eq!(
            detection.heard(V6, Claim::Wants, false, at(2_000)),
            Verdict::Ignore,
            "answered elsewhere"
        );
        for (now, verdict) in [(2_000, Verdict::Defend), (11_999, Verdict::Ignore), (12_000, Verdict::Defend)]
        {
            assert_eq!(detection.heard(V6, Claim::Has, false, at(now)), verdict);
            let defences = said(&mut detection, now, now);
            assert_eq!(defences.contains(&(now, Say::Defend(V6))), verdict == Verdict::Defend);
        }
        let silent = Detection::new(true, at(0));
        assert!(!silent.is_optimistic(at(0)), "a silent one asks nobody");
    }
}
