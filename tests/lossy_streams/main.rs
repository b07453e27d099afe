//! Streams by the thousand, in virtual time: each with its own ends, its own trouble between them, and its own seed.
//! Every byte is right, the end arrives, nothing is wedged, and the slot is free after it.
//!
//! | file | its one job |
//! |---|---|
//! | `draw` | a stream's options from its seed |
//! | `work` | what the server does with its bytes |
//! | `stream` | runs it, and says what went wrong |
//! | `text` | the bytes |
//!
//! `UNDERSOCK_STREAMS=10000 cargo test --test lossy_streams` runs so many; `UNDERSOCK_STREAM=17` runs the one with this
//! seed, and shows the end of its timeline.
#![allow(unreachable_pub, reason = "its modules are a test's")]

mod draw;
mod stream;
mod text;
mod work;

use core::sync::atomic::{AtomicU64, Ordering};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;

use draw::Draw;
use stream::{Failure, Fine};
use test_support::world::History;
use undersock::event::{Event, Observer};
use undersock::smoltcp::time::Instant;

/// Streams of each run of the tests: some 10 seconds of two cores, unoptimized.
const STREAMS: u64 = 400;
const THREADS: usize = 2;

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number; one that works: 10000")))
}

/// One history of the server and of the trouble before it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<History>>);

impl Observer for Shared {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
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

/// Runs these seeds on two threads, and gives what failed.
fn run_all(seeds: core::ops::Range<u64>) -> (Vec<(u64, Failure)>, Vec<Fine>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let fine = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
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
    if let Some((seed, _)) = failed.first() {
        println!("{} of {streams} failed; the first of them:", failed.len());
        let _ = tell(*seed);
        panic!("stream {seed} failed the first time, and not the second");
    }
    assert_eq!(fine.len() as u64, streams);
}
