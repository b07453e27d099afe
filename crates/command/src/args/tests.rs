//! Right command lines become what they say; wrong ones one line that names the culprit.

mod network;

use core::time::Duration;
use std::collections::BTreeSet;

use undersock::host::Mac;
use undersock::packet::Link;

use super::options::{OPTIONS, Takes};
use super::*;
use crate::failure::USAGE;
use crate::help;

/// The arguments of a line without quotes; `''` is an empty one, and `~` stands for a space in one.
fn split(line: &str) -> Vec<String> {
    let argument = |word: &str| if word == "''" { String::new() } else { word.replace('~', " ") };
    line.split_whitespace().map(argument).collect()
}

fn command(line: &str) -> Command {
    match parse(split(line)) {
        Ok(invocation) => invocation.command,
        Err(failure) => panic!("undersock {line}: {failure}"),
    }
}

fn failure(line: &str) -> String {
    let failure = parse(split(line)).expect_err(line);
    assert_eq!(failure.status(), USAGE, "undersock {line}");
    failure.to_string()
}

fn lab(line: &str) -> LabOptions {
    match command(line) {
        Command::Lab(options) => options,
        other => panic!("undersock {line}: {other:?}"),
    }
}

fn serve(line: &str) -> ServeOptions {
    match command(line) {
        Command::Serve(options) => options,
        other => panic!("undersock {line}: {other:?}"),
    }
}

fn udp(line: &str) -> UdpOptions {
    match command(line) {
        Command::Udp(options) => options,
        other => panic!("undersock {line}: {other:?}"),
    }
}

