//! What the wire does, and what each protocol makes of it.

use undersock::smoltcp::socket::tcp::State::{Closed, Established, FinWait1, SynReceived, TimeWait};

use super::clients::{asks, converse, greet, words};
use crate::scenario::{Further, Scenario};
use crate::stage::calls::Got;
use crate::stage::{Ports, Set};
use crate::story::{Is, gaps, ms, secs};
use undersock::event::{Cause, DropRule, Fate, Loss};
use undersock::server::config::SENTENCE_PORT;
use undersock_views::Side;

pub(super) const DATAGRAM: Scenario = Scenario {
    name: "lost-datagram",
    title: "The same loss, over UDP and over TCP",
    scene: "The textbook's two clients, one after the other. The wire loses the first datagram, and it loses the first \
        segment that carries data. Nobody has changed the programs: the UDP client calls sendto and recvfrom once (and, \
        unlike the textbook's, gives up after three seconds).",
    question: "Which client gets its reply, and when? Who notices the loss: the program or the stack?",
    explanation: "The datagram is lost at 0.005 and that is the end of it. The server never knew of it, and the client's \
        stack does not keep what it has sent. The program is the only one that could notice, by waiting too long; the \
        textbook's would wait for ever.\n\n\
        The segment is lost at 3.015. The client's stack has kept the bytes and a clock. No acknowledgement comes, and \
        after a quarter of a second the same bytes go out again, with the same number (`1:6`, marked `again`, at 3.255). \
        The server answers as if nothing had happened. The TCP client's program has seen nothing: one send, one recv, a \
        quarter of a second late.\n\n\
        That is the trade. TCP hides the loss and shows you the delay; UDP shows you the loss. A video call prefers \
        the second: a picture that comes a second late is of no use.",
    sources: &[
        ("RFC 768", "delivery is not guaranteed"),
        ("RFC 9293 3.8.1", "what is not acknowledged is sent again after the retransmission timeout"),
        ("RFC 8985 7.2", "how long that is: from measured round trips, and 0.2 s more for a lone segment"),
    ],
    further: &[
        Further::Headers(
            "the segment at 3.255 beside the one that was lost: not a bit differs in its TCP header",
        ),
        Further::Scene("udp-lost-reply"),
        Further::Scene("lost-data"),
        Further::Scene("fast-retransmit"),
    ],
    set: Set {
        ports: Ports { udp: Some(SENTENCE_PORT), ..Set::SENTENCE.ports },
        trouble: &["drop the 1st datagram", "drop the 1st data segment"],
        ..Set::SENTENCE
    },
    play: |stage| {
        stage.note(Side::Client, "over UDP");
        asks(stage, b"hello", secs(3), 1);
        stage.note(Side::Client, "the same over TCP");
        converse(stage, 0, "the TCP client", b"hello");
    },
    claims: |story| {
        let data = story.sent(Side::Client, Is::Data);
        vec![
            ("two frames are lost", story.lost() == 2),
            ("the datagram goes out once and is never answered", {
                story.datagrams(Side::Client) == [(0, 5)] && story.datagrams(Side::Server).is_empty()
            }),
            (
                "the segment goes out twice, 0.240 s apart",
                gaps(&story.times(Side::Client, Is::Data)) == [240],
            ),
            ("the second time it is a probe", {
                story.again(Side::Client).into_iter().map(|(_, cause)| cause).eq([Loss::Probe])
            }),
            ("with the same numbers", { data.windows(2).all(|pair| pair[0].1 == pair[1].1) }),
            ("one recv at each end, of TCP", {
                story.received(Side::Client) == [5] && story.received(Side::Server) == [5]
            }),
        ]
    },
};

