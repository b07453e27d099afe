//! What is known of a connection's way: as `ss` names it, in bytes and seconds.

use core::fmt::{self, Write};

use undersock::event::Path;
use undersock::smoltcp::time::Duration;

use super::object::Object;
use crate::notation::Seconds;

pub(super) fn write_path<W: Write>(object: &mut Object<'_, W>, path: &Path) -> fmt::Result {
    object.text("phase", path.phase.name())?;
    object.number("cwnd", path.window)?;
    if let Some(threshold) = path.threshold {
        object.number("ssthresh", threshold)?;
    }
    object.number("mss", path.segment)?;
    object.number("in_flight", path.flight)?;
    object.number("sacked", path.arrived)?;
    object.number("lost", path.lost)?;
    object.number("rto", seconds(path.timeout))?;
    // Nothing was measured before the first.
    if path.round_trip.total_micros() > 0 {
        object.number("rtt", seconds(path.round_trip))?;
        object.number("rttvar", seconds(path.variation))?;
        object.number("minrtt", seconds(path.least))?;
    }
    Ok(())
}

const fn seconds(time: Duration) -> Seconds {
    Seconds(time.total_micros().cast_signed())
}
