//! Every transform keeps its word on what can be undone.

mod cases;

use gradus_vision::transform::{
    AdjustGamma, CenterCrop, ColorJitter, Compose, ConvertImageDtype, ElasticTransform, FiveCrop, GaussianBlur,
    Grayscale, Invertibility, Normalize, PILToTensor, Pad, Picture, Pixels, RandAugment, RandomAdjustSharpness,
    RandomAffine, RandomApply, RandomAutocontrast, RandomChoice, RandomCrop, RandomEqualize, RandomErasing,
    RandomGrayscale, RandomHorizontalFlip, RandomInvert, RandomOrder, RandomPerspective, RandomPosterize,
    RandomResizedCrop, RandomRotation, RandomSolarize, RandomVerticalFlip, Record, Resize, TenCrop, ToPILImage,
    ToTensor, Tone, Transform, TrivialAugmentWide, sample_generator,
};
use gradus_vision::{Image, Mode};
use proptest::prelude::{Strategy, any, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};
use tensor::DType;

/// A random picture with colour, 2 to 20 pixels a side.
fn pictures() -> impl Strategy<Value = Image> {
    (2usize..20, 2usize..20).prop_flat_map(|(h, w)| {
        collection::vec(any::<u8>(), h * w * 3).prop_map(move |bytes| Image::from_bytes(&bytes, Mode::RGB, [h, w]))
    })
}

/// What a transform declares, whatever it draws.
struct Word {
    kind: Invertibility,
    /// Whether it takes images alone.
    images: bool,
}

fn rank(kind: Invertibility) -> usize {
    match kind {
        Invertibility::Exact => 0,
        Invertibility::Survivors => 1,
        Invertibility::Lossy(_) => 2,
    }
}

fn declared() -> Vec<(Box<dyn Transform>, Word)> {
    const LOSSY: Invertibility = Invertibility::Lossy("");
    use Invertibility::{Exact, Survivors};
    let list: Vec<(Box<dyn Transform>, Invertibility)> = vec![
        (Box::new(ToTensor), Exact),
        (Box::new(PILToTensor), Exact),
        (Box::new(ToPILImage), LOSSY),
        (Box::new(Normalize::imagenet()), Exact),
        (Box::new(RandomHorizontalFlip::new(0.5)), Exact),
        (Box::new(RandomVerticalFlip::new(0.5)), Exact),
        (Box::new(RandomInvert::new(0.5)), Exact),
        (Box::new(Pad::new(2)), Exact),
        (Box::new(Pad::new(-1)), Survivors),
        (Box::new(CenterCrop::new([5, 9])), Survivors),
        (Box::new(RandomCrop::new([5, 9]).pad_if_needed(true)), Survivors),
        (Box::new(RandomResizedCrop::new([6, 6])), Survivors),
        (Box::new(Resize::new([7, 11])), Survivors),
        (Box::new(FiveCrop::new([2, 1])), Survivors),
        (Box::new(TenCrop::new([1, 2])), Survivors),
        (Box::new(RandomRotation::new([-50.0, 50.0])), Survivors),
        (Box::new(RandomAffine::new([-50.0, 50.0])), Survivors),
        (Box::new(RandomPerspective::new(0.5, 0.5)), Survivors),
        (Box::new(ElasticTransform::new(20.0, 3.0)), LOSSY),
        (Box::new(ColorJitter::new(0.3, 0.3, 0.3, 0.3)), LOSSY),
        (Box::new(ColorJitter::ranges([Some([0.2, 0.4]), None, Some([1.0, 3.0]), Some([-0.5, 0.1])])), LOSSY),
        (Box::new(Grayscale::new(3)), LOSSY),
        (Box::new(RandomGrayscale::new(0.5)), LOSSY),
        (Box::new(AdjustGamma::new(1.4).gain(0.8)), LOSSY),
        (Box::new(RandomPosterize::new(3, 0.5)), LOSSY),
        (Box::new(RandomSolarize::new(0.4, 0.5)), LOSSY),
        (Box::new(RandomAutocontrast::new(0.5)), LOSSY),
        (Box::new(RandomEqualize::new(0.5)), LOSSY),
        (Box::new(RandomAdjustSharpness::new(2.0, 0.5)), LOSSY),
        (Box::new(GaussianBlur::new([3, 3], [0.1, 2.0])), LOSSY),
        (Box::new(RandomErasing::new(0.5)), LOSSY),
        (Box::new(TrivialAugmentWide::default()), LOSSY),
        (Box::new(RandAugment::default()), LOSSY),
        (Box::new(RandomApply::new(Compose::new().then(RandomInvert::new(0.5)), 0.5)), Exact),
        (
            Box::new(RandomChoice::new(Compose::new().then(RandomInvert::new(1.0)).then(CenterCrop::new([3, 3])))),
            Survivors,
        ),
        (Box::new(RandomOrder::new(Compose::new().then(Pad::new(1)).then(RandomVerticalFlip::new(0.5)))), Exact),
        (Box::new(Compose::new().then(Resize::new(9)).then(ToTensor).then(ConvertImageDtype(DType::F64))), Survivors),
    ];
    // Normalize takes floats; these take bytes.
    let skip = ["RandomPosterize", "RandomEqualize"];
    list.into_iter()
        .filter(|(transform, _)| !format!("{transform:?}").starts_with("Normalize"))
        .map(|(transform, kind)| {
            let images = skip.iter().any(|name| format!("{transform:?}").starts_with(name));
            (transform, Word { kind, images })
        })
        .chain([(
            Box::new(Compose::new().then(ToTensor).then(Normalize::imagenet())) as Box<dyn Transform>,
            Word { kind: Exact, images: false },
        )])
        .collect()
}

