//! `inverse(transform(x)) == x`: exactly, within a stated bound, or on what survived, over random pictures and sizes.

mod cases;

use gradus_vision::transform::{
    AdjustGamma, CenterCrop, ColorJitter, Compose, FiveCrop, Interpolation, Invertibility, Normalize, Pad, PaddingMode,
    Picture, Pixels, RandomAffine, RandomApply, RandomChoice, RandomCrop, RandomErasing, RandomHorizontalFlip,
    RandomInvert, RandomOrder, RandomPerspective, RandomResizedCrop, RandomRotation, RandomVerticalFlip, Resize,
    TenCrop, ToTensor, Transform, TrivialAugmentWide, sample_generator, transform_invert,
};
use gradus_vision::{Image, Mode};
use proptest::prelude::{Strategy, any, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};
use tensor::{Generator, Tensor};

/// A random picture of any mode, 1 to 24 pixels a side.
fn pictures() -> impl Strategy<Value = Image> {
    (1usize..24, 1usize..24, 0usize..4).prop_flat_map(|(h, w, m)| {
        let mode = [Mode::L, Mode::LA, Mode::RGB, Mode::RGBA][m];
        collection::vec(any::<u8>(), h * w * mode.channels())
            .prop_map(move |bytes| Image::from_bytes(&bytes, mode, [h, w]))
    })
}

fn run(transform: &dyn Transform, image: &Image, seed: u64) -> (Picture, gradus_vision::transform::Record) {
    transform.apply(image.clone().into(), &mut sample_generator(seed, 0, 0))
}

/// White where the result still knows the picture.
fn survivors(record: &gradus_vision::transform::Record, like: &Picture, image: &Image) -> Image {
    let [rows, columns] = like.size();
    let shape: Vec<usize> = match like.pixels().rank() {
        4 => vec![like.pixels().shape()[0], 1, rows, columns],
        _ => vec![1, rows, columns],
    };
    let white = Tensor::full(shape, 255.0, tensor::DType::U8);
    let mask = record.mask_back(white).to_image();
    assert_eq!((mask.height(), mask.width()), (image.height(), image.width()));
    mask
}

