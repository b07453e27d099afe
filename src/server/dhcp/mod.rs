//! The DHCP client (RFC 2131): an IPv4 address with its network and router, for as long as a server leases them.
//!
//! It is a state machine of its own: the instant and an answer go in, what is due comes out. Who owns it sends what is
//! [`Dhcp::due`], tells that it was [`Dhcp::transmitted`], and calls again at the [`Dhcp::deadline`].
//!
//! Where it is stricter than the RFC's figure 5, so that no server makes a storm of it:
//!
//! * Only the chosen server counts. Another's ACK and NAK are heard only where every server is asked: when rebinding, and
//!   when the lease is asked for again after the link was down. There another's NAK waits a second for the chosen one's
//!   ACK: of two servers on a link one may be authoritative for what the other leases.
//! * A NAK that follows another waits 4, 8, 16, 32, 64 s, as every question without answer does.
//! * An answer counts once, and only to the question that was sent last.
//!
//! Before an address is used, the link is asked whether somebody has it (RFC 5227 2.1): probes are due as messages are.
//! What a short lease would not have the time for is hastened: probes below 32 s, the renewal below 8 min. To announce and
//! to defend what is in use is its owner's.
//!
//! What isn't done: random delays before the first question and the first probe, and of T1 and T2 (they are for many
//! hosts that start at once); an address that is asked for again after its lease was over; RELEASE.

mod serve;
#[cfg(test)]
mod tests;

use core::net::Ipv4Addr;

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Cidr};

use super::time::{NEVER, after};
use crate::host::{is_gateway, is_host_address};
use crate::packet::dhcp::{self, Answer, Question};
use crate::packet::{Mac, arp};

/// REQUESTs without an answer before the client begins again (RFC 2131 3.1 5).
const REQUESTS: u8 = 4;
/// Probes of a new address (RFC 5227 1.1, PROBE_NUM).
const PROBES: u8 = 3;
/// Between two of them at least (RFC 5227 1.1, PROBE_MIN).
const PROBE_MIN: Duration = Duration::from_secs(1);
/// So much more at most, in microseconds (RFC 5227 1.1, PROBE_MAX).
const PROBE_MORE: u32 = 1_000_000;
/// After the last of them (RFC 5227 1.1, ANNOUNCE_WAIT).
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// Conflicts before addresses are tried less often (RFC 5227 1.1, MAX_CONFLICTS).
const MAX_CONFLICTS: u8 = 10;
/// How often then (RFC 5227 1.1, RATE_LIMIT_INTERVAL).
const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// The wait after a DECLINE (RFC 2131 3.1 5).
const DECLINED: Duration = Duration::from_secs(10);
/// Between two questions to renew or rebind at least (RFC 2131 4.4.5).
const RENEW_MIN: Duration = Duration::from_secs(60);
/// How long the chosen server has to say yes where another said no.
const SECOND_OPINION: Duration = Duration::from_secs(1);
/// Another server said no: a count of questions that nobody comes to by asking.
const REFUSED: u8 = u8::MAX;
/// The lease time that nobody says: long enough to work with, and a mistake is over soon. In seconds.
const UNSAID: u32 = 3_600;
/// A sixteenth of a second, in microseconds: T1 and T2 are 8 and 14 sixteenths of the lease, unless the server says others
/// (RFC 2131 4.4.5).
const SIXTEENTH: u64 = 1_000_000 / 16;

/// What a server leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) address: Ipv4Cidr,
    /// Unspecified if there is none.
    router: Ipv4Addr,
}

impl Lease {
    /// The first router of the lease that is in its network.
    pub(super) fn router(&self) -> Option<Ipv4Addr> {
        (!self.router.is_unspecified()).then_some(self.router)
    }
}

/// What is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// The message that [`Dhcp::write`] writes, to this station or to everybody.
    Message(Mac),
    /// An ARP probe.
    Probe(Ipv4Addr),
}

