//! QEMU's debugger interface: enough of it to send a board somewhere else (GDB manual, "Remote Protocol").

use core::time::Duration;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::BOUND;

/// A connection, which stops the board until [`Gdb::go_on_at`].
pub struct Gdb(UnixStream);

impl Gdb {
    #[track_caller]
    pub fn connect(path: &Path) -> Gdb {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream.set_read_timeout(Some(BOUND)).expect("a duration that is not zero");
        Gdb(stream)
    }

    /// Lets the processor go on at this address.
    #[track_caller]
    pub fn go_on_at(mut self, program_counter: Register, address: u32) {
        // Single registers are only known to a debugger that has asked for their description.
        self.ask("qXfer:features:read:target.xml:0,10");
        let bytes = address.to_le_bytes().map(|byte| format!("{byte:02x}")).concat();
        let answer = self.ask(&format!("P{:x}={bytes}", program_counter.0));
        assert_eq!(answer, "OK", "QEMU doesn't set the program counter");
        self.send("c");
        // The answer comes when the board stops, and it doesn't: but QEMU must have heard it.
        self.acknowledged();
        let _ = self.0.set_read_timeout(Some(Duration::from_millis(1)));
    }

    #[track_caller]
    fn ask(&mut self, words: &str) -> String {
        self.send(words);
        self.acknowledged();
        let mut answer = String::new();
        while self.byte() != b'$' {}
        loop {
            match self.byte() {
                b'#' => break,
                byte => answer.push(byte.into()),
            }
        }
        let _sum = (self.byte(), self.byte());
        self.0.write_all(b"+").expect("QEMU hears");
        answer
    }

    #[track_caller]
    fn send(&mut self, words: &str) {
        self.0.write_all(packet(words).as_bytes()).expect("QEMU hears");
    }

    #[track_caller]
    fn acknowledged(&mut self) {
        while self.byte() != b'+' {}
    }

    #[track_caller]
    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.read_exact(&mut byte).unwrap_or_else(|error| panic!("QEMU's debugger says nothing: {error}"));
        byte[0]
    }
}

/// A register's number.
#[derive(Debug, Clone, Copy)]
pub struct Register(pub(crate) u8);

impl Register {
    /// Arm's r15.
    pub const ARM_PC: Register = Register(15);
    /// RISC-V's, after x31.
    pub const RISCV_PC: Register = Register(32);
}

/// With the sum of its bytes.
fn packet(words: &str) -> String {
    let sum = words.bytes().fold(0, u8::wrapping_add);
    format!("${words}#{sum:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_with_its_sum() {
        assert_eq!(packet("OK"), "$OK#9a");
        assert_eq!(packet("c"), "$c#63");
    }
}
