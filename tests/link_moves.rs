//! A connection whose peer is somewhere else than it was: another network card, another router. What moves it, and what
//! doesn't.

use test_support::world::raw::{Got, Peer, Segment, announces, answers, asked_in, goes_to, sent_by, tcp_in};
use test_support::world::{World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::host::Mac;
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::{IpAddress, TcpControl};

const OLD: Mac = Mac([2, 0, 0x5e, 0, 0, 1]);
const NEW: Mac = Mac([2, 0, 0x5e, 0, 0, 2]);

fn far_v4() -> IpAddress {
    IpAddress::v4(10, 1, 2, 3)
}

fn far_v6() -> IpAddress {
    IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77)
}

/// Peers, the server's addresses, and whom the server asks for to find them: themselves, or the gateway.
fn cases() -> [(IpAddress, IpAddress, IpAddress); 4] {
    [
        (client_v4(), server_v4(), client_v4()),
        (client_v6(), server_v6(), client_v6()),
        (far_v4(), server_v4(), client_v4()),
        (far_v6(), server_v6(), client_v6()),
    ]
}

/// A stage with one connection, whose peer the test plays.
struct Stage {
    world: World<Uppercase>,
    peer: Peer,
    began: Instant,
}

/// What the server sent: when, in milliseconds since the stage began to wait; where; what.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Segment(i64, Mac),
    Asked(i64, IpAddress),
}

impl Stage {
    /// A connection from [`OLD`], with bytes sent and acknowledged both ways.
    fn new(from: IpAddress, to: IpAddress) -> Stage {
        let world = World::new(small()).raw();
        let peer = Peer { from: (from, 40_000), to: (to, 12_001), ..Peer::new(40_000) };
        let mut stage = Stage { began: world.now, world, peer };
        stage.ask(OLD, TcpControl::Syn, b"");
        stage.acknowledge(OLD);
        assert_eq!(stage.ask(OLD, TcpControl::Psh, b"before").payload, b"BEFORE");
        stage.acknowledge(OLD);
        stage
    }

    /// A segment from there, and the one answer, which goes back there.
    fn ask(&mut self, mac: Mac, control: TcpControl, bytes: &[u8]) -> Got {
        let frame = self.peer.segment(control, bytes);
        let got = self.world.give(&sent_by(mac, frame));
        let [answer] = &got[..] else { panic!("one answer, not {got:?}") };
        assert_eq!(goes_to(answer), mac);
        let got = tcp_in(answer).expect("a segment");
        self.peer.got(&got);
        self.began = self.world.now;
        got
    }

    fn acknowledge(&mut self, mac: Mac) {
        let frame = self.peer.segment(TcpControl::None, b"");
        assert_eq!(self.world.give(&sent_by(mac, frame)), [[0; 0]; 0]);
        self.began = self.world.now;
    }

    /// What is sent in this time, while nobody says anything.
    fn hears(&mut self, time: Duration) -> Vec<Said> {
        let until = self.world.now + time;
        let mut said = vec![];
        while self.world.now < until {
            self.world.pass(Duration::from_millis(10));
            let at = (self.world.now - self.began).total_millis() as i64 / 100 * 100;
            for frame in self.world.sent() {
                said.push(match asked_in(&frame) {
                    Some(address) => Said::Asked(at, address),
                    None => Said::Segment(at, goes_to(&frame)),
                });
            }
        }
        said
    }

