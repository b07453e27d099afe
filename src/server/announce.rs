//! Announcements, "this address is at that Ethernet address": to the stack, of those whom it doesn't know (see
//! `neighbors`); and to those whom the stack doesn't answer, of ourselves.

use smoltcp::phy::{Device, TxToken};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::Core;
use super::door::{Question, Sender};
use crate::event::Observer;
use crate::stack::{Egress, OneFrame};

/// The longest announcement: a neighbour advertisement with its option, over IPv6, over Ethernet.
#[cfg(feature = "ipv6")]
const LONGEST: usize = 14 + 40 + 32;
/// The longest announcement: an ARP reply over Ethernet.
#[cfg(not(feature = "ipv6"))]
const LONGEST: usize = 14 + 28;

/// An address, and the Ethernet address that it is at.
type Host = (EthernetAddress, IpAddress);

impl Core<'_> {
    /// The sender's frame was found right: a reply must not wait for the sender's address.
    pub(super) fn teach<D: Device, O: Observer>(
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
    /// told to it again, or the connections would stall; and each is looked at, so that it ends if its address went.
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    pub(super) fn relearn<D: Device, O: Observer>(&mut self, device: &mut Egress<'_, '_, D, O>) {
        let now = device.sink.now;
        self.neighbors.expire(now);
        for slot in 0..self.slots.len() {
            if self.slots.is_used(slot) {
                if let Some(sender) = self.slots[slot].sender {
                    self.teach(&sender, device);
                }
                self.slots.hurry(slot, now);
            }
        }
    }

    /// Answers who asks for an address of ours, and whom the stack wouldn't answer.
    pub(super) fn answer<T: TxToken>(&mut self, question: &Question, token: T) {
        let mut frame = [0; LONGEST];
        let frame = announce(&mut frame, (self.mac, question.address), question.asker);
        token.consume(frame.len(), |place| place.copy_from_slice(frame));
    }
}

/// Writes that `known` is where it is, to `to`. Both are of one version of IP.
fn announce(frame: &mut [u8; LONGEST], known: Host, to: Host) -> &[u8] {
    match (known.1, to.1) {
        #[cfg(feature = "ipv4")]
        (IpAddress::Ipv4(address), IpAddress::Ipv4(asker)) => {
            arp_reply(frame, (known.0, address), (to.0, asker))
        }
        #[cfg(feature = "ipv6")]
        (IpAddress::Ipv6(address), IpAddress::Ipv6(asker)) => {
            neighbor_advertisement(frame, (known.0, address), (to.0, asker))
        }
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => &[],
    }
}

/// An ARP reply (RFC 826), field by field.
#[cfg(feature = "ipv4")]
fn arp_reply(
    frame: &mut [u8; LONGEST],
    known: (EthernetAddress, smoltcp::wire::Ipv4Address),
    to: (EthernetAddress, smoltcp::wire::Ipv4Address),
) -> &[u8] {
    /// EtherType ARP; Ethernet and IPv4, whose addresses have 6 and 4 bytes; a reply.
    const HEADER: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 2];
    frame[..6].copy_from_slice(&to.0.0);
    frame[6..12].copy_from_slice(&known.0.0);
    frame[12..22].copy_from_slice(&HEADER);
    frame[22..28].copy_from_slice(&known.0.0);
    frame[28..32].copy_from_slice(&known.1.octets());
    frame[32..38].copy_from_slice(&to.0.0);
    frame[38..42].copy_from_slice(&to.1.octets());
    &frame[..42]
}

/// A neighbour advertisement (RFC 4861 4.4). To everybody it is unsolicited (7.2.4: the asker has no address yet).
#[cfg(feature = "ipv6")]
fn neighbor_advertisement(
    frame: &mut [u8; LONGEST],
    known: (EthernetAddress, smoltcp::wire::Ipv6Address),
    to: (EthernetAddress, smoltcp::wire::Ipv6Address),
) -> &[u8] {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr,
        NdiscNeighborFlags, NdiscRepr, RawHardwareAddress,
    };

    let mut flags = NdiscNeighborFlags::OVERRIDE;
    flags.set(NdiscNeighborFlags::SOLICITED, !to.1.is_multicast());
    let advertisement = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags,
        target_addr: known.1,
        lladdr: Some(RawHardwareAddress::from_bytes(known.0.as_bytes())),
    });
    let ip = Ipv6Repr {
        src_addr: known.1,
        dst_addr: to.1,
        next_header: IpProtocol::Icmpv6,
        payload_len: advertisement.buffer_len(),
        hop_limit: 255,
    };
    let mut ethernet = EthernetFrame::new_unchecked(frame.as_mut_slice());
    ethernet.set_src_addr(known.0);
    ethernet.set_dst_addr(to.0);
    ethernet.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet);
    advertisement.emit(
        &known.1,
        &to.1,
        &mut Icmpv6Packet::new_unchecked(packet.payload_mut()),
        &ChecksumCapabilities::default(),
    );
    frame
}
