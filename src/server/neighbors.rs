//! The neighbours whose Ethernet addresses the stack knows, so that the door can tell it of others in time.
//!
//! smoltcp asks for one unknown neighbour a second, for the whole interface (smoltcp #1101), and a reply that waits
//! for its neighbour blocks all datagrams behind it (#594). But every datagram and every SYN brings its sender's
//! Ethernet address along. So the door tells the stack, in the stack's own language: an ARP reply or a neighbour
//! advertisement, as if the sender had sent it. To tell only what is news, the door keeps a copy of the stack's
//! cache, of the same size, with the same lifetime and the same order of replacement.

use crate::packet::Mac;
use heapless::Vec;
use smoltcp::config::IFACE_NEIGHBOR_CACHE_COUNT;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

use super::door::{Claim, Sender};

/// As long as smoltcp keeps an entry.
const LIFETIME: Duration = Duration::from_secs(60);
/// An entry that is told anew this long before it ends, so that a reply doesn't outlive it.
const MARGIN: Duration = Duration::from_secs(5);

/// How long after its end an entry still stands against what a frame shows. The stack's own entry lives on while its
/// neighbour talks, which the copy doesn't see.
const GRACE: Duration = Duration::from_secs(600);

struct Neighbor {
    address: IpAddress,
    mac: Mac,
    expires: Instant,
    /// Said by the neighbour itself, in ARP or NDP; not merely seen on a frame.
    confirmed: bool,
}

/// A copy of what the stack's neighbour cache holds.
pub(crate) struct Neighbors {
    known: Vec<Neighbor, IFACE_NEIGHBOR_CACHE_COUNT>,
}

impl Neighbors {
    pub(crate) const fn new() -> Self {
        Neighbors { known: Vec::new() }
    }

    /// The stack forgot all, as it does when its addresses change. What a neighbour said itself still stands against
    /// what a frame shows.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    pub(crate) fn expire(&mut self, now: Instant) {
        for known in &mut self.known {
            known.expires = known.expires.min(now);
        }
    }

    /// A neighbour said so itself, in ARP or NDP.
    pub(crate) fn confirm(&mut self, claim: &Claim, now: Instant) {
        #[cfg(feature = "ipv6")]
        if !claim.overrides && self.stands(claim, now) {
            return;
        }
        self.fill(claim.address, claim.mac, now, true);
    }

    /// Whether the stack keeps what it knows in spite of an advertisement that doesn't override it (RFC 4861 7.2.5).
    #[cfg(feature = "ipv6")]
    fn stands(&mut self, claim: &Claim, now: Instant) -> bool {
        let Some(known) = self.get(claim.address) else { return false };
        if now < known.expires {
            known.confirmed |= known.mac == claim.mac;
            return true;
        }
        known.confirmed && known.mac != claim.mac && now < known.expires + GRACE
    }

    /// A frame from `mac` came for which `address` is the next hop. Whether the stack must be told.
    ///
    /// What a neighbour said itself is never overwritten by what a frame merely shows.
    pub(crate) fn is_news(&mut self, address: IpAddress, mac: Mac, now: Instant) -> bool {
        // Every datagram comes by here: a loop of its own costs no call.
        if let Some(known) = self.known.iter().find(|known| known.address == address) {
            let fresh = now + MARGIN < known.expires;
            // Another address than ARP or NDP said is for them to find out: a frame alone takes nobody's place.
            if (fresh && (known.confirmed || known.mac == mac))
                || (known.confirmed && known.mac != mac && now < known.expires + GRACE)
            {
                return false;
            }
        }
        self.fill(address, mac, now, false);
        true
    }

    /// A frame of this neighbour's goes to the stack, which takes it for a sign of life if the frame is the neighbour's
    /// own. Whether the stack knows it, as far as the copy says. `place`: where it was when last looked for.
    #[inline(always)]
    pub(crate) fn renew(&mut self, place: &mut u16, sender: &Sender, own: bool, now: Instant) -> bool {
        let is = |known: &&mut Neighbor| known.address == sender.next_hop;
        let mut known = self.known.get_mut(usize::from(*place)).filter(is);
        if known.is_none() {
            known = self.find(place, sender.next_hop);
        }
        let Some(known) = known else { return false };
        let knows = known.mac == sender.mac && now + MARGIN < known.expires;
        if knows && own {
            known.expires = now + LIFETIME;
        }
        knows
    }

    #[cold]
    #[inline(never)]
    fn find(&mut self, place: &mut u16, address: IpAddress) -> Option<&mut Neighbor> {
        let index = self.index(address)?;
        #[allow(clippy::cast_possible_truncation, reason = "the stack remembers fewer")]
        {
            *place = index as u16;
        }
        self.known.get_mut(index)
    }

    /// Where an address is: one loop, for those who rarely look for one.
    #[inline(never)]
    fn index(&self, address: IpAddress) -> Option<usize> {
        self.known.iter().position(|known| known.address == address)
    }

    fn get(&mut self, address: IpAddress) -> Option<&mut Neighbor> {
        let index = self.index(address)?;
        self.known.get_mut(index)
    }

    /// The stack seems not to know this one, whatever the copy says.
    pub(crate) fn forget_all_unconfirmed(&mut self) {
        for known in self.known.iter_mut().filter(|known| !known.confirmed) {
            known.expires = Instant::ZERO;
        }
    }

    /// The same steps as smoltcp's `neighbor::Cache::fill`, so that both replace the same entry.
    fn fill(&mut self, address: IpAddress, mac: Mac, now: Instant, confirmed: bool) {
        let neighbor = Neighbor { address, mac, expires: now + LIFETIME, confirmed };
        if let Some(known) = self.get(address) {
            *known = neighbor;
            return;
        }
        if self.known.is_full()
            && let Some(oldest) = self.oldest()
        {
            // The last takes its place, as there: the order decides between those of one age.
            self.known.swap_remove(oldest);
        }
        // There is room.
        let _ = self.known.push(neighbor);
    }

    /// The one that ends first.
    fn oldest(&self) -> Option<usize> {
        let oldest = self.known.iter().enumerate().min_by_key(|(_, known)| known.expires);
        oldest.map(|(index, _)| index)
    }
}

