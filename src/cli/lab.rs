//! `undersock lab`: a private network. A placeholder.

use super::args::LabOptions;
use super::failure::{Failure, Result};

/// `undersock lab`
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    let LabOptions { command, join, server } = options;
    let _ = (super::udp::exchange, super::tcp::exchange, super::sentences::PROMPT);
    log::debug!("{command:?} {join:?} {:?} {} {} {:?}", server.config, server.slots, server.buffer, server.text);
    Err(Failure::new("lab", "not built yet"))
}
