//! Around and below the two transport protocols.

use super::clients::asks;
use crate::frames;
use crate::scenario::{Further, Scenario};
use crate::stage::calls::Got;
use crate::stage::{CLIENT, SERVER, SERVER_V6, Set};
use crate::story::{Is, gaps, is_icmp, ms, secs};
use undersock::event::{Call, Limit, Timer};
use undersock::host::Mac;
use undersock::host::{CLIENT_MAC, DEFAULT_MAC};
use undersock::packet::{Packet, arp};
use undersock::smoltcp::wire::IpAddress;
use undersock_views::Side;

/// Another computer on the wire: a router, or a DHCP server.
const THIRD: frames::Addresses = (Mac([0x02, 0, 0, 0, 0, 0xfe]), IpAddress::v4(192, 168, 69, 254));

pub(super) const ARP: Scenario = Scenario {
    name: "arp",
    title: "Before the first packet: who has this address?",
    scene: "Two computers on one Ethernet that have never talked to each other. The client sends a sentence over UDP, gets its \
        reply, and sends another.",
    question: "The client's program knows the server's IP address and port. What else must its computer know before it can \
        send a frame? Why does the first reply take twice as long as the second?",
    explanation: "An Ethernet frame goes to an Ethernet address, and 192.168.69.1 is none. So the client's computer asks \
        everybody on the wire: who-has 192.168.69.1 (0.005). The server's computer answers with its Ethernet address. \
        Only now the datagram can be sent; it arrives at 0.015, and the reply is with the client at 0.020. The second \
        exchange takes 0.010 s: the answer is remembered for a while, here for a minute.\n\n\
        The server did not have to ask back. A computer has to find out whom it begins to talk to; whom it answers, it \
        can answer where the question came from, and this server does: its reply goes to the Ethernet address that the \
        datagram had as its source. (Many other systems remember who asked. The ARP request has both addresses of its \
        sender in it, for that purpose.)\n\n\
        The programs see nothing of this. sendto had long returned at 0.000; the datagram waited below it. If nobody \
        answers, the question is asked again, each second; after three of them the datagram is dropped, and over UDP \
        most programs never hear of it.\n\n\
        All other scenes begin after this: there the client knows the server already.",
    sources: &[
        ("RFC 826", "ARP: request, reply, and that the asked one learns too"),
        (
            "RFC 1122 2.3.2.1",
            "entries must be forgotten after a while, and no question more than once a second",
        ),
        ("RFC 1122 2.3.2.2", "the first packet should be kept while the answer is awaited"),
    ],
    further: &[
        Further::Headers("the request: its Ethernet destination is ff:ff:ff:ff:ff:ff"),
        Further::Scene("ipv6-neighbours"),
        Further::Scene("udp-exchange"),
    ],
    set: Set { acquainted: false, ..Set::UDP },
    play: |stage| {
        asks(stage, b"hello", secs(1), 1);
        asks(stage, b"again", secs(1), 1);
    },
    claims: |story| {
        let arps = |end| story.out(end).filter(|seen| is_arp(&seen.packet)).count();
        vec![
            ("one question, one answer", arps(Side::Client) == 1 && arps(Side::Server) == 1),
            ("sendto is called at 0, and the datagram leaves at 0.010", {
                story.datagrams(Side::Client) == [(10, 5), (20, 5)]
            }),
            ("the first reply takes 0.020 s, the second 0.010 s", {
                story.run.outcome
                    == ["the client got HELLO after 0.020 s", "the client got AGAIN after 0.030 s"]
            }),
        ]
    },
};

