//! The IPv4 address and router that a DHCP server leases, as they come and go (RFC 2131).

use smoltcp::phy::Device;
use smoltcp::socket::dhcpv4;
use smoltcp::wire::{IpAddress, IpCidr};

use super::Core;
use crate::event::Observer;
use crate::host::{is_gateway, is_host_address, is_v4};
use crate::stack::Egress;

impl Core<'_> {
    /// Takes over what the stack's DHCP client has come to.
    pub(super) fn serve_dhcp<D: Device, O: Observer>(&mut self, device: &mut Egress<'_, '_, D, O>) {
        let Some(handle) = self.dhcp else { return };
        let (address, router) = match self.common.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
            None => return,
            Some(dhcpv4::Event::Deconfigured) => (None, None),
            Some(dhcpv4::Event::Configured(lease)) => {
                let address = IpCidr::Ipv4(lease.address);
                // What a DHCP server says comes from the network: the stack would panic about some of it.
                (is_host_address(&address).then_some(address), lease.router)
            }
        };
        self.iface.update_ip_addrs(|addresses| {
            addresses.retain(|cidr| !is_v4(cidr.address()));
            if let Some(address) = address {
                let _ = addresses.push(address);
            }
        });
        self.relearn_neighbors(device);
        self.iface.routes_mut().remove_default_ipv4_route();
        self.gateways.retain(|gateway| !is_v4(*gateway));
        if let (Some(address), Some(router)) = (address, router) {
            let gateway = IpAddress::Ipv4(router);
            if is_gateway(&gateway, &[address]) {
                self.set_gateway(gateway);
            }
        }
    }
}
