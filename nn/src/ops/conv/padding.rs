//! What convolutions put around their input when zeros on both sides will not do.

use autograd::Variable;
use autograd::ops::cat::cat;
use tensor::Tensor;

use crate::ops::window::PaddingMode;

/// `x` extended by `amounts` before and after each of its last axes.
///
/// # Panics
/// If reflection needs more elements than there are, or wrapping goes around more than once.
#[track_caller]
pub fn pad_with(op: &str, x: &Variable, amounts: &[(usize, usize)], mode: PaddingMode) -> Variable {
    let first = x.rank() - amounts.len();
    let mut x = x.clone();
    for (i, &(before, after)) in amounts.iter().enumerate().filter(|(_, amount)| **amount != (0, 0)) {
        let axis = (first + i) as isize;
        let size = x.size(axis);
        let most = match mode {
            PaddingMode::Zeros => usize::MAX,
            PaddingMode::Replicate => if size == 0 { 0 } else { usize::MAX },
            PaddingMode::Reflect => size.saturating_sub(1),
            PaddingMode::Circular => size,
        };
        if before.max(after) > most {
            let name = mode.name();
            tensor::fault!(op, [input: x.shape()],
                "{name} padding of {before} and {after} needs more than the {size} elements of axis {axis}");
        }
        let parts = [side(&x, axis, before, mode, Side::Before), Some(x.clone()), side(&x, axis, after, mode, Side::After)];
        let parts: Vec<Variable> = parts.into_iter().flatten().collect();
        x = cat(&parts.iter().collect::<Vec<_>>(), axis);
    }
    x
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

fn side(x: &Variable, axis: isize, count: usize, mode: PaddingMode, side: Side) -> Option<Variable> {
    if count == 0 {
        return None;
    }
    let (n, count_i) = (x.size(axis) as isize, count as isize);
    let slice = |start: isize, end: isize| x.slice(axis, Some(start), Some(end), 1);
    let mut shape = x.shape().to_vec();
    shape[axis as usize] = count;
    Some(match (mode, side) {
        (PaddingMode::Zeros, _) => Variable::new(Tensor::zeros(&shape, x.dtype())),
        (PaddingMode::Replicate, Side::Before) => slice(0, 1).expand(&shape),
        (PaddingMode::Replicate, Side::After) => slice(n - 1, n).expand(&shape),
        (PaddingMode::Circular, Side::Before) => slice(n - count_i, n),
        (PaddingMode::Circular, Side::After) => slice(0, count_i),
        (PaddingMode::Reflect, Side::Before) => flip(&slice(1, count_i + 1), axis),
        (PaddingMode::Reflect, Side::After) => flip(&slice(n - 1 - count_i, n - 1), axis),
    })
}

fn flip(x: &Variable, axis: isize) -> Variable {
    x.slice(axis, None, None, -1)
}
