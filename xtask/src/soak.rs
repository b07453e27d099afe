//! A board under load for a long time, by hand.

use boards::Board;

use crate::call::{cargo, run};
use crate::failure::Failure;

pub(crate) fn soak(board: &Board, minutes: u32) -> Result<(), Failure> {
    board.sure(true)?;
    let words = format!("run --quiet --locked --package board-tests --bin soak -- {} {minutes}", board.name);
    run(cargo(&words))
}
