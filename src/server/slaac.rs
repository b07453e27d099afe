//! Stateless address autoconfiguration: IPv6 addresses, and the router, as routers advertise them.
//!
//! The stack has a feature for this, which stays off: without a router its deadline is always in the past, one
//! advertisement with lifetime 0 hides the deadlines of all connections, and it asks nobody whether an address is free.
//!
//! What a host does, and where it is said:
//!
//! * Router solicitations at the start: three, 4 s apart, until a router answers (RFC 4861 6.3.7).
//! * An address for each prefix that is advertised for it, with the interface identifier of the link-local address; as
//!   many as there is room for, static addresses first, then in the order in which they came. It stays for its valid
//!   lifetime, which nobody can shorten to less than two hours (RFC 4862 5.5.3).
//! * Before an address is used, a question whether somebody has it (duplicate address detection, RFC 4862 5.4). One that
//!   somebody has isn't used, and not asked for again until its lifetime is over.
//! * The default router: the first that says it is one, for as long as it says so (RFC 4861 6.3.4). A gateway of the
//!   configuration stays in its place.
//!
//! The link-local address is in use from the start (`link/detection.rs`). Every address that is formed has its
//! solicited-node group, so none has to be reported anew.
//!
//! What isn't done: the random delays before a host's first message (they are for many hosts that start at once); a list of
//! routers, with probes of whether they are still there; hop limit, timers and MTU as the router advises them; the
//! preferred lifetime, which is for who opens connections; DHCPv6; temporary addresses (RFC 8981).

use crate::packet::Mac;
use heapless::Vec;
use smoltcp::phy::Device;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpCidr, Ipv6Address};

use super::Core;
use super::time::{NEVER, not_before};
use crate::event::Observer;
use crate::host::{HostConfig, MAX_ADDRESSES, is_v4};
use crate::link::host::send;
use crate::packet::ndp::option::Prefix;
use crate::packet::ndp::{self, Discovery};
use crate::stack::Egress;

/// Addresses that are formed at most, where there is room: of [`MAX_ADDRESSES`], one is an IPv4 address, and one the
/// link-local one.
const MAX_FORMED: usize = 3;
/// Router solicitations (RFC 4861 10, MAX_RTR_SOLICITATIONS).
const SOLICITATIONS: u8 = 3;
/// Between two of them (RFC 4861 10, RTR_SOLICITATION_INTERVAL).
const INTERVAL: Duration = Duration::from_secs(4);
/// How long who has an address has to say so (RFC 4861 10, RETRANS_TIMER).
const DEFENCE: Duration = Duration::from_secs(1);
/// What is left of a valid lifetime is shortened to this at most (RFC 4862 5.5.3 e).
const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

/// What routers have advertised, and what follows from it.
pub(super) struct Slaac {
    /// Its lower half is the interface identifier of every address that is formed.
    link_local: Ipv6Address,
    /// Router solicitations that are still to be sent, and when the next one is.
    solicitations: u8,
    solicit_at: Instant,
    /// The configuration has a gateway: no router takes its place.
    has_gateway: bool,
    /// The default router, and until when it is one.
    router: Option<(Ipv6Address, Instant)>,
    /// The router that the stack knows of.
    routed: Option<Ipv6Address>,
    /// How many addresses may be formed.
    room: usize,
    formed: Vec<Formed, MAX_FORMED>,
    /// The stack's addresses are no longer those that are formed.
    changed: bool,
}

/// An address that is formed from a prefix.
struct Formed {
    address: Ipv6Address,
    /// Hosts with the same prefix are reached without a router.
    on_link: bool,
    valid_until: Instant,
    stage: Stage,
}

/// How far an address has come (RFC 4862 5.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody was asked yet.
    New,
    /// Until then somebody may say that it is theirs.
    Tentative(Instant),
    /// The interface has it.
    Assigned,
    /// Somebody else has it.
    Duplicate,
}

