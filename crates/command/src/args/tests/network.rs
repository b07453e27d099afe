//! Interfaces, addresses and gateways.

use super::*;

#[test]
fn a_tun_interface_has_no_ethernet() {
    let ServeOptions { interface, server } = serve("serve --tun tun0 --replies-via-gateway");
    assert_eq!(interface, Interface { name: "tun0".into(), link: Link::Ip });
    let host = server.config.host;
    assert_eq!((host.mac, host.via_gateway, host.check()), (None, true, Ok(())));
    assert_eq!(texts(&host.addresses), ["192.168.69.1/24", "fdaa::1/64"]);
    let Command::Check(options) = command("check --tun tun0") else { panic!() };
    assert_eq!(options.interface, Some(interface));
    assert!(!serve("serve").server.config.host.via_gateway);
}

#[test]
fn recovery_can_be_turned_off() {
    for (line, recovery) in [("serve", true), ("serve --no-recovery", false)] {
        assert_eq!(serve(line).server.config.host.recovery, recovery, "{line}");
    }
    for (line, recovery) in [("", true), ("lab --no-recovery -- bash", false)] {
        assert_eq!(lab(line).server.config.host.recovery, recovery, "{line}");
    }
}

#[test]
fn given_addresses_take_the_place_of_the_default_network() {
    for (line, addresses, gateways) in [
        ("serve --address 10.0.0.2/24", vec!["10.0.0.2/24"], vec![]),
        ("serve --address 10.0.0.2/24 --gateway 10.0.0.1", vec!["10.0.0.2/24"], vec!["10.0.0.1"]),
        // The default gateway is in this network, and in the next it is the server or the network itself.
        ("serve --address 192.168.69.7/24", vec!["192.168.69.7/24"], vec!["192.168.69.100"]),
        ("serve --address 192.168.69.100/24", vec!["192.168.69.100/24"], vec![]),
        ("serve --address 192.168.69.101/30", vec!["192.168.69.101/30"], vec![]),
        (
            "serve --address 10.0.0.2/8 --address fdaa::7/64",
            vec!["10.0.0.2/8", "fdaa::7/64"],
            vec!["fdaa::100"],
        ),
        (
            "serve --gateway 192.168.69.9",
            vec!["192.168.69.1/24", "fdaa::1/64"],
            vec!["fdaa::100", "192.168.69.9"],
        ),
        ("serve --dhcp", vec![], vec![]),
        ("serve --dhcp --address fdaa::1/64", vec!["fdaa::1/64"], vec!["fdaa::100"]),
        ("serve --slaac", vec![], vec![]),
        ("serve --dhcp --slaac", vec![], vec![]),
        ("serve --slaac --address 10.0.0.2/8 --gateway fe80::9", vec!["10.0.0.2/8"], vec!["fe80::9"]),
    ] {
        let config = serve(line).server.config;
        assert_eq!(texts(&config.host.addresses), addresses, "{line}");
        assert_eq!(texts(&config.host.gateways), gateways, "{line}");
        assert_eq!(config.check(), Ok(()), "{line}");
    }
    let Command::Check(options) = command("check --tap tap7 --address 10.0.0.2/24") else { panic!() };
    assert_eq!(
        (&*options.interface.expect("an interface").name, texts(&options.config.host.addresses)),
        ("tap7", vec!["10.0.0.2/24".into()])
    );
}
