//! `undersock lab`: the server and this computer's kernel in a private network; or, where that is not to be had, both
//! sides on the in-memory wire.

use std::io::{self, BufReader, IsTerminal};

use super::args::{Course, LabOptions, ServerOptions, Show};
use super::failure::{FAILED, Failure, Result};
use super::output::{self, note};
use super::prompt::{self, Prompt};
use super::scenario;
use super::sentences::{Lines, PROMPT};

/// `undersock lab`
pub(crate) fn run(options: &LabOptions) -> Result<u8> {
    match &options.course {
        None => network(options),
        Some(Course::List) => scenario::list().map(|()| 0),
        Some(Course::Scene(scene)) => scenario::run(scene, &options.server.watch).map(|()| 0),
    }
}

#[cfg(target_os = "linux")]
use super::linux::lab::run as network;

#[cfg(not(target_os = "linux"))]
fn network(options: &LabOptions) -> Result<u8> {
    in_memory(options, Failure::new("making a network of its own", "network namespaces are Linux's"))
}

/// One protocol of the lab: its name, and how a sentence goes there and back.
pub(crate) type Exchange<'a> = (&'static str, &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>>);

/// Asks for sentences, sends each over every protocol, and prints the replies. The exit status: 1 if one had no reply.
pub(crate) fn converse(exchanges: &mut [Exchange<'_>], prompt: &mut Prompt<'_>) -> Result<u8> {
    let input = io::stdin();
    let asks = input.is_terminal();
    // Not `lock`: a thread that waits for a line would hold it for ever.
    let mut lines = Lines::new(BufReader::new(input));
    let mut status = 0;
    if asks {
        prompt.introduce();
    }
    loop {
        if asks {
            output::prompt(PROMPT);
        }
        let Some(line) = lines.next().transpose()? else { break };
        // A script's lines are sentences, whatever they begin with.
        let sentence = if asks { prompt.sentence(line) } else { Some(line) };
        let Some(sentence) = sentence else { continue };
        for (protocol, exchange) in &mut *exchanges {
            prompt.begin();
            let reply = exchange(&sentence);
            match reply {
                Ok(reply) => {
                    let reply = [format!("{protocol} From Server: ").as_bytes(), &reply, b"\n"].concat();
                    output::result(&reply)?;
                }
                Err(failure) => {
                    status = FAILED;
                    note(failure);
                }
            }
            prompt.end();
        }
    }
    if asks {
        note("");
    }
    Ok(status)
}

/// Both sides on the in-memory wire, because of `reason`.
pub(crate) fn in_memory(options: &LabOptions, reason: Failure) -> Result<u8> {
    if options.join.is_some() || options.board.is_some() || !options.command.is_empty() {
        return Err(reason);
    }
    note(reason);
    note(
        "So both sides run in this program, on a wire in memory: the same server, a client on a stack like it.",
    );
    let ServerOptions { config, watch, .. } = &options.server;
    let show = prompt::shown(watch.show);
    let pair = super::memory::Pair::new(&options.server, show != Show::Nothing)?;
    let recorder = pair.recorder();
    let pair = core::cell::RefCell::new(pair);
    let mut udp = |sentence: &[u8]| pair.borrow_mut().udp(sentence);
    let mut tcp = |sentence: &[u8]| pair.borrow_mut().tcp(sentence);
    let mut exchanges: Vec<Exchange<'_>> = Vec::new();
    if config.ports.udp != 0 {
        exchanges.push(("UDP", &mut udp));
    }
    if config.ports.sentence != 0 {
        exchanges.push(("TCP", &mut tcp));
    }
    let table = || Some(pair.borrow().table());
    let status = converse(&mut exchanges, &mut Prompt::new(recorder, false, show, Box::new(table)))?;
    drop(exchanges);
    pair.into_inner().finish()?;
    Ok(status)
}
