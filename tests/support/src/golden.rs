//! Golden files: texts that are kept, and compared with what the program writes now.
//!
//! `UNDERSOCK_BLESS=1 cargo test` writes them anew; what changed is then in `git diff`, for a person to judge.

use std::fs;
use std::path::PathBuf;

/// The variable that takes the texts as they are now.
const BLESS: &str = "UNDERSOCK_BLESS";

/// Compares a text with `tests/golden/{name}.txt` of the package under test. Where they differ, the whole text is printed with the first
/// line that differs marked.
///
/// # Panics
/// Where they differ.
#[track_caller]
pub fn check(name: &str, text: &str) {
    let file = format!("tests/golden/{name}.txt");
    let path = package().join(&file);
    if std::env::var_os(BLESS).is_some_and(|value| !value.is_empty()) {
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
        fs::write(&path, text).expect("the file can be written");
        return;
    }
    let advice = format!("If it is right as it is now: {BLESS}=1 cargo test");
    let Ok(kept) = fs::read_to_string(&path) else {
        panic!("{file} can't be read. What it would hold:\n\n{text}\n{advice}");
    };
    if let Some(difference) = difference(&kept, text) {
        panic!("{file} says otherwise:\n\n{difference}\n{advice}");
    }
}

/// The whole text with the first line that differs marked; `None` where none does.
pub fn difference(kept: &str, text: &str) -> Option<String> {
    if kept == text {
        return None;
    }
    let mut was = kept.split_inclusive('\n');
    let mut marked = false;
    let mut all = String::new();
    let mut add = |mark: &str, line: &str| {
        all.push_str(mark);
        all.push_str(line.trim_end_matches('\n'));
        all.push('\n');
    };
    for line in text.split_inclusive('\n') {
        let was = was.next();
        if was == Some(line) || marked {
            add("         ", line);
        } else {
            add("    was: ", was.unwrap_or("(the end)"));
            add("-->  is: ", line);
            marked = true;
        }
    }
    if !marked {
        add("    was: ", was.next().unwrap_or_default());
        add("-->  is: ", "(the end)");
    }
    Some(all)
}

/// The folder of the package whose tests run, as cargo says to them.
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
