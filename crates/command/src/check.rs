//! `undersock check`: what is missing on this machine, and the command that mends it.

use std::io::{self, IsTerminal};

use undersock::smoltcp::wire::IpCidr;

use super::failure::{FAILED, Result};
use super::finding::Finding;
use super::output;

/// Looks at this machine and prints what it finds: for the lab, or for serving on the interface `tap` with these
/// addresses. The exit status is 0 when that can work.
pub(crate) fn run(tap: Option<&str>, server: &[IpCidr]) -> Result<u8> {
    let findings = findings(tap, server)?;
    let colour =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text: String =
        findings.iter().map(|finding| if colour { finding.coloured() } else { finding.plain() }).collect();
    output::result(text.as_bytes())?;
    Ok(if findings.iter().any(Finding::is_bad) { FAILED } else { 0 })
}

#[cfg(target_os = "linux")]
fn findings(tap: Option<&str>, server: &[IpCidr]) -> Result<Vec<Finding>> {
    super::linux::check(tap, server)
}

#[cfg(not(target_os = "linux"))]
fn findings(tap: Option<&str>, _server: &[IpCidr]) -> Result<Vec<Finding>> {
    let lab = Finding::note("private networks are Linux's; here the lab runs on the in-memory wire");
    let serve = tap.map(|name| Finding::bad(format!("serving on {name}: TAP interfaces are Linux's")));
    Ok([lab].into_iter().chain(serve).collect())
}
