//! An image's sections and symbols, and what it must not have.

use std::fs;
use std::path::Path;

use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf};

use crate::failure::{Failure, Result};
use crate::thumb::branches;

/// An ELF file, as far as it says what takes how much, and what is where.
#[derive(Debug)]
pub struct Elf {
    /// Those that take memory on the board, by address.
    pub sections: Vec<Section>,
    /// By address.
    symbols: Vec<Symbol>,
}

/// A section that takes memory on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// With its dot.
    pub name: String,
    /// Where it is when the program runs.
    pub address: u32,
    /// In bytes.
    pub size: u32,
    /// Instructions and constants in flash, variables in RAM, variables with a first value in both.
    pub memory: Memory,
    content: Vec<u8>,
}

/// Which memory a section takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Never written.
    Flash,
    /// Variables that begin as zeros or as anything.
    Ram,
    /// Variables that begin with a value, which is kept in flash.
    Both,
}

#[derive(Debug, Clone)]
struct Symbol {
    name: String,
    address: u32,
    is_function: bool,
}

/// Sections that are no variables but what RAM is left.
const LEFT_OVER: [&str; 2] = [".heap", ".stack"];
/// Parts of names by which an allocator is known: its entry, and the crate `alloc` as both of rustc's manglings write it
/// where it is the root of a path (`core::alloc`, which is harmless, is not).
pub const ALLOCATOR: [&str; 3] = ["__rust_alloc", "_5alloc", "_ZN5alloc"];
/// Parts of names by which formatting is known: the module `core::fmt`, in both manglings, the older one's for traits.
const FORMATTING: [&str; 2] = ["4core3fmt", "core..fmt"];

/// Parts of names by which the views are known: the module `undersock::view`, in both manglings.
const VIEW: [&str; 2] = ["9undersock4view", "undersock..view"];

impl Elf {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or isn't such a file.
    pub fn read(path: &Path) -> Result<Elf> {
        let failure = |reason: String| Failure::new(format!("reading {}", path.display()), reason);
        let bytes = fs::read(path).map_err(|error| failure(error.to_string()))?;
        Elf::parse(&bytes).map_err(|error| failure(error.to_string()))
    }

