//! What is inside a connection: bytes in order, no messages, and no more than there is room for.

use undersock::smoltcp::socket::tcp::State::{CloseWait, Closed};

use crate::scenario::{Further, Scenario};
use crate::stage::Set;
use crate::stage::calls::Got;
use crate::story::{Is, gaps, ms, secs};
use undersock::event::{Call, Cause, Limit, Timer};
use undersock::server::config::{SENTENCE_PORT, STREAM_PORT};
use undersock_views::Side;

pub(super) const MESSAGES: Scenario = Scenario {
    name: "udp-messages",
    title: "UDP keeps messages apart",
    scene: "The client sends three sentences over UDP, \"one \", \"two \" and \"three\", without waiting for an answer in \
        between, each from a socket of its own.",
    question: "How many datagrams? How often does the server's recvfrom return?",
    explanation: "Three sendto, three datagrams, three recvfrom, three answers. UDP puts a border around what one call \
        gave it: a datagram arrives whole or not at all, and never together with another.\n\n\
        The other side of this: a datagram must fit. Here that is 1,472 bytes over IPv4, since this stack does not \
        split a packet into fragments; and a recvfrom with too little room loses what did not fit.",
    sources: &[
        ("RFC 768", "a datagram's length is in its header: the border is on the wire"),
        ("RFC 1122 4.1.1", "UDP is for applications that do not need the level of service of TCP"),
    ],
    further: &[Further::Scene("byte-stream")],
    set: Set::UDP,
    play: |stage| stage.ask_all(&["one ", "two ", "three"]),
    claims: |story| {
        let sizes = |end| story.datagrams(end).iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>();
        vec![
            ("three datagrams there", sizes(Side::Client) == [4, 4, 5]),
            ("three recvfrom", story.received(Side::Server) == [4, 4, 5]),
            ("three datagrams back", sizes(Side::Server) == [4, 4, 5]),
            ("three recvfrom at the client", story.received(Side::Client) == [4, 4, 5]),
        ]
    },
};

pub(super) const BYTES: Scenario = Scenario {
    name: "byte-stream",
    title: "TCP keeps bytes in order, and nothing else",
    scene: "The client has three pieces of text for the stream port, \"one \", \"two \" and \"three\". It calls send three \
        times, 1 ms apart, then does something else for a while, and then calls recv(1024) once.",
    question: "How many segments? How often does the server's recv return, and with how much? What does the client's one \
        recv return?",
    explanation: "Three send, two segments, two recv at the server; two send at the server, one recv at the client, which \
        returns ONE TWO THREE. No border of any call survived, and none was promised: TCP carries a stream of bytes. \
        Cutting it into segments is its own affair, and so is how much one recv returns.\n\n\
        Why two segments? \"one \" went out at once, since nothing was under way (it reaches the server at 0.015). \"two \
        \" and \"three\" came while \"one \" was not yet acknowledged, and small pieces have to wait then: that is \
        Nagle's algorithm. When the acknowledgement came back, with \"ONE \", both left in one segment, bytes 5 to 13, \
        which is at the server at 0.025. (TCP_NODELAY turns it off; the scene fast-retransmit does so.)\n\n\
        If your protocol has messages, the stream must show where each ends: by a newline, a length in front, or the \
        end of the connection, as the textbook's server does it.\n\n\
        This client's stack acknowledges at once, to keep the timeline short; others wait some 40 ms for data to carry \
        the acknowledgement along.",
    sources: &[
        ("RFC 9293 2.2", "a reliable, in-order byte stream"),
        ("RFC 9293 3.7.4", "the Nagle algorithm, and that an application must be able to turn it off"),
        ("RFC 9293 3.8.6.3", "delayed acknowledgements"),
    ],
    further: &[Further::Scene("udp-messages"), Further::Scene("cut-sentence")],
    set: Set::STREAM,
    play: |stage| {
        let sock = stage.open(0, STREAM_PORT);
        stage.connect(sock);
        for piece in ["one ", "two ", "three"] {
            stage.send(sock, piece.as_bytes());
            stage.pass(ms(1));
        }
        stage.pass(ms(50));
        let got = stage.receive(sock, 1_024).text();
        stage.tell(&format!("the client got {got} from one recv"));
        stage.close(sock);
        stage.receive(sock, 1_024);
        stage.pass(ms(50));
    },
    claims: |story| {
        let sends = |end| {
            let calls = story.calls(end).into_iter();
            calls.filter(|call| matches!(call, Call::Send { .. })).count()
        };
        let sizes: Vec<_> =
            story.sent(Side::Client, Is::Data).iter().map(|(_, segment)| segment.payload.len()).collect();
        vec![
            ("three send, two segments", sends(Side::Client) == 3 && sizes == [4, 9]),
            ("the second leaves when the first is acknowledged", {
                story.times(Side::Client, Is::Data) == [10, 20]
            }),
            ("two recv and two send at the server", {
                story.received(Side::Server) == [4, 9] && sends(Side::Server) == 2
            }),
            ("one recv at the client", story.received(Side::Client) == [13]),
        ]
    },
};

