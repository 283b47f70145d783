//! Groups of channels of every image, normalised by statistics of their own: group, instance and layer normalisation.
//!
//! The passes of batch normalisation run image by image: the sums of its channels are joined to those of groups in
//! between, while the image is still in a cache. Vectors `[n, c]` have no positions to sum over: there a group is a stretch
//! of memory, and every element has a factor and an offset of its own.

use super::backward::{self, Slopes, sums_of};
use super::forward::{self, Channels};
use super::planes::{self, Activation, Plane, Reads};
use super::{CHUNKS, Form, GRAIN, elements, memory};
use crate::parallel::{self, Disjoint};
use crate::simd::{self, Real};
use crate::{Element, Number, Tensor, dispatch};

/// Per image and group, what [`group_norm`] found and [`group_gradient`] needs.
#[derive(Clone, Debug)]
pub struct GroupStatistics {
    /// The mean.
    pub mean: Vec<f64>,
    /// The variance (over the count, not one less).
    pub variance: Vec<f64>,
}

/// `(x - mean) / sqrt(variance + eps) weight + bias` with the mean and the variance of each of `groups` groups of channels
/// of every image of `x`, `[n, c, *spatial]`, in the memory order of `x`; weight and bias are `[c]`.
///
/// # Panics
/// If dtypes differ or are no floats, `groups` does not divide the channels, or there is not one number per channel.
#[track_caller]
pub fn group_norm(x: &Tensor, groups: usize, [weight, bias]: [&Tensor; 2], eps: f64) -> (Tensor, GroupStatistics) {
    check("group_norm", x, groups, &[weight, bias]);
    dispatch!(float "group_norm", x.dtype(), T => {
        let (x, batch) = Batch::new(x, groups, eps);
        let [weight, bias] = [weight, bias].map(Tensor::contiguous);
        let (weight, bias) = (memory::<T>(&weight), memory::<T>(&bias));
        let mut statistics = batch.room();
        let y = Tensor::build::<T>(x.layout().like(), |y| {
            batch.forward(memory::<T>(&x), &mut statistics, Some((weight, bias, y)));
        });
        (y, batch.unzip(statistics))
    })
}

/// The statistics alone; see [`group_norm`].
///
/// # Panics
/// If the dtype is no float or `groups` does not divide the channels.
#[track_caller]
pub fn group_statistics(x: &Tensor, groups: usize) -> GroupStatistics {
    check("group_statistics", x, groups, &[]);
    dispatch!(float "group_statistics", x.dtype(), T => {
        let (x, batch) = Batch::new(x, groups, 0.0);
        let mut statistics = batch.room();
        batch.forward(memory::<T>(&x), &mut statistics, None);
        batch.unzip(statistics)
    })
}

/// The gradients of `<g, group_norm(x)>` in `x`, weight and bias.
///
/// # Panics
/// As [`group_norm`], and if `statistics` are not those of as many groups.
#[track_caller]
pub fn group_gradient(
    [x, g]: [&Tensor; 2],
    groups: usize,
    weight: &Tensor,
    (statistics, eps): (&GroupStatistics, f64),
) -> [Tensor; 3] {
    check("group_gradient", x, groups, &[weight]);
    let all = x.shape()[0] * groups;
    let given = [statistics.mean.len(), statistics.variance.len()];
    if given != [all; 2] {
        crate::fault!("group_gradient", [input: x.shape()], "expected mean and variance of {all} groups, got {given:?}");
    }
    dispatch!(float "group_gradient", x.dtype(), T => {
        let (x, batch) = Batch::new(x, groups, eps);
        let (g, weight) = (batch.image.conform(g), weight.contiguous());
        let statistics: Vec<[f64; 2]> =
            statistics.mean.iter().zip(&statistics.variance).map(|(&mean, &variance)| [mean, variance]).collect();
        let mut sums = [vec![0.0; batch.image.c], vec![0.0; batch.image.c]];
        let dx = Tensor::build::<T>(x.layout().like(), |dx| {
            sums = batch.backward([&x, &g, &weight].map(memory::<T>), &statistics, dx);
        });
        let [weight, bias] = sums.map(|values| values.into_iter().map(<T as Element>::from_f64).collect::<Tensor>());
        [dx, weight, bias]
    })
}

#[track_caller]
fn check(op: &str, x: &Tensor, groups: usize, numbers: &[&Tensor]) {
    let c = x.shape()[1];
    if groups == 0 || !c.is_multiple_of(groups) {
        crate::fault!(op, [input: x.shape()], "the channels do not form {groups} groups");
    }
    for given in numbers {
        if given.shape() != [c] || given.dtype() != x.dtype() {
            crate::fault!(op, [input: x.shape(), weight: given.shape()], "expected {c} numbers of {}", x.dtype());
        }
    }
}

/// Images whose groups of channels are normalised.
struct Batch {
    images: usize,
    /// Of one image.
    image: Form,
    groups: usize,
    eps: f64,
}

impl Batch {
    fn new(x: &Tensor, groups: usize, eps: f64) -> (Tensor, Batch) {
        let (x, form) = Form::of(x);
        (x, Batch { images: form.n, image: Form { n: 1, ..form }, groups, eps })
    }

