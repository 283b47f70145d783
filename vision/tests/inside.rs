//! Pictures of what happens inside a network: shapes, small cases that are known, and a model left as it was.

use gradus_vision::draw::{
    Colormap, Occlusion, Stage, feature_maps, feature_sheet, filter_sheet, grad_cam, occlusion, overlay,
    receptive_field, receptive_span, saliency,
};
use gradus_vision::models::LeNet;
use nn::prelude::*;
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use proptest::{collection, prop_assert_eq};
use tensor::{DType, Generator, Tensor, with_seed};

/// Mean over the picture of each channel, as the scores of two classes: channel 0 for class 0, channel 1 for class 1.
fn pooled() -> Sequential {
    sequential![Conv2d::builder(2, 2, 1).bias(false).build(), ReLU::new(), AdaptiveAvgPool2d::new(1), Flatten::new()]
}

fn set(parameter: &Parameter, values: &[f32]) {
    parameter.update(|w| *w = Tensor::from_slice(values, w.shape()));
}

/// A picture of two channels with a spot in each: channel 0 at (1, 2), channel 1 at (5, 4).
fn spots() -> Tensor {
    let mut values = vec![0.0f32; 2 * 8 * 8];
    values[8 + 2] = 3.0;
    values[64 + 5 * 8 + 4] = 2.0;
    Tensor::from_vec(values, [1, 2, 8, 8])
}

fn only(place: usize, value: f32, len: usize) -> Vec<f32> {
    (0..len).map(|i| if i == place { value } else { 0.0 }).collect()
}

