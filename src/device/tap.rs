//! A TAP interface: an Ethernet whose far end is this program. Or a TUN interface, which carries IP packets with nothing
//! before them.
//!
//! The kernel has one end of the wire, an interface such as `tap0` with addresses, routes and a carrier; the other end
//! is a file. One read(2) takes the frame that the kernel has sent, one write(2) is a frame that the kernel receives
//! (Documentation/networking/tuntap.rst). The interface's carrier is on while a program holds the file.
//!
//! A [`Tap`] holds two buffers for its whole life, one for the frame that came in and one for the frame that goes out:
//! no frame costs an allocation. What can go wrong under way has three outcomes, and none is a panic:
//!
//! - The file takes no more just now (EAGAIN): the frame is kept, and neither token is handed out until it has gone.
//!   [`Tap::wait`] then waits for room as well.
//! - This frame can't go, the next may (the link is down: EIO; no memory: ENOBUFS): it is dropped and counted, as a
//!   network may do. TCP sends it again.
//! - The interface is gone (EBADFD): [`Tap::error`] says so from then on, and no call reaches the kernel any more.

use core::time::Duration;
use core::{array, fmt};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

use super::capabilities;
use crate::packet::{Link, ethernet};

/// Where the kernel offers the file end of TUN and TAP interfaces.
pub const TUN_DEVICE: &str = "/dev/net/tun";

/// The smallest MTU that Linux gives an interface (RFC 791: 68 bytes pass everywhere unfragmented).
const MIN_IP_MTU: usize = 68;
/// The largest that smoltcp names; the largest of common network cards.
const MAX_IP_MTU: usize = 9_216;
/// The largest IP packet, with its Ethernet header and a VLAN tag. More than the MTU asks for, because the MTU may be
/// raised while the server runs, and a buffer that is too small truncates without a word.
const RECEIVE_BYTES: usize = 65_535 + ethernet::HEADER + ethernet::vlan::HEADER;
/// The calls for one frame that signals may interrupt, one after the other.
const INTERRUPTIONS: usize = 8;
/// The longest single wait: a timeout that no clock overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Files that [`Tap::wait`] watches beside its own.
const MAX_OTHERS: usize = 4;

/// What went wrong with a TAP or TUN interface, as "attempt: reason".
#[derive(Debug)]
#[non_exhaustive]
pub enum TapError {
    /// Not a name that an interface can have; the sentence says why.
    BadName(&'static str),
    /// This system has no [`TUN_DEVICE`].
    NoDevice,
    /// [`TUN_DEVICE`] is there, and this user may not open it.
    DeviceDenied,
    /// The interface isn't there, and this user may not create one.
    CreateDenied,
    /// The interface is there, and belongs to another user or group.
    NotOwner,
    /// Another program holds the interface.
    Busy,
    /// The interface is there, and isn't one of one queue and the kind that was asked for: TAP, or TUN.
    OtherKind(Link),
    /// The interface was removed.
    Removed,
    /// Something else, with what was being tried.
    Io(&'static str, io::Error),
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TapError::BadName(why) => write!(f, "naming the interface: {why}"),
            TapError::NoDevice => write!(f, "opening {TUN_DEVICE}: no such device"),
            TapError::DeviceDenied => write!(f, "opening {TUN_DEVICE}: permission denied"),
            TapError::CreateDenied => f.write_str("creating the interface: not permitted"),
            TapError::NotOwner => f.write_str("attaching to the interface: it belongs to another user"),
            TapError::Busy => f.write_str("attaching to the interface: another program holds it"),
            TapError::OtherKind(link) => {
                write!(f, "attaching to the interface: it is not a {} interface of one queue", kind(*link))
            }
            TapError::Removed => f.write_str("using the interface: it was removed"),
            TapError::Io(attempt, error) => write!(f, "{attempt}: {error}"),
        }
    }
}

impl core::error::Error for TapError {}

/// What has passed, seen from this program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TapCounters {
    /// Frames read.
    pub received: u64,
    /// Frames written.
    pub sent: u64,
    /// Frames that the interface didn't take.
    pub dropped: u64,
}

/// What [`Tap::wait`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready<const N: usize> {
    /// The interface: a frame has come, a kept frame can go, or there is an error to ask for.
    pub tap: bool,
    /// The other files, in their order.
    pub others: [bool; N],
}

/// What Linux calls an interface whose frames begin with this.
const fn kind(link: Link) -> &'static str {
    match link {
        Link::Ethernet => "TAP",
        Link::Ip => "TUN",
    }
}

/// A TAP interface's file end, or a TUN interface's.
///
/// An interface that was created by [`Tap::open`] or [`Tap::open_tun`] goes when this value does; a persistent one (`ip tuntap add`) stays.
pub struct Tap {
    outlet: Outlet,
    incoming: Box<[u8]>,
    name: String,
    mtu: usize,
    link: Link,
}

