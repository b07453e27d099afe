//! What crosses the lab's interface, seen from the kernel's side: packet(7). For a server that tells nothing itself, as
//! firmware on an emulated board.

use core::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Records every frame of an interface, as the client's end sees it, until the interface is gone, and the lab with it.
pub(crate) struct Sniffer(Arc<Listener>);

struct Listener {
    socket: OwnedFd,
    mac: [u8; ADDRESS],
    recorder: Recorder,
    start: Clock,
    /// Whoever holds it takes frames off the socket, and has recorded them when it lets go.
    buffer: Mutex<Vec<u8>>,
}

impl Sniffer {
    /// From now on.
    pub(crate) fn start(interface: &str, recorder: Recorder, start: Clock) -> Result<Sniffer> {
        let failed = |error: std::io::Error| Failure::io(format!("listening on {interface}"), &error);
        let links = Netlink::open().and_then(|mut netlink| netlink.links()).map_err(failed)?;
        let mac = links.iter().find(|link| link.name == interface).and_then(|link| link.mac);
        let mac = mac.ok_or_else(|| failed(Errno::NODEV.into()))?;
        let protocol = NonZeroU32::new(u32::from(EVERY_PROTOCOL.to_be())).map(Protocol::from_raw);
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
            .map_err(|errno| failed(errno.into()))?;
        let buffer = Mutex::new(vec![0; LONGEST]);
        let listener = Arc::new(Listener { socket, mac, recorder, start, buffer });
        let listens = Arc::clone(&listener);
        thread::spawn(move || listens.listen());
        Ok(Sniffer(listener))
    }

    /// Returns when all that has crossed the interface by now is recorded.
    pub(crate) fn catch_up(&self) {
        self.0.take_all();
    }
}

impl Listener {
    fn listen(&self) {
        loop {
            // Only looks: a frame that was taken here, and not recorded yet, would be nowhere.
            match recv(&self.socket, &mut [0; 1][..], RecvFlags::PEEK) {
                Ok(_) => self.take_all(),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Records all frames that wait.
    fn take_all(&self) {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match recv(&self.socket, &mut **buffer, RecvFlags::DONTWAIT) {
                Ok((_, length)) => self.record(buffer.get(..length).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn record(&self, frame: &[u8]) {
        let Some((to, rest)) = frame.split_first_chunk::<ADDRESS>() else { return };
        let from = rest.first_chunk::<ADDRESS>();
        // The loopback interface's frames have no addresses.
        let way = match (*to == self.mac || to[0] & 1 == 1, from == Some(&self.mac)) {
            (_, true) => Way::Out,
            (true, false) => Way::Common,
            (false, false) => return,
        };
        let event = Event::Frame(Frame::new(way, frame));
        let record = Record { at: since(self.start), end: Side::Client, what: What::from(&event) };
        self.recorder.add(record);
    }
}
