//! What the project depends on, for every system and with every feature: under which licence, from where, how often.
//!
//! Advisories are not looked up: their database is a repository of its own that crates.io does not carry, so a
//! machine that reaches nothing but the registry could not say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::call;
use crate::failure::Failure;
use crate::licences::satisfied;

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

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    /// None: a folder.
    source: Option<String>,
    /// A part of this project.
    ours: bool,
}

pub(crate) fn step() -> Result<(), Failure> {
    let said = call::read(call::cargo("metadata --format-version 1 --locked"))?;
    let metadata =
        serde_json::from_slice(&said).map_err(|error| Failure::new("reading `cargo metadata`", error))?;
    let packages = packages(&metadata);
    let complaints = complaints(&packages, DOUBLES);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    match (complaints.len(), packages.iter().filter(|package| !package.ours).count()) {
        (_, 0) => Err(Failure::new("reading `cargo metadata`", "it names no dependency")),
        (0, count) => {
            println!("{count} crates");
            Ok(())
        }
        (count, _) => Err(Failure::new("checking the dependencies", format!("{count} complaints"))),
    }
}

fn packages(metadata: &Value) -> Vec<Package> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let members = list(&metadata["workspace_members"]);
    let package = |package: &Value| Package {
        name: text(&package["name"]).unwrap_or_default(),
        version: text(&package["version"]).unwrap_or_default(),
        licence: text(&package["license"]),
        source: text(&package["source"]),
        ours: members.contains(&package["id"]),
    };
    list(&metadata["packages"]).iter().map(package).collect()
}

fn complaints(packages: &[Package], doubles: &[(&str, &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, licence, source, ours } = package;
        versions.entry(name).or_default().insert(version);
        match licence.as_deref().map(|licence| (licence, satisfied(licence, LICENCES))) {
            None => complaints.push(format!("{name} {version}: it names no licence")),
            Some((_, Ok(true))) => {}
            Some((licence, Ok(false))) => {
                complaints.push(format!(
                    "{name} {version}: {licence} is not among the licences in xtask/src/dependencies.rs"
                ));
            }
            Some((licence, Err(why))) => complaints.push(format!("{name} {version}: {licence}: {why}")),
        }
        if !ours && source.as_deref() != Some(REGISTRY) {
            let place = source.as_deref().unwrap_or("a folder outside this project");
            complaints.push(format!("{name} {version}: it comes from {place}, not from crates.io"));
        }
    }
    for (name, versions) in &versions {
        let excused = doubles.iter().any(|(double, _)| double == name);
        if versions.len() > 1 && !excused {
            let versions = Vec::from_iter(versions.iter().copied()).join(" and ");
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
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        let (licence, source) = (Some("MIT".into()), Some(REGISTRY.into()));
        Package { name: name.into(), version: version.into(), licence, source, ours: false }
    }

    #[test]
    fn our_own_packages_and_the_registrys_pass() {
        let own = Package { source: None, ours: true, ..package("undersock", "0.1.0") };
        assert_eq!(complaints(&[own, package("log", "0.4.0")], &[]), [""; 0]);
    }

    #[test]
    fn licences() {
        let none = Package { licence: None, ..package("a", "1.0.0") };
        let wrong = Package { licence: Some("GPL-3.0-only".into()), ..package("b", "1.0.0") };
        let broken = Package { licence: Some("MIT OR".into()), ..package("c", "1.0.0") };
        assert_eq!(
            complaints(&[none, wrong, broken], &[]),
            [
                "a 1.0.0: it names no licence",
                "b 1.0.0: GPL-3.0-only is not among the licences in xtask/src/dependencies.rs",
                "c 1.0.0: MIT OR: it ends too early",
            ]
        );
    }

    #[test]
    fn sources() {
        let git = Package { source: Some("git+https://example.org/a".into()), ..package("a", "1.0.0") };
        let folder = Package { source: None, ..package("b", "1.0.0") };
        assert_eq!(
            complaints(&[git, folder], &[]),
            [
                "a 1.0.0: it comes from git+https://example.org/a, not from crates.io",
                "b 1.0.0: it comes from a folder outside this project, not from crates.io",
            ]
        );
    }

    #[test]
    fn doubles() {
        let twice = [package("a", "1.0.0"), package("a", "2.0.0")];
        assert_eq!(
            complaints(&twice, &[]),
            ["a: 1.0.0 and 2.0.0, and no reason in xtask/src/dependencies.rs"]
        );
        assert_eq!(complaints(&twice, &[("a", "because")]), [""; 0]);
        assert_eq!(
            complaints(&twice[..1], &[("a", "because")]),
            ["a: no longer there twice; take \"because\" out of xtask/src/dependencies.rs"]
        );
    }

    #[test]
    fn metadata_is_read() {
        let metadata = serde_json::json!({
            "workspace_members": ["path+file:///p#undersock@0.1.0"],
            "packages": [
                {"id": "path+file:///p#undersock@0.1.0", "name": "undersock", "version": "0.1.0", "license": "MIT", "source": null},
                {"id": "x", "name": "log", "version": "0.4.0", "license": null, "source": REGISTRY},
            ],
        });
        let [own, log] = &packages(&metadata)[..] else { panic!("two packages") };
        assert!(own.ours && own.source.is_none() && own.licence.as_deref() == Some("MIT"));
        assert!(!log.ours && log.source.as_deref() == Some(REGISTRY) && log.licence.is_none());
        assert_eq!((log.name.as_str(), log.version.as_str()), ("log", "0.4.0"));
    }
}
