//! What a segment that comes in says of what was sent, and what of it the stack is given.

use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::Recovery;
use super::seq::before;
use crate::event::Loss;
use crate::packet::field::put;
use crate::packet::{Options, TcpOption, tcp};

/// What a segment that comes in, of a connection, has for its sender's half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) ack: u32,
    /// As it stands in the header.
    pub(crate) window: u16,
    /// It has neither data nor a flag beside ACK, and the stack reads it.
    pub(crate) bare: bool,
    /// It has data, or a FIN.
    pub(crate) full: bool,
    /// The most bytes that the stack has ever had to wait for.
    pub(crate) most: usize,
    /// Bytes that the stack holds, sent or not.
    pub(crate) queue: usize,
}

/// What the stack is given of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of it.
    Give,
    /// Nothing: of its third duplicate acknowledgement it would make what is done here better; and behind a lone FIN, which
    /// smoltcp 0.14 doesn't repeat then, it would stand still for ever (tcp.rs 2119, 2301).
    Withhold,
    /// All, but with this window in place of its own, as if that weren't shut. A peer that takes its window back (RFC 9293 3.8.6) while bytes are in flight
    /// would have smoltcp 0.14 stop its timer, and never repeat them (tcp.rs 2193, 2505).
    Open(u16),
    /// Its data, as if it came with the latest acknowledgement and window. Of a segment that was overtaken the acknowledgement
    /// is old and means nothing, and smoltcp 0.14 leaves its data unread with it (tcp.rs 1684; RFC 9293 3.10.7.4).
    Renew,
    /// Nothing: it acknowledges what was never sent, which smoltcp 0.14 drops from its buffer (tcp.rs 1694; RFC 9293
    /// 3.10.7.4).
    Unsent,
}

/// Blocks that one segment has room for (RFC 2018 3).
const MOST_BLOCKS: usize = 4;

impl Recovery {
    /// What the stack is given of a segment that comes in, and with which window if it is to read that.
    pub(crate) fn hear(&mut self, heard: &Heard) -> (Verdict, Option<u16>) {
        let Heard { ack, window, bare, full, most, queue } = *heard;
        let (una, end) = (self.board.start(), self.board.end());
        if self.begun && before(end, ack) {
            return (Verdict::Unsent, None);
        }
        if self.begun && before(ack, una) {
            // Older ones may be anybody's (RFC 5961 5.2).
            let is_late = full && una.wrapping_sub(ack) as usize <= most;
            return (if is_late { Verdict::Renew } else { Verdict::Give }, None);
        }
        if !self.begun || !self.on {
            return (Verdict::Give, None);
        }
        let window = self.kept_open(ack, window);
        let is_same = self.read && window == self.offered;
        if bare && ack == una && !self.board.is_empty() {
            self.duplicates = self.duplicates.saturating_add(1);
            if is_same || queue == 0 {
                return (Verdict::Withhold, None);
            }
            let given = self.not_a_third(window);
            return (if given == heard.window { Verdict::Give } else { Verdict::Open(given) }, Some(given));
        }
        (if window == heard.window { Verdict::Give } else { Verdict::Open(window) }, Some(window))
    }

    /// The window that the stack is given with an acknowledgement that it may count as a duplicate, since nothing else could
    /// tell it of a window that it may not have read: with the third another one, which ends its count. The next has the
    /// true one.
    fn not_a_third(&mut self, window: u16) -> u16 {
        self.repeats = if self.read { 0 } else { self.repeats + 1 };
        if self.repeats < 3 {
            return window;
        }
        self.repeats = 0;
        if window > 4 { window / 2 + 1 } else { window + 1 }
    }

    /// The acknowledgement and the window that the stack is given with data that came late: see [`Verdict::Renew`].
    pub(crate) fn latest(&self) -> (u32, u16) {
        (self.board.start(), self.offered)
    }

    /// The window that the stack is given for this one: see [`Verdict::Open`].
    fn kept_open(&self, ack: u32, window: u16) -> u16 {
        if window == 0 && ack != self.board.end() && self.offered != 0 { 1 } else { window }
    }

    /// The stack has been given a segment with this window, and has read that for sure; or may have.
    pub(crate) fn given(&mut self, window: Option<u16>, now: Instant) {
        self.read = window.is_some();
        if self.offered <= 1 && window.is_some_and(|window| window > 1) {
            // What was asked for until now was the window, which is said to be 1 where it was taken back; and what was sent
            // into it found no room.
            (self.backoff, self.since) = (0, now);
            let (start, end) = (self.board.start(), self.board.end());
            self.board.lose(start, end, super::micros(now), Loss::Timeout);
        }
        self.offered = window.unwrap_or(self.offered);
    }

    /// Whether a bare segment of this acknowledgement, new or not, and this window tells the stack anything; and the window
    /// that it is to have.
    pub(crate) fn is_news(&mut self, ack: u32, is_new: bool, window: u16, now: Instant) -> (bool, u16) {
        if !self.on {
            return (true, window);
        }
        let window = self.kept_open(ack, window);
        let news = is_new || !self.read || window != self.offered;
        let window = if news && !is_new { self.not_a_third(window) } else { window };
        if news {
            self.given(Some(window), now);
        }
        (news, window)
    }

    /// What the peer has behind a gap (RFC 2018 4), or had before (RFC 2883 4), once the stack has read what is acknowledged.
    /// What isn't between SND.UNA and SND.NXT is no news. A forger who is within the window could have bytes held back
    /// until the next probe, no more.
    pub(crate) fn hear_blocks(&mut self, ack: u32, options: Options<'_>, now: Instant) {
        // SYNs have them too, and Linux pads.
        if self.on && self.sack && self.begun && !options.bytes().is_empty() {
            self.read_blocks(ack, options, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn read_blocks(&mut self, ack: u32, options: Options<'_>, now: Instant) {
        let at = super::micros(now);
        let una = self.board.start();
        if before(ack, una) || before(self.board.end(), ack) {
            return;
        }
        let blocks = options.iter().find_map(|option| match option {
            TcpOption::Sack(blocks) => Some(blocks),
            _ => None,
        });
        let Some(blocks) = blocks else { return };
        let numbers =
            |block: (TcpSeqNumber, TcpSeqNumber)| (block.0.0.cast_unsigned(), block.1.0.cast_unsigned());
        let mut arrived = heapless::Vec::<(u32, u32), MOST_BLOCKS>::new();
        for (index, (left, right)) in blocks.iter().map(numbers).take(MOST_BLOCKS).enumerate() {
            if !before(left, right) {
                continue;
            }
            if !before(ack, right) {
                if index == 0 && self.reordering.needless(left) {
                    self.window.undo();
                }
                continue;
            }
            if !before(left, una) && !before(self.board.end(), right) {
                // The newest stands first; what was sent first is to be learned first, or it would look as if it had been
                // overtaken.
                let place =
                    arrived.iter().position(|(other, _)| before(left, *other)).unwrap_or(arrived.len());
                // There is room for as many as are taken.
                let _ = arrived.insert(place, (left, right));
            }
        }
        for (left, right) in arrived {
            self.deliver(now, |board, delivered| {
                board.arrive(left, right, at, &mut |range| delivered(range));
            });
        }
    }
}

/// Puts these in a segment's header. Its checksum isn't right any more; it was verified.
pub(crate) fn change(header: &mut [u8], ack: u32, window: u16) {
    put(header, tcp::ACKNOWLEDGMENT, ack.to_be_bytes());
    put(header, tcp::WINDOW, window.to_be_bytes());
}
