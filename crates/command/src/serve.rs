//! `undersock serve`: the server on a TAP interface.

use super::args::ServeOptions;
use super::failure::Result;

/// `undersock serve`
#[cfg(target_os = "linux")]
pub(crate) fn run(options: &ServeOptions) -> Result<()> {
    use undersock::device::tap::Tap;

    use super::linux::desk::Desk;
    use super::linux::host::Host;
    use super::linux::signals::Stop;
    use super::linux::{interface_remarks, tap_failure};
    use super::output::note;

    let stop = Stop::new()?;
    stop.on_signals()?;
    let desk = Desk::new()?;
    desk.on_signal()?;
    let tap = Tap::open(&options.tap).map_err(|error| tap_failure(&options.tap, &error))?;
    let mut host = Host::new(tap, &options.server, false)?;
    note(format_args!("The server is ready to receive: {}, interface {}.", host.banner(), options.tap));
    for remark in interface_remarks(&options.tap, &options.server.config.addresses) {
        note(format_args!("  {remark}"));
    }
    let result = host.run(&stop.ear, &desk);
    note(host.summary());
    result
}

/// `undersock serve`
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(options: &ServeOptions) -> Result<()> {
    let attempt = format!("attaching to {}", options.tap);
    Err(super::failure::Failure::new(attempt, "TAP interfaces are Linux's")
        .mend("here, both sides run in memory: undersock lab"))
}
