//! The peer against a server that the test plays by hand.

use undersock::device::wire::Wire;

use super::*;

const MSS: usize = 100;
/// The server's first sequence number: the stream wraps after ten bytes.
const FIRST: u32 = u32::MAX - 10;
const SERVER: Endpoint = (undersock::smoltcp::wire::IpAddress::v4(192, 168, 69, 1), 12_001);
const CLIENT: Endpoint = (undersock::smoltcp::wire::IpAddress::v4(192, 168, 69, 100), 40_000);

/// What the peer says, by offsets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Said {
    from: u64,
    bytes: usize,
    ack: u64,
    window: u16,
    fin: bool,
    sack: Vec<(u64, u64)>,
}

struct Script {
    peer: Peer,
    wire: Wire<'static>,
    now: Instant,
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plain() -> Options {
    Options { mss: MSS as u16, window: 1_000, delayed: None, ..Options::default() }
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

impl Script {
    /// After the handshake.
    fn new(options: Options, bytes: usize) -> Self {
        let wire = Wire::owned(Duration::ZERO, 64);
        let mut script = Script { peer: Peer::new(options, text(bytes)), wire, now: Instant::from_secs(1) };
        let syn = script.step();
        assert_eq!(syn.len(), 1, "a SYN");
        let mut answer = script.segment(0, 0);
        (answer.seq, answer.syn, answer.window) = (FIRST, true, 1_000);
        answer.ack = Some(options.sequence.wrapping_add(1));
        let options = syn_options(1_460, true, Some(0));
        answer.options = &options;
        script.put(&answer);
        script
    }

    /// The peer's poll, and the frames that it sends.
    fn step(&mut self) -> Vec<Vec<u8>> {
        let (mut server, mut client) = self.wire.ends();
        self.peer.poll(self.now, &mut client);
        core::iter::from_fn(|| server.take(self.now).map(|frame| frame.to_vec())).collect()
    }

    fn put(&mut self, segment: &Outgoing<'_>) {
        let (mut server, _) = self.wire.ends();
        assert!(server.inject(self.now, &segment.frame(SERVER, CLIENT)));
    }

    fn segment<'a>(&self, from: u64, ack: u64) -> Outgoing<'a> {
        Outgoing {
            seq: FIRST.wrapping_add(1).wrapping_add(from as u32),
            ack: Some(self.peer.number(ack)),
            syn: false,
            fin: false,
            rst: false,
            window: 1_000,
            options: &[],
            payload: &[],
        }
    }

    fn says(&mut self) -> Vec<Said> {
        let own = self.peer.number(0);
        let relative = |number: u32| u64::from(number.wrapping_sub(FIRST).wrapping_sub(1));
        let frames = self.step();
        let said = |frame: &Vec<u8>| {
            let segment = Incoming::read(frame, CLIENT, SERVER).expect("a segment");
            let sack = segment.options().find_map(|option| match option {
                TcpOption::Sack(blocks) => {
                    let numbers = |(from, to): (_, _)| {
                        let plain = |number: undersock::smoltcp::wire::TcpSeqNumber| number.0.cast_unsigned();
                        (relative(plain(from)), relative(plain(to)))
                    };
                    Some(blocks.iter().map(numbers).collect())
                }
                _ => None,
            });
            Said {
                from: u64::from(segment.seq.wrapping_sub(own)),
                bytes: segment.payload.len(),
                ack: relative(segment.ack.expect("an acknowledgement")),
                window: segment.window,
                fin: segment.fin,
                sack: sack.unwrap_or_default(),
            }
        };
        frames.iter().map(said).collect()
    }

    /// Bytes of the server's stream arrive, which begins with these numbers again and again.
    fn bytes(&mut self, from: u64, to: u64) -> Vec<Said> {
        let all = text(to as usize);
        let segment =
            Outgoing { payload: &all[from as usize..], ..self.segment(from, self.peer.sender.una()) };
        self.put(&segment);
        self.says()
    }

    fn ack(&mut self, ack: u64, window: u16) -> Vec<Said> {
        let segment = Outgoing { window, ..self.segment(self.peer.receiver.next(), ack) };
        self.put(&segment);
        self.says()
    }

    fn after(&mut self, time: Duration) -> Vec<Said> {
        self.now += time;
        self.says()
    }
}

/// Of each: what it acknowledges, and the blocks.
fn acks(said: &[Said]) -> Vec<(u64, Vec<(u64, u64)>)> {
    said.iter().map(|said| (said.ack, said.sack.clone())).collect()
}

/// Of each: where it begins, and how long it is.
fn pieces(said: &[Said]) -> Vec<(u64, usize)> {
    said.iter().map(|said| (said.from, said.bytes)).collect()
}

#[test]
fn a_syn_has_the_options_and_is_repeated_later_each_time() {
    let wire = Wire::owned(Duration::ZERO, 8);
    let (mut server, mut client) = wire.ends();
    let mut peer = Peer::new(Options { scale: Some(3), ..plain() }, vec![]);
    let mut sent = vec![];
    let mut now = Instant::from_secs(1);
    for _ in 0..3 {
        peer.poll(now, &mut client);
        let frame = server.take(now).expect("a SYN");
        let segment = Incoming::read(&frame, CLIENT, SERVER).expect("a segment");
        assert!(segment.syn && segment.ack.is_none());
        let options: String = segment.options().map(|option| format!("{option} ")).collect();
        assert_eq!(options, "mss 100 nop nop sackOK nop wscale 3 ");
        sent.push(now.total_millis());
        now = peer.poll_at().expect("it is repeated");
    }
    assert_eq!(sent, [1_000, 1_200, 1_600]);
}

#[test]
fn what_is_beyond_a_hole_is_sacked_the_newest_first() {
    let mut script = Script::new(Options { sack_blocks: 2, closes: Closes::Last, ..plain() }, 0);
    assert_eq!(acks(&script.says()), [(0, vec![])], "the handshake's last");
    assert_eq!(acks(&script.bytes(0, 100)), [(100, vec![])]);
    assert_eq!(acks(&script.bytes(200, 300)), [(100, vec![(200, 300)])]);
    assert_eq!(acks(&script.bytes(400, 500)), [(100, vec![(400, 500), (200, 300)])]);
    assert_eq!(acks(&script.bytes(600, 700)), [(100, vec![(600, 700), (400, 500)])]);
    assert_eq!(acks(&script.bytes(300, 400)), [(100, vec![(200, 500), (600, 700)])]);
    assert_eq!(acks(&script.bytes(100, 200)), [(500, vec![(600, 700)])]);
    assert_eq!(acks(&script.bytes(500, 600)), [(700, vec![])]);
    assert_eq!(script.peer.received(), text(700));
    let Counts { bytes, again_bytes, repaired_segments, data_segments, .. } = script.peer.counts;
    assert_eq!((bytes, again_bytes, repaired_segments, data_segments), (700, 0, 3, 7));
}

#[test]
fn without_permission_nothing_is_sacked() {
    let mut script = Script::new(Options { sack_blocks: 0, ..plain() }, 0);
    script.says();
    assert_eq!(acks(&script.bytes(200, 300)), [(0, vec![])]);
}

#[test]
fn what_arrives_twice_is_counted_and_told() {
    let mut script = Script::new(Options { closes: Closes::Last, ..plain() }, 0);
    script.says();
    script.bytes(0, 200);
    assert_eq!(acks(&script.bytes(0, 100)), [(200, vec![(0, 100)])], "below: RFC 2883 4.1.1");
    assert_eq!(acks(&script.bytes(300, 400)), [(200, vec![(300, 400)])]);
    assert_eq!(acks(&script.bytes(320, 380)), [(200, vec![(320, 380), (300, 400)])], "above: RFC 2883 4.1.3");
    assert_eq!(acks(&script.bytes(200, 320)), [(400, vec![])], "a part of it is new");
    let Counts { again_bytes, again_segments, bytes, .. } = script.peer.counts;
    assert_eq!((again_bytes, again_segments, bytes), (100 + 60 + 20, 3, 200 + 100 + 100 + 60 + 120));
    let mut script = Script::new(Options { dsack: false, closes: Closes::Last, ..plain() }, 0);
    script.says();
    script.bytes(0, 200);
    assert_eq!(acks(&script.bytes(0, 100)), [(200, vec![])]);
}

#[test]
fn every_second_segment_is_acknowledged_a_single_one_later_and_disorder_at_once() {
    let mut script = Script::new(Options { delayed: Some(ms(40)), closes: Closes::Last, ..plain() }, 0);
    script.says();
    assert_eq!(script.bytes(0, 100), []);
    assert_eq!(acks(&script.bytes(100, 200)), [(200, vec![])]);
    assert_eq!(script.bytes(200, 300), []);
    assert_eq!(script.peer.poll_at(), Some(script.now + ms(40)));
    assert_eq!(script.after(ms(39)), []);
    assert_eq!(acks(&script.after(ms(1))), [(300, vec![])]);
    assert_eq!(acks(&script.bytes(400, 500)), [(300, vec![(400, 500)])]);
    assert_eq!(acks(&script.bytes(300, 400)), [(500, vec![])], "it fills a hole");
    let end = Outgoing { fin: true, ..script.segment(500, 0) };
    script.put(&end);
    assert_eq!(acks(&script.says())[0], (501, vec![]));
    assert!(script.peer.has_end());
    assert_eq!(script.peer.received(), text(500));
}

#[test]
fn it_forgets_once_what_it_has_sacked() {
    let mut script = Script::new(Options { reneges_after: Some(2), closes: Closes::Last, ..plain() }, 0);
    script.says();
    assert_eq!(acks(&script.bytes(100, 200)), [(0, vec![(100, 200)])]);
    assert_eq!(acks(&script.bytes(200, 300)), [(0, vec![])]);
    assert_eq!(acks(&script.bytes(0, 100)), [(100, vec![])]);
    assert_eq!(acks(&script.bytes(200, 300)), [(100, vec![(200, 300)])], "once");
    assert_eq!(acks(&script.bytes(100, 200)), [(300, vec![])]);
    let Counts { reneged_bytes, again_bytes, .. } = script.peer.counts;
    assert_eq!((reneged_bytes, again_bytes), (200, 0), "what was forgotten isn't here");
    assert_eq!(script.peer.received(), text(300));
}

#[test]
fn a_window_closes_and_opens_with_its_reader() {
    let reads = Reads::Pausing { after: 200, pause: ms(1_000), shrinks: false };
    let mut script = Script::new(Options { reads, window: 400, closes: Closes::Last, ..plain() }, 0);
    script.says();
    let windows = |said: Vec<Said>| said.iter().map(|said| said.window).collect::<Vec<_>>();
    assert_eq!(windows(script.bytes(0, 200)), [400], "read at once");
    assert_eq!(windows(script.bytes(200, 400)), [200]);
    assert_eq!(windows(script.bytes(400, 600)), [0]);
    let said = script.bytes(600, 601);
    assert_eq!((said[0].ack, said[0].window), (600, 0), "a probe is refused");
    assert_eq!(script.peer.counts.refused_bytes, 1);
    assert_eq!(script.peer.poll_at(), Some(script.now + ms(1_000)));
    assert_eq!(windows(script.after(ms(1_000))), [200], "200 are read, and it pauses again");
    assert_eq!(windows(script.after(ms(1_000))), [400]);
}

#[test]
fn a_window_is_taken_back() {
    let reads = Reads::Pausing { after: 200, pause: ms(1_000), shrinks: true };
    let mut script = Script::new(Options { reads, closes: Closes::Last, ..plain() }, 0);
    script.says();
    assert_eq!(script.bytes(0, 100)[0].window, 1_000);
    assert_eq!((script.bytes(100, 200)[0].window, script.peer.is_asleep()), (0, true));
    let said = script.bytes(200, 300);
    assert_eq!((said[0].ack, said[0].window, script.peer.counts.refused_bytes), (200, 0, 100));
    assert_eq!((script.after(ms(1_000))[0].window, script.peer.is_asleep()), (1_000, false));
}

#[test]
fn a_window_is_shifted_as_was_agreed() {
    let mut script = Script::new(Options { scale: Some(4), window: 16_000, ..plain() }, 0);
    assert_eq!(script.says()[0].window, 1_000);
    let mut script = Script::new(Options { scale: None, window: 100_000, ..plain() }, 0);
    assert_eq!(script.says()[0].window, 65_535);
}

#[test]
fn it_sends_as_far_as_the_window_and_goes_back_when_its_timer_says_so() {
    let mut script = Script::new(Options { repeats: Repeats::All, ..plain() }, 450);
    assert_eq!(pieces(&script.says()), [(0, 100), (100, 100), (200, 100), (300, 100), (400, 50)]);
    assert_eq!(script.after(ms(199)), []);
    assert_eq!(script.after(ms(1)).len(), 5, "200 ms");
    assert_eq!((script.after(ms(399)).len(), script.after(ms(1)).len()), (0, 5), "400 ms more");
    assert_eq!(script.ack(200, 200), []);
    assert_eq!(pieces(&script.after(ms(200))), [(200, 100), (300, 100)], "the first timeout again");
    let last = script.ack(400, 1_000);
    assert_eq!((pieces(&last), last[0].fin, script.peer.counts.went_back), (vec![(400, 50)], true, 3));
}

#[test]
fn or_it_repeats_the_head_alone() {
    let mut script = Script::new(Options { repeats: Repeats::Head, ..plain() }, 450);
    script.says();
    assert_eq!(pieces(&script.after(ms(200))), [(0, 100)]);
    assert_eq!(pieces(&script.after(ms(400))), [(0, 100)]);
    script.ack(300, 1_000);
    assert_eq!(pieces(&script.after(ms(200))), [(300, 100)]);
    assert_eq!(script.peer.counts.heads, 3);
}

#[test]
fn it_asks_for_a_window_with_one_byte() {
    let mut script = Script::new(plain(), 1_200);
    assert_eq!(script.says().len(), 10);
    assert_eq!(script.ack(1_000, 0), []);
    assert_eq!(pieces(&script.after(ms(200))), [(1_000, 1)]);
    assert_eq!(pieces(&script.after(ms(400))), [(1_000, 1)]);
    let bytes = text(10);
    let data = Outgoing { payload: &bytes, window: 0, ..script.segment(0, 1_000) };
    script.put(&data);
    assert_eq!(pieces(&script.says()), [(1_000, 0)], "SND.NXT is where it was");
    assert_eq!(pieces(&script.ack(1_001, 1_000)), [(1_001, 100), (1_101, 99)], "the byte was taken");
    assert_eq!(script.peer.counts.probes, 2);
}

#[test]
fn its_program_writes_in_steps_or_in_turn() {
    let writes = Writes::InSteps { bytes: 150, every: ms(50) };
    let mut script = Script::new(Options { writes, ..plain() }, 300);
    assert_eq!(pieces(&script.says()), [(0, 100), (100, 50)]);
    assert_eq!(script.peer.poll_at(), Some(script.now + ms(50)));
    let last = script.after(ms(50));
    assert_eq!((pieces(&last), last[1].fin), (vec![(150, 100), (250, 50)], true));
    let mut script = Script::new(Options { writes: Writes::InTurn { bytes: 50 }, ..plain() }, 100);
    assert_eq!(pieces(&script.says()), [(0, 50)]);
    assert_eq!(pieces(&script.bytes(0, 49)), [(50, 0)]);
    assert_eq!(pieces(&script.bytes(49, 50)), [(50, 50)]);
}

#[test]
fn only_an_exact_reset_counts() {
    let mut script = Script::new(plain(), 0);
    script.says();
    let reset = Outgoing { rst: true, ..script.segment(5, 0) };
    script.put(&reset);
    assert_eq!((script.says().len(), script.peer.phase()), (1, Phase::Open), "RFC 5961: a challenge");
    let reset = Outgoing { rst: true, ..script.segment(0, 0) };
    script.put(&reset);
    assert_eq!((script.says(), script.peer.phase()), (vec![], Phase::Reset));
}

#[test]
fn what_is_damaged_never_arrived() {
    let mut script = Script::new(plain(), 0);
    script.says();
    let bytes = text(10);
    let mut frame = Outgoing { payload: &bytes, ..script.segment(0, 0) }.frame(SERVER, CLIENT);
    for bit in [8 * 14 + 3, 8 * 30, 8 * 40, 8 * 60 + 1] {
        frame[bit / 8] ^= 1 << (bit % 8);
        let (mut server, _) = script.wire.ends();
        assert!(server.inject(script.now, &frame));
        assert_eq!((script.says(), script.peer.counts.bytes), (vec![], 0), "bit {bit}");
        frame[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn the_last_end_is_acknowledged_for_as_long_as_it_waits() {
    let mut script = Script::new(Options { time_wait: ms(1_000), ..plain() }, 0);
    let said = script.says();
    assert!(said[0].fin, "{said:?}");
    let end = Outgoing { fin: true, ..script.segment(0, 1) };
    script.put(&end);
    assert_eq!(acks(&script.says()), [(1, vec![])]);
    assert_eq!(script.peer.phase(), Phase::TimeWait(script.now + ms(1_000)));
    script.put(&end);
    assert_eq!(acks(&script.after(ms(999))), [(1, vec![])]);
    script.after(ms(1));
    assert_eq!(script.peer.phase(), Phase::Closed);
}
