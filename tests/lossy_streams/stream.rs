//! One stream, from the SYN to the free slot, in virtual time.

use core::fmt;

use test_support::world::peer::{Counts, Options, Peer, Phase};
use test_support::world::{client_v4, client_v6, server_v4, server_v6};
use undersock::client::Client;
use undersock::device::impaired::Impaired;
use undersock::device::wire::{Wire, WireEnd};
use undersock::event::Observer;
use undersock::host::HostConfig;
use undersock::server::{Config, Limits, Memory, Server, Sizes};
use undersock::service::Ended;
use undersock::smoltcp::iface::{SocketHandle, SocketStorage};
use undersock::smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer, State};
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, IpEndpoint};

use super::bounded::Bounded;
use super::draw::{Draw, End};
use super::work::{NOTE, Way, Work};

/// The longest that either end waits before it says again what wasn't acknowledged: RFC 6298 2.5 allows a maximum of
/// 60 seconds, and the stack has that.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// A server with something to be acknowledged says something within this: so it isn't wedged.
const SILENCE: Duration = Duration::from_secs(61);
/// Tries in a row that come to nothing. With 30 % lost each way, and 10 % of the rest damaged, a try and its
/// acknowledgement come through in 4 of 10 cases; a million tries are one in which all of 45 fail once in 10,000 times.
const TRIES: u32 = 45;
/// With each of them as late as can be. Whoever achieves nothing for longer is wedged.
const STANDSTILL: Duration = Duration::from_secs(LONGEST_BACKOFF.secs() * TRIES as u64);
/// Polls without any progress: whoever needs more goes in circles, though time may go on.
const CIRCLES: u32 = 20_000;
/// So patient a server gives no connection up that is only slow.
const PATIENT: Limits = Limits::all(Duration::from_secs(30 * 24 * 3_600));
/// Frames that each direction of the wire holds.
const FRAMES: usize = 512;
/// Frames that each direction's trouble holds.
const HELD: usize = 512;

/// What went wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A byte that isn't what was said.
    Wrong {
        at: usize,
    },
    Missing {
        got: usize,
        of: usize,
    },
    Reset,
    /// The server gave it up, or was reset.
    Ended(Option<Ended>),
    /// The server had something to repeat, and didn't.
    Silent {
        state: State,
        unacknowledged: usize,
    },
    Standstill {
        state: Option<State>,
        got: usize,
        of: usize,
    },
    Circles,
    /// All is said, and the slot isn't free.
    Slot(State),
    Panic,
}

impl Failure {
    /// Whether both ends live, and nothing goes on.
    pub fn is_wedge(&self) -> bool {
        matches!(self, Failure::Silent { .. } | Failure::Standstill { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Wrong { at } => write!(f, "byte {at} is wrong"),
            Failure::Missing { got, of } => write!(f, "it ends after {got} of {of} bytes"),
            Failure::Reset => write!(f, "the server reset it"),
            Failure::Ended(why) => write!(f, "its end for the server: {why:?}"),
            Failure::Silent { state, unacknowledged } => write!(
                f,
                "wedged: the server is in {state} with {unacknowledged} bytes not acknowledged, and silent for {SILENCE}"
            ),
            Failure::Standstill { state, got, of } => {
                write!(
                    f,
                    "wedged: {got} of {of} bytes, the server in {state:?}, and nothing for {STANDSTILL}"
                )
            }
            Failure::Circles => write!(f, "{CIRCLES} polls without progress"),
            Failure::Slot(state) => write!(f, "all is said, and the slot is still in {state}"),
            Failure::Panic => write!(f, "a panic"),
        }
    }
}

/// A stream that went well.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fine {
    pub seed: u64,
    /// How long it took, from the SYN to the end's arrival; all rounds of it.
    pub took: Duration,
    pub counts: Counts,
    /// Frames of the server.
    pub frames: u32,
    /// Polls of both ends.
    pub polls: u64,
}

