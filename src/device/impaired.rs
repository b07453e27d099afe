//! Trouble on the wire, on purpose: a device whose frames are lost, doubled, damaged, late or out of order, by chance
//! or by a script, and the same way every time.
//!
//! ```text
//!               ┌──────────────── Impaired ────────────────┐
//!  inner device ──► rules, chances ──► link ──► delay ──► held ──► server     in
//!  inner device ◄── held ◄── delay ◄── link ◄── rules, chances ◄── server     out
//! ```
//!
//! An [`Impaired`] stands in front of a server's device and is one itself. What [`Settings`] say befalls each frame in
//! turn: by the rules and by chance it is lost, or gets a bit inverted; it waits for the link if there is a rate; then
//! it is on its way for the delay, and longer if it is to be overtaken; last, it is doubled.
//!
//! # The same again
//!
//! Chance comes from the seed: the same settings, frames and times give the same run. Each direction has numbers of its
//! own, and each frame uses up equally many. So what happens in one direction changes nothing in the other, and a loss
//! or a larger chance of it moves no duplicate.
//!
//! # What is told
//!
//! The observer is told of what singles a frame out, as it happens: [`Fate::Lost`], also for want of room;
//! [`Fate::Corrupted`]; [`Fate::Delayed`] for a frame that is kept back from its place in the order, by so much;
//! [`Fate::Duplicated`]. Delay and rate are the wire's nature, and told of no frame.
//!
//! # What is finite
//!
//! `HELD` frames of up to [`MAX_FRAME`] bytes can be on their way in each direction; with no room a frame is lost and
//! that is told, and a copy isn't made. A larger MTU is cut down to that, and a larger frame that comes in all the same
//! is lost.
//!
//! # Corruption
//!
//! One bit is inverted in what a checksum guards, so that its receiver finds it: the IPv4 packet; behind an IPv6
//! header, and in its addresses. The rest of a frame is guarded by the frame check sequence alone, and a frame that
//! this finds wrong never arrives on any wire. So by chance ARP is never corrupted; a rule does it if asked to.
//!
//! What is in a frame is looked for behind an Ethernet header, or where [`Impaired::with_link`] says that there is none.
//!
//! A router that answers a packet that is too large isn't here: "drop packets over 576 bytes" is a black hole.
#![forbid(unsafe_code)]

mod lane;
mod number;
mod random;
mod rule;
mod script;
mod settings;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};

use self::lane::{Lane, Passage, Verdict};
pub use self::rule::{FrameKind, Rule, RuleError, Verb, Which, Word};
use self::script::Script;
pub use self::settings::{
    Chance, Delay, Impairments, MAX_RULES, Rate, Reorder, SettingError, Settings, Sided,
};
use super::bytes::Bytes;
use super::wire::MAX_FRAME;
use crate::event::{Direction, Event, Fate, Observer, Trouble};
use crate::packet::Link;

/// When to try again where the device had no room.
const BLOCKED: Duration = Duration::from_millis(1);
/// Frames taken from the device in search of one that arrives now.
const BATCH: usize = 64;

/// A device with trouble in front of it.
///
/// It is polled as any other, and has times of its own: after each poll of the server, [`Impaired::flush`]; and the
/// poll after that is at [`Impaired::poll_at`] if nothing is due before.
pub struct Impaired<D, O: Observer = (), const HELD: usize = 64> {
    device: D,
    lanes: Lanes<O, HELD>,
    /// The frame that arrives now, once it has left its lane.
    arrived: Bytes,
    has_arrived: bool,
    /// The device had no room.
    blocked: bool,
    /// There may be more in the device.
    more: bool,
    identity: bool,
}

/// All but the device and the frame that arrives, as a token has it.
struct Lanes<O, const HELD: usize> {
    judge: Judge<O>,
    incoming: Lane<HELD>,
    outgoing: Lane<HELD>,
    /// The frame that is being sent.
    sent: Bytes,
}

