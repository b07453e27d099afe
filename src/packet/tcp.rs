//! TCP (RFC 9293 3.1): the header, its flags and its options.

use core::fmt;

use smoltcp::wire::TcpSeqNumber;

use super::field::{Bits, Field, byte, long, put, u32_at, word};
use super::ip::words;
use super::tlv::{Item, Shape, Tlv};

/// Bytes of the header, without options.
pub const HEADER: usize = 20;

/// Source port.
pub const SOURCE_PORT: Field = 0..2;
/// Destination port.
pub const DESTINATION_PORT: Field = 2..4;
/// The number of the first byte of data, or of the SYN.
pub const SEQUENCE: Field = 4..8;
/// The next byte that the sender wants.
pub const ACKNOWLEDGMENT: Field = 8..12;
/// The word that has the data offset and the flags.
pub const OFFSET_AND_FLAGS: Field = 12..14;
/// The header's length, in words of four bytes.
pub const DATA_OFFSET: Bits = 96..100;
/// The flags, those that are reserved included.
pub const FLAGS: Bits = 100..112;
/// Flags that are reserved.
pub const RESERVED: Bits = 100..103;
/// So many bytes the sender takes, before scaling.
pub const WINDOW: Field = 14..16;
/// Over the pseudo-header and the segment.
pub const CHECKSUM: Field = 16..18;
/// Where urgent data ends.
pub const URGENT: Field = 18..20;

/// The kinds of options, in IANA's registry.
pub mod option {
    /// End of the options (RFC 9293 3.2).
    pub const END: u8 = 0;
    /// No operation (RFC 9293 3.2).
    pub const NOP: u8 = 1;
    /// Maximum segment size (RFC 9293 3.7.1).
    pub const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    /// Window scale (RFC 7323 2.2).
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK permitted (RFC 2018 2).
    pub const SACK_PERMITTED: u8 = 4;
    /// Selective acknowledgment (RFC 2018 3).
    pub const SACK: u8 = 5;
    /// Timestamps (RFC 7323 3.2).
    pub const TIMESTAMPS: u8 = 8;
}

/// The header, without its options.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8; HEADER]);

impl<'a> Header<'a> {
    /// The header of a segment. `None` if it is cut off.
    #[inline]
    #[must_use]
    pub const fn new(segment: &'a [u8]) -> Option<Self> {
        match segment.first_chunk() {
            Some(header) => Some(Header(header)),
            None => None,
        }
    }

    /// [`SOURCE_PORT`].
    #[inline]
    #[must_use]
    pub const fn source_port(self) -> u16 {
        word(self.0, SOURCE_PORT)
    }

    /// [`DESTINATION_PORT`].
    #[inline]
    #[must_use]
    pub const fn destination_port(self) -> u16 {
        word(self.0, DESTINATION_PORT)
    }

    /// [`SEQUENCE`].
    #[inline]
    #[must_use]
    pub const fn sequence(self) -> TcpSeqNumber {
        TcpSeqNumber(long(self.0, SEQUENCE).cast_signed())
    }

    /// [`ACKNOWLEDGMENT`], whether it means something or not.
    #[inline]
    #[must_use]
    pub const fn acknowledgment(self) -> TcpSeqNumber {
        TcpSeqNumber(long(self.0, ACKNOWLEDGMENT).cast_signed())
    }

    /// Bytes of the header, with options; less than [`HEADER`] where it contradicts itself.
    #[inline]
    #[must_use]
    pub const fn length(self) -> usize {
        words(byte(self.0, OFFSET_AND_FLAGS) >> 4)
    }

    /// [`WINDOW`].
    #[inline]
    #[must_use]
    pub const fn window(self) -> u16 {
        word(self.0, WINDOW)
    }

    /// [`FLAGS`].
    #[inline]
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags(word(self.0, OFFSET_AND_FLAGS) & Flags::MASK)
    }
}

/// A segment in a packet that was just written, without IP options or extension headers.
#[cfg(feature = "recovery")]
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) header: Header<'a>,
    /// Where it begins in its packet.
    pub(crate) at: usize,
    /// Its first number.
    pub(crate) from: u32,
    bytes: usize,
}

