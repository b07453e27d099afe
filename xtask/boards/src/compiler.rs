//! A compiler that is here already: nothing is downloaded but crates.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::home;

/// A system's compiler and the sources of the library that belongs to it. By path: `cargo` alone may be rustup's,
/// which would look for the toolchain that a folder asks for.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

/// The Debian packages that have them, and a program of each package.
pub const PACKAGES: [(&str, &str); 3] =
    [("rustc-web", "rustc"), ("cargo-web", "cargo"), ("rust-web-src", "rustc")];

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
        match [CARGO, RUSTC, SOURCES].iter().find(|path| !Path::new(path).exists()) {
            None => Ok(Compiler::System),
            Some(missing) => {
                let packages = PACKAGES.map(|(package, _)| package).join(" ");
                let reason = format!(
                    "the compiler here has no such target, and there is no {missing} to build it with; \
                     `rustup target add {target}` adds it, or in Debian `sudo apt-get install -y {packages}`"
                );
                Err(Failure::new(format!("building for {target}"), reason))
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
