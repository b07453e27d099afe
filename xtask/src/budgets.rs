//! The budget file: what a board may take at most, and the README's table of it.
//!
//! TOML, and of that no more than tables of whole numbers, so that it takes no parser.

use core::fmt::Write as _;

use crate::failure::Failure;

/// One measured or permitted number, with the table and the key where it is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: u64,
}

/// Numbers, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// The compiler that they were measured with.
    pub(crate) compiler: String,
    pub(crate) entries: Vec<Entry>,
}

/// Keys that are held against their budget; the others say where the bytes are.
const JUDGED: [&str; 7] = ["flash", "ram", "stack", "panics", "udp", "tcp", "tcp-reusing"];

/// Bytes by which the peak of the stack differs from one run to the next: 134 have been seen.
const STACK_CHANCE: u64 = 160;

/// Bytes of padding between functions. Their order follows from hashes of the packages' paths: it is another one in a
/// folder of another name, and 16 bytes have been seen.
const PADDING: u64 = 64;

impl Budgets {
    pub(crate) fn add(&mut self, table: &str, key: &str, value: u64) {
        self.entries.push(Entry { table: table.into(), key: key.into(), value });
    }

    pub(crate) fn get(&self, table: &str, key: &str) -> Option<u64> {
        let entry = self.entries.iter().find(|entry| entry.table == table && entry.key == key);
        entry.map(|entry| entry.value)
    }

    pub(crate) fn parse(text: &str) -> Result<Budgets, Failure> {
        let mut budgets = Budgets::default();
        let mut table = String::new();
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
            let wrong = |reason| Failure::new(format!("reading line {number} of the budgets"), reason);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                table = name.trim_matches('"').into();
                continue;
            }
            match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some(("compiler", name)) => budgets.compiler = name.trim_matches('"').into(),
                Some((key, value)) => {
                    let value = value.replace('_', "").parse().map_err(|_| wrong("not a number"))?;
                    budgets.add(&table, key, value);
                }
                None => return Err(wrong("neither a [table] nor key = number")),
            }
        }
        Ok(budgets)
    }

    pub(crate) fn written(&self, board: &str) -> String {
        let mut text = format!(
            "# What {board} takes, and may take: `cargo xtask sizes` fails if it takes more, and\n\
             # `cargo xtask sizes --update` writes what it measures. Bytes, and executed instructions.\n\
             # With another compiler than this one the figures are shown, and not judged.\n\
             compiler = \"{}\"\n",
            self.compiler
        );
        let mut table = "";
        for entry in &self.entries {
            if entry.table != table {
                table = &entry.table;
                // Writing to a String can't fail.
                let _ = write!(text, "\n[\"{table}\"]\n");
            }
            let _ = writeln!(text, "{} = {}", entry.key, entry.value);
        }
        text
    }

    /// Whether these were measured with the same compiler: another one's figures say more about it than about the code.
    pub(crate) fn judge(&self, measured: &Budgets) -> bool {
        self.compiler == measured.compiler
    }

    /// What is above its budget, a line each; what has none counts as above. Nothing is if another compiler was used.
    pub(crate) fn excess(&self, measured: &Budgets) -> Vec<String> {
        if !self.judge(measured) {
            return vec![];
        }
        let mut lines = Vec::new();
        for Entry { table, key, value } in &measured.entries {
            if !JUDGED.contains(&key.as_str()) {
                continue;
            }
            match self.get(table, key) {
                None => lines.push(format!("{table}, {key}: {value}, and no budget")),
                Some(budget) => {
                    let chance = match key.as_str() {
                        // The clock's arithmetic carries now and then, which is worth a few instructions.
                        "udp" | "tcp" => budget / 1_000,
                        // Here it has also to do with which of the slots is taken.
                        "tcp-reusing" => budget / 300,
                        // The deepest call is sometimes a timer's that is due while a frame is served, or it is not.
                        "stack" => STACK_CHANCE,
                        "flash" => PADDING,
                        _ => 0,
                    };
                    if *value > budget + chance {
                        lines.push(format!("{table}, {key}: {value} is {} above its budget", value - budget));
                    }
                }
            }
        }
        lines
    }

    /// For a person: a line for each table, with the difference to these budgets where there is one.
    pub(crate) fn table(&self, measured: &Budgets) -> String {
        let mut text = String::new();
        let mut tables: Vec<&str> = measured.entries.iter().map(|entry| entry.table.as_str()).collect();
        tables.dedup();
        for table in tables {
            let _ = write!(text, "{table:<18}");
            for Entry { key, value, .. } in measured.entries.iter().filter(|entry| entry.table == table) {
                let difference = match self.get(table, key) {
                    Some(budget) if budget != *value => {
                        format!(" ({:+})", value.cast_signed() - budget.cast_signed())
                    }
                    _ => String::new(),
                };
                let _ = write!(text, "  {key} {value}{difference}");
            }
            text.push('\n');
        }
        text
    }
}

