//! What is known of each connection from its segments alone: where its sequence numbers began, how far they have come,
//! and so what each further segment is. The number of connections is bounded; the one that was quiet longest goes first.
//!
//! Everything here is seen at one place, as by a capture: a segment that was lost on the way to this place was never
//! sent, as far as this place knows. Where that is not sure, nothing is said.

use core::net::SocketAddr;

use heapless::Vec;

use undersock::packet::Tcp;

/// Holes in a stream that are remembered.
const GAPS: usize = 4;

/// What is to be known of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of a TCP header, by their names in RFC 9293")]
#[non_exhaustive]
pub struct SegmentHead {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub seq: u32,
    /// Where the ACK flag is set.
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    /// As it is in the header.
    pub window: u16,
    /// The window scale option.
    pub scale: Option<u8>,
    /// Bytes of payload.
    pub bytes: usize,
}

impl From<&Tcp<'_>> for SegmentHead {
    fn from(tcp: &Tcp<'_>) -> Self {
        SegmentHead {
            source: tcp.from,
            destination: tcp.to,
            seq: tcp.seq.0.cast_unsigned(),
            ack: tcp.ack.map(|ack| ack.0.cast_unsigned()),
            syn: tcp.flags.syn(),
            fin: tcp.flags.fin(),
            rst: tcp.flags.rst(),
            window: tcp.window,
            scale: tcp.options.window_scale(),
            bytes: tcp.payload.len(),
        }
    }
}

impl SegmentHead {
    /// How many sequence numbers it takes.
    #[allow(clippy::cast_possible_truncation, reason = "a packet has less than 2^16 bytes")]
    fn length(&self) -> u32 {
        self.bytes as u32 + u32::from(self.syn) + u32::from(self.fin)
    }

    /// It acknowledges, and does nothing else.
    fn only_acknowledges(&self) -> bool {
        self.ack.is_some() && self.length() == 0 && !self.rst
    }
}

/// What a segment is, seen beside those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// Sequence numbers that went by before: a retransmission, or a frame that was duplicated.
    Again,
    /// It begins beyond the last: what is between is lost or late.
    AfterGap,
    /// It lies in such a gap: it was overtaken, or lost before it came here and sent again.
    FillsGap,
    /// The same acknowledgement while bytes are under way, so many in a row (RFC 5681 2).
    DuplicateAck(u8),
    /// The receiver has no room left.
    ZeroWindow,
    /// Nothing new but more room.
    WindowUpdate,
    /// A byte before the window, so that the peer answers (RFC 9293 3.8.4).
    KeepAlive,
    /// A byte into a closed window, or one before it, so that the peer says whether it has opened (RFC 9293 3.8.6.1).
    WindowProbe,
}

impl Mark {
    /// What it is, in kebab-case: it stays.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mark::Again => "again",
            Mark::AfterGap => "after-gap",
            Mark::FillsGap => "fills-gap",
            Mark::DuplicateAck(_) => "duplicate-ack",
            Mark::ZeroWindow => "zero-window",
            Mark::WindowUpdate => "window-update",
            Mark::KeepAlive => "keep-alive",
            Mark::WindowProbe => "window-probe",
        }
    }

    /// A few words, without a number.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Mark::Again => "again",
            Mark::AfterGap => "after a gap",
            Mark::FillsGap => "fills a gap",
            Mark::DuplicateAck(_) => "duplicate ACK",
            Mark::ZeroWindow => "zero window",
            Mark::WindowUpdate => "window update",
            Mark::KeepAlive => "keep-alive",
            Mark::WindowProbe => "window probe",
        }
    }
}

/// What is known of a segment from those before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Seen {
    /// The slot of its connection.
    pub slot: Option<usize>,
    /// The sender's initial sequence number.
    pub first_seq: Option<u32>,
    /// The receiver's, which the acknowledgement number counts from.
    pub first_ack: Option<u32>,
    /// By how many bits its window is shifted (RFC 7323 2.3); not known without both SYNs.
    pub shift: Option<u8>,
    /// What it is.
    pub marks: Vec<Mark, 3>,
}

/// One direction of a connection.
#[derive(Debug, Clone, Default)]
struct Lane {
    /// The initial sequence number, once its SYN was seen.
    first: Option<u32>,
    /// The shift that the SYN announced.
    scale: Option<u8>,
    /// The sequence number after the last.
    next: Option<u32>,
    /// What was skipped on the way there.
    gaps: Vec<(u32, u32), GAPS>,
    /// The acknowledgement and the window in bytes that were sent last.
    ack: Option<u32>,
    window: u32,
    duplicates: u8,
}

/// A connection, seen from outside.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    ends: [SocketAddr; 2],
    lanes: [Lane; 2],
    slot: Option<usize>,
    /// When it was last touched, by the count of touches.
    touched: u32,
}

/// The connections that were seen last, `N` at most.
#[derive(Debug, Clone, Default)]
pub struct Flows<const N: usize> {
    flows: Vec<Flow, N>,
    touches: u32,
    /// A slot whose SYN came earlier: the next SYN-ACK will say whose it is.
    opened: Option<usize>,
}

