//! Names of numbers, from IANA's registries: those that a student meets.

use undersock::packet::ethernet::ethertype;
use undersock::packet::icmp::{v4, v6};
use undersock::packet::ip::protocol;
use undersock::packet::{dhcp, mld, ndp};

/// EtherTypes.
pub(crate) const fn ethertype(number: u16) -> &'static str {
    match number {
        ethertype::IPV4 => "IPv4",
        ethertype::ARP => "ARP",
        0x0842 => "Wake-on-LAN",
        ethertype::VLAN => "an 802.1Q tag",
        ethertype::IPV6 => "IPv6",
        0x8809 => "a slow protocol, as LACP",
        0x8847 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "a PPPoE session",
        0x888e => "802.1X",
        ethertype::SERVICE_VLAN => "an 802.1ad tag",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        0x9000 => "a loopback test",
        _ => "not decoded here",
    }
}

/// IP protocols and IPv6's next headers.
pub(crate) const fn protocol(number: u8) -> &'static str {
    match number {
        protocol::HOP_BY_HOP => "IPv6 hop-by-hop options",
        protocol::ICMP => "ICMP",
        2 => "IGMP",
        4 => "IPv4 in IP",
        protocol::TCP => "TCP",
        protocol::UDP => "UDP",
        33 => "DCCP",
        41 => "IPv6 in IP",
        protocol::ROUTING => "IPv6 routing header",
        protocol::FRAGMENT => "IPv6 fragment header",
        47 => "GRE",
        50 => "ESP: encrypted",
        protocol::AUTHENTICATION => "authentication header",
        protocol::ICMPV6 => "ICMPv6",
        protocol::NOTHING => "nothing",
        protocol::DESTINATION => "IPv6 destination options",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        135 => "mobility header",
        136 => "UDP-Lite",
        _ => "not decoded here",
    }
}

/// Ports.
pub(crate) const fn port(number: u16) -> &'static str {
    match number {
        0 => "reserved",
        7 => "echo",
        9 => "discard",
        13 => "daytime",
        19 => "character generator",
        20 => "FTP data",
        21 => "FTP",
        22 => "SSH",
        23 => "Telnet",
        25 => "SMTP",
        37 => "time",
        53 => "DNS",
        dhcp::SERVER_PORT => "DHCP server",
        dhcp::CLIENT_PORT => "DHCP client",
        69 => "TFTP",
        80 => "HTTP",
        110 => "POP3",
        123 => "NTP",
        143 => "IMAP",
        443 => "HTTPS",
        546 => "DHCPv6 client",
        547 => "DHCPv6 server",
        5353 => "multicast DNS",
        12000 => "the textbook's server",
        12001 => "stream mode",
        1..1024 => "a well-known port",
        49152.. => "a client's, for a while",
        _ => "",
    }
}

/// The kinds of ICMP messages (RFC 792).
pub(crate) const fn icmpv4(kind: u8) -> &'static str {
    match kind {
        v4::ECHO_REPLY => "echo reply",
        v4::UNREACHABLE => "destination unreachable",
        v4::SOURCE_QUENCH => "source quench (deprecated)",
        v4::REDIRECT => "redirect",
        v4::ECHO_REQUEST => "echo request",
        9 => "router advertisement",
        10 => "router solicitation",
        v4::TIME_EXCEEDED => "time exceeded",
        v4::PARAMETER_PROBLEM => "parameter problem",
        v4::TIMESTAMP => "timestamp request",
        v4::TIMESTAMP_REPLY => "timestamp reply",
        _ => "not decoded here",
    }
}

