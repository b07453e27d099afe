//! What goes wrong with a TAP or TUN interface, and what mends it.

use undersock::device::tap::{TUN_DEVICE, TapError};
use undersock::packet::Link;

use crate::failure::{Failure, reason};

/// What ip(8) calls an interface whose frames begin with this; it is what this program's option is called too.
pub(crate) const fn mode(link: Link) -> &'static str {
    match link {
        Link::Ip => "tun",
        _ => "tap",
    }
}

/// The same in capitals, as people write it.
pub(crate) fn kind(link: Link) -> String {
    mode(link).to_uppercase()
}

/// What went wrong with the interface `name`, and what mends it.
pub(crate) fn failure(name: &str, link: Link, error: &TapError) -> Failure {
    let mode = mode(link);
    let attach = format!("attaching to {name}");
    match error {
        TapError::BadName(why) => {
            Failure::usage(format!("--{mode} {name}"), format!("{why}; a right one: --{mode} {mode}0"))
        }
        TapError::NoDevice => Failure::new(format!("opening {TUN_DEVICE}"), "no such device")
            .mend("sudo modprobe tun")
            .mend(format!("in a container: docker run --device {TUN_DEVICE} ...")),
        TapError::DeviceDenied => Failure::new(format!("opening {TUN_DEVICE}"), "permission denied")
            .mend(format!("sudo chmod 0666 {TUN_DEVICE}")),
        TapError::CreateDenied => make(Failure::new(format!("creating {name}"), "not permitted"), name, link),
        TapError::NotOwner => {
            let failure = Failure::new(attach, "it belongs to another user");
            make(failure.mend(format!("sudo ip tuntap del dev {name} mode {mode}")), name, link)
        }
        TapError::Busy => {
            Failure::new(attach, "another program holds it").mend(format!("which: {}", holders(name)))
        }
        TapError::OtherKind(_) => {
            Failure::new(attach, format!("it is not a {} interface of one queue", kind(link)))
                .mend(format!("see: ip -details link show {name}"))
                .mend(format!("take another name, such as --{mode} {mode}7"))
        }
        TapError::Removed => make(Failure::new(format!("using {name}"), "it was removed"), name, link),
        TapError::Io(attempt, error) => Failure::new(format!("{name}: {attempt}"), reason(error)),
        // The enum may grow.
        error => Failure::new(format!("using {name}"), error),
    }
}

/// The commands that make an interface for this user.
fn make(failure: Failure, name: &str, link: Link) -> Failure {
    failure
        .mend(format!("sudo ip tuntap add dev {name} mode {} user $USER", mode(link)))
        .mend(format!("sudo ip link set {name} up"))
}

/// The command that lists the programs that hold an interface: the driver names it in their open files.
fn holders(name: &str) -> String {
    format!("sudo grep -ls 'iff:.{name}$' /proc/[0-9]*/fdinfo/*")
}
