//! The processes that a process has started, and those that they have: so that none outlives its test.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// All processes below this one, by what /proc says of each one's parent.
pub(super) fn descendants(of: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut tree = vec![of];
    let mut index = 0;
    while let Some(&above) = tree.get(index) {
        tree.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| pid));
        index += 1;
    }
    tree.into_iter().skip(1).filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect()
}

pub(super) fn kill(processes: &[Pid]) {
    for pid in processes {
        // It may have ended with its parent.
        let _ = kill_process(*pid, Signal::KILL);
    }
}

/// The fourth word of proc_pid_stat(5); the second is the name, in brackets, and may have spaces and brackets.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