pub(super) const SYN: Scenario = Scenario {
    name: "lost-syn",
    title: "TCP: the first SYN is lost",
    scene: "The textbook's TCP client connects, and its very first segment does not arrive.",
    question: "What is the server's part in repairing this? How long does connect take?",
    explanation: "No part at all. The server cannot know of a SYN that never came; the client's stack has a timer for it. No \
        round trip has been measured yet, so the first timeout is a guess: one second. The SYN goes out again, with \
        the same number (0.005 lost, 1.005 arrived), and connect returns at 1.010, a second \
        late.\n\n\
        If the second were lost too, the third would follow after two seconds more, then four, eight and so on: the \
        timeout doubles each time. A server that does not answer at all is tried for minutes on most systems, before \
        connect fails with \"timed out\".\n\n\
        A slow first contact of almost exactly one second is the mark of a lost SYN; you will meet it in traces of web \
        pages.",
    sources: &[
        ("RFC 6298 2", "rule 2.1: without a measurement, the timeout is one second"),
        ("RFC 6298 5", "rule 5.5: it doubles with each retransmission"),
        ("RFC 9293 3.8.3", "when to give up a connection: for a SYN, not before three minutes"),
    ],
    further: &[Further::Diagram("SYN-SENT for a second"), Further::Scene("tcp-no-server")],
    set: Set { trouble: &["drop the 1st SYN"], ..Set::SENTENCE },
    play: |stage| converse(stage, 0, "the client", b"hello"),
    claims: |story| {
        let syns = story.sent(Side::Client, Is::Syn);
        vec![
            ("one frame is lost", story.lost() == 1),
            ("the SYN goes out at 0 and at 1.000", story.times(Side::Client, Is::Syn) == [0, 1_000]),
            ("with the same number", syns.windows(2).all(|pair| pair[0].1.seq == pair[1].1.seq)),
            ("the server sees one", story.got(Side::Server, Is::Syn).len() == 1),
            ("connect returns at 1.010", {
                story.reached(Side::Client, 0, Established) == Some((1_010, Cause::Segment))
            }),
        ]
    },
};

pub(super) const SYN_ACK: Scenario = Scenario {
    name: "lost-syn-ack",
    title: "TCP: the SYN-ACK is lost",
    scene: "The SYN arrives, and the server's answer to it is lost.",
    question: "Two stacks now wait for something. Which of them repeats what? How many sockets has the server afterwards?",
    explanation: "Both repeat. The client does not know which of the two segments was lost, and repeats its SYN after a second. \
        The server is in SYN-RECEIVED and waits for its SYN-ACK to be acknowledged; its own timer of a second is over \
        at the same time (1.005). The repeated SYN belongs to a connection that it has already, so it makes no second \
        one: the SYN is dropped, and the SYN-ACK goes out again, with the same number.\n\n\
        Other stacks answer the repeated SYN at once instead of leaving it to the timer. The result is the same: the \
        client is connected at 1.010, and there is one socket.\n\n\
        In SYN-RECEIVED the server has given memory to somebody who has proved nothing: the SYN's sender address may be \
        a lie. A SYN flood sends thousands of these and never goes on. This server keeps such a connection for five \
        seconds at most, or one when others wait.",
    sources: &[
        ("RFC 9293 3.10.7.4", "a SYN in SYN-RECEIVED"),
        ("RFC 6298 5", "the timer of the SYN-ACK is the same as any other"),
        ("RFC 4987 3", "what can be done about SYN floods"),
    ],
    further: &[Further::Table("a half-open connection, at 0.5 s"), Further::Scene("full-backlog")],
    set: Set { trouble: &["drop the 1st SYN-ACK"], ..Set::SENTENCE },
    play: |stage| converse(stage, 0, "the client", b"hello"),
    claims: |story| {
        let answers = story.sent(Side::Server, Is::SynAck);
        vec![
            ("one frame is lost", story.lost() == 1),
            ("the client repeats its SYN", story.times(Side::Client, Is::Syn) == [0, 1_000]),
            ("the server its SYN-ACK", story.times(Side::Server, Is::SynAck) == [5, 1_005]),
            ("with the same number", answers.windows(2).all(|pair| pair[0].1.seq == pair[1].1.seq)),
            ("the repeated SYN is dropped", story.dropped() == [DropRule::Duplicate]),
            ("one socket", {
                story.reached(Side::Server, 0, SynReceived).is_some()
                    && story.states(Side::Server, 1).is_empty()
            }),
            ("connect returns at 1.010", {
                story.reached(Side::Client, 0, Established) == Some((1_010, Cause::Segment))
            }),
        ]
    },
};

