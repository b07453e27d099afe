//! `undersock serve`: the server on a TAP or TUN interface.
//!
//! - [`options`]: from its options to the library's types.
//! - [`views`]: what is seen of it while it runs.
//! - [`host`]: it runs on an interface until it is stopped (Linux).
//! - [`requests`]: where others ask it for its table (Linux).

#[cfg(target_os = "linux")]
pub(crate) mod host;
pub(crate) mod options;
#[cfg(target_os = "linux")]
pub(crate) mod requests;
pub(crate) mod views;

use crate::args::ServeOptions;
use crate::failure::Result;

/// `undersock serve`
#[cfg(target_os = "linux")]
pub(crate) fn run(options: &ServeOptions) -> Result<()> {
    use undersock::device::tap::Tap;

    use self::host::Host;
    use self::requests::Requests;
    use crate::args::Interface;
    use crate::check;
    use crate::linux::signals::Stop;
    use crate::linux::tap;
    use crate::output::note;

    let stop = Stop::new()?;
    stop.on_signals()?;
    let requests = Requests::new()?;
    requests.on_signal()?;
    let Interface { name, link } = &options.interface;
    let device = Tap::open_link(name, *link).map_err(|error| tap::failure(name, *link, &error))?;
    let mut host = Host::new(device, &options.server, false)?;
    note(format_args!("The server is ready to receive: {}, interface {name}.", host.banner()));
    for remark in check::remarks(name, &options.server.config.host.addresses) {
        note(format_args!("  {remark}"));
    }
    let result = host.run(&stop.receiver, &requests);
    note(host.summary());
    result
}

/// `undersock serve`
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(options: &ServeOptions) -> Result<()> {
    let attempt = format!("attaching to {}", options.interface.name);
    Err(crate::failure::Failure::new(attempt, "TAP and TUN interfaces are Linux's")
        .mend("here, both sides run in memory: undersock lab"))
}
