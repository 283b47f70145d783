//! The dense weight gradient by the direct method: for each filter row, the [`outer`] micro-kernel sums products of
//! input values and output gradients over all pixels, in registers.
//!
//! Images are divided into a number of groups that depends on sizes alone; each group sums in order, and groups are
//! added in order, so that the result has the same bits for any number of threads.

use super::ahead::Ahead;
use super::pad::{Images, Window};
use super::plan::Plan;
use super::problem::Problem;
use super::tile::{Outer, Shape, Shared, outer};
use crate::kernels::gemm::pack::{Source, wide};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::Real;

/// Groups of images that are summed apart, at most.
const GROUPS: usize = 8;

/// Multiplications that one task should at least do.
const TASK: usize = 1 << 19;

/// Elements of partial sums above which tasks divide the output channels instead of the images.
const LARGE: usize = 1 << 18;

/// Bytes of the input that should stay in the first-level cache.
const RESIDENT: usize = 24 << 10;

/// Output channels whose sums are put into order together.
const TOGETHER: usize = 16;

/// Pixels that the sums of a tile are kept in registers for, at least.
const LEAST: usize = 48;

/// The same where output gradients are packed.
const LEAST_PACKED: usize = 128;

/// Tiles that read the same output gradients from which on these are packed.
const PACKED: usize = 12;

/// Pixels of the longest line that is packed: its copy stays in the first-level cache.
const LONGEST: usize = 256;

struct Pass<'a, T> {
    p: &'a Problem,
    x: Images<T>,
    g: Images<T>,
    shape: Shape,
    window: Window,
    pads: bool,
    /// Whether images of `g` are copied: all of them, or those from some number on.
    copies_g: bool,
    copies_from: usize,
    /// Where the filter rows start in the padded input.
    rows: Vec<usize>,
    run: usize,
    /// Rows of output pixels: where they start in the padded input and in `g`.
    lines: Vec<[usize; 2]>,
    /// Lanes of a group, whole vectors.
    lanes: usize,
    /// Elements between pixels of `g`.
    g_step: usize,
    /// Whether a block's output gradients are copied side by side before many tiles read them: pixels of many channels
    /// are so far apart that they compete for a few places of the first-level cache.
    packs: bool,
    /// Images whose lines are summed over at a time: several where they are small and filters 1x1.
    together: usize,
}