/// The server's reply is lost, and its first repetition too.
pub(super) const REPLY_TWICE: Set = Set {
    trouble: &["drop the 1st data segment from the server", "drop the 2nd data segment from the server"],
    ..Set::SENTENCE
};

pub(super) const DATA: Scenario = Scenario {
    name: "lost-data",
    title: "TCP: the reply is lost, twice",
    scene: "The connection is made, and the sentence arrives. The segment with the reply is lost, and so is its first repetition.",
    question: "When does the third attempt come? Does the server's program send three times?",
    explanation: "The program called send once and has long closed. Its stack keeps the five bytes and the FIN until they are \
        acknowledged: at 0.015 for the first time, at 0.055 again, at 0.135 once more.\n\n\
        Why 40 ms? The stack has measured the round trip during the handshake: 10 ms. After one measurement it knows \
        little about how much that varies, so it allows for three of them, and 10 ms more for the other side's work. \
        That over, it asks: the segment goes out again as a probe. Only when the probe is not answered either, all that \
        is out counts as lost, and what may be under way at once shrinks to one segment (`after a timeout`, 0.135). Each \
        wait without an answer doubles the next, 40 ms and 80 ms, for the network may be full, and who repeats quickly \
        makes it worse.\n\n\
        The client is quiet all the while, though it has had no acknowledgement of its own sentence either: that was to \
        travel with the lost reply. Its patience is longer. It sent a lone segment, and a receiver may hold back the \
        acknowledgement of such a one, up to 0.2 s; a FIN, as the server's reply has, is acknowledged at once.\n\n\
        The client's recv returns once, at 0.140. The textbook's timer takes three seconds for this: see \
        timer-of-a-second.",
    sources: &[
        ("RFC 8985 7.2", "the probe timeout: from the measured round trip, and longer for a lone segment"),
        ("RFC 6298 2", "rule 2.2: after the first measurement, its half is taken for the variation"),
        ("RFC 6298 5", "rule 5.5: double the timeout"),
        ("RFC 5681 3.1", "after a timeout, one segment at a time"),
    ],
    further: &[
        Further::Diagram("the server waits in FIN-WAIT-1 for its FIN to be acknowledged"),
        Further::Scene("timer-of-a-second"),
        Further::Scene("tail-loss"),
    ],
    set: REPLY_TWICE,
    play: |stage| converse(stage, 0, "the client", b"hello"),
    claims: |story| {
        let server = story.times(Side::Server, Is::Data);
        vec![
            ("two frames are lost", story.lost() == 2),
            ("the reply goes out three times, at 0.015, 0.055 and 0.135", server == [15, 55, 135]),
            ("the waits double", gaps(&server) == [40, 80]),
            ("first a probe, then a timeout", {
                story.again(Side::Server) == [(55, Loss::Probe), (135, Loss::Timeout)]
            }),
            ("the client repeats nothing", story.times(Side::Client, Is::Data).len() == 1),
            ("the window is one segment at 0.135", {
                let mut news = story.congestion(Side::Server).into_iter();
                news.next().is_some_and(|(at, path)| at == 135 && path.window == path.segment)
            }),
            (
                "no byte is taken twice",
                story.received(Side::Server) == [5] && story.received(Side::Client) == [5],
            ),
            ("the server waits in FIN-WAIT-1 until 0.145", {
                story.reached(Side::Server, 0, FinWait1) == Some((15, Cause::Call))
                    && story.reached(Side::Server, 0, TimeWait) == Some((145, Cause::Segment))
            }),
        ]
    },
};

