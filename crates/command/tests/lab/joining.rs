//! A second terminal. These tests have a process tree of their own: other labs of this machine are not in it.

use super::*;

#[test]
fn a_second_program_joins_the_lab_that_is_running() {
    alone("joining::a_second_program_joins_the_lab_that_is_running", || {
        let join = |words: &[&str]| run(undersock([&["lab", "--join", "--"][..], words].concat()), b"");
        let client = this_command();

        let ran = join(&["echo", "hello"]);
        assert_eq!(
            fails(&ran, "undersock: joining the lab: no lab is running"),
            ["  start one: undersock lab"]
        );

        let lab = Program::start(undersock(["lab", "-v"]));
        lab.says(READY);
        for address in ADDRESSES {
            prints(&join(&[client, "udp", address, "hello"]), "HELLO\n");
            prints(&join(&[client, "tcp", address, "straße"]), "STRASSE\n");
        }
        prints(&join(&["sh", "-c", "ls /sys/class/net"]), "lo\ntap0\n");
        assert_eq!(join(&["sh", "-c", "exit 7"]).status, Some(7));
        assert_eq!(join(&["sh", "-c", "kill $$"]).status, Some(128 + 15));
        let ran = join(&["no-such-program"]);
        fails(&ran, "undersock: starting no-such-program: No such file or directory");
        // From inside there is nothing to join.
        let ran = join(&[client, "lab", "--join", "--", "true"]);
        fails(&ran, "undersock: joining the lab: this terminal is in it already");

        prints(&lab.close(), "");
        fails(&join(&["true"]), "undersock: joining the lab: no lab is running");
    });
}

#[test]
fn one_of_several_labs_is_named_by_its_process() {
    alone("joining::one_of_several_labs_is_named_by_its_process", || {
        let labs = [12000_u16, 7000].map(|port| {
            let lab = Program::start(undersock(["lab", "-v", "--udp-port", &port.to_string()]));
            lab.says(READY);
            (lab, port)
        });
        let join = |how: &str, port| {
            let server = format!("192.168.69.1:{port}");
            run(undersock(["lab", how, "--", this_command(), "udp", &server, "hello"]), b"")
        };
        let ran = join("--join", 12000);
        let named = labs.each_ref().map(|(lab, _)| format!("  undersock lab --join={}", lab.id()));
        assert_eq!(fails(&ran, "undersock: joining the lab: 2 labs are running; name one"), named);
        for (lab, port) in &labs {
            let how = format!("--join={}", lab.id());
            prints(&join(&how, *port), "HELLO\n");
        }
        let ran = join("--join=999999", 12000);
        fails(&ran, "undersock: joining the lab of process 999999: there is no such process");
    });
}

#[test]
fn the_end_of_the_second_terminal_is_its_programs() {
    alone("joining::the_end_of_the_second_terminal_is_its_programs", || {
        let lab = Program::start(undersock(["lab", "-v"]));
        lab.says(READY);
        let join = ["lab", "--join", "--", "sh", "-c", "echo started; exec sleep 100"];
        let join = Program::start(undersock(join));
        join.prints("started\n");
        join.signal(Signal::TERM);
        // A program that went on would keep the output open.
        let ran = join.end();
        assert_eq!(ran.status, Some(128 + 15), "{ran:?}");
        prints(&lab.close(), "");
    });
}

#[test]
fn without_a_program_it_is_the_users_shell() {
    alone("joining::without_a_program_it_is_the_users_shell", || {
        let lab = Program::start(undersock(["lab", "-v"]));
        lab.says(READY);
        let mut join = undersock(["lab", "--join"]);
        join.env("SHELL", tool_path("sh"));
        let ran = run(join, b"ls /sys/class/net; exit 3\n");
        assert_eq!((ran.status, &ran.stdout[..]), (Some(3), &b"lo\ntap0\n"[..]), "{ran:?}");
        assert!(ran.stderr.contains("192.168.69.1 and fdaa::1"), "{ran:?}");
    });
}
