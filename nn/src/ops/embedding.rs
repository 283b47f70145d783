//! Rows of a table by number.

#[cfg(any(test, feature = "check"))]
mod samples;

use autograd::ops::gather::GatherAdjoint;
use autograd::{Context, Keeps, Op, Variable};
use tensor::{Dims, Tensor};

/// See [`embedding`].
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Row numbers, `i64`, of any shape.
    pub index: Tensor,
    /// A row that gets no gradient.
    pub padding_idx: Option<usize>,
    /// Whether a row's gradient is divided by how often the row occurs.
    pub scale_grad_by_freq: bool,
}

impl Embedding {
    /// The index of every element, `[rows, width]`.
    fn wide(&self, width: usize) -> Tensor {
        self.index.reshape([self.index.len(), 1]).expand([self.index.len(), width])
    }

    /// What the gradient of each looked-up row is multiplied by, if not by 1.
    fn factors(&self) -> Option<Vec<f64>> {
        let rows = self.index.to_vec::<i64>();
        let mut counts = std::collections::HashMap::new();
        rows.iter().for_each(|row| *counts.entry(*row).or_insert(0.0) += 1.0);
        (self.padding_idx.is_some() || self.scale_grad_by_freq).then(|| {
            let factor = |row: &i64| match self.padding_idx {
                Some(padding) if padding as i64 == *row => 0.0,
                _ if self.scale_grad_by_freq => 1.0 / counts[row],
                _ => 1.0,
            };
            rows.iter().map(factor).collect()
        })
    }
}

impl Op<1> for Embedding {
    const NAME: &'static str = "embedding";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [weight]: [&Tensor; 1]) -> (Tensor, ()) {
        let width = weight.shape()[1];
        let shape = [self.index.shape(), &[width]].concat();
        (weight.gather(0, &self.wide(width)).reshape(shape), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let shape = Dims::from_slice(cx.shape(0));
        let index = self.wide(shape[1]);
        let mut g = g.reshape(index.shape());
        if let Some(factors) = self.factors() {
            let rows = [factors.len(), 1];
            let factors = Tensor::from_vec(factors, rows).to_dtype(g.dtype());
            g = g * Variable::new(factors);
        }
        [Some(GatherAdjoint { axis: 0, index, shape }.apply([&g]))]
    }
}

/// Rows of `weight`, `[numbers, width]`, at `index`: the result has the index's shape and a last axis of `width`.
/// PyTorch: `torch.nn.functional.embedding`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::embedding::{Embedding, embedding};
/// use tensor::Tensor;
/// let weight = Variable::new(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// assert_eq!(embedding(&weight, &Tensor::from([1i64, 0])).to_vec::<f64>(), [3.0, 4.0, 1.0, 2.0]);
/// ```
///
/// # Panics
/// If the weight has not 2 axes, or the index is not `i64` or out of range.
#[track_caller]
pub fn embedding(weight: &Variable, index: &Tensor) -> Variable {
    lookup(weight, Embedding { index: index.clone(), padding_idx: None, scale_grad_by_freq: false })
}

/// [`embedding`] with its options.
///
/// # Panics
/// As [`embedding`].
#[track_caller]
pub fn lookup(weight: &Variable, options: Embedding) -> Variable {
    let index = &options.index;
    if weight.rank() != 2 || index.dtype() != tensor::DType::I64 {
        tensor::fault!("embedding", [weight: weight.shape(), index: index.shape()],
            "expected a weight of 2 axes and an i64 index, got {}", index.dtype());
    }
    let rows = weight.shape()[0];
    if let Some(bad) = index.view_as::<i64>().iter().find(|&row| row < 0 || row as usize >= rows) {
        tensor::fault!("embedding", [weight: weight.shape(), index: index.shape()], "index {bad} is out of range for {rows} rows");
    }
    options.apply([weight])
}

/// `weight` with the rows at `index` shortened to a norm of at most `max_norm`, which PyTorch's embeddings do in
/// place before they look rows up.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn renormalize(weight: &Tensor, index: &Tensor, max_norm: f64, norm_type: f64) -> Tensor {
    let width = weight.shape()[1];
    let mut values = weight.to_dtype(tensor::DType::F64).to_vec::<f64>();
    let mut rows = index.to_vec::<i64>();
    rows.sort_unstable();
    rows.dedup();
    for row in rows {
        let row = &mut values[row as usize * width..][..width];
        let norm = if norm_type == f64::INFINITY {
            row.iter().fold(0.0, |norm: f64, x| norm.max(x.abs()))
        } else {
            row.iter().map(|x| x.abs().powf(norm_type)).sum::<f64>().powf(1.0 / norm_type)
        };
        if norm > max_norm {
            row.iter_mut().for_each(|x| *x *= max_norm / (norm + 1e-7));
        }
    }
    Tensor::from_vec(values, weight.shape()).to_dtype(weight.dtype())
}
