//! A user without any privilege, to start programs as.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::namespace::is_inside;
use super::tool;
use crate::command::run;

/// A user without any privilege: with every capability dropped and none to gain by exec, in no group but their own.
///
/// Where root runs the tests this is uid 65534. An ordinary user stays the same user, whom the test's namespaces make
/// root by name.
pub(crate) struct Nobody {
    /// Whether this is the machine's root, who can be anybody.
    root: bool,
    /// A copy that everybody can reach, or the program where it is.
    undersock: PathBuf,
}

impl Nobody {
    /// Prepares the namespaces of [`alone`](super::alone) for a visit: a /dev/net/tun that everybody may open, as most
    /// systems have it, and the program where everybody can reach it.
    pub(crate) fn prepare() -> Nobody {
        assert!(is_inside(), "these mounts are for a test's own namespace");
        let root = fs::read_to_string("/proc/self/uid_map").expect("a map").contains(" 4294967295");
        let mut nobody = Nobody { root, undersock: env!("CARGO_BIN_EXE_undersock").into() };
        if root {
            sure("mount", &["-t", "tmpfs", "-o", "mode=755", "none", "/mnt"]);
            sure("mknod", &["-m", "666", "/mnt/tun", "c", "10", "200"]);
            sure("mount", &["--bind", "/mnt/tun", "/dev/net/tun"]);
            nobody.undersock = "/mnt/undersock".into();
            fs::copy(env!("CARGO_BIN_EXE_undersock"), &nobody.undersock).expect("room for a copy");
            fs::set_permissions(&nobody.undersock, fs::Permissions::from_mode(0o755)).expect("an own file");
        }
        nobody
    }

    /// As `id -u` prints it.
    pub(crate) fn uid(&self) -> &'static str {
        if self.root { "65534" } else { "0" }
    }

    /// Another user, as a uid. Root's namespaces have some; an ordinary user's have no second one.
    pub(crate) fn somebody_else(&self) -> Option<&'static str> {
        self.root.then_some("65533")
    }

    /// A program of the system, as this user.
    pub(crate) fn tool(&self, name: &str, args: &[&str]) -> Command {
        let mut setpriv = tool("setpriv");
        setpriv.args(["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]);
        if self.root {
            setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        setpriv.arg(name).args(args).current_dir("/").env_remove("NO_COLOR");
        setpriv
    }

    /// `undersock`, as this user.
    pub(crate) fn undersock(&self, args: &[&str]) -> Command {
        self.tool(self.path(), args)
    }

    /// Where the program is for this user.
    pub(crate) fn path(&self) -> &str {
        self.undersock.to_str().expect("a path of UTF-8")
    }
}

#[track_caller]
fn sure(name: &str, args: &[&str]) {
    let mut command = tool(name);
    command.args(args);
    let ran = run(command, b"");
    assert_eq!(ran.status, Some(0), "{name} {args:?}: {ran:?}");
}
