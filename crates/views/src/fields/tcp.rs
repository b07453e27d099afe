//! TCP (RFC 9293) and its options.

use core::fmt;

use undersock::smoltcp::wire::TcpSeqNumber;

use super::tell::{Name, Tell};
use super::udp::ports;
use undersock::packet::tcp::{self, option};
use undersock::packet::{Flags, Item, Part, TcpOption, ip, tcp_option};

pub(super) fn tcp(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 9293 3.1");
    let part = tell.part;
    ports(tell, ["tcp.srcport", "tcp.dstport"]);
    let flags = header_flags(&part);
    // In a quotation tshark has no numbers relative to the first, so no need for another name.
    let sequence = ("Sequence Number", if part.quoted { "tcp.seq" } else { "tcp.seq_raw" });
    let bytes = part.body().len();
    if flags.syn() {
        tell.decimal(tcp::SEQUENCE, sequence, format_args!("initial: data begin at + 1"));
    } else if bytes > 0 {
        tell.decimal(tcp::SEQUENCE, sequence, format_args!("the first of {bytes} bytes"));
    } else {
        tell.decimal(tcp::SEQUENCE, sequence, format_args!("the next byte, when sent"));
    }
    let acknowledgment = ("Acknowledgment Number", "tcp.ack_raw");
    if flags.ack() {
        tell.decimal(tcp::ACKNOWLEDGMENT, acknowledgment, format_args!("the next byte wanted"));
    } else {
        tell.decimal(tcp::ACKNOWLEDGMENT, acknowledgment, format_args!("means nothing without ACK"));
    }
    let words = part.u8(tcp::OFFSET_AND_FLAGS.start).unwrap_or(0) >> 4;
    let offset = ("Data Offset", "tcp.hdr_len");
    let size = ip::words(words);
    let there = part.room();
    if size < tcp::HEADER {
        tell.judged_bits(tcp::DATA_OFFSET, offset, true, format_args!("a header has 5 at least"));
    } else if size > there && !part.quoted {
        tell.judged_bits(
            tcp::DATA_OFFSET,
            offset,
            true,
            format_args!("{words} x 4 = {size} bytes, but {there} are here"),
        );
    } else {
        tell.bits(tcp::DATA_OFFSET, offset, format_args!("{words} x 4 = {size} bytes of header"));
    }
    tell.hex_bits(tcp::FLAGS, ("Flags", "tcp.flags"), format_args!("{}", Names(flags)));
    tell.within(control_bits);
    tell.rfc("RFC 9293 3.1");
    let window = part.u16(tcp::WINDOW.start).unwrap_or(0);
    let meaning = match window {
        0 => "closed: send nothing more",
        _ if flags.syn() => "bytes; SYNs are not scaled",
        _ => "bytes, before scaling",
    };
    tell.decimal(tcp::WINDOW, ("Window", "tcp.window_size_value"), format_args!("{meaning}"));
    tell.checksum(tcp::CHECKSUM, ("Checksum", "tcp.checksum"));
    let urgent = if flags.urg() { "the urgent data ends here" } else { "means nothing without URG" };
    tell.decimal(tcp::URGENT, ("Urgent Pointer", "tcp.urgent_pointer"), format_args!("{urgent}"));
    options(tell);
}

fn header_flags(part: &Part<'_>) -> Flags {
    Flags(part.u16(tcp::OFFSET_AND_FLAGS.start).unwrap_or(0) & Flags::MASK)
}

/// The flags that are set, by their names.
struct Names(Flags);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names(flags) = self;
        let all = [
            (flags.syn(), "SYN"),
            (flags.fin(), "FIN"),
            (flags.rst(), "RST"),
            (flags.psh(), "PSH"),
            (flags.ack(), "ACK"),
            (flags.urg(), "URG"),
            (flags.ece(), "ECE"),
            (flags.cwr(), "CWR"),
        ];
        let mut between = "";
        for (_, name) in all.into_iter().filter(|(set, _)| *set) {
            write!(f, "{between}{name}")?;
            between = " ";
        }
        Ok(())
    }
}

fn control_bits(tell: &mut Tell<'_, '_>) {
    tell.bits(tcp::RESERVED, ("Reserved", "tcp.flags.res"), format_args!("must be zero"));
    tell.rfc("RFC 9768 3.1");
    tell.flag(Flags::bit(Flags::AE), ("AE", "tcp.flags.ae"), "accurate ECN");
    tell.rfc("RFC 3168 6.1");
    tell.flag(Flags::bit(Flags::CWR), ("CWR", "tcp.flags.cwr"), "congestion window reduced");
    tell.flag(Flags::bit(Flags::ECE), ("ECE", "tcp.flags.ece"), "congestion was marked");
    tell.rfc("RFC 9293 3.1");
    tell.flag(Flags::bit(Flags::URG), ("URG", "tcp.flags.urg"), "an urgent pointer");
    tell.flag(Flags::bit(Flags::ACK), ("ACK", "tcp.flags.ack"), "an acknowledgment number");
    tell.flag(Flags::bit(Flags::PSH), ("PSH", "tcp.flags.push"), "push data to the reader now");
    tell.flag(Flags::bit(Flags::RST), ("RST", "tcp.flags.reset"), "reset the connection");
    tell.flag(Flags::bit(Flags::SYN), ("SYN", "tcp.flags.syn"), "synchronize sequence numbers");
    tell.flag(Flags::bit(Flags::FIN), ("FIN", "tcp.flags.fin"), "no more data from the sender");
}