#[cfg(feature = "recovery")]
impl<'a> Sent<'a> {
    /// The segment in a packet; `None` if there is none.
    pub(crate) fn of(packet: &'a [u8]) -> Option<Self> {
        let at = super::ip::behind(packet)?;
        let header = Header::new(packet.get(at..)?)?;
        let bytes = packet.len().checked_sub(at + header.length())?;
        Some(Sent { header, at, from: header.sequence().0.cast_unsigned(), bytes })
    }

    /// Bytes of data.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number behind its last byte; SYN and FIN count for one each (RFC 9293 3.4).
    #[allow(clippy::cast_possible_truncation, reason = "a packet has fewer than 2^32 bytes")]
    pub(crate) fn to(&self) -> u32 {
        let flags = self.header.flags();
        let control = u32::from(flags.syn()) + u32::from(flags.fin());
        self.from.wrapping_add(self.bytes as u32).wrapping_add(control)
    }
}

/// Takes a flag away. The header's checksum isn't right any more.
#[cfg(feature = "recovery")]
pub(crate) fn clear(header: &mut [u8], flag: u16) {
    if let Some(word) = super::u16_at(header, OFFSET_AND_FLAGS.start) {
        put(header, OFFSET_AND_FLAGS, (word & !flag).to_be_bytes());
    }
}

/// The options of a segment; none if its header contradicts itself.
#[cfg(feature = "recovery")]
pub(crate) fn options(segment: &[u8]) -> Options<'_> {
    let length = Header::new(segment).map_or(0, Header::length);
    Options(segment.get(HEADER..length).unwrap_or_default())
}

/// Makes a header one without options, with these numbers and flags. Its checksum isn't right any more.
#[inline]
pub fn set_plain(header: &mut [u8; HEADER], seq: TcpSeqNumber, ack: TcpSeqNumber, flags: u16) {
    const WORDS: u16 = (HEADER / 4) as u16;
    put(header, SEQUENCE, seq.0.to_be_bytes());
    put(header, ACKNOWLEDGMENT, ack.0.to_be_bytes());
    put(header, OFFSET_AND_FLAGS, (WORDS << 12 | flags & Flags::MASK).to_be_bytes());
}

/// A segment's flags: the lower twelve bits of the word that begins with the data offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident $flag:ident = $bit:literal $letter:literal,)*) => {
        impl Flags {
            const LETTERS: &'static [(u16, &'static str)] = &[$((Flags::$flag, $letter),)*];

            $($(#[$doc])*
            pub const $flag: u16 = $bit;
            )*

            $($(#[$doc])*
            #[must_use]
            pub const fn $name(self) -> bool {
                self.0 & Flags::$flag != 0
            })*
        }
    };
}

flags! {
    /// No more data from the sender.
    fin FIN = 0x01 "F",
    /// Synchronize sequence numbers.
    syn SYN = 0x02 "S",
    /// Reset the connection.
    rst RST = 0x04 "R",
    /// Push: give the data to the reader now.
    psh PSH = 0x08 "P",
    /// The acknowledgment number means something.
    ack ACK = 0x10 ".",
    /// The urgent pointer means something.
    urg URG = 0x20 "U",
    /// Explicit congestion notification, echoed (RFC 3168).
    ece ECE = 0x40 "E",
    /// Congestion window reduced (RFC 3168).
    cwr CWR = 0x80 "W",
}

impl Flags {
    /// All, those that are reserved included.
    pub const MASK: u16 = 0x0fff;
    /// Accurate ECN (RFC 9768 3.1).
    pub const AE: u16 = 0x100;

    /// The number of the header's bit that a flag is.
    #[must_use]
    pub const fn bit(flag: u16) -> usize {
        FLAGS.end - 1 - flag.trailing_zeros() as usize
    }
}

/// As tcpdump and packetdrill write them: `S`, `S.`, `P.`, `F.`, `R`, `.`; `none` without any.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = heapless::String::<8>::new();
        for (_, letter) in Flags::LETTERS.iter().filter(|(bit, _)| self.0 & bit != 0) {
            // Eight letters at most.
            let _ = text.push_str(letter);
        }
        f.pad(if text.is_empty() { "none" } else { &text })
    }
}

/// A segment's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<'a>(pub(super) &'a [u8]);

