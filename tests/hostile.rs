//! What never happens: after every frame of this list the server answers as before, and it said nothing that it must
//! not say.

use test_support::world::raw::{
    Peer, Segment, arp, arp_reply_in, impossible_sources, ip_in, ping, tcp_in, udp, udp_in,
};
use test_support::world::{CLIENT_MAC, World, client_v4, client_v6, server_v4, server_v6, small};
use undersock::event::DropRule;
use undersock::host::Mac;
use undersock::service::Uppercase;
use undersock::smoltcp::socket::tcp::State;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::{
    ArpOperation, Icmpv6Packet, IpAddress, IpProtocol, NdiscNeighborFlags, TcpControl,
};

const ALL_NODES: IpAddress = IpAddress::v6(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn world() -> World<Uppercase> {
    World::new(small()).raw()
}

/// A datagram and a connection are served as ever.
fn still_serves(world: &mut World<Uppercase>, port: u16) {
    for (from, to) in [(client_v4(), server_v4()), (client_v6(), server_v6())] {
        let got = world.give(&udp((from, port), (to, 12_000), b"still there?"));
        let replies: Vec<_> = got.iter().filter_map(|frame| udp_in(frame)).collect();
        assert_eq!(replies, [((to, 12_000), (from, port), b"STILL THERE?".to_vec())]);
    }
    let mut peer = Peer::new(port);
    world.connect(&mut peer);
    let sentence = peer.segment(TcpControl::Psh, b"still there?");
    let reply = world.give_tcp(&sentence);
    assert!(reply[0].payload == b"STILL THERE?" && reply[0].fin, "{reply:?}");
    peer.got(&reply[0]);
    let fin = peer.segment(TcpControl::Fin, b"");
    world.give(&fin);
}

fn dropped(world: &World<Uppercase>, rule: DropRule) -> u32 {
    world.server.counters().dropped[rule as usize]
}

/// The server says nothing to `frame`, counts it under `rule`, and serves as before.
fn in_silence(world: &mut World<Uppercase>, what: &str, frame: &[u8], rule: DropRule) {
    let before = dropped(world, rule);
    let got = world.give(frame);
    assert!(
        got.is_empty(),
        "{what}: {:?}",
        got.iter().map(|frame| test_support::world::describe(frame)).collect::<Vec<_>>()
    );
    assert_eq!(dropped(world, rule), before + 1, "{what}");
    assert_eq!(world.server.waiting(), 0, "{what}");
}

#[test]
fn impossible_sources_draw_no_answer() {
    let mut world = world();
    let v6 = IpAddress::v6;
    let v6_sources = [
        server_v6(),
        v6(0, 0, 0, 0, 0, 0, 0, 0),
        v6(0, 0, 0, 0, 0, 0, 0, 1),
        v6(0xff02, 0, 0, 0, 0, 0, 0, 1),
        v6(0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x4564),
    ];
    for source in impossible_sources().into_iter().chain(v6_sources) {
        let server = if source.version() == server_v4().version() { server_v4() } else { server_v6() };
        in_silence(
            &mut world,
            &format!("datagram from {source}"),
            &udp((source, 5_000), (server, 12_000), b"a"),
            DropRule::Source,
        );
        let syn = Segment {
            from: (source, 12_000),
            to: (server, 12_000),
            control: TcpControl::Syn,
            ..Segment::default()
        };
        in_silence(&mut world, &format!("SYN from {source}"), &syn.frame(), DropRule::Source);
    }
    assert_eq!(world.server.used(), 0);
    still_serves(&mut world, 40_000);
}

#[test]
fn ports_that_nobody_has_draw_no_answer() {
    let mut world = world();
    in_silence(
        &mut world,
        "source port 0",
        &udp((client_v4(), 0), (server_v4(), 12_000), b"a"),
        DropRule::PortZero,
    );
    in_silence(&mut world, "port 0", &udp((client_v4(), 5_000), (server_v4(), 0), b"a"), DropRule::PortZero);
    let syn = Segment { from: (client_v4(), 0), control: TcpControl::Syn, ..Segment::default() };
    in_silence(&mut world, "SYN from port 0", &syn.frame(), DropRule::PortZero);
    still_serves(&mut world, 40_000);
}

#[test]
fn segments_to_everybody_draw_no_answer_and_datagrams_one_from_our_own_address() {
    let mut world = world();
    for everybody in
        [IpAddress::v4(255, 255, 255, 255), IpAddress::v4(192, 168, 69, 255), IpAddress::v4(224, 0, 0, 1)]
    {
        for control in [TcpControl::Syn, TcpControl::None] {
            let ack = (control == TcpControl::None).then_some(1);
            let segment = Segment { to: (everybody, 12_000), control, ack, ..Segment::default() };
            in_silence(
                &mut world,
                &format!("{control:?} to {everybody}"),
                &segment.frame(),
                DropRule::NotUnicast,
            );
        }
        let got = world.give(&udp((client_v4(), 5_000), (everybody, 12_000), b"anyone?"));
        let replies: Vec<_> = got.iter().filter_map(|frame| udp_in(frame)).collect();
        assert_eq!(replies, [((server_v4(), 12_000), (client_v4(), 5_000), b"ANYONE?".to_vec())]);
    }
    still_serves(&mut world, 40_000);
}

#[test]
fn fragments_and_extension_headers_stop_at_the_door() {
    let mut world = world();
    let mut peer = Peer::new(40_001).at_port(12_001);
    world.connect(&mut peer);
    // A fragment of a live connection's segment must not draw a RST for it.
    let mut frame = peer.segment(TcpControl::None, b"");
    frame[20] = 0x20;
    fill_ipv4_checksum(&mut frame);
    in_silence(&mut world, "first fragment", &frame, DropRule::Fragment);
    frame[20] = 0x00;
    frame[21] = 0x10;
    fill_ipv4_checksum(&mut frame);
    in_silence(&mut world, "later fragment", &frame, DropRule::Fragment);
    for next in [0, 43, 60, 59, 51] {
        let protocol = IpProtocol::from(next);
        let frame = test_support::world::raw::ip(client_v6(), server_v6(), protocol, 16, 64, |payload| {
            payload.copy_from_slice(&[6, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        });
        in_silence(&mut world, &format!("next header {next}"), &frame, DropRule::Extension);
    }
    let frame = test_support::world::raw::ip(client_v6(), server_v6(), IpProtocol::Ipv6Frag, 16, 64, |_| {});
    in_silence(&mut world, "IPv6 fragment", &frame, DropRule::Fragment);
    assert_eq!(world.server.used(), 1);
    still_serves(&mut world, 40_000);
}

fn fill_ipv4_checksum(frame: &mut [u8]) {
    undersock::smoltcp::wire::Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
}

#[test]
fn an_ipv6_datagram_without_checksum_is_dropped_and_an_ipv4_one_is_not() {
    let mut world = world();
    let mut frame = udp((client_v6(), 5_000), (server_v6(), 12_000), b"unsummed");
    frame[14 + 40 + 6..14 + 40 + 8].fill(0);
    in_silence(&mut world, "no checksum", &frame, DropRule::NoChecksum);
    let mut frame = udp((client_v4(), 5_000), (server_v4(), 12_000), b"unsummed");
    frame[14 + 20 + 6..14 + 20 + 8].fill(0);
    assert_eq!(world.give(&frame).iter().filter_map(|frame| udp_in(frame)).count(), 1);
}

#[test]
fn a_syn_in_a_live_connection_is_challenged_and_the_connection_lives() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    for seq in [0, peer.seq, peer.seq.wrapping_add(1), peer.seq.wrapping_sub(7)] {
        let syn =
            Segment { from: peer.from, to: peer.to, control: TcpControl::Syn, seq, ..Segment::default() };
        let got = world.give_tcp(&syn.frame());
        assert!(
            matches!(&got[..], [ack] if ack.ack && !ack.rst && !ack.syn && ack.ack_number == peer.seq && ack.seq == peer.ack),
            "{got:?}"
        );
        // Once a second at most (RFC 5961 7).
        assert_eq!(world.give_tcp(&syn.frame()), []);
        world.pass(Duration::from_millis(1_100));
    }
    let data = peer.segment(TcpControl::Psh, b"alive");
    assert_eq!(world.give_tcp(&data)[0].payload, b"ALIVE");
    assert_eq!(dropped(&world, DropRule::Challenged), 8);
}

#[test]
fn only_the_exact_reset_closes_and_one_in_the_window_is_challenged() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"alive");
    let got = world.give_tcp(&data);
    peer.got(&got[0]);
    let ack = peer.segment(TcpControl::None, b"");
    world.give(&ack);
    let reset =
        |seq| Segment { from: peer.from, to: peer.to, control: TcpControl::Rst, seq, ..Segment::default() };
    for off in [1, 2, 1_000, u32::MAX, 1 << 30, 1 << 31] {
        let got = world.give_tcp(&reset(peer.seq.wrapping_add(off)).frame());
        assert!(got.iter().all(|ack| !ack.rst && ack.ack_number == peer.seq), "{got:?}");
        assert_eq!(world.server.used(), 1, "RST off by {off}");
        world.pass(Duration::from_millis(1_100));
    }
    assert_eq!(dropped(&world, DropRule::InexactReset), 6);
    assert_eq!(world.give(&reset(peer.seq).frame()).len(), 0);
    assert_eq!(world.server.used(), 0);
    still_serves(&mut world, 41_000);
}

