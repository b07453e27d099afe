//! The ladder as a page that needs nothing but a browser.

use core::fmt::Write as _;

use super::draw::{Format, draw};
use super::story::{Act, LadderStory, SaidKind};
use crate::notation::time;
use crate::record::Record;
use crate::svg::{Ink, escape};

/// One page with a title, paragraphs (an empty line ends one), the ladder, wide or narrow as there is room, and the same
/// in words. No scripts, no fonts, nothing from a network.
#[must_use]
pub fn html(records: &[Record], title: &str, text: &str) -> String {
    let story = LadderStory::new(records);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n<style>{colours}{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<header>\n<h1>{title}</h1>\n",
        title = escape(title),
        colours = colours(),
    );
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(page, "<p>{}</p>", escape(paragraph));
    }
    let _ = writeln!(
        page,
        "</header>\n<figure>\n{}{}</figure>",
        draw(&story, title, Format::Wide),
        draw(&story, title, Format::Narrow)
    );
    in_words(&mut page, &story);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// What pointing at the drawing says, for those who can't point.
fn in_words(page: &mut String, story: &LadderStory<'_>) {
    page.push_str("<details>\n<summary>The same in words</summary>\n<table>\n");
    for moment in &story.moments {
        let (who, text) = match &moment.act {
            Act::Departs(number) | Act::Crosses(number) => {
                let transit = &story.transits[*number];
                let way =
                    if transit.from.name() == "client" { "client → server" } else { "client ← server" };
                (way, transit.label.title.clone())
            }
            Act::Arrives(number, _) => ("arrives", story.transits[*number].label.head.clone()),
            Act::Vanishes(number) => ("is lost", story.transits[*number].label.head.clone()),
            Act::Said(said) => (
                said.end.name(),
                match said.kind {
                    SaidKind::Call => format!("calls {}", said.title),
                    SaidKind::State(_) | SaidKind::Timer => said.title.clone(),
                },
            ),
            Act::Note(text) => ("note", (*text).into()),
            Act::Pause(_) => continue,
        };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{who}</td><td>{}</td></tr>",
            escape(&time(moment.at)),
            escape(&text)
        );
    }
    page.push_str("</table>\n</details>\n");
}

/// The drawing's colours as the page's.
fn colours() -> String {
    let inks = [("paper", Ink::Paper), ("ink", Ink::Black), ("mute", Ink::Mute), ("faint", Ink::Faint)];
    let all = |colour: fn(Ink) -> &'static str| {
        inks.map(|(name, ink)| format!("--{name}: {};", colour(ink))).join(" ")
    };
    format!(
        "\n:root {{ color-scheme: light dark; {} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}",
        all(Ink::light),
        all(Ink::dark)
    )
}

const STYLE: &str = "
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.5 system-ui, 'DejaVu Sans', 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
main { box-sizing: border-box; max-width: 1400px; margin: 0 auto; padding: 24px 16px; }
header, details { max-width: 44em; margin-left: auto; margin-right: auto; }
h1 { text-align: center; font-size: 1.5em; line-height: 1.25; margin-top: 0; }
figure { margin: 24px 0; }
svg { display: block; width: 100%; height: auto; margin: 0 auto; }
svg.narrow { display: none; max-width: 560px; }
details { max-width: 1000px; color: var(--mute); font-size: 0.85em; }
summary { cursor: pointer; }
table { border-collapse: collapse; margin-top: 8px; }
td { padding: 2px 12px 2px 0; vertical-align: top; border-top: 1px solid var(--faint); overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
td:nth-child(2) { white-space: nowrap; }
@media (max-width: 760px) {
  main { padding: 16px 0; } header, details { padding: 0 14px; } h1 { text-align: left; }
  svg.wide { display: none; } svg.narrow { display: block; }
  td:nth-child(2) { white-space: normal; }
}
@media print { details { display: none; } }
";
