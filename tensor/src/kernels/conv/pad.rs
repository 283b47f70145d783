//! Copies a part of an image into a dense NHWC buffer with zeros around it, from any memory order: the micro-kernels
//! then read without looking at borders, and a tensor that lies as NCHW is turned on the way for nothing.

use super::prologue::{ChannelMap, Row};
use crate::simd::{self, Real};

/// Where the images of one tensor lie.
#[derive(Clone, Copy)]
pub(super) struct Images<T> {
    /// The element `[0, 0, 0, 0, 0]`.
    pub(super) data: *const T,
    /// From image to image, channel to channel, and along the three axes.
    pub(super) strides: [isize; 5],
    pub(super) channels: usize,
    pub(super) sizes: [usize; 3],
    /// What is applied to each value as it is read; channels then follow one another.
    pub(super) map: Option<ChannelMap<T>>,
}
// SAFETY: only read from, and borrowed from tensors that outlive the kernel call.
unsafe impl<T: Sync> Send for Images<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Images<T> {}

impl<T: Real> Images<T> {
    /// Images that lie densely as NHWC.
    pub(super) fn dense(data: *const T, channels: usize, sizes: [usize; 3]) -> Images<T> {
        let row = (channels * sizes[2]) as isize;
        let plane = row * sizes[1] as isize;
        let strides = [plane * sizes[0] as isize, 1, plane, row, channels as isize];
        Images { data, strides, channels, sizes, map: None }
    }

    /// Whether the images can be read where they are: densely as NHWC, with nothing applied.
    pub(super) fn is_dense(&self, n: usize) -> bool {
        self.map.is_none() && self.is_packed(n)
    }

    /// Whether the images lie densely as NHWC.
    pub(super) fn is_packed(&self, n: usize) -> bool {
        let dense = Images::dense(self.data, self.channels, self.sizes).strides;
        let counts = [n, self.channels, self.sizes[0], self.sizes[1], self.sizes[2]];
        (0..5).all(|axis| counts[axis] == 1 || self.strides[axis] == dense[axis])
    }

    /// Copies the positions `first .. first + size` of image `n` to `to`, rows of `pitch[2]` positions, planes of
    /// `pitch[1]` rows; positions outside the image become `zero`.
    ///
    /// # Safety
    /// The image is valid for reads and `to` for writes of `pitch[0] * pitch[1] * pitch[2] * channels` elements, with
    /// `size <= pitch` per axis.
    pub(super) unsafe fn copy(&self, n: usize, window: &Window, to: *mut T, zero: T) {
        let Window { first, size, pitch } = *window;
        let c = self.channels;
        let inside = |axis: usize| {
            let from = (-first[axis]).clamp(0, size[axis] as isize) as usize;
            let end = (self.sizes[axis] as isize - first[axis]).clamp(from as isize, size[axis] as isize) as usize;
            from..end
        };
        let (depth, height, width) = (inside(0), inside(1), inside(2));
        for d in 0..size[0] {
            for h in 0..size[1] {
                // SAFETY: rows of `to` are within its pitch; the positions read are inside the image.
                unsafe {
                    let row = to.add((d * pitch[1] + h) * pitch[2] * c);
                    if !depth.contains(&d) || !height.contains(&h) || width.is_empty() {
                        fill(row, size[2] * c, zero);
                        continue;
                    }
                    fill(row, width.start * c, zero);
                    fill(row.add(width.end * c), (size[2] - width.end) * c, zero);
                    let at =
                        [n as isize, 0, first[0] + d as isize, first[1] + h as isize, first[2] + width.start as isize];
                    let from = self.data.offset((0..5).map(|axis| at[axis] * self.strides[axis]).sum());
                    let row = row.add(width.start * c);
                    if let Some(map) = &self.map {
                        let step = self.strides[4];
                        map.copy(simd::level(), &Row { from, step, pixels: width.len(), c }, row);
                    } else if (c == 1 || self.strides[1] == 1) && self.strides[4] == c as isize {
                        std::ptr::copy_nonoverlapping(from, row, width.len() * c);
                    } else {
                        for channel in 0..c {
                            let from = from.offset(channel as isize * self.strides[1]);
                            let row = row.add(channel);
                            for w in 0..width.len() {
                                *row.add(w * c) = *from.offset(w as isize * self.strides[4]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Which positions are copied, and the sizes of the buffer that receives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) first: [isize; 3],
    pub(super) size: [usize; 3],
    pub(super) pitch: [usize; 3],
}

/// # Safety
/// `to` is valid for writes of `len` elements.
unsafe fn fill<T: Copy>(to: *mut T, len: usize, value: T) {
    for i in 0..len {
        // SAFETY: the caller's.
        unsafe { *to.add(i) = value };
    }
}
