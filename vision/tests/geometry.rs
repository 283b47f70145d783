//! Points, boxes and masks go where the pixels go, and back, through every transform that moves pixels.

mod cases;

use gradus_vision::transform::functional::Rotation;
use gradus_vision::transform::{
    CenterCrop, ColorJitter, Compose, ElasticTransform, FiveCrop, Interpolation, Invertibility, Pad, PaddingMode,
    Picture, Pixels, RandAugment, RandomAffine, RandomApply, RandomChoice, RandomCrop, RandomHorizontalFlip,
    RandomOrder, RandomPerspective, RandomResizedCrop, RandomRotation, RandomVerticalFlip, Record, Resize, TenCrop,
    ToTensor, Transform, TrivialAugmentWide, sample_generator,
};
use gradus_vision::{Image, Mode};
use proptest::prelude::{Strategy, any, proptest};
use proptest::test_runner::TestCaseError;
use proptest::{collection, prop_assert, prop_assert_eq};
use tensor::{DType, Tensor};

const ROWS: usize = 60;
const COLUMNS: usize = 80;

/// Every transform that moves pixels of one picture, with moderate parameters.
fn movers() -> Vec<(&'static str, Box<dyn Transform>)> {
    let options = |expand: bool, center: Option<[f64; 2]>| Rotation { expand, center, ..Rotation::default() };
    let mut affine = RandomAffine::new([-40.0, 40.0]);
    (affine.translate, affine.scale, affine.shear) = ([0.1; 2], [0.8, 1.3], [[-10.0, 10.0]; 2]);
    let geometry = || RandAugment::new(3, 8).num_magnitude_bins(20);
    vec![
        ("hflip", Box::new(RandomHorizontalFlip::new(1.0))),
        ("vflip", Box::new(RandomVerticalFlip::new(1.0))),
        ("center crop", Box::new(CenterCrop::new([50, 90]))),
        ("random crop", Box::new(RandomCrop::new([50, 60]).padding(7).mode(PaddingMode::Reflect))),
        ("crop if needed", Box::new(RandomCrop::new([70, 70]).pad_if_needed(true))),
        ("resized crop", Box::new(RandomResizedCrop::new([64, 48]).scale([0.5, 1.0]).antialias(false))),
        ("pad", Box::new(Pad::new([3, -2, 5, 0]).mode(PaddingMode::Symmetric))),
        ("resize", Box::new(Resize::new([90, 70]).interpolation(Interpolation::Bicubic))),
        ("resize by the shorter edge", Box::new(Resize::new(90))),
        ("rotation", Box::new(RandomRotation::new([-180.0, 180.0]).options(options(false, Some([30.0, 20.0]))))),
        ("rotation that grows", Box::new(RandomRotation::new([-180.0, 180.0]).options(options(true, None)))),
        ("affine", Box::new(affine)),
        ("perspective", Box::new(RandomPerspective::new(0.4, 1.0))),
        ("elastic", Box::new(ElasticTransform::new(60.0, 6.0).fill(&[0.0]))),
        ("elastic along x", Box::new(ElasticTransform::new(0.0, 6.0).axes([120.0, 0.0], [7.0, 5.0]))),
        ("trivial augment", Box::new(TrivialAugmentWide::default().num_magnitude_bins(9))),
        ("rand augment", Box::new(geometry())),
        ("apply", Box::new(RandomApply::new(Compose::new().then(Pad::new(4)), 0.7))),
        ("choice", Box::new(RandomChoice::new(Compose::new().then(Resize::new([30, 40])).then(Pad::new(9))))),
        ("order", Box::new(RandomOrder::new(Compose::new().then(Resize::new([70, 64])).then(Pad::new([1, 9]))))),
        (
            "several",
            Box::new(
                Compose::new()
                    .then(RandomResizedCrop::new([64, 64]).scale([0.6, 1.0]))
                    .then(ToTensor)
                    .then(RandomRotation::new([-30.0, 30.0])),
            ),
        ),
    ]
}