pub(super) const NEIGHBOURS: Scenario = Scenario {
    name: "ipv6-neighbours",
    title: "IPv6: the same question, asked of fewer",
    scene: "The scene \"arp\" over IPv6: two computers that have never talked to each other, and one sentence over UDP from \
        fdaa::100 to fdaa::1.",
    question: "ARP asks everybody. Whom does IPv6 ask?",
    explanation: "IPv6 has no ARP. Finding a neighbour is part of ICMPv6: a neighbour solicitation (`ndp who-has`, 0.005), and \
        a neighbour advertisement that answers it. The datagram follows at 0.015, a round trip later, as with ARP.\n\n\
        The question is not for everybody. It goes to a group that is made of the last 24 bits of the address in question, \
        ff02::1:ff00:1, and so to the Ethernet address 33:33:ff:00:00:01. A computer listens to the groups of its own \
        addresses only, so its network card can pass over the questions for all others.\n\n\
        Both messages bear the hop limit 255. A router would have made it smaller, so a neighbour can be sure that \
        nobody from outside has sent them.",
    sources: &[
        ("RFC 4861 7.2.2", "neighbour solicitations"),
        ("RFC 4861 7.2.4", "and advertisements that answer them"),
        ("RFC 4291 2.7.1", "solicited-node multicast addresses"),
        ("RFC 2464 7", "and the Ethernet addresses of groups"),
    ],
    further: &[
        Further::Headers(
            "the solicitation: Ethernet destination, hop limit, and the option with the sender's address",
        ),
        Further::Scene("arp"),
    ],
    set: Set { acquainted: false, ipv6: true, ..Set::UDP },
    play: |stage| match stage.ask(SERVER_V6, b"hello", secs(1), 1) {
        Ok(reply) => stage.tell(&format!("the client got {reply}")),
        Err(error) => stage.tell(&format!("the client got nothing ({error})")),
    },
    claims: |story| {
        let solicitation = |packet: &Packet<'_>| is_icmp(packet, 135, 0);
        let advertisement = |packet: &Packet<'_>| is_icmp(packet, 136, 0);
        vec![
            ("one solicitation comes to the server", story.count(Side::Server, solicitation) == 1),
            ("one advertisement to the client", story.count(Side::Client, advertisement) == 1),
            ("no ARP", story.count(Side::Server, is_arp) == 0),
            ("the datagram leaves at 0.010", story.datagrams(Side::Client) == [(10, 5)]),
            ("the solicitation goes to its group", {
                story.run.records.iter().any(|record| match record.what.event() {
                    Some(undersock::event::Event::Frame(frame)) => {
                        frame.bytes.starts_with(&[0x33, 0x33, 0xff, 0, 0, 1])
                            && frame.bytes.get(21) == Some(&255)
                    }
                    _ => false,
                })
            }),
        ]
    },
};

pub(super) const PING: Scenario = Scenario {
    name: "ping",
    title: "ping: is anybody there?",
    scene: "Before you suspect a program, you try whether the computer can be reached at all, with ping.",
    question: "Which program on the server's computer answers? At which port?",
    explanation: "No program, and no port. An echo request is a message of ICMP, beside UDP and TCP on top of IP, and the IP \
        stack itself answers it: at 0.005, with the same bytes. What comes back shows that the address is right, that \
        there is a way there and back, and how long it takes, 0.010 s.\n\n\
        It shows nothing about any server. A computer that answers ping may run none (tcp-no-server), and one that does \
        not answer may run one: many networks drop ICMP.",
    sources: &[("RFC 792", "echo and echo reply"), ("RFC 1122 3.2.2.6", "every host must answer")],
    further: &[
        Further::Headers("identifier and sequence number: how ping finds its own replies"),
        Further::Scene("udp-no-server"),
    ],
    set: Set::UDP,
    play: |stage| {
        stage.note(Side::Client, "ping 192.168.69.1");
        let request = frames::echo_request((CLIENT_MAC, CLIENT), (DEFAULT_MAC, SERVER), 1, b"undersock");
        stage.say(&request);
        let reply = stage.until(secs(1), |stage| stage.hear().pop());
        if reply.is_some() {
            stage.tell("the client got an echo");
        }
    },
    claims: |story| {
        vec![
            ("one request comes to the server", {
                story.count(Side::Server, |packet| is_icmp(packet, 8, 0)) == 1
            }),
            ("one reply to the client", { story.count(Side::Client, |packet| is_icmp(packet, 0, 0)) == 1 }),
            ("no program calls anything but bind", story.calls(Side::Server).len() == 1),
            ("it takes 0.010 s", story.run.outcome == ["the client got an echo after 0.010 s"]),
        ]
    },
};

