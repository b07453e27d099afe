//! Whose warnings are failures. Every release has lints that the one before did not have, and some ask for what the oldest
//! compiler that builds this project can't do: the code is held against those that it was cleaned for, and what another
//! compiler says is shown.

use std::process::Command;
use std::sync::OnceLock;

use boards::compiler;

use crate::call::cargo;
use crate::failure::Failure;

/// The releases, without their patches.
const JUDGED: [&str; 2] = ["1.95", "1.96"];

/// `cargo clippy` with these words.
pub(crate) fn clippy(words: &str) -> Result<Command, Failure> {
    let mut clippy = cargo(&format!("clippy {words}"));
    if is_judged()? {
        clippy.args(["--", "-D", "warnings"]);
    }
    Ok(clippy)
}

/// `cargo doc` with these words.
pub(crate) fn doc(words: &str) -> Result<Command, Failure> {
    let mut doc = cargo(&format!("doc {words}"));
    if is_judged()? {
        doc.env("RUSTDOCFLAGS", "-D warnings");
    }
    Ok(doc)
}

/// Says it once if it is not so.
fn is_judged() -> Result<bool, Failure> {
    static JUDGED_HERE: OnceLock<bool> = OnceLock::new();
    if let Some(known) = JUDGED_HERE.get() {
        return Ok(*known);
    }
    let release = compiler::release()?;
    let judged = judges(&release);
    if !judged {
        println!("Warnings of rustc {release} are shown, those of {} are judged.", JUDGED.join(" and "));
    }
    Ok(*JUDGED_HERE.get_or_init(|| judged))
}

fn judges(release: &str) -> bool {
    let mut parts = release.split('.');
    let minor = [parts.next(), parts.next()].map(Option::unwrap_or_default).join(".");
    // A beta's or a nightly's lints are not those of the release yet.
    JUDGED.contains(&minor.as_str()) && !release.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_judged_whatever_its_patch_and_another_is_not() {
        for judged in ["1.95.0", "1.95.2", "1.96.0"] {
            assert!(judges(judged), "{judged}");
        }
        for other in ["1.91.0", "1.97.0", "1.96.0-nightly", "1.9.5", "2.95.0", "?", ""] {
            assert!(!judges(other), "{other}");
        }
    }
}
