//! What the firmware takes: flash, RAM, stack, instructions, held against a budget.

use std::fs;
use std::path::PathBuf;

use boards::elf::Elf;
use boards::image::SETS;
use boards::{Board, Compiler, Image};

use crate::budgets::{Budgets, between_marks, markdown};
use crate::call;
use crate::failure::Failure;
use crate::needs::Need;

/// The board whose numbers are kept.
const BOARD: &str = "mps2-an385";

fn budget_file() -> PathBuf {
    boards::home().join("examples/boards/budgets.toml")
}

fn board() -> Result<&'static Board, Failure> {
    Board::named(BOARD).ok_or_else(|| Failure::new("measuring", format!("there is no board {BOARD}")))
}

pub(crate) fn needs() -> Vec<Need> {
    Need::of_boards(|board| board.name == BOARD)
}

/// Holds what it measures against the budget file, and the README against that.
pub(crate) fn step() -> Result<(), Failure> {
    let Measured { figures, formatting } = measure()?;
    let file = budget_file();
    let text = fs::read_to_string(&file).map_err(|error| {
        Failure::new(format!("reading {}", file.display()), error).with_mend("cargo xtask sizes --update")
    })?;
    let budgets = Budgets::parse(&text)?;
    print!("{}", budgets.table(&figures));
    match (budgets.judge(&figures), formatting) {
        (true, Some(symbol)) => return Err(unwanted(&symbol)),
        (true, None) => {}
        (false, formatting) => {
            println!("{}", not_judged(&budgets, &figures));
            formatting.into_iter().for_each(|symbol| println!("The base build has {symbol}."));
        }
    }
    let excess = budgets.excess(&figures);
    if !excess.is_empty() {
        let reason = format!("{}; `cargo xtask sizes --update` takes it over", excess.join("; "));
        return Err(Failure::new(format!("keeping {BOARD} within its budgets"), reason));
    }
    let page = readme()?;
    match between_marks(&page, "sizes", &markdown(BOARD, &budgets)) {
        Some(same) if same == page => Ok(()),
        Some(_) => Err(Failure::new("comparing README.md with the budgets", "its tables are old")
            .with_mend("cargo xtask sizes --update")),
        None => {
            println!("{NO_MARKS}");
            Ok(())
        }
    }
}

/// Writes what it measures to the budget file and into the README.
pub(crate) fn update() -> Result<(), Failure> {
    let Measured { figures, formatting } = measure()?;
    if let Some(symbol) = formatting {
        return Err(unwanted(&symbol));
    }
    let before = fs::read_to_string(budget_file()).ok().and_then(|text| Budgets::parse(&text).ok());
    print!("{}", before.unwrap_or_default().table(&figures));
    write(budget_file(), &figures.written(BOARD))?;
    match between_marks(&readme()?, "sizes", &markdown(BOARD, &figures)) {
        Some(page) => write(boards::home().join("README.md"), &page),
        None => {
            println!("{NO_MARKS}");
            Ok(())
        }
    }
}

const NO_MARKS: &str =
    "README.md has no place for the tables: <!-- sizes --> and <!-- /sizes -->, each on a line of its own.";

fn readme() -> Result<String, Failure> {
    fs::read_to_string(boards::home().join("README.md"))
        .map_err(|error| Failure::new("reading README.md", error))
}

fn write(file: PathBuf, text: &str) -> Result<(), Failure> {
    fs::write(&file, text).map_err(|error| Failure::new(format!("writing {}", file.display()), error))?;
    println!("wrote {}", file.display());
    Ok(())
}

fn not_judged(budgets: &Budgets, figures: &Budgets) -> String {
    format!("Measured with {}, the budgets are for {}: not judged.", figures.compiler, budgets.compiler)
}

struct Measured {
    figures: Budgets,
    /// A symbol of `core::fmt` in the base build. It should have none: a number is written without formatting. But it
    /// takes an optimizer to see that nobody reads what a panic would say, and compilers differ.
    formatting: Option<String>,
}

fn measure() -> Result<Measured, Failure> {
    let board = board()?;
    board.sure(true)?;
    let compiler = Compiler::for_target(board.target)?.name()?;
    let mut measured = Budgets { compiler, ..Budgets::default() };
    let (mut sections, mut formatting) = (Vec::new(), None);
    for features in SETS {
        let elf = Elf::read(&Image::new(board, features).build(call::read)?)?;
        if features.is_empty() {
            formatting = elf.formatting().map(str::to_owned);
            if let Some(symbol) = elf.allocator().or(elf.view()) {
                return Err(unwanted(symbol));
            }
        }
        sections.push((row(features), elf));
    }
    let dynamic = dynamic(&call::read(call::cargo(&format!(
        "run --quiet --locked --package board-tests --bin measure -- {BOARD}"
    )))?)?;
    for (row, elf) in sections {
        measured.add(&row, "flash", elf.flash().into());
        measured.add(&row, "ram", elf.ram().into());
        let of_row = dynamic.iter().filter(|(table, ..)| *table == row);
        for (_, key, value) in of_row {
            measured.add(&row, key, *value);
        }
        measured.add(&row, "panics", elf.panic_calls() as u64);
        for section in &elf.sections {
            measured.add(&row, section.name.trim_start_matches('.'), section.size.into());
        }
    }
    for (table, key, value) in dynamic.iter().filter(|(table, ..)| table.starts_with('O')) {
        measured.add(table, key, *value);
    }
    Ok(Measured { figures: measured, formatting })
}

fn row(features: &[&str]) -> String {
    if features.is_empty() { "base".into() } else { features.join("+") }
}

/// What runs in QEMU has measured: a line each, table, key and value.
fn dynamic(said: &[u8]) -> Result<Vec<(String, String, u64)>, Failure> {
    let said = String::from_utf8_lossy(said);
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            [table, key, value] => Some((table.to_owned(), key.to_owned(), value.parse().ok()?)),
            _ => None,
        }
    };
    said.lines()
        .map(|text| {
            line(text).ok_or_else(|| Failure::new("reading what was measured", format!("\"{text}\"")))
        })
        .collect()
}

/// All memory is one static, and where nobody observes there are no views.
fn unwanted(symbol: &str) -> Failure {
    let attempt = format!("looking for formatting, allocation and views in {BOARD}");
    Failure::new(attempt, format!("the base build has {symbol}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_a_table_a_key_and_a_number() {
        let read = dynamic(b"base stack 1648\nOs udp 4132\n").unwrap();
        assert_eq!(read, [("base".into(), "stack".into(), 1_648), ("Os".into(), "udp".into(), 4_132)]);
        assert!(dynamic(b"base stack\n").is_err());
        assert!(dynamic(b"base stack much\n").is_err());
    }

    #[test]
    fn who_judges_whom_is_said() {
        let of = |compiler: &str| Budgets { compiler: compiler.into(), ..Budgets::default() };
        assert_eq!(
            not_judged(&of("rustc 1.96.0"), &of("rustc 1.95.0")),
            "Measured with rustc 1.95.0, the budgets are for rustc 1.96.0: not judged."
        );
    }
}
