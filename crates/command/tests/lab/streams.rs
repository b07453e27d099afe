use test_support::network::text::{Text, compare};

use super::*;

/// Ten seconds are usual for a build without optimization.
const STREAM_BOUND: Duration = Duration::from_secs(180);

#[test]
fn a_hundred_mebibytes_through_netcat_over_ipv4() {
    through(&["nc", "-N", "192.168.69.1", "12001"]);
}

#[test]
fn a_hundred_mebibytes_through_netcat_over_ipv6() {
    through(&["nc", "-N", "fdaa::1", "12001"]);
}

#[test]
fn a_hundred_mebibytes_through_undersocks_client_over_ipv4() {
    through(&[this_command(), "tcp", "192.168.69.1", "--stream", "-"]);
}

#[test]
fn a_hundred_mebibytes_through_undersocks_client_over_ipv6() {
    through(&[this_command(), "tcp", "fdaa::1", "--stream", "-"]);
}

/// Sends the text by this client in a lab, and looks at what it prints, byte by byte.
fn through(client: &[&str]) {
    tool_path("nc");
    let Text { plain, upper } = Text::get();
    let mut child = lab(&[], client).spawn().expect("the command starts");
    let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    thread::spawn(move || drop(stdin.write_all(plain)));
    let compared = thread::spawn(move || compare(stdout, upper));
    let ran = finish_within(STREAM_BOUND, child);
    let difference = compared.join().expect("no panic").err();
    assert!(ran.status == Some(0) && difference.is_none(), "{difference:?}\n{ran:?}");
}
