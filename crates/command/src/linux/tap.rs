//! What goes wrong with a TAP interface, and what mends it.

use undersock::device::tap::{TUN_DEVICE, TapError};

use crate::failure::{Failure, reason};

/// What went wrong with the TAP interface `name`, and what mends it.
pub(crate) fn failure(name: &str, error: &TapError) -> Failure {
    let attach = format!("attaching to {name}");
    match error {
        TapError::BadName(why) => {
            Failure::usage(format!("--tap {name}"), format!("{why}; a right one: --tap tap0"))
        }
        TapError::NoDevice => Failure::new(format!("opening {TUN_DEVICE}"), "no such device")
            .mend("sudo modprobe tun")
            .mend(format!("in a container: docker run --device {TUN_DEVICE} ...")),
        TapError::DeviceDenied => Failure::new(format!("opening {TUN_DEVICE}"), "permission denied")
            .mend(format!("sudo chmod 0666 {TUN_DEVICE}")),
        TapError::CreateDenied => new_tap(Failure::new(format!("creating {name}"), "not permitted"), name),
        TapError::NotOwner => {
            let failure = Failure::new(attach, "it belongs to another user");
            new_tap(failure.mend(format!("sudo ip tuntap del dev {name} mode tap")), name)
        }
        TapError::Busy => {
            Failure::new(attach, "another program holds it").mend(format!("which: {}", holders(name)))
        }
        TapError::NotTap => Failure::new(attach, "it is not a TAP interface of one queue")
            .mend(format!("see: ip -details link show {name}"))
            .mend("take another name, such as --tap tap7"),
        TapError::Removed => new_tap(Failure::new(format!("using {name}"), "it was removed"), name),
        TapError::Io(attempt, error) => Failure::new(format!("{name}: {attempt}"), reason(error)),
        // The enum may grow.
        error => Failure::new(format!("using {name}"), error),
    }
}

/// The commands that make a TAP interface for this user.
fn new_tap(failure: Failure, name: &str) -> Failure {
    failure
        .mend(format!("sudo ip tuntap add dev {name} mode tap user $USER"))
        .mend(format!("sudo ip link set {name} up"))
}

/// The command that lists the programs that hold an interface: the driver names it in their open files.
fn holders(name: &str) -> String {
    format!("sudo grep -ls 'iff:.{name}$' /proc/[0-9]*/fdinfo/*")
}