proptest! {
    #![proptest_config(cases::config())]

    #[test]
    fn exact_transforms_come_back_exactly(image in pictures(), seed in 0u64..1000, pad in 0isize..5) {
        let channels = image.mode().channels();
        let transforms = Compose::new()
            .then(RandomHorizontalFlip::new(0.5))
            .then(RandomVerticalFlip::new(0.5))
            .then(Pad::new([pad, 0, 1, 2 * pad]).mode(PaddingMode::Edge))
            .then(RandomOrder::new(Compose::new().then(RandomInvert::new(0.5)).then(RandomHorizontalFlip::new(0.5))))
            .then(RandomApply::new(Compose::new().then(RandomVerticalFlip::new(1.0)), 0.5))
            .then(ToTensor)
            .then(Normalize::new(&vec![0.3; channels], &vec![0.2; channels]));
        prop_assert_eq!(transforms.invertibility(), Invertibility::Exact);
        let (x, record) = run(&transforms, &image, seed);
        let undone = record.invert(x);
        prop_assert!(undone.lost.is_empty());
        prop_assert_eq!(undone.picture.to_image(), image);
    }

    #[test]
    fn crops_put_back_what_survived(image in pictures(), seed in 0u64..1000, h in 1usize..30, w in 1usize..30) {
        let crops: [Box<dyn Transform>; 3] = [
            Box::new(CenterCrop::new([h, w])),
            Box::new(RandomCrop::new([h, w]).pad_if_needed(true)),
            Box::new(Compose::new().then(Pad::new([-1, 2, 0, -1])).then(CenterCrop::new([h, w]))),
        ];
        for crop in crops {
            let (x, record) = run(&crop, &image, seed);
            prop_assert_eq!(x.size()[0], h);
            let mask = survivors(&record, &x, &image);
            let back = record.invert(x).picture.to_image();
            for y in 0..image.height() {
                for x in 0..image.width() {
                    let expected = if mask.pixel(y, x)[0] == 255 { image.pixel(y, x) } else { vec![0; image.mode().channels()] };
                    prop_assert_eq!(back.pixel(y, x), expected);
                }
            }
        }
    }

    #[test]
    fn five_and_ten_crops_go_back(image in pictures(), vertical in any::<bool>()) {
        let size = [image.height().div_ceil(2), image.width().div_ceil(2)];
        let crops: [Box<dyn Transform>; 2] =
            [Box::new(FiveCrop::new(size)), Box::new(TenCrop::new(size).vertical_flip(vertical))];
        for crop in crops {
            let (x, record) = run(&crop, &image, 0);
            // Corners of half the size cover everything.
            prop_assert_eq!(record.invert(x).picture.to_image(), image.clone());
        }
    }

    #[test]
    fn quarter_turns_come_back_exactly(image in pictures(), turns in 0usize..4) {
        let options = gradus_vision::transform::functional::Rotation { expand: true, ..Default::default() };
        let rotation = RandomRotation::new([90.0 * turns as f64; 2]).options(
            gradus_vision::transform::functional::Rotation { interpolation: Interpolation::Nearest, ..options });
        let (x, record) = run(&rotation, &image, 0);
        prop_assert_eq!(record.invert(x).picture.to_image(), image);
    }

    #[test]
    fn points_go_there_and_back(image in pictures(), seed in 0u64..1000, px in 0.0f64..1.0, py in 0.0f64..1.0) {
        let mut affine = RandomAffine::new([-40.0, 40.0]);
        (affine.translate, affine.scale, affine.shear) = ([0.2; 2], [0.7, 1.4], [[-10.0, 10.0]; 2]);
        let transforms = Compose::new()
            .then(RandomHorizontalFlip::new(0.5))
            .then(Resize::new([17, 13]))
            .then(RandomRotation::new([-180.0, 180.0]))
            .then(Pad::new(3))
            .then(RandomPerspective::new(0.4, 0.7))
            .then(affine)
            .then(RandomResizedCrop::new([11, 12]))
            .then(ToTensor)
            .then(RandomRotation::new([-180.0, 180.0]));
        let (_, record) = run(&transforms, &image, seed);
        let point = [px * image.width() as f64, py * image.height() as f64];
        let back = record.points_back(&record.points(&[point]))[0];
        prop_assert!((back[0] - point[0]).abs() < 1e-4 && (back[1] - point[1]).abs() < 1e-4, "{point:?} {back:?}");
        let b = [point[0], point[1], point[0] + 1.0, point[1] + 2.0];
        let around = record.boxes_back(&record.boxes(&[b]))[0];
        prop_assert!(around[0] <= b[0] + 1e-4 && around[1] <= b[1] + 1e-4 && around[2] >= b[2] - 1e-4 && around[3] >= b[3] - 1e-4);
    }

    #[test]
    fn draws_depend_on_the_key_alone(image in pictures(), seed in 0u64..1000) {
        let jitter = || Compose::new().then(ColorJitter::new(0.4, 0.4, 0.4, 0.1)).then(TrivialAugmentWide::default());
        let rgb = image.convert(Mode::RGB);
        let (a, record) = run(&jitter(), &rgb, seed);
        let (b, _) = run(&jitter(), &rgb, seed);
        prop_assert_eq!(a.to_image(), b.to_image());
        prop_assert_eq!(record.repeat(rgb).to_image(), a.to_image());
    }
}

/// A smooth picture, on which interpolation loses little.
fn smooth(height: usize, width: usize) -> Image {
    let value =
        |y: usize, x: usize, c: usize| 128.0 + 100.0 * ((y as f64 / 9.0 + c as f64).sin() * (x as f64 / 11.0).cos());
    let bytes: Vec<u8> =
        (0..height * width * 3).map(|i| value(i / 3 / width, i / 3 % width, i % 3).round() as u8).collect();
    Image::from_bytes(&bytes, Mode::RGB, [height, width])
}

/// The greatest difference over pixels that survived, a border of them apart, and how many there are.
fn difference(a: &Image, b: &Image, mask: &Image) -> (i32, usize) {
    let (mut worst, mut count) = (0, 0);
    for y in 2..a.height() - 2 {
        for x in 2..a.width() - 2 {
            let near = (y - 2..=y + 2).all(|v| (x - 2..=x + 2).all(|u| mask.pixel(v, u)[0] == 255));
            if near {
                count += 1;
                for (p, q) in a.pixel(y, x).into_iter().zip(b.pixel(y, x)) {
                    worst = worst.max((i32::from(p) - i32::from(q)).abs());
                }
            }
        }
    }
    (worst, count)
}

