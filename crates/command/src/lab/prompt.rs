//! What the lab's prompt knows beside sentences: what happened below the last one, and the server's table.

use core::time::Duration;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant as Clock;

use undersock::event::{DropRule, Way};
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

/// Returns when everything that has reached the server by now is in the records. After a reply it still has something
/// to do: the last acknowledgement of a connection, and the state that this leads to.
pub(crate) type Settle<'t> = Box<dyn FnMut() + 't>;

/// What is known at the prompt.
pub(crate) struct Prompt<'t> {
    /// Where both ends' events are kept; `None` where nobody looks.
    recorder: Option<Recorder>,
    /// Microseconds from the beginning of 1970 to the zero of the events' clock.
    unix: i64,
    show: Show,
    /// How many records there were before the last sentence, and before its last exchange.
    sentence: u64,
    exchange: u64,
    last: Vec<Record>,
    /// The server's table.
    table: TableSource<'t>,
    settle: Settle<'t>,
}

impl<'t> Prompt<'t> {
    /// With the events that `recorder` keeps. Their clock began at `start` if it goes on while one waits; otherwise time
    /// is virtual, and begins now. `table` asks the server for its table, and `settle` lets it finish what it does.
    pub(crate) fn new(
        recorder: Option<Recorder>,
        start: Option<Clock>,
        show: Show,
        table: TableSource<'t>,
        settle: Settle<'t>,
    ) -> Prompt<'t> {
        let ago = start.map_or(Duration::ZERO, |start| start.elapsed());
        let unix = views::unix_micros().saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX));
        Prompt { recorder, unix, show, sentence: 0, exchange: 0, last: Vec::new(), table, settle }
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
        (self.settle)();
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
    fn seen(&self) -> impl Iterator<Item = (&Record, Explain<'_>)> {
        let of = |end| {
            self.last.iter().filter_map(move |record| match &record.what {
                What::Frame { way: Way::Dropped(DropRule::NotForUs), .. } => None,
                What::Frame { link, bytes, .. } if record.end == end => {
                    Some((record, Explain::new(bytes).with_link(*link)))
                }
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
        frame.map(|(_, frame)| frame.to_string()).ok_or_else(|| {
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

/// What follows a reply, unless it was said: a ladder where somebody sees it.
pub(crate) fn shown(show: Option<Show>) -> Show {
    let is_seen = io::stdin().is_terminal() && io::stderr().is_terminal();
    show.unwrap_or(if is_seen { Show::Ladder } else { Show::Nothing })
}

#[cfg(test)]
mod tests {
    use undersock::event::{Call, Event};
    use undersock::smoltcp::time::Instant;

    use super::*;

    /// However long the server takes for what follows a reply.
    #[test]
    fn what_the_server_does_after_its_reply_is_in_the_ladder() {
        let recorder = Recorder::new(10);
        let close = |slot| {
            let what = What::from(&Event::Call(Call::Close { slot }));
            recorder.add(Record { at: Instant::ZERO, end: Side::Server, what });
        };
        let (table, settle) = (Box::new(|| None), Box::new(|| close(2)));
        let mut prompt =
            Prompt::new(Some(recorder.clone()), Some(Clock::now()), Show::Nothing, table, settle);
        prompt.sentence(b"hello".to_vec());
        prompt.begin();
        close(1);
        prompt.end();
        let slots = prompt.last.iter().map(|record| match record.what {
            What::Call(Call::Close { slot }) => slot,
            ref other => panic!("{other:?}"),
        });
        assert_eq!(slots.collect::<Vec<_>>(), [1, 2]);
    }
}
