//! Arithmetic on shapes and axes: sizes, negative axes, broadcasting.

use smallvec::SmallVec;

/// Sizes per axis; up to six lie inline.
pub type Dims = SmallVec<[usize; 6]>;

/// Steps in elements per axis; up to six lie inline.
pub type Strides = SmallVec<[isize; 6]>;

/// The number of elements of a shape: the product of its sizes, 1 for a 0-dimensional one.
///
/// # Panics
/// If the product overflows.
#[track_caller]
pub fn len(shape: &[usize]) -> usize {
    // A zero anywhere makes the tensor empty however large the other sizes are.
    if shape.contains(&0) {
        return 0;
    }
    match shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size)) {
        Some(len) => len,
        None => crate::fault!("shape", [shape: shape], "the number of elements overflows"),
    }
}

/// The axis that a possibly negative number names: -1 is the last.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn axis(op: &str, axis: isize, shape: &[usize]) -> usize {
    let rank = shape.len() as isize;
    // PyTorch lets a 0-dimensional tensor be addressed as if it had one axis.
    let bound = rank.max(1);
    if axis < -bound || axis >= bound {
        crate::fault!(op, [input: shape], "axis {axis} is out of range for {rank} axes");
    }
    (if axis < 0 { axis + bound } else { axis }) as usize
}

/// The axes that possibly negative numbers name, ascending; none given means all.
///
/// # Panics
/// If an axis does not exist or is named twice.
#[track_caller]
pub fn axes(op: &str, list: &[isize], shape: &[usize]) -> SmallVec<[usize; 6]> {
    if list.is_empty() {
        return (0..shape.len()).collect();
    }
    let mut result: SmallVec<[usize; 6]> = SmallVec::new();
    for &number in list {
        let index = axis(op, number, shape);
        if result.contains(&index) {
            crate::fault!(op, [input: shape], "axis {number} is named twice");
        }
        if index < shape.len() {
            result.push(index);
        }
    }
    result.sort_unstable();
    result
}

/// The shape that two shapes broadcast to, or the first axis (from the end, negative) at which they contradict.
///
/// Shapes are aligned at their last axes; a size of 1 stretches.
///
/// ```
/// use gradus_tensor::shape::broadcast;
/// assert_eq!(broadcast(&[4, 1, 3], &[2, 3]).unwrap().as_slice(), &[4, 2, 3]);
/// assert_eq!(broadcast(&[2, 4], &[3]), Err(-1));
/// ```
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Dims, isize> {
    let rank = left.len().max(right.len());
    let mut result: Dims = SmallVec::from_elem(1, rank);
    for back in 1..=rank {
        let size = |shape: &[usize]| if back <= shape.len() { shape[shape.len() - back] } else { 1 };
        result[rank - back] = match (size(left), size(right)) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            _ => return Err(-(back as isize)),
        };
    }
    Ok(result)
}

/// [`broadcast`] for an op: contradictions panic in the op's name.
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
pub fn broadcast_for(op: &str, lhs: &[usize], rhs: &[usize]) -> Dims {
    match broadcast(lhs, rhs) {
        Ok(shape) => shape,
        Err(axis) => {
            let size = |shape: &[usize]| shape[(shape.len() as isize + axis) as usize];
            let (a, b) = (size(lhs), size(rhs));
            crate::fault!(op, [lhs: lhs, rhs: rhs], "shapes do not broadcast at axis {axis}, {a} and {b}")
        }
    }
}