#[cfg(all(test, feature = "ipv4"))]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

    fn host(n: u16) -> IpAddress {
        IpAddress::v4(10, 0, (n >> 8) as u8, n as u8)
    }

    fn claim(n: u16, mac: Mac) -> Claim {
        Claim {
            address: host(n),
            mac,
            #[cfg(feature = "ipv6")]
            overrides: true,
        }
    }

    #[test]
    fn tells_what_is_news_and_only_that() {
        let mut neighbors = Neighbors::new();
        let start = Instant::from_secs(100);
        assert!(neighbors.is_news(host(1), A, start));
        assert!(!neighbors.is_news(host(1), A, start + Duration::from_secs(54)));
        assert!(neighbors.is_news(host(1), A, start + Duration::from_secs(55)), "shortly before it ends");
        assert!(neighbors.is_news(host(1), B, start + Duration::from_secs(56)), "another address");
    }

    #[test]
    fn a_frame_does_not_overwrite_what_arp_said() {
        let mut neighbors = Neighbors::new();
        let start = Instant::from_secs(100);
        neighbors.confirm(&claim(1, A), start);
        assert!(!neighbors.is_news(host(1), B, start + Duration::from_secs(1)));
        assert!(!neighbors.is_news(host(1), B, start + LIFETIME));
        assert!(neighbors.is_news(host(1), B, start + LIFETIME + GRACE));
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn what_is_known_stands_against_a_claim_that_does_not_override() {
        let start = Instant::from_secs(100);
        let mild = |mac| Claim { overrides: false, ..claim(1, mac) };
        for confirmed in [true, false] {
            let mut neighbors = Neighbors::new();
            if confirmed {
                neighbors.confirm(&claim(1, A), start);
            } else {
                assert!(neighbors.is_news(host(1), A, start));
            }
            neighbors.confirm(&mild(B), start);
            assert!(!neighbors.is_news(host(1), A, start), "A stands");
            neighbors.confirm(&mild(A), start);
            assert!(!neighbors.is_news(host(1), B, start), "A has said so itself");
            neighbors.confirm(&claim(1, B), start);
            assert!(!neighbors.is_news(host(1), B, start), "overridden");
            assert!(!neighbors.is_news(host(1), A, start));
        }
        let mut neighbors = Neighbors::new();
        assert!(neighbors.is_news(host(1), A, start));
        neighbors.confirm(&mild(B), start + LIFETIME);
        assert!(!neighbors.is_news(host(1), A, start + LIFETIME), "what has ended doesn't stand");
    }

    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    #[test]
    fn what_the_stack_forgot_is_news_again_but_arp_still_stands() {
        let mut neighbors = Neighbors::new();
        let start = Instant::from_secs(100);
        neighbors.confirm(&claim(1, A), start);
        assert!(neighbors.is_news(host(2), A, start));
        neighbors.expire(start);
        assert!(!neighbors.is_news(host(1), B, start));
        assert!(neighbors.is_news(host(1), A, start) && neighbors.is_news(host(2), B, start));
    }

    #[test]
    fn replaces_the_oldest() {
        let mut neighbors = Neighbors::new();
        for n in 0..IFACE_NEIGHBOR_CACHE_COUNT as u16 + 1 {
            assert!(neighbors.is_news(host(n), A, Instant::from_millis(i64::from(n))));
        }
        let now = Instant::from_secs(1);
        assert!(!neighbors.is_news(host(1), A, now));
        assert!(neighbors.is_news(host(0), A, now), "the first was replaced");
    }
}
