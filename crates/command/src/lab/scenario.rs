//! `undersock lab --scenario NAME`: a scene of the course, in virtual time; and `--list`.

use std::io::{self, BufRead, IsTerminal};

use undersock_course::Scenario;
use undersock_views::Side;
use undersock_views::explain::Explain;
use undersock_views::ladder::{self, Style};
use undersock_views::record::What;
use undersock_views::timeline::timeline;

use crate::args::{Show, ViewOptions};
use crate::failure::{Failure, Result};
use crate::output::{self, note};
use crate::server::views;
use crate::terminal::{is_colourful, width as terminal_width};

/// Text is no wider than this: longer lines are hard to read.
const WIDEST_TEXT: usize = 100;

/// `undersock lab --list`
pub(crate) fn list() -> Result<()> {
    let longest = undersock_course::list().iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Scenario { name, title, .. } in undersock_course::list() {
        text += &format!("{name:longest$}  {title}\n");
    }
    output::result(text.as_bytes())
}

/// `undersock lab --scenario NAME`
pub(crate) fn run(scenario: &Scenario, options: &ViewOptions) -> Result<()> {
    let out = io::stdout();
    let is_seen = out.is_terminal();
    let width = if is_seen { terminal_width() } else { WIDEST_TEXT };
    let text_width = width.min(WIDEST_TEXT);
    output::result(scenario.opening(text_width).as_bytes())?;
    if is_seen && io::stdin().is_terminal() {
        output::prompt("\nEnter runs it. ");
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Failure::io("reading the terminal", &error))?;
    }
    let run = scenario.run();
    let usual = if options.trace { Show::Timeline } else { Show::Ladder };
    let mut view = match options.show.unwrap_or(usual) {
        Show::Ladder => {
            let colour = is_colourful(&out);
            ladder::terminal(&run.records, Style::default().with_width(width).with_colour(colour))
        }
        Show::Timeline => timeline(&run.records),
        Show::Nothing => String::new(),
    };
    if options.explain {
        for record in &run.records {
            if let (Side::Server, What::Frame { link, bytes, .. }) = (record.end, &record.what) {
                view += &format!("\n{}", Explain::new(bytes).with_link(*link));
            }
        }
    }
    let closing = scenario.closing(&run, text_width);
    output::result(format!("\n{}\n\n{}", view.trim_matches('\n'), closing).as_bytes())?;
    if let Some(path) = &options.ladder {
        views::save_ladder(path, &run.records, scenario.title)?;
        note(format_args!("saved to {}", path.display()));
    }
    if let Some(path) = &options.capture {
        // Its time is virtual: it begins now.
        views::save_capture(path, &run.records, views::unix_micros())?;
        note(format_args!("saved to {}", path.display()));
    }
    Ok(())
}