pub(super) const CUT: Scenario = Scenario {
    name: "cut-sentence",
    title: "TCP: half a sentence, answered",
    scene: "The textbook's server reads once, answers and closes. This client calls send twice, 1 ms apart: \"hello \" and \
        \"world\".",
    question: "What does the client get?",
    explanation: "HELLO, and then the end. The server's one recv returned what was there at 0.015: six bytes. It cannot see \
        that more is coming; there is nothing in the stream that would tell. \"world\" arrives at 0.025 at a connection \
        whose program has closed, and is thrown away. (This server reads on after close, so that the connection ends \
        in order. Others answer bytes that nobody will read with a reset.)\n\n\
        So the textbook's program, one send and one recv(1024), works as long as a sentence fits one segment and \
        nothing is late. On one computer it always does; that is how such programs pass their tests and fail on the \
        Internet. A correct reader calls recv in a loop until it has the whole message, or the end.",
    sources: &[
        ("RFC 9293 3.9.1.3", "what a receive call returns: bytes that have arrived, not messages"),
        ("RFC 9293 3.6.1", "a host that gets bytes after close should say with a reset that they were lost"),
    ],
    further: &[Further::Scene("byte-stream"), Further::Scene("tcp-server-closes")],
    set: Set::SENTENCE,
    play: |stage| {
        let sock = stage.open(0, SENTENCE_PORT);
        stage.connect(sock);
        stage.send(sock, b"hello ");
        stage.pass(ms(1));
        stage.send(sock, b"world");
        let all = stage.receive_all(sock);
        stage.tell(&format!(
            "the client got {:?}, and then the end of the stream,",
            String::from_utf8_lossy(&all)
        ));
        stage.close(sock);
        stage.pass(ms(50));
    },
    claims: |story| {
        let server = story.calls(Side::Server);
        let closed = server.iter().position(|call| matches!(call, Call::Close { .. }));
        let discarded = server.iter().position(|call| matches!(call, Call::Receive { bytes: 5, .. }));
        vec![
            ("the server answers six bytes", {
                server.iter().any(|call| matches!(call, Call::Send { bytes: 6, .. }))
                    && !server.iter().any(|call| matches!(call, Call::Send { bytes: 5, .. }))
            }),
            ("the rest arrives after close", closed.is_some() && closed < discarded),
            ("at 0.025", story.got(Side::Server, Is::Data).iter().any(|(at, _)| at.total_millis() == 25)),
            ("the client gets six bytes", story.received(Side::Client) == [6]),
            ("no reset", story.sent(Side::Server, Is::Rst).is_empty()),
        ]
    },
};

pub(super) const ZERO_WINDOW: Scenario = Scenario {
    name: "zero-window",
    title: "Flow control: a client that does not read",
    scene: "The client sends 1,500 bytes to the stream port, so 1,500 come back; but its receive buffer has room for 512 only, and \
        the program does something else for three and a half seconds before it calls recv.",
    question: "What does the server's stack do with the other 988 bytes? How does it learn that there is room again?",
    explanation: "Every segment says how many bytes its sender has room for: `win`. The client offers 512, the server sends \
        512 (0.015), and the client answers `win 0` (0.025): acknowledged, and not one byte more. The rest stays in the \
        server's send buffer. Nothing was lost, and nobody has done anything wrong.\n\n\
        Now both could wait for ever: the server for a window, the client for data, if the one segment that opens the \
        window were lost. So the server asks: a window probe of one byte, at 1.025, and at 3.025. The client answers \
        `ack 513 win 0` each time: that byte is not taken, but I am alive. The distance doubles with each probe.\n\n\
        At 3.510 the program reads, and its stack says so: `win 512`, a window update at 3.515. The rest follows.\n\n\
        Flow control protects the receiver's memory. It has nothing to do with the network being full; that is \
        congestion control's business.",
    sources: &[
        (
            "RFC 9293 3.8.6.1",
            "zero-window probes: the first after the retransmission timeout, then ever more seldom",
        ),
        ("RFC 9293 3.8.6", "managing the window"),
        ("RFC 9293 3.1", "the window field; larger than 65,535 only with a scale (RFC 7323 2)"),
    ],
    further: &[
        Further::Table("at 2 s: the bytes in the server's send queue"),
        Further::Scene("stalled-reader"),
        Further::Scene("half-close"),
    ],
    set: Set::STREAM,
    play: |stage| {
        let sock = stage.open_with(0, STREAM_PORT, 512);
        stage.connect(sock);
        stage.send(sock, &[b'a'; 1_500]);
        stage.pass(ms(3_500));
        stage.note(Side::Client, "the client's program reads now");
        let mut got = 0;
        while got < 1_500 {
            got += stage.receive(sock, 512).text().len();
        }
        stage.tell(&format!("the client got {got} bytes"));
        stage.close(sock);
        stage.receive(sock, 512);
        stage.pass(ms(50));
    },
    claims: |story| {
        let data = story.sent(Side::Server, Is::Data);
        let probes: Vec<_> = data.iter().filter(|(_, segment)| segment.payload.len() == 1).collect();
        let closed = |at: i64| {
            let all = story.got(Side::Server, Is::Ack).into_iter().chain(story.got(Side::Server, Is::Data));
            all.into_iter().any(|(when, segment)| when.total_millis() == at && segment.window == 0)
        };
        vec![
            (
                "512 bytes go out at 0.015",
                data.first().is_some_and(|(at, s)| at.total_millis() == 15 && s.payload.len() == 512),
            ),
            ("the window is closed at 0.025", closed(25)),
            ("probes go out at 1.025 and 3.025", {
                probes.iter().map(|(at, _)| at.total_millis()).collect::<Vec<_>>() == [1_025, 3_025]
            }),
            ("each is answered by a closed window", closed(1_035) && closed(3_035)),
            ("the window opens at 3.515", {
                story
                    .got(Side::Server, Is::Ack)
                    .iter()
                    .any(|(at, s)| at.total_millis() == 3_515 && s.window == 512)
            }),
            ("all 1,500 bytes are received", story.received(Side::Client).iter().sum::<usize>() == 1_500),
        ]
    },
};