pub(super) const ACK: Scenario = Scenario {
    name: "lost-ack",
    title: "TCP: acknowledgements are lost",
    scene: "Stream mode. Two bare acknowledgements of the client are lost: the third segment of the handshake, and the one \
        that acknowledges the reply.",
    question: "Which of the two losses has consequences? Does the client's program get HELLO twice?",
    explanation: "The first has none. The handshake's ACK is lost at 0.015, but the sentence comes right behind it, and every \
        segment carries an acknowledgement: this one takes the server from SYN-RECEIVED to ESTABLISHED as well. \
        Acknowledgements are cumulative: each says \"everything before this number\", so a later one makes good for all \
        that were lost before it.\n\n\
        The second is followed by nothing. At 0.025 the server learns nothing, and at 0.255 it sends HELLO again, to ask \
        (`again: probe`). It has waited four round trips for an answer, and 0.2 s on top of that: this is a lone \
        segment, and a receiver may hold back the acknowledgement of such a one. The client has these bytes. It throws the copy away and acknowledges once more; its program sees \
        HELLO once.\n\n\
        A lost acknowledgement costs a retransmission at worst, and where others follow not even that. It never costs a byte, and never doubles one: that is \
        what the numbers are for.",
    sources: &[
        ("RFC 9293 3.4", "an acknowledgement covers everything before its number"),
        ("RFC 9293 3.10.7.4", "in SYN-RECEIVED any acceptable acknowledgement opens the connection"),
        ("RFC 8985 7.2", "how long to wait before asking"),
    ],
    further: &[Further::Scene("duplicated-segment"), Further::Scene("time-wait")],
    set: Set {
        trouble: &["drop the 1st ACK from the client", "drop the 2nd ACK from the client"],
        ..Set::STREAM
    },
    play: |stage| {
        let sock = greet(stage);
        stage.pass(secs(2));
        stage.close(sock);
        stage.receive(sock, 1_024);
        stage.pass(ms(50));
    },
    claims: |story| {
        let established = story.reached(Side::Server, 0, Established);
        vec![
            ("two frames are lost", story.lost() == 2),
            ("the sentence opens the connection, at 0.015", established == Some((15, Cause::Segment))),
            ("no bare acknowledgement came before", {
                story.got(Side::Server, Is::Ack).first().is_none_or(|(at, _)| at.total_millis() == 265)
            }),
            ("HELLO goes out at 0.015 and at 0.255", story.times(Side::Server, Is::Data) == [15, 255]),
            ("the copy is acknowledged", story.times(Side::Client, Is::Ack).contains(&260)),
            ("the program gets it once", story.received(Side::Client) == [5]),
            ("the sentence went out once", story.times(Side::Client, Is::Data).len() == 1),
        ]
    },
};

pub(super) const FIN: Scenario = Scenario {
    name: "lost-fin",
    title: "TCP: the FIN is lost",
    scene: "Stream mode: the client closes first, as in tcp-client-closes, and its FIN is lost.",
    question: "The client's program has called close and may have ended. Who repeats the FIN?",
    explanation: "The client's system does, program or not: a FIN takes a sequence number, like a byte, so it is acknowledged \
        and repeated like one. It is lost at 0.025 and arrives at 0.060, as a probe after 35 ms of silence. Until then the \
        server's program sees an open connection on which nothing comes, and the client's end stands in FIN-WAIT-1.\n\n\
        This is why a connection outlives its program, and why you find sockets in FIN-WAIT-1 and LAST-ACK in `ss \
        -tan` that belong to no process.",
    sources: &[
        (
            "RFC 9293 3.4",
            "SYN and FIN take a sequence number each, so that they can be acknowledged without doubt",
        ),
        ("RFC 9293 3.6", "case 1: all up to and including the FIN is retransmitted until acknowledged"),
        ("RFC 8985 7.2", "how long to wait before asking"),
    ],
    further: &[Further::Diagram("how long it is in FIN-WAIT-1"), Further::Scene("time-wait")],
    set: Set { trouble: &["drop the 1st FIN from the client"], ..Set::STREAM },
    play: |stage| {
        let sock = greet(stage);
        stage.close(sock);
        if stage.receive(sock, 1_024) == Got::End {
            stage.tell("the client got the end of the stream");
        }
        stage.pass(ms(50));
    },
    claims: |story| {
        let fins = story.sent(Side::Client, Is::Fin);
        vec![
            ("one frame is lost", story.lost() == 1),
            ("the FIN goes out at 0.020 and at 0.055", story.times(Side::Client, Is::Fin) == [20, 55]),
            ("with the same number", fins.windows(2).all(|pair| pair[0].1.seq == pair[1].1.seq)),
            ("the client is in FIN-WAIT-1 until 0.065", {
                story.reached(Side::Client, 0, FinWait1) == Some((20, Cause::Call))
                    && story.reached(Side::Client, 0, TimeWait) == Some((65, Cause::Segment))
            }),
            ("the server's end is gone", story.reached(Side::Server, 0, Closed).is_some()),
        ]
    },
};

