//! The only intrinsics of gradus: one SIMD trait and its implementations, chosen once at run time.
