//! What crosses the lab's interface, seen from the kernel's side: packet(7). For a server that tells nothing itself, as
//! firmware on an emulated board.

use core::num::NonZeroU32;
use std::thread;
use std::time::Instant as Clock;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};
use undersock::event::{Event, Frame, Way};
use undersock_views::Side;
use undersock_views::record::{Record, Recorder, What};

use crate::failure::{Failure, Result};
use crate::linux::netlink::Netlink;
use crate::server::host::since;

/// `ETH_P_ALL`, linux/if_ether.h.
const EVERY_PROTOCOL: u16 = 3;
/// The longest frame, with room to spare.
const LONGEST: usize = 65_536;
/// Where a frame's addresses are.
const ADDRESS: usize = 6;

/// Records every frame of the interface from now on, as the client's end sees it.
pub(crate) fn start(interface: &str, recorder: Recorder, start: Clock) -> Result<()> {
    let failed = |error: std::io::Error| Failure::io(format!("listening on {interface}"), &error);
    let links = Netlink::open().and_then(|mut netlink| netlink.links()).map_err(failed)?;
    let mac = links.iter().find(|link| link.name == interface).and_then(|link| link.mac);
    let mac = mac.ok_or_else(|| failed(Errno::NODEV.into()))?;
    let protocol = NonZeroU32::new(u32::from(EVERY_PROTOCOL.to_be())).map(Protocol::from_raw);
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
        .map_err(|errno| failed(errno.into()))?;
    thread::spawn(move || listen(&socket, mac, &recorder, start));
    Ok(())
}

/// Until the interface is gone, and the lab with it.
fn listen(socket: &OwnedFd, mac: [u8; ADDRESS], recorder: &Recorder, start: Clock) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = match recv(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((_, length)) => length,
            Err(Errno::INTR) => continue,
            Err(_) => return,
        };
        let frame = buffer.get(..length).unwrap_or_default();
        let Some((to, rest)) = frame.split_first_chunk::<ADDRESS>() else { continue };
        let from = rest.first_chunk::<ADDRESS>();
        // The loopback interface's frames have no addresses.
        let way = match (*to == mac || to[0] & 1 == 1, from == Some(&mac)) {
            (_, true) => Way::Out,
            (true, false) => Way::Common,
            (false, false) => continue,
        };
        let event = Event::Frame(Frame::new(way, frame));
        recorder.add(Record { at: since(start), end: Side::Client, what: What::from(&event) });
    }
}
