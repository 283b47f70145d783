//! The inner loops: one segment of memory with its channels' coefficients, compiled for each instruction set.

use crate::simd::{Real, Simd, dispatch};

/// What is applied to the normalised values in the same pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(y, 0)`; NaN stays.
    Relu,
    /// `min(max(y, 0), 6)`; NaN stays.
    Relu6,
}

/// [`Activation::Identity`] as a constant.
pub(super) const IDENTITY: u8 = 0;
/// [`Activation::Relu`] as a constant.
pub(super) const RELU: u8 = 1;
/// [`Activation::Relu6`] as a constant.
pub(super) const RELU6: u8 = 2;

/// Per-channel numbers along a segment: a repeating tile, or one number for a whole plane.
pub(super) trait Coefficients<T>: Copy {
    /// Elements after which they repeat.
    fn period(&self) -> usize;
    /// The first `n` of them, so that the loop needs no checks.
    fn first(self, n: usize) -> Self;
    /// The channel's mean at element `j`.
    fn mean(&self, j: usize) -> T;
    /// The factor after centring.
    fn scale(&self, j: usize) -> T;
    /// What is added last.
    fn shift(&self, j: usize) -> T;
}

/// Coefficients of a row segment.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, T> {
    pub(super) mean: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) shift: &'a [T],
}

impl<T: Copy> Coefficients<T> for Tile<'_, T> {
    #[inline(always)]
    fn period(&self) -> usize {
        self.mean.len()
    }
    #[inline(always)]
    fn first(self, n: usize) -> Self {
        Tile { mean: &self.mean[..n], scale: &self.scale[..n], shift: &self.shift[..n] }
    }
    #[inline(always)]
    fn mean(&self, j: usize) -> T {
        self.mean[j]
    }
    #[inline(always)]
    fn scale(&self, j: usize) -> T {
        self.scale[j]
    }
    #[inline(always)]
    fn shift(&self, j: usize) -> T {
        self.shift[j]
    }
}

/// Coefficients of a plane.
#[derive(Clone, Copy)]
pub(super) struct Plane<T> {
    pub(super) mean: T,
    pub(super) scale: T,
    pub(super) shift: T,
}

impl<T: Copy> Coefficients<T> for Plane<T> {
    #[inline(always)]
    fn period(&self) -> usize {
        4096
    }
    #[inline(always)]
    fn first(self, _: usize) -> Self {
        self
    }
    #[inline(always)]
    fn mean(&self, _: usize) -> T {
        self.mean
    }
    #[inline(always)]
    fn scale(&self, _: usize) -> T {
        self.scale
    }
    #[inline(always)]
    fn shift(&self, _: usize) -> T {
        self.shift
    }
}

/// Sums over rows, per element of a tile.
#[inline(always)]
unsafe fn row_moments_kernel<S: Simd>(x: &[S::Scalar], pivot: &[S::Scalar], sums: &mut [S::Scalar]) {
    let period = pivot.len();
    let (sum, squares) = sums.split_at_mut(period);
    for x in x.chunks(period) {
        let n = x.len();
        let (pivot, sum, squares) = (&pivot[..n], &mut sum[..n], &mut squares[..n]);
        for j in 0..n {
            let d = x[j] - pivot[j];
            sum[j] += d;
            squares[j] += d * d;
        }
    }
}

dispatch! {
    /// Adds `x - pivot` and its square to the two halves of `sums`, all three with the period of `pivot`.
    pub(super) unsafe fn row_moments<T>(x: &[T], pivot: &[T], sums: &mut [T]) = row_moments_kernel;
}

/// Independent partial sums of a plane, enough to hide the latency of additions.
const LANES: usize = 64;