    fn parse(bytes: &[u8]) -> object::Result<Elf> {
        let file: ElfFile32<'_> = ElfFile32::parse(bytes)?;
        let mut sections = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            let has = |flag: u32| sh_flags & u64::from(flag) != 0;
            let content = section.data()?;
            let memory = match (has(elf::SHF_WRITE), content.is_empty()) {
                (_, true) => Memory::Ram,
                (true, false) => Memory::Both,
                (false, false) => Memory::Flash,
            };
            if has(elf::SHF_ALLOC) && section.size() > 0 && !LEFT_OVER.contains(&section.name()?) {
                sections.push(Section {
                    name: section.name()?.into(),
                    // A 32-bit file has no more.
                    address: section.address() as u32,
                    size: section.size() as u32,
                    memory,
                    content: content.into(),
                });
            }
        }
        sections.sort_by_key(|section| section.address);
        let mut symbols = Vec::new();
        for symbol in file.symbols() {
            let is_function = symbol.kind() == SymbolKind::Text;
            // The lowest bit of a function's address says that its instructions are Thumb.
            let address = symbol.address() as u32 & if is_function { !1 } else { !0 };
            symbols.push(Symbol { name: symbol.name()?.into(), address, is_function });
        }
        symbols.sort_by_key(|symbol| symbol.address);
        Ok(Elf { sections, symbols })
    }

    /// Bytes of flash: instructions, constants, and first values of variables.
    #[must_use]
    pub fn flash(&self) -> u32 {
        self.sum(Memory::Flash)
    }

    /// Bytes of RAM that variables take. The stack has what is left.
    #[must_use]
    pub fn ram(&self) -> u32 {
        self.sum(Memory::Ram)
    }

    fn sum(&self, memory: Memory) -> u32 {
        let sections =
            self.sections.iter().filter(|section| [memory, Memory::Both].contains(&section.memory));
        sections.map(|section| section.size).sum()
    }

    /// Where this symbol is.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn address(&self, name: &str) -> Result<u32> {
        let symbol = self.symbols.iter().find(|symbol| symbol.name == name);
        let reason = "there is no such symbol in the image";
        symbol.map(|symbol| symbol.address).ok_or_else(|| Failure::new(format!("looking for {name}"), reason))
    }

    /// Where a function is that panics.
    #[must_use]
    pub fn panic(&self) -> Option<u32> {
        let panic = self.symbols.iter().find(|symbol| symbol.is_function && panics(&symbol.name));
        panic.map(|symbol| symbol.address)
    }

    /// A symbol that belongs to `core::fmt`.
    #[must_use]
    pub fn formatting(&self) -> Option<&str> {
        self.first(|name| FORMATTING.iter().any(|part| name.contains(part)))
    }

    /// A symbol that belongs to an allocator.
    #[must_use]
    pub fn allocator(&self) -> Option<&str> {
        self.first(|name| ALLOCATOR.iter().any(|part| name.contains(part)))
    }

    /// A symbol that belongs to the views of events.
    #[must_use]
    pub fn view(&self) -> Option<&str> {
        self.first(|name| VIEW.iter().any(|part| name.contains(part)))
    }

    fn first(&self, is: impl Fn(&str) -> bool) -> Option<&str> {
        self.symbols.iter().map(|symbol| symbol.name.as_str()).find(|name| is(name))
    }

    /// How many instructions call or jump to a function that panics, those in such functions not counted.
    ///
    /// Exact for Thumb-2: code is told from data by the mapping symbols ("ELF for the Arm Architecture", 5.5.5), and
    /// functions that panic are called by their addresses, never through a register.
    #[must_use]
    pub fn panic_calls(&self) -> usize {
        let code = self.sections.iter().filter(|section| section.memory == Memory::Flash);
        code.flat_map(|section| self.code(section))
            .flat_map(|(code, address)| branches(code, address))
            .filter(|branch| self.panics_at(branch.to) && !self.panics_in(branch.at))
            .count()
    }

    /// The runs of Thumb instructions in a section, with their addresses.
    fn code<'a>(&'a self, section: &'a Section) -> impl Iterator<Item = (&'a [u8], u32)> {
        let within = section.address..section.address + section.size;
        let is_mark = |symbol: &&Symbol| symbol.name.starts_with('$') && within.contains(&symbol.address);
        let marks: Vec<&Symbol> = self.symbols.iter().filter(is_mark).collect();
        let ends: Vec<u32> =
            marks.iter().skip(1).map(|mark| mark.address).chain([section.address + section.size]).collect();
        marks.into_iter().zip(ends).filter(|(mark, _)| mark.name.starts_with("$t")).map(|(mark, end)| {
            let place = |address: u32| (address - section.address) as usize;
            (&section.content[place(mark.address)..place(end)], mark.address)
        })
    }

    /// Whether a function begins at this address that panics.
    fn panics_at(&self, address: u32) -> bool {
        self.functions_to(address).take_while(|function| function.address == address).any(|f| panics(&f.name))
    }

    /// Whether this address is in a function that panics.
    fn panics_in(&self, address: u32) -> bool {
        self.functions_to(address).next().is_some_and(|function| panics(&function.name))
    }

    /// The functions that begin at this address and before it, backwards.
    fn functions_to(&self, address: u32) -> impl Iterator<Item = &Symbol> {
        let end = self.symbols.partition_point(|symbol| symbol.address <= address);
        self.symbols[..end].iter().rev().filter(|symbol| symbol.is_function && !symbol.name.starts_with('$'))
    }
}

