//! Connections: how they begin, and that there need be nobody to begin one with.

use undersock::smoltcp::socket::tcp::State::{
    CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
};

use super::clients::converse;
use crate::scenario::{Further, Scenario};
use crate::stage::{Ports, Set};
use crate::story::{Is, secs};
use undersock::event::Cause;
use undersock::server::config::SENTENCE_PORT;
use undersock_views::Side;

pub(super) const SERVER_CLOSES: Scenario = Scenario {
    name: "tcp-server-closes",
    title: "TCP: a whole connection; the server closes first",
    scene: "The textbook's second pair of programs. The server has made a welcoming socket and listens on port 12000. The \
        client makes a socket and connects; it sends \"hello\", reads the reply and closes. The server accepts, reads \
        once, answers, and closes its connection socket at once.",
    question: "How many segments carry a byte of the sentence or of its reply, and how many are there in all? At which \
        end does something remain when both programs are done, and for how long?",
    explanation: "Two of eight segments carry bytes.\n\n\
        Opening: SYN (`S`, at 0.005), SYN-ACK (`S.`), ACK (`.`). The client's connect returns at 0.010, when the \
        SYN-ACK has come, a round trip after the call; the server's connection is ESTABLISHED at 0.015, and accept \
        returns. It was the SYN, not accept, that created the connection's socket, `#0`: accept only hands it to the \
        program. The welcoming socket goes on listening; it never carries a byte.\n\n\
        Each side numbers its bytes from a random start; the timeline counts from there. A SYN takes one number and so \
        does a FIN: that is why the first byte is number 1, and why both can be acknowledged and repeated like data. \
        `1:6(5)` is bytes 1 to 5, and `ack 6` means: I have everything before 6.\n\n\
        Closing: the server closes right after send, so its FIN travels with the reply (`F.` at 0.015), and it is in \
        FIN-WAIT-1. The client acknowledges the reply and the FIN together; it is in CLOSE-WAIT, which means: the \
        other side is done, this program has yet to close. It does so at once, and its own FIN makes it LAST-ACK. When \
        that FIN is acknowledged, at 0.030, the client's end is gone.\n\n\
        The server's is not. Who closes first ends in TIME-WAIT: should its last acknowledgement be lost, somebody \
        must be there to repeat it. Here it lasts for 10 s, until 10.025; Linux takes 60 s, the RFC four minutes.",
    sources: &[
        ("RFC 9293 3.5", "the three-way handshake; compare its figure 6 with the first three segments"),
        ("RFC 9293 3.4", "sequence numbers, and that SYN and FIN take one each"),
        ("RFC 9293 3.6", "closing; compare its figure 12"),
        ("RFC 9293 3.6.1", "TIME-WAIT lasts for twice the maximum segment lifetime"),
        ("RFC 9293 3.4.2", "and that lifetime is taken to be 2 minutes"),
    ],
    further: &[
        Further::Diagram("the two paths from CLOSED to CLOSED, one through TIME-WAIT, one through LAST-ACK"),
        Further::Headers("the SYN's options: MSS, window scale, SACK permitted"),
        Further::Scene("tcp-client-closes"),
        Further::Scene("time-wait"),
    ],
    set: Set::SENTENCE,
    play: |stage| {
        converse(stage, 0, "the client", b"hello");
        stage.settle();
    },
    claims: |story| {
        let segments = story.out(Side::Client).count() + story.out(Side::Server).count();
        let data = story.sent(Side::Client, Is::Data).len() + story.sent(Side::Server, Is::Data).len();
        let fin = story.sent(Side::Server, Is::Fin);
        vec![
            ("eight segments, two of them with bytes", segments == 8 && data == 2),
            (
                "connect returns at 0.010",
                story.reached(Side::Client, 0, Established) == Some((10, Cause::Segment)),
            ),
            (
                "accept returns at 0.015",
                story.reached(Side::Server, 0, Established) == Some((15, Cause::Segment)),
            ),
            (
                "the SYN creates the socket",
                story.reached(Side::Server, 0, SynReceived) == Some((5, Cause::Segment)),
            ),
            ("the server's FIN travels with the reply", fin.len() == 1 && fin[0].1.payload.len() == 5),
            ("the server's path goes through TIME-WAIT", {
                story.states(Side::Server, 0)
                    == [Listen, SynReceived, Established, FinWait1, FinWait2, TimeWait, Closed]
            }),
            ("the client's goes through LAST-ACK", {
                story.states(Side::Client, 0) == [Closed, SynSent, Established, CloseWait, LastAck, Closed]
            }),
            (
                "the client is gone at 0.030",
                story.reached(Side::Client, 0, Closed) == Some((30, Cause::Segment)),
            ),
            (
                "TIME-WAIT is over at 10.025",
                story.reached(Side::Server, 0, Closed) == Some((10_025, Cause::Timer)),
            ),
        ]
    },
};