impl Core<'_> {
    /// Takes in what a message says of routers, or of an address that is to be ours.
    pub(super) fn process_ndp(&mut self, discovery: &Discovery<'_>, now: Instant) {
        let Some(slaac) = &mut self.slaac else { return };
        let source = discovery.source;
        let router = ndp::RouterAdvertisement::new(discovery.message).map(Message::Router);
        let message = router.or_else(|| ndp::About::new(discovery.message).map(Message::Neighbor));
        let Some(message) = message else { return };
        self.host_due = now;
        match message {
            // One from our own address is somebody's who has it too.
            Message::Router(advertisement)
                if source.is_unicast_link_local() && !self.local.here.is_own(source.into()) =>
            {
                let lifetime = Duration::from_secs(advertisement.lifetime().into());
                slaac.advertised_router(source, lifetime, now);
                for prefix in advertisement.options().filter_map(Prefix::new).filter(forms_addresses) {
                    slaac.advertised_prefix(&prefix, &self.local.here.addresses, now);
                }
            }
            // Another host that wants the same address, and asked first (RFC 4862 5.4.3).
            Message::Neighbor(about) if !about.asks() || source.is_unspecified() => {
                slaac.taken(about.target());
            }
            _ => {}
        }
    }

    /// Sends what is to be asked, and lets addresses and the router come and go. Returns when to do so again.
    pub(super) fn serve_slaac<D: Device, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
    ) -> (bool, Instant) {
        let now = device.sink.now;
        let (Some(slaac), Some(mac)) = (&mut self.slaac, self.local.here.station.mac) else {
            return (false, NEVER);
        };
        slaac.ask(mac, self.link.is_optimistic(now), device);
        let changed = slaac.age(now);
        if changed {
            slaac.assign(&mut self.local.here.addresses, now);
        }
        slaac.formed.retain(|formed| formed.valid_until > now);
        let router = slaac.router.map(|(router, _)| router);
        let rerouted = core::mem::replace(&mut slaac.routed, router) != router;
        let deadline = slaac.deadline();
        if rerouted {
            self.set_gateway(is_v4, router.map(IpAddress::Ipv6));
        }
        (changed, not_before(Some(deadline), now))
    }
}

impl Slaac {
    /// `None` where the configuration doesn't want it.
    pub(super) fn new(config: &HostConfig, now: Instant) -> Option<Slaac> {
        let own = config.link_local();
        // Where it wants it, there is one.
        let link_local = config.addresses.iter().chain(&own).find_map(|cidr| link_local(cidr.address()))?;
        let taken = config.addresses.len() + usize::from(own.is_some()) + usize::from(config.dhcp);
        config.slaac.then(|| Slaac {
            link_local,
            solicitations: SOLICITATIONS,
            solicit_at: now,
            has_gateway: config.gateways.iter().any(|gateway| !is_v4(*gateway)),
            router: None,
            routed: None,
            room: MAX_ADDRESSES.saturating_sub(taken).min(MAX_FORMED),
            formed: Vec::new(),
            changed: false,
        })
    }

    /// A router says for how long it is one (RFC 4861 6.3.4).
    fn advertised_router(&mut self, router: Ipv6Address, lifetime: Duration, now: Instant) {
        let is_router = lifetime > Duration::ZERO;
        if is_router {
            self.solicitations = 0;
        }
        let is_ours = self.router.is_none_or(|(known, until)| known == router || until <= now);
        if is_ours && !self.has_gateway {
            self.router = is_router.then(|| (router, now + lifetime));
        }
    }