/// A client that crashed and came back with the same port: the challenge tells it of the old connection, its RST
/// closes that, and its next SYN opens a new one.
#[test]
fn a_half_open_connection_after_a_crash_is_found_out() {
    let mut world = world();
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    let data = peer.segment(TcpControl::Psh, b"then it crashed");
    world.give(&data);
    let mut reborn = Peer::new(40_000).at_port(12_001);
    reborn.seq = 777_777;
    let syn = reborn.segment(TcpControl::Syn, b"");
    let got = world.give_tcp(&syn);
    let [challenge] = &got[..] else { panic!("one challenge, not {got:?}") };
    // RFC 9293 3.10.7.3: an unacceptable ACK in SYN-SENT draws a RST with its number.
    let reset = Segment {
        from: reborn.from,
        to: reborn.to,
        control: TcpControl::Rst,
        seq: challenge.ack_number,
        ..Segment::default()
    };
    world.give(&reset.frame());
    assert_eq!(world.server.used(), 0);
    let got = world.give_tcp(&syn);
    assert!(got[0].syn && got[0].ack_number == reborn.seq, "{got:?}");
}

/// smoltcp 0.14 takes its SYN-ACK's window for twice what it is, where the receive buffer is 64 KiB or more: bytes
/// beyond the buffer would make it panic, or come out as those of the connection before.
#[test]
fn bytes_beyond_the_first_window_are_dropped() {
    let sizes = small().with_connections(1).with_buffers(65_536);
    let text = "\u{390}".as_bytes();
    for beyond in [65_536, 70_000, 86_800, 131_000] {
        let mut world = World::new(sizes).raw();
        let mut peer = Peer::new(40_000).at_port(12_001);
        peer.scale = Some(7);
        world.connect(&mut peer);
        let first = peer.seq;
        let far = Segment {
            from: peer.from,
            to: peer.to,
            seq: first.wrapping_add(beyond),
            ack: Some(peer.ack),
            payload: &text.repeat(730),
            ..Segment::default()
        };
        assert_eq!(world.give_tcp(&far.frame()), []);
        assert_eq!(dropped(&world, DropRule::BeyondWindow), 1, "{beyond}");
        // Nothing of it comes out when the bytes before it are there.
        for _ in 0..40 {
            let data = peer.segment(TcpControl::Psh, &text.repeat(730));
            for segment in world.give_tcp(&data) {
                assert!(segment.payload.len() <= 1_460, "{segment:?}");
            }
        }
        assert_eq!(world.server.used(), 1);
    }
}

