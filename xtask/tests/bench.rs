//! The bench's parts play together: a short stream to either server. Loss would be chance, so there is none.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn a_short_stream_through_a_bottleneck_comes_back_whole_from_both_servers() {
    let undersock = undersock();
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    if !is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.args([env!("CARGO_BIN_EXE_xtask"), "bench-part", "router", "--rows", "100-40", "--runs", "1"]);
    unshare.args(["--bytes", "20000", "--program"]).arg(undersock);
    // An ordinary user's PATH lacks the directories for administrators.
    unshare.env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin").stdin(Stdio::null());
    let ran = unshare.output().expect("util-linux is installed");
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let lines: Vec<&str> = stdout.lines().collect();
    let [undersock, linux] = lines[..] else { panic!("{}:\n{stdout}{stderr}", ran.status) };
    for (line, start) in [(undersock, "100-40,1,undersock,"), (linux, "100-40,1,linux,")] {
        // No byte was wrong, and the server closed.
        assert!(line.starts_with(start) && line.ends_with(",0,whole"), "{stdout}{stderr}");
    }
    assert!(ran.status.success(), "{stderr}");
}

/// The command, of the profile that the tests have.
fn undersock() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", "undersock-command"]).stdin(Stdio::null());
    assert!(cargo.status().expect("cargo runs this").success());
    Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("undersock")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("coreutils are installed");
    id.stdout == b"0\n"
}
