//! A capture for Wireshark (draft-ietf-opsawg-pcapng): every frame with its time and direction, and beside it, as
//! comments, the calls and states that belong to it.
//!
//! Beside a segment stand the states that it led to and the calls that followed it at the same instant; and what a client
//! received from it. Beside the next frame stand timers, why it is sent again, what a client began with, and what came later. So a frame is
//! written when the next begins, and the last by [`Capture::flush`].
//!
//! A frame that the wire lost on its way in is in the capture too, with a comment that says so. One that was delayed,
//! duplicated or corrupted stands where it arrives; one that was lost on its way out, where it was sent.
//!
//! Nothing is sampled and nothing is dropped: an event returns when its frame is in the buffer or in the file.

use std::collections::VecDeque;
use std::io::{self, Write};

use undersock::smoltcp::time::Instant;

use crate::record::{Record, What};
use crate::side::Side;
use crate::timeline::{FateWords, Text, merged};
use undersock::event::{Call, Cause, Direction, Event, Fate, Frame, Observer, Trouble, Way};
use undersock::packet::Link;

/// The numbers of the blocks, by their sections.
mod block {
    /// Section header, 4.1.
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    /// Interface description, 4.2.
    pub(super) const INTERFACE: u32 = 1;
    /// Enhanced packet, 4.3.
    pub(super) const PACKET: u32 = 6;
    /// Interface statistics, 4.6.
    pub(super) const STATISTICS: u32 = 5;
}

/// The numbers of the options, by their sections.
mod option {
    /// In every block, 3.5.
    pub(super) const COMMENT: u16 = 1;
    /// Of the section, 4.1.
    pub(super) const APPLICATION: u16 = 4;
    /// Of an interface, 4.2.
    pub(super) const NAME: u16 = 2;
    pub(super) const RESOLUTION: u16 = 9;
    /// Of a packet, 4.3.
    pub(super) const FLAGS: u16 = 2;
    /// Of statistics, 4.6.
    pub(super) const START: u16 = 2;
    pub(super) const STOP: u16 = 3;
    pub(super) const RECEIVED: u16 = 4;
    pub(super) const DROPPED: u16 = 5;
    pub(super) const DELIVERED: u16 = 8;
}

/// What frames begin with, as the registry of link-layer header types (LINKTYPE_) has it; and 16 reserved bits.
const fn link_type(link: Link) -> u32 {
    match link {
        Link::Ip => 101,
        // Ethernet, and what this version doesn't know.
        _ => 1,
    }
}

/// Times are in 10^-6 seconds, as `Instant`'s are.
const MICROSECONDS: u8 = 6;
/// What is in the buffer beyond this is written.
const BUFFER: usize = 1 << 16;
/// An option's length has 16 bits.
const LONGEST: usize = 0xfff0;
/// Frames that the wire has done something to and that have yet to arrive.
const EXPECTED: usize = 256;

/// Writes a capture of what one end sees.
#[derive(Debug)]
pub struct Capture<W> {
    out: W,
    error: Option<io::Error>,
    /// Whose wire it is.
    end: Side,
    /// Microseconds from the beginning of 1970 to the zero of the clock that the events go by.
    unix: i64,
    /// Whole blocks, and behind them the packet that comments may yet be added to.
    blocks: Blocks,
    open: Option<Open>,
    comments: Vec<String>,
    /// Comments of the packet that comes next.
    next: Vec<String>,
    expected: VecDeque<(Box<[u8]>, String)>,
    /// The interface's name, and the links that it has been described for: a block of it has one.
    interface: String,
    links: Vec<Described>,
    /// Of the first packet and of the last.
    times: Option<(Instant, Instant)>,
}

/// An interface that packets are of.
#[derive(Debug)]
struct Described {
    link: Link,
    packets: u64,
}

/// A packet that comments may yet be added to.
#[derive(Debug)]
struct Open {
    /// Where its block begins.
    start: usize,
    /// Bytes of its frame.
    length: usize,
    at: Instant,
}

impl<W: Write> Capture<W> {
    /// Of a server, at the interface of this name. `unix` is how many microseconds after the beginning of 1970 the zero
    /// of the events' clock is.
    pub fn new(out: W, interface: &str, unix: i64) -> Self {
        Capture::of(Side::Server, out, interface, unix)
    }

