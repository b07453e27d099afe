//! The library with fewer features than the command has.

use crate::call::{cargo, run, try_out};
use crate::failure::Failure;

const SETS: [&str; 8] = [
    "ipv4",
    "ipv6",
    "ipv4,ipv6",
    "ipv4,dhcp",
    "slaac",
    "ipv4,unicode",
    "ipv4,ipv6,dhcp,slaac,unicode,log",
    "std,ipv4",
];

pub(crate) fn step() -> Result<(), Failure> {
    let mut failed = Vec::new();
    for set in SETS {
        let words = format!("clippy --lib --locked --no-default-features --features {set} -- -D warnings");
        if run(cargo(&words)).is_err() {
            failed.push(set);
        }
    }
    if !failed.is_empty() {
        return Err(Failure::new("building with fewer features", format!("failed: {}", failed.join("; "))));
    }
    // Some tests are there only without a feature: ASCII without `unicode`.
    run(cargo("test --lib --locked --no-default-features --features std,ipv4"))?;
    without_ip()
}

/// A feature set that cannot work stops with a sentence.
fn without_ip() -> Result<(), Failure> {
    let (built, said) = try_out(cargo("check --lib --locked --no-default-features"))?;
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
