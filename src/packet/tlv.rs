//! Options: a kind, a length, and so much data, one after the other. Five protocols write them in four ways.

/// How options are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// TCP's and IPv4's: kinds 0 and 1 are one byte, the length counts kind and length too (RFC 9293 3.1).
    Internet,
    /// IPv6's: kind 0 is one byte, the length counts the data (RFC 8200 4.2).
    Ipv6,
    /// DHCP's: kinds 0 and 255 are one byte, the length counts the data (RFC 2132 2).
    Dhcp,
    /// Neighbour discovery's: the length counts words of eight bytes, the first too (RFC 4861 4.6).
    Discovery,
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its first byte, counted from the first option's.
    pub at: usize,
    /// What kind of option it is.
    pub kind: u8,
    /// Its length byte, as it stands there. `None` for a kind without one, or where the bytes end.
    pub length: Option<u8>,
    /// As much of the data as there is.
    pub data: &'a [u8],
    /// What is wrong with the length, if something is. Then there are no more options.
    pub wrong: Option<Wrong>,
}

/// What is wrong with an option's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The options end before it.
    NoLength,
    /// It doesn't count even itself.
    TooShort,
    /// The options end before the data does.
    TooLong,
}

impl Item<'_> {
    /// All its bytes, as far as they are there.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + usize::from(self.length.is_some()) + self.data.len()
    }
}

/// Walks through options.
#[derive(Debug, Clone)]
pub struct Tlv<'a> {
    shape: Shape,
    bytes: &'a [u8],
    at: usize,
    over: bool,
    broken: bool,
}

impl<'a> Tlv<'a> {
    /// Options written like this.
    #[must_use]
    pub const fn new(shape: Shape, bytes: &'a [u8]) -> Self {
        Tlv { shape, bytes, at: 0, over: false, broken: false }
    }

    /// The last option that was given was wrong, so nobody knows where the next begins.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// What is behind the last option that was given. When there are no more: padding, or what can't be read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Tlv<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.over {
            return None;
        }
        let at = self.at;
        let (&kind, behind) = self.rest().split_first()?;
        let (single, last) = match self.shape {
            Shape::Internet => (kind <= 1, kind == 0),
            Shape::Ipv6 => (kind == 0, false),
            Shape::Dhcp => (kind == 0 || kind == 255, kind == 255),
            Shape::Discovery => (false, false),
        };
        if single {
            self.at += 1;
            self.over = last;
            return Some(Item { at, kind, length: None, data: &[], wrong: None });
        }
        let Some((&length, data)) = behind.split_first() else {
            self.at += 1;
            self.broken = true;
            return Some(Item { at, kind, length: None, data: &[], wrong: Some(Wrong::NoLength) });
        };
        let wanted = match self.shape {
            Shape::Internet => usize::from(length).checked_sub(2),
            Shape::Ipv6 | Shape::Dhcp => Some(usize::from(length)),
            Shape::Discovery => (8 * usize::from(length)).checked_sub(2),
        };
        let (data, wrong) = match wanted {
            None => (&[][..], Some(Wrong::TooShort)),
            Some(wanted) => match data.get(..wanted) {
                Some(data) => (data, None),
                None => (data, Some(Wrong::TooLong)),
            },
        };
        let item = Item { at, kind, length: Some(length), data, wrong };
        self.at += item.size();
        self.broken = wrong.is_some();
        self.over = self.broken;
        Some(item)
    }
}
