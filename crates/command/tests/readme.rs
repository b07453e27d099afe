//! Every command of the README is run as it stands there, and what it prints is compared with what the README shows.
//!
//! A section's `console` blocks share a network of their own. `$ ` begins a command; the lines after it are its output,
//! where the README shows any. `undersock serve` goes on beside the commands after it until the block that cleans up,
//! or the end of the section. A comment `<!-- on: laptop -->` before a block means another computer.
//!
//! The section on microcontrollers takes a compiler for them, and QEMU: the boards' tests follow it.
#![cfg(target_os = "linux")]

mod screen;

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use screen::Screen;
use test_support::command::{Ran, run};
use test_support::network::{Program, alone, terminal, tool};
use test_support::recipes::{OF_THE_BOARDS, QUESTION, README, Step, steps};

/// Where the tests keep what they need, each its own.
const TOOLS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/readme");

/// What a terminal makes of Ctrl-D.
const END_OF_INPUT: &str = "\x04";

/// A shell of a user who has installed `undersock`, and who is root here whatever `sudo` would ask.
fn shell(step: &Step) -> Command {
    let path = format!(
        "{TOOLS}:{}:{}:/usr/sbin:/sbin",
        Path::new(env!("CARGO_BIN_EXE_undersock")).parent().expect("a directory").display(),
        std::env::var("PATH").unwrap_or_default(),
    );
    let mut shell = if step.laptop {
        let mut there = tool("nsenter");
        there.args([&format!("--net={TOOLS}/laptop"), "sh"]);
        there
    } else {
        tool("sh")
    };
    // In the shell's place, so that Ctrl-C is the program's.
    let exec = if step.command.starts_with("undersock serve") { "exec " } else { "" };
    shell
        .args(["-c", &format!("{exec}{}", step.command)])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env("PATH", path)
        .env("USER", "root")
        .env_remove("NO_COLOR");
    shell
}

/// A directory of this test's own, in its own mount table, with a `sudo` that asks nothing.
fn prepare() {
    std::fs::create_dir_all(TOOLS).expect("a directory");
    sure(&format!("mount -t tmpfs none {TOOLS}"));
    sure(&format!("printf '#!/bin/sh\\nexec \"$@\"\\n' > {TOOLS}/sudo && chmod 755 {TOOLS}/sudo"));
}

#[track_caller]
fn sure(line: &str) {
    let mut shell = tool("sh");
    shell.args(["-c", line]);
    let ran = run(shell, b"");
    assert_eq!(ran.status, Some(0), "{line}: {ran:?}");
}

/// Runs a section's commands. What a step shows must be what it prints; `files` are written by some, and looked at.
fn follow(steps: &[Step]) {
    let mut server: Option<Program> = None;
    for step in steps {
        if step.command.starts_with("undersock serve") {
            let program = Program::start(shell(step));
            program.says("The server is ready to receive");
            let said = program.said();
            for line in &step.shown {
                assert!(said.lines().any(|said| said == line), "{}:\n{said}", step.command);
            }
            server = Some(program);
            continue;
        }
        if step.command.contains("tuntap del")
            && let Some(server) = server.take()
        {
            stop(server);
        }
        let ran = run(shell(step), b"hello\n");
        assert_eq!(ran.status, Some(0), "{}: {ran:?}", step.command);
        if !step.shown.is_empty() {
            assert_eq!(printed(&ran), step.shown, "{}: {ran:?}", step.command);
        }
    }
    if let Some(server) = server {
        stop(server);
    }
}

/// Ctrl-C in the server's terminal.
fn stop(server: Program) {
    server.signal(Signal::INT);
    let ran = server.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

fn printed(ran: &Ran) -> Vec<String> {
    String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()
}

/// The transcript at the top, as a person at a terminal has it: what is asked, typed, answered, and drawn.
#[test]
fn the_first_screen() {
    let steps = steps("");
    let [Step { command, shown, .. }] = &steps[..] else { panic!("one command, not {steps:?}") };
    assert_eq!(command, "cargo run --release");
    let mut lab = terminal(&[]);
    let typed: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix(QUESTION)).collect();
    for sentence in &typed {
        lab.prints(&format!("\n{QUESTION}"));
        lab.hears(&format!("{sentence}\n"));
        lab.prints(&format!("TCP From Server: {}\r\n", sentence.to_uppercase()));
    }
    lab.prints("[CLOSED]");
    lab.hears(END_OF_INPUT);
    let ran = lab.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let said = String::from_utf8(ran.stdout).expect("text").replace('\r', "");
    let said: Vec<&str> = said.lines().collect();
    // The question that has no answer, and the line that the end of the input leaves.
    let last = said.iter().rposition(|line| line.starts_with(QUESTION)).expect("the last question");
    let mut shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    shown.push("");
    assert_eq!(Screen::of(&shown), Screen::of(&said[..last]), "{}", said.join("\n"));
}

