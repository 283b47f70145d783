//! Threads that work ahead of their consumer, by a bounded number of results, which come out in order.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

type Outcome<R> = Result<R, Box<dyn Any + Send>>;

struct State<R> {
    /// The first number that nobody works on.
    claim: usize,
    /// The first number that the consumer has not taken.
    wanted: usize,
    ready: BTreeMap<usize, Outcome<R>>,
    stop: bool,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    end: usize,
    ahead: usize,
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<R>>) -> MutexGuard<'a, State<R>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Results `f(start), f(start + 1), ...`, computed ahead by threads that end when this is dropped.
pub(super) struct Prefetch<R> {
    shared: Arc<Shared<R>>,
    threads: Vec<JoinHandle<()>>,
}

impl<R: Send + 'static> Prefetch<R> {
    pub(super) fn start(
        workers: usize,
        ahead: usize,
        range: Range<usize>,
        f: impl Fn(usize) -> R + Send + Sync + 'static,
    ) -> Prefetch<R> {
        let state = State { claim: range.start, wanted: range.start, ready: BTreeMap::new(), stop: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), end: range.end, ahead });
        let f = Arc::new(f);
        let threads = (0..workers).map(|_| {
            let (shared, f) = (shared.clone(), f.clone());
            std::thread::spawn(move || work(&shared, &*f))
        });
        Prefetch { threads: threads.collect(), shared }
    }

    /// Result `number`; numbers must be taken in order. A panic of `f` goes on here.
    pub(super) fn take(&self, number: usize) -> R {
        let mut state = self.shared.lock();
        let outcome = loop {
            match state.ready.remove(&number) {
                Some(outcome) => break outcome,
                None => state = self.shared.wait(state),
            }
        };
        state.wanted = number + 1;
        drop(state);
        self.shared.changed.notify_all();
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn work<R>(shared: &Shared<R>, f: &dyn Fn(usize) -> R) {
    let mut state = shared.lock();
    loop {
        if state.stop || state.claim >= shared.end {
            return;
        }
        if state.claim >= state.wanted + shared.ahead {
            state = shared.wait(state);
            continue;
        }
        let number = state.claim;
        state.claim += 1;
        drop(state);
        let outcome = catch_unwind(AssertUnwindSafe(|| f(number)));
        state = shared.lock();
        state.ready.insert(number, outcome);
        shared.changed.notify_all();
    }
}

impl<R> Drop for Prefetch<R> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches the panics of its work and has none of its own.
            let _ = thread.join();
        }
    }
}
