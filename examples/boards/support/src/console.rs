//! Lines of text without `core::fmt`.

use undersock::host::Mac;
use undersock::smoltcp::wire::{IpAddress, IpCidr, Ipv4Address};

/// A line on its way to the console, piece by piece. Not generic over the board, so there is one copy of it.
#[derive(Clone, Copy)]
pub(crate) struct Line(pub(crate) fn(&[u8]));

impl Line {
    #[inline(never)]
    pub(crate) fn text(self, text: &str) -> Self {
        (self.0)(text.as_bytes());
        self
    }

    /// The line's end, as a serial terminal wants it.
    pub(crate) fn end(self) {
        self.text("\r\n");
    }

    /// A number, behind a text.
    #[inline(never)]
    pub(crate) fn number(self, text: &str, number: usize) -> Self {
        self.text(text).digits(number, 10)
    }

    #[inline(never)]
    fn digits(self, mut number: usize, base: usize) -> Self {
        let mut digits = [0; 20]; // Those of 2^64, on a host.
        let mut start = digits.len();
        while start == digits.len() || number != 0 {
            start -= 1;
            digits[start] = DIGITS[number % base];
            number /= base;
        }
        (self.0)(&digits[start..]);
        self
    }

    pub(crate) fn mac(self, mac: Mac) -> Self {
        let mut between = "";
        for byte in mac.0 {
            // Two digits each.
            self.text(between).digits(usize::from(byte >> 4), 16).digits(usize::from(byte & 15), 16);
            between = ":";
        }
        self
    }

    pub(crate) fn cidr(self, cidr: &IpCidr) -> Self {
        match cidr.address() {
            IpAddress::Ipv4(address) => self.ipv4(address),
            #[cfg(feature = "ipv6")]
            IpAddress::Ipv6(address) => self.ipv6(&address.segments()),
        };
        self.number("/", usize::from(cidr.prefix_len()))
    }

    fn ipv4(self, address: Ipv4Address) {
        let mut dot = "";
        for byte in address.octets() {
            self.number(dot, usize::from(byte));
            dot = ".";
        }
    }

    /// As RFC 5952 4.2 has it: the longest run of two and more zeros, the first of equals, becomes `::`.
    #[cfg(feature = "ipv6")]
    fn ipv6(self, segments: &[u16; 8]) {
        let zeros = |from: usize| segments[from..].iter().take_while(|&&segment| segment == 0).count();
        let (mut start, mut length) = (0, 1);
        for from in 0..8 {
            if zeros(from) > length {
                (start, length) = (from, zeros(from));
            }
        }
        let mut index = 0;
        while index < 8 {
            if length > 1 && index == start {
                self.text("::");
                index += length;
            } else {
                let separator = if index == 0 || length > 1 && index == start + length { "" } else { ":" };
                self.text(separator).digits(usize::from(segments[index]), 16);
                index += 1;
            }
        }
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local!(static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

    fn written(write: impl FnOnce(Line)) -> String {
        write(Line(|bytes| WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes))));
        String::from_utf8(WRITTEN.take()).expect("text")
    }

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 12_000, usize::MAX] {
            assert_eq!(written(|line| line.number("no. ", number).end()), format!("no. {number}\r\n"));
        }
    }

    #[test]
    fn addresses() {
        let mac = Mac([0x02, 0, 0, 0xab, 0x9, 0xff]);
        assert_eq!(written(|line| line.mac(mac).end()), "02:00:00:ab:09:ff\r\n");
        let cidr = IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24);
        assert_eq!(written(|line| line.cidr(&cidr).end()), "192.168.69.1/24\r\n");
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn ipv6_is_written_as_the_standard_library_does() {
        for text in [
            "fdaa::1",
            "::",
            "::1",
            "1::",
            "fe80::ff:fe00:1",
            "1:0:2::3:0:0",
            "1:2:3:4:5:6:7:8",
            "1:0:2:3:4:5:6:0",
        ] {
            let address: core::net::Ipv6Addr = text.parse().expect("an address");
            assert_eq!(written(|line| line.ipv6(&address.segments())), address.to_string());
        }
    }
}
