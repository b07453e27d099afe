//! What is said of our own addresses on the link: announcements and defence (RFC 5227 2.3, 2.4), and duplicate address
//! detection (RFC 4862 5.4, RFC 4429).
//!
//! What comes back of what we sent, from a switch that loops or an access point, is no conflict: it has our Ethernet
//! address.
//!
//! What isn't done: the random delay before the first message, which is for many hosts that start at once.

use heapless::Vec;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

use super::NEVER;
use crate::host::MAX_ADDRESSES;
use crate::packet::Mac;

/// Announcements of an IPv4 address (RFC 5227 1.1, ANNOUNCE_NUM).
const ANNOUNCEMENTS: u8 = 2;
/// Between two of them (RFC 5227 1.1, ANNOUNCE_INTERVAL).
const INTERVAL: Duration = Duration::from_secs(2);
/// No address is defended more often (RFC 5227 1.1, DEFEND_INTERVAL). RFC 4862 leaves it open what becomes of a conflict
/// after duplicate address detection; here it is the same.
const DEFENCE: Duration = Duration::from_secs(10);
/// Questions whether somebody has an IPv6 address (RFC 4862 5.1, DupAddrDetectTransmits).
#[cfg(feature = "ipv6")]
const PROBES: u8 = 1;
/// How long who has it has to say so (RFC 4861 10, RETRANS_TIMER).
#[cfg(feature = "ipv6")]
const PROBE_TIME: Duration = Duration::from_secs(1);

/// How an address came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The configuration says so: an IPv4 address, never given up (RFC 5227 2.4 c).
    #[cfg(feature = "ipv4")]
    Static,
    /// A DHCP server says so, and it was probed: given up when a second conflict follows soon (RFC 5227 2.4 b).
    #[cfg(feature = "dhcp")]
    Leased,
    /// An IPv6 address: given up if somebody has it when we begin.
    #[cfg(feature = "ipv6")]
    V6,
}

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
    /// It stays ours, and an announcement is due.
    Defend,
    /// It is ours no longer; nothing is known of it any more.
    GiveUp,
}

/// What is to be said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    /// Has somebody this address?
    #[cfg(feature = "ipv6")]
    Probe,
    /// We have it: an ARP announcement, an unsolicited advertisement with override.
    Announce,
}

struct Entry {
    address: IpAddress,
    origin: Origin,
    /// Duplicate address detection isn't over.
    #[cfg(feature = "ipv6")]
    detecting: bool,
    /// What is still to be said, and when the next is, or detection is over.
    left: u8,
    at: Instant,
    /// Until then it isn't defended again.
    defended: Instant,
}

/// Our own addresses.
pub(crate) struct Detection {
    own: Mac,
    entries: Vec<Entry, MAX_ADDRESSES>,
}

impl Detection {
    /// A host at this Ethernet address, without an IP address yet.
    pub(crate) const fn new(own: Mac) -> Self {
        Detection { own, entries: Vec::new() }
    }

