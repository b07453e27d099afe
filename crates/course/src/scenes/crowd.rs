//! More than one client: what tells them apart, and what happens when there is no room.

use undersock::smoltcp::socket::tcp::State::{Closed, Established, TimeWait};

use super::clients::{converse, finish};
use crate::scenario::{Further, Scenario};
use crate::stage::Set;
use crate::story::{Is, ms, secs};
use undersock::event::{Call, DropRule, Timer, Way};
use undersock::packet::Packet;
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};
use undersock_views::Side;

pub(super) const TWO_CLIENTS: Scenario = Scenario {
    name: "two-clients",
    title: "Several clients, and the four numbers that tell them apart",
    scene: "Anna and Ben sit at one computer, 192.168.69.100; each has started the client. Carla sits at another, \
        192.168.69.101. All three connect to the server's port 12001 at the same moment and send their names.",
    question: "How many ports does the server use? Carla's computer has chosen the same port, 49152, as Anna's. Does that \
        matter?",
    explanation: "One port, 12001, and three connection sockets, `#0`, `#1` and `#2`. The welcoming socket made one for each \
        SYN, all of them at port 12001. Which of them a segment is for is decided by four numbers: source address, \
        source port, destination address, destination port.\n\n\
        Anna and Ben share both addresses and the server's port; their own ports differ, 49152 and 49153. Anna and Carla \
        share three of four numbers too: only the client's address differs. One difference is enough, and each gets \
        the right reply.\n\n\
        So a server is not limited to 65,535 connections by its ports; one client computer is, to one port of one \
        server.\n\n\
        A UDP server would have one socket for all three. There the program has to look at the address that recvfrom \
        returns.",
    sources: &[
        ("RFC 9293 3.4.1", "a connection is defined by a pair of sockets: two addresses, two ports"),
        ("RFC 6335 6", "where the client's ports come from"),
    ],
    further: &[
        Further::Table("three slots, one local port"),
        Further::Headers("where the four numbers are: two in the IP header, two in the TCP header"),
    ],
    set: Set { hosts: 2, ..Set::STREAM },
    play: |stage| {
        let names = [("Anna", 0), ("Ben", 0), ("Carla", 1)];
        let clients = names.map(|(name, host)| (name, stage.open(host, STREAM_PORT)));
        for (_, sock) in clients {
            stage.connect(sock);
        }
        for (name, sock) in clients {
            stage.send(sock, name.to_lowercase().as_bytes());
        }
        for (name, sock) in clients {
            let got = stage.receive(sock, 1_024).text();
            stage.tell(&format!("{name} got {got}"));
        }
    },
    claims: |story| {
        let accepted: Vec<_> = story
            .calls(Side::Server)
            .into_iter()
            .filter_map(|call| match call {
                Call::Accept { slot, local, remote } => Some((slot, local, remote)),
                _ => None,
            })
            .collect();
        let [anna, ben, carla] = accepted[..] else { return vec![("three connections", false)] };
        vec![
            ("three slots, one local port", {
                accepted.iter().all(|(_, local, _)| local.port == 12_001 && *local == anna.1)
                    && (anna.0, ben.0, carla.0) == (0, 1, 2)
            }),
            ("Anna and Ben differ by their ports", {
                anna.2.addr == ben.2.addr && (anna.2.port, ben.2.port) == (49_152, 49_153)
            }),
            ("Anna and Carla by their addresses", anna.2.port == carla.2.port && anna.2.addr != carla.2.addr),
            ("each gets the right reply", {
                let lines = &story.run.outcome;
                lines
                    .iter()
                    .zip(["Anna got ANNA", "Ben got BEN", "Carla got CARLA"])
                    .all(|(line, start)| line.starts_with(start))
                    && lines.len() == 3
            }),
        ]
    },
};

