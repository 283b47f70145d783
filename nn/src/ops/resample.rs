//! Sparse linear maps along axes, the one op under average pooling, interpolation, padding, `unfold` and `fold`.

#[cfg(any(test, feature = "check"))]
mod samples;

use std::sync::Arc;

use autograd::{Context, Keeps, Op, Variable};
use smallvec::SmallVec;
use tensor::Tensor;
use tensor::kernels::resample::{Taps, resample_axes};

/// Maps along some axes, one after the other; see [`resample`].
#[derive(Clone, Debug)]
pub struct Resample {
    /// The axes and their maps, in the order in which they are applied.
    pub axes: SmallVec<[(usize, Arc<Taps>); 3]>,
}

impl Op<1> for Resample {
    const NAME: &'static str = "resample";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let axes: SmallVec<[(usize, &Taps); 3]> = self.axes.iter().map(|(axis, taps)| (*axis, &**taps)).collect();
        (resample_axes(x, &axes), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let axes = self.axes.iter().rev().map(|(axis, taps)| (*axis, Arc::new(taps.transpose()))).collect();
        [Some(Resample { axes }.apply([g]))]
    }
}

/// `y[.., o, ..] = sum of weight x[.., index, ..]` along each of the axes: every output is a weighted sum of inputs.
///
/// # Panics
/// If an axis has another number of positions than its map takes.
#[track_caller]
pub fn resample(x: &Variable, axes: impl IntoIterator<Item = (usize, Taps)>) -> Variable {
    let mut axes: SmallVec<[(usize, Arc<Taps>); 3]> =
        axes.into_iter().map(|(axis, taps)| (axis, Arc::new(taps))).collect();
    for (axis, taps) in &axes {
        if x.shape()[*axis] != taps.input() {
            tensor::fault!("resample", [input: x.shape()], "axis {axis} has not {} positions", taps.input());
        }
    }
    // What shrinks most goes first, so that the others have less to do.
    axes.sort_by_key(|(_, taps)| taps.output() * 1024 / taps.input().max(1));
    Resample { axes }.apply([x])
}