    fn entry(&mut self, address: IpAddress) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.address == address)
    }

    /// An address is ours from now on: IPv4 ones are announced, and of IPv6 ones it is asked whether somebody has them. A
    /// silent one is defended alone.
    #[inline(never)]
    pub(crate) fn add(&mut self, address: IpAddress, origin: Origin, silent: bool, now: Instant) {
        let mut entry = Entry {
            address,
            origin,
            #[cfg(feature = "ipv6")]
            detecting: false,
            left: ANNOUNCEMENTS,
            at: now,
            defended: now,
        };
        #[cfg(feature = "ipv6")]
        if origin == Origin::V6 {
            (entry.detecting, entry.left) = (true, PROBES);
        }
        if silent {
            entry.silence();
        }
        self.remove(address);
        // There is room for all addresses.
        let _ = self.entries.push(entry);
    }

    /// An address is ours no longer.
    pub(crate) fn remove(&mut self, address: IpAddress) {
        self.entries.retain(|entry| entry.address != address);
    }

    /// Judges what somebody says of an address, from this Ethernet address.
    #[inline(never)]
    pub(crate) fn heard(&mut self, address: IpAddress, from: Mac, claim: Claim, now: Instant) -> Verdict {
        if from == self.own {
            return Verdict::Ignore;
        }
        let Some(entry) = self.entry(address) else { return Verdict::Ignore };
        let verdict = entry.judge(claim, now);
        if verdict == Verdict::GiveUp {
            self.remove(address);
        }
        verdict
    }

    /// Whether it isn't known yet that nobody else has an address: what is said of it overrides nothing (RFC 4429 3.3), and
    /// an address formed from a prefix isn't used.
    #[cfg(feature = "ipv6")]
    pub(crate) fn is_optimistic(&self, address: IpAddress) -> bool {
        self.entries.iter().any(|entry| entry.address == address && entry.detecting)
    }

    /// What is to be said now.
    #[inline(never)]
    pub(crate) fn due(&mut self, now: Instant) -> Option<(IpAddress, Say)> {
        self.entries.iter_mut().find_map(|entry| Some((entry.address, entry.due(now)?)))
    }

    /// It was said.
    pub(crate) fn said(&mut self, address: IpAddress, now: Instant) {
        if let Some(entry) = self.entry(address) {
            entry.said(now);
        }
    }

    /// When to look again what is to be said.
    pub(crate) fn deadline(&self) -> Instant {
        self.entries.iter().map(|entry| entry.at).fold(NEVER, Instant::min)
    }
}

impl Entry {
    /// Nothing is to be said, and nothing is waited for.
    fn silence(&mut self) {
        #[cfg(feature = "ipv6")]
        {
            self.detecting = false;
        }
        (self.left, self.at) = (0, NEVER);
    }

    fn judge(&mut self, claim: Claim, now: Instant) -> Verdict {
        #[cfg(feature = "ipv6")]
        if self.detecting {
            return Verdict::GiveUp;
        }
        if claim != Claim::Has {
            return Verdict::Ignore;
        }
        if self.defended > now {
            #[cfg(feature = "dhcp")]
            if self.origin == Origin::Leased {
                return Verdict::GiveUp;
            }
            return Verdict::Ignore;
        }
        (self.left, self.at, self.defended) = (self.left.max(1), now, now + DEFENCE);
        Verdict::Defend
    }

    fn due(&mut self, now: Instant) -> Option<Say> {
        if self.at > now {
            return None;
        }
        if self.left == 0 {
            self.silence();
            return None;
        }
        #[cfg(feature = "ipv6")]
        if self.detecting {
            return Some(Say::Probe);
        }
        Some(Say::Announce)
    }

