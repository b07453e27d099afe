//! What a person sees who has typed `undersock` and nothing else.

use super::*;

const END_OF_INPUT: &str = "\x04";
const INTERRUPT: &str = "\x03";

#[test]
fn it_asks_until_the_end_of_the_input() {
    alone("at_a_terminal::it_asks_until_the_end_of_the_input", || {
        let mut lab = terminal(&["lab", "--show", "nothing"]);
        lab.prints(READY);
        for (sentence, reply) in [("hello", "HELLO"), ("straße", "STRASSE")] {
            lab.prints("\nInput lowercase sentence: ");
            lab.hears(&format!("{sentence}\n"));
            lab.prints(&format!(
                "UDP From Server: {reply}\r\nTCP From Server: {reply}\r\nInput lowercase sentence: "
            ));
        }
        lab.hears(END_OF_INPUT);
        let ran = lab.end();
        assert_eq!(ran.status, Some(0), "{ran:?}");
    });
}

#[test]
fn an_interrupt_ends_it_with_a_summary() {
    alone("at_a_terminal::an_interrupt_ends_it_with_a_summary", || {
        let mut lab = terminal(&["lab"]);
        lab.prints("\nInput lowercase sentence: ");
        lab.hears("hello\n");
        lab.prints("TCP From Server: HELLO");
        lab.hears(INTERRUPT);
        lab.prints("1 datagrams (1 answered), 1 connections (");
        let ran = lab.end();
        assert_eq!(ran.status, Some(0), "{ran:?}");
    });
}

#[test]
fn a_program_has_the_terminal_and_its_interrupt() {
    alone("at_a_terminal::a_program_has_the_terminal_and_its_interrupt", || {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/interrupted.py");
        let mut lab = terminal(&["lab", "-v", "--", "python3", program]);
        lab.prints("started");
        lab.hears(INTERRUPT);
        lab.prints("interrupted");
        lab.hears("still there?\n");
        lab.prints("STILL THERE?");
        let ran = lab.end();
        assert_eq!(ran.status, Some(5), "{ran:?}");
    });
}