pub(super) const NO_SERVER: Scenario = Scenario {
    name: "tcp-no-server",
    title: "TCP: the client before the server",
    scene: "The server's computer is on, but the TCP server program has not been started: nobody listens on TCP port \
        12000. (The UDP server is running, on UDP port 12000.) The client connects. One second later the server is \
        started, and the client tries again.",
    question: "How long does it take until the client knows? Compare with UDP.",
    explanation: "It takes one round trip. The SYN arrives at 0.005, belongs to no connection and to no welcoming socket, \
        and the server's system answers with a reset: `R.` with `ack 1`, that is, \"I mean your SYN\". At 0.010 the \
        client is back in CLOSED, and connect fails: \"Connection refused\". No program on the server's side took part \
        in any of this.\n\n\
        The reset acknowledges exactly the SYN; the client would ignore one that does not, or anybody could refuse \
        connections in somebody else's name.\n\n\
        Note the difference to silence. A refused connection means: the computer is there, the program is not. Where \
        the SYN is not answered at all (computer off, or a firewall that drops it), the client repeats it for a long \
        time.",
    sources: &[
        (
            "RFC 9293 3.5.2",
            "a segment for a connection that does not exist is answered with a reset (group 1)",
        ),
        ("RFC 9293 3.10.7.1", "which numbers that reset bears"),
        ("RFC 9293 3.5.3", "in SYN-SENT a reset counts only if it acknowledges the SYN"),
    ],
    further: &[
        Further::Scene("udp-no-server"),
        Further::Scene("lost-syn"),
        Further::Diagram("SYN-SENT, and straight back to CLOSED"),
    ],
    set: Set::UDP,
    play: |stage| {
        let sock = stage.open(0, SENTENCE_PORT);
        if !stage.connect(sock) {
            stage.tell("the client got \"connection refused\"");
        }
        stage.pass(secs(1));
        stage.note(Side::Server, "the TCP server is started");
        stage.serve(Ports { listeners: Set::SENTENCE.ports.listeners, ..Set::UDP.ports });
        converse(stage, 0, "the client", b"hello");
    },
    claims: |story| {
        let resets = story.sent(Side::Server, Is::Rst);
        let syn = story.sent(Side::Client, Is::Syn).first().map(|(_, syn)| syn.seq);
        vec![
            ("one reset, at 0.005", story.times(Side::Server, Is::Rst) == [5]),
            ("it acknowledges the SYN", {
                syn.is_some_and(|seq| resets.iter().all(|(_, reset)| reset.ack == Some(seq + 1)))
            }),
            (
                "the client knows at 0.010",
                story.reached(Side::Client, 0, Closed) == Some((10, Cause::Segment)),
            ),
            (
                "it was in SYN-SENT and nowhere else",
                story.states(Side::Client, 0) == [Closed, SynSent, Closed],
            ),
            ("the second attempt succeeds", story.states(Side::Client, 1).contains(&Established)),
        ]
    },
};
