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
//! What isn't done: duplicate address detection of the link-local address, which is in use from the start; the random
//! delays before a host's first message (they are for many hosts that start at once); a list of routers, with probes of
//! whether they are still there; hop limit, timers and MTU as the router advises them; the preferred lifetime, which is
//! for who opens connections; DHCPv6; temporary addresses (RFC 8981).

use heapless::Vec;
use smoltcp::phy::{Device, TxToken};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IPV6_LINK_LOCAL_ALL_ROUTERS, Icmpv6Message,
    Icmpv6Packet, IpAddress, IpCidr, IpProtocol, Ipv6Address, Ipv6Packet,
};

use super::Core;
use super::poll::not_before;
use super::slots::NEVER;
use crate::event::Observer;
use crate::host::{HostConfig, MAX_ADDRESSES, is_v4};
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

/// A prefix as an option tells of it, from which an address can be formed (RFC 4861 4.6.2).
struct Prefix<'f> {
    network: &'f [u8; 8],
    on_link: bool,
    /// In seconds; all ones for ever.
    valid: u32,
}

impl Core<'_> {
    /// Takes in what a frame says of routers, or of an address that is to be ours.
    pub(super) fn hear(&mut self, frame: &[u8], now: Instant) {
        let Some(slaac) = &mut self.slaac else { return };
        let Some((source, message)) = discovery(frame) else { return };
        match message.msg_type() {
            Icmpv6Message::RouterAdvert if source.is_unicast_link_local() => {
                slaac.advertised_router(source, message.router_lifetime(), now);
                for prefix in options(message.payload()).filter_map(Prefix::read) {
                    slaac.advertised_prefix(&prefix, self.iface.ip_addrs(), now);
                }
            }
            Icmpv6Message::NeighborAdvert => slaac.taken(message.target_addr()),
            // Another host that wants the same address, and asked first (RFC 4862 5.4.3).
            Icmpv6Message::NeighborSolicit if source.is_unspecified() => slaac.taken(message.target_addr()),
            _ => {}
        }
    }

    /// Sends what is to be asked, and lets addresses and the router come and go. Returns when to do so again.
    pub(super) fn serve_slaac<D: Device, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
    ) -> Instant {
        let now = device.sink.now;
        let Some(slaac) = &mut self.slaac else { return NEVER };
        slaac.ask(self.mac, device);
        let changed = slaac.age(now);
        if changed {
            self.iface.update_ip_addrs(|addresses| slaac.assign(addresses, now));
        }
        slaac.formed.retain(|formed| formed.valid_until > now);
        let router = slaac.router.map(|(router, _)| router);
        let rerouted = core::mem::replace(&mut slaac.routed, router) != router;
        let deadline = slaac.deadline();
        if rerouted {
            self.reroute(router);
        }
        if changed {
            self.relearn(device);
        }
        not_before(Some(deadline), now)
    }

    /// The default router has changed.
    fn reroute(&mut self, router: Option<Ipv6Address>) {
        match router {
            Some(router) => self.set_gateway(IpAddress::Ipv6(router)),
            None => {
                self.iface.routes_mut().remove_default_ipv6_route();
                self.gateways.retain(|gateway| is_v4(*gateway));
            }
        }
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
        address[..8].copy_from_slice(prefix.network);
        let address = Ipv6Address::from(address);
        let valid_until = match prefix.valid {
            u32::MAX => NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        if let Some(formed) = self.formed.iter_mut().find(|formed| formed.address == address) {
            self.changed |= prefix.on_link && !formed.on_link;
            formed.on_link |= prefix.on_link;
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
            let formed = Formed { address, on_link: prefix.on_link, valid_until, stage: Stage::New };
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
    fn ask<D: Device, O: Observer>(&mut self, mac: EthernetAddress, device: &mut Egress<'_, '_, D, O>) {
        let now = device.sink.now;
        for formed in self.formed.iter_mut().filter(|formed| formed.stage == Stage::New) {
            let Some(token) = device.transmit(now) else { return };
            neighbor_solicitation(token, mac, formed.address);
            formed.stage = Stage::Tentative(now + DEFENCE);
        }
        if self.solicitations > 0
            && self.solicit_at <= now
            && let Some(token) = device.transmit(now)
        {
            router_solicitation(token, mac, self.link_local);
            self.solicitations -= 1;
            self.solicit_at = now + INTERVAL;
        }
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

impl<'f> Prefix<'f> {
    /// From an option of an advertisement, if it is such a prefix: of 64 bits, what an interface identifier leaves.
    fn read(option: &'f [u8]) -> Option<Self> {
        /// Its type, its length in units of 8 bytes, and the prefix's length.
        const HEADER: [u8; 3] = [3, 4, 64];
        const ON_LINK: u8 = 0x80;
        const AUTONOMOUS: u8 = 0x40;

        let (header, rest) = option.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let (valid, rest) = rest.split_first_chunk()?;
        let (preferred, rest) = rest.split_first_chunk()?;
        // Four bytes are reserved.
        let network = rest.get(4..)?.first_chunk()?;
        let valid = u32::from_be_bytes(*valid);
        let right = *header == HEADER
            && flags & AUTONOMOUS != 0
            && u32::from_be_bytes(*preferred) <= valid
            // The unspecified and the loopback address, and IPv4 ones in IPv6's clothes (RFC 4291 2.5).
            && *network != [0; 8];
        right.then_some(Prefix { network, on_link: flags & ON_LINK != 0, valid })
    }
}

fn link_local(address: IpAddress) -> Option<Ipv6Address> {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(_) => None,
        IpAddress::Ipv6(address) => address.is_unicast_link_local().then_some(address),
    }
}

/// The message of neighbour discovery in a frame that the door let in, and who sent it; one that is valid as far as all
/// kinds have the same rules (RFC 4861 6.1.2, 7.1). The hop limit proves that no router forwarded it.
fn discovery(frame: &[u8]) -> Option<(Ipv6Address, Icmpv6Packet<&[u8]>)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv6 {
        return None;
    }
    let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
    if packet.next_header() != IpProtocol::Icmpv6 || packet.hop_limit() != 255 {
        return None;
    }
    let (source, destination) = (packet.src_addr(), packet.dst_addr());
    let message = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    let kind = message.msg_type();
    let right = matches!(
        kind,
        Icmpv6Message::RouterAdvert | Icmpv6Message::NeighborAdvert | Icmpv6Message::NeighborSolicit
    ) && message.msg_code() == 0
        && message.verify_checksum(&source, &destination)
        && options(message.payload()).map(<[u8]>::len).sum::<usize>() == message.payload().len();
    right.then_some((source, message))
}

/// The options of a message, up to the first that is cut off or has a length of 0.
fn options(mut left: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let length = 8 * usize::from(*left.get(1)?);
        let (option, rest) = left.split_at_checked(length).filter(|_| length > 0)?;
        left = rest;
        Some(option)
    })
}

