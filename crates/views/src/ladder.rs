//! The ladder: two hosts as two uprights, every frame a rung between them, and beside each upright what state its sockets
//! were in and what the application called. Time goes down; a long pause is a gap with its length.
//!
//! ```text
//!  client calls | client states |  wire  | server states | server calls
//! ```
//!
//! What was recorded at one end only is drawn with that end only, and its frames as they were seen there.
//!
//! A frame that both ends have recorded is one arrow: what went out is paired with what came in by its bytes, in their
//! order. [`Event::Trouble`](undersock::event::Event::Trouble) says what became of it on the way.
//!
//! [`Connections`](crate::connections::Connections) are numbered in the order in which they begin: `#0`, `#1`.

mod draw;
mod layout;
mod page;
mod story;
mod terminal;
mod words;

pub use draw::{Format, svg};
pub use page::html;
pub use terminal::{Style, terminal};