/// The file, and what sending needs: all of a [`Tap`] that may change while a received frame is looked at.
struct Outlet {
    file: OwnedFd,
    outgoing: Vec<u8>,
    /// The bytes of `outgoing` that the file had no room for.
    kept: usize,
    counters: TapCounters,
    failed: Option<(&'static str, Errno)>,
}

impl Tap {
    /// Whether Linux could have an interface of this name; a name is also a path below /sys and a word in commands.
    pub fn check_name(name: &str) -> Result<(), TapError> {
        // dev_valid_name() in net/core/dev.c, and `%`, by which the kernel would choose a number.
        let why = match name {
            "" => "it is empty",
            "." | ".." => "it names a directory",
            _ if name.len() > 15 => "it is longer than 15 bytes",
            _ if !name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                "only ASCII letters, digits and signs are allowed"
            }
            _ if name.contains(['/', ':', '%']) => "`/`, `:` and `%` are not allowed",
            _ => return Ok(()),
        };
        Err(TapError::BadName(why))
    }

    /// Whether this user may open [`TUN_DEVICE`]. Opened, it is no interface yet, and leaves nothing behind.
    pub fn check_device() -> Result<(), TapError> {
        open_device().map(drop)
    }

    /// Attaches to the TAP interface, or creates it where there is none and the user may.
    ///
    /// The file belongs to the network namespace in which it is opened, whatever the thread does later.
    pub fn open(name: &str) -> Result<Tap, TapError> {
        Tap::open_link(name, Link::Ethernet)
    }

    /// The same with a TUN interface, whose frames are IP packets.
    ///
    /// ```no_run
    /// use undersock::device::tap::Tap;
    /// use undersock::host::HostConfig;
    ///
    /// let tun = Tap::open_tun("tun0")?;
    /// let host = HostConfig::default().without_link();
    /// # Ok::<(), undersock::device::tap::TapError>(())
    /// ```
    pub fn open_tun(name: &str) -> Result<Tap, TapError> {
        Tap::open_link(name, Link::Ip)
    }

    /// [`Tap::open`] or [`Tap::open_tun`], by what frames begin with.
    pub fn open_link(name: &str, link: Link) -> Result<Tap, TapError> {
        Tap::check_name(name)?;
        let file = open_device()?;
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
            .map_err(|errno| TapError::Io("opening a socket", errno.into()))?;

        ioctl::attach(&file, name, link).map_err(|errno| match errno {
            Errno::PERM if netdevice::name_to_index(&socket, name).is_ok() => TapError::NotOwner,
            Errno::PERM => TapError::CreateDenied,
            Errno::BUSY => TapError::Busy,
            Errno::INVAL => TapError::OtherKind(link),
            errno => TapError::Io("attaching to the interface", errno.into()),
        })?;
        // A persistent interface keeps what its last program asked for. Offloads would let the kernel send frames
        // without checksums and larger than the MTU, a filter would hide frames. The virtio header is off by the flags
        // of the attachment, which replace the earlier ones.
        ioctl::clear_offload(&file).map_err(|errno| TapError::Io("turning offloads off", errno.into()))?;
        if link == Link::Ethernet {
            ioctl::clear_filter(&file)
                .map_err(|errno| TapError::Io("turning the address filter off", errno.into()))?;
        }
        let mtu = ioctl::mtu(&socket, name)
            .map_err(|errno| TapError::Io("reading the interface's MTU", errno.into()))?;

        Ok(Tap::over(file, name, mtu, link))
    }

    /// A TAP over any file that keeps the borders of what is written to it.
    fn over(file: OwnedFd, name: &str, mtu: usize, link: Link) -> Tap {
        let mtu = mtu.clamp(MIN_IP_MTU, MAX_IP_MTU);
        Tap {
            outlet: Outlet {
                file,
                outgoing: vec![0; mtu + link.header()],
                kept: 0,
                counters: TapCounters::default(),
                failed: None,
            },
            incoming: vec![0; RECEIVE_BYTES].into_boxed_slice(),
            name: name.to_owned(),
            mtu,
            link,
        }
    }

    /// The name that the interface had when it was opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its frames begin with: Ethernet's header in a TAP interface, nothing in a TUN interface.
    pub fn link(&self) -> Link {
        self.link
    }

    /// The largest IP packet, as the interface had it when it was opened. IPv6 needs 1,280 (RFC 8200 section 5).
    pub fn ip_mtu(&self) -> usize {
        self.mtu
    }

    /// Whether a frame is kept back because the file had no room for it.
    pub fn blocked(&self) -> bool {
        self.outlet.kept > 0
    }

    /// What has passed so far.
    pub fn counters(&self) -> TapCounters {
        self.outlet.counters
    }