/// The other end, whichever it is.
enum Other {
    Peer(Box<Peer>),
    Client(Box<Client<'static>>, Talk),
}

/// The addresses of the other end and of the server.
fn ends(draw: &Draw) -> (IpAddress, IpAddress) {
    if draw.is_v6 { (client_v6(), server_v6()) } else { (client_v4(), server_v4()) }
}

/// The peer of a round: each has a port of its own, and a first sequence number.
fn peer(draw: &Draw, options: Options, round: u16) -> Peer {
    let sequence = options.sequence.wrapping_add(u32::from(round) * 0x4321_0000);
    let (client, server) = ends(draw);
    let said = Work::said(draw.way, draw.size).to_vec();
    Peer::new(Options { sequence, ..options }, said).between((client, 40_000 + round), (server, 12_001))
}

/// What a client has said and heard.
struct Talk {
    to: IpEndpoint,
    /// Bytes of the socket's buffers.
    buffers: (usize, usize),
    /// The connection, once the client knows where the server is; a new one where it asked three times in vain.
    handle: Option<SocketHandle>,
    opened: bool,
    said: &'static [u8],
    sent: usize,
    heard: Vec<u8>,
}

impl Other {
    fn new(draw: &Draw, now: Instant, end: &mut WireEnd<'_>) -> Self {
        match draw.end {
            End::Peer(options) => Other::Peer(Box::new(peer(draw, options, 0))),
            End::Client { receive, send } => {
                let config = HostConfig::client().with_seed(draw.seed ^ 0xc11e).without_announcement();
                let sockets: Vec<SocketStorage<'static>> = Vec::new();
                let client = Client::new(&config, sockets, end, now).expect("a client");
                let said = Work::said(draw.way, draw.size);
                let to = IpEndpoint::new(ends(draw).1, 12_001);
                let buffers = (receive, send);
                let talk =
                    Talk { to, buffers, handle: None, opened: false, said, sent: 0, heard: Vec::new() };
                Other::Client(Box::new(client), talk)
            }
        }
    }

    /// Another connection of the same host, that says the same.
    fn again(&mut self, draw: &Draw, round: u16) {
        match (self, draw.end) {
            (Other::Peer(before), End::Peer(options)) => **before = peer(draw, options, round),
            (Other::Client(client, talk), _) => {
                if let Some(handle) = talk.handle.take() {
                    client.remove(handle);
                }
                (talk.opened, talk.sent) = (false, 0);
                talk.heard.clear();
            }
            _ => {}
        }
    }

    fn poll(&mut self, now: Instant, end: &mut WireEnd<'_>) {
        match self {
            Other::Peer(peer) => peer.poll(now, end),
            Other::Client(client, talk) => {
                client.poll(now, end);
                let Some(handle) = talk.handle else {
                    if client.resolve(now, talk.to.addr) {
                        let buffer = |bytes| SocketBuffer::new(vec![0; bytes]);
                        let socket = Socket::new(buffer(talk.buffers.0), buffer(talk.buffers.1));
                        talk.handle = Some(client.connect(now, socket, talk.to).expect("a socket"));
                    }
                    return;
                };
                let socket = client.socket(handle);
                talk.opened |= socket.may_send();
                if !talk.opened && socket.state() == State::Closed {
                    client.remove(handle);
                    talk.handle = None;
                    return;
                }
                if socket.may_send() || socket.state() == State::CloseWait {
                    talk.sent += socket.send_slice(&talk.said[talk.sent..]).unwrap_or(0);
                    if talk.sent == talk.said.len() {
                        socket.close();
                    }
                }
                while socket.can_recv() {
                    let taken = socket.recv(|piece| {
                        talk.heard.extend(&*piece);
                        (piece.len(), ())
                    });
                    taken.expect("there are bytes");
                }
            }
        }
    }

    fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Other::Peer(peer) => peer.poll_at(),
            Other::Client(client, _) => client.poll_at(now),
        }
    }

    fn heard(&self) -> &[u8] {
        match self {
            Other::Peer(peer) => peer.received(),
            Other::Client(_, talk) => &talk.heard,
        }
    }

    /// Whether the server's end has come; `None` if a reset has.
    fn has_end(&mut self) -> Option<bool> {
        match self {
            Other::Peer(peer) if peer.phase() == Phase::Reset => None,
            Other::Peer(peer) => Some(peer.has_end()),
            Other::Client(client, talk) => {
                let Some(handle) = talk.handle else { return Some(false) };
                let socket = client.socket(handle);
                let is_over = socket.recv(|_| (0, ())) == Err(RecvError::Finished);
                (is_over || socket.state() != State::Closed).then_some(is_over)
            }
        }
    }

    /// What differs whenever anything was achieved, whether it sleeps on purpose, and its phase.
    fn progress(&mut self) -> ([u64; 5], bool) {
        match self {
            Other::Peer(peer) => (peer.progress(), peer.is_asleep()),
            Other::Client(client, talk) => {
                let Some(handle) = talk.handle else { return ([0; 5], false) };
                let socket = client.socket(handle);
                let queue = socket.send_queue() as u64;
                ([talk.heard.len() as u64, talk.sent as u64, queue, socket.state() as u64, 0], false)
            }
        }
    }
}

