//! Loops over accumulators that are unrolled for certain: a `for` loop stops being unrolled past LLVM's threshold, which
//! sends the accumulators through memory and makes a kernel four times as slow.

/// Repeats a body with a constant index below `n`, a constant of at most 16.
macro_rules! each {
    ($n:expr, $i:ident => $body:expr) => {
        $crate::kernels::conv::unroll::each!(@ $n, $i => $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    // The condition is a constant block, so that no code is generated for the indices above.
    (@ $n:expr, $i:ident => $body:expr; $($at:literal)*) => {
        {$(if const { $at < $n } { let $i: usize = $at; $body })*}
    };
}

/// The same with at most 2 repetitions.
macro_rules! each_vector {
    ($n:expr, $i:ident => $body:expr) => {
        $crate::kernels::conv::unroll::each!(@ $n, $i => $body; 0 1)
    };
}

/// The same with at most 4 repetitions.
macro_rules! each_of_four {
    ($n:expr, $i:ident => $body:expr) => {
        $crate::kernels::conv::unroll::each!(@ $n, $i => $body; 0 1 2 3)
    };
}

/// The same with at most 8 repetitions.
macro_rules! each_of_eight {
    ($n:expr, $i:ident => $body:expr) => {
        $crate::kernels::conv::unroll::each!(@ $n, $i => $body; 0 1 2 3 4 5 6 7)
    };
}

pub(super) use {each, each_of_eight, each_of_four, each_vector};
