//! Frames byte by byte: any length and any number may be wrong in them.

/// Bytes from hex, spaces between as one likes.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    assert!(digits.len().is_multiple_of(2), "two digits a byte: {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;
pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;

pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = hex("020000000001 02005e000001");
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Up to the shortest that goes over a wire.
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(60), 0);
    frame
}

/// An IPv4 packet; its options are a multiple of four bytes.
pub fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let mut packet = vec![0x40 | (header / 4) as u8, 0];
    packet.extend(((header + payload.len()) as u16).to_be_bytes());
    packet.extend([0x12, 0x34, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(hex("c0a84564 c0a84501"));
    packet.extend(options);
    packet.extend(payload);
    resum(&mut packet);
    packet
}

/// Makes an IPv4 header's checksum right.
pub fn resum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let header = (4 * usize::from(packet[0] & 0xf)).min(packet.len());
    let sum = sum(&packet[..header]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = hex("60000000");
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    packet.extend(hex("fdaa0000000000000000000000000100 fdaa0000000000000000000000000001"));
    packet.extend(payload);
    packet
}

/// A frame with this transport header in IPv4, its checksum made right.
pub fn over_ipv4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let pseudo = if protocol == ICMP { vec![] } else { pseudo(&hex("c0a84564 c0a84501"), protocol, segment) };
    ethernet(IPV4, &ipv4(protocol, &[], &sealed(protocol, pseudo, segment)))
}

/// The same in IPv6.
pub fn over_ipv6(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let addresses = ipv6(0, &[])[8..40].to_vec();
    ethernet(IPV6, &ipv6(protocol, &sealed(protocol, pseudo(&addresses, protocol, segment), segment)))
}

fn sealed(protocol: u8, mut pseudo: Vec<u8>, segment: &[u8]) -> Vec<u8> {
    let place = match protocol {
        TCP => 16,
        UDP => 6,
        _ => 2,
    };
    let mut segment = segment.to_vec();
    segment[place..place + 2].fill(0);
    pseudo.extend(&segment);
    segment[place..place + 2].copy_from_slice(&sum(&pseudo).to_be_bytes());
    segment
}

fn pseudo(addresses: &[u8], protocol: u8, segment: &[u8]) -> Vec<u8> {
    let mut bytes = addresses.to_vec();
    bytes.extend((segment.len() as u32).to_be_bytes());
    bytes.extend([0, 0, 0, protocol]);
    bytes
}

/// The Internet checksum (RFC 1071).
pub fn sum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A segment; its options are a multiple of four bytes.
pub fn tcp(flags: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = hex("c000 2ee0 0001e240 00038a4a");
    let words = (20 + options.len()) as u16 / 4;
    segment.extend((words << 12 | flags).to_be_bytes());
    segment.extend(hex("faf0 0000 0000"));
    segment.extend(options);
    segment.extend(payload);
    segment
}

/// A datagram to port 12000, or another.
pub fn udp(to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = hex("c000");
    datagram.extend(to.to_be_bytes());
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}
