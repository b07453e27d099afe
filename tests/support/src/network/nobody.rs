//! A user without any privilege, to start programs as.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::geteuid;

use super::{alone, is_inside, tool};
use crate::command::{path, run};

/// A user without any privilege, and without a way to gain one by exec.
pub struct Nobody {
    uid: u32,
    /// How setpriv(1) makes a process theirs.
    becoming: &'static [&'static str],
    /// `undersock`, where this user can reach it.
    pub undersock: &'static str,
}

impl Nobody {
    /// Runs `body` with such a user: where root runs the test of this name, with uid 65534 in namespaces of the test's
    /// own; else with the user who runs it.
    #[track_caller]
    pub fn visits(test: &str, body: impl FnOnce(&Nobody)) {
        if geteuid().is_root() {
            alone(test, || body(&Nobody::prepare()));
        } else {
            body(&Nobody { uid: geteuid().as_raw(), becoming: &["--no-new-privs"], undersock: path() });
        }
    }

    /// Prepares the namespaces of [`alone`] for such a user: a /dev/net/tun that everybody may open, as most systems
    /// have it, and the program where everybody can reach it.
    ///
    /// The namespaces of an ordinary user know but one, who is root there by name: the same, without capabilities.
    pub fn prepare() -> Nobody {
        assert!(is_inside(), "these mounts are for a test's own namespace");
        if !is_the_machines_root() {
            let becoming = &["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
            return Nobody { uid: 0, becoming, undersock: path() };
        }
        sure("mount", &["-t", "tmpfs", "-o", "mode=755", "none", "/mnt"]);
        sure("mknod", &["-m", "666", "/mnt/tun", "c", "10", "200"]);
        sure("mount", &["--bind", "/mnt/tun", "/dev/net/tun"]);
        let undersock = "/mnt/undersock";
        fs::copy(path(), undersock).expect("room for a copy");
        fs::set_permissions(undersock, fs::Permissions::from_mode(0o755)).expect("an own file");
        let becoming = &[
            "--no-new-privs",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        Nobody { uid: 65534, becoming, undersock }
    }

    /// As `id -u` prints it.
    pub fn uid(&self) -> String {
        self.uid.to_string()
    }

    /// Another user, where there is one.
    pub fn somebody_else(&self) -> Option<&'static str> {
        is_the_machines_root().then_some("65533")
    }

    /// A program of the system, as this user.
    pub fn tool(&self, name: &str, args: &[&str]) -> Command {
        let mut setpriv = tool("setpriv");
        setpriv.args(self.becoming).arg(name).args(args).current_dir("/").env_remove("NO_COLOR");
        setpriv
    }

    /// `undersock`, as this user.
    pub fn undersock(&self, args: &[&str]) -> Command {
        self.tool(self.undersock, args)
    }
}

/// Whether uid 0 is root outside of all namespaces: its map is of all users.
fn is_the_machines_root() -> bool {
    geteuid().is_root() && fs::read_to_string("/proc/self/uid_map").expect("a map").contains(" 4294967295")
}

#[track_caller]
fn sure(name: &str, args: &[&str]) {
    let mut command = tool(name);
    command.args(args);
    let ran = run(command, b"");
    assert_eq!(ran.status, Some(0), "{name} {args:?}: {ran:?}");
}
