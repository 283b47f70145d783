//! Augmentation policies without tuning: one or a few operations of random strength per picture.

use tensor::Generator;

use super::functional::{Affine, Rotation};
use super::picture::bound;
use super::tone::has_color;
use super::{Interpolation, Invertibility, Picture, Pixels, RandomAffine, RandomRotation, Record, Tone, Transform};

const LOSSY: Invertibility = Invertibility::Lossy("an operation that is drawn may be lossy");

/// One operation of random strength, from a wide range. PyTorch: `torchvision.transforms.TrivialAugmentWide`; Müller and
/// Hutter, 2021.
#[derive(Clone, Debug)]
pub struct TrivialAugmentWide {
    bins: usize,
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl Default for TrivialAugmentWide {
    fn default() -> TrivialAugmentWide {
        TrivialAugmentWide { bins: 31, interpolation: Interpolation::Nearest, fill: None }
    }
}

/// `num_ops` operations of strength `magnitude`. PyTorch: `torchvision.transforms.RandAugment`; Cubuk et al., 2020.
#[derive(Clone, Debug)]
pub struct RandAugment {
    num_ops: usize,
    magnitude: usize,
    bins: usize,
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl Default for RandAugment {
    /// Two operations of strength 9 of 31.
    fn default() -> RandAugment {
        RandAugment::new(2, 9)
    }
}

impl RandAugment {
    /// So many operations, of strength 0 to 30.
    ///
    /// # Panics
    /// If the magnitude is over 30.
    #[track_caller]
    pub fn new(num_ops: usize, magnitude: usize) -> RandAugment {
        let all = RandAugment { num_ops, magnitude, bins: 31, interpolation: Interpolation::Nearest, fill: None };
        all.num_magnitude_bins(31)
    }

    /// Another number of strengths than 31.
    ///
    /// # Panics
    /// If it is below 2, or the magnitude is not below it.
    #[track_caller]
    #[must_use]
    pub fn num_magnitude_bins(mut self, bins: usize) -> RandAugment {
        check_bins("rand_augment", bins);
        if self.magnitude >= bins {
            tensor::fault!("rand_augment", [], "the magnitude must be below {bins}, got {}", self.magnitude);
        }
        self.bins = bins;
        self
    }

    /// How rotation, shear and shift find values between pixels, and what stands beyond the picture.
    #[must_use]
    pub fn geometry(mut self, interpolation: Interpolation, fill: Option<Vec<f64>>) -> RandAugment {
        (self.interpolation, self.fill) = (interpolation, fill);
        self
    }
}

impl TrivialAugmentWide {
    /// Another number of strengths than 31.
    ///
    /// # Panics
    /// If it is below 2.
    #[track_caller]
    #[must_use]
    pub fn num_magnitude_bins(mut self, bins: usize) -> TrivialAugmentWide {
        check_bins("trivial_augment_wide", bins);
        self.bins = bins;
        self
    }

    /// How rotation, shear and shift find values between pixels, and what stands beyond the picture.
    #[must_use]
    pub fn geometry(mut self, interpolation: Interpolation, fill: Option<Vec<f64>>) -> TrivialAugmentWide {
        (self.interpolation, self.fill) = (interpolation, fill);
        self
    }
}

#[track_caller]
fn check_bins(op: &str, bins: usize) {
    if bins < 2 {
        tensor::fault!(op, [], "at least 2 strengths are needed, got {bins}");
    }
}

/// The operations, in torchvision's order.
const OPERATIONS: [&str; 14] = [
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
];

/// The strongest of each operation that has a strength: shear (as a tangent), shift, rotation, factors, bits cut.
struct Ranges {
    shear: f64,
    translate: [f64; 2],
    rotate: f64,
    factor: f64,
    bits: f64,
}

/// An operation to be done: its name, the part of its strongest form (0 to 1), and where there are two directions
/// whether the other is meant.
struct Operation<'a> {
    name: &'a str,
    strength: f64,
    negative: bool,
}

struct Geometry<'a> {
    interpolation: Interpolation,
    fill: Option<&'a [f64]>,
}