/// Says what becomes of a frame, and tells of it.
struct Judge<O> {
    observer: O,
    script: Script,
    link: Link,
}

impl<D: Device, O: Observer, const HELD: usize> Impaired<D, O, HELD> {
    /// A device in front of `device`, which tells `observer` what it does.
    #[must_use]
    pub fn new(device: D, settings: &Settings, observer: O) -> Self {
        let lane = |direction| Lane::new(*settings.side(direction), settings.seed, direction);
        let lanes = Lanes {
            judge: Judge { observer, script: Script::new(&settings.rules), link: Link::Ethernet },
            incoming: lane(Direction::In),
            outgoing: lane(Direction::Out),
            sent: Bytes::new(),
        };
        let identity = settings.is_identity();
        let arrived = Bytes::new();
        Impaired { device, lanes, arrived, has_arrived: false, blocked: false, more: false, identity }
    }

    /// The same for a device whose frames begin with this.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.lanes.judge.link = link;
        self
    }

    /// The device behind it.
    #[must_use]
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device behind it. What is sent past the trouble overtakes what is on its way.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Who is told.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.lanes.judge.observer
    }

    /// How many frames are on their way.
    #[must_use]
    pub fn held(&self, direction: Direction) -> usize {
        match direction {
            Direction::In => self.lanes.incoming.len() + usize::from(self.has_arrived),
            Direction::Out => self.lanes.outgoing.len(),
        }
    }

    /// Sends what is due, as far as the device has room.
    pub fn flush(&mut self, now: Instant) {
        let Impaired { device, lanes, .. } = self;
        self.blocked = false;
        let mut send = |bytes: &[u8]| match device.transmit(now) {
            None => false,
            Some(token) => {
                token.consume(bytes.len(), |frame| frame.copy_from_slice(bytes));
                true
            }
        };
        while lanes.outgoing.take_due(now, &mut send) {}
        self.blocked = lanes.outgoing.next_due().is_some_and(|due| due <= now);
    }

    /// When a frame is due next, in or out: then the server is to be polled, or [`Impaired::flush`] called.
    #[must_use]
    pub fn poll_at(&self, now: Instant) -> Option<Instant> {
        let here = (self.has_arrived || self.more).then_some(now);
        let next = [here, self.lanes.incoming.next_due(), self.lanes.outgoing.next_due()]
            .into_iter()
            .flatten()
            .min();
        let soonest = if self.blocked { now + BLOCKED } else { now };
        next.map(|next| next.max(soonest))
    }

    /// Finds the next frame that arrives, unless there is one. Whether there is.
    fn find(&mut self, now: Instant) -> bool {
        let Impaired { device, lanes, arrived, .. } = self;
        self.more = false;
        if self.has_arrived {
            return true;
        }
        if lanes.incoming.take_due(now, |bytes| arrived.fill(bytes)) {
            self.has_arrived = true;
            return true;
        }
        for _ in 0..BATCH {
            let Some((frame, _)) = device.receive(now) else { return false };
            self.has_arrived = frame.consume(|bytes| {
                if !arrived.fill(bytes) {
                    lanes.judge.tell(now, Direction::In, Fate::Lost, bytes);
                    return false;
                }
                lanes.judge.decide(now, Direction::In, &mut lanes.incoming, arrived)
            });
            if self.has_arrived {
                return true;
            }
        }
        self.more = true;
        false
    }
}

impl<O: Observer, const HELD: usize> Lanes<O, HELD> {
    /// Whether the frames of a direction need not be looked at.
    fn is_quiet(&self, direction: Direction) -> bool {
        let lane = match direction {
            Direction::In => &self.incoming,
            Direction::Out => &self.outgoing,
        };
        lane.is_quiet() && !self.judge.script.watches(direction)
    }
}

