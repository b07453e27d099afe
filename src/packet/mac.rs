//! Ethernet addresses (IEEE 802 8.2), in everybody's notation.

use core::fmt;
use core::str::FromStr;

/// An Ethernet address: a MAC address, as most people say.
///
/// ```
/// use undersock::host::Mac;
///
/// let mac: Mac = "02:00:00:00:00:2a".parse()?;
/// assert_eq!((mac, mac.is_unicast()), (Mac([2, 0, 0, 0, 0, 0x2a]), true));
/// # Ok::<(), undersock::host::NotMac>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// In the first byte: it is a group's.
    const GROUP: u8 = 0x01;

    /// Everybody's.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether it is a group's; everybody's is one of these.
    #[inline]
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & Self::GROUP != 0
    }

    /// Whether it is one station's.
    #[inline]
    #[must_use]
    pub const fn is_unicast(self) -> bool {
        !self.is_multicast()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A text that is no Ethernet address: six bytes in hexadecimal, two digits each, with colons or hyphens between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotMac;

impl fmt::Display for NotMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not six bytes in hexadecimal with colons, as 02:00:00:00:00:01")
    }
}

impl core::error::Error for NotMac {}

impl FromStr for Mac {
    type Err = NotMac;

    fn from_str(text: &str) -> Result<Self, NotMac> {
        let mut mac = [0; 6];
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut parts = text.split(separator);
        for byte in &mut mac {
            let part =
                parts.next().filter(|part| part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit()));
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or(NotMac)?;
        }
        if parts.next().is_some() { Err(NotMac) } else { Ok(Mac(mac)) }
    }
}
