//! The adapter over a driver that loops what is sent back to what is received.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use embassy_net_driver::{Capabilities, LinkState};
use undersock::server::{Config, Memory, Server, Sizes};
use undersock::service::Uppercase;
use undersock::smoltcp::phy::{RxToken as _, TxToken as _};

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Frames that came and that were sent. It has room to send one.
#[derive(Default)]
struct Ends {
    came: VecDeque<Vec<u8>>,
    sent: Option<Vec<u8>>,
    waker: Option<Waker>,
}

impl Driver for Ends {
    type RxToken<'a> = Came;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Came, Room<'_>)> {
        self.waker = Some(context.waker().clone());
        if self.sent.is_some() {
            return None;
        }
        let frame = self.came.pop_front()?;
        Some((Came(frame), Room(&mut self.sent)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Room<'_>> {
        self.waker = Some(context.waker().clone());
        if self.sent.is_some() { None } else { Some(Room(&mut self.sent)) }
    }

    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1_514;
        capabilities.max_burst_size = Some(1);
        capabilities.checksum.tcp = embassy::Checksum::Tx;
        capabilities.checksum.udp = embassy::Checksum::None;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(MAC)
    }
}

struct Came(Vec<u8>);

impl embassy::RxToken for Came {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

struct Room<'a>(&'a mut Option<Vec<u8>>);

impl embassy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        f(self.0.insert(vec![0; len]))
    }
}

fn device() -> Adapter<Ends> {
    Adapter::new(Ends::default(), Waker::noop().clone())
}

#[test]
fn abilities_are_the_drivers() {
    let capabilities = device().capabilities();
    assert_eq!(capabilities.max_transmission_unit, 1_514);
    assert_eq!(capabilities.max_burst_size, Some(1));
    assert!(capabilities.checksum.tcp.tx() && !capabilities.checksum.tcp.rx());
    assert!(!capabilities.checksum.udp.tx() && !capabilities.checksum.udp.rx());
    assert!(capabilities.checksum.ipv4.tx() && capabilities.checksum.ipv4.rx());
}

#[test]
fn frames_go_through_unchanged() {
    let mut device = device();
    assert!(device.receive(Instant::ZERO).is_none());
    device.driver().came.push_back(vec![1, 2, 3]);
    let (frame, room) = device.receive(Instant::ZERO).expect("it came");
    assert_eq!(frame.consume(<[u8]>::to_vec), [1, 2, 3]);
    room.consume(2, |buffer| buffer.copy_from_slice(&[4, 5]));
    assert_eq!(device.driver().sent, Some(vec![4, 5]));
    assert!(device.transmit(Instant::ZERO).is_none(), "no room");
    device.driver().sent = None;
    assert!(device.transmit(Instant::ZERO).is_some());
}

#[test]
fn the_waker_is_the_callers() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let mut device = Adapter::new(Ends::default(), Waker::from(count.clone()));
    assert!(device.receive(Instant::ZERO).is_none());
    device.driver().waker.take().expect("left with the driver").wake();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[test]
fn the_server_answers_arp_over_it() {
    let mut device = device();
    let memory = Memory::owned(Sizes::default().with_connections(1).with_batch(1));
    let mut server = Server::new(&Config::default(), memory, &mut device, Instant::ZERO).expect("a server");
    let (client, both, request) = ([2, 0, 0, 0, 0, 0x64], [0, 1, 8, 0, 6, 4], [0, 1]);
    // Who has 192.168.69.1? Tell 192.168.69.100. With padding and four bytes of FCS, which some controllers leave.
    let question = [
        &[0xff; 6][..],
        &client,
        &[8, 6],
        &both,
        &request,
        &client,
        &[192, 168, 69, 100],
        &[0; 6],
        &[192, 168, 69, 1],
        &[0; 22],
    ];
    device.driver().came.push_back(question.concat());
    server.poll(Instant::ZERO, &mut device, &mut Uppercase::new(), &mut ());
    let answer = device.driver().sent.take().expect("an answer");
    assert_eq!((&answer[..6], &answer[20..22], &answer[22..28]), (&client[..], &[0, 2][..], &MAC[..]));
}