/// Runs the stream of these options; the observers see the server and the trouble.
pub fn run<O: Observer, T: Observer>(draw: &Draw, observer: &mut O, trouble: T) -> Result<Fine, Failure> {
    let wire = Wire::owned(draw.latency, FRAMES);
    let (server_end, mut client_end) = wire.ends();
    let mut began = Instant::from_secs(1);
    let mut now = began;
    let impaired: Impaired<_, T, HELD> = Impaired::new(server_end, &draw.trouble, trouble);
    let mut device = Box::new(Bounded::new(impaired));
    let mut config = Config::default().with_seed(draw.seed).with_limits(PATIENT);
    config.host.announce = false;
    let sizes = Sizes::default().with_connections(1).with_receive(draw.receive).with_send(draw.send);
    let memory = Memory::owned(sizes.with_batch(draw.batch));
    let mut server = Server::new(&config, memory, &mut *device, now).expect("a server");
    let mut service = Work::new(draw.way, draw.size);
    let mut other = Other::new(draw, now, &mut client_end);
    let expected = Work::heard(draw.way, draw.size);

    let (mut progress, mut gained, mut polls, mut idle) = (([0; 5], 0, 0), now, 0, 0);
    let (mut frames, mut spoke) = (0, now);
    let (mut checked, mut ended_at) = (0, None);
    let (mut rounds, mut took) = (0, Duration::ZERO);
    loop {
        device.begin();
        let due = server.poll(now, &mut *device, &mut service, observer);
        device.device.flush(now);
        other.poll(now, &mut client_end);
        polls += 1;

        // Bytes, as they come.
        let heard = other.heard();
        if heard.get(checked..) != expected.get(checked..heard.len()) {
            let right = heard.iter().zip(&expected).take_while(|(one, other)| one == other).count();
            return Err(Failure::Wrong { at: right });
        }
        checked = heard.len();
        if let Some(at) = service.wrong {
            return Err(Failure::Wrong { at });
        }
        if ended_at.is_none() && other.has_end().ok_or(Failure::Reset)? {
            if checked != expected.len() {
                return Err(Failure::Missing { got: checked, of: expected.len() });
            }
            ended_at = Some(now);
        }
        let info = server.connections().next();
        if let Some(at) = ended_at
            && server.used() == 0
        {
            if service.ended != Some(Ended::Closed) {
                return Err(Failure::Ended(service.ended));
            }
            if draw.way == Way::Up && service.done() != draw.size {
                return Err(Failure::Missing { got: service.done(), of: draw.size });
            }
            took += at - began;
            rounds += 1;
            if rounds < draw.rounds {
                other.again(draw, rounds);
                service = Work::new(draw.way, draw.size);
                (checked, ended_at, began) = (0, None, now);
                continue;
            }
            let counts = match &other {
                Other::Peer(peer) => peer.counts,
                Other::Client(..) => Counts::default(),
            };
            return Ok(Fine { seed: draw.seed, took, counts, frames: server.counters().frames_out, polls });
        }

        // Whether anything goes on.
        let (of_peer, asleep) = other.progress();
        let is_new = (of_peer, service.done(), server.used());
        idle += 1;
        if is_new != progress || asleep {
            (progress, gained, idle) = (is_new, now, 0);
        }
        let owes = info.as_ref().is_some_and(|info| {
            info.send_queue > 0
                || matches!(
                    info.state,
                    State::SynReceived | State::FinWait1 | State::Closing | State::LastAck
                )
        });
        if frames != server.counters().frames_out || !owes {
            (frames, spoke) = (server.counters().frames_out, now);
        }
        if now - spoke > SILENCE
            && let Some(info) = &info
        {
            return Err(Failure::Silent { state: info.state, unacknowledged: info.send_queue });
        }
        if now - gained > STANDSTILL {
            let state = info.map(|info| info.state);
            return Err(match (ended_at, state) {
                (Some(_), Some(state)) => Failure::Slot(state),
                _ => Failure::Standstill { state, got: checked, of: expected.len() },
            });
        }
        if idle > CIRCLES {
            return Err(Failure::Circles);
        }

        let next = [due, other.poll_at(now), device.device.poll_at(now), wire.next_arrival()];
        let latest = now + SILENCE;
        let next = next.into_iter().flatten().min().unwrap_or(latest).min(latest);
        now = next.max(now + Duration::from_micros(1));
    }
}

/// The bytes of a note are the fewest that a buffer must hold.
const _: () = assert!(NOTE <= 16);
