//! Where neighbours are: by ARP (RFC 826) and by neighbour solicitations (RFC 4861 7.2).
//!
//! An entry is there for those alone whom we asked for. What others say of themselves changes an entry, and makes none.
//! The packet that waits for an answer (RFC 1122 2.3.2.2) is its sender's to keep.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

use super::NEVER;
use crate::host::NOBODY;
use crate::packet::Mac;

/// Neighbours that are known at once: a server asks for its gateways, and for clients that fell silent.
const ENTRIES: usize = if cfg!(feature = "std") { 8 } else { 4 };
/// Questions for one (RFC 4861 10, MAX_MULTICAST_SOLICIT).
const TRIES: u8 = 3;
/// Between two of them (RFC 1122 2.3.2.1: at most one a second; RFC 4861 10, RETRANS_TIMER).
const INTERVAL: Duration = Duration::from_secs(1);
/// So long an answer holds before it is asked for again.
const CONFIRMED: Duration = Duration::from_secs(60);
/// So long nobody is there who didn't answer.
const ABSENT: Duration = Duration::from_secs(3);

/// What is known of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neighbor {
    /// It is there.
    Known(Mac),
    /// It was asked for.
    Asking,
    /// It was asked for in vain, a short while ago.
    Unreachable,
    /// Nobody has asked for it.
    Unknown,
}

/// How somebody says where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// To us, who asked: an ARP reply, an advertisement with the flag "solicited".
    pub(crate) solicited: bool,
    /// In place of what was known (RFC 4861 7.2.5). ARP always does.
    pub(crate) overrides: bool,
}

impl Told {
    /// By an ARP reply to us.
    #[cfg(feature = "ipv4")]
    pub(crate) const REPLY: Told = Told { solicited: true, overrides: true };
    /// By a question of theirs, or to everybody.
    pub(crate) const UNASKED: Told = Told { solicited: false, overrides: true };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No question is under way. What is known holds until `at`; where nothing is, there was no answer until then.
    Idle,
    /// A question is under way. The next thing happens at `at`.
    Asking,
    /// It is over, and nobody was told yet how.
    Over,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The unspecified one where there is none: nobody asks for that.
    address: IpAddress,
    mac: Option<Mac>,
    stage: Stage,
    /// Questions that were sent of those that are under way.
    tries: u8,
    at: Instant,
}

impl Entry {
    #[inline(never)]
    fn ask(&mut self, now: Instant) {
        (self.stage, self.tries, self.at) = (Stage::Asking, 0, now);
    }
}

/// The neighbours that were asked for.
pub(crate) struct Resolver {
    entries: [Entry; ENTRIES],
}

impl Resolver {
    pub(crate) const fn new() -> Self {
        let none = Entry { address: NOBODY, mac: None, stage: Stage::Idle, tries: 0, at: Instant::ZERO };
        Resolver { entries: [none; ENTRIES] }
    }

