//! What is to be seen of a server, and what trouble its wire makes.

use std::ffi::OsStr;
use std::path::PathBuf;

use undersock::device::impaired::Settings;

use super::options::Given;
use super::values::{Value, shown};
use crate::failure::{Failure, Result};

/// What is to be seen of a server, and what trouble its wire makes.
#[derive(Debug, Default)]
pub(crate) struct ViewOptions {
    /// A line for each event, as it happens.
    pub(crate) trace: bool,
    /// Every frame's headers.
    pub(crate) explain: bool,
    /// A pcapng file of all frames.
    pub(crate) capture: Option<PathBuf>,
    /// An SVG or HTML file of the last events, at the end.
    pub(crate) ladder: Option<PathBuf>,
    /// JSON lines of all events.
    pub(crate) events: Option<PathBuf>,
    /// What follows a reply in the lab; `None`: a ladder where somebody sees it.
    pub(crate) show: Option<Show>,
    /// Trouble on the wire.
    pub(crate) trouble: Settings,
}

impl ViewOptions {
    /// Whether somebody looks at a connection to its last frame.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab and serve use it"))]
    pub(crate) fn looks(&self) -> bool {
        self.trace || self.explain || self.capture.is_some() || self.events.is_some()
    }
}

/// What follows a reply in the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Ladder,
    Timeline,
    Nothing,
}

pub(super) fn read(given: &Given) -> Result<ViewOptions> {
    let file = |name: &str, right: &str| match given.raw(name) {
        Some(file) if file.is_empty() => {
            let reason = format!("a file has a name; a right one: --{name} {right}");
            Err(Failure::usage(format!("--{name} ''"), reason))
        }
        file => Ok(file.map(PathBuf::from)),
    };
    let ladder = file("ladder", "ladder.svg")?;
    if let Some(path) = &ladder
        && !ladder_ends(path.extension())
    {
        let reason = "the name's end says which kind: .svg, .html or .txt; a right one: ladder.svg";
        return Err(Failure::usage(format!("--ladder {}", shown(path.as_os_str())), reason));
    }
    let mut trouble = Settings::default();
    for (name, example) in Settings::NAMES {
        for value in given.all(name, text) {
            let value = value?;
            trouble.set(name, &value).map_err(|error| {
                let given = shown(OsStr::new(&value));
                let quote = if example.contains(' ') { "'" } else { "" };
                let reason = format!("{error}; a right one: {quote}{example}{quote}");
                Failure::usage(format!("--{name} {given}"), reason)
            })?;
        }
    }
    Ok(ViewOptions {
        trace: given.has("trace"),
        explain: given.has("explain"),
        capture: file("capture", "lab.pcapng")?,
        ladder,
        events: file("events", "events.jsonl")?,
        show: given.one("show", show)?,
        trouble,
    })
}

/// Whether a ladder can be written to a file with this ending.
pub(crate) fn ladder_ends(extension: Option<&OsStr>) -> bool {
    extension.is_some_and(|extension| ["svg", "html", "txt"].iter().any(|known| extension == *known))
}

fn text(value: &str) -> Value<String> {
    Ok(value.to_owned())
}

fn show(value: &str) -> Value<Show> {
    match value {
        "ladder" => Ok(Show::Ladder),
        "timeline" => Ok(Show::Timeline),
        "nothing" => Ok(Show::Nothing),
        _ => Err("not one of ladder, timeline, nothing".into()),
    }
}
