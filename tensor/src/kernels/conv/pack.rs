//! Weights in the order in which the micro-kernels read them: `[group][block][phase][tap][channel][lane]`, lanes of
//! the last block filled up with zeros.

use super::plan::Plan;
use super::tile::{Shape, Shared};
use crate::kernels::gemm::pack::{Source, wide};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::Real;

/// A kernel `[k, c / groups, *kernel]` wherever it lies, seen from a gathering pass.
#[derive(Clone, Copy)]
pub(super) struct Weights<T> {
    /// The element `[0, 0, 0, 0, 0]`.
    pub(super) data: *const T,
    /// From one output channel of the pass to the next.
    pub(super) lane: isize,
    /// From one input channel of the pass to the next.
    pub(super) channel: isize,
    /// From one group to the next.
    pub(super) group: isize,
    /// Along the kernel's axes.
    pub(super) taps: [isize; 3],
}
// SAFETY: only read from, and borrowed from a tensor that outlives the kernel call.
unsafe impl<T: Sync> Send for Weights<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Weights<T> {}

impl<T: Real> Weights<T> {
    /// Seen from the forward pass: `k` are the lanes.
    pub(super) fn forward(data: *const T, strides: [isize; 5], group_k: usize) -> Weights<T> {
        let [k, c, d, h, w] = strides;
        Weights { data, lane: k, channel: c, group: k * group_k as isize, taps: [d, h, w] }
    }

    /// The same 3x3 filters turned by half a turn.
    pub(super) fn flipped(self) -> Weights<T> {
        let [d, h, w] = self.taps;
        Weights { data: self.data.wrapping_offset(2 * h + 2 * w), taps: [d, -h, -w], ..self }
    }

    /// Seen from the input gradient: `c` are the lanes.
    pub(super) fn backward(data: *const T, strides: [isize; 5], group_k: usize) -> Weights<T> {
        let [k, c, d, h, w] = strides;
        Weights { data, lane: c, channel: k, group: k * group_k as isize, taps: [d, h, w] }
    }
}

/// Packed weights of a pass.
pub(super) struct Packed<T> {
    scratch: Scratch<T>,
    /// Elements of one lane in all phases.
    column: usize,
    /// Lanes of a group, whole vectors.
    lanes: usize,
    shape: Shape,
}

impl<T: Real> Packed<T> {
    /// Packs `weights` for `plan`.
    pub(super) fn new(plan: &Plan, shape: Shape, weights: Weights<T>) -> Packed<T> {
        let (cg, kg) = (plan.group_c(), plan.group_k());
        let column: usize =
            plan.phases().map(|axes| axes.iter().map(|axis| axis.taps.len()).product::<usize>() * cg).sum();
        let lanes = shape.padded(kg);
        let mut scratch = Scratch::<T>::new(plan.groups * lanes * column);
        let to = Shared(scratch.as_mut_ptr());
        let blocks: Vec<(usize, usize, usize)> =
            (0..plan.groups).flat_map(|group| shape.blocks(kg).map(move |(first, v)| (group, first, v))).collect();
        let pack = |&(group, first, vectors): &(usize, usize, usize)| {
            // The whole, since a closure that captured its pointer alone could not be shared.
            let weights = &weights;
            let width = vectors * shape.lanes;
            let valid = width.min(kg - first);
            // SAFETY: this block's part of the buffer is nobody else's, and holds `column * width` elements; the
            // offsets into the weights are those of existing taps, channels and lanes.
            unsafe {
                let mut to = to.at((group * lanes + first) * column);
                let from = weights.data.offset(group as isize * weights.group + first as isize * weights.lane);
                for [d, h, w] in plan.phases() {
                    for (tap_d, tap_h, tap_w) in d.taps.iter().flat_map(|d| {
                        h.taps
                            .iter()
                            .flat_map(move |h| w.taps.iter().map(move |w| (d.0 as isize, h.0 as isize, w.0 as isize)))
                    }) {
                        let [step_d, step_h, step_w] = weights.taps;
                        let from = from.offset(tap_d * step_d + tap_h * step_h + tap_w * step_w);
                        let panel = Source { start: from, step: weights.channel, across: weights.lane };
                        wide(shape.level, panel, cg, valid, width, to);
                        to = to.add(cg * width);
                    }
                }
            }
        };
        if plan.groups * lanes * column < 1 << 13 {
            blocks.iter().for_each(pack);
        } else {
            parallel::for_each(blocks.len(), |index| pack(&blocks[index]));
        }
        Packed { scratch, column, lanes, shape }
    }

    /// The weights of the block of lanes `first` of `group`, from the element `skip` of each lane on.
    pub(super) fn block(&self, group: usize, first: usize, vectors: usize, skip: usize) -> *const T {
        let at = (group * self.lanes + first) * self.column + skip * vectors * self.shape.lanes;
        debug_assert!(at <= self.scratch.as_slice().len());
        self.scratch.as_ptr().wrapping_add(at)
    }
}