/// `dw`, dense as `[k, c / groups, *kernel]`.
///
/// Images are divided into `most` groups at most.
///
/// # Safety
/// `x` and `g` are valid for reads as `p` describes, `dw` for writes.
pub(super) unsafe fn run<T: Real>(p: &Problem, x: Images<T>, g: Images<T>, most: usize, dw: &mut [T]) {
    let shape = Shape::current::<T>();
    let plan = Plan::forward(p);
    let (cg, kg) = (p.group_c(), p.group_k());
    let reads: [_; 3] = std::array::from_fn(|axis| plan.reads(axis, &(0..p.output[axis])));
    let fits = (0..3).all(|axis| reads[axis].start >= 0 && reads[axis].end <= p.input[axis] as isize);
    let pads = !(fits && x.is_dense(p.n));
    let mut window = Window {
        first: std::array::from_fn(|axis| reads[axis].start),
        size: std::array::from_fn(|axis| reads[axis].len()),
        pitch: p.input,
    };
    if pads {
        window.pitch = window.size;
    }
    let copies_g = !g.is_dense(p.n);
    let lanes = shape.padded(kg);
    // Vectors beyond a group's channels read what follows, and nobody reads their sums. After the last images too little
    // may follow.
    let image = p.output_pixels() * p.k;
    let copies_from = p.n.saturating_sub((lanes - kg).div_ceil(image.max(1)));
    let g_step = if copies_g { p.groups * lanes } else { p.k };
    let pitch = window.pitch;
    let first = if pads { [0; 3] } else { window.first };
    let is_run = plan.is_run(&plan.axes[2][0]);
    let mut rows = Vec::new();
    for tap in 0..p.taps() / if is_run { p.kernel[2] } else { 1 } {
        let tap = if is_run { tap * p.kernel[2] } else { tap };
        let at = [tap / (p.kernel[1] * p.kernel[2]), tap / p.kernel[2] % p.kernel[1], tap % p.kernel[2]];
        let at: [usize; 3] = std::array::from_fn(|axis| at[axis] * p.dilation[axis] + first[axis] as usize);
        rows.push(((at[0] * pitch[1] + at[1]) * pitch[2] + at[2]) * p.c);
    }
    let mut lines = Vec::new();
    for d in 0..p.output[0] {
        for h in 0..p.output[1] {
            let from = (d * p.stride[0] * pitch[1] + h * p.stride[1]) * pitch[2] * p.c;
            lines.push([from, (d * p.output[1] + h) * p.output[2] * g_step]);
        }
    }
    let run = cg * if is_run { p.kernel[2] } else { 1 };
    let size = p.groups * p.taps() * cg * lanes;
    let packs =
        p.groups * lanes > 2 * shape.lanes && rows.len() * run / shape.most[1] >= PACKED && p.output[2] <= LONGEST;
    let mut pass = Pass {
        p,
        x,
        g,
        shape,
        window,
        pads,
        copies_g,
        copies_from,
        rows,
        run,
        lines,
        lanes,
        g_step,
        packs,
        together: 1,
    };
    // By sizes alone, so that an input has the same bits whether it is read where it lies or not.
    if p.taps() == 1 && lanes == kg {
        pass.together = pass.band().div_ceil(pass.lines.len().max(1)).clamp(1, p.n.max(1));
        for at in 0..(pass.together - 1) * pass.lines.len() {
            let [from, to] = pass.lines[at];
            pass.lines.push([from + pass.image(), to + p.output_pixels() * g_step]);
        }
    }

    let most = (p.work() / TASK).clamp(1, GROUPS.min(most));
    let parts = if size > LARGE { most.min(2) } else { most }.min(p.n.max(1));
    let blocks: Vec<_> = shape.blocks(kg).collect();
    // Output channels are divided only where images are not: each task pads all of its images anew.
    let cuts = if parts < most { blocks.len().min(GROUPS.min(most) / parts) } else { 1 };
    let mut partial = Scratch::<T>::new(parts * size);
    let sums = Shared(partial.as_mut_ptr());
    parallel::for_each(parts * cuts, |task| {
        let (part, cut) = (task / cuts, task % cuts);
        let images = part * p.n / parts..(part + 1) * p.n / parts;
        let blocks = &blocks[cut * blocks.len() / cuts..(cut + 1) * blocks.len() / cuts];
        // SAFETY: the caller's; tasks differ in their part of the sums or in the lanes they own of it.
        unsafe { pass.task(images, blocks, sums.at(part * size)) };
    });
    pass.finish(partial.as_slice(), parts, dw);
}

