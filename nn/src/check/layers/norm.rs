//! Normalisation.

use proptest::prelude::{Just, Strategy, any};

use super::{array, check, each, eighths, ladder, shapes};
use crate::layers::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, RMSNorm};
use crate::ops::norm::LocalResponse;

/// Whether factors and statistics are kept, and how a batch enters the latter.
fn options() -> impl Strategy<Value = ([bool; 2], bool, Option<f64>)> {
    (any::<[bool; 2]>(), any::<bool>(), proptest::option::of(eighths(0..=8)))
}

pub(super) fn batch_norm<const N: usize>() {
    each(&(2..=3usize, 1..=3usize, array::<N>(1..=3), any::<bool>(), options()), |(n, c, spatial, flat, options)| {
        let ([affine, bias], track, momentum) = options;
        let builder = BatchNorm::<N>::builder(c).eps(1e-2).affine(affine).bias(bias);
        let layer = builder.track_running_stats(track).momentum(momentum).build();
        // One dimension allows vectors as well.
        let spatial = if N == 1 && flat { &[][..] } else { &spatial };
        check(&layer, &ladder(&[&[n, c], spatial].concat()))
    });
}

pub(super) fn instance_norm<const N: usize>() {
    each(
        &(1..=2usize, 1..=3usize, array::<N>(1..=3), any::<bool>(), options()),
        |(n, c, mut spatial, flat, options)| {
            let ([affine, bias], track, momentum) = options;
            let builder = InstanceNorm::<N>::builder(c).eps(1e-2).affine(affine).bias(bias);
            let layer = builder.track_running_stats(track).momentum(momentum).build();
            // There is no variance of one position.
            spatial[0] += 1;
            let lead = if flat { vec![c] } else { vec![n, c] };
            check(&layer, &ladder(&[&lead[..], &spatial].concat()))
        },
    );
}

pub(super) fn group_norm() {
    each(
        &(1..=3usize, 1..=3usize, 1..=2usize, shapes(0..=3, 1..=3), any::<[bool; 2]>()),
        |(groups, each, n, spatial, [affine, bias])| {
            let c = groups * (each + usize::from(spatial.is_empty()));
            check(&GroupNorm::with_options(groups, c, 1e-2, affine, bias), &ladder(&[&[n, c], &spatial[..]].concat()))
        },
    );
}

/// An input and how many of its last axes are normalised together.
fn with_last() -> impl Strategy<Value = (Vec<usize>, usize)> {
    shapes(1..=4, 1..=3).prop_flat_map(|shape| {
        let rank = shape.len();
        (Just(shape), 1..=rank)
    })
}

pub(super) fn layer_norm() {
    each(&(with_last(), any::<bool>(), any::<bool>()), |((shape, last), affine, bias)| {
        let layer = LayerNorm::with_options(&shape[shape.len() - last..], 1e-2, affine, bias);
        check(&layer, &ladder(&shape))
    });
}

pub(super) fn rms_norm() {
    each(&(with_last(), any::<bool>(), any::<bool>()), |((shape, last), affine, eps)| {
        let layer = RMSNorm::with_options(&shape[shape.len() - last..], eps.then_some(1e-2), affine);
        // Without a term that rounds it off, the curve is sharp near 0.
        check(&layer, &ladder(&shape).mul_scalar(4.0))
    });
}

pub(super) fn local_response_norm() {
    let options = (1..=5usize, eighths(1..=8), eighths(2..=8), eighths(8..=16));
    each(&(shapes(3..=5, 1..=3), options), |(mut shape, (size, alpha, beta, k))| {
        shape[1] += 1;
        check(&LocalResponseNorm::with_options(LocalResponse { size, alpha, beta, k }), &ladder(&shape))
    });
}
