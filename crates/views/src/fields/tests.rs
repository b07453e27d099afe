use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use test_support::world::raw::hex;
use undersock::packet::layers;

/// Every field as a line; complaints with a mark.
fn lines(frame: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    fields(frame, &mut |field| {
        let mark = if field.complaint { "! " } else { "" };
        lines.push(format!("{mark}{field}"));
    });
    lines
}

fn complaints(frame: &str) -> Vec<String> {
    lines(&hex(frame)).into_iter().filter(|line| line.starts_with('!')).collect()
}

const ETHERNET: &str = "020000000001 02005e000001 0800";
const ADDRESSES: &str = "c0a84564 c0a84501";

#[test]
fn a_field_is_a_line() {
    let frame = hex(&format!(
        "{ETHERNET} 4500 002c 0001 4000 4006 2f15 {ADDRESSES}
         c000 2ee0 000003e8 00000000 6002 faf0 9eb6 0000 020405b4"
    ));
    let lines = lines(&frame);
    for line in [
        "Type: 0x0800, IPv4",
        "IHL: 5, 5 x 4 = 20 bytes of header",
        "DF: set, don't fragment",
        "Time to Live: 64, 64 hops left",
        "Header Checksum: 0x2f15, right",
        "Source Address: 192.168.69.100, private",
        "SYN: set, synchronize sequence numbers",
        "Maximum Segment Size: 1460, bytes of data in a segment",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}\n{}", lines.join("\n"));
    }
    assert!(lines.iter().all(|line| !line.starts_with('!')), "{}", lines.join("\n"));
}

#[test]
fn a_place_is_counted_in_bits() {
    let frame = hex(&format!("{ETHERNET} 4500 0014 0001 4000 4006 2f2d {ADDRESSES}"));
    let mut places = Vec::new();
    fields(&frame, &mut |field| {
        if let Some(name @ ("ip.version" | "ip.hdr_len" | "ip.flags.df" | "ip.frag_offset" | "ip.src")) =
            field.tshark
        {
            places.push((name, field.start - 8 * 14, field.bits, field.depth, field.rfc));
        }
    });
    assert_eq!(
        places,
        [
            ("ip.version", 0, 4, 0, "RFC 791 3.1"),
            ("ip.hdr_len", 4, 4, 0, "RFC 791 3.1"),
            ("ip.flags.df", 49, 1, 1, "RFC 791 3.1"),
            ("ip.frag_offset", 51, 13, 0, "RFC 791 3.1"),
            ("ip.src", 96, 32, 0, "RFC 791 3.1"),
        ]
    );
}

#[test]
fn what_contradicts_itself_is_a_complaint() {
    let udp = |total: &str, sum: &str, length: &str| {
        complaints(&format!(
            "{ETHERNET} 4500 {total} 0001 4000 4011 {sum} {ADDRESSES} c000 2ee0 {length} 0000 6869"
        ))
    };
    assert_eq!(udp("001e", "2f18", "000a"), [""; 0]);
    assert_eq!(udp("001e", "2f19", "000a"), ["! Header Checksum: 0x2f19, wrong: should be 0x2f18"]);
    assert_eq!(udp("001e", "2f18", "0009"), ["! Length: 9, bytes; the packet has 1 more"]);
    assert_eq!(udp("001e", "2f18", "000b"), ["! Length: 11, bytes, but 10 are here"]);
    assert_eq!(udp("001e", "2f18", "0007"), ["! Length: 7, less than this header"]);
    let cut = udp("0020", "2f16", "000c");
    assert_eq!(
        cut,
        [
            "! Total Length: 32, bytes, but 30 are here",
            "! Length: 12, bytes, but 10 are here",
            "! Cut off: 2 bytes are missing",
        ]
    );
}

#[test]
fn a_field_that_is_cut_off_is_named() {
    let found = complaints(&format!("{ETHERNET} 4500 001e 0001"));
    assert_eq!(found, ["! Total Length: 30, bytes, but 6 are here", "! Cut off: it ends before Flags does"]);
}

#[test]
fn options_with_impossible_lengths_end_the_options() {
    let segment = |options: &str| {
        complaints(&format!(
            "{ETHERNET} 4500 002c 0001 4000 4006 2f15 {ADDRESSES}
             c000 2ee0 00000000 00000000 6002 faf0 0000 0000 {options}"
        ))
    };
    let length = |why: &str| format!("! Length: {why}");
    assert!(segment("02000000").contains(&length("0, too short: it counts itself")));
    assert!(segment("020a0000").contains(&length("10, longer than what is left")));
    assert!(segment("01010102").contains(&"! Cut off: its length is not there".to_string()));
    assert!(segment("03040707").contains(&"! Option Data: 0707, not the length of this kind".to_string()));
}

#[test]
fn a_checksum_may_be_left_to_the_network_card() {
    // 0x0bd2 is the sum over the two addresses, the protocol and the length.
    let frame = format!("{ETHERNET} 4500 001e 0001 4000 4011 2f18 {ADDRESSES} c000 2ee0 000a 0bd2 6869");
    let sums: Vec<_> = layers(&hex(&frame)).filter_map(|part| part.checksum()).collect();
    assert_eq!(sums, [(0x2f18, Sum::Right), (0x0bd2, Sum::Partial)]);
}

/// Any bytes at all: no panic, and the fields are in the frame.
#[test]
fn any_bytes_have_fields() {
    let mut state = 0x5eed_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let kinds = [0x0800_u16, 0x86dd, 0x0806, 0x8100, 0x88a8, 5, 46];
    for _ in 0..20_000 {
        let mut frame: Vec<u8> = (0..random() % 120).map(|_| random() as u8).collect();
        if let Some(kind) = frame.get_mut(12..14) {
            kind.copy_from_slice(&kinds[random() % kinds.len()].to_be_bytes());
        }
        if let Some(first) = frame.get_mut(14) {
            *first = [0x45, 0x46, 0x4f, 0x60, 0x60, *first][random() % 6];
        }
        // The protocols of IPv4 and of IPv6.
        for at in [23, 20] {
            if let Some(protocol) = frame.get_mut(at) {
                *protocol = [1, 6, 17, 58, 0, 43, 44, 60][random() % 8];
            }
        }
        fields(&frame, &mut |field| {
            assert!(field.start + field.bits <= 8 * frame.len(), "{field}");
            let _ = field.to_string();
        });
    }
}
