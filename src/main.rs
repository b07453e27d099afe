//! The `undersock` command.
fn main() {}
