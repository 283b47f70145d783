//! Every SIMD level against the scalar loop, bit by bit.

use super::{Add, AddSize, AddSquare, LANES, Largest, Multiply, Smallest, Source, Step, across, along, column, is_nan};
use crate::simd::{self, Real};

fn check<A: Real + Source<A>, T: Source<A>, P: Step>(step: P, start: A, x: &[T]) {
    let mut expected = [start; LANES];
    let round = if P::BY_PAIRS { 2 * LANES } else { LANES };
    for round in x.chunks(round) {
        for (i, x) in round.iter().enumerate() {
            let lane = &mut expected[i % LANES];
            match round.get(i + LANES) {
                Some(&other) if P::BY_PAIRS && round.len() == 2 * LANES => {
                    *lane = step.scalar(*lane, x.widen_sum(other))
                }
                _ if P::BY_PAIRS && round.len() == 2 * LANES => {}
                _ => *lane = step.scalar(*lane, x.widen()),
            }
        }
    }
    let width = x.len() / 7;
    let rows: Vec<&[T]> = x.chunks(width.max(1)).take(if width == 0 { 0 } else { 7 }).collect();
    let (fours, singles) = rows.as_chunks::<4>();
    let sums: Vec<A> = (0..width).map(|i| column(step, start, fours, singles, i)).collect();
    let bits = |x: &[A]| x.iter().map(|&x| if is_nan(x) { u64::MAX } else { x.to_f64().to_bits() }).collect::<Vec<_>>();
    for level in simd::available_levels() {
        simd::with_level(level, || {
            let mut lanes = [start; LANES];
            along(step, &mut lanes, x);
            assert_eq!(bits(&lanes), bits(&expected), "along {} elements at {level}", x.len());
            let mut running = vec![start; width];
            across(step, &mut running, &rows);
            assert_eq!(bits(&running), bits(&sums), "across {} elements at {level}", x.len());
        });
    }
}

#[test]
fn every_level_gives_the_bits_of_the_scalar_loop() {
    for len in [0, 1, 5, 31, 32, 33, 100, 1000, 4096, 4127, 9000] {
        let mut x: Vec<f64> = (0..len).map(|i| ((i * 7919 % 1013) as f64 - 500.0) / 317.0).collect();
        for special in [None, Some(f64::NAN), Some(f64::NEG_INFINITY)] {
            if let (Some(special), true) = (special, len > 20) {
                (x[len / 3], x[len - 3]) = (special, special);
            }
            let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            check::<f64, f32, _>(Add, 0.0, &single);
            check::<f64, f64, _>(Add, 0.0, &x);
            check::<f64, f32, _>(Multiply, 1.0, &single);
            check::<f64, f64, _>(AddSize, 0.0, &x);
            check::<f64, f32, _>(AddSquare, 0.0, &single);
            check::<f32, f32, _>(Largest, f32::NEG_INFINITY, &single);
            check::<f64, f64, _>(Smallest, f64::INFINITY, &x);
        }
    }
}