pub(super) const BLACK_HOLE: Scenario = Scenario {
    name: "black-hole",
    title: "A path that swallows large packets",
    scene: "Somewhere on the way is a link, a tunnel perhaps, whose packets may be 576 bytes long at most. A router in front of \
        it drops what is larger. Stream mode: the client sends \"hello\" first, and then 1,000 bytes at once.",
    question: "Both stacks have told each other how large a segment may be (`mss 1460`, in the SYNs). Does that help? What will \
        the connection look like to its users?",
    explanation: "The connection is made, \"hello\" is answered, and then everything stands still. That is the mark of this \
        illness: all small segments pass, handshake, acknowledgements and first words, and the first large one does not. \
        The MSS in the SYNs tells what the two ends can take; neither of them knows of the link between.\n\n\
        The segment of 1,000 bytes is a packet of 1,040. It is lost at 0.025, and again at 0.260, 0.730, \
        1.670, 3.550 and so on, with the wait doubled each time: always the same packet, so always the same fate. A router could cut it into fragments, but \
        modern stacks forbid that by the flag DF, in favour of something better: the router drops the packet and \
        reports \"fragmentation needed\", with the size that would fit (the note at 0.030). The sender then makes its \
        segments smaller, 536 bytes here, and all is well.\n\n\
        This stack, smoltcp, sets DF and ignores the report. Linux would heed it; but where a firewall drops all ICMP, \
        the report never comes, and Linux stands as helpless: hence \"black hole\". The cure that needs no report is to \
        try smaller packets when large ones vanish.\n\n\
        At 60.025 the server gives up a connection on which it has seen nothing for a minute.",
    sources: &[
        ("RFC 1191 4", "what the router reports, and that it tells the size"),
        ("RFC 9293 3.7.2", "path MTU discovery, and why TCP should also be able to do without ICMP"),
        ("RFC 9293 3.7.1", "what the MSS option says, and what not"),
        ("RFC 2923 2.1", "the black hole, described"),
        ("RFC 4821 2", "finding the size by trying"),
    ],
    further: &[
        Further::Headers("the lost packet: total length 1,040, and the flag DF"),
        Further::Table("at 40 s: nothing in the server's queues, nothing wrong to be seen"),
        Further::Scene("lost-data"),
    ],
    set: Set { trouble: &["drop every packet over 576 bytes"], ..Set::STREAM },
    play: |stage| {
        let sock = super::clients::greet(stage);
        stage.send(sock, &[b'a'; 1_000]);
        stage.pass(ms(10));
        stage.note(
            Side::Client,
            "a router to the client: fragmentation needed, at most 576 bytes (ICMP type 3, code 4)",
        );
        let dropped = stage.last_said();
        stage.hand(&frames::too_big(THIRD, (CLIENT_MAC, CLIENT), &dropped, 576));
        match stage.receive(sock, 1_024) {
            Got::Reset => stage.tell("the client got \"connection reset\""),
            got => stage.tell(&format!("the client got {got:?}")),
        }
    },
    claims: |story| {
        let large: Vec<_> = story.out(Side::Client).filter(|seen| seen.length == 14 + 1_040).collect();
        let times: Vec<_> = large.iter().map(|seen| seen.at.total_millis()).collect();
        vec![
            ("the large packet goes out nine times", {
                times == [20, 255, 725, 1_665, 3_545, 7_305, 14_825, 29_865, 59_945]
            }),
            ("and is lost each time", story.lost() == 9),
            ("the router's report comes to the client", {
                story.count(Side::Client, |packet| is_icmp(packet, 3, 4)) == 1
            }),
            (
                "the waits double",
                gaps(&story.times(Side::Client, Is::Data))
                    .ends_with(&[470, 940, 1_880, 3_760, 7_520, 15_040, 30_080]),
            ),
            ("DF is set", {
                story.run.records.iter().any(|record| match record.what.event() {
                    Some(undersock::event::Event::Trouble(trouble)) => {
                        trouble.bytes.get(20).is_some_and(|flags| flags & 0x40 != 0)
                    }
                    _ => false,
                })
            }),
            ("the server gives up", story.timers() == [Timer::Evicted { slot: 0, limit: Limit::Idle }]),
            ("at 60.025", story.times(Side::Server, Is::Rst) == [60_025]),
            ("the small ones passed", story.received(Side::Client) == [5]),
        ]
    },
};

/// Seconds for which the address is leased.
const LEASE_TIME: u32 = 600;

