//! The inner loops over planes: positions of one channel follow one another.

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

/// The numbers of a plane's channel.
#[derive(Clone, Copy)]
pub(super) struct Plane<T> {
    pub(super) mean: T,
    pub(super) scale: T,
    pub(super) shift: T,
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
unsafe fn moments_kernel<S: Simd>(x: &[S::Scalar], pivot: S::Scalar) -> [S::Scalar; 2] {
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
    pub(super) unsafe fn moments<T>(x: &[T], pivot: T) -> [T; 2] = moments_kernel;
}

/// The value before the activation; the same expression in both directions, so that the mask is the same.
#[inline(always)]
fn value<T: Real, const ADD: bool>(c: &Plane<T>, x: T, r: T) -> T {
    let y = (x - c.mean) * c.scale + c.shift;
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
unsafe fn affine_kernel<S: Simd, const ACT: u8, const ADD: bool>(
    c: Plane<S::Scalar>,
    x: &[S::Scalar],
    r: &[S::Scalar],
    y: &mut [S::Scalar],
) {
    let n = x.len();
    let (y, r) = (&mut y[..n], if ADD { &r[..n] } else { x });
    for j in 0..n {
        y[j] = activate::<_, ACT>(value::<_, ADD>(&c, x[j], r[j]));
    }
}

dispatch! {
    /// `y = activation((x - mean) scale + shift + r)`; `r` is read if `ADD`.
    pub(super) unsafe fn affine<T>[const ACT: u8, const ADD: bool](c: Plane<T>, x: &[T], r: &[T], y: &mut [T]) =
        affine_kernel;
}

/// What the backward passes read: input, addend (if any) and cotangent of one segment.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Reads<'a, T> {
    pub(in crate::kernels) x: &'a [T],
    pub(in crate::kernels) r: &'a [T],
    pub(in crate::kernels) g: &'a [T],
}

#[inline(always)]
unsafe fn sums_kernel<S: Simd, const ACT: u8, const ADD: bool>(
    c: Plane<S::Scalar>,
    from: Reads<'_, S::Scalar>,
    masked: &mut [S::Scalar],
) -> [S::Scalar; 2] {
    let mut sum = [S::Scalar::ZERO; LANES];
    let mut products = [S::Scalar::ZERO; LANES];
    let whole = from.x.len() / LANES * LANES;
    let mut add = |j: usize, x: S::Scalar, r: S::Scalar, g: S::Scalar| {
        let g = pass::<_, ACT>(value::<_, ADD>(&c, x, r), g);
        sum[j] += g;
        products[j] += g * (x - c.mean);
        g
    };
    let mut at = 0;
    while at < whole {
        let (x, g) = (&from.x[at..at + LANES], &from.g[at..at + LANES]);
        if ADD {
            let (r, masked) = (&from.r[at..at + LANES], &mut masked[at..at + LANES]);
            for j in 0..LANES {
                masked[j] = add(j, x[j], r[j], g[j]);
            }
        } else {
            for j in 0..LANES {
                add(j, x[j], x[j], g[j]);
            }
        }
        at += LANES;
    }
    for j in 0..from.x.len() - whole {
        let x = from.x[whole + j];
        let g = add(j, x, if ADD { from.r[whole + j] } else { x }, from.g[whole + j]);
        if ADD {
            masked[whole + j] = g;
        }
    }
    [fold(sum), fold(products)]
}

dispatch! {
    /// The sums of the masked cotangent, which is also written to `masked` if `ADD`, and of its product with the
    /// centred input.
    pub(super) unsafe fn sums<T>[const ACT: u8, const ADD: bool](
        c: Plane<T>, from: Reads<'_, T>, masked: &mut [T],
    ) -> [T; 2] = sums_kernel;
}

#[inline(always)]
unsafe fn input_kernel<S: Simd, const ACT: u8>(
    [c, b]: [Plane<S::Scalar>; 2],
    from: Reads<'_, S::Scalar>,
    dx: &mut [S::Scalar],
) {
    let n = dx.len();
    let (x, g) = (&from.x[..n], &from.g[..n]);
    for j in 0..n {
        let g = pass::<_, ACT>(value::<_, false>(&c, x[j], x[j]), g[j]);
        dx[j] = g * b.scale + (x[j] - c.mean) * b.mean + b.shift;
    }
}

dispatch! {
    /// `dx = g scale + (x - mean) slope + shift` with the masked cotangent `g`. In the second plane, which has the
    /// coefficients of `dx`, the slope stands in the place of the mean.
    pub(super) unsafe fn input<T>[const ACT: u8](planes: [Plane<T>; 2], from: Reads<'_, T>, dx: &mut [T]) =
        input_kernel;
}
