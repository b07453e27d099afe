//! `undersock lab`: the server and this computer's kernel in a private network; or, where that is not to be had, both
//! sides on the in-memory wire.

use super::args::{Course, LabOptions};
use super::failure::Result;
use super::scenario;

/// `undersock lab`
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    match &options.course {
        None => network(options),
        Some(Course::List) => scenario::list().map(|()| 0),
        Some(Course::Scene(scene)) => scenario::run(scene, &options.server.watch).map(|()| 0),
    }
}

#[cfg(target_os = "linux")]
use super::linux::lab::run as network;

#[cfg(not(target_os = "linux"))]
fn network(options: &LabOptions) -> Result<u8> {
    use super::failure::Failure;

    super::memory::run(options, Failure::new("making a network of its own", "network namespaces are Linux's"))
}
