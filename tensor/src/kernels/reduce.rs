//! Sums of contiguous slices at memory speed.
//!
//! 64 lanes, however many vectors they are at a level, take turns for 1024 elements in the elements' own type; then they
//! are added up in `f64`. An element so meets at most 15 roundings before it is in `f64`, and the bits are the same at
//! every level.

use crate::simd::{self, Kernel, Real, Simd};

const LANES: usize = 64;
/// Elements that the lanes take before they are added up.
const BLOCK: usize = 16 * LANES;

struct Sum<'a, T>(&'a [T]);

impl<T: Real> Kernel<T> for Sum<'_, T> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = T>>(self) -> f64 {
        let mut totals = [0f64; 8];
        let mut lanes = [T::ZERO; LANES];
        for block in self.0.chunks(BLOCK) {
            let rows = block.chunks_exact(LANES);
            let rest = rows.remainder();
            if block.len() >= LANES {
                // SAFETY: every row has LANES elements, as `lanes` has; `run` is called at an available level.
                unsafe { add_rows::<S>(block.as_ptr(), rows.len(), &mut lanes) };
                for (i, &lane) in lanes.iter().enumerate() {
                    totals[i % 8] += lane.to_f64();
                }
            }
            for (i, &x) in rest.iter().enumerate() {
                totals[i % 8] += x.to_f64();
            }
        }
        let [a, b, c, d, e, f, g, h] = totals;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

/// The sums of `count >= 1` rows of LANES elements, lane by lane.
///
/// # Safety
/// The CPU has the instructions of `S`, and `from` is valid for all rows.
#[inline(always)]
unsafe fn add_rows<S: Simd>(from: *const S::Scalar, count: usize, lanes: &mut [S::Scalar; LANES]) {
    // Four vectors at a time stay in registers at every level.
    let group = 4 * S::LANES;
    // SAFETY: the caller's; groups fill the LANES lanes exactly.
    unsafe {
        let mut first = 0;
        while first < LANES {
            let at = |row: usize, v: usize| S::load(from.add(row * LANES + first + v * S::LANES));
            let (mut a, mut b, mut c, mut d) = (at(0, 0), at(0, 1), at(0, 2), at(0, 3));
            for row in 1..count {
                a = S::add(a, at(row, 0));
                b = S::add(b, at(row, 1));
                c = S::add(c, at(row, 2));
                d = S::add(d, at(row, 3));
            }
            let to = lanes.as_mut_ptr().add(first);
            S::store(to, a);
            S::store(to.add(S::LANES), b);
            S::store(to.add(2 * S::LANES), c);
            S::store(to.add(3 * S::LANES), d);
            first += group;
        }
    }
}

/// The sum of `x`.
pub fn sum<T: Real>(x: &[T]) -> f64 {
    if x.len() < LANES {
        return x.iter().map(|x| x.to_f64()).sum();
    }
    // SAFETY: `level` is available; the kernel reads the slice alone.
    unsafe { simd::run(simd::level(), Sum(x)) }
}

#[cfg(test)]
mod tests {
    use super::sum;
    use crate::simd;

    #[test]
    fn sums_are_accurate_and_the_same_at_every_level() {
        for len in [0, 1, 63, 64, 65, 127, 1000, 1024, 1025, 5000] {
            let x: Vec<f32> = (0..len).map(|i| ((i * 2_654_435_761usize) % 1000) as f32 / 500.0 - 0.9).collect();
            let wide: Vec<f64> = x.iter().copied().map(f64::from).collect();
            let exact: f64 = wide.iter().sum();
            let size: f64 = wide.iter().map(|x| x.abs()).sum();
            let results: Vec<(f64, f64)> =
                simd::available_levels().into_iter().map(|l| simd::with_level(l, || (sum(&x), sum(&wide)))).collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "length {len}: {results:?}");
            assert!((results[0].0 - exact).abs() <= size * 3e-7, "length {len}: {} of {exact}", results[0].0);
            assert!((results[0].1 - exact).abs() <= size * 1e-15, "length {len}: {} of {exact}", results[0].1);
        }
    }
}
