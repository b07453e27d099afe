//! What a terminal shows, without what is different each time: times, ports, widths, and which of two ends was seen first.

/// What happened below a reply, each lane by itself: between two lanes the order is that of two clocks.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ladder {
    client: Vec<String>,
    wire: Vec<String>,
    server: Vec<String>,
}

/// The lines of a screen, and the ladders between them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Screen {
    lines: Vec<String>,
    ladders: Vec<Ladder>,
}

/// An end on a ladder's line.
const UPRIGHTS: [char; 4] = ['┆', '│', '┃', '┊'];
/// What a client's kernel may do or leave out, as fast as it is: it acknowledges the reply with its FIN, or before.
const EITHER_WAY: [&str; 3] = ["[LAST-ACK]", "[FIN-WAIT-2]", "> ACK seq=6 ack=7"];

impl Screen {
    pub(crate) fn of(lines: &[&str]) -> Screen {
        let mut screen = Screen::default();
        for line in lines {
            let is_head = line.starts_with(" #") || line.trim_start().starts_with("client 192.");
            match line.split_once(UPRIGHTS) {
                _ if is_head => screen.lines.push(words(line)),
                Some((left, rest)) => {
                    let (wire, right) = rest.rsplit_once(UPRIGHTS).unwrap_or((rest, ""));
                    let ladder = screen.ladder();
                    ladder.client.extend(said(without_time(left)));
                    ladder.crosses(wire);
                    ladder.server.extend(said(right));
                }
                None => screen.lines.push((*line).to_owned()),
            }
        }
        for ladder in &mut screen.ladders {
            ladder.tidy();
        }
        screen
    }

    /// The ladder that stands where the lines are now.
    fn ladder(&mut self) -> &mut Ladder {
        const HERE: &str = "(a ladder)";
        if self.lines.last().is_none_or(|line| line != HERE) {
            self.lines.push(HERE.to_owned());
            self.ladders.push(Ladder::default());
        }
        self.ladders.last_mut().expect("the one just begun")
    }
}

impl Ladder {
    /// An arrow, or what stands below one.
    fn crosses(&mut self, wire: &str) {
        let text = words(wire.trim_matches([' ', '─', '◀', '▶']));
        match (wire.contains('▶'), wire.contains('◀'), self.wire.last_mut()) {
            (true, ..) => self.wire.push(format!("> {text}")),
            (_, true, _) => self.wire.push(format!("< {text}")),
            (_, _, Some(above)) if !text.is_empty() => *above = format!("{above} · {text}"),
            _ => {}
        }
    }

    /// Calls before states: a state is seen when it is looked for.
    fn tidy(&mut self) {
        for lane in [&mut self.client, &mut self.wire, &mut self.server] {
            lane.retain(|text| !EITHER_WAY.contains(&text.as_str()));
            lane.sort_by_key(|text| text.starts_with('['));
        }
    }
}

/// Without `106 µs` at the beginning.
fn without_time(text: &str) -> &str {
    let text = text.trim_start();
    match text.split_once(' ') {
        Some((number, rest)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            rest.trim_start().split_once(' ').map_or("", |(_unit, rest)| rest)
        }
        _ => text,
    }
}

/// Calls and states: a call may have a number behind it.
fn said(text: &str) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match said.last_mut() {
            Some(call) if word.starts_with(|c: char| c.is_ascii_digit()) => *call = format!("{call} {word}"),
            _ => said.push(word.to_owned()),
        }
    }
    said
}

/// One space between words, and no port and no scale that a kernel chose.
fn words(text: &str) -> String {
    let plain = |word: &str| match word.rsplit_once([':', '=']) {
        Some((address, port)) if chosen(port) => format!("{address}:PORT"),
        Some(("WS", _)) => "WS".to_owned(),
        None if chosen(word) => "PORT".to_owned(),
        _ => word.to_owned(),
    };
    text.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

/// A port that is nobody's service.
fn chosen(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port >= 16_384)
}