#[test]
fn grad_cam_finds_the_spot_that_speaks_for_the_class() {
    let model = pooled();
    set(&model.parameters()[0], &[1.0, 0.0, 0.0, 1.0]);
    for (class, place) in [(0, 8 + 2), (1, 5 * 8 + 4)] {
        let map = grad_cam(&model, "1", &spots(), class);
        assert_eq!(map.to_vec::<f32>(), only(place, 1.0, 64));
    }
    // Evidence against a class is cut off.
    set(&model.parameters()[0], &[-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(grad_cam(&model, "0", &spots(), 0).to_vec::<f32>(), [0.0; 64]);
    assert!(model.parameters()[0].grad().is_none());
    // So are strong activations that a later layer counts against the class.
    let against = sequential![ReLU::new(), AdaptiveAvgPool2d::new(1), Flatten::new(), Linear::new(2, 2)];
    set(&against.parameters()[0], &[-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(grad_cam(&against, "0", &spots(), 0).to_vec::<f32>(), [0.0; 64]);
    assert_eq!(grad_cam(&against, "0", &spots(), 1).to_vec::<f32>(), only(5 * 8 + 4, 1.0, 64));
}

#[test]
fn saliency_is_the_gradient_of_a_linear_model() {
    let model = sequential![Flatten::new(), Linear::new(6, 2)];
    let x = Tensor::zeros([1, 1, 2, 3], DType::F32);
    set(&model.parameters()[0], &[0.0, -4.0, 1.0, 0.0, 2.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]);
    let map = saliency(&model, &x, 0);
    assert_eq!((map.shape(), map.to_vec::<f32>()), (&[2, 3][..], vec![0.0, 1.0, 0.25, 0.0, 0.5, 0.0]));
    assert!(model.parameters().iter().all(|parameter| parameter.grad().is_none()));
}

#[test]
fn occlusion_falls_where_the_spot_is_covered() {
    let model = pooled();
    set(&model.parameters()[0], &[40.0, 0.0, 0.0, 40.0]);
    let options = Occlusion { side: 2, stride: 2, batch: 3, ..Occlusion::default() };
    let map = occlusion(&model, &spots(), 0, &options);
    assert_eq!(map.shape(), &[4, 4]);
    let values = map.to_vec::<f32>();
    // Row 1 and column 2 lie under the square at (0, 1); covering the other class's spot, at (2, 2), helps.
    let softmax = |a: f32, b: f32| 1.0 / (1.0 + (b - a).exp());
    let (a, b) = (40.0 * 3.0 / 64.0, 40.0 * 2.0 / 64.0);
    for (place, value) in values.iter().enumerate() {
        let expected = match place {
            1 => softmax(a, b) - softmax(0.0, b),
            10 => softmax(a, b) - softmax(a, 0.0),
            _ => 0.0,
        };
        assert!((value - expected).abs() < 1e-6, "{place}: {value} {expected}");
    }
    // A square that does not fit is cut off at the border, and every pixel is covered.
    let odd = occlusion(&model, &spots(), 0, &Occlusion { side: 3, stride: 4, ..Occlusion::default() });
    assert_eq!(odd.shape(), &[3, 3]);
}

#[test]
fn feature_maps_are_what_the_module_returns() {
    let model = with_seed(3, || LeNet::new(1, 10));
    let x = Generator::new(5).rand([2, 1, 28, 28], DType::F32);
    let maps = feature_maps(&model, "conv2", &x);
    assert_eq!(maps.shape(), &[2, 16, 10, 10]);
    let first = feature_maps(&model, "conv1", &x);
    let inputs = no_grad(|| Variable::new(first).relu().max_pool2d(2));
    let conv2 = model.named_children()[1].1.named_parameters();
    let [weight, bias] = [0, 1].map(|i| Variable::new(conv2[i].1.data()));
    let expected = nn::functional::conv2d(&inputs, &weight, Some(&bias), &Default::default());
    let gap = (&expected.data() - &maps).abs().to_vec::<f32>().into_iter().fold(0.0, f32::max);
    assert!(gap < 1e-5, "{gap}");
    assert_eq!(feature_maps(&model, "", &x).shape(), &[2, 10]);
}

#[test]
fn a_model_is_left_as_it_was() {
    let model = sequential![
        Conv2d::new(1, 4, 3),
        BatchNorm2d::new(4),
        Dropout::new(0.5),
        AdaptiveAvgPool2d::new(1),
        Flatten::new()
    ];
    model[1].eval();
    let modes = || model.modules().iter().map(|module| module.is_training()).collect::<Vec<_>>();
    let (before, mean) = (modes(), model.buffers()[0].data().to_vec::<f32>());
    let x = Generator::new(5).rand([1, 1, 9, 9], DType::F32);
    let maps = [feature_maps(&model, "2", &x), grad_cam(&model, "1", &x, 2), saliency(&model, &x, 2)];
    receptive_field(&model, "0", [1, 9, 9], None);
    assert_eq!((modes(), model.buffers()[0].data().to_vec::<f32>()), (before, mean));
    // Dropout does nothing here, so that the same comes out again.
    let again = [feature_maps(&model, "2", &x), grad_cam(&model, "1", &x, 2), saliency(&model, &x, 2)];
    for (a, b) in maps.iter().zip(&again) {
        assert_eq!(a.to_vec::<f32>(), b.to_vec::<f32>());
    }
    let shapes: Vec<&[usize]> = maps.iter().map(Tensor::shape).collect();
    assert_eq!(shapes, [&[1, 4, 7, 7][..], &[7, 7], &[9, 9]]);
}

#[test]
fn sheets_show_every_filter_and_map() {
    let mut g = Generator::new(1);
    // 8 in colour: 3 rows of 3; cells of 75 (3 x 25) and 24 for the caption, 8 between.
    let colored = filter_sheet(&g.randn([8, 3, 3, 3], DType::F32));
    assert_eq!((colored.height(), colored.width()), (3 * (72 + 20 + 8) + 8, 3 * (72 + 8) + 8));
    let signed = filter_sheet(&Tensor::from([[[[-1.0f32, 1.0]]]]));
    assert_eq!([signed.pixel(10, 10), signed.pixel(10, 50)], [[5, 48, 97], [103, 0, 31]]);
    // Over a range that is the same on both sides of 0.
    let above = filter_sheet(&Tensor::from([[[[0.5f32, 1.0]]]]));
    assert_eq!(above.pixel(10, 10), Colormap::BlueRed.color(0.75));
    let pairs = filter_sheet(&g.randn([4, 2, 5, 5], DType::F32));
    assert!(pairs.height() > 2 * pairs.width() - 100, "4 rows of 2");
    let maps = feature_sheet(&Tensor::from([[[0.0f32, 1.0]]]));
    assert_eq!([maps.pixel(10, 10), maps.pixel(10, 50)], [[68, 1, 84], [253, 231, 37]]);
}

#[test]
fn an_overlay_covers_the_more_the_larger_the_map_is() {
    let photo = Tensor::full([3, 4, 4], 100.0, DType::U8);
    let none = overlay(&photo, &Tensor::zeros([2, 2], DType::F32));
    assert_eq!(none.to_vec::<u8>(), photo.to_vec::<u8>());
    let grey = Tensor::full([1, 4, 4], 0.5, DType::F32);
    let full = overlay(&grey, &Tensor::full([1, 1], 7.0, DType::F32));
    // 0.2 of 127.5 and 0.8 of magma's last colour.
    assert_eq!([0, 1, 2].map(|c| full.select(0, c).to_vec::<u8>()[5]), [227, 228, 178]);
}

/// Random stages that keep at least one unit of a picture of 48 pixels.
fn stages() -> impl Strategy<Value = Vec<(bool, Stage)>> {
    let stage = (0usize..2, 1usize..4, 1usize..3, 0usize..2, 1usize..3);
    collection::vec(
        stage.prop_map(|(pool, kernel, stride, padding, dilation)| {
            let padding = if pool == 1 { padding.min(kernel / 2) } else { padding };
            let dilation = if pool == 1 { 1 } else { dilation };
            (pool == 1, Stage { kernel, stride, padding, dilation })
        }),
        1..4,
    )
}

/// The rows of the picture that reach unit `at` of the last stage, from stage to stage back: what lies in the padding of
/// a stage hides what would lie behind it.
fn seen(windows: &[Stage], side: isize, at: isize) -> Option<(isize, isize)> {
    let Some((last, before)) = windows.split_last() else { return Some((at, at + 1)) };
    let [kernel, stride, padding, dilation] =
        [last.kernel, last.stride, last.padding, last.dilation].map(|size| size as isize);
    let first = at * stride - padding;
    let rows: Vec<_> = (0..kernel)
        .map(|tap| first + tap * dilation)
        .filter(|&row| (0..size_of_stage(before, side)).contains(&row))
        .filter_map(|row| seen(before, side, row))
        .collect();
    Some((rows.iter().map(|rows| rows.0).min()?, rows.iter().map(|rows| rows.1).max()?))
}

/// The rows of the last stage's output.
fn size_of_stage(windows: &[Stage], side: isize) -> isize {
    windows.iter().fold(side, |side, w| {
        let window = (w.dilation * (w.kernel - 1) + 1) as isize;
        (side + 2 * w.padding as isize - window) / w.stride as isize + 1
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_receptive_field_is_the_closed_form_and_where_gradients_arrive(stages in stages()) {
        const SIDE: usize = 48;
        let mut model = Sequential::new();
        for (i, (pool, stage)) in stages.iter().enumerate() {
            let Stage { kernel, stride, padding, dilation } = *stage;
            let channels = if stages[..i].iter().all(|s| s.0) { 1 } else { 8 };
            let conv = Conv2d::builder(channels, 8, kernel).stride(stride).padding(padding).dilation(dilation);
            let conv = with_seed(i as u64, || conv.build());
            if *pool {
                model.push(AvgPool2d::new(Pool::new(kernel).stride(stride).padding(padding)));
            } else {
                model.push(conv);
            }
        }
        let (last, windows) = (format!("{}", stages.len() - 1), stages.iter().map(|s| s.1).collect::<Vec<_>>());
        let side = feature_maps(&model, &last, &Tensor::zeros([1, 1, SIDE, SIDE], DType::F32)).shape()[2];
        for at in [0, side / 2, side - 1] {
            let field = receptive_field(&model, &last, [1, SIDE, SIDE], Some([at, side / 2]));
            let (start, size) = receptive_span(&windows, at);
            let Some((from, to)) = seen(&windows, SIDE as isize, at as isize) else {
                // A unit over padding alone sees nothing.
                prop_assert_eq!(field.height, 0);
                continue;
            };
            if windows.iter().all(|w| w.padding == 0) {
                prop_assert_eq!((from, to), (start, start + size as isize));
            }
            // A dilated or strided window may skip pixels at the very border of the picture alone.
            let skips = windows.iter().any(|w| w.dilation > 1 || w.stride > w.kernel);
            if !skips || (from == start && to == start + size as isize) {
                prop_assert_eq!((field.top as isize, field.height as isize), (from, to - from), "unit {} of {:?}", at, windows);
            }
        }
    }
}

#[test]
fn padding_counts_in_the_steps_of_its_stage() {
    assert_eq!(receptive_span(&[Stage::new(3, 2, 1), Stage::new(3, 2, 1)], 5), (17, 7));
    let dilated = Stage { dilation: 3, ..Stage::new(3, 1, 2) };
    assert_eq!(receptive_span(&[Stage::new(2, 2, 0), dilated], 0), (-4, 14));
}

#[test]
fn max_pooling_and_relu_hide_nothing() {
    let [first, second] = with_seed(1, || [Conv2d::builder(3, 8, 3).padding(1).build(), Conv2d::new(8, 8, 3)]);
    let model = sequential![first, ReLU::new(), MaxPool2d::new(2), second, ReLU::new()];
    let field = receptive_field(&model, "4", [3, 40, 40], Some([6, 7]));
    let stages = [Stage::new(3, 1, 1), Stage::new(2, 2, 0), Stage::new(3, 1, 0)];
    let ((top, size), (left, _)) = (receptive_span(&stages, 6), receptive_span(&stages, 7));
    assert_eq!((field.top as isize, field.left as isize, field.height, field.width), (top, left, size, size));
    let canvas = field.draw(&Tensor::zeros([1, 40, 40], DType::F32));
    assert_eq!(canvas.pixel(field.top, field.left), [240, 228, 66]);
}

#[test]
#[should_panic(expected = "grad_cam: no module is named \"conv9\"; there are conv1, conv2, fc1, fc2, fc3")]
fn an_unknown_module_is_named_with_the_known_ones() {
    grad_cam(&LeNet::new(1, 10), "conv9", &Tensor::zeros([1, 1, 28, 28], DType::F32), 0);
}

#[test]
#[should_panic(expected = "saliency: the model must give [n, classes] with a class 10 (output [1, 10])")]
fn an_unknown_class_is_refused() {
    saliency(&LeNet::new(1, 10), &Tensor::zeros([1, 1, 28, 28], DType::F32), 10);
}
