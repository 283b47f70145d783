//! The weight gradient of convolutions with few output channels: lanes run over pixels of a row, each accumulator
//! belongs to one weight, and its lanes are added up once, at the end.

use super::pad::Images;
use super::plan::Plan;
use super::planes::{CHANNELS, Planes, by_channels};
use super::problem::Problem;
use super::tile::{Shape, Shared};
use super::unroll::each_of_eight;
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Level, Real, Simd, dispatch};

/// Groups of images that are summed apart, at most.
const GROUPS: usize = 8;

/// Multiplications that one task should at least do.
const TASK: usize = 1 << 19;

/// Whether this method is likely the fastest.
pub(super) fn suits<T: Real>(p: &Problem) -> bool {
    let shape = Shape::current::<T>();
    p.groups == 1 && 2 * p.k <= shape.lanes && p.stride[2] == 1 && p.output[2] * 2 > shape.lanes
}

struct Pass<T> {
    x: Images<T>,
    g: Images<T>,
    x_planes: Planes,
    g_planes: Planes,
    /// Where each weight's first pixel lies in the planes of `x`, `[c][tap]`.
    offsets: Vec<usize>,
    /// Where the vectors of pixels lie in the planes of `x` and of `g`.
    places: Vec<[usize; 2]>,
    lanes: usize,
    level: Level,
}
// SAFETY: tasks read the inputs and write to sums of their own.
unsafe impl<T: Send> Send for Pass<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<T> {}

/// `dw`, dense as `[k, c, *kernel]`.
///
/// Images are divided into `most` groups at most.
///
/// # Safety
/// `x` and `g` are valid for reads as `p` describes.
pub(super) unsafe fn run<T: Real>(p: &Problem, x: Images<T>, g: Images<T>, most: usize, dw: &mut [T]) {
    let shape = Shape::current::<T>();
    let plan = Plan::forward(p);
    let x_planes = Planes::new(std::array::from_fn(|axis| plan.reads(axis, &(0..p.output[axis]))));
    // Rows of `g` end in zeros up to whole vectors, which meet whatever follows a row of `x`.
    let width = shape.padded(p.output[2]) as isize;
    let g_planes = Planes::new([0..p.output[0] as isize, 0..p.output[1] as isize, 0..width]);
    let offsets = (0..p.c * p.taps())
        .map(|at| {
            let (c, tap) = (at / p.taps(), at % p.taps());
            let at = [tap / (p.kernel[1] * p.kernel[2]), tap / p.kernel[2] % p.kernel[1], tap % p.kernel[2]];
            let [d, h, w]: [usize; 3] = std::array::from_fn(|axis| at[axis] * p.dilation[axis]);
            c * x_planes.plane + (d * x_planes.size[1] + h) * x_planes.size[2] + w
        })
        .collect();
    let mut places = Vec::new();
    for row in 0..p.output[0] * p.output[1] {
        let (d, h) = (row / p.output[1] * p.stride[0], row % p.output[1] * p.stride[1]);
        for w in (0..p.output[2]).step_by(shape.lanes) {
            places.push([(d * x_planes.size[1] + h) * x_planes.size[2] + w, row * g_planes.size[2] + w]);
        }
    }
    let pass = Pass { x, g, x_planes, g_planes, offsets, places, lanes: shape.lanes, level: shape.level };
    let groups = (p.work() / TASK).clamp(1, GROUPS.min(most)).min(p.n);
    let size = dw.len() * shape.lanes;
    let mut sums = Scratch::<T>::new(groups * size);
    let to = Shared(sums.as_mut_ptr());
    parallel::for_each(groups, |group| {
        let images = group * p.n / groups..(group + 1) * p.n / groups;
        // SAFETY: the caller's; each task has sums of its own.
        unsafe { pass.task(images, to.at(group * size), size) };
    });
    let sums = sums.as_slice();
    for (at, dw) in dw.iter_mut().enumerate() {
        *dw = T::ZERO;
        for group in 0..groups {
            for &lane in &sums[group * size + at * shape.lanes..][..shape.lanes] {
                *dw += lane;
            }
        }
    }
}

