//! What happened, kept: for views that need the whole story, and for both ends on one timeline.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use undersock::smoltcp::time::Instant;

use crate::side::Side;
use undersock::event::{
    Again, Call, Change, Conflict, Congestion, Direction, Event, Fate, Frame, Observer, Timer, Trouble, Way,
};
use undersock::packet::Link;

/// An event that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub at: Instant,
    /// At which end.
    pub end: Side,
    /// What it was.
    pub what: What,
}

/// An [`Event`] that owns its frame; or what somebody noted between the events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// [`Event::Call`].
    Call(Call),
    /// [`Event::State`].
    State(Change),
    /// [`Event::Frame`].
    Frame {
        /// In or out, and what became of it.
        way: Way,
        /// What it begins with.
        link: Link,
        /// From there on.
        bytes: Box<[u8]>,
    },
    /// [`Event::Timer`].
    Timer(Timer),
    /// [`Event::Conflict`].
    Conflict(Conflict),
    /// [`Event::Again`].
    Again(Again),
    /// [`Event::Congestion`].
    Congestion(Congestion),
    /// [`Event::Trouble`].
    Trouble {
        /// Which way the frame was going.
        direction: Direction,
        /// What happened to it.
        fate: Fate,
        /// What the frame begins with.
        link: Link,
        /// The frame, as it was sent.
        bytes: Box<[u8]>,
    },
    /// A sentence about what comes next.
    Note(Box<str>),
}

impl What {
    /// The event; `None` for a note.
    #[must_use]
    pub fn event(&self) -> Option<Event<'_>> {
        Some(match self {
            What::Call(call) => Event::Call(*call),
            What::State(change) => Event::State(*change),
            What::Frame { way, link, bytes } => Event::Frame(Frame::new(*way, bytes).with_link(*link)),
            What::Timer(timer) => Event::Timer(*timer),
            What::Conflict(conflict) => Event::Conflict(*conflict),
            What::Again(again) => Event::Again(*again),
            What::Congestion(congestion) => Event::Congestion(*congestion),
            What::Trouble { direction, fate, link, bytes } => {
                Event::Trouble(Trouble::new(*direction, *fate, bytes).with_link(*link))
            }
            What::Note(_) => return None,
        })
    }
}

impl From<&Event<'_>> for What {
    fn from(event: &Event<'_>) -> Self {
        match *event {
            Event::Call(call) => What::Call(call),
            Event::State(change) => What::State(change),
            Event::Frame(Frame { way, link, bytes, .. }) => What::Frame { way, link, bytes: bytes.into() },
            Event::Timer(timer) => What::Timer(timer),
            Event::Conflict(conflict) => What::Conflict(conflict),
            Event::Again(again) => What::Again(again),
            Event::Congestion(congestion) => What::Congestion(congestion),
            Event::Trouble(Trouble { direction, fate, link, bytes, .. }) => {
                What::Trouble { direction, fate, link, bytes: bytes.into() }
            }
            // An event of a later version: what it was is kept, if not all of it.
            ref event => What::Note(event.name().into()),
        }
    }
}

/// Keeps records of both ends, in the order in which they come; the oldest go where there are too many. A clone is
/// another handle to the same records, in another thread too.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    records: VecDeque<Record>,
    limit: usize,
    forgotten: u64,
}

impl Recorder {
    /// Keeps the last `limit` records.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Recorder(Arc::new(Mutex::new(Kept { records: VecDeque::new(), limit, forgotten: 0 })))
    }

    /// An observer for one end.
    #[must_use]
    pub fn at(&self, end: Side) -> Recording {
        Recording { recorder: self.clone(), end }
    }

    /// Adds a record.
    pub fn add(&self, record: Record) {
        let mut kept = self.kept();
        if kept.records.len() == kept.limit {
            kept.records.pop_front();
            kept.forgotten += 1;
        }
        kept.records.push_back(record);
    }

    /// Notes something about what comes next.
    pub fn note(&self, at: Instant, end: Side, text: &str) {
        self.add(Record { at, end, what: What::Note(text.into()) });
    }

    /// All that is kept, from the oldest on.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    /// How many records there have been.
    #[must_use]
    pub fn count(&self) -> u64 {
        let kept = self.kept();
        kept.forgotten + kept.records.len() as u64
    }

    /// What is kept of the records after the first `count`, by their time: what one end tells late stands where it
    /// belongs.
    #[must_use]
    pub fn since(&self, count: u64) -> Vec<Record> {
        let kept = self.kept();
        let skipped = usize::try_from(count.saturating_sub(kept.forgotten)).unwrap_or(usize::MAX);
        let mut records: Vec<Record> = kept.records.iter().skip(skipped).cloned().collect();
        drop(kept);
        records.sort_by_key(|record| record.at);
        records
    }

    /// The same, and keeps none of them.
    #[must_use]
    pub fn take(&self) -> Vec<Record> {
        let mut kept = self.kept();
        kept.forgotten += kept.records.len() as u64;
        core::mem::take(&mut kept.records).into()
    }

    /// How many records are kept no more: they had to go for later ones, or were taken.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.kept().forgotten
    }

    /// What a thread that panicked has left is whole: records are added in one step.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An observer that records, of [`Recorder::at`].
#[derive(Debug, Clone)]
pub struct Recording {
    recorder: Recorder,
    end: Side,
}

impl Observer for Recording {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        self.recorder.add(Record { at: now, end: self.end, what: event.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_kept_whole() {
        let recorder = Recorder::new(10);
        let bytes = [1, 2, 3];
        let events = [
            Event::Call(Call::Listen { port: 12_000 }),
            Event::Frame(Frame::new(Way::Common, &bytes)),
            Event::Trouble(Trouble::new(Direction::In, Fate::Lost, &bytes)),
            Event::Frame(Frame::new(Way::Out, &bytes).with_link(Link::Ip)),
            Event::Trouble(Trouble::new(Direction::Out, Fate::Lost, &bytes).with_link(Link::Ip)),
        ];
        for event in &events {
            recorder.at(Side::Server).event(Instant::from_millis(7), event);
        }
        let records = recorder.take();
        assert_eq!(records.iter().filter_map(|record| record.what.event()).collect::<Vec<_>>(), events);
        assert!(
            records.iter().all(|record| record.at == Instant::from_millis(7) && record.end == Side::Server)
        );
        assert_eq!(recorder.records(), []);
    }

    #[test]
    fn the_oldest_go_first() {
        let recorder = Recorder::new(2);
        for text in ["one", "two", "three"] {
            recorder.note(Instant::ZERO, Side::Client, text);
        }
        let texts: Vec<_> = recorder.records().into_iter().map(|record| record.what).collect();
        assert_eq!(texts, [What::Note("two".into()), What::Note("three".into())]);
        assert_eq!((recorder.forgotten(), recorder.count()), (1, 3));
        let since = |count| recorder.since(count).len();
        assert_eq!([since(0), since(1), since(2), since(3), since(9)], [2, 2, 1, 0, 0]);
        assert_eq!((recorder.take().len(), recorder.count(), since(0)), (2, 3, 0));
    }
}
