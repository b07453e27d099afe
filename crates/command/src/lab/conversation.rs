//! The lab's conversation: sentences are asked for, each goes over every protocol, and the replies are printed.

use std::io::{self, BufReader, IsTerminal};

use super::prompt::Prompt;
use crate::clients::sentences::{Lines, PROMPT};
use crate::failure::{FAILED, Result};
use crate::output::{self, note};

/// One protocol of the lab: its name, and how a sentence goes there and back.
pub(crate) type Protocol<'a> = (&'static str, &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>>);

/// Asks for sentences, sends each over every protocol, and prints the replies. The exit status: 1 if one had no reply.
pub(crate) fn converse(protocols: &mut [Protocol<'_>], prompt: &mut Prompt<'_>) -> Result<u8> {
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
        for (protocol, exchange) in &mut *protocols {
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
