//! Any `embassy_net_driver::Driver` as a smoltcp [`Device`]: the Ethernet drivers of embassy-stm32, the drivers for SPI
//! controllers (`embassy-net-enc28j60`, `-adin1110`) and for Wi-Fi (`cyw43`, `esp-radio`), without embassy's executor.
//!
//! Both traits hand out tokens that are consumed with a closure, so each call goes straight through; nothing is copied.
//! Two differences remain:
//!
//! | embassy | here |
//! |---|---|
//! | a driver is polled with a context, and wakes its waker when it is worth polling again | the [`Adapter`] holds the waker: see [`Adapter::new`] |
//! | a frame that came is lent mutably | it is shown read-only |
//!
//! This file needs `smoltcp`, `embassy-net-driver` and nothing of this board: copy it.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::task::{Context, Waker};

use embassy_net_driver as embassy;
use embassy_net_driver::{Driver, HardwareAddress};
use undersock::smoltcp::phy::{self, Checksum, ChecksumCapabilities, Device, DeviceCapabilities};
use undersock::smoltcp::time::Instant;

#[cfg(test)]
#[path = "adapter/tests.rs"]
mod tests;

/// An embassy driver, polled.
pub struct Adapter<D> {
    driver: D,
    waker: Waker,
}

impl<D: Driver> Adapter<D> {
    /// A driver, and what it wakes when a frame came or there is room to send.
    ///
    /// The driver's interrupt handler clears the interrupt, so "came while we looked away" must be kept somewhere:
    ///
    /// * Mask interrupts while polling, sleep with `wfi`, unmask for a moment: a pending interrupt ends `wfi` though
    ///   it is masked (ARMv7-M Architecture Reference Manual, B1.5.19). Then `Waker::noop().clone()` is enough; so it
    ///   is on this board.
    /// * Sleep with `wfe`: an interrupt handler's return sets the event that `wfe` waits for (B1.5.18). The same
    ///   no-op waker is enough.
    /// * Anything else, as `wfi` with interrupts enabled: a waker that raises a flag, to be looked at with interrupts
    ///   masked just before sleeping.
    ///
    /// A driver that does its work in a task (those for SPI and Wi-Fi) needs that task polled, too.
    pub const fn new(driver: D, waker: Waker) -> Self {
        Adapter { driver, waker }
    }

    /// The driver, for what is its own: the state of the link.
    pub fn driver(&mut self) -> &mut D {
        &mut self.driver
    }
}

impl<D: Driver> Device for Adapter<D> {
    type RxToken<'a>
        = RxToken<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (receive, send) = self.driver.receive(&mut Context::from_waker(&self.waker))?;
        Some((RxToken(receive), TxToken(send)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Self::TxToken<'_>> {
        self.driver.transmit(&mut Context::from_waker(&self.waker)).map(TxToken)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let theirs = self.driver.capabilities();
        let mut ours = DeviceCapabilities::default();
        // The other media are features of smoltcp that this server doesn't use.
        debug_assert!(matches!(self.driver.hardware_address(), HardwareAddress::Ethernet(_)));
        ours.max_transmission_unit = theirs.max_transmission_unit;
        ours.max_burst_size = theirs.max_burst_size;
        ours.checksum = checksums(&theirs.checksum);
        ours
    }
}

/// What the stack is left to do about checksums. ICMP's it always does: their fields come and go with smoltcp's
/// features, and to do twice what the hardware does too is no harm.
fn checksums(theirs: &embassy::ChecksumCapabilities) -> ChecksumCapabilities {
    let checksum = |theirs| match theirs {
        embassy::Checksum::Both => Checksum::Both,
        embassy::Checksum::Rx => Checksum::Rx,
        embassy::Checksum::Tx => Checksum::Tx,
        embassy::Checksum::None => Checksum::None,
    };
    let mut ours = ChecksumCapabilities::default();
    ours.ipv4 = checksum(theirs.ipv4);
    ours.udp = checksum(theirs.udp);
    ours.tcp = checksum(theirs.tcp);
    ours
}

/// A frame that came.
pub struct RxToken<T>(T);

impl<T: embassy::RxToken> phy::RxToken for RxToken<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.0.consume(|frame| f(frame))
    }
}

/// Room for a frame.
pub struct TxToken<T>(T);

impl<T: embassy::TxToken> phy::TxToken for TxToken<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.consume(len, f)
    }
}
