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

impl Activation {
    /// The least and the greatest result.
    pub(super) fn bounds(self) -> [f64; 2] {
        match self {
            Activation::Identity => [f64::NEG_INFINITY, f64::INFINITY],
            Activation::Relu => [0.0, f64::INFINITY],
            Activation::Relu6 => [0.0, 6.0],
        }
    }

    /// Whether there are values whose gradient is 0.
    pub(super) fn clips(self) -> bool {
        self != Activation::Identity
    }

    /// The value from which on gradients are 0; NaN, which nothing is compared to, where there is none.
    pub(super) fn ceiling<T: Real>(self) -> T {
        T::from_f64(if self == Activation::Relu6 { 6.0 } else { f64::NAN })
    }
}

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

/// `g` where the activation of `y`, if it clips at all, lets it pass, else 0.
#[inline(always)]
fn pass<T: Real, const CLIPS: bool>(y: T, g: T, ceiling: T) -> T {
    if !CLIPS {
        return g;
    }
    let g = if y > T::ZERO { g } else { T::ZERO };
    if y >= ceiling { T::ZERO } else { g }
}

#[inline(always)]
unsafe fn affine_kernel<S: Simd, const ADD: bool>(
    c: Plane<S::Scalar>,
    x: &[S::Scalar],
    r: &[S::Scalar],
    activation: Activation,
    y: &mut [S::Scalar],
) {
    let n = x.len();
    let (y, r) = (&mut y[..n], if ADD { &r[..n] } else { x });
    let [low, high] = activation.bounds().map(S::Scalar::from_f64);
    for j in 0..n {
        let value = value::<_, ADD>(&c, x[j], r[j]);
        let value = if value < low { low } else { value };
        y[j] = if value > high { high } else { value };
    }
}

dispatch! {
    /// `y = activation((x - mean) scale + shift + r)`; `r` is read if `ADD`.
    pub(super) unsafe fn affine<T>[const ADD: bool](
        c: Plane<T>, x: &[T], r: &[T], activation: Activation, y: &mut [T],
    ) = affine_kernel;
}

/// What the backward passes read: input, addend (if any) and cotangent of one segment.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Reads<'a, T> {
    pub(in crate::kernels) x: &'a [T],
    pub(in crate::kernels) r: &'a [T],
    pub(in crate::kernels) g: &'a [T],
}

#[inline(always)]
unsafe fn sums_kernel<S: Simd, const CLIPS: bool, const ADD: bool>(
    c: Plane<S::Scalar>,
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    masked: &mut [S::Scalar],
) -> [S::Scalar; 2] {
    let mut sum = [S::Scalar::ZERO; LANES];
    let mut products = [S::Scalar::ZERO; LANES];
    let whole = from.x.len() / LANES * LANES;
    let mut add = |j: usize, x: S::Scalar, r: S::Scalar, g: S::Scalar| {
        let g = pass::<_, CLIPS>(value::<_, ADD>(&c, x, r), g, ceiling);
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
    pub(super) unsafe fn sums<T>[const CLIPS: bool, const ADD: bool](
        c: Plane<T>, from: Reads<'_, T>, ceiling: T, masked: &mut [T],
    ) -> [T; 2] = sums_kernel;
}

#[inline(always)]
unsafe fn input_kernel<S: Simd, const CLIPS: bool>(
    [c, b]: [Plane<S::Scalar>; 2],
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    dx: &mut [S::Scalar],
) {
    let n = dx.len();
    let (x, g) = (&from.x[..n], &from.g[..n]);
    for j in 0..n {
        let g = pass::<_, CLIPS>(value::<_, false>(&c, x[j], x[j]), g[j], ceiling);
        dx[j] = g * b.scale + (x[j] - c.mean) * b.mean + b.shift;
    }
}

dispatch! {
    /// `dx = g scale + (x - mean) slope + shift` with the masked cotangent `g`. In the second plane, which has the
    /// coefficients of `dx`, the slope stands in the place of the mean.
    pub(super) unsafe fn input<T>[const CLIPS: bool](
        planes: [Plane<T>; 2], from: Reads<'_, T>, ceiling: T, dx: &mut [T],
    ) = input_kernel;
}
