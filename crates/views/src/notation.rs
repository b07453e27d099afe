//! How times, addresses and ports are written.

use core::fmt::{self, Formatter};
use core::net::SocketAddr;

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

    #[test]
    fn times_have_their_unit() {
        let words = [0, 50, 999, 1_000, 1_050, 200_000, 1_000_000, 3_000_150, 61_000_000].map(time);
        let right = ["0 s", "50 µs", "999 µs", "1 ms", "1.05 ms", "200 ms", "1 s", "3.00015 s", "61 s"];
        assert_eq!(words, right);
    }
}