fn run(picture: Picture, operation: &Operation<'_>, ranges: &Ranges, geometry: &Geometry<'_>) -> (Picture, Record) {
    let sign = if operation.negative { -1.0 } else { 1.0 };
    let signed = |most: f64| sign * most * operation.strength;
    let bytes = picture.pixels().dtype() == tensor::DType::U8;
    let affine = |translate: [f64; 2], shear: [f64; 2], center: Option<[f64; 2]>| {
        let mut options = RandomAffine::new([0.0; 2]);
        (options.interpolation, options.fill) = (geometry.interpolation, geometry.fill.map(<[f64]>::to_vec));
        options.exactly(picture.clone(), Affine { translate, shear, center, ..Affine::default() })
    };
    // A shear by a tangent about the top left corner, as AutoAugment defines it.
    let degrees = |most: f64| libm::atan(signed(most)).to_degrees();
    let tone = |tone: Tone| Record::of(tone, picture.clone());
    match operation.name {
        "ShearX" => affine([0.0; 2], [degrees(ranges.shear), 0.0], Some([0.0; 2])),
        "ShearY" => affine([0.0; 2], [0.0, degrees(ranges.shear)], Some([0.0; 2])),
        "TranslateX" => affine([signed(ranges.translate[0]).trunc(), 0.0], [0.0; 2], None),
        "TranslateY" => affine([0.0, signed(ranges.translate[1]).trunc()], [0.0; 2], None),
        "Rotate" => {
            let fill = geometry.fill.map(<[f64]>::to_vec);
            let options = Rotation { interpolation: geometry.interpolation, fill, ..Rotation::default() };
            // The range holds one angle, so nothing is drawn from this generator.
            RandomRotation::new([signed(ranges.rotate); 2]).options(options).apply(picture, &mut Generator::new(0))
        }
        "Brightness" => tone(Tone::Brightness(1.0 + signed(ranges.factor))),
        "Color" if has_color(&picture) => tone(Tone::Saturation(1.0 + signed(ranges.factor))),
        "Contrast" => tone(Tone::Contrast(1.0 + signed(ranges.factor))),
        "Sharpness" => tone(Tone::Sharpness(1.0 + signed(ranges.factor))),
        "Posterize" if bytes => tone(Tone::Posterize(8 - (ranges.bits * operation.strength).round_ties_even() as u32)),
        "Solarize" => tone(Tone::Solarize(bound(picture.pixels().dtype()) * (1.0 - operation.strength))),
        "AutoContrast" => tone(Tone::AutoContrast),
        "Equalize" if bytes => tone(Tone::Equalize),
        _ => (picture, Record::default()),
    }
}

impl Transform for TrivialAugmentWide {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let name = OPERATIONS[generator.below(OPERATIONS.len())];
        let strength = generator.below(self.bins) as f64 / (self.bins - 1) as f64;
        let negative = generator.below(2) == 1;
        let ranges = Ranges { shear: 0.99, translate: [32.0; 2], rotate: 135.0, factor: 0.99, bits: 6.0 };
        let geometry = Geometry { interpolation: self.interpolation, fill: self.fill.as_deref() };
        run(picture, &Operation { name, strength, negative }, &ranges, &geometry)
    }

    fn invertibility(&self) -> Invertibility {
        LOSSY
    }
}

impl Transform for RandAugment {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let geometry = Geometry { interpolation: self.interpolation, fill: self.fill.as_deref() };
        (0..self.num_ops).fold((picture, Record::default()), |(picture, record), _| {
            let [rows, columns] = picture.size();
            let translate = [columns, rows].map(|n| 150.0 / 331.0 * n as f64);
            let ranges = Ranges { shear: 0.3, translate, rotate: 30.0, factor: 0.9, bits: 4.0 };
            let name = OPERATIONS[generator.below(OPERATIONS.len())];
            let strength = self.magnitude as f64 / (self.bins - 1) as f64;
            let negative = generator.below(2) == 1;
            let (picture, more) = run(picture, &Operation { name, strength, negative }, &ranges, &geometry);
            (picture, record.then(more))
        })
    }

    fn invertibility(&self) -> Invertibility {
        LOSSY
    }
}
