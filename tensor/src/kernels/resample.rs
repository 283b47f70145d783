//! Sparse linear maps along one axis: every output is a weighted sum of few inputs.
//!
//! Average pooling, interpolation of every kind, padding by reflection or repetition, windows taken apart (`unfold`) and
//! put together again (`fold`) are all such maps, axis by axis, and so are their gradients: [`Taps::transpose`].

use super::scratch::Scratch;
use crate::simd::{self, MOST_LANES, Real, Simd, dispatch};
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

/// The longest axis of which a vector of lines still fits into a cache.
const LONGEST: usize = 2048;

/// `y[.., o, ..] = sum of weight x[.., index, ..]` along `axis`; the result lies in memory like `x` where that is dense.
///
/// # Panics
/// If the dtype is no float or the axis has not `taps.input()` positions.
#[track_caller]
pub fn resample(x: &Tensor, axis: usize, taps: &Taps) -> Tensor {
    check(x, &[(axis, taps)]);
    let x = if x.layout().is_dense() { x.clone() } else { x.contiguous() };
    let layout = layout_of(&x, &[(axis, taps)]);
    crate::dispatch!(float "resample", x.dtype(), T => Tensor::build::<T>(layout, |y| into(&x, axis, taps, y)))
}

/// [`resample`] along several axes, one after the other: image by image where there are enough for all threads, so that
/// what lies between the axes stays in a cache.
///
/// # Panics
/// As [`resample`].
#[track_caller]
pub fn resample_axes(x: &Tensor, axes: &[(usize, &Taps)]) -> Tensor {
    check(x, axes);
    let [before @ .., (axis, taps)] = axes else { return x.clone() };
    // Where an axis of size 1 lies in memory is anybody's guess: all images would have to make the same one.
    let is_long = |&(axis, taps): &(usize, &Taps)| axis != 0 && taps.input > 1 && taps.output() > 1;
    let is_apart = x.layout().is_dense() && x.layout().order()[0] == 0 && axes.iter().all(is_long);
    let images = x.shape()[0];
    if before.is_empty() || !is_apart || images < 2 * parallel::num_threads() {
        return axes.iter().fold(x.clone(), |x, &(axis, taps)| resample(&x, axis, taps));
    }
    crate::dispatch!(float "resample", x.dtype(), T => Tensor::build::<T>(layout_of(x, axes), |y| {
        let each = y.len().div_ceil(images).max(1);
        parallel::for_each_chunk(y, each, |first, y| {
            let image = x.narrow(0, first / each, 1);
            into(&before.iter().fold(image, |x, &(axis, taps)| resample(&x, axis, taps)), *axis, taps, y);
        });
    }))
}

#[track_caller]
fn check(x: &Tensor, axes: &[(usize, &Taps)]) {
    for (axis, taps) in axes {
        if x.shape()[*axis] != taps.input {
            crate::fault!("resample", [input: x.shape()], "axis {axis} has not {} positions", taps.input);
        }
    }
}

/// The result's layout: in the memory order of `x`.
fn layout_of(x: &Tensor, axes: &[(usize, &Taps)]) -> Layout {
    let mut sizes = shape::Dims::from_slice(x.shape());
    axes.iter().for_each(|(axis, taps)| sizes[*axis] = taps.output());
    Layout::ordered(&sizes, &x.layout().like().order())
}

