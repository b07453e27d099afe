//! What is to be published: whether crates.io would take it, and whether what it would take builds.

use std::path::{Path, PathBuf};
use std::{fs, io};

use cargo_metadata::{Metadata, Package};

use crate::call::{cargo, run};
use crate::dependencies::metadata;
use crate::failure::Failure;

/// The packages that others may depend on or install, each behind those that it depends on.
pub(crate) const PUBLISHED: [&str; 5] =
    ["undersock", "undersock-views", "undersock-course", "undersock-machines", "undersock-command"];

/// Nothing is uploaded. Each archive is unpacked and built against the other archives, not against the folders.
pub(crate) fn step() -> Result<(), Failure> {
    let complaints = complaints(&metadata("metadata --format-version 1 --locked --no-deps")?);
    if !complaints.is_empty() {
        return Err(Failure::new("looking at what is to be published", complaints.join("; ")));
    }
    // Cargo takes an archive for another one of the same version, here and in what it has unpacked.
    let target = boards::target_folder().join("packages");
    remove(&target)?;
    forget_archives()?;
    // Dirty: what is checked is what is here, committed or not.
    let mut package = cargo(&format!("package --locked --allow-dirty {}", named(&PUBLISHED)));
    package.arg("--target-dir").arg(target);
    run(package)
}

/// Removes what cargo has unpacked of archives that were never published: their registries, which are folders, have no
/// host in their names.
fn forget_archives() -> Result<(), Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(home) = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))) else { return Ok(()) };
    for kind in ["src", "cache"] {
        for registry in children(&home.join("registry").join(kind)).filter(|path| begins(path, &["-"])) {
            for old in children(&registry).filter(|path| begins(path, &PUBLISHED)) {
                remove(&old)?;
            }
        }
    }
    Ok(())
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn begins(path: &Path, names: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    names.iter().any(|begin| name.starts_with(begin))
}

/// A file or a folder, which may not be there.
fn remove(path: &Path) -> Result<(), Failure> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(format!("removing {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Cargo's options for these packages.
pub(crate) fn named(packages: &[&str]) -> String {
    packages.iter().map(|package| format!("--package {package}")).collect::<Vec<_>>().join(" ")
}

/// Cargo's options for the features with which docs.rs is told to build a package.
pub(crate) fn documented(metadata: &Metadata, package: &str) -> String {
    let package = metadata.packages.iter().find(|known| known.name.as_str() == package);
    let Some(told) = package.map(|package| &package.metadata["docs"]["rs"]) else { return String::new() };
    let features = told["features"].as_array().into_iter().flatten().filter_map(|feature| feature.as_str());
    let features = features.collect::<Vec<_>>().join(",");
    match (told["all-features"].as_bool(), features.is_empty()) {
        (Some(true), _) => " --all-features".into(),
        (_, false) => format!(" --features {features}"),
        (_, true) => String::new(),
    }
}

fn complaints(metadata: &Metadata) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        let (name, open) = (package.name.as_str(), package.publish.as_ref().is_none_or(|to| !to.is_empty()));
        match (PUBLISHED.contains(&name), open) {
            (true, true) => {
                complaints.extend(lacking(package).into_iter().map(|what| format!("{name} has no {what}")));
            }
            (true, false) => complaints.push(format!("{name} has `publish = false`")),
            (false, true) => complaints.push(format!("{name} lacks `publish = false`")),
            (false, false) => {}
        }
    }
    let is_there = |name: &&str| metadata.packages.iter().any(|package| package.name.as_str() == *name);
    complaints
        .extend(PUBLISHED.iter().filter(|name| !is_there(name)).map(|name| format!("there is no {name}")));
    complaints
}

/// What crates.io and docs.rs show or need.
fn lacking(package: &Package) -> Vec<&'static str> {
    let is_library = package.targets.iter().any(|target| target.is_lib());
    let has_readme = package.readme().is_some_and(|readme| readme.is_file());
    let wanted = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
        ("rust-version", package.rust_version.is_some()),
        // crates.io takes five.
        ("keywords, one to five", (1..=5).contains(&package.keywords.len())),
        ("categories, one to five", (1..=5).contains(&package.categories.len())),
        ("readme", has_readme),
        ("[package.metadata.docs.rs]", !is_library || package.metadata["docs"]["rs"].is_object()),
    ];
    wanted.into_iter().filter(|(_, is_there)| !is_there).map(|(what, _)| what).collect()
}

#[cfg(test)]
mod tests {
    use cargo_metadata::MetadataCommand;

    use super::*;

    const COMPLETE: &str = r#""description":"a","license":"MIT","repository":"https://example.org",
        "rust_version":"1.91","keywords":["a"],"categories":["embedded"],"readme":"Cargo.toml",
        "metadata":{"docs":{"rs":{"all-features":true}}}"#;

    fn package(name: &str, fields: &str) -> String {
        format!(
            r#"{{"name":"{name}","version":"0.1.0","id":"{name}","dependencies":[],"features":{{}},
            "targets":[{{"name":"a","kind":["lib"],"crate_types":["lib"],"src_path":"/a.rs"}}],
            "manifest_path":"{}/Cargo.toml",{fields}}}"#,
            env!("CARGO_MANIFEST_DIR")
        )
    }

    fn said(packages: &[(&str, &str)]) -> Vec<String> {
        complaints(&with(packages))
    }

    /// A workspace of these packages, and those of [`PUBLISHED`] that are not among them, complete.
    fn with(packages: &[(&str, &str)]) -> Metadata {
        let others = PUBLISHED.iter().filter(|name| packages.iter().all(|(given, _)| given != *name));
        let all: Vec<String> = packages
            .iter()
            .map(|(name, fields)| package(name, fields))
            .chain(others.map(|name| package(name, COMPLETE)))
            .collect();
        let metadata = format!(
            r#"{{"version":1,"packages":[{}],"workspace_members":[],"workspace_root":"/p",
            "target_directory":"/p/target","resolve":null}}"#,
            all.join(",")
        );
        MetadataCommand::parse(metadata).unwrap()
    }

    #[test]
    fn who_publishes_is_in_the_list_and_has_all_that_is_shown() {
        assert_eq!(said(&[("xtask", r#""publish":[]"#)]), [""; 0]);
        assert_eq!(said(&[("xtask", COMPLETE)]), ["xtask lacks `publish = false`"]);
        assert_eq!(said(&[("undersock", r#""publish":[]"#)]), ["undersock has `publish = false`"]);
        let bare =
            r#""description":"a","license":"MIT","keywords":["1","2","3","4","5","6"],"readme":"no.md""#;
        assert_eq!(
            said(&[("undersock-views", bare)]),
            [
                "repository",
                "rust-version",
                "keywords, one to five",
                "categories, one to five",
                "readme",
                "[package.metadata.docs.rs]"
            ]
            .map(|what| format!("undersock-views has no {what}"))
        );
    }

    #[test]
    fn features_are_those_that_docs_rs_is_told() {
        let told = |rs: &str| {
            let fields = format!(r#""metadata":{{"docs":{{"rs":{rs}}}}}"#);
            documented(&with(&[("undersock", &fields)]), "undersock")
        };
        assert_eq!(told(r#"{"all-features":true}"#), " --all-features");
        assert_eq!(told(r#"{"features":["std","tap"],"targets":["x"]}"#), " --features std,tap");
        assert_eq!(told("{}"), "");
        assert_eq!(documented(&with(&[("undersock", r#""metadata":null"#)]), "undersock"), "");
    }

    #[test]
    fn packages_are_named_as_cargo_wants_them() {
        assert_eq!(named(&["a", "b"]), "--package a --package b");
    }
}