impl<const N: usize> Flows<N> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Flows { flows: Vec::new(), touches: 0, opened: None }
    }

    /// This slot has this connection.
    pub fn assign(&mut self, slot: usize, one: SocketAddr, other: SocketAddr) {
        self.free(slot);
        if let Some((flow, _)) = self.find_or_add(one, other) {
            flow.slot = Some(slot);
        }
    }

    /// This slot has a connection whose SYN went by earlier. Whether that is news.
    pub fn open(&mut self, slot: usize) -> bool {
        let news = !self.flows.iter().any(|flow| flow.slot == Some(slot));
        if news {
            self.opened = Some(slot);
        }
        news
    }

    /// This slot has no connection any more.
    pub fn free(&mut self, slot: usize) {
        for flow in self.flows.iter_mut().filter(|flow| flow.slot == Some(slot)) {
            flow.slot = None;
        }
        self.opened = self.opened.filter(|opened| *opened != slot);
    }

    /// The slot's connection: the end that was seen first, and the other.
    #[must_use]
    pub fn ends(&self, slot: usize) -> Option<[SocketAddr; 2]> {
        self.flows.iter().find(|flow| flow.slot == Some(slot)).map(|flow| flow.ends)
    }

    /// What is known of a segment that is not sent now, but spoken of.
    #[must_use]
    pub fn look(&self, segment: &SegmentHead) -> Seen {
        let Some((flow, way)) = self.flows.iter().find_map(|flow| Some((flow, flow.way(segment)?))) else {
            return Seen::default();
        };
        let mut seen = flow.known(way, segment);
        if segment.syn {
            seen.first_seq = Some(segment.seq);
        }
        seen
    }

    /// A segment was sent that never comes here: what is like it is sent again. What it acknowledges isn't known here.
    pub fn lost(&mut self, segment: &SegmentHead) -> Seen {
        let Some((flow, way)) = self.find_or_add(segment.source, segment.destination) else {
            return Seen::default();
        };
        if flow.is_over(segment) {
            flow.renew();
        }
        // It is judged without its acknowledgement; and so it is no probe either, which asks for one.
        let marks = flow.judge(way, &SegmentHead { ack: None, ..*segment });
        Seen { marks, ..flow.known(way, segment) }
    }

    /// Whether a segment begins anew what is a connection with a slot: somebody thinks that it is over.
    #[must_use]
    pub fn contradicts(&self, segment: &SegmentHead) -> bool {
        let live = self.flows.iter().find(|flow| flow.slot.is_some() && flow.way(segment).is_some());
        live.is_some_and(|flow| flow.is_over(segment))
    }

    /// A segment goes by.
    pub fn see(&mut self, segment: &SegmentHead) -> Seen {
        let opened = self.opened;
        if segment.rst && !self.flows.iter().any(|flow| flow.way(segment).is_some()) {
            // The end of a connection whose beginning wasn't seen: nothing to remember.
            return Seen::default();
        }
        let Some((flow, way)) = self.find_or_add(segment.source, segment.destination) else {
            return Seen::default();
        };
        if flow.is_over(segment) {
            flow.renew();
        }
        let mut taken = false;
        if segment.syn && segment.ack.is_some() && flow.slot.is_none() && opened.is_some() {
            flow.slot = opened;
            taken = true;
        }
        let marks = flow.judge(way, segment);
        let seen = Seen { marks, ..flow.known(way, segment) };
        if taken {
            self.opened = None;
        }
        seen
    }

    fn find_or_add(&mut self, one: SocketAddr, other: SocketAddr) -> Option<(&mut Flow, usize)> {
        self.touches = self.touches.wrapping_add(1);
        let now = self.touches;
        let found = self.flows.iter().position(|flow| flow.ends == [one, other] || flow.ends == [other, one]);
        let index = match found {
            Some(index) => index,
            None => {
                let flow = Flow { ends: [one, other], lanes: Default::default(), slot: None, touched: now };
                match self.flows.push(flow) {
                    Ok(()) => self.flows.len() - 1,
                    Err(flow) => {
                        let age = |flow: &Flow| now.wrapping_sub(flow.touched);
                        let (oldest, _) = self.flows.iter().enumerate().max_by_key(|(_, flow)| age(flow))?;
                        *self.flows.get_mut(oldest)? = flow;
                        oldest
                    }
                }
            }
        };
        let flow = self.flows.get_mut(index)?;
        flow.touched = now;
        let way = usize::from(flow.ends[0] != one);
        Some((flow, way))
    }
}

impl Flow {
    /// Nothing is known of it but its ends.
    pub(crate) fn new(one: SocketAddr, other: SocketAddr) -> Self {
        Flow { ends: [one, other], lanes: Default::default(), slot: None, touched: 0 }
    }

    /// Whether this segment begins another connection between the same ends.
    pub(crate) fn is_over(&self, segment: &SegmentHead) -> bool {
        segment.syn
            && segment.ack.is_none()
            && self.way(segment).is_none_or(|way| self.lanes[way].first != Some(segment.seq))
    }

