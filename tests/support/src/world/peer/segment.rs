//! A peer's segments: written with every option, read with every checksum.

use undersock::packet::{Shape, TcpOption, Tlv, tcp_option};
use undersock::smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, TcpSeqNumber,
};

use super::super::raw::{self, Endpoint};

/// The bytes of a TCP header without options.
const HEADER: usize = 20;
const FIRST_OCTETS: usize = 14;

/// A segment that the peer sends.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub window: u16,
    /// A whole number of words.
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

impl Outgoing<'_> {
    pub fn frame(&self, from: Endpoint, to: Endpoint) -> Vec<u8> {
        let header = HEADER + self.options.len();
        let length = header + self.payload.len();
        raw::ip(from.0, to.0, IpProtocol::Tcp, length, 64, |buffer| {
            let mut packet = TcpPacket::new_unchecked(buffer);
            let number = |number: u32| TcpSeqNumber(number.cast_signed());
            packet.set_src_port(from.1);
            packet.set_dst_port(to.1);
            packet.set_seq_number(number(self.seq));
            packet.set_ack_number(number(self.ack.unwrap_or(0)));
            packet.clear_flags();
            packet.set_header_len(header as u8);
            packet.set_syn(self.syn);
            packet.set_fin(self.fin);
            packet.set_rst(self.rst);
            packet.set_psh(!self.payload.is_empty());
            packet.set_ack(self.ack.is_some());
            packet.set_window_len(self.window);
            packet.set_urgent_at(0);
            packet.options_mut().copy_from_slice(self.options);
            packet.payload_mut().copy_from_slice(self.payload);
            packet.fill_checksum(&from.0, &to.0);
        })
    }
}

/// The options of a SYN.
pub fn syn_options(mss: u16, sack: bool, scale: Option<u8>) -> Vec<u8> {
    let [high, low] = mss.to_be_bytes();
    let mut options = vec![2, 4, high, low];
    if sack {
        options.extend([1, 1, 4, 2]);
    }
    if let Some(shift) = scale {
        options.extend([1, 3, 3, shift]);
    }
    options
}

/// The option with these blocks, padded; nothing without any.
pub fn sack_option(blocks: &[(u32, u32)]) -> Vec<u8> {
    if blocks.is_empty() {
        return vec![];
    }
    let mut option = vec![1, 1, 5, 2 + 8 * blocks.len() as u8];
    for (from, to) in blocks {
        option.extend(from.to_be_bytes());
        option.extend(to.to_be_bytes());
    }
    option
}

/// A segment that came, and was right.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub window: u16,
    options: &'a [u8],
    pub payload: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The segment in a frame, if there is one from here to there, undamaged.
    pub fn read(frame: &'a [u8], from: Endpoint, to: Endpoint) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let rest = frame.get(FIRST_OCTETS..)?;
        let (source, destination, segment) = match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => {
                let packet = Ipv4Packet::new_checked(rest).ok()?;
                if packet.next_header() != IpProtocol::Tcp || !packet.verify_checksum() {
                    return None;
                }
                (IpAddress::Ipv4(packet.src_addr()), IpAddress::Ipv4(packet.dst_addr()), packet.payload())
            }
            EthernetProtocol::Ipv6 => {
                let packet = Ipv6Packet::new_checked(rest).ok()?;
                if packet.next_header() != IpProtocol::Tcp {
                    return None;
                }
                (IpAddress::Ipv6(packet.src_addr()), IpAddress::Ipv6(packet.dst_addr()), packet.payload())
            }
            _ => return None,
        };
        let packet = TcpPacket::new_checked(segment).ok()?;
        let is_ours = (source, packet.src_port()) == from && (destination, packet.dst_port()) == to;
        if !is_ours || !packet.verify_checksum(&source, &destination) {
            return None;
        }
        Some(Incoming {
            seq: packet.seq_number().0.cast_unsigned(),
            ack: packet.ack().then(|| packet.ack_number().0.cast_unsigned()),
            syn: packet.syn(),
            fin: packet.fin(),
            rst: packet.rst(),
            window: packet.window_len(),
            options: packet.options(),
            payload: packet.payload(),
        })
    }

    /// What it takes of the sequence numbers.
    pub fn length(&self) -> u64 {
        self.payload.len() as u64 + u64::from(self.syn) + u64::from(self.fin)
    }

    pub fn options(&self) -> impl Iterator<Item = TcpOption<'a>> {
        Tlv::new(Shape::Internet, self.options).map(|item| tcp_option(&item))
    }
}
