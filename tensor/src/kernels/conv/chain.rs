//! A chain of convolutions of which only the last result is wanted: it is computed a few images at a time from its first
//! to its last, so that what lies between stays in the caches, and threads meet once instead of once per convolution.

use std::sync::OnceLock;

use super::algorithm::Method;
use super::prepared::Prepared;
use super::problem::ConvGeometry;
use super::{Epilogue, build, check, conv, write};
use crate::kernels::norm::{self, Activation};
use crate::parallel::{self, Disjoint};
use crate::simd::Real;
use crate::{Element, MemoryFormat, Tensor, dispatch};

/// Bytes that the largest value between the convolutions of a chain should have for the images that go through it at
/// once: what one convolution reads and what it writes should stay in a core's second-level cache.
const RESIDENT: usize = 1 << 19;

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
    /// The shape of the result for an input of shape `x`, if they fit each other.
    fn output(&self, x: &[usize]) -> Option<Vec<usize>> {
        let w = self.w.shape();
        if x.len() != self.geometry.stride.len() + 2 || w.len() != x.len() {
            return None;
        }
        let spatial = self.geometry.output_spatial(&x[2..], &w[2..])?;
        Some([&[x[0], w[0]], &spatial[..]].concat())
    }

    /// What is added to the `count` images from `first` on.
    fn addend_of(&self, first: usize, count: usize) -> Option<Tensor> {
        self.addend.as_ref().map(|addend| addend.narrow(0, first, count))
    }

    fn epilogue<'a>(&'a self, addend: Option<&'a Tensor>) -> Epilogue<'a> {
        Epilogue { bias: self.bias.as_ref(), addend, activation: self.activation }
    }

    /// Applies it to `x`, which are the images from `first` on; `w` is prepared by whoever comes first.
    fn run<T: Real + Element>(&self, x: &Tensor, first: usize, w: &OnceLock<Prepared<T>>) -> Tensor {
        let shape = self.output(x.shape()).expect("what does not fit is not cut");
        build::<T>(&shape, MemoryFormat::ChannelsLast, |y| self.write(x, first, w, y))
    }

    /// The same into `y`, dense NHWC.
    fn write<T: Real + Element>(&self, x: &Tensor, first: usize, w: &OnceLock<Prepared<T>>, y: &mut [T]) {
        let p = check::forward(x, &self.w, &self.geometry);
        let method = Method::forward::<T>(&p, &self.geometry);
        let addend = self.addend_of(first, p.n);
        let epilogue = self.epilogue(addend.as_ref());
        if method.takes(&epilogue) {
            check::bias("conv", epilogue.bias, x, p.k);
            // SAFETY: the shape was checked, and the link outlives the chain's parts.
            let w = w.get_or_init(|| unsafe { Prepared::forward(method, &p, &self.w) });
            write::<T>((method, &p), x.into(), w, epilogue, y);
        } else {
            let all = conv(x, &self.w, &self.geometry, epilogue).to_memory_format(MemoryFormat::ChannelsLast);
            y.copy_from_slice(norm::memory::<T>(&all));
        }
    }
}

/// `links` applied to `x` one after the other, each by [`conv`]; each image's result has the same bits however many go
/// together.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_chain(x: &Tensor, links: &[Link]) -> Tensor {
    let Some((shape, parts)) = parts(x, links) else {
        let mut x = x.clone();
        for link in links {
            x = conv(&x, &link.w, &link.geometry, link.epilogue(link.addend.as_ref()));
        }
        return x;
    };
    let (last, before) = links.split_last().expect("a chain in parts has links");
    let batch = x.shape()[0];
    dispatch!(float "conv_chain", x.dtype(), T => {
        let image = shape[1..].iter().product::<usize>();
        let weights: Vec<OnceLock<Prepared<T>>> = links.iter().map(|_| OnceLock::new()).collect();
        build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
            let y = Disjoint::new(y);
            parallel::for_each(parts, |part| {
                let (first, end) = (part * batch / parts, (part + 1) * batch / parts);
                // SAFETY: parts have images of their own.
                let y = unsafe { y.slice(first * image, (end - first) * image) };
                let x = x.narrow(0, first, end - first);
                let x = before.iter().zip(&weights).fold(x, |x, (link, w)| link.run(&x, first, w));
                last.write(&x, first, &weights[before.len()], y);
            });
        })
    })
}

/// The shape of the result, and the parts that the batch is cut into; nothing where one pass after the other does as well,
/// or has to say what does not fit.
fn parts(x: &Tensor, links: &[Link]) -> Option<(Vec<usize>, usize)> {
    let (mut shape, mut largest) = (x.shape().to_vec(), 0);
    for link in links {
        shape = link.output(&shape)?;
        if link.addend.as_ref().is_some_and(|addend| addend.shape() != shape) {
            return None;
        }
        largest = largest.max(shape[1..].iter().product::<usize>() * x.dtype().bytes());
    }
    let together = (RESIDENT / largest.max(1)).max(1);
    let parts = shape.first()?.div_ceil(together);
    (links.len() > 1 && parts > 1 && parts >= parallel::num_threads()).then_some((shape, parts))
}