    /// What ended this interface's use, if something did. It doesn't pass: nothing more is received or sent.
    pub fn error(&self) -> Option<TapError> {
        self.outlet.failed.map(|(attempt, errno)| match errno {
            Errno::BADFD | Errno::NODEV | Errno::NXIO => TapError::Removed,
            errno => TapError::Io(attempt, errno.into()),
        })
    }

    /// Sleeps until the interface or one of the other files has something to read, or the timeout is over.
    ///
    /// Without a timeout it sleeps for as long as nothing comes. A signal ends the wait with nothing ready. The timeout
    /// has nanoseconds (ppoll(2)): rounded down to poll(2)'s milliseconds, a deadline 300 us away would be a busy loop.
    pub fn wait<const N: usize>(
        &mut self,
        timeout: Option<Duration>,
        others: [BorrowedFd<'_>; N],
    ) -> io::Result<Ready<N>> {
        const { assert!(N <= MAX_OTHERS, "Tap::wait watches at most MAX_OTHERS other files") };
        if self.outlet.failed.is_some() {
            return Ok(Ready { tap: true, others: [false; N] });
        }
        let timeout = timeout.map(|timeout| {
            let timeout = timeout.min(LONGEST_WAIT);
            Timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ }
        });
        // A down interface has no room: it becomes writable when it is up again.
        let events = if self.blocked() { PollFlags::OUT } else { PollFlags::IN };
        let file = self.outlet.file.as_fd();
        let mut files: [PollFd<'_>; MAX_OTHERS + 1] = array::from_fn(|i| match i.checked_sub(1) {
            Some(other) if other < N => PollFd::from_borrowed_fd(others[other], PollFlags::IN),
            _ => PollFd::from_borrowed_fd(file, events),
        });
        match poll(&mut files[..=N], timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready { tap: false, others: [false; N] }),
            Err(errno) => return Err(errno.into()),
        }
        let came = files[0].revents();
        let ready =
            Ready { tap: !came.is_empty(), others: array::from_fn(|i| !files[i + 1].revents().is_empty()) };
        // The TUN driver reports an error when the interface is gone or going, and in no other case.
        if came.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            self.outlet.fail("waiting for the interface", Errno::BADFD);
        }
        Ok(ready)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tap { outlet: Outlet { file, kept, counters, failed, .. }, name, mtu, link, incoming: _ } = self;
        let mut tap = f.debug_struct("Tap");
        tap.field("name", name).field("link", link).field("mtu", mtu).field("file", file);
        tap.field("kept", kept).field("counters", counters).field("failed", failed).finish_non_exhaustive()
    }
}

fn open_device() -> Result<OwnedFd, TapError> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    open(TUN_DEVICE, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => TapError::NoDevice,
        Errno::ACCESS | Errno::PERM => TapError::DeviceDenied,
        errno => TapError::Io("opening /dev/net/tun", errno.into()),
    })
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.outlet.file.as_fd()
    }
}

impl Device for Tap {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        // A reply needs the buffer that a kept frame is in.
        if !self.outlet.flush() {
            return None;
        }
        let length = self.outlet.read(&mut self.incoming)?;
        Some((Received { frame: &self.incoming[..length] }, Sending { outlet: &mut self.outlet }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        self.outlet.flush().then_some(Sending { outlet: &mut self.outlet })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.link, self.mtu)
    }
}

impl Outlet {
    /// The next frame's length, if one has come.
    fn read(&mut self, frame: &mut [u8]) -> Option<usize> {
        for _ in 0..INTERRUPTIONS {
            match rustix::io::read(&self.file, &mut *frame) {
                // The end of a file, which a TAP interface doesn't have.
                Ok(0) => self.fail("reading from the interface", Errno::BADFD),
                Ok(length) => {
                    self.counters.received += 1;
                    return Some(length);
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                // The frame would stay the next to read, and poll(2) would say so at once, for ever.
                Err(errno) => self.fail("reading from the interface", errno),
            }
            return None;
        }
        None
    }

    /// Sends the first `length` bytes of the outgoing buffer, keeps them, or drops them.
    fn write(&mut self, length: usize) {
        self.kept = 0;
        for _ in 0..INTERRUPTIONS {
            match rustix::io::write(&self.file, &self.outgoing[..length]) {
                Ok(_) => self.counters.sent += 1,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => self.kept = length,
                Err(errno) => {
                    self.counters.dropped += 1;
                    if matches!(errno, Errno::BADFD | Errno::NODEV | Errno::NXIO) {
                        self.fail("writing to the interface", errno);
                    }
                }
            }
            return;
        }
        self.kept = length;
    }

    /// Whether the outgoing buffer is free, after trying to send what is kept there.
    fn flush(&mut self) -> bool {
        if self.failed.is_some() {
            return false;
        }
        if self.kept > 0 {
            self.write(self.kept);
        }
        self.kept == 0 && self.failed.is_none()
    }

    fn fail(&mut self, attempt: &'static str, errno: Errno) {
        self.kept = 0;
        self.failed.get_or_insert((attempt, errno));
    }
}

/// A frame that has come in.
pub struct Received<'a> {
    frame: &'a [u8],
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Room for a frame that is to go out.
pub struct Sending<'a> {
    outlet: &'a mut Outlet,
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // Never in ordinary use: the echo of a ping that is larger than the MTU we know.
        if self.outlet.outgoing.len() < len {
            self.outlet.outgoing.resize(len, 0);
        }
        let result = f(&mut self.outlet.outgoing[..len]);
        self.outlet.write(len);
        result
    }
}

