//! What the example boards share, and a board of your own starts from.
//!
//! A board is what implements [`Board`]: a clock, an Ethernet device, a way to sleep, a serial console, a MAC address
//! and a seed. [`run`] does the rest: it starts the server, says so on the console, and polls and sleeps for ever.
//!
//! ```ignore
//! static STORAGE: ConstStaticCell<Storage<'static, 4, 1024, 1024>> = ConstStaticCell::new(Storage::new());
//!
//! #[entry]
//! fn main() -> ! {
//!     undersock_board::run(MyBoard::start(), STORAGE.take(), Uppercase::new())
//! }
//! ```
//!
//! | room | its one job |
//! |---|---|
//! | [`Board`], [`run`] | what a board gives, and the loop that uses it |
//! | [`peripheral`] | registers by address and offset |
//! | [`clock`] | time from the ticks of a counter, without a 64-bit division |
//! | [`cortex_m`] | Arm Cortex-M: sleep, interrupt lines, SysTick as an alarm or as the clock |
//! | [`qemu`] | feature `qemu`: exit status, panic, HardFault, a seed (semihosting) |
//! | `console` | lines without `core::fmt`, which would cost 8 KB of flash |
//! | `logger` | feature `log`: the server's events as a timeline, and log lines |
//! | `measure` | feature `measure`: peak of the stack, marks for a counter of instructions |
//! | `ram` | how much of the RAM is taken by statics |
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(armv7m)]
mod builtins;
mod console;
#[cfg(feature = "log")]
mod logger;
#[cfg(all(feature = "measure", target_os = "none"))]
mod measure;
mod ram;

pub mod clock;
#[cfg(target_arch = "arm")]
pub mod cortex_m;
pub mod peripheral;
#[cfg(all(feature = "qemu", target_os = "none"))]
pub mod qemu;

use undersock::host::HostConfig;
#[cfg(feature = "slaac")]
use undersock::host::MAX_ADDRESSES;
use undersock::host::Mac;
use undersock::server::{Config, ConfigError, Mode, Server, Storage};
use undersock::service::Service;
use undersock::smoltcp::phy::Device;
use undersock::smoltcp::time::Instant;
#[cfg(any(feature = "dhcp", feature = "slaac"))]
use undersock::smoltcp::wire::{IpAddress, IpCidr};

use crate::console::Line;

/// What a board gives to the server.
pub trait Board: 'static {
    /// What the boot line calls it.
    const NAME: &'static str;

    /// Its Ethernet controller.
    type Device: Device;

    /// The Ethernet controller, between two polls.
    fn device(&mut self) -> &mut Self::Device;

    /// The controller's own address: no two boards on one network share it.
    fn mac(&self) -> Mac;

    /// Different at each start and not to be guessed: initial sequence numbers follow from it. A random number
    /// generator is the right source; the README says what to do without one. Called once.
    fn seed(&mut self) -> u64;

    /// The time since the start, or since any other moment. It never goes back.
    fn now(&mut self) -> Instant;

    /// Sleeps until a frame has come or the deadline has passed; `None` is for ever. To wake early does no harm, to
    /// miss a frame does: look for one after the interrupt has been cleared and before the processor sleeps.
    fn sleep_until(&mut self, deadline: Option<Instant>);

    /// Writes to the serial console. It belongs to the whole program, not to a board that somebody holds: a panic
    /// writes to it too.
    fn console(bytes: &[u8]);

    /// What the server is told: the default addresses, or with the feature `dhcp` no IPv4 address but DHCP, and with
    /// `slaac` no IPv6 address but router advertisements. Implement it for addresses of your own.
    fn config(&mut self) -> Config<'static> {
        let mut host = HostConfig::default().with_seed(self.seed());
        host.mac = Some(self.mac());
        #[cfg(feature = "dhcp")]
        dhcp_for_ipv4(&mut host);
        #[cfg(feature = "slaac")]
        slaac_for_ipv6(&mut host);
        Config::new(host)
    }
}

