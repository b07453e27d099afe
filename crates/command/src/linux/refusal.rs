//! Why a private network was refused, and what would allow it.
//!
//! The system says EPERM and no more. The settings that are known to forbid namespaces can be read, and the error and
//! the step at which it came tell them apart: so the explanation is a function of these, and needs no kernel to test.

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::geteuid;

use crate::failure::{Failure, reason};

/// What was being done when the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Attempt {
    UserNamespace,
    MapUser,
    NetworkNamespace,
    Loopback,
    Tap,
    Address,
}

impl Attempt {
    const ALL: [Attempt; 6] = [
        Attempt::UserNamespace,
        Attempt::MapUser,
        Attempt::NetworkNamespace,
        Attempt::Loopback,
        Attempt::Tap,
        Attempt::Address,
    ];

    pub(super) fn from_number(number: u8) -> Option<Attempt> {
        Attempt::ALL.into_iter().find(|&step| step as u8 == number)
    }

    pub(super) fn refused(self, error: impl Into<std::io::Error>) -> Refused {
        Refused { step: self, errno: error.into().raw_os_error().unwrap_or(0) }
    }

    fn attempt(self) -> &'static str {
        match self {
            Attempt::UserNamespace => "making a user namespace",
            Attempt::MapUser => "mapping the user into their namespace",
            Attempt::NetworkNamespace => "making a network namespace",
            Attempt::Loopback => "bringing the private network's loopback interface up",
            Attempt::Tap => "making a TAP interface in the private network",
            Attempt::Address => "setting the TAP interface's addresses",
        }
    }
}

/// A step that the system refused, with its error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(super) step: Attempt,
    pub(super) errno: i32,
}

/// What on this system may forbid a private network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    root: bool,
    /// CONFIG_USER_NS and CONFIG_NET_NS.
    user_namespaces: bool,
    network_namespaces: bool,
    /// user.max_user_namespaces and user.max_net_namespaces; 0 forbids.
    max_user: Option<u64>,
    max_network: Option<u64>,
    /// kernel.unprivileged_userns_clone, Debian's and its descendants'; 0 forbids.
    unprivileged_clone: Option<u64>,
    /// kernel.apparmor_restrict_unprivileged_userns, Ubuntu's since 23.10; 1 lets the namespace be made and denies
    /// every use of it.
    apparmor_restricts: Option<u64>,
    /// Who made the container that this is in, as far as its files tell: a virtual machine may be made of an image.
    container: Option<String>,
    /// A seccomp filter is on this process.
    filtered: bool,
    /// This program, for a command.
    program: String,
}

impl Policy {
    pub(crate) fn of_this_system() -> Policy {
        let setting = |name: &str| {
            fs::read_to_string(Path::new("/proc/sys").join(name))
                .ok()
                .and_then(|text| text.trim().parse().ok())
        };
        let there = |path: &str| Path::new(path).exists();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let container = if there("/.dockerenv") {
            Some("docker".to_owned())
        } else if there("/run/.containerenv") {
            Some("podman".to_owned())
        } else {
            // Written by systemd, whoever made the container.
            fs::read_to_string("/run/systemd/container").ok().map(|name| name.trim().to_owned())
        };
        Policy {
            root: geteuid().is_root(),
            user_namespaces: there("/proc/self/ns/user"),
            network_namespaces: there("/proc/self/ns/net"),
            max_user: setting("user/max_user_namespaces"),
            max_network: setting("user/max_net_namespaces"),
            unprivileged_clone: setting("kernel/unprivileged_userns_clone"),
            apparmor_restricts: setting("kernel/apparmor_restrict_unprivileged_userns"),
            container,
            filtered: status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"])),
            program: std::env::current_exe()
                .map_or_else(|_| "undersock".to_owned(), |path| path.display().to_string()),
        }
    }
}

impl Refused {
    /// One line, and the commands that mend it.
    pub(crate) fn explain(self, policy: &Policy) -> Failure {
        let error = reason(&std::io::Error::from_raw_os_error(self.errno));
        let (why, mends) = self.cause(policy);
        let text = match why {
            Some(why) => format!("{error} ({why})"),
            None => error,
        };
        let mut failure = Failure::new(self.step.attempt(), text);
        for mend in &mends {
            failure = failure.mend(mend);
        }
        // Root needs no user namespace.
        if !policy.root && (self.denied() || self.step == Attempt::UserNamespace) {
            let or = if mends.is_empty() { "" } else { "or " };
            failure = failure.mend(format!("{or}as root: sudo {} lab", policy.program));
        }
        failure
    }

    fn denied(self) -> bool {
        self.is(Errno::PERM) || self.is(Errno::ACCESS)
    }

    fn is(self, errno: Errno) -> bool {
        self.errno == errno.raw_os_error()
    }

