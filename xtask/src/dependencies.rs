//! What the project depends on, for every system and with every feature: under which licence, from where, how often.
//!
//! Advisories are not looked up: their database is a repository of its own that crates.io does not carry, so a
//! machine that reaches nothing but the registry could not say.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use spdx::{Expression, Licensee, ParseMode};

use crate::call;
use crate::failure::Failure;

const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// crates.io, as Cargo.lock calls it, whatever mirror a machine fetches it from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates of which more than one version is in Cargo.lock, and why that can't be helped.
const DOUBLES: &[(&str, &str)] = &[("bitflags", "smoltcp is still at 1, and rustix at 2")];

pub(crate) fn step() -> Result<(), Failure> {
    let metadata = metadata("metadata --format-version 1 --locked")?;
    let complaints = complaints(&metadata, DOUBLES)?;
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    match (complaints.len(), metadata.packages.iter().filter(|package| !is_ours(package, &metadata)).count())
    {
        (_, 0) => Err(Failure::new("reading `cargo metadata`", "it names no dependency")),
        (0, count) => {
            println!("{count} crates");
            Ok(())
        }
        (count, _) => Err(Failure::new("checking the dependencies", format!("{count} complaints"))),
    }
}

/// What cargo, given these words, says about the workspace.
pub(crate) fn metadata(words: &str) -> Result<Metadata, Failure> {
    let said = call::read(call::cargo(words))?;
    MetadataCommand::parse(String::from_utf8_lossy(&said))
        .map_err(|error| Failure::new("reading `cargo metadata`", error))
}

/// A part of this project.
fn is_ours(package: &Package, metadata: &Metadata) -> bool {
    metadata.workspace_members.contains(&package.id)
}

fn complaints(metadata: &Metadata, doubles: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
    let allowed = allowed()?;
    let mut complaints = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &metadata.packages {
        let (name, version) = (package.name.as_str(), &package.version);
        versions.entry(name).or_default().insert(version.to_string());
        if let Err(reason) = may_be_used(package.license.as_deref(), &allowed) {
            complaints.push(format!("{name} {version}: {reason}"));
        }
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        if !is_ours(package, metadata) && source != Some(REGISTRY) {
            let place = source.unwrap_or("a folder outside this project");
            complaints.push(format!("{name} {version}: it comes from {place}, not from crates.io"));
        }
    }
    for (name, versions) in &versions {
        let excused = doubles.iter().any(|(double, _)| double == name);
        if versions.len() > 1 && !excused {
            let versions = Vec::from_iter(versions.iter().cloned()).join(" and ");
            complaints.push(format!("{name}: {versions}, and no reason in xtask/src/dependencies.rs"));
        }
    }
    // An excuse that outlives its cause would cover the next double.
    for (name, why) in doubles {
        if versions.get(name).is_none_or(|versions| versions.len() < 2) {
            complaints.push(format!(
                "{name}: no longer there twice; take \"{why}\" out of xtask/src/dependencies.rs"
            ));
        }
    }
    Ok(complaints)
}

fn allowed() -> Result<Vec<Licensee>, Failure> {
    let licences = LICENCES.iter().map(|licence| {
        Licensee::parse(licence)
            .map_err(|error| Failure::new("reading the licences in xtask/src/dependencies.rs", error))
    });
    licences.collect()
}

/// Whether these licences are enough to use something under this expression.
fn may_be_used(expression: Option<&str>, allowed: &[Licensee]) -> Result<(), String> {
    let text = expression.ok_or("it names no licence")?;
    // Lax: before SPDX, crates wrote `MIT/Apache-2.0` for a choice.
    let expression =
        Expression::parse_mode(text, ParseMode::LAX).map_err(|error| format!("{text}: {}", error.reason))?;
    match expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted))) {
        true => Ok(()),
        false => Err(format!("{text} is not among the licences in xtask/src/dependencies.rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "path+file:///p#undersock@0.1.0";

    /// A package as cargo describes it; `more` is its licence and its source.
    fn package(name: &str, version: &str, more: &str) -> String {
        let id = if name == "undersock" { OURS.into() } else { format!("{name} {version}") };
        format!(
            r#"{{"name":"{name}","version":"{version}","id":"{id}","dependencies":[],"targets":[],
            "features":{{}},"manifest_path":"/p/Cargo.toml",{more}}}"#
        )
    }

    fn from_registry(name: &str, version: &str, licence: &str) -> String {
        package(name, version, &format!(r#""license":"{licence}","source":"{REGISTRY}""#))
    }

    fn said(packages: &[String], doubles: &[(&str, &str)]) -> Vec<String> {
        let metadata = format!(
            r#"{{"version":1,"packages":[{}],"workspace_members":["{OURS}"],"workspace_root":"/p",
            "target_directory":"/p/target","resolve":null}}"#,
            packages.join(",")
        );
        complaints(&MetadataCommand::parse(metadata).unwrap(), doubles).unwrap()
    }

    #[test]
    fn our_own_packages_and_the_registrys_pass() {
        let own = package("undersock", "0.1.0", r#""license":"MIT","source":null"#);
        assert_eq!(said(&[own, from_registry("log", "0.4.0", "MIT")], &[]), [""; 0]);
    }

    #[test]
    fn licences() {
        let none = package("a", "1.0.0", &format!(r#""license":null,"source":"{REGISTRY}""#));
        let wrong = from_registry("b", "1.0.0", "GPL-3.0-only");
        let broken = from_registry("c", "1.0.0", "(MIT OR X");
        assert_eq!(
            said(&[none, wrong, broken], &[])[..2],
            [
                "a 1.0.0: it names no licence",
                "b 1.0.0: GPL-3.0-only is not among the licences in xtask/src/dependencies.rs",
            ]
        );
        assert!(said(&[from_registry("c", "1.0.0", "(MIT")], &[])[0].starts_with("c 1.0.0: (MIT: "));
        for enough in
            ["MIT/Apache-2.0", "(MIT OR GPL-3.0-only) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
        {
            assert_eq!(said(&[from_registry("d", "1.0.0", enough)], &[]), [""; 0], "{enough}");
        }
        for too_little in ["MIT AND GPL-3.0-only", "MIT WITH LLVM-exception", "GPL-2.0-only"] {
            assert_eq!(said(&[from_registry("e", "1.0.0", too_little)], &[]).len(), 1, "{too_little}");
        }
    }

    #[test]
    fn sources() {
        let git = package("a", "1.0.0", r#""license":"MIT","source":"git+https://example.org/a""#);
        let folder = package("b", "1.0.0", r#""license":"MIT","source":null"#);
        assert_eq!(
            said(&[git, folder], &[]),
            [
                "a 1.0.0: it comes from git+https://example.org/a, not from crates.io",
                "b 1.0.0: it comes from a folder outside this project, not from crates.io",
            ]
        );
    }

    #[test]
    fn doubles() {
        let twice = ["1.0.0", "2.0.0"].map(|version| from_registry("a", version, "MIT"));
        assert_eq!(said(&twice, &[]), ["a: 1.0.0 and 2.0.0, and no reason in xtask/src/dependencies.rs"]);
        assert_eq!(said(&twice, &[("a", "because")]), [""; 0]);
        assert_eq!(
            said(&twice[..1], &[("a", "because")]),
            ["a: no longer there twice; take \"because\" out of xtask/src/dependencies.rs"]
        );
    }
}
