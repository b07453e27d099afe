//! The programs of the system that the tests use.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::command::run;

/// Each with the Debian package that it comes with.
const PACKAGES: &[(&str, &str)] = &[
    ("capinfos", "tshark"),
    ("dnsmasq", "dnsmasq-base"),
    ("id", "coreutils"),
    ("ip", "iproute2"),
    ("mknod", "coreutils"),
    ("mount", "mount"),
    ("nc", "netcat-openbsd"),
    ("nsenter", "util-linux"),
    ("ping", "iputils-ping"),
    ("python3", "python3"),
    ("setpriv", "util-linux"),
    ("sh", "dash"),
    ("sleep", "coreutils"),
    ("tshark", "tshark"),
    ("unshare", "util-linux"),
];

/// Where a program of this list is. A test without it fails, and says what of the list is missing, and how to install it.
#[track_caller]
pub fn tool_path(name: &str) -> PathBuf {
    assert!(PACKAGES.iter().any(|(tool, _)| *tool == name), "{name} is not in the list");
    find(name).unwrap_or_else(|| {
        let missing = PACKAGES.iter().filter(|(tool, _)| find(tool).is_none());
        let (tools, mut packages): (Vec<&str>, Vec<&str>) = missing.copied().unzip();
        packages.sort_unstable();
        packages.dedup();
        let (tools, packages) = (tools.join(", "), packages.join(" "));
        panic!("this test needs the program {name}; missing: {tools}; sudo apt-get install {packages}")
    })
}

fn find(name: &str) -> Option<PathBuf> {
    // An ordinary user's PATH lacks the directories for administrators.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Runs ip(8) with these words, which must succeed. What it prints.
#[track_caller]
pub fn ip(words: &str) -> String {
    let mut command = tool("ip");
    command.args(words.split(' '));
    let ran = run(command, b"");
    assert_eq!(ran.status, Some(0), "ip {words}: {ran:?}");
    String::from_utf8(ran.stdout).expect("ip(8) prints UTF-8")
}

/// A program of the list, to be run with all it says read by the test.
#[track_caller]
pub fn tool(name: &str) -> Command {
    let mut command = Command::new(tool_path(name));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
