//! What TCP makes of loss: what it notices by, what it sends again and when, and how much it sends at all.

use undersock::smoltcp::socket::tcp::State::{FinWait1, TimeWait};

use super::clients::{SEGMENT, converse, streams, words};
use crate::scenario::{Further, Scenario};
use crate::stage::Set;
use crate::story::{Is, Story, gaps};
use undersock::event::{Call, Cause, Loss, Phase};
use undersock::packet::TcpOption;
use undersock_views::Side;

/// Room for all that a scene sends.
const LARGE: Set = Set { buffer: 65_000, room: 65_000, ..Set::STREAM };

/// How many segments of full length an end sent at a millisecond.
fn full(story: &Story<'_>, end: Side, at: u64) -> usize {
    let data = story.sent(end, Is::Data);
    data.iter()
        .filter(|(when, s)| when.total_millis() == at.cast_signed() && s.payload.len() == SEGMENT)
        .count()
}

pub(super) const FAST: Scenario = Scenario {
    name: "fast-retransmit",
    title: "TCP: a round trip instead of a second of waiting",
    scene: "Stream mode. The client sends five segments at once, as long as segments may be here. The first is lost; the \
        other four arrive.",
    question: "Does the client have to wait for a timer? What does it send again: one segment, or all that came after it too?",
    explanation: "At 0.015 the server gets the second segment and misses the first. It keeps what it got, and acknowledges what \
        it has in order: still `ack 1`. So it does for each of the four: duplicate acknowledgements. Each carries the \
        option `sack`, which says more than the number can: what has arrived beyond the gap.\n\n\
        At 0.020 these four are back. One segment from behind the gap could have overtaken the missing one; three are \
        taken for a sign that it is lost. So the client sends it again, one round trip after it went out the first \
        time. And it sends nothing else: the server has said that it has the rest. In the ladder the segment is marked \
        `again: SACK`, for that is what the client knows it by.\n\n\
        Then `ack 7301`: one acknowledgement for all, and the server's program gets 7,300 bytes with one recv. It has \
        never seen a gap: TCP gives bytes in order or not yet.\n\n\
        A loss also says that the network may be full: see congestion-window for the line `fast recovery`. With \
        neither SACK nor these rules, TCP would take a second: see timer-of-a-second. Half-way there was TCP's \
        textbook, with duplicate acknowledgements alone: three-duplicates.",
    sources: &[
        ("RFC 2018 3", "selective acknowledgements"),
        ("RFC 6675 4", "a byte is lost if three segments' worth beyond it has arrived"),
        ("RFC 8985 6.2", "the same by the order in which segments were sent"),
        ("RFC 5681 4.2", "segments out of order are acknowledged at once"),
    ],
    further: &[
        Further::Headers("a duplicate acknowledgement, and the SACK option in it"),
        Further::Scene("several-holes"),
        Further::Scene("tail-loss"),
        Further::Scene("reordered-segments"),
    ],
    set: Set { trouble: &["drop the 1st data segment from the client"], ..LARGE },
    play: |stage| streams(stage, 5),
    claims: |story| {
        let acks = story.sent(Side::Server, Is::Ack);
        let duplicates = acks.windows(2).filter(|pair| pair[0].1.ack == pair[1].1.ack).count();
        let data = story.sent(Side::Client, Is::Data);
        vec![
            ("one frame is lost", story.lost() == 1),
            ("four acknowledgements of the same number at 0.015", {
                story.times(Side::Server, Is::Ack).starts_with(&[15; 4]) && duplicates == 3
            }),
            (
                "one segment goes out again, at 0.020, by SACK",
                story.again(Side::Client) == [(20, Loss::Sack)],
            ),
            ("six segments with data in all", data.len() == 6),
            ("the same bytes", data.first().map(|(_, s)| s.payload) == data.last().map(|(_, s)| s.payload)),
            ("one recv for all of it", story.received(Side::Server) == [5 * SEGMENT]),
            ("the server sends nothing again", story.again(Side::Server).is_empty()),
        ]
    },
};

