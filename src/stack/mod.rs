//! What server and client have in common around smoltcp's `Interface`: how it is made, whose address it speaks from, how
//! it is given one packet, and what becomes of what it sends.
//!
//! The stack is given IP packets, and gives IP packets: Ethernet, and who is where on it, are this library's (`link`).
//!
//! | file | its one job |
//! |---|---|
//! | `station` | this end of the link: what is before a packet |
//! | `verified` | what of what comes in is right |
//! | `one_frame` | a device that holds one received packet |
//! | `egress` | a device's sending side, where packets become frames |
//! | `back` | how it is made to send again, and what of that goes out |
#![forbid(unsafe_code)]

#[cfg(feature = "recovery")]
mod back;
mod egress;
mod one_frame;
mod station;
mod verified;

use smoltcp::iface::Interface;
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

#[cfg(feature = "recovery")]
pub(crate) use self::back::{Desk, Ledger, One, go_back};
pub(crate) use self::egress::{Departing, Egress, Route, Sent};
pub(crate) use self::one_frame::{Held, OneFrame};
pub(crate) use self::station::{Content, Station};
pub(crate) use self::verified::verify;

/// An interface for IP packets of up to so many bytes, `burst` of them at once, whose checksums are none of its business. It
/// has no address yet: see [`speak_as`].
pub(crate) fn interface(ip_mtu: usize, burst: Option<usize>, seed: u64, now: Instant) -> Interface {
    let mut settings = smoltcp::iface::Config::new(HardwareAddress::Ip);
    settings.random_seed = seed;
    Interface::new(settings, &mut Nothing { ip_mtu, burst }, now)
}

/// Lets the stack speak from this address of ours.
///
/// It has room for as many addresses as it was built with, which is 2 unless the program chose otherwise; a host may have
/// more. So it is told of each when it is wanted, and forgets the one that it has known for the longest.
#[inline(always)]
pub(crate) fn speak_as(iface: &mut Interface, address: IpAddress) {
    // Most hosts have one.
    if iface.ip_addrs().first().is_none_or(|known| known.address() != address) {
        introduce(iface, address);
    }
}

#[cold]
#[inline(never)]
fn introduce(iface: &mut Interface, address: IpAddress) {
    if iface.ip_addrs().iter().any(|known| known.address() == address) {
        return;
    }
    iface.update_ip_addrs(|known| {
        if known.is_full() {
            known.remove(0);
        }
        // There is room now; the stack never asks which network an address is in.
        let _ = known.push(IpCidr::new(address, address_bits(address)));
    });
}

/// Lets the stack speak from all of these addresses of ours. There is room for them, or the last ones are left out.
pub(crate) fn speak_as_all(iface: &mut Interface, addresses: &[IpAddress]) {
    let knows = |address: &IpAddress| iface.ip_addrs().iter().any(|known| known.address() == *address);
    if !addresses.iter().all(knows) {
        iface.update_ip_addrs(|known| {
            known.clear();
            for address in addresses {
                let _ = known.push(IpCidr::new(*address, address_bits(*address)));
            }
        });
    }
}

/// The length of an address, in bits.
fn address_bits(address: IpAddress) -> u8 {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::Ipv4(_) => 32,
        #[allow(unreachable_patterns, reason = "with one version of IP there is no other case")]
        _ => 128,
    }
}

/// What an interface is made with: abilities, and no frames.
struct Nothing {
    ip_mtu: usize,
    burst: Option<usize>,
}

impl Device for Nothing {
    type RxToken<'a> = Held<'a>;
    type TxToken<'a> = Never;

    fn receive(&mut self, _now: Instant) -> Option<(Held<'_>, Never)> {
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<Never> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        // With all of smoltcp's features on, the default is another.
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.ip_mtu;
        // No larger window is offered.
        capabilities.max_burst_size = self.burst;
        let sums = &mut capabilities.checksum;
        for sum in [&mut sums.ipv4, &mut sums.udp, &mut sums.tcp] {
            *sum = Checksum::None;
        }
        capabilities
    }
}

/// A token that nobody has.
enum Never {}

impl smoltcp::phy::TxToken for Never {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _len: usize, _f: F) -> R {
        match self {}
    }
}
