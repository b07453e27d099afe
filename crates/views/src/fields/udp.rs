//! UDP (RFC 768).

use super::names;
use super::tell::{Name, Tell};

pub(super) fn udp(tell: &mut Tell<'_, '_>) {
    const LENGTH: Name = ("Length", "udp.length");
    tell.rfc("RFC 768");
    let part = tell.part;
    ports(tell, ["udp.srcport", "udp.dstport"]);
    let length = usize::from(part.u16(4).unwrap_or(0));
    let there = part.room();
    if length < 8 {
        tell.judged(4..6, LENGTH, true, format_args!("less than this header"));
    } else if length > there && !part.quoted {
        tell.judged(4..6, LENGTH, true, format_args!("bytes, but {there} are here"));
    } else if length < there && !part.quoted {
        let over = there - length;
        tell.judged(4..6, LENGTH, true, format_args!("bytes; the packet has {over} more"));
    } else {
        tell.decimal(4..6, LENGTH, format_args!("8 of header, {} within", length - 8));
    }
    tell.checksum(6, ("Checksum", "udp.checksum"));
}

pub(super) fn ports(tell: &mut Tell<'_, '_>, [source, destination]: [&'static str; 2]) {
    let (from, to) = (tell.part.u16(0).unwrap_or(0), tell.part.u16(2).unwrap_or(0));
    tell.decimal(0..2, ("Source Port", source), format_args!("{}", names::port(from)));
    tell.decimal(2..4, ("Destination Port", destination), format_args!("{}", names::port(to)));
}
