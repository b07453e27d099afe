//! A service of your own on a TAP interface, here `tap0`: `cargo run --features tap --example tap_service -- tap0`
//!
//! The other end of a TAP interface is this computer's kernel, so every program on it can be the client. Linux, and once:
//!
//! ```text
//! sudo ip tuntap add dev tap0 mode tap user $USER
//! sudo ip link set tap0 up
//! sudo ip addr add 192.168.69.100/24 dev tap0
//! ```
//!
//! Then, while this runs: `printf 'how many bytes are these?' | nc -N 192.168.69.1 12002`

mod common;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn core::error::Error>> {
    use undersock::device::tap::Tap;
    use undersock::server::{Config, Memory, Server, Sizes};

    use common::service::{Clerk, LISTENERS, SLOTS};
    use common::{now, seed};

    let name = std::env::args().nth(1).unwrap_or_else(|| "tap0".into());
    let mut tap = Tap::open(&name).map_err(|error| format!("{name}: {error}"))?;
    let config = Config::default().with_seed(seed()).with_ports(Some(12_000), LISTENERS);
    let memory = Memory::owned(Sizes::default().with_connections(SLOTS));
    let mut server = Server::new(&config, memory, &mut tap, now())?;
    let mut clerk = Clerk::default();
    println!("The server is ready to receive: 192.168.69.1, interface {name}");
    loop {
        // Frames in, the service called, frames out.
        let deadline = server.poll(now(), &mut tap, &mut clerk, &mut ());
        for line in clerk.ended.drain(..) {
            println!("{line}");
        }
        // Until the next frame or the deadline, whichever comes first; `None` is for ever.
        let timeout = deadline.map(|deadline| (deadline.max(now()) - now()).into());
        tap.wait(timeout, [])?;
        // The interface was removed, for one.
        if let Some(error) = tap.error() {
            return Err(format!("{name}: {error}").into());
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), &'static str> {
    Err("opening tap0: TAP interfaces are Linux's; on any system: cargo run --example memory_service")
}
