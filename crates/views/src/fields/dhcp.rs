//! DHCP for IPv4: BOOTP's message (RFC 2131 2) and the options (RFC 2132).

use super::tell::{Name, Tell};
use undersock::packet::dhcp;
use undersock::packet::{Item, dhcp_name};

/// A link that is Ethernet, and a client that is known by its Ethernet address.
const ETHERNET: u8 = 1;

pub(super) fn dhcp(tell: &mut Tell<'_, '_>) {
    tell.rfc("RFC 2131 2");
    let part = tell.part;
    let operation = match part.u8(dhcp::OPERATION.start) {
        Some(1) => "from a client",
        Some(2) => "from a server",
        _ => "unknown",
    };
    tell.decimal(dhcp::OPERATION, ("op", "dhcp.type"), format_args!("{operation}"));
    let is_ethernet = part.u8(dhcp::HARDWARE_TYPE.start) == Some(ETHERNET);
    let ethernet = is_ethernet && part.u8(dhcp::HARDWARE_LENGTH.start) == Some(6);
    let hardware = if is_ethernet { "Ethernet" } else { "" };
    tell.decimal(dhcp::HARDWARE_TYPE, ("htype", "dhcp.hw.type"), format_args!("{hardware}"));
    tell.decimal(dhcp::HARDWARE_LENGTH, ("hlen", "dhcp.hw.len"), format_args!("bytes of hardware address"));
    tell.decimal(dhcp::HOPS, ("hops", "dhcp.hops"), format_args!("relays that it came by"));
    tell.hex(dhcp::TRANSACTION, ("xid", "dhcp.id"), format_args!("the same in the answer"));
    tell.decimal(dhcp::SECONDS, ("secs", "dhcp.secs"), format_args!("s since the client began"));
    tell.hex(dhcp::FLAGS, ("flags", "dhcp.flags"), format_args!(""));
    tell.within(|tell| {
        tell.flag(dhcp::BROADCAST, ("B", "dhcp.flags.bc"), "broadcast the answer");
        tell.hex_bits(dhcp::FLAGS_RESERVED, ("MBZ", "dhcp.flags.reserved"), format_args!("must be zero"));
    });
    tell.ipv4(dhcp::CLIENT.start, ("ciaddr", "dhcp.ip.client"), format_args!("the client's, if it has one"));
    tell.ipv4(dhcp::YOUR.start, ("yiaddr", "dhcp.ip.your"), format_args!("the address for the client"));
    tell.ipv4(dhcp::SERVER.start, ("siaddr", "dhcp.ip.server"), format_args!("the next server's"));
    tell.ipv4(dhcp::RELAY.start, ("giaddr", "dhcp.ip.relay"), format_args!("the relay's"));
    if ethernet {
        tell.mac(dhcp::CLIENT_HARDWARE.start, ("chaddr", "dhcp.hw.mac_addr"), format_args!("the client's"));
        tell.bytes(
            dhcp::CLIENT_HARDWARE.start + 6..dhcp::CLIENT_HARDWARE.end,
            ("padding", "dhcp.hw.addr_padding"),
            format_args!("chaddr has 16 bytes"),
        );
    } else {
        tell.bytes(dhcp::CLIENT_HARDWARE, ("chaddr", "dhcp.hw.addr"), format_args!("the client's"));
    }
    let empty = |bytes: core::ops::Range<usize>| match part.bytes().get(bytes) {
        Some(bytes) if bytes.iter().all(|byte| *byte == 0) => "none",
        _ => "",
    };
    tell.text(dhcp::SERVER_NAME, ("sname", "dhcp.server"), format_args!("{}", empty(dhcp::SERVER_NAME)));
    tell.text(dhcp::FILE, ("file", "dhcp.file"), format_args!("{}", empty(dhcp::FILE)));
    tell.rfc("RFC 2132 2");
    const COOKIE: Name = ("magic cookie", "dhcp.cookie");
    match part.bytes().get(dhcp::COOKIE_AT) {
        Some(cookie) if *cookie == dhcp::COOKIE => {
            tell.ipv4(dhcp::COOKIE_AT.start, COOKIE, format_args!("options follow"))
        }
        Some(_) => {
            tell.complain(dhcp::COOKIE_AT, "magic cookie", format_args!("not DHCP's: no options"));
            return;
        }
        None => tell.ipv4(dhcp::COOKIE_AT.start, COOKIE, format_args!("")),
    }
    let mut items = part.options();
    for item in items.by_ref() {
        option(tell, &item);
    }
    tell.rfc("RFC 2132 3.1");
    tell.padding(&items, "dhcp.option.padding");
}

