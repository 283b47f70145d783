//! Winograd's minimal filtering F(4x4, 3x3): a 4x4 tile of outputs of a 3x3 filter with stride 1 takes 36
//! multiplications per pair of channels instead of 144.
//!
//! A 6x6 tile of inputs becomes `V = B^T d B`, a filter becomes `U = G w G^T`, and the outputs are `A^T (U * V) A`, where
//! the product sums over channels: 36 independent matrix products, done by the direct method's micro-kernels. The weight
//! gradient is the adjoint: `dw = G^T (sum over tiles of (A g A^T) * V) G`.
//!
//! Source: A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015. The transforms magnify rounding:
//! in `f32` the error is below 2e-5 of the largest result (direct: 2e-6).

mod forward;
mod transform;
mod weight_grad;

pub(super) use forward::{Outputs, run as forward};
pub(super) use weight_grad::run as weight_grad;

use super::pad::Images;
use super::problem::Problem;
use super::prologue::Vectors;
use crate::simd::Simd;

/// Points of the transformed domain.
const POINTS: usize = 36;

/// Tiles that are transformed and multiplied together: few enough for the second-level cache, enough for the product.
const BLOCK: usize = 16;

/// Elements from one point of a block to the next, where a tile has `channels` of them: a vector more than is used, since
/// at a power of two all points of a tile would compete for the same few lines of the first-level cache.
#[inline(always)]
fn apart(channels: usize, lanes: usize) -> usize {
    BLOCK * channels + lanes
}

/// Whether `p` has the filters that this method serves, and tiles that are filled well enough by sizes `output`.
pub(super) fn suits(p: &Problem, output: [usize; 3]) -> bool {
    let tiles = output[1].div_ceil(4) * output[2].div_ceil(4);
    p.kernel == [1, 3, 3]
        && p.stride == [1, 1, 1]
        && p.dilation == [1, 1, 1]
        && p.padding[0] == 0
        && p.padding[1] <= 2
        && p.padding[2] <= 2
        && p.groups == 1
        && p.c >= 12
        && p.k >= 12
        // A tile costs a quarter of its outputs' direct products, and the transforms about as much again at few channels.
        && 9 * output[1] * output[2] >= 20 * 4 * tiles
}

/// How images are covered by tiles of 4x4 outputs; depth slices count as images.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    /// Images times depth.
    slices: usize,
    depth: usize,
    /// Tiles per slice, down and across.
    down: usize,
    across: usize,
    /// The input position of output (0, 0).
    origin: [isize; 2],
}

/// Where one tile lies.
#[derive(Clone, Copy, Debug)]
struct Tile {
    n: usize,
    d: usize,
    /// The first output's row and column.
    h: usize,
    w: usize,
}

impl Tiling {
    fn new(n: usize, output: [usize; 3], padding: [isize; 2]) -> Tiling {
        Tiling {
            slices: n * output[0],
            depth: output[0],
            down: output[1].div_ceil(4),
            across: output[2].div_ceil(4),
            origin: padding.map(|padding| -padding),
        }
    }

    fn tiles(&self) -> usize {
        self.slices * self.down * self.across
    }

    fn tile(&self, index: usize) -> Tile {
        let (slice, place) = (index / (self.down * self.across), index % (self.down * self.across));
        let (h, w) = (place / self.across * 4, place % self.across * 4);
        Tile { n: slice / self.depth, d: slice % self.depth, h, w }
    }
}

/// Pointers to the `SIZE`x`SIZE` positions of `x` from `at` on in a tile's slice; positions outside point to `zeros`.
#[inline(always)]
fn window<T, const SIZE: usize>(
    x: &Images<T>,
    tile: Tile,
    at: [isize; 2],
    zeros: *const T,
) -> [[*const T; SIZE]; SIZE] {
    let [sn, _, sd, sh, sw] = x.strides;
    let slice = x.data.wrapping_offset(tile.n as isize * sn + tile.d as isize * sd);
    let mut window = [[zeros; SIZE]; SIZE];
    for (i, row) in window.iter_mut().enumerate() {
        let h = at[0] + i as isize;
        if h >= 0 && h < x.sizes[1] as isize {
            let line = slice.wrapping_offset(h * sh + at[1] * sw);
            for (j, place) in row.iter_mut().enumerate() {
                let w = at[1] + j as isize;
                if w >= 0 && w < x.sizes[2] as isize {
                    *place = line.wrapping_offset(j as isize * sw);
                }
            }
        }
    }
    window
}

/// Asks for the channel `channel` of a window that will be read next: one tile's work is too short to hide the way from
/// memory behind it.
///
/// # Safety
/// The level of `S` is available.
#[inline(always)]
unsafe fn prefetch<S: Simd, const SIZE: usize>(window: &[[*const S::Scalar; SIZE]; SIZE], channel: usize) {
    for row in window {
        for place in row {
            // SAFETY: a prefetch may name any address.
            unsafe { S::prefetch(place.wrapping_add(channel)) };
        }
    }
}

/// A window of vectors that cannot be read where they are: the last channels, which fill no vector, and mapped ones.
///
/// Transforms read it through pointers like any other window, so that there is one copy of them, with closures small
/// enough to be inlined: a closure that is not is compiled without the level's instructions.
struct Stage<S: Simd> {
    vectors: [[S::Vector; 6]; 6],
}

impl<S: Simd> Stage<S> {
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    unsafe fn new() -> Stage<S> {
        // SAFETY: the caller's.
        unsafe { Stage { vectors: [[S::zero(); 6]; 6] } }
    }

    /// Reads the `valid` channels of `window` from `channel` on, maps them, and points to the results; zeros stay zeros.
    ///
    /// # Safety
    /// The level of `S` is available; the window's places are `zeros` or valid for these channels. The pointers are
    /// valid until the next call.
    #[inline(always)]
    unsafe fn fill(
        &mut self,
        window: &[[*const S::Scalar; 6]; 6],
        [channel, valid]: [usize; 2],
        map: Option<Vectors<S>>,
        zeros: *const S::Scalar,
    ) -> [[*const S::Scalar; 6]; 6] {
        let mut places = [[zeros; 6]; 6];
        for i in 0..6 {
            for j in 0..6 {
                // SAFETY: the caller's.
                unsafe {
                    let place = window[i][j].wrapping_add(channel);
                    self.vectors[i][j] = if window[i][j] == zeros {
                        S::zero()
                    } else {
                        let v = if valid == S::LANES { S::load(place) } else { S::load_first(place, valid) };
                        if let Some(map) = &map { map.apply(v) } else { v }
                    };
                }
                places[i][j] = std::ptr::from_ref(&self.vectors[i][j]).cast();
            }
        }
        places
    }
}