fn tcp(line: &str) -> TcpOptions {
    match command(line) {
        Command::Tcp(options) => options,
        other => panic!("undersock {line}: {other:?}"),
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_at_all_is_the_lab() {
    for line in ["", "lab"] {
        let options = lab(line);
        assert!(options.command.is_empty());
        assert_eq!((options.join, options.board), (None, None));
        assert_eq!((options.server.slots, options.server.buffer), (64, 65_536));
        assert_eq!(options.server.text, Text::Unicode);
    }
}

#[test]
fn the_lab_runs_what_follows_two_hyphens_untouched() {
    for line in ["-- ping -c1 --help host", "lab -- ping -c1 --help host"] {
        assert_eq!(lab(line).command, ["ping", "-c1", "--help", "host"]);
    }
    assert_eq!(lab("lab -v --slots 4 -- nc -- x").command, ["nc", "--", "x"]);
    assert_eq!(lab("lab -- serve").command, ["serve"]);
    assert_eq!(lab("lab --join").join, Some(Join::Running));
    let joined = lab("lab --join=1234 -- bash");
    assert_eq!((joined.join, joined.command), (Some(Join::Process(1234)), vec!["bash".into()]));
}

#[test]
fn a_board_is_a_file_and_perhaps_a_machine() {
    let options = lab("lab -v --board ./a.elf -- nc");
    let board = BoardOptions { elf: "./a.elf".into(), machine: None };
    assert_eq!((options.board, options.command), (Some(board), vec!["nc".into()]));
    let board = BoardOptions { elf: "a".into(), machine: Machine::named("riscv32-virt") };
    assert_eq!(lab("lab --machine riscv32-virt --board a").board, Some(board));
}

#[test]
fn the_server_has_defaults_for_everything() {
    let ServeOptions { interface, server } = serve("serve");
    let default = Config::default();
    assert_eq!(interface, Interface { name: "tap0".into(), link: Link::Ethernet });
    assert_eq!(server.config.host.addresses, default.host.addresses);
    assert_eq!(server.config.host.gateways, default.host.gateways);
    assert_eq!((server.config.udp, server.config.listeners), (default.udp, default.listeners));
    assert_eq!(server.config.limits, default.limits);
    assert_eq!(server.config.host.mac, default.host.mac);
    assert!(!server.config.host.dhcp && !server.config.host.slaac);
}

#[test]
fn each_option_of_the_server_arrives() {
    let ServeOptions { interface, server } = serve(
        "serve --tap br-1 --mac 02-00-00-00-00-2A --udp-port 7 --sentence-port=8 --stream-port 0 --slots 4 \
         --buffer 16k --half-open 1500ms --idle 2m --stalled 1h --closing 1s --text ascii",
    );
    assert_eq!(interface.name, "br-1");
    assert_eq!(server.config.host.mac, Some(Mac([2, 0, 0, 0, 0, 0x2a])));
    let ports = server.ports;
    assert_eq!((ports.udp, ports.sentence, ports.stream), (7, 8, 0));
    let limits = server.config.limits;
    let milliseconds =
        [limits.half_open, limits.idle, limits.stalled, limits.closing].map(|l| l.total_millis());
    assert_eq!(milliseconds, [1_500, 120_000, 3_600_000, 1_000]);
    assert_eq!((server.slots, server.buffer, server.text), (4, 16_384, Text::Ascii));
}

#[test]
fn the_clients_find_their_server() {
    for (line, host, port) in [
        ("udp", "192.168.69.1", 12_000),
        ("udp localhost", "localhost", 12_000),
        ("udp localhost:7", "localhost", 7),
        ("udp ::1", "::1", 12_000),
        ("udp [::1]", "::1", 12_000),
        ("udp [::1]:65535", "::1", 65_535),
        ("udp fe80::1%eth0", "fe80::1%eth0", 12_000),
        ("udp [fe80::1%eth0]:7", "fe80::1%eth0", 7),
    ] {
        assert_eq!(udp(line).server, Remote { host: host.into(), port }, "{line}");
    }
    assert_eq!(tcp("tcp").server.port, 12_000);
    assert_eq!(tcp("tcp --stream f").server.port, 12_001);
    assert_eq!(tcp("tcp h:9 --stream f").server.port, 9);
}

#[test]
fn the_clients_take_a_sentence_or_a_file() {
    let UdpOptions { sentence, timeout, tries, .. } = udp("udp h hello~world --timeout 250ms --tries 7");
    assert_eq!(sentence.as_deref(), Some(&b"hello world"[..]));
    assert_eq!((timeout, tries), (Duration::from_millis(250), 7));
    let UdpOptions { sentence, timeout, tries, .. } = udp("udp");
    assert_eq!((sentence, timeout, tries), (None, Duration::from_secs(5), 3));

    assert_eq!(udp("udp h ''").sentence, Some(vec![]));
    assert_eq!(udp("udp h -- -x").sentence, Some(b"-x".to_vec()));
    assert_eq!(tcp("tcp h hi").payload, Payload::Sentence(Some(b"hi".to_vec())));
    assert_eq!(tcp("tcp h").payload, Payload::Sentence(None));
    assert_eq!(tcp("tcp --stream -").payload, Payload::Input);
    assert_eq!(tcp("tcp --stream=-").payload, Payload::Input);
    assert_eq!(tcp("tcp --stream a/b h").payload, Payload::File("a/b".into()));
    assert_eq!(tcp("tcp --stream=-v").payload, Payload::File("-v".into()));
}

#[test]
fn every_command_takes_a_log_level() {
    for command in ["", "lab", "serve", "udp", "tcp", "check"] {
        for (option, level) in [
            ("", LevelFilter::Info),
            ("-v", LevelFilter::Debug),
            ("--verbose", LevelFilter::Debug),
            ("--log trace", LevelFilter::Trace),
            ("--log=error", LevelFilter::Error),
        ] {
            let line = format!("{command} {option}");
            assert_eq!(parse(split(&line)).unwrap().log, level, "{line}");
        }
    }
}

#[test]
fn help_is_for_the_command_that_is_named() {
    for (line, topic) in [
        ("--help", Topic::All),
        ("-h", Topic::All),
        ("help", Topic::All),
        ("help help", Topic::All),
        ("help lab", Topic::Lab),
        ("lab --help", Topic::Lab),
        ("serve --tap tap0 -h --rubbish", Topic::Serve),
        ("udp -vh", Topic::Udp),
        ("tcp --help", Topic::Tcp),
        ("check --help", Topic::Check),
    ] {
        assert!(matches!(command(line), Command::Help(found) if found == topic), "{line}");
    }
    assert!(matches!(command("--version"), Command::Version));
    assert!(matches!(command("serve -V"), Command::Version));
    // What follows two hyphens is another program's.
    assert_eq!(lab("-- ls --help").command, ["ls", "--help"]);
}

/// A wrong line; what its message begins with, after "undersock: "; what else is in it.
const WRONG: &[(&str, &str, &str)] = &[
    // Commands.
    ("sevre", "sevre: unknown command", "did you mean serve?"),
    ("u", "u: unknown command", "udp"),
    ("rubbish", "rubbish: unknown command", "lab, serve, udp, tcp and check"),
    ("'' x", "'': unknown command", "undersock --help"),
    ("help sreve", "sreve: unknown command", "did you mean serve?"),
    ("help serve tcp", "tcp: ", "undersock help serve"),
    // Options.
    ("serve --adress 10.0.0.1/8", "--adress: unknown option", "--address? see undersock serve --help"),
    ("serve --addr 10.0.0.1/8", "--addr: unknown option", "did you mean --address?"),
    ("serve --tpa tap0", "--tpa: unknown option", "did you mean --tap?"),
    ("serve --colour", "--colour: unknown option", "see undersock serve --help"),
    ("serve -x", "-x: unknown option", "see undersock serve --help"),
    ("serve -vx", "-x: unknown option", "see undersock serve --help"),
    ("--tap tap0", "--tap: not an option of lab", "undersock serve --tap tap0"),
    ("lab --address 10.0.0.1/8", "--address: not an option of lab", "undersock lab --help"),
    ("udp --stream f", "--stream: not an option of udp", "undersock tcp --stream FILE"),
    ("tcp --tries 3", "--tries: not an option of tcp", "undersock udp --tries 3"),
    ("serve --tap", "--tap: the value is missing", "a right one: --tap tap0"),
    ("serve --tap --dhcp", "--tap: the value is missing, --dhcp follows", "--tap tap0"),
    ("serve --tap -v", "--tap: the value is missing, -v follows", "--tap tap0"),
    ("serve --dhcp=yes", "--dhcp=yes: takes no value", "a right one: --dhcp"),
    ("serve -v=1", "-v=1: takes no value", "a right one: -v"),
    ("serve --tap a --tap b", "--tap: given twice", "once is right: --tap tap0"),
    ("serve --dhcp --dhcp", "--dhcp: given twice", "once is right: --dhcp"),
    ("serve -vv", "--verbose: given twice", "--verbose"),
    ("serve -v --log info", "--verbose: the same as --log debug", "-v"),
    ("serve --log loud", "--log loud: error, warn, info, debug or trace", "a right one: debug"),
    // Operands.
    ("serve tap0", "tap0: one argument too many for serve", "undersock serve --tap tap0"),
    ("check tap0", "tap0: one argument too many for check", "undersock check --tap tap0"),
    ("udp h hello world", "world: one argument too many for udp", "'hello world'"),
    ("tcp h hello world", "world: one argument too many for tcp", "'hello world'"),
    ("tcp h hello --stream f", "hello: a sentence or --stream, not both", "--stream FILE"),
    ("tcp --stream ''", "--stream '': ", "--stream FILE"),
    ("lab ping -c1", "-c: unknown option", "undersock lab --help"),
    ("lab ping", "ping: a program to run in the lab comes after --", "undersock lab -- ping"),
    ("lab --join 12", "12: a process to join follows an equals sign", "undersock lab --join=12"),
    ("-v serve", "serve: the command comes before its options", "undersock serve --help"),
    ("lab --", "--: no program follows", "undersock lab -- ping"),
    ("lab -- '' x", "--: no program follows", "undersock lab -- ping"),
    ("lab --join=0", "--join 0: ", "a right one: 1234"),
    ("lab --join=me", "--join me: ", "a right one: 1234"),
    ("lab --board", "--board: the value is missing", "--board firmware.elf"),
    ("lab --board ''", "--board '': ", "a right one: --board firmware.elf"),
    ("lab --machine mps2-an385", "--machine mps2-an385: no firmware for it", "--board firmware.elf"),
    ("lab --board a --machine x", "--machine x: mps2-an385, lm3s6965evb or riscv32-virt", "mps2-an385"),
    ("lab --board a --join", "--board: the lab to join has its server already", "undersock lab --join"),
    ("lab --board a --slots 3", "--slots: for this computer's server", "undersock lab --board a"),
    ("lab --text ascii --board a", "--text: for this computer's server", "undersock lab --board a"),
    // Views, trouble, scenes.
    ("lab --ladder l.png", "--ladder l.png: ", "a right one: ladder.svg"),
    ("serve --capture ''", "--capture '': a file has a name", "--capture lab.pcapng"),
    ("lab --show all", "--show all: not one of", "a right one: timeline"),
    ("serve --show ladder", "--show: not an option of serve", "undersock lab --show"),
    ("lab --loss much", "--loss much: ", "a right one: 5%"),
    ("lab --trouble drop", "--trouble drop: ", "a right one: 'drop the 2nd SYN-ACK'"),
    ("lab --join --trace", "--trace: the lab to join has its server already", "undersock lab --join"),
    ("lab --scenario lost-sin", "--scenario lost-sin: no such scenario", "did you mean lost-syn?"),
    (
        "lab --scenario arp -- bash",
        "--scenario: a scenario has a wire of its own",
        "undersock lab --scenario",
    ),
    ("lab --scenario arp --loss 5%", "--loss: a scenario has its own server", "undersock lab --scenario"),
    ("lab --scenario arp --events e", "--events: a scenario has its own server", "undersock lab --scenario"),
    ("lab --list --join", "--list: a scenario has a wire of its own", "undersock lab --list"),
    ("serve --board a", "--board: not an option of serve", "undersock lab --board firmware.elf"),
    ("lab --join --slots 3", "--slots: the lab to join has its server already", "undersock lab --join"),
    // Addresses.
    ("serve --address 224.0.0.1/24", "--address 224.0.0.1/24: ", "a right one: 192.168.69.1/24"),
    ("serve --address 255.255.255.255/24", "--address 255.255.255.255/24: ", "192.168.69.1/24"),
    ("serve --address 127.0.0.1/8", "--address 127.0.0.1/8: ", "192.168.69.1/24"),
    ("serve --address 10.0.0.0/24", "--address 10.0.0.0/24: ", "192.168.69.1/24"),
    ("serve --address 10.0.0.255/24", "--address 10.0.0.255/24: ", "192.168.69.1/24"),
    ("serve --address ff02::1/64", "--address ff02::1/64: ", "a right one: fdaa::1/64"),
    ("serve --address ::/64", "--address ::/64: ", "a right one: fdaa::1/64"),
    ("serve --address 10.0.0.1", "--address 10.0.0.1: the prefix length is missing", "192.168.69.1/24"),
    ("serve --address 10.0.0.1/33", "--address 10.0.0.1/33: ", "from 1 to 32"),
    ("serve --address 10.0.0.1/0", "--address 10.0.0.1/0: ", "from 1 to 32"),
    ("serve --address 10.0.0.1/+8", "--address 10.0.0.1/+8: ", "from 1 to 32"),
    ("serve --address 10.0.0.1/", "--address 10.0.0.1/: ", "from 1 to 32"),
    ("serve --address 10.0.0.1/99999999999999999999", "--address 10.0.0.1/9999", "from 1 to 32"),
    ("serve --address fd00::1/129", "--address fd00::1/129: ", "from 1 to 128"),
    ("serve --address 10.0.0.256/8", "--address 10.0.0.256/8: not an IP address", "192.168.69.1/24"),
    ("serve --address host/8", "--address host/8: not an IP address", "192.168.69.1/24"),
    ("serve --address ''", "--address '': not an IP address", "192.168.69.1/24"),
    ("check --address 224.0.0.1/24", "--address 224.0.0.1/24: ", "192.168.69.1/24"),
    ("serve --address 10.0.0.1/8 --address 10.0.0.1/24", "--address 10.0.0.1: given twice", "once is right"),
    (
        "serve --address 10.0.0.1/8 --address 10.0.0.2/8 --address 10.0.0.3/8 --address 10.0.0.4/8 \
         --address 10.0.0.5/8 --address 10.0.0.6/8",
        "--address: more than 5 addresses",
        "--address fdaa::1/64",
    ),
    (
        "serve --address 10.0.0.1/8 --address 10.0.0.2/8 --address 10.0.0.3/8 --address 10.0.0.4/8 \
         --address fdaa::1/64",
        "--address: more than 5 addresses",
        "link-local",
    ),
    (
        "serve --slaac --address 10.0.0.1/8 --address 10.0.0.2/8 --address 10.0.0.3/8 --address 10.0.0.4/8",
        "--address: more than 5 addresses",
        "one each for DHCP and SLAAC",
    ),
    ("serve --slaac=yes", "--slaac=yes: takes no value", "a right one: --slaac"),
    ("lab --slaac", "--slaac: not an option of lab", "undersock serve --slaac"),
    ("serve --slaac --gateway fdaa::100", "--gateway fdaa::100: not another host", "192.168.69.100"),
    ("serve --dhcp --address 10.0.0.1/8", "--address 10.0.0.1: with --dhcp", "fdaa::1/64"),
    ("serve --dhcp --gateway 10.0.0.1", "--gateway 10.0.0.1: DHCP brings it along", "192.168.69.100"),
    ("serve --gateway 10.0.0.1", "--gateway 10.0.0.1: not another host", "192.168.69.100"),
    ("serve --gateway 192.168.69.1", "--gateway 192.168.69.1: not another host", "192.168.69.100"),
    ("serve --gateway 192.168.69.255", "--gateway 192.168.69.255: not another host", "192.168.69.100"),
    ("serve --gateway 10.0.0.1/8", "--gateway 10.0.0.1/8: an address without", "192.168.69.100"),
    (
        "serve --gateway 192.168.69.2 --gateway 192.168.69.3",
        "--gateway 192.168.69.3: one for each IP version",
        "--gateway fdaa::100",
    ),
    ("serve --mac ff:ff:ff:ff:ff:ff", "--mac ff:ff:ff:ff:ff:ff: ", "a right one: 02:00:00:00:00:01"),
    ("serve --mac 01:00:5e:00:00:01", "--mac 01:00:5e:00:00:01: ", "02:00:00:00:00:01"),
    ("serve --mac 00:00:00:00:00:00", "--mac 00:00:00:00:00:00: ", "02:00:00:00:00:01"),
    ("serve --mac 02:00:00:00:00", "--mac 02:00:00:00:00: ", "02:00:00:00:00:01"),
    ("serve --mac 02:00:00:00:00:01:02", "--mac 02:00:00:00:00:01:02: ", "02:00:00:00:00:01"),
    ("serve --mac 2:0:0:0:0:1", "--mac 2:0:0:0:0:1: ", "02:00:00:00:00:01"),
    ("serve --mac +2:00:00:00:00:01", "--mac +2:00:00:00:00:01: ", "02:00:00:00:00:01"),
    // Numbers, sizes, durations, words.
    ("serve --udp-port 65536", "--udp-port 65536: a port is a number", "a right one: 12000"),
    ("serve --udp-port -1", "--udp-port -1: a port is a number", "12000"),
    ("serve --udp-port http", "--udp-port http: a port is a number", "12000"),
    ("serve --stream-port 12000", "--stream-port 12000: --sentence-port is the same", "12001"),
    ("serve --sentence-port 12001", "--sentence-port 12001: --stream-port is the same", "12000"),
    ("serve --udp-port 0 --sentence-port 0 --stream-port 0", "--udp-port 0 --sent", "--udp-port 12000"),
    ("serve --slots 0", "--slots 0: ", "a right one: 64"),
    ("serve --slots 65536", "--slots 65536: a whole number from 1 to 65535", "a right one: 64"),
    ("serve --slots 1e3", "--slots 1e3: ", "a right one: 64"),
    ("serve --slots 99999999999999999999999", "--slots 999", "a right one: 64"),
    ("serve --slots 65535", "--slots 65535: with --buffer 65536 that is 8191 MiB", "a right one: 8192"),
    ("serve --buffer 0", "--buffer 0: a buffer has 4k to 16M bytes", "a right one: 64k"),
    ("serve --buffer 4095", "--buffer 4095: a buffer has 4k to 16M bytes", "64k"),
    ("serve --buffer 17M", "--buffer 17M: a buffer has 4k to 16M bytes", "64k"),
    ("serve --buffer 64kk", "--buffer 64kk: a buffer has 4k to 16M bytes", "64k"),
    ("serve --buffer k", "--buffer k: a buffer has 4k to 16M bytes", "64k"),
    ("serve --buffer 64KiB", "--buffer 64KiB: a buffer has 4k to 16M bytes", "64k"),
    ("serve --buffer 18446744073709551615M", "--buffer 18446744073709551615M: ", "64k"),
    ("serve --idle 5", "--idle 5: the unit is missing", "a right one: 60s"),
    ("serve --idle 0s", "--idle 0s: ", "60s"),
    ("serve --half-open 25h", "--half-open 25h: the longest is 24h", "5s"),
    ("serve --stalled 1.5s", "--stalled 1.5s: not a whole number with a unit", "20s"),
    ("serve --closing soon", "--closing soon: not a whole number with a unit", "10s"),
    ("serve --closing s", "--closing s: not a whole number with a unit", "10s"),
    ("serve --closing ''", "--closing '': not a whole number with a unit", "10s"),
    ("serve --closing 5~s", "--closing '5 s': not a whole number with a unit", "10s"),
    ("serve --closing 99999999999999999999h", "--closing 99999999999999999999h: ", "10s"),
    ("serve --closing 18446744073709551615h", "--closing 18446744073709551615h: ", "10s"),
    ("serve --text latin1", "--text latin1: unicode or ascii", "a right one: unicode"),
    ("udp --timeout 0ms", "--timeout 0ms: ", "a right one: 5s"),
    ("udp --tries 0", "--tries 0: a whole number from 1 to 100", "a right one: 3"),
    ("udp --tries 101", "--tries 101: a whole number from 1 to 100", "3"),
    ("serve --tap tap0 --tun tun0", "--tun tun0: with --tap", "undersock serve --tun tun0"),
    ("serve --tun tun0 --mac 02:00:00:00:00:01", "--mac: a TUN interface has no", "a right one: --tun tun0"),
    ("serve --tun tun0 --dhcp", "--dhcp: a TUN interface has no", "--tun tun0 --address 192.168.69.1/24"),
    ("serve --slaac --tun tun0", "--slaac: a TUN interface has no", "--tun tun0 --address 192.168.69.1/24"),
    ("lab --tun tun0", "--tun: not an option of lab", "undersock serve --tun tun0"),
    // Names.
    ("serve --tap ''", "--tap '': an interface has a name", "a right one: tap0"),
    ("serve --tap ..", "--tap ..: ", "tap0"),
    ("serve --tap a/b", "--tap a/b: an interface's name has no '/'", "tap0"),
    ("serve --tap tap%d", "--tap tap%d: an interface's name has no '%'", "tap0"),
    ("serve --tap sixteen-letters-", "--tap sixteen-letters-: ", "at most 15 bytes"),
    ("udp hello~world", "'hello world': not a host's name; the sentence comes after", "192.168.69.1:12000"),
    ("udp h:0", "h:0: a port is a number from 1 to 65535", "a right one: 192.168.69.1:12000"),
    ("udp h:99999", "h:99999: a port is a number from 1 to 65535", "192.168.69.1:12000"),
    ("udp h:", "h:: a port is a number", "192.168.69.1:12000"),
    ("udp :12000", ":12000: a host's name or address is missing", "192.168.69.1:12000"),
    ("udp ''", "'': a host's name or address is missing", "192.168.69.1:12000"),
    ("udp [::1", "[::1: the closing bracket is missing", "[fdaa::1]:12000"),
    ("udp [::1]7", "[::1]7: after the bracket", "[fdaa::1]:12000"),
    ("udp [::1]:", "[::1]:: a port is a number", "[fdaa::1]:12000"),
    ("udp [localhost]:7", "[localhost]:7: brackets are for an IPv6 address", "[fdaa::1]:12000"),
    ("udp 1:2:3", "1:2:3: not an IPv6 address", "[fdaa::1]:12000"),
    ("udp 192.168.69.1/24", "192.168.69.1/24: a host is wanted", "192.168.69.1:12000"),
    ("tcp http://host", "http://host: ", "192.168.69.1:12000"),
    ("tcp h:0 --stream f", "h:0: a port is a number", "192.168.69.1:12001"),
];

#[test]
fn whatever_is_wrong_is_one_line_that_names_it_and_shows_a_right_one() {
    for (line, begins, has) in WRONG {
        let message = failure(line);
        assert!(message.starts_with(&format!("undersock: {begins}")), "undersock {line}\n{message}");
        assert!(message.contains(has), "undersock {line}\n{message}\nlacks: {has}");
        assert!(!message.contains(char::is_control), "undersock {line}\n{message}");
    }
}

#[test]
fn a_culprit_that_would_spoil_the_line_is_escaped_and_shortened() {
    let message = parse(["serve", "--tap", "a\nb\x1b[2J"]).unwrap_err().to_string();
    assert!(message.starts_with("undersock: --tap a\\nb\\u{1b}[2J: "), "{message}");
    let message = parse(["udp", &"x/".repeat(1000)]).unwrap_err().to_string();
    assert!(message.len() < 250 && message.contains("x/x/..."), "{message}");
    let message = parse(["serve", "--no\nsuch"]).unwrap_err().to_string();
    assert!(message.starts_with("undersock: --no\\nsuch: unknown option"), "{message}");
    let message = parse(["serve", "--dhcp=\n"]).unwrap_err().to_string();
    assert!(message.starts_with("undersock: --dhcp=\\n: takes no value"), "{message}");
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_named_too() {
    use std::os::unix::ffi::OsStringExt;

    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    for (args, begins) in [
        (vec![bytes(b"s\xffrve")], "undersock: s\u{fffd}rve: unknown command"),
        (vec!["serve".into(), "--tap".into(), bytes(b"\xff")], "undersock: --tap \u{fffd}: not UTF-8; "),
        (vec!["serve".into(), bytes(b"--slots=\xff")], "undersock: --slots \u{fffd}: not UTF-8; "),
        (vec!["serve".into(), bytes(b"--\xff")], "undersock: --\u{fffd}: unknown option"),
        (vec!["serve".into(), bytes(b"-\xff")], "undersock: -\u{fffd}: unknown option"),
        (vec!["udp".into(), bytes(b"\xff")], "undersock: \u{fffd}: not UTF-8; "),
        (vec!["lab".into(), bytes(b"\xff")], "undersock: \u{fffd}: a program to run"),
    ] {
        let message = parse(args).unwrap_err().to_string();
        assert!(message.starts_with(begins), "{message}");
    }
    // A sentence, a file and a program's arguments need not be text.
    let Command::Udp(options) = parse(["udp".into(), "h".into(), bytes(b"a\xff")]).unwrap().command else {
        panic!()
    };
    assert_eq!(options.sentence.as_deref(), Some(&b"a\xff"[..]));
    let Command::Lab(options) = parse(["--".into(), bytes(b"\xff")]).unwrap().command else { panic!() };
    assert_eq!(options.command, [bytes(b"\xff")]);
}

#[test]
fn every_option_is_in_its_commands_help_and_no_other() {
    for topic in Topic::COMMANDS {
        let text = help::text(topic);
        // "      --tap NAME  ...", "  -v, --verbose  ...", "      --join[=PID]  ..."
        let listed: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("      --"))
            .chain(text.lines().filter_map(|line| line.split_once(", --").map(|(_, long)| long)))
            .filter_map(|line| line.split([' ', '[']).next())
            .collect();
        let there: BTreeSet<&str> =
            OPTIONS.iter().filter(|spec| spec.of.contains(&topic)).map(|spec| spec.name).collect();
        assert_eq!(listed, there, "undersock {} --help", topic.name());
    }
}

#[test]
fn the_examples_in_help_and_messages_are_right() {
    for topic in Topic::COMMANDS.into_iter().chain([Topic::All]) {
        let text = help::text(topic);
        let examples = text.split("\nExamples:\n").nth(1).unwrap_or_default();
        let lines = examples.lines().take_while(|line| line.starts_with("  "));
        assert!(lines.clone().count() >= 2, "{text}");
        for line in lines {
            // Without the description, the shell's redirections and what comes before a pipe; quotes kept together.
            let line = line.trim().split("    ").next().unwrap_or_default();
            let line = line.split(" | ").find(|part| part.starts_with("undersock")).unwrap_or(line);
            let line = line.split([';', '<', '>']).next().unwrap_or_default();
            let line = quoted_together(line);
            let line = line.strip_prefix("undersock").unwrap_or_else(|| panic!("{line}"));
            command(line);
        }
    }
    for spec in OPTIONS.iter().filter(|spec| spec.takes == Takes::Value) {
        // A machine needs its firmware.
        let also = if spec.name == "machine" { " --board firmware.elf" } else { "" };
        for topic in spec.of {
            command(&quoted_together(&format!("{} --{} {}{also}", topic.name(), spec.name, spec.example)));
        }
    }
}

/// A command line with what is in quotes kept together, for those who split it at its spaces.
fn quoted_together(line: &str) -> String {
    let parts = line.split('\'').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { part.replace(' ', "~") } else { part.to_owned() }).collect()
}

/// Every kind of trouble that a wire knows can be asked for.
#[test]
fn every_setting_of_the_wire_is_an_option() {
    for (name, _) in undersock::device::impaired::Settings::NAMES {
        let spec = OPTIONS.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("--{name}"));
        assert_eq!(spec.of, [Topic::Lab, Topic::Serve], "--{name}");
    }
}