    fn state(&self) -> Option<State> {
        self.world.server.connections().next().map(|one| one.state)
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_next_segment_from_the_new_address_is_answered_there() {
    for (from, to, _) in cases() {
        let mut stage = Stage::new(from, to);
        assert_eq!(stage.ask(NEW, TcpControl::Psh, b"moved").payload, b"MOVED");
        let again = [Said::Segment(200, NEW), Said::Segment(600, NEW)];
        assert_eq!(stage.hears(Duration::from_millis(1_300)), again);
        // An acknowledgement alone moves it too: it has news.
        stage.acknowledge(OLD);
        assert_eq!(stage.ask(OLD, TcpControl::Psh, b"back").payload, b"BACK");
        stage.acknowledge(NEW);
        // And so does one without news and bytes, at the byte that is expected.
        stage.acknowledge(OLD);
        stage.acknowledge(NEW);
        assert!(stage.ask(NEW, TcpControl::Fin, b"").fin);
    }
}

/// It has nothing to say, so nobody knows that it is elsewhere until segments stay without answer: after a probe and two
/// that followed it, it is asked where the first hop is. The next goes there.
#[test]
fn a_silent_peer_is_found_at_its_new_address() {
    for (from, to, hop) in cases() {
        let mut stage = Stage::new(from, to);
        stage.ask(OLD, TcpControl::Psh, b"a reply is lost");
        let expected = [
            Said::Segment(200, OLD),
            Said::Segment(600, OLD),
            Said::Segment(1_400, OLD),
            Said::Asked(1_400, hop),
        ];
        assert_eq!(stage.hears(Duration::from_millis(1_700)), expected);
        let answer = answers(NEW, hop);
        assert_eq!(stage.world.give(&answer), [[0; 0]; 0]);
        assert_eq!(stage.hears(seconds(2))[0], Said::Segment(3_100, NEW));
        stage.acknowledge(NEW);
        assert_eq!(stage.ask(NEW, TcpControl::Psh, b"on").payload, b"ON");
    }
}

/// Who moves may say so to everybody. While its connection stands still and it is asked for, that is an answer. Before, it
/// isn't kept: the question comes when it comes.
#[test]
fn an_announcement_is_an_answer_while_the_peer_is_asked_for() {
    for (from, to, hop) in cases() {
        let mut stage = Stage::new(from, to);
        stage.ask(OLD, TcpControl::Psh, b"a reply is lost");
        assert_eq!(stage.hears(Duration::from_millis(500)), [Said::Segment(200, OLD)]);
        stage.world.give(&announces(NEW, hop));
        let expected = [
            Said::Segment(600, OLD),
            Said::Segment(1_400, OLD),
            Said::Asked(1_400, hop),
            Said::Asked(2_400, hop),
        ];
        assert_eq!(stage.hears(seconds(2)), expected);
        stage.world.give(&announces(NEW, hop));
        assert_eq!(stage.hears(seconds(2))[0], Said::Segment(3_100, NEW));
        stage.acknowledge(NEW);
        assert_eq!(stage.ask(NEW, TcpControl::Psh, b"on").payload, b"ON");
    }
}

/// Its last segment was received, and the answer lost. It sends that again from where it is now: nothing new, which anybody
/// could have recorded. So it is asked where it is.
#[test]
fn a_peer_that_repeats_itself_from_elsewhere_is_asked_for() {
    for (from, to, hop) in cases() {
        let mut stage = Stage::new(from, to);
        let data = stage.peer.segment(TcpControl::Psh, b"the reply is lost");
        stage.world.give(&sent_by(OLD, data.clone()));
        stage.began = stage.world.now;
        let mut asked = vec![];
        // As a timer would, each time after one of the server's: those come after 200, 600 and 1,400 ms.
        for wait in [400, 600, 1_200, 2_400] {
            let until = stage.began + Duration::from_millis(wait);
            let said = stage.hears(until - stage.world.now);
            stage.began = until;
            asked.extend(said.into_iter().filter(|said| matches!(said, Said::Asked(..))));
            if !asked.is_empty() {
                break;
            }
            let got = stage.world.give(&sent_by(NEW, data.clone()));
            assert!(got.iter().all(|frame| goes_to(frame) != NEW), "it isn't believed yet: {got:?}");
            asked.extend(got.iter().filter_map(|frame| asked_in(frame)).map(|hop| Said::Asked(0, hop)));
        }
        assert!(matches!(asked.first(), Some(Said::Asked(_, asked)) if *asked == hop), "{asked:?}");
        stage.world.give(&answers(NEW, hop));
        let got = stage.world.give(&sent_by(NEW, data));
        assert!(!got.is_empty() && got.iter().all(|frame| goes_to(frame) == NEW), "{got:?}");
    }
}

/// Somebody who knows addresses and ports, and not the sequence numbers.
#[test]
fn only_the_exact_segment_moves_a_connection() {
    for (from, to, _) in cases() {
        // Off RCV.NXT, off SND.UNA of five bytes that aren't acknowledged, flags and bytes.
        let forged: &[(u32, Option<i64>, TcpControl, &[u8])] = &[
            (1, Some(0), TcpControl::Psh, b"off by one"),
            (1, Some(0), TcpControl::None, b""),
            (u32::MAX, Some(0), TcpControl::None, b"x"),
            (u32::MAX, Some(0), TcpControl::None, b""),
            (u32::MAX - 5, Some(0), TcpControl::Psh, b"before"),
            (1_000, Some(0), TcpControl::Psh, b"in the window"),
            (1 << 30, Some(0), TcpControl::Psh, b"far"),
            (1 << 31, Some(0), TcpControl::None, b""),
            (0, Some(6), TcpControl::Psh, b"acknowledges what was never sent"),
            (0, Some(1 << 30), TcpControl::None, b""),
            (0, Some(-1), TcpControl::Psh, b"acknowledges too little"),
            (0, Some(-(1 << 31)), TcpControl::None, b""),
            (1_000, Some(-1), TcpControl::Fin, b""),
            (0, None, TcpControl::Syn, b""),
            (1, None, TcpControl::Syn, b""),
            (1 << 20, Some(3), TcpControl::Syn, b""),
            (1, Some(0), TcpControl::Rst, b""),
            (1_000, None, TcpControl::Rst, b""),
            (u32::MAX, Some(5), TcpControl::Rst, b""),
        ];
        for (seq, ack, control, payload) in forged {
            let mut stage = Stage::new(from, to);
            let una = stage.peer.ack;
            assert_eq!(stage.ask(OLD, TcpControl::Psh, b"reply").payload, b"REPLY");
            let forged = Segment {
                from: stage.peer.from,
                to: stage.peer.to,
                control: *control,
                seq: stage.peer.seq.wrapping_add(*seq),
                ack: ack.map(|ack| una.wrapping_add(ack as u32)),
                payload,
                ..Segment::default()
            };
            let what = format!("{from}: seq {seq}, ack {ack:?}, {control:?}, {payload:?}");
            let got = stage.world.give(&sent_by(NEW, forged.frame()));
            assert!(got.iter().all(|frame| goes_to(frame) == OLD), "{what}: nothing is told: {got:?}");
            let said = stage.hears(Duration::from_millis(1_300));
            assert!(said.contains(&Said::Segment(200, OLD)), "{what}: {said:?}");
            assert!(!said.iter().any(|said| matches!(said, Said::Segment(_, NEW))), "{what}: {said:?}");
            assert_eq!(stage.state(), Some(State::Established), "{what}");
            // What was in the window may be part of the stream now (RFC 5961 5), and still moves nothing.
            // Behind bytes that were, what the peer says seems to be old, and is answered.
            let is_read = (*seq, *ack) == (0, Some(-1));
            let frame = stage.peer.segment(TcpControl::None, b"");
            let got = stage.world.give(&sent_by(NEW, frame));
            assert_eq!(
                got.iter().map(|frame| goes_to(frame)).collect::<Vec<_>>(),
                vec![NEW; usize::from(is_read)]
            );
            let exact = stage.peer.segment(TcpControl::Psh, b"exact");
            let got = stage.world.give(&sent_by(NEW, exact));
            assert!(!got.is_empty() && got.iter().all(|frame| goes_to(frame) == NEW), "{what}: {got:?}");
        }
    }
}

/// The peer of another network, by way of one router, and then of another.
#[test]
fn of_two_routers_one_goes() {
    let (a, b) = (OLD, NEW);
    for (from, to, gateway) in [(far_v4(), server_v4(), client_v4()), (far_v6(), server_v6(), client_v6())] {
        // The peer speaks, and the other router forwards it.
        let mut stage = Stage::new(from, to);
        assert_eq!(stage.ask(b, TcpControl::Psh, b"by the other").payload, b"BY THE OTHER");
        let again = [Said::Segment(200, b), Said::Segment(600, b)];
        assert_eq!(stage.hears(Duration::from_millis(1_300)), again);
        stage.acknowledge(b);
        // The peer is silent, and the other router has taken the gateway's address.
        let mut stage = Stage::new(from, to);
        stage.ask(a, TcpControl::Psh, b"a reply");
        let expected = [
            Said::Segment(200, a),
            Said::Segment(600, a),
            Said::Segment(1_400, a),
            Said::Asked(1_400, gateway),
        ];
        let said = stage.hears(Duration::from_millis(1_700));
        assert_eq!(said, expected);
        stage.world.give(&answers(b, gateway));
        assert_eq!(stage.hears(seconds(2))[0], Said::Segment(3_100, b));
        stage.acknowledge(b);
        assert_eq!(stage.ask(b, TcpControl::Psh, b"on").payload, b"ON");
    }
}

/// Four connections of one peer, and nobody is there any more: one question a second at most, for all of them. Then they
/// end as they would have without.
#[test]
fn a_peer_that_is_gone_is_asked_for_seldom_and_given_up() {
    for (from, to, hop) in cases() {
        let mut stage = Stage::new(from, to);
        let mut peers = vec![];
        for port in 40_001..40_004 {
            let mut peer = Peer { from: (from, port), to: (to, 12_001), ..Peer::new(port) };
            for (control, bytes) in
                [(TcpControl::Syn, &b""[..]), (TcpControl::None, b""), (TcpControl::Psh, b"reply")]
            {
                let frame = peer.segment(control, bytes);
                let got = stage.world.give(&sent_by(OLD, frame));
                got.iter().filter_map(|frame| tcp_in(frame)).for_each(|got| peer.got(&got));
            }
            peers.push(peer);
            // The first reply mustn't come again before the last is asked for.
            stage.world.pass(Duration::from_millis(60));
        }
        stage.ask(OLD, TcpControl::Psh, b"reply");
        let said = stage.hears(seconds(30));
        let asked: Vec<_> = said
            .iter()
            .filter_map(|said| match said {
                Said::Asked(at, address) => Some((*at, *address)),
                Said::Segment(..) => None,
            })
            .collect();
        assert!((3..=18).contains(&asked.len()), "{asked:?}");
        assert!(asked.iter().all(|(_, address)| *address == hop));
        assert!(asked.windows(2).all(|two| two[1].0 - two[0].0 >= 900), "{asked:?}");
        assert_eq!(
            stage.state(),
            None,
            "given up after 20 s, as with a peer that is there and takes nothing"
        );
        assert_eq!(stage.hears(seconds(60)), [], "and nobody is asked for any more");
    }
}
