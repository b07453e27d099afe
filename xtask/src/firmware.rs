//! The library for a microcontroller without an operating system, built by a compiler that is here already: nothing
//! is downloaded but crates.

use std::path::{Path, PathBuf};

use boards::Compiler;
use boards::compiler::{self, has_library};
use boards::elf::ALLOCATOR;
use cargo_metadata::Message;

use crate::call;
use crate::failure::Failure;
use crate::needs::Need;

/// A Cortex-M3.
pub(crate) const TARGET: &str = "thumbv7m-none-eabi";

/// The library with its default, and all that needs no memory of its own, with the views that a board's log takes.
const SETS: [(&str, &str); 2] = [
    ("undersock", "ipv4"),
    ("undersock-views", "ipv4,ipv6,log,undersock/dhcp,undersock/slaac,undersock/unicode"),
];

pub(crate) fn needs() -> Vec<Need> {
    match has_library(TARGET) {
        true => vec![],
        false => compiler::TOOLS.map(Need::from).into(),
    }
}

pub(crate) fn step() -> Result<(), Failure> {
    SETS.iter().try_for_each(|(package, set)| {
        let mut build = Compiler::for_target(TARGET)?.build();
        build.args(["--package", package, "--lib", "--locked", "--release", "--target", TARGET]);
        build.args(["--no-default-features", "--features", set, "--message-format=json-render-diagnostics"]);
        let libraries = libraries(&call::read(build)?);
        if libraries.is_empty() {
            return Err(Failure::new("looking for what was built", "cargo named no library"));
        }
        for library in &libraries {
            without_allocator(library)?;
        }
        println!("{} libraries, none of which knows an allocator", libraries.len());
        Ok(())
    })
}

/// The target's libraries among what cargo says it built.
fn libraries(said: &[u8]) -> Vec<PathBuf> {
    let artifacts = Message::parse_stream(said).filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => Some(artifact.filenames),
        _ => None,
    });
    artifacts
        .flatten()
        .filter(|path| path.extension() == Some("rlib") && path.iter().any(|part| part == TARGET))
        .map(Into::into)
        .collect()
}

/// An installed target comes with `alloc` (there is no `std` for it): what was built must not refer to it.
fn without_allocator(library: &Path) -> Result<(), Failure> {
    let attempt = || format!("looking for an allocator in {}", library.display());
    let bytes = std::fs::read(library).map_err(|error| Failure::new(attempt(), error))?;
    match allocator(&bytes) {
        None => Ok(()),
        Some(symbol) => Err(Failure::new(attempt(), format!("it refers to {symbol}"))),
    }
}

/// The part of a symbol's name that says that the code allocates.
fn allocator(library: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(library);
    ALLOCATOR.into_iter().find(|symbol| text.contains(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_allocates_is_told_from_code_that_names_a_layout() {
        assert_eq!(allocator(b"\xff_RNvCsfgHYwM92fyn_7___rustc12___rust_alloc\0"), Some("__rust_alloc"));
        assert_eq!(allocator(b"\0_RNvNtCsftBGpBGrMVr_5alloc7raw_vec12handle_error\0"), Some("_5alloc"));
        assert_eq!(allocator(b"\0_ZN5alloc3fmt6format17h0123456789abcdefE\0"), Some("_ZN5alloc"));
        assert_eq!(allocator(b"\0_ZN4core5alloc6layout6Layout17h0123456789abcdefE\0"), None);
        assert_eq!(allocator(b"\0_RNvMNtNtCs1_4core5alloc6layoutNtB2_6Layout4size\0"), None);
    }

    /// As cargo describes it.
    fn artifact(files: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"a","target":{{"name":"a","kind":["lib"],
            "crate_types":["lib"],"src_path":"/a.rs"}},"profile":{{"opt_level":"s","debug_assertions":false,
            "overflow_checks":false,"test":false}},"features":[],"filenames":[{files}],"executable":null,"fresh":true}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn libraries_are_the_targets_and_no_host_programs() {
        let said = [
            artifact(r#""/t/release/build/heapless-1/build-script-build""#),
            artifact(r#""/t/release/deps/libquote-1.rlib""#),
            artifact(
                r#""/t/thumbv7m-none-eabi/release/libundersock.rlib","/t/thumbv7m-none-eabi/libundersock-1.rmeta""#,
            ),
            r#"{"reason":"build-finished","success":true}"#.into(),
        ]
        .join("\n");
        assert_eq!(
            libraries(said.as_bytes()),
            [Path::new("/t/thumbv7m-none-eabi/release/libundersock.rlib")]
        );
    }
}
