//! What the server does about its lease: sends what is due, and has the address while it is leased.

use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};

use super::super::Core;
use super::super::time::{BLOCKED, NEVER};
use super::{Lease, Outgoing};
use crate::event::Observer;
use crate::host::is_v4;
use crate::packet::{arp, dhcp};
use crate::stack::Egress;

impl Core<'_> {
    /// Sends what is due, and lets the address and the router come and go: whether they have, and when to do so again.
    pub(in super::super) fn serve_dhcp<D: Device, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
    ) -> (bool, Instant) {
        let now = device.sink.now;
        let (Some(client), Some(own)) = (&mut self.dhcp, self.local.here.station.mac) else {
            return (false, NEVER);
        };
        let mut due = NEVER;
        while let Some(outgoing) = client.due(now) {
            let sent = match outgoing {
                Outgoing::Message(to) => {
                    device.packet(to, dhcp::QUESTION_PACKET, &|place| client.write(place))
                }
                Outgoing::Probe(address) => {
                    let mut frame = [0; arp::FRAME];
                    arp::probe(&mut frame, own, address);
                    device.frame(&frame)
                }
            };
            if sent.is_none() {
                due = now + BLOCKED;
                break;
            }
            client.transmitted(now);
        }
        let due = due.min(client.deadline().max(now + BLOCKED));
        if !client.changed() {
            return (false, due);
        }
        let lease = client.lease();
        self.have(lease, now);
        (true, due)
    }

    /// The host has what is leased, and no other IPv4 address.
    #[inline(never)]
    fn have(&mut self, lease: Option<Lease>, now: Instant) {
        let addresses = &mut self.local.here.addresses;
        // There is one at most: DHCP and a static address exclude each other.
        let index = addresses.iter().position(|cidr| is_v4(cidr.address()));
        let had = index.map(|index| addresses.swap_remove(index).address());
        let has = lease.map(|lease| IpCidr::Ipv4(lease.address));
        // There was room when the configuration was checked.
        addresses.extend(has);
        if has.is_some() && has.map(|cidr| cidr.address()) != had {
            self.link.announce(now);
        }
        let router = lease.and_then(|lease| lease.router()).map(IpAddress::Ipv4);
        self.set_gateway(|known| !is_v4(known), router);
    }

    /// Somebody else has this address, and it was given up.
    pub(in super::super) fn lost(&mut self, address: IpAddress, now: Instant) {
        if let Some(client) = &mut self.dhcp
            && client.lease().is_some_and(|lease| IpAddress::Ipv4(lease.address.address()) == address)
        {
            client.conflict(now);
            self.host_due = now;
        }
    }
}
