//! Which algorithm serves which convolution: the only place that decides.

use std::sync::atomic::{AtomicU8, Ordering};

use super::plan::Plan;
use super::problem::{ConvGeometry, Problem};
use super::{Epilogue, planar, planar_weight_grad, scatter, winograd};
use crate::simd::Real;
use crate::{MemoryFormat, Tensor};

/// Which algorithms a convolution may use.
///
/// Direct summation errs by some 1e-6 of the largest result in `f32`. Winograd's F(4x4, 3x3), two to three times as
/// fast on 3x3 filters with stride 1, errs by up to 2e-5 of it (root mean square 2e-6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConvAlgorithm {
    /// What [`set_conv_algorithm`] says; [`ConvAlgorithm::Auto`] at first.
    #[default]
    Default,
    /// The fastest.
    Auto,
    /// The fastest of those that sum products directly: no Winograd.
    Exact,
    /// Plain loops, for comparison.
    General,
}

static DEFAULT: AtomicU8 = AtomicU8::new(ConvAlgorithm::Auto as u8);

/// The algorithms that convolutions use where their geometry says [`ConvAlgorithm::Default`].
pub fn conv_algorithm() -> ConvAlgorithm {
    match DEFAULT.load(Ordering::Relaxed) {
        x if x == ConvAlgorithm::Exact as u8 => ConvAlgorithm::Exact,
        x if x == ConvAlgorithm::General as u8 => ConvAlgorithm::General,
        _ => ConvAlgorithm::Auto,
    }
}

/// Sets the algorithms that convolutions use where their geometry says [`ConvAlgorithm::Default`].
///
/// ```
/// use gradus_tensor::kernels::conv::{ConvAlgorithm, conv_algorithm, set_conv_algorithm};
/// set_conv_algorithm(ConvAlgorithm::Exact);
/// assert_eq!(conv_algorithm(), ConvAlgorithm::Exact);
/// # set_conv_algorithm(ConvAlgorithm::Auto);
/// ```
pub fn set_conv_algorithm(algorithm: ConvAlgorithm) {
    DEFAULT.store(algorithm as u8, Ordering::Relaxed);
}

/// How one pass is computed; each has a file of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Any problem, slowly.
    General,
    /// Any problem, lanes over output channels.
    Direct,
    /// Few output channels, lanes over pixels.
    Planar,
    /// Few input channels and wide filters, input gradients alone: lanes over a filter's row.
    Scatter,
    /// One filter per channel.
    Depthwise,
    /// 3x3 with stride 1 and enough channels; not exact.
    Winograd,
}

impl Method {
    pub(super) fn forward<T: Real>(p: &Problem, geometry: &ConvGeometry) -> Method {
        Method::common(p, geometry, p.output)
            .unwrap_or_else(|| if planar::suits::<T>(&Plan::forward(p)) { Method::Planar } else { Method::Direct })
    }

    pub(super) fn input_grad<T: Real>(p: &Problem, geometry: &ConvGeometry) -> Method {
        Method::common(p, geometry, p.input).unwrap_or_else(|| {
            let plan = Plan::input_grad(p);
            if scatter::suits::<T>(p, &plan) {
                Method::Scatter
            } else if planar::suits::<T>(&plan) {
                Method::Planar
            } else {
                Method::Direct
            }
        })
    }

    pub(super) fn weight_grad<T: Real>(p: &Problem, geometry: &ConvGeometry) -> Method {
        Method::common(p, geometry, p.output)
            .unwrap_or_else(|| if planar_weight_grad::suits::<T>(p) { Method::Planar } else { Method::Direct })
    }

    /// Whether the method does all of `epilogue` in its own pass.
    pub(super) fn takes(self, epilogue: &Epilogue<'_>) -> bool {
        match self {
            Method::General => false,
            Method::Planar | Method::Scatter => epilogue.addend.is_none(),
            Method::Direct | Method::Depthwise | Method::Winograd => true,
        }
    }

    /// The tensor as the method wants it: some need channels that follow one another.
    pub(super) fn ordered(self, x: &Tensor) -> Tensor {
        match self {
            Method::Depthwise | Method::Winograd => super::channels_last(x),
            Method::Scatter => x.to_memory_format(MemoryFormat::ChannelsLast),
            _ => x.clone(),
        }
    }

    /// What all passes agree on; `tiled` is what Winograd's method would cover with tiles.
    fn common(p: &Problem, geometry: &ConvGeometry, tiled: [usize; 3]) -> Option<Method> {
        let algorithm = match geometry.algorithm {
            ConvAlgorithm::Default => conv_algorithm(),
            own => own,
        };
        // Where a tensor is empty, only the general method knows how to sum nothing.
        let is_empty = p.work() == 0 || p.input_pixels() == 0;
        if is_empty || algorithm == ConvAlgorithm::General {
            Some(Method::General)
        } else if p.groups == p.c && p.groups == p.k && p.groups > 1 {
            Some(Method::Depthwise)
        } else if algorithm == ConvAlgorithm::Auto && winograd::suits(p, tiled) {
            Some(Method::Winograd)
        } else {
            None
        }
    }
}
