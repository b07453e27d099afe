//! Which groups a host listens to, so that switches and bridges send them here: multicast listener discovery (RFC 3810).
//!
//! Neighbours ask for an IPv6 address by its solicited-node group (RFC 4861 7.2.1). On a bridge with a querier, who doesn't
//! report this group isn't found any more after a while.
//!
//! What is simpler here than it could be: a report is about all our groups, whichever of them was asked for, so there is
//! one delay and not one a group; others' reports (version 1) silence none of ours. What isn't done: saying that a group is
//! left, which queriers find out by themselves.

use core::net::Ipv6Addr;

use heapless::Vec;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpCidr};

use super::NEVER;
use crate::host::MAX_ADDRESSES;
use crate::packet::ipv6::solicited_node;
use crate::packet::mld::{Query, Report, record};

/// Reports of a change (RFC 3810 9.1, Robustness Variable).
const ROBUSTNESS: u8 = 2;
/// The second follows within this, in milliseconds (RFC 3810 9.11, Unsolicited Report Interval).
const INTERVAL: u32 = 1_000;
/// So long a querier of version 1 is heeded after its last query: twice its interval, and the time that an answer to it may
/// take (RFC 3810 9.12, with the defaults of 9.2 and 9.3).
const V1_TIME: Duration = Duration::from_secs(2 * 125 + 10);

/// The groups that we listen to, each once.
pub(crate) type Groups = Vec<Ipv6Addr, MAX_ADDRESSES>;

/// The solicited-node groups of our addresses (RFC 4291 2.7.1). Of the group of all nodes nothing is ever said (RFC 3810 6).
pub(crate) fn groups(addresses: &[IpCidr]) -> Groups {
    let mut groups = Groups::new();
    for cidr in addresses {
        #[allow(irrefutable_let_patterns, reason = "without IPv4 there is no other case")]
        if let IpAddress::Ipv6(address) = cidr.address() {
            let group = solicited_node(address);
            if !groups.contains(&group) {
                // There is room for one an address.
                let _ = groups.push(group);
            }
        }
    }
    groups
}

/// What is to be reported.
pub(crate) struct Listener {
    /// A state of a generator of numbers, never 0. Nobody is to guess them; they are to differ from other hosts'.
    random: u32,
    /// Reports of a change that are still to be sent, and when the next is.
    changes: u8,
    change_at: Instant,
    /// When a query is answered.
    answer_at: Instant,
    /// Until then there is a querier of version 1.
    v1_until: Instant,
    /// Version 1 has a report a group: the next is of this one.
    next: usize,
}

impl Listener {
    /// A host that has nothing to say yet. The seed is to differ from other hosts'.
    pub(crate) const fn new(seed: u32) -> Self {
        Listener {
            // The golden ratio's bits: the first numbers after small seeds are no small ones.
            random: seed.wrapping_mul(0x9e37_79b9) | 1,
            changes: 0,
            change_at: NEVER,
            answer_at: NEVER,
            v1_until: Instant::ZERO,
            next: 0,
        }
    }

    /// The host has one group more: a report is due, and another one soon.
    pub(crate) fn joined(&mut self, now: Instant) {
        (self.changes, self.change_at, self.next) = (ROBUSTNESS, now, 0);
    }

    /// Takes in a query.
    #[inline(never)]
    pub(crate) fn heard(&mut self, query: &Query, groups: &Groups, now: Instant) {
        if query.is_v1 {
            self.v1_until = now + V1_TIME;
        }
        if query.group.is_unspecified() || groups.contains(&query.group) {
            // What is waited for already isn't put off (RFC 3810 6.2).
            self.answer_at = self.answer_at.min(self.within(query.maximum_response, now));
        }
    }

