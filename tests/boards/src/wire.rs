//! A board's Ethernet: a pair of Unix datagram sockets, one datagram a frame. It loses nothing and invents nothing.

use core::time::Duration;
use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::wire::{ArpOperation, TcpControl};

use crate::raw::{Got, Peer, arp, tcp_in, udp, udp_in};
use crate::{BOUND, CLIENT_MAC, client_v4, server_v4};

/// The longest frame, without FCS.
const MAX_FRAME: usize = 1_514;
/// How long a reply is waited for before the question is sent again.
const AGAIN: Duration = Duration::from_millis(500);

pub struct Wire {
    socket: UnixDatagram,
    /// Frames that have come.
    came: VecDeque<Vec<u8>>,
    /// Frames sent so far.
    pub(crate) sent: u64,
    /// Datagrams sent to see what came before their replies.
    probes: u16,
    /// The sockets' paths: QEMU's, and ours.
    pub(crate) board: PathBuf,
    pub(crate) peer: PathBuf,
}

impl Wire {
    /// With its sockets in this folder.
    #[track_caller]
    pub(crate) fn new(folder: &Path) -> Wire {
        let (board, peer) = (folder.join("board"), folder.join("peer"));
        let socket = UnixDatagram::bind(&peer).unwrap_or_else(|error| panic!("{}: {error}", peer.display()));
        // It is full as long as QEMU is busy.
        socket.set_write_timeout(Some(BOUND)).expect("a duration that is not zero");
        Wire { socket, came: VecDeque::new(), sent: 0, probes: 0, board, peer }
    }

    /// Sends a frame to the board.
    #[track_caller]
    pub fn send(&mut self, frame: &[u8]) {
        assert!(!frame.is_empty(), "to QEMU, a datagram without a byte is the end of the wire");
        // What has come is taken off first: QEMU may be waiting for room.
        self.take_in();
        let sent = self.socket.send_to(frame, &self.board);
        sent.unwrap_or_else(|error| panic!("QEMU takes no frame: {error}"));
        self.sent += 1;
    }

    /// The next frame from the board, if one comes within this time.
    pub fn next(&mut self, within: Duration) -> Option<Vec<u8>> {
        self.wait(within);
        self.came.pop_front()
    }

    /// What `pick` finds first among the frames that come, and the frames before.
    #[track_caller]
    pub fn find<T>(&mut self, what: &str, mut pick: impl FnMut(&[u8]) -> Option<T>) -> (T, Vec<Vec<u8>>) {
        let (start, mut before) = (Instant::now(), Vec::new());
        loop {
            let left = BOUND.saturating_sub(start.elapsed());
            let Some(frame) = self.next(left) else { panic!("{what}: nothing within {BOUND:?}") };
            if let Some(found) = pick(&frame) {
                return (found, before);
            }
            before.push(frame);
        }
    }

    /// Everything that the board says to this frame. A datagram is sent after it: what comes before its reply is said to
    /// the frame, since the board takes one after the other.
    #[track_caller]
    pub fn answers(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.send(frame);
        let (probe, port) = self.probe();
        self.send(&probe);
        self.find("a probe", |frame| reply_to(frame, port)).1
    }

    /// A datagram, and the port where its reply is to be found.
    fn probe(&mut self) -> (Vec<u8>, u16) {
        self.probes = (self.probes + 1) % 1_000;
        let port = 7_000 + self.probes;
        (udp((client_v4(), port), (server_v4(), 12_000), b"probe"), port)
    }

    /// The TCP segments among [`Wire::answers`].
    #[track_caller]
    pub fn segments(&mut self, frame: &[u8]) -> Vec<Got> {
        self.answers(frame).iter().filter_map(|frame| tcp_in(frame)).collect()
    }

    /// The three-way handshake by hand.
    #[track_caller]
    pub fn connect(&mut self, peer: &mut Peer) {
        let syn = peer.segment(TcpControl::Syn, b"");
        let got = self.segments(&syn);
        let [syn_ack] = &got[..] else { panic!("one SYN-ACK, not {got:?}") };
        assert!(syn_ack.syn && syn_ack.ack && syn_ack.ack_number == peer.seq, "{syn_ack:?}");
        peer.got(syn_ack);
        let ack = peer.segment(TcpControl::None, b"");
        assert_eq!(self.segments(&ack), []);
    }

    /// Tells the board our Ethernet address, again and again until it has heard it (a controller whose memory is full
    /// loses frames), and everything before. Nothing that it says to that is kept.
    #[track_caller]
    pub fn introduce(&mut self) {
        let request = arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4());
        let start = Instant::now();
        while start.elapsed() < BOUND {
            let (probe, port) = self.probe();
            self.send(&request);
            self.send(&probe);
            while let Some(frame) = self.next(AGAIN) {
                if frame.starts_with(&CLIENT_MAC.0) && reply_to(&frame, port).is_some() {
                    return;
                }
            }
        }
        panic!("no reply to ARP within {BOUND:?}");
    }

    /// Sleeps until a frame has come or the time is over.
    pub fn wait(&mut self, within: Duration) {
        let start = Instant::now();
        loop {
            self.take_in();
            let left = within.saturating_sub(start.elapsed());
            if !self.came.is_empty() || left.is_zero() {
                return;
            }
            let timeout = Timespec::try_from(left).expect("no longer than a day");
            // A signal is no news.
            let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout));
        }
    }

    fn take_in(&mut self) {
        let mut frame = [0; 2 * MAX_FRAME];
        loop {
            match recv(&self.socket, &mut frame[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => self.came.push_back(frame[..length].to_vec()),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => panic!("the wire is broken: {error}"),
            }
        }
    }
}

/// Whether this is a reply to the probe from this port.
fn reply_to(frame: &[u8], port: u16) -> Option<()> {
    udp_in(frame).filter(|(_, to, words)| *to == (client_v4(), port) && words == b"PROBE").map(|_| ())
}

impl Device for Wire {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _now: smoltcp::time::Instant) -> Option<(Came, Goes<'_>)> {
        self.take_in();
        let frame = self.came.pop_front()?;
        Some((Came(frame), Goes(self)))
    }

    fn transmit(&mut self, _now: smoltcp::time::Instant) -> Option<Goes<'_>> {
        Some(Goes(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that has come.
pub struct Came(Vec<u8>);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// A frame that goes.
pub struct Goes<'a>(&'a mut Wire);

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.send(&frame);
        result
    }
}
