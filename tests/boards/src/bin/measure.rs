//! `measure BOARD`: the peak of the stack with each feature set, and the instructions for an exchange, a line each.

use std::process::ExitCode;

use board_tests::machine::built;
use board_tests::spans::Costs;
use board_tests::stack::Stack;
use board_tests::{Host, Machine, load};
use boards::Image;
use boards::image::SETS;

fn main() -> ExitCode {
    let Some(board) = std::env::args().nth(1) else {
        eprintln!("usage: measure BOARD");
        return ExitCode::from(2);
    };
    for features in SETS {
        let Peak { boot, load } = peak(&board, features);
        println!("{0} stack {load}\n{0} stack-at-boot {boot}", row(features));
    }
    for (level, features) in
        [(None, &[][..]), (Some(2), &[]), (None, &["recovery"]), (Some(2), &["recovery"])]
    {
        let (image, _) = built(&board, &[]);
        let features = features.iter().chain(&["measure"]).map(|feature: &&str| (*feature).into()).collect();
        let image = Image { opt_level: level, features, ..image };
        let elf = image.build_quietly().unwrap_or_else(|failure| panic!("{failure}"));
        let level = level.map_or("s".into(), |level| level.to_string());
        let table = format!("O{level}{}", if image.features.len() > 1 { "+recovery" } else { "" });
        let Costs { udp, tcp, tcp_reusing } = Costs::of(&image, &elf);
        println!("{table} udp {udp}\n{table} tcp {tcp}\n{table} tcp-reusing {tcp_reusing}");
    }
    ExitCode::SUCCESS
}

fn row(features: &[&str]) -> String {
    if features.is_empty() { "base".into() } else { features.join("+") }
}

/// Bytes of stack: when the board is ready, and after a load that takes every way there is through the server.
struct Peak {
    boot: usize,
    load: usize,
}

fn peak(board: &str, features: &[&str]) -> Peak {
    let (image, elf) = built(board, features);
    let stack = Stack::of(&elf).unwrap_or_else(|failure| panic!("{failure}"));
    let (mut machine, ports) = Machine::with_sockets(&image, &elf, |folder| stack.paint(folder));
    let boot = machine.peak(&stack);
    load::by_sockets(ports);
    let load = machine.peak(&stack);
    if features.contains(&"dhcp") {
        // On a wire nobody gives it an address.
        return Peak { boot, load };
    }
    let (mut machine, wire) = Machine::with_wire(&image, &elf, |folder| stack.paint(folder));
    load::by_frames(&mut Host::new(wire), features);
    Peak { boot, load: load.max(machine.peak(&stack)) }
}
