//! The packages by themselves, with more and with fewer features than they have in each other's company.

use crate::call::{cargo, run, try_out};
use crate::failure::Failure;
use crate::lints;

/// The library's sets; the first is its default.
const LIBRARY: [&str; 10] = [
    "ipv4",
    "ipv6",
    "ipv4,ipv6",
    "ipv4,dhcp",
    "slaac",
    "ipv4,unicode",
    "ipv4,ipv6,dhcp,slaac,unicode",
    "std,ipv4",
    "tap,ipv6",
    "tap,ipv4,ipv6,dhcp,slaac,unicode",
];

/// The views' sets: on a board, where they are lines of a log, and on a host.
const VIEWS: [&str; 5] = ["ipv4", "ipv6,log", "ipv4,recovery", "ipv4,std", "ipv4,ipv6,std,log"];

pub(crate) fn step() -> Result<(), Failure> {
    let library =
        LIBRARY.map(|set| format!("--package undersock --lib --no-default-features --features {set}"));
    let views =
        VIEWS.map(|set| format!("--package undersock-views --lib --no-default-features --features {set}"));
    // As whoever depends on one of them, or tests it, builds it.
    let alone = crate::packages::PUBLISHED.map(|package| format!("--package {package} --all-targets"));
    let mut failed = Vec::new();
    for words in library.iter().chain(&views).chain(&alone) {
        if run(lints::clippy(&format!("{words} --locked"))?).is_err() {
            failed.push(words.trim_start_matches("--package "));
        }
    }
    if !failed.is_empty() {
        let reason = format!("failed: {}", failed.join("; "));
        return Err(Failure::new("building packages with features of their own", reason));
    }
    // Some tests are there only without a feature: ASCII without `unicode`.
    run(cargo("test --package undersock --lib --locked --no-default-features --features std,ipv4"))?;
    without_ip()
}

/// A feature set that cannot work stops with a sentence.
fn without_ip() -> Result<(), Failure> {
    let (built, said) = try_out(cargo("check --package undersock --lib --locked --no-default-features"))?;
    match built {
        true => Err(Failure::new("building without ipv4 and ipv6", "a stack without IP was built")),
        false if is_the_sentence(&said) => Ok(()),
        false => {
            Err(Failure::new("building without ipv4 and ipv6", format!("no sentence names both:\n{said}")))
        }
    }
}

fn is_the_sentence(said: &str) -> bool {
    said.lines().any(|line| {
        line.starts_with("error: undersock ") && line.contains("`ipv4`") && line.contains("`ipv6`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sentence_of_ours_counts() {
        assert!(is_the_sentence("warning: x\nerror: undersock needs a version of IP: `ipv4`, or `ipv6`\n"));
        assert!(!is_the_sentence("error: You must enable at least one of: proto-ipv4, proto-ipv6\n"));
        assert!(!is_the_sentence("error[E0432]: unresolved import\n"));
    }
}
