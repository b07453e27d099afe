//! One poll, step by step: the connections that frames have touched, those whose time has
//! come, the SYNs that wait.

use super::Core;
use super::network::UNANSWERED;
use super::slots::Order;
use super::time::{BLOCKED, NEVER, after, not_before};
use crate::event::{Cause, Event, Limit, Observer, Timer};
use crate::service::Service;
use crate::stack::Egress;
use smoltcp::phy::Device;
use smoltcp::socket::tcp::State;
use smoltcp::time::Instant;

/// The device has no room.
struct Blocked;

impl Core<'_> {
    /// Processes every connection that a frame of this batch was for.
    pub(super) fn process_touched<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        while let Some(slot) = self.slots.next_touched() {
            // It may have come free since.
            if self.slots.is_used(slot) {
                self.process(slot, device, service);
            }
            self.slots[slot].touched = false;
        }
    }

    /// Processes every connection whose time has come, by a timer of the stack or a limit of ours. When the next one's comes.
    pub(super) fn process_due<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) -> Instant {
        let now = device.sink.now;
        loop {
            // Each is processed once: `reschedule` leaves no deadline at or before `now`.
            let (slot, at) = self.slots.next_due();
            if at > now {
                return at;
            }
            let connection = &self.slots[slot];
            match connection.limit(&self.limits) {
                Some((limit, length)) if after(connection.progress, length) <= now => {
                    self.evict(slot, limit, device, service);
                }
                _ => self.process(slot, device, service),
            }
        }
    }

    /// Admits SYNs that waited, each into a slot that came free or can be freed for it. When the next connection is due.
    #[cold]
    #[inline(never)]
    pub(super) fn admit_waiting<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) -> Instant {
        let now = device.sink.now;
        while self.backlog.len() > 0 {
            if self.backlog.ends() <= now {
                self.backlog.pop();
                device.sink.emit(Event::Timer(Timer::WaitedTooLong));
                continue;
            }
            if !self.slots.has_free() {
                let (slot, from) = self.slots.first(Order::Evictable);
                // Nobody is given up before there is room to say so.
                if from > now || device.transmit(now).is_none() {
                    break;
                }
                self.evict(slot, Limit::Crowded, device, service);
            }
            match self.admit(device) {
                Err(Blocked) => break,
                Ok(None) => {}
                Ok(Some(slot)) => self.process(slot, device, service),
            }
        }
        self.slots.next_due().1
    }

    /// Admits the SYN that has waited for the longest. Says into which slot, unless the stack refused it.
    fn admit<D: Device, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
    ) -> Result<Option<usize>, Blocked> {
        let token = device.device.transmit(device.sink.now).ok_or(Blocked)?;
        // Out of the way, so that the SYN is read where it is.
        let mut backlog = core::mem::take(&mut self.backlog);
        let slot = backlog
            .first()
            .and_then(|waiting| self.open(waiting.headers(), &waiting.segment, token, device.sink));
        backlog.pop();
        self.backlog = backlog;
        if let Some(slot) = slot {
            self.slots[slot].observe(slot, Cause::Segment, device.sink);
        }
        Ok(slot)
    }

    /// Ends every connection, and forgets the SYNs that wait.
    pub(super) fn shutdown<D: Device, S: Service, O: Observer>(
        &mut self,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        for slot in 0..self.slots.len() {
            match self.slots[slot].state {
                _ if !self.slots.is_used(slot) => {}
                // Both sides have closed: there is nothing to end.
                State::TimeWait => self.release(slot, None, service),
                _ => self.evict(slot, Limit::Shutdown, device, service),
            }
        }
        while self.backlog.pop() {}
    }

    /// Serves and sends on one connection, then sees what has become of it.
    fn process<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        let due = self.slots.at(Order::Due, slot);
        let connection = &mut self.slots[slot];
        device.to = connection.mac;
        let next = connection.process(slot, due, &mut self.iface, device, service, &mut self.scratch);
        if connection.unanswered >= UNANSWERED {
            self.look_for(slot, device.sink.now);
        }
        self.reschedule(slot, next, device.sink.now, service);
    }

    /// Frees a slot whose connection is over, or reckons its deadlines anew: `stack` is the stack's.
    fn reschedule<S: Service>(&mut self, slot: usize, stack: Option<Instant>, now: Instant, service: &mut S) {
        let connection = &mut self.slots[slot];
        if connection.is_over() {
            return self.release(slot, None, service);
        }
        if connection.state == State::TimeWait {
            connection.leave_service(slot, None, service);
        }
        let limit = connection.limit(&self.limits);
        let ends = limit.map_or(NEVER, |(_, length)| after(connection.progress, length));
        let evictable = connection.evictable_from(limit);
        self.slots.schedule(slot, not_before(stack, now).min(ends), evictable);
    }

    /// Gives a connection up.
    fn evict<D: Device, S: Service, O: Observer>(
        &mut self,
        slot: usize,
        limit: Limit,
        device: &mut Egress<'_, '_, D, O>,
        service: &mut S,
    ) {
        let timer = match self.slots[slot].state {
            State::TimeWait => Timer::Reused { slot },
            _ => Timer::Evicted { slot, limit },
        };
        device.sink.emit(Event::Timer(timer));
        device.to = self.slots[slot].mac;
        self.slots[slot].abort(slot, &mut self.iface, device);
        self.release(slot, Some(limit), service);
    }

    /// The slot is free for the next connection: this one was given up by a limit, or is over by itself.
    pub(super) fn release<S: Service>(&mut self, slot: usize, limit: Option<Limit>, service: &mut S) {
        self.slots[slot].leave_service(slot, limit, service);
        self.slots.release(slot);
    }

    /// When to poll again if no frame comes: `due`, when the first connection is, if nothing else is to be done before.
    pub(super) fn deadline(&self, due: Instant, now: Instant) -> Instant {
        let deadline = due.min(self.host_due);
        if self.backlog.len() == 0 {
            return deadline;
        }
        // A SYN waits until it has waited too long, or a connection may be given up for it. Where one may be already,
        // or a slot is free, it waits for room in the device.
        let admitted = if self.slots.has_free() { now } else { self.slots.first(Order::Evictable).1 };
        deadline.min(self.backlog.ends()).min(admitted.max(now + BLOCKED))
    }
}
