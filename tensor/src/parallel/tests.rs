//! The pool under stress: several user threads, nesting, panics, changing numbers of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{for_each, for_each_chunk, join, map, num_threads, set_num_threads};
use crate::simd;

/// The number of threads is global, so tests that set it take turns.
pub(crate) fn with_threads(threads: usize, f: impl FnOnce()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = num_threads();
    set_num_threads(threads);
    let result = catch_unwind(AssertUnwindSafe(f));
    set_num_threads(before);
    if let Err(payload) = result {
        std::panic::resume_unwind(payload);
    }
}

fn visits_each_once(tasks: usize) {
    let seen: Vec<AtomicU32> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
    for_each(tasks, |index| {
        seen[index].fetch_add(1, Ordering::Relaxed);
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1), "of {tasks} tasks some ran not once");
}

#[test]
fn every_task_runs_once() {
    for threads in [1, 2, 3, 5] {
        with_threads(threads, || {
            for round in 0..200 {
                visits_each_once(round % 17);
                if round % 40 == 0 {
                    thread::sleep(Duration::from_micros(300)); // long enough for helpers to fall asleep
                }
            }
        });
    }
}

#[test]
fn chunks_cover_the_slice() {
    with_threads(3, || {
        for len in [0, 1, 7, 64, 65, 1000] {
            for chunk in [1, 3, 64, 2000] {
                let mut out = vec![0usize; len];
                for_each_chunk(&mut out, chunk, |first, part| {
                    assert!(part.len() == chunk || first + part.len() == len);
                    part.iter_mut().enumerate().for_each(|(i, x)| *x = first + i + 1);
                });
                assert!(out.iter().enumerate().all(|(i, &x)| x == i + 1), "length {len}, chunk {chunk}");
            }
        }
    });
}

#[test]
fn several_user_threads_and_nesting() {
    with_threads(3, || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..300 {
                        let total = AtomicUsize::new(0);
                        for_each(1 + round % 9, |outer| {
                            for_each(3, |inner| {
                                total.fetch_add(outer * 3 + inner + 1, Ordering::Relaxed);
                            });
                        });
                        let n = 3 * (1 + round % 9);
                        assert_eq!(total.into_inner(), n * (n + 1) / 2);
                    }
                });
            }
        });
    });
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    with_threads(2, || {
        for round in 0..50 {
            let payload = catch_unwind(|| {
                for_each(20, |index| assert!(index != round % 20, "task {index} fails"));
            })
            .unwrap_err();
            let message = payload.downcast_ref::<String>().unwrap();
            assert_eq!(*message, format!("task {} fails", round % 20));
            visits_each_once(8);
        }
    });
}

#[test]
fn a_long_task_of_a_helper_is_waited_for() {
    with_threads(2, || {
        for _ in 0..5 {
            let finished = AtomicU32::new(0);
            for_each(2, |index| {
                thread::sleep(Duration::from_millis(if index == 0 { 0 } else { 3 }));
                finished.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(finished.into_inner(), 2);
        }
    });
}

#[test]
fn a_forced_level_goes_with_the_tasks() {
    with_threads(3, || {
        for level in simd::available_levels() {
            simd::with_level(level, || {
                for_each(64, |_| assert_eq!(simd::level(), level));
                map(16, |_| assert_eq!(simd::level(), level));
                join(|| assert_eq!(simd::level(), level), || assert_eq!(simd::level(), level));
            });
        }
    });
}

#[test]
fn denormals_are_flushed_in_tasks_alone() {
    let smallest = std::hint::black_box(f32::MIN_POSITIVE);
    let half = || (smallest * std::hint::black_box(0.5)).to_bits();
    for threads in [1, 2] {
        with_threads(threads, || {
            for tasks in [1, 2, 100] {
                for_each(tasks, |_| {
                    for_each(1, |_| ());
                    assert_eq!(half(), 0, "{threads} threads, {tasks} tasks");
                });
                let _ = catch_unwind(|| for_each(tasks, |_| panic!("leave early")));
                assert_ne!(half(), 0, "{threads} threads, {tasks} tasks");
            }
        });
    }
}

#[test]
fn coarse_work_keeps_order_and_does_not_nest() {
    for threads in [1, 2, 3] {
        with_threads(threads, || {
            let squares = map(100, |index| map(3, |inner| index * inner).iter().sum::<usize>());
            assert!(squares.iter().enumerate().all(|(index, &sum)| sum == 3 * index));
            for_each(4, |_| assert_eq!(map(3, |index| index), [0, 1, 2]));
            fn sum(range: std::ops::Range<usize>) -> usize {
                if range.len() < 10 {
                    return range.sum();
                }
                let middle = range.start + range.len() / 2;
                let (a, b) = join(|| sum(range.start..middle), || sum(middle..range.end));
                a + b
            }
            assert_eq!(sum(0..1000), 499_500);
            assert!(catch_unwind(|| map(10, |index| assert!(index != 7))).is_err());
        });
    }
}

#[test]
#[should_panic(expected = "set_num_threads: expected at least 1 thread, got 0")]
fn no_threads_is_an_error() {
    set_num_threads(0);
}