/// The sums along `axis` of a dense `x` that has `taps.input()` positions there.
fn into<T: Real + Element>(x: &Tensor, axis: usize, taps: &Taps, y: &mut [T]) {
    // What moves faster than the axis in memory.
    let order = x.layout().order();
    let place = order.iter().position(|&a| a == axis).unwrap_or(0);
    let inner: usize = order[place + 1..].iter().map(|&a| x.shape()[a]).product();
    let weight: Vec<T> = taps.weight.iter().map(|&w| <T as Element>::from_f64(w)).collect();
    run(x.as_memory::<T>().expect("dense"), y, inner, taps, &weight);
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
    let whole = Whole { x, inner, taps, weight };
    if inner == 1 && taps.input.max(outputs) <= LONGEST {
        let together = (GRAIN / (outputs * each)).next_multiple_of(MOST_LANES).max(MOST_LANES);
        return parallel::for_each_chunk(y, together * outputs, |first, y| {
            // SAFETY: the level is the CPU's.
            unsafe { together_of(level, whole, first / outputs, y) };
        });
    }
    let lines = (GRAIN / (inner * each).max(1)).max(1);
    parallel::for_each_chunk(y, lines * inner, |first, y| {
        // SAFETY: the level is the CPU's.
        unsafe { lines_of(level, whole, first / inner, y) };
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

/// Along the axis that moves fastest, whole copies of it: as many at once as vectors have lanes, one lane each.
#[inline(always)]
unsafe fn together_kernel<S: Simd>(whole: Whole<'_, S::Scalar>, first: usize, y: &mut [S::Scalar]) {
    let Whole { x, taps, weight, .. } = whole;
    let (inputs, outputs) = (taps.input, taps.output());
    let copies = y.len() / outputs;
    let x = &x[first * inputs..][..copies * inputs];
    if copies < S::LANES {
        // SAFETY: the caller's.
        return unsafe { lines_kernel::<S>(whole, first * outputs, y) };
    }
    let mut from = Scratch::<S::Scalar>::new(inputs * S::LANES);
    let mut to = Scratch::<S::Scalar>::new(outputs * S::LANES);
    for copy in (0..copies).step_by(S::LANES) {
        // The last ones may have been computed already, which costs less than to treat fewer.
        let copy = copy.min(copies - S::LANES);
        // SAFETY: the level is the caller's. `x` and `y` hold LANES copies from `copy` on, and `from` and `to` as many
        // elements; indices are below `inputs`, as `Taps::new` checked.
        unsafe {
            let (from, to) = (from.as_mut_ptr(), to.as_mut_ptr());
            turn::<S>(x.as_ptr().add(copy * inputs), [S::LANES, inputs], from);
            let mut at = 0;
            for (o, &end) in taps.ends.iter().enumerate() {
                let mut sum = S::zero();
                while at < end as usize {
                    let (index, weight) = (*taps.index.get_unchecked(at), *weight.get_unchecked(at));
                    sum = S::add(sum, S::mul(S::splat(weight), S::load(from.add(index as usize * S::LANES))));
                    at += 1;
                }
                S::store(to.add(o * S::LANES), sum);
            }
            turn::<S>(to, [outputs, S::LANES], y.as_mut_ptr().add(copy * outputs));
        }
    }
}

/// Transposes a matrix of `rows` and `columns`, which lies row by row.
///
/// # Safety
/// The level of `S` is available, and both pointers are valid for `rows * columns` elements that do not overlap.
#[inline(always)]
unsafe fn turn<S: Simd>(from: *const S::Scalar, [rows, columns]: [usize; 2], to: *mut S::Scalar) {
    let lanes = S::LANES;
    // SAFETY: the positions lie within the matrices.
    unsafe {
        if rows < lanes || columns < lanes {
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                *to.add(j * rows + i) = *from.add(i * columns + j);
            }
            return;
        }
        for i in (0..rows).step_by(lanes) {
            for j in (0..columns).step_by(lanes) {
                // The last tile lies over its neighbour where lanes do not divide the sizes.
                let (i, j) = (i.min(rows - lanes), j.min(columns - lanes));
                S::transpose(from.add(i * columns + j), columns as isize, lanes, to.add(j * rows + i), rows);
            }
        }
    }
}

dispatch! {
    unsafe fn together_of<T>(whole: Whole<'_, T>, first: usize, y: &mut [T]) = together_kernel;
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

    #[test]
    fn image_by_image_gives_the_same_bits() {
        let mut random = Generator::new(6);
        let taps = |input: usize, output: usize| {
            Taps::new(input, (0..output).map(|o| (0..o % 3 + 1).map(move |i| ((o + i) % input, 0.3 + i as f64))))
        };
        for [c, h, w] in [[3, 4, 5], [1, 4, 6], [5, 1, 7], [6, 3, 1], [1, 1, 4], [4, 1, 1], [2, 40, 33]] {
            for [to_h, to_w] in [[h, 2 * w], [2, 3], [1, w + 1], [h + 3, 1], [0, 2]] {
                let (down, across) = (taps(h, to_h), taps(w, to_w));
                for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
                    let x = random.randn([9, c, h, w], DType::F32).to_memory_format(format);
                    for axes in [[(2, &down), (3, &across)], [(3, &across), (2, &down)]] {
                        let expected = axes.iter().fold(x.clone(), |x, (axis, taps)| resample(&x, *axis, taps));
                        for threads in 1..=3 {
                            parallel::tests::with_threads(threads, || {
                                let y = resample_axes(&x, &axes);
                                assert!(y.to_vec::<f32>() == expected.to_vec::<f32>(), "{:?} {format:?}", x.shape());
                                let places = |t: &Tensor| -> Vec<_> {
                                    let axes = (0..4).filter(|&axis| t.shape()[axis] > 1);
                                    axes.map(|axis| t.strides()[axis]).collect()
                                };
                                assert_eq!(places(&y), places(&expected));
                            });
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn axes_of_any_length_have_the_bits_of_a_loop() {
        let mut random = Generator::new(9);
        let special = [-0.0, 0.0, 1.5, -2.25, 1e-3, 7.0];
        let sizes = [1, 3, 8, 17, 40];
        let mut cases: Vec<[usize; 3]> = Vec::new();
        for lines in [1, 7, 16, 37] {
            cases.extend(sizes.iter().flat_map(|&inputs| sizes.map(|outputs| [lines, inputs, outputs])));
        }
        // More than a task has, and longer than is transposed.
        cases.extend([[1000, 33, 41], [20, LONGEST + 1, 9], [20, 9, LONGEST + 1], [20, 9, LONGEST]]);
        for [lines, inputs, outputs] in cases {
            let kinds = random.randint([lines, inputs], 0, special.len() as i64).to_vec::<i64>();
            let x: Vec<f64> = kinds.iter().map(|&kind| special[kind as usize]).collect();
            let picks = random.randint([outputs, 5], 0, inputs as i64).to_vec::<i64>();
            let rows = picks.chunks(5).map(|row| {
                let weight = |j: usize| special[(row[j] as usize + j) % special.len()] / 3.0;
                (1..row[0] as usize % 5).map(|j| (row[j] as usize, weight(j))).collect::<Vec<_>>()
            });
            let taps = Taps::new(inputs, rows);
            for level in simd::available_levels() {
                simd::with_level(level, || {
                    let (single, double) = (Tensor::from(x.clone()).to_dtype(DType::F32), Tensor::from(x.clone()));
                    let y = resample(&single.reshape([lines, inputs]), 1, &taps).to_vec::<f32>();
                    let z = resample(&double.reshape([lines, inputs]), 1, &taps).to_vec::<f64>();
                    let single = single.to_vec::<f32>();
                    for (at, (y, z)) in y.iter().zip(z).enumerate() {
                        let (mut a, mut b) = (0f32, 0f64);
                        for (index, weight) in taps.row(at % outputs) {
                            let index = at / outputs * inputs + index;
                            (a, b) = (a + weight as f32 * single[index], b + weight * x[index]);
                        }
                        let what = format!("{lines} x {inputs} to {outputs} at {level}, place {at}");
                        assert_eq!((y.to_bits(), z.to_bits()), (a.to_bits(), b.to_bits()), "{what}");
                    }
                });
            }
        }
    }
}