    #[inline(never)]
    fn entry(&mut self, address: IpAddress) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.address == address)
    }

    /// Begins to ask for a neighbour, also for one that is known. Nothing happens while it is asked for already, within a
    /// second of an answer or of having been asked for in vain, or while the table is full of such questions.
    #[inline(never)]
    pub(crate) fn ask(&mut self, address: IpAddress, now: Instant) {
        if let Some(entry) = self.entry(address) {
            // RFC 1122 2.3.2.1: many connections may doubt at once that it is there.
            let held = if entry.mac.is_some() { CONFIRMED } else { ABSENT };
            if entry.stage == Stage::Idle && now + (held - INTERVAL) >= entry.at {
                entry.ask(now);
            }
            return;
        }
        // Who is in use is confirmed again and again: the one that was confirmed first was used least recently.
        let mut oldest: Option<&mut Entry> = None;
        for entry in &mut self.entries {
            if entry.stage == Stage::Idle && oldest.as_ref().is_none_or(|oldest| entry.at < oldest.at) {
                oldest = Some(entry);
            }
        }
        if let Some(oldest) = oldest {
            (oldest.address, oldest.mac) = (address, None);
            oldest.ask(now);
        }
    }

    /// What is known of a neighbour. One that hasn't been confirmed for a while is asked for again by this, and is where it
    /// was in the meantime.
    #[inline(never)]
    pub(crate) fn get(&mut self, address: IpAddress, now: Instant) -> Neighbor {
        let Some(entry) = self.entry(address) else { return Neighbor::Unknown };
        let holds = entry.at > now;
        match (entry.mac, entry.stage) {
            (Some(mac), stage) => {
                if stage == Stage::Idle && !holds {
                    entry.ask(now);
                }
                Neighbor::Known(mac)
            }
            (None, Stage::Asking) => Neighbor::Asking,
            (None, _) if holds => Neighbor::Unreachable,
            _ => Neighbor::Unknown,
        }
    }

    /// Where a neighbour was when last heard of.
    pub(crate) fn known(&self, address: IpAddress) -> Option<Mac> {
        self.entries.iter().find(|entry| entry.address == address)?.mac
    }

    /// Takes in where somebody says that they are. Whether that ends a question for them.
    #[inline(never)]
    pub(crate) fn answer(&mut self, address: IpAddress, mac: Mac, told: Told, now: Instant) -> bool {
        let Some(entry) = self.entry(address) else { return false };
        let asked = entry.stage == Stage::Asking;
        match entry.mac {
            // One of both is wrong: it is asked about at its next use (RFC 4861 7.2.5, step I).
            Some(known) if known != mac && !told.overrides => {
                if entry.stage == Stage::Idle {
                    entry.at = entry.at.min(now);
                }
                return false;
            }
            // That is known, and it doesn't say that our packets get there.
            Some(known) if known == mac && !told.solicited => return false,
            _ => entry.mac = Some(mac),
        }
        // An answer that wasn't asked for proves nothing of the way there and back (RFC 4861 7.2.5): it is used, and asked
        // about at its next use.
        entry.at = if told.solicited { now + CONFIRMED } else { now };
        if asked {
            entry.stage = Stage::Over;
        }
        asked
    }

    /// The entry that is to be asked for now.
    #[inline(never)]
    fn next(&mut self, now: Instant) -> Option<&mut Entry> {
        for entry in &mut self.entries {
            if entry.stage == Stage::Asking && entry.at <= now {
                if entry.tries < TRIES {
                    return Some(entry);
                }
                (entry.mac, entry.stage, entry.at) = (None, Stage::Over, now + ABSENT);
            }
        }
        None
    }

    /// Whom to ask for now. It stays due until [`Resolver::asked`].
    pub(crate) fn due(&mut self, now: Instant) -> Option<IpAddress> {
        self.next(now).map(|entry| entry.address)
    }

    /// A question was sent for whom it was due.
    pub(crate) fn asked(&mut self, now: Instant) {
        if let Some(entry) = self.next(now) {
            entry.tries += 1;
            entry.at = now + INTERVAL;
        }
    }

    /// How a question ended, each once: where the neighbour is, or nowhere. Until that was taken, its entry stays.
    pub(crate) fn take_result(&mut self) -> Option<(IpAddress, Option<Mac>)> {
        let entry = self.entries.iter_mut().find(|entry| entry.stage == Stage::Over)?;
        entry.stage = Stage::Idle;
        Some((entry.address, entry.mac))
    }

    /// When to look again whom to ask.
    pub(crate) fn deadline(&self) -> Instant {
        let mut first = NEVER;
        for entry in &self.entries {
            if entry.stage == Stage::Asking {
                first = first.min(entry.at);
            }
        }
        first
    }
}

#[cfg(all(test, feature = "ipv4"))]
mod tests {
    use super::*;