    /// A router says that addresses may be formed from this prefix (RFC 4862 5.5.3).
    fn advertised_prefix(&mut self, prefix: &Prefix<'_>, taken: &[IpCidr], now: Instant) {
        let mut address = self.link_local.octets();
        address[..8].copy_from_slice(&prefix.network());
        let address = Ipv6Address::from(address);
        let on_link = prefix.has(Prefix::ON_LINK);
        let valid_until = match prefix.valid() {
            u32::MAX => NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        if let Some(formed) = self.formed.iter_mut().find(|formed| formed.address == address) {
            self.changed |= on_link && !formed.on_link;
            formed.on_link |= on_link;
            formed.valid_until = if valid_until > now + TWO_HOURS {
                valid_until
            } else {
                // Not sooner than in two hours, or than it would have been.
                valid_until.max(formed.valid_until.min(now + TWO_HOURS))
            };
        } else if valid_until > now
            && !address.is_multicast()
            && !address.is_unicast_link_local()
            && self.formed.len() < self.room
            && taken.iter().all(|cidr| cidr.address() != IpAddress::Ipv6(address))
        {
            let formed = Formed { address, on_link, valid_until, stage: Stage::New };
            // There is room for it.
            let _ = self.formed.push(formed);
        }
    }

    /// Somebody says that an address is theirs, or wants it too.
    fn taken(&mut self, address: Ipv6Address) {
        for formed in &mut self.formed {
            if formed.address == address && formed.stage != Stage::Assigned {
                formed.stage = Stage::Duplicate;
            }
        }
    }

    /// Sends the solicitations whose time has come, as far as the device has room.
    fn ask<D: Device, O: Observer>(&mut self, mac: Mac, optimistic: bool, device: &mut Egress<'_, '_, D, O>) {
        let now = device.sink.now;
        for formed in self.formed.iter_mut().filter(|formed| formed.stage == Stage::New) {
            if send(&ndp::Message::probe(mac, formed.address), device).is_none() {
                return;
            }
            formed.stage = Stage::Tentative(now + DEFENCE);
        }
        if self.solicitations > 0
            && self.solicit_at <= now
            && send(&self.solicitation(mac, optimistic), device).is_some()
        {
            self.solicitations -= 1;
            self.solicit_at = now + INTERVAL;
        }
    }

    /// Nobody is to learn where an address is that somebody else may have (RFC 4429 2.2).
    fn solicitation(&self, mac: Mac, optimistic: bool) -> ndp::Message {
        let message = ndp::Message::router_solicitation((mac, self.link_local));
        if optimistic { message.without_mac() } else { message }
    }

    /// Lets time pass. Whether the interface's addresses change with it.
    fn age(&mut self, now: Instant) -> bool {
        for formed in &mut self.formed {
            match formed.stage {
                Stage::Tentative(until) if until <= now => {
                    formed.stage = Stage::Assigned;
                    self.changed = true;
                }
                Stage::Assigned if formed.valid_until <= now => self.changed = true,
                _ => {}
            }
        }
        self.router = self.router.filter(|(_, until)| *until > now);
        core::mem::take(&mut self.changed)
    }

    /// Puts into the interface's addresses those that are formed, in place of those that were.
    fn assign(&mut self, addresses: &mut Vec<IpCidr, MAX_ADDRESSES>, now: Instant) {
        for Formed { address, on_link, valid_until, stage } in &self.formed {
            let address = IpAddress::Ipv6(*address);
            addresses.retain(|cidr| cidr.address() != address);
            if *stage == Stage::Assigned && *valid_until > now {
                // There is room: no more are formed.
                let _ = addresses.push(IpCidr::new(address, if *on_link { 64 } else { 128 }));
            }
        }
    }

    /// When something is to be done next.
    fn deadline(&self) -> Instant {
        let solicitation = if self.solicitations > 0 { self.solicit_at } else { NEVER };
        let router = self.router.map_or(NEVER, |(_, until)| until);
        self.formed.iter().map(Formed::deadline).fold(solicitation.min(router), Instant::min)
    }
}

impl Formed {
    fn deadline(&self) -> Instant {
        match self.stage {
            // The device had no room for the question.
            Stage::New => Instant::ZERO,
            Stage::Tentative(until) => until.min(self.valid_until),
            Stage::Assigned | Stage::Duplicate => self.valid_until,
        }
    }
}

/// Whether an address is formed from a prefix: of 64 bits, what an interface identifier leaves (RFC 4862 5.5.3).
fn forms_addresses(prefix: &Prefix<'_>) -> bool {
    prefix.bits() == 64
        && prefix.has(Prefix::AUTONOMOUS)
        && prefix.preferred() <= prefix.valid()
        // The unspecified and the loopback address, and IPv4 ones in IPv6's clothes (RFC 4291 2.5).
        && prefix.network() != [0; 8]
}

fn link_local(address: IpAddress) -> Option<Ipv6Address> {
    match address {
        IpAddress::Ipv6(address) => address.is_unicast_link_local().then_some(address),
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => None,
    }
}

/// What a frame says.
enum Message<'f> {
    Router(ndp::RouterAdvertisement<'f>),
    Neighbor(ndp::About<'f>),
}
