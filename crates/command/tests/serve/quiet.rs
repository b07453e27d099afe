use super::*;

/// A line of proc_pid_status(5).
fn status(server: &Program, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("a line of that name").trim().to_owned()
}

/// Once it sleeps: how often it has gone to sleep so far, and how many frames the kernel has given it.
#[track_caller]
fn asleep(server: &Program) -> (u64, u64) {
    until(|| status(server, "State").starts_with('S'));
    let sleeps = status(server, "voluntary_ctxt_switches").parse().expect("a number");
    // Eight numbers of what came from the server, then bytes and packets to it (proc_pid_net(5)).
    let counters = fs::read_to_string("/proc/net/dev").expect("of this network");
    let tap = counters.lines().find_map(|line| line.trim().strip_prefix("tap0:")).expect("it is there");
    let frames = tap.split_whitespace().nth(9).expect("packets").parse().expect("a number");
    (sleeps, frames)
}

/// What may wake it beside a frame: the end of TIME-WAIT, and what the server asks about its neighbors.
const TIMERS: u64 = 10;

#[test]
fn only_a_frame_or_a_timer_ends_its_sleep() {
    alone("quiet::only_a_frame_or_a_timer_ends_its_sleep", || {
        recipe();
        let server = serve("");
        answers("udp 192.168.69.1 hello", "HELLO");
        answers("tcp 192.168.69.1 hello", "HELLO");
        // One connection in TIME-WAIT, and two that do nothing.
        let _clients = ["192.168.69.1:12001", "[fdaa::1]:12001"].map(stream);
        let (sleeps, frames) = asleep(&server);
        // Time for whatever ticks: a millisecond's tick would be a thousand sleeps, and more where this takes longer.
        thread::sleep(Duration::from_secs(1));
        let (more_sleeps, more_frames) = asleep(&server);
        let (sleeps, frames) = (more_sleeps - sleeps, more_frames - frames);
        assert!(sleeps <= frames + TIMERS, "{sleeps} sleeps, {frames} frames");
        stop(server);
    });
}