/// How the data of an option is to be read.
enum Form {
    /// Addresses, one or more.
    Addresses(Name),
    /// Seconds.
    Seconds(Name),
    /// Another number.
    Number(Name, &'static str),
    Text(Name),
    /// What kind of message it is.
    Kind,
    /// The options that the client asks for.
    Requests,
    /// Who the client is.
    Client,
    Bytes,
}

fn option(tell: &mut Tell<'_, '_>, item: &Item<'_>) {
    let at = dhcp::FIXED + item.at;
    let (kind, rfc, form) = known(item.kind);
    tell.rfc(rfc);
    let tshark = if item.kind == 255 { "dhcp.option.end" } else { "dhcp.option.type" };
    tell.decimal(at..at + 1, ("Option Code", tshark), format_args!("{kind}"));
    tell.within(|tell| {
        if tell.option_length(item, at, "dhcp.option.length") {
            data(tell, item, at + 2, &form);
        }
    });
}

fn known(code: u8) -> (&'static str, &'static str, Form) {
    use Form::{Addresses, Bytes, Client, Kind, Number, Requests, Seconds, Text};
    match code {
        0 => ("pad", "RFC 2132 3.1", Bytes),
        1 => ("subnet mask", "RFC 2132 3.3", Addresses(("Mask", "dhcp.option.subnet_mask"))),
        3 => ("routers", "RFC 2132 3.5", Addresses(("Router", "dhcp.option.router"))),
        6 => ("DNS servers", "RFC 2132 3.8", Addresses(("DNS Server", "dhcp.option.domain_name_server"))),
        12 => ("host name", "RFC 2132 3.14", Text(("Host Name", "dhcp.option.hostname"))),
        15 => ("domain name", "RFC 2132 3.17", Text(("Domain Name", "dhcp.option.domain_name"))),
        26 => ("interface MTU", "RFC 2132 5.1", Number(("MTU", "dhcp.option.interface_mtu"), "bytes")),
        28 => {
            ("broadcast address", "RFC 2132 5.3", Addresses(("Broadcast", "dhcp.option.broadcast_address")))
        }
        42 => ("NTP servers", "RFC 2132 8.3", Addresses(("NTP Server", "dhcp.option.ntp_server"))),
        50 => {
            ("requested address", "RFC 2132 9.1", Addresses(("Address", "dhcp.option.requested_ip_address")))
        }
        51 => ("lease time", "RFC 2132 9.2", Seconds(("Lease Time", "dhcp.option.ip_address_lease_time"))),
        52 => ("option overload", "RFC 2132 9.3", Number(("Value", ""), "options in sname or file too")),
        dhcp::MESSAGE_TYPE => ("message type", "RFC 2132 9.6", Kind),
        54 => ("server identifier", "RFC 2132 9.7", Addresses(("Server", "dhcp.option.dhcp_server_id"))),
        55 => ("parameter request list", "RFC 2132 9.8", Requests),
        56 => ("message", "RFC 2132 9.9", Text(("Message", "dhcp.option.message"))),
        57 => (
            "maximum message size",
            "RFC 2132 9.10",
            Number(("Size", "dhcp.option.dhcp_max_message_size"), "bytes that the sender takes"),
        ),
        58 => ("renewal time (T1)", "RFC 2132 9.11", Seconds(("T1", "dhcp.option.renewal_time_value"))),
        59 => ("rebinding time (T2)", "RFC 2132 9.12", Seconds(("T2", "dhcp.option.rebinding_time_value"))),
        60 => ("vendor class", "RFC 2132 9.13", Text(("Class", "dhcp.option.vendor_class_id"))),
        61 => ("client identifier", "RFC 2132 9.14", Client),
        81 => ("client's full name", "RFC 4702 2", Bytes),
        82 => ("relay agent information", "RFC 3046 2", Bytes),
        119 => ("domain search list", "RFC 3397 2", Bytes),
        121 => ("routes", "RFC 3442", Bytes),
        255 => ("end of options", "RFC 2132 3.2", Bytes),
        _ => ("another option", "RFC 2132 2", Bytes),
    }
}

fn data(tell: &mut Tell<'_, '_>, item: &Item<'_>, from: usize, form: &Form) {
    let to = from + item.data.len();
    match (form, item.data) {
        (Form::Addresses(name), [_, ..]) if item.data.len().is_multiple_of(4) => {
            (from..to).step_by(4).for_each(|at| tell.ipv4(at, *name, format_args!("")));
        }
        (Form::Seconds(name), [a, b, c, d]) => match u32::from_be_bytes([*a, *b, *c, *d]) {
            u32::MAX => tell.decimal(from..to, *name, format_args!("s: for ever")),
            seconds => tell.decimal(from..to, *name, format_args!("s, {} min", seconds / 60)),
        },
        (Form::Number(name, unit), [_] | [_, _]) => tell.decimal(from..to, *name, format_args!("{unit}")),
        (Form::Text(name), _) => tell.text(from..to, *name, format_args!("")),
        (Form::Kind, [kind]) => {
            let name = ("Message Type", "dhcp.option.dhcp");
            tell.decimal(from..to, name, format_args!("{}", dhcp_name(*kind).unwrap_or("unknown")));
        }
        (Form::Requests, codes) => {
            for (at, code) in (from..to).zip(codes) {
                let name = ("Requested", "dhcp.option.request_list_item");
                tell.decimal(at..at + 1, name, format_args!("{}", known(*code).0));
            }
        }
        (Form::Client, [ETHERNET, _, _, _, _, _, _]) => {
            tell.decimal(from..from + 1, ("Type", "dhcp.hw.type"), format_args!("Ethernet"));
            tell.mac(from + 1, ("Client Identifier", "dhcp.hw.mac_addr"), format_args!(""));
        }
        _ => tell.bytes(from..to, ("Option Data", ""), format_args!("")),
    }
}
