//! Wrong usage gets one line on standard error, which names what is wrong, and exit status 2. Help and version are
//! results.

use std::ffi::OsString;

use test_support::command::{finish, run, undersock};

/// Arguments, without quotes; the culprit, as the line names it; a part of the right one that it shows.
const WRONG: &[(&str, &str, &str)] = &[
    ("sevre", "sevre", "serve"),
    ("rubbish", "rubbish", "lab, serve, udp, tcp and check"),
    ("help rubbish", "rubbish", "undersock --help"),
    ("lab ping", "ping", "undersock lab -- ping"),
    ("lab --", "--", "undersock lab -- ping -c1 192.168.69.1"),
    ("--join=x", "--join x", "1234"),
    ("--tap tap0", "--tap", "undersock serve --tap tap0"),
    ("serve --adress 10.0.0.1/8", "--adress", "--address"),
    ("serve --rubbish", "--rubbish", "undersock serve --help"),
    ("serve -x", "-x", "undersock serve --help"),
    ("serve --tap", "--tap", "--tap tap0"),
    ("serve --tap a --tap b", "--tap", "--tap tap0"),
    ("serve --tap 1234567890123456", "--tap 1234567890123456", "tap0"),
    ("serve --dhcp=yes", "--dhcp=yes", "--dhcp"),
    ("serve --slaac=yes", "--slaac=yes", "--slaac"),
    ("lab --slaac", "--slaac", "undersock serve --slaac"),
    ("serve --address 224.0.0.1/24", "--address 224.0.0.1/24", "192.168.69.1/24"),
    ("serve --address 10.0.0.1/33", "--address 10.0.0.1/33", "192.168.69.1/24"),
    ("serve --address fdaa::1/129", "--address fdaa::1/129", "192.168.69.1/24"),
    ("serve --address 10.0.0.1", "--address 10.0.0.1", "192.168.69.1/24"),
    ("serve --gateway 10.0.0.1", "--gateway 10.0.0.1", "192.168.69.100"),
    ("serve --mac ff:ff:ff:ff:ff:ff", "--mac ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01"),
    ("serve --mac 02:00", "--mac 02:00", "02:00:00:00:00:01"),
    ("serve --udp-port 65536", "--udp-port 65536", "12000"),
    ("serve --stream-port 12000", "--stream-port 12000", "12001"),
    ("serve --slots 0", "--slots 0", "64"),
    ("serve --slots 99999999999999999999", "--slots 99999999999999999999", "64"),
    ("serve --buffer 1", "--buffer 1", "64k"),
    ("serve --idle 5", "--idle 5", "60s"),
    ("serve --text latin1", "--text latin1", "unicode"),
    ("serve --log loud", "--log loud", "debug"),
    ("check --address 0.0.0.0/0", "--address 0.0.0.0/0", "192.168.69.1/24"),
    ("udp h:0", "h:0", "192.168.69.1:12000"),
    ("udp [::1", "[::1", "[fdaa::1]:12000"),
    ("udp h hello world", "world", "'hello world'"),
    ("udp --tries 0", "--tries 0", "3"),
    ("udp --timeout 5", "--timeout 5", "5s"),
    ("tcp h hello --stream f", "hello", "--stream FILE"),
    ("tcp --tries 2", "--tries", "undersock udp --tries 3"),
];

/// Wrong usage: nothing printed, one line said, status 2.
fn refused(args: &[OsString]) -> String {
    let ran = run(undersock(args), b"hello\n");
    assert_eq!(ran.status, Some(2), "{args:?}: {ran:?}");
    assert_eq!(ran.stdout, b"", "{args:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{args:?}: {}", ran.stderr);
    assert!(ran.stderr.ends_with('\n') && ran.stderr.starts_with("undersock: "), "{args:?}: {}", ran.stderr);
    ran.stderr
}

#[test]
fn wrong_usage_is_one_line_that_names_the_culprit_and_shows_a_right_one() {
    for (line, culprit, right) in WRONG {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let said = refused(&args);
        let (_, after) = said.split_once(": ").expect("a colon");
        assert!(after.starts_with(&format!("{culprit}: ")), "undersock {line}\n{said}");
        assert!(after[culprit.len()..].contains(right), "undersock {line}\n{said}lacks: {right}");
    }
}

#[test]
fn a_value_with_a_line_end_does_not_make_two_lines() {
    for args in [["serve", "--tap", "a\nb"], ["serve", "--a\nb", "c"], ["udp", "a\nb", "c"]] {
        assert!(refused(&args.map(OsString::from)).contains("a\\nb"));
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStringExt;

    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    assert!(
        refused(&["serve".into(), "--tap".into(), bytes(b"t\xffp")]).contains("--tap t\u{fffd}p: not UTF-8")
    );
    assert!(refused(&["udp".into(), bytes(b"h\xff")]).contains("h\u{fffd}: not UTF-8"));
    assert!(refused(&[bytes(b"l\xffb")]).contains("l\u{fffd}b: unknown command"));
}

#[test]
fn help_is_a_result_with_examples_and_fits_a_terminal() {
    for line in ["--help", "help", "lab --help", "serve -h", "udp --help", "help tcp", "check --help"] {
        let ran = run(undersock(line.split_whitespace()), b"");
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "undersock {line}");
        let text = String::from_utf8(ran.stdout).expect("help is UTF-8");
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "undersock {line}: more than 80 columns");
        let (_, examples) = text.split_once("\nExamples:\n").expect("examples");
        assert!(examples.starts_with("  undersock"), "{text}");
        assert!(text.contains("\nUsage: undersock"), "{text}");
        assert!(text.contains("[default: "), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
}

#[test]
fn the_version_is_the_crates() {
    for line in ["--version", "-V", "serve --version"] {
        let ran = run(undersock(line.split_whitespace()), b"");
        assert_eq!(ran.status, Some(0));
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            concat!("undersock ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}

#[test]
fn a_reader_that_has_left_gets_no_message() {
    let mut child = undersock(["--help"]).spawn().expect("the command starts");
    drop(child.stdout.take());
    let ran = finish(child);
    // It may have been quicker than the reader left.
    assert!(matches!(ran.status, Some(0 | 141)), "{ran:?}");
    assert_eq!(ran.stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_fails_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let mut command = undersock(["--version"]);
    command.stdout(full);
    let ran = run(command, b"");
    assert_eq!(ran.status, Some(1));
    assert_eq!(ran.stderr, "undersock: writing to standard output: No space left on device\n");
}
