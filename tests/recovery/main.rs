//! What the server sends again, why, and when: short exchanges by hand, in virtual time, each with its trace.
//!
//! | file | what |
//! |---|---|
//! | `stage` | a server, a peer that the test plays, and what both said |
//! | `causes` | each cause of a retransmission, once |
//! | `ends` | a FIN that was lost |
//! | `windows` | the peer's window: shut, and opened again |
//! | `hostile` | what can't be, what is taken back, what was overtaken |
//! | `client` | the same of the client's end |
//! | `congestion` | how much is in flight |

mod causes;
mod client;
mod congestion;
mod ends;
mod hostile;
mod stage;
mod windows;