    /// Of this end.
    pub fn of(end: Side, out: W, interface: &str, unix: i64) -> Self {
        let capture = Capture {
            out,
            error: None,
            end,
            unix,
            blocks: Blocks { buffer: Vec::with_capacity(2 * BUFFER) },
            open: None,
            comments: Vec::new(),
            next: Vec::new(),
            expected: VecDeque::new(),
            interface: interface.to_owned(),
            links: Vec::new(),
            times: None,
        };
        capture.with_link(Link::Ethernet)
    }

    /// Of an interface whose frames begin with this. That is said before the first of them, for who reads along; others'
    /// are as welcome.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        if self.packets() == 0 {
            self.links.clear();
            self.blocks.buffer.clear();
            self.blocks.section();
        }
        self.describe(link);
        self
    }

    /// Adds a comment to the next frame.
    pub fn note(&mut self, text: &str) {
        self.next.push(text.to_owned());
    }

    /// Whether something could not be written.
    pub const fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Packets so far.
    pub fn packets(&self) -> u64 {
        self.links.iter().map(|described| described.packets).sum()
    }

    /// Writes all that there is, the last frame too: what happens from now on is a comment of the next.
    ///
    /// # Errors
    /// The first that there was, once.
    pub fn flush(&mut self) -> io::Result<()> {
        self.close();
        self.write();
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    /// Ends the capture with its statistics.
    ///
    /// # Errors
    /// The first that there was.
    pub fn finish(mut self) -> io::Result<W> {
        self.close();
        let (first, last) = self.times.unwrap_or((Instant::ZERO, Instant::ZERO));
        let [first, last] = [first, last].map(|at| self.timestamp(at));
        let blocks = &mut self.blocks;
        for (number, &Described { packets, .. }) in self.links.iter().enumerate() {
            let statistics = blocks.begin(block::STATISTICS);
            blocks.put(&length(number).to_le_bytes());
            blocks.put(&last);
            blocks.option(option::START, &first);
            blocks.option(option::STOP, &last);
            for (number, count) in
                [(option::RECEIVED, packets), (option::DROPPED, 0), (option::DELIVERED, packets)]
            {
                blocks.option(number, &count.to_le_bytes());
            }
            blocks.end(statistics);
        }
        self.flush()?;
        Ok(self.out)
    }

    /// What happened at an end, in the words of the timeline.
    fn see(&mut self, now: Instant, end: Side, event: &Event<'_>) {
        let own = end == self.end;
        match *event {
            Event::Frame(frame) if own => self.frame(now, &frame),
            Event::Frame(_) => {}
            Event::Trouble(trouble) => {
                let inwards = (trouble.direction == Direction::In) == own;
                self.trouble(now, inwards, &trouble);
            }
            Event::Call(call) => {
                let answers = matches!(call, Call::Receive { .. } | Call::ReceiveFrom { .. });
                let begins = matches!(call, Call::Connect { .. });
                self.comment(!begins && self.belongs(now, end, answers), end, &Text::Call(call));
            }
            Event::State(change) => {
                let answers = change.cause == Cause::Segment;
                self.comment(self.belongs(now, end, answers), end, &Text::State(change, false));
            }
            Event::Timer(timer) => self.comment(false, end, &Text::Timer(timer)),
            Event::Conflict(conflict) => {
                self.comment(self.belongs(now, end, true), end, &Text::Conflict(conflict))
            }
            Event::Again(again) => self.comment(false, end, &Text::Again(again)),
            Event::Congestion(congestion) => {
                self.comment(self.belongs(now, end, true), end, &Text::Congestion(congestion));
            }
            event => self.comment(false, end, &Text::Note(event.name())),
        }
    }

    /// Whether something belongs to the frame before: it is of the same instant; or it `answers` a frame at the other
    /// end, where that came later.
    fn belongs(&self, now: Instant, end: Side, answers: bool) -> bool {
        self.next.is_empty()
            && self.open.as_ref().is_some_and(|open| open.at == now || (answers && end != self.end))
    }

    fn comment(&mut self, belongs: bool, end: Side, text: &Text<'_>) {
        let comments = if belongs { &mut self.comments } else { &mut self.next };
        comments.push(format!("{}: {text}", end.name()));
    }

    fn frame(&mut self, now: Instant, frame: &Frame<'_>) {
        let Frame { way, link, bytes, .. } = *frame;
        self.begin(now, way != Way::Out, link, bytes);
        if !self.expected.is_empty()
            && way != Way::Out
            && let Some(index) = self.expected.iter().position(|(frame, _)| **frame == *bytes)
            && let Some((_, comment)) = self.expected.remove(index)
        {
            self.comments.push(comment);
        }
        match way {
            Way::Waiting => self.comments.push("waits for a slot".to_owned()),
            Way::Dropped(rule) => self.comments.push(format!("dropped: {}", rule.text())),
            Way::Connection(_) | Way::Common | Way::Out => {}
            way => self.comments.push(way.name().to_owned()),
        }
    }

    fn trouble(&mut self, now: Instant, inwards: bool, trouble: &Trouble<'_>) {
        let Trouble { fate, link, bytes, .. } = *trouble;
        let text = format!("on the wire: {}", FateWords(fate));
        match fate {
            _ if !inwards => {
                if !self.is_open(bytes) {
                    self.begin(now, false, link, bytes);
                }
                self.comments.push(text);
            }
            Fate::Lost => {
                self.begin(now, true, link, bytes);
                self.comments.push(text);
            }
            Fate::Duplicated => {
                self.expect(bytes.into(), text);
                self.expect(bytes.into(), "on the wire: the second of the two".to_owned());
            }
            Fate::Corrupted { bit } => {
                let mut frame: Box<[u8]> = bytes.into();
                if let Some(byte) = frame.get_mut(bit / 8) {
                    *byte ^= 0x80 >> (bit % 8);
                }
                self.expect(frame, text);
            }
            // It arrives, later or otherwise.
            _ => self.expect(bytes.into(), text),
        }
    }

    /// The comment is for this frame, when it arrives.
    fn expect(&mut self, frame: Box<[u8]>, comment: String) {
        if self.expected.len() == EXPECTED {
            self.expected.pop_front();
        }
        self.expected.push_back((frame, comment));
    }

    /// Whether this is the frame that comments may yet be added to.
    fn is_open(&self, bytes: &[u8]) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let at = open.start + PACKET_HEADER;
            self.blocks.buffer.get(at..at + open.length) == Some(bytes)
        })
    }

    /// The number of the interface for this link: its block is written before the first packet that needs it.
    fn describe(&mut self, link: Link) -> usize {
        if let Some(number) = self.links.iter().position(|described| described.link == link) {
            return number;
        }
        let blocks = &mut self.blocks;
        let described = blocks.begin(block::INTERFACE);
        blocks.put(&link_type(link).to_le_bytes());
        // Frames are never cut.
        blocks.put(&0_u32.to_le_bytes());
        blocks.option(option::NAME, self.interface.as_bytes());
        blocks.option(option::RESOLUTION, &[MICROSECONDS]);
        blocks.end(described);
        self.links.push(Described { link, packets: 0 });
        self.links.len() - 1
    }

    /// Begins a packet, and ends the one before.
    fn begin(&mut self, now: Instant, inwards: bool, link: Link, bytes: &[u8]) {
        self.close();
        if self.blocks.buffer.len() > BUFFER {
            self.write();
        }
        core::mem::swap(&mut self.comments, &mut self.next);
        let (first, _) = *self.times.get_or_insert((now, now));
        self.times = Some((first, now));
        let interface = self.describe(link);
        if let Some(described) = self.links.get_mut(interface) {
            described.packets += 1;
        }
        let timestamp = self.timestamp(now);
        let blocks = &mut self.blocks;
        let start = blocks.begin(block::PACKET);
        blocks.put(&length(interface).to_le_bytes());
        blocks.put(&timestamp);
        // As long in the capture as on the wire.
        let length = length(bytes.len()).to_le_bytes();
        blocks.put(&length);
        blocks.put(&length);
        blocks.put(bytes);
        let flags = if inwards { 0b01 | reception(link, bytes) << 2 } else { 0b10 };
        blocks.option(option::FLAGS, &flags.to_le_bytes());
        self.open = Some(Open { start, length: bytes.len(), at: now });
    }

    /// Ends the packet under way with its comments.
    fn close(&mut self) {
        let Some(Open { start, .. }) = self.open.take() else { return };
        for comment in self.comments.drain(..) {
            self.blocks.option(option::COMMENT, comment.as_bytes());
        }
        self.blocks.end(start);
    }

    /// Writes the whole blocks.
    fn write(&mut self) {
        if self.error.is_none() {
            self.error = self.out.write_all(&self.blocks.buffer).err();
        }
        self.blocks.buffer.clear();
    }

    /// A time as all blocks have it: the upper 32 bits, then the lower.
    fn timestamp(&self, at: Instant) -> [u8; 8] {
        let micros = self.unix.saturating_add(at.total_micros()).max(0).cast_unsigned();
        micros.rotate_left(32).to_le_bytes()
    }
}

