//! Objects of JSON (RFC 8259), written as they come.

use core::fmt::{self, Write};

/// An object under way.
pub(crate) struct Object<'a, W> {
    out: &'a mut W,
    any: bool,
}

/// Writes an object on a line of its own.
pub(crate) fn object<W: Write>(
    out: &mut W,
    fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result,
) -> fmt::Result {
    inner(out, fields)?;
    out.write_char('\n')
}

fn inner<W: Write>(out: &mut W, fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result) -> fmt::Result {
    out.write_char('{')?;
    fields(&mut Object { out: &mut *out, any: false })?;
    out.write_char('}')
}

impl<W: Write> Object<'_, W> {
    fn key(&mut self, name: impl fmt::Display) -> fmt::Result {
        let comma = if core::mem::replace(&mut self.any, true) { "," } else { "" };
        write!(self.out, "{comma}\"{name}\":")
    }

    /// A number, `true` or `false`: what JSON writes as it is.
    pub(crate) fn number(&mut self, name: impl fmt::Display, value: impl fmt::Display) -> fmt::Result {
        self.key(name)?;
        write!(self.out, "{value}")
    }

    pub(crate) fn text(&mut self, name: impl fmt::Display, value: impl fmt::Display) -> fmt::Result {
        self.key(name)?;
        self.out.write_char('"')?;
        write!(Escape(self.out), "{value}")?;
        self.out.write_char('"')
    }

    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut W, T) -> fmt::Result,
    ) -> fmt::Result {
        self.key(name)?;
        self.out.write_char('[')?;
        for (index, item) in items.into_iter().enumerate() {
            self.out.write_str(if index == 0 { "" } else { "," })?;
            write(self.out, item)?;
        }
        self.out.write_char(']')
    }

    pub(crate) fn object(
        &mut self,
        name: &str,
        fields: impl FnOnce(&mut Object<'_, W>) -> fmt::Result,
    ) -> fmt::Result {
        self.key(name)?;
        inner(self.out, fields)
    }
}

/// What can't stand in a string stands there escaped (RFC 8259 7).
struct Escape<'a, W>(&'a mut W);

impl<W: Write> Write for Escape<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.0, "\\{c}"),
            '\n' => self.0.write_str("\\n"),
            // Controls must be; a line separator would end the line for some readers.
            '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => write!(self.0, "\\u{:04x}", c as u32),
            c => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> String {
        let mut out = String::new();
        object(&mut out, |object| object.text("text", value)).unwrap();
        out
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(text("a\"b\\c\nd\te\u{7f}"), "{\"text\":\"a\\\"b\\\\c\\nd\\u0009e\\u007f\"}\n");
        assert_eq!(text("stra\u{df}e\u{2028}"), "{\"text\":\"stra\u{df}e\\u2028\"}\n");
    }

    #[test]
    fn lists_and_objects() {
        let mut out = String::new();
        object(&mut out, |object| {
            object.list("list", [1, 2], |out, item| write!(out, "{item}"))?;
            object.object("object", |object| object.number("n", 1))
        })
        .unwrap();
        assert_eq!(out, "{\"list\":[1,2],\"object\":{\"n\":1}}\n");
    }
}
