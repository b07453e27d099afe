//! Half a connection: one end has forgotten it, or somebody would like that.

use undersock::host::Mac;
use undersock::smoltcp::socket::tcp::State::{Closed, Established};
use undersock::smoltcp::wire::{IpEndpoint, TcpControl};

use super::clients::greet;
use crate::frames;
use crate::scenario::{Further, Scenario};
use crate::stage::calls::Got;
use crate::stage::{CLIENT, SERVER, Set};
use crate::story::{self, Is, gaps, ms, secs};
use undersock::event::{Cause, DropRule};
use undersock::host::DEFAULT_MAC;
use undersock::server::config::STREAM_PORT;
use undersock_views::Side;

/// A third computer on the wire.
const STRANGER: Mac = Mac([0x02, 0, 0, 0, 0, 0x66]);

pub(super) const RECONNECT: Scenario = Scenario {
    name: "crash-and-reconnect",
    title: "The client crashes, comes back, and connects again",
    scene: "A connection in stream mode, open and quiet. Then the client's computer loses its power: no FIN, no reset, nobody \
        is told. Two seconds later it is back and the client is started again. Its system, which remembers nothing, \
        hands out the same port as before.",
    question: "The server still has a connection with these four numbers, and it believes in it. What does it do with a SYN?",
    explanation: "The server cannot know that its peer is gone; on a quiet connection nothing happens. Its half of the connection \
        is what is called half-open.\n\n\
        At 2.525 the SYN arrives in the middle of the established connection. A SYN there might be genuine, or old, or \
        forged by somebody who would like to end the connection. So the server believes nothing and asks: a challenge \
        ACK, an ordinary acknowledgement with the numbers of the old connection. It goes to the true owner of the \
        address. The client is in SYN-SENT and gets an acknowledgement of something that it never sent, so it answers \
        with a reset, whose number it takes from that acknowledgement: exactly what the server expects (2.535). Now the \
        server believes it, and its half is gone.\n\n\
        The client's SYN was not answered, so it goes out again, a second after the first, and finds a server without \
        the old connection: connected at 3.530. All this has cost a second, and no program had to \
        know about it.",
    sources: &[
        ("RFC 9293 3.5.1", "half-open connections; its figure 9 is this scene, line by line"),
        ("RFC 5961 4.2", "a SYN in a synchronized state draws a challenge ACK, whatever its number"),
        ("RFC 9293 3.5.2", "in SYN-SENT, an acknowledgement of what was never sent draws a reset (group 2)"),
    ],
    further: &[
        Further::Table("at 2 s: an ESTABLISHED connection to a computer without power"),
        Further::Scene("crash-and-return"),
        Further::Scene("forged-reset"),
    ],
    set: Set::STREAM,
    play: |stage| {
        greet(stage);
        stage.pass(ms(500));
        stage.note(Side::Client, "the client's computer loses its power");
        stage.crash();
        stage.pass(secs(2));
        stage.note(Side::Client, "it is back");
        stage.boot();
        let sock = stage.open(0, STREAM_PORT);
        stage.connect(sock);
        stage.tell("the client was connected again");
        stage.send(sock, b"again");
        let got = stage.receive(sock, 1_024).text();
        stage.tell(&format!("the client got {got}"));
    },
    claims: |story| {
        let syns = story.got(Side::Server, Is::Syn);
        let resets = story.got(Side::Server, Is::Rst);
        let challenge = story.sent(Side::Server, Is::Ack);
        vec![
            ("three SYNs, with the same four numbers", {
                syns.len() == 3 && syns.windows(2).all(|pair| pair[0].1.from == pair[1].1.from)
            }),
            ("the first one after the crash is challenged", story.dropped() == [DropRule::Challenged]),
            ("at 2.525", challenge.len() == 1 && story::millis(challenge[0].0) == 2_525),
            ("the reset has the challenge's number", {
                resets.len() == 1 && challenge.iter().all(|(_, ack)| ack.ack == Some(resets[0].1.seq))
            }),
            ("it comes at 2.535 and ends the server's half", {
                story.reached(Side::Server, 0, Closed) == Some((2_535, Cause::Segment))
            }),
            ("the SYN goes out again a second later", {
                gaps(&story.times(Side::Client, Is::Syn)) == [2_520, 1_000]
            }),
            ("the client is connected again, and served", {
                story.run.outcome.iter().any(|line| line.ends_with("3.530 s"))
                    && story.received(Side::Client) == [5, 5]
            }),
        ]
    },
};

