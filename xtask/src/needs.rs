//! The programs that steps take: which are missing, and who may install them.

use std::path::Path;
use std::process::{Command, Stdio};

use boards::{BOARDS, Board, Tool};

use crate::call;
use crate::failure::Failure;

/// A program and the Debian package that has it.
#[derive(Debug)]
pub(crate) struct Need {
    package: &'static str,
    program: &'static str,
    /// Other packages have a program of this name too: dpkg knows, where there is one.
    ambiguous: bool,
}

impl Need {
    /// The programs that the files in tests/ start.
    pub(crate) fn of_the_tests() -> Vec<Need> {
        const PYTHON: Need = Need::program("python3", "python3");
        match cfg!(target_os = "linux") {
            false => vec![PYTHON],
            true => vec![
                PYTHON,
                Need::program("iproute2", "ip"),
                Need::program("iputils-ping", "ping"),
                // Debian's other `nc` knows no -N, and no -U.
                Need::package("netcat-openbsd", "nc"),
                Need::program("mount", "mount"),
                Need::program("util-linux", "unshare"),
                Need::program("util-linux", "setpriv"),
                Need::program("tshark", "tshark"),
                Need::program("dnsmasq-base", "dnsmasq"),
                // The bench's smoke test.
                Need::program("nftables", "nft"),
                Need::program("ethtool", "ethtool"),
            ],
        }
    }

    pub(crate) const fn program(package: &'static str, program: &'static str) -> Need {
        Need { package, program, ambiguous: false }
    }

    pub(crate) const fn package(package: &'static str, program: &'static str) -> Need {
        Need { package, program, ambiguous: true }
    }

    /// What it takes to build these boards, and to boot those that QEMU has.
    pub(crate) fn of_boards(which: impl Fn(&Board) -> bool) -> Vec<Need> {
        let boards = BOARDS.iter().filter(|board| which(board));
        boards.flat_map(|board| board.tools(true)).map(Need::from).collect()
    }
}

/// By its package: a program of that name may be another compiler's.
impl From<Tool> for Need {
    fn from(tool: Tool) -> Need {
        Need::package(tool.package, tool.file)
    }
}

/// What a machine says about itself.
trait Machine {
    fn has_program(&self, program: &str) -> bool;
    /// None where there is no dpkg.
    fn has_package(&self, package: &str) -> Option<bool>;
    fn is_root(&self) -> bool;
    /// Whether sudo asks for no password.
    fn may_sudo(&self) -> bool;
}

/// What is to be done about what is missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Ready,
    /// Run apt-get for these packages, behind these words.
    Install(&'static [&'static str], Vec<&'static str>),
    /// Say this, and run nothing.
    Stop(String),
}

/// Sees to it that the programs which steps take are there, or says how to get them.
pub(crate) fn provide(needs: impl Iterator<Item = Need>, install: bool) -> Result<(), Failure> {
    match plan(needs, install, &ThisMachine) {
        Plan::Ready => Ok(()),
        Plan::Stop(reason) => Err(Failure::new("looking for the programs that the steps need", reason)),
        Plan::Install(prefix, packages) => {
            println!("==== installing {}", packages.join(", "));
            // A machine's lists may be older than the packages that are to be had, or none at all. If they can't be
            // renewed, they may do.
            if let Err(failure) = call::run(apt_get(prefix, &["update", "-q"], &[])) {
                eprintln!("{failure}");
            }
            // Another toolchain from Debian would have to go for this one: that is not for us to decide.
            let words = ["install", "-q", "-y", "--no-install-recommends", "--no-remove"];
            let Err(failure) = call::run(apt_get(prefix, &words, &packages)) else { return Ok(()) };
            if ThisMachine.is_root() && only_old_tools_go(&packages)? {
                println!(
                    "==== {OLD_TOOLS} makes way; `apt-get install {OLD_TOOLS}` brings back one that fits"
                );
                return call::run(apt_get(prefix, &words[..4], &with_old_tools_gone(&packages)));
            }
            let mend = "`cargo xtask help test` lists the steps, to name those that can do without";
            Err(Failure::new(format!("installing {}", packages.join(", ")), format!("{failure}; {mend}")))
        }
    }
}

