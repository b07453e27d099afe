//! How times, addresses and ports are written.

use core::fmt::{self, Formatter};
use core::net::SocketAddr;

use undersock::event::Path;
use undersock::smoltcp::time::Duration;
use undersock::smoltcp::wire::IpEndpoint;

/// An address and a port as everybody but smoltcp writes them: an IPv6 address in brackets (RFC 5952 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint(pub IpEndpoint);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        socket_addr(self.0).fmt(f)
    }
}

/// An address and a port in the standard library's form.
pub(crate) fn socket_addr(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(endpoint.addr.into(), endpoint.port)
}

/// Seconds and microseconds, of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        let mut text = heapless::String::<24>::new();
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        // 2^63 microseconds take 21 characters.
        write!(text, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)?;
        f.pad(&text)
    }
}

/// Milliseconds with as many digits as there are, of three at most: `0.071`, `201`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let micros = self.0.total_micros();
        write!(f, "{}", micros / 1_000)?;
        match micros % 1_000 {
            0 => Ok(()),
            part if part % 100 == 0 => write!(f, ".{}", part / 100),
            part if part % 10 == 0 => write!(f, ".{:02}", part / 10),
            part => write!(f, ".{part:03}"),
        }
    }
}

/// A connection's way as `ss -ti` writes it: times in milliseconds, all else in segments, and nothing of what isn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SocketStatistics<'p>(pub(crate) &'p Path);

impl fmt::Display for SocketStatistics<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Path { round_trip, variation, least, timeout, window, segment, .. } = *self.0;
        let segments = |bytes: usize| bytes.div_ceil(segment.max(1));
        write!(f, "reno rto:{}", Millis(timeout))?;
        write!(f, " rtt:{}/{} mss:{segment}", Millis(round_trip), Millis(variation))?;
        write!(f, " cwnd:{}", window / segment.max(1))?;
        if let Some(threshold) = self.0.threshold {
            write!(f, " ssthresh:{}", threshold / segment.max(1))?;
        }
        let Path { flight, arrived, lost, phase, .. } = *self.0;
        for (name, bytes) in [("unacked", flight + arrived + lost), ("lost", lost), ("sacked", arrived)] {
            if bytes > 0 {
                write!(f, " {name}:{}", segments(bytes))?;
            }
        }
        write!(f, " minrtt:{} ({})", Millis(least), phase.text())
    }
}

/// A time in the unit that suits it.
#[cfg(feature = "std")]
pub(crate) fn time(micros: i64) -> String {
    let (number, digits, unit) = match micros {
        0 => return "0 s".into(),
        1..1_000 => return format!("{micros} µs"),
        1_000..1_000_000 => (micros, 3, "ms"),
        1_000_000.. => (micros, 6, "s"),
        ..0 => return format!("-{}", time(micros.saturating_neg())),
    };
    let over = 10_i64.pow(digits);
    let text = format!("{}.{:0width$}", number / over, number % over, width = digits as usize);
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time to three digits or so: for a pause, whose every microsecond doesn't matter.
#[cfg(feature = "std")]
pub(crate) fn rounded(micros: i64) -> String {
    let to = match micros {
        ..10_000 => 1,
        10_000..1_000_000 => 1_000,
        1_000_000..100_000_000 => 10_000,
        _ => 1_000_000,
    };
    time((micros + to / 2) / to * to)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use test_support::world::raw::Peer;
    use test_support::world::{World, small};
    use undersock::event::Phase;

    /// Of a server that has answered a SYN, and what might come of it.
    #[test]
    fn a_way_is_written_as_ss_does() {
        let mut world = World::new(small()).raw();
        world.connect(&mut Peer::new(40_000));
        let path = world.server.connections().find_map(|info| info.path);
        let mut path = path.expect("the handshake was measured");
        let text = SocketStatistics(&path).to_string();
        assert_eq!(text, "reno rto:210.75 rtt:0.25/0.125 mss:1460 cwnd:10 minrtt:0.25 (slow start)");
        (path.window, path.threshold, path.phase) = (8_759, Some(7_300), Phase::Recovery);
        // Segments that are begun count; of windows only whole ones.
        (path.flight, path.arrived, path.lost) = (1_461, 2_920, 5);
        let text = SocketStatistics(&path).to_string();
        let segments = "cwnd:5 ssthresh:5 unacked:4 lost:1 sacked:2";
        assert_eq!(
            text,
            format!("reno rto:210.75 rtt:0.25/0.125 mss:1460 {segments} minrtt:0.25 (fast recovery)")
        );
    }

    #[test]
    fn milliseconds_have_no_idle_zeros() {
        let words =
            [0, 71, 200, 1_050, 201_000, 12_345].map(|us| Millis(Duration::from_micros(us)).to_string());
        assert_eq!(words, ["0", "0.071", "0.2", "1.05", "201", "12.345"]);
    }

    #[test]
    fn times_have_their_unit() {
        let words = [0, 50, 999, 1_000, 1_050, 200_000, 1_000_000, 3_000_150, 61_000_000].map(time);
        let right = ["0 s", "50 µs", "999 µs", "1 ms", "1.05 ms", "200 ms", "1 s", "3.00015 s", "61 s"];
        assert_eq!(words, right);
    }
}
