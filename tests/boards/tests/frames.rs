//! The emulated boards on a wire that carries single frames: what the sockets of a computer would not send.

use board_tests::frames::broken;
use board_tests::raw::{
    Advertisement, Got, Peer, Prefix, ROUTER_MAC, Segment, arp, arp_reply_in, discovery_in,
    impossible_sources, ip, ip_in, ping, udp, udp_in,
};
use board_tests::text::Random;
use board_tests::{
    CLIENT_MAC, Host, Machine, client_v4, client_v6, each_board, server_link_local, server_v4, server_v6,
};
use undersock::host::Mac;
use undersock::smoltcp::wire::{ArpOperation, IpAddress, IpProtocol, Ipv4Packet, Ipv6Address, TcpControl};

each_board!(
    a_burst_of_datagrams_gets_as_many_replies,
    eight_clients_at_once_see_no_reset,
    pings_and_arp_are_answered,
    serves_ipv6,
    serves_an_address_of_an_advertised_prefix,
    hostile_frames_draw_no_answer,
    a_live_connection_outlives_forged_segments,
    broken_frames_and_a_flood_of_syns_leave_it_serving,
);

/// A board that knows us, and a host to ask it with.
#[track_caller]
fn on_wire(board: &str, features: &[&str]) -> (Machine, Host) {
    let (machine, mut wire) = Machine::on_wire(board, features);
    wire.introduce();
    (machine, Host::new(wire))
}

fn still_serves(host: &mut Host) {
    assert_eq!(host.udp(server_v4(), b"still there?"), b"STILL THERE?");
    // As many as there are slots: none is lost.
    let sentences = vec![b"still there?".to_vec(); 4];
    for reply in host.tcp(server_v4(), &sentences) {
        assert_eq!(reply.expect("a reply"), b"STILL THERE?");
    }
}

fn a_burst_of_datagrams_gets_as_many_replies(board: &str) {
    let (_machine, mut host) = on_wire(board, &[]);
    for number in 0..100 {
        let words = format!("datagram {number}");
        host.wire.send(&udp((client_v4(), 5_000), (server_v4(), 12_000), words.as_bytes()));
    }
    for number in 0..100 {
        let reply = |frame: &[u8]| udp_in(frame).filter(|(_, to, _)| *to == (client_v4(), 5_000));
        let ((_, _, words), _) = host.wire.find("a reply", reply);
        assert_eq!(words, format!("DATAGRAM {number}").into_bytes());
    }
}

fn eight_clients_at_once_see_no_reset(board: &str) {
    let (_machine, mut host) = on_wire(board, &[]);
    for round in 0..10 {
        let sentences: Vec<_> =
            (0..8).map(|client| format!("client {client} in round {round}").into_bytes()).collect();
        let replies = host.tcp(server_v4(), &sentences);
        for (sentence, reply) in sentences.iter().zip(replies) {
            assert_eq!(reply.expect("a reply"), sentence.to_ascii_uppercase());
        }
    }
}