impl<W: Write> Observer for Capture<W> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        self.see(now, self.end, event);
    }
}

/// Writes a capture of records: the frames as the server sees them, and beside them what both ends did.
///
/// # Errors
/// The first that there was.
pub fn capture<W: Write>(records: &[Record], out: W, interface: &str, unix: i64) -> io::Result<W> {
    let (lines, order) = merged(records);
    let link = order.iter().find_map(|record| match record.what {
        What::Frame { link, .. } => Some(link),
        _ => None,
    });
    let capture = Capture::of(lines.wire(), out, interface, unix);
    let mut capture = capture.with_link(link.unwrap_or_default());
    for record in order {
        match (&record.what, record.what.event()) {
            (What::Note(text), _) => capture.note(text),
            (_, Some(event)) => capture.see(record.at, record.end, &event),
            (_, None) => {}
        }
    }
    capture.finish()
}

/// Bytes of a packet's block before its frame.
const PACKET_HEADER: usize = 28;

/// Blocks, one after the other.
#[derive(Debug)]
struct Blocks {
    buffer: Vec<u8>,
}

impl Blocks {
    /// The section header.
    fn section(&mut self) {
        let section = self.begin(block::SECTION);
        // The byte order, version 1.0, and a section of a length that isn't known yet.
        self.put(&0x1a2b_3c4d_u32.to_le_bytes());
        self.put(&[1, 0, 0, 0]);
        self.put(&u64::MAX.to_le_bytes());
        self.option(option::APPLICATION, concat!("undersock ", env!("CARGO_PKG_VERSION")).as_bytes());
        self.end(section);
    }

