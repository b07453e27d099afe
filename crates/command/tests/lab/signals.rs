use super::*;

#[test]
fn a_signal_ends_the_lab_with_a_summary() {
    alone("signals::a_signal_ends_the_lab_with_a_summary", || {
        for signal in [Signal::TERM, Signal::INT] {
            let mut lab = Program::start(undersock(["lab", "-v"]));
            lab.hears("hello\n");
            lab.prints("TCP From Server: HELLO\n");
            lab.signal(signal);
            let ran = lab.end();
            prints(&ran, "UDP From Server: HELLO\nTCP From Server: HELLO\n");
            let summary = "1 datagrams (1 answered), 1 connections (";
            assert!(ran.stderr.contains(summary), "{summary:?} is not said: {ran:?}");
        }
    });
}

#[test]
fn an_interrupt_is_the_programs() {
    alone("signals::an_interrupt_is_the_programs", || {
        tool_path("python3");
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/interrupted.py");
        let mut command = lab(&[], &["python3", program]);
        // As a terminal does it: the signal goes to all who are in the foreground.
        command.process_group(0);
        let mut lab = Program::start(command);
        lab.prints("started\n");
        kill_process_group(lab.pid(), Signal::INT).expect("it runs");
        lab.prints("interrupted\n");
        lab.hears("still there?\n");
        lab.prints("STILL THERE?\n");
        let ran = lab.end();
        assert_eq!(ran.status, Some(5), "{ran:?}");
    });
}

#[test]
fn an_interrupt_ends_a_program_that_does_nothing_about_it() {
    alone("signals::an_interrupt_ends_a_program_that_does_nothing_about_it", || {
        let mut command = lab(&[], &["sh", "-c", "echo started; exec sleep 100"]);
        command.process_group(0);
        let lab = Program::start(command);
        lab.prints("started\n");
        kill_process_group(lab.pid(), Signal::INT).expect("it runs");
        let ran = lab.end();
        assert_eq!(ran.status, Some(128 + 2), "{ran:?}");
    });
}

#[test]
fn the_end_of_the_lab_is_the_programs() {
    alone("signals::the_end_of_the_lab_is_the_programs", || {
        for (script, status) in [
            ("echo started; exec sleep 100", 128 + 15),
            ("trap 'exit 3' TERM; echo started; while :; do sleep 0.1; done", 3),
        ] {
            let lab = Program::start(lab(&[], &["sh", "-c", script]));
            lab.prints("started\n");
            lab.signal(Signal::TERM);
            let ran = lab.end();
            assert_eq!(ran.status, Some(status), "{script}: {ran:?}");
        }
    });
}