/// The tools for disk images, `qemu-img` and the like. A newer one, from Debian's backports, and the release's QEMU exclude
/// each other, and neither needs the other. Where root works without sudo, as in a container, it makes way.
const OLD_TOOLS: &str = "qemu-utils";

fn with_old_tools_gone<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // To apt-get, the last letter says what is to happen to the package.
    packages.iter().copied().chain(["qemu-utils-"]).collect()
}

/// Whether these packages could be installed if [`OLD_TOOLS`] and nothing else were removed.
fn only_old_tools_go(packages: &[&str]) -> Result<bool, Failure> {
    if !packages.iter().any(|package| package.starts_with("qemu-")) {
        return Ok(false);
    }
    let words = ["install", "--simulate", "-q", "-y", "--no-install-recommends"];
    let plan = call::read(apt_get(&[], &words, &with_old_tools_gone(packages)));
    Ok(plan.is_ok_and(|plan| removed(&String::from_utf8_lossy(&plan)) == [OLD_TOOLS]))
}

/// What would be removed: `Remv qemu-utils [1:10.0.2+ds-2+deb13u1~bpo12+1]`, a line each.
fn removed(plan: &str) -> Vec<&str> {
    let removals = plan.lines().filter_map(|line| line.strip_prefix("Remv "));
    removals.filter_map(|line| line.split(' ').next()).collect()
}

fn plan(needs: impl Iterator<Item = Need>, install: bool, machine: &impl Machine) -> Plan {
    let missing: Vec<_> = needs.filter(|need| !is_there(need, machine)).collect();
    let mut packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Plan::Ready;
    }
    if !machine.has_program("apt-get") {
        let mut programs: Vec<_> = missing.iter().map(|need| need.program).collect();
        programs.sort_unstable();
        programs.dedup();
        let (programs, packages) = (programs.join(", "), packages.join(", "));
        return Plan::Stop(format!("missing: {programs}; in Debian they are in the packages {packages}"));
    }
    if install && machine.is_root() {
        Plan::Install(&[], packages)
    } else if install && machine.may_sudo() {
        Plan::Install(&["sudo", "-n"], packages)
    } else {
        let packages = packages.join(" ");
        Plan::Stop(format!("some are missing; `sudo apt-get install -y {packages}` installs them"))
    }
}

fn is_there(need: &Need, machine: &impl Machine) -> bool {
    let known = if need.ambiguous { machine.has_package(need.package) } else { None };
    known.unwrap_or_else(|| machine.has_program(need.program))
}

fn apt_get(prefix: &[&str], words: &[&str], packages: &[&str]) -> Command {
    // sudo takes no environment along, env(1) after it does.
    let start = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"];
    let mut all = prefix.iter().chain(&start).chain(words).chain(packages);
    let mut command = Command::new(all.next().copied().unwrap_or("env"));
    command.args(all);
    call::at_home(command)
}

struct ThisMachine;

impl Machine for ThisMachine {
    fn has_program(&self, program: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // An ordinary user's PATH may lack the last two.
        let system = ["/usr/sbin", "/sbin"].map(Into::into);
        std::env::split_paths(&path).chain(system).any(|folder| folder.join(program).is_file())
    }

    fn has_package(&self, package: &str) -> Option<bool> {
        if !Path::new("/var/lib/dpkg/status").exists() {
            return None;
        }
        let said = quietly("dpkg-query", &["--show", "--showformat=${db:Status-Status}", package])?;
        Some(said == "installed")
    }

    fn is_root(&self) -> bool {
        is_root()
    }

