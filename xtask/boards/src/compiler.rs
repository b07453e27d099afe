//! A compiler that is here already: nothing is downloaded but crates.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::home;
use crate::tools::{Tool, missing};

/// A system's compiler and the sources of the library that belongs to it, each with its Debian package. By path: `cargo`
/// alone may be rustup's, which would look for the toolchain that a folder asks for.
pub const TOOLS: [Tool; 3] = [
    Tool { file: CARGO, package: "cargo-web" },
    Tool { file: RUSTC, package: "rustc-web" },
    Tool { file: "/usr/lib/rustlib/src/rust/library/Cargo.lock", package: "rust-web-src" },
];
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";

/// A compiler that can build for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// The one that builds this project: it has the target's library.
    Project,
    /// The system's, which builds that library from its sources.
    System,
}

impl Compiler {
    /// The one to build for `target` with.
    ///
    /// # Errors
    /// There is none here.
    pub fn for_target(target: &str) -> Result<Compiler> {
        if has_library(target) {
            return Ok(Compiler::Project);
        }
        match missing(&TOOLS) {
            None => Ok(Compiler::System),
            Some(missing) => {
                let attempt = format!("building for {target}");
                Err(Failure::new(attempt, format!("{missing}; {}", in_place_of_them(target))))
            }
        }
    }

    /// `cargo build`, in the project's folder.
    #[must_use]
    pub fn build(self) -> Command {
        let mut cargo = match self {
            Compiler::Project => {
                let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
                cargo.arg("build");
                cargo
            }
            // A released compiler builds its library only if told to behave as a nightly one. Only `core` is built, so
            // that a crate which asks for `alloc` or `std` finds none.
            Compiler::System => {
                let mut cargo = Command::new(CARGO);
                cargo.args(["build", "-Zbuild-std=core"]).env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
                // Left by the cargo that runs this program: they point to another compiler and its libraries.
                cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("LD_LIBRARY_PATH");
                cargo
            }
        };
        // They would take the place of a board's own flags.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        cargo.current_dir(home()).stdin(Stdio::null());
        cargo
    }

    /// What the size of an image depends on: "rustc 1.96.0, LLVM 22, core from source". A library that comes with the
    /// compiler was optimized for speed, one built here as the image is.
    ///
    /// # Errors
    /// The compiler can't be started.
    pub fn name(self) -> Result<String> {
        let (mut rustc, library) = match self {
            Compiler::Project => (project_rustc(), "core as released"),
            Compiler::System => (Command::new(RUSTC), "core from source"),
        };
        rustc.arg("--version").arg("--verbose").current_dir(home()).stdin(Stdio::null());
        let output = rustc.output().map_err(|error| Failure::new("starting rustc", error))?;
        Ok(format!("{}, {library}", short(&String::from_utf8_lossy(&output.stdout))))
    }
}

/// What does as well as the system's compiler.
pub(crate) fn in_place_of_them(target: &str) -> String {
    format!("with rustup, `rustup target add {target}` takes the place of a compiler and a linker")
}

/// The release of the compiler that builds this project: "1.96.0".
///
/// # Errors
/// It can't be started.
pub fn release() -> Result<String> {
    let mut rustc = project_rustc();
    rustc.arg("--version").current_dir(home()).stdin(Stdio::null());
    let output = rustc.output().map_err(|error| Failure::new("starting rustc", error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.split_whitespace().nth(1).unwrap_or("?").into())
}

/// The compiler that cargo takes for this project.
fn project_rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// What `rustc -vV` says, as "rustc 1.96.0, LLVM 22": a patch of LLVM's changes no size that we have seen.
fn short(said: &str) -> String {
    let field = |name| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    let llvm = field("LLVM version: ").split('.').next().unwrap_or("?");
    format!("rustc {}, LLVM {llvm}", field("release: "))
}

/// Whether the compiler that builds this project has the target's library. Asked of the compiler, which knows it
/// with and without rustup, and downloads nothing.
#[must_use]
pub fn has_library(target: &str) -> bool {
    let mut rustc = project_rustc();
    rustc.args(["--print", "target-libdir", "--target", target]).stderr(Stdio::null());
    rustc.current_dir(home()).stdin(Stdio::null());
    rustc.output().is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_named_by_its_release_and_its_llvm() {
        let debian = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nbinary: rustc\n\
            host: x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(short(debian), "rustc 1.96.0, LLVM 22");
        assert_eq!(short("release: 1.97.0-nightly\nLLVM version: 23.0\n"), "rustc 1.97.0-nightly, LLVM 23");
        assert_eq!(short(""), "rustc ?, LLVM ?");
    }
}
