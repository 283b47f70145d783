//! Copies between two layouts at memory speed: in parallel, whole stretches where both allow it, and in tiles where the
//! axis that is fastest in one is slow in the other, so that every cache line is touched once.

use super::tiles::{TILE, Tiles};
use crate::layout::Nest;
use crate::parallel::{self, Disjoint};
use crate::{Element, Layout, View};

/// Elements that one task copies.
const CHUNK: usize = 32 * 1024;

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
    let out = Disjoint::new(out);
    match Tiles::new(&nest) {
        // SAFETY: source and window lie inside their slices and no place of the window is named twice, as checked.
        Some(tiles) => unsafe { copy_tiles(&tiles, source.data(), &out) },
        // SAFETY: as above.
        None => unsafe { copy_rows(&nest, window.len(), source.data(), &out) },
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
unsafe fn copy_tiles<T: Element>(tiles: &Tiles, data: &[T], out: &Disjoint<'_, T>) {
    tiles.for_each(
        || [T::ZERO; TILE + 16],
        |buffer, [to, from], [height, width]| {
            // SAFETY: the caller's promise; tiles do not overlap.
            unsafe {
                tiles.read(data.as_ptr().offset(from), [height, width], buffer);
                let y = out.as_mut_ptr().offset(to);
                let steps = [tiles.row_step(), tiles.step()];
                if steps == [width as isize, 1] {
                    std::ptr::copy_nonoverlapping(buffer.as_ptr(), y, height * width);
                    return;
                }
                for i in 0..height {
                    let (x, y) = (&buffer[i * width..(i + 1) * width], y.offset(i as isize * steps[0]));
                    if steps[1] == 1 {
                        std::ptr::copy_nonoverlapping(x.as_ptr(), y, width);
                    } else {
                        x.iter().enumerate().for_each(|(j, &x)| y.offset(j as isize * steps[1]).write(x));
                    }
                }
            }
        },
    );
}