proptest! {
    #![proptest_config(cases::config())]

    #[test]
    fn every_transform_keeps_its_word(image in pictures(), seed in 0u64..1000, tensor in any::<bool>()) {
        for (transform, expected) in declared() {
            if tensor && expected.images {
                continue;
            }
            let start: Picture = if tensor { image.to_tensor().into() } else { image.clone().into() };
            let (result, record) = transform.apply(start.clone(), &mut sample_generator(seed, 0, 0));
            prop_assert_eq!(std::mem::discriminant(&transform.invertibility()), std::mem::discriminant(&expected.kind), "{:?}", transform);
            // What was done may be easier to undo than the worst that could have been drawn.
            let (done, could) = (rank(record.invertibility()), rank(transform.invertibility()));
            prop_assert!(done <= could || transform.invertibility() == Invertibility::Exact && tensor, "{:?}: {:?}", transform, record);
            let undone = record.invert(result);
            prop_assert_eq!(undone.picture.size(), start.size(), "{:?}", transform);
            prop_assert_eq!(undone.picture.image().is_some(), start.image().is_some(), "{:?}", transform);
            prop_assert_eq!(undone.lost.is_empty(), done < 2);
            prop_assert!(undone.lost.iter().all(|lost| !lost.reason.is_empty() && !lost.transform.is_empty()));
            if done == 0 {
                let (a, b) = (undone.picture.pixels(), start.pixels());
                prop_assert_eq!((a.shape(), a.dtype()), (b.shape(), b.dtype()), "{:?}", transform);
                let apart = a.to_dtype(DType::F64).sub(&b.to_dtype(DType::F64)).abs();
                let worst = apart.to_vec::<f64>().into_iter().fold(0.0, f64::max);
                // Bytes exactly; floats within rounding of values and of Normalize's sums.
                prop_assert!(worst <= if tensor { 1e-6 } else { 0.0 }, "{:?}: off by {worst}", transform);
            }
        }
    }

    /// Brightness, gamma and hue are lossy because values are clamped and rounded; where none is clamped, the opposite
    /// change comes within the rounding.
    #[test]
    fn opposite_tones_come_near(image in pictures(), factor in 0.4f64..1.0, hue in -0.5f64..0.5) {
        let back = |tone: Tone, start: Picture| {
            let (there, record) = Record::of(tone, start);
            record.invert(there).picture
        };
        let start = image.to_tensor();
        for tone in [Tone::Brightness(factor), Tone::Gamma(1.0 / factor, 1.0), Tone::Gamma(factor, 1.0), Tone::Gamma(1.5, factor)] {
            let x = back(tone, start.clone().into()).into_tensor();
            let worst = x.sub(&start).abs().to_vec::<f32>().into_iter().fold(0.0, f32::max);
            prop_assert!(worst < 2e-5, "{tone:?}: off by {worst}");
        }
        let x = back(Tone::Hue(hue), start.clone().into()).into_tensor();
        let worst = x.sub(&start).abs().to_vec::<f32>().into_iter().fold(0.0, f32::max);
        prop_assert!(worst < 1e-4, "hue {hue}: off by {worst}");
        // Images: a level of the darker picture is 1 / factor levels of the original.
        let y = back(Tone::Brightness(factor), image.clone().into()).to_image();
        let worst = y.to_bytes().into_iter().zip(image.to_bytes()).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
        prop_assert!(f64::from(worst) <= 1.0 / factor + 1.0, "brightness {factor}: off by {worst}");
    }
}
