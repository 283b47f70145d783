//! The convolution that serves whatever no fast path takes: plain loops over `[n, c, *spatial]` buffers, one row of
//! the output at a time, right for any sizes. Also what the fast paths fall back to for tiny problems.

use super::problem::Problem;
use crate::kernels::norm::Activation;
use crate::parallel;
use crate::simd::Real;

/// Work below which a pass stays on the calling thread, in multiplications.
const GRAIN: usize = 1 << 16;

/// Calls `row(first element of the output row, of the input row, valid outputs, tap)` for every row that a tap of the
/// kernel reads inside the input.
fn rows(p: &Problem, mut row: impl FnMut(usize, usize, usize, usize)) {
    let [_, kh, kw] = p.kernel;
    for tap in 0..p.taps() {
        let (d, d0) = p.inside(0, tap / (kh * kw));
        let (h, h0) = p.inside(1, tap / kw % kh);
        let (w, w0) = p.inside(2, tap % kw);
        for (di, od) in d.enumerate() {
            for (hi, oh) in h.clone().enumerate() {
                let out = (od * p.output[1] + oh) * p.output[2] + w.start;
                let input = ((d0 + di * p.stride[0]) * p.input[1] + h0 + hi * p.stride[1]) * p.input[2] + w0;
                row(out, input, w.len(), tap);
            }
        }
    }
}

fn split<T: Real>(work: usize, out: &mut [T], chunk: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    if chunk == 0 {
        return;
    }
    if work < GRAIN {
        out.chunks_mut(chunk).enumerate().for_each(|(index, part)| task(index, part));
    } else {
        parallel::for_each_chunk(out, chunk, |first, part| task(first / chunk, part));
    }
}

/// `y = conv(x, w)`; every buffer contiguous in logical order.
pub(super) fn forward<T: Real>(p: &Problem, x: &[T], w: &[T], y: &mut [T]) {
    let (inner, outer, taps, cg) = (p.input_pixels(), p.output_pixels(), p.taps(), p.group_c());
    split(p.work(), y, outer, |plane, y| {
        let (n, k) = (plane / p.k, plane % p.k);
        y.fill(T::ZERO);
        for c in 0..cg {
            let x = &x[(n * p.c + k / p.group_k() * cg + c) * inner..][..inner];
            let w = &w[(k * cg + c) * taps..][..taps];
            rows(p, |o, i, len, tap| {
                let scale = w[tap];
                for (y, x) in y[o..o + len].iter_mut().zip(x[i..].iter().step_by(p.stride[2])) {
                    *y += scale * *x;
                }
            });
        }
    });
}

/// `dx`, the gradient of `sum(g * conv(x, w))` in `x`.
pub(super) fn input_grad<T: Real>(p: &Problem, g: &[T], w: &[T], dx: &mut [T]) {
    let (inner, outer, taps, cg, kg) = (p.input_pixels(), p.output_pixels(), p.taps(), p.group_c(), p.group_k());
    split(p.work(), dx, inner, |plane, dx| {
        let (n, c) = (plane / p.c, plane % p.c);
        dx.fill(T::ZERO);
        for k in c / cg * kg..(c / cg + 1) * kg {
            let g = &g[(n * p.k + k) * outer..][..outer];
            let w = &w[(k * cg + c % cg) * taps..][..taps];
            rows(p, |o, i, len, tap| {
                let scale = w[tap];
                for (dx, g) in dx[i..].iter_mut().step_by(p.stride[2]).zip(&g[o..o + len]) {
                    *dx += scale * *g;
                }
            });
        }
    });
}

/// `dw`, the gradient of `sum(g * conv(x, w))` in `w`.
pub(super) fn weight_grad<T: Real>(p: &Problem, x: &[T], g: &[T], dw: &mut [T]) {
    let (inner, outer, taps, cg) = (p.input_pixels(), p.output_pixels(), p.taps(), p.group_c());
    split(p.work(), dw, taps, |plane, dw| {
        let (k, c) = (plane / cg, plane % cg);
        dw.fill(T::ZERO);
        for n in 0..p.n {
            let x = &x[(n * p.c + k / p.group_k() * cg + c) * inner..][..inner];
            let g = &g[(n * p.k + k) * outer..][..outer];
            rows(p, |o, i, len, tap| {
                let mut sum = T::ZERO;
                for (g, x) in g[o..o + len].iter().zip(x[i..].iter().step_by(p.stride[2])) {
                    sum += *g * *x;
                }
                dw[tap] += sum;
            });
        }
    });
}

/// Adds `bias` per plane of `pixels` elements and applies the activation.
pub(super) fn finish<T: Real>(pixels: usize, bias: Option<&[T]>, activation: Activation, y: &mut [T]) {
    if (bias.is_none() && activation == Activation::Identity) || pixels == 0 {
        return;
    }
    let six = T::from_f64(6.0);
    for (plane, y) in y.chunks_mut(pixels).enumerate() {
        let bias = bias.map_or(T::ZERO, |bias| bias[plane % bias.len()]);
        for y in y {
            *y += bias;
            if activation != Activation::Identity && *y < T::ZERO {
                *y = T::ZERO;
            }
            if activation == Activation::Relu6 && *y > six {
                *y = six;
            }
        }
    }
}