#[test]
fn what_is_to_be_seen_is_asked_for() {
    let views = serve("serve --trace --explain --capture a.pcapng --ladder b.svg --events c").server.views;
    assert!(views.trace && views.explain && views.trouble.is_identity());
    let files = [views.capture, views.ladder, views.events].map(|file| file.expect("a file"));
    assert_eq!(files, ["a.pcapng", "b.svg", "c"].map(std::path::PathBuf::from));
    let views = lab("--show timeline --loss in:5% --loss out:1/20 --seed 42 --trouble drop~the~first~SYN")
        .server
        .views;
    assert_eq!((views.show, views.trouble.seed), (Some(Show::Timeline), 42));
    assert_eq!(views.trouble.incoming.loss, views.trouble.outgoing.loss);
    assert_eq!(views.trouble.rules.len(), 1);
}

#[test]
fn a_scene_is_one_of_the_course() {
    assert!(matches!(lab("lab --list").course, Some(Course::List)));
    assert!(lab("lab --scenario arp --trace --explain --capture a --ladder l.svg").course.is_some());
    assert!(matches!(lab("lab --scenario arp").course, Some(Course::Scene(scene)) if scene.name == "arp"));
}

#[test]
fn the_defaults_in_help_are_the_defaults() {
    let config = Config::default();
    let serve = help::text(Topic::Serve);
    let udp = help::text(Topic::Udp);
    let tcp = help::text(Topic::Tcp);
    let default = |text: &str, name: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, rest) = text.split_once(&format!("--{name} ")).unwrap();
        let (_, rest) = rest.split_once("[default: ").unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    };
    let ServerOptions { slots, buffer, ports, .. } = self::serve("serve").server;
    for (name, value) in [
        ("tap", DEFAULT_TAP.to_owned()),
        ("address", texts(&config.host.addresses).join(" and ")),
        ("mac", "02:00:00:00:00:01".to_owned()),
        ("udp-port", ports.udp.to_string()),
        ("sentence-port", ports.sentence.to_string()),
        ("stream-port", ports.stream.to_string()),
        ("slots", slots.to_string()),
        ("buffer", format!("{}k", buffer >> 10)),
        ("half-open", format!("{}s", config.limits.half_open.secs())),
        ("idle", format!("{}s", config.limits.idle.secs())),
        ("stalled", format!("{}s", config.limits.stalled.secs())),
        ("closing", format!("{}s", config.limits.closing.secs())),
        ("text", "unicode".to_owned()),
        ("log", "info".to_owned()),
    ] {
        assert_eq!(default(&serve, name), value, "--{name}");
    }
    assert!(default(&serve, "gateway").starts_with(&texts(&config.host.gateways).join(" and ")));
    assert_eq!(config.host.mac, Some(Mac([2, 0, 0, 0, 0, 1])));
    assert_eq!(default(&udp, "timeout"), format!("{DEFAULT_TIMEOUT:?}"));
    assert_eq!(default(&tcp, "timeout"), format!("{DEFAULT_TIMEOUT:?}"));
    assert_eq!(default(&udp, "tries"), DEFAULT_TRIES.to_string());
}