/// The tables for the README.
pub(crate) fn markdown(board: &str, budgets: &Budgets) -> String {
    let number = |table: &str, key: &str| budgets.get(table, key).map_or("?".into(), grouped);
    let mut text = format!(
        "| {board}, `opt-level = \"s\"`, {} | flash | static RAM | peak stack | panic calls |\n\
         |---|---|---|---|---|\n",
        budgets.compiler.split(',').next().unwrap_or_default()
    );
    for (table, about) in [
        ("base", "IPv4, UDP, 4 TCP connections of 1 KiB + 1 KiB"),
        ("ipv6", "and IPv6"),
        ("dhcp", "and DHCPv4"),
        ("unicode", "and Unicode"),
        ("recovery", "and loss recovery"),
        ("ipv6+dhcp+unicode+recovery", "and all four"),
    ] {
        let [flash, ram, stack, panics] = ["flash", "ram", "stack", "panics"].map(|key| number(table, key));
        let _ = writeln!(text, "| {about} | {flash} | {ram} | {stack} | {panics} |");
    }
    text += "\n| instructions for | `opt-level = \"s\"` | `opt-level = 2` | with loss recovery, \"s\" | 2 |\n|---|---|---|---|---|\n";
    for (key, about) in [
        ("udp", "a datagram of 64 bytes, and its reply"),
        ("tcp", "a TCP connection: SYN, ACK, 64 bytes and the reply, both FINs"),
        ("tcp-reusing", "the same in a slot taken from TIME-WAIT"),
    ] {
        let [s, two, s_recovery, two_recovery] =
            ["Os", "O2", "Os+recovery", "O2+recovery"].map(|table| number(table, key));
        let _ = writeln!(text, "| {about} | {s} | {two} | {s_recovery} | {two_recovery} |");
    }
    text
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The page with this between its marks, comments of this name; `None` if it has no such marks.
pub(crate) fn between_marks(page: &str, name: &str, tables: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{tables}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPILER: &str = "rustc 1.96.0, LLVM 22, core from source";

    fn budgets(numbers: &[(&str, &str, u64)]) -> Budgets {
        let mut budgets = Budgets { compiler: COMPILER.into(), ..Budgets::default() };
        for (table, key, value) in numbers {
            budgets.add(table, key, *value);
        }
        budgets
    }

    #[test]
    fn what_is_written_is_read() {
        let numbers =
            budgets(&[("base", "flash", 20_480), ("base", "text", 20_000), ("ipv6+dhcp", "flash", 30_000)]);
        let text = numbers.written("mps2-an385");
        assert_eq!(Budgets::parse(&text).unwrap(), numbers, "{text}");
        assert!(text.ends_with("\n[\"ipv6+dhcp\"]\nflash = 30000\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let said = |text: &str| Budgets::parse(text).unwrap_err().to_string();
        assert_eq!(said("# a\nflash = many\n"), "reading line 2 of the budgets: not a number");
        assert_eq!(said("flash\n"), "reading line 1 of the budgets: neither a [table] nor key = number");
    }

    #[test]
    fn growth_is_an_excess_and_where_it_is_isnt() {
        let limits = budgets(&[("base", "flash", 20_000), ("base", "text", 19_000)]);
        assert_eq!(limits.excess(&budgets(&[("base", "flash", 20_000), ("base", "text", 19_900)])), [""; 0]);
        assert_eq!(
            limits.excess(&budgets(&[("base", "flash", 20_065), ("base", "stack", 1_600)])),
            ["base, flash: 20065 is 65 above its budget", "base, stack: 1600, and no budget"]
        );
    }

    #[test]
    fn what_chance_moves_may_move_so_far() {
        let limits = budgets(&[("base", "stack", 2_000), ("base", "ram", 2_000), ("Os", "tcp", 15_000)]);
        let by = |more: u64| budgets(&[("base", "stack", 2_000 + more), ("Os", "tcp", 15_000 + more / 10)]);
        assert_eq!(limits.excess(&by(150)), [""; 0]);
        assert_eq!(
            limits.excess(&by(170)),
            ["base, stack: 2170 is 170 above its budget", "Os, tcp: 15017 is 17 above its budget"]
        );
    }

    #[test]
    fn only_the_compiler_that_the_budgets_name_is_judged() {
        let limits = budgets(&[("base", "flash", 20_000), ("unicode", "flash", 38_824)]);
        let measured = |compiler: &str| Budgets {
            compiler: compiler.into(),
            ..budgets(&[("base", "flash", 20_000), ("unicode", "flash", 50_244), ("O2", "udp", 3_000)])
        };
        assert_eq!(
            limits.excess(&measured(COMPILER)),
            ["unicode, flash: 50244 is 11420 above its budget", "O2, udp: 3000, and no budget"]
        );
        for other in [
            "rustc 1.95.0, LLVM 22, core from source",
            "rustc 1.96.0, LLVM 21, core from source",
            "rustc 1.96.0, LLVM 22, core as released",
        ] {
            assert!(!limits.judge(&measured(other)), "{other}");
            assert_eq!(limits.excess(&measured(other)), [""; 0], "{other}");
        }
    }

    #[test]
    fn differences_are_shown() {
        let limits = budgets(&[("base", "flash", 20_000), ("base", "ram", 15_000)]);
        let measured = budgets(&[("base", "flash", 19_900), ("base", "ram", 15_000), ("Os", "udp", 4_000)]);
        assert_eq!(
            limits.table(&measured),
            "base                flash 19900 (-100)  ram 15000\nOs                  udp 4000\n"
        );
    }

    #[test]
    fn the_readme_is_changed_between_its_marks_alone() {
        let page = "a\n<!-- sizes -->\nold\n<!-- /sizes -->\nb\n";
        assert_eq!(
            between_marks(page, "sizes", "new\n").unwrap(),
            "a\n<!-- sizes -->\nnew\n<!-- /sizes -->\nb\n"
        );
        assert_eq!(between_marks("no marks", "sizes", "new\n"), None);
    }

    #[test]
    fn tables_have_a_line_a_set() {
        let text = markdown("mps2-an385", &budgets(&[("base", "flash", 34_684), ("O2", "udp", 999)]));
        assert!(text.starts_with("| mps2-an385, `opt-level = \"s\"`, rustc 1.96.0 | flash |"), "{text}");
        assert!(text.contains(" 1 KiB | 34,684 | ? | ? | ? |\n"), "{text}");
        assert!(text.contains("reply | ? | 999 | ? | ? |\n"), "{text}");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
