//! The most that a board ever had on its stack: QEMU paints the stack before the board starts, and what is not painted
//! any more at the end was used. The image is the one that is delivered; it knows nothing of this.

use core::ops::Range;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use boards::Result;
use boards::elf::{Elf, Memory};

use crate::monitor::Monitor;

/// Unlikely on a stack.
const PAINT: u8 = 0xa5;
/// So much of the stack is painted at most.
const WINDOW: u32 = 32 << 10;

/// The part of an image's stack that is painted.
pub struct Stack(Range<u32>);

impl Stack {
    /// From the last variable to the stack's first word.
    ///
    /// # Errors
    /// The image doesn't say where that is.
    pub fn of(elf: &Path) -> Result<Stack> {
        let elf = Elf::read(elf)?;
        let top = elf.address("_stack_start")?;
        let variables = elf.sections.iter().filter(|section| section.memory != Memory::Flash);
        let bottom = variables.map(|section| section.address + section.size).filter(|end| *end <= top).max();
        Ok(Stack(bottom.unwrap_or(0).max(top - WINDOW)..top))
    }

    /// What makes QEMU paint it.
    pub fn paint(&self, folder: &Path) -> Vec<OsString> {
        let paint = folder.join("paint");
        fs::write(&paint, vec![PAINT; self.0.len()]).expect("an own folder");
        let loader = format!("loader,file={},addr={:#x},force-raw=on", paint.display(), self.0.start);
        vec!["-device".into(), loader.into()]
    }

    /// The bytes that have been used since.
    #[track_caller]
    pub fn peak(&self, monitor: &mut Monitor, folder: &Path) -> usize {
        let memory = monitor.memory(self.0.start, self.0.len() as u32, &folder.join("stack"));
        let unused = memory.iter().take_while(|&&byte| byte == PAINT).count();
        assert!(unused > 0, "more than {WINDOW} bytes of stack, or all there is");
        assert!(unused < memory.len(), "the stack is somewhere else");
        memory.len() - unused
    }
}
