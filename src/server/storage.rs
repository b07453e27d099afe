//! All the memory of a server: one struct with named counts, borrowed on a board, owned on a host.

use core::mem::MaybeUninit;

use managed::ManagedSlice;
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp;

use super::backlog::Waiting;
use super::connection::Connection;
use super::datagrams::MAX_DATAGRAM;
use super::table::Tuple;
use super::{MIN_BUFFER, Server};

/// Sockets that all connections share: DHCP's.
const COMMON_SOCKETS: usize = if cfg!(feature = "dhcp") { 1 } else { 0 };

/// The memory of a server, lent by a [`Storage`] or owned.
pub struct Memory<'a> {
    pub(crate) connections: ManagedSlice<'a, Connection<'a>>,
    pub(crate) heads: ManagedSlice<'a, u16>,
    pub(crate) links: ManagedSlice<'a, u16>,
    pub(crate) tuples: ManagedSlice<'a, Option<Tuple>>,
    pub(crate) due: (ManagedSlice<'a, i64>, ManagedSlice<'a, u16>),
    pub(crate) ripe: (ManagedSlice<'a, i64>, ManagedSlice<'a, u16>),
    pub(crate) backlog: ManagedSlice<'a, Option<Waiting>>,
    pub(crate) common: SocketSet<'a>,
    pub(crate) scratch: ManagedSlice<'a, u8>,
    pub(crate) touched: ManagedSlice<'a, u16>,
    /// Where a board's server is built.
    pub(crate) place: Option<&'a mut MaybeUninit<Server<'a>>>,
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
    connections: heapless::Vec<Connection<'a>, CONNECTIONS>,
    sets: heapless::Vec<SocketStorage<'a>, CONNECTIONS>,
    receive: [[u8; RECEIVE]; CONNECTIONS],
    send: [[u8; SEND]; CONNECTIONS],
    heads: [u16; CONNECTIONS],
    links: [u16; CONNECTIONS],
    tuples: heapless::Vec<Option<Tuple>, CONNECTIONS>,
    due: ([i64; CONNECTIONS], [u16; CONNECTIONS]),
    ripe: ([i64; CONNECTIONS], [u16; CONNECTIONS]),
    backlog: heapless::Vec<Option<Waiting>, CONNECTIONS>,
    common: heapless::Vec<SocketStorage<'a>, COMMON_SOCKETS>,
    /// A datagram's reply, or bytes on their way through the service.
    scratch: [u8; MAX_DATAGRAM],
    touched: [u16; 1],
    server: MaybeUninit<Server<'a>>,
}

impl<'a, const CONNECTIONS: usize, const RECEIVE: usize, const SEND: usize>
    Storage<'a, CONNECTIONS, RECEIVE, SEND>
{
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Storage {
            connections: heapless::Vec::new(),
            sets: heapless::Vec::new(),
            receive: [[0; RECEIVE]; CONNECTIONS],
            send: [[0; SEND]; CONNECTIONS],
            heads: [0; CONNECTIONS],
            links: [0; CONNECTIONS],
            tuples: heapless::Vec::new(),
            due: ([0; CONNECTIONS], [0; CONNECTIONS]),
            ripe: ([0; CONNECTIONS], [0; CONNECTIONS]),
            backlog: heapless::Vec::new(),
            common: heapless::Vec::new(),
            scratch: [0; MAX_DATAGRAM],
            touched: [0; 1],
            server: MaybeUninit::uninit(),
        }
    }

    /// Lends all of it to a server, one frame a batch.
    pub fn memory(&'a mut self) -> Memory<'a> {
        const { assert!(RECEIVE >= MIN_BUFFER && SEND >= MIN_BUFFER, "16 bytes of buffer each way at least") };
        fill(&mut self.sets, || SocketStorage::EMPTY);
        fill(&mut self.common, || SocketStorage::EMPTY);
        fill(&mut self.tuples, || None);
        fill(&mut self.backlog, || None);
        self.connections.clear();
        let buffers = self.receive.iter_mut().zip(self.send.iter_mut());
        for (set, (receive, send)) in self.sets.iter_mut().zip(buffers) {
            let socket = tcp::Socket::new(
                tcp::SocketBuffer::new(receive.as_mut_slice()),
                tcp::SocketBuffer::new(send.as_mut_slice()),
            );
            let set = SocketSet::new(core::slice::from_mut(set));
            // There are as many places as sets.
            let _ = self.connections.push(Connection::new(set, socket));
        }
        Memory {
            connections: self.connections.as_mut_slice().into(),
            heads: self.heads.as_mut_slice().into(),
            links: self.links.as_mut_slice().into(),
            tuples: self.tuples.as_mut_slice().into(),
            due: (self.due.0.as_mut_slice().into(), self.due.1.as_mut_slice().into()),
            ripe: (self.ripe.0.as_mut_slice().into(), self.ripe.1.as_mut_slice().into()),
            backlog: self.backlog.as_mut_slice().into(),
            common: SocketSet::new(self.common.as_mut_slice()),
            scratch: self.scratch.as_mut_slice().into(),
            touched: self.touched.as_mut_slice().into(),
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
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// TCP connections at once, and as many SYNs that wait for a slot, though no more than [`MAX_BACKLOG`].
    pub connections: usize,
    /// Bytes of receive buffer a connection.
    pub receive: usize,
    /// Bytes of send buffer a connection.
    pub send: usize,
    /// Frames taken in before the connections that they touched are served.
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
    /// The bytes that a server of these sizes allocates, once, at its start.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        let connection = self.receive
            + self.send
            + size_of::<Connection<'_>>()
            + size_of::<SocketStorage<'_>>()
            + 2 * (size_of::<i64>() + size_of::<u16>())
            + 2 * size_of::<u16>()
            + size_of::<Option<Tuple>>();
        self.connections * connection
            + backlog(self.connections) * size_of::<Option<Waiting>>()
            + COMMON_SOCKETS * size_of::<SocketStorage<'_>>()
            + SCRATCH
            + self.batch * size_of::<u16>()
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
        let Sizes { connections: slots, receive, send, batch } = sizes;
        let empty = |count: usize| (0..count).map(|_| SocketStorage::EMPTY).collect::<Vec<_>>();
        let connection = |_| {
            let socket = tcp::Socket::new(
                tcp::SocketBuffer::new(vec![0; receive]),
                tcp::SocketBuffer::new(vec![0; send]),
            );
            Connection::new(SocketSet::new(empty(1)), socket)
        };
        Memory {
            connections: (0..slots).map(connection).collect::<Vec<_>>().into(),
            heads: vec![0; slots].into(),
            links: vec![0; slots].into(),
            tuples: vec![None; slots].into(),
            due: (vec![0; slots].into(), vec![0; slots].into()),
            ripe: (vec![0; slots].into(), vec![0; slots].into()),
            backlog: (0..backlog(slots)).map(|_| None).collect::<Vec<_>>().into(),
            common: SocketSet::new(empty(COMMON_SOCKETS)),
            scratch: vec![0; SCRATCH].into(),
            touched: vec![0; batch].into(),
            place: None,
        }
    }
}
