//! Both gradients of a convolution at once, a few images at a time, so that what they share stays in the caches: the
//! cotangent, which may be the gradient of a normalisation that is computed as it is read, and the input, of whose
//! normalisation the gradient's sums are taken as soon as the input gradient is there.
//!
//! Parts are cut by sizes alone and added in order, so that results have the same bits for any number of threads.

use std::ops::Range;
use std::sync::OnceLock;

use super::algorithm::Method;
use super::prepared::Prepared;
use super::problem::{ConvGeometry, Problem};
use super::tile::Finish;
use super::{Input, build, check, conv_input_grad, conv_weight_grad, passes, shape_of, slice};
use crate::kernels::norm::{self, Form, InputGradient, Reads, Sums};
use crate::parallel::{self, Disjoint};
use crate::simd::Real;
use crate::{Element, MemoryFormat, Tensor, dispatch};

/// Bytes of a part of the input or of the output, whichever is larger: what a task touches should stay in the
/// second-level cache.
const RESIDENT: usize = 1 << 19;

/// Parts below which nothing is cut: such tensors stay in the caches as a whole, and threads need something to do.
const LEAST: usize = 8;

/// The gradient in a convolution's output.
#[derive(Clone, Debug)]
pub enum Cotangent {
    /// As it is.
    Tensor(Tensor),
    /// That of a normalisation after the convolution, computed as it is read.
    Normalized(Box<InputGradient>),
}

impl Cotangent {
    fn shape(&self) -> &[usize] {
        match self {
            Cotangent::Tensor(g) => g.shape(),
            Cotangent::Normalized(g) => g.shape(),
        }
    }

    fn images(&self, range: &Range<usize>) -> Tensor {
        match self {
            Cotangent::Tensor(g) => g.narrow(0, range.start, range.len()),
            Cotangent::Normalized(g) => g.images(range.start, range.len()).compute(),
        }
    }

    fn compute(&self) -> Tensor {
        match self {
            Cotangent::Tensor(g) => g.clone(),
            Cotangent::Normalized(g) => g.compute(),
        }
    }
}

/// What [`conv_gradients`] computes.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    /// `[n, c, *spatial]`, if wanted.
    pub input: Option<Tensor>,
    /// Like the weights, if wanted.
    pub weight: Option<Tensor>,
    /// Of the input gradient, for the gradient of the prologue; only where it came cheap.
    pub sums: Option<Sums>,
}

/// The gradients of `sum(g * conv(x, w))` in `x` (before its prologue is differentiated) and in `w`, as far as wanted.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_gradients(x: Input<'_>, w: &Tensor, g: &Cotangent, geometry: &ConvGeometry, wants: [bool; 2]) -> Gradients {
    let p = check::forward(x.tensor, w, geometry);
    x.check("conv_gradients");
    let [spatial, kernel] = [&x.tensor.shape()[2..], &w.shape()[2..]];
    dispatch!(float "conv_gradients", w.dtype(), T => {
        let methods = [Method::input_grad::<T>(&p, geometry), Method::weight_grad::<T>(&p, geometry)];
        let shares = wants == [true; 2] || (wants[1] && matches!(g, Cotangent::Normalized(_)));
        let parts = parts(&p, size_of::<T>(), g);
        if shares && parts >= LEAST && !methods.contains(&Method::General) && g.shape() == shape_of(p.n, p.k, &p.output, w.rank()) {
            return Shared { p: &p, x, w, g, methods, wants, parts }.run::<T>();
        }
        let g = g.compute();
        Gradients {
            input: wants[0].then(|| conv_input_grad(&g, w, spatial, geometry)),
            weight: wants[1].then(|| conv_weight_grad(x, &g, kernel, geometry)),
            sums: None,
        }
    })
}

/// How many parts the images are cut into; 0 if that does not pay.
fn parts(p: &Problem, bytes: usize, g: &Cotangent) -> usize {
    let image = bytes * (p.c * p.input_pixels()).max(p.k * p.output_pixels());
    let together = (RESIDENT / image.max(1)).max(1);
    // Every part has weight gradients of its own. A cotangent that is computed as it is read saves more than one that is
    // there.
    let weights = bytes * p.k * p.group_c() * p.taps();
    let weight = if matches!(g, Cotangent::Normalized(_)) { 4 } else { 16 };
    if weight * weights > together * image { 0 } else { p.n.div_ceil(together) }
}