/// Whether a function of this name does nothing but panic: all of `core::panicking`; `core`'s functions that others call
/// when something has failed, which are named so; and the panic handler.
fn panics(name: &str) -> bool {
    let of_core = name.contains("4core");
    of_core && (name.contains("9panicking") || name.contains("_fail") || name.contains("panic_"))
        || name.contains("rust_begin_unwind")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_panic_are_known_by_their_names() {
        for name in [
            "_RNvNtCsgqoE6cwmS8I_4core9panicking18panic_bounds_check",
            "_RNvNtCsgqoE6cwmS8I_4core6option13unwrap_failed",
            "_RNvNtNtCsgqoE6cwmS8I_4core5slice5index16slice_index_fail",
            "_RNvNtCsgqoE6cwmS8I_4core4cell22panic_already_borrowed",
            "_ZN4core9panicking5panic17h0123456789abcdefE",
            "_RNvCsfgHYwM92fyn_7___rustc17rust_begin_unwind",
        ] {
            assert!(panics(name), "{name}");
        }
        for name in [
            "_RNvNtNtCsgqoE6cwmS8I_4core5slice4iter",
            "_RNvMNtNtCs9XdwJQH6lQT_9undersock6server6failed",
            "main",
        ] {
            assert!(!panics(name), "{name}");
        }
    }

    fn symbol(name: &str, address: u32, is_function: bool) -> Symbol {
        Symbol { name: name.into(), address, is_function }
    }

    /// At 0x100 a function that calls one that panics, twice, then two words of data that look like such a call, then
    /// the one that panics, which calls itself.
    fn made() -> Elf {
        let halves: [u16; 10] =
            [0xf000, 0xf806, 0xf000, 0xf804, 0xf000, 0xf802, 0xf000, 0xf800, 0xf7ff, 0xfffe];
        let content: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let text = Section {
            name: ".text".into(),
            address: 0x100,
            size: content.len() as u32,
            memory: Memory::Flash,
            content,
        };
        let data = Section {
            name: ".data".into(),
            address: 0x2000,
            size: 8,
            memory: Memory::Both,
            content: vec![0; 8],
        };
        let bss =
            Section { name: ".bss".into(), address: 0x2008, size: 100, memory: Memory::Ram, content: vec![] };
        let symbols = vec![
            symbol("$t", 0x100, false),
            symbol("serve", 0x100, true),
            symbol("$d", 0x108, false),
            symbol("$t.1", 0x110, false),
            symbol("_RNvNtCs1_4core9panicking5panic", 0x110, true),
        ];
        Elf { sections: vec![text, data, bss], symbols }
    }

    #[test]
    fn what_begins_with_a_value_takes_flash_and_ram() {
        let elf = made();
        assert_eq!((elf.flash(), elf.ram()), (28, 108));
    }

    #[test]
    fn data_is_no_call_and_panics_among_themselves_are_not_counted() {
        assert_eq!(made().panic_calls(), 2);
    }

    #[test]
    fn a_function_that_panics_is_found() {
        assert_eq!(made().panic(), Some(0x110));
    }

    #[test]
    fn formatting_and_allocators_are_found_by_name() {
        let mut elf = made();
        assert_eq!((elf.formatting(), elf.allocator()), (None, None));
        elf.symbols.push(symbol("_RNvNtCs1_4core3fmt5write", 0, true));
        elf.symbols.push(symbol("_RNvCs1_7___rustc12___rust_alloc", 0, true));
        assert_eq!(elf.formatting(), Some("_RNvNtCs1_4core3fmt5write"));
        assert_eq!(elf.allocator(), Some("_RNvCs1_7___rustc12___rust_alloc"));
        assert_eq!(elf.view(), None);
        elf.symbols.push(symbol("_RNvNtNtCs1_9undersock4view8timeline", 0, true));
        assert_eq!(elf.view(), Some("_RNvNtNtCs1_9undersock4view8timeline"));
    }

    #[test]
    fn an_image_has_its_symbols_or_says_so() {
        assert_eq!(made().address("serve"), Ok(0x100));
        let failure = made().address("begin").expect_err("there is none").to_string();
        assert_eq!(failure, "looking for begin: there is no such symbol in the image");
    }

    #[test]
    fn what_is_no_such_file_is_said() {
        assert!(Elf::parse(b"#!/bin/sh").is_err());
    }
}
