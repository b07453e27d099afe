//! A share of the packets is overtaken by later ones: the router's rule hands them to this program, by the kernel's
//! nfnetlink_queue, which lets them go on a little later. The others never leave the kernel.
//!
//! Of a packet nothing but its number is read. A message is a `nlmsghdr` (netlink(7)), a `nfgenmsg` and attributes
//! (linux/netfilter/nfnetlink.h, nfnetlink_queue.h). The first is in the machine's byte order, the rest in the network's.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with, sockopt,
};

use crate::failure::Failure;

/// How often the thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

const SUBSYSTEM: u16 = 3 << 8;
const PACKET: u16 = SUBSYSTEM;
const VERDICT: u16 = SUBSYSTEM | 1;
const CONFIGURE: u16 = SUBSYSTEM | 2;
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
/// `nlmsghdr` and `nfgenmsg`.
const HEADER: usize = 16 + 4;

/// The thread that does it, for as long as this value lives.
pub(crate) struct Reordering {
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reordering {
    /// Keeps each packet for so long, and the time that this program takes to wake up.
    pub(crate) fn begin(held: Duration) -> Result<Reordering, Failure> {
        let queue =
            Queue::open().map_err(|error| Failure::new("taking packets from the kernel's queue 0", error))?;
        let ending = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ending);
        let thread = thread::spawn(move || {
            if let Err(error) = queue.serve(held, &until) {
                eprintln!("{}", Failure::new("holding packets back", error));
            }
        });
        Ok(Reordering { ending, thread: Some(thread) })
    }
}

impl Drop for Reordering {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Queue {
    socket: OwnedFd,
}

impl Queue {
    fn open() -> Result<Queue, Errno> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))?;
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        sockopt::set_socket_recv_buffer_size(&socket, 1 << 20)?;
        let queue = Queue { socket };
        // NFQA_CFG_CMD: bind.
        queue.configure(1, &[1, 0, 0, 0])?;
        // NFQA_CFG_PARAMS: no byte of the packet, only what is known of it.
        queue.configure(2, &[0, 0, 0, 0, 1])?;
        // NFQA_CFG_QUEUE_MAXLEN.
        queue.configure(3, &10_000_u32.to_be_bytes())?;
        Ok(queue)
    }

    fn configure(&self, kind: u16, value: &[u8]) -> Result<(), Errno> {
        self.send(&message(CONFIGURE, REQUEST | ACKNOWLEDGE, kind, value))?;
        let mut reply = [0; 4096];
        let (_, length) = recv(&self.socket, &mut reply[..], RecvFlags::empty())?;
        // The error number follows the header; there is nothing else that could come.
        match reply.get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes) {
            Some(0) if length >= 20 => Ok(()),
            Some(code) if length >= 20 => Err(Errno::from_raw_os_error(-code)),
            _ => Err(Errno::BADMSG),
        }
    }

    fn send(&self, message: &[u8]) -> Result<(), Errno> {
        send(&self.socket, message, SendFlags::empty()).map(|_| ())
    }

    /// Lets each packet go on when its time has come.
    fn serve(&self, time: Duration, ending: &AtomicBool) -> Result<(), Errno> {
        let mut held: VecDeque<(Instant, [u8; 4])> = VecDeque::new();
        let mut buffer = vec![0; 64 << 10];
        while !ending.load(Ordering::Relaxed) {
            while let Some((due, number)) = held.front()
                && *due <= Instant::now()
            {
                self.accept(*number)?;
                held.pop_front();
            }
            let wait = held.front().map_or(TICK, |(due, _)| due.saturating_duration_since(Instant::now()));
            let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
            let mut readable = [PollFd::new(&self.socket, PollFlags::IN)];
            if poll(&mut readable, Some(&wait))? == 0 {
                continue;
            }
            match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    let due = Instant::now() + time;
                    held.extend(numbers(&buffer[..length]).into_iter().map(|number| (due, number)));
                }
                // Some messages didn't fit: their packets are lost, as the kernel says.
                Err(Errno::NOBUFS | Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        held.into_iter().try_for_each(|(_, number)| self.accept(number))
    }

    fn accept(&self, number: [u8; 4]) -> Result<(), Errno> {
        // NFQA_VERDICT_HDR: NF_ACCEPT, and the packet's number.
        let [a, b, c, d] = number;
        self.send(&message(VERDICT, REQUEST, 2, &[0, 0, 0, 1, a, b, c, d]))
    }
}

/// A message with one attribute, for queue 0.
fn message(kind: u16, flags: u16, attribute: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len();
    let mut bytes = Vec::with_capacity(HEADER + length + 3);
    bytes.extend_from_slice(&((HEADER + length.next_multiple_of(4)) as u32).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    // Sequence number, port; family, version, queue.
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(&(length as u16).to_ne_bytes());
    bytes.extend_from_slice(&attribute.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The packets' numbers in what the kernel says. A length that doesn't fit ends the reading.
fn numbers(mut bytes: &[u8]) -> Vec<[u8; 4]> {
    let mut numbers = Vec::new();
    let word = |bytes: &[u8], at: usize| Some(u16::from_ne_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    while let Some(length) = bytes.first_chunk().map(|length| u32::from_ne_bytes(*length) as usize) {
        let Some(message) = bytes.get(..length).filter(|message| message.len() >= HEADER) else { break };
        let mut attributes = &message[HEADER..];
        while word(message, 4) == Some(PACKET)
            && let (Some(length), Some(kind)) = (word(attributes, 0), word(attributes, 2))
            && let Some(attribute) = attributes.get(..length.into()).filter(|one| one.len() >= 4)
        {
            // NFQA_PACKET_HDR.
            if let (1, Some(number)) = (kind, attribute[4..].first_chunk()) {
                numbers.push(*number);
            }
            attributes = attributes.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        }
        if word(message, 4) == Some(ERROR) {
            break;
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_numbers_are_read_from_whatever_comes() {
        let one = message(PACKET, 0, 1, &[0, 0, 1, 2, 8, 0, 2]);
        let other = message(PACKET, 0, 10, &[9; 4]);
        let all = [one.clone(), other, one].concat();
        assert_eq!(numbers(&all), [[0, 0, 1, 2]; 2]);
        for length in 0..all.len() {
            numbers(&all[..length]);
            let mut bent = all.clone();
            bent[length] = 0xff;
            numbers(&bent);
            bent[length] = 0;
            numbers(&bent);
        }
    }
}
