//! UDP (RFC 768).

use super::names;
use super::tell::{Name, Tell};
use undersock::packet::udp;

pub(super) fn udp(tell: &mut Tell<'_, '_>) {
    const LENGTH: Name = ("Length", "udp.length");
    tell.rfc("RFC 768");
    let part = tell.part;
    ports(tell, ["udp.srcport", "udp.dstport"]);
    let length = usize::from(part.u16(udp::LENGTH.start).unwrap_or(0));
    let there = part.room();
    if length < udp::HEADER {
        tell.judged(udp::LENGTH, LENGTH, true, format_args!("less than this header"));
    } else if length > there && !part.quoted {
        tell.judged(udp::LENGTH, LENGTH, true, format_args!("bytes, but {there} are here"));
    } else if length < there && !part.quoted {
        let over = there - length;
        tell.judged(udp::LENGTH, LENGTH, true, format_args!("bytes; the packet has {over} more"));
    } else {
        tell.decimal(
            udp::LENGTH,
            LENGTH,
            format_args!("{} of header, {} within", udp::HEADER, length - udp::HEADER),
        );
    }
    tell.checksum(udp::CHECKSUM, ("Checksum", "udp.checksum"));
}

/// UDP's and TCP's, which stand at one place.
pub(super) fn ports(tell: &mut Tell<'_, '_>, [source, destination]: [&'static str; 2]) {
    let (from, to) = (
        tell.part.u16(udp::SOURCE_PORT.start).unwrap_or(0),
        tell.part.u16(udp::DESTINATION_PORT.start).unwrap_or(0),
    );
    tell.decimal(udp::SOURCE_PORT, ("Source Port", source), format_args!("{}", names::port(from)));
    tell.decimal(
        udp::DESTINATION_PORT,
        ("Destination Port", destination),
        format_args!("{}", names::port(to)),
    );
}