/// An acknowledgement that a half-open connection doesn't await draws a RST, but not for each of a flood.
#[test]
fn resets_of_a_half_open_connection_are_limited() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    let syn = peer.segment(TcpControl::Syn, b"");
    world.give(&syn);
    let mut resets = 0;
    for round in 0..40u32 {
        let flood: Vec<Vec<u8>> = (0..50)
            .map(|n| Segment { seq: peer.seq, ack: Some(50 * round + n), ..Segment::default() }.frame())
            .collect();
        resets +=
            world.give_all(&flood).iter().filter_map(|frame| tcp_in(frame)).filter(|got| got.rst).count();
    }
    assert!((50..=101).contains(&resets), "{resets} resets for 2,000 segments at once");
}

#[test]
fn a_reset_in_syn_received_frees_the_slot() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    let syn = peer.segment(TcpControl::Syn, b"");
    world.give(&syn);
    assert_eq!(world.server.used(), 1);
    let reset = Segment { control: TcpControl::Rst, seq: peer.seq, ..Segment::default() };
    world.give(&reset.frame());
    assert_eq!(world.server.used(), 0);
}

#[test]
fn a_syn_with_a_bad_checksum_takes_no_slot() {
    let mut world = world();
    let mut frame = Peer::new(40_000).segment(TcpControl::Syn, b"");
    frame[14 + 20 + 16] ^= 0x55;
    in_silence(&mut world, "bad checksum", &frame, DropRule::Checksum);
    assert_eq!(world.server.used(), 0);
}

