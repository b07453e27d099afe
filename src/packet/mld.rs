//! Multicast listener discovery for IPv6 (RFC 2710, RFC 3810), as messages of ICMPv6.

use super::field::{Bits, Field};

/// Who listens to which group? (RFC 3810 5.1)
pub const QUERY: u8 = 130;
/// Version 1: the sender listens (RFC 2710 3).
pub const REPORT: u8 = 131;
/// Version 1: the sender no longer listens (RFC 2710 3).
pub const DONE: u8 = 132;
/// Version 2's report (RFC 3810 5.2).
pub const REPORT_V2: u8 = 143;

/// How long an answer may take.
pub const MAXIMUM_RESPONSE: Field = 4..6;
/// Reserved.
pub const RESERVED: Field = 6..8;
/// The group; unspecified if it is about all.
pub const GROUP: Field = 8..24;

/// Bytes of version 2's query, without sources; what is shorter is version 1's.
pub const QUERY_V2: usize = 28;
/// Version 2's query: reserved bits.
pub const QUERY_RESERVED: Bits = 192..196;
/// Version 2's query: the number of the bit that suppresses the routers' part.
pub const SUPPRESS: usize = 196;
/// Version 2's query: the querier's robustness variable.
pub const ROBUSTNESS: Bits = 197..200;
/// Version 2's query: the querier's query interval code.
pub const INTERVAL: Field = 25..26;
/// Version 2's query: how many sources follow.
pub const SOURCES: Field = 26..28;

/// Version 2's report: reserved.
pub const REPORT_RESERVED: Field = 4..6;
/// Version 2's report: how many records follow.
pub const RECORDS: Field = 6..8;
/// Version 2's report: where the records begin.
pub const REPORT_HEADER: usize = 8;

/// Records of version 2's report (RFC 3810 5.2.5).
pub mod record {
    use super::Field;

    /// Bytes of a record, without sources and auxiliary data.
    pub const HEADER: usize = 20;
    /// What is told of the group.
    pub const TYPE: Field = 0..1;
    /// Bytes of auxiliary data, in words of four.
    pub const AUXILIARY: Field = 1..2;
    /// How many sources follow.
    pub const SOURCES: Field = 2..4;
    /// The group.
    pub const GROUP: Field = 4..20;
}