/// Their codes.
pub(crate) const fn icmpv4_code(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (v4::UNREACHABLE, 0) => "network unreachable",
        (v4::UNREACHABLE, 1) => "host unreachable",
        (v4::UNREACHABLE, 2) => "nobody has this protocol",
        (v4::UNREACHABLE, v4::PORT_UNREACHABLE) => "nobody has this port",
        (v4::UNREACHABLE, v4::TOO_BIG) => "too large, and DF is set",
        (v4::UNREACHABLE, 5) => "source route failed",
        (v4::UNREACHABLE, 6) => "network unknown",
        (v4::UNREACHABLE, 7) => "host unknown",
        (v4::UNREACHABLE, 8) => "source host isolated",
        (v4::UNREACHABLE, 9) => "network prohibited",
        (v4::UNREACHABLE, 10) => "host prohibited",
        (v4::UNREACHABLE, 11) => "network, for this service",
        (v4::UNREACHABLE, 12) => "host, for this service",
        (v4::UNREACHABLE, 13) => "prohibited by a filter",
        (v4::UNREACHABLE, 14) => "host precedence violation",
        (v4::UNREACHABLE, 15) => "precedence cutoff",
        (v4::REDIRECT, 0) => "for the network",
        (v4::REDIRECT, 1) => "for the host",
        (v4::REDIRECT, 2) => "for this service and network",
        (v4::REDIRECT, 3) => "for this service and host",
        (v4::TIME_EXCEEDED, 0) => "no hops left on the way",
        (v4::TIME_EXCEEDED, 1) => "fragments never came",
        (v4::PARAMETER_PROBLEM, 0) => "the pointer shows where",
        (v4::PARAMETER_PROBLEM, 1) => "an option is missing",
        (v4::PARAMETER_PROBLEM, 2) => "bad length",
        (0 | 4 | 8 | 9 | 10 | 13 | 14, 0) => "",
        _ => "an unknown code",
    }
}

/// The kinds of ICMPv6 messages (RFC 4443).
pub(crate) const fn icmpv6(kind: u8) -> &'static str {
    match kind {
        v6::UNREACHABLE => "destination unreachable",
        v6::TOO_BIG => "packet too big",
        v6::TIME_EXCEEDED => "time exceeded",
        v6::PARAMETER_PROBLEM => "parameter problem",
        v6::ECHO_REQUEST => "echo request",
        v6::ECHO_REPLY => "echo reply",
        mld::QUERY => "multicast listener query",
        mld::REPORT => "multicast listener report",
        mld::DONE => "multicast listener done",
        ndp::ROUTER_SOLICITATION => "router solicitation",
        ndp::ROUTER_ADVERTISEMENT => "router advertisement",
        ndp::NEIGHBOR_SOLICITATION => "neighbor solicitation",
        ndp::NEIGHBOR_ADVERTISEMENT => "neighbor advertisement",
        ndp::REDIRECT => "redirect",
        mld::REPORT_V2 => "multicast listener report, version 2",
        _ => "not decoded here",
    }
}

/// Their codes.
pub(crate) const fn icmpv6_code(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (v6::UNREACHABLE, 0) => "no route",
        (v6::UNREACHABLE, 1) => "prohibited",
        (v6::UNREACHABLE, 2) => "beyond the source's scope",
        (v6::UNREACHABLE, 3) => "address unreachable",
        (v6::UNREACHABLE, v6::PORT_UNREACHABLE) => "nobody has this port",
        (v6::UNREACHABLE, 5) => "source against a policy",
        (v6::UNREACHABLE, 6) => "the route is rejected",
        (v6::TIME_EXCEEDED, 0) => "no hops left on the way",
        (v6::TIME_EXCEEDED, 1) => "fragments never came",
        (v6::PARAMETER_PROBLEM, 0) => "a header field is wrong",
        (v6::PARAMETER_PROBLEM, 1) => "an unknown next header",
        (v6::PARAMETER_PROBLEM, 2) => "an unknown IPv6 option",
        (_, 0) => "",
        _ => "an unknown code",
    }
}

/// Differentiated services codepoints (RFC 4594).
pub(crate) const fn dscp(number: u8) -> &'static str {
    match number {
        0 => "best effort",
        8 => "CS1: low priority",
        16 => "CS2",
        24 => "CS3",
        32 => "CS4",
        40 => "CS5",
        46 => "EF: telephony",
        48 => "CS6: network control",
        56 => "CS7",
        10 | 12 | 14 => "AF1: high throughput",
        18 | 20 | 22 => "AF2: low latency",
        26 | 28 | 30 => "AF3: streaming",
        34 | 36 | 38 => "AF4: conferencing",
        _ => "",
    }
}

/// Explicit congestion notification in IP (RFC 3168 5).
pub(crate) const fn ecn(number: u8) -> &'static str {
    match number & 3 {
        0 => "not ECN-capable",
        1 => "ECT(1): may be marked",
        2 => "ECT(0): may be marked",
        _ => "CE: there was congestion",
    }
}
