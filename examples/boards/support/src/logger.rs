//! What the `log` build says on the console: the server's events as a timeline, and log lines: seconds, level, message.

use core::fmt::Write as _;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};

use log::{Log, Metadata, Record};
use undersock::event::{DropRule, Event, Frame, Observer, Way};
use undersock::smoltcp::time::Instant;
use undersock_views::timeline::Timeline;

use crate::Board;

/// Milliseconds of the last poll; the logger has no clock of its own. They wrap after 49 days.
static NOW: AtomicU32 = AtomicU32::new(0);

/// Logs onto the board's console from now on, up to the level that Cargo.toml chooses.
pub(crate) fn install<B: Board>() {
    // It fails if there is a logger already, which then is as good.
    let _ = log::set_logger(const { &Logger::<B>(PhantomData) });
    log::set_max_level(log::STATIC_MAX_LEVEL);
}

/// The time of the lines to come.
pub(crate) fn at(now: Instant) {
    NOW.store(now.total_millis() as u32, Ordering::Relaxed);
}

struct Logger<B>(PhantomData<fn() -> B>);

impl<B: Board> Log for Logger<B> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let millis = NOW.load(Ordering::Relaxed);
            let (seconds, millis) = (millis / 1_000, millis % 1_000);
            // The console takes everything.
            let _ =
                write!(Console(B::console), "{seconds}.{millis:03} {} {}\r\n", record.level(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Connections whose sequence numbers are remembered: some 250 bytes each.
const REMEMBERED: usize = 4;

/// The server's events on the console, a line each, as `undersock serve --trace` writes them.
pub(crate) struct Trace(Timeline<Console, REMEMBERED>);

impl Trace {
    /// On this board's console.
    pub(crate) const fn new<B: Board>() -> Self {
        Trace(Timeline::of(undersock_views::Side::Server, Console(B::console)))
    }
}

impl Observer for Trace {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        // What is for others passes by on every network, faster than a serial line writes it.
        let is_ours = !matches!(event, Event::Frame(Frame { way: Way::Dropped(DropRule::NotForUs), .. }));
        if is_ours {
            self.0.event(now, event);
        }
    }
}

struct Console(fn(&[u8]));

impl core::fmt::Write for Console {
    /// With a line's end as a serial terminal wants it.
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(line) => {
                    (self.0)(line.strip_suffix('\r').unwrap_or(line).as_bytes());
                    (self.0)(b"\r\n");
                }
                None => (self.0)(piece.as_bytes()),
            }
        }
        Ok(())
    }
}