#[test]
fn in_the_lab() {
    alone("in_the_lab", || {
        prepare();
        follow(&steps("In the lab"));
    });
}

/// The commands of a section; the files that they write stay out of this directory.
fn steps_elsewhere(section: &str, files: &[&str]) -> Vec<Step> {
    let mut steps = steps(section);
    for step in &mut steps {
        for file in files {
            step.command = step.command.replace(file, &format!("{TOOLS}/{file}"));
        }
    }
    steps
}

#[test]
fn below_the_socket_api() {
    alone("below_the_socket_api", || {
        prepare();
        let files = ["lab.pcapng", "lab.html", "lab.jsonl"];
        follow(&steps_elsewhere("Below the socket API", &files));
        let begins = |file: &str, with: &[u8]| {
            let bytes = std::fs::read(format!("{TOOLS}/{file}")).expect("the file that a command wrote");
            assert!(bytes.starts_with(with), "{file}");
        };
        begins("lab.pcapng", &[0x0a, 0x0d, 0x0d, 0x0a]);
        begins("lab.html", b"<!DOCTYPE html>");
        begins("lab.jsonl", b"{\"time\":0.000000,");
    });
}

#[test]
fn the_service() {
    alone("the_service", || {
        prepare();
        // README.md itself is read where it is.
        follow(&steps_elsewhere("The service", &["README.UPPER"]));
        let upper =
            std::fs::read_to_string(format!("{TOOLS}/README.UPPER")).expect("the file that a command wrote");
        assert_eq!(upper, README.to_uppercase());
    });
}

#[test]
fn on_a_tap_interface() {
    alone("on_a_tap_interface", || {
        prepare();
        follow(&steps("On a TAP interface"));
    });
}

/// The room: a laptop at the other end of eth0.
fn room(own: &str, laptop: &str) {
    let there = format!("nsenter --net={TOOLS}/laptop");
    sure(&format!("touch {TOOLS}/laptop && unshare --net={TOOLS}/laptop true"));
    // The other end is made over there; its peer, eth0, is ours.
    sure(&format!("{there} ip link add eth1 type veth peer name eth0 netns /proc/$$/ns/net"));
    sure(&format!("ip addr add {own} dev eth0 && ip link set eth0 up"));
    sure(&format!("{there} sh -c 'ip addr add {laptop} dev eth1 && ip link set eth1 up'"));
}

#[test]
fn a_classroom_on_a_bridge() {
    alone("a_classroom_on_a_bridge", || {
        prepare();
        room("192.168.1.50/24", "192.168.1.7/24");
        let mut steps = steps("For a classroom");
        let routed =
            steps.iter().position(|step| step.command.contains("ip_forward")).expect("the second way");
        steps.truncate(routed);
        let hello = Step {
            laptop: true,
            command: "undersock udp 192.168.1.200 hello".to_owned(),
            shown: vec!["HELLO".to_owned()],
        };
        steps.push(hello);
        follow(&steps);
    });
}

#[test]
fn a_classroom_on_a_route() {
    alone("a_classroom_on_a_route", || {
        prepare();
        room("192.168.1.50/24", "192.168.1.7/24");
        // "With the set-up of …"
        let mut before = steps("On a TAP interface");
        let serve = before.iter().position(|step| step.command.starts_with("undersock serve"));
        before.truncate(serve.expect("a server") + 1);
        let steps = steps("For a classroom");
        let routed =
            steps.iter().position(|step| step.command.contains("ip_forward")).expect("the second way");
        before.extend(steps.into_iter().skip(routed));
        follow(&before);
    });
}

/// This test can't run itself; but it is the command that CI calls.
#[test]
fn the_test_command_is_what_ci_runs() {
    let steps = steps("Tests");
    let commands: Vec<&str> = steps.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["cargo xtask test"]);
    assert!(include_str!("../../../.ci/run").contains("cargo xtask test"));
}

/// No block is left out of these tests.
#[test]
fn every_section_with_commands_is_followed() {
    let here = [
        "In the lab",
        "Below the socket API",
        "The service",
        "On a TAP interface",
        "For a classroom",
        "Tests",
    ];
    let followed = |section| here.contains(&section) || section == OF_THE_BOARDS;
    let mut section = "";
    for line in README.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        if line == "```console" {
            assert!(section.is_empty() || followed(section), "commands in section {section:?}");
        }
    }
}
