//! Text to a file, for views that write text: what goes wrong is kept, and told at the end.

use core::fmt;
use std::io::{self, Write};

/// Takes text and writes it to `W`. After an error nothing more is written.
#[derive(Debug)]
pub struct Output<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write> Output<W> {
    /// To this writer, which has a buffer of its own where that matters.
    pub const fn new(out: W) -> Self {
        Output { out, error: None }
    }

    /// Whether something has gone wrong.
    pub const fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes what is still in a buffer.
    ///
    /// # Errors
    /// The first that there was, once.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    /// Writes what is still in a buffer, and gives the writer back.
    ///
    /// # Errors
    /// The first that there was.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> fmt::Write for Output<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.error.is_none() {
            self.error = self.out.write_all(text.as_bytes()).err();
        }
        if self.error.is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;

    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_arrives_and_an_error_is_told_at_the_end() {
        let mut output = Output::new(Vec::new());
        write!(output, "{} and {}", 1, 2).unwrap();
        assert_eq!(output.finish().unwrap(), b"1 and 2");
        let mut output = Output::new(Full);
        assert!(output.write_str("lost").is_err() && output.failed());
        assert_eq!(output.finish().err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
    }
}
