//! The cable: an in-memory cable between two threads, for Ethernet frames or for IP packets, in the time of the clock on the wall.
//!
//! It is to threads what the [wire](super::wire) is to virtual time. Whoever has an end sleeps in [`CableEnd::wait`] until
//! a frame comes or a deadline has passed, as one does with a TAP interface; to drop an end is to unplug it.
#![forbid(unsafe_code)]

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

use super::bytes::{MAX_FRAME, MTU};
use super::capabilities;
use crate::packet::Link;

/// Frames that each direction holds.
pub const FRAMES: usize = 64;

/// The two ends of an Ethernet cable. What is sent into one comes out of the other, in order.
#[must_use]
pub fn pair() -> (CableEnd, CableEnd) {
    pair_with_link(Link::Ethernet)
}

/// The two ends of a cable for frames that begin with this.
#[must_use]
pub fn pair_with_link(link: Link) -> (CableEnd, CableEnd) {
    let (one, other) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
    let end = |incoming: &Arc<Lane>, outgoing: &Arc<Lane>| CableEnd {
        incoming: Arc::clone(incoming),
        outgoing: Arc::clone(outgoing),
        link,
    };
    (end(&one, &other), end(&other, &one))
}

/// One end of a cable.
pub struct CableEnd {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    link: Link,
}

/// One direction.
#[derive(Default)]
struct Lane {
    queue: Mutex<Queue>,
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    /// Buffers of frames that have been taken: after the first few, no frame allocates.
    spare: Vec<Vec<u8>>,
    lost: u64,
    /// One of the ends is gone.
    closed: bool,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole whenever a thread can panic: no caller's code runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }
}

impl Queue {
    /// Nothing to take, and still something to wait for.
    fn is_quiet(&self) -> bool {
        self.frames.is_empty() && !self.closed
    }
}

impl CableEnd {
    /// Sleeps until a frame can be taken, the other end is gone, or the time is over. `None` is for ever.
    pub fn wait(&self, timeout: Option<Duration>) {
        let (queue, news) = (self.incoming.lock(), &self.incoming.news);
        // An error is another thread's panic, as in `lock`; there is nothing to do here either.
        match timeout {
            None => drop(news.wait_while(queue, |queue| queue.is_quiet())),
            Some(timeout) => drop(news.wait_timeout_while(queue, timeout, |queue| queue.is_quiet())),
        }
    }

    /// [`CableEnd::wait`] from `now` to the deadline that a poll has returned; not at all if that has passed.
    pub fn wait_until(&self, deadline: Option<Instant>, now: Instant) {
        self.wait(
            deadline.map(|deadline| if deadline > now { (deadline - now).into() } else { Duration::ZERO }),
        );
    }

    /// Whether the other end is gone, and every frame that it sent has been taken.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let queue = self.incoming.lock();
        queue.closed && queue.frames.is_empty()
    }

    /// Frames sent into this end and lost: there was no room, they were longer than the MTU, or the other end was
    /// gone.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.outgoing.lock().lost
    }
}

impl Drop for CableEnd {
    fn drop(&mut self) {
        self.incoming.close();
        self.outgoing.close();
    }
}

impl Device for CableEnd {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let frame = self.incoming.lock().frames.pop_front()?;
        Some((Received { lane: &self.incoming, frame }, Sending { lane: &self.outgoing }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        let queue = self.outgoing.lock();
        // What is sent into an unplugged cable is lost; to wait for room there would be to wait for ever.
        (queue.frames.len() < FRAMES || queue.closed).then_some(Sending { lane: &self.outgoing })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.link, MTU)
    }
}

/// A frame that came off the cable.
pub struct Received<'a> {
    lane: &'a Lane,
    frame: Vec<u8>,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.frame);
        self.lane.lock().spare.push(self.frame);
        result
    }
}

