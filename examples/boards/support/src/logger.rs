//! Log lines on the console: seconds, level, message.

use core::fmt::Write as _;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};

use log::{Log, Metadata, Record};
use smoltcp::time::Instant;

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
            let _ = write!(Console(B::console), "{seconds}.{millis:03} {} {}\r\n", record.level(), record.args());
        }
    }

    fn flush(&self) {}
}

struct Console(fn(&[u8]));

impl core::fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        (self.0)(text.as_bytes());
        Ok(())
    }
}