/// How far the client is: the states of RFC 2131, figure 5, and RFC 5227's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// INIT and SELECTING: any server is asked for any address.
    Selecting,
    /// REQUESTING: the server whose offer came first is asked for what it offered.
    Requesting,
    /// The server has leased the address, and other hosts are asked whether they have it.
    Probing,
    /// BOUND: the address is in use.
    Bound,
    /// RENEWING: the server is asked for more time.
    Renewing,
    /// REBINDING: any server is.
    Rebinding,
    /// REBOOTING: any server is asked whether the lease is still good.
    Rebooting,
    /// Somebody else has the address, which the server is to be told.
    Declining,
}

/// The DHCP client.
pub(super) struct Dhcp {
    mac: Mac,
    state: State,
    /// How often what this state sends was sent.
    sent: u8,
    /// NAKs since an address was last in use.
    naks: u8,
    /// Conflicts since an address was last in use.
    conflicts: u8,
    /// The host has the address.
    in_use: bool,
    /// The host has something else than when it was last told.
    changed: bool,
    /// What the last DISCOVER said; the REQUEST after it says the same (RFC 2131 4.4.1).
    seconds: u16,
    transaction: u32,
    random: u32,
    /// What is offered or leased.
    lease: Lease,
    /// For so many seconds.
    lasts: u32,
    /// The server, and the station that its answer came from: its own, or a router's.
    server: Ipv4Addr,
    station: Mac,
    /// Since when the client has been asking.
    began: Instant,
    /// When it last asked: the lease is reckoned from there (RFC 2131 4.4.1).
    asked: Instant,
    /// When something is to be sent.
    at: Instant,
    /// T1.
    renew: Instant,
    /// T2.
    rebind: Instant,
    /// When the lease is over. Never while there is none.
    expires: Instant,
}