pub(super) const LEASE: Scenario = Scenario {
    name: "dhcp-lease",
    title: "DHCP: how the server's computer gets its address",
    scene: "The server's computer is switched on and has no IP address. Another computer, 192.168.69.254, hands out addresses \
        by DHCP. Then the client sends its sentence.",
    question: "How does one send an IP packet without an address, to somebody whose address one does not know?",
    explanation: "With the source 0.0.0.0, \"this host, for now\", and the destination 255.255.255.255, everybody on this wire. \
        Over UDP, port 68 to port 67: DHCP is a program like any other.\n\n\
        Four messages: DISCOVER (who gives addresses?), OFFER (192.168.69.1, if you like), REQUEST (I take that one), \
        ACK (it is yours for 600 s). Why the second question? There may be several DHCP servers; the REQUEST goes to \
        everybody again, so that those who were not chosen take their offers back.\n\n\
        At 0.020 the address is granted, and the server's computer does not use it yet. Somebody else may: a computer \
        on which it was typed in by hand. So it asks the wire who has this address, three times, as nobody (0.0.0.0): \
        a probe. Somebody's answer would have been its reason to refuse the lease, by DECLINE, and to begin anew. None \
        comes, so from 4.732 on the address is in use, and that is announced to all: computers that remember another \
        Ethernet address for it are put right.\n\n\
        The client finds it as it finds any other: ARP, then the datagram. The lease ends; after half of its time the \
        computer will ask whether it may keep the address.",
    sources: &[
        ("RFC 2131 3.1", "the four messages"),
        ("RFC 2131 4.1", "to which addresses and ports they are sent"),
        ("RFC 2131 4.4.5", "renewal after half of the lease"),
        ("RFC 5227 2.1", "probes, before an address is used; the times between them are drawn by lot"),
        ("RFC 5227 2.3", "and the announcement"),
    ],
    further: &[Further::Headers("the ACK: lease time, mask and router are options"), Further::Scene("arp")],
    set: Set { acquainted: false, dhcp: true, ..Set::UDP },
    play: |stage| {
        // RFC 2132 9.6.
        let [discover, offer, request, ack] = [1, 2, 3, 5];

        let IpAddress::Ipv4(leased) = SERVER else { return };
        for (asked, answer) in [(discover, offer), (request, ack)] {
            let transaction = stage.until(secs(1), |stage| {
                let heard = stage.hear();
                let requests = heard.iter().filter_map(|frame| frames::dhcp_request(frame));
                requests.into_iter().find(|(kind, _)| *kind == asked).map(|(_, transaction)| transaction)
            });
            if let Some(transaction) = transaction {
                let to = (DEFAULT_MAC, leased);
                stage.inject(&frames::dhcp_answer(THIRD, to, answer, transaction, LEASE_TIME));
            }
        }
        let address = stage.until(secs(20), |stage| stage.server().addresses().first().copied());
        if let Some(address) = address {
            stage.tell(&format!("the server got {address}"));
        }
        stage.pass(ms(100));
        asks(stage, b"hello", secs(1), 1);
    },
    claims: |story| {
        let dhcp = |port: u16| move |packet: &Packet<'_>| matches!(packet, Packet::Udp(udp) if udp.from.port() == port);
        let asked = story.out(Side::Server).filter(|seen| dhcp(68)(&seen.packet)).count();
        let bound = story.calls(Side::Server).iter().any(|call| matches!(call, Call::Bind { port: 12_000 }));
        vec![
            ("four messages", asked == 2 && story.count(Side::Server, dhcp(67)) == 2),
            ("the address is there at 4.732", {
                story
                    .run
                    .outcome
                    .first()
                    .is_some_and(|line| line == "the server got 192.168.69.1/24 after 4.732 s")
            }),
            ("it was probed three times before, and is announced then", {
                let asked = story.out(Side::Server).filter_map(|seen| match seen.packet {
                    Packet::Arp(arp) if arp.operation == arp::REQUEST => Some((seen.at, arp.sender)),
                    _ => None,
                });
                let asked: Vec<_> = asked.collect();
                asked.iter().map(|(_, sender)| sender.is_unspecified()).eq([true, true, true, false])
                    && asked.last().is_some_and(|(at, _)| at.total_millis() == 4_732)
            }),
            ("the client finds it by ARP, and is served", {
                story.count(Side::Server, is_arp) == 1 && story.received(Side::Client) == [5]
            }),
            ("the service was bound before there was an address", bound),
        ]
    },
};

fn is_arp(packet: &Packet<'_>) -> bool {
    matches!(packet, Packet::Arp(_))
}
