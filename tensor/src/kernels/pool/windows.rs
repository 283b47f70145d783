//! Maxima over windows of any sizes, for adaptive and fractional pooling.

use std::ops::Range;

use crate::{Layout, Tensor, dispatch, parallel};

/// For every plane of `x`, `[n, c, *spatial]`, and every choice of one window per spatial axis, the position of the
/// maximum in the flattened spatial axes: `i64`, `[n, c, windows per axis ...]`. NaN counts as largest, and of equal
/// values the first is taken. `axes(plane)` gives the windows of a plane, as many along each axis for all of them.
///
/// # Panics
/// If the dtype is no float or a window is empty.
#[track_caller]
pub fn window_indices(x: &Tensor, axes: impl Fn(usize) -> [Vec<Range<usize>>; 3] + Sync + Send) -> Tensor {
    let x = x.contiguous();
    let mut sizes = [1; 3];
    sizes[5 - x.rank()..].copy_from_slice(&x.shape()[2..]);
    let counts = axes(0).map(|windows| windows.len());
    let shape = [&x.shape()[..2], &counts[5 - x.rank()..]].concat();
    let (inputs, outputs) = (sizes.iter().product::<usize>(), counts.iter().product::<usize>().max(1));
    dispatch!(float "max_pool", x.dtype(), T => {
        let data = x.as_slice::<T>().expect("made contiguous");
        Tensor::build::<i64>(Layout::contiguous(&shape), |out| {
            parallel::for_each_chunk(out, outputs, |first, out| {
                let plane = first / outputs;
                let (x, [ds, hs, ws]) = (&data[plane * inputs..][..inputs], axes(plane));
                let mut out = out.iter_mut();
                for d in &ds {
                    for h in &hs {
                        for (w, to) in ws.iter().zip(&mut out) {
                            *to = largest(x, [d, h, w], sizes) as i64;
                        }
                    }
                }
            });
        })
    })
}

fn largest<T: Copy + PartialOrd>(x: &[T], [d, h, w]: [&Range<usize>; 3], sizes: [usize; 3]) -> usize {
    let mut best = (d.start * sizes[1] + h.start) * sizes[2] + w.start;
    assert!(!d.is_empty() && !h.is_empty() && !w.is_empty(), "max_pool: a window is empty");
    for i in d.clone() {
        for j in h.clone() {
            for at in (i * sizes[1] + j) * sizes[2] + w.start..(i * sizes[1] + j) * sizes[2] + w.end {
                #[allow(clippy::eq_op)] // NaN alone differs from itself
                let replaces = x[at] > x[best] || (x[at] != x[at] && x[best] == x[best]);
                if replaces {
                    best = at;
                }
            }
        }
    }
    best
}
