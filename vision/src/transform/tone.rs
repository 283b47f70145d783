//! Changes of values that leave pixels where they are, and those of them that come with a probability.

use tensor::Generator;

use super::{Action, Invertibility, Picture, Pixels, Record, Transform, functional};

/// One change of values, with its parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Tone {
    /// [`functional::adjust_brightness`].
    Brightness(f64),
    /// [`functional::adjust_contrast`].
    Contrast(f64),
    /// [`functional::adjust_saturation`].
    Saturation(f64),
    /// [`functional::adjust_hue`].
    Hue(f64),
    /// [`functional::adjust_gamma`] with gamma and gain.
    Gamma(f64, f64),
    /// [`functional::adjust_sharpness`].
    Sharpness(f64),
    /// [`functional::rgb_to_grayscale`] to as many channels.
    Grayscale(usize),
    /// [`functional::invert`].
    Invert,
    /// [`functional::posterize`] to as many bits.
    Posterize(u32),
    /// [`functional::solarize`] from a threshold.
    Solarize(f64),
    /// [`functional::autocontrast`].
    AutoContrast,
    /// [`functional::equalize`].
    Equalize,
    /// [`functional::gaussian_blur`] with kernel size and deviation, both `[x, y]`.
    GaussianBlur([usize; 2], [f64; 2]),
}

impl Action for Tone {
    fn name(&self) -> &'static str {
        match self {
            Tone::Brightness(_) => "Brightness",
            Tone::Contrast(_) => "Contrast",
            Tone::Saturation(_) => "Saturation",
            Tone::Hue(_) => "Hue",
            Tone::Gamma(..) => "Gamma",
            Tone::Sharpness(_) => "Sharpness",
            Tone::Grayscale(_) => "Grayscale",
            Tone::Invert => "Invert",
            Tone::Posterize(_) => "Posterize",
            Tone::Solarize(_) => "Solarize",
            Tone::AutoContrast => "AutoContrast",
            Tone::Equalize => "Equalize",
            Tone::GaussianBlur(..) => "GaussianBlur",
        }
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy(match self {
            Tone::Invert => return Invertibility::Exact,
            Tone::Brightness(1.0) | Tone::Contrast(1.0) | Tone::Saturation(1.0) | Tone::Sharpness(1.0) => {
                return Invertibility::Exact;
            }
            Tone::Posterize(8) => return Invertibility::Exact,
            Tone::Brightness(_) | Tone::Contrast(_) | Tone::Saturation(_) => "values beyond the range were clamped",
            Tone::Gamma(..) => "values beyond the range were clamped, and bytes rounded",
            Tone::Hue(_) => "hues were rounded",
            Tone::Sharpness(_) | Tone::GaussianBlur(..) => "neighbouring pixels were mixed",
            Tone::Grayscale(_) => "colour was dropped",
            Tone::Posterize(_) => "low bits were dropped",
            Tone::Solarize(_) => "two values became one",
            Tone::AutoContrast | Tone::Equalize => "the range of values is not recorded",
        })
    }

    fn forward(&self, picture: Picture) -> Picture {
        let p = &picture;
        match *self {
            Tone::Brightness(factor) => functional::adjust_brightness(p, factor),
            Tone::Contrast(factor) => functional::adjust_contrast(p, factor),
            Tone::Saturation(factor) => functional::adjust_saturation(p, factor),
            Tone::Hue(factor) => functional::adjust_hue(p, factor),
            Tone::Gamma(gamma, gain) => functional::adjust_gamma(p, gamma, gain),
            Tone::Sharpness(factor) => functional::adjust_sharpness(p, factor),
            Tone::Grayscale(channels) => functional::rgb_to_grayscale(p, channels),
            Tone::Invert => functional::invert(p),
            Tone::Posterize(bits) => functional::posterize(p, bits),
            Tone::Solarize(threshold) => functional::solarize(p, threshold),
            Tone::AutoContrast => functional::autocontrast(p),
            Tone::Equalize => functional::equalize(p),
            Tone::GaussianBlur(size, sigma) => functional::gaussian_blur(p, size, Some(sigma)),
        }
    }

    /// Exact for an inversion; the opposite change where there is one (brightness, hue, gamma); else nothing.
    fn backward(&self, picture: Picture) -> Picture {
        let p = &picture;
        match *self {
            Tone::Invert => functional::invert(p),
            Tone::Brightness(factor) if factor > 0.0 => functional::adjust_brightness(p, 1.0 / factor),
            Tone::Hue(factor) => functional::adjust_hue(p, -factor),
            Tone::Gamma(gamma, gain) if gamma > 0.0 && gain > 0.0 => {
                functional::adjust_gamma(p, 1.0 / gamma, libm::pow(gain, -1.0 / gamma))
            }
            _ => picture,
        }
    }
}

macro_rules! sometimes {
    ($(#[$doc:meta])* $name:ident($($(#[$field_doc:meta])* $field:ident: $kind:ty),*) => $tone:expr, $invertibility:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            $($field: $kind,)*
            p: f64,
        }

        impl $name {
            /// With its parameter, if it has one, and probability `p`.
            pub fn new($($field: $kind,)* p: f64) -> $name {
                $name { $($field,)* p }
            }
        }

        impl Transform for $name {
            fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
                if generator.uniform() >= self.p {
                    return (picture, Record::default());
                }
                $(let $field = self.$field;)*
                Record::of($tone, picture)
            }

            fn invertibility(&self) -> Invertibility {
                $invertibility
            }
        }
    };
}

sometimes!(
    /// The negative. PyTorch: `torchvision.transforms.RandomInvert`.
    RandomInvert() => Tone::Invert, Invertibility::Exact
);
sometimes!(
    /// The highest bits alone. PyTorch: `torchvision.transforms.RandomPosterize`.
    RandomPosterize(bits: u32) => Tone::Posterize(bits), Invertibility::Lossy("low bits are dropped")
);
sometimes!(
    /// Light values inverted. PyTorch: `torchvision.transforms.RandomSolarize`.
    RandomSolarize(threshold: f64) => Tone::Solarize(threshold), Invertibility::Lossy("two values become one")
);
sometimes!(
    /// The whole range of values used. PyTorch: `torchvision.transforms.RandomAutocontrast`.
    RandomAutocontrast() => Tone::AutoContrast, Invertibility::Lossy("the range of values is not recorded")
);
sometimes!(
    /// Values spread evenly. PyTorch: `torchvision.transforms.RandomEqualize`.
    RandomEqualize() => Tone::Equalize, Invertibility::Lossy("the range of values is not recorded")
);
sometimes!(
    /// Sharper or smoother. PyTorch: `torchvision.transforms.RandomAdjustSharpness`.
    RandomAdjustSharpness(factor: f64) => Tone::Sharpness(factor), Invertibility::Lossy("neighbouring pixels are mixed")
);

/// Whether tones of colour make sense: with fewer than three channels they leave a picture as it is.
pub(super) fn has_color(picture: &Picture) -> bool {
    picture.channels() >= 3
}