/// The four calls that no safe interface has. Their numbers are from linux/if_tun.h and linux/sockios.h.
mod ioctl {
    use core::ffi::{c_int, c_uint};
    use std::os::fd::OwnedFd;

    use rustix::io::{Errno, Result};
    use rustix::ioctl::{IntegerSetter, Opcode, Setter, Updater, ioctl, opcode};

    use crate::packet::Link;

    const TUNSETIFF: Opcode = opcode::write::<c_int>(b'T', 202);
    const TUNSETOFFLOAD: Opcode = opcode::write::<c_uint>(b'T', 208);
    const TUNSETTXFILTER: Opcode = opcode::write::<c_uint>(b'T', 209);
    const SIOCGIFMTU: Opcode = 0x8921;

    /// IP packets.
    const IFF_TUN: u16 = 0x0001;
    /// Ethernet frames.
    const IFF_TAP: u16 = 0x0002;
    /// No four bytes of flags and protocol before each frame.
    const IFF_NO_PI: u16 = 0x1000;

    /// `struct ifreq` of netdevice(7): a name, and a union of at most 24 bytes (16 where pointers have 4).
    #[repr(C, align(8))]
    struct InterfaceRequest {
        name: [u8; 16],
        value: [u8; 24],
    }

    impl InterfaceRequest {
        /// The kernel reads the name up to its first NUL, so one byte of `name` stays zero.
        fn new(name: &str) -> Result<InterfaceRequest> {
            let mut request = InterfaceRequest { name: [0; 16], value: [0; 24] };
            let room = request.name.get_mut(..15).and_then(|room| room.get_mut(..name.len()));
            room.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(name.as_bytes());
            Ok(request)
        }
    }

    /// Makes the file the end of this interface.
    #[allow(unsafe_code)]
    pub(super) fn attach(file: &OwnedFd, name: &str, link: Link) -> Result<()> {
        let mut request = InterfaceRequest::new(name)?;
        let kind = match link {
            Link::Ethernet => IFF_TAP,
            Link::Ip => IFF_TUN,
        };
        request.value[..2].copy_from_slice(&(kind | IFF_NO_PI).to_ne_bytes());
        // SAFETY: TUNSETIFF reads and writes one `struct ifreq` (its number names an int for historical reasons);
        // `request` is at least as large as one, initialized, and borrowed for the whole call.
        unsafe { ioctl(file, Updater::<TUNSETIFF, _>::new(&mut request)) }
    }

    /// No checksum or segmentation left to this end.
    #[allow(unsafe_code)]
    pub(super) fn clear_offload(file: &OwnedFd) -> Result<()> {
        // SAFETY: TUNSETOFFLOAD takes its flags as the argument itself, and reaches no memory of ours. 0 is valid.
        unsafe { ioctl(file, IntegerSetter::<TUNSETOFFLOAD>::new_usize(0)) }
    }

    /// All frames, whatever their destination.
    #[allow(unsafe_code)]
    pub(super) fn clear_filter(file: &OwnedFd) -> Result<()> {
        // SAFETY: TUNSETTXFILTER reads one `struct tun_filter`: two u16, flags and the count of addresses that follow.
        // The count is 0, so it reads no more than these four bytes.
        unsafe { ioctl(file, Setter::<TUNSETTXFILTER, [u16; 2]>::new([0, 0])) }
    }

    /// The interface's MTU, asked of any socket in its namespace.
    #[allow(unsafe_code)]
    pub(super) fn mtu(socket: &OwnedFd, name: &str) -> Result<usize> {
        let mut request = InterfaceRequest::new(name)?;
        // SAFETY: SIOCGIFMTU reads and writes one `struct ifreq`; `request` is at least as large as one, initialized,
        // and borrowed for the whole call.
        unsafe { ioctl(socket, Updater::<SIOCGIFMTU, _>::new(&mut request))? };
        let [a, b, c, d, ..] = request.value;
        usize::try_from(c_int::from_ne_bytes([a, b, c, d])).map_err(|_| Errno::RANGE)
    }
}

#[cfg(test)]
mod tests;
