//! Streams by the thousand, in virtual time: each with its own ends, its own trouble between them, and its own seed.
//! Every byte is right, the end arrives, nothing is wedged, and the slot is free after it.
//!
//! | file | its one job |
//! |---|---|
//! | `draw` | a stream's options from its seed |
//! | `work` | what the server does with its bytes |
//! | `stream` | runs it, and says what went wrong |
//! | `share` | how much was sent again though it had arrived |
//! | `bounded` | finds a server that goes in circles within one poll |
//! | `scripted` | single losses, and what comes again |
//! | `text` | the bytes |
//!
//! `UNDERSOCK_STREAMS=10000 cargo test --test lossy_streams` runs so many; `UNDERSOCK_STREAM=17` runs the one with this
//! seed, and shows the end of its timeline.
#![allow(unreachable_pub, reason = "its modules are a test's")]

mod bounded;
mod draw;
mod scripted;
mod share;
mod stream;
mod text;
mod work;

use core::cell::RefCell;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Instant;

use draw::Draw;
use share::{Share, paths};
use stream::{Failure, Fine};
use test_support::world::History;
use undersock::event::{Event, Observer};
use undersock::smoltcp::time;

/// Streams of each run of the tests: some 10 seconds of two cores, unoptimized.
const STREAMS: u64 = 2_500;
const THREADS: usize = 2;
/// A stream takes a few milliseconds. One that takes so long is named, and not judged.
const LONG: Duration = Duration::from_secs(20);

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number; one that works: 10000")))
}

/// One history of the server and of the trouble before it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<History>>);

impl Observer for Shared {
    fn event(&mut self, now: time::Instant, event: &Event<'_>) {
        self.0.borrow_mut().event(now, event);
    }
}

/// Runs a seed again and tells all of it: the same seed gives the same run, watched or not.
fn tell(seed: u64) -> Result<Fine, Failure> {
    let draw = Draw::new(seed);
    println!("{draw:#?}");
    let history = Shared::default();
    let result = stream::run(&draw, &mut history.clone(), history.clone());
    if let Err(failure) = &result {
        let command = "cargo test --test lossy_streams";
        panic!("stream {seed}: {failure}\nit alone: UNDERSOCK_STREAM={seed} {command}\n{draw:?}");
    }
    result
}

/// What many streams were like.
struct Summary<'a>(&'a [Fine]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&Fine) -> u64| self.0.iter().map(of).sum::<u64>();
        let mut took: Vec<_> = self.0.iter().map(|fine| fine.took).collect();
        took.sort();
        let at =
            |share: usize| took.get(took.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
        let slowest = self.0.iter().max_by_key(|fine| fine.took).map_or(0, |fine| fine.seed);
        write!(
            f,
            "{} streams came through: {} polls, {} frames of the server's; in virtual time {} s, the median {}, 90 % \
             within {}, 99 % within {}, the slowest {} (stream {slowest})",
            self.0.len(),
            sum(|fine| fine.polls),
            sum(|fine| u64::from(fine.frames)),
            sum(|fine| fine.took.secs()),
            at(50),
            at(90),
            at(99),
            at(100),
        )
    }
}

/// A thread's seed, and since when.
type Current = Mutex<Option<(u64, Instant)>>;

/// Says which streams are at it for long, until all are done: one that never ends is known by that.
fn watch(threads: &[Current], done: &AtomicU64) {
    let mut told = Vec::new();
    while done.load(Ordering::Relaxed) < threads.len() as u64 {
        std::thread::sleep(Duration::from_millis(100));
        for thread in threads {
            let current = *thread.lock().expect("no panic with it");
            if let Some((seed, since)) = current
                && since.elapsed() > LONG
                && !told.contains(&seed)
            {
                eprintln!("stream {seed} has been running for {LONG:?}");
                told.push(seed);
            }
        }
    }
}

/// Runs these seeds on two threads, and gives what failed.
fn run_all(seeds: core::ops::Range<u64>) -> (Vec<(u64, Failure)>, Vec<Fine>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let fine = Mutex::new(Vec::new());
    let (threads, done) = ([const { Current::new(None) }; THREADS], AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&threads, &done));
        for current in &threads {
            let (next, failed, fine, done) = (&next, &failed, &fine, &done);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        *current.lock().expect("no panic with it") = None;
                        done.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    *current.lock().expect("no panic with it") = Some((seed, Instant::now()));
                    let run = || stream::run(&Draw::new(seed), &mut (), ());
                    match catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Failure::Panic)) {
                        Ok(one) => fine.lock().expect("no panic with it").push(one),
                        Err(failure) => failed.lock().expect("no panic with it").push((seed, failure)),
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no panic with it");
    failed.sort_by_key(|(seed, _)| *seed);
    (failed, fine.into_inner().expect("no panic with it"))
}

#[test]
fn every_stream_comes_through_and_leaves_a_free_slot() {
    if let Some(seed) = variable("UNDERSOCK_STREAM") {
        println!("{:#?}", tell(seed));
        return;
    }
    let streams = variable("UNDERSOCK_STREAMS").unwrap_or(STREAMS);
    let (failed, fine) = run_all(0..streams);
    for (seed, failure) in &failed {
        println!("stream {seed}: {failure}");
    }
    println!("{}", Summary(&fine));
    if let Some((seed, _)) = failed.first() {
        println!("{} of {streams} failed; the first:", failed.len());
        let _ = tell(*seed);
        panic!("stream {seed} failed the first time, and not the second");
    }
    assert_eq!((fine.len() + failed.len()) as u64, streams);
}

/// Streams of each path.
const EACH: u64 = 16;

#[test]
fn what_is_sent_again_was_lost() {
    let each = variable("UNDERSOCK_STREAMS").map_or(EACH, |streams| (streams / 200).max(EACH));
    let paths = paths();
    let next = AtomicU64::new(0);
    let shares = Mutex::new(vec![Share::default(); paths.len()]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(path) = paths.get(place) else { return };
                    let share = path.share(0..each);
                    shares.lock().expect("no panic with it")[place] = share;
                }
            });
        }
    });
    let shares = shares.into_inner().expect("no panic with it");
    for (path, share) in paths.iter().zip(&shares) {
        println!("{path:?}: {share}");
    }
    for (path, share) in paths.iter().zip(&shares) {
        let is_good = path.bound().is_none_or(|bound| share.is_within(bound));
        assert!(share.streams > 0 && is_good, "{path:?}: {share}");
    }
}