    const IN_PASSING: Told = Told { solicited: false, overrides: false };

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, last])
    }

    fn host(last: u8) -> IpAddress {
        IpAddress::v4(192, 168, 69, last)
    }

    fn at(millis: i64) -> Instant {
        Instant::from_millis(100_000 + millis)
    }

    /// Sends what is due, and says to whom.
    fn questions(resolver: &mut Resolver, now: Instant) -> std::vec::Vec<IpAddress> {
        core::iter::from_fn(|| resolver.due(now).inspect(|_| resolver.asked(now))).collect()
    }

    #[test]
    fn three_questions_a_second_apart_and_then_nobody_is_there() {
        let mut resolver = Resolver::new();
        assert_eq!((resolver.get(host(9), at(0)), resolver.deadline()), (Neighbor::Unknown, NEVER));
        resolver.ask(host(9), at(0));
        for (now, deadline) in [(0, 1_000), (1_000, 2_000), (2_000, 3_000)] {
            assert_eq!((resolver.deadline(), resolver.due(at(now - 1))), (at(now), None));
            assert_eq!(questions(&mut resolver, at(now)), [host(9)]);
            // Who asks again changes nothing.
            resolver.ask(host(9), at(now + 1));
            assert_eq!(
                (resolver.deadline(), resolver.get(host(9), at(now))),
                (at(deadline), Neighbor::Asking)
            );
        }
        assert_eq!((resolver.take_result(), resolver.due(at(3_000))), (None, None));
        assert_eq!(resolver.take_result(), Some((host(9), None)));
        assert_eq!((resolver.take_result(), resolver.deadline()), (None, NEVER));
        assert_eq!(resolver.get(host(9), at(3_001)), Neighbor::Unreachable);
        resolver.ask(host(9), at(3_999));
        assert_eq!(resolver.deadline(), NEVER, "not within a second");
        assert_eq!(resolver.get(host(9), at(5_999)), Neighbor::Unreachable);
        assert_eq!(resolver.get(host(9), at(6_000)), Neighbor::Unknown);
        resolver.ask(host(9), at(4_000));
        assert_eq!(questions(&mut resolver, at(4_000)), [host(9)]);
        assert!(resolver.answer(host(9), mac(9), Told::REPLY, at(4_001)));
        assert_eq!(resolver.take_result(), Some((host(9), Some(mac(9)))));
    }

    #[test]
    fn an_answer_holds_for_a_minute_and_is_then_asked_for_again_when_used() {
        let mut resolver = Resolver::new();
        resolver.ask(host(9), at(0));
        questions(&mut resolver, at(0));
        assert!(resolver.answer(host(9), mac(9), Told::REPLY, at(5)));
        assert!(!resolver.answer(host(9), mac(9), Told::REPLY, at(6)), "it ended the question once");
        assert_eq!((resolver.take_result(), resolver.take_result()), (Some((host(9), Some(mac(9)))), None));
        assert_eq!(resolver.get(host(9), at(60_005)), Neighbor::Known(mac(9)));
        assert_eq!(resolver.deadline(), NEVER);
        assert_eq!(resolver.get(host(9), at(60_006)), Neighbor::Known(mac(9)), "until the answer");
        assert_eq!(questions(&mut resolver, at(60_006)), [host(9)]);
        assert!(resolver.answer(host(9), mac(10), Told::REPLY, at(60_010)));
        assert_eq!(resolver.take_result(), Some((host(9), Some(mac(10)))));
        // Whoever doubts that it is there asks before that.
        resolver.ask(host(9), at(61_009));
        assert_eq!(questions(&mut resolver, at(61_009)), [], "not within a second");
        resolver.ask(host(9), at(61_010));
        for now in [61_010, 62_010, 63_010] {
            assert_eq!(questions(&mut resolver, at(now)), [host(9)]);
            assert_eq!(resolver.get(host(9), at(now)), Neighbor::Known(mac(10)));
        }
        assert_eq!(questions(&mut resolver, at(64_010)), []);
        assert_eq!(resolver.take_result(), Some((host(9), None)));
        assert_eq!(resolver.get(host(9), at(64_010)), Neighbor::Unreachable);
    }

    /// RFC 826, RFC 4861 7.2.5.
    #[test]
    fn what_others_say_unasked_changes_entries_and_makes_none() {
        let mut resolver = Resolver::new();
        assert!(!resolver.answer(host(9), mac(9), Told::REPLY, at(0)));
        assert_eq!(resolver.get(host(9), at(0)), Neighbor::Unknown);
        resolver.ask(host(9), at(0));
        // What is said unasked ends a question, and is asked about when it is used.
        assert!(resolver.answer(host(9), mac(9), IN_PASSING, at(1)));
        assert_eq!(resolver.take_result(), Some((host(9), Some(mac(9)))));
        assert_eq!(resolver.get(host(9), at(1)), Neighbor::Known(mac(9)));
        assert_eq!(questions(&mut resolver, at(1)), [host(9)]);
        assert!(!resolver.answer(host(9), mac(9), Told::UNASKED, at(2)), "it doesn't say that it hears us");
        let without_override = Told { solicited: true, overrides: false };
        assert!(!resolver.answer(host(9), mac(10), without_override, at(2)), "another, without override");
        assert!(resolver.answer(host(9), mac(9), without_override, at(3)));
        resolver.take_result();
        assert!(!resolver.answer(host(9), mac(10), IN_PASSING, at(4)));
        assert_eq!(resolver.get(host(9), at(4)), Neighbor::Known(mac(9)), "but it is asked about");
        assert_eq!(questions(&mut resolver, at(4)), [host(9)]);
        assert!(resolver.answer(host(9), mac(11), Told::UNASKED, at(5)), "an announcement moves it");
        assert_eq!(resolver.get(host(9), at(5)), Neighbor::Known(mac(11)));
    }

    #[test]
    fn a_full_table_forgets_who_was_confirmed_least_recently_and_no_question() {
        let mut resolver = Resolver::new();
        let entries = u8::try_from(ENTRIES).unwrap();
        for last in 0..=entries {
            resolver.ask(host(last), at(0));
        }
        assert_eq!(questions(&mut resolver, at(0)).len(), ENTRIES, "as many questions as there is room for");
        assert_eq!(resolver.get(host(entries), at(0)), Neighbor::Unknown);
        for last in (0..entries).rev() {
            resolver.answer(host(last), mac(last), Told::REPLY, at(i64::from(10 - last)));
        }
        resolver.ask(host(entries), at(20));
        assert_eq!(resolver.get(host(entries), at(20)), Neighbor::Unknown, "nobody has taken the results");
        while resolver.take_result().is_some() {}
        resolver.ask(host(entries), at(20));
        assert_eq!(resolver.get(host(entries), at(20)), Neighbor::Asking);
        assert_eq!(resolver.get(host(entries - 1), at(20)), Neighbor::Unknown);
        assert_eq!(resolver.get(host(0), at(20)), Neighbor::Known(mac(0)));
    }
}
