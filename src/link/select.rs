//! Which address of ours speaks to a host that we begin to talk to, and which neighbour that goes over.

use smoltcp::wire::{IpAddress, IpCidr};

#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

/// The address of ours that speaks to a host: for IPv4 the one in whose network it is, else the first; for IPv6 as RFC 6724
/// says in rules 1, 2 and 8 of section 5.
#[inline(never)]
pub(crate) fn source(addresses: &[IpCidr], to: IpAddress) -> Option<IpAddress> {
    let mut best = None;
    for cidr in addresses {
        let fit = match (cidr, &to) {
            #[cfg(feature = "ipv4")]
            (IpCidr::Ipv4(own), IpAddress::Ipv4(to)) => u32::from(own.contains_addr(to)),
            #[cfg(feature = "ipv6")]
            (IpCidr::Ipv6(own), IpAddress::Ipv6(to)) => fit(&own.address(), own.prefix_len(), to),
            #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
            _ => continue,
        };
        // Of two that fit alike it is the first.
        if best.is_none_or(|(most, _)| fit > most) {
            best = Some((fit, cidr));
        }
    }
    best.map(|(_, cidr)| cidr.address())
}

/// How well an address of ours fits a destination: it is the same, else has the same scope, else so many bits in common. An
/// address has no more than 128.
#[cfg(feature = "ipv6")]
#[inline(never)]
fn fit(own: &Ipv6Addr, prefix: u8, to: &Ipv6Addr) -> u32 {
    let mut common = 0;
    for (ours, theirs) in own.octets().iter().zip(to.octets()) {
        let same = (ours ^ theirs).leading_zeros();
        common += same;
        if same < u8::BITS {
            break;
        }
    }
    let scope = u32::from(is_link_scope(own) == is_link_scope(to));
    (u32::from(own == to) << 9) + (scope << 8) + common.min(prefix.into())
}

/// Whether it means something on its own link alone (RFC 4291 2.5.6, 2.7).
#[cfg(feature = "ipv6")]
const fn is_link_scope(address: &Ipv6Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_unicast_link_local() || (first == 0xff && second & 0xf <= 2)
}

/// The neighbour that packets to a host go over: the host itself if it is on the link, else the gateway of its version.
/// Without one, the host can't be reached.
#[inline(never)]
pub(crate) fn next_hop(addresses: &[IpCidr], gateways: &[IpAddress], to: IpAddress) -> Option<IpAddress> {
    let on_link = match to {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(to) => to.is_link_local() || to.is_multicast() || to.is_broadcast(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(to) => to.is_unicast_link_local() || to.is_multicast(),
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => return None,
    };
    if on_link || addresses.iter().any(|cidr| cidr.contains_addr(&to)) {
        return Some(to);
    }
    gateways.iter().copied().find(|gateway| gateway.version() == to.version())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidrs(texts: &[&str]) -> std::vec::Vec<IpCidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn address(text: &str) -> IpAddress {
        text.parse().unwrap()
    }

    fn from(addresses: &[IpCidr], to: &str) -> Option<IpAddress> {
        source(addresses, address(to))
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn an_ipv4_host_hears_the_address_in_its_network() {
        let own = cidrs(&["192.168.69.1/24", "10.0.0.1/8"]);
        for (to, expected) in
            [("192.168.69.9", "192.168.69.1"), ("10.9.9.9", "10.0.0.1"), ("198.51.100.1", "192.168.69.1")]
        {
            assert_eq!(from(&own, to), Some(address(expected)), "{to}");
        }
        let gateways = [address("192.168.69.254")];
        for (to, hop) in [
            ("192.168.69.9", "192.168.69.9"),
            ("10.9.9.9", "10.9.9.9"),
            ("169.254.1.1", "169.254.1.1"),
            ("198.51.100.1", "192.168.69.254"),
            ("255.255.255.255", "255.255.255.255"),
        ] {
            assert_eq!(next_hop(&own, &gateways, address(to)), Some(address(hop)), "{to}");
        }
        assert_eq!(next_hop(&own, &[], address("198.51.100.1")), None);
    }

    /// RFC 6724 10.1, as far as these rules go.
    #[cfg(feature = "ipv6")]
    #[test]
    fn an_ipv6_host_hears_the_address_that_fits_best() {
        let own = cidrs(&["2001:db8:1::2/64", "fe80::2/64", "2001:db8:3::2/64"]);
        for (to, expected) in [
            ("2001:db8:1::1", "2001:db8:1::2"),
            ("2001:db8:3::1", "2001:db8:3::2"),
            ("2001:db8:ffff::1", "2001:db8:1::2"),
            ("fe80::1", "fe80::2"),
            ("ff02::1", "fe80::2"),
            ("ff05::1", "2001:db8:1::2"),
            ("2001:db8:3::2", "2001:db8:3::2"),
        ] {
            assert_eq!(from(&own, to), Some(address(expected)), "{to}");
        }
        assert_eq!(
            from(&cidrs(&["fe80::2/64"]), "2001:db8::1"),
            Some(address("fe80::2")),
            "better than none"
        );
        assert_eq!(from(&[], "2001:db8::1"), None);
        // What is behind an address's prefix is no network in common (RFC 6724 2.2).
        let own = cidrs(&["2001:db8:1::1/32", "2001:db8:2::1/48"]);
        assert_eq!(from(&own, "2001:db8:1::9"), Some(address("2001:db8:2::1")));
        let own = cidrs(&["2001:db8::1/128", "fe80::2/64"]);
        let gateways = [address("fe80::fe")];
        for (to, hop) in [("2001:db8::9", "fe80::fe"), ("fe80::9", "fe80::9"), ("ff02::2", "ff02::2")] {
            assert_eq!(next_hop(&own, &gateways, address(to)), Some(address(hop)), "{to}");
        }
    }

    #[cfg(all(feature = "ipv4", feature = "ipv6"))]
    #[test]
    fn versions_do_not_mix() {
        assert_eq!(from(&cidrs(&["192.168.69.1/24"]), "fdaa::1"), None);
        assert_eq!(from(&cidrs(&["fdaa::1/64"]), "192.168.69.1"), None);
        assert_eq!(next_hop(&[], &[address("fe80::1")], address("198.51.100.1")), None);
    }
}