    fn room(&self) -> Vec<[f64; 2]> {
        vec![[0.0; 2]; self.images * self.groups]
    }

    fn unzip(&self, statistics: Vec<[f64; 2]>) -> GroupStatistics {
        let (mean, variance) = statistics.into_iter().map(|[mean, variance]| (mean, variance)).unzip();
        GroupStatistics { mean, variance }
    }

    /// Values per group.
    fn count(&self) -> f64 {
        (self.image.len() / self.groups) as f64
    }

    /// Channels per group.
    fn size(&self) -> usize {
        self.image.c / self.groups
    }

    fn deviation(&self, [_, variance]: [f64; 2]) -> f64 {
        1.0 / (variance + self.eps).sqrt()
    }

    /// Runs `task` for every image: a thread each where there are enough of them, else all threads for each.
    fn each(&self, task: impl Fn(usize) + Sync + Send) {
        if self.images >= 2 * parallel::num_threads() {
            parallel::for_each(self.images, task);
        } else {
            (0..self.images).for_each(task);
        }
    }

    /// How many images of vectors one task takes, so that there are [`CHUNKS`] at most.
    fn together(&self) -> usize {
        let len = self.image.len().max(1);
        (self.images * len).div_ceil(CHUNKS).max(GRAIN).div_ceil(len)
    }

    /// Fills in the statistics and, if weight, bias and room are given, the normalised values.
    fn forward<T: Real + Number>(&self, x: &[T], statistics: &mut [[f64; 2]], affine: Option<(&[T], &[T], &mut [T])>) {
        if x.is_empty() {
            return;
        }
        let (weight, bias, y) = affine.unwrap_or_default();
        let (len, statistics, y) = (self.image.len(), Disjoint::new(statistics), Disjoint::new(y));
        let images = |first: usize, count: usize, vectors: bool| {
            for image in first..first + count {
                let x = &x[image * len..][..len];
                // SAFETY: every image is one task's.
                let (statistics, y) = unsafe {
                    let y = if y.is_empty() { &mut [] } else { y.slice(image * len, len) };
                    (statistics.slice(image * self.groups, self.groups), y)
                };
                if vectors {
                    self.vector(x, [weight, bias], statistics, y);
                } else {
                    self.image(x, [weight, bias], statistics, y);
                }
            }
        };
        if self.image.inner == 1 {
            let together = self.together();
            parallel::for_each(self.images.div_ceil(together), |task| {
                let first = task * together;
                images(first, together.min(self.images - first), true);
            });
        } else {
            self.each(|image| images(image, 1, false));
        }
    }

    fn image<T: Real + Number>(&self, x: &[T], [weight, bias]: [&[T]; 2], groups: &mut [[f64; 2]], y: &mut [T]) {
        let (means, variances) = forward::statistics(x, &self.image);
        let size = self.size();
        let channels = means.chunks_exact(size).zip(variances.chunks_exact(size));
        for (group, (means, variances)) in groups.iter_mut().zip(channels) {
            let mean = means.iter().sum::<f64>() / size as f64;
            let spread = means.iter().zip(variances).map(|(m, variance)| variance + (m - mean) * (m - mean));
            *group = [mean, spread.sum::<f64>() / size as f64];
        }
        if !y.is_empty() {
            let channels = self.channels(groups, weight, bias);
            forward::affine::<T, false>([x, &[]], &channels, &self.image, Activation::Identity, y);
        }
    }

    /// One number per channel of an image.
    fn channels<T: Real + Number>(&self, groups: &[[f64; 2]], weight: &[T], bias: &[T]) -> Channels {
        let size = self.size();
        let mean = (0..self.image.c).map(|c| <T as Element>::from_f64(groups[c / size][0]));
        let scale = weight
            .iter()
            .enumerate()
            .map(|(c, weight)| <T as Element>::from_f64(self.deviation(groups[c / size]) * Element::to_f64(*weight)));
        Channels { mean: mean.collect(), scale: scale.collect(), shift: bias.iter().copied().collect() }
    }

    fn vector<T: Real + Number>(&self, x: &[T], affine: [&[T]; 2], groups: &mut [[f64; 2]], y: &mut [T]) {
        let (level, size, count) = (simd::level(), self.size(), self.count());
        for (k, group) in groups.iter_mut().enumerate() {
            let range = k * size..(k + 1) * size;
            let x = &x[range.clone()];
            // SAFETY: the level is the CPU's.
            let [sum, squares] = unsafe { planes::moments(level, x, x[0]) }.map(Element::to_f64);
            let mean = sum / count;
            *group = [Element::to_f64(x[0]) + mean, (squares / count - mean * mean).max(0.0)];
            if !y.is_empty() {
                let from = [x, &affine[0][range.clone()], &affine[1][range.clone()]];
                // SAFETY: the level is the CPU's.
                unsafe { elements::affine(level, self.plane(*group), from, &mut y[range]) };
            }
        }
    }