    fn may_sudo(&self) -> bool {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
        sudo.status().is_ok_and(|status| status.success())
    }
}

/// Whether this user is root.
pub(crate) fn is_root() -> bool {
    quietly("id", &["-u"]).is_some_and(|said| said == "0")
}

/// What a program prints, if it can be started.
fn quietly(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs, packages (None: no dpkg), root, sudo.
    struct Made(&'static [&'static str], Option<&'static [&'static str]>, bool, bool);

    impl Machine for Made {
        fn has_program(&self, program: &str) -> bool {
            self.0.contains(&program)
        }
        fn has_package(&self, package: &str) -> Option<bool> {
            self.1.map(|packages| packages.contains(&package))
        }
        fn is_root(&self) -> bool {
            self.2
        }
        fn may_sudo(&self) -> bool {
            self.3
        }
    }

    const NEEDS: [Need; 4] = [
        Need::program("util-linux", "unshare"),
        Need::program("util-linux", "setpriv"),
        Need::program("iproute2", "ip"),
        Need::package("netcat-openbsd", "nc"),
    ];

    fn plan(install: bool, machine: &Made) -> Plan {
        super::plan(NEEDS.into_iter(), install, machine)
    }

    #[test]
    fn nothing_is_installed_twice() {
        let there =
            Made(&["unshare", "setpriv", "ip", "nc", "apt-get"], Some(&["netcat-openbsd"]), true, true);
        assert_eq!(plan(true, &there), Plan::Ready);
    }

    #[test]
    fn a_package_is_installed_once_however_many_of_its_programs_are_missing() {
        let bare = Made(&["apt-get"], Some(&[]), true, false);
        assert_eq!(plan(true, &bare), Plan::Install(&[], vec!["iproute2", "netcat-openbsd", "util-linux"]));
    }

    #[test]
    fn another_program_of_the_same_name_does_not_count_where_dpkg_knows() {
        let debian = Made(&["unshare", "setpriv", "ip", "nc", "apt-get"], Some(&[]), false, true);
        assert_eq!(plan(true, &debian), Plan::Install(&["sudo", "-n"], vec!["netcat-openbsd"]));
        let elsewhere = Made(&["unshare", "setpriv", "ip", "nc"], None, false, false);
        assert_eq!(plan(true, &elsewhere), Plan::Ready);
    }

    #[test]
    fn who_may_not_install_is_told_the_command() {
        let said = Plan::Stop(
            "some are missing; `sudo apt-get install -y iproute2 netcat-openbsd` installs them".into(),
        );
        let user = Made(&["unshare", "setpriv", "apt-get"], Some(&[]), false, false);
        assert_eq!(plan(true, &user), said);
        let root = Made(&["unshare", "setpriv", "apt-get"], Some(&[]), true, true);
        assert_eq!(plan(false, &root), said, "--no-install");
    }

    #[test]
    fn what_would_go_is_read() {
        let plan = "Reading package lists...\nRemv qemu-utils [1:10.0.2+ds-2+deb13u1~bpo12+1]\n\
            Inst libfdt1 (1.6.1-4+b1 Debian:12.11/stable [amd64])\nConf libfdt1 (1.6.1-4+b1 Debian:12.11/stable [amd64])\n";
        assert_eq!(removed(plan), ["qemu-utils"]);
        assert_eq!(removed("Inst libfdt1 (1.6.1-4+b1)\n"), [""; 0]);
        assert_eq!(with_old_tools_gone(&["qemu-system-arm"]), ["qemu-system-arm", "qemu-utils-"]);
    }

    #[test]
    fn a_machine_without_apt_gets_a_sentence() {
        let elsewhere = Made(&["unshare", "setpriv"], None, true, true);
        let said = "missing: ip, nc; in Debian they are in the packages iproute2, netcat-openbsd";
        assert_eq!(plan(true, &elsewhere), Plan::Stop(said.into()));
    }
}
