//! Putting any number of tensors together.

use tensor::Tensor;

use crate::{Variable, VariadicContext, VariadicOp};

/// See [`cat`].
#[derive(Clone, Debug)]
pub struct Cat {
    /// The axis along which tensors are joined, not negative.
    pub axis: isize,
}

impl VariadicOp for Cat {
    const NAME: &'static str = "cat";
    const KEEPS_INPUTS: bool = false;

    fn forward(&self, inputs: &[&Tensor]) -> Tensor {
        Tensor::cat(inputs, self.axis)
    }

    fn vjp(&self, g: &Variable, cx: &VariadicContext<'_>) -> Vec<Option<Variable>> {
        let mut start = 0;
        cx.shapes
            .iter()
            .zip(cx.wants)
            .map(|(shape, &wanted)| {
                let length = shape[self.axis as usize];
                start += length;
                wanted.then(|| g.narrow(self.axis, start - length, length))
            })
            .collect()
    }
}

/// Variables one after the other along `axis`. PyTorch: `torch.cat`.
///
/// # Panics
/// If there are none, or their dtypes or their sizes along other axes differ.
#[track_caller]
pub fn cat(inputs: &[&Variable], axis: isize) -> Variable {
    let Some(first) = inputs.first() else {
        tensor::fault!("cat", [], "expected at least 1 tensor, got 0");
    };
    let axis = tensor::shape::axis("cat", axis, first.shape()) as isize;
    Cat { axis }.apply(inputs)
}

/// Variables of one shape side by side along a new axis. PyTorch: `torch.stack`.
///
/// # Panics
/// If there are none, or their dtypes or shapes differ.
#[track_caller]
pub fn stack(inputs: &[&Variable], axis: isize) -> Variable {
    if let Some(odd) = inputs.iter().find(|input| input.shape() != inputs[0].shape()) {
        tensor::fault!("stack", [first: inputs[0].shape(), other: odd.shape()], "shapes differ");
    }
    let parts: Vec<Variable> = inputs.iter().map(|input| input.unsqueeze(axis)).collect();
    cat(&parts.iter().collect::<Vec<_>>(), axis)
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::Cat;
    use crate::check::strategy::{many, ranked_shape, values};
    use crate::check::{CheckVariadic, VariadicSample};

    impl CheckVariadic for Cat {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<VariadicSample<Self>> {
            (ranked_shape(1..=4), vec(0..4usize, 1..4))
                .prop_flat_map(|(shape, lengths)| (0..shape.len(), Just((shape, lengths))))
                .prop_flat_map(|(axis, (shape, lengths))| {
                    let part = |&length: &usize| {
                        let mut part = shape.clone();
                        part[axis] = length;
                        values(&part)
                    };
                    many(Cat { axis: axis as isize }, lengths.iter().map(part).collect())
                })
                .boxed()
        }
    }
}
