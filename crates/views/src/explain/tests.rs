use std::format;
use std::string::ToString;

use super::*;
use test_support::world::raw::hex;

const ETHERNET: &str = "020000000001 02005e000001 0800";

#[test]
fn a_datagram_on_a_page() {
    let frame = hex(&format!(
        "{ETHERNET} 4500 0021 0001 0000 4011 6f15 c0a84564 c0a84501 c000 2ee0 000d 0000 68656c6c6f"
    ));
    let page = Explain::new(&frame).to_string();
    assert_eq!(page, PAGE, "\n{page}");
}

#[test]
fn frames_in_one_line() {
    let tcp = |flags: &str, options: &str| {
        let size = 40 + hex(options).len();
        let words = 5 + hex(options).len() / 4;
        hex(&format!(
            "{ETHERNET} 4500 {size:04x} 0001 4000 4006 0000 c0a84564 c0a84501
             c000 2ee0 000003e8 000007d0 {words:x}{flags} faf0 0000 0000 {options}"
        ))
    };
    for (frame, line) in [
        (
            tcp("002", "020405b4"),
            "tcp 192.168.69.100:49152 > 192.168.69.1:12000 S 1000:1000(0) win 64240 <mss 1460>",
        ),
        (tcp("018", ""), "tcp 192.168.69.100:49152 > 192.168.69.1:12000 P. 1000:1000(0) ack 2000 win 64240"),
        (
            hex(
                "ffffffffffff 02005e000001 0806 0001 0800 06 04 0001 02005e000001 c0a84564 000000000000 c0a84501",
            ),
            "arp who has 192.168.69.1? tell 192.168.69.100",
        ),
        (hex("ffffffffffff 02005e000001 88cc 00"), "ethertype 0x88cc"),
        (hex("ffffffff"), "Ethernet, cut off"),
        (vec![], "Ethernet, cut off"),
    ] {
        let text = Summary::new(&frame).to_string();
        let text = text.strip_suffix(" [wrong IPv4 checksum]").unwrap_or(&text);
        assert_eq!(text, line);
    }
}

const PAGE: &str = r#"47 bytes: udp 192.168.69.100:49152 > 192.168.69.1:12000 (5)

Ethernet, bytes 0 to 13
  02 00 00 00 00 01  Destination Address     02:00:00:00:00:01  locally administered IEEE 802.3 3.2
  02 00 5e 00 00 01  Source Address          02:00:5e:00:00:01  locally administered IEEE 802.3 3.2
  08 00              Type                    0x0800      IPv4                        IEEE 802.3 3.2

IPv4, bytes 14 to 33
  0100....           Version                 4                                       RFC 791 3.1
  ....0101           IHL                     5           5 x 4 = 20 bytes of header  RFC 791 3.1
  00                 Differentiated Services 0x00                                    RFC 2474 3
  000000..             DSCP                  0           best effort                 RFC 2474 3
  ......00             ECN                   0           not ECN-capable             RFC 3168 5
  00 21              Total Length            33          20 of header, 13 within     RFC 791 3.1
  00 01              Identification          0x0001      the same in all fragments   RFC 791 3.1
  000.....           Flags                   0x0                                     RFC 791 3.1
  0.......             Reserved              not set                                 RFC 791 3.1
  .0......             DF                    not set: may fragment                   RFC 791 3.1
  ..0.....             MF                    not set: last fragment                  RFC 791 3.1
  ...00000 00000000  Fragment Offset         0           not fragmented              RFC 791 3.1
  40                 Time to Live            64          64 hops left                RFC 791 3.1
  11                 Protocol                17          UDP                         RFC 791 3.1
  6f 15              Header Checksum         0x6f15      right                       RFC 791 3.1
  c0 a8 45 64        Source Address          192.168.69.100  private                 RFC 791 3.1
  c0 a8 45 01        Destination Address     192.168.69.1  private                   RFC 791 3.1

UDP, bytes 34 to 41
  c0 00              Source Port             49152       a client's, for a while     RFC 768
  2e e0              Destination Port        12000       the textbook's server       RFC 768
  00 0d              Length                  13          8 of header, 5 within       RFC 768
  00 00              Checksum                0x0000      none was computed           RFC 768

Payload, bytes 42 to 46
  Data: 5 bytes of text, "hello"
  68 65 6c 6c 6f                                   hello
"#;
