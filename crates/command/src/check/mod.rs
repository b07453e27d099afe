//! `undersock check`: what is missing on this machine, and the command that mends it.
//!
//! - [`finding`]: a line of its answer.
//! - [`linux`]: what is looked at on Linux: the [`facts`], and the [`judgement`] of what they mean.

#[cfg(target_os = "linux")]
mod facts;
mod finding;
#[cfg(target_os = "linux")]
mod judgement;
#[cfg(target_os = "linux")]
mod linux;

use std::io;

use undersock::smoltcp::wire::IpCidr;

use crate::args::Interface;
use crate::failure::{FAILED, Result};
use crate::output;
use crate::terminal::is_colourful;

use self::finding::Finding;
#[cfg(target_os = "linux")]
use self::linux::findings;
#[cfg(target_os = "linux")]
pub(crate) use self::linux::remarks;

/// Looks at this machine and prints what it finds: for the lab, or for serving on this interface with these addresses.
/// The exit status is 0 when that can work.
pub(crate) fn run(interface: Option<&Interface>, server: &[IpCidr]) -> Result<u8> {
    let findings = findings(interface, server)?;
    let colour = is_colourful(&io::stdout());
    let text: String =
        findings.iter().map(|finding| if colour { finding.coloured() } else { finding.plain() }).collect();
    output::result(text.as_bytes())?;
    Ok(if findings.iter().any(Finding::is_bad) { FAILED } else { 0 })
}

#[cfg(not(target_os = "linux"))]
fn findings(interface: Option<&Interface>, _server: &[IpCidr]) -> Result<Vec<Finding>> {
    let lab = Finding::note("private networks are Linux's; here the lab runs on the in-memory wire");
    let serve = interface.map(|Interface { name, .. }| {
        Finding::bad(format!("serving on {name}: TAP and TUN interfaces are Linux's"))
    });
    Ok([lab].into_iter().chain(serve).collect())
}
