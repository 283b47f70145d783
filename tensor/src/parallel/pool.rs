//! The fork-join pool that runs kernels: helpers that stay awake for a moment after each job.
//!
//! One job runs at a time; its owner is the thread that called. The owner publishes it by opening the *gate*, runs tasks
//! itself until none is left, closes the gate, and waits for the helpers that are inside. A helper enters only through
//! the open gate and leaves when no task is left, so the owner never waits for one that sleeps or comes late, and the job
//! (on the owner's stack) is never touched after the owner is gone. If the gate serves another thread's job, the caller
//! is told so and runs its tasks alone.
//!
//! The gate is one atomic word: OPEN, WAITING (the owner sleeps until the last helper leaves), the job's number, by which
//! a helper knows that it has served this job already, and the count of helpers inside.
//!
//! Waiting is spinning for at most [`SPIN`], then sleep. If there are more threads than cores nobody spins: the time
//! would be taken from whoever has work.

use std::any::Any;
use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::{InTask, Task, cores, denormals};
use crate::simd::{self, Level};

/// How long a thread waits awake: kernels of one training step follow each other within this time.
const SPIN: Duration = Duration::from_micros(100);

const OPEN: u64 = 1 << 63;
const WAITING: u64 = 1 << 62;
/// One in the job's number.
const NUMBER: u64 = 1 << 16;
const NUMBERS: u64 = WAITING - NUMBER;
/// The helpers inside.
const INSIDE: u64 = NUMBER - 1;

/// A value alone on its cache lines, so that spinning on it does not slow its neighbours.
#[repr(align(128))]
struct Alone<T>(T);

struct Pool {
    gate: Alone<AtomicU64>,
    /// The published job; valid for helpers inside the gate.
    job: AtomicPtr<Job>,
    /// Whether a job is running.
    busy: Alone<AtomicBool>,
    /// Helpers started so far.
    helpers: AtomicUsize,
    /// Helpers with an index from here on stay out.
    allowed: AtomicUsize,
    /// Helpers that sleep on `wake`.
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    /// The owner of the running job, once it sleeps.
    owner: Mutex<Option<Thread>>,
}

static POOL: Pool = Pool {
    gate: Alone(AtomicU64::new(0)),
    job: AtomicPtr::new(std::ptr::null_mut()),
    busy: Alone(AtomicBool::new(false)),
    helpers: AtomicUsize::new(0),
    allowed: AtomicUsize::new(0),
    sleepers: AtomicUsize::new(0),
    sleep: Mutex::new(()),
    wake: Condvar::new(),
    owner: Mutex::new(None),
};

/// Most shares that a job's tasks are divided into.
const SHARES: usize = 8;