/// Runs the server on a board, for ever.
///
/// # Panics
/// If the board's configuration can't work; with the feature `log`, the console says why.
#[inline(always)]
pub fn run<B: Board, S: Service, const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize>(
    mut board: B,
    storage: &'static mut Storage<'static, CONNECTIONS, RECEIVE, SEND>,
    mut service: S,
) -> ! {
    #[cfg(all(feature = "measure", target_os = "none"))]
    let mut stack = measure::Stack::paint();
    #[cfg(feature = "log")]
    logger::install::<B>();

    let server = match start(&mut board, storage) {
        Ok(server) => server,
        Err(_error) => {
            #[cfg(feature = "log")]
            log::error!("{_error}");
            panic!("a configuration that can't work");
        }
    };
    boot_line::<B>(server);
    #[cfg(feature = "log")]
    let mut observer = logger::Trace::new::<B>();
    #[cfg(not(feature = "log"))]
    let mut observer = ();
    #[cfg(feature = "dhcp")]
    let mut leased = None;
    #[cfg(feature = "slaac")]
    let mut formed = [None; MAX_ADDRESSES];

    loop {
        let now = board.now();
        #[cfg(feature = "log")]
        logger::at(now);
        #[cfg(all(feature = "measure", target_os = "none"))]
        let frames = {
            measure::undersock_span_begin();
            server.counters().frames_in
        };

        let deadline = server.poll(now, board.device(), &mut service, &mut observer);

        #[cfg(all(feature = "measure", target_os = "none"))]
        {
            if server.counters().frames_in != frames {
                measure::undersock_span_end();
            }
            stack.report(B::console);
        }
        #[cfg(feature = "dhcp")]
        say::<B>("DHCP", &mut leased, server.addresses().iter().copied().find(is_ipv4));
        #[cfg(feature = "slaac")]
        {
            let mut addresses = server.addresses().iter().copied().filter(is_formed);
            for said in &mut formed {
                say::<B>("SLAAC", said, addresses.next());
            }
        }
        board.sleep_until(deadline);
    }
}

/// Makes the server. A function of its own, so that the stack that this takes is free again afterwards.
#[inline(never)]
fn start<B: Board, const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize>(
    board: &mut B,
    storage: &'static mut Storage<'static, CONNECTIONS, RECEIVE, SEND>,
) -> Result<&'static mut Server<'static>, Reason> {
    let config = board.config();
    let now = board.now();
    Server::in_storage(&config, storage.memory(), board.device(), now).map_err(reason)
}

/// Why a configuration can't work, where somebody reads it.
#[cfg(feature = "log")]
type Reason = ConfigError;
/// Nobody reads it: then it takes no flash.
#[cfg(not(feature = "log"))]
type Reason = ();

#[cfg(feature = "log")]
const fn reason(error: ConfigError) -> Reason {
    error
}

#[cfg(not(feature = "log"))]
const fn reason(_: ConfigError) -> Reason {}

/// `The server is ready to receive: …`, as the command `undersock serve` says it, with the board and its memory.
fn boot_line<B: Board>(server: &Server<'_>) {
    let line = Line(B::console).text("The server is ready to receive: ");
    let mut between = "";
    for cidr in server.addresses() {
        line.text(between).cidr(cidr);
        between = " and ";
    }
    if between.is_empty() {
        line.text("no address yet (DHCP)");
    }
    if let Some(mac) = server.mac() {
        line.text(" on ").mac(mac);
    }
    if let Some(port) = server.udp_port() {
        line.number(", UDP ", usize::from(port));
    }
    for listener in server.listeners() {
        let name = if listener.mode == Mode::Stream { ", TCP stream " } else { ", TCP " };
        line.number(name, usize::from(listener.port));
    }
    let (used, size) = ram::statics();
    line.text(", board ").text(B::NAME).number(", static RAM ", used).number(" of ", size);
    line.text(" bytes").end();
}

/// DHCP in place of the IPv4 addresses.
#[cfg(feature = "dhcp")]
fn dhcp_for_ipv4(host: &mut HostConfig) {
    host.dhcp = true;
    host.addresses.retain(|cidr| !is_ipv4(cidr));
    host.gateways.retain(|gateway| !matches!(gateway, IpAddress::Ipv4(_)));
}

/// Router advertisements in place of the IPv6 addresses.
#[cfg(feature = "slaac")]
fn slaac_for_ipv6(host: &mut HostConfig) {
    host.slaac = true;
    host.addresses.retain(is_ipv4);
    host.gateways.retain(|gateway| matches!(gateway, IpAddress::Ipv4(_)));
}

/// Says an address of the network's on the console as it comes and goes: `said` is what was said last.
#[cfg(any(feature = "dhcp", feature = "slaac"))]
fn say<B: Board>(source: &str, said: &mut Option<IpCidr>, address: Option<IpCidr>) {
    if *said != address {
        *said = address;
        let line = Line(B::console).text(source);
        match &address {
            Some(cidr) => line.text(": the address is ").cidr(cidr).end(),
            None => line.text(": no address").end(),
        }
    }
}

/// An IPv6 address that isn't the link-local one.
#[cfg(feature = "slaac")]
fn is_formed(cidr: &IpCidr) -> bool {
    matches!(cidr, IpCidr::Ipv6(cidr) if !cidr.address().is_unicast_link_local())
}

#[cfg(any(feature = "dhcp", feature = "slaac"))]
fn is_ipv4(cidr: &IpCidr) -> bool {
    matches!(cidr, IpCidr::Ipv4(_))
}
