//! `soak BOARD MINUTES`: a board twice, once with many clients on this computer's sockets, once with hostile frames.

use core::time::Duration;
use std::process::ExitCode;
use std::thread;

use board_tests::soak::{Figures, on_frames, on_sockets};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let minutes = |text: String| text.parse().ok().map(|minutes: u64| Duration::from_secs(60 * minutes));
    let (Some(board), Some(time)) = (args.next(), args.next().and_then(minutes)) else {
        eprintln!("usage: soak BOARD MINUTES");
        return ExitCode::from(2);
    };
    let (sockets, frames) = thread::scope(|scope| {
        let frames = scope.spawn(|| on_frames(&board, time));
        let sockets = scope.spawn(|| on_sockets(&board, time));
        (sockets.join(), frames.join())
    });
    let mut good = true;
    for (place, figures) in [("sockets", sockets), ("frames", frames)] {
        good &= match figures {
            Ok(figures) => {
                println!("{board} on {place}: {figures}");
                let Figures { failures, lost_slots, .. } = figures;
                failures.iter().for_each(|failure| println!("  {failure}"));
                failures.is_empty() && lost_slots == 0
            }
            // It has said why.
            Err(_) => false,
        };
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
