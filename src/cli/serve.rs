//! `undersock serve`: the server on a TAP interface. A placeholder.

use super::args::ServeOptions;
use super::failure::{Failure, Result};

/// `undersock serve`
pub(crate) fn run(options: &ServeOptions) -> Result<()> {
    log::debug!("{} {:?}", options.tap, options.server);
    Err(Failure::new("serve", "not built yet"))
}
