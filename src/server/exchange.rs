//! Bytes on their way through the service: from a connection's receive buffer to its send buffer.

use smoltcp::socket::tcp::{self, State};

use super::connection::{Connection, wrap};
use super::phase::Phase;
use super::tuple::Tuple;
use crate::event::{Call, Cause, Event, Observer, Sink};
use crate::service::{Exchange, MIN_OUTPUT, Service, Step};

impl Connection<'_> {
    /// Moves bytes from the receive buffer through the service to the send buffer. Whether there was anything to do.
    pub(super) fn serve<S: Service, O: Observer>(
        &mut self,
        slot: usize,
        service: &mut S,
        scratch: &mut [u8],
        sink: &mut Sink<'_, O>,
    ) -> bool {
        match self.phase {
            Phase::Drain => {
                self.close(slot, sink);
                return true;
            }
            Phase::Discard => {
                self.discard(slot, sink);
                return true;
            }
            Phase::Read(_) | Phase::Sentence(_) | Phase::Stream => {}
        }
        let Some(Tuple { local, remote }) = self.tuple else { return false };
        let now = sink.now;
        let (mut received, mut sent, mut served) = (0, 0, false);
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.handle);
        while socket.may_send() {
            let waiting = socket.recv_queue();
            let finished = socket.state() != State::Established;
            let (offered, end) = match self.phase {
                Phase::Stream | Phase::Drain | Phase::Discard => (waiting, finished),
                Phase::Sentence(left) => (left, true),
                // The one read: what has arrived, up to its bound; nothing at all if the client has closed.
                Phase::Read(bound) if waiting > 0 || finished => {
                    let read = waiting.min(bound);
                    self.phase = Phase::Sentence(read);
                    (read, true)
                }
                Phase::Read(_) => break,
            };
            let size = offered.min(scratch.len());
            let end = end && size == offered;
            if size == 0 && !end && self.in_service {
                break;
            }
            let Some(input) = scratch.get_mut(..size) else { break };
            let got = socket.peek_slice(input).unwrap_or(0);
            let input = input.get(..got).unwrap_or_default();
            let first = !core::mem::replace(&mut self.in_service, true);
            served = true;
            let queue = socket.send_queue();
            let room = self.recovery.room(queue, socket.send_capacity() - queue, waiting, now);
            let step = offer(socket, room, |output| {
                service.stream(Exchange { slot, local, remote, now, first, input, end, output })
            });
            let consumed = take(socket, step.consumed.min(got));
            self.taken = self.taken.wrapping_add(wrap(consumed));
            self.given = self.given.wrapping_add(wrap(step.produced));
            (received, sent) = (received + consumed, sent + step.produced);
            if let Phase::Sentence(left) = &mut self.phase {
                *left -= consumed.min(*left);
            }
            if step.close {
                report(slot, received, sent, sink);
                self.close(slot, sink);
                self.discard(slot, sink);
                return true;
            }
            if consumed == 0 && step.produced == 0 {
                break;
            }
        }
        report(slot, received, sent, sink);
        served
    }

    fn close<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        let socket = self.socket_mut();
        if socket.state() == State::CloseWait && socket.send_queue() > 0 {
            self.phase = Phase::Drain;
            return;
        }
        socket.close();
        self.phase = Phase::Discard;
        sink.emit(Event::Call(Call::Close { slot }));
        self.observe(slot, Cause::Call, sink);
    }

    fn discard<O: Observer>(&mut self, slot: usize, sink: &mut Sink<'_, O>) {
        let socket = self.socket_mut();
        let waiting = socket.recv_queue();
        if waiting > 0 {
            let received = take(socket, waiting);
            self.taken = self.taken.wrapping_add(wrap(received));
            report(slot, received, 0, sink);
        }
    }
}

/// Tells what the service received and sent.
fn report<O: Observer>(slot: usize, received: usize, sent: usize, sink: &mut Sink<'_, O>) {
    if received > 0 {
        sink.emit(Event::Call(Call::Receive { slot, bytes: received }));
    }
    if sent > 0 {
        sink.emit(Event::Call(Call::Send { slot, bytes: sent }));
    }
}

/// Takes so many bytes out of the receive buffer, in two steps where it wraps.
fn take(socket: &mut tcp::Socket<'_>, bytes: usize) -> usize {
    let mut left = bytes;
    while left > 0 {
        let step = socket.recv(|piece| {
            let step = piece.len().min(left);
            (step, step)
        });
        match step {
            Ok(0) | Err(_) => break,
            Ok(step) => left -= step,
        }
    }
    bytes - left
}

/// Offers so much of the free part of the send buffer to a service: in one piece, or a small copy where the buffer wraps.
fn offer(socket: &mut tcp::Socket<'_>, room: usize, serve: impl FnOnce(&mut [u8]) -> Step) -> Step {
    let mut serve = Some(serve);
    let step = socket.send(|piece| {
        if piece.len() < MIN_OUTPUT.min(room) {
            return (0, None);
        }
        let size = piece.len().min(room);
        let piece = piece.get_mut(..size).unwrap_or_default();
        let step = serve.take().map(|serve| {
            let step = serve(piece);
            Step { produced: step.produced.min(piece.len()), ..step }
        });
        (step.map_or(0, |step| step.produced), step)
    });
    match (step, serve) {
        (Ok(Some(step)), _) => step,
        (Ok(None), Some(serve)) => {
            let mut piece = [0; MIN_OUTPUT];
            let piece = piece.get_mut(..MIN_OUTPUT.min(room)).unwrap_or_default();
            let mut step = serve(piece);
            step.produced = step.produced.min(piece.len());
            let piece = piece.get(..step.produced).unwrap_or_default();
            // It fits: no more was offered than there is room for.
            step.produced = socket.send_slice(piece).unwrap_or(0);
            step
        }
        _ => Step::default(),
    }
}
