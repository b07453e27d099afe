//! UDP: a datagram there, a datagram back, and nothing else.

use super::clients::asks;
use crate::scenario::{Further, Scenario};
use crate::stage::{Ports, Set};
use crate::story::{is_icmp, ms, secs};
use undersock::event::Fate;
use undersock::packet::Packet;
use undersock::server::config::SENTENCE_PORT;
use undersock_views::Side;

pub(super) const EXCHANGE: Scenario = Scenario {
    name: "udp-exchange",
    title: "UDP: one datagram there, one back",
    scene: "The textbook's first pair of programs. The server has made a datagram socket and bound it to port 12000. The \
        client makes one too, sends the sentence \"hello\" to the server's address and port, and waits in recvfrom.",
    question: "How many frames cross the wire? Which of them comes before the sentence, to agree on a connection? Where \
        does the server know from, whom to answer?",
    explanation: "Two frames: the question reaches the server at 0.005 (a line with `<` is a frame that comes to the \
        server), the answer leaves it at 0.005 (`>`) and is with the client at 0.010. No frame comes before them and \
        none after. UDP has no connection, so there is nothing to set up, nothing to close and no state to list: you \
        see calls and frames alone.\n\n\
        The client never called bind. Its system gave it port 49152, the first of those that are meant for that, when \
        it first sent. The server reads both the client's address and this port from the datagram itself: recvfrom \
        returns them beside the bytes, and sendto takes them back. Beyond that the server remembers nothing of this \
        client.",
    sources: &[
        ("RFC 768", "all of UDP in three pages: four fields in the header, two of them the ports"),
        ("RFC 6335 6", "which ports are assigned and which, from 49152 on, anybody may take for a while"),
    ],
    further: &[
        Further::Headers("a UDP header is 8 bytes; what does the checksum cover?"),
        Further::Scene("arp"),
        Further::Scene("tcp-server-closes"),
    ],
    set: Set::UDP,
    play: |stage| asks(stage, b"hello", secs(5), 1),
    claims: |story| {
        vec![
            ("the client sends one datagram, at 0", story.datagrams(Side::Client) == [(0, 5)]),
            ("the server sends one, at 0.005", story.datagrams(Side::Server) == [(5, 5)]),
            (
                "nothing else crosses the wire",
                story.out(Side::Client).count() + story.out(Side::Server).count() == 2,
            ),
            (
                "the client's port is 49152",
                story.count(
                    Side::Server,
                    |packet| matches!(packet, Packet::Udp(udp) if udp.from.port() == 49_152),
                ) == 1,
            ),
            (
                "no state changes",
                story.states(Side::Client, 0).is_empty() && story.states(Side::Server, 0).is_empty(),
            ),
        ]
    },
};

pub(super) const NO_SERVER: Scenario = Scenario {
    name: "udp-no-server",
    title: "UDP: the client before the server",
    scene: "The server's computer is on, but the UDP server program has not been started: no socket there is bound to \
        UDP port 12000. (The TCP server is running, on TCP port 12000. That is another port: each transport protocol \
        has 65,535 of its own.) The client sends its sentence and waits for one second. Then the server is started, \
        and the client tries again.",
    question: "Does sendto fail? Does anything come back? What does the client's program see?",
    explanation: "sendto succeeded: a datagram is on its way as soon as your own system has taken it. At 0.005 the \
        server's system finds no socket for it and says so: ICMP destination unreachable, code 3, port unreachable. So \
        \"nobody there\" has an answer, but it is IP's, not UDP's, and it is about the datagram, not about a \
        connection.\n\n\
        Whether your program hears of it depends on the system. This client's stack tells its UDP sockets nothing, so \
        recvfrom waits until the program gives up at 1.000. Linux reports it as \"Connection refused\" on the next \
        call, but only on a socket that was tied to its peer with connect(): with several peers it would not be clear \
        whose error it is. The textbook's client would wait for ever.\n\n\
        At 1.000 the server is started; the second attempt is answered at 1.010.",
    sources: &[
        (
            "RFC 1122 4.1.3.1",
            "a host that gets a datagram for a port with no socket should send port unreachable",
        ),
        ("RFC 1122 4.1.3.3", "UDP must pass ICMP errors up to the application (this stack does not)"),
        ("RFC 792", "destination unreachable: it carries the first bytes of the datagram that caused it"),
    ],
    further: &[
        Further::Headers("the ICMP message: the datagram's own header is inside it"),
        Further::Scene("tcp-no-server"),
    ],
    set: Set::SENTENCE,
    play: |stage| {
        asks(stage, b"hello", secs(1), 1);
        stage.note(Side::Server, "the UDP server is started");
        stage.serve(Ports { udp: Some(SENTENCE_PORT), ..Set::SENTENCE.ports });
        asks(stage, b"hello", secs(1), 1);
    },
    claims: |story| {
        let unreachable = |packet: &Packet<'_>| is_icmp(packet, 3, 3);
        vec![
            ("port unreachable comes to the client, once", story.count(Side::Client, unreachable) == 1),
            ("the client asks at 0 and at 1.000", story.datagrams(Side::Client) == [(0, 5), (1_000, 5)]),
            ("only the second is answered", story.datagrams(Side::Server) == [(1_005, 5)]),
            ("the client's recvfrom returns once", story.received(Side::Client) == [5]),
        ]
    },
};