fn pings_and_arp_are_answered(board: &str) {
    let (_machine, mut host) = on_wire(board, &[]);
    for length in [0, 1, 56, 1_472] {
        let data = vec![b'x'; length];
        let got = host.wire.answers(&ping(client_v4(), server_v4(), &data));
        let [echo] = &got[..] else { panic!("one echo, not {got:?}") };
        let (to, echo) = ip_in(echo, IpProtocol::Icmp).expect("an ICMP message");
        assert!(to == client_v4() && echo[0] == 0 && echo[8..] == data, "{echo:?}");
    }
    let got = host.wire.answers(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    let replies: Vec<_> = got.iter().filter_map(|frame| arp_reply_in(frame)).collect();
    assert_eq!(replies, [(board_tests::raw::SERVER_MAC, server_v4())]);
}

fn serves_ipv6(board: &str) {
    // Nobody gives it an IPv4 address here.
    let (_machine, wire) = Machine::on_wire(board, &["ipv6", "dhcp", "unicode"]);
    let mut host = Host::new(wire);
    for server in [server_v6(), server_link_local()] {
        assert_eq!(host.udp(server, b"hello"), b"HELLO");
        let replies = host.tcp(server, &[b"hello".to_vec(), "stra\u{df}e".into()]);
        assert_eq!(replies, [Ok(b"HELLO".to_vec()), Ok(b"STRASSE".to_vec())]);
        host.wire.send(&ping(client_v6(), server, b"0123456789"));
        let echo = |frame: &[u8]| ip_in(frame, IpProtocol::Icmpv6).filter(|(_, message)| message[0] == 129);
        let ((to, echo), _) = host.wire.find("an echo", echo);
        assert!(to == client_v6() && echo.ends_with(b"0123456789"), "{echo:?}");
    }
}

fn serves_an_address_of_an_advertised_prefix(board: &str) {
    const ROUTER_SOLICITATION: u8 = 133;
    let (mut machine, mut wire) = Machine::on_wire(board, &["ipv6", "slaac"]);
    wire.find("a router solicitation", |frame| {
        discovery_in(frame).filter(|(.., kind, _)| *kind == ROUTER_SOLICITATION)
    });
    // The network that our own stack is in.
    let network = Ipv6Address::new(0xfdaa, 0, 0, 0, 0, 0, 0, 0);
    wire.send(&Advertisement::default().prefix(Prefix { network, ..Prefix::default() }).frame());
    machine.says("SLAAC: the address is fdaa::ff:fe00:1/64");
    let server = IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0xff, 0xfe00, 1);
    let mut host = Host::new(wire);
    assert_eq!(host.udp(server, b"hello"), b"HELLO");
    assert_eq!(host.tcp(server, &[b"hello".to_vec()]), [Ok(b"HELLO".to_vec())]);
    // Who is far is answered by way of the router.
    let far = (IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 5_000);
    let mut request = udp(far, (server, 12_000), b"from far");
    request[6..12].copy_from_slice(&ROUTER_MAC.0);
    host.wire.send(&request);
    let reply = |frame: &[u8]| udp_in(frame).filter(|(_, to, _)| *to == far).map(|_| frame[..6].to_vec());
    assert_eq!(host.wire.find("a reply", reply).0, ROUTER_MAC.0);
}

fn hostile_frames_draw_no_answer(board: &str) {
    let (_machine, mut host) = on_wire(board, &[]);
    let mut in_silence = |what: &str, frame: &[u8]| {
        let answers = host.wire.answers(frame);
        assert!(answers.is_empty(), "{what}: {answers:x?}");
    };
    let v4 = |a, b, c, d| IpAddress::v4(a, b, c, d);
    for source in impossible_sources() {
        let syn = Segment { from: (source, 12_000), control: TcpControl::Syn, ..Segment::default() };
        in_silence(&format!("SYN from {source}"), &syn.frame());
        let datagram = udp((source, 5_000), (server_v4(), 12_000), b"a");
        in_silence(&format!("datagram from {source}"), &datagram);
    }
    for (from, to) in [(0, 12_000), (5_000, 0), (7, 12_000), (53, 12_000), (12_000, 12_000)] {
        // What upper-casing doesn't change, or two servers might answer each other for ever.
        let datagram = udp((client_v4(), from), (server_v4(), to), b"A");
        in_silence(&format!("datagram from port {from} to {to}"), &datagram);
    }
    for everybody in [v4(255, 255, 255, 255), v4(192, 168, 69, 255), v4(224, 0, 0, 1)] {
        for control in [TcpControl::Syn, TcpControl::None] {
            let ack = (control == TcpControl::None).then_some(1);
            let segment = Segment { to: (everybody, 12_000), control, ack, ..Segment::default() };
            in_silence(&format!("{control:?} to {everybody}"), &segment.frame());
        }
    }
    let syn = Segment { from: (client_v4(), 0), control: TcpControl::Syn, ..Segment::default() };
    in_silence("SYN from port 0", &syn.frame());
    let mut syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    syn[14 + 20 + 16] ^= 0x55;
    in_silence("SYN with a wrong checksum", &syn);
    for (high, low) in [(0x20, 0x00), (0x00, 0x10)] {
        let mut fragment = udp((client_v4(), 5_000), (server_v4(), 12_000), b"a piece");
        (fragment[20], fragment[21]) = (high, low);
        Ipv4Packet::new_unchecked(&mut fragment[14..]).fill_checksum();
        in_silence("a fragment", &fragment);
    }
    for length in 1..20 {
        in_silence("a frame too short", &vec![0; length]);
    }
    // Who says that our address is theirs is contradicted, once in ten seconds (RFC 5227 2.4).
    let liar = Mac([2, 0, 0, 0, 0, 0x66]);
    let lie = arp(ArpOperation::Reply, (liar, server_v4()), server_v4());
    let ours = arp(ArpOperation::Request, (board_tests::raw::SERVER_MAC, server_v4()), server_v4());
    let defence = host.wire.answers(&lie);
    assert!(matches!(&defence[..], [one] if one.starts_with(&ours)), "{defence:x?}");
    assert_eq!(host.wire.answers(&lie), [[0; 0]; 0], "again");
    // A datagram to everybody is answered from the board's own address.
    let got = host.wire.answers(&udp((client_v4(), 5_000), (v4(255, 255, 255, 255), 12_000), b"anyone?"));
    let replies: Vec<_> = got.iter().filter_map(|frame| udp_in(frame)).collect();
    assert_eq!(replies, [((server_v4(), 12_000), (client_v4(), 5_000), b"ANYONE?".to_vec())]);
    still_serves(&mut host);
}