pub(super) const TAIL: Scenario = Scenario {
    name: "tail-loss",
    title: "TCP: the last segments are lost",
    scene: "Stream mode. The client sends four segments at once; the last two are lost. It is the end of what it has to say \
        for now, as at the end of most replies on the Web.",
    question: "In fast-retransmit the segments behind the gap told of it. Here nothing comes behind it. Who notices the loss, and \
        by what?",
    explanation: "The server notices nothing: for it, two segments have come, and that may be all. The client hears `ack 2921` \
        with the reply at 0.020, and then nothing. So it has to ask. It knows that a round trip takes 10 ms; when 40 ms \
        have passed without a word, it sends one segment again, a probe, and it chooses the last one (0.055, \
        `again: probe`).\n\n\
        The probe is not there to repair much. It makes the server speak: it arrives at 0.060 beyond a gap, so the \
        answer tells of the gap, `ack 2921` and `sack 4381:5841`. From here on it goes as in fast-retransmit. What \
        was sent 55 ms ago is missing, and what was sent 10 ms ago is there: no overtaking explains that. At 0.065 the \
        third segment goes out again (`again: late`), and at 0.070 the server has everything.\n\n\
        How long to wait before asking? Twice the round trip, or more where it varies, and something for the other \
        side's timers. A lone segment is given 0.2 s more, for the receiver may hold back its acknowledgement so long, \
        in the hope of a second segment: see lost-ack. If the probe is not answered either, the wait doubles: see \
        lost-data.",
    sources: &[
        ("RFC 8985 7.2", "how long to wait: the probe timeout"),
        ("RFC 8985 7.3", "what to send: the last segment, or a new one"),
        ("RFC 8985 6.2", "what was sent before something that arrived, and had time enough, is lost"),
        ("RFC 1122 4.2.3.2", "an acknowledgement may be held back, but for less than half a second"),
    ],
    further: &[Further::Scene("lost-data"), Further::Scene("fast-retransmit")],
    set: Set {
        trouble: &["drop the 3rd data segment from the client", "drop the 4th data segment from the client"],
        ..LARGE
    },
    play: |stage| streams(stage, 4),
    claims: |story| {
        let data = story.sent(Side::Client, Is::Data);
        let number = |index: usize| data.get(index).map(|(_, segment)| segment.seq);
        vec![
            ("two frames are lost", story.lost() == 2),
            ("a probe at 0.055, and what it told of at 0.065", {
                story.again(Side::Client) == [(55, Loss::Probe), (65, Loss::Late)]
            }),
            ("the probe is the last segment, the other the third", {
                data.len() == 6 && number(4) == number(3) && number(5) == number(2)
            }),
            ("the probe is answered at 0.060 with SACK", {
                let acks = story.sent(Side::Server, Is::Ack);
                acks.iter().any(|(at, ack)| {
                    at.total_millis() == 60 && ack.options.iter().any(|o| matches!(o, TcpOption::Sack(_)))
                })
            }),
            ("everything is there at 0.070", story.times(Side::Server, Is::Data) == [15, 15, 70, 70]),
        ]
    },
};

