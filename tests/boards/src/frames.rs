//! Frames that nobody should send.

use smoltcp::wire::{ArpOperation, TcpControl};

use crate::raw::{Peer, arp, ping, udp};
use crate::text::Random;
use crate::{CLIENT_MAC, client_v4, server_v4};

/// A frame of which a few bytes are wrong, or the end is missing, or there is too much of it.
pub fn broken(random: &mut Random) -> Vec<u8> {
    let mut peer = Peer::new(50_000).at_port(12_001);
    let mut frame = match random.below(6) {
        0 => peer.segment(TcpControl::Psh, b"some bytes of a stream"),
        1 => Peer::new(50_001).segment(TcpControl::Syn, b""),
        2 => peer.segment(TcpControl::Fin, b""),
        3 => udp((client_v4(), 5_000), (server_v4(), 12_000), b"a datagram"),
        4 => ping(client_v4(), server_v4(), b"ping"),
        _ => arp(ArpOperation::Request, (CLIENT_MAC, client_v4()), server_v4()),
    };
    for _ in 0..=random.below(4) {
        // Not the Ethernet addresses: those frames wouldn't be the board's.
        let place = 12 + random.below(frame.len() - 12);
        frame[place] = random.below(256) as u8;
    }
    match random.below(8) {
        0 => frame.truncate(1 + random.below(frame.len())),
        1 => frame.extend((0..random.below(64)).map(|byte| byte as u8)),
        _ => {}
    }
    frame
}
