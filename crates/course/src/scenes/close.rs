//! How connections end: one side first, both at once, one side only; and what remains.

use undersock::smoltcp::socket::tcp::State::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
    TimeWait,
};

use super::clients::{converse, greet};
use crate::scenario::{Further, Scenario};
use crate::stage::Set;
use crate::stage::calls::Got;
use crate::story::{Is, ms};
use undersock::event::{Call, Cause};
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};
use undersock_views::Side;

pub(super) const CLIENT_CLOSES: Scenario = Scenario {
    name: "tcp-client-closes",
    title: "TCP: the client closes first",
    scene: "The stream port this time: the server closes when the client has closed, not before. The client sends \"hello\", \
        reads HELLO, and closes its side.",
    question: "In the scene tcp-server-closes, the server ended in TIME-WAIT. Who does now?",
    explanation: "Now the client calls close first, at 0.020, and goes through FIN-WAIT-1 to TIME-WAIT. The server learns \
        of the end at 0.025 (CLOSE-WAIT), has nothing left to send, closes as well, and waits in LAST-ACK for the last \
        acknowledgement. At 0.035 its end is gone and its memory free; the client's computer keeps the connection \
        until 10.030.\n\n\
        FIN-WAIT-2 is missing: the server's FIN also acknowledges the client's, both in the segment of 0.025, so the \
        client goes from FIN-WAIT-1 to TIME-WAIT in one step. There are three segments to close, not four. Four is \
        what you see when the server still has something to do between the client's FIN and its own.\n\n\
        Who closes first pays for TIME-WAIT. That is why protocols of busy servers prefer to let the client close.",
    sources: &[
        ("RFC 9293 3.6", "closing; its figure 12 has the acknowledgement and the FIN as two segments"),
        ("RFC 9293 3.3.2", "the state diagram: every arrow that was taken here"),
    ],
    further: &[
        Further::Diagram("the same two paths as before, with the sides exchanged"),
        Further::Scene("half-close"),
        Further::Scene("simultaneous-close"),
    ],
    set: Set::STREAM,
    play: |stage| {
        let sock = greet(stage);
        stage.close(sock);
        if stage.receive(sock, 1_024) == Got::End {
            stage.tell("the client got the end of the stream");
        }
        stage.settle();
    },
    claims: |story| {
        vec![
            (
                "the client closes at 0.020",
                story.reached(Side::Client, 0, FinWait1) == Some((20, Cause::Call)),
            ),
            ("the client's path goes through TIME-WAIT, without FIN-WAIT-2", {
                story.states(Side::Client, 0) == [Closed, SynSent, Established, FinWait1, TimeWait, Closed]
            }),
            ("the server's goes through LAST-ACK", {
                story.states(Side::Server, 0)
                    == [Listen, SynReceived, Established, CloseWait, LastAck, Closed]
            }),
            (
                "the server is gone at 0.035",
                story.reached(Side::Server, 0, Closed) == Some((35, Cause::Segment)),
            ),
            ("the client at 10.030", story.reached(Side::Client, 0, Closed) == Some((10_030, Cause::Timer))),
            ("two FINs, one of each", {
                story.times(Side::Client, Is::Fin) == [20] && story.times(Side::Server, Is::Fin) == [25]
            }),
        ]
    },
};