impl<T: Real> Pass<T> {
    /// # Safety
    /// As for `run`; `sums` holds `size` elements, `[k][c][tap][lanes]`.
    unsafe fn task(&self, images: std::ops::Range<usize>, sums: *mut T, size: usize) {
        let x_len = self.x.channels * self.x_planes.plane;
        // Vectors at the end of the last row read beyond it, and must not find NaN there.
        let mut x = Scratch::<T>::new(x_len + self.lanes);
        let mut g = Scratch::<T>::new(self.g.channels * self.g_planes.plane);
        // SAFETY: the scratch and the sums have these sizes.
        unsafe {
            std::ptr::write_bytes(sums, 0, size);
            // What lies outside the images stays 0.
            x.as_mut_slice().fill(T::ZERO);
            g.as_mut_slice().fill(T::ZERO);
            for n in images {
                self.x_planes.copy(&self.x, n, x.as_mut_ptr());
                self.g_planes.copy(&self.g, n, g.as_mut_ptr());
                image_at(self.level, self, [x.as_ptr(), g.as_ptr()], sums);
            }
        }
    }
}

#[inline(always)]
unsafe fn image_kernel<S: Simd>(pass: &Pass<S::Scalar>, planes: [*const S::Scalar; 2], sums: *mut S::Scalar) {
    let k = pass.g.channels;
    let mut channel = 0;
    while channel < k {
        // Blocks of nearly equal width.
        let channels = (k - channel).div_ceil((k - channel).div_ceil(CHANNELS));
        let g = planes[1].wrapping_add(channel * pass.g_planes.plane);
        for (first, offsets) in pass.offsets.chunks(if S::REGISTERS >= 32 { 4 } else { 2 }).enumerate() {
            // SAFETY: the caller's; the sums are those of these channels and taps.
            unsafe {
                if const { S::REGISTERS >= 32 } {
                    let sums = sums.add((channel * pass.offsets.len() + first * 4) * S::LANES);
                    by_channels!(tile_at, channels, 4, pass, offsets, [planes[0], g], sums);
                } else {
                    let sums = sums.add((channel * pass.offsets.len() + first * 2) * S::LANES);
                    by_channels!(tile_at, channels, 2, pass, offsets, [planes[0], g], sums);
                }
            }
        }
        channel += channels;
    }
}
dispatch! {
    unsafe fn tile_at<T>[const K: usize, const N: usize](
        pass: &Pass<T>, offsets: &[usize], planes: [*const T; 2], sums: *mut T,
    ) = tile_kernel;
}
dispatch! {
    unsafe fn image_at<T>(pass: &Pass<T>, planes: [*const T; 2], sums: *mut T) = image_kernel;
}

/// Adds the products of `K` channels and up to `N` weights of each to their sums.
#[inline(always)]
unsafe fn tile_kernel<S: Simd, const K: usize, const N: usize>(
    pass: &Pass<S::Scalar>,
    offsets: &[usize],
    planes: [*const S::Scalar; 2],
    sums: *mut S::Scalar,
) {
    // A constant block, so that tiles too large for a level cost no code there.
    if const { N > 2 && S::REGISTERS < 32 } {
        unreachable!("planar_weight_grad: {K} x {N} accumulators do not fit {} registers", S::REGISTERS);
    }
    let plane = pass.g_planes.plane;
    // SAFETY: the caller's; a missing weight repeats the last one, whose sum is not stored.
    unsafe {
        let mut from = [planes[0]; N];
        each_of_eight!(N, n => from[n] = planes[0].add(offsets[n.min(offsets.len() - 1)]));
        let mut acc = [[S::zero(); N]; K];
        for &[at_x, at_g] in &pass.places {
            let mut x = [S::zero(); N];
            each_of_eight!(N, n => x[n] = S::load(from[n].add(at_x)));
            each_of_eight!(K, k => {
                let g = S::load(planes[1].add(k * plane + at_g));
                each_of_eight!(N, n => acc[k][n] = S::fma(g, x[n], acc[k][n]));
            });
        }
        each_of_eight!(K, k => each_of_eight!(N, n => if n < offsets.len() {
            let sum = sums.add((k * pass.offsets.len() + n) * S::LANES);
            S::store(sum, S::add(S::load(sum), acc[k][n]));
        }));
    }
}