pub(super) const HOLES: Scenario = Scenario {
    name: "several-holes",
    title: "TCP: three holes, one round trip",
    scene: "Stream mode. The client sends ten segments at once, and the first, the third and the fifth are lost: a router's \
        queue was full, and every other segment found no place in it.",
    question: "How many round trips does it take to fill three holes?",
    explanation: "One. The acknowledgements of 0.015 say `ack 1` all along, and by their SACK options the client learns what has \
        arrived: 1461:2921, then 4381:5841, then from 7301 on. What isn't among that and was sent before the last three \
        is lost: three segments. At 0.020 all three go out again, and at 0.025 the server has everything.\n\n\
        Without SACK a sender learns of one hole at a time. It repeats the first segment; a round trip later the \
        acknowledgement ends at the second hole (a partial acknowledgement), so it repeats that one, and so on: a hole a \
        round trip. TCP's fast retransmit of 1990 was worse still: after the first it had to wait for the timer.\n\n\
        The window was halved for this, once: three losses within one round trip are one sign of a full network, not \
        three (`cwnd 7300`). Only as much as that window has room for may be under way, and what has arrived is under \
        way no longer.",
    sources: &[
        ("RFC 6675 3", "the scoreboard: what has arrived, what is lost, what is under way"),
        ("RFC 6675 5", "one reduction of the window, and then as much as it has room for"),
        ("RFC 6582 3.2", "without SACK: partial acknowledgements, one hole a round trip"),
        ("RFC 2018 4", "which blocks a receiver tells of: the newest first"),
    ],
    further: &[
        Further::Capture("Wireshark's tcp.analysis.flags finds the same holes"),
        Further::Scene("fast-retransmit"),
        Further::Scene("congestion-window"),
    ],
    set: Set {
        trouble: &[
            "drop the 1st data segment from the client",
            "drop the 3rd data segment from the client",
            "drop the 5th data segment from the client",
        ],
        ..LARGE
    },
    play: |stage| streams(stage, 10),
    claims: |story| {
        let data = story.sent(Side::Client, Is::Data);
        let numbers: Vec<_> = data.iter().map(|(_, segment)| segment.seq).collect();
        vec![
            ("three frames are lost", story.lost() == 3),
            ("all three go out again at 0.020, by SACK", {
                story.again(Side::Client) == [(20, Loss::Sack); 3] && full(story, Side::Client, 20) == 3
            }),
            ("those, and no others", {
                numbers.len() == 13 && numbers[10..] == [numbers[0], numbers[2], numbers[4]]
            }),
            ("the program has everything at 0.025", story.received(Side::Server) == [10 * SEGMENT]),
            ("the window is halved once", {
                let halved = story.congestion(Side::Client).into_iter();
                let mut halved = halved.filter(|(_, path)| path.phase == Phase::Recovery);
                halved.next().is_some_and(|(at, path)| (at, path.window) == (20, 5 * SEGMENT))
                    && halved.next().is_none()
            }),
        ]
    },
};

pub(super) const WINDOW: Scenario = Scenario {
    name: "congestion-window",
    title: "TCP: how much may be under way",
    scene: "Stream mode, with large buffers: the server would take 65,000 bytes at once, and the client has 26,280 for it. The \
        eleventh segment is lost.",
    question: "The receiver has room for everything. Why does the client's first send take 14,600 bytes and no more? What does \
        the loss change?",
    explanation: "The receiver's window says what the receiver can take. Nobody says what the network between them can take, so \
        a sender finds out by itself: it keeps a second window, the congestion window, and has no more under way than \
        that.\n\n\
        It begins with ten segments, 14,600 bytes, at 0.010. All of them are acknowledged at 0.020, a round trip later, \
        so the network took them; the window grows by as much as was acknowledged. Slow start is the name of that, and \
        it doubles every round trip: 29,200 bytes. The client's second send takes all that is left, 11,680 bytes, and \
        eight segments go out at once. (This project lets a program write only as much as may leave. Other \
        systems take more into the send buffer, and hold it there.)\n\n\
        Of these the first is lost. Most often a segment is lost because a router's queue was full, so the client takes \
        the loss for a sign: at 0.030 it halves its window to 14,600 bytes (`fast recovery`), and remembers that number \
        as `ssthresh`: up to here doubling was fine, beyond it only care is. When all that was under way then is \
        acknowledged, at 0.040, recovery is over, and from here on the window grows by about a segment a round \
        trip (`congestion avoidance`), until the next loss halves it again. Drawn over time that is TCP's saw.\n\n\
        `ss -ti` on Linux shows the same two numbers, in segments, for every connection of your computer.",
    sources: &[
        ("RFC 5681 3.1", "slow start and congestion avoidance"),
        ("RFC 6928 2", "the first window: ten segments"),
        ("RFC 6675 5", "halved once for all that is lost in one window"),
        ("RFC 2914 3", "why every sender has to do this: congestion collapse"),
    ],
    further: &[
        Further::Table("its second line: cwnd, ssthresh, rtt as `ss -ti` has them"),
        Further::Scene("several-holes"),
        Further::Scene("zero-window"),
    ],
    set: Set { trouble: &["drop the 11th data segment from the client"], ..LARGE },
    play: |stage| streams(stage, 18),
    claims: |story| {
        let news = |index: usize| {
            let (at, path) = story.congestion(Side::Client).into_iter().nth(index)?;
            Some((at, path.phase, path.window / SEGMENT, path.threshold?))
        };
        let sends = story.calls(Side::Client).into_iter().filter_map(|call| match call {
            Call::Send { bytes, .. } => Some(bytes),
            _ => None,
        });
        vec![
            ("one frame is lost", story.lost() == 1),
            (
                "the program's sends take 10 segments and 8",
                sends.collect::<Vec<_>>() == [10 * SEGMENT, 8 * SEGMENT],
            ),
            ("they go out in two round trips", {
                full(story, Side::Client, 10) == 10 && full(story, Side::Client, 20) == 8
            }),
            ("the window is halved to 10 segments at 0.030", {
                news(0) == Some((30, Phase::Recovery, 10, 10 * SEGMENT))
            }),
            ("recovery ends at 0.040 in congestion avoidance", {
                news(1).is_some_and(|(at, phase, ..)| (at, phase) == (40, Phase::Avoidance))
            }),
            ("the lost segment goes out again at 0.030", story.again(Side::Client) == [(30, Loss::Sack)]),
        ]
    },
};