pub(super) const HALF_CLOSE: Scenario = Scenario {
    name: "half-close",
    title: "TCP: half a connection is still a connection",
    scene: "The client sends 1,500 bytes to the stream port and closes its side at once, as `shutdown(SHUT_WR)` does: it \
        has nothing more to say, but wants to hear the rest. Its receive buffer holds 512 bytes only, so the reply \
        takes several segments.",
    question: "Can bytes still flow to a client that has sent its FIN? In which states are the two ends meanwhile?",
    explanation: "They can. A FIN ends one direction. The client's FIN travels with its last 40 bytes (0.015); from then \
        on the client sends no byte, but it acknowledges, and the server sends all 1,500 bytes of the reply after it: \
        at 0.015, 0.025 and 0.035, 512 bytes at most each time, since the client offers no larger window.\n\n\
        From 0.020 to 0.050 the client is in FIN-WAIT-2: my FIN is acknowledged, yours has not come. The server is in \
        CLOSE-WAIT from 0.015 to 0.045. Only when the last byte is acknowledged does it send its own FIN; then it goes \
        as it always does.\n\n\
        This is how `sort` would work over a connection: it cannot write the first line of output before it has read the \
        end of the input, so the end must be told without giving up the way back. Python's `close` gives up both at \
        once; `shutdown` is the call for one.\n\n\
        (A stack may send its FIN as soon as the last byte is sent. This server waits until all before it is \
        acknowledged; its stack would otherwise misread window updates in LAST-ACK.)",
    sources: &[
        ("RFC 9293 3.6.1", "the two directions are closed independently"),
        ("RFC 9293 3.6", "close means \"I have no more data to send\", and who closes must go on reading"),
    ],
    further: &[
        Further::Diagram("this time with FIN-WAIT-2"),
        Further::Table("the client's side closed, and bytes in the server's send queue"),
        Further::Scene("zero-window"),
    ],
    set: Set::STREAM,
    play: |stage| {
        let sock = stage.open_with(0, STREAM_PORT, 512);
        stage.connect(sock);
        stage.send(sock, &[b'a'; 1_500]);
        stage.close(sock);
        let all = stage.receive_all(sock);
        stage.tell(&format!("the client got {} bytes, and then the end of the stream,", all.len()));
        stage.settle();
    },
    claims: |story| {
        let fins = story.sent(Side::Client, Is::Fin);
        let fin = fins.first().map(|(at, _)| *at);
        let after = story.sent(Side::Server, Is::Data);
        vec![
            ("the FIN travels with 40 bytes", fins.len() == 1 && fins[0].1.payload.len() == 40),
            ("the client's last byte is in it", {
                story.sent(Side::Client, Is::Data).iter().all(|(at, _)| fin.is_some_and(|fin| *at <= fin))
            }),
            ("1,500 bytes come after it, 512 at most at a time", {
                story.times(Side::Server, Is::Data) == [15, 25, 35]
                    && after.iter().all(|(_, segment)| segment.payload.len() <= 512)
                    && after.iter().map(|(_, segment)| segment.payload.len()).sum::<usize>() == 1_500
            }),
            ("the client is in FIN-WAIT-2 from 0.020 on", {
                story.reached(Side::Client, 0, FinWait2) == Some((20, Cause::Segment))
                    && story.reached(Side::Client, 0, TimeWait) == Some((50, Cause::Segment))
            }),
            ("the server in CLOSE-WAIT until 0.045", {
                story.reached(Side::Server, 0, CloseWait) == Some((15, Cause::Segment))
                    && story.reached(Side::Server, 0, LastAck) == Some((45, Cause::Call))
            }),
        ]
    },
};