/// A reply to somebody who can't be reached must not keep the others waiting.
#[test]
fn a_sender_that_answers_no_arp_delays_nobody() {
    let mut world = world();
    // From a hundred hosts that don't exist, each with a MAC of its own.
    for host in 1..=99u8 {
        let mut frame = udp((IpAddress::v4(192, 168, 69, 100 + host), 5_000), (server_v4(), 12_000), b"void");
        frame[6..12].copy_from_slice(&[2, 9, 9, 9, 9, host]);
        world.give(&frame);
    }
    still_serves(&mut world, 40_000);
    // And from off-link, by way of the gateway; the reply goes back that way.
    let mut frame = udp((IpAddress::v4(8, 8, 8, 8), 5_000), (server_v4(), 12_000), b"far");
    frame[6..12].copy_from_slice(&CLIENT_MAC.0);
    let got = world.give(&frame);
    assert_eq!(got.iter().filter_map(|frame| udp_in(frame)).count(), 1);
    still_serves(&mut world, 40_001);
}

#[test]
fn closed_ports_and_unknown_protocols_are_refused_at_a_bounded_rate() {
    let mut world = world();
    // An error is sent at once or not at all: the client's address must be known, as it is after its ARP request.
    world.give(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    let got = world.give(&udp((client_v4(), 5_000), (server_v4(), 9), b"a"));
    assert!(matches!(&got[..], [one] if ip_in(one, IpProtocol::Icmp).is_some()), "port unreachable");
    let syn = Segment { to: (server_v4(), 80), control: TcpControl::Syn, ..Segment::default() };
    assert!(world.give_tcp(&syn.frame())[0].rst);
    let mut answers = 0;
    for _ in 0..40 {
        let flood: Vec<Vec<u8>> = (0..50).map(|_| syn.frame()).collect();
        answers += world.give_all(&flood).iter().filter(|frame| tcp_in(frame).is_some()).count();
    }
    assert!((90..=101).contains(&answers), "{answers} answers to 2,000 segments at once");
    still_serves(&mut world, 40_000);
}

/// A datagram with the client's address and somebody else's MAC doesn't turn the client's connection away.
#[test]
fn a_frame_alone_takes_nobodys_place() {
    let mut world = world();
    world.give(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    let mut peer = Peer::new(40_000).at_port(12_001);
    world.connect(&mut peer);
    for second in 0..90 {
        if second == 30 || second == 70 {
            let mut frame = udp((client_v4(), 5_000), (server_v4(), 12_000), b"mine");
            frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0x66]);
            world.give(&frame);
        }
        let data = peer.segment(TcpControl::Psh, b"a");
        let got = world.give(&data);
        assert!(got.iter().all(|frame| frame[..6] == CLIENT_MAC.0), "second {second}");
        peer.got(&got.iter().find_map(|frame| tcp_in(frame)).expect("the reply"));
        world.pass(Duration::from_secs(1));
    }
}

/// Our address is announced again, so that who has heard the other knows better (RFC 5227 2.4 c): every ten seconds at
/// most, or two that won't give way would talk for ever.
#[test]
fn somebody_else_with_our_address_is_not_believed() {
    let mut world = world();
    still_serves(&mut world, 40_000);
    let liar = Mac([2, 0, 0, 0, 0, 0x66]);
    let own = (test_support::world::raw::SERVER_MAC, server_v4());
    let announcement = arp(ArpOperation::Request, own, server_v4());
    let began = world.now;
    let mut defences = vec![];
    for claim in 0..100u16 {
        // As a question, as an answer, and as an announcement.
        let operation = if claim % 2 == 0 { ArpOperation::Reply } else { ArpOperation::Request };
        let target = if claim % 3 == 0 { server_v4() } else { client_v4() };
        let got = world.give(&arp(operation, (liar, server_v4()), target));
        assert!(got.iter().all(|frame| *frame == announcement), "to everybody, and nothing else: {got:?}");
        defences.extend(got.iter().map(|_| (world.now - began).secs()));
        world.pass(Duration::from_millis(250));
        assert_eq!(world.sent(), [[0; 0]; 0]);
    }
    assert_eq!(defences, [0, 10, 20], "of twenty-five seconds");
    assert_eq!(world.server.counters().conflicts, 3);
    assert!(world.server.addresses().iter().any(|cidr| cidr.address() == server_v4()));
    still_serves(&mut world, 40_001);
}

