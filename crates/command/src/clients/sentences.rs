//! Where a client's sentences come from, and how the replies are printed: asked for at a terminal, as the textbook's
//! programs do it; or, for scripts, the argument or the lines of standard input, one reply a line.

use std::io::{self, BufRead, IsTerminal, Read};

use crate::failure::{Failure, Result};
use crate::output;

/// The textbook's question.
pub(crate) const PROMPT: &str = "Input lowercase sentence: ";
/// The longest line that is taken for a sentence.
const LONGEST: usize = 1 << 20;

/// Sends what there is to send, by `exchange`, and prints the replies.
pub(crate) fn converse(
    sentence: Option<&[u8]>,
    exchange: &mut dyn FnMut(&[u8]) -> Result<Vec<u8>>,
) -> Result<()> {
    let input = io::stdin();
    match sentence {
        Some(sentence) => output::result(&line("", exchange(sentence)?)),
        None if input.is_terminal() => {
            output::prompt(PROMPT);
            answer_one(input.lock(), exchange, &mut output::result)
        }
        None => answer_each(input.lock(), exchange, &mut output::result),
    }
}

/// As the textbook's programs do it: one sentence.
fn answer_one(
    input: impl BufRead,
    exchange: &mut dyn FnMut(&[u8]) -> Result<Vec<u8>>,
    print: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match Lines::new(input).next().transpose()? {
        Some(sentence) => print(&line("From Server: ", exchange(&sentence)?)),
        None => {
            // The question still waits at the end of its line.
            output::note("");
            Ok(())
        }
    }
}

/// For scripts: until the end of the input or the first line that fails.
fn answer_each(
    input: impl BufRead,
    exchange: &mut dyn FnMut(&[u8]) -> Result<Vec<u8>>,
    print: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut count = 0_usize;
    for sentence in Lines::new(input) {
        count += 1;
        let reply = exchange(&sentence?).map_err(|failure| {
            failure.mend(format!("this was line {count} of standard input; later ones are not sent"))
        })?;
        print(&line("", reply))?;
    }
    if count == 0 {
        output::note("undersock: standard input is empty: nothing sent");
    }
    Ok(())
}

fn line(prefix: &str, mut reply: Vec<u8>) -> Vec<u8> {
    reply.splice(..0, prefix.bytes());
    reply.push(b'\n');
    reply
}

/// The lines of an input, without their ends, as bytes: any but a line's end may be in them.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Lines<R> {
        Lines { input }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Result<Vec<u8>>> {
        let mut line = Vec::new();
        // One byte more than the longest shows that a line is longer.
        let most = LONGEST as u64 + 2;
        match self.input.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(Failure::io("reading standard input", &error))),
        }
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        if line.len() > LONGEST {
            let longer = Failure::new("reading standard input", "a line of more than 1 MiB is no sentence");
            return Some(Err(longer.mend("send a file: undersock tcp --stream FILE")));
        }
        Some(Ok(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Vec<u8>> {
        Lines::new(input).map(|line| line.unwrap()).collect()
    }

    type Answer = fn(
        &'static [u8],
        &mut dyn FnMut(&[u8]) -> Result<Vec<u8>>,
        &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()>;

    /// What is printed, by a server that refuses "no".
    fn printed(answer: Answer, input: &'static [u8]) -> (String, Result<()>) {
        let mut printed = Vec::new();
        let outcome = answer(
            input,
            &mut |sentence| match sentence {
                b"no" => Err(Failure::new("asking", "refused")),
                sentence => Ok(sentence.to_ascii_uppercase()),
            },
            &mut |bytes| {
                printed.extend_from_slice(bytes);
                Ok(())
            },
        );
        (String::from_utf8(printed).unwrap(), outcome)
    }

    #[test]
    fn a_terminal_has_one_sentence_answered_as_in_the_textbook() {
        assert_eq!(printed(answer_one, b"hello\nworld\n"), ("From Server: HELLO\n".into(), Ok(())));
        assert_eq!(printed(answer_one, b"\n"), ("From Server: \n".into(), Ok(())));
        assert_eq!(printed(answer_one, b""), (String::new(), Ok(())));
        let (printed, outcome) = printed(answer_one, b"no\n");
        assert_eq!((printed.as_str(), outcome), ("", Err(Failure::new("asking", "refused"))));
    }

    #[test]
    fn a_script_has_a_reply_for_each_line_up_to_the_first_that_fails() {
        assert_eq!(printed(answer_each, b"a\n\nb"), ("A\n\nB\n".into(), Ok(())));
        assert_eq!(printed(answer_each, b""), (String::new(), Ok(())));
        let (printed, outcome) = printed(answer_each, b"a\nno\nb\n");
        assert_eq!(printed, "A\n");
        assert!(outcome.unwrap_err().to_string().contains("line 2 of standard input"));
    }

    #[test]
    fn a_line_is_a_sentence_without_its_end() {
        assert_eq!(lines(b""), [b""; 0]);
        assert_eq!(lines(b"a\nb\r\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"\x00\xff\r\r\n"), [b"\x00\xff\r"]);
    }

    #[test]
    fn the_longest_line_passes_and_a_longer_one_ends_it() {
        let mut long = vec![b'a'; LONGEST];
        long.extend_from_slice(b"\r\nb\n");
        assert_eq!(lines(&long).len(), 2);
        long.insert(0, b'a');
        let first = Lines::new(&long[..]).next();
        assert!(matches!(first, Some(Err(failure)) if failure.to_string().contains("1 MiB")));
    }
}