impl Dhcp {
    /// A client without an address, whose first question is due now.
    #[allow(clippy::cast_possible_truncation, reason = "that half of the product is wanted")]
    pub(super) fn new(mac: Mac, seed: u64, now: Instant) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        let of_mac = u32::from_be_bytes([c, d, e, f]) ^ u32::from_be_bytes([0, 0, a, b]);
        // Not the seed itself, which initial sequence numbers depend on.
        let of_seed = (seed.wrapping_mul(0xd134_2543_de82_ef95) >> 32) as u32;
        let mut dhcp = Dhcp {
            mac,
            state: State::Selecting,
            sent: 0,
            naks: 0,
            conflicts: 0,
            in_use: false,
            changed: false,
            seconds: 0,
            transaction: 0,
            random: of_seed ^ of_mac,
            lease: Lease { address: Ipv4Cidr::new(Ipv4Addr::UNSPECIFIED, 0), router: Ipv4Addr::UNSPECIFIED },
            lasts: 0,
            server: Ipv4Addr::UNSPECIFIED,
            station: Mac::BROADCAST,
            began: now,
            asked: now,
            at: now,
            renew: NEVER,
            rebind: NEVER,
            expires: NEVER,
        };
        dhcp.begin(State::Selecting, now);
        dhcp
    }

    /// What the host is to have now.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.in_use.then_some(self.lease)
    }

    /// Whether that has changed since this was last asked. Any call may change it.
    pub(super) fn changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// The address that other hosts are being asked about.
    fn probing(&self) -> Option<Ipv4Addr> {
        (self.state == State::Probing).then(|| self.lease.address.address())
    }

    /// When to ask what is due.
    pub(super) fn deadline(&self) -> Instant {
        self.at.min(self.expires)
    }

    /// The link was down, and may be another one now: a lease is asked for again (RFC 2131 3.2). Meanwhile the host
    /// keeps it, so that connections go on if the link is the same.
    pub(super) fn link_up(&mut self, now: Instant) {
        if self.in_use {
            self.begin(State::Rebooting, now);
        } else if self.conflicts == 0 {
            self.restart(now);
        }
    }

    /// Somebody else has the address that is asked about or in use, and doesn't give it up.
    pub(super) fn conflict(&mut self, now: Instant) {
        if self.in_use || self.state == State::Probing {
            self.forget();
            self.conflicts = self.conflicts.saturating_add(1);
            self.begin(State::Declining, now);
        }
    }

    /// Hears whether somebody has the address that is asked about, or asks the same (RFC 5227 2.1.1).
    pub(super) fn arp(&mut self, packet: &arp::Packet<'_>, now: Instant) {
        let sender = packet.sender();
        let claimed = if sender.is_unspecified() { packet.target() } else { sender };
        // What comes back of our own probes has our Ethernet address.
        if self.probing() == Some(claimed) && packet.sender_mac() != self.mac {
            self.conflict(now);
        }
    }

    /// What is to be sent now.
    #[inline(never)]
    pub(super) fn due(&mut self, now: Instant) -> Option<Outgoing> {
        if now < self.at && now < self.expires {
            return None;
        }
        if now >= self.expires {
            self.restart(now);
        }
        let address = self.lease.address.address();
        match self.state {
            State::Requesting if self.sent >= REQUESTS => self.restart(now),
            State::Rebinding | State::Rebooting if self.sent == REFUSED => self.restart(now),
            // Nobody says that the lease is over, so it isn't (RFC 2131 3.2 5).
            State::Rebooting if self.sent >= REQUESTS => self.rest(),
            State::Probing if self.sent < PROBES => return Some(Outgoing::Probe(address)),
            State::Probing => {
                self.in_use = true;
                self.changed = true;
                self.naks = 0;
                self.conflicts = 0;
                self.rest();
            }
            _ => {}
        }
        if let State::Bound | State::Renewing | State::Rebinding = self.state {
            if self.state == State::Bound {
                self.began = now;
            }
            self.state = match now {
                now if now >= self.rebind => State::Rebinding,
                now if now >= self.renew => State::Renewing,
                _ => {
                    self.at = self.renew;
                    return None;
                }
            };
            // Each is a question of its own, hours after the one before.
            self.transaction = self.random();
        }
        if self.state != State::Requesting {
            self.seconds = seconds(now - self.began);
        }
        Some(Outgoing::Message(if self.state == State::Renewing { self.station } else { Mac::BROADCAST }))
    }

    /// Writes the message that is due: an IP packet of [`dhcp::QUESTION_PACKET`] bytes, without its checksums.
    pub(super) fn write(&self, place: &mut [u8]) {
        // A device that gives less loses it.
        let Some(packet) = place.first_chunk_mut() else { return };
        let none = Ipv4Addr::UNSPECIFIED;
        let address = self.lease.address.address();
        let (kind, client, requested, server) = match self.state {
            State::Selecting => (dhcp::DISCOVER, none, none, none),
            State::Requesting => (dhcp::REQUEST, none, address, self.server),
            State::Rebooting => (dhcp::REQUEST, none, address, none),
            State::Declining => (dhcp::DECLINE, none, address, self.server),
            _ => (dhcp::REQUEST, address, none, none),
        };
        let destination = if self.state == State::Renewing { self.server } else { Ipv4Addr::BROADCAST };
        let Dhcp { mac, transaction, seconds, .. } = *self;
        Question { kind, transaction, seconds, mac, client, requested, server }.write(destination, packet);
    }

    /// What was due has been sent.
    #[inline(never)]
    pub(super) fn transmitted(&mut self, now: Instant) {
        let before = self.sent;
        self.sent = before.saturating_add(1);
        let mut end = NEVER;
        let wait = match self.state {
            State::Selecting => self.patience(before),
            State::Requesting | State::Rebooting => {
                self.asked = now;
                self.patience(before)
            }
            State::Probing if self.sent < PROBES => {
                let gap = PROBE_MIN + self.up_to(PROBE_MORE);
                self.hasten(gap, 1)
            }
            State::Probing => self.hasten(ANNOUNCE_WAIT, 2),
            // Nothing is due in it.
            State::Bound => return,
            State::Renewing | State::Rebinding => {
                self.asked = now;
                end = if self.state == State::Renewing { self.rebind } else { self.expires };
                // Half of what is left, and at least a minute (RFC 2131 4.4.5), or an eighth of a short lease.
                let half = Duration::from_micros((end - now).total_micros() >> 1);
                half.max(self.hasten(RENEW_MIN, 2))
            }
            State::Declining => {
                let wait = if self.conflicts >= MAX_CONFLICTS { RATE_LIMIT_INTERVAL } else { DECLINED };
                return self.restart(after(now, wait));
            }
        };
        self.at = after(now, wait).min(end);
    }

    /// Takes in a message from a server's port to a client's, and the station that the frame came from.
    #[inline(never)]
    pub(super) fn receive(&mut self, message: &[u8], station: Mac, now: Instant) {
        let Some(answer) = Answer::new(message) else { return };
        if answer.transaction != self.transaction
            || answer.mac != self.mac
            || answer.server().is_unspecified()
        {
            return;
        }
        // Whoever repeats the client's identifier repeats it right (RFC 6842 3).
        if let [kind, identifier @ ..] = answer.client
            && (*kind != 1 || *identifier != self.mac.0)
        {
            return;
        }
        match self.state {
            State::Selecting if answer.kind() == dhcp::OFFER => self.offered(&answer, now),
            // Only the server that was asked may answer, and only once it was.
            State::Requesting | State::Renewing if answer.server() != self.server || self.sent == 0 => {}
            State::Requesting | State::Renewing | State::Rebinding | State::Rebooting => {
                match answer.kind() {
                    dhcp::ACK => self.leased(&answer, station, now),
                    // Two servers that know nothing of each other: one's yes outweighs the other's no.
                    dhcp::NAK if answer.server() != self.server => {
                        self.sent = REFUSED;
                        self.at = after(now, SECOND_OPINION);
                    }
                    dhcp::NAK => {
                        let naks = self.naks;
                        self.naks = naks.saturating_add(1);
                        // The first is heard at once: this may be another network.
                        let wait = naks.checked_sub(1).map_or(Duration::ZERO, |before| self.patience(before));
                        self.restart(after(now, wait));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// An offer, of which the first that can be used is taken.
    #[inline(always)]
    fn offered(&mut self, answer: &Answer<'_>, now: Instant) {
        let address = Ipv4Cidr::new(answer.address, class(answer.address));
        self.lease = Lease { address, router: Ipv4Addr::UNSPECIFIED };
        self.lasts = UNSAID;
        let Some(lease) = self.read(answer) else { return };
        self.lease = lease;
        self.server = answer.server();
        if answer.lease != 0 {
            self.lasts = answer.lease;
        }
        self.state = State::Requesting;
        self.sent = 0;
        self.at = now;
    }

    /// An ACK. What it doesn't say is as it was.
    #[inline(always)]
    fn leased(&mut self, answer: &Answer<'_>, station: Mac, now: Instant) {
        let Some(lease) = self.read(answer) else { return };
        let lasts = if answer.lease != 0 { answer.lease } else { self.lasts };
        // In sixteenths of a second. A lease for ever (RFC 2131 3.3) lasts 136 years.
        let whole = u64::from(lasts) << 4;
        let expires = self.since(whole);
        // It took longer to come than it lasts.
        if expires <= now {
            return;
        }
        let (half, most) = (whole >> 1, whole - (whole >> 3));
        let said = |seconds: u32, unsaid: u64| if seconds != 0 { u64::from(seconds) << 4 } else { unsaid };
        let (mut renew, mut rebind) = (said(answer.renewal, half), said(answer.rebinding, most));
        if renew >= rebind || rebind >= whole {
            (renew, rebind) = (half, most);
        }
        self.changed |= self.in_use && self.lease != lease;
        self.lease = lease;
        self.lasts = lasts;
        self.server = answer.server();
        self.station = station;
        self.renew = self.since(renew);
        self.rebind = self.since(rebind);
        self.expires = expires;
        // A new address is probed.
        if self.in_use { self.rest() } else { self.begin(State::Probing, now) }
    }

    /// What an answer leases, if it is the address that was asked for, and a host can have it.
    fn read(&self, answer: &Answer<'_>) -> Option<Lease> {
        let mut lease = self.lease;
        if answer.address != lease.address.address() {
            return None;
        }
        if answer.mask != 0 {
            // Ones, then zeros: no host is told apart from its network by any other.
            let hosts = !answer.mask;
            if hosts & hosts.wrapping_add(1) != 0 {
                return None;
            }
            lease.address = Ipv4Cidr::new(answer.address, answer.mask.leading_ones() as u8);
        }
        if !is_host_address(&IpCidr::Ipv4(lease.address)) {
            return None;
        }
        if !answer.routers.is_empty() {
            let (routers, _) = answer.routers.as_chunks::<4>();
            let mut routers = routers.iter().map(|router| Ipv4Addr::from(*router));
            let network = [IpCidr::Ipv4(lease.address)];
            let router = routers.find(|router| is_gateway(&IpAddress::Ipv4(*router), &network));
            lease.router = router.unwrap_or(Ipv4Addr::UNSPECIFIED);
        }
        Some(lease)
    }

    /// Goes over to another state, with a question that nobody has answered yet.
    #[inline(never)]
    fn begin(&mut self, state: State, at: Instant) {
        self.state = state;
        self.sent = 0;
        self.transaction = self.random();
        self.began = at;
        self.at = at;
    }

    /// The address is in use, and nothing is to be said until it is to be renewed.
    fn rest(&mut self) {
        self.state = State::Bound;
        self.sent = 0;
        self.at = self.renew;
    }

    /// Begins again without a lease, then.
    #[inline(never)]
    fn restart(&mut self, at: Instant) {
        self.forget();
        self.begin(State::Selecting, at);
    }

    /// The lease is no more.
    fn forget(&mut self) {
        self.changed |= self.in_use;
        self.in_use = false;
        self.expires = NEVER;
    }

    /// How long an answer is waited for to a question that was asked so often before: 4, 8, 16, 32, 64 s, and a second
    /// more or less (RFC 2131 4.1).
    #[inline(never)]
    fn patience(&mut self, before: u8) -> Duration {
        Duration::from_millis((4_000 << before.min(4)) - 1_000) + self.up_to(2_000_000)
    }

    /// A time that is made shorter for a short lease: to so many sixteenths of it.
    #[inline(never)]
    fn hasten(&self, time: Duration, sixteenths: u32) -> Duration {
        time.min(Duration::from_micros(u64::from(self.lasts) * u64::from(sixteenths) * SIXTEENTH))
    }

    /// So many sixteenths of a second after the client asked.
    #[inline(never)]
    fn since(&self, sixteenths: u64) -> Instant {
        after(self.asked, Duration::from_micros(sixteenths * SIXTEENTH))
    }

    /// A random time below so many microseconds.
    fn up_to(&mut self, micros: u32) -> Duration {
        Duration::from_micros((u64::from(self.random()) * u64::from(micros)) >> 32)
    }

    /// A random number. Who sees one doesn't need to guess the next: it goes to everybody on the link.
    #[inline(never)]
    fn random(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9);
        let mut number = self.random;
        for factor in [0x2c1b_3c6d, 0x297a_2d39] {
            number = (number ^ number >> 15).wrapping_mul(factor);
        }
        number ^ number >> 15
    }
}

/// Whole seconds, as many as a message can say: 64 microseconds are 1/15625 of one, and need no division of 64 bits.
#[allow(clippy::cast_possible_truncation, reason = "it is bounded before")]
fn seconds(time: Duration) -> u16 {
    let units = (time.total_micros() >> 6).min(u32::MAX.into()) as u32;
    (units / 15_625).min(u16::MAX.into()) as u16
}

/// The prefix of an address's class, for a server that says no mask (RFC 950 2.1).
fn class(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        ..128 => 8,
        128..192 => 16,
        192.. => 24,
    }
}