#[test]
fn pings_and_arp_are_answered() {
    let mut world = world();
    let got = world.give(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    assert_eq!(
        got.iter().filter_map(|frame| arp_reply_in(frame)).collect::<Vec<_>>(),
        [(test_support::world::raw::SERVER_MAC, server_v4())]
    );
    let got = world.give(&ping(client_v4(), server_v4(), b"0123456789"));
    let (to, echo) = ip_in(&got[0], IpProtocol::Icmp).expect("an ICMP message");
    assert!(to == client_v4() && echo[0] == 0 && echo.ends_with(b"0123456789"), "{echo:?}");
}

/// Who is about to take an address of ours is told that it is taken: an ARP probe (RFC 5227), and duplicate address
/// detection (RFC 4862 5.4.3). So is a host that asks with an address of another network.
#[test]
fn our_addresses_are_defended() {
    let mut world = world();
    for sender in [IpAddress::v4(0, 0, 0, 0), IpAddress::v4(10, 9, 9, 9)] {
        let got = world.give(&arp(ArpOperation::Request, (CLIENT_MAC, sender), server_v4()));
        let replies: Vec<_> = got.iter().filter_map(|frame| arp_reply_in(frame)).collect();
        assert_eq!(replies, [(test_support::world::raw::SERVER_MAC, server_v4())], "to {sender}");
        // Who isn't asked for keeps silent.
        assert_eq!(world.give(&arp(ArpOperation::Request, (CLIENT_MAC, sender), client_v4())).len(), 0);
    }
    let (taken, free) = (server_v6(), IpAddress::v6(0xfdaa, 0, 0, 0, 0, 0, 0x1234, 1));
    for (target, answers) in [(taken, 1), (free, 0)] {
        let got = world.give(&test_support::world::raw::detection(target));
        let got: Vec<_> = got.iter().filter_map(|frame| ip_in(frame, IpProtocol::Icmpv6)).collect();
        assert_eq!(got.len(), answers, "{target}");
        for (to, message) in got {
            let advertisement = Icmpv6Packet::new_checked(&message[..]).expect("a message");
            assert_eq!((to, IpAddress::Ipv6(advertisement.target_addr())), (ALL_NODES, taken));
            assert!(!advertisement.neighbor_flags().contains(NdiscNeighborFlags::SOLICITED));
        }
    }
    still_serves(&mut world, 40_000);
}

/// No mix of bytes makes it panic, leak a slot, or stop serving.
#[test]
fn ten_thousand_broken_frames() {
    let mut world = world();
    let mut random = 0x0bad_5eed_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let mut peer = Peer::new(50_000).at_port(12_001);
    world.connect(&mut peer);
    let good = [
        peer.segment(TcpControl::Psh, b"some bytes of a stream"),
        Peer::new(50_001).segment(TcpControl::Syn, b""),
        peer.segment(TcpControl::Fin, b""),
        udp((client_v4(), 5_000), (server_v4(), 12_000), b"a datagram"),
        udp((client_v6(), 5_000), (server_v6(), 12_000), b"a datagram"),
        ping(client_v4(), server_v4(), b"ping"),
        ping(client_v6(), server_v6(), b"ping"),
        arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()),
    ];
    for _ in 0..10_000 {
        let mut frame = good[next() % good.len()].clone();
        for _ in 0..1 + next() % 4 {
            // Not the Ethernet addresses: those frames wouldn't be ours.
            let place = 12 + next() % (frame.len() - 12);
            frame[place] = next() as u8;
        }
        match next() % 8 {
            0 => frame.truncate(next() % (frame.len() + 1)),
            1 => frame.extend((0..next() % 64).map(|n| n as u8)),
            _ => {}
        }
        world.give(&frame);
        world.now += Duration::from_micros(next() as i64 as u64 % 20_000);
    }
    // What was half-open by then is over by its limit.
    world.pass(Duration::from_secs(70));
    assert_eq!(world.server.used(), 0);
    // Broken ARP may have said anything about where the client is; so it says it again.
    world.give(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    still_serves(&mut world, 40_000);
}

#[test]
fn time_wait_ends_even_if_the_last_fin_comes_again() {
    let mut world = world();
    let mut peer = Peer::new(40_000);
    world.connect(&mut peer);
    let sentence = peer.segment(TcpControl::Psh, b"bye");
    let reply = world.give_tcp(&sentence);
    peer.got(&reply[0]);
    let fin = peer.segment(TcpControl::Fin, b"");
    let last = world.give_tcp(&fin);
    assert!(last[0].ack && last[0].ack_number == peer.seq);
    // Our last acknowledgement was lost: the FIN comes again and is acknowledged again.
    world.pass(Duration::from_secs(1));
    assert_eq!(world.give_tcp(&fin), last);
    assert_eq!(world.server.connections().next().map(|one| one.state), Some(State::TimeWait));
    world.pass(Duration::from_secs(12));
    assert_eq!(world.server.used(), 0);
}