pub(super) const DUPLICATE: Scenario = Scenario {
    name: "duplicated-segment",
    title: "TCP: a segment that arrives twice",
    scene: "Stream mode, two words, each in a segment of its own. The wire delivers the first segment twice. You have seen \
        what happens to a datagram of UDP (udp-duplicate): it was answered twice.",
    question: "And here?",
    explanation: "Both copies are there at 0.015. The first fills bytes 1 to 4. The second has the same numbers: it is \
        recognized as old, thrown away, and answered with an acknowledgement (`ack 5`), in case the sender repeated it \
        because an acknowledgement was lost. The server's program gets \"one \" once.\n\n\
        The sequence number is all that is needed for this. UDP has none, so there nobody can tell a copy from a second \
        datagram with the same words.",
    sources: &[
        ("RFC 9293 3.4", "which sequence numbers are acceptable"),
        ("RFC 9293 3.10.7.4", "an unacceptable segment is answered with an acknowledgement and dropped"),
    ],
    further: &[Further::Scene("udp-duplicate"), Further::Scene("reordered-segments")],
    set: Set { trouble: &["duplicate the 1st data segment from the client"], ..Set::STREAM },
    play: |stage| words(stage, &["one ", "two"]),
    claims: |story| {
        vec![
            ("one frame is doubled", story.fates() == [Fate::Duplicated]),
            ("three segments with data come of two", {
                story.sent(Side::Client, Is::Data).len() == 2 && story.got(Side::Server, Is::Data).len() == 3
            }),
            ("the copy is acknowledged at 0.015", story.times(Side::Server, Is::Ack) == [15]),
            ("the program gets each once", story.received(Side::Server) == [4, 3]),
        ]
    },
};