/// Leave to send a frame. One that answers a frame comes without a promise of room.
pub struct Sending<'a> {
    lane: &'a Lane,
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let spare = self.lane.lock().spare.pop();
        let mut frame = spare.unwrap_or_else(|| Vec::with_capacity(MAX_FRAME));
        // Zeros, not the bytes of an older frame.
        frame.clear();
        frame.resize(len, 0);
        let result = f(&mut frame);
        let mut queue = self.lane.lock();
        if len <= MAX_FRAME && queue.frames.len() < FRAMES && !queue.closed {
            queue.frames.push_back(frame);
            self.lane.news.notify_one();
        } else {
            queue.lost += 1;
            queue.spare.push(frame);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// A wait that takes so long is stuck. Nothing here is about time.
    const STUCK: Duration = Duration::from_secs(30);

    fn send(end: &mut CableEnd, bytes: &[u8]) -> bool {
        let token = end.transmit(Instant::ZERO);
        token.map(|token| token.consume(bytes.len(), |frame| frame.copy_from_slice(bytes))).is_some()
    }

    fn take(end: &mut CableEnd) -> Option<Vec<u8>> {
        end.receive(Instant::ZERO).map(|(token, _)| token.consume(<[u8]>::to_vec))
    }

    /// Runs `sleep` in a thread; the end comes back when it has woken up.
    fn asleep(end: CableEnd, sleep: impl FnOnce(&CableEnd) + Send + 'static) -> mpsc::Receiver<CableEnd> {
        let (woken, ear) = mpsc::channel();
        thread::spawn(move || {
            sleep(&end);
            woken.send(end)
        });
        ear
    }

    #[test]
    fn frames_arrive_in_order_at_the_other_end() {
        let (mut one, mut other) = pair();
        assert!(send(&mut one, b"first") && send(&mut one, b"second") && send(&mut other, b"back"));
        assert_eq!(take(&mut other).as_deref(), Some(&b"first"[..]));
        assert_eq!(take(&mut other).as_deref(), Some(&b"second"[..]));
        assert_eq!(take(&mut other), None);
        assert_eq!(take(&mut one).as_deref(), Some(&b"back"[..]));
    }

    #[test]
    fn a_full_direction_takes_no_frame_and_loses_answers() {
        let (mut one, mut other) = pair();
        assert!((0..FRAMES).all(|_| send(&mut one, b"x")));
        assert!(!send(&mut one, b"x"), "full");
        assert_eq!(one.lost(), 0);
        assert!(send(&mut other, b"question"), "the other direction has room");
        let (_question, answer) = one.receive(Instant::ZERO).expect("the question");
        answer.consume(1, |_| ());
        assert_eq!((one.lost(), other.lost()), (1, 0));
        assert!(take(&mut other).is_some() && send(&mut one, b"x"), "there is room again");
    }

    #[test]
    fn a_frame_beyond_the_mtu_is_lost() {
        let (mut one, mut other) = pair();
        assert!(send(&mut one, &[0; MAX_FRAME + 1]) && send(&mut one, &[0; MAX_FRAME]));
        assert_eq!(take(&mut other).map(|frame| frame.len()), Some(MAX_FRAME));
        assert_eq!((take(&mut other), one.lost()), (None, 1));
    }

    #[test]
    fn buffers_are_used_again_and_hold_nothing_old() {
        let (mut one, mut other) = pair();
        for _ in 0..1_000 {
            assert!(send(&mut one, b"secret"));
            assert_eq!(take(&mut other).as_deref(), Some(&b"secret"[..]));
        }
        assert_eq!(one.outgoing.lock().spare.len(), 1, "one buffer for a thousand frames");
        one.transmit(Instant::ZERO).expect("room").consume(6, |_| ());
        assert_eq!(take(&mut other), Some(vec![0; 6]));
    }

    #[test]
    fn a_frame_wakes_who_waits() {
        let (mut one, other) = pair();
        let woken = asleep(other, |other| other.wait(None));
        assert!(send(&mut one, b"hello"));
        let mut other = woken.recv_timeout(STUCK).expect("awake");
        other.wait(None); // At once: the frame is still there.
        assert_eq!(take(&mut other).as_deref(), Some(&b"hello"[..]));
    }

    #[test]
    fn unplugging_wakes_who_waits_and_what_was_sent_before_arrives() {
        let (one, other) = pair();
        let woken = asleep(other, |other| other.wait(None));
        assert!(!one.is_closed());
        drop(one);
        assert!(woken.recv_timeout(STUCK).expect("awake").is_closed());

        let (mut one, mut other) = pair();
        assert!(send(&mut one, b"last words"));
        drop(one);
        assert!(!other.is_closed());
        assert_eq!(take(&mut other).as_deref(), Some(&b"last words"[..]));
        assert!(other.is_closed());
        assert!((0..=FRAMES).all(|_| send(&mut other, b"x")), "nothing waits for room");
        assert_eq!(other.lost(), FRAMES as u64 + 1);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let (one, other) = pair();
        let (now, later) = (Instant::from_millis(10), Instant::from_millis(11));
        for deadline in [Instant::ZERO, now, later] {
            one.wait_until(Some(deadline), now);
        }
        let woken = asleep(one, move |one| one.wait(Some(Duration::from_millis(1))));
        assert!(!woken.recv_timeout(STUCK).expect("awake").is_closed());
        drop(other);
    }
}
