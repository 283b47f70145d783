//! Layers that move or make positions.

use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::{array, check, each, ladder, shapes};
use crate::layers::{
    ChannelShuffle, Flatten, Fold, Identity, PixelShuffle, PixelUnshuffle, Unflatten, Unfold, Upsample,
};
use crate::ops::interpolate::{Interpolate, InterpolateMode};
use crate::ops::pool::Pool;

pub(super) fn identity() {
    each(&shapes(0..=4, 1..=3), |shape| check(&Identity::new(), &ladder(&shape)));
}

pub(super) fn flatten() {
    let case = shapes(1..=4, 1..=3).prop_flat_map(|shape| {
        let rank = shape.len();
        (Just(shape), 0..rank, 0..rank, any::<bool>())
    });
    each(&case, |(shape, a, b, from_end)| {
        let shift = if from_end { shape.len() as isize } else { 0 };
        let [start, end] = [a.min(b), a.max(b)].map(|axis| axis as isize - shift);
        check(&Flatten::between(start, end), &ladder(&shape))
    });
}

pub(super) fn unflatten() {
    let case = (shapes(0..=2, 1..=3), shapes(1..=3, 1..=3), shapes(0..=2, 1..=3), any::<bool>());
    each(&case, |(before, parts, after, infers)| {
        let shape = [&before[..], &[parts.iter().product()], &after].concat();
        let mut sizes: Vec<isize> = parts.iter().map(|&size| size as isize).collect();
        if infers {
            sizes[0] = -1;
        }
        check(&Unflatten::new(before.len() as isize, sizes), &ladder(&shape))
    });
}

pub(super) fn channel_shuffle() {
    each(&(1..=2usize, 1..=3usize, 1..=3usize, shapes(1..=3, 1..=2)), |(n, groups, each, spatial)| {
        check(&ChannelShuffle::new(groups), &ladder(&[&[n, groups * each], &spatial[..]].concat()))
    });
}

pub(super) fn pixel_shuffle() {
    each(&(shapes(0..=2, 1..=2), 1..=3usize, 1..=2usize, array::<2>(1..=3)), |(lead, factor, c, spatial)| {
        check(&PixelShuffle::new(factor), &ladder(&[&lead[..], &[c * factor * factor], &spatial].concat()))
    });
}

pub(super) fn pixel_unshuffle() {
    each(&(shapes(0..=2, 1..=2), 1..=3usize, 1..=2usize, array::<2>(1..=2)), |(lead, factor, c, spatial)| {
        let shape = [&lead[..], &[c], &spatial.map(|size| size * factor)].concat();
        check(&PixelUnshuffle::new(factor), &ladder(&shape))
    });
}

/// Windows, the sizes of an image that they fit into, batch and channels.
fn columns() -> impl Strategy<Value = (Pool<2>, [usize; 2], Vec<usize>)> {
    let windows = (array::<2>(1..=3), array::<2>(1..=2), array::<2>(1..=2), array::<2>(0..=1), array::<2>(0..=2));
    let lead = prop_oneof![Just(vec![2]), Just(vec![1, 2]), Just(vec![2, 1])];
    (windows, lead).prop_map(|((kernel, stride, dilation, padding, more), lead)| {
        let spatial = [0, 1].map(|axis: usize| dilation[axis] * (kernel[axis] - 1) + 1 + more[axis]);
        (Pool::new(kernel).stride(stride).dilation(dilation).padding(padding), spatial, lead)
    })
}

pub(super) fn unfold() {
    each(&columns(), |(pool, spatial, lead)| check(&Unfold::new(pool), &ladder(&[&lead[..], &spatial].concat())));
}

pub(super) fn fold() {
    each(&columns(), |(pool, spatial, lead)| {
        let rows = lead[lead.len() - 1] * pool.kernel_size.iter().product::<usize>();
        let columns = pool.output_size(&spatial).iter().product::<usize>();
        let shape = [&lead[..lead.len() - 1], &[rows, columns]].concat();
        check(&Fold::new(spatial, pool), &ladder(&shape))
    });
}

pub(super) fn upsample() {
    let mode = prop_oneof![
        Just(InterpolateMode::Nearest),
        Just(InterpolateMode::NearestExact),
        Just(InterpolateMode::Area),
        Just(InterpolateMode::Linear),
        Just(InterpolateMode::Cubic),
    ];
    let target = prop_oneof![
        array::<3>(1..=6).prop_map(Ok),
        array::<3>(2..=9).prop_map(|quarters| Err(quarters.map(|quarter| quarter as f64 / 4.0))),
    ];
    let case = (array::<2>(1..=2), shapes(1..=3, 2..=4), mode, target, (any::<bool>(), any::<bool>(), any::<bool>()));
    each(&case, |(lead, mut spatial, mode, target, (align, antialias, recompute))| {
        let is_smooth = matches!(mode, InterpolateMode::Linear | InterpolateMode::Cubic);
        // A cubic, and what averages while shrinking, exist for images alone.
        if mode == InterpolateMode::Cubic || is_smooth && antialias {
            spatial.resize(2, 3);
        }
        let n = spatial.len();
        let options = match target {
            Ok(sizes) => Interpolate::size(&sizes[..n]),
            Err(scales) => Interpolate::scales(&scales[..n]).recompute_scale_factor(recompute),
        };
        let options = options.mode(mode).align_corners(is_smooth && align).antialias(is_smooth && antialias);
        check(&Upsample::new(options), &ladder(&[&lead[..], &spatial].concat()))
    });
}