/// One option of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// End of the options.
    End,
    /// No operation: it aligns the next one.
    Nop,
    /// The longest segment that the sender takes, in a SYN.
    MaximumSegmentSize(u16),
    /// By so many bits the sender's windows are shifted, in a SYN (RFC 7323 2).
    WindowScale(u8),
    /// The sender understands SACK, in a SYN (RFC 2018 2).
    SackPermitted,
    /// What has arrived beyond the acknowledgment number (RFC 2018 3).
    Sack(Blocks<'a>),
    /// The sender's clock, and what it last saw of the receiver's (RFC 7323 3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The receiver's clock, as the sender last saw it.
        echo: u32,
    },
    /// An option of another kind, or one whose length isn't its kind's.
    Unknown {
        /// Its kind.
        kind: u8,
        /// Its data.
        data: &'a [u8],
    },
}

/// The blocks of a SACK option: where each begins, and the number behind its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [[u8; 8]]);

impl<'a> Options<'a> {
    /// Each, in the order in which they stand; an option whose length can't be is the last.
    pub fn iter(&self) -> impl Iterator<Item = TcpOption<'a>> + use<'a> {
        Tlv::new(Shape::Internet, self.0).map(|item| tcp_option(&item))
    }

    /// The options' bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The longest segment that the sender takes.
    #[must_use]
    pub fn maximum_segment_size(&self) -> Option<u16> {
        self.iter().find_map(|option| match option {
            TcpOption::MaximumSegmentSize(size) => Some(size),
            _ => None,
        })
    }

    /// Whether the sender understands SACK.
    #[must_use]
    pub fn sack_permitted(&self) -> bool {
        self.iter().any(|option| option == TcpOption::SackPermitted)
    }

    /// The shift of the sender's windows.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        self.iter().find_map(|option| match option {
            TcpOption::WindowScale(shift) => Some(shift),
            _ => None,
        })
    }
}

/// What an option of a segment is.
#[must_use]
pub fn tcp_option<'a>(item: &Item<'a>) -> TcpOption<'a> {
    let unknown = TcpOption::Unknown { kind: item.kind, data: item.data };
    if item.wrong.is_some() {
        return unknown;
    }
    match (item.kind, item.data) {
        (option::END, _) => TcpOption::End,
        (option::NOP, _) => TcpOption::Nop,
        (option::MAXIMUM_SEGMENT_SIZE, [high, low]) => {
            TcpOption::MaximumSegmentSize(u16::from_be_bytes([*high, *low]))
        }
        (option::WINDOW_SCALE, [shift]) => TcpOption::WindowScale(*shift),
        (option::SACK_PERMITTED, []) => TcpOption::SackPermitted,
        (option::SACK, data) => match data.as_chunks() {
            ([], _) | (_, [_, ..]) => unknown,
            (blocks, []) => TcpOption::Sack(Blocks(blocks)),
        },
        (option::TIMESTAMPS, data) if data.len() == 8 => match (u32_at(data, 0), u32_at(data, 4)) {
            (Some(value), Some(echo)) => TcpOption::Timestamps { value, echo },
            _ => unknown,
        },
        _ => unknown,
    }
}

impl Blocks<'_> {
    /// Each, in the order in which they stand: the one with the newest segment is the first (RFC 2018 4).
    pub fn iter(&self) -> impl Iterator<Item = (TcpSeqNumber, TcpSeqNumber)> {
        self.0.iter().map(|[a, b, c, d, e, f, g, h]| {
            let number = |bytes| TcpSeqNumber(i32::from_be_bytes(bytes));
            (number([*a, *b, *c, *d]), number([*e, *f, *g, *h]))
        })
    }
}

/// As tcpdump writes it: `mss 1460`, `wscale 7`, `sackOK`, `sack 1:5`, `TS val 7 ecr 9`, `nop`, `eol`.
impl fmt::Display for TcpOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::End => f.write_str("eol"),
            TcpOption::Nop => f.write_str("nop"),
            TcpOption::MaximumSegmentSize(size) => write!(f, "mss {size}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackPermitted => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(from, to)| write!(f, " {from}:{to}"))
            }
            TcpOption::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            TcpOption::Unknown { kind, .. } => write!(f, "option {kind}"),
        }
    }
}
