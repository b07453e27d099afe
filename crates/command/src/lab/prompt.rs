//! What the lab's prompt knows beside sentences: what happened below the last one, and the server's table.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::thread;
use std::time::Instant as Clock;

use undersock::event::{Change, DropRule, Way};
use undersock::smoltcp::socket::tcp::State;
use undersock_views::Side;
use undersock_views::explain::Explain;
use undersock_views::ladder::{self, Style};
use undersock_views::record::{Record, Recorder, What};
use undersock_views::timeline::timeline;

use crate::args::{Show, ladder_ends};
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::server::views;
use crate::terminal::{is_colourful, width};

/// A command begins with it; a sentence that does, with two.
const MARK: u8 = b':';
/// A reply is not the end: the server acknowledges the client's FIN. So many times, so long apart, is looked whether its
/// connections are over, and then whether nothing happens any more.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(5);

const HELP: &str = "\
Commands:
  :ladder           what happened below the last sentence, as a ladder
  :timeline         the same, a line an event
  :explain [N]      its frame N, field by field; without N, a list of its frames
  :table            the server's connections and counters
  :save FILE        the last sentence's ladder (.html, .svg or .txt), its frames
                    for Wireshark (.pcapng), its TCP states (...states.svg)
  :show WHAT        what follows each reply: ladder, timeline or nothing
  :help             this text
A sentence that begins with a colon is written with two.";

/// Asks the server for its table; `None` where it is not in this program.
pub(crate) type TableSource<'t> = Box<dyn FnMut() -> Option<String> + 't>;

/// What is known at the prompt.
pub(crate) struct Prompt<'t> {
    /// Where both ends' events are kept; `None` where nobody looks.
    recorder: Option<Recorder>,
    /// Whose clock goes on while one waits.
    live: bool,
    /// Microseconds from the beginning of 1970 to the zero of the events' clock.
    unix: i64,
    show: Show,
    /// How many records there were before the last sentence, and before its last exchange.
    sentence: u64,
    exchange: u64,
    last: Vec<Record>,
    /// The server's table.
    table: TableSource<'t>,
}

impl<'t> Prompt<'t> {
    /// With the events that `recorder` keeps. Their clock began at `start` if it goes on while one waits; otherwise time
    /// is virtual, and begins now. `table` asks the server for its table.
    pub(crate) fn new(
        recorder: Option<Recorder>,
        start: Option<Clock>,
        show: Show,
        table: TableSource<'t>,
    ) -> Prompt<'t> {
        let ago = start.map_or(Duration::ZERO, |start| start.elapsed());
        let unix = views::unix_micros().saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX));
        let live = start.is_some();
        Prompt { recorder, live, unix, show, sentence: 0, exchange: 0, last: Vec::new(), table }
    }

    /// What a person is told before the first question.
    pub(crate) fn introduce(&self) {
        if self.recorder.is_some() {
            note("Commands begin with a colon; :help lists them");
        }
    }

    fn count(&self) -> u64 {
        self.recorder.as_ref().map_or(0, Recorder::count)
    }

    /// A sentence is about to be sent over one protocol.
    pub(crate) fn begin(&mut self) {
        self.exchange = self.count();
    }

    /// Its reply is here, or none.
    pub(crate) fn end(&mut self) {
        let Some(recorder) = &self.recorder else { return };
        if self.live {
            let mut looks = 0..LOOKS;
            while !are_over(&recorder.since(self.exchange)) && looks.next().is_some() {
                thread::sleep(PAUSE);
            }
            // The server answers between two frames: what it did about the last one is recorded when the answer is here.
            let _ = (self.table)();
            wait_until_quiet(recorder);
        }
        self.last = recorder.since(self.sentence);
        let exchange = recorder.since(self.exchange);
        match self.show {
            Show::Nothing => {}
            Show::Ladder => note(ladder(&exchange) + "\n"),
            Show::Timeline => note(timeline(&exchange)),
        }
    }

    /// What is to be sent for a line: nothing where it was a command, which has been carried out.
    pub(crate) fn sentence(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        let sentence = match line.split_first() {
            Some((&MARK, rest)) if rest.first() == Some(&MARK) => rest.to_vec(),
            Some((&MARK, rest)) => {
                if let Err(failure) = self.command(&String::from_utf8_lossy(rest)) {
                    note(failure);
                }
                return None;
            }
            _ => line,
        };
        self.sentence = self.count();
        Some(sentence)
    }

    fn command(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let value = value.trim();
        match (name, value) {
            ("help" | "h" | "?", _) => note(HELP),
            ("ladder", "") => note(ladder(&self.happened()?.last)),
            ("timeline", "") => note(timeline(&self.happened()?.last).trim_end()),
            ("explain", "") => note(self.happened()?.frames()),
            ("explain", number) => note(self.happened()?.explained(number)?),
            ("table", "") => match (self.table)() {
                Some(table) => note(table.trim_end()),
                None => return Err(Failure::new(":table", "the server is not in this program")),
            },
            ("save", file) => self.happened()?.save(file)?,
            ("show", "ladder") => self.show = Show::Ladder,
            ("show", "timeline") => self.show = Show::Timeline,
            ("show", "nothing") => self.show = Show::Nothing,
            ("show", _) => {
                return Err(Failure::new(
                    format!(":show {value}"),
                    "not one of ladder, timeline, nothing; a right one: :show timeline",
                ));
            }
            _ => {
                let reason = "no such command; :help lists them, and a sentence may begin with two colons";
                return Err(Failure::new(format!(":{}", line.trim()), reason));
            }
        }
        Ok(())
    }

    /// Something to look at.
    fn happened(&self) -> Result<&Prompt<'t>> {
        match (&self.recorder, self.last.is_empty()) {
            (Some(_), false) => Ok(self),
            (Some(_), true) => Err(Failure::new("looking back", "no sentence has been sent yet")),
            (None, _) => {
                let failure = Failure::new("looking back", "nothing was kept of what happened");
                Err(failure.mend("start the lab with --show ladder"))
            }
        }
    }

    /// The frames that a ladder shows, as the server saw them; as the client did, where the server tells nothing.
    fn seen(&self) -> impl Iterator<Item = (&Record, &[u8])> {
        let of = |end| {
            self.last.iter().filter_map(move |record| match &record.what {
                What::Frame { way: Way::Dropped(DropRule::NotForUs), .. } => None,
                What::Frame { bytes, .. } if record.end == end => Some((record, &bytes[..])),
                _ => None,
            })
        };
        let end = if of(Side::Server).next().is_some() { Side::Server } else { Side::Client };
        of(end)
    }

    fn frames(&self) -> String {
        let frames: Vec<Record> = self.seen().map(|(record, _)| record.clone()).collect();
        let timeline = timeline(&frames);
        let lines = timeline.lines().enumerate();
        let mut text: Vec<String> = lines.map(|(index, line)| format!("{:>3} {line}", index + 1)).collect();
        text.push(":explain N shows one of them.".to_owned());
        text.join("\n")
    }

    fn explained(&self, number: &str) -> Result<String> {
        let frame = number.parse::<usize>().ok().and_then(|number| self.seen().nth(number.checked_sub(1)?));
        frame.map(|(_, frame)| Explain(frame).to_string()).ok_or_else(|| {
            let count = self.seen().count();
            Failure::new(format!(":explain {number}"), format!("not one of the frames 1 to {count}"))
        })
    }

    fn save(&self, file: &str) -> Result<()> {
        let path = Path::new(file);
        if ladder_ends(path.extension()) {
            views::save_ladder(path, &self.last, "Below the socket API")?;
        } else if path.extension().is_some_and(|end| end == "pcapng") {
            views::save_capture(path, &self.last, self.unix)?;
        } else {
            let reason =
                "the name's end says what it is: .svg, .html, .txt or .pcapng; a right one: :save ladder.svg";
            return Err(Failure::new(format!(":save {file}"), reason));
        }
        note(format_args!("saved to {file}"));
        Ok(())
    }
}