/// A call that is cut.
struct Shared<'a> {
    p: &'a Problem,
    x: Input<'a>,
    w: &'a Tensor,
    g: &'a Cotangent,
    methods: [Method; 2],
    wants: [bool; 2],
    parts: usize,
}

impl Shared<'_> {
    fn run<T: Real + Element>(&self) -> Gradients {
        let (p, rank) = (self.p, self.w.rank());
        let done: Vec<OnceLock<(Tensor, Option<Sums>)>> = vec![OnceLock::new(); self.parts];
        // SAFETY: the shape was checked.
        let w = self.wants[0].then(|| unsafe { Prepared::<T>::input_grad(self.methods[0], p, self.w) });
        let run = |dx: &mut [T]| {
            let dx = Disjoint::new(dx);
            parallel::for_each(self.parts, |part| {
                let images = part * p.n / self.parts..(part + 1) * p.n / self.parts;
                done[part].get_or_init(|| self.part(images, w.as_ref(), &dx));
            });
        };
        let mut input = None;
        if self.wants[0] {
            let shape = shape_of(p.n, p.c, &p.input, rank);
            input = Some(build::<T>(&shape, MemoryFormat::ChannelsLast, run));
        } else {
            run(&mut []);
        }
        let done: Vec<_> = done.into_iter().map(|part| part.into_inner().expect("every part was computed")).collect();
        let weight = build::<T>(self.w.shape(), MemoryFormat::Contiguous, |dw| {
            for (part, (from, _)) in done.iter().enumerate() {
                for (dw, &from) in dw.iter_mut().zip(slice::<T>(from)) {
                    *dw = if part == 0 { from } else { *dw + from };
                }
            }
        });
        let sums = done.into_iter().map(|part| part.1).reduce(|all, part| Some(added(all?, &part?))).flatten();
        Gradients { input, weight: Some(weight), sums }
    }

    /// Everything for `images`: the input gradient, if it is wanted and `w` prepared for it, goes to its place in `dx`.
    fn part<T: Real + Element>(
        &self,
        images: Range<usize>,
        w: Option<&Prepared<T>>,
        dx: &Disjoint<'_, T>,
    ) -> (Tensor, Option<Sums>) {
        let p = Problem { n: images.len(), ..*self.p };
        let x = Input { tensor: &self.x.tensor.narrow(0, images.start, images.len()), ..self.x };
        let g = self.g.images(&images);
        let mut sums = None;
        if let Some(w) = w {
            let g = self.methods[0].ordered(&g);
            let image = p.c * p.input_pixels();
            // SAFETY: parts have images of their own; the tensors have the shapes of `p`.
            let dx = unsafe {
                let dx = dx.slice(images.start * image, images.len() * image);
                let from = super::images::<T>(&g, p.output);
                passes::input_grad(&p, from, w, (Finish::NONE, dx.as_mut_ptr()));
                dx
            };
            sums = x.prologue.map(|prologue| {
                let (x, form) = Form::of(&x.tensor.to_memory_format(MemoryFormat::ChannelsLast));
                let from = Reads { x: norm::memory::<T>(&x), r: &[], g: dx };
                norm::sums_of(from, &mut [], prologue.channels, &form, (false, prologue.activation))
            });
        }
        let method = self.methods[1];
        let (x, g) = (x.ready(method, &p), method.ordered(&g));
        let weight = build::<T>(self.w.shape(), MemoryFormat::Contiguous, |dw| {
            // SAFETY: the tensors have the shapes of `p`.
            unsafe { passes::weight_grad(method, &p, [x.images(&p), super::images::<T>(&g, p.output)], 1, dw) }
        });
        (weight, sums)
    }
}

fn added(mut all: Sums, part: &Sums) -> Sums {
    for (all, part) in [(&mut all.sum, &part.sum), (&mut all.product, &part.product)] {
        all.iter_mut().zip(part).for_each(|(all, part)| *all += part);
    }
    all
}
