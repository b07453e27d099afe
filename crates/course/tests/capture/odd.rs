//! Frames that no exchange of ours makes, and those that tshark's dissectors call odd.

use super::build::{
    ICMP, ICMPV6, IPV4, IPV6, TCP, UDP, ethernet, hex, ipv4, ipv6, over_ipv4, over_ipv6, padded, resum, sum,
    tcp, udp,
};

/// A frame, and what is odd about it.
pub type Named = (&'static str, Vec<u8>);

const SYN: u16 = 0x02;
const ACK: u16 = 0x10;
const PUSH_ACK: u16 = 0x18;

/// Every kind of header and option, as it should be.
pub fn right() -> Vec<Named> {
    [
        link(),
        arp(),
        options_of_ipv4(),
        extensions_of_ipv6(),
        icmp(),
        icmpv6(),
        discovery(),
        listeners(),
        segments(),
    ]
    .concat()
}

fn link() -> Vec<Named> {
    let tagged = |tags: &str, packet: &[u8]| {
        let mut frame = hex("020000000001 02005e000001");
        frame.extend(hex(tags));
        frame.extend(packet);
        frame
    };
    let packet = ipv4(UDP, &[], &udp(12_000, b"tagged"));
    let mut wrong_length = ethernet(IPV4, &packet);
    wrong_length.extend(b"trailer, not zeros");
    vec![
        ("802.1Q", padded(tagged("8100 b007 0800", &packet))),
        ("802.1Q, drop eligible", padded(tagged("8100 1fff 0800", &packet))),
        ("802.1ad and 802.1Q", padded(tagged("88a8 0064 8100 0007 0800", &packet))),
        (
            "802.3 and LLC: spanning tree",
            padded(ethernet(
                38,
                &hex(
                    "424203 0000 00 00 00 8000 0200 5e000001 00000000 8000 0200 5e000001 8001 0000 1400 0200 0f00",
                ),
            )),
        ),
        (
            "SNAP",
            padded(ethernet(8 + packet.len() as u16, &[hex("aaaa03 000000 0800"), packet.clone()].concat())),
        ),
        ("a trailer", wrong_length),
        ("an unknown EtherType", padded(ethernet(0x88b5, b"experimental"))),
        ("a datagram of 1472 bytes", ethernet(IPV4, &ipv4(UDP, &[], &udp(12_000, &[b'j'; 1_472])))),
        ("a jumbo frame", over_ipv4(UDP, &udp(12_000, &[b'j'; 8_972]))),
    ]
}

fn arp() -> Vec<Named> {
    let arp = |operation: &str, addresses: &str| {
        padded(ethernet(0x0806, &hex(&format!("0001 0800 06 04 {operation} {addresses}"))))
    };
    vec![
        ("ARP request", arp("0001", "02005e000001 c0a84564 000000000000 c0a84501")),
        ("ARP reply", arp("0002", "020000000001 c0a84501 02005e000001 c0a84564")),
        ("ARP probe", arp("0001", "02005e000001 00000000 000000000000 c0a84501")),
        ("ARP announcement", arp("0001", "02005e000001 c0a84501 000000000000 c0a84501")),
        ("gratuitous ARP reply", arp("0002", "02005e000001 c0a84501 ffffffffffff c0a84501")),
        ("RARP's operation", arp("0003", "02005e000001 00000000 02005e000001 00000000")),
    ]
}

fn options_of_ipv4() -> Vec<Named> {
    let with = |options: &str| ethernet(IPV4, &ipv4(UDP, &hex(options), &udp(12_000, b"options")));
    let mut frames = vec![
        ("IPv4 record route", with("07 0f 08 0a000001 00000000 00000000 00")),
        ("IPv4 record route, full", with("07 0b 0c 0a000001 0a000002 00")),
        ("IPv4 timestamps", with("44 0c 09 00 00000007 00000000")),
        ("IPv4 timestamps with addresses", with("44 14 0d 11 0a000001 00000007 0a000002 00000000")),
        ("IPv4 timestamps asked of hosts", with("44 0c 05 03 0a000001 00000000")),
        ("IPv4 router alert", with("94 04 0000")),
        ("IPv4 loose source route", with("83 0b 04 0a000001 0a000002 00")),
        ("IPv4 strict source route", with("89 07 08 0a000001 00")),
        ("IPv4 NOPs and EOL", with("01 01 94 04 0000 00 00")),
        (
            "IPv4 congestion experienced",
            ethernet(IPV4, &{
                let mut packet = ipv4(TCP, &[], &tcp(ACK, &[], b""));
                packet[1] = 0xbb;
                resum(&mut packet);
                packet
            }),
        ),
    ];
    for (name, place) in [
        ("the first fragment", 0x2000_u16),
        ("a middle fragment", 0x2000 | 185),
        ("the last fragment", 370),
        ("reserved bit set", 0x8000),
        ("DF and MF", 0x6000),
    ] {
        let mut packet = ipv4(UDP, &[], &udp(12_000, b"a fragment of it"));
        packet[6..8].copy_from_slice(&place.to_be_bytes());
        resum(&mut packet);
        frames.push((name, ethernet(IPV4, &packet)));
    }
    for protocol in [2, 47, 89, 132, 253] {
        frames.push(("another protocol", ethernet(IPV4, &ipv4(protocol, &[], b"not decoded here"))));
    }
    frames
}

fn extensions_of_ipv6() -> Vec<Named> {
    let behind =
        |next: u8, headers: &str, last: Vec<u8>| ethernet(IPV6, &ipv6(next, &[hex(headers), last].concat()));
    let datagram = over_ipv6(UDP, &udp(12_000, b"behind"))[54..].to_vec();
    vec![
        ("hop-by-hop: router alert", behind(0, "1100 05020000 0100", datagram.clone())),
        (
            "hop-by-hop: padding of two kinds",
            behind(0, "1101 00 00 00 0109 000000000000000000", datagram.clone()),
        ),
        ("hop-by-hop: an unknown option", behind(0, "1100 3e04 01020304", datagram.clone())),
        ("destination options", behind(60, "1100 010400000000", datagram.clone())),
        ("all three", behind(0, "2b00 05020000 0100 3c00 0400 00000000 1100 010400000000", datagram.clone())),
        ("an IPv6 fragment", behind(44, "1100 0001 deadbeef", datagram.clone())),
        ("a later IPv6 fragment", behind(44, "1100 0b50 deadbeef", datagram.clone())),
        ("an atomic fragment", behind(44, "1100 0000 deadbeef", datagram.clone())),
        ("no next header", behind(59, "", vec![])),
        ("traffic class and flow label", {
            let mut frame = ethernet(IPV6, &ipv6(UDP, &datagram));
            frame[14..18].copy_from_slice(&hex("6bba bcde"));
            frame
        }),
    ]
}

fn icmp() -> Vec<Named> {
    let quoted = ipv4(UDP, &[], &udp(9, b"quoted"))[..28].to_vec();
    let quoting = |head: &str| over_ipv4(ICMP, &[hex(head), quoted.clone()].concat());
    let segment = ipv4(TCP, &[], &tcp(SYN, &[], b""));
    vec![
        ("echo request", over_ipv4(ICMP, &[hex("0800 0000 0007 0001"), b"abcdefgh".to_vec()].concat())),
        ("echo reply", over_ipv4(ICMP, &[hex("0000 0000 0007 0001"), b"abcdefgh".to_vec()].concat())),
        ("port unreachable", quoting("0303 0000 00000000")),
        ("host unreachable", quoting("0301 0000 00000000")),
        ("fragmentation needed", quoting("0304 0000 0000 05dc")),
        ("time exceeded", quoting("0b00 0000 00000000")),
        ("redirect", quoting("0501 0000 c0a84502")),
        ("parameter problem", quoting("0c00 0000 14 000000")),
        ("source quench", quoting("0400 0000 00000000")),
        ("timestamp request", over_ipv4(ICMP, &hex("0d00 0000 0007 0001 00000001 00000002 00000003"))),
        ("unreachable with a whole segment", over_ipv4(ICMP, &[hex("0301 0000 00000000"), segment].concat())),
        ("an unknown ICMP type", over_ipv4(ICMP, &hex("fd00 0000 01020304"))),
    ]
}

fn icmpv6() -> Vec<Named> {
    let quoted = ipv6(UDP, &udp(9, b"quoted"));
    let quoting = |head: &str| over_ipv6(ICMPV6, &[hex(head), quoted.clone()].concat());
    vec![
        ("echo request 6", over_ipv6(ICMPV6, &[hex("8000 0000 0007 0001"), b"abcdefgh".to_vec()].concat())),
        ("echo reply 6", over_ipv6(ICMPV6, &[hex("8100 0000 0007 0001"), b"abcdefgh".to_vec()].concat())),
        ("port unreachable 6", quoting("0104 0000 00000000")),
        ("packet too big", quoting("0200 0000 00000500")),
        ("time exceeded 6", quoting("0300 0000 00000000")),
        ("parameter problem 6", quoting("0401 0000 00000006")),
    ]
}

fn discovery() -> Vec<Named> {
    let message = |bytes: &str| over_ipv6(ICMPV6, &hex(bytes));
    vec![
        ("RS", message("8500 0000 00000000 0101 02005e000001")),
        ("RA without options", message("8600 0000 40 00 0000 00000000 00000000")),
        (
            "RA with every option",
            message(
                "8600 0000 40 c8 0708 00007530 000003e8 0101 02005e000001 0501 0000 000005dc
                 0304 40 c0 00278d00 00093a80 00000000 fdaa0000000000000000000000000000
                 1905 0000 00000e10 fdaa0000000000000000000000000053 20010db8000000000000000000000053
                 1802 40 08 00000708 20010db800000000
                 1f02 0000 00000e10 036c616200 000000
                 0e01 010203040506 2602 0708 0064ff9b 0000000000000000
                 fd01 010203040506",
            ),
        ),
        ("NS", message("8700 0000 00000000 fdaa0000000000000000000000000001 0101 02005e000001")),
        (
            "NS for duplicate address detection",
            message("8700 0000 00000000 fdaa0000000000000000000000000001"),
        ),
        ("NA", message("8800 0000 60000000 fdaa0000000000000000000000000001 0201 020000000001")),
        ("NA of a router", message("8800 0000 a0000000 fdaa0000000000000000000000000001 0201 020000000001")),
        (
            "redirect 6",
            message(
                "8900 0000 00000000 fe800000000000000000000000000001 20010db8000000000000000000000001
                 0201 020000000001 0401 000000000000",
            ),
        ),
    ]
}

fn listeners() -> Vec<Named> {
    let message = |bytes: &str| over_ipv6(ICMPV6, &hex(bytes));
    vec![
        ("MLDv2 report", message("8f00 0000 0000 0001 04000000 ff0200000000000000000001ff000001")),
        (
            "MLDv2 report with sources",
            message(
                "8f00 0000 0000 0002 03000002 ff0200000000000000000001ff000001
                 fdaa0000000000000000000000000001 fdaa0000000000000000000000000002
                 04000000 ff020000000000000000000000000016",
            ),
        ),
        ("MLDv1 report", message("8300 0000 0000 0000 ff0200000000000000000001ff000001")),
        ("MLDv1 query", message("8200 0000 2710 0000 00000000000000000000000000000000")),
        ("MLDv2 query", message("8200 0000 2710 0000 00000000000000000000000000000000 02 7d 0000")),
    ]
}

fn segments() -> Vec<Named> {
    let mut frames = Vec::new();
    for (name, options) in [
        ("every option", "020405b4 0402 080a 00000007 00000009 01 030307"),
        ("SACK of 3 blocks", "0101 051a 00000001 00000002 00000010 00000020 00000100 00000200"),
        (
            "SACK of 4 blocks",
            "0101 0522 00000001 00000002 00000010 00000020 00000100 00000200 00001000 00002000",
        ),
        ("SACK beside timestamps", "0101 080a 00000007 00000009 0101 050a 00000001 00000002"),
        ("an unknown option", "fa06 01020304 0101"),
        ("padding behind EOL", "020405b4 00 000000"),
        ("NOPs only", "01010101"),
    ] {
        frames.push((name, over_ipv4(TCP, &tcp(SYN, &hex(options), b""))));
        frames.push((name, over_ipv6(TCP, &tcp(ACK, &hex(options), b"data"))));
    }
    for flags in 0..12 {
        frames.push(("one flag", over_ipv4(TCP, &tcp(1 << flags, &[], b""))));
    }
    frames.push(("every flag", over_ipv4(TCP, &tcp(0xfff, &[], b"lights on"))));
    frames.push(("no flag", over_ipv4(TCP, &tcp(0, &[], b""))));
    let mut urgent = tcp(0x38, &[], b"urgent!");
    urgent[18..20].copy_from_slice(&[0, 3]);
    frames.push(("urgent", over_ipv4(TCP, &urgent)));
    let mut closed = tcp(ACK, &[], b"");
    closed[14..16].fill(0);
    frames.push(("zero window", over_ipv4(TCP, &closed)));
    frames.push(("keep-alive", over_ipv4(TCP, &tcp(ACK, &[], b"\0"))));
    frames.push(("data of an odd length", over_ipv6(TCP, &tcp(PUSH_ACK, &[], b"odd"))));
    frames.push(("no bytes", over_ipv4(UDP, &udp(12_000, b""))));
    frames.push(("no bytes 6", over_ipv6(UDP, &udp(12_000, b""))));
    frames.push(("no checksum", ethernet(IPV4, &ipv4(UDP, &[], &udp(12_000, b"unsummed")))));
    frames.extend(offloaded());
    frames.push(("DHCP with many options", dhcp()));
    frames
}

/// Checksums that a network card is to finish: the sum over the pseudo-header only.
fn offloaded() -> Vec<Named> {
    let addresses = hex("c0a84564 c0a84501");
    [
        ("offloaded segment", TCP, tcp(PUSH_ACK, &[], b"offloaded"), 16),
        ("offloaded datagram", UDP, udp(12_000, b"offloaded"), 6),
    ]
    .into_iter()
    .map(|(name, protocol, mut segment, place)| {
        let length = (segment.len() as u16).to_be_bytes();
        let pseudo = [&addresses[..], &[0, protocol], &length].concat();
        segment[place..place + 2].copy_from_slice(&(!sum(&pseudo)).to_be_bytes());
        (name, ethernet(IPV4, &ipv4(protocol, &[], &segment)))
    })
    .collect()
}

fn dhcp() -> Vec<u8> {
    let mut message = hex("01 01 06 00 12345678 0003 8000 00000000 00000000 00000000 00000000 02005e000001");
    message.resize(236, 0);
    message.extend(hex(
        "63825363 350101 3d0701 02005e000001 3204c0a84501 390205dc 3c05 756e646572 0c06 736f636b6574
         37080103060f1a1c3a3b 0104ffffff00 0308c0a84501c0a84502 0604c0a84503 0f036c6162 1a0205dc 1c04c0a845ff
         2a04c0a84504 330400000e10 3604c0a84501 3802 6e6f 3a0400000708 3b0400000c4e ff",
    ));
    message.resize(message.len().max(320), 0);
    over_ipv4(UDP, &{
        let mut datagram = udp(67, &message);
        datagram[..2].copy_from_slice(&68_u16.to_be_bytes());
        datagram
    })
}

/// What is wrong in itself.
pub fn wrong() -> Vec<Named> {
    let mut frames = [lengths(), sums(), options(), cut()].concat();
    frames.push(("IPv6 UDP without a checksum", ethernet(IPV6, &ipv6(UDP, &udp(12_000, b"none")))));
    frames
}

fn changed(frame: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    if frame[12..14] == [8, 0] {
        resum(&mut frame[14..]);
    }
    frame
}

fn lengths() -> Vec<Named> {
    let datagram = over_ipv4(UDP, &udp(12_000, b"twelve bytes"));
    let segment = over_ipv4(TCP, &tcp(PUSH_ACK, &[], b"twelve bytes"));
    let six = over_ipv6(UDP, &udp(12_000, b"twelve bytes"));
    vec![
        ("IP total length 0", changed(&segment, 16, &[0, 0])),
        ("IP total length below its header", changed(&datagram, 16, &[0, 19])),
        ("IP total length beyond the frame", changed(&datagram, 16, &[1, 0])),
        ("IP total length cuts the datagram", changed(&datagram, 16, &[0, 30])),
        ("IHL 4", changed(&datagram, 14, &[0x44])),
        ("IHL beyond the frame", changed(&datagram, 14, &[0x4f])),
        ("version 5", changed(&datagram, 14, &[0x55])),
        ("IPv6 payload length beyond the frame", changed(&six, 18, &[1, 0])),
        ("IPv6 payload length cuts the datagram", changed(&six, 18, &[0, 10])),
        ("UDP length 0", changed(&datagram, 38, &[0, 0])),
        ("UDP length 7", changed(&datagram, 38, &[0, 7])),
        ("UDP length short", changed(&datagram, 38, &[0, 12])),
        ("UDP length long", changed(&datagram, 38, &[0, 100])),
        ("data offset 4", changed(&segment, 46, &[0x40])),
        ("data offset beyond the segment", changed(&segment, 46, &[0xf0])),
        ("802.3 length beyond the frame", padded(ethernet(1_000, &hex("424203")))),
        (
            "ARP with other lengths",
            padded(ethernet(
                0x0806,
                &hex("0001 0800 08 04 0001 0102030405060708 c0a84564 0102030405060708 c0a84501"),
            )),
        ),
    ]
}

fn sums() -> Vec<Named> {
    let mut frames = Vec::new();
    for (name, frame, at) in [
        ("wrong IPv4 checksum", over_ipv4(UDP, &udp(12_000, b"wrong")), 24),
        ("wrong UDP checksum", over_ipv4(UDP, &udp(12_000, b"wrong")), 40),
        ("wrong TCP checksum", over_ipv4(TCP, &tcp(PUSH_ACK, &[], b"wrong")), 50),
        ("wrong ICMP checksum", over_ipv4(ICMP, &hex("0800 0000 0007 0001")), 36),
        ("wrong ICMPv6 checksum", over_ipv6(ICMPV6, &hex("8000 0000 0007 0001")), 56),
        ("wrong TCP checksum 6", over_ipv6(TCP, &tcp(PUSH_ACK, &[], b"wrong")), 70),
    ] {
        let mut frame = frame;
        frame[at] ^= 0x55;
        frames.push((name, frame));
    }
    frames
}

fn options() -> Vec<Named> {
    let syn = |options: &str| over_ipv4(TCP, &tcp(SYN, &hex(options), b""));
    let router = |options: &str| ethernet(IPV4, &ipv4(UDP, &hex(options), &udp(12_000, b"options")));
    let advertisement =
        |options: &str| over_ipv6(ICMPV6, &hex(&format!("8600 0000 40 00 0708 00000000 00000000 {options}")));
    vec![
        ("TCP option length 0", syn("02 00 05b4")),
        ("TCP option length 1", syn("03 01 0700")),
        ("TCP option beyond the header", syn("02 0a 05b4")),
        ("TCP option without length", syn("010101 02")),
        ("MSS of the wrong length", syn("0203 05 00")),
        ("window scale of the wrong length", syn("0304 0707")),
        ("window scale 15", syn("01 03030f")),
        ("SACK permitted of the wrong length", syn("0403 00 01")),
        ("SACK of the wrong length", syn("0509 00000001 000002 0101 01")),
        ("SACK without a block", syn("0502 0101")),
        ("timestamps of the wrong length", syn("0806 00000007 0101")),
        ("IPv4 option length 0", router("07 00 0400")),
        ("IPv4 option beyond the header", router("07 0f 0400")),
        ("IPv4 record route with a pointer too small", router("07 07 03 00000000 00")),
        ("IPv4 router alert of the wrong length", router("94 03 00 00")),
        ("IPv4 timestamps with an unknown flag", router("44 08 05 02 00000000")),
        ("NDP option length 0", advertisement("0100 02005e000001")),
        ("NDP option beyond the message", advertisement("0102 02005e000001")),
        ("NDP prefix of the wrong length", advertisement("0301 40c000000000")),
        ("NDP MTU of the wrong length", advertisement("0502 0000 000005dc 0000000000000000")),
        ("RDNSS of the wrong length", advertisement("1902 0000 00000e10 0000000000000000")),
    ]
}

/// Every frame that is right, ended early at some places.
fn cut() -> Vec<Named> {
    let frames = [
        over_ipv4(TCP, &tcp(SYN, &hex("020405b4 0402 080a 00000007 00000009 01 030307"), b"")),
        over_ipv6(UDP, &udp(12_000, b"cut off")),
        over_ipv6(ICMPV6, &hex("8800 0000 60000000 fdaa0000000000000000000000000001 0201 020000000001")),
    ];
    let ends = [10, 14, 20, 33, 34, 40, 47, 53, 54, 55, 57, 60, 62, 70, 78, 82];
    let all = frames.iter().flat_map(|frame| ends.iter().filter_map(|end| frame.get(..*end)));
    all.map(|frame| ("cut off", frame.to_vec())).collect()
}