/// Asks all routers to advertise themselves (RFC 4861 4.1), with our Ethernet address as its option.
fn router_solicitation<T: TxToken>(token: T, mac: EthernetAddress, from: Ipv6Address) {
    let [a, b, c, d, e, f] = mac.0;
    solicit(
        token,
        mac,
        (from, IPV6_LINK_LOCAL_ALL_ROUTERS),
        Icmpv6Message::RouterSolicit,
        &[1, 1, a, b, c, d, e, f],
    );
}

/// Asks from no address whether somebody has this one (RFC 4862 5.4.2).
fn neighbor_solicitation<T: TxToken>(token: T, mac: EthernetAddress, target: Ipv6Address) {
    let target = target.octets();
    let [.., a, b, c] = target;
    // The solicited-node group (RFC 4291 2.7.1).
    let group = Ipv6Address::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    solicit(token, mac, (Ipv6Address::UNSPECIFIED, group), Icmpv6Message::NeighborSolicit, &target);
}

/// Sends a solicitation to a group: the headers, four bytes of zeros, and what is asked.
fn solicit<T: TxToken>(
    token: T,
    mac: EthernetAddress,
    (from, group): (Ipv6Address, Ipv6Address),
    kind: Icmpv6Message,
    asked: &[u8],
) {
    /// EtherType IPv6; version 6.
    const START: [u8; 3] = [0x86, 0xdd, 0x60];
    /// Protocol ICMPv6, and the hop limit that no router leaves as it is.
    const ICMPV6: [u8; 2] = [58, 255];
    /// Ethernet and IPv6 before the message, and what the message has before what is asked.
    const HEADERS: usize = 14 + 40;
    const MESSAGE: usize = 8;

    token.consume(HEADERS + MESSAGE + asked.len(), |frame| {
        frame.fill(0);
        // Where frames to a group go (RFC 2464 7).
        frame[..2].copy_from_slice(&[0x33, 0x33]);
        frame[2..6].copy_from_slice(&group.octets()[12..]);
        frame[6..12].copy_from_slice(&mac.0);
        frame[12..15].copy_from_slice(&START);
        frame[19] = (MESSAGE + asked.len()) as u8;
        frame[20..22].copy_from_slice(&ICMPV6);
        frame[22..38].copy_from_slice(&from.octets());
        frame[38..54].copy_from_slice(&group.octets());
        frame[HEADERS] = kind.into();
        frame[HEADERS + MESSAGE..].copy_from_slice(asked);
        Icmpv6Packet::new_unchecked(&mut frame[HEADERS..]).fill_checksum(&from, &group);
    });
}