    fn plane<T: Real + Number>(&self, group: [f64; 2]) -> Plane<T> {
        Plane {
            mean: <T as Element>::from_f64(group[0]),
            scale: <T as Element>::from_f64(self.deviation(group)),
            shift: <T as Real>::ZERO,
        }
    }

    /// What the gradient in the input has beside the cotangent's part, by the sums over a group of `g weight` and of its
    /// product with the centred input: a factor of the centred input, and an offset.
    fn slope(&self, group: [f64; 2], [sum, product]: [f64; 2]) -> [f64; 2] {
        let (deviation, count) = (self.deviation(group), self.count());
        [-deviation * deviation * deviation * product / count, -deviation * sum / count]
    }

    /// Fills in the gradient in the input, and returns those in weight and bias.
    fn backward<T: Real + Number>(&self, from: [&[T]; 3], statistics: &[[f64; 2]], dx: &mut [T]) -> [Vec<f64>; 2] {
        let c = self.image.c;
        let mut gradients = [vec![0.0; c], vec![0.0; c]];
        if dx.is_empty() {
            return gradients;
        }
        let [x, g, weight] = from;
        let (len, dx) = (self.image.len(), Disjoint::new(dx));
        let together = if self.image.inner == 1 { self.together() } else { 1 };
        // Per task, both gradients of all channels.
        let mut sums = vec![0.0; self.images.div_ceil(together) * 2 * c];
        let parts = Disjoint::new(&mut sums);
        let task = |task: usize| {
            let images = task * together..((task + 1) * together).min(self.images);
            let [x, g] = [x, g].map(|of| &of[images.start * len..images.end * len]);
            let statistics = &statistics[images.start * self.groups..images.end * self.groups];
            // SAFETY: every image, and every part of the sums, is one task's.
            let (dx, sums) = unsafe { (dx.slice(images.start * len, x.len()), parts.slice(task * 2 * c, 2 * c)) };
            if self.image.inner == 1 {
                self.vector_gradients([x, g, weight], statistics, dx, sums);
            } else {
                self.image_gradient([x, g, weight], statistics, dx, sums);
            }
        };
        if self.image.inner == 1 {
            parallel::for_each(self.images.div_ceil(together), task);
        } else {
            self.each(task);
        }
        for part in sums.chunks_exact(2 * c) {
            for (gradient, part) in gradients.iter_mut().zip(part.chunks_exact(c)) {
                gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
        gradients
    }

    fn image_gradient<T: Real + Number>(
        &self,
        [x, g, weight]: [&[T]; 3],
        groups: &[[f64; 2]],
        dx: &mut [T],
        gradients: &mut [f64],
    ) {
        let (size, c) = (self.size(), self.image.c);
        let channels = self.channels(groups, weight, &vec![<T as Real>::ZERO; c]);
        let from = Reads { x, r: &[], g };
        let found = sums_of(from, &mut [], &channels, &self.image, (false, Activation::Identity));
        let slopes: Vec<[f64; 2]> = groups
            .iter()
            .enumerate()
            .map(|(k, &group)| {
                let weighted = |of: &[f64]| {
                    let range = k * size..(k + 1) * size;
                    of[range.clone()].iter().zip(&weight[range]).map(|(of, weight)| of * Element::to_f64(*weight)).sum()
                };
                self.slope(group, [weighted(&found.sum), weighted(&found.product)])
            })
            .collect();
        let per_channel = |which: usize| (0..c).map(|c| <T as Element>::from_f64(slopes[c / size][which])).collect();
        let slopes = Slopes { slope: per_channel(0), shift: per_channel(1) };
        backward::input::<T, false>(from, &channels, &slopes, &self.image, (Activation::Identity, dx));
        for k in 0..c {
            gradients[k] = found.product[k] * self.deviation(groups[k / size]);
            gradients[c + k] = found.sum[k];
        }
    }

    fn vector_gradients<T: Real + Number>(
        &self,
        [x, g, weight]: [&[T]; 3],
        groups: &[[f64; 2]],
        dx: &mut [T],
        gradients: &mut [f64],
    ) {
        let (level, size) = (simd::level(), self.size());
        let mut sums = vec![<T as Real>::ZERO; gradients.len()];
        let (d_weight, d_bias) = sums.split_at_mut(self.image.c);
        for (k, (&group, dx)) in groups.iter().zip(dx.chunks_exact_mut(size)).enumerate() {
            let place = k % self.groups * size..(k % self.groups + 1) * size;
            let from = [&x[k * size..][..size], &g[k * size..][..size], &weight[place.clone()]];
            let plane = self.plane(group);
            // SAFETY: the level is the CPU's.
            unsafe {
                let gradients = [&mut d_weight[place.clone()], &mut d_bias[place]];
                let found = elements::sums::<T, 4>(level, plane, from, gradients);
                let [scale, shift] = self.slope(group, found.map(Element::to_f64)).map(<T as Element>::from_f64);
                elements::input(level, [plane, Plane { mean: <T as Real>::ZERO, scale, shift }], from, dx);
            }
        }
        gradients.iter_mut().zip(&sums).for_each(|(to, sum)| *to = Element::to_f64(*sum));
    }
}