impl<T: Real> Pass<'_, T> {
    /// Sums over `images`, for the output channels of `blocks`, into `sums`, `[group][filter position][lanes]`.
    ///
    /// # Safety
    /// As for `run`; nobody else touches these lanes of `sums`.
    unsafe fn task(&self, images: std::ops::Range<usize>, blocks: &[(usize, usize)], sums: *mut T) {
        let (p, cg) = (self.p, self.p.group_c());
        let positions = p.taps() * cg;
        let mut padded = Scratch::<T>::new(if self.pads { self.together * self.image() } else { 0 });
        let (start, copies) = (images.start, self.copies_g || images.end > self.copies_from);
        let copy = p.output_pixels() * self.g_step;
        let mut copied = Scratch::new(if copies { self.together * copy + self.lanes } else { 0 });
        copied.as_mut_slice().fill(T::ZERO);
        let mut packed = Scratch::new(if self.packs { self.band() * p.output[2] * 2 * self.shape.lanes } else { 0 });
        let mut packed_lines = Vec::new();
        let per_image = self.lines.len() / self.together;
        for n in images.clone().step_by(self.together) {
            let count = self.together.min(images.end - n);
            let lines = &self.lines[..per_image * count];
            let mut a = self.x.data.wrapping_offset(n as isize * self.x.strides[0]);
            if self.pads {
                for i in 0..count {
                    // SAFETY: the scratch holds as many windows.
                    unsafe {
                        let to = padded.as_mut_ptr().add(i * self.image());
                        self.x.copy(n + i, &self.window, to, T::ZERO);
                    }
                }
                a = padded.as_ptr();
            }
            let mut b = self.g.data.wrapping_offset(n as isize * self.g.strides[0]);
            if self.copies_g {
                for i in 0..count {
                    // SAFETY: the scratch holds as many images' pixels of `g_step` elements.
                    unsafe { self.copy_g(n + i, copied.as_mut_ptr().add(i * copy)) };
                }
                b = copied.as_ptr();
            } else if n >= self.copies_from {
                // SAFETY: the image is dense, and the scratch holds it.
                unsafe { std::ptr::copy_nonoverlapping(b, copied.as_mut_ptr(), p.output_pixels() * p.k) };
                b = copied.as_ptr();
            }
            let bands = lines.chunks(self.band()).enumerate();
            for ((band, lines), group) in bands.flat_map(|band| (0..p.groups).map(move |group| (band, group))) {
                let lane = group * if self.copies_g { self.lanes } else { p.group_k() };
                let calls = p.groups * self.rows.len() * self.calls(blocks);
                let mut ahead = self.ahead([a, b], lines, calls);
                for &(block, vectors) in blocks {
                    let (mut b, mut b_move, mut lines) = (b.wrapping_add(lane + block), self.g_step, lines);
                    if self.packs {
                        b_move = vectors * self.shape.lanes;
                        // SAFETY: the scratch holds a band's lines of two vectors, which tiles would read otherwise.
                        unsafe { self.pack(b, b_move, lines, packed.as_mut_ptr()) };
                        let line = |(index, line): (usize, &[usize; 2])| [line[0], index * p.output[2] * b_move];
                        packed_lines.clear();
                        packed_lines.extend(lines.iter().enumerate().map(line));
                        (b, lines) = (packed.as_ptr(), &packed_lines);
                    }
                    for (index, &row) in self.rows.iter().enumerate() {
                        for (first, count) in self.shape.tiles(self.run, vectors) {
                            ahead.iter_mut().for_each(Ahead::ask);
                            let position = group * positions + index * self.run + first;
                            // SAFETY: reads stay inside the padded image and `g`; the sums are this task's.
                            unsafe {
                                outer(
                                    self.shape.level,
                                    count,
                                    vectors,
                                    &Outer {
                                        a: a.wrapping_add(row + group * cg + first),
                                        a_move: p.stride[2] * p.c,
                                        b,
                                        b_move,
                                        rows: lines,
                                        run: p.output[2],
                                        out: sums.add(position * self.lanes + block),
                                        out_step: self.lanes,
                                        adds: n > start || band > 0,
                                    },
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Elements from an image of the input that tiles read to the next.
    fn image(&self) -> usize {
        let positions = if self.pads { self.window.pitch.iter().product() } else { self.p.input_pixels() };
        positions * self.p.c
    }

    /// Copies the `width` channels from `b` on of the pixels of `lines`, one after the other.
    ///
    /// # Safety
    /// `b` is valid for reads there, and `to` for as many elements.
    unsafe fn pack(&self, b: *const T, width: usize, lines: &[[usize; 2]], to: *mut T) {
        let run = self.p.output[2];
        for (index, line) in lines.iter().enumerate() {
            let from = Source { start: b.wrapping_add(line[1]), step: self.g_step as isize, across: 1 };
            // SAFETY: the caller's.
            unsafe { wide(self.shape.level, from, run, width, width, to.add(index * run * width)) };
        }
    }

    /// Calls of the micro-kernel per filter row.
    fn calls(&self, blocks: &[(usize, usize)]) -> usize {
        blocks.iter().map(|&(_, vectors)| self.run.div_ceil(self.shape.most[vectors - 1])).sum()
    }

    /// What follows `lines` of an image and of its output gradient, as far as they are read where they lie.
    fn ahead(&self, [a, b]: [*const T; 2], lines: &[[usize; 2]], calls: usize) -> [Ahead<T>; 2] {
        let of = |data: *const T, start: usize, line: usize, is_there: bool| {
            let length = line * lines.len();
            Ahead::new(data.wrapping_add(start + length), if is_there { length } else { 0 }, calls)
        };
        let p = self.p;
        let [start_a, start_b] = lines[0];
        let line = p.stride[1] * self.window.pitch[2] * p.c;
        [of(a, start_a, line, !self.pads), of(b, start_b, p.output[2] * self.g_step, !self.copies_g)]
    }

    /// Lines that all filter positions and channels are summed over before the next: their inputs stay in the first-level
    /// cache, and they are long enough for what it costs to take up the sums again.
    fn band(&self) -> usize {
        let p = self.p;
        let packed = if self.packs { 2 * self.shape.lanes } else { 0 };
        let line = p.output[2] * (p.stride[2] * p.c).max(packed) * size_of::<T>();
        let least = if self.packs { LEAST_PACKED } else { LEAST };
        (RESIDENT / line.max(1)).max(least.div_ceil(p.output[2].max(1)))
    }

    /// Copies image `n` of `g`, each group's channels filled up with zeros to whole vectors.
    ///
    /// # Safety
    /// `to` is valid for one image's pixels of `g_step` elements.
    unsafe fn copy_g(&self, n: usize, to: *mut T) {
        let (p, kg, strides) = (self.p, self.p.group_k(), self.g.strides);
        let [_, height, width] = p.output;
        for pixel in 0..p.output_pixels() {
            let at = [n, 0, pixel / (height * width), pixel / width % height, pixel % width];
            // SAFETY: `at` is a position of `g`, and `pixel` one of the copy.
            unsafe {
                let from = self.g.data.offset((0..5).map(|axis| at[axis] as isize * strides[axis]).sum());
                let to = to.add(pixel * self.g_step);
                for group in 0..p.groups {
                    let (from, to) = (from.offset((group * kg) as isize * strides[1]), to.add(group * self.lanes));
                    for k in 0..kg {
                        *to.add(k) = *from.offset(k as isize * strides[1]);
                    }
                    for k in kg..self.lanes {
                        *to.add(k) = T::ZERO;
                    }
                }
            }
        }
    }

    /// Adds the parts in order and turns the result to `[k, c / groups, *kernel]`.
    fn finish(&self, partial: &[T], parts: usize, dw: &mut [T]) {
        let (p, cg, kg, taps) = (self.p, self.p.group_c(), self.p.group_k(), self.p.taps());
        let size = p.groups * taps * cg * self.lanes;
        let filter = cg * taps;
        let turn = |first: usize, dw: &mut [T]| {
            let (start, end) = (first / filter, (first + dw.len()) / filter);
            let mut k = start;
            while k < end {
                // The sums of some output channels follow one another.
                let (group, lane) = (k / kg, k % kg);
                let count = TOGETHER.min(kg - lane).min(end - k);
                for position in 0..filter {
                    let at = (group * filter + position) * self.lanes + lane;
                    let mut sums = [T::ZERO; TOGETHER];
                    sums[..count].copy_from_slice(&partial[at..at + count]);
                    for part in 1..parts {
                        for (sum, &more) in sums.iter_mut().zip(&partial[part * size + at..][..count]) {
                            *sum += more;
                        }
                    }
                    let (tap, c) = (position / cg, position % cg);
                    for (i, &sum) in sums[..count].iter().enumerate() {
                        dw[(k - start + i) * filter + c * taps + tap] = sum;
                    }
                }
                k += count;
            }
        };
        if dw.len() * parts < 1 << 15 {
            turn(0, dw);
        } else {
            parallel::for_each_chunk(dw, kg.min(TOGETHER) * filter, turn);
        }
    }
}
