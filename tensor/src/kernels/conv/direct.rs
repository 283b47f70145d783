//! Dense convolution by the direct method: a padded copy of (a band of) one image, then the [`gather`] micro-kernel
//! over rows of output pixels. Runs forward passes and, by phases, input gradients.

use std::ops::Range;

use super::ahead::Ahead;
use super::pack::Packed;
use super::pad::{Images, Window};
use super::plan::{Phase, Plan};
use super::tile::{Finish, Gather, Shape, Shared, gather};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::Real;

/// Multiplications that one task should at least do: some 10 µs.
const TASK: usize = 1 << 19;

/// Elements that the padded input of one unit may have: it should stay in the second-level cache.
const RESIDENT: usize = 1 << 17;

/// Units that a pass is cut into where images are few.
const UNITS: usize = 32;

/// How the work of a pass is cut: by sizes alone.
struct Cut {
    /// The axis that images are cut along.
    axis: usize,
    /// Outputs along it per band.
    band: usize,
    /// Bands per image.
    bands: usize,
    /// Consecutive units (an image's band each) that one task does.
    units: usize,
}

impl Cut {
    fn new(plan: &Plan, pads: bool) -> Cut {
        let axis = if plan.is_flat {
            2
        } else if plan.output[0] > 1 {
            0
        } else {
            1
        };
        let size = plan.output[axis];
        let work = plan.work / plan.n.max(1);
        let elements: usize =
            (0..3).map(|axis| plan.reads(axis, &(0..plan.output[axis])).len()).product::<usize>() * plan.c;
        let mut bands = UNITS.div_ceil(plan.n).min(work / TASK);
        if pads {
            bands = bands.max(elements / RESIDENT);
        }
        if axis == 2 {
            bands = bands.max(size / 112);
        }
        // A band repeats what its neighbours read, so it should not be thin.
        let least = if axis == 2 { 56 } else { plan.reads(axis, &(0..1)).len().clamp(1, 4) };
        let bands = bands.clamp(1, (size / least).max(1));
        let band = size.div_ceil(bands).max(1);
        let bands = size.div_ceil(band);
        let units = (TASK * bands.max(1)).div_ceil(work.max(1));
        Cut { axis, band, bands, units }
    }
}

/// A phase with what the micro-kernel needs to know of it.
struct Ready<'a> {
    axes: [&'a Phase; 3],
    /// Where each filter row starts.
    rows: Vec<usize>,
    /// Elements per filter row.
    run: usize,
    /// Elements per lane in the phases before.
    skip: usize,
}

/// `out = gather(x, weights)`; `out` is dense NHWC and entirely written.
///
/// # Safety
/// `x` is valid for reads as `plan` describes, `packed` holds its weights, `bias` is null or valid for `plan.k` elements,
/// `out` valid for writes.
pub(super) unsafe fn run<T: Real>(
    mut plan: Plan,
    mut x: Images<T>,
    packed: &Packed<T>,
    finish: Finish<T>,
    out: *mut T,
) {
    if x.is_packed(plan.n) {
        plan = plan.flatten();
        x = Images { map: x.map, ..Images::dense(x.data, x.channels, plan.input) };
    }
    let plan = &plan;
    let shape = Shape::current::<T>();
    let reads: [Range<isize>; 3] = std::array::from_fn(|axis| plan.reads(axis, &(0..plan.output[axis])));
    let fits = (0..3).all(|axis| reads[axis].start >= 0 && reads[axis].end <= plan.input[axis] as isize);
    let pads = !(fits && x.is_dense(plan.n));
    let cut = Cut::new(plan, pads);
    let mut pitch = plan.input;
    if pads {
        for axis in 0..3 {
            pitch[axis] = reads[axis].len();
        }
        pitch[cut.axis] =
            (0..cut.bands).map(|band| plan.reads(cut.axis, &cut.range(band, plan)).len()).max().unwrap_or(0);
    }
    let pass = Pass {
        plan,
        x,
        packed,
        shape,
        finish: Sync(finish),
        out: Shared(out),
        phases: ready(plan, pitch),
        reads,
        pads,
        pitch,
    };
    let units = plan.n * cut.bands;
    parallel::for_each(units.div_ceil(cut.units), |task| {
        let size = if pads { pitch.iter().product::<usize>() * plan.c } else { 0 };
        let mut scratch = Scratch::new(size);
        for unit in task * cut.units..((task + 1) * cut.units).min(units) {
            // SAFETY: the caller's; each unit writes its own outputs.
            unsafe { pass.unit(unit / cut.bands, cut.axis, cut.range(unit % cut.bands, plan), &mut scratch) };
        }
    });
}

