//! Pictures made from a seed: something to train on without any file.

use tensor::Generator;

use super::{ImageDataset, names};
use crate::error::{Result, VisionError};
use crate::image::{Image, Mode};

/// The classes of [`Shapes`], in order.
pub const SHAPES: [&str; 6] = ["disc", "square", "triangle", "ring", "cross", "bar"];

/// Coloured shapes, turned, shifted and scaled at random, on noisy ground: sample `i` is a picture of class `i % 6`, the
/// same for the same seed on every machine.
#[derive(Clone, Debug)]
pub struct Shapes {
    len: usize,
    side: usize,
    seed: u64,
    classes: Vec<String>,
}

impl Shapes {
    /// `len` pictures of `side` x `side` in RGB.
    ///
    /// # Panics
    /// If `side` is 0.
    #[track_caller]
    pub fn new(len: usize, side: usize, seed: u64) -> Shapes {
        if side == 0 {
            tensor::fault!("shapes", [], "the side must be at least 1 pixel, got 0");
        }
        Shapes { len, side, seed, classes: names(&SHAPES) }
    }
}

impl ImageDataset for Shapes {
    fn len(&self) -> usize {
        self.len
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let class = self.class(index)?;
        let mut g = Generator::keyed([self.seed, index as u64, 0, 0]);
        let mut between = |low: f64, high: f64| low + (high - low) * g.uniform();
        let ground: [f64; 3] = std::array::from_fn(|_| between(0.0, 90.0));
        let color: [f64; 3] = std::array::from_fn(|_| between(140.0, 255.0));
        let (cx, cy, radius) = (between(0.4, 0.6), between(0.4, 0.6), between(0.22, 0.36));
        let turn = between(0.0, std::f64::consts::TAU);
        let (sin, cos) = (libm::sin(turn), libm::cos(turn));
        let mut bytes = Vec::with_capacity(3 * self.side * self.side);
        for y in 0..self.side {
            for x in 0..self.side {
                // Four points per pixel smooth the edges.
                let covered = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
                    .iter()
                    .filter(|(dx, dy)| {
                        let u = ((x as f64 + dx) / self.side as f64 - cx) / radius;
                        let v = ((y as f64 + dy) / self.side as f64 - cy) / radius;
                        inside(class, u * cos + v * sin, v * cos - u * sin)
                    })
                    .count() as f64
                    / 4.0;
                let noise = 24.0 * (g.uniform() - 0.5);
                bytes.extend(
                    (0..3).map(|c| (ground[c] + covered * (color[c] - ground[c]) + noise).clamp(0.0, 255.0) as u8),
                );
            }
        }
        Ok((Image::from_bytes(&bytes, Mode::RGB, [self.side, self.side]), class))
    }

    fn class(&self, index: usize) -> Result<usize> {
        if index < self.len { Ok(index % SHAPES.len()) } else { Err(VisionError::OutOfRange { index, len: self.len }) }
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }
}

/// Whether a shape of radius 1 covers a point.
fn inside(class: usize, u: f64, v: f64) -> bool {
    let distance = (u * u + v * v).sqrt();
    match class {
        0 => distance < 1.0,
        1 => u.abs().max(v.abs()) < 0.85,
        2 => v < 0.6 && v > 3.0f64.sqrt() * u.abs() - 1.0,
        3 => distance < 1.0 && distance > 0.6,
        4 => u.abs().max(v.abs()) < 1.0 && u.abs().min(v.abs()) < 0.28,
        _ => u.abs() < 1.0 && v.abs() < 0.28,
    }
}
