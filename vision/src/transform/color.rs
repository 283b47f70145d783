//! Random changes of colour, grey pictures, gamma and blur.

use tensor::Generator;

use super::tone::has_color;
use super::{Invertibility, Picture, Record, Tone, Transform};

/// Brightness, contrast, saturation and hue changed at random, in random order. PyTorch:
/// `torchvision.transforms.ColorJitter`.
#[derive(Clone, Copy, Debug)]
pub struct ColorJitter {
    /// The ranges of the factors; `None` leaves the property alone.
    ranges: [Option<[f64; 2]>; 4],
}

impl ColorJitter {
    /// Factors from `max(0, 1 - v)` to `1 + v` for brightness, contrast and saturation, and turns of the hue from `-hue`
    /// to `hue`; 0 leaves a property alone.
    ///
    /// # Panics
    /// If a value is negative, or `hue` is over 0.5.
    #[track_caller]
    pub fn new(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> ColorJitter {
        let all = [brightness, contrast, saturation, hue];
        if all.iter().any(|v| v.is_nan() || *v < 0.0) || hue > 0.5 {
            tensor::fault!("color_jitter", [], "values must not be negative and hue at most 0.5, got {all:?}");
        }
        let factor = |v: f64| (v > 0.0).then_some([(1.0 - v).max(0.0), 1.0 + v]);
        let hue = (hue > 0.0).then_some([-hue, hue]);
        ColorJitter { ranges: [factor(brightness), factor(contrast), factor(saturation), hue] }
    }

    /// Factors of brightness, contrast and saturation and turns of the hue from ranges of one's own, `[least, greatest]`;
    /// `None` leaves a property alone.
    ///
    /// ```
    /// use gradus_vision::transform::ColorJitter;
    /// let darker = ColorJitter::ranges([Some([0.5, 0.9]), None, None, None]);
    /// ```
    ///
    /// # Panics
    /// If a range is upside down, a factor is negative, or a turn is beyond -0.5 to 0.5.
    #[track_caller]
    pub fn ranges(ranges: [Option<[f64; 2]>; 4]) -> ColorJitter {
        let names = ["brightness", "contrast", "saturation", "hue"];
        for (name, range) in names.into_iter().zip(ranges) {
            let [least, most] = if name == "hue" { [-0.5, 0.5] } else { [0.0, f64::INFINITY] };
            if let Some([low, high]) = range.filter(|[low, high]| !(least <= *low && low <= high && *high <= most)) {
                tensor::fault!(
                    "color_jitter",
                    [],
                    "{name} must be a range within {least} to {most}, got {low} to {high}"
                );
            }
        }
        ColorJitter { ranges }
    }
}

impl Transform for ColorJitter {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let mut order = [0, 1, 2, 3];
        generator.shuffle(&mut order);
        let factors = self.ranges.map(|range| range.map(|[low, high]| low + (high - low) * generator.uniform()));
        order.into_iter().fold((picture, Record::default()), |(picture, record), which| {
            let Some(factor) = factors[which] else { return (picture, record) };
            let tone = match which {
                0 => Tone::Brightness(factor),
                1 => Tone::Contrast(factor),
                _ if !has_color(&picture) => return (picture, record),
                2 => Tone::Saturation(factor),
                _ => Tone::Hue(factor),
            };
            let (picture, more) = Record::of(tone, picture);
            (picture, record.then(more))
        })
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("values beyond the range are clamped")
    }
}

/// The grey picture. PyTorch: `torchvision.transforms.Grayscale`.
#[derive(Clone, Copy, Debug)]
pub struct Grayscale {
    channels: usize,
}

impl Grayscale {
    /// In one channel, or repeated in three.
    pub fn new(channels: usize) -> Grayscale {
        Grayscale { channels }
    }
}

impl Transform for Grayscale {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        Record::of(Tone::Grayscale(self.channels), picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("colour is dropped")
    }
}

/// The grey picture in as many channels as before, with a probability. PyTorch:
/// `torchvision.transforms.RandomGrayscale`.
#[derive(Clone, Copy, Debug)]
pub struct RandomGrayscale {
    p: f64,
}

impl RandomGrayscale {
    /// With probability `p`.
    pub fn new(p: f64) -> RandomGrayscale {
        RandomGrayscale { p }
    }
}

impl Transform for RandomGrayscale {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        if generator.uniform() >= self.p || !has_color(&picture) {
            return (picture, Record::default());
        }
        Record::of(Tone::Grayscale(3), picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("colour is dropped")
    }
}

/// `gain * x^gamma`. PyTorch: `torchvision.transforms.functional.adjust_gamma`, of which torchvision has no class.
#[derive(Clone, Copy, Debug)]
pub struct AdjustGamma {
    gamma: f64,
    gain: f64,
}

impl AdjustGamma {
    /// An exponent, and gain 1.
    pub fn new(gamma: f64) -> AdjustGamma {
        AdjustGamma { gamma, gain: 1.0 }
    }

    /// Another gain.
    #[must_use]
    pub fn gain(mut self, gain: f64) -> AdjustGamma {
        self.gain = gain;
        self
    }
}

impl Transform for AdjustGamma {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        Record::of(Tone::Gamma(self.gamma, self.gain), picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("values beyond the range are clamped, and bytes rounded")
    }
}

/// A blur of random width. PyTorch: `torchvision.transforms.GaussianBlur`.
#[derive(Clone, Copy, Debug)]
pub struct GaussianBlur {
    kernel_size: [usize; 2],
    sigma: [f64; 2],
}

impl GaussianBlur {
    /// A kernel of `[x, y]` odd sizes, and a deviation from `sigma[0]` to `sigma[1]`.
    pub fn new(kernel_size: [usize; 2], sigma: [f64; 2]) -> GaussianBlur {
        GaussianBlur { kernel_size, sigma }
    }
}

impl Transform for GaussianBlur {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let sigma = self.sigma[0] + (self.sigma[1] - self.sigma[0]) * generator.uniform();
        Record::of(Tone::GaussianBlur(self.kernel_size, [sigma; 2]), picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("neighbouring pixels are mixed")
    }
}
