//! The inner loops over groups whose elements have a factor and an offset each, as in layer normalisation.

use super::planes::Plane;
use crate::simd::{Simd, dispatch, unroll};

#[inline(always)]
unsafe fn affine_kernel<S: Simd>(group: Plane<S::Scalar>, [x, weight, bias]: [&[S::Scalar]; 3], y: &mut [S::Scalar]) {
    let n = y.len();
    let (x, weight, bias) = (&x[..n], &weight[..n], &bias[..n]);
    for j in 0..n {
        y[j] = (x[j] - group.mean) * group.scale * weight[j] + bias[j];
    }
}

dispatch! {
    /// `y = (x - mean) scale weight + bias`.
    pub(super) unsafe fn affine<T>(group: Plane<T>, from: [&[T]; 3], y: &mut [T]) = affine_kernel;
}

#[inline(always)]
unsafe fn sums_kernel<S: Simd, const V: usize>(
    group: Plane<S::Scalar>,
    [x, g, weight]: [&[S::Scalar]; 3],
    [d_weight, d_bias]: [&mut [S::Scalar]; 2],
) -> [S::Scalar; 2] {
    let n = x.len();
    assert!(g.len() == n && weight.len() == n && d_weight.len() == n && d_bias.len() == n);
    let (x, g, weight) = (x.as_ptr(), g.as_ptr(), weight.as_ptr());
    let (d_weight, d_bias) = (d_weight.as_mut_ptr(), d_bias.as_mut_ptr());
    // SAFETY: the level is the caller's; a vector at `at` has as many elements as are left of `n`.
    unsafe {
        let (mean, scale) = (S::splat(group.mean), S::splat(group.scale));
        let (mut sum, mut product) = ([S::zero(); V], [S::zero(); V]);
        let mut at = 0;
        while at + V * S::LANES <= n {
            unroll!(v < V {
                let at = at + v * S::LANES;
                let (centred, g) = (S::sub(S::load(x.add(at)), mean), S::load(g.add(at)));
                let weighted = S::mul(g, S::load(weight.add(at)));
                sum[v] = S::add(sum[v], weighted);
                product[v] = S::fma(weighted, centred, product[v]);
                S::store(d_weight.add(at), S::fma(g, S::mul(centred, scale), S::load(d_weight.add(at))));
                S::store(d_bias.add(at), S::add(S::load(d_bias.add(at)), g));
            });
            at += V * S::LANES;
        }
        while at < n {
            // Beyond the end there are zeros, of which nothing is a sum.
            let left = S::LANES.min(n - at);
            let centred = S::sub(S::load_first(x.add(at), left), mean);
            let g = S::load_first(g.add(at), left);
            let weighted = S::mul(g, S::load_first(weight.add(at), left));
            sum[0] = S::add(sum[0], weighted);
            product[0] = S::fma(weighted, centred, product[0]);
            let old = [S::load_first(d_weight.add(at), left), S::load_first(d_bias.add(at), left)];
            S::store_first(d_weight.add(at), left, S::fma(g, S::mul(centred, scale), old[0]));
            S::store_first(d_bias.add(at), left, S::add(old[1], g));
            at += left;
        }
        for v in 1..V {
            (sum[0], product[0]) = (S::add(sum[0], sum[v]), S::add(product[0], product[v]));
        }
        [S::reduce_add(sum[0]), S::reduce_add(product[0])]
    }
}

dispatch! {
    /// The sums of `g weight` and of its product with `x - mean`, in `V` vectors each, so that additions need not wait for
    /// one another; adds the gradients of weight and bias to what is there.
    pub(super) unsafe fn sums<T>[const V: usize](group: Plane<T>, from: [&[T]; 3], gradients: [&mut [T]; 2]) -> [T; 2] = sums_kernel;
}

#[inline(always)]
unsafe fn input_kernel<S: Simd>(
    [group, slope]: [Plane<S::Scalar>; 2],
    [x, g, weight]: [&[S::Scalar]; 3],
    dx: &mut [S::Scalar],
) {
    let n = dx.len();
    let (x, g, weight) = (&x[..n], &g[..n], &weight[..n]);
    for j in 0..n {
        dx[j] = g[j] * weight[j] * group.scale + (x[j] - group.mean) * slope.scale + slope.shift;
    }
}

dispatch! {
    /// `dx = g weight scale + (x - mean) slope + shift`; slope and shift are those of the second plane.
    pub(super) unsafe fn input<T>(planes: [Plane<T>; 2], from: [&[T]; 3], dx: &mut [T]) = input_kernel;
}