    fn said(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.at = if self.left > 0 { now + INTERVAL } else { NEVER };
        #[cfg(feature = "ipv6")]
        if self.detecting {
            self.at = now + PROBE_TIME;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn at(millis: i64) -> Instant {
        Instant::from_millis(100_000 + millis)
    }

    /// What is said until then: when, and what.
    fn said(detection: &mut Detection, from: i64, until: i64) -> std::vec::Vec<(i64, Say)> {
        let mut said = vec![];
        let mut now = at(from);
        while now <= at(until) {
            while let Some((address, say)) = detection.due(now) {
                detection.said(address, now);
                said.push((now.total_millis() - 100_000, say));
            }
            assert!(detection.deadline() > now, "nothing is due any more");
            now = detection.deadline();
        }
        said
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn a_static_address_is_announced_twice_and_defended_every_ten_seconds() {
        let own = IpAddress::v4(192, 168, 69, 1);
        let mut detection = Detection::new(US);
        assert_eq!(detection.deadline(), NEVER);
        detection.add(own, Origin::Static, false, at(0));
        assert_eq!(said(&mut detection, 0, 1_000_000), [(0, Say::Announce), (2_000, Say::Announce)]);
        assert_eq!(detection.heard(own, US, Claim::Has, at(3_000)), Verdict::Ignore, "it is our own");
        let other = IpAddress::v4(192, 168, 69, 9);
        assert_eq!(detection.heard(other, OTHER, Claim::Has, at(3_000)), Verdict::Ignore, "not ours");
        assert_eq!(detection.deadline(), NEVER);
        for (now, verdict) in [
            (3_000, Verdict::Defend),
            (3_001, Verdict::Ignore),
            (12_999, Verdict::Ignore),
            (13_000, Verdict::Defend),
            (22_999, Verdict::Ignore),
        ] {
            assert_eq!(detection.heard(own, OTHER, Claim::Has, at(now)), verdict, "{now}");
            let defence = [(now, Say::Announce)];
            let expected = if verdict == Verdict::Defend { &defence[..] } else { &[] };
            assert_eq!(said(&mut detection, now, now), expected);
        }
        detection.remove(own);
        assert_eq!(detection.heard(own, OTHER, Claim::Has, at(50_000)), Verdict::Ignore);
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn what_the_device_has_no_room_for_stays_due_and_a_silent_address_is_defended() {
        let (own, silent) = (IpAddress::v4(192, 168, 69, 1), IpAddress::v4(192, 168, 69, 2));
        let mut detection = Detection::new(US);
        detection.add(own, Origin::Static, false, at(0));
        detection.add(silent, Origin::Static, true, at(0));
        for now in [0, 1, 5_000] {
            assert_eq!(detection.due(at(now)), Some((own, Say::Announce)));
        }
        assert_eq!(said(&mut detection, 5_000, 60_000), [(5_000, Say::Announce), (7_000, Say::Announce)]);
        assert_eq!(detection.heard(silent, OTHER, Claim::Has, at(60_000)), Verdict::Defend);
        assert_eq!(detection.due(at(60_000)), Some((silent, Say::Announce)));
    }

    #[cfg(feature = "dhcp")]
    #[test]
    fn a_leased_address_is_defended_once_and_then_given_up() {
        let own = IpAddress::v4(192, 168, 69, 7);
        let mut detection = Detection::new(US);
        detection.add(own, Origin::Leased, false, at(0));
        assert_eq!(said(&mut detection, 0, 10_000), [(0, Say::Announce), (2_000, Say::Announce)]);
        for now in [10_000, 20_000] {
            assert_eq!(detection.heard(own, OTHER, Claim::Has, at(now)), Verdict::Defend);
            assert_eq!(said(&mut detection, now, now), [(now, Say::Announce)]);
        }
        assert_eq!(detection.heard(own, OTHER, Claim::Has, at(29_999)), Verdict::GiveUp);
        assert_eq!(
            (detection.heard(own, OTHER, Claim::Has, at(29_999)), detection.deadline()),
            (Verdict::Ignore, NEVER)
        );
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn an_ipv6_address_is_asked_for_once_and_optimistic_for_a_second() {
        let own = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let mut detection = Detection::new(US);
        detection.add(own, Origin::V6, false, at(0));
        assert!(detection.is_optimistic(own));
        assert_eq!(said(&mut detection, 0, 999), [(0, Say::Probe)]);
        assert_eq!((detection.is_optimistic(own), detection.deadline()), (true, at(1_000)));
        assert_eq!(detection.heard(own, US, Claim::Wants, at(999)), Verdict::Ignore, "our own question");
        assert_eq!(said(&mut detection, 1_000, 100_000), []);
        assert!(!detection.is_optimistic(own));
        assert_eq!(
            detection.heard(own, OTHER, Claim::Wants, at(2_000)),
            Verdict::Ignore,
            "answered elsewhere"
        );
        for (now, verdict) in [(2_000, Verdict::Defend), (11_999, Verdict::Ignore), (12_000, Verdict::Defend)]
        {
            assert_eq!(detection.heard(own, OTHER, Claim::Has, at(now)), verdict);
            let defences = said(&mut detection, now, now);
            assert_eq!(defences.len(), usize::from(verdict == Verdict::Defend));
        }
        detection.add(own, Origin::V6, true, at(0));
        assert_eq!((detection.is_optimistic(own), detection.deadline()), (false, NEVER), "silent");
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn an_ipv6_address_that_somebody_has_or_wants_is_given_up() {
        let own = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0, 1);
        for claim in [Claim::Has, Claim::Wants] {
            let mut detection = Detection::new(US);
            detection.add(own, Origin::V6, false, at(0));
            said(&mut detection, 0, 999);
            assert_eq!(detection.heard(own, OTHER, claim, at(999)), Verdict::GiveUp);
            assert_eq!((detection.is_optimistic(own), detection.deadline()), (false, NEVER));
        }
    }
}
