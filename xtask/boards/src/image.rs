//! A board built with a set of features: an ELF file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::compiler::Compiler;
use crate::failure::{Failure, Result};
use crate::table::Board;
use crate::{home, target_folder};

/// The feature sets whose budgets are kept: the base, each feature that has a price, and all of them.
pub const SETS: [&[&str]; 6] =
    [&[], &["ipv6"], &["dhcp"], &["unicode"], &["recovery"], &["ipv6", "dhcp", "unicode", "recovery"]];

/// What is to be built.
#[derive(Debug, Clone)]
pub struct Image {
    /// Of this board.
    pub board: &'static Board,
    /// With these features of its package.
    pub features: Vec<String>,
    /// With this optimization instead of the package's own.
    pub opt_level: Option<u8>,
    /// With no more debug information than the emulated boards have: a build that nobody debugs, and that can share their
    /// `core`.
    pub lean: bool,
}

impl Image {
    /// The board with these features.
    #[must_use]
    pub fn new(board: &'static Board, features: &[&str]) -> Image {
        let features = features.iter().map(ToString::to_string).collect();
        Image { board, features, opt_level: None, lean: false }
    }

    /// Whether it has this feature.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|has| has == feature)
    }

    /// Its own name among the images: `mps2-an385+ipv6-O2`.
    #[must_use]
    pub fn name(&self) -> String {
        let features: String = self.features.iter().map(|feature| format!("+{feature}")).collect();
        let optimized = self.opt_level.map(|level| format!("-O{level}")).unwrap_or_default();
        format!("{}{features}{optimized}", self.board.name)
    }

    /// Where it is once it is built.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        target_folder().join("boards").join(format!("{}.elf", self.name()))
    }

    /// Where cargo builds it. A board that shares no `core` with an emulated one has another place than those, and can be
    /// built while they are.
    fn folder(&self) -> PathBuf {
        target_folder().join(if self.board.shares_core() { "boards" } else { "boards-on-desks" })
    }

    /// Builds it with whatever compiler is here; `run` runs cargo and gives its standard output. What comes out is an
    /// ELF file of this image alone, which the next image doesn't overwrite.
    ///
    /// # Errors
    /// There is no such board yet, no compiler for it, or the build fails.
    pub fn build<E: From<Failure>>(
        &self,
        run: impl FnOnce(Command) -> core::result::Result<Vec<u8>, E>,
    ) -> core::result::Result<PathBuf, E> {
        let command = self.command()?;
        let folder = self.folder();
        let said = |error: io::Error| Failure::new(format!("writing to {}", folder.display()), error);
        fs::create_dir_all(&folder).map_err(said)?;
        // Cargo calls all images of a board by one name: until this one has its own, nobody may build the next.
        let lock = File::create(folder.join("lock")).map_err(said)?;
        lock.lock().map_err(said)?;
        let built = executable(&run(command)?).ok_or_else(|| {
            Failure::new(format!("building {}", self.name()), "cargo named no program that was built")
        })?;
        // In one step: another process may be booting this image, which must not change under it.
        let (new, elf) = (folder.join("new.elf"), self.path());
        elf.parent().map_or(Ok(()), fs::create_dir_all).map_err(said)?;
        fs::copy(built, &new).map_err(said)?;
        fs::rename(new, &elf).map_err(said)?;
        Ok(elf)
    }

    /// [`Image::build`], in silence unless it fails.
    ///
    /// # Errors
    /// As there.
    pub fn build_quietly(&self) -> Result<PathBuf> {
        self.build(|mut command| {
            let failure = |reason: String| Failure::new(format!("building {}", self.name()), reason);
            let output = command.output().map_err(|error| failure(error.to_string()))?;
            match output.status.success() {
                true => Ok(output.stdout),
                false => Err(failure(String::from_utf8_lossy(&output.stderr).into_owned())),
            }
        })
    }

    /// Cargo's command line. It is run in the project's folder, so that a toolchain file in the board's makes nobody
    /// download a toolchain; the board's own configuration is read all the same.
    fn command(&self) -> Result<Command> {
        let board = self.board;
        let folder = Path::new("examples/boards").join(board.name);
        if !home().join(&folder).join("Cargo.toml").exists() {
            let attempt = format!("building {}", board.name);
            return Err(Failure::new(attempt, format!("there is no {}", folder.display())));
        }
        board.sure(false)?;
        let compiler = Compiler::for_target(board.target)?;
        let mut cargo = compiler.build();
        cargo.args(["--release", "--target", board.target, "--message-format=json-render-diagnostics"]);
        cargo.arg("--manifest-path").arg(folder.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(self.folder());
        if !self.features.is_empty() {
            cargo.args(["--features", &self.features.join(",")]);
        }
        let config = folder.join(".cargo/config.toml");
        if home().join(&config).exists() {
            cargo.arg("--config").arg(config);
        }
        if compiler == Compiler::System {
            let flags = board.linker.flags.iter().map(|flag| format!("\"{flag}\"")).collect::<Vec<_>>();
            let key = format!("target.{}.rustflags", board.target);
            cargo.args(["--config", &format!("{key}=[{}]", flags.join(","))]);
        }
        if self.lean {
            cargo.args(["--config", "profile.release.debug=\"line-tables-only\""]);
        }
        if let Some(level) = self.opt_level {
            cargo.args(["--config", &format!("profile.release.opt-level={level}")]);
        }
        Ok(cargo)
    }
}

/// The program among what cargo says it built, one JSON object a line.
#[must_use]
pub fn executable(said: &[u8]) -> Option<PathBuf> {
    let messages = said.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    messages.filter_map(|message: Value| Some(PathBuf::from(message["executable"].as_str()?))).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_has_a_name_of_its_own() {
        let board = Board::named("mps2-an385").expect("the first board");
        assert_eq!(Image::new(board, &[]).name(), "mps2-an385");
        let image = Image { opt_level: Some(2), ..Image::new(board, &["ipv6", "dhcp"]) };
        assert_eq!(image.name(), "mps2-an385+ipv6+dhcp-O2");
        assert!(image.has("dhcp") && !image.has("unicode"));
    }

    #[test]
    fn the_program_is_the_last_that_was_built() {
        let said = br#"{"reason":"compiler-artifact","executable":null,"filenames":["/t/libsmoltcp.rlib"]}
{"reason":"compiler-artifact","executable":"/t/thumbv7m-none-eabi/release/undersock-board"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(said), Some("/t/thumbv7m-none-eabi/release/undersock-board".into()));
        assert_eq!(executable(b"{\"reason\":\"build-finished\"}\n"), None);
    }
}
