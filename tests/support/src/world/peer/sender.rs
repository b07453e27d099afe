//! What a peer does to send: a window, one retransmission timer, zero-window probes; no congestion window, and nothing of
//! what it is about to measure.

use undersock::smoltcp::time::{Duration, Instant};

use super::{Closes, Counts, Options, Repeats, Writes};

/// RFC 6298 2.5: a maximum, 60 seconds at least.
const LONGEST: Duration = Duration::from_secs(60);

/// The sending half. Offsets are those of the bytes; a FIN is one more.
#[derive(Debug)]
pub(super) struct Sender {
    options: Options,
    bytes: Vec<u8>,
    /// How many of them the program has written.
    written: u64,
    writes_at: Option<Instant>,
    /// The program has closed, after all bytes.
    closed: bool,
    /// SND.UNA, SND.NXT, and the highest that SND.NXT has been.
    una: u64,
    nxt: u64,
    highest: u64,
    /// The right edge of the peer's window, and the segment that it comes from (RFC 9293's SND.WL1 and WL2).
    edge: u64,
    updated_by: (i64, u64),
    pub(super) mss: u64,
    /// The bits by which the peer's windows are shifted.
    pub(super) scale: u8,
    timer: Option<Instant>,
    timeout: Duration,
    /// One segment at SND.UNA is to be sent again.
    head: bool,
    /// A byte is to be sent beyond the window.
    probe: bool,
    /// What a probe has sent beyond the window: it may be acknowledged, and SND.NXT is where it was. A bare
    /// acknowledgement with a number behind it wouldn't be acceptable to who has no window.
    probed: u64,
}

/// A piece to send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) fin: bool,
}

impl Sender {
    pub(super) fn new(options: Options, bytes: Vec<u8>) -> Self {
        Sender {
            options,
            bytes,
            written: 0,
            writes_at: None,
            closed: false,
            una: 0,
            nxt: 0,
            highest: 0,
            edge: 0,
            updated_by: (i64::MIN, 0),
            mss: 536,
            scale: 0,
            timer: None,
            timeout: options.timeout,
            head: false,
            probe: false,
            probed: 0,
        }
    }

    pub(super) fn bytes(&self, piece: Piece) -> &[u8] {
        &self.bytes[piece.from as usize..piece.to as usize]
    }

    pub(super) fn una(&self) -> u64 {
        self.una
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// What a bare acknowledgement has as its sequence number (RFC 9293 3.10.7.4): SND.NXT, the highest that it was.
    pub(super) fn newest(&self) -> u64 {
        self.highest
    }

    fn end(&self) -> u64 {
        self.written + u64::from(self.closed)
    }

    /// Whether the FIN is acknowledged.
    pub(super) fn has_finished(&self) -> bool {
        self.closed && self.una == self.end()
    }

    /// Lets the program write and close. It has received this much, and perhaps the end.
    pub(super) fn writes(&mut self, now: Instant, received: u64, finished: bool) {
        let all = self.bytes.len() as u64;
        match self.options.writes {
            Writes::AtOnce => self.written = all,
            Writes::InSteps { bytes, every } => {
                if self.written < all && self.writes_at.is_none_or(|at| at <= now) {
                    self.written = all.min(self.written + u64::from(bytes));
                    self.writes_at = Some(now + every);
                }
            }
            Writes::InTurn { bytes } => {
                if self.written < all && received >= self.written {
                    self.written = all.min(self.written + u64::from(bytes));
                }
            }
        }
        self.closed |= self.written == all
            && match self.options.closes {
                Closes::AtOnce => true,
                Closes::After(bytes) => received >= bytes || finished,
                Closes::Last => finished,
            };
    }

    /// Reads an acknowledgement that came in a segment with this place in the other direction. Whether it is of
    /// something sent.
    pub(super) fn acknowledged(&mut self, now: Instant, seq: i64, ack: u64, window: u16) -> bool {
        if ack > self.highest.max(self.probed) {
            return false;
        }
        self.highest = self.highest.max(ack);
        if ack > self.una {
            self.una = ack;
            self.nxt = self.nxt.max(ack);
            self.timeout = self.options.timeout;
            self.timer = None;
            self.head = false;
        }
        if ack >= self.una
            && (self.updated_by.0 < seq || self.updated_by.0 == seq && self.updated_by.1 <= ack)
        {
            self.updated_by = (seq, ack);
            self.edge = ack + (u64::from(window) << self.scale);
        }
        self.arm(now);
        true
    }

    fn arm(&mut self, now: Instant) {
        let waits = self.una < self.highest || self.nxt < self.end() && self.nxt >= self.edge;
        match self.timer {
            None if waits => self.timer = Some(now + self.timeout),
            Some(_) if !waits => self.timer = None,
            _ => {}
        }
    }

    /// Goes back, or asks for a window, if the timer says so.
    pub(super) fn expires(&mut self, now: Instant, counts: &mut Counts) {
        if self.timer.is_none_or(|at| at > now) {
            return;
        }
        self.timeout = (self.timeout * 2).min(LONGEST);
        self.timer = None;
        if self.una == self.highest || self.edge <= self.una {
            self.probe = true;
            counts.probes += 1;
        } else if self.options.repeats == Repeats::All {
            self.nxt = self.una;
            counts.went_back += 1;
        } else {
            self.head = true;
            counts.heads += 1;
        }
        self.arm(now);
    }

    /// The next piece to send, and takes it for sent.
    pub(super) fn next(&mut self, now: Instant, room: u64) -> Option<Piece> {
        let (written, end) = (self.written, self.end());
        let size = self.mss.saturating_sub(room).max(1);
        let probes = core::mem::take(&mut self.probe);
        let from = if probes || core::mem::take(&mut self.head) { self.una } else { self.nxt };
        // A probe is a byte beyond the window, or the FIN.
        let edge = if probes { self.edge.max(from + 1) } else { self.edge };
        let to = written.min(from + size).min(edge).max(from.min(written));
        let fin = self.closed && to == written && to < edge;
        if (to <= from && !fin) || from >= end {
            return None;
        }
        let behind = to + u64::from(fin);
        if probes && behind > self.edge {
            self.probed = self.probed.max(behind);
            self.arm(now);
            return Some(Piece { from: from.min(written), to, fin });
        }
        self.nxt = self.nxt.max(behind);
        self.highest = self.highest.max(behind);
        self.arm(now);
        Some(Piece { from: from.min(written), to, fin })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let writes = self.writes_at.filter(|_| self.written < self.bytes.len() as u64);
        [writes, self.timer].into_iter().flatten().min()
    }
}