pub(super) const REORDERED: Scenario = Scenario {
    name: "reordered-segments",
    title: "TCP: segments that overtake each other",
    scene: "Stream mode, three words, each in a segment of its own. The first is held up for 2 ms, and the next \
        overtakes it, as on a path with two routes of different length.",
    question: "In which order does the server's program get the words? Is anything sent again?",
    explanation: "In the right order, and all at once. \"two \" arrives at 0.016; the server keeps it but cannot give it to its \
        program, for what comes before is missing. It acknowledges what it has in order: nothing (`ack 1`), with SACK \
        for the rest. At 0.017 \"one \" fills the gap, \"three\" is there as well, and one recv returns 13 bytes.\n\n\
        Nothing was sent again. The first of these acknowledgements tells the client that a later segment has arrived \
        and an earlier one has not. It cannot know whether that one is lost or late; so it gives it a quarter of a round \
        trip more, counted from when its acknowledgement was due: until 0.0225. At 0.022 the acknowledgement of \
        everything is there, half a millisecond before that.\n\n\
        TCP's older rule counts instead of waiting: two duplicate acknowledgements are not three (see \
        three-duplicates). Had the delay been longer, \"one \" would have been sent again for nothing, by either rule. That \
        costs a segment and no byte; and who is told of it is more patient from then on.\n\n\
        Note the price of order: a word that was there had to wait for one that was not. With UDP the program would \
        have had it at once, in the wrong order.",
    sources: &[
        (
            "RFC 9293 3.10.7.4",
            "segments that begin beyond the next expected number are kept until the gap is filled",
        ),
        ("RFC 8985 6.2", "how much later than it should a segment may be: a quarter of the least round trip"),
        ("RFC 5681 3.2", "why three duplicates and not one: reordering"),
        ("RFC 5681 4.2", "acknowledge at once when a gap opens or is filled"),
    ],
    further: &[Further::Scene("fast-retransmit"), Further::Scene("three-duplicates")],
    set: Set { trouble: &["delay the 1st data segment from the client by 2 ms"], ..Set::STREAM },
    play: |stage| words(stage, &["one ", "two ", "three"]),
    claims: |story| {
        vec![
            ("one frame is delayed", story.fates() == [Fate::Delayed(ms(2))]),
            ("the words come at 0.016, 0.017 and 0.017", {
                let times: Vec<_> =
                    story.got(Side::Server, Is::Data).iter().map(|(at, _)| at.total_millis()).collect();
                times == [16, 17, 17]
            }),
            ("nothing is sent again", {
                story.sent(Side::Client, Is::Data).len() == 3 && story.again(Side::Client).is_empty()
            }),
            (
                "an acknowledgement of nothing new, and one of everything",
                story.times(Side::Server, Is::Ack).starts_with(&[16, 17]),
            ),
            ("one recv returns all", story.received(Side::Server) == [13]),
        ]
    },
};

pub(super) const CHECKSUM: Scenario = Scenario {
    name: "wrong-checksum",
    title: "TCP: one bit is inverted on the way",
    scene: "Somewhere between the two computers, in a router's faulty memory, say, one bit of the segment with the sentence \
        is inverted. Ethernet's own check is calculated anew on each link, so it finds nothing.",
    question: "What does the server's program read? Does the server say that something was wrong?",
    explanation: "The letter h became j: \"jello\" arrives at 0.015, with the checksum of \"hello\". The server's stack \
        calculates it anew, over the segment and the addresses, finds another sum, and throws the segment away. It says \
        nothing. It could not even know whom to tell: the wrong bit might be in the address or the port.\n\n\
        For the client this is a lost segment like any other. At 0.255 it is there again, and the program reads \
        \"hello\", once.\n\n\
        TCP's checksum is a sum of 16 bits: it finds every single inverted bit, but not words that have changed places, \
        and not every error of several bits. Whoever needs certainty (TLS, SSH) adds a check of their own.",
    sources: &[
        ("RFC 9293 3.1", "the checksum, and that it covers the IP addresses too"),
        ("RFC 1071 1", "how it is calculated"),
    ],
    further: &[
        Further::Headers("the segment at 0.015: which bytes does the checksum cover?"),
        Further::Scene("lost-datagram"),
    ],
    set: Set { trouble: &["corrupt the 1st data segment from the client"], ..Set::SENTENCE },
    play: |stage| converse(stage, 0, "the client", b"hello"),
    claims: |story| {
        // The last bit but one of the first letter: 14 bytes of Ethernet, 20 of IP, 20 of TCP.
        let bit = 8 * 54 + 6;
        vec![
            ("one bit of the h is inverted", story.fates() == [Fate::Corrupted { bit }]),
            (
                "the segment goes out twice, 0.240 s apart",
                gaps(&story.times(Side::Client, Is::Data)) == [240],
            ),
            ("it arrives twice", story.got(Side::Server, Is::Data).len() == 2),
            ("the first is not answered", {
                story.sent(Side::Server, Is::Ack).iter().all(|(at, _)| at.total_millis() > 250)
            }),
            ("the program reads it once", story.received(Side::Server) == [5]),
        ]
    },
};
