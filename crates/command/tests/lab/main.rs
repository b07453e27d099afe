//! `undersock lab` with real clients: each test has a private network of its own, made by the command itself.
#![cfg(target_os = "linux")]

mod at_a_terminal;
mod clients;
mod crowds;
mod joining;
mod refusals;
mod sentences;
mod signals;
mod streams;
mod users;

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use rustix::process::{Signal, geteuid, kill_process_group};
use test_support::command::{BOUND, Ran, finish_within, run, undersock};
use test_support::network::{
    Nobody, Program, again, alone, fails, is_inside, prints, terminal, tool, tool_path,
};

/// What the server says when there is something to talk to.
const READY: &str = "The server is ready to receive";
const SENTENCES: &str = "hello\nstraße\n";
const REPLIES: &str = "UDP From Server: HELLO\nTCP From Server: HELLO\n\
                       UDP From Server: STRASSE\nTCP From Server: STRASSE\n";
/// The server's two addresses.
const ADDRESSES: [&str; 2] = ["192.168.69.1", "fdaa::1"];

/// Runs a program in a lab, with this standard input.
#[track_caller]
fn in_lab(words: &[&str], input: &[u8]) -> Ran {
    if let Some(program @ ("nc" | "ping" | "sh")) = words.first().copied() {
        // Or its absence would look like the lab's fault.
        tool_path(program);
    }
    run(lab(&[], words), input)
}

/// `undersock lab`, with the log that a failure is understood by.
fn lab(options: &[&str], words: &[&str]) -> Command {
    undersock([&["lab", "-v"][..], options, &["--"], words].concat())
}

/// Runs the test of this name again in a lab with these options; there, runs `body`. What came of it is for the one
/// outside, who sees the server's log.
#[track_caller]
fn inside_a_lab(test: &str, options: &[&str], body: impl FnOnce()) -> Option<Ran> {
    if is_inside() {
        body();
        return None;
    }
    Some(again(test, lab(options, &[])))
}

/// `undersock`, as a program that runs in the lab.
fn this_command() -> &'static str {
    env!("CARGO_BIN_EXE_undersock")
}
