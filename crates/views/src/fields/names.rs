//! Names of numbers, from IANA's registries: those that a student meets.

/// EtherTypes.
pub(crate) const fn ethertype(number: u16) -> &'static str {
    match number {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x8100 => "an 802.1Q tag",
        0x86dd => "IPv6",
        0x8809 => "a slow protocol, as LACP",
        0x8847 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "a PPPoE session",
        0x888e => "802.1X",
        0x88a8 => "an 802.1ad tag",
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
        0 => "IPv6 hop-by-hop options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4 in IP",
        6 => "TCP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6 in IP",
        43 => "IPv6 routing header",
        44 => "IPv6 fragment header",
        47 => "GRE",
        50 => "ESP: encrypted",
        51 => "authentication header",
        58 => "ICMPv6",
        59 => "nothing",
        60 => "IPv6 destination options",
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
        67 => "DHCP server",
        68 => "DHCP client",
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
        0 => "echo reply",
        3 => "destination unreachable",
        4 => "source quench (deprecated)",
        5 => "redirect",
        8 => "echo request",
        9 => "router advertisement",
        10 => "router solicitation",
        11 => "time exceeded",
        12 => "parameter problem",
        13 => "timestamp request",
        14 => "timestamp reply",
        _ => "not decoded here",
    }
}

/// Their codes.
pub(crate) const fn icmpv4_code(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "nobody has this protocol",
        (3, 3) => "nobody has this port",
        (3, 4) => "too large, and DF is set",
        (3, 5) => "source route failed",
        (3, 6) => "network unknown",
        (3, 7) => "host unknown",
        (3, 8) => "source host isolated",
        (3, 9) => "network prohibited",
        (3, 10) => "host prohibited",
        (3, 11) => "network, for this service",
        (3, 12) => "host, for this service",
        (3, 13) => "prohibited by a filter",
        (3, 14) => "host precedence violation",
        (3, 15) => "precedence cutoff",
        (5, 0) => "for the network",
        (5, 1) => "for the host",
        (5, 2) => "for this service and network",
        (5, 3) => "for this service and host",
        (11, 0) => "no hops left on the way",
        (11, 1) => "fragments never came",
        (12, 0) => "the pointer shows where",
        (12, 1) => "an option is missing",
        (12, 2) => "bad length",
        (0 | 4 | 8 | 9 | 10 | 13 | 14, 0) => "",
        _ => "an unknown code",
    }
}

/// The kinds of ICMPv6 messages (RFC 4443).
pub(crate) const fn icmpv6(kind: u8) -> &'static str {
    match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        143 => "multicast listener report, version 2",
        _ => "not decoded here",
    }
}

/// Their codes.
pub(crate) const fn icmpv6_code(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "prohibited",
        (1, 2) => "beyond the source's scope",
        (1, 3) => "address unreachable",
        (1, 4) => "nobody has this port",
        (1, 5) => "source against a policy",
        (1, 6) => "the route is rejected",
        (3, 0) => "no hops left on the way",
        (3, 1) => "fragments never came",
        (4, 0) => "a header field is wrong",
        (4, 1) => "an unknown next header",
        (4, 2) => "an unknown IPv6 option",
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
