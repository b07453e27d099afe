//! `undersock check`: what is missing on this machine. A placeholder.

use super::args::CheckOptions;
use super::failure::{Failure, Result};

/// `undersock check`
pub(crate) fn run(options: &CheckOptions) -> Result<u8> {
    log::debug!("{} {:?}", options.tap, options.config);
    Err(Failure::new("check", "not built yet"))
}