pub(super) const STALLED: Scenario = Scenario {
    name: "stalled-reader",
    title: "Flow control: a client that never reads again",
    scene: "The client sends 1,500 bytes to the stream port and has room for 512 of the reply. Then its program hangs. Its \
        computer's stack is in good health and goes on answering.",
    question: "TCP allows a window to stay closed for ever. What would that mean for a server with a few dozen places? What \
        does this one do?",
    explanation: "The server's stack probes at 1.025, 3.025, 7.025 and 15.025, and each time the client's stack answers: the \
        connection lives. TCP must not give it up for that. But a server's memory is finite: a handful of clients that \
        never read, by mistake or on purpose, would hold every place.\n\n\
        So this server has a limit of its own, not TCP's: 20 s without a byte taken. At 20.025 it evicts the client and \
        says so with a reset. The program, when it wakes at 30 s, still gets the 512 bytes that had arrived, and after \
        them \"connection reset\".\n\n\
        A half-open or idle connection has limits as well; see `undersock serve --help`.",
    sources: &[
        ("RFC 9293 3.8.6.1", "as long as probes are answered, the sender must let the connection stay open"),
        ("RFC 9293 3.9.1.6", "abort: the application's right to end it all the same, by a reset"),
        ("RFC 6429 1", "what closed windows can do to a server"),
    ],
    further: &[Further::Table("age and queue of the slot at 10 s"), Further::Scene("zero-window")],
    set: Set::STREAM,
    play: |stage| {
        let sock = stage.open_with(0, STREAM_PORT, 512);
        stage.connect(sock);
        stage.send(sock, &[b'a'; 1_500]);
        stage.pass(secs(30));
        stage.note(Side::Client, "the client's program reads now");
        let got = stage.receive(sock, 1_024).text().len();
        let then = stage.receive(sock, 1_024);
        if then == Got::Reset {
            stage.tell(&format!("the client got {got} bytes, and then \"connection reset\","));
        }
    },
    claims: |story| {
        let data = story.sent(Side::Server, Is::Data);
        let probes: Vec<_> =
            data.iter().filter(|(_, s)| s.payload.len() == 1).map(|(at, _)| at.total_millis()).collect();
        vec![
            ("probes at 1.025, 3.025, 7.025 and 15.025", probes == [1_025, 3_025, 7_025, 15_025]),
            ("each twice as far from the last", {
                gaps(&story.times(Side::Server, Is::Data)).ends_with(&[2_000, 4_000, 8_000])
            }),
            (
                "the client is evicted for it",
                story.timers() == [Timer::Evicted { slot: 0, limit: Limit::Stalled }],
            ),
            ("by a reset at 20.025", story.times(Side::Server, Is::Rst) == [20_025]),
            (
                "the server's end is gone then",
                story.reached(Side::Server, 0, Closed) == Some((20_025, Cause::Limit)),
            ),
            ("the client's too, without CLOSE-WAIT", !story.states(Side::Client, 0).contains(&CloseWait)),
            ("512 bytes are still read", story.received(Side::Client) == [512]),
            ("and then there is an error", story.run.outcome.len() == 1),
        ]
    },
};
