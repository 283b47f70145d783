//! Images of few channels as planes `[c][d][h][w]`, where lanes run over pixels of a row: cut out of a tensor in any
//! memory order, and put back into NHWC.

use std::ops::Range;

use super::pad::Images;
use super::unroll::each;
use crate::simd::{self, Real, Simd, dispatch};

pub(super) use crate::simd::MOST_LANES;

/// Where the planes of one image are cut out.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    /// The input position of the first element.
    pub(super) first: [isize; 3],
    pub(super) size: [usize; 3],
    /// Elements of one plane.
    pub(super) plane: usize,
}

impl Planes {
    /// The planes that hold the given positions.
    pub(super) fn new(reads: [Range<isize>; 3]) -> Planes {
        let size: [usize; 3] = std::array::from_fn(|axis| reads[axis].len());
        Planes { first: std::array::from_fn(|axis| reads[axis].start), size, plane: size.iter().product() }
    }

    /// Copies what lies inside image `n` into planes; elements outside are left as they are.
    ///
    /// # Safety
    /// The image is valid for reads, `to` for writes of all planes.
    pub(super) unsafe fn copy<T: Real>(&self, x: &Images<T>, n: usize, to: *mut T) {
        let inside = |axis: usize| {
            let from = (-self.first[axis]).clamp(0, self.size[axis] as isize) as usize;
            from..(x.sizes[axis] as isize - self.first[axis]).clamp(from as isize, self.size[axis] as isize) as usize
        };
        let [depth, height, width] = [inside(0), inside(1), inside(2)];
        let [sn, sc, sd, sh, sw] = x.strides;
        let level = simd::level();
        for d in depth {
            for h in height.clone() {
                // SAFETY: positions inside the image are read, and positions of the planes written.
                unsafe {
                    let row = to.add((d * self.size[1] + h) * self.size[2] + width.start);
                    let at = [0, 1, 2].map(|axis| self.first[axis] + [d, h, width.start][axis] as isize);
                    let from = x.data.offset(n as isize * sn + at[0] * sd + at[1] * sh + at[2] * sw);
                    if sw == 1 {
                        for c in 0..x.channels {
                            let from = from.offset(c as isize * sc);
                            std::ptr::copy_nonoverlapping(from, row.add(c * self.plane), width.len());
                        }
                    } else if sc == 1 && x.channels > 1 {
                        let line = Line { from, step: sw, pixels: width.len(), channels: x.channels };
                        turn_at(level, &line, row, self.plane);
                    } else {
                        for c in 0..x.channels {
                            let from = from.offset(c as isize * sc);
                            for w in 0..width.len() {
                                *row.add(c * self.plane + w) = *from.offset(w as isize * sw);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Neighbouring pixels whose channels follow one another.
struct Line<T> {
    from: *const T,
    /// From a pixel to the next.
    step: isize,
    pixels: usize,
    channels: usize,
}

/// Writes a line's channels to planes, `plane` elements apart.
#[inline(always)]
unsafe fn turn_kernel<S: Simd>(line: &Line<S::Scalar>, to: *mut S::Scalar, plane: usize) {
    // SAFETY: the caller's: the line's pixels and the planes' rows are valid; only they are touched.
    unsafe {
        let mut square = [[<S::Scalar as Real>::ZERO; MOST_LANES]; MOST_LANES];
        let mut turned = square;
        for first in (0..line.pixels).step_by(S::LANES) {
            let pixels = (line.pixels - first).min(S::LANES);
            for channel in (0..line.channels).step_by(S::LANES) {
                let channels = (line.channels - channel).min(S::LANES);
                for (p, square) in square.iter_mut().enumerate().take(pixels) {
                    let from = line.from.offset((first + p) as isize * line.step).add(channel);
                    let pixel = if channels == S::LANES { S::load(from) } else { S::load_first(from, channels) };
                    S::store(square.as_mut_ptr(), pixel);
                }
                let apart = MOST_LANES;
                S::transpose(square.as_ptr().cast(), apart as isize, pixels, turned.as_mut_ptr().cast(), apart);
                for (c, turned) in turned.iter().enumerate().take(channels) {
                    let to = to.add((channel + c) * plane + first);
                    let row = S::load(turned.as_ptr());
                    if pixels == S::LANES { S::store(to, row) } else { S::store_first(to, pixels, row) }
                }
            }
        }
    }
}
dispatch! {
    unsafe fn turn_at<T>(line: &Line<T>, to: *mut T, plane: usize) = turn_kernel;
}

/// Writes `K` channels of `pixels` pixels, a vector of pixels per channel, to pixels that are `step` elements apart.
/// `K` is at most 6 and at most the number of lanes.
///
/// # Safety
/// The level of `S` is available; `to` is valid for writes of `K` elements at each of the pixels.
#[inline(always)]
pub(super) unsafe fn interleave<S: Simd, const K: usize>(
    channels: &[S::Vector; K],
    pixels: usize,
    to: *mut S::Scalar,
    step: usize,
) {
    // SAFETY: the caller's; every plane has room for a vector.
    unsafe {
        let mut planes = [[<S::Scalar as Real>::ZERO; MOST_LANES]; K];
        for (plane, &channel) in planes.iter_mut().zip(channels) {
            S::store(plane.as_mut_ptr(), channel);
        }
        pixels_at::<S::Scalar, K>(S::LEVEL, planes.as_ptr().cast(), pixels, to, step);
    }
}
dispatch! {
    /// The part of [`interleave`] that is compiled once for all sizes of tiles.
    unsafe fn pixels_at<T>[const K: usize](planes: *const T, pixels: usize, to: *mut T, step: usize) = pixels_kernel;
}

#[inline(always)]
unsafe fn pixels_kernel<S: Simd, const K: usize>(
    planes: *const S::Scalar,
    pixels: usize,
    to: *mut S::Scalar,
    step: usize,
) {
    // SAFETY: the caller's; every pixel's row of the square is written whole.
    unsafe {
        let mut turned = [[<S::Scalar as Real>::ZERO; MOST_LANES]; MOST_LANES];
        S::transpose(planes, MOST_LANES as isize, K, turned.as_mut_ptr().cast(), MOST_LANES);
        // Where pixels follow one another, a whole vector may be written as long as later pixels cover what lies behind
        // the channels.
        let covered = if step == K && pixels * K >= S::LANES { (pixels * K - S::LANES) / K + 1 } else { 0 };
        each!(16, p => if p < pixels {
            let (v, to) = (S::load(turned[p].as_ptr()), to.add(p * step));
            if p < covered {
                S::store(to, v);
            } else {
                S::store_first(to, K, v);
            }
        });
    }
}

/// The widest block of output channels that a tile of planes takes.
pub(super) const CHANNELS: usize = 6;

/// Calls a tile of `S` for a number of channels, at most [`CHANNELS`], that is known at run time alone.
macro_rules! by_channels {
    ($tile_at:ident, $channels:expr, $other:literal, $($arg:expr),*) => {
        match $channels {
            1 => $tile_at::<S::Scalar, 1, $other>(S::LEVEL, $($arg),*),
            2 => $tile_at::<S::Scalar, 2, $other>(S::LEVEL, $($arg),*),
            3 => $tile_at::<S::Scalar, 3, $other>(S::LEVEL, $($arg),*),
            4 => $tile_at::<S::Scalar, 4, $other>(S::LEVEL, $($arg),*),
            5 => $tile_at::<S::Scalar, 5, $other>(S::LEVEL, $($arg),*),
            _ => $tile_at::<S::Scalar, 6, $other>(S::LEVEL, $($arg),*),
        }
    };
}
pub(super) use by_channels;
