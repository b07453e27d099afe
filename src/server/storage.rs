//! All the memory of a server: one struct with named counts, borrowed on a board, owned on a host.

use core::mem::MaybeUninit;

use managed::ManagedSlice;
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp;

use super::backlog::Waiting;
use super::connection::Connection;
use super::datagrams::MAX_DATAGRAM;
use super::slots::Slot;
use super::{MIN_BUFFER, Server};

/// The memory of a server, lent by a [`Storage`] or owned.
pub struct Memory<'a> {
    pub(super) slots: ManagedSlice<'a, Slot<'a>>,
    pub(super) backlog: ManagedSlice<'a, Waiting>,
    pub(super) scratch: ManagedSlice<'a, u8>,
    /// Frames taken in before the connections that they touched are processed.
    pub(super) batch: usize,
    /// Where a board's server is built.
    pub(super) place: Option<&'a mut MaybeUninit<Server<'a>>>,
}

/// The memory of a server in one static piece, for a board.
///
/// * `CONNECTIONS`: TCP connections at once, and as many SYNs that wait for a slot;
/// * `RECEIVE`, `SEND`: bytes a connection of receive and send buffer.
///
/// It starts as zeros, so a `static` of it takes no flash. `static_cell::ConstStaticCell` is a way to claim one exactly
/// once, as the boards under `examples/boards` do; on a host, `Box::leak` makes one that lives as long:
///
/// ```
/// use undersock::server::Storage;
///
/// let storage: &'static mut Storage<'static, 4, 1024, 1024> = Box::leak(Box::new(Storage::new()));
/// let memory = storage.memory();
/// ```
pub struct Storage<'a, const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize> {
    slots: heapless::Vec<Slot<'a>, CONNECTIONS>,
    sets: heapless::Vec<SocketStorage<'a>, CONNECTIONS>,
    receive: [[u8; RECEIVE]; CONNECTIONS],
    send: [[u8; SEND]; CONNECTIONS],
    backlog: [Waiting; CONNECTIONS],
    /// A datagram's reply, bytes on their way through the service, or a packet that is looked at.
    scratch: [u8; BOARD_SCRATCH],
    server: MaybeUninit<Server<'a>>,
}

/// Bytes of a board's scratch buffer. Loss recovery looks at whole packets.
const BOARD_SCRATCH: usize = if cfg!(feature = "recovery") { 1_500 } else { MAX_DATAGRAM };

impl<'a, const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize>
    Storage<'a, CONNECTIONS, RECEIVE, SEND>
{
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Storage {
            slots: heapless::Vec::new(),
            sets: heapless::Vec::new(),
            receive: [[0; RECEIVE]; CONNECTIONS],
            send: [[0; SEND]; CONNECTIONS],
            backlog: [const { Waiting::NOBODY }; CONNECTIONS],
            scratch: [0; BOARD_SCRATCH],
            server: MaybeUninit::uninit(),
        }
    }

    /// Lends all of it to a server, one frame a batch.
    #[inline(never)]
    pub fn memory(&'a mut self) -> Memory<'a> {
        const { assert!(RECEIVE >= MIN_BUFFER && SEND >= MIN_BUFFER, "16 bytes of buffer each way at least") };
        // Not `EMPTY`: that is a constant, whose bytes would be in flash.
        fill(&mut self.sets, SocketStorage::default);
        self.slots.clear();
        let buffers = self.receive.iter_mut().zip(self.send.iter_mut());
        for (set, (receive, send)) in self.sets.iter_mut().zip(buffers) {
            let socket = tcp::Socket::new(
                tcp::SocketBuffer::new(receive.as_mut_slice()),
                tcp::SocketBuffer::new(send.as_mut_slice()),
            );
            let set = SocketSet::new(core::slice::from_mut(set));
            // There are as many places as sets.
            let _ = self.slots.push(Slot::new(Connection::new(set, socket)));
        }
        Memory {
            slots: self.slots.as_mut_slice().into(),
            backlog: self.backlog.as_mut_slice().into(),
            scratch: self.scratch.as_mut_slice().into(),
            batch: 1,
            place: Some(&mut self.server),
        }
    }
}