/// Tasks that threads claim by counting.
///
/// They are divided into as many consecutive shares as threads are allowed. A thread begins with its own and helps the
/// others afterwards: from kernel to kernel it meets the same part of the data, which its caches still hold.
struct Job {
    /// The next task of each share.
    next: [Alone<AtomicUsize>; SHARES],
    shares: usize,
    tasks: usize,
    /// The caller's closure, valid as long as the job.
    task: *const dyn Task,
    level: Option<Level>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Job {
    fn new(tasks: usize, threads: usize, task: *const dyn Task) -> Job {
        let shares = threads.clamp(1, SHARES);
        let next = std::array::from_fn(|share| Alone(AtomicUsize::new(share.min(shares) * tasks / shares)));
        Job { next, shares, tasks, task, level: simd::forced(), panic: Mutex::new(None) }
    }

    /// Runs tasks until none is left; the thread `thread` begins with its own share.
    fn work(&self, thread: usize) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            for share in (0..self.shares).map(|i| (thread + i) % self.shares) {
                let end = (share + 1) * self.tasks / self.shares;
                loop {
                    let index = self.next[share].0.fetch_add(1, Ordering::Relaxed);
                    if index >= end {
                        break;
                    }
                    // SAFETY: the owner of the closure waits for everybody inside.
                    unsafe { (*self.task).run(index) };
                }
            }
        }));
        if let Err(payload) = result {
            for next in &self.next {
                next.0.store(self.tasks, Ordering::Relaxed);
            }
            lock(&self.panic).get_or_insert(payload);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the tasks with at most `threads` threads, or returns false if the pool has another job.
pub(super) fn try_run(tasks: usize, threads: usize, task: &dyn Task) -> bool {
    if POOL.busy.0.load(Ordering::Relaxed) || POOL.busy.0.swap(true, Ordering::Acquire) {
        return false;
    }
    // SAFETY: only the lifetime is forgotten: the job ends before this function returns, and helpers leave it before.
    let task = unsafe { std::mem::transmute::<&dyn Task, &'static dyn Task>(task) };
    let job = Job::new(tasks, threads, std::ptr::from_ref(task));
    POOL.run(&job, threads);
    POOL.busy.0.store(false, Ordering::Release);
    if let Some(payload) = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(payload);
    }
    true
}

impl Pool {
    fn run(&'static self, job: &Job, threads: usize) {
        self.start_helpers(threads - 1);
        self.allowed.store(threads - 1, Ordering::Relaxed);
        self.job.store(std::ptr::from_ref(job).cast_mut(), Ordering::Relaxed);
        let number = self.gate.0.load(Ordering::Relaxed).wrapping_add(NUMBER) & NUMBERS;
        // Sequentially consistent with `sleepers`: either the helper sees the gate open, or we see the helper asleep.
        self.gate.0.store(OPEN | number, Ordering::SeqCst);
        let sleepers = self.sleepers.load(Ordering::SeqCst);
        if sleepers > 0 {
            drop(lock(&self.sleep));
            for _ in 0..sleepers.min(job.tasks - 1) {
                self.wake.notify_one();
            }
        }
        {
            let _in_task = InTask::enter();
            job.work(0);
        }
        let inside = self.gate.0.fetch_and(!OPEN, Ordering::AcqRel) & INSIDE;
        if inside > 0 {
            self.wait_for_helpers(threads);
        }
    }

    fn wait_for_helpers(&self, threads: usize) {
        let empty = || self.gate.0.load(Ordering::Acquire) & INSIDE == 0;
        if spin(threads, SPIN / 20, empty) {
            return;
        }
        // A helper just woken may sit on this very core, as the kernel likes to place it: let it go first.
        let start = Instant::now();
        while start.elapsed() < SPIN {
            thread::yield_now();
            if empty() {
                return;
            }
        }
        *lock(&self.owner) = Some(thread::current());
        self.gate.0.fetch_or(WAITING, Ordering::AcqRel);
        while !empty() {
            thread::park();
        }
    }

    fn start_helpers(&'static self, wanted: usize) {
        let mut started = self.helpers.load(Ordering::Relaxed);
        while started < wanted {
            let builder = thread::Builder::new().name(format!("gradus-{}", started + 1));
            // Where the system grants no more threads, fewer of them do the work.
            if builder.spawn(move || self.help(started)).is_err() {
                return;
            }
            started += 1;
            self.helpers.store(started, Ordering::Relaxed);
        }
    }

    /// What helper `index` does for the rest of the process.
    fn help(&self, index: usize) {
        let _in_task = InTask::enter();
        let _flush = denormals::Flush::begin();
        let mut served = 0;
        loop {
            let news = || {
                let gate = self.gate.0.load(Ordering::Relaxed);
                gate & OPEN != 0 && gate & NUMBERS != served && index < self.allowed.load(Ordering::Relaxed)
            };
            let threads = self.allowed.load(Ordering::Relaxed) + 1;
            if !spin(threads, SPIN, news) {
                self.sleep_until_called(index, served);
            }
            served = self.enter_and_work(index, served);
        }
    }

    fn sleep_until_called(&self, index: usize, served: u64) {
        let mut guard = lock(&self.sleep);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        loop {
            let gate = self.gate.0.load(Ordering::SeqCst);
            if gate & OPEN != 0 && gate & NUMBERS != served && index < self.allowed.load(Ordering::Relaxed) {
                break;
            }
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Joins the open job, if it still is open, and returns the number of the last job served.
    fn enter_and_work(&self, index: usize, served: u64) -> u64 {
        let mut gate = self.gate.0.load(Ordering::Relaxed);
        loop {
            if gate & OPEN == 0 || gate & NUMBERS == served || index >= self.allowed.load(Ordering::Relaxed) {
                return served;
            }
            match self.gate.0.compare_exchange_weak(gate, gate + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => gate = now,
            }
        }
        // SAFETY: we are inside the gate, so the job's owner keeps it until we leave.
        let job = unsafe { &*self.job.load(Ordering::Relaxed) };
        simd::with_forced(job.level, || job.work(index + 1));
        let before = self.gate.0.fetch_sub(1, Ordering::AcqRel);
        if before & WAITING != 0
            && before & INSIDE == 1
            && let Some(owner) = &*lock(&self.owner)
        {
            // A later owner may be the one that is woken in vain; it looks at the gate again.
            owner.unpark();
        }
        gate & NUMBERS
    }
}

/// Spins until `done` or until `time` is over; returns whether it is done.
fn spin(threads: usize, time: Duration, done: impl Fn() -> bool) -> bool {
    if done() {
        return true;
    }
    if threads > cores() {
        return false;
    }
    let start = Instant::now();
    loop {
        for _ in 0..32 {
            hint::spin_loop();
            if done() {
                return true;
            }
        }
        if start.elapsed() > time {
            return false;
        }
    }
}