pub(super) const SIMULTANEOUS: Scenario = Scenario {
    name: "simultaneous-close",
    title: "TCP: both close at once",
    scene: "Sentence mode: the server answers and closes. But this client is in a hurry: it closes its side 3 ms after \
        send, before the reply can have come. The two FINs meet on the wire.",
    question: "Is the reply lost? Which side ends in TIME-WAIT?",
    explanation: "The client's FIN leaves at 0.013, the server's at 0.015: neither side has seen the other's when it \
        closes. Both were in FIN-WAIT-1 and get a FIN that does not acknowledge their own. That is the state CLOSING, \
        which you will rarely meet: the server reaches it at 0.018, the client at 0.020.\n\n\
        Each acknowledges the other's FIN, and both end in TIME-WAIT: both closed first, as it were. The reply was not \
        lost: the client had closed its own direction only, and recv still returned HELLO at 0.020.",
    sources: &[
        ("RFC 9293 3.6", "case 3, and its figure 13: the same segments, line by line"),
        ("RFC 9293 3.3.2", "the state diagram: FIN-WAIT-1, CLOSING, TIME-WAIT"),
    ],
    further: &[Further::Diagram("both ends on the same path")],
    set: Set::SENTENCE,
    play: |stage| {
        let sock = stage.open(0, SENTENCE_PORT);
        stage.connect(sock);
        stage.send(sock, b"hello");
        stage.pass(ms(3));
        stage.close(sock);
        let all = stage.receive_all(sock);
        stage.tell(&format!("the client got {}", String::from_utf8_lossy(&all)));
        stage.settle();
    },
    claims: |story| {
        let path = [Established, FinWait1, Closing, TimeWait, Closed];
        vec![
            ("both ends take the same path", {
                story.states(Side::Client, 0).ends_with(&path)
                    && story.states(Side::Server, 0).ends_with(&path)
            }),
            ("the FINs cross", {
                story.times(Side::Client, Is::Fin) == [13] && story.times(Side::Server, Is::Fin) == [15]
            }),
            ("the server is in CLOSING at 0.018", {
                story.reached(Side::Server, 0, Closing) == Some((18, Cause::Segment))
            }),
            ("the client at 0.020", story.reached(Side::Client, 0, Closing) == Some((20, Cause::Segment))),
            ("the reply is not lost", story.received(Side::Client) == [5]),
        ]
    },
};

pub(super) const TIME_WAIT: Scenario = Scenario {
    name: "time-wait",
    title: "TIME-WAIT: who closed first stays to repeat the last word",
    scene: "The conversation of tcp-server-closes, and everything goes well until the very last segment: the server's \
        acknowledgement of the client's FIN is lost. Both programs have finished long ago.",
    question: "Who repeats what? What would happen if the server's end were gone already?",
    explanation: "The acknowledgement is lost at 0.025. The client, in LAST-ACK, cannot know whether its FIN arrived. A \
        FIN is acknowledged at once, so four round trips without an answer are long enough: at 0.060 the FIN is there \
        again, and here TIME-WAIT earns its keep: the server's end is still there and \
        acknowledges once more. At 0.065 the client's end is gone too.\n\n\
        Without TIME-WAIT the repeated FIN would find no connection, and a reset would end a conversation that went \
        well. The second reason for TIME-WAIT is out of sight here: \
        an old segment that was delayed in the network must have died before the same four numbers are used again.\n\n\
        The last acknowledgement is never acknowledged itself: there has to be a last word. What is left is to wait \
        until nobody can ask again. The FIN has started that wait anew: TIME-WAIT ends 10 s after 0.060, not after \
        0.025. (10 s is this stack's; Linux takes 60 s and the RFC four minutes.)",
    sources: &[
        ("RFC 9293 3.6.1", "linger in TIME-WAIT for twice the maximum segment lifetime"),
        ("RFC 9293 3.10.7.4", "in TIME-WAIT: acknowledge a repeated FIN and restart the timeout"),
        (
            "RFC 8985 7.2",
            "how long a sender waits before it asks: about two round trips, and what its timers take",
        ),
    ],
    further: &[
        Further::Table("a slot in TIME-WAIT, with no program behind it"),
        Further::Scene("time-wait-reuse"),
    ],
    set: Set { trouble: &["drop the 1st ACK from the server"], ..Set::SENTENCE },
    play: |stage| {
        converse(stage, 0, "the client", b"hello");
        stage.settle();
    },
    claims: |story| {
        let fins = story.times(Side::Client, Is::Fin);
        vec![
            ("one segment is lost", story.lost() == 1),
            ("the client's FIN goes out twice", fins == [20, 55]),
            ("it is acknowledged each time", story.times(Side::Server, Is::Ack) == [25, 60]),
            (
                "the client is gone at 0.065",
                story.reached(Side::Client, 0, Closed) == Some((65, Cause::Segment)),
            ),
            ("the wait begins anew", story.reached(Side::Server, 0, Closed) == Some((10_060, Cause::Timer))),
            ("the client has its reply all the same", {
                story.calls(Side::Client).iter().any(|call| matches!(call, Call::Receive { bytes: 5, .. }))
            }),
        ]
    },
};
