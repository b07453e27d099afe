//! A line of a terminal, column by column.

use core::fmt::Write as _;

use crate::svg::columns;

/// How a character looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tint {
    Plain,
    Strong,
    Dim,
    Bad,
    /// A connection's.
    Number(usize),
    StrongNumber(usize),
}

/// Blue, yellow, cyan, magenta, green: none beside another that some can't tell from it.
const COLOURS: [u8; 5] = [94, 33, 36, 35, 32];

impl Tint {
    /// Its SGR parameters (ECMA-48 8.3.117).
    fn codes(self) -> Option<String> {
        let colour = |number: usize| COLOURS[number % COLOURS.len()];
        match self {
            Tint::Plain => None,
            Tint::Strong => Some("1".into()),
            Tint::Dim => Some("2".into()),
            Tint::Bad => Some("1;31".into()),
            Tint::Number(number) => Some(colour(number).to_string()),
            Tint::StrongNumber(number) => Some(format!("1;{}", colour(number))),
        }
    }
}

/// One line. A character that is two columns wide leaves nothing in the second.
#[derive(Debug)]
pub(super) struct Row(Vec<Option<(char, Tint)>>);

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Row(vec![Some((' ', Tint::Plain)); width])
    }

    pub(super) fn put_char(&mut self, column: usize, c: char, ink: Tint) {
        if let Some(place) = self.0.get_mut(column) {
            *place = Some((c, ink));
        }
    }

    /// Puts a text, as far as there are columns. The column after it.
    pub(super) fn put(&mut self, mut column: usize, text: &str, ink: Tint) -> usize {
        for c in text.chars() {
            let after = column + columns(c);
            if after > self.0.len() {
                break;
            }
            self.put_char(column, c, ink);
            if after > column + 1 {
                self.0[column + 1] = None;
            }
            column = after;
        }
        column
    }

    pub(super) fn write(&self, text: &mut String, colour: bool) {
        let used =
            self.0.iter().rposition(|place| !matches!(place, Some((' ', _)))).map_or(0, |last| last + 1);
        let mut last = Tint::Plain;
        for (c, ink) in self.0[..used].iter().flatten() {
            if colour && *ink != last {
                if last != Tint::Plain {
                    text.push_str("\x1b[0m");
                }
                if let Some(codes) = ink.codes() {
                    // Writing to a string can't fail.
                    let _ = write!(text, "\x1b[{codes}m");
                }
                last = *ink;
            }
            text.push(*c);
        }
        if last != Tint::Plain {
            text.push_str("\x1b[0m");
        }
        text.push('\n');
    }
}
