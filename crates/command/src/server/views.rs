//! What is seen of a server while it runs: log lines, a trace, a capture, JSON lines, records for ladders.

use core::cell::RefCell;
use core::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use log::LevelFilter;
use undersock::event::{Event, Observer};
use undersock::packet::Link;
use undersock::server::Server;
use undersock::smoltcp::time::Instant;
use undersock_views::Side;
use undersock_views::explain::Explain;
use undersock_views::json::Json;
use undersock_views::ladder::{self, Style};
use undersock_views::log::Log;
use undersock_views::output::Output;
use undersock_views::pcapng::{Capture, capture};
use undersock_views::record::{Record, Recorder, Recording};
use undersock_views::states;
use undersock_views::table::{SlotObserver, Table};
use undersock_views::timeline::Timeline;

use crate::args::ServerOptions;
use crate::failure::{Failure, Result};
use crate::output::note;

/// So many records are kept for ladders.
pub(crate) const KEPT: usize = 20_000;
/// Columns of a ladder in a text file.
const TEXT_WIDTH: usize = 110;

/// What is seen of a server. A clone is another handle to the same views.
#[derive(Clone)]
pub(crate) struct Views(Rc<RefCell<Sinks>>);

struct Sinks {
    log: bool,
    trace: Option<Timeline<StandardError>>,
    explain: bool,
    capture: Option<(PathBuf, Capture<File>)>,
    events: Option<(PathBuf, Json<Output<BufWriter<File>>>)>,
    ladder: Option<PathBuf>,
    recording: Option<(Recorder, Recording)>,
    ages: SlotObserver<'static>,
    /// The first thing that could not be written.
    failure: Option<Failure>,
    interface: String,
}

/// Standard error, for views that write text.
#[derive(Debug)]
struct StandardError;

impl fmt::Write for StandardError {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        io::stderr().lock().write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl Views {
    /// The views that `options` ask for, of a server at this interface, whose frames begin with `link`. With `records`, the last events are kept.
    pub(crate) fn new(options: &ServerOptions, interface: &str, link: Link, records: bool) -> Result<Views> {
        let ServerOptions { views: options, slots, .. } = options;
        let unix = unix_micros();
        let capture = match &options.capture {
            Some(path) => Some((path.clone(), Capture::new(create(path)?, interface, unix).with_link(link))),
            None => None,
        };
        let events = match &options.events {
            Some(path) => {
                let mut json = Json::new(Output::new(BufWriter::new(create(path)?)));
                json.start(Instant::ZERO, unix);
                Some((path.clone(), json))
            }
            None => None,
        };
        if let Some(path) = &options.ladder {
            // So that a file that can't be written is known now, and not after an hour.
            create(path)?;
        }
        let recording = (records || options.ladder.is_some()).then(|| {
            let recorder = Recorder::new(KEPT);
            let recording = recorder.at(Side::Server);
            (recorder, recording)
        });
        Ok(Views(Rc::new(RefCell::new(Sinks {
            log: log::max_level() >= LevelFilter::Debug,
            trace: options.trace.then(|| Timeline::new(StandardError)),
            explain: options.explain,
            capture,
            events,
            ladder: options.ladder.clone(),
            recording,
            ages: SlotObserver::owned(*slots),
            failure: None,
            interface: interface.to_owned(),
        }))))
    }

    /// Whether anybody looks.
    pub(crate) fn looks(&self) -> bool {
        let Sinks { log, trace, explain, capture, events, recording, .. } = &*self.0.borrow();
        *log || trace.is_some() || *explain || capture.is_some() || events.is_some() || recording.is_some()
    }

    /// Where the last events are kept, for what happens at the other end and for ladders.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        self.0.borrow().recording.as_ref().map(|(recorder, _)| recorder.clone())
    }

