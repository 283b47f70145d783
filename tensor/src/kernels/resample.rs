//! Sparse linear maps along one axis: every output is a weighted sum of few inputs.
//!
//! Average pooling, interpolation of every kind, padding by reflection or repetition, windows taken apart (`unfold`) and
//! put together again (`fold`) are all such maps, axis by axis, and so are their gradients: [`Taps::transpose`].

use crate::simd::{self, Real, Simd, dispatch};
use crate::{Element, Layout, Tensor, parallel, shape};

/// A sparse matrix: row `o` lists the inputs, with weights, of which output `o` is the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    input: usize,
    /// Where each row ends.
    ends: Vec<u32>,
    index: Vec<u32>,
    weight: Vec<f64>,
}

impl Taps {
    /// The map from `input` positions whose output `o` is the sum of `weight` times input `index` over `rows`' item `o`.
    ///
    /// # Panics
    /// If an index is not below `input`.
    #[track_caller]
    pub fn new<R: IntoIterator<Item = (usize, f64)>>(input: usize, rows: impl IntoIterator<Item = R>) -> Taps {
        let mut taps = Taps { input, ends: Vec::new(), index: Vec::new(), weight: Vec::new() };
        for row in rows {
            for (index, weight) in row {
                assert!(index < input, "resample: index {index} is out of range for an axis of size {input}");
                taps.index.push(index as u32);
                taps.weight.push(weight);
            }
            taps.ends.push(taps.index.len() as u32);
        }
        taps
    }

    /// Inputs.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Outputs.
    pub fn output(&self) -> usize {
        self.ends.len()
    }

    /// The inputs and weights of output `o`.
    pub fn row(&self, o: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.range(o).map(|at| (self.index[at] as usize, self.weight[at]))
    }

    fn range(&self, o: usize) -> std::ops::Range<usize> {
        let first = if o == 0 { 0 } else { self.ends[o - 1] };
        first as usize..self.ends[o] as usize
    }

    /// The adjoint map.
    pub fn transpose(&self) -> Taps {
        let mut rows = vec![Vec::new(); self.input];
        for o in 0..self.output() {
            for (index, weight) in self.row(o) {
                rows[index].push((o, weight));
            }
        }
        Taps::new(self.output(), rows)
    }
}

/// Multiplications per task.
const GRAIN: usize = 32 * 1024;

/// `y[.., o, ..] = sum of weight x[.., index, ..]` along `axis`; the result lies in memory like `x` where that is dense.
///
/// # Panics
/// If the dtype is no float or the axis has not `taps.input()` positions.
#[track_caller]
pub fn resample(x: &Tensor, axis: usize, taps: &Taps) -> Tensor {
    if x.shape()[axis] != taps.input {
        crate::fault!("resample", [input: x.shape()], "axis {axis} has not {} positions", taps.input);
    }
    let x = if x.layout().is_dense() { x.clone() } else { x.contiguous() };
    let mut sizes = shape::Dims::from_slice(x.shape());
    sizes[axis] = taps.output();
    let order = x.layout().like().order();
    let layout = Layout::ordered(&sizes, &order);
    // What moves faster than the axis in memory.
    let place = order.iter().position(|&a| a == axis).unwrap_or(0);
    let inner: usize = order[place + 1..].iter().map(|&a| sizes[a]).product();
    crate::dispatch!(float "resample", x.dtype(), T => {
        let weight: Vec<T> = taps.weight.iter().map(|&w| <T as Element>::from_f64(w)).collect();
        let data = x.as_memory::<T>().expect("dense");
        Tensor::build::<T>(layout, |y| run(data, y, inner, taps, &weight))
    })
}

fn run<T: Real + Element>(x: &[T], y: &mut [T], inner: usize, taps: &Taps, weight: &[T]) {
    let outputs = taps.output();
    if y.is_empty() {
        return;
    }
    if x.is_empty() {
        return y.fill(<T as Real>::ZERO);
    }
    let level = simd::level();
    let each = taps.index.len().div_ceil(outputs).max(1);
    let lines = (GRAIN / (inner * each).max(1)).max(1);
    parallel::for_each_chunk(y, lines * inner, |first, y| {
        let first = first / inner;
        let whole = Whole { x, inner, taps, weight };
        // SAFETY: the level is the CPU's.
        unsafe { lines_of(level, whole, first, y) };
    });
}

#[derive(Clone, Copy)]
struct Whole<'a, T> {
    x: &'a [T],
    inner: usize,
    taps: &'a Taps,
    weight: &'a [T],
}

#[inline(always)]
unsafe fn lines_kernel<S: Simd>(whole: Whole<'_, S::Scalar>, first: usize, y: &mut [S::Scalar]) {
    let Whole { x, inner, taps, weight } = whole;
    let outputs = taps.output();
    if inner == 1 {
        for (line, y) in (first..).zip(y) {
            let x = &x[line / outputs * taps.input..][..taps.input];
            let mut sum = S::Scalar::ZERO;
            for at in taps.range(line % outputs) {
                sum += weight[at] * x[taps.index[at] as usize];
            }
            *y = sum;
        }
        return;
    }
    for (line, y) in (first..).zip(y.chunks_exact_mut(inner)) {
        let (outer, range) = (line / outputs * taps.input, taps.range(line % outputs));
        let from = |at: usize| &x[(outer + taps.index[at] as usize) * inner..][..inner];
        match range.len() {
            0 => y.fill(S::Scalar::ZERO),
            1 => {
                let w = weight[range.start];
                y.iter_mut().zip(from(range.start)).for_each(|(y, &x)| *y = w * x);
            }
            2 => {
                let (v, w) = (weight[range.start], weight[range.start + 1]);
                let (a, b) = (from(range.start), from(range.start + 1));
                y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (&a, &b))| *y = v * a + w * b);
            }
            _ => {
                let w = weight[range.start];
                y.iter_mut().zip(from(range.start)).for_each(|(y, &x)| *y = w * x);
                for (at, &w) in range.clone().zip(&weight[range]).skip(1) {
                    y.iter_mut().zip(from(at)).for_each(|(y, &x)| *y += w * x);
                }
            }
        }
    }
}

dispatch! {
    unsafe fn lines_of<T>(whole: Whole<'_, T>, first: usize, y: &mut [T]) = lines_kernel;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Generator, MemoryFormat};

    #[test]
    fn agrees_with_a_dense_matrix_along_every_axis() {
        let mut random = Generator::new(4);
        let rows = [vec![(0, 0.5), (2, 2.0)], vec![], vec![(1, 1.0)], vec![(2, -1.0), (0, 3.0), (1, 0.25)]];
        let taps = Taps::new(3, rows.clone());
        let mut dense = Tensor::zeros([4, 3], DType::F64);
        for (o, row) in rows.iter().enumerate() {
            row.iter().for_each(|&(i, w)| dense.make_mut::<f64>()[o * 3 + i] = w);
        }
        for axis in 0..4 {
            let mut shape = [2, 5, 4, 6];
            shape[axis] = 3;
            for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
                let x = random.randn(shape, DType::F64).to_memory_format(format);
                let moved = x.transpose(axis as isize, -1).contiguous();
                let expected = moved.matmul(&dense.transpose(0, 1)).transpose(axis as isize, -1);
                let y = resample(&x, axis, &taps);
                assert!(y.layout().is_in_format(format));
                for (a, b) in y.to_vec::<f64>().iter().zip(expected.to_vec::<f64>()) {
                    assert!((a - b).abs() < 1e-12);
                }
            }
        }
        assert_eq!(taps.transpose().transpose().output(), 4);
    }
}