    /// Begins a block, whose length is written at its end.
    fn begin(&mut self, kind: u32) -> usize {
        let start = self.buffer.len();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
        start
    }

    /// Bytes, and zeros up to the next multiple of four: all blocks begin at one.
    fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.buffer.resize(self.buffer.len().next_multiple_of(4), 0);
    }

    /// An option; a text that is longer than one can be is cut.
    fn option(&mut self, number: u16, value: &[u8]) {
        let mut length = value.len().min(LONGEST);
        while value.len() > length && value[length] & 0xc0 == 0x80 {
            length -= 1;
        }
        #[allow(clippy::cast_possible_truncation, reason = "no more than LONGEST")]
        let header = u32::from(number) | (length as u32) << 16;
        self.put(&header.to_le_bytes());
        self.put(value.get(..length).unwrap_or_default());
    }

    /// Ends a block that has options.
    fn end(&mut self, start: usize) {
        self.put(&[0; 4]);
        let length = length(self.buffer.len() - start + 4).to_le_bytes();
        self.put(&length);
        if let Some(place) = self.buffer.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&length);
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "of a frame and its comments, or a few interfaces")]
const fn length(bytes: usize) -> u32 {
    bytes as u32
}

/// How a frame came here, by its Ethernet address (4.3.1): 1 unicast, 2 multicast, 3 broadcast; 0, it doesn't say.
fn reception(link: Link, frame: &[u8]) -> u32 {
    match frame {
        _ if link != Link::Ethernet => 0,
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => 3,
        [first, ..] if first & 1 == 1 => 2,
        _ => 1,
    }
}