/// The mean place of the white pixels of a mask, and how many there are; none if they touch the border.
fn centroid(mask: &Image) -> Option<([f64; 2], usize)> {
    let (mut sum, mut count) = ([0.0; 2], 0);
    for y in 0..mask.height() {
        for x in 0..mask.width() {
            if mask.pixel(y, x)[0] > 127 {
                if y == 0 || x == 0 || y + 1 == mask.height() || x + 1 == mask.width() {
                    return None;
                }
                (sum[0], sum[1], count) = (sum[0] + x as f64 + 0.5, sum[1] + y as f64 + 0.5, count + 1);
            }
        }
    }
    (count >= 9).then(|| (sum.map(|s| s / count as f64), count))
}

/// Whether every white pixel of a mask comes from the spot around `middle`.
fn comes_from_spot(record: &Record, mask: &Image, middle: [f64; 2]) -> bool {
    let white = |&[y, x]: &[usize; 2]| mask.pixel(y, x)[0] > 127;
    let places = (0..mask.height()).flat_map(|y| (0..mask.width()).map(move |x| [y, x]));
    let centres: Vec<_> = places.filter(white).map(|[y, x]| [x as f64 + 0.5, y as f64 + 0.5]).collect();
    let apart = |from: [f64; 2]| (from[0] - middle[0]).abs().max((from[1] - middle[1]).abs());
    record.points_back(&centres).into_iter().all(|from| apart(from) < 3.55)
}

/// Whether a displacement changes by less than a pixel per pixel at `[x, y]`: where it changes faster, several places may
/// go to one.
fn is_smooth(record: &Record, [x, y]: [f64; 2]) -> bool {
    let apart = |a: [f64; 2], b: [f64; 2]| {
        let [from, to] = [record.points_back(&[a])[0], record.points_back(&[b])[0]];
        distance([to[0] - from[0], to[1] - from[1]], [b[0] - a[0], b[1] - a[1]])
    };
    apart([x - 1.0, y], [x + 1.0, y]) < 2.0 && apart([x, y - 1.0], [x, y + 1.0]) < 2.0
}

/// White in a square of 7 pixels a side around a pixel.
fn spot(size: [usize; 2], [y, x]: [usize; 2]) -> Image {
    let bytes = (0..size[0] * size[1]).map(|i| {
        let apart = (i / size[1]).abs_diff(y).max((i % size[1]).abs_diff(x));
        if apart <= 3 { 255 } else { 0 }
    });
    Image::from_bytes(&bytes.collect::<Vec<u8>>(), Mode::L, size)
}

/// The area of where the spot around `middle` goes, by its corners.
fn area(corners: &[[f64; 2]]) -> f64 {
    let cross = |a: [f64; 2], b: [f64; 2]| a[0] * b[1] - a[1] * b[0];
    (0..4).map(|i| cross(corners[i], corners[(i + 1) % 4])).sum::<f64>().abs() / 2.0
}

