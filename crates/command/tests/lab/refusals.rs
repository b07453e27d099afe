//! Where no network can be had, the sentences are answered all the same, and a program is not started.

use super::*;

/// The reason, and a line that would mend it.
#[track_caller]
fn refused(undersock: impl Fn(&[&str]) -> Command, reason: &str, mend: &str) {
    let ran = run(undersock(&["lab", "-v"]), SENTENCES.as_bytes());
    prints(&ran, REPLIES);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.first(), Some(&reason), "{ran:?}");
    assert!(lines.contains(&mend), "{mend:?} is not said: {ran:?}");
    assert!(ran.stderr.contains("on a wire in memory"), "{ran:?}");
    assert!(!ran.stderr.contains(READY), "{ran:?}");

    let ran = run(undersock(&["lab", "-v", "--", "echo", "hello"]), b"");
    assert!(fails(&ran, reason).contains(&mend), "{mend:?} is not said: {ran:?}");
}

/// `undersock`, after this script has changed its surroundings.
fn after<'a>(script: &'a str, flags: &'a [&str]) -> impl Fn(&[&str]) -> Command + 'a {
    let script = format!("{script} && exec \"$@\"");
    move |args| {
        let mut unshare = tool("unshare");
        unshare.args(flags).arg(tool_path("sh")).args(["-ec", &script, "sh", this_command()]).args(args);
        unshare
    }
}

/// A limit of 0 that holds in a user namespace and those below it, and nowhere else.
#[test]
fn no_user_namespace_to_be_had() {
    tool_path("setpriv");
    refused(
        after(
            "echo 0 > /proc/sys/user/max_user_namespaces && \
             set -- setpriv --ambient-caps=-all --inh-caps=-all \"$@\"",
            &["--user", "--map-user=1000", "--map-group=1000", "--keep-caps"],
        ),
        "undersock: making a user namespace: No space left on device (user.max_user_namespaces is 0)",
        "  sudo sysctl -w user.max_user_namespaces=15000",
    );
}

#[test]
fn no_network_namespace_to_be_had() {
    refused(
        after("echo 0 > /proc/sys/user/max_net_namespaces", &["--user", "--map-root-user"]),
        "undersock: making a network namespace: No space left on device (user.max_net_namespaces is 0)",
        "  sudo sysctl -w user.max_net_namespaces=15000",
    );
}

/// The mounts are those of a user namespace where the user isn't root.
fn own_mounts() -> &'static [&'static str] {
    if geteuid().is_root() { &["--mount"] } else { &["--mount", "--user", "--map-root-user"] }
}

#[test]
fn no_tun_device() {
    tool_path("mount");
    refused(
        after("mount -t tmpfs none /dev/net", own_mounts()),
        "undersock: opening /dev/net/tun: no such device",
        "  sudo modprobe tun",
    );
}

#[test]
fn no_permission_to_open_the_tun_device() {
    tool_path("mount");
    let forbid = "mount --bind /dev/net/tun /dev/net/tun && \
                  mount -o remount,bind,nodev,nosuid,noexec /dev/net/tun";
    refused(
        after(forbid, own_mounts()),
        "undersock: opening /dev/net/tun: permission denied",
        "  sudo chmod 0666 /dev/net/tun",
    );
}
