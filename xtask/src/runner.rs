//! Runs steps one after another, the failed ones too, and says at the end which held.

use core::time::Duration;
use std::time::Instant;

use crate::failure::Failure;
use crate::needs;
use crate::steps::{LAST, Step};

struct Ran {
    name: &'static str,
    held: bool,
    took: Duration,
}

pub(crate) fn run(steps: &[&Step], install: bool) -> Result<(), Failure> {
    needs::provide(steps.iter().flat_map(|step| (step.needs)()), install)?;
    let (last, others): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| step.name == LAST);
    let mut ran = Vec::new();
    for step in others {
        let start = Instant::now();
        let result = begin(step);
        if let Err(failure) = &result {
            eprintln!("{failure}");
        }
        ran.push(Ran { name: step.name, held: result.is_ok(), took: start.elapsed() });
    }
    if !ran.is_empty() {
        print!("\n{}", table(&ran));
    }
    let failed: Vec<_> = ran.iter().filter(|ran| !ran.held).map(|ran| ran.name).collect();
    let tests = last.into_iter().try_for_each(begin);
    match (failed.is_empty(), tests) {
        (true, tests) => tests,
        // Said again, since the tests' pages are below the table.
        (false, Ok(())) => Err(Failure::new("cargo xtask test", format!("failed: {}", failed.join(", ")))),
        (false, Err(tests)) => {
            Err(Failure::new(&tests, format!("failed before: {}", failed.join(", ")))
                .with_status(tests.status))
        }
    }
}

fn begin(step: &Step) -> Result<(), Failure> {
    println!("\n==== {}: {}", step.name, step.about);
    (step.run)()
}

fn table(ran: &[Ran]) -> String {
    let line = |name: &str, held: bool, took: Duration| {
        format!("{name:<10} {:<6} {:>7.1} s\n", if held { "ok" } else { "FAILED" }, took.as_secs_f64())
    };
    ran.iter().map(|ran| line(ran.name, ran.held, ran.took)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_a_step() {
        let ran = [
            Ran { name: "format", held: true, took: Duration::from_millis(1230) },
            Ran { name: "features", held: false, took: Duration::from_secs(61) },
        ];
        assert_eq!(table(&ran), "format     ok         1.2 s\nfeatures   FAILED    61.0 s\n");
    }
}
