//! Programs of other people's: a package outside the tree, made here, that depends on the library by its path, alone and
//! beside smoltcp with features of its own choice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boards::Compiler;

use crate::call::{self, cargo, run};
use crate::failure::Failure;
use crate::firmware::TARGET;

/// Features of the library, and of smoltcp in the same program: the library must not notice which version of IP, which
/// sockets or which sizes another part of the program has asked for.
const TOGETHER: [(&str, &str); 7] = [
    ("ipv4", "default"),
    ("ipv6", "default"),
    ("ipv4", "iface-neighbor-cache-count-32,iface-max-addr-count-8"),
    ("ipv4,ipv6", "iface-max-addr-count-1"),
    ("std,ipv4", "default,iface-neighbor-cache-count-32"),
    ("ipv4,ipv6,dhcp,slaac,unicode", "medium-ip,socket-raw,socket-icmp,proto-ipv4-fragmentation,multicast"),
    ("tap,ipv4,ipv6,dhcp,slaac,unicode", "default,iface-max-addr-count-8,iface-neighbor-cache-count-64"),
];

const MANIFEST: &str = r#"[package]
name = "downstream"
version = "0.1.0"
edition = "2024"

[dependencies]
undersock = { path = "HOME" }

# No part of any workspace around it.
[workspace]
"#;

const BESIDE: &str = r#"[package]
name = "downstream-with-smoltcp"
version = "0.1.0"
edition = "2024"

[dependencies]
undersock = { path = "HOME", default-features = false }
smoltcp = { version = "0.14", default-features = false }

[workspace]
"#;

/// A library, so that it builds for a board without its start-up code and its linker script.
const LIBRARY: &str = "#![no_std]\npub use undersock::{server, service, smoltcp};\n";

/// The stack that is re-exported is the program's own.
const SAME_STACK: &str = "#![no_std]\n\
    pub fn same(address: smoltcp::wire::IpAddress) -> undersock::smoltcp::wire::IpAddress {\n    address\n}\n";

pub(crate) fn step() -> Result<(), Failure> {
    let alone = made("alone", MANIFEST, LIBRARY)?;
    run(at(cargo("build"), &alone))?;
    let mut build = Compiler::for_target(TARGET)?.build();
    build.args(["--target", TARGET]);
    run(at(build, &alone))?;

    let beside = made("beside", BESIDE, SAME_STACK)?;
    let mut failed = Vec::new();
    for (library, stack) in TOGETHER {
        let mut check = at(cargo("check --quiet"), &beside);
        check.arg("--features").arg(features(library, stack));
        if run(check).is_err() {
            failed.push(format!("undersock with {library} and smoltcp with {stack}"));
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => {
            let reason = format!("{} of {} fail: {}", failed.len(), TOGETHER.len(), failed.join("; "));
            Err(Failure::new("building programs that have smoltcp themselves", reason))
        }
    }
}

/// As cargo takes features of dependencies.
fn features(library: &str, stack: &str) -> String {
    let of = |package: &'static str, list: &str| {
        list.split(',').map(|feature| format!("{package}/{feature}")).collect::<Vec<_>>()
    };
    [of("undersock", library), of("smoltcp", stack)].concat().join(",")
}

fn folder() -> PathBuf {
    boards::target_folder().join("downstream")
}

/// A package with this manifest and this library. It begins with the versions of this project's own lock file, so that
/// both build the same stack.
fn made(name: &str, manifest: &str, library: &str) -> Result<PathBuf, Failure> {
    let folder = folder().join(name);
    let failure = |error| Failure::new(format!("writing to {}", folder.display()), error);
    let home = boards::home();
    fs::create_dir_all(folder.join("src")).map_err(failure)?;
    fs::write(folder.join("Cargo.toml"), manifest.replace("HOME", &in_toml(home))).map_err(failure)?;
    fs::write(folder.join("src/lib.rs"), library).map_err(failure)?;
    fs::copy(home.join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failure)?;
    Ok(folder)
}

/// A path between the quotes of a basic string.
fn in_toml(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

/// The command, for the package in this folder. What it builds is kept apart from the project's own.
fn at(mut command: Command, package: &Path) -> Command {
    command.arg("--manifest-path").arg(package.join("Cargo.toml"));
    command.arg("--target-dir").arg(folder().join("target"));
    call::at_home(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_named_with_their_package() {
        assert_eq!(features("std,ipv4", "default"), "undersock/std,undersock/ipv4,smoltcp/default");
    }

    #[test]
    fn a_path_stays_what_it_is() {
        assert_eq!(in_toml(Path::new("/a \"b\"\\c")), "/a \\\"b\\\"\\\\c");
    }
}