impl Cut {
    fn range(&self, band: usize, plan: &Plan) -> Range<usize> {
        band * self.band..((band + 1) * self.band).min(plan.output[self.axis])
    }
}

fn ready(plan: &Plan, pitch: [usize; 3]) -> Vec<Ready<'_>> {
    let mut skip = 0;
    plan.phases()
        .map(|axes| {
            let [d, h, w] = axes;
            let is_run = plan.is_run(w);
            let first = |phase: &Phase| phase.taps.first().map_or(0, |tap| tap.1);
            let mut rows = Vec::new();
            for tap_d in &d.taps {
                for tap_h in &h.taps {
                    let at = (tap_d.1 - first(d)) as usize * pitch[1] + (tap_h.1 - first(h)) as usize;
                    for tap_w in w.taps.iter().take(if is_run { 1 } else { usize::MAX }) {
                        rows.push((at * pitch[2] + (tap_w.1 - first(w)) as usize) * plan.c);
                    }
                }
            }
            let run = plan.group_c() * if is_run { w.taps.len() } else { 1 };
            let ready = Ready { axes, run, skip, rows };
            skip += d.taps.len() * h.taps.len() * w.taps.len() * plan.group_c();
            ready
        })
        .collect()
}

struct Sync<T>(Finish<T>);
// SAFETY: the bias is only read; sums belong to one task each.
unsafe impl<T: Send> Send for Sync<T> {}
// SAFETY: as above.
unsafe impl<T: std::marker::Sync> std::marker::Sync for Sync<T> {}

struct Pass<'a, T> {
    plan: &'a Plan,
    x: Images<T>,
    packed: &'a Packed<T>,
    shape: Shape,
    finish: Sync<T>,
    out: Shared<T>,
    phases: Vec<Ready<'a>>,
    reads: [Range<isize>; 3],
    pads: bool,
    pitch: [usize; 3],
}