fn ladder(records: &[Record]) -> String {
    let style = Style::default().with_width(width()).with_colour(is_colourful(&io::stderr()));
    ladder::terminal(records, style).trim_end().to_owned()
}

/// Whether the server has seen the end of each of its connections. One that tells nothing, on a board, has none here.
fn are_over(records: &[Record]) -> bool {
    let mut last = BTreeMap::new();
    for record in records {
        if let (Side::Server, What::State(Change { slot, to, .. })) = (record.end, &record.what) {
            last.insert(*slot, *to);
        }
    }
    last.values().all(|state| matches!(state, State::TimeWait | State::Closed | State::Listen))
}

fn wait_until_quiet(recorder: &Recorder) {
    let mut before = recorder.count();
    for _ in 0..LOOKS {
        thread::sleep(PAUSE);
        let now = recorder.count();
        if now == before {
            return;
        }
        before = now;
    }
}

/// What follows a reply, unless it was said: a ladder where somebody sees it.
pub(crate) fn shown(show: Option<Show>) -> Show {
    let is_seen = io::stdin().is_terminal() && io::stderr().is_terminal();
    show.unwrap_or(if is_seen { Show::Ladder } else { Show::Nothing })
}

#[cfg(test)]
mod tests {
    use undersock::event::Cause;
    use undersock::smoltcp::time::Instant;

    use super::*;

    fn moved(end: Side, slot: usize, to: State) -> Record {
        let change = Change::new(slot, State::Listen, to, Cause::Segment);
        Record { at: Instant::ZERO, end, what: What::State(change) }
    }

    /// A ladder that was drawn earlier lacked the last acknowledgement, on a busy machine.
    #[test]
    fn an_exchange_is_over_when_the_server_has_seen_the_clients_end() {
        use State::{Closed, FinWait1, TimeWait};
        assert!(are_over(&[]));
        let client = moved(Side::Client, 0, FinWait1);
        let (closing, waits) = (moved(Side::Server, 0, FinWait1), moved(Side::Server, 0, TimeWait));
        assert!(!are_over(&[client.clone(), closing.clone()]));
        assert!(are_over(&[client, closing.clone(), waits.clone()]));
        assert!(!are_over(&[closing.clone(), moved(Side::Server, 1, FinWait1), waits.clone()]));
        assert!(are_over(&[closing, moved(Side::Server, 1, Closed), waits]));
    }
}
