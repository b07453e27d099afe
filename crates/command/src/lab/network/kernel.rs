//! The client's end of the lab: the calls of our own client, and what the kernel says of its socket after each.
//!
//! Calls are exact. States are asked for (sock_diag(7)), so one that lasts for less than a call is not seen.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::thread;
use std::time::Instant as Clock;

use undersock::event::{Call, Cause, Change, Event};
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Instant;
use undersock::smoltcp::wire::IpEndpoint;
use undersock_views::Side;
use undersock_views::record::{Record, Recorder, What};

use crate::clients::witness::Witness;
use crate::linux::netlink::Netlink;
use crate::server::host::since;

/// After its close a socket is asked for, each time after [`PAUSE`], until it is gone: so long at most, in which a FIN
/// that was lost is sent again a few times.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Records what a client on the kernel's sockets does.
pub(crate) struct KernelSide {
    recorder: Recorder,
    /// When the server's clock began.
    start: Clock,
    kernel: Option<Netlink>,
    /// Connections so far.
    connections: usize,
    /// When the last call began.
    began: Instant,
    open: Option<Open>,
}

/// A connection of the kernel's.
#[derive(Debug, Clone, Copy)]
struct Open {
    slot: usize,
    local: SocketAddr,
    remote: SocketAddr,
    state: State,
}

impl KernelSide {
    /// On the clock of a server that began at `start`. Where the kernel can't be asked, there are calls alone.
    pub(crate) fn new(recorder: Recorder, start: Clock) -> KernelSide {
        let kernel = Netlink::open_diag().ok();
        KernelSide { recorder, start, kernel, connections: 0, began: Instant::ZERO, open: None }
    }

    fn now(&self) -> Instant {
        since(self.start)
    }

    fn tell(&self, at: Instant, event: Event<'_>) {
        self.recorder.add(Record { at, end: Side::Client, what: What::from(&event) });
    }

    fn call(&self, call: impl FnOnce(usize) -> Call) {
        if let Some(open) = self.open {
            self.tell(self.now(), Event::Call(call(open.slot)));
        }
    }

    /// Asks the kernel for the state. Whether the connection is still there.
    fn look(&mut self) -> bool {
        let (Some(Open { local, remote, .. }), Some(kernel)) = (self.open, &mut self.kernel) else {
            return false;
        };
        let Ok(state) = kernel.tcp(local, remote) else { return false };
        self.moved(self.now(), state.unwrap_or(State::Closed));
        state.is_some()
    }

    fn moved(&mut self, at: Instant, to: State) {
        let Some(open) = &mut self.open else { return };
        let Open { slot, state: from, .. } = *open;
        open.state = to;
        if from != to {
            self.tell(at, Event::State(Change::new(slot, from, to, cause(to))));
        }
    }
}

/// What moves a client into a state (RFC 9293 3.3.2).
fn cause(to: State) -> Cause {
    match to {
        State::SynSent | State::FinWait1 | State::LastAck => Cause::Call,
        _ => Cause::Segment,
    }
}

impl Witness for KernelSide {
    fn calling(&mut self) {
        self.began = self.now();
    }

    fn connected(&mut self, local: SocketAddr, remote: SocketAddr) {
        let slot = self.connections;
        self.connections += 1;
        self.open = Some(Open { slot, local, remote, state: State::Closed });
        let connect = Call::Connect { slot, local: endpoint(local), remote: endpoint(remote) };
        self.tell(self.began, Event::Call(connect));
        // It has been there: nothing else leads to what comes next.
        self.moved(self.began, State::SynSent);
        self.look();
    }

    fn sent(&mut self, bytes: usize) {
        if let Some(Open { slot, .. }) = self.open {
            self.tell(self.began, Event::Call(Call::Send { slot, bytes }));
        }
        self.look();
    }

    fn received(&mut self, bytes: usize) {
        self.call(|slot| Call::Receive { slot, bytes });
        self.look();
    }

    fn closing(&mut self) {
        self.call(|slot| Call::Close { slot });
    }

    fn closed(&mut self) {
        let closed = Clock::now();
        // Waiting for the other side to close, or for no one, it may stay for a minute.
        let is_moving = |open: Open| !matches!(open.state, State::FinWait2 | State::TimeWait);
        while self.look() && self.open.is_some_and(is_moving) && closed.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        self.open = None;
    }

    fn sent_to(&mut self, remote: SocketAddr, bytes: usize) {
        self.tell(self.began, Event::Call(Call::SendTo { remote: endpoint(remote), bytes }));
    }

    fn received_from(&mut self, remote: SocketAddr, bytes: usize) {
        self.tell(self.now(), Event::Call(Call::ReceiveFrom { remote: endpoint(remote), bytes }));
    }
}

fn endpoint(address: SocketAddr) -> IpEndpoint {
    let ip = match address.ip() {
        IpAddr::V4(v4) => undersock::smoltcp::wire::IpAddress::Ipv4(v4),
        IpAddr::V6(v6) => undersock::smoltcp::wire::IpAddress::Ipv6(v6),
    };
    IpEndpoint::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;
    use crate::clients::tcp;

    /// A server that closes first, as in sentence mode.
    #[test]
    fn a_client_is_seen_from_its_first_call_to_its_last_state() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("bound");
        let serve = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a client");
            let mut sentence = [0; 16];
            let length = connection.read(&mut sentence).expect("a sentence");
            std::io::Write::write_all(&mut connection, &sentence[..length].to_ascii_uppercase())
                .expect("room");
        });
        let recorder = Recorder::new(100);
        let mut witness = KernelSide::new(recorder.clone(), Clock::now());
        let reply = tcp::exchange(&[server], b"hello", Duration::from_secs(5), &mut witness);
        assert_eq!(reply.expect("a reply"), b"HELLO");
        serve.join().expect("a server that served");
        let (mut calls, mut states) = (Vec::new(), vec![State::Closed]);
        for record in recorder.take() {
            match record.what {
                What::Call(call) => calls.push(call),
                What::State(Change { from, to, .. }) => {
                    assert_eq!(states.last(), Some(&from));
                    states.push(to);
                }
                other => panic!("{other:?}"),
            }
        }
        let slot = 0;
        assert!(matches!(calls[0], Call::Connect { slot: 0, remote, .. } if remote == endpoint(server)));
        let rest = [
            Call::Send { slot, bytes: 5 },
            Call::Receive { slot, bytes: 5 },
            Call::Receive { slot, bytes: 0 },
            Call::Close { slot },
        ];
        assert_eq!(calls[1..], rest);
        assert_eq!(states[1], State::SynSent);
        assert!(states.contains(&State::CloseWait), "{states:?}");
        assert_eq!(states.last(), Some(&State::Closed), "{states:?}");
    }
}