impl<const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize> Default
    for Storage<'_, CONNECTIONS, RECEIVE, SEND>
{
    fn default() -> Self {
        Storage::new()
    }
}

fn fill<T, const N: usize>(places: &mut heapless::Vec<T, N>, mut empty: impl FnMut() -> T) {
    places.clear();
    while places.push(empty()).is_ok() {}
}

/// The counts of a server that owns its memory.
///
/// It may grow: begin with [`Sizes::default`] and set what differs.
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// TCP connections at once, and as many SYNs that wait for a slot, though no more than [`MAX_BACKLOG`].
    pub connections: usize,
    /// Bytes of receive buffer a connection.
    pub receive: usize,
    /// Bytes of send buffer a connection.
    pub send: usize,
    /// Frames taken in before the connections that they touched are processed.
    pub batch: usize,
}

#[cfg(feature = "std")]
impl Default for Sizes {
    /// 64 connections of 64 KiB each way, 64 frames a batch.
    fn default() -> Self {
        Sizes { connections: 64, receive: 64 << 10, send: 64 << 10, batch: 64 }
    }
}

#[cfg(feature = "std")]
impl Sizes {
    /// The same with so many connections at once.
    #[must_use]
    pub const fn with_connections(self, connections: usize) -> Self {
        Sizes { connections, ..self }
    }

    /// The same with a receive buffer of so many bytes a connection.
    #[must_use]
    pub const fn with_receive(self, receive: usize) -> Self {
        Sizes { receive, ..self }
    }

    /// The same with a send buffer of so many bytes a connection.
    #[must_use]
    pub const fn with_send(self, send: usize) -> Self {
        Sizes { send, ..self }
    }

    /// The same with so many frames a batch.
    #[must_use]
    pub const fn with_batch(self, batch: usize) -> Self {
        Sizes { batch, ..self }
    }

    /// The same with buffers of so many bytes each way, each connection.
    #[must_use]
    pub const fn with_buffers(self, bytes: usize) -> Self {
        Sizes { receive: bytes, send: bytes, ..self }
    }

    /// The bytes that a server of these sizes allocates, once, at its start.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        let connection = self.receive + self.send + size_of::<Slot<'_>>() + size_of::<SocketStorage<'_>>();
        self.connections * connection + backlog(self.connections) * size_of::<Waiting>() + SCRATCH
    }
}

/// The most SYNs that wait for a slot on a host: each that comes is compared with all of them.
#[cfg(feature = "std")]
pub const MAX_BACKLOG: usize = 256;

#[cfg(feature = "std")]
const fn backlog(connections: usize) -> usize {
    if connections < MAX_BACKLOG { connections } else { MAX_BACKLOG }
}

/// Bytes that go through the service at once on a host: small enough for the first-level cache.
#[cfg(feature = "std")]
const SCRATCH: usize = 16 << 10;

#[cfg(feature = "std")]
impl Memory<'static> {
    /// Memory that the server owns, all of it allocated here.
    #[must_use]
    pub fn owned(sizes: Sizes) -> Self {
        let Sizes { connections, receive, send, batch } = sizes;
        let empty = |count: usize| (0..count).map(|_| SocketStorage::EMPTY).collect::<Vec<_>>();
        let slot = |_| {
            let socket = tcp::Socket::new(
                tcp::SocketBuffer::new(vec![0; receive]),
                tcp::SocketBuffer::new(vec![0; send]),
            );
            Slot::new(Connection::new(SocketSet::new(empty(1)), socket))
        };
        Memory {
            slots: (0..connections).map(slot).collect::<Vec<_>>().into(),
            backlog: vec![Waiting::NOBODY; backlog(connections)].into(),
            scratch: vec![0; SCRATCH].into(),
            batch,
            place: None,
        }
    }
}
