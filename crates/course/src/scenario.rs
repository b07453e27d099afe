//! A scene of the course: its texts, its stage, its script, and the claims that the texts make.

use core::fmt;

use undersock::device::wire::Wire;
use undersock::server::Mode;

use crate::run::Run;
use crate::stage::{CLIENT, CLIENT_V6, FRAMES, LATENCY, SERVER, SERVER_V6, Set, Stage};
use crate::story::Story;
use crate::text;

/// A scene of the course.
pub struct Scenario {
    /// What it is asked for by: kebab-case, and it stays.
    pub name: &'static str,
    /// A line.
    pub title: &'static str,
    /// What the scene is. Paragraphs, with an empty line between two.
    pub scene: &'static str,
    /// What the student is asked before it runs.
    pub question: &'static str,
    /// What was seen, and why.
    pub explanation: &'static str,
    /// Where the rules are written that it shows, as "RFC 9293 3.5", and what each says.
    pub sources: &'static [(&'static str, &'static str)],
    /// Which further views are worth a look.
    pub further: &'static [Further],
    pub(crate) set: Set,
    pub(crate) play: fn(&mut Stage<'_>),
    pub(crate) claims: fn(&Story<'_>) -> Claims,
}

/// What a scene claims, and whether it is so.
pub(crate) type Claims = Vec<(&'static str, bool)>;

/// A view that fits a scene beyond its ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Further {
    /// The headers of a frame, field by field.
    Headers(&'static str),
    /// The table of the server's connections.
    Table(&'static str),
    /// The state diagram, with the path taken.
    Diagram(&'static str),
    /// A capture, for Wireshark.
    Capture(&'static str),
    /// Another scene.
    Scene(&'static str),
}

impl fmt::Display for Further {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Further::Headers(what) => write!(f, "--explain, the headers: {what}"),
            Further::Table(what) => write!(f, "Table of connections: {what}"),
            Further::Diagram(what) => write!(f, "--ladder states.svg, the state diagram: {what}"),
            Further::Capture(what) => write!(f, "--capture FILE, for Wireshark: {what}"),
            Further::Scene(name) => write!(f, "--scenario {name}"),
        }
    }
}

impl Scenario {
    /// Plays it, at once, and always the same.
    #[must_use]
    pub fn run(&self) -> Run {
        let wire = Wire::owned(LATENCY, FRAMES);
        let mut stage = Stage::new(&wire, self.set);
        (self.play)(&mut stage);
        let (records, outcome) = stage.finish();
        Run { records, outcome }
    }

    /// What the texts claim, and whether the run shows it.
    #[must_use]
    pub fn claims(&self, run: &Run) -> Vec<(&'static str, bool)> {
        (self.claims)(&Story::of(run))
    }

    /// What the texts claim and the run does not show: nothing, or somebody has changed one of the two.
    #[must_use]
    pub fn check(&self, run: &Run) -> Vec<&'static str> {
        self.claims(run).into_iter().filter(|(_, holds)| !holds).map(|(claim, _)| claim).collect()
    }

    /// What comes before the run: title, scene and question, wrapped to so many columns.
    #[must_use]
    pub fn opening(&self, width: usize) -> String {
        let Scenario { title, scene, question, .. } = self;
        let rule = "=".repeat(title.chars().count());
        let (scene, question) = (text::wrap(scene, width, ""), text::wrap(question, width, ""));
        let stage: String = self.stage().iter().map(|line| text::item(line, width)).collect();
        format!("{title}\n{rule}\n\n{scene}\n{stage}\nWhat do you expect?\n\n{question}")
    }

    /// Who is on the stage, and what the wire does.
    fn stage(&self) -> Vec<String> {
        let Set { ports, dhcp, ipv6, recovery, .. } = self.set;
        let (client, server) = if ipv6 { (CLIENT_V6, SERVER_V6) } else { (CLIENT, SERVER) };
        let server =
            if dhcp { "the server has no address yet".into() } else { format!("the server is {server}") };
        let latency = LATENCY.total_millis();
        let mut lines = vec![format!(
            "The client is {client}, {server}; a frame needs {latency} ms from one to the other."
        )];
        if let Some(port) = ports.udp {
            lines.push(format!("UDP port {port}: every datagram is answered by one in upper case."));
        }
        for listener in ports.listeners {
            let service = match listener.mode {
                Mode::Stream => "stream mode: every byte in upper case, until the client closes its side.",
                _ => "sentence mode: the server reads once, answers in upper case, and closes.",
            };
            lines.push(format!("TCP port {}, {service}", listener.port));
        }
        if !recovery {
            lines.push(
                "Loss recovery is off at both ends, as by --no-recovery: a timer of a second does it.".into(),
            );
        }
        lines.extend(self.trouble().iter().map(|rule| format!("Trouble on the wire: {rule}.")));
        lines
    }

    /// What the wire does, a rule a line, as [`Rule`](undersock::device::impaired::Rule) reads it: to try it elsewhere too.
    #[must_use]
    pub fn trouble(&self) -> &'static [&'static str] {
        self.set.trouble
    }

    /// What comes after the ladder or timeline: outcome, explanation, sources and further views, wrapped to so many
    /// columns.
    #[must_use]
    pub fn closing(&self, run: &Run, width: usize) -> String {
        let mut page = String::from("What it came to\n\n");
        for line in &run.outcome {
            page += &text::item(line, width);
        }
        page += "\nWhat you saw\n\n";
        page += &text::wrap(self.explanation, width, "");
        page += "\nWhere it is written\n\n";
        for (source, says) in self.sources {
            page += &text::item(&format!("{source}: {says}"), width);
        }
        page += "\nWhat else to look at\n\n";
        page += &text::item("--show timeline: line by line, with the times and numbers named above", width);
        // A table at an instant can't be had from a run that is over.
        for further in self.further.iter().filter(|further| !matches!(further, Further::Table(_))) {
            page += &text::item(&further.to_string(), width);
        }
        page
    }

    /// All of it, with a view of the run in the middle.
    #[must_use]
    pub fn page(&self, run: &Run, view: &str, width: usize) -> String {
        format!("{}\n{}\n\n{}", self.opening(width), view.trim_end_matches('\n'), self.closing(run, width))
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}
