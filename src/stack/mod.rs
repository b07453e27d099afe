//! What server and client have in common around smoltcp's `Interface`: how it is made, how it is given one frame, and
//! who sees what it sends.
//!
//! | file | its one job |
//! |---|---|
//! | `one_frame` | a device that holds one received frame |
//! | `egress` | a device's sending side, whose frames are seen before they go out |
#![forbid(unsafe_code)]

mod egress;
mod one_frame;

use smoltcp::iface::Interface;
use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress};

pub(crate) use self::egress::{Departing, Egress, Sent};
pub(crate) use self::one_frame::{Held, OneFrame};
use crate::host::HostConfig;

/// An interface with the addresses and gateways of a host that has been checked, and the abilities of this device.
pub(crate) fn interface<D: Device>(host: &HostConfig, device: &mut D, now: Instant) -> Interface {
    let mut settings =
        smoltcp::iface::Config::new(HardwareAddress::Ethernet(smoltcp::wire::EthernetAddress(host.mac.0)));
    settings.random_seed = host.seed;
    let mut iface = Interface::new(settings, device, now);
    iface.update_ip_addrs(|addresses| {
        // They were counted by the check.
        addresses.extend(host.addresses.iter().copied().chain(host.link_local()));
    });
    for gateway in &host.gateways {
        set_route(&mut iface, *gateway);
    }
    iface
}

/// Makes the route over a gateway, for its version of IP, in place of any before.
pub(crate) fn set_route(iface: &mut Interface, gateway: IpAddress) {
    match gateway {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(gateway) => {
            let _ = iface.routes_mut().add_default_ipv4_route(gateway);
        }
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(gateway) => {
            let _ = iface.routes_mut().add_default_ipv6_route(gateway);
        }
        #[allow(unreachable_patterns, reason = "the stack may have one version more than this library")]
        _ => {}
    }
}
