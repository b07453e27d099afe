//! The page on the stack's contract names the files that use the stack's interface or its sockets: all of them, no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const HOME: &str = env!("CARGO_MANIFEST_DIR");
/// What is in the code of a file that uses them. The rest of smoltcp are values and devices.
const USES: [&str; 6] = ["iface.", "iface::", "iface: ", "tcp::Socket", "udp::Socket", "dhcpv4::"];

/// The files of a folder and below, by their path from `src`.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            let path = entry.strip_prefix(Path::new(HOME).join("src")).expect("it is in src");
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Whether a file's code, without its comments and tests, uses the stack.
fn uses_the_stack(file: &str) -> bool {
    let text = fs::read_to_string(Path::new(HOME).join("src").join(file)).expect("UTF-8");
    let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let mut code = code.filter(|line| !line.trim_start().starts_with("//"));
    code.any(|line| USES.iter().any(|word| line.contains(word)))
}

#[test]
fn the_files_that_use_the_stack() {
    let mut all = Vec::new();
    files(&Path::new(HOME).join("src"), &mut all);
    let using: BTreeSet<String> =
        all.into_iter().filter(|file| !file.ends_with("tests.rs") && uses_the_stack(file)).collect();

    let page = fs::read_to_string(Path::new(HOME).join("docs/stack-contract.md")).expect("UTF-8");
    let table = page.split("<!-- stack -->").nth(1).and_then(|rest| rest.split("<!-- /stack -->").next());
    let named: BTreeSet<String> = table
        .expect("the page has the table")
        .lines()
        .filter_map(|row| row.split('|').nth(3))
        .flat_map(|files| files.split('`').filter(|word| word.ends_with(".rs")))
        .map(str::to_owned)
        .collect();
    assert_eq!(using, named, "left: in the code; right: in docs/stack-contract.md");
}
