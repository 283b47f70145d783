//! Values that belong together: the identity as a matrix or a convolution, orthogonal and sparse matrices.

use autograd::Variable;
use tensor::{Tensor, with_default_generator};

/// Ones on the diagonal of a matrix. PyTorch: `torch.nn.init.eye_`.
///
/// # Panics
/// If there are not 2 axes.
#[track_caller]
pub fn eye_(parameter: &Variable) {
    let &[rows, columns] = parameter.shape() else {
        tensor::fault!("eye_", [parameter: parameter.shape()], "expected 2 axes, got {}", parameter.rank());
    };
    parameter.set_data(Tensor::eye(rows, columns, parameter.dtype()));
}

/// A convolution's weight `[K, C / groups, ...]` that passes on as many channels as it can, unchanged. PyTorch:
/// `torch.nn.init.dirac_`.
///
/// # Panics
/// If there are not 3 to 5 axes, or `groups` does not divide the first.
#[track_caller]
pub fn dirac_(parameter: &Variable, groups: usize) {
    let shape = parameter.shape();
    if !(3..=5).contains(&shape.len()) {
        tensor::fault!("dirac_", [parameter: shape], "expected 3 to 5 axes, got {}", shape.len());
    }
    if groups == 0 || !shape[0].is_multiple_of(groups) {
        tensor::fault!("dirac_", [parameter: shape], "{groups} groups do not divide {} channels", shape[0]);
    }
    let per_group = shape[0] / groups;
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let center: usize = (2..shape.len()).map(|axis| shape[axis] / 2 * strides[axis]).sum();
    let mut values = vec![0.0; parameter.len()];
    if !values.is_empty() {
        for group in 0..groups {
            for channel in 0..per_group.min(shape[1]) {
                values[(group * per_group + channel) * strides[0] + channel * strides[1] + center] = 1.0;
            }
        }
    }
    parameter.set_data(Tensor::from_vec::<f64>(values, shape).to_dtype(parameter.dtype()));
}

/// A random matrix `[rows, all other axes]` with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et
/// al. 2014). PyTorch: `torch.nn.init.orthogonal_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn orthogonal_(parameter: &Variable, gain: f64) {
    let shape = parameter.shape();
    if shape.len() < 2 {
        tensor::fault!("orthogonal_", [parameter: shape], "expected at least 2 axes, got {}", shape.len());
    }
    if parameter.is_empty() {
        return;
    }
    let (rows, columns) = (shape[0], parameter.len() / shape[0]);
    let (few, long) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> =
        with_default_generator(|generator| (0..few).map(|_| (0..long).map(|_| generator.normal()).collect()).collect());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for k in 0..few {
        let (done, rest) = vectors.split_at_mut(k);
        let own = &mut rest[0];
        // Twice is enough (Kahan and Parlett): the second pass removes what rounding left.
        for other in done.iter().chain(done.iter()) {
            let share = dot(other, own);
            own.iter_mut().zip(other).for_each(|(own, other)| *own -= share * other);
        }
        let norm = dot(own, own).sqrt();
        own.iter_mut().for_each(|x| *x /= norm);
    }
    let matrix = Tensor::from_vec::<f64>(vectors.concat(), [few, long]);
    let matrix = if rows <= columns { matrix } else { matrix.transpose(0, 1).contiguous() };
    parameter.set_data(matrix.mul_scalar(gain).reshape(shape).to_dtype(parameter.dtype()));
}

/// Normal values, of which the share `sparsity` in each column is 0 (Martens 2010). PyTorch: `torch.nn.init.sparse_`.
///
/// # Panics
/// If there are not 2 axes, or `sparsity` is not in [0, 1].
#[track_caller]
pub fn sparse_(parameter: &Variable, sparsity: f64, std: f64) {
    let &[rows, columns] = parameter.shape() else {
        tensor::fault!("sparse_", [parameter: parameter.shape()], "expected 2 axes, got {}", parameter.rank());
    };
    if !(0.0..=1.0).contains(&sparsity) {
        tensor::fault!("sparse_", [], "sparsity must be in [0, 1], got {sparsity}");
    }
    let zeros = (sparsity * rows as f64).ceil() as usize;
    let values = with_default_generator(|generator| {
        let mut values: Vec<f64> = (0..rows * columns).map(|_| std * generator.normal()).collect();
        let mut order: Vec<usize> = (0..rows).collect();
        for column in 0..columns {
            generator.shuffle(&mut order);
            order[..zeros].iter().for_each(|row| values[row * columns + column] = 0.0);
        }
        values
    });
    parameter.set_data(Tensor::from_vec(values, [rows, columns]).to_dtype(parameter.dtype()));
}