fn corners([x, y]: [f64; 2]) -> [[f64; 2]; 4] {
    [[x - 3.5, y - 3.5], [x + 3.5, y - 3.5], [x + 3.5, y + 3.5], [x - 3.5, y + 3.5]]
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// A random picture with colour, 2 to 20 pixels a side.
fn pictures() -> impl Strategy<Value = Image> {
    (2usize..20, 2usize..20).prop_flat_map(|(h, w)| {
        collection::vec(any::<u8>(), h * w * 3).prop_map(move |bytes| Image::from_bytes(&bytes, Mode::RGB, [h, w]))
    })
}

fn masks_and_points_of(seed: u64, [y, x]: [usize; 2], tensor: bool) -> Result<(), TestCaseError> {
    let photo = Image::filled(Mode::RGB, [ROWS, COLUMNS], &[90, 120, 30]);
    // A spot that a border cuts has its middle elsewhere.
    let whole = |count: usize, corners: &[[f64; 2]]| count as f64 > 0.85 * area(corners);
    let mut compared = 0;
    for (name, transform) in movers() {
        let start: Picture = if tensor { photo.to_tensor().into() } else { photo.clone().into() };
        let (result, record) = transform.apply(start, &mut sample_generator(seed, 0, 0));
        let mask: Picture = match tensor {
            true => spot([ROWS, COLUMNS], [y, x]).to_tensor().into(),
            false => spot([ROWS, COLUMNS], [y, x]).into(),
        };
        let there = record.mask(mask).to_image();
        prop_assert_eq!([there.height(), there.width()], result.size());
        let middle = [x as f64 + 0.5, y as f64 + 0.5];
        let seen = centroid(&there).filter(|&(_, count)| whole(count, &record.points(&corners(middle))));
        if let Some((seen, _)) = seen {
            compared += 1;
            let said = record.points(&[middle])[0];
            if name.starts_with("elastic") {
                // A displacement may stretch one side of the spot more than the other, which moves the mean.
                prop_assert!(comes_from_spot(&record, &there, middle), "{name}: the mask has pixels from elsewhere");
                // It is given per pixel, so a point may come back to a place a part of a pixel away.
                let again = record.points_back(&[said])[0];
                let near = !is_smooth(&record, said) || distance(again, middle) < 1.0;
                prop_assert!(near, "{name}: the point {middle:?} comes back to {again:?}");
            } else {
                prop_assert!(distance(seen, said) < 1.2, "{name}: the mask is at {seen:?}, the point at {said:?}");
            }
            let [left_top, _, right_bottom, _] = corners(middle);
            let around = record.boxes(&[[left_top[0], left_top[1], right_bottom[0], right_bottom[1]]])[0];
            prop_assert!(seen[0] > around[0] && seen[0] < around[2] && seen[1] > around[1] && seen[1] < around[3]);
        }
        // And back, from a spot in the result.
        let size @ [rows, columns] = result.size();
        let at = [rows * y / ROWS, columns * x / COLUMNS];
        let mask: Picture = if tensor { spot(size, at).to_tensor().into() } else { spot(size, at).into() };
        let back = record.mask_back(mask).to_image();
        prop_assert_eq!([back.height(), back.width()], [ROWS, COLUMNS]);
        let middle = [at[1] as f64 + 0.5, at[0] as f64 + 0.5];
        let seen = centroid(&back).filter(|&(_, count)| whole(count, &record.points_back(&corners(middle))));
        if let Some((seen, _)) = seen {
            let said = record.points_back(&[middle])[0];
            // The opposite displacement only comes near the inverse.
            let bound = if name.starts_with("elastic") { 2.0 } else { 1.2 };
            prop_assert!(distance(seen, said) < bound, "{name} back: the mask is at {seen:?}, the point at {said:?}");
        }
    }
    prop_assert!(compared >= 6, "only {compared} spots survived");
    Ok(())
}

/// The displacement stretches the upper half of the spot much less than the lower one.
#[test]
fn masks_and_points_agree_where_a_displacement_stretches() {
    masks_and_points_of(763, [41, 24], false).expect("they agree");
}

/// Two neighbours of a pixel whose displacements would lead to each other, past the pixel between them.
#[test]
fn masks_and_points_agree_where_displacements_lead_to_each_other() {
    masks_and_points_of(275, [38, 31], false).expect("they agree");
}

proptest! {
    #![proptest_config(cases::config())]

    #[test]
    fn masks_and_points_agree(y in 10usize..ROWS - 10, x in 10usize..COLUMNS - 10, seed in 0u64..1000, tensor in any::<bool>()) {
        masks_and_points_of(seed, [y, x], tensor)?;
    }

    /// Nothing is mixed in a mask, there or back: 7 and 200 are classes, and 0 is what came from nowhere.
    #[test]
    fn values_of_masks_are_left_alone(seed in 0u64..1000, tensor in any::<bool>()) {
        let class = |i: usize| if (i / COLUMNS / 3 + i % COLUMNS / 2).is_multiple_of(2) { 7 } else { 200 };
        let classes: Vec<u8> = (0..ROWS * COLUMNS).map(class).collect();
        let classes = Image::from_bytes(&classes, Mode::L, [ROWS, COLUMNS]);
        for (name, transform) in movers() {
            let photo = Image::filled(Mode::RGB, [ROWS, COLUMNS], &[90, 120, 30]);
            let (_, record) = transform.apply(photo.into(), &mut sample_generator(seed, 0, 0));
            let mask: Picture = if tensor { classes.pixels().clone().into() } else { classes.clone().into() };
            let there = record.mask(mask);
            let back = record.mask_back(there.clone());
            for values in [there.into_tensor().to_vec::<u8>(), back.into_tensor().to_vec::<u8>()] {
                prop_assert!(values.iter().all(|v| [0, 7, 200].contains(v)), "{name}");
            }
        }
    }

    /// Each crop of several by itself: the picture, points, boxes and masks through it and back.
    #[test]
    fn each_of_several_crops_has_its_way(
        image in pictures(), seed in 0u64..1000, part in [0.0f64..1.0, 0.0f64..1.0], at in [0.0f64..1.0, 0.0f64..1.0],
        tensor in any::<bool>(), ten in any::<bool>(), vertical in any::<bool>()
    ) {
        let (rows, columns) = (image.height(), image.width());
        let of = |share: f64, size: usize| 1 + (share * (size - 1) as f64) as usize;
        let size = [of(part[0], rows), of(part[1], columns)];
        let crops: Box<dyn Transform> = match ten {
            true => Box::new(TenCrop::new(size).vertical_flip(vertical)),
            false => Box::new(FiveCrop::new(size)),
        };
        let around = |crops| Compose::new().then(RandomHorizontalFlip::new(0.5)).then(crops).then(RandomVerticalFlip::new(0.5));
        let start: Picture = if tensor { image.to_tensor().into() } else { image.clone().into() };
        let (result, record) = around(crops).apply(start.clone(), &mut sample_generator(seed, 0, 0));
        let (result, each) = (result.into_tensor(), record.each());
        prop_assert_eq!((each.len(), result.shape()[0]), if ten { (10, 10) } else { (5, 5) });
        // A picture whose pixels say where they are.
        let places: Vec<u8> = (0..rows * columns).flat_map(|i| [(i / columns) as u8, (i % columns) as u8, 1]).collect();
        let places = Image::from_bytes(&places, Mode::RGB, [rows, columns]);
        for (i, one) in each.iter().enumerate() {
            let crop = result.select(0, i as isize);
            let repeated = one.repeat(start.clone()).into_tensor();
            prop_assert_eq!(repeated.shape(), crop.shape());
            prop_assert!(repeated.to_dtype(DType::F32).to_vec::<f32>() == crop.to_dtype(DType::F32).to_vec::<f32>());
            prop_assert_eq!(one.invertibility() == Invertibility::Exact, size == [rows, columns]);
            let there = one.mask(places.clone()).to_image();
            prop_assert_eq!([there.height(), there.width()], size);
            // The middle of every pixel, and boxes of one pixel.
            let [y, x] = [(at[0] * size[0] as f64) as usize, (at[1] * size[1] as f64) as usize];
            let from = there.pixel(y, x);
            let (middle, origin) = ([x as f64 + 0.5, y as f64 + 0.5], [f64::from(from[1]) + 0.5, f64::from(from[0]) + 0.5]);
            prop_assert_eq!(one.points(&[origin])[0], middle);
            prop_assert_eq!(one.points_back(&[middle])[0], origin);
            let pixel = |[x, y]: [f64; 2]| [x - 0.5, y - 0.5, x + 0.5, y + 0.5];
            prop_assert_eq!(one.boxes(&[pixel(origin)])[0], pixel(middle));
            prop_assert_eq!(one.boxes_back(&[pixel(middle)])[0], pixel(origin));
            // Back: the crop in its place, nothing elsewhere, and the mask says where that is.
            let undone = one.invert(crop);
            prop_assert!(undone.lost.is_empty());
            prop_assert_eq!(undone.picture.image().is_some(), !tensor);
            let (back, survived) = (undone.picture.to_image(), one.mask_back(Image::filled(Mode::L, size, &[255])).to_image());
            let mut count = 0;
            for y in 0..rows {
                for x in 0..columns {
                    let kept = survived.pixel(y, x)[0] == 255;
                    count += usize::from(kept);
                    prop_assert_eq!(back.pixel(y, x), if kept { image.pixel(y, x) } else { vec![0; 3] });
                }
            }
            prop_assert_eq!(count, size[0] * size[1]);
        }
    }
}

#[test]
fn crops_of_crops_count_the_last_axis_last() {
    let places: Vec<u8> = (0..48).collect();
    let image = Image::from_bytes(&places, Mode::L, [6, 8]);
    let transforms = Compose::new().then(FiveCrop::new([4, 5])).then(TenCrop::new([2, 3]));
    let (result, record) = transforms.apply(image.clone().into(), &mut sample_generator(0, 0, 0));
    let (result, each) = (result.into_tensor(), record.each());
    assert_eq!((result.shape(), each.len()), (&[10, 5, 1, 2, 3][..], 50));
    let pictures = result.reshape([50, 1, 2, 3]);
    for (i, one) in each.iter().enumerate() {
        assert_eq!(one.mask(image.clone()).to_image().to_bytes(), pictures.select(0, i as isize).to_vec::<u8>());
    }
    assert_eq!(Record::default().each().len(), 1);
}

fn message(f: fn()) -> String {
    let fault = std::panic::catch_unwind(f).unwrap_err();
    fault.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn points_of_several_crops_ask_which() {
    let fault = |op: &str| format!("{op}: TenCrop makes 10 pictures of one; ask each of each()");
    fn ten() -> Record {
        TenCrop::new([1, 1]).apply(Tensor::zeros([1, 2, 2], DType::U8).into(), &mut sample_generator(0, 0, 0)).1
    }
    assert_eq!(message(|| _ = ten().points(&[])), fault("points"));
    assert_eq!(message(|| _ = ten().points_back(&[])), fault("points_back"));
    assert_eq!(message(|| _ = ten().boxes(&[])), fault("boxes"));
    assert_eq!(message(|| _ = ten().boxes_back(&[])), fault("boxes_back"));
}

#[test]
fn faults_of_options_are_told() {
    assert_eq!(message(|| _ = RandAugment::new(2, 31)), "rand_augment: the magnitude must be below 31, got 31");
    assert_eq!(
        message(|| _ = RandAugment::new(2, 9).num_magnitude_bins(9)),
        "rand_augment: the magnitude must be below 9, got 9"
    );
    assert_eq!(
        message(|| _ = TrivialAugmentWide::default().num_magnitude_bins(1)),
        "trivial_augment_wide: at least 2 strengths are needed, got 1"
    );
    assert_eq!(
        message(|| _ = ColorJitter::ranges([None, Some([1.2, 0.8]), None, None])),
        "color_jitter: contrast must be a range within 0 to inf, got 1.2 to 0.8"
    );
    assert_eq!(
        message(|| _ = ColorJitter::ranges([None, None, None, Some([-0.6, 0.0])])),
        "color_jitter: hue must be a range within -0.5 to 0.5, got -0.6 to 0"
    );
}

#[test]
fn a_color_jitter_of_ranges_draws_within_them() {
    let jitter = ColorJitter::ranges([Some([0.5, 0.6]), None, None, None]);
    let white = Tensor::ones([3, 2, 2], DType::F32);
    for seed in 0..50 {
        let (x, _) = jitter.apply(white.clone().into(), &mut sample_generator(seed, 0, 0));
        let value = x.into_tensor().to_vec::<f32>()[0];
        assert!((0.5..=0.6).contains(&value), "{value}");
    }
}
