//! The micro-kernel of the matrix product: a tile of C held in registers while k runs.
//!
//! `MR` rows by `V` vectors of columns: each step of k loads V vectors of B, spreads MR elements of A, and makes MR V
//! fused multiply-adds. A and B are addressed by strides, so the same code reads packed panels and matrices as they lie.

use crate::simd::{Level, Real, Simd, dispatch, in_register, unroll};

/// What happens to a tile of the product before it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish<T> {
    /// Whether C's old values are added.
    pub(super) accumulate: bool,
    /// One summand per row of the tile, or null.
    pub(super) row_bias: *const T,
    /// One summand per column of the tile, or null.
    pub(super) column_bias: *const T,
    /// Whether negative results become 0.
    pub(super) relu: bool,
}

/// One tile: `c[r][j] = finish(sum over l < k of a[r * a_row + l * a_step] * b[l * b_step + j])`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<T> {
    pub(super) k: usize,
    pub(super) a: *const T,
    pub(super) a_row: isize,
    pub(super) a_step: isize,
    /// Whole vectors are read from here, `columns` rounded up.
    pub(super) b: *const T,
    pub(super) b_step: isize,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    /// Columns that are stored.
    pub(super) columns: usize,
    pub(super) finish: Finish<T>,
}

dispatch! {
    /// Computes one tile of MR rows and V vectors.
    unsafe fn tile_at<T>[const MR: usize, const V: usize](tile: &Tile<T>) = tile_kernel;
}

/// Most rows of a tile at `level`. `f64`, which checks gradients, has fewer sizes to compile.
pub(super) const fn max_rows<T>(level: Level) -> usize {
    match level {
        Level::Avx512 | Level::Neon if size_of::<T>() == 4 => 12,
        _ => 6,
    }
}

/// Vectors of columns of a tile with `rows` rows: enough accumulators to hide the latency of the multiply-add.
pub(super) fn max_vectors(rows: usize) -> usize {
    match rows {
        1 => 8,
        2 | 3 => 4,
        _ => 2,
    }
}

/// Computes a tile of `rows` rows, at most [`max_rows`], and `vectors` vectors, a power of two at most [`max_vectors`].
///
/// # Safety
/// `level` is available; the elements of A, B (whole vectors), C and the biases that [`Tile`] names are valid, and C's
/// are nobody else's.
pub(super) unsafe fn run<T: Real>(level: Level, rows: usize, vectors: usize, tile: &Tile<T>) {
    macro_rules! choose {
        ($($rows:literal: $($vectors:literal)*;)*) => {
            match (rows, vectors) {
                $($(
                    // SAFETY: the caller's.
                    ($rows, $vectors) => unsafe { tile_at::<T, $rows, $vectors>(level, tile) },
                )*)*
                _ => unreachable!("gemm: no tile of {rows} rows and {vectors} vectors"),
            }
        };
    }
    choose! {
        1: 1 2 4 8; 2: 1 2 4; 3: 1 2 4; 4: 1 2; 5: 1 2; 6: 1 2;
        7: 1 2; 8: 1 2; 9: 1 2; 10: 1 2; 11: 1 2; 12: 1 2;
    }
}

/// The kernel behind [`run`].
///
/// # Safety
/// That of [`run`].
#[inline(always)]
unsafe fn tile_kernel<S: Simd, const MR: usize, const V: usize>(tile: &Tile<S::Scalar>) {
    // A constant block, so that tiles which are never chosen cost no code.
    if const { MR > max_rows::<S::Scalar>(S::LEVEL) } {
        unreachable!("gemm: no tile of {MR} rows at {}", S::LEVEL);
    }
    // SAFETY: the caller's; `r < MR` and `v < V` stay within the tile.
    unsafe {
        let mut acc = [[S::zero(); V]; MR];
        let mut b = tile.b;
        let (a_row, a_step, b_step) = (tile.a_row, tile.a_step, tile.b_step);
        // Three rows share an address: instructions that are not products count where a core is shared.
        let mut a = [tile.a; MR];
        unroll!(r < MR {
            a[r / 3] = in_register(tile.a.wrapping_offset(r as isize / 3 * 3 * a_row));
        });
        for _ in 0..tile.k {
            let mut row = [S::zero(); V];
            unroll!(v < V {
                row[v] = S::load(b.add(v * S::LANES));
            });
            unroll!(r < MR {
                let x = S::splat(*a[r / 3].offset((r % 3) as isize * a_row));
                unroll!(v < V {
                    acc[r][v] = S::fma(x, row[v], acc[r][v]);
                });
            });
            unroll!(r < MR {
                if r.is_multiple_of(3) {
                    a[r / 3] = a[r / 3].wrapping_offset(a_step);
                }
            });
            b = b.offset(b_step);
        }
        let Finish { accumulate, row_bias, column_bias, relu } = tile.finish;
        if tile.columns == V * S::LANES && !accumulate && row_bias.is_null() && column_bias.is_null() && !relu {
            unroll!(r < MR {
                unroll!(v < V {
                    S::store(tile.c.add(r * tile.c_row + v * S::LANES), acc[r][v]);
                });
            });
            return;
        }
        // The address of the array is taken from here on, which must not touch the accumulators of the loop above.
        let done = acc;
        finish_at(S::LEVEL, tile, done.as_ptr().cast(), [MR, V]);
    }
}

dispatch! {
    /// Stores the sums of a tile with all that [`Finish`] asks for: compiled once, not for each size of tile.
    unsafe fn finish_at<T>(tile: &Tile<T>, sums: *const T, sizes: [usize; 2]) = finish_kernel;
}

/// The kernel behind [`finish_at`].
///
/// # Safety
/// That of [`run`]; `sums` holds a tile's rows of vectors.
#[inline(always)]
unsafe fn finish_kernel<S: Simd>(tile: &Tile<S::Scalar>, sums: *const S::Scalar, [rows, vectors]: [usize; 2]) {
    let Finish { accumulate, row_bias, column_bias, relu } = tile.finish;
    for r in 0..rows {
        for v in 0..vectors {
            let count = tile.columns.saturating_sub(v * S::LANES).min(S::LANES);
            // SAFETY: the caller's; `count` columns of the vector exist.
            unsafe {
                let c = tile.c.add(r * tile.c_row + v * S::LANES);
                let mut y = S::load(sums.add((r * vectors + v) * S::LANES));
                if accumulate {
                    y = S::add(S::load_first(c, count), y);
                }
                if !row_bias.is_null() {
                    y = S::add(y, S::splat(*row_bias.add(r)));
                }
                if !column_bias.is_null() {
                    y = S::add(y, S::load_first(column_bias.add(v * S::LANES), count));
                }
                if relu {
                    y = S::max(S::zero(), y);
                }
                S::store_first(c, count, y);
            }
        }
    }
}