    /// The report that is due now. Without a group there is none.
    #[inline(never)]
    pub(crate) fn due<'g>(&mut self, groups: &'g Groups, now: Instant) -> Option<Report<'g>> {
        if self.deadline() > now {
            return None;
        }
        let Some(next) = groups.get(self.next).or(groups.first()) else {
            (self.changes, self.change_at, self.answer_at) = (0, NEVER, NEVER);
            return None;
        };
        if self.v1_until > now {
            return Some(Report::V1(next));
        }
        let what = if self.change_at <= now { record::BEGINS } else { record::LISTENS };
        Some(Report::V2(what, groups))
    }

    /// The report was sent that was due.
    pub(crate) fn sent(&mut self, groups: &Groups, now: Instant) {
        if self.v1_until > now {
            self.next += 1;
            if self.next < groups.len() {
                return;
            }
        }
        self.next = 0;
        if self.change_at <= now {
            self.changes = self.changes.saturating_sub(1);
            self.change_at = if self.changes > 0 { self.within(INTERVAL, now) } else { NEVER };
        } else {
            self.answer_at = NEVER;
        }
    }

    /// When the next report is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.change_at.min(self.answer_at)
    }

    /// At random within so many milliseconds.
    #[allow(clippy::cast_possible_truncation, reason = "the upper half of a product is taken")]
    fn within(&mut self, millis: u32, now: Instant) -> Instant {
        // George Marsaglia's xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let part = (u64::from(self.random) * u64::from(millis)) >> 32;
        now + Duration::from_millis(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Instant {
        Instant::from_millis(100_000 + millis)
    }

    fn ours() -> Groups {
        let own = [
            #[cfg(feature = "ipv4")]
            "192.168.69.1",
            "fe80::1",
            "fdaa::1",
            "fdaa::2",
        ];
        groups(&own.map(|address| IpCidr::new(address.parse().unwrap(), 24)))
    }

    fn general(is_v1: bool) -> Query {
        Query { is_v1, group: Ipv6Addr::UNSPECIFIED, maximum_response: 10_000 }
    }

    /// What is reported from then until then: when, and of how many groups what, or of which group.
    fn reports(
        listener: &mut Listener,
        groups: &Groups,
        from: i64,
        until: i64,
    ) -> std::vec::Vec<(i64, String)> {
        let mut reports = vec![];
        let mut now = at(from);
        while now <= at(until) {
            while let Some(report) = listener.due(groups, now) {
                let said = match report {
                    Report::V1(group) => group.to_string(),
                    Report::V2(record::BEGINS, groups) => format!("begins {}", groups.len()),
                    Report::V2(what, groups) => format!("{what} {}", groups.len()),
                };
                reports.push((now.total_millis() - 100_000, said));
                listener.sent(groups, now);
            }
            assert!(listener.deadline() > now, "nothing is due any more");
            now = listener.deadline();
        }
        reports
    }

    fn said(reports: &[(i64, String)]) -> std::vec::Vec<&str> {
        reports.iter().map(|(_, said)| said.as_str()).collect()
    }

    #[test]
    fn a_group_of_two_addresses_is_one() {
        let named: std::vec::Vec<_> = ours().iter().map(Ipv6Addr::to_string).collect();
        assert_eq!(named, ["ff02::1:ff00:1", "ff02::1:ff00:2"]);
        assert!(groups(&[]).is_empty());
    }

    #[test]
    fn a_change_is_reported_at_once_and_again_within_a_second() {
        for seed in 0..100 {
            let (mut listener, groups) = (Listener::new(seed), ours());
            assert_eq!((listener.due(&groups, at(0)), listener.deadline()), (None, NEVER));
            listener.joined(at(0));
            let reports = reports(&mut listener, &groups, 0, 1_000_000);
            assert_eq!(said(&reports), ["begins 2", "begins 2"]);
            assert!(reports[0].0 == 0 && (0..1_000).contains(&reports[1].0), "{reports:?}");
        }
    }

    #[test]
    fn queries_are_answered_at_random_within_the_time_they_give() {
        let specific =
            |group: &str| Query { is_v1: false, group: group.parse().unwrap(), maximum_response: 1_000 };
        let mut delays = std::vec::Vec::new();
        for seed in 0..100 {
            let (mut listener, groups) = (Listener::new(seed), ours());
            listener.heard(&general(false), &groups, at(0));
            let answer = listener.deadline();
            assert!((at(0)..at(10_000)).contains(&answer));
            // Another one doesn't put it off, and there is one answer.
            listener.heard(&general(false), &groups, at(0));
            assert!(listener.deadline() <= answer);
            let answers = reports(&mut listener, &groups, 0, 1_000_000);
            assert_eq!(said(&answers), ["2 2"]);
            delays.push(answers[0].0);
            listener.heard(&specific("ff02::1:ff00:2"), &groups, at(20_000));
            assert!((at(20_000)..at(21_000)).contains(&listener.deadline()));
            assert_eq!(said(&reports(&mut listener, &groups, 20_000, 1_000_000)), ["2 2"]);
            listener.heard(&specific("ff02::1:ff00:9"), &groups, at(30_000));
            assert_eq!(listener.deadline(), NEVER, "not ours");
        }
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 90 && delays[0] < 1_000 && delays[delays.len() - 1] > 9_000, "{delays:?}");
    }

    /// RFC 3810 8.2.1.
    #[test]
    fn a_querier_of_version_1_is_answered_in_version_1_while_it_is_there() {
        let (mut listener, groups) = (Listener::new(7), ours());
        listener.heard(&general(true), &groups, at(0));
        let both = ["ff02::1:ff00:1", "ff02::1:ff00:2"];
        assert_eq!(said(&reports(&mut listener, &groups, 0, 10_000)), both);
        listener.joined(at(20_000));
        let changes = reports(&mut listener, &groups, 20_000, 100_000);
        assert_eq!(said(&changes), [both, both].concat());
        listener.heard(&general(false), &groups, at(240_000));
        assert_eq!(said(&reports(&mut listener, &groups, 240_000, 250_000)), both);
        listener.heard(&general(false), &groups, at(260_000));
        assert_eq!(said(&reports(&mut listener, &groups, 260_000, 300_000)), ["2 2"]);
    }

    #[test]
    fn who_has_no_group_says_nothing() {
        let (mut listener, none) = (Listener::new(7), Groups::new());
        listener.joined(at(0));
        listener.heard(&general(true), &none, at(0));
        assert_eq!(reports(&mut listener, &none, 0, 100_000), []);
        assert_eq!(listener.deadline(), NEVER);
    }
}