/// On one board: the guard is the same on all of them, and drivers don't know IPv6.
#[test]
fn hostile_ipv6_frames_draw_no_answer() {
    let (_machine, mut host) = on_wire("mps2-an385", &["ipv6"]);
    let mut in_silence = |what: &str, frame: &[u8]| {
        let answers = host.wire.answers(frame);
        assert!(answers.is_empty(), "{what}: {answers:x?}");
    };
    let v6 = IpAddress::v6;
    let sources = [
        server_v6(),
        v6(0, 0, 0, 0, 0, 0, 0, 0),
        v6(0, 0, 0, 0, 0, 0, 0, 1),
        v6(0xff02, 0, 0, 0, 0, 0, 0, 1),
        v6(0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x4564),
    ];
    for source in sources {
        let datagram = udp((source, 5_000), (server_v6(), 12_000), b"a");
        in_silence(&format!("datagram from {source}"), &datagram);
    }
    let mut unsummed = udp((client_v6(), 5_000), (server_v6(), 12_000), b"unsummed");
    unsummed[14 + 40 + 6..14 + 40 + 8].fill(0);
    in_silence("a datagram without a checksum", &unsummed);
    for next in [0, 43, 44, 51, 59, 60] {
        let options = [6, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let frame = ip(client_v6(), server_v6(), IpProtocol::from(next), options.len(), 64, |payload| {
            payload.copy_from_slice(&options);
        });
        in_silence(&format!("next header {next}"), &frame);
    }
    still_serves(&mut host);
}

fn a_live_connection_outlives_forged_segments(board: &str) {
    let (_machine, mut host) = on_wire(board, &[]);
    let wire = &mut host.wire;
    let mut peer = Peer::new(40_000).at_port(12_001);
    wire.connect(&mut peer);
    let (from, to, expected) = (peer.from, peer.to, peer.seq);
    let forged = |control, seq| Segment { from, to, control, seq, ..Segment::default() };
    // At most a challenge, which is limited in number: nothing that ends the connection.
    let harmless =
        |got: &[Got]| got.iter().all(|got| got.ack && !got.rst && !got.syn && got.ack_number == expected);
    for seq in [0, expected, expected.wrapping_add(1), expected.wrapping_sub(7)] {
        let got = wire.segments(&forged(TcpControl::Syn, seq).frame());
        assert!(harmless(&got), "SYN {seq}: {got:?}");
    }
    for off in [1, 2, 1_000, u32::MAX, 1 << 30, 1 << 31] {
        let got = wire.segments(&forged(TcpControl::Rst, expected.wrapping_add(off)).frame());
        assert!(harmless(&got), "RST off by {off}: {got:?}");
    }
    let data = peer.segment(TcpControl::Psh, b"alive");
    let got = wire.segments(&data);
    assert!(matches!(&got[..], [reply] if reply.payload == b"ALIVE"), "{got:?}");
    peer.got(&got[0]);
    // The exact one does.
    assert_eq!(wire.segments(&forged(TcpControl::Rst, peer.seq).frame()), []);
    let data = peer.segment(TcpControl::Psh, b"alive");
    let got = wire.segments(&data);
    assert!(matches!(&got[..], [reply] if reply.rst), "{got:?}");
    still_serves(&mut host);
}

fn broken_frames_and_a_flood_of_syns_leave_it_serving(board: &str) {
    let (mut machine, mut host) = on_wire(board, &[]);
    let mut random = Random::new(0x0bad_5eed);
    // So that some of them are for a live connection.
    host.wire.connect(&mut Peer::new(50_000).at_port(12_001));
    for _ in 0..10_000 {
        host.wire.send(&broken(&mut random));
    }
    for port in 10_000..10_500 {
        host.wire.send(&Peer::new(port).segment(TcpControl::Syn, b""));
    }
    // Some of those frames gave it wrong addresses for ours.
    host.wire.introduce();
    still_serves(&mut host);
    assert!(machine.runs());
}