pub(super) const RETURN: Scenario = Scenario {
    name: "crash-and-return",
    title: "The client crashes while the server has something to say",
    scene: "Stream mode. The client sends \"hello\", and its computer loses its power before the reply is there. Five seconds \
        later it is switched on again; nobody starts the client.",
    question: "How often does the server send its reply? What ends this?",
    explanation: "To the server this looks like loss, and it does what it does then: HELLO again at 0.255, as a probe, and then at \
        0.735, 1.695, 3.615 and 7.455, with the wait doubled each time. Nobody answers the first four: they find a \
        computer without power. Only the first wait follows from the round trip; where nothing is heard at all, \
        patience is all that is left.\n\n\
        It does something else meanwhile. Where retransmissions stay without an answer, the Ethernet address may be out \
        of date, so it asks for it (who-has, 1.695), three times in vain, and once more at 7.455. A client that came \
        back with another network card would be found so.\n\n\
        The segment at 7.455 finds a running computer that knows nothing of a connection. A segment for a connection that \
        does not exist is answered with a reset, and the reset takes its number from the segment's own acknowledgement \
        field; so the server can see at 7.465 that it is genuine, and its half is gone.\n\n\
        With no computer there at all, the server would repeat for a while and give up: this one evicts a client that \
        takes nothing after 20 s; Linux tries for some 15 minutes.",
    sources: &[
        ("RFC 9293 3.5.1", "its figure 10: data from the side that still believes"),
        ("RFC 9293 3.5.2", "no connection: a reset (group 1)"),
        ("RFC 6298 5", "the wait doubles"),
        ("RFC 1122 2.3.2.1", "advice from TCP that a neighbour may be elsewhere now"),
    ],
    further: &[
        Further::Scene("crash-and-reconnect"),
        Further::Scene("server-restarts"),
        Further::Scene("arp"),
    ],
    set: Set::STREAM,
    play: |stage| {
        let sock = stage.open(0, STREAM_PORT);
        stage.connect(sock);
        stage.send(sock, b"hello");
        stage.pass(ms(7));
        stage.note(Side::Client, "the client's computer loses its power");
        stage.crash();
        stage.pass(secs(5));
        stage.note(Side::Client, "it is back, without the client");
        stage.boot();
        stage.pass(secs(3));
        stage.tell_plainly("the client got nothing: it was gone before the reply came");
        let left = stage.server().used();
        stage.tell_plainly(&format!("the server has {left} connections left"));
    },
    claims: |story| {
        let data = story.sent(Side::Server, Is::Data);
        vec![
            ("HELLO goes out at 0.015, 0.255, 0.735, 1.695, 3.615 and 7.455", {
                story.times(Side::Server, Is::Data) == [15, 255, 735, 1_695, 3_615, 7_455]
            }),
            ("a reset comes at 7.465", {
                let resets = story.got(Side::Server, Is::Rst);
                resets.len() == 1
                    && story::millis(resets[0].0) == 7_465
                    && data.iter().all(|(_, segment)| segment.ack == Some(resets[0].1.seq))
            }),
            (
                "it ends the server's half",
                story.reached(Side::Server, 0, Closed) == Some((7_465, Cause::Segment)),
            ),
            ("no connection is left", story.run.outcome.iter().any(|line| line.contains("0 connections"))),
        ]
    },
};