pub(super) const DUPLICATES: Scenario = Scenario {
    name: "three-duplicates",
    title: "TCP: the textbook's three duplicate ACKs",
    scene: "Stream mode, and both ends as TCP was before SACK was read: their loss recovery is off. The client sends five words, \
        each in a segment of its own (it has set TCP_NODELAY), 1 ms apart. The first is lost; the other four arrive.",
    question: "The retransmission timer stands at one second. Does the client have to wait for it?",
    explanation: "It does not. At 0.016 the server gets bytes 5 to 8 and misses 1 to 4. It keeps them, and acknowledges what it \
        has in order: still `ack 1`. It does so for each further segment, at 0.017, 0.018 and 0.019: duplicate \
        acknowledgements. One or two of them could mean that segments have overtaken each other. With the third, the \
        client takes the segment for lost and sends it again: at 0.028 it is there, a second earlier than by the \
        timer.\n\n\
        The option `<sack 5:9>` says what has arrived beyond the gap, and the client as it is here makes no use of it: \
        it sends everything from byte 1 on, 23 bytes in one segment.\n\n\
        Then `ack 24`: one acknowledgement for all, and the server's program gets all 23 bytes with one recv.\n\n\
        This rule has its limits. A short conversation has no three segments behind the lost one, so it waits for the \
        timer after all; a second hole in the same round trip is not seen; and an acknowledgement that carries data is \
        no duplicate, so in a conversation both ways nothing is noticed. What came after it: fast-retransmit, \
        several-holes, tail-loss.",
    sources: &[
        ("RFC 5681 3.2", "fast retransmit: the third duplicate acknowledgement"),
        ("RFC 5681 2", "what a duplicate acknowledgement is: one without data"),
        ("RFC 5681 4.2", "segments out of order are acknowledged at once"),
    ],
    further: &[
        Further::Headers("a duplicate acknowledgement, and the SACK option in it"),
        Further::Scene("fast-retransmit"),
    ],
    set: Set { trouble: &["drop the 1st data segment from the client"], recovery: false, ..Set::STREAM },
    play: |stage| words(stage, &["one ", "two ", "three ", "four ", "five"]),
    claims: |story| {
        let acks = story.sent(Side::Server, Is::Ack);
        let duplicates = acks.windows(2).filter(|pair| pair[0].1.ack == pair[1].1.ack).count();
        let data = story.sent(Side::Client, Is::Data);
        vec![
            ("one frame is lost", story.lost() == 1),
            ("the same acknowledgement at 0.016, 0.017, 0.018 and 0.019", {
                story.times(Side::Server, Is::Ack).starts_with(&[16, 17, 18, 19]) && duplicates == 3
            }),
            ("the segment is there again at 0.028", {
                story
                    .got(Side::Server, Is::Data)
                    .last()
                    .is_some_and(|(at, s)| at.total_millis() == 28 && s.payload.len() == 23)
            }),
            ("six segments with data in all", data.len() == 6),
            ("one recv for all of it", story.received(Side::Server) == [23]),
            ("it was the same number", data.first().map(|(_, s)| s.seq) == data.last().map(|(_, s)| s.seq)),
            ("no congestion window is told of", story.congestion(Side::Client).is_empty()),
        ]
    },
};

