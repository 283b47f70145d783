//! Vectors without intrinsics: arrays of the size of one 128-bit register, which LLVM maps to whatever the target has.
//!
//! `fma` multiplies and adds apart: a fused one without the instruction is a slow library call. On x86-64 `sse2` takes
//! their place, and tests alone reach these.

use std::marker::PhantomData;

use super::{Level, Simd};

/// Arrays of `T` that stand for vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable<T>(PhantomData<T>);

// Lanes are written out one by one: closures over arrays would be compiled again in every kernel.
macro_rules! portable {
    ($t:ty, $bits:ty, $lanes:literal: $($i:literal)*) => {
        // SAFETY: each method does what the trait says, lane by lane.
        unsafe impl Simd for Portable<$t> {
            type Scalar = $t;
            type Vector = [$t; $lanes];
            type Mask = [bool; $lanes];
            const LANES: usize = $lanes;
            const LEVEL: Level = Level::Portable;
            const REGISTERS: usize = 16;

            lanes! {
                fn zero() -> [$t; $lanes] { [0.0; $lanes] }
                fn splat(value: $t) -> [$t; $lanes] { [value; $lanes] }
                fn splat_bits(bits: u64) -> [$t; $lanes] { [<$t>::from_bits(bits as $bits); $lanes] }
                fn load(from: *const $t) -> [$t; $lanes] { from.cast::<[$t; $lanes]>().read_unaligned() }
                fn load_single(from: *const f32) -> [$t; $lanes] { [$(<$t>::from(from.add($i).read_unaligned())),*] }
                fn load_single_sum(a: *const f32, b: *const f32) -> [$t; $lanes] {
                    [$(<$t>::from(a.add($i).read_unaligned() + b.add($i).read_unaligned())),*]
                }
                fn load_first(from: *const $t, n: usize) -> [$t; $lanes] {
                    [$(if $i < n { from.add($i).read() } else { 0.0 }),*]
                }
                fn store(to: *mut $t, v: [$t; $lanes]) { to.cast::<[$t; $lanes]>().write_unaligned(v) }
                fn store_first(to: *mut $t, n: usize, v: [$t; $lanes]) {{
                    $(if $i < n { to.add($i).write(v[$i]) })*
                }}
                fn prefetch(_at: *const $t) -> () { () }

                fn add(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] { [$(a[$i] + b[$i]),*] }
                fn sub(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] { [$(a[$i] - b[$i]),*] }
                fn mul(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] { [$(a[$i] * b[$i]),*] }
                fn div(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] { [$(a[$i] / b[$i]),*] }
                fn fma(a: [$t; $lanes], b: [$t; $lanes], c: [$t; $lanes]) -> [$t; $lanes] {
                    [$(a[$i] * b[$i] + c[$i]),*]
                }
                fn min(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(if a[$i] < b[$i] { a[$i] } else { b[$i] }),*]
                }
                fn max(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(if a[$i] > b[$i] { a[$i] } else { b[$i] }),*]
                }
                fn sqrt(a: [$t; $lanes]) -> [$t; $lanes] { [$(a[$i].sqrt()),*] }

                fn and(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(<$t>::from_bits(a[$i].to_bits() & b[$i].to_bits())),*]
                }
                fn or(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(<$t>::from_bits(a[$i].to_bits() | b[$i].to_bits())),*]
                }
                fn xor(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(<$t>::from_bits(a[$i].to_bits() ^ b[$i].to_bits())),*]
                }
                fn add_bits(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(<$t>::from_bits(a[$i].to_bits().wrapping_add(b[$i].to_bits()))),*]
                }
                fn sub_bits(a: [$t; $lanes], b: [$t; $lanes]) -> [$t; $lanes] {
                    [$(<$t>::from_bits(a[$i].to_bits().wrapping_sub(b[$i].to_bits()))),*]
                }
                fn shift_left(a: [$t; $lanes], n: i32) -> [$t; $lanes] { [$(<$t>::from_bits(a[$i].to_bits() << n)),*] }
                fn shift_right(a: [$t; $lanes], n: i32) -> [$t; $lanes] { [$(<$t>::from_bits(a[$i].to_bits() >> n)),*] }

                fn equal(a: [$t; $lanes], b: [$t; $lanes]) -> [bool; $lanes] { [$(a[$i] == b[$i]),*] }
                fn less(a: [$t; $lanes], b: [$t; $lanes]) -> [bool; $lanes] { [$(a[$i] < b[$i]),*] }
                fn less_equal(a: [$t; $lanes], b: [$t; $lanes]) -> [bool; $lanes] { [$(a[$i] <= b[$i]),*] }
                fn mask_and(a: [bool; $lanes], b: [bool; $lanes]) -> [bool; $lanes] { [$(a[$i] & b[$i]),*] }
                fn mask_or(a: [bool; $lanes], b: [bool; $lanes]) -> [bool; $lanes] { [$(a[$i] | b[$i]),*] }
                fn mask_to_bits(mask: [bool; $lanes]) -> u32 { 0 $(| u32::from(mask[$i]) << $i)* }
                fn select(mask: [bool; $lanes], yes: [$t; $lanes], no: [$t; $lanes]) -> [$t; $lanes] {
                    [$(if mask[$i] { yes[$i] } else { no[$i] }),*]
                }

                fn unzip(a: [$t; $lanes], b: [$t; $lanes]) -> ([$t; $lanes], [$t; $lanes]) {
                    {
                        let at = |i: usize| if i < $lanes { a[i] } else { b[i - $lanes] };
                        ([$(at(2 * $i)),*], [$(at(2 * $i + 1)),*])
                    }
                }
                fn reduce_add(a: [$t; $lanes]) -> $t { fold(a, |a, b| a + b) }
                fn reduce_max(a: [$t; $lanes]) -> $t { fold(a, |a, b| if a > b { a } else { b }) }
            }
        }
    };
}
portable!(f32, u32, 4: 0 1 2 3);
portable!(f64, u64, 2: 0 1);

/// Folds the upper half onto the lower one until one lane is left, as the hardware levels do.
#[inline(always)]
fn fold<T: Copy, const N: usize>(mut a: [T; N], f: impl Fn(T, T) -> T) -> T {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            a[i] = f(a[i], a[i + half]);
        }
        half /= 2;
    }
    a[0]
}
