//! Log lines: every accept, reply, close and retransmission at debug level, states and drops at trace level; and an address that somebody
//! else has too as a warning.

use log::{debug, trace, warn};
use undersock::smoltcp::time::Instant;

use crate::notation::Endpoint;
use undersock::event::{Call, Conflict, Congestion, DropRule, Event, Frame, Observer, Timer, Trouble, Way};

/// Writes events as lines of the `log` crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Observer for Log {
    fn event(&mut self, _now: Instant, event: &Event<'_>) {
        match event {
            Event::Call(call) => log_call(call),
            Event::State(change) => {
                trace!("[{}] {} -> {} ({:?})", change.slot, change.from, change.to, change.cause);
            }
            // What is for others passes by on every network.
            Event::Frame(Frame { way: Way::Dropped(DropRule::NotForUs), bytes, .. }) => {
                trace!("frame of {} bytes: {}", bytes.len(), DropRule::NotForUs.text());
            }
            Event::Frame(Frame { way: Way::Dropped(rule), bytes, .. }) => {
                debug!("dropped a frame of {} bytes: {}", bytes.len(), rule.text());
            }
            Event::Frame(Frame { way: Way::Waiting, .. }) => debug!("a SYN waits: every slot is in use"),
            Event::Frame(Frame { way, bytes, .. }) => trace!("frame of {} bytes: {way:?}", bytes.len()),
            Event::Timer(timer) => match timer {
                Timer::Evicted { slot, limit } => debug!("[{slot}] given up: {limit:?}"),
                Timer::Reused { slot } => debug!("[{slot}] reused while in TIME-WAIT"),
                Timer::WaitedTooLong => debug!("a SYN waited too long for a slot"),
                timer => debug!("{timer:?}"),
            },
            Event::Conflict(Conflict { address, mac, given_up, .. }) => {
                warn!("{mac} has {address} too: {}", if *given_up { "given up" } else { "defended" });
            }
            Event::Again(again) => {
                debug!("[{}] {} bytes again: {}", again.slot, again.bytes, again.cause.text());
            }
            Event::Congestion(Congestion { slot, path, .. }) => {
                debug!("[{slot}] {}: cwnd {} bytes", path.phase.text(), path.window);
            }
            Event::Trouble(Trouble { direction, fate, bytes, .. }) => {
                debug!("wire, {direction:?}: frame of {} bytes: {fate:?}", bytes.len());
            }
            event => debug!("{event:?}"),
        }
    }
}

fn log_call(call: &Call) {
    match *call {
        Call::Bind { port } => debug!("udp bind {port}"),
        Call::Listen { port } => debug!("tcp listen {port}"),
        Call::Connect { slot, local, remote } => {
            debug!("[{slot}] connect {} to {}", Endpoint(local), Endpoint(remote));
        }
        Call::Accept { slot, local, remote } => {
            debug!("[{slot}] accept {} at {}", Endpoint(remote), Endpoint(local));
        }
        Call::Receive { slot, bytes } => trace!("[{slot}] recv {bytes} bytes"),
        Call::Send { slot, bytes } => debug!("[{slot}] reply {bytes} bytes"),
        Call::Close { slot } => debug!("[{slot}] close"),
        Call::ReceiveFrom { remote, bytes } => trace!("udp recvfrom {}: {bytes} bytes", Endpoint(remote)),
        Call::SendTo { remote, bytes } => debug!("udp reply to {}: {bytes} bytes", Endpoint(remote)),
        Call::NoReply { remote, why } => debug!("udp no reply to {}: {}", Endpoint(remote), why.text()),
        call => debug!("{call:?}"),
    }
}