pub(super) const TIMER: Scenario = Scenario {
    name: "timer-of-a-second",
    title: "TCP: what a second of patience costs",
    scene: "The same losses as in lost-data, and both ends as the first RFCs had it: their loss recovery is off, and a timer of \
        a second is all that they have. The segment with the reply is lost, and so is its first repetition.",
    question: "When does the third attempt come? Does the server's program send three times?",
    explanation: "The program called send once and has long closed. Its stack keeps the five bytes and the FIN until they are \
        acknowledged: at 0.015 for the first time, at 1.015 again, at 3.015 once more. The waits are one second and \
        two: each timeout without an answer doubles the next, for the network may be full, and who repeats quickly \
        makes it worse. The second is a rule's, not this network's: a round trip takes 10 ms here, and the timer is \
        never shorter than a second, whatever was measured.\n\n\
        Look at 1.015: the client repeats as well! It has had no acknowledgement of its own sentence either, since that \
        was to travel with the lost reply. The server has those bytes already and sees it by their numbers; it \
        acknowledges them again (`ack 6`) and takes nothing twice. From then on the client is quiet: an \
        acknowledgement alone does not need to be repeated.\n\n\
        The client's recv returns once, at 3.020. In lost-data, after the same two losses, it returns when 0.140 s \
        have passed.",
    sources: &[
        ("RFC 6298 2", "rule 2.4: at least one second"),
        ("RFC 6298 5", "rule 5.5: double the timeout"),
        ("RFC 9293 3.8.1", "the retransmission timeout"),
        (
            "RFC 9293 3.10.7.4",
            "a segment whose bytes are old is answered with an acknowledgement, and dropped",
        ),
    ],
    further: &[
        Further::Diagram("the server waits in FIN-WAIT-1 for three seconds"),
        Further::Scene("lost-data"),
        Further::Scene("three-duplicates"),
    ],
    set: Set { recovery: false, ..super::loss::REPLY_TWICE },
    play: |stage| converse(stage, 0, "the client", b"hello"),
    claims: |story| {
        let server = story.times(Side::Server, Is::Data);
        vec![
            ("two frames are lost", story.lost() == 2),
            ("the reply goes out three times, at 0.015, 1.015 and 3.015", server == [15, 1_015, 3_015]),
            ("the waits double", gaps(&server) == [1_000, 2_000]),
            ("the client repeats once", gaps(&story.times(Side::Client, Is::Data)) == [1_000]),
            ("it is acknowledged at 1.015", story.times(Side::Server, Is::Ack).contains(&1_015)),
            (
                "no byte is taken twice",
                story.received(Side::Server) == [5] && story.received(Side::Client) == [5],
            ),
            ("the server waits in FIN-WAIT-1 for three seconds", {
                story.reached(Side::Server, 0, FinWait1) == Some((15, Cause::Call))
                    && story.reached(Side::Server, 0, TimeWait) == Some((3_025, Cause::Segment))
            }),
        ]
    },
};
