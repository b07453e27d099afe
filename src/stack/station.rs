//! This end of the link: how a frame is opened that came, and what one that goes out begins with.

use smoltcp::phy::DeviceCapabilities;

use crate::event::DropRule;
#[cfg(feature = "ipv4")]
use crate::packet::arp;
use crate::packet::ethernet::{self, ethertype};
use crate::packet::seal::Sums;
use crate::packet::{Link, Mac};

/// This end of the link: how what it sends looks there, and what is for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Station {
    /// Its Ethernet address; `None` where the device carries IP packets.
    pub(crate) mac: Option<Mac>,
    /// The checksums that are left to it.
    pub(crate) fill: Sums,
}

/// What is in a frame.
pub(crate) enum Content<'f> {
    /// What begins with an IP header, by the frame's word for it.
    Ip(&'f [u8]),
    /// ARP, for IPv4 on Ethernet.
    #[cfg(feature = "ipv4")]
    Arp(arp::Packet<'f>),
}

impl Station {
    /// What its frames begin with.
    pub(crate) const fn link(&self) -> Link {
        if self.mac.is_some() { Link::Ethernet } else { Link::Ip }
    }

    /// Bytes before an IP packet.
    pub(crate) const fn header(&self) -> usize {
        self.link().header()
    }

    /// The most bytes of an IP packet on this device.
    pub(crate) fn ip_mtu(&self, device: &DeviceCapabilities) -> usize {
        device.max_transmission_unit.saturating_sub(self.header())
    }

    /// What is in a frame that is for this station, and the Ethernet address that it came from; without Ethernet, any.
    ///
    /// # Errors
    /// The rule by which the frame is dropped.
    #[inline(always)]
    pub(crate) fn open<'f>(&self, frame: &'f [u8]) -> Result<(Mac, Content<'f>), DropRule> {
        let Some(own) = self.mac else { return Ok((Mac::BROADCAST, Content::Ip(frame))) };
        let (header, payload) = ethernet::Header::split(frame).ok_or(DropRule::Malformed)?;
        let (from, to) = (header.source(), header.destination());
        if to != own && !to.is_multicast() {
            return Err(DropRule::NotForUs);
        }
        if !from.is_unicast() || from == own {
            return Err(DropRule::Source);
        }
        let content = match header.ethertype() {
            #[cfg(feature = "ipv4")]
            ethertype::ARP => Content::Arp(arp::Packet::new(payload).ok_or(DropRule::Malformed)?),
            // Which version it is, the packet says itself.
            #[cfg(feature = "ipv4")]
            ethertype::IPV4 => Content::Ip(payload),
            #[cfg(feature = "ipv6")]
            ethertype::IPV6 => Content::Ip(payload),
            _ => return Err(DropRule::NotForUs),
        };
        Ok((from, content))
    }

    /// Writes what is before an IP packet, in so many bytes as [`Station::header`] says.
    #[inline(always)]
    pub(crate) fn write(&self, header: &mut [u8], packet_version: Option<u8>, to: Mac) {
        if let Some(from) = self.mac {
            let ethertype = if packet_version == Some(6) { ethertype::IPV6 } else { ethertype::IPV4 };
            ethernet::write(header, to, from, ethertype);
        }
    }
}