    /// The same four numbers, and a new connection.
    fn renew(&mut self) {
        self.lanes = Default::default();
        self.slot = None;
    }

    /// Which of the two lanes a segment is in.
    pub(crate) fn way(&self, segment: &SegmentHead) -> Option<usize> {
        let ends = [segment.source, segment.destination];
        match self.ends {
            [one, other] if [one, other] == ends => Some(0),
            [one, other] if [other, one] == ends => Some(1),
            _ => None,
        }
    }

    fn known(&self, way: usize, segment: &SegmentHead) -> Seen {
        let (own, other) = (&self.lanes[way], &self.lanes[1 - way]);
        Seen {
            slot: self.slot,
            first_seq: own.first,
            first_ack: other.first,
            shift: self.shift(way).filter(|_| !segment.syn),
            marks: Vec::new(),
        }
    }

    /// By how much a lane's windows are shifted: both must have announced it (RFC 7323 2.2).
    fn shift(&self, way: usize) -> Option<u8> {
        let (own, other) = (&self.lanes[way], &self.lanes[1 - way]);
        if own.first.is_none() || other.first.is_none() {
            return None;
        }
        // More than 14 counts as 14 (RFC 7323 2.3).
        Some(other.scale.and(own.scale).unwrap_or(0).min(14))
    }

    /// What a segment is, and how far its lane is after it.
    pub(crate) fn judge(&mut self, way: usize, segment: &SegmentHead) -> Vec<Mark, 3> {
        let mut marks = Vec::new();
        if segment.rst {
            return marks;
        }
        if segment.syn {
            self.lanes[way].first = Some(segment.seq);
            self.lanes[way].scale = segment.scale;
        }
        let shift = if segment.syn { 0 } else { self.shift(way).unwrap_or(0) };
        let window = u32::from(segment.window) << shift;
        let (one, rest) = self.lanes.split_at_mut(1);
        let (own, other) = match way {
            0 => (&mut one[0], &mut rest[0]),
            _ => (&mut rest[0], &mut one[0]),
        };
        // There is room for three, and no two of one line exclude each other.
        if let Some(mark) = own.advance(segment, other) {
            let _ = marks.push(mark);
        }
        if window == 0 && !segment.syn {
            let _ = marks.push(Mark::ZeroWindow);
        }
        if let Some(ack) = segment.ack {
            let same = own.ack == Some(ack);
            let outstanding = other.next.is_some_and(|next| is_before(ack, next));
            let alone = segment.only_acknowledges() && marks.is_empty();
            if same && alone && window == own.window && outstanding {
                own.duplicates = own.duplicates.saturating_add(1);
                let _ = marks.push(Mark::DuplicateAck(own.duplicates));
            } else if same && alone && window > own.window {
                let _ = marks.push(Mark::WindowUpdate);
            }
            if !same {
                own.duplicates = 0;
            }
            own.ack = Some(ack);
            own.window = window;
            if other.next.is_some_and(|next| is_before(next, ack)) {
                // Acknowledged, so it was sent: a probe, or where this place didn't see it.
                other.next = Some(ack);
            }
        }
        marks
    }
}

impl Lane {
    /// Goes on by a segment, whose acknowledgements the other lane carries.
    fn advance(&mut self, segment: &SegmentHead, other: &Lane) -> Option<Mark> {
        let (start, end) = (segment.seq, segment.seq.wrapping_add(segment.length()));
        let Some(next) = self.next else {
            self.next = Some(end);
            return None;
        };
        let all_acknowledged = other.ack == Some(next);
        let closed = other.ack.is_some() && other.window == 0;
        if segment.bytes <= 1 && !segment.syn && !segment.fin && segment.ack.is_some() {
            if start == next.wrapping_sub(1) && all_acknowledged {
                return Some(if closed { Mark::WindowProbe } else { Mark::KeepAlive });
            }
            if segment.bytes == 1 && closed && start == next {
                // Not counted as sent: most often it is not taken, and goes out again with those behind it.
                return Some(Mark::WindowProbe);
            }
        }
        if start == end {
            return None;
        }
        if is_before(next, start) {
            if self.gaps.is_full() {
                self.gaps.remove(0);
            }
            // There is room now.
            let _ = self.gaps.push((next, start));
            self.next = Some(end);
            return Some(Mark::AfterGap);
        }
        if is_before(next, end) {
            self.next = Some(end);
        }
        if start == next {
            return None;
        }
        let fills = |(from, to): &(u32, u32)| !is_before(start, *from) && !is_before(*to, end);
        match self.gaps.iter().position(fills) {
            None => Some(Mark::Again),
            Some(index) => {
                let (from, to) = self.gaps.remove(index);
                for (from, to) in [(from, start), (end, to)] {
                    if from != to {
                        let _ = self.gaps.push((from, to));
                    }
                }
                Some(Mark::FillsGap)
            }
        }
    }
}

/// In the circle of sequence numbers (RFC 9293 3.4).
fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

#[cfg(test)]
mod tests;
