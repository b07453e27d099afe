//! What a terminal can show: colours, and how many columns.

use std::ffi::OsString;
use std::io::IsTerminal;

/// A terminal that doesn't say how wide it is.
const WIDTH: usize = 80;

/// Whether this output is a terminal that is to have colours.
pub(crate) fn is_colourful(output: &impl IsTerminal) -> bool {
    output.is_terminal() && colour_is_welcome(|name| std::env::var_os(name))
}

/// Whether a terminal gets colour: not where NO_COLOR is set to anything (no-color.org), nor where it may print the
/// escape sequences.
fn colour_is_welcome(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb && !cfg!(windows)
}

/// The terminal's columns.
pub(crate) fn width() -> usize {
    #[cfg(target_os = "linux")]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stderr())
        && size.ws_col >= 40
    {
        return size.ws_col.into();
    }
    WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_can_be_refused() {
        let set = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| OsString::from(value))
        };
        assert_eq!(colour_is_welcome(|_| None), !cfg!(windows));
        assert_eq!(colour_is_welcome(set("NO_COLOR", "")), !cfg!(windows));
        assert!(!colour_is_welcome(set("NO_COLOR", "0")));
        assert!(!colour_is_welcome(set("TERM", "dumb")));
    }
}
