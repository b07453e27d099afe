//! What a scene came to.

use undersock_views::record::Record;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Everything, in order, at both ends.
    pub records: Vec<Record>,
    /// What it came to, a line for each application.
    pub outcome: Vec<String>,
}
