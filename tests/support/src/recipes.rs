//! The README's commands, and what they print by it.

pub const README: &str = include_str!("../../../README.md");
/// The section that the boards' tests follow.
pub const OF_THE_BOARDS: &str = "On a microcontroller";
/// What the lab asks at a terminal.
pub const QUESTION: &str = "Input lowercase sentence: ";

/// A command of a `console` block, and what it prints by the README.
#[derive(Debug)]
pub struct Step {
    /// On another computer.
    pub laptop: bool,
    pub command: String,
    pub shown: Vec<String>,
}

/// The commands of a section, in their order.
pub fn steps(section: &str) -> Vec<Step> {
    let heading = format!("## {section}\n");
    let start = if section.is_empty() { Some(0) } else { README.find(&heading).map(|at| at + heading.len()) };
    let text = &README[start.unwrap_or_else(|| panic!("the README has no section {section:?}"))..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let (mut steps, mut inside, mut laptop): (Vec<Step>, _, _) = (Vec::new(), false, false);
    for line in text.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (false, "<!-- on: laptop -->") => laptop = true,
            (true, "```") => (inside, laptop) = (false, false),
            (true, line) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { laptop, command: command.to_owned(), shown: Vec::new() });
                }
                (None, Some(step)) => step.shown.push(line.to_owned()),
                (None, None) => panic!("a block of {section:?} begins with {line:?}"),
            },
            _ => {}
        }
    }
    assert!(!steps.is_empty(), "section {section:?} has no commands");
    steps
}