pub(super) const BACKLOG: Scenario = Scenario {
    name: "full-backlog",
    title: "A server with one place, and a queue for one",
    scene: "This server has memory for one connection, and its queue for those who wait holds one SYN: the textbook's \
        listen(1). The first client is connected and takes half a second to type its sentence. Meanwhile a second and a \
        third client connect.",
    question: "Is anybody refused? When is each of them served?",
    explanation: "Nobody is refused. At 0.015 both SYNs are there. The second client's waits in the queue; the third's finds the \
        queue full and is dropped without a word. Both clients see the same: nothing.\n\n\
        At 0.525 the first conversation is over, and the SYN that waited is answered in the same moment. The third has \
        to wait for its own timer: its SYN goes out again after a second (1.015), finds room, and is served by 1.030. \
        That is the difference the queue makes: half a second of waiting for the second client instead of a second or \
        more.\n\n\
        Why silence and not \"connection refused\"? A reset says: there is no server. It would be wrong, and the client's \
        program would give up. Silence says: try again, which TCP does by itself.\n\n\
        When the SYN that waited was let in, the first connection was still in TIME-WAIT; its place was taken all the \
        same, since nothing else was free. Linux's queue works at another point (connections wait whose handshake is \
        complete, until accept takes them), and so `listen(1)` there lets more clients in than you would count.",
    sources: &[
        ("RFC 9293 3.10.7.2", "what a listening socket does with a SYN"),
        ("RFC 9293 3.8.3", "the client goes on trying for three minutes at least"),
        ("RFC 4987 3", "queues of half-open connections, and attacks on them"),
    ],
    further: &[
        Further::Table("one slot in use, one SYN waiting"),
        Further::Scene("lost-syn"),
        Further::Scene("time-wait-reuse"),
    ],
    set: Set { slots: 1, ..Set::SENTENCE },
    play: |stage| {
        let first = stage.open(0, SENTENCE_PORT);
        stage.connect(first);
        let second = stage.open(0, SENTENCE_PORT);
        let third = stage.open(0, SENTENCE_PORT);
        stage.pass(ms(500));
        finish(stage, first, "the first client", b"one");
        stage.connect(second);
        finish(stage, second, "the second client", b"two");
        stage.connect(third);
        finish(stage, third, "the third client", b"three");
        stage.pass(ms(50));
    },
    claims: |story| {
        let waiting = story.came(Side::Server).filter(|seen| seen.way == Some(Way::Waiting)).count();
        let established = |slot| story.reached(Side::Client, slot, Established).map(|(at, _)| at);
        vec![
            ("one SYN waits", waiting == 1),
            ("one is dropped", story.dropped() == [DropRule::QueueFull]),
            ("nobody is refused", story.sent(Side::Server, Is::Rst).is_empty()),
            ("the second client is connected at 0.530", established(1) == Some(530)),
            ("the third's SYN goes out again after a second", {
                story.times(Side::Client, Is::Syn) == [0, 10, 10, 1_010]
            }),
            ("it is connected at 1.020", established(2) == Some(1_020)),
            ("all three are served", story.received(Side::Client) == [3, 3, 5]),
            ("TIME-WAIT gives way twice", story.timers() == [Timer::Reused { slot: 0 }; 2]),
        ]
    },
};

pub(super) const REUSE: Scenario = Scenario {
    name: "time-wait-reuse",
    title: "TIME-WAIT, and the same four numbers again",
    scene: "A conversation in sentence mode; the server closes first and stays in TIME-WAIT. A second later the client's \
        computer is restarted, and its system begins to hand out ports from 49152 again. So the next connection has \
        exactly the four numbers of the one that is in TIME-WAIT.",
    question: "TIME-WAIT is there to keep old segments out of new connections. Must the client wait for ten seconds?",
    explanation: "It need not. At 2.075 a SYN comes with the four numbers of a connection in TIME-WAIT: its client must have \
        forgotten that one, or it would not begin anew. The server ends TIME-WAIT early and uses the slot for the new \
        connection. Both have `#0`, and they are different connections: each SYN brings a fresh initial sequence number, \
        so a late segment of the old one would bear numbers far away from what the new one expects.\n\n\
        The RFC permits this under two conditions: the server's new initial number lies beyond all that it used before, \
        and should the SYN turn out to be an old duplicate, it returns to TIME-WAIT. This server draws its numbers at \
        random and keeps to neither; Linux looks at the client's number, and at the timestamp option, which is a better \
        proof that a segment is new. Where a stack does nothing of the kind, the client has to wait.\n\n\
        \"Address already in use\", when you start a server again at once, is the same TIME-WAIT seen from the other \
        side: bind refuses the port while old connections of it linger. SO_REUSEADDR is the answer to that one.",
    sources: &[
        ("RFC 9293 3.6.1", "a new SYN may reopen the connection directly from TIME-WAIT, and when"),
        ("RFC 9293 3.4.1", "how initial sequence numbers keep two lives of a connection apart"),
        ("RFC 6191 2", "how timestamps help"),
    ],
    further: &[Further::Scene("time-wait"), Further::Scene("crash-and-reconnect")],
    set: Set::SENTENCE,
    play: |stage| {
        converse(stage, 0, "the client", b"hello");
        stage.pass(secs(1));
        stage.note(Side::Client, "the client's computer is restarted");
        stage.crash();
        stage.boot();
        stage.pass(secs(1));
        converse(stage, 0, "the client", b"again");
    },
    claims: |story| {
        let syns = story.got(Side::Server, Is::Syn);
        let same =
            syns.windows(2).all(|pair| (pair[0].1.from, pair[0].1.to) == (pair[1].1.from, pair[1].1.to));
        let from = |packet: &Packet<'_>| matches!(packet, Packet::Tcp(tcp) if tcp.from.port() != 49_152);
        vec![
            ("two SYNs with the same four numbers", syns.len() == 2 && same),
            ("and different sequence numbers", syns.windows(2).all(|pair| pair[0].1.seq != pair[1].1.seq)),
            ("no other port is used", story.count(Side::Server, from) == 0),
            ("TIME-WAIT gives way, once", story.timers() == [Timer::Reused { slot: 0 }]),
            ("the server is in TIME-WAIT twice", {
                story.states(Side::Server, 0).iter().filter(|state| **state == TimeWait).count() == 2
            }),
            ("the new connection waits for nothing", {
                story.got(Side::Server, Is::Syn).last().map(|(at, _)| at.total_millis()) == Some(2_075)
                    && story.times(Side::Server, Is::SynAck).last() == Some(&2_075)
            }),
            ("both conversations succeed", story.received(Side::Client) == [5, 5]),
            ("the client's ends are gone", story.states(Side::Client, 0).last() == Some(&Closed)),
        ]
    },
};