impl<T: Real> Pass<'_, T> {
    /// One image's outputs whose positions along `axis` lie in `band`.
    ///
    /// # Safety
    /// As for `run`, and no other unit has these outputs.
    unsafe fn unit(&self, n: usize, axis: usize, band: Range<usize>, scratch: &mut Scratch<T>) {
        let plan = self.plan;
        let mut first = [0; 3];
        let input = if self.pads {
            let mut reads = self.reads.clone();
            reads[axis] = plan.reads(axis, &band);
            first = std::array::from_fn(|axis| reads[axis].start);
            let size = std::array::from_fn(|axis| reads[axis].len());
            let window = Window { first, size, pitch: self.pitch };
            // SAFETY: the scratch holds `pitch` positions.
            unsafe { self.x.copy(n, &window, scratch.as_mut_ptr(), T::ZERO) };
            scratch.as_ptr()
        } else {
            self.x.data.wrapping_offset(n as isize * self.x.strides[0])
        };
        let mut ahead = self.ahead(input, &band);
        for group in 0..plan.groups {
            for (block, vectors) in self.shape.blocks(plan.group_k()) {
                for ready in &self.phases {
                    let mut ranges: [Range<usize>; 3] = std::array::from_fn(|axis| 0..ready.axes[axis].count);
                    ranges[axis] = ready.axes[axis].within(&band);
                    // SAFETY: the caller's; the ranges are this unit's outputs.
                    unsafe { self.rows(Place { n, group, block, vectors, first, input }, ready, ranges, &mut ahead) };
                }
            }
        }
    }

    /// What follows `band` of images that are one row, which are read in the order of their memory. There is nothing to
    /// ask for where a cache holds all of them, nor beyond the last: a core that has no address for a page looks for it
    /// each time it is asked.
    fn ahead(&self, input: *const T, band: &Range<usize>) -> Ahead<T> {
        let plan = self.plan;
        let size = plan.input[2] * plan.c;
        if !plan.is_flat || self.pads || size <= RESIDENT {
            return Ahead::new(input, 0, 1);
        }
        let tiles = |(_, vectors): (usize, usize)| band.len().div_ceil(self.shape.most[vectors - 1]);
        let calls = plan.groups * self.shape.blocks(plan.group_k()).map(tiles).sum::<usize>();
        let start = band.end * plan.c;
        Ahead::new(input.wrapping_add(start), (band.len() * plan.c).min(size - start), calls)
    }

    /// # Safety
    /// As for `unit`.
    unsafe fn rows(&self, place: Place<T>, ready: &Ready<'_>, ranges: [Range<usize>; 3], ahead: &mut Ahead<T>) {
        let (plan, pitch, [d, h, w]) = (self.plan, self.pitch, ready.axes);
        let Place { n, group, block, vectors, first, input } = place;
        let (cg, kg) = (plan.group_c(), plan.group_k());
        let lanes = (vectors * self.shape.lanes).min(kg - block);
        let channel = group * kg + block;
        let mut finish = self.finish.0;
        if !finish.bias.is_null() {
            // SAFETY: `channel < k`.
            finish.bias = unsafe { finish.bias.add(channel) };
        }
        let addend = finish.addend;
        // Empty phases read nothing, whatever their positions are.
        let start = |axis: usize, phase: &Phase, j: usize| {
            if ready.rows.is_empty() { 0 } else { (phase.reads_from(j) - first[axis]) as usize }
        };
        let b = self.packed.block(group, block, vectors, ready.skip);
        for jd in ranges[0].clone() {
            for jh in ranges[1].clone() {
                let row = start(0, d, jd) * pitch[1] + start(1, h, jh);
                let out_row = ((n * plan.output[0] + d.out_first + jd * d.out_step) * plan.output[1]
                    + h.out_first
                    + jh * h.out_step)
                    * plan.output[2];
                let from = (row * pitch[2] + start(2, w, ranges[2].start)) * plan.c + group * cg;
                let to = (out_row + w.out_first + ranges[2].start * w.out_step) * plan.k + channel;
                let (a_step, out_step) = (w.in_step * plan.c, w.out_step * plan.k);
                let mut call = Gather {
                    a: input.wrapping_add(from),
                    a_step,
                    rows: &ready.rows,
                    run: ready.run,
                    b,
                    out: self.out.0.wrapping_add(to),
                    out_step,
                    lanes,
                    finish,
                };
                if !addend.is_null() {
                    call.finish.addend = addend.wrapping_add(to);
                }
                for (_, pixels) in self.shape.tiles(ranges[2].len(), vectors) {
                    ahead.ask();
                    // SAFETY: the padded input covers all that `ranges` read; outputs are this unit's.
                    unsafe { gather(self.shape.level, pixels, vectors, &call) };
                    call.a = call.a.wrapping_add(pixels * a_step);
                    call.out = call.out.wrapping_add(pixels * out_step);
                    if !addend.is_null() {
                        call.finish.addend = call.finish.addend.wrapping_add(pixels * out_step);
                    }
                }
            }
        }
    }
}

/// What a block of outputs of one unit is computed from.
struct Place<T> {
    n: usize,
    group: usize,
    block: usize,
    vectors: usize,
    /// The input position at which `input` starts.
    first: [isize; 3],
    input: *const T,
}
