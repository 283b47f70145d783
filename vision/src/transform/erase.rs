//! Rectangles wiped out.

use tensor::{DType, Generator, Tensor};

use super::{Action, Invertibility, Picture, Pixels, Record, Transform, Window, functional};

/// What stands in an erased rectangle.
#[derive(Clone, Debug, PartialEq)]
pub enum ErasingValue {
    /// One value, or one per channel.
    Constant(Vec<f64>),
    /// Standard normal noise.
    Random,
}

/// A random rectangle wiped out, with a probability. PyTorch: `torchvision.transforms.RandomErasing`.
#[derive(Clone, Debug)]
pub struct RandomErasing {
    p: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
    value: ErasingValue,
}

impl RandomErasing {
    /// With probability `p`: 2 % to 33 % of the area, ratios from 0.3 to 3.3, filled with 0.
    pub fn new(p: f64) -> RandomErasing {
        RandomErasing { p, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: ErasingValue::Constant(vec![0.0]) }
    }

    /// The least and the greatest part of the area.
    #[must_use]
    pub fn scale(mut self, scale: [f64; 2]) -> RandomErasing {
        self.scale = scale;
        self
    }

    /// The least and the greatest ratio of height to width.
    #[must_use]
    pub fn ratio(mut self, ratio: [f64; 2]) -> RandomErasing {
        self.ratio = ratio;
        self
    }

    /// What stands in the rectangle.
    #[must_use]
    pub fn value(mut self, value: ErasingValue) -> RandomErasing {
        self.value = value;
        self
    }

    fn window(&self, [rows, columns]: [usize; 2], generator: &mut Generator) -> Option<Window> {
        for _ in 0..10 {
            let mut between = |[low, high]: [f64; 2]| low + (high - low) * generator.uniform();
            let area = (rows * columns) as f64 * between(self.scale);
            let ratio = libm::exp(between(self.ratio.map(libm::log)));
            let height = (area * ratio).sqrt().round_ties_even() as usize;
            let width = (area / ratio).sqrt().round_ties_even() as usize;
            if height < rows && width < columns {
                let top = generator.below(rows - height + 1) as isize;
                let left = generator.below(columns - width + 1) as isize;
                return Some(Window { top, left, height, width });
            }
        }
        None
    }
}

#[derive(Clone, Debug)]
struct Erased {
    window: Window,
    value: Tensor,
}

impl Action for Erased {
    fn name(&self) -> &'static str {
        "RandomErasing"
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("the pixels of the rectangle are gone")
    }

    fn forward(&self, picture: Picture) -> Picture {
        functional::erase(&picture, self.window, &self.value)
    }

    fn backward(&self, picture: Picture) -> Picture {
        picture
    }

    /// What survived is outside the rectangle.
    fn mask_back(&self, mask: Picture) -> Picture {
        functional::erase(&mask, self.window, &Tensor::zeros([1, 1, 1], mask.pixels().dtype()))
    }
}

impl Transform for RandomErasing {
    /// # Panics
    /// If the value has neither one entry nor one per channel.
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        if generator.uniform() >= self.p {
            return (picture, Record::default());
        }
        let Some(window) = self.window(picture.size(), generator) else { return (picture, Record::default()) };
        let (channels, dtype) = (picture.channels(), picture.pixels().dtype());
        let value = match &self.value {
            ErasingValue::Constant(values) => {
                if values.len() != 1 && values.len() != channels {
                    tensor::fault!("random_erasing", [x: picture.pixels().shape()],
                        "{} values for {channels} channels", values.len());
                }
                Tensor::from_slice(values, [values.len(), 1, 1]).to_dtype(dtype)
            }
            ErasingValue::Random => {
                let noise = generator.randn([channels, window.height, window.width], DType::F64);
                // Noise of bytes is centred on grey, an eighth of the range wide.
                if dtype == DType::U8 { noise.map(|v: f64| (128.0 + 32.0 * v) as u8) } else { noise.to_dtype(dtype) }
            }
        };
        Record::of(Erased { window, value }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("the pixels of the rectangle are gone")
    }
}