pub(super) const LOST_REPLY: Scenario = Scenario {
    name: "udp-lost-reply",
    title: "UDP: the answer is lost",
    scene: "The client has learned from experience: when no reply has come after one second, it sends the sentence again. \
        The wire loses the server's first datagram.",
    question: "Can the client tell a lost question from a lost answer? How often does the server do its work?",
    explanation: "The question arrives at 0.005 and the server answers; the wire loses the answer (`! >`). Seen from the \
        client nothing has happened, exactly as if the question had been lost. So it can do one thing only: ask again, \
        at 1.000. The server gets the same sentence a second time and does the same work a second time.\n\n\
        For upper case that is harmless. If the sentence were \"take 100 from my account\", it would not be: then the \
        datagrams need a number, so that the server recognizes a repetition and repeats its answer instead of its \
        work. Timer, number, repetition: you are building a piece of TCP, as DNS and QUIC have built theirs.",
    sources: &[
        ("RFC 768", "delivery and duplicate protection are not guaranteed"),
        ("RFC 8085 3.1.1", "how an application on UDP sets the timers that TCP would have set for it"),
    ],
    further: &[Further::Scene("lost-datagram"), Further::Scene("lost-ack")],
    set: Set { trouble: &["drop the 1st datagram from the server"], ..Set::UDP },
    play: |stage| asks(stage, b"hello", secs(1), 2),
    claims: |story| {
        vec![
            ("the client sends at 0 and at 1.000", story.datagrams(Side::Client) == [(0, 5), (1_000, 5)]),
            ("the server answers both", story.datagrams(Side::Server) == [(5, 5), (1_005, 5)]),
            ("one of the answers is lost", story.fates() == [Fate::Lost]),
            ("the server works twice", story.received(Side::Server) == [5, 5]),
            ("the client gets one reply", story.received(Side::Client) == [5]),
        ]
    },
};

pub(super) const DUPLICATE: Scenario = Scenario {
    name: "udp-duplicate",
    title: "UDP: a datagram that arrives twice",
    scene: "Networks may deliver a datagram twice, for example when a frame's acknowledgement is lost on a wireless link \
        and the frame is sent again. Here the wire doubles the client's datagram.",
    question: "How many times does the server answer? What happens to the second answer?",
    explanation: "Both copies arrive at 0.005, and the server, which remembers nothing, answers both. Two answers are with \
        the client at 0.010, and recvfrom takes one of them. The other lies in the socket's queue until the client \
        closes the socket.\n\n\
        If the client asked a second question on the same socket, its next recvfrom would return this old answer at \
        once, and every answer after it would be off by one. A program on UDP must be able to tell which question a \
        datagram answers.",
    sources: &[("RFC 768", "duplicate protection is not guaranteed")],
    further: &[Further::Scene("duplicated-segment")],
    set: Set { trouble: &["duplicate the 1st datagram from the client"], ..Set::UDP },
    play: |stage| {
        asks(stage, b"hello", secs(1), 1);
        stage.pass(ms(50));
    },
    claims: |story| {
        vec![
            ("the client sends one datagram", story.datagrams(Side::Client) == [(0, 5)]),
            ("the wire doubles it", story.fates() == [Fate::Duplicated]),
            ("the server takes both, and answers both", {
                story.received(Side::Server) == [5, 5] && story.datagrams(Side::Server) == [(5, 5), (5, 5)]
            }),
            ("both answers come", story.count(Side::Client, |packet| matches!(packet, Packet::Udp(_))) == 2),
            ("recvfrom takes one", story.received(Side::Client) == [5]),
        ]
    },
};
