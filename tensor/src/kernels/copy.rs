//! Copies between two layouts at memory speed: in parallel, whole stretches where both allow it, and in tiles where the
//! axis that is fastest in one is slow in the other, so that every cache line is touched once.

use crate::layout::Nest;
use crate::parallel::{self, Disjoint};
use crate::simd::{self, Simd};
use crate::{Element, Layout, View};

/// Elements that one task copies.
const CHUNK: usize = 32 * 1024;

/// The longer side of a tile, along the target's fastest axis.
const LONG: usize = 64;

/// Room for a tile: `LONG` by a cache line of bytes, the smallest elements.
const TILE: usize = LONG * 64;

struct Axis {
    size: usize,
    to: isize,
    from: isize,
}

/// Writes the elements of `source` to the places of `out` that `window` names.
///
/// # Panics
/// If the shapes differ, the window leaves `out`, or two of its elements share a place.
pub(crate) fn copy<T: Element>(source: View<'_, T>, out: &mut [T], window: &Layout) {
    assert_eq!(source.shape(), window.shape(), "copy: shapes differ");
    if window.is_empty() {
        return;
    }
    let inside = |layout: &Layout, len: usize| layout.reach().start >= 0 && layout.reach().end <= len as isize;
    assert!(inside(source.layout(), source.data().len()), "copy: the source leaves its storage");
    assert!(
        inside(window, out.len()) && window.is_injective(),
        "copy: the window leaves its storage or overlaps itself"
    );
    let nest = Nest::new(window, [window, source.layout()]);
    let axes: Vec<Axis> = nest.axes().map(|(size, [to, from])| Axis { size, to, from }).collect();
    let last = axes.len() - 1;
    let tiled = axes[..last].iter().position(|axis| axis.from.abs() == 1 && axis.size >= 4);
    let out = Disjoint::new(out);
    match tiled {
        Some(fast) if axes[last].from.abs() > 1 && axes[last].size >= 4 => {
            // SAFETY: source and window lie inside their slices and no place of the window is named twice, as checked.
            unsafe { copy_tiles(&nest, &axes, fast, source.data(), &out) }
        }
        // SAFETY: as above.
        _ => unsafe { copy_rows(&nest, window.len(), source.data(), &out) },
    }
}

/// # Safety
/// All positions of the walk lie inside the slices, and no place is written twice.
unsafe fn copy_rows<T: Element>(nest: &Nest<2>, len: usize, data: &[T], out: &Disjoint<'_, T>) {
    let [to, from] = nest.inner();
    parallel::for_each(len.div_ceil(CHUNK), |task| {
        let range = task * CHUNK..((task + 1) * CHUNK).min(len);
        nest.runs(range, |_, length, [target, at]| {
            // SAFETY: the caller's promise; tasks write different elements.
            unsafe {
                let (mut y, mut x) = (out.as_mut_ptr().offset(target), data.as_ptr().offset(at));
                if [to, from] == [1, 1] {
                    std::ptr::copy_nonoverlapping(x, y, length);
                } else {
                    for _ in 0..length {
                        y.write(*x);
                        (y, x) = (y.wrapping_offset(to), x.wrapping_offset(from));
                    }
                }
            }
        });
    });
}

/// # Safety
/// All positions of the walk lie inside the slices, and no place is written twice.
unsafe fn copy_tiles<T: Element>(nest: &Nest<2>, axes: &[Axis], fast: usize, data: &[T], out: &Disjoint<'_, T>) {
    let (slow, last) = (&axes[fast], &axes[axes.len() - 1]);
    let short = (64 / size_of::<T>()).max(16);
    let (blocks_s, blocks_l) = (slow.size.div_ceil(short), last.size.div_ceil(LONG));
    let others: Vec<&Axis> =
        axes[..axes.len() - 1].iter().enumerate().filter(|&(i, _)| i != fast).map(|(_, a)| a).collect();
    let tiles = others.iter().map(|axis| axis.size).product::<usize>() * blocks_s * blocks_l;
    let per_task = CHUNK / (short * LONG);
    parallel::for_each(tiles.div_ceil(per_task), |task| {
        let mut buffer = [T::ZERO; TILE];
        for tile in task * per_task..((task + 1) * per_task).min(tiles) {
            let [mut to, mut from] = nest.offsets();
            // The source's fast axis moves first, so that its pages stay at hand.
            let (s, l) = (tile % blocks_s * short, tile / blocks_s % blocks_l * LONG);
            let mut rest = tile / blocks_s / blocks_l;
            for axis in others.iter().rev() {
                let index = (rest % axis.size) as isize;
                rest /= axis.size;
                to += index * axis.to;
                from += index * axis.from;
            }
            to += s as isize * slow.to + l as isize * last.to;
            from += s as isize * slow.from + l as isize * last.from;
            let (height, width) = (short.min(slow.size - s), LONG.min(last.size - l));
            // SAFETY: the caller's promise; tiles do not overlap.
            unsafe {
                if let (true, 1, 1) = (whole_vectors::<T>() && width == LONG && height == 16, slow.from, last.to)
                    && slow.to > 0
                {
                    let x = data.as_ptr().offset(from);
                    transpose_tile(x.cast(), last.from, out.as_mut_ptr().offset(to).cast(), slow.to);
                    continue;
                }
                for j in 0..width {
                    let x = data.as_ptr().offset(from + j as isize * last.from);
                    for i in 0..height {
                        buffer[i * LONG + j] = *x.offset(i as isize * slow.from);
                    }
                }
                for i in 0..height {
                    let y = out.as_mut_ptr().offset(to + i as isize * slow.to);
                    if last.to == 1 {
                        std::ptr::copy_nonoverlapping(buffer[i * LONG..].as_ptr(), y, width);
                    } else {
                        for (j, &x) in buffer[i * LONG..i * LONG + width].iter().enumerate() {
                            y.offset(j as isize * last.to).write(x);
                        }
                    }
                }
            }
        }
    });
}

/// Whether elements can be moved as `f32` vectors, whose instructions keep every bit.
fn whole_vectors<T>() -> bool {
    size_of::<T>() == 4
}

/// Transposes a tile of `LONG` stretches of 16 elements, `from_step` apart, to 16 stretches of `LONG`, `to_step` apart.
///
/// # Safety
/// All these places are valid for reads and for writes, and the latter nobody else touches.
unsafe fn transpose_tile(from: *const f32, from_step: isize, to: *mut f32, to_step: isize) {
    simd::dispatch! {
        unsafe fn tile_at<T>(from: *const T, from_step: isize, to: *mut T, to_step: isize) = tile;
    }
    #[inline(always)]
    unsafe fn tile<S: Simd>(from: *const S::Scalar, from_step: isize, to: *mut S::Scalar, to_step: isize) {
        let lanes = S::LANES;
        for i in (0..16).step_by(lanes) {
            for j in (0..LONG).step_by(lanes) {
                // SAFETY: the caller's; vectors of 4, 8 or 16 lanes fill the tile exactly.
                unsafe {
                    let x = from.offset(j as isize * from_step + i as isize);
                    let y = to.offset(i as isize * to_step + j as isize);
                    S::transpose(x, from_step, lanes, y, to_step as usize);
                }
            }
        }
    }
    // SAFETY: `level` is available; the rest is the caller's.
    unsafe { tile_at::<f32>(simd::level(), from, from_step, to, to_step) }
}