    /// Before a sleep: what has been written so far can be read.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab and serve use it"))]
    pub(crate) fn settle(&self) {
        let Sinks { capture, events, failure, .. } = &mut *self.0.borrow_mut();
        if let Some((path, capture)) = capture
            && let Err(error) = capture.flush()
        {
            failure.get_or_insert_with(|| unwritten(path, &error));
        }
        if let Some((path, events)) = events
            && let Err(error) = events.out().flush()
        {
            failure.get_or_insert_with(|| unwritten(path, &error));
        }
    }

    /// The table of a server's connections, and its counters.
    pub(crate) fn table(&self, server: &Server<'_>, now: Instant) -> String {
        let sinks = self.0.borrow();
        let table = Table::new(server, now);
        if self.looks() { table.with(&sinks.ages).to_string() } else { table.to_string() }
    }

    /// Ends every file.
    pub(crate) fn finish(&self) -> Result<()> {
        let Sinks { capture, events, ladder, recording, failure, interface, .. } = &mut *self.0.borrow_mut();
        let mut result = failure.take().map_or(Ok(()), Err);
        if let Some((path, capture)) = capture.take() {
            let packets = capture.packets();
            let ended = capture.finish().map(|_| {
                note(format_args!("{}: {packets} frames, for Wireshark", path.display()));
            });
            result = result.and(ended.map_err(|error| unwritten(&path, &error)));
        }
        if let Some((path, events)) = events.take() {
            let ended = events.into_inner().finish().map(|_| {
                note(format_args!("{}: events, a JSON object a line", path.display()));
            });
            result = result.and(ended.map_err(|error| unwritten(&path, &error)));
        }
        if let (Some(path), Some((recorder, _))) = (ladder.take(), recording) {
            let title = format!("Below the socket API, at {interface}");
            let saved = save_ladder(&path, &recorder.since(0), &title).map(|()| {
                note(format_args!("{}: the ladder of the last events", path.display()));
            });
            result = result.and(saved);
        }
        result
    }
}

impl Observer for Views {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        let sinks = &mut *self.0.borrow_mut();
        if sinks.log {
            Log.event(now, event);
        }
        if let Some(trace) = &mut sinks.trace {
            trace.event(now, event);
        }
        if sinks.explain
            && let Event::Frame(frame) = event
        {
            note(Explain::new(frame.bytes).with_link(frame.link));
        }
        if let Some((_, capture)) = &mut sinks.capture {
            capture.event(now, event);
        }
        if let Some((_, events)) = &mut sinks.events {
            events.event(now, event);
        }
        if let Some((_, recording)) = &mut sinks.recording {
            recording.event(now, event);
        }
        sinks.ages.event(now, event);
    }
}

/// Writes records to a file as a ladder of the kind that its name asks for; `...states.svg` is the diagram of the TCP
/// states.
pub(crate) fn save_ladder(path: &Path, records: &[Record], title: &str) -> Result<()> {
    let is_of_states = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("states.svg"));
    let text = match path.extension().and_then(|extension| extension.to_str()) {
        _ if is_of_states => {
            states::svg(&states::paths(records), records.first().map(|record| record.at), "TCP states")
        }
        Some("svg") => ladder::svg(records, title, ladder::Format::Wide),
        Some("html") => ladder::html(records, title, ""),
        _ => ladder::terminal(records, Style::default().with_width(TEXT_WIDTH)),
    };
    std::fs::write(path, text).map_err(|error| unwritten(path, &error))
}

/// Writes the frames of records to a file for Wireshark. `unix` is how many microseconds after the beginning of 1970 the
/// zero of their clock is.
pub(crate) fn save_capture(path: &Path, records: &[Record], unix: i64) -> Result<()> {
    let file = BufWriter::new(create(path)?);
    capture(records, file, "wire", unix).map(drop).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::io(format!("writing {}", path.display()), error)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| {
        let failure = Failure::io(format!("opening {}", path.display()), &error);
        match path.parent() {
            Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                failure.mend(format!("mkdir -p {}", folder.display()))
            }
            _ => failure,
        }
    })
}

/// Microseconds since the beginning of 1970.
pub(crate) fn unix_micros() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
