//! What a dense forward pass and a dense input gradient have in common: each output position gathers products of
//! weights and input positions. A plan says which, per axis, so that one driver runs both.
//!
//! The input gradient of a convolution with stride `s` splits into `s` *phases* per axis: input positions of equal
//! residue modulo `s` are met by the same taps, and within a phase everything is a stride-1 convolution over `g`.

use std::ops::Range;

use smallvec::SmallVec;

use super::problem::Problem;

/// The outputs of one residue along one axis: output `out_first + j * out_step`, for `j` in `0..count`, gathers from
/// inputs `in_first + j * in_step + offset` for each `(tap, offset)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    /// The kernel's taps that meet this phase and their input offsets, by ascending offset.
    pub(super) taps: SmallVec<[(usize, isize); 8]>,
    pub(super) count: usize,
    pub(super) in_first: isize,
    pub(super) in_step: usize,
    pub(super) out_first: usize,
    pub(super) out_step: usize,
}

impl Phase {
    /// The input position that output `j` reads first.
    pub(super) fn reads_from(&self, j: usize) -> isize {
        self.in_first + (j * self.in_step) as isize + self.taps.first().map_or(0, |tap| tap.1)
    }

    /// The inputs that outputs `range` (not empty) read.
    fn reads(&self, range: &Range<usize>) -> Range<isize> {
        let width = self.taps.last().map_or(0, |tap| tap.1) - self.taps.first().map_or(0, |tap| tap.1) + 1;
        self.reads_from(range.start)..self.reads_from(range.end - 1) + width
    }

    /// Those of the taps that output `j` reads inside an axis of `size` inputs.
    pub(super) fn inside(&self, j: usize, size: usize) -> Range<usize> {
        let at = self.in_first + (j * self.in_step) as isize;
        let first = self.taps.iter().take_while(|tap| at + tap.1 < 0).count();
        let end = self.taps.iter().rev().take_while(|tap| at + tap.1 >= size as isize).count();
        first..(self.taps.len() - end).max(first)
    }

    /// The outputs that read all of their taps inside an axis of `size` inputs.
    pub(super) fn interior(&self, size: usize) -> Range<usize> {
        let first = (0..self.count).find(|&j| self.inside(j, size).len() == self.taps.len()).unwrap_or(self.count);
        let end = (first..self.count).find(|&j| self.inside(j, size).len() < self.taps.len()).unwrap_or(self.count);
        first..end
    }

    /// The `j` whose outputs lie in `range`.
    pub(super) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let from = |at: usize| at.saturating_sub(self.out_first).div_ceil(self.out_step).min(self.count);
        from(range.start)..from(range.end)
    }
}

/// A gathering pass: `out[n, k, o] = sum in[n, c, i(o, tap)] w[k, c, tap]`.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) n: usize,
    pub(super) groups: usize,
    /// Channels of `input`.
    pub(super) c: usize,
    /// Channels of `output`.
    pub(super) k: usize,
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
    pub(super) kernel: [usize; 3],
    pub(super) axes: [SmallVec<[Phase; 2]>; 3],
    /// Multiplications.
    pub(super) work: usize,
    /// Whether all positions of all images are one row.
    pub(super) is_flat: bool,
}

impl Plan {
    /// The plan of `y = conv(x, w)`.
    pub(super) fn forward(p: &Problem) -> Plan {
        Plan {
            n: p.n,
            groups: p.groups,
            c: p.c,
            k: p.k,
            input: p.input,
            output: p.output,
            kernel: p.kernel,
            axes: std::array::from_fn(|axis| {
                SmallVec::from_elem(
                    Phase {
                        taps: (0..p.kernel[axis]).map(|tap| (tap, (tap * p.dilation[axis]) as isize)).collect(),
                        count: p.output[axis],
                        in_first: -(p.padding[axis] as isize),
                        in_step: p.stride[axis],
                        out_first: 0,
                        out_step: 1,
                    },
                    1,
                )
            }),
            work: p.work(),
            is_flat: false,
        }
    }

    /// The plan of the input gradient.
    pub(super) fn input_grad(p: &Problem) -> Plan {
        Plan {
            n: p.n,
            groups: p.groups,
            c: p.k,
            k: p.c,
            input: p.output,
            output: p.input,
            kernel: p.kernel,
            axes: std::array::from_fn(|axis| phases(p, axis)),
            work: p.work(),
            is_flat: false,
        }
    }

    /// Makes one long row of all positions of dense images where none meets another one's neighbours.
    pub(super) fn flatten(mut self) -> Plan {
        let plain = |phases: &SmallVec<[Phase; 2]>, size: usize| {
            phases.len() == 1
                && phases[0].taps.len() == 1
                && phases[0].reads_from(0) == 0
                && phases[0].in_step == 1
                && phases[0].count == size
        };
        if self.input == self.output && (0..3).all(|axis| plain(&self.axes[axis], self.input[axis])) {
            let pixels = self.n * self.input.iter().product::<usize>();
            self.n = 1;
            self.axes[0][0].count = 1;
            self.axes[1][0].count = 1;
            self.axes[2][0].count = pixels;
            self.axes[2][0].out_step = 1;
            self.input = [1, 1, pixels];
            self.output = self.input;
            self.is_flat = true;
        }
        self
    }

    /// The inputs that outputs `range` of `axis` read, over all phases; empty if none does.
    pub(super) fn reads(&self, axis: usize, range: &Range<usize>) -> Range<isize> {
        self.axes[axis]
            .iter()
            .filter(|phase| !phase.taps.is_empty())
            .map(|phase| (phase, phase.within(range)))
            .filter(|(_, outputs)| !outputs.is_empty())
            .map(|(phase, outputs)| phase.reads(&outputs))
            .reduce(|all, reads| all.start.min(reads.start)..all.end.max(reads.end))
            .unwrap_or(0..0)
    }

    /// Every combination of the axes' phases.
    pub(super) fn phases(&self) -> impl Iterator<Item = [&Phase; 3]> + Clone {
        self.axes[0]
            .iter()
            .flat_map(move |d| self.axes[1].iter().flat_map(move |h| self.axes[2].iter().map(move |w| [d, h, w])))
    }

    /// Whether the taps of `phase` along the width and all channels follow one another in NHWC.
    pub(super) fn is_run(&self, width: &Phase) -> bool {
        self.groups == 1 && width.taps.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1)
    }

    /// Input channels of a group.
    pub(super) fn group_c(&self) -> usize {
        self.c / self.groups
    }

    /// Output channels of a group.
    pub(super) fn group_k(&self) -> usize {
        self.k / self.groups
    }
}

/// The phases of the input gradient along `axis`: `x = j s + phase` is read by output `o` through tap `t` where
/// `o s + t dilation - padding = x`, so `o = j + (phase + padding - t dilation) / s` where that is whole.
fn phases(p: &Problem, axis: usize) -> SmallVec<[Phase; 2]> {
    let stride = p.stride[axis];
    (0..stride.min(p.input[axis]))
        .map(|first| {
            let mut taps: SmallVec<[(usize, isize); 8]> = (0..p.kernel[axis])
                .map(|tap| (tap, (first + p.padding[axis]) as isize - (tap * p.dilation[axis]) as isize))
                .filter(|(_, at)| at.rem_euclid(stride as isize) == 0)
                .map(|(tap, at)| (tap, at.div_euclid(stride as isize)))
                .collect();
            taps.reverse();
            Phase {
                taps,
                count: (p.input[axis] - first).div_ceil(stride),
                in_first: 0,
                in_step: 1,
                out_first: first,
                out_step: stride,
            }
        })
        .collect()
}