impl<O: Observer> Judge<O> {
    /// Settles what becomes of a frame. Whether it goes on now; if not, it is lost or on its way.
    fn decide<const HELD: usize>(
        &mut self,
        now: Instant,
        direction: Direction,
        lane: &mut Lane<HELD>,
        frame: &mut [u8],
    ) -> bool {
        let strike = self.script.strike(self.link, frame, direction);
        let Verdict::Passes(passage) = lane.judge(now, frame.len(), &strike) else {
            self.tell(now, direction, Fate::Lost, frame);
            return false;
        };
        let Passage { due, held, delayed, corrupted, again } = passage;
        let bit = corrupted.and_then(|bit| bit.of(self.link, frame));
        if let Some(bit) = bit {
            self.tell(now, direction, Fate::Corrupted { bit }, frame);
        }
        if let Some(by) = delayed {
            self.tell(now, direction, Fate::Delayed(by), frame);
        }
        if again {
            self.tell(now, direction, Fate::Duplicated, frame);
        }
        if let Some(bit) = bit
            && let Some(byte) = frame.get_mut(bit / 8)
        {
            *byte ^= 0x80 >> (bit % 8);
        }
        for _ in 0..u8::from(held) + u8::from(again) {
            lane.hold(due, frame);
        }
        !held
    }

    fn tell(&mut self, now: Instant, direction: Direction, fate: Fate, bytes: &[u8]) {
        if O::LOOKS {
            self.observer.event(now, &Event::Trouble(Trouble { direction, fate, link: self.link, bytes }));
        }
    }
}

impl<D: Device, O: Observer, const HELD: usize> Device for Impaired<D, O, HELD> {
    type RxToken<'a>
        = Received<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a, D::TxToken<'a>, O, HELD>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.flush(now);
        if self.lanes.is_quiet(Direction::In) && !self.has_arrived {
            let (frame, token) = self.device.receive(now)?;
            return Some((Received::Straight(frame), Sending { token, lanes: &mut self.lanes, now }));
        }
        if !self.find(now) {
            return None;
        }
        // Who takes the frame may answer it.
        let Some(token) = self.device.transmit(now) else {
            self.blocked = true;
            return None;
        };
        self.has_arrived = false;
        Some((Received::Late(&self.arrived), Sending { token, lanes: &mut self.lanes, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.flush(now);
        let token = self.device.transmit(now)?;
        Some(Sending { token, lanes: &mut self.lanes, now })
    }

    /// The device's own; but for an MTU above [`MAX_FRAME`], if there is any trouble.
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        if !self.identity {
            capabilities.max_transmission_unit = capabilities.max_transmission_unit.min(MAX_FRAME);
        }
        capabilities
    }
}

/// A frame that has come in.
pub enum Received<'a, T> {
    /// From the device, without a look or a copy.
    Straight(T),
    /// Past all trouble.
    Late(&'a [u8]),
}

impl<T: RxToken> RxToken for Received<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Received::Straight(token) => token.consume(f),
            Received::Late(frame) => f(frame),
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Received::Straight(token) => token.meta(),
            Received::Late(_) => PacketMeta::default(),
        }
    }
}

/// Room for a frame that goes out, if it does.
pub struct Sending<'a, T, O: Observer, const HELD: usize> {
    token: T,
    lanes: &'a mut Lanes<O, HELD>,
    now: Instant,
}

impl<T: TxToken, O: Observer, const HELD: usize> TxToken for Sending<'_, T, O, HELD> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Sending { token, lanes, now } = self;
        let is_quiet = lanes.is_quiet(Direction::Out);
        let Lanes { judge, outgoing, sent, .. } = lanes;
        // Or it is longer than the MTU that the stack was told.
        let Some(frame) = (if is_quiet { None } else { sent.zeros(len) }) else {
            return token.consume(len, f);
        };
        let result = f(frame);
        if judge.decide(now, Direction::Out, outgoing, sent) {
            token.consume(len, |frame| frame.copy_from_slice(sent));
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// An instant so much later, or the last that there is.
fn later(instant: Instant, by: Duration) -> Instant {
    let micros = i64::try_from(by.total_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(instant.total_micros().saturating_add(micros))
}
