//! A data set that lies in memory as two tensors.

use std::fmt;
use std::sync::Arc;

use tensor::{MemoryFormat, Tensor, dispatch, parallel};

use super::{DataError, Dataset, Randomness};

/// Changes a whole batch of inputs.
type Transform = Arc<dyn Fn(Tensor) -> Tensor + Send + Sync>;

/// Inputs and targets in memory, sample by sample along the first axis. PyTorch: `torch.utils.data.TensorDataset`.
///
/// ```
/// use gradus_nn::data::{Dataset, TensorDataset};
/// use tensor::{DType, Tensor};
///
/// let images = Tensor::zeros([100, 1, 28, 28], DType::U8);
/// let labels = Tensor::zeros([100], DType::I64);
/// let set = TensorDataset::new(images, labels).with_transform(|x| x.to_dtype(DType::F32) / 255.0);
/// assert_eq!(set.get(7).unwrap().0.shape(), &[1, 28, 28]);
/// ```
#[derive(Clone)]
pub struct TensorDataset {
    inputs: Tensor,
    targets: Tensor,
    transform: Option<Transform>,
}

impl TensorDataset {
    /// The samples `(inputs[i], targets[i])`.
    ///
    /// # Panics
    /// If one has no first axis, or the first axes differ.
    #[track_caller]
    pub fn new(inputs: Tensor, targets: Tensor) -> TensorDataset {
        if inputs.rank() == 0 || targets.rank() == 0 || inputs.shape()[0] != targets.shape()[0] {
            tensor::fault!("tensor_dataset", [inputs: inputs.shape(), targets: targets.shape()], "first axes differ");
        }
        TensorDataset { inputs: inputs.contiguous(), targets: targets.contiguous(), transform: None }
    }

    /// Applies `transform` to every batch of inputs `[N, ...]`: bytes can stay bytes until they are needed.
    #[must_use]
    pub fn with_transform(mut self, transform: impl Fn(Tensor) -> Tensor + Send + Sync + 'static) -> TensorDataset {
        self.transform = Some(Arc::new(transform));
        self
    }

    /// All inputs, before the transform.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// All targets.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    fn transformed(&self, batch: Tensor) -> Tensor {
        match &self.transform {
            Some(transform) => transform(batch),
            None => batch,
        }
    }
}

impl fmt::Debug for TensorDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, targets) = (self.inputs.shape(), self.targets.shape());
        write!(f, "TensorDataset {{ inputs: {inputs:?}, targets: {targets:?} }}")
    }
}

impl Dataset for TensorDataset {
    fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
        let (inputs, targets) = self.batch(&[index], Randomness { seed: 0, epoch: 0 })?;
        Ok((inputs.squeeze(0), targets.squeeze(0)))
    }

    fn batch(&self, indices: &[usize], _: Randomness) -> Result<(Tensor, Tensor), DataError> {
        Ok((self.transformed(rows(&self.inputs, indices)), rows(&self.targets, indices)))
    }
}

/// The rows of a contiguous tensor at `indices`.
fn rows(x: &Tensor, indices: &[usize]) -> Tensor {
    let mut shape = x.shape().to_vec();
    shape[0] = indices.len();
    let row: usize = shape[1..].iter().product();
    dispatch!(all "batch", x.dtype(), T => {
        let source = x.as_slice::<T>().unwrap_or_default();
        Tensor::from_fill::<T>(&shape, MemoryFormat::Contiguous, |out| {
            if row == 0 {
                return;
            }
            let grain = (32 * 1024 / row).max(1);
            parallel::for_each_chunk(out, grain * row, |first, out| {
                for (out, &index) in out.chunks_exact_mut(row).zip(&indices[first / row..]) {
                    out.copy_from_slice(&source[index * row..(index + 1) * row]);
                }
            });
        })
    })
}