    /// The setting that forbids it, and what changes that.
    fn cause(self, policy: &Policy) -> (Option<String>, Vec<String>) {
        let sysctl = |name: &str, value: u64, now: Option<u64>| {
            let why = now.map(|now| format!("{name} is {now}"));
            (why, vec![format!("sudo sysctl -w {name}={value}")])
        };
        // ENOSPC since Linux 4.9; EUSERS before, and for namespaces nested too deep.
        let limit = self.is(Errno::NOSPC) || self.is(Errno::USERS);
        match self.step {
            Attempt::UserNamespace if !policy.user_namespaces => {
                (Some("this kernel was built without CONFIG_USER_NS".to_owned()), Vec::new())
            }
            Attempt::NetworkNamespace if !policy.network_namespaces => {
                (Some("this kernel was built without CONFIG_NET_NS".to_owned()), Vec::new())
            }
            Attempt::UserNamespace if policy.max_user == Some(0) || limit => {
                sysctl("user.max_user_namespaces", 15_000, policy.max_user)
            }
            Attempt::NetworkNamespace if policy.max_network == Some(0) || limit => {
                sysctl("user.max_net_namespaces", 15_000, policy.max_network)
            }
            _ if !self.denied() => (None, Vec::new()),
            Attempt::UserNamespace if policy.unprivileged_clone == Some(0) && !policy.root => {
                sysctl("kernel.unprivileged_userns_clone", 1, Some(0))
            }
            _ if policy.apparmor_restricts.is_some_and(|restricts| restricts != 0) && !policy.root => {
                sysctl("kernel.apparmor_restrict_unprivileged_userns", 0, policy.apparmor_restricts)
            }
            _ => {
                let why = policy.filtered.then(|| "a seccomp filter is on this process".to_owned());
                let mend = policy.container.as_deref().map(|engine| {
                    let run = if engine == "podman" { "podman run" } else { "docker run" };
                    let powers = "--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt apparmor=unconfined";
                    format!("in a container: {run} {powers} --device /dev/net/tun ...")
                });
                (why, mend.into_iter().collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desktop() -> Policy {
        Policy {
            user_namespaces: true,
            network_namespaces: true,
            max_user: Some(96_365),
            max_network: Some(96_365),
            program: "/usr/bin/undersock".to_owned(),
            ..Policy::default()
        }
    }

    fn explained(step: Attempt, errno: Errno, policy: &Policy) -> String {
        step.refused(errno).explain(policy).to_string()
    }

    #[test]
    fn each_setting_is_named_with_the_command_that_changes_it() {
        let debian = Policy { unprivileged_clone: Some(0), ..desktop() };
        assert_eq!(
            explained(Attempt::UserNamespace, Errno::PERM, &debian),
            "undersock: making a user namespace: Operation not permitted (kernel.unprivileged_userns_clone is 0)\
             \n  sudo sysctl -w kernel.unprivileged_userns_clone=1\
             \n  or as root: sudo /usr/bin/undersock lab"
        );
        let red_hat = Policy { max_user: Some(0), ..desktop() };
        assert_eq!(
            explained(Attempt::UserNamespace, Errno::NOSPC, &red_hat),
            "undersock: making a user namespace: No space left on device (user.max_user_namespaces is 0)\
             \n  sudo sysctl -w user.max_user_namespaces=15000\
             \n  or as root: sudo /usr/bin/undersock lab"
        );
        let ubuntu = Policy { unprivileged_clone: Some(1), apparmor_restricts: Some(1), ..desktop() };
        for (step, errno) in [
            (Attempt::MapUser, Errno::ACCESS),
            (Attempt::NetworkNamespace, Errno::PERM),
            (Attempt::Loopback, Errno::PERM),
        ] {
            let text = explained(step, errno, &ubuntu);
            assert!(
                text.contains("\n  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_container_is_told_by_its_engines_options() {
        for root in [true, false] {
            let docker = Policy { container: Some("docker".to_owned()), root, filtered: true, ..desktop() };
            let text = explained(Attempt::UserNamespace, Errno::PERM, &docker);
            assert!(text.contains("(a seccomp filter is on this process)\n"), "{text}");
            assert!(
                text.contains("\n  in a container: docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN"),
                "{text}"
            );
            assert_eq!(text.contains("sudo"), !root, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(
            explained(Attempt::NetworkNamespace, Errno::PERM, &Policy { root: true, ..desktop() }),
            "undersock: making a network namespace: Operation not permitted"
        );
        let ubuntu = Policy { apparmor_restricts: Some(1), ..desktop() };
        let text = explained(Attempt::Address, Errno::NOMEM, &ubuntu);
        assert!(!text.contains("apparmor") && !text.contains("sudo"), "{text}");
    }

    #[test]
    fn steps_survive_the_way_from_the_probe() {
        for step in Attempt::ALL {
            assert_eq!(Attempt::from_number(step as u8), Some(step));
        }
        assert_eq!(Attempt::from_number(Attempt::ALL.len() as u8), None);
    }
}
