//! Announcements, "this address is at that Ethernet address": to the stack, of those whom it doesn't know (see
//! `neighbors`); and to those whom the stack doesn't answer, of ourselves.

use crate::packet::Mac;
use smoltcp::phy::{Device, TxToken};
use smoltcp::wire::{IpAddress, IpCidr};

use super::Core;
use super::door::{Probe, Sender};
use crate::event::Observer;
#[cfg(feature = "ipv4")]
use crate::packet::arp;
#[cfg(feature = "ipv6")]
use crate::packet::ndp;
use crate::stack::{Egress, OneFrame};

/// The longest announcement.
#[cfg(feature = "ipv6")]
const LONGEST: usize = ndp::Message::LONGEST;
/// The longest announcement.
#[cfg(not(feature = "ipv6"))]
const LONGEST: usize = arp::FRAME;

/// An address, and the Ethernet address that it is at.
type Host = (Mac, IpAddress);

impl Core<'_> {
    /// Teaches the stack the sender of a frame that was found right, so that no reply waits for its address.
    pub(super) fn learn_neighbor<D: Device, O: Observer>(
        &mut self,
        sender: &Sender,
        device: &mut Egress<'_, '_, D, O>,
    ) {
        let Sender { next_hop, mac } = *sender;
        let now = device.sink.now;
        // An address of ours in the neighbour's network: the stack believes no other.
        let own =
            self.iface.ip_addrs().iter().find(|cidr| cidr.contains_addr(&next_hop)).map(IpCidr::address);
        let Some(own) = own else { return };
        // The token is never used: nobody answers an answer.
        let Some(token) = device.transmit(now) else { return };
        if !self.neighbors.is_news(next_hop, mac, now) {
            return;
        }
        let mut frame = [0; LONGEST];
        let frame = announce(&mut frame, (mac, next_hop), (self.mac, own));
        self.iface.poll_ingress_single(now, &mut OneFrame::new(frame, token), &mut self.common);
        self.neighbors_changed = true;
    }

    /// The addresses have changed, and with that the stack has forgotten all neighbours. Those of live connections are
    /// told to it again, or the connections would stall; and each is processed, so that it ends if its address went.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    pub(super) fn relearn_neighbors<D: Device, O: Observer>(&mut self, device: &mut Egress<'_, '_, D, O>) {
        let now = device.sink.now;
        self.neighbors.expire(now);
        for slot in 0..self.slots.len() {
            if self.slots.is_used(slot) {
                if let Some(sender) = self.slots[slot].sender {
                    self.learn_neighbor(&sender, device);
                }
                self.slots.hurry(slot, now);
            }
        }
    }

    /// Answers a question for an address of ours that the stack would not answer.
    pub(super) fn answer_probe<T: TxToken>(&mut self, question: &Probe, token: T) {
        let mut frame = [0; LONGEST];
        let frame = announce(&mut frame, (self.mac, question.address), question.asker);
        token.consume(frame.len(), |place| place.copy_from_slice(frame));
    }
}

/// Writes to `to` where `known` is. Both are of one version of IP.
fn announce(frame: &mut [u8; LONGEST], known: Host, to: Host) -> &[u8] {
    match (known.1, to.1) {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(address), IpAddress::Ipv4(asker)) => {
            let Some(frame) = frame.first_chunk_mut() else { return &[] };
            arp::reply(frame, (known.0, address), (to.0, asker));
            frame
        }
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(address), IpAddress::Ipv6(asker)) => {
            ndp::Message::advertisement((known.0, address), (to.0, asker)).write(frame)
        }
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => &[],
    }
}