#[test]
fn interpolated_geometry_comes_back_within_a_bound() {
    let image = smooth(64, 80);
    let bilinear =
        gradus_vision::transform::functional::Rotation { interpolation: Interpolation::Bilinear, ..Default::default() };
    let mut affine = RandomAffine::new([-30.0, 30.0]);
    (affine.translate, affine.scale, affine.interpolation) = ([0.1; 2], [0.9, 1.2], Interpolation::Bilinear);
    let transforms: [(&str, Box<dyn Transform>); 5] = [
        ("resize", Box::new(Resize::new([96, 120]).interpolation(Interpolation::Bicubic))),
        ("rotation", Box::new(RandomRotation::new([-45.0, 45.0]).options(bilinear))),
        ("affine", Box::new(affine)),
        ("perspective", Box::new(RandomPerspective::new(0.3, 1.0))),
        ("resized crop", Box::new(RandomResizedCrop::new([64, 80]).scale([0.3, 0.9]))),
    ];
    for (name, transform) in transforms {
        for seed in 0..4 {
            for as_tensor in [false, true] {
                let mut generator = Generator::new(seed);
                let start: Picture = if as_tensor { image.to_tensor().into() } else { image.clone().into() };
                if as_tensor && name == "resize" {
                    continue;
                }
                let (x, record) = transform.apply(start, &mut generator);
                let mask = survivors(&record, &x, &image);
                let back = record.invert(x).picture.to_image();
                let (worst, count) = difference(&image, &back, &mask);
                assert!(count > 200, "{name} {seed}: only {count} pixels survived");
                assert!(worst <= 12, "{name} {seed} tensor {as_tensor}: off by {worst}");
            }
        }
    }
}

#[test]
fn lossy_transforms_say_so() {
    let image = smooth(20, 20);
    let transforms = Compose::new()
        .then(RandomHorizontalFlip::new(1.0))
        .then(AdjustGamma::new(1.5))
        .then(RandomErasing::new(1.0))
        .then(ToTensor);
    assert!(matches!(transforms.invertibility(), Invertibility::Lossy(_)));
    let (x, record) = run(&transforms, &image, 3);
    let undone = record.invert(x);
    let names: Vec<&str> = undone.lost.iter().map(|lost| lost.transform).collect();
    assert_eq!(names, ["Gamma", "RandomErasing"]);
    assert_eq!(undone.lost[1].reason, "the pixels of the rectangle are gone");
}

#[test]
fn transform_invert_undoes_values_and_keeps_geometry() {
    let image = smooth(12, 10);
    let transforms = Compose::new().then(CenterCrop::new([8, 8])).then(ToTensor).then(Normalize::imagenet());
    let (x, _) = run(&transforms, &image, 0);
    let x = x.tensor().unwrap().unsqueeze(0);
    assert_eq!(transform_invert(&x, &transforms), gradus_vision::transform::functional::center_crop(&image, [8, 8]));
}

#[test]
fn choices_follow_their_weights() {
    let choice = RandomChoice::new(Compose::new().then(RandomInvert::new(1.0)).then(RandomVerticalFlip::new(1.0)))
        .weights(&[0.0, 1.0]);
    let image = smooth(6, 6);
    for seed in 0..20 {
        let (_, record) = run(&choice, &image, seed);
        assert_eq!(record.actions()[0].name(), "RandomVerticalFlip");
    }
}

#[test]
fn chances_are_what_they_say_and_strengths_go_both_ways() {
    let count = |transform: &dyn Transform| {
        let image = smooth(6, 6);
        (0..400).filter(|&seed| !run(transform, &image, seed).1.actions().is_empty()).count()
    };
    for (p, range) in [(0.0, 0..1), (0.25, 60..140), (1.0, 400..401)] {
        let apply = RandomApply::new(Compose::new().then(RandomInvert::new(1.0)), p);
        assert!(range.contains(&count(&apply)), "apply {p}: {}", count(&apply));
        assert!(range.contains(&count(&RandomHorizontalFlip::new(p))), "flip {p}");
        assert!(range.contains(&count(&RandomErasing::new(p))), "erasing {p}");
    }
    // At the strongest, a shift along x is by 32 pixels to the right or to the left.
    let wide = TrivialAugmentWide::default().num_magnitude_bins(2);
    let moved = |seed| run(&wide, &smooth(8, 8), seed).1.points(&[[20.0, 20.0]])[0];
    let count = |shift: f64| (0..800).filter(|&seed| (moved(seed)[0] - 20.0 - shift).abs() < 1e-9).count();
    assert!(count(32.0) > 5 && count(-32.0) > 5, "{} and {}", count(32.0), count(-32.0));
}
