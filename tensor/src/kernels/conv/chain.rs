//! A chain of convolutions of which only the last result is wanted: it is computed a few images at a time from its first
//! to its last, so that what lies between stays in the caches, and threads meet once instead of once per convolution.

use super::algorithm::Method;
use super::problem::ConvGeometry;
use super::{Epilogue, build, check, conv, shape_of, write};
use crate::kernels::norm::{self, Activation};
use crate::parallel::{self, Disjoint};
use crate::{MemoryFormat, Tensor, dispatch};

/// Bytes that the largest value between the convolutions of a chain should have for the images that go through it at
/// once: a core's second-level cache or two.
const RESIDENT: usize = 2 << 20;

/// A convolution and what follows it before its result is stored.
#[derive(Clone, Debug)]
pub struct Link {
    /// The weights, `[k, c / groups, *kernel]`.
    pub w: Tensor,
    /// Added per output channel, `[k]`.
    pub bias: Option<Tensor>,
    /// Added per output, of the result's shape.
    pub addend: Option<Tensor>,
    /// What comes last.
    pub activation: Activation,
    /// Stride, padding, dilation, groups and the choice of algorithm.
    pub geometry: ConvGeometry,
}

impl Link {
    /// The shape of the result for an input of shape `x`.
    fn output(&self, x: &[usize]) -> Vec<usize> {
        let spatial = self.geometry.output_spatial(&x[2..], &self.w.shape()[2..]);
        [&[x[0], self.w.shape()[0]], &spatial.expect("the window fits")[..]].concat()
    }

    /// Applies it to some images of a batch, of which it takes the addend from `first` on.
    fn run(&self, x: &Tensor, first: usize) -> Tensor {
        self.with(x, first, |epilogue| conv(x, &self.w, &self.geometry, epilogue))
    }

    fn with<R>(&self, x: &Tensor, first: usize, f: impl FnOnce(Epilogue<'_>) -> R) -> R {
        let addend = self.addend.as_ref().map(|addend| addend.narrow(0, first, x.shape()[0]));
        f(Epilogue { bias: self.bias.as_ref(), addend: addend.as_ref(), activation: self.activation })
    }
}

/// `links` applied to `x` one after the other, each by [`conv`]; each image's result has the same bits however many go
/// together.
///
/// # Panics
/// If there is no link, dtypes are not one float type, or shapes and geometry do not fit each other.
pub fn conv_chain(x: &Tensor, links: &[Link]) -> Tensor {
    let (last, before) = links.split_last().expect("a chain has a link");
    let batch = x.shape()[0];
    let (mut shape, mut largest) = (x.shape().to_vec(), 0);
    for link in links {
        shape = link.output(&shape);
        largest = largest.max(shape[1..].iter().product::<usize>() * x.dtype().bytes());
    }
    let together = (RESIDENT / largest.max(1)).max(1);
    let parts = batch.div_ceil(together);
    if before.is_empty() || parts < 2 || parts < parallel::num_threads() {
        return links.iter().fold(x.clone(), |x, link| link.run(&x, 0));
    }
    dispatch!(float "conv_chain", x.dtype(), T => {
        let image = shape[1..].iter().product::<usize>();
        build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
            let y = Disjoint::new(y);
            parallel::for_each(parts, |part| {
                let (first, end) = (part * batch / parts, (part + 1) * batch / parts);
                // SAFETY: parts have images of their own.
                let y = unsafe { y.slice(first * image, (end - first) * image) };
                let x = before.iter().fold(x.narrow(0, first, end - first), |x, link| link.run(&x, first));
                let p = check::forward(&x, &last.w, &last.geometry);
                let method = Method::forward::<T>(&p, &last.geometry);
                last.with(&x, first, |epilogue| {
                    if method.takes(&epilogue) {
                        check::bias("conv", epilogue.bias, &x, p.k);
                        check::addend("conv", epilogue.addend, &last.w, &shape_of(p.n, p.k, &p.output, x.rank()));
                        write::<T>((method, &p), (&x).into(), &last.w, epilogue, y);
                    } else {
                        let all = last.run(&x, first).to_memory_format(MemoryFormat::ChannelsLast);
                        y.copy_from_slice(norm::memory::<T>(&all));
                    }
                });
            });
        })
    })
}