#[inline(always)]
fn fold<T: Real>(lanes: [T; LANES]) -> T {
    let mut lanes = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for j in 0..width {
            lanes[j] += lanes[j + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[inline(always)]
unsafe fn plane_moments_kernel<S: Simd>(x: &[S::Scalar], pivot: S::Scalar) -> [S::Scalar; 2] {
    let mut sum = [S::Scalar::ZERO; LANES];
    let mut squares = [S::Scalar::ZERO; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for x in blocks {
        for j in 0..LANES {
            let d = x[j] - pivot;
            sum[j] += d;
            squares[j] += d * d;
        }
    }
    for (j, &x) in rest.iter().enumerate() {
        let d = x - pivot;
        sum[j] += d;
        squares[j] += d * d;
    }
    [fold(sum), fold(squares)]
}

dispatch! {
    /// The sums of `x - pivot` and of its square.
    pub(super) unsafe fn plane_moments<T>(x: &[T], pivot: T) -> [T; 2] = plane_moments_kernel;
}

/// The value before the activation; the same expression in both directions, so that the mask is the same.
#[inline(always)]
fn value<T: Real, C: Coefficients<T>, const ADD: bool>(c: &C, j: usize, x: T, r: T) -> T {
    let y = (x - c.mean(j)) * c.scale(j) + c.shift(j);
    if ADD { y + r } else { y }
}

#[inline(always)]
fn activate<T: Real, const ACT: u8>(y: T) -> T {
    let y = if ACT != IDENTITY && y < T::ZERO { T::ZERO } else { y };
    let six = T::from_f64(6.0);
    if ACT == RELU6 && y > six { six } else { y }
}

/// `g` where the activation lets it pass, else 0.
#[inline(always)]
fn pass<T: Real, const ACT: u8>(y: T, g: T) -> T {
    let six = T::from_f64(6.0);
    let open = match ACT {
        IDENTITY => true,
        RELU => y > T::ZERO,
        _ => (y > T::ZERO) & (y < six),
    };
    if open { g } else { T::ZERO }
}

#[inline(always)]
unsafe fn affine_kernel<S: Simd, C: Coefficients<S::Scalar>, const ACT: u8, const ADD: bool>(
    c: C,
    x: &[S::Scalar],
    r: &[S::Scalar],
    y: &mut [S::Scalar],
) {
    let period = c.period();
    for (block, (x, y)) in x.chunks(period).zip(y.chunks_mut(period)).enumerate() {
        let n = x.len();
        let c = c.first(n);
        let y = &mut y[..n];
        let r = if ADD { &r[block * period..][..n] } else { x };
        for j in 0..n {
            y[j] = activate::<_, ACT>(value::<_, C, ADD>(&c, j, x[j], r[j]));
        }
    }
}

dispatch! {
    /// `y = activation((x - mean) scale + shift + r)`; `r` is read if `ADD`.
    pub(super) unsafe fn affine<T>[C: Coefficients<T>, const ACT: u8, const ADD: bool](
        c: C, x: &[T], r: &[T], y: &mut [T],
    ) = affine_kernel;
}

/// What the backward passes read: input, addend (if any) and cotangent of one segment.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a, T> {
    pub(super) x: &'a [T],
    pub(super) r: &'a [T],
    pub(super) g: &'a [T],
}

#[inline(always)]
unsafe fn row_sums_kernel<S: Simd, C: Coefficients<S::Scalar>, const ACT: u8, const ADD: bool>(
    c: C,
    from: Reads<'_, S::Scalar>,
    sums: &mut [S::Scalar],
) {
    let period = c.period();
    let (sum, products) = sums.split_at_mut(period);
    for (block, (x, g)) in from.x.chunks(period).zip(from.g.chunks(period)).enumerate() {
        let n = x.len();
        let c = c.first(n);
        let r = if ADD { &from.r[block * period..][..n] } else { x };
        let (g, sum, products) = (&g[..n], &mut sum[..n], &mut products[..n]);
        for j in 0..n {
            let g = pass::<_, ACT>(value::<_, C, ADD>(&c, j, x[j], r[j]), g[j]);
            sum[j] += g;
            products[j] += g * (x[j] - c.mean(j));
        }
    }
}

dispatch! {
    /// Adds the masked cotangent, and its product with the centred input, to the two halves of `sums`.
    pub(super) unsafe fn row_sums<T>[C: Coefficients<T>, const ACT: u8, const ADD: bool](
        c: C, from: Reads<'_, T>, sums: &mut [T],
    ) = row_sums_kernel;
}

#[inline(always)]
unsafe fn plane_sums_kernel<S: Simd, const ACT: u8, const ADD: bool>(
    c: Plane<S::Scalar>,
    from: Reads<'_, S::Scalar>,
) -> [S::Scalar; 2] {
    let mut sum = [S::Scalar::ZERO; LANES];
    let mut products = [S::Scalar::ZERO; LANES];
    let whole = from.x.len() / LANES * LANES;
    let mut add = |j: usize, x: S::Scalar, r: S::Scalar, g: S::Scalar| {
        let g = pass::<_, ACT>(value::<_, _, ADD>(&c, j, x, r), g);
        sum[j] += g;
        products[j] += g * (x - c.mean);
    };
    let mut at = 0;
    while at < whole {
        let (x, g) = (&from.x[at..at + LANES], &from.g[at..at + LANES]);
        let r = if ADD { &from.r[at..at + LANES] } else { x };
        for j in 0..LANES {
            add(j, x[j], r[j], g[j]);
        }
        at += LANES;
    }
    for j in 0..from.x.len() - whole {
        let x = from.x[whole + j];
        add(j, x, if ADD { from.r[whole + j] } else { x }, from.g[whole + j]);
    }
    [fold(sum), fold(products)]
}

dispatch! {
    /// The sums of the masked cotangent and of its product with the centred input.
    pub(super) unsafe fn plane_sums<T>[const ACT: u8, const ADD: bool](c: Plane<T>, from: Reads<'_, T>) -> [T; 2] =
        plane_sums_kernel;
}

#[inline(always)]
unsafe fn input_kernel<S: Simd, C: Coefficients<S::Scalar>, const ACT: u8, const ADD: bool>(
    forward: C,
    backward: C,
    from: Reads<'_, S::Scalar>,
    to: (&mut [S::Scalar], &mut [S::Scalar]),
) {
    let period = forward.period();
    let (dx, dr) = to;
    for (block, (x, dx)) in from.x.chunks(period).zip(dx.chunks_mut(period)).enumerate() {
        let (at, n) = (block * period, x.len());
        let (c, b) = (forward.first(n), backward.first(n));
        let (g, dx) = (&from.g[at..at + n], &mut dx[..n]);
        if ADD {
            let (r, dr) = (&from.r[at..at + n], &mut dr[at..at + n]);
            for j in 0..n {
                let g = pass::<_, ACT>(value::<_, C, ADD>(&c, j, x[j], r[j]), g[j]);
                dr[j] = g;
                dx[j] = g * b.scale(j) + (x[j] - c.mean(j)) * b.mean(j) + b.shift(j);
            }
        } else {
            for j in 0..n {
                let g = pass::<_, ACT>(value::<_, C, ADD>(&c, j, x[j], x[j]), g[j]);
                dx[j] = g * b.scale(j) + (x[j] - c.mean(j)) * b.mean(j) + b.shift(j);
            }
        }
    }
}

dispatch! {
    /// `dx = g scale + (x - mean) slope + shift` with the masked cotangent `g`, which is also written to `dr` if `ADD`.
    /// In `backward` the slope stands in the place of the mean.
    pub(super) unsafe fn input<T>[C: Coefficients<T>, const ACT: u8, const ADD: bool](
        forward: C, backward: C, from: Reads<'_, T>, to: (&mut [T], &mut [T]),
    ) = input_kernel;
}
