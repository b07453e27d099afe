//! A little of everything that a board may be asked, to see what it takes.

use std::thread;

use smoltcp::wire::{ArpOperation, TcpControl};

use crate::machine::Ports;
use crate::raw::{Peer, Segment, arp, ping, udp};
use crate::{CLIENT_MAC, Host, client_v4, client_v6, server_v4, server_v6, sockets, text};

/// Datagrams, eight sentences at once, a stream.
#[track_caller]
pub fn by_sockets(ports: Ports) {
    // A reply that is too long for one datagram is not sent: characters that grow fill a third of one.
    for words in [vec![], text::mixed(490), vec![b'a'; 1_472]] {
        sockets::udp(ports.udp, &words);
    }
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || sockets::tcp(ports.sentence, &text::mixed(1_024)).expect("a reply"));
        }
        scope.spawn(move || sockets::stream(ports.stream, &text::mixed(50_000)).expect("a stream"));
    });
}

/// The same from a stack, and what no stack sends: forged segments, closed ports, fragments.
#[track_caller]
pub fn by_frames(host: &mut Host, features: &[&str]) {
    host.wire.introduce();
    let has_ipv6 = features.contains(&"ipv6");
    let servers = [server_v4(), server_v6()];
    for server in servers.into_iter().take(if has_ipv6 { 2 } else { 1 }) {
        for length in [1, 64, 1_400] {
            host.udp(server, &vec![b'a'; length]);
        }
        for reply in host.tcp(server, &vec![vec![b'a'; 1_000]; 8]) {
            reply.expect("a reply");
        }
        let client = if server == server_v4() { client_v4() } else { client_v6() };
        host.wire.answers(&ping(client, server, &[0; 1_400]));
        host.wire.answers(&udp((client, 5_000), (server, 9), b"nobody"));
    }
    let wire = &mut host.wire;
    wire.answers(&arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()));
    wire.segments(&Segment { to: (server_v4(), 80), control: TcpControl::Syn, ..Segment::default() }.frame());
    let mut peer = Peer::new(40_000).at_port(12_001);
    wire.connect(&mut peer);
    for control in [TcpControl::Syn, TcpControl::Rst] {
        let segment =
            Segment { from: peer.from, to: peer.to, control, seq: peer.seq + 1, ..Segment::default() };
        wire.segments(&segment.frame());
    }
    let data = peer.segment(TcpControl::Psh, &[b'a'; 1_000]);
    wire.segments(&data);
    let mut fragment = data;
    fragment[20] = 0x20;
    wire.answers(&fragment);
    // More SYNs than slots and places to wait: some wait, some are dropped, and some are put out.
    for port in 10_000..10_020 {
        wire.send(&Peer::new(port).segment(TcpControl::Syn, b""));
    }
    for reply in host.tcp(server_v4(), &vec![b"after the flood".to_vec(); 4]) {
        reply.expect("a reply");
    }
}
