//! Tells the stack a neighbour's Ethernet address, as the neighbour itself would: see `neighbors`.

use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::Core;
use super::door::Sender;
use crate::device::frame::OneFrame;

/// The longest lesson: a neighbour advertisement with its option, over IPv6, over Ethernet.
#[cfg(feature = "ipv6")]
const MAX_LESSON: usize = 14 + 40 + 32;
/// The longest lesson: an ARP reply over Ethernet.
#[cfg(not(feature = "ipv6"))]
const MAX_LESSON: usize = 14 + 28;

impl Core<'_> {
    /// The sender's frame was found right: a reply must not wait for the sender's address.
    pub(super) fn teach<D: Device>(&mut self, sender: &Sender, device: &mut D, now: Instant) {
        let Sender { next_hop, mac } = *sender;
        let mut frame = [0; MAX_LESSON];
        // An address of ours in the neighbour's network: the stack believes no other.
        let own =
            self.iface.ip_addrs().iter().find(|cidr| cidr.contains_addr(&next_hop)).map(IpCidr::address);
        let Some(own) = own else { return };
        // The token is never used: nobody answers a reply.
        let Some(token) = device.transmit(now) else { return };
        if !self.neighbors.is_news(next_hop, mac, now) {
            return;
        }
        let length = match (next_hop, own) {
            #[cfg(feature = "ipv4")]
            (IpAddress::Ipv4(theirs), IpAddress::Ipv4(ours)) => {
                arp_reply(&mut frame, (mac, theirs), (self.mac, ours))
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::Ipv6(theirs), IpAddress::Ipv6(ours)) => {
                neighbor_advertisement(&mut frame, (mac, theirs), (self.mac, ours))
            }
            #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
            _ => return,
        };
        let Some(frame) = frame.get(..length) else { return };
        self.iface.poll_ingress_single(now, &mut OneFrame::new(frame, token), &mut self.common);
        self.neighbors_changed = true;
    }
}

/// "This address is at this Ethernet address", to us: an ARP reply (RFC 826), field by field.
#[cfg(feature = "ipv4")]
fn arp_reply(
    frame: &mut [u8; MAX_LESSON],
    theirs: (EthernetAddress, smoltcp::wire::Ipv4Address),
    ours: (EthernetAddress, smoltcp::wire::Ipv4Address),
) -> usize {
    /// EtherType ARP; Ethernet and IPv4, whose addresses have 6 and 4 bytes; a reply.
    const HEADER: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 2];
    let (their_ip, our_ip) = (theirs.1.octets(), ours.1.octets());
    frame[..6].copy_from_slice(&ours.0.0);
    frame[6..12].copy_from_slice(&theirs.0.0);
    frame[12..22].copy_from_slice(&HEADER);
    frame[22..28].copy_from_slice(&theirs.0.0);
    frame[28..32].copy_from_slice(&their_ip);
    frame[32..38].copy_from_slice(&ours.0.0);
    frame[38..42].copy_from_slice(&our_ip);
    42
}

/// RFC 4861 4.4: the same for IPv6.
#[cfg(feature = "ipv6")]
fn neighbor_advertisement(
    frame: &mut [u8; MAX_LESSON],
    theirs: (EthernetAddress, smoltcp::wire::Ipv6Address),
    ours: (EthernetAddress, smoltcp::wire::Ipv6Address),
) -> usize {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr,
        NdiscNeighborFlags, NdiscRepr, RawHardwareAddress,
    };

    let advertisement = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
        target_addr: theirs.1,
        lladdr: Some(RawHardwareAddress::from_bytes(theirs.0.as_bytes())),
    });
    let ip = Ipv6Repr {
        src_addr: theirs.1,
        dst_addr: ours.1,
        next_header: IpProtocol::Icmpv6,
        payload_len: advertisement.buffer_len(),
        hop_limit: 255,
    };
    let mut ethernet = EthernetFrame::new_unchecked(frame.as_mut_slice());
    ethernet.set_src_addr(theirs.0);
    ethernet.set_dst_addr(ours.0);
    ethernet.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet);
    advertisement.emit(
        &theirs.1,
        &ours.1,
        &mut Icmpv6Packet::new_unchecked(packet.payload_mut()),
        &ChecksumCapabilities::default(),
    );
    EthernetFrame::<&[u8]>::buffer_len(ip.buffer_len() + ip.payload_len)
}
