//! A course of scenes: each sets a small stage, asks what you expect, runs in virtual time, and explains what the
//! timeline shows.
//!
//! A room stands on those below it and knows none above:
//!
//! | floor | room | its one job |
//! |---|---|---|
//! | 4 | `scenes` | the scenes themselves: texts, scripts, and the claims that the texts make |
//! | 3 | `scenario` | what a scene is, how it is played, and its pages |
//! | 2 | `stage` | a server, clients and a wire in virtual time, and what applications call |
//! | | `story` | a run, read again: what claims are checked against |
//! | 1 | `run` | what a scene came to |
//! | | `place` | where each client's computer is on the wire |
//! | | `frames` | frames made by hand, for who is played without a stack |
//! | | `text` | paragraphs on a page |
//!
//! ```
//! use undersock_course::Scenario;
//!
//! let scenario = Scenario::named("udp-exchange").expect("one of the list");
//! let run = scenario.run();
//! assert_eq!(run.outcome, ["the client got HELLO after 0.010 s"]);
//! assert_eq!(scenario.check(&run), [""; 0], "all that its explanation says is so");
//! ```
#![forbid(unsafe_code)]

mod frames;
mod place;
mod run;
mod scenario;
mod scenes;
mod stage;
mod story;
mod text;

pub use run::Run;
pub use scenario::{Further, Scenario};
pub use scenes::list;
