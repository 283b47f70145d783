//! Batches whose samples are mixed in pairs: the targets become the same mixture of classes.

use tensor::{DType, Generator, Tensor, dispatch};

/// Sample `i` becomes `lambda x[i] + (1 - lambda) x[i - 1]`. PyTorch: `torchvision.transforms.v2.MixUp`; Zhang et al.,
/// 2018.
#[derive(Clone, Copy, Debug)]
pub struct MixUp {
    alpha: f64,
    classes: usize,
}

/// A rectangle of sample `i` is replaced by that of sample `i - 1`. PyTorch: `torchvision.transforms.v2.CutMix`; Yun et
/// al., 2019.
#[derive(Clone, Copy, Debug)]
pub struct CutMix {
    alpha: f64,
    classes: usize,
}

/// A mixed batch.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// The pictures, `[N, C, H, W]` in the dtype they came in.
    pub images: Tensor,
    /// The probabilities of the classes, `f32 [N, classes]`.
    pub targets: Tensor,
    /// The part of its own picture that every sample keeps.
    pub lambda: f64,
}

impl MixUp {
    /// `lambda` from a beta distribution of (`alpha`, `alpha`).
    ///
    /// # Panics
    /// If `alpha` is not positive.
    #[track_caller]
    pub fn new(alpha: f64, classes: usize) -> MixUp {
        check_alpha("mixup", alpha);
        MixUp { alpha, classes }
    }

    /// Mixes float pictures `[N, C, H, W]` with classes `i64 [N]`.
    ///
    /// # Panics
    /// If the pictures are not floats `[N, C, H, W]`, or there are not `N` classes in range.
    #[track_caller]
    pub fn apply(&self, images: &Tensor, classes: &Tensor, generator: &mut Generator) -> Mixed {
        check_batch("mixup", images, classes);
        let lambda = beta(self.alpha, generator);
        if !images.dtype().is_float() {
            tensor::error::unsupported("mixup", images.dtype(), "a float");
        }
        let mixed = images.mul_scalar(lambda).add(&rolled(images).mul_scalar(1.0 - lambda));
        Mixed { images: mixed, targets: targets(classes, self.classes, lambda), lambda }
    }
}

impl CutMix {
    /// The area's part `1 - lambda` from a beta distribution of (`alpha`, `alpha`).
    ///
    /// # Panics
    /// If `alpha` is not positive.
    #[track_caller]
    pub fn new(alpha: f64, classes: usize) -> CutMix {
        check_alpha("cutmix", alpha);
        CutMix { alpha, classes }
    }

    /// Mixes pictures `[N, C, H, W]` with classes `i64 [N]`.
    ///
    /// # Panics
    /// If the pictures are not `[N, C, H, W]`, or there are not `N` classes in range.
    #[track_caller]
    pub fn apply(&self, images: &Tensor, classes: &Tensor, generator: &mut Generator) -> Mixed {
        check_batch("cutmix", images, classes);
        let drawn = beta(self.alpha, generator);
        let (rows, columns) = (images.shape()[2], images.shape()[3]);
        let half = 0.5 * (1.0 - drawn).sqrt();
        let range = |center: usize, size: usize| {
            let reach = half * size as f64;
            let from = (center as f64 - reach).max(0.0) as usize;
            (from, ((center as f64 + reach) as usize).min(size).max(from))
        };
        let (left, right) = range(generator.below(columns.max(1)), columns);
        let (top, bottom) = range(generator.below(rows.max(1)), rows);
        let patch = rolled(images).narrow(2, top, bottom - top).narrow(3, left, right - left).contiguous();
        let mut mixed = images.contiguous();
        dispatch!(all "cutmix", images.dtype(), T => {
            let patch = patch.as_slice::<T>().expect("made contiguous");
            let (height, width) = (bottom - top, right - left);
            if height * width > 0 {
                let out = mixed.make_mut::<T>();
                for (row, source) in patch.chunks_exact(width).enumerate() {
                    let start = (row / height * rows + top + row % height) * columns + left;
                    out[start..start + width].copy_from_slice(source);
                }
            }
        });
        let lambda = 1.0 - ((bottom - top) * (right - left)) as f64 / (rows * columns).max(1) as f64;
        Mixed { images: mixed, targets: targets(classes, self.classes, lambda), lambda }
    }
}

#[track_caller]
fn check_alpha(op: &str, alpha: f64) {
    if alpha.is_nan() || alpha <= 0.0 {
        tensor::fault!(op, [], "alpha must be positive, got {alpha}");
    }
}

#[track_caller]
fn check_batch(op: &str, images: &Tensor, classes: &Tensor) {
    if images.rank() != 4 || classes.shape() != [images.shape()[0]] || classes.dtype() != DType::I64 {
        tensor::fault!(op, [images: images.shape(), classes: classes.shape()],
            "expected images [N, C, H, W] and i64 classes [N], got {}", classes.dtype());
    }
}

/// Every sample in its predecessor's place.
fn rolled(x: &Tensor) -> Tensor {
    let n = x.shape()[0];
    if n < 2 { x.clone() } else { Tensor::cat(&[&x.narrow(0, n - 1, 1), &x.narrow(0, 0, n - 1)], 0) }
}

#[track_caller]
fn targets(classes: &Tensor, count: usize, lambda: f64) -> Tensor {
    let list = classes.to_vec::<i64>();
    let n = list.len();
    let mut values = vec![0.0f32; n * count];
    for (i, row) in values.chunks_exact_mut(count.max(1)).enumerate() {
        for (class, part) in [(list[i], lambda), (list[(i + n - 1) % n], 1.0 - lambda)] {
            if class < 0 || class as usize >= count {
                tensor::fault!("mix", [classes: classes.shape()], "class {class} is out of range for {count}");
            }
            row[class as usize] += part as f32;
        }
    }
    Tensor::from_vec(values, [n, count])
}

/// A number from the beta distribution of (`alpha`, `alpha`).
fn beta(alpha: f64, generator: &mut Generator) -> f64 {
    let (a, b) = (gamma(alpha, generator), gamma(alpha, generator));
    if a + b > 0.0 { a / (a + b) } else { 0.5 }
}

/// A number from the gamma distribution (Marsaglia and Tsang, 2000).
fn gamma(alpha: f64, generator: &mut Generator) -> f64 {
    if alpha < 1.0 {
        let u = 1.0 - generator.uniform();
        return gamma(alpha + 1.0, generator) * libm::pow(u, 1.0 / alpha);
    }
    let d = alpha - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = generator.normal();
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - generator.uniform();
        if v > 0.0 && libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}