pub(super) const SERVER_RESTARTS: Scenario = Scenario {
    name: "server-restarts",
    title: "The server's computer is restarted under an open connection",
    scene: "The client has an open connection, and the server's computer is restarted. The server \
        program is up again at once and listens on the same port.",
    question: "The client's program notices nothing at first. What happens when it sends its next sentence?",
    explanation: "send succeeds: it only hands bytes to the client's own stack. At 1.025 they reach a server that listens on \
        this port but knows nothing of this connection. A segment that is no SYN does not begin one, so it is answered \
        with a reset, and the client's next recv fails with \"connection reset by peer\" at 1.030.\n\n\
        That the port is open does not help. A listening socket takes SYNs; the connection was another socket, and that \
        is gone. The client has to connect anew, and it does.\n\n\
        Whether the lost sentence was processed before the restart is something TCP cannot tell the client. An \
        acknowledgement says \"my stack has it\", never \"my program is done with it\".",
    sources: &[
        (
            "RFC 9293 3.5.2",
            "a segment for a connection that does not exist is answered with a reset (group 1)",
        ),
        ("RFC 9293 3.10.7.2", "what a listening socket does with a segment that is no SYN"),
    ],
    further: &[Further::Scene("crash-and-return"), Further::Scene("tcp-no-server")],
    set: Set::STREAM,
    play: |stage| {
        let sock = greet(stage);
        stage.pass(ms(500));
        stage.note(Side::Server, "the server's computer is restarted");
        stage.serve(Set::STREAM.ports);
        stage.pass(ms(500));
        stage.send(sock, b"more");
        if stage.receive(sock, 1_024) == Got::Reset {
            stage.tell("the client got \"connection reset\"");
        }
        greet(stage);
    },
    claims: |story| {
        vec![
            ("the sentence is answered by a reset, at 1.025", story.times(Side::Server, Is::Rst) == [1_025]),
            (
                "the client knows at 1.030",
                story.reached(Side::Client, 0, Closed) == Some((1_030, Cause::Segment)),
            ),
            ("it connects anew", story.reached(Side::Client, 1, Established).is_some()),
            ("and is served", story.received(Side::Client) == [5, 5]),
        ]
    },
};

pub(super) const FORGED_RESET: Scenario = Scenario {
    name: "forged-reset",
    title: "A stranger sends a reset",
    scene: "A connection in stream mode. A third computer would like to end it. It knows the four numbers (three are easy to \
        guess, the fourth is one of some 16,000) and sends a reset in the client's name. It cannot see the traffic, so \
        it has to guess the sequence number; it has tried many, and one of them falls into the server's window.",
    question: "The old rule was: a reset counts if its number is anywhere in the window. How many guesses would that take with \
        a window of 64 KiB? What does the server do today?",
    explanation: "With a window of 64 KiB every 65,536th number is a hit: 65,536 guesses for all four thousand million numbers, \
        a matter of seconds. So today a reset counts only if its number is exactly the next expected one. At 0.525 it is \
        a hundred too high: in the window, not exact. The server drops it and sends a challenge ACK to the client. A \
        client that had really reset the connection would answer with a reset that bears the exact number. This one \
        has not; it gets an acknowledgement that tells it nothing new, and says nothing.\n\n\
        The connection lives: at 0.720 the client sends, and it is answered.",
    sources: &[
        ("RFC 5961 3.2", "a reset in the window that is not exact draws a challenge ACK"),
        ("RFC 9293 3.10.7.4", "the same, now in TCP's own specification"),
        ("RFC 6056 3", "why the client's port should be hard to guess too (this client's is not)"),
    ],
    further: &[Further::Scene("crash-and-reconnect"), Further::Scene("tcp-no-server")],
    set: Set::STREAM,
    play: |stage| {
        let sock = greet(stage);
        let expected = stage.last_acknowledged();
        stage.pass(ms(500));
        stage.note(Side::Server, "a stranger sends a reset in the client's name");
        let client = (STRANGER, IpEndpoint::new(CLIENT, 49_152));
        let server = (DEFAULT_MAC, IpEndpoint::new(SERVER, STREAM_PORT));
        let seq = expected.wrapping_add(100);
        stage.inject(&frames::segment(client, server, TcpControl::Rst, seq, None));
        stage.pass(ms(200));
        stage.send(sock, b"still here");
        let got = stage.receive(sock, 1_024).text();
        stage.tell(&format!("the client got {got}"));
    },
    claims: |story| {
        vec![
            ("one reset comes, and is not believed", {
                story.got(Side::Server, Is::Rst).len() == 1 && story.dropped() == [DropRule::InexactReset]
            }),
            ("the client is asked, at 0.525", story.times(Side::Server, Is::Ack) == [525]),
            ("it does not answer that", story.sent(Side::Client, Is::Rst).is_empty()),
            ("the connection lives", story.reached(Side::Server, 0, Closed).is_none()),
            ("and serves, at 0.720", {
                story.times(Side::Client, Is::Data).last() == Some(&720)
                    && story.run.outcome.iter().any(|line| line.contains("STILL HERE"))
            }),
        ]
    },
};