fn options(tell: &mut Tell<'_, '_>) {
    let mut items = tell.part.options();
    let flags = header_flags(&tell.part);
    for item in items.by_ref() {
        option(tell, &item, flags);
    }
    tell.rfc("RFC 9293 3.1");
    tell.padding(&items, "");
}

fn option(tell: &mut Tell<'_, '_>, item: &Item<'_>, flags: Flags) {
    let (syn, acks) = (flags.syn(), flags.ack());
    let at = tcp::HEADER + item.at;
    let read = tcp_option(item);
    let (kind, rfc) = match item.kind {
        option::END => ("end of options", "RFC 9293 3.2"),
        option::NOP => ("no operation: padding", "RFC 9293 3.2"),
        option::MAXIMUM_SEGMENT_SIZE => ("maximum segment size", "RFC 9293 3.7.1"),
        option::WINDOW_SCALE => ("window scale", "RFC 7323 2.2"),
        option::SACK_PERMITTED => ("SACK permitted", "RFC 2018 2"),
        option::SACK => ("selective acknowledgment", "RFC 2018 3"),
        option::TIMESTAMPS => ("timestamps", "RFC 7323 3.2"),
        28 => ("user timeout", "RFC 5482 3"),
        29 => ("authentication (TCP-AO)", "RFC 5925 2.2"),
        30 => ("multipath TCP", "RFC 8684 3"),
        34 => ("fast open", "RFC 7413 4.1"),
        253 | 254 => ("an experiment", "RFC 6994 2"),
        _ => ("an unknown option", "RFC 9293 3.1"),
    };
    tell.rfc(rfc);
    tell.decimal(at..at + 1, ("Option Kind", "tcp.option_kind"), format_args!("{kind}"));
    tell.within(|tell| {
        if !tell.option_length(item, at, "tcp.option_len") {
            return;
        }
        let (from, to) = (at + 2, at + 2 + item.data.len());
        match read {
            TcpOption::MaximumSegmentSize(_) => {
                let name = ("Maximum Segment Size", "tcp.options.mss_val");
                tell.decimal(from..to, name, format_args!("bytes of data in a segment"));
            }
            TcpOption::WindowScale(shift) => {
                const NAME: Name = ("Shift Count", "tcp.options.wscale.shift");
                match 1_u32.checked_shl(shift.into()).filter(|_| shift <= 14) {
                    Some(factor) => tell.decimal(from..to, NAME, format_args!("later windows x {factor}")),
                    None => tell.judged(from..to, NAME, true, format_args!("above 14: taken as 14")),
                }
            }
            TcpOption::SackPermitted => {
                let meaning = if syn { "" } else { "it belongs into a SYN" };
                tell.bytes(from..to, ("Option Data", ""), format_args!("{meaning}"));
            }
            TcpOption::Sack(blocks) => {
                let ack = tell
                    .part
                    .u32(tcp::ACKNOWLEDGMENT.start)
                    .filter(|_| acks)
                    .map(|ack| TcpSeqNumber(ack.cast_signed()));
                for (at, (left, right)) in (from..to).step_by(8).zip(blocks.iter()) {
                    let bytes = right.0.wrapping_sub(left.0).cast_unsigned();
                    // A block of what has been acknowledged is of a segment that came again (RFC 2883 4).
                    let again = at == from && ack.is_some_and(|ack| right <= ack);
                    let what = if again { "arrived again: from here" } else { "arrived too: from here" };
                    let edge = ("Left Edge of Block", "tcp.options.sack_le");
                    tell.decimal(at..at + 4, edge, format_args!("{what}"));
                    let edge = ("Right Edge of Block", "tcp.options.sack_re");
                    tell.decimal(at + 4..at + 8, edge, format_args!("before here; {bytes} in it"));
                }
            }
            TcpOption::Timestamps { .. } => {
                let value = ("TSval", "tcp.options.timestamp.tsval");
                tell.decimal(from..from + 4, value, format_args!("the sender's clock"));
                let echo = ("TSecr", "tcp.options.timestamp.tsecr");
                tell.decimal(from + 4..to, echo, format_args!("the other's, as last seen"));
            }
            TcpOption::Unknown {
                kind: option::MAXIMUM_SEGMENT_SIZE..=option::SACK | option::TIMESTAMPS,
                ..
            } => {
                tell.complain(from..to, "Option Data", format_args!("not the length of this kind"));
            }
            TcpOption::Unknown { kind: 28 | 29 | 30 | 34 | 253 | 254, .. } => {
                tell.bytes(from..to, ("Option Data", ""), format_args!(""));
            }
            _ => tell.bytes(from..to, ("Option Data", "tcp.options.unknown.payload"), format_args!("")),
        }
    });
}
