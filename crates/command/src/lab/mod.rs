//! `undersock lab`: the server and this computer's kernel in a private network; or, where that is not to be had, both
//! sides on the in-memory wire.
//!
//! - [`network`]: the private network, the programs in it, and an emulated board in the server's place (Linux).
//! - [`memory`]: both sides on the in-memory wire.
//! - [`conversation`]: sentences are asked for, and their replies printed; [`prompt`]: the commands beside them.
//! - [`scenario`]: a scene of the course.

mod conversation;
mod memory;
#[cfg(target_os = "linux")]
mod network;
mod prompt;
mod scenario;

use crate::args::{Course, LabOptions};
use crate::failure::Result;

#[cfg(target_os = "linux")]
use self::network::run as in_network;

/// `undersock lab`
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    match &options.course {
        None => in_network(options),
        Some(Course::List) => scenario::list().map(|()| 0),
        Some(Course::Scene(scene)) => scenario::run(scene, &options.server.views).map(|()| 0),
    }
}

#[cfg(not(target_os = "linux"))]
fn in_network(options: &LabOptions) -> Result<u8> {
    let reason = "network namespaces are Linux's";
    memory::run(options, crate::failure::Failure::new("making a network of its own", reason))
}
