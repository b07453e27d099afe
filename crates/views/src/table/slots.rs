//! What the server itself doesn't keep of its slots: how old each connection is, and what is sent again.

use managed::ManagedSlice;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Instant;

use crate::flow::{Flow, Mark, SegmentHead};
use crate::notation::socket_addr;
use undersock::event::{Call, Change, Event, Frame, Observer, Way};
use undersock::packet::{IcmpError, Message, Packet};

/// What a [`SlotObserver`] knows of a slot.
#[derive(Debug, Clone, Default)]
pub struct SlotHistory {
    flow: Option<Flow>,
    since: Option<Instant>,
    again: u32,
}

/// Sees what the server itself doesn't keep: how old each connection is, and what is sent again.
#[derive(Debug)]
pub struct SlotObserver<'a> {
    slots: ManagedSlice<'a, SlotHistory>,
    /// A slot whose SYN came earlier: the next SYN-ACK will say whose it is.
    opened: Option<usize>,
    again: u32,
    refused: u32,
}

#[cfg(feature = "std")]
impl SlotObserver<'static> {
    /// For a server with so many slots.
    #[must_use]
    pub fn owned(slots: usize) -> Self {
        SlotObserver::new(std::vec![SlotHistory::default(); slots])
    }
}

impl<'a> SlotObserver<'a> {
    /// For a server with as many slots.
    pub fn new(slots: impl Into<ManagedSlice<'a, SlotHistory>>) -> Self {
        SlotObserver { slots: slots.into(), opened: None, again: 0, refused: 0 }
    }

    /// How many segments a connection's slot has sent again.
    #[must_use]
    pub fn again(&self, slot: usize) -> Option<u32> {
        self.slots.get(slot).map(|watched| watched.again)
    }

    /// When a slot's connection began.
    #[must_use]
    pub fn since(&self, slot: usize) -> Option<Instant> {
        self.slots.get(slot)?.since
    }

    /// Segments sent again, of all connections.
    #[must_use]
    pub const fn all_again(&self) -> u32 {
        self.again
    }

    /// Resets and ICMP port unreachables that went out because nobody had the port.
    #[must_use]
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    fn came(&mut self, slot: usize, segment: &SegmentHead) {
        let Some(watched) = self.slots.get_mut(slot) else { return };
        let flow = watched.flow.take().filter(|flow| flow.way(segment).is_some() && !flow.is_over(segment));
        let flow =
            watched.flow.insert(flow.unwrap_or_else(|| Flow::new(segment.source, segment.destination)));
        if let Some(way) = flow.way(segment) {
            flow.judge(way, segment);
        }
    }

    fn went(&mut self, segment: &SegmentHead) {
        if segment.syn
            && let Some(slot) = self.opened.take()
            && let Some(watched) = self.slots.get_mut(slot)
        {
            watched.flow = Some(Flow::new(segment.source, segment.destination));
        }
        let found = self.slots.iter_mut().find_map(|watched| {
            let flow = watched.flow.as_mut()?;
            let way = flow.way(segment)?;
            Some((flow.judge(way, segment), &mut watched.again))
        });
        match found {
            Some((marks, again)) if marks.contains(&Mark::Again) => {
                *again = again.wrapping_add(1);
                self.again = self.again.wrapping_add(1);
            }
            None if segment.rst => self.refused = self.refused.wrapping_add(1),
            _ => {}
        }
    }

    fn changed(&mut self, now: Instant, change: &Change) {
        let Some(watched) = self.slots.get_mut(change.slot) else { return };
        match change.to {
            State::Closed | State::Listen => *watched = SlotHistory::default(),
            State::SynReceived => {
                watched.since = Some(now);
                if watched.flow.is_none() {
                    self.opened = Some(change.slot);
                }
            }
            _ => {}
        }
    }
}

impl Observer for SlotObserver<'_> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Frame(Frame { way: Way::Connection(slot), link, bytes, .. }) => {
                if let Packet::Tcp(tcp) = link.packet(bytes) {
                    self.came(*slot, &SegmentHead::from(&tcp));
                }
            }
            Event::Frame(Frame { way: Way::Out, link, bytes, .. }) => match link.packet(bytes) {
                Packet::Tcp(tcp) => self.went(&SegmentHead::from(&tcp)),
                Packet::Icmp(icmp) => {
                    let error =
                        matches!(icmp.message, Message::Error { error: IcmpError::PortUnreachable, .. });
                    self.refused = self.refused.wrapping_add(u32::from(error));
                }
                _ => {}
            },
            Event::State(change) => self.changed(now, change),
            Event::Call(Call::Accept { slot, local, remote }) => {
                if let Some(watched) = self.slots.get_mut(*slot)
                    && watched.flow.is_none()
                {
                    watched.flow = Some(Flow::new(socket_addr(*remote), socket_addr(*local)));
                }
            }
            _ => {}
        }
    }
}
