//! Tells the stack a neighbour's Ethernet address, as the neighbour itself would: see `neighbors`.

use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpCidr};

use super::Core;
use super::door::Sender;
use crate::device::frame::OneFrame;

/// The longest lesson: a neighbour advertisement with its option, over IPv6, over Ethernet.
const MAX_LESSON: usize = 14 + 40 + 32;

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

/// RFC 826: "this address is at this Ethernet address", to us.
#[cfg(feature = "ipv4")]
fn arp_reply(
    frame: &mut [u8],
    theirs: (EthernetAddress, smoltcp::wire::Ipv4Address),
    ours: (EthernetAddress, smoltcp::wire::Ipv4Address),
) -> usize {
    use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr};

    let reply = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: theirs.0,
        source_protocol_addr: theirs.1,
        target_hardware_addr: ours.0,
        target_protocol_addr: ours.1,
    };
    let mut ethernet = header(frame, theirs.0, ours.0, EthernetProtocol::Arp);
    reply.emit(&mut ArpPacket::new_unchecked(ethernet.payload_mut()));
    EthernetFrame::<&[u8]>::buffer_len(reply.buffer_len())
}

/// RFC 4861 4.4: the same for IPv6.
#[cfg(feature = "ipv6")]
fn neighbor_advertisement(
    frame: &mut [u8],
    theirs: (EthernetAddress, smoltcp::wire::Ipv6Address),
    ours: (EthernetAddress, smoltcp::wire::Ipv6Address),
) -> usize {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
        RawHardwareAddress,
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
    let mut ethernet = header(frame, theirs.0, ours.0, EthernetProtocol::Ipv6);
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

fn header(
    frame: &mut [u8],
    source: EthernetAddress,
    destination: EthernetAddress,
    protocol: EthernetProtocol,
) -> EthernetFrame<&mut [u8]> {
    let mut ethernet = EthernetFrame::new_unchecked(frame);
    ethernet.set_src_addr(source);
    ethernet.set_dst_addr(destination);
    ethernet.set_ethertype(protocol);
    ethernet
}
