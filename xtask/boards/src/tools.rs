//! Programs and files of the system's that it takes to build and boot boards: what is missing is named together.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// A program or a file, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tool {
    /// A program's name, or a path.
    pub file: &'static str,
    /// Its Debian package.
    pub package: &'static str,
}

/// Where it is.
pub(crate) fn find(file: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A path takes the folder's place.
    std::env::split_paths(&path).map(|folder| folder.join(file)).find(|file| file.is_file())
}

/// Those that are missing, in one sentence, with the command that installs them.
pub(crate) fn missing(tools: &[Tool]) -> Option<String> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| find(tool.file).is_none()).collect();
    (!missing.is_empty()).then(|| sentence(&missing))
}

pub(crate) fn sentence(missing: &[Tool]) -> String {
    let list = |names: BTreeSet<&str>, between| Vec::from_iter(names).join(between);
    let files = list(missing.iter().map(|tool| tool.file).collect(), ", ");
    let packages = list(missing.iter().map(|tool| tool.package).collect(), " ");
    format!("missing: {files}; in Debian, `sudo apt-get install -y {packages}` installs all of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn whatever_is_missing_is_in_one_sentence() {
        let tools = [
            Tool { file: "sh", package: "dash" },
            Tool { file: "/no/where", package: "one" },
            Tool { file: "no-such-program", package: "two" },
            Tool { file: "no-such-program", package: "two" },
        ];
        assert_eq!(
            missing(&tools).as_deref(),
            Some(
                "missing: /no/where, no-such-program; in Debian, `sudo apt-get install -y one two` installs all \
                 of it"
            )
        );
        assert_eq!(missing(&tools[..1]), None);
    }
}
