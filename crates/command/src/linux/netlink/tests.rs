use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes
        .chunks(4)
        .map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + " ")
        .collect()
}

#[test]
#[cfg(target_endian = "little")]
fn an_ipv4_address_is_added_with_its_broadcast_address() {
    let request = Request::new(message::NEW_ADDRESS, flag::CREATE | flag::REPLACE);
    let bytes = request.flags(flag::ACKNOWLEDGE).address(7, "192.168.69.100".parse().unwrap(), 24).finish(3);
    assert_eq!(
        hex(&bytes).trim(),
        "30000000 14000505 03000000 00000000 02180000 07000000 \
         08000200 c0a84564 08000100 c0a84564 08000400 c0a845ff"
    );
}

#[test]
#[cfg(target_endian = "little")]
fn an_ipv6_address_is_added_without_duplicate_detection() {
    let request = Request::new(message::NEW_ADDRESS, 0).address(7, "fdaa::100".parse().unwrap(), 64);
    assert_eq!(
        hex(&request.finish(1)).trim(),
        "2c000000 14000100 01000000 00000000 0a400200 07000000 \
         14000100 fdaa0000 00000000 00000000 00000100"
    );
}

#[test]
fn the_broadcast_address_exists_for_every_prefix() {
    for prefix in 0..=u8::MAX {
        let _ = Request::new(message::NEW_ADDRESS, 0).address(1, Ipv4Addr::LOCALHOST.into(), prefix);
    }
}

/// What the kernel says of a TAP interface: only the attributes that are read, and one that isn't.
fn a_tap() -> Vec<u8> {
    let info = Request { bytes: Vec::new() }.attribute(attribute::KIND, b"tun\0").attribute(
        attribute::KIND_DATA,
        &Request { bytes: Vec::new() }
            .attribute(attribute::TUN_TYPE, &[2])
            .attribute(attribute::TUN_OWNER, &1000_u32.to_ne_bytes())
            .bytes,
    );
    Request::new(message::NEW_LINK, 0)
        .link(5, IFF_UP, 0)
        .attribute(attribute::LINK_NAME, b"tap0\0")
        .attribute(99, b"unknown")
        .attribute(attribute::LINK_MTU, &1500_u32.to_ne_bytes())
        .attribute(attribute::LINK_MAC, &[2, 0, 0, 0, 0, 9])
        .attribute(attribute::LINK_CARRIER, &[1])
        .attribute(attribute::LINK_INFO, &info.bytes)
        .finish(1)
}

fn only(bytes: &[u8]) -> Message<'_> {
    let mut all = messages(bytes);
    let first = all.next().unwrap();
    assert!(all.next().is_none());
    first
}

#[test]
fn a_link_is_read() {
    let bytes = a_tap();
    let link = Link::read(only(&bytes).body).unwrap();
    let kind = LinkKind::Tun { tap: Some(true), multi_queue: false, owner: Some(1000), group: None };
    let (name, mac) = ("tap0".to_owned(), Some([2, 0, 0, 0, 0, 9]));
    assert_eq!(link, Link { index: 5, name, kind, up: true, carrier: true, mtu: 1500, mac, master: None });
}

#[test]
fn an_address_is_read() {
    for (address, prefix) in [("192.168.69.1", 24), ("fdaa::1", 64)] {
        let address = address.parse().unwrap();
        let bytes = Request::new(message::NEW_ADDRESS, 0).address(3, address, prefix).finish(1);
        assert_eq!(Address::read(only(&bytes).body), Some(Address { index: 3, address, prefix }));
    }
}

#[test]
fn messages_that_are_cut_or_bent_end_the_reading() {
    let whole = [a_tap(), a_tap()].concat();
    let read_all = |bytes: &[u8]| {
        let read = |message: Message<'_>| (Link::read(message.body), Address::read(message.body));
        messages(bytes).map(read).collect::<Vec<_>>().len()
    };
    assert_eq!(read_all(&whole), 2);
    for end in 0..whole.len() {
        read_all(&whole[..end]);
    }
    for at in 0..whole.len() {
        for byte in [0, 1, 3, 4, 0x7f, 0xff] {
            let mut bent = whole.clone();
            bent[at] = byte;
            read_all(&bent);
        }
    }
}

#[test]
fn errors_are_the_systems_numbers() {
    let answer = |error: i32| {
        let mut bytes = Request::new(message::ERROR, 0).finish(1);
        bytes.extend(error.to_ne_bytes());
        bytes[..4].copy_from_slice(&20_u32.to_ne_bytes());
        only(&bytes).error()
    };
    assert!(answer(0).is_ok());
    assert_eq!(answer(-1).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert!(answer(i32::MIN).is_err());
}
